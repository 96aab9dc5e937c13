//! A state that says how often each of its keys is there.

use arrow::array::BinaryArray;
use arrow::datatypes::DataType;
use sabot_core::metrics::OperatorMetrics;
use sabot_core::state::{Namespace, StateField, StateHandle};
use sabot_core::{Cx, Result};
use sabot_types::KeyGroup;

pub(crate) use sabot_core::state::number::{
    BYTES as COUNT_BYTES, decode as count_of, encode as value_of,
};

/// The state's value.
pub(crate) fn value_fields() -> Vec<StateField> {
    vec![StateField { name: "count".to_owned(), data_type: DataType::Int64.to_string() }]
}

/// A count as a value of the state: a row of one BIGINT, as rows are encoded.
type Count = [u8; COUNT_BYTES];

/// Adds `changes` to the counts of different keys; the counts before. A key whose count becomes
/// 0 is removed.
pub(crate) fn add(
    state: StateHandle,
    groups: &[KeyGroup],
    keys: &BinaryArray,
    changes: &[i64],
    cx: &mut Cx<'_>,
) -> Result<Vec<i64>> {
    add_in(state, Namespace::ONLY, groups, keys, changes, cx)
}

/// The same for the keys of one namespace.
pub(crate) fn add_in(
    state: StateHandle,
    namespace: Namespace,
    groups: &[KeyGroup],
    keys: &BinaryArray,
    changes: &[i64],
    cx: &mut Cx<'_>,
) -> Result<Vec<i64>> {
    let stored = cx.state.get(state, namespace, groups, keys)?;
    let (before, after) = changed(stored.iter(), changes);
    cx.state.put(state, namespace, groups, keys, &as_values(&after).collect())?;
    OperatorMetrics::add(&cx.metrics.state_reads, groups.len());
    OperatorMetrics::add(&cx.metrics.state_writes, groups.len());
    Ok(before)
}

/// The counts that are stored, and after the changes as bytes.
fn changed<'v>(
    stored: impl Iterator<Item = Option<&'v [u8]>>,
    changes: &[i64],
) -> (Vec<i64>, Vec<Count>) {
    let before: Vec<i64> = stored.map(|count| count.map_or(0, count_of)).collect();
    let after = before.iter().zip(changes).map(|(before, change)| before + change);
    let after = after.map(value_of).collect();
    (before, after)
}

fn as_values(counts: &[Count]) -> impl Iterator<Item = Option<&[u8]>> {
    counts.iter().map(|count| (count_of(count) != 0).then_some(count.as_slice()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::Int64Array;

    use super::*;
    use crate::codec::RowCodec;

    #[test]
    fn counts_are_encoded_as_rows_are() {
        let counts = [i64::MIN, -7, 0, 1, 513, i64::MAX];
        let codec = RowCodec::new([DataType::Int64]).unwrap();
        let rows = codec.encode(&[Arc::new(Int64Array::from(counts.to_vec()))], 6).unwrap();
        for (row, count) in counts.into_iter().enumerate() {
            assert_eq!(value_of(count), rows.value(row));
            assert_eq!(count_of(rows.value(row)), count);
        }
    }
}
