//! A state that says how often each of its keys is there. All rows are in one namespace.

use arrow::array::BinaryArray;
use arrow::datatypes::DataType;
use sabot_core::metrics::OperatorMetrics;
use sabot_core::state::{Namespace, StateField, StateHandle};
use sabot_core::{Cx, Result};
use sabot_types::KeyGroup;

/// The one namespace.
pub(crate) const SPACE: Namespace = Namespace(0);

/// The state's value.
pub(crate) fn value_fields() -> Vec<StateField> {
    vec![StateField { name: "count".to_owned(), data_type: DataType::Int64.to_string() }]
}

/// The count that a value of the state is.
pub(crate) fn count_of(value: &[u8]) -> i64 {
    value.try_into().map_or(0, i64::from_be_bytes)
}

/// Adds `changes` to the counts of different keys; the counts before. A key whose count becomes
/// 0 is removed.
pub(crate) fn add(
    state: StateHandle,
    groups: &[KeyGroup],
    keys: &BinaryArray,
    changes: &[i64],
    cx: &mut Cx<'_>,
) -> Result<Vec<i64>> {
    let stored = cx.state.get(state, SPACE, groups, keys)?;
    let before: Vec<i64> = stored.iter().map(|count| count.map_or(0, count_of)).collect();
    let after = before.iter().zip(changes).map(|(before, change)| before + change);
    let after: Vec<[u8; 8]> = after.map(i64::to_be_bytes).collect();
    let after = after.iter().map(|count| (count_of(count) != 0).then_some(count.as_slice()));
    cx.state.put(state, SPACE, groups, keys, &after.collect())?;
    OperatorMetrics::add(&cx.metrics.state_reads, groups.len());
    OperatorMetrics::add(&cx.metrics.state_writes, groups.len());
    Ok(before)
}
