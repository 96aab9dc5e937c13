//! The numbers that tell the rows of a key apart: each is given once in the life of the job.
//!
//! A subtask counts for all its rows and stores the count for each of its key groups, so that
//! whoever owns a group next goes on above all numbers that rows of the group have.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BinaryArray, Int64Array};
use arrow::datatypes::{DataType, Int64Type};
use sabot_core::state::{FrozenState, Namespace, StateBackend, StateField, StateHandle, StateSpec};
use sabot_core::{Cx, Result};
use sabot_types::{KeyGroup, KeyGroupRange, OperatorUid};

use crate::codec::RowCodec;

/// The state's name.
const STATE_NAME: &str = "numbers";

pub(super) struct Numbers {
    state: StateHandle,
    codec: RowCodec,
    range: KeyGroupRange,
    next: i64,
    /// What the backend has.
    written: i64,
}

/// The state's description.
pub(super) fn state_spec(operator: &OperatorUid) -> StateSpec {
    let next = StateField { name: "next".to_owned(), data_type: DataType::Int64.to_string() };
    StateSpec {
        operator: operator.clone(),
        name: STATE_NAME.to_owned(),
        key: Vec::new(),
        value: vec![next],
        namespace: "none".to_owned(),
    }
}

impl Numbers {
    pub(super) fn open(
        spec: &StateSpec,
        range: KeyGroupRange,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        let handle = state.open(spec)?;
        let codec = RowCodec::new([DataType::Int64])?;
        let mut next = 0;
        state.scan(handle, Namespace::ONLY, 1024, &mut |rows| {
            let stored = codec.decode(&rows.values)?.swap_remove(0);
            let highest = stored.as_primitive::<Int64Type>().values().iter().copied().max();
            next = highest.unwrap_or(0).max(next);
            Ok(())
        })?;
        Ok(Self { state: handle, codec, range, next, written: next })
    }

    /// A number that no row has.
    pub(super) fn next(&mut self) -> i64 {
        self.next += 1;
        self.next - 1
    }

    /// Brings the count to the backend.
    pub(super) fn snapshot(&mut self, cx: &mut Cx<'_>) -> Result<Box<dyn FrozenState>> {
        if self.written != self.next {
            let groups: Vec<_> =
                (self.range.start()..self.range.end()).map(KeyGroup::new).collect();
            let next: ArrayRef = Arc::new(Int64Array::from(vec![self.next; groups.len()]));
            let keys = BinaryArray::from_iter_values(groups.iter().map(|_| b""));
            let values = self.codec.encode(&[next], groups.len())?;
            cx.state.put(self.state, Namespace::ONLY, &groups, &keys, &values)?;
            self.written = self.next;
        }
        cx.state.freeze(self.state)
    }
}
