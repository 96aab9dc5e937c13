//! One number for each key group, as a state: what a subtask has to know again after a restore, and
//! whoever owns a group then.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BinaryArray, Int64Array};
use arrow::datatypes::{DataType, Int64Type};
use sabot_core::state::{
    FrozenState, Namespace, StateBackend, StateField, StateHandle, StateSpec, ValueEncoding,
};
use sabot_core::{Cx, Result};
use sabot_types::{KeyGroup, KeyGroupRange, OperatorUid};

use crate::codec::RowCodec;

pub(crate) struct GroupRecord {
    state: StateHandle,
    codec: RowCodec,
    range: KeyGroupRange,
}

/// The state's description; `value` names the number.
pub(crate) fn state_spec(
    operator: &OperatorUid,
    name: &str,
    value: &str,
    namespace: String,
) -> StateSpec {
    let value = StateField { name: value.to_owned(), data_type: DataType::Int64.to_string() };
    StateSpec {
        operator: operator.clone(),
        name: name.to_owned(),
        key: Vec::new(),
        value: vec![value],
        namespace,
        ttl_ms: None,
        encoding: ValueEncoding::Sortable,
    }
}

impl GroupRecord {
    pub(crate) fn open(
        spec: &StateSpec,
        range: KeyGroupRange,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        Ok(Self { state: state.open(spec)?, codec: RowCodec::new([DataType::Int64])?, range })
    }

    /// The numbers that are stored, from the range's first group on; none where there is none.
    pub(crate) fn read(&self, state: &mut dyn StateBackend) -> Result<Vec<Option<i64>>> {
        let Self { range, .. } = *self;
        let groups = usize::from(range.end().saturating_sub(range.start()));
        let mut numbers = vec![None; groups];
        state.scan(self.state, Namespace::ONLY, groups.max(1), &mut |rows| {
            let stored = self.codec.decode(&rows.values)?.swap_remove(0);
            for (group, number) in
                rows.groups.iter().zip(stored.as_primitive::<Int64Type>().values())
            {
                if range.contains(*group) {
                    numbers[usize::from(group.index() - range.start())] = Some(*number);
                }
            }
            Ok(())
        })?;
        Ok(numbers)
    }

    /// Brings the numbers of all groups of the range to the backend.
    pub(crate) fn write(&self, numbers: Vec<i64>, cx: &mut Cx<'_>) -> Result<()> {
        let groups: Vec<_> = (self.range.start()..self.range.end()).map(KeyGroup::new).collect();
        let numbers: ArrayRef = Arc::new(Int64Array::from(numbers));
        let keys = BinaryArray::from_iter_values(groups.iter().map(|_| b""));
        let values = self.codec.encode(&[numbers], groups.len())?;
        cx.state.put(self.state, Namespace::ONLY, &groups, &keys, &values)
    }

    pub(crate) fn freeze(&self, cx: &mut Cx<'_>) -> Result<Box<dyn FrozenState>> {
        cx.state.freeze(self.state)
    }
}
