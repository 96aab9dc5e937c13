//! Operators between source and sink.

use arrow::array::RecordBatch;
use sabot_types::EventTime;

use crate::metrics::OperatorMetrics;
use crate::state::{FrozenState, StateBackend};
use crate::{Element, Result};

/// One subtask of an operator. It runs on one thread and owns the state of its key groups.
///
/// Barriers, alignment and the end of input are the tasklet's part: it calls [`Self::snapshot`]
/// between the rows before and after a barrier, and a watermark of [`EventTime::MAX`] at the end.
pub trait Operator: Send {
    /// Processes rows of the input at `port` (0 where there is only one) and emits what follows
    /// from them.
    fn process(&mut self, port: usize, batch: RecordBatch, cx: &mut Cx<'_>) -> Result<()>;

    /// Event time has come to `watermark` on all inputs: fires what is due, then passes the watermark on.
    /// Watermarks never go back.
    fn watermark(&mut self, watermark: EventTime, cx: &mut Cx<'_>) -> Result<()> {
        cx.emit(Element::Watermark(watermark));
        Ok(())
    }

    /// All inputs send nothing for now and hold back no watermark: passes that on.
    fn idle(&mut self, cx: &mut Cx<'_>) -> Result<()> {
        cx.emit(Element::Idle);
        Ok(())
    }

    /// The clock has gone on to [`Cx::now_ms`]: does what is due by processing time. Called in
    /// every turn, at least every few milliseconds while the operator can emit.
    fn processing_time(&mut self, cx: &mut Cx<'_>) -> Result<()> {
        let _ = cx;
        Ok(())
    }

    /// Brings all state into the backend and freezes it as it is now. Cheap: encoding and
    /// upload happen in the background.
    fn snapshot(&mut self, cx: &mut Cx<'_>) -> Result<OperatorSnapshot> {
        let _ = cx;
        Ok(OperatorSnapshot::default())
    }
}

/// What an operator gives to a checkpoint.
#[derive(Default)]
pub struct OperatorSnapshot {
    /// Keyed state, frozen.
    pub keyed: Vec<Box<dyn FrozenState>>,
    /// The operator's watermark, when it has to know it after a restore.
    pub watermark: Option<EventTime>,
}

impl OperatorSnapshot {
    /// That of an operator which has to know its watermark; before the first one it has none.
    pub fn behind(watermark: EventTime, keyed: Vec<Box<dyn FrozenState>>) -> Self {
        Self { keyed, watermark: (watermark > EventTime::MIN).then_some(watermark) }
    }
}

/// What an operator may use while it runs.
pub struct Cx<'a> {
    out: &'a mut Vec<Element>,
    /// Where late rows go; none: they are dropped.
    late: Option<&'a mut Vec<RecordBatch>>,
    /// The slot's state backend.
    pub state: &'a mut dyn StateBackend,
    /// The operator's counters.
    pub metrics: &'a OperatorMetrics,
    /// Processing time: when this turn began, milliseconds since the Unix epoch. It can go back,
    /// as wall clocks do.
    pub now_ms: i64,
}

impl<'a> Cx<'a> {
    /// Collects what an operator emits at `now_ms` into `out`.
    pub fn new(
        out: &'a mut Vec<Element>,
        state: &'a mut dyn StateBackend,
        metrics: &'a OperatorMetrics,
        now_ms: i64,
    ) -> Self {
        Self { out, late: None, state, metrics, now_ms }
    }

    /// The same, with a place for rows that come too late.
    #[must_use]
    pub fn keeping_late(self, late: &'a mut Vec<RecordBatch>) -> Self {
        Self { late: Some(late), ..self }
    }

    /// Whether late rows go anywhere.
    pub fn keeps_late(&self) -> bool {
        self.late.is_some()
    }

    /// Drops late rows of the input, or sends them to where such go.
    pub fn late(&mut self, rows: RecordBatch) {
        if let Some(late) = &mut self.late {
            late.push(rows);
        }
    }

    /// Sends an element to the operators that follow.
    pub fn emit(&mut self, element: Element) {
        self.out.push(element);
    }
}
