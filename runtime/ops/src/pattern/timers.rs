//! Which keys have to be looked at again when time has come to some point.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, TimestampMillisecondArray, UInt32Array};
use arrow::compute::take_arrays;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use sabot_core::plan::{PatternDesc, PlanNode};
use sabot_core::state::{FrozenState, StateBackend, StateSpec};
use sabot_core::{Cx, Result};
use sabot_types::{EventTime, OperatorUid};

use crate::OperatorConfig;
use crate::keyed::{Keys, UniqueKeys};
use crate::over::buffer::{self, Buffer};

/// The state's name.
const STATE_NAME: &str = "deadlines";

pub(super) struct Timers {
    keys: Keys,
    schema: SchemaRef,
    waiting: Buffer,
    /// Before this time no key is looked at.
    first: i64,
}

/// The keys, then the time.
fn schema(desc: &PatternDesc, input: &SchemaRef) -> SchemaRef {
    let keys = desc.keys.iter().map(|key| input.field(*key).clone());
    let time = Field::new("deadline", DataType::Timestamp(TimeUnit::Millisecond, None), false);
    Arc::new(Schema::new(keys.chain([time]).collect::<Vec<_>>()))
}

fn keys(desc: &PatternDesc) -> Vec<usize> {
    (0..desc.keys.len()).collect()
}

/// Describes the state.
pub(super) fn state_spec(
    operator: &OperatorUid,
    desc: &PatternDesc,
    input: &SchemaRef,
) -> StateSpec {
    let schema = schema(desc, input);
    buffer::state_spec((operator, STATE_NAME), &keys(desc), desc.keys.len(), &schema)
}

impl Timers {
    pub(super) fn open(
        node: &PlanNode,
        desc: &PatternDesc,
        input: &SchemaRef,
        config: &OperatorConfig,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        let (schema, keys) = (schema(desc, input), keys(desc));
        let of = (&node.uid, STATE_NAME);
        let waiting = Buffer::open(of, &keys, desc.keys.len(), &schema, state)?;
        let first = waiting.first_time().unwrap_or(i64::MAX);
        Ok(Self { keys: Keys::new(node, &keys, &schema, config)?, schema, waiting, first })
    }

    /// Has keys, by number, looked at when time has come so far.
    pub(super) fn add(
        &mut self,
        keys: &UniqueKeys,
        wakes: &[(usize, i64)],
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        if wakes.is_empty() {
            return Ok(());
        }
        let which = UInt32Array::from_iter_values(wakes.iter().map(|(key, _)| *key as u32));
        let mut columns = take_arrays(&keys.columns, &which, None)?;
        let times = TimestampMillisecondArray::from_iter_values(wakes.iter().map(|(_, at)| *at));
        columns.push(Arc::new(times) as ArrayRef);
        self.first = wakes.iter().map(|(_, at)| *at).min().unwrap_or(i64::MAX).min(self.first);
        self.waiting.add(RecordBatch::try_new(Arc::clone(&self.schema), columns)?, &self.keys, cx)
    }

    /// Some keys whose time has come, up to `time`; none when there are no more.
    pub(super) fn due(&mut self, time: EventTime, cx: &mut Cx<'_>) -> Result<Option<UniqueKeys>> {
        while self.first <= time.millis() {
            let (until, due) = self.waiting.next_due(time, cx)?;
            self.first = self.waiting.first_time().unwrap_or(i64::MAX);
            if let Some(due) = due {
                return self.keys.of(&due).map(Some);
            }
            if until == time {
                return Ok(None);
            }
        }
        Ok(None)
    }

    pub(super) fn snapshot(&mut self, cx: &mut Cx<'_>) -> Result<Box<dyn FrozenState>> {
        self.waiting.snapshot(&self.keys, cx)
    }
}
