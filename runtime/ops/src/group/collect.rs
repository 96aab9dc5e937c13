//! The values of groups with how often each is there: `COLLECT`.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, MapArray, StructArray, UInt32Array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{cast, concat, take};
use arrow::datatypes::{DataType, Int32Type};
use arrow_row::{RowConverter, SortField};
use sabot_core::{Error, Result};

use super::accumulate::Rows;

/// The counts of groups (null where there are none yet) with the `values` of more rows; those of a
/// group in the order of values.
pub(super) fn counted(before: &ArrayRef, values: &ArrayRef, rows: &Rows<'_>) -> Result<ArrayRef> {
    let wrong = || Error::user(format!("{} holds no counts", before.data_type()));
    let DataType::Map(entries, _) = before.data_type() else { return Err(wrong()) };
    let DataType::Struct(fields) = entries.data_type() else { return Err(wrong()) };
    let before = before.as_map();
    let counts = before.values().as_primitive::<Int32Type>();
    let key_type = fields[0].data_type();
    let all = concat(&[before.keys().as_ref(), cast(values, key_type)?.as_ref()])?;
    let converter = RowConverter::new(vec![SortField::new(key_type.clone())])?;
    let ordered = converter.convert_columns(std::slice::from_ref(&all))?;
    // Of each value a place among all, and how often it is there.
    let mut groups = vec![BTreeMap::new(); before.len()];
    for (group, found) in groups.iter_mut().enumerate() {
        if before.is_valid(group) {
            let offsets = before.value_offsets();
            for entry in offsets[group] as usize..offsets[group + 1] as usize {
                found.insert(ordered.row(entry), (entry as u32, i64::from(counts.value(entry))));
            }
        }
    }
    let first = before.keys().len();
    rows.each(|row, group, weight| {
        let place = first + row;
        groups[group].entry(ordered.row(place)).or_insert((place as u32, 0)).1 += weight;
    });
    for found in &mut groups {
        found.retain(|_, (_, count)| *count != 0);
    }
    let found = || groups.iter().flat_map(BTreeMap::values);
    let keys = take(&all, &UInt32Array::from_iter_values(found().map(|(at, _)| *at)), None)?;
    let counts = found().map(|(_, count)| i32::try_from(*count).unwrap_or(i32::MAX));
    let counts: ArrayRef = Arc::new(Int32Array::from_iter_values(counts));
    let pairs = StructArray::try_new(fields.clone(), vec![keys, counts], None)?;
    let offsets = OffsetBuffer::from_lengths(groups.iter().map(BTreeMap::len));
    Ok(Arc::new(MapArray::try_new(Arc::clone(entries), offsets, pairs, None, false)?))
}

#[cfg(test)]
mod tests {
    use arrow::array::{StringArray, new_null_array};
    use arrow::datatypes::Field;

    use super::*;

    fn multiset() -> DataType {
        let fields = vec![
            Field::new("key", DataType::Utf8, false),
            Field::new("value", DataType::Int32, false),
        ];
        let entries = Field::new("entries", DataType::Struct(fields.into()), false);
        DataType::Map(Arc::new(entries), false)
    }

    fn counts_of(maps: &ArrayRef) -> Vec<Vec<(String, i32)>> {
        let maps = maps.as_map();
        let of = |group: usize| {
            let entries = maps.value(group);
            let keys = entries.column(0).as_string::<i32>();
            let counts = entries.column(1).as_primitive::<Int32Type>();
            let pair = |row: usize| (keys.value(row).to_owned(), counts.value(row));
            (0..entries.len()).map(pair).collect()
        };
        (0..maps.len()).map(of).collect()
    }

    #[test]
    fn values_come_and_go() {
        let none = new_null_array(&multiset(), 3);
        let values: ArrayRef =
            Arc::new(StringArray::from(vec![Some("b"), Some("a"), None, Some("b"), Some("c")]));
        let groups = &[0, 0, 0, 0, 1];
        let rows = Rows { values: Some(&values), groups, weights: None, filter: None };
        let all = counted(&none, &values, &rows).unwrap();
        let pair = |value: &str, count| (value.to_owned(), count);
        assert_eq!(counts_of(&all), [vec![pair("a", 1), pair("b", 2)], vec![pair("c", 1)], vec![]]);
        let weights = Some(&[-1, 1, 1, -1, 2][..]);
        let rows = Rows { values: Some(&values), groups, weights, filter: None };
        let all = counted(&all, &values, &rows).unwrap();
        assert_eq!(counts_of(&all), [vec![pair("a", 2)], vec![pair("c", 3)], vec![]]);
    }
}
