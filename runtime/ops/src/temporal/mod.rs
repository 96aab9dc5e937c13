//! Joins rows with the versions that a table had at their time.
//!
//! A left row waits until the watermark has passed its time: then the versions up to there are
//! known, and it is answered once and for all by the last of its key. Of a key's versions the last
//! one that the watermark has passed stays, and those after it; what is older no row can ask for.
//!
//! A key of the table that goes has no version from the time of the row that says so. A left row that
//! goes takes with it what it was answered with.

mod versions;
mod waiting;

use arrow::array::{Array, AsArray, RecordBatch, TimestampMillisecondArray};
use arrow::datatypes::{DataType, SchemaRef, TimeUnit, TimestampMillisecondType};
use sabot_core::plan::{PlanNode, TemporalJoinDesc};
use sabot_core::state::{StateBackend, StateSpec, number};
use sabot_core::{Cx, Element, Error, Operator, OperatorSnapshot, Result};
use sabot_types::EventTime;

use crate::OperatorConfig;
use crate::answered::{self, Left};
use crate::keyed::{Keys, with_all};
use crate::pairing::{Pairing, Pairs};
use versions::Versions;
use waiting::Waiting;

pub(crate) struct TemporalJoin {
    left_keys: Keys,
    waiting: Waiting,
    right_keys: Keys,
    right_key_columns: Vec<usize>,
    versions: Versions,
    /// Where both sides have their time from.
    times: [TimeColumn; 2],
    pairing: Pairing,
    /// Up to where all rows are answered, but for those that come late.
    watermark: EventTime,
    max_batch_rows: usize,
}

/// A row-time column.
struct TimeColumn {
    index: usize,
    name: String,
}

fn left<'a>(desc: &'a TemporalJoinDesc, inputs: &'a [SchemaRef]) -> Left<'a> {
    Left { input: &inputs[0], keys: &desc.keys[0], ttl_ms: desc.ttl_ms }
}

/// The states of both sides, and of left rows that can go.
pub(crate) fn state_specs(
    node: &PlanNode,
    desc: &TemporalJoinDesc,
    inputs: &[SchemaRef],
) -> Vec<StateSpec> {
    let mut specs = vec![
        waiting::state_spec(&node.uid, &desc.keys[0], &inputs[0]),
        versions::state_spec(&node.uid, &desc.keys[1], &inputs[1]),
    ];
    specs.extend(answered::state_spec(node, left(desc, inputs)));
    specs
}

impl TemporalJoin {
    pub(crate) fn new(
        node: &PlanNode,
        desc: &TemporalJoinDesc,
        inputs: &[SchemaRef],
        config: &OperatorConfig,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        let [left_input, right] = inputs else {
            return Err(Error::user(format!("operator {}: it needs two inputs", node.name)));
        };
        let specs = state_specs(node, desc, inputs);
        let (waiting, versions) = (state.open(&specs[0])?, state.open(&specs[1])?);
        // A time stands behind the key.
        state.expect_prefixes(versions, number::BYTES);
        let times = [
            TimeColumn::new(node, left_input, desc.times[0])?,
            TimeColumn::new(node, right, desc.times[1])?,
        ];
        let condition = desc.condition.as_ref();
        Ok(Self {
            left_keys: Keys::new(node, &desc.keys[0], left_input, config)?,
            waiting: Waiting::new(left_input, &desc.keys[0], waiting, state)?,
            right_keys: Keys::new(node, &desc.keys[1], right, config)?,
            right_key_columns: desc.keys[1].clone(),
            versions: Versions::new(right, versions)?,
            times,
            pairing: Pairing::new(node, desc.kind, condition, left(desc, inputs), config, state)?,
            watermark: EventTime::MIN,
            max_batch_rows: config.max_batch_rows.max(1),
        })
    }

    /// Answers left rows whose time is not behind `watermark`, some of all.
    fn answer(&self, batch: &RecordBatch, watermark: EventTime, cx: &mut Cx<'_>) -> Result<()> {
        let times = self.times[0].of(batch)?;
        let keys = self.left_keys.of(batch)?;
        let found = self.versions.find(&keys, watermark, self.watermark, cx)?;
        let mut answer = self.pairing.answer(batch);
        let mut pairs = Pairs::default();
        for (row, (key, time)) in keys.of_row.iter().zip(times.values()).enumerate() {
            if answer.comes(row)
                && let Some(version) = found.at(*key, *time)
            {
                pairs.push(row, version);
            }
        }
        answer.emit(pairs, &found.columns, cx)?;
        answer.finish(cx)
    }
}

impl TimeColumn {
    fn new(node: &PlanNode, input: &SchemaRef, index: usize) -> Result<Self> {
        let field = input.field(index);
        if !matches!(field.data_type(), DataType::Timestamp(TimeUnit::Millisecond, _)) {
            return Err(Error::user(format!(
                "operator {}: row-time column {} is of type {}: it must be a TIMESTAMP(3)",
                node.name,
                field.name(),
                field.data_type()
            )));
        }
        Ok(Self { index, name: field.name().clone() })
    }

    /// The times of a batch's rows, none of them null.
    fn of<'a>(&self, batch: &'a RecordBatch) -> Result<&'a TimestampMillisecondArray> {
        let times = batch.column(self.index).as_primitive::<TimestampMillisecondType>();
        if times.null_count() > 0 {
            return Err(Error::user(format!(
                "row-time column {} holds a null: every row must have an event time; filter such \
                 rows out with WHERE {} IS NOT NULL",
                self.name, self.name
            )));
        }
        Ok(times)
    }
}

impl Operator for TemporalJoin {
    fn process(&mut self, port: usize, batch: RecordBatch, cx: &mut Cx<'_>) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        if port == 0 {
            let times = self.times[port].of(&batch)?.clone();
            self.waiting.push(batch, &times);
            return Ok(());
        }
        // A null is equal to nothing, and the version that replaces another says from when on.
        let batch = versions::without_replaced(with_all(&self.right_key_columns, batch)?)?;
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let times = self.times[port].of(&batch)?;
        let keys = self.right_keys.of(&batch)?;
        self.versions.note(&keys, times, &batch, self.watermark, cx)
    }

    fn watermark(&mut self, watermark: EventTime, cx: &mut Cx<'_>) -> Result<()> {
        let due = self.waiting.take_due(watermark, &self.times[0], self.max_batch_rows, cx)?;
        for batch in due {
            self.answer(&batch, watermark, cx)?;
        }
        self.watermark = self.watermark.max(watermark);
        cx.emit(Element::Watermark(watermark));
        Ok(())
    }

    fn snapshot(&mut self, cx: &mut Cx<'_>) -> Result<OperatorSnapshot> {
        self.waiting.flush(&self.left_keys, &self.times[0], cx)?;
        let states = [self.waiting.state(), self.versions.state()];
        let states = states.into_iter().chain(self.pairing.state());
        let keyed = states.map(|state| cx.state.freeze(state)).collect::<Result<_>>()?;
        Ok(OperatorSnapshot { keyed, watermark: None })
    }
}

#[cfg(test)]
mod tests;
