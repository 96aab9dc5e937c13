//! The numbers of an operator's rows, each given once in the life of the job: they tell the rows of
//! a key apart, or in which order they came.
//!
//! A subtask counts for all its rows and stores the count for each of its key groups, so that
//! whoever owns a group next goes on above all numbers that rows of the group have.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use sabot_core::state::{FrozenState, StateBackend, StateSpec};
use sabot_core::{Cx, Result};
use sabot_types::{KeyGroupRange, OperatorUid};

use crate::group_record::{self, GroupRecord};

/// The state's name.
const STATE_NAME: &str = "numbers";

pub(crate) struct Numbers {
    record: GroupRecord,
    range: KeyGroupRange,
    next: i64,
    /// What the backend has.
    written: i64,
}

/// The state's description.
pub(crate) fn state_spec(operator: &OperatorUid) -> StateSpec {
    group_record::state_spec(operator, STATE_NAME, "next", "none".to_owned())
}

impl Numbers {
    pub(crate) fn open(
        spec: &StateSpec,
        range: KeyGroupRange,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        let record = GroupRecord::open(spec, range, state)?;
        let next = record.read(state)?.into_iter().flatten().max().unwrap_or(0);
        Ok(Self { record, range, next, written: next })
    }

    /// A number that no row has.
    pub(crate) fn next(&mut self) -> i64 {
        self.next += 1;
        self.next - 1
    }

    /// The numbers of rows that come now.
    pub(crate) fn take(&mut self, rows: usize) -> ArrayRef {
        let first = self.next;
        self.next += rows as i64;
        Arc::new(Int64Array::from_iter_values(first..self.next))
    }

    /// Brings the count to the backend.
    pub(crate) fn snapshot(&mut self, cx: &mut Cx<'_>) -> Result<Box<dyn FrozenState>> {
        if self.written != self.next {
            let groups = self.range.start()..self.range.end();
            self.record.write(groups.map(|_| self.next).collect(), cx)?;
            self.written = self.next;
        }
        self.record.freeze(cx)
    }
}
