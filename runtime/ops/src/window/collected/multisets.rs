//! Lists of different values as `MULTISET`s: maps of the values to how often each is there.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int32Array, ListArray, MapArray, StructArray, UInt32Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Int64Type};
use arrow_row::{RowConverter, SortField};
use sabot_core::{Error, Result};

/// The multisets of lists, of which `values` are the elements and `counts` how often each is there:
/// once without. Those of a group are in the order of values, so that equal multisets are equal
/// arrays. A list that is null is one without elements.
pub(super) fn of(
    lists: &ListArray,
    values: &ArrayRef,
    counts: Option<&ArrayRef>,
    data_type: &DataType,
) -> Result<ArrayRef> {
    let wrong = || Error::user(format!("COLLECT gives no {data_type}"));
    let DataType::Map(entries, _) = data_type else { return Err(wrong()) };
    let DataType::Struct(fields) = entries.data_type() else { return Err(wrong()) };
    let values = cast(values, fields[0].data_type())?;
    let converter = RowConverter::new(vec![SortField::new(values.data_type().clone())])?;
    let order = converter.convert_columns(std::slice::from_ref(&values))?;
    let (mut places, mut lengths) = (Vec::with_capacity(values.len()), Vec::new());
    for row in 0..lists.len() {
        let begin = places.len();
        if lists.is_valid(row) {
            let offsets = lists.value_offsets();
            places.extend(offsets[row] as u32..offsets[row + 1] as u32);
        }
        places[begin..].sort_unstable_by_key(|place| order.row(*place as usize));
        lengths.push(places.len() - begin);
    }
    let places = UInt32Array::from(places);
    let keys = take(&values, &places, None)?;
    let counts: ArrayRef = match counts {
        None => Arc::new(Int32Array::from_value(1, places.len())),
        Some(counts) => {
            let counts = take(counts, &places, None)?;
            let counts = counts.as_primitive::<Int64Type>().values().iter();
            let counts = counts.map(|count| i32::try_from(*count).unwrap_or(i32::MAX));
            Arc::new(Int32Array::from_iter_values(counts))
        }
    };
    let pairs = StructArray::try_new(fields.clone(), vec![keys, counts], None)?;
    let offsets = OffsetBuffer::from_lengths(lengths);
    Ok(Arc::new(MapArray::try_new(Arc::clone(entries), offsets, pairs, None, false)?))
}
