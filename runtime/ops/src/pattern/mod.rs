//! Rows that match a pattern, one right after the other: `MATCH_RECOGNIZE`.
//!
//! Rows wait until the watermark has passed them, or are answered as they come. Then they are brought
//! to the runs of their keys (`runs`) through the states of the pattern (`automaton`), and what is
//! asked of runs is computed for many at once (`matcher`, `values`).

mod automaton;
mod matcher;
mod queue;
mod runs;
mod stored;
mod timers;
mod values;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use sabot_core::plan::{PatternDesc, PlanNode};
use sabot_core::state::{StateBackend, StateSpec};
use sabot_core::{Cx, Element, Error, Operator, OperatorSnapshot, Result};
use sabot_types::{EventTime, OperatorUid};

use self::matcher::{Answer, Matcher};
use self::timers::Timers;
use crate::OperatorConfig;
use crate::due::{Due, Late, Ties};
use crate::emit::emit_in_parts;
use crate::keyed::{Keys, UniqueKeys};
use crate::over::buffer::{self, Buffer, WAITING};
use crate::times::{check_row_time, row_times};
use crate::window::progress::{self, Progress};

/// What the namespaces of the watermarks' state mean.
const PROGRESS: &str = "pattern";

/// The states of the operator.
pub(crate) fn state_specs(
    operator: &OperatorUid,
    desc: &PatternDesc,
    input: &SchemaRef,
) -> Vec<StateSpec> {
    let mut specs = vec![matcher::state_spec(operator, desc, input)];
    specs.extend(desc.within_ms.map(|_| timers::state_spec(operator, desc, input)));
    if let Some(row_time) = desc.row_time {
        specs.push(buffer::state_spec((operator, WAITING), &desc.keys, row_time, input));
        specs.push(progress::spec(operator, PROGRESS.to_owned()));
    }
    specs
}

/// Builds the operator.
pub(crate) fn build(
    node: &PlanNode,
    desc: &PatternDesc,
    input: &SchemaRef,
    config: &OperatorConfig,
    state: &mut dyn StateBackend,
) -> Result<Box<dyn Operator>> {
    check(node, desc, input)?;
    let found = Found {
        keys: Keys::new(node, &desc.keys, input, config)?,
        matcher: Matcher::open(node, desc, input, state)?,
        timers: desc
            .within_ms
            .map(|_| Timers::open(node, desc, input, config, state))
            .transpose()?,
        max_batch_rows: config.max_batch_rows.max(1),
    };
    let Some(row_time) = desc.row_time else {
        let ties = Ties::new(&desc.order, input)?;
        return Ok(Box::new(AsTheyCome { found, ties, now_ms: i64::MIN }));
    };
    check_row_time(&node.name, input, row_time)?;
    let watermarks = progress::spec(&node.uid, PROGRESS.to_owned());
    Ok(Box::new(ByRowTime {
        name: node.name.clone(),
        found,
        row_time,
        ties: Ties::new(desc.order.get(1..).unwrap_or_default(), input)?,
        buffer: Buffer::open((&node.uid, WAITING), &desc.keys, row_time, input, state)?,
        progress: Progress::open(&watermarks, config.key_range, state)?,
        watermark: config.restored_watermark.unwrap_or(EventTime::MIN),
    }))
}

/// Finds matches and emits them.
struct Found {
    keys: Keys,
    matcher: Matcher,
    timers: Option<Timers>,
    max_batch_rows: usize,
}

impl Found {
    fn rows(&mut self, due: &Due, until: EventTime, cx: &mut Cx<'_>) -> Result<()> {
        let answer = self.matcher.rows(due, until.millis(), cx)?;
        self.give(&due.keys, &answer, cx)
    }

    /// Time has come to `time`.
    fn wake(&mut self, time: EventTime, cx: &mut Cx<'_>) -> Result<()> {
        while let Some(timers) = &mut self.timers
            && let Some(keys) = timers.due(time, cx)?
        {
            let answer = self.matcher.woken(&keys, time.millis(), cx)?;
            self.give(&keys, &answer, cx)?;
        }
        Ok(())
    }

    fn give(&mut self, keys: &UniqueKeys, answer: &Answer, cx: &mut Cx<'_>) -> Result<()> {
        if let Some(timers) = &mut self.timers {
            timers.add(keys, &answer.wakes, cx)?;
        }
        emit_in_parts(&answer.matches, self.max_batch_rows, cx);
        Ok(())
    }

    fn snapshot(&mut self, cx: &mut Cx<'_>) -> Result<OperatorSnapshot> {
        let mut keyed = vec![self.matcher.snapshot(cx)?];
        if let Some(timers) = &mut self.timers {
            keyed.push(timers.snapshot(cx)?);
        }
        Ok(OperatorSnapshot { keyed, watermark: None })
    }
}

/// Rows in the order of their event times.
struct ByRowTime {
    name: String,
    found: Found,
    row_time: usize,
    ties: Option<Ties>,
    buffer: Buffer,
    progress: Progress,
    watermark: EventTime,
}

impl Operator for ByRowTime {
    fn process(&mut self, _port: usize, batch: RecordBatch, cx: &mut Cx<'_>) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let late = Late { watermark: self.watermark, progress: &self.progress };
        let batch = late.without(batch, self.row_time, (&self.found.keys, &self.name), cx)?;
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.buffer.add(batch, &self.found.keys, cx)
    }

    fn watermark(&mut self, watermark: EventTime, cx: &mut Cx<'_>) -> Result<()> {
        loop {
            let (time, rows) = self.buffer.next_due(watermark, cx)?;
            if let Some(rows) = rows {
                let times = row_times(&rows, self.row_time)?.values();
                let due = Due::sorted(&rows, &self.found.keys, times, self.ties.as_ref())?;
                self.found.rows(&due, time, cx)?;
            }
            if time == watermark {
                break;
            }
        }
        self.found.wake(watermark, cx)?;
        self.watermark = self.watermark.max(watermark);
        cx.emit(Element::Watermark(watermark));
        Ok(())
    }

    fn snapshot(&mut self, cx: &mut Cx<'_>) -> Result<OperatorSnapshot> {
        let OperatorSnapshot { mut keyed, .. } = self.found.snapshot(cx)?;
        keyed.push(self.buffer.snapshot(&self.found.keys, cx)?);
        keyed.push(self.progress.snapshot(self.watermark, cx)?);
        Ok(OperatorSnapshot::behind(self.watermark, keyed))
    }
}

/// Rows in the order in which they come; their time is that of their coming.
struct AsTheyCome {
    found: Found,
    /// Of rows that come at once.
    ties: Option<Ties>,
    /// The time, which does not go back.
    now_ms: i64,
}

impl AsTheyCome {
    fn now(&mut self, cx: &Cx<'_>) -> EventTime {
        self.now_ms = self.now_ms.max(cx.now_ms);
        EventTime::from_millis(self.now_ms)
    }
}

impl Operator for AsTheyCome {
    fn process(&mut self, _port: usize, batch: RecordBatch, cx: &mut Cx<'_>) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let now = self.now(cx);
        let times = vec![now.millis(); batch.num_rows()];
        let due = Due::sorted(&batch, &self.found.keys, &times, self.ties.as_ref())?;
        self.found.rows(&due, now, cx)
    }

    fn processing_time(&mut self, cx: &mut Cx<'_>) -> Result<()> {
        let now = self.now(cx);
        self.found.wake(now, cx)
    }

    fn snapshot(&mut self, cx: &mut Cx<'_>) -> Result<OperatorSnapshot> {
        self.found.snapshot(cx)
    }
}

/// Checks the types of what is planned.
fn check(node: &PlanNode, desc: &PatternDesc, input: &SchemaRef) -> Result<()> {
    let keys = desc.keys.iter().map(|key| input.field(*key).data_type());
    let made: Vec<_> = keys.chain(desc.measures.iter().map(|m| &m.data_type)).collect();
    let planned: Vec<_> = node.schema.fields().iter().map(|field| field.data_type()).collect();
    if made == planned {
        return Ok(());
    }
    Err(Error::user(format!(
        "operator {}: columns of types {planned:?} are planned, it makes {made:?}",
        node.name
    )))
}

#[cfg(test)]
mod tests;
