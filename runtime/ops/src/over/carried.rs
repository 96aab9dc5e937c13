//! What is carried on of each key from one answer to the next: results, and a number of last rows.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, new_null_array};
use arrow::compute::{filter, is_not_null};
use arrow::datatypes::{DataType, SchemaRef};
use sabot_core::plan::OverDesc;
use sabot_core::state::{FrozenState, StateBackend, StateField, StateSpec, ValueEncoding};
use sabot_core::{Cx, Result};
use sabot_types::OperatorUid;

use super::aggregate::carried_columns;
use super::past::{Past, PastBuilder};
use super::{arguments, rows_back};
use crate::codec::{RowCodec, spread};
use crate::hot::{Hot, Slots};
use crate::keyed::{UniqueKeys, state_fields};
use crate::lists;

/// The state's name.
const STATE_NAME: &str = "carried";

pub(super) struct Carried {
    hot: Hot,
    /// The results, then the list of last rows if there is one.
    codec: RowCodec,
    types: Vec<DataType>,
    has_rows: bool,
}

/// What is carried on of some keys, as it is before an answer.
pub(super) struct Before {
    slots: Slots,
    /// The results; null where a key has none.
    pub(super) results: Vec<ArrayRef>,
    pub(super) past: Past,
}

/// Describes the state; none where nothing is carried on.
pub(super) fn state_spec(
    operator: &OperatorUid,
    desc: &OverDesc,
    input: &SchemaRef,
) -> Option<StateSpec> {
    let results = desc.aggregates.iter().flat_map(|a| carried_columns(a, desc.frame, input));
    let mut value: Vec<StateField> = results
        .map(|(name, data_type)| StateField { name, data_type: data_type.to_string() })
        .collect();
    if let Some(rows) = rows_back(desc) {
        let columns = state_fields(input, arguments(desc));
        let columns: Vec<String> =
            columns.iter().map(|field| format!("{} {}", field.name, field.data_type)).collect();
        value.push(StateField {
            name: format!("last {rows} rows ({})", columns.join(", ")),
            data_type: DataType::Binary.to_string(),
        });
    }
    (!value.is_empty()).then(|| StateSpec {
        operator: operator.clone(),
        name: STATE_NAME.to_owned(),
        key: state_fields(input, desc.keys.iter().copied()),
        value,
        namespace: "none".to_owned(),
        ttl_ms: desc.ttl_ms,
        encoding: ValueEncoding::Sortable,
    })
}

impl Carried {
    pub(super) fn open(
        spec: &StateSpec,
        desc: &OverDesc,
        input: &SchemaRef,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        let results = desc.aggregates.iter().flat_map(|a| carried_columns(a, desc.frame, input));
        let mut types: Vec<DataType> = results.map(|(_, data_type)| data_type).collect();
        let has_rows = rows_back(desc).is_some();
        types.extend(has_rows.then_some(DataType::Binary));
        let handle = state.open(spec)?;
        let codec = RowCodec::new(types.clone())?;
        Ok(Self { hot: Hot::new(handle, state)?, codec, types, has_rows })
    }

    /// What is carried on of keys.
    pub(super) fn before(&mut self, keys: &UniqueKeys, cx: &mut Cx<'_>) -> Result<Before> {
        let slots = self.hot.find(&keys.groups, &keys.bytes, cx)?;
        let stored = self.hot.column(&slots);
        let mut results: Vec<ArrayRef> = if stored.null_count() == stored.len() {
            self.types.iter().map(|t| new_null_array(t, stored.len())).collect()
        } else {
            let found = filter(&stored, &is_not_null(&stored)?)?;
            let columns = self.codec.decode(found.as_binary::<i32>())?;
            spread(&columns, stored.iter().map(|row| row.is_some()))?
        };
        let last_rows = self.has_rows.then(|| results.pop()).flatten();
        let past = match last_rows {
            None => Past::none(keys.len()),
            Some(last_rows) => {
                let mut past = PastBuilder::default();
                for list in last_rows.as_binary::<i32>() {
                    past.key(lists::rows(list.unwrap_or_default()));
                }
                past.finish()
            }
        };
        Ok(Before { slots, results, past })
    }

    /// Carries on these results of the same keys, and these lists of last rows.
    pub(super) fn set(
        &mut self,
        before: &Before,
        mut results: Vec<ArrayRef>,
        last_rows: Option<BinaryArray>,
        keys: usize,
    ) -> Result<()> {
        results.extend(last_rows.map(|rows| Arc::new(rows) as ArrayRef));
        let values = self.codec.encode(&results, keys)?;
        self.hot.set(&before.slots, values.iter());
        Ok(())
    }

    pub(super) fn snapshot(&mut self, cx: &mut Cx<'_>) -> Result<Box<dyn FrozenState>> {
        self.hot.flush(cx)?;
        cx.state.freeze(self.hot.state())
    }
}
