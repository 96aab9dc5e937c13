//! The numbers of rows in the order in which they come to an operator, for aggregates to which it
//! makes a difference.
//!
//! All rows of a key come to one subtask; whoever owns its key group after a restore goes on behind
//! the numbers that were given.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use sabot_core::plan::WindowAggregateDesc;
use sabot_core::state::{FrozenState, StateBackend, StateSpec};
use sabot_core::{Cx, Result};
use sabot_types::{KeyGroupRange, OperatorUid};

use crate::group_record::{self, GroupRecord};

/// The state's name within the operator.
const STATE_NAME: &str = "numbers";

pub(super) struct Numbers {
    record: GroupRecord,
    range: KeyGroupRange,
    /// The next row's.
    next: i64,
    /// What the backend has.
    written: i64,
}

/// Describes the state; none where the order makes no difference.
pub(super) fn state_spec(operator: &OperatorUid, desc: &WindowAggregateDesc) -> Option<StateSpec> {
    let ordered = desc.aggregates.iter().any(|aggregate| aggregate.function.is_ordered());
    ordered.then(|| group_record::state_spec(operator, STATE_NAME, "next", "none".to_owned()))
}

impl Numbers {
    /// Those of an operator; none where the order makes no difference.
    pub(super) fn of(
        operator: &OperatorUid,
        desc: &WindowAggregateDesc,
        range: KeyGroupRange,
        state: &mut dyn StateBackend,
    ) -> Result<Option<Self>> {
        let Some(spec) = state_spec(operator, desc) else { return Ok(None) };
        let record = GroupRecord::open(&spec, range, state)?;
        let next = record.read(state)?.into_iter().flatten().max().unwrap_or(0);
        Ok(Some(Self { record, range, next, written: 0 }))
    }

    /// The numbers of rows that come now.
    pub(super) fn take(&mut self, rows: usize) -> ArrayRef {
        let first = self.next;
        self.next += rows as i64;
        Arc::new(Int64Array::from_iter_values(first..self.next))
    }

    /// Brings the next number to the backend.
    pub(super) fn snapshot(&mut self, cx: &mut Cx<'_>) -> Result<Box<dyn FrozenState>> {
        if self.written != self.next {
            let groups = usize::from(self.range.end() - self.range.start());
            self.record.write(vec![self.next; groups], cx)?;
            self.written = self.next;
        }
        self.record.freeze(cx)
    }
}
