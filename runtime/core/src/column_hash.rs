//! Hashes key columns for routing, a column at a time, by the portable hash of
//! [`sabot_types::key_hash`].

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
};
use sabot_types::{KeyGroup, KeyGroupCount, key_hash};

use crate::{Error, Result};

/// The key group of every row of `batch` by its `columns`; group 0 for all when there are none.
pub fn key_groups(
    batch: &RecordBatch,
    columns: &[usize],
    count: KeyGroupCount,
    out: &mut Vec<KeyGroup>,
) -> Result<()> {
    out.clear();
    let Some((first, rest)) = columns.split_first() else {
        out.resize(batch.num_rows(), KeyGroup::new(0));
        return Ok(());
    };
    let mut hashes = vec![0; batch.num_rows()];
    hash_column(batch.column(*first), &mut hashes, |_, next| next)?;
    for column in rest {
        hash_column(batch.column(*column), &mut hashes, key_hash::combine)?;
    }
    out.extend(hashes.into_iter().map(|hash| count.group_of(hash)));
    Ok(())
}

fn hash_column(
    column: &ArrayRef,
    hashes: &mut [u64],
    fold: impl Fn(u64, u64) -> u64 + Copy,
) -> Result<()> {
    macro_rules! fold_values {
        ($array:expr, $hash:expr) => {{
            let array = $array;
            if array.null_count() == 0 {
                for (row, hash) in hashes.iter_mut().enumerate() {
                    *hash = fold(*hash, $hash(array.value(row)));
                }
            } else {
                for (row, hash) in hashes.iter_mut().enumerate() {
                    let next =
                        if array.is_null(row) { key_hash::NULL } else { $hash(array.value(row)) };
                    *hash = fold(*hash, next);
                }
            }
        }};
    }
    match column.data_type() {
        DataType::Int64 => fold_values!(column.as_primitive::<Int64Type>(), key_hash::of_i64),
        DataType::Int32 => {
            fold_values!(column.as_primitive::<Int32Type>(), |v| key_hash::of_i64(i64::from(v)));
        }
        DataType::Int16 => {
            fold_values!(column.as_primitive::<Int16Type>(), |v| key_hash::of_i64(i64::from(v)));
        }
        DataType::Int8 => {
            fold_values!(column.as_primitive::<Int8Type>(), |v| key_hash::of_i64(i64::from(v)));
        }
        DataType::Date32 => {
            fold_values!(column.as_primitive::<Date32Type>(), |v| key_hash::of_i64(i64::from(v)));
        }
        DataType::Time32(_) => {
            let integers = cast(column, &DataType::Int32)?;
            fold_values!(integers.as_primitive::<Int32Type>(), |v| key_hash::of_i64(i64::from(v)));
        }
        DataType::Timestamp(_, _) | DataType::Time64(_) | DataType::Date64 => {
            let integers = cast(column, &DataType::Int64)?;
            fold_values!(integers.as_primitive::<Int64Type>(), key_hash::of_i64);
        }
        DataType::Float64 => fold_values!(column.as_primitive::<Float64Type>(), key_hash::of_f64),
        DataType::Float32 => {
            fold_values!(column.as_primitive::<Float32Type>(), |v| key_hash::of_f64(f64::from(v)));
        }
        DataType::Boolean => fold_values!(column.as_boolean(), key_hash::of_bool),
        DataType::Utf8 => {
            fold_values!(column.as_string::<i32>(), |v: &str| key_hash::of_bytes(v.as_bytes()));
        }
        DataType::Utf8View => {
            fold_values!(column.as_string_view(), |v: &str| key_hash::of_bytes(v.as_bytes()));
        }
        DataType::Binary => fold_values!(column.as_binary::<i32>(), key_hash::of_bytes),
        DataType::Decimal128(_, _) => {
            let texts = cast(column, &DataType::Utf8)?;
            fold_values!(texts.as_string::<i32>(), |v: &str| key_hash::of_bytes(v.as_bytes()));
        }
        other => {
            return Err(Error::user(format!(
                "a column of type {other} cannot be a key: use an integer, text, boolean, float, \
                 decimal, date, time or timestamp column"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int32Array, Int64Array, StringArray, StringViewArray};

    use super::*;

    fn groups(column: ArrayRef) -> Vec<u16> {
        let batch = RecordBatch::try_from_iter([("k", column)]).unwrap();
        let mut out = Vec::new();
        key_groups(&batch, &[0], KeyGroupCount::DEFAULT, &mut out).unwrap();
        out.into_iter().map(KeyGroup::index).collect()
    }

    #[test]
    fn types_that_hold_equal_keys_route_alike() {
        let wide = groups(Arc::new(Int64Array::from(vec![Some(1), Some(-7), None])));
        let narrow = groups(Arc::new(Int32Array::from(vec![Some(1), Some(-7), None])));
        assert_eq!(wide, narrow);
        let text = groups(Arc::new(StringArray::from(vec!["a", "long enough to not be inlined"])));
        let view =
            groups(Arc::new(StringViewArray::from(vec!["a", "long enough to not be inlined"])));
        assert_eq!(text, view);
    }

    #[test]
    fn no_key_columns_mean_group_zero() {
        let batch =
            RecordBatch::try_from_iter([("k", Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef)])
                .unwrap();
        let mut out = vec![KeyGroup::new(9)];
        key_groups(&batch, &[], KeyGroupCount::DEFAULT, &mut out).unwrap();
        assert_eq!(out, [KeyGroup::new(0); 2]);
    }
}
