//! The numbers that tell the rows of a key apart: each is given once in the life of the job.
//!
//! A subtask counts for all its rows and stores the count for each of its key groups, so that
//! whoever owns a group next goes on above all numbers that rows of the group have.

use sabot_core::state::{FrozenState, StateBackend, StateSpec};
use sabot_core::{Cx, Result};
use sabot_types::{KeyGroupRange, OperatorUid};

use crate::group_record::{self, GroupRecord};

/// The state's name.
const STATE_NAME: &str = "numbers";

pub(super) struct Numbers {
    record: GroupRecord,
    range: KeyGroupRange,
    next: i64,
    /// What the backend has.
    written: i64,
}

/// The state's description.
pub(super) fn state_spec(operator: &OperatorUid) -> StateSpec {
    group_record::state_spec(operator, STATE_NAME, "next", "none".to_owned())
}

impl Numbers {
    pub(super) fn open(
        spec: &StateSpec,
        range: KeyGroupRange,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        let record = GroupRecord::open(spec, range, state)?;
        let next = record.read(state)?.into_iter().flatten().max().unwrap_or(0);
        Ok(Self { record, range, next, written: next })
    }

    /// A number that no row has.
    pub(super) fn next(&mut self) -> i64 {
        self.next += 1;
        self.next - 1
    }

    /// Brings the count to the backend.
    pub(super) fn snapshot(&mut self, cx: &mut Cx<'_>) -> Result<Box<dyn FrozenState>> {
        if self.written != self.next {
            let groups = self.range.start()..self.range.end();
            self.record.write(groups.map(|_| self.next).collect(), cx)?;
            self.written = self.next;
        }
        self.record.freeze(cx)
    }
}
