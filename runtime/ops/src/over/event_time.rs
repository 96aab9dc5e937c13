//! Rows that only come, in the order of their times: each is answered once the watermark has
//! passed it.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use sabot_core::plan::{OverDesc, PlanNode};
use sabot_core::state::StateBackend;
use sabot_core::{Cx, Element, Operator, OperatorSnapshot, Result};
use sabot_types::EventTime;

use super::answers::Answers;
use super::buffer::{Buffer, WAITING};
use crate::OperatorConfig;
use crate::due::{Due, Late, Ties};
use crate::keyed::Keys;
use crate::times::row_times;
use crate::window::progress::{self, Progress};

/// What the namespaces of the watermarks' state mean.
pub(super) const PROGRESS: &str = "over";

pub(super) struct EventTimeOver {
    name: String,
    keys: Keys,
    row_time: usize,
    ties: Option<Ties>,
    buffer: Buffer,
    answers: Answers,
    progress: Progress,
    watermark: EventTime,
}

impl EventTimeOver {
    pub(super) fn new(
        node: &PlanNode,
        desc: &OverDesc,
        row_time: usize,
        input: &SchemaRef,
        config: &OperatorConfig,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        let answers = Answers::open(node, desc, row_time, input, config, state)?;
        let watermarks = progress::spec(&node.uid, PROGRESS.to_owned());
        Ok(Self {
            name: node.name.clone(),
            keys: Keys::new(node, &desc.keys, input, config)?,
            row_time,
            ties: Ties::new(desc.order.get(1..).unwrap_or_default(), input)?,
            buffer: Buffer::open((&node.uid, WAITING), &desc.keys, row_time, input, state)?,
            answers,
            progress: Progress::open(&watermarks, config.key_range, state)?,
            watermark: config.restored_watermark.unwrap_or(EventTime::MIN),
        })
    }

    /// Answers all rows up to `watermark`.
    fn answer_due(&mut self, watermark: EventTime, cx: &mut Cx<'_>) -> Result<()> {
        loop {
            let (time, rows) = self.buffer.next_due(watermark, cx)?;
            if let Some(rows) = rows {
                let due = self.sorted(&rows)?;
                self.answers.answer(&due, time, cx)?;
            }
            if time == watermark {
                return Ok(());
            }
        }
    }

    fn sorted(&self, rows: &RecordBatch) -> Result<Due> {
        let times = row_times(rows, self.row_time)?.values();
        Due::sorted(rows, &self.keys, times, self.ties.as_ref())
    }
}

impl Operator for EventTimeOver {
    fn process(&mut self, _port: usize, batch: RecordBatch, cx: &mut Cx<'_>) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let late = Late { watermark: self.watermark, progress: &self.progress };
        let batch = late.without(batch, self.row_time, (&self.keys, &self.name), cx)?;
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.buffer.add(batch, &self.keys, cx)
    }

    fn watermark(&mut self, watermark: EventTime, cx: &mut Cx<'_>) -> Result<()> {
        self.answer_due(watermark, cx)?;
        self.answers.expire(watermark, cx)?;
        self.watermark = self.watermark.max(watermark);
        cx.emit(Element::Watermark(watermark));
        Ok(())
    }

    fn snapshot(&mut self, cx: &mut Cx<'_>) -> Result<OperatorSnapshot> {
        let mut keyed = vec![self.buffer.snapshot(&self.keys, cx)?];
        keyed.extend(self.answers.snapshot(cx)?);
        keyed.push(self.progress.snapshot(self.watermark, cx)?);
        Ok(OperatorSnapshot::behind(self.watermark, keyed))
    }
}
