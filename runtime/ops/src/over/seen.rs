//! Which values an aggregate of different values has seen, where its frames begin with a key's first
//! row: a state of its own, key and value.
//!
//! What has been seen before counts like a null. So such an aggregate becomes one of all values.

use std::collections::HashSet;

use arrow::array::{Array, ArrayRef, BinaryArray, BooleanArray};
use arrow::compute::nullif;
use arrow::datatypes::{DataType, SchemaRef};
use arrow_row::{RowConverter, SortField};
use sabot_core::plan::{OverAggregateDesc, OverDesc};
use sabot_core::state::{FrozenState, StateBackend, StateField, StateSpec, ValueEncoding};
use sabot_core::{Cx, Result};
use sabot_types::{KeyGroup, OperatorUid};

use super::aggregate::{is_carried, value_type};
use super::frame::Frames;
use crate::hot::Hot;
use crate::keyed::{UniqueKeys, state_fields};
use crate::multiset;

pub(super) struct Seen {
    hot: Hot,
    converter: RowConverter,
}

/// Describes the state of an aggregate; none where it needs none.
pub(super) fn state_spec(
    operator: &OperatorUid,
    desc: &OverDesc,
    aggregate: &OverAggregateDesc,
    input: &SchemaRef,
) -> Option<StateSpec> {
    if !aggregate.distinct || !is_carried(aggregate.function, desc.frame) {
        return None;
    }
    let mut key = state_fields(input, desc.keys.iter().copied());
    let data_type = value_type(aggregate, input).to_string();
    key.push(StateField { name: "value".to_owned(), data_type });
    Some(StateSpec {
        operator: operator.clone(),
        name: format!("seen {}", aggregate.name),
        key,
        value: multiset::value_fields(),
        namespace: "none".to_owned(),
        ttl_ms: desc.ttl_ms,
        encoding: ValueEncoding::Sortable,
    })
}

impl Seen {
    pub(super) fn open(
        spec: &StateSpec,
        value: &DataType,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        let handle = state.open(spec)?;
        let converter = RowConverter::new(vec![SortField::new(value.clone())])?;
        Ok(Self { hot: Hot::new(handle, state)?, converter })
    }

    /// The values of rows that are answered, where they lie; null what the row's key has had before,
    /// and those of rows that were answered earlier.
    pub(super) fn firsts(
        &mut self,
        keys: &UniqueKeys,
        frames: &Frames,
        values: &ArrayRef,
        cx: &mut Cx<'_>,
    ) -> Result<ArrayRef> {
        let ordered = self.converter.convert_columns(std::slice::from_ref(values))?;
        let nulls = values.logical_nulls();
        let mut known = HashSet::new();
        let (mut rows, mut groups, mut bytes) = (Vec::new(), Vec::<KeyGroup>::new(), Vec::new());
        for (key, of_key) in frames.keys.iter().enumerate() {
            for row in of_key.answered() {
                let is_null = nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
                if !is_null && known.insert((key, ordered.row(row))) {
                    rows.push(row);
                    groups.push(keys.groups[key]);
                    bytes.push([keys.bytes.value(key), ordered.row(row).as_ref()].concat());
                }
            }
        }
        let slots = self.hot.find(&groups, &BinaryArray::from_iter_values(bytes), cx)?;
        let mut again = vec![true; values.len()];
        for (row, stored) in rows.iter().zip(self.hot.values(&slots)) {
            again[*row] = stored.is_some();
        }
        let one = multiset::value_of(1);
        self.hot.set(&slots, rows.iter().map(|_| Some(one.as_slice())));
        Ok(nullif(values, &BooleanArray::from(again))?)
    }

    pub(super) fn snapshot(&mut self, cx: &mut Cx<'_>) -> Result<Box<dyn FrozenState>> {
        self.hot.flush(cx)?;
        cx.state.freeze(self.hot.state())
    }
}
