//! Lists of a group's values, in the order in which they came. A value that goes is the first of
//! those that are equal to it.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, ListArray, NullBufferBuilder, UInt32Array, make_comparator,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{SortOptions, cast, concat, take};
use arrow::datatypes::{DataType, FieldRef};
use sabot_core::{Error, Result};

use super::accumulate::Rows;

/// The lists of groups (null where there is none yet) with the `values` of more rows at their ends,
/// and without those of rows that go.
pub(super) fn changed(before: &ArrayRef, values: &ArrayRef, rows: &Rows<'_>) -> Result<ArrayRef> {
    let goes = rows.weights.is_some_and(|weights| weights.iter().any(|weight| *weight < 0));
    if !goes {
        return extended(before, values, rows);
    }
    let lists = before.as_list::<i32>();
    let item = item_of(lists)?;
    let (offsets, first) = (lists.value_offsets(), lists.values().len());
    let values = cast(values, item.data_type())?;
    let all = concat(&[lists.values().as_ref(), values.as_ref()])?;
    let equal = make_comparator(&all, &all, SortOptions::default())?;
    let of_group = |group: usize| match lists.is_valid(group) {
        true => (offsets[group] as usize..offsets[group + 1] as usize).collect(),
        false => Vec::new(),
    };
    let mut places: Vec<Vec<usize>> = (0..lists.len()).map(of_group).collect();
    rows.each(|row, group, weight| {
        let (place, places) = (first + row, &mut places[group]);
        if weight > 0 {
            places.push(place);
        } else if weight < 0
            && let Some(at) = places.iter().position(|known| equal(*known, place).is_eq())
        {
            places.remove(at);
        }
    });
    let offsets = OffsetBuffer::from_lengths(places.iter().map(Vec::len));
    let mut valid = NullBufferBuilder::new(places.len());
    for places in &places {
        valid.append(!places.is_empty());
    }
    let at = UInt32Array::from_iter_values(places.iter().flatten().map(|place| *place as u32));
    let elements = take(&all, &at, None)?;
    Ok(Arc::new(ListArray::try_new(Arc::clone(item), offsets, elements, valid.finish())?))
}

/// The first or the last element of each list; null where there is none.
pub(super) fn end_of(lists: &ArrayRef, first: bool) -> Result<ArrayRef> {
    let lists = lists.as_list::<i32>();
    let offsets = lists.value_offsets();
    let at = (0..lists.len()).map(|list| {
        let (begin, end) = (offsets[list], offsets[list + 1]);
        let is_there = lists.is_valid(list) && begin < end;
        is_there.then_some(if first { begin } else { end - 1 } as u32)
    });
    Ok(take(lists.values(), &at.collect::<UInt32Array>(), None)?)
}

fn item_of(lists: &ListArray) -> Result<&FieldRef> {
    match lists.data_type() {
        DataType::List(item) => Ok(item),
        other => Err(Error::user(format!("{other} is no type of lists"))),
    }
}

fn extended(before: &ArrayRef, values: &ArrayRef, rows: &Rows<'_>) -> Result<ArrayRef> {
    let lists = before.as_list::<i32>();
    let item = item_of(lists)?;
    let mut more = vec![0; lists.len()];
    // Of values that count once, those that were there before have no weight.
    rows.each(|_, group, weight| more[group] += usize::from(weight > 0));
    let old = lists.value_offsets();
    let mut places: Vec<u32> = Vec::with_capacity(lists.values().len() + values.len());
    let (mut ends, mut next) = (vec![0], Vec::with_capacity(lists.len()));
    let mut valid = NullBufferBuilder::new(lists.len());
    for (group, more) in more.into_iter().enumerate() {
        if lists.is_valid(group) {
            places.extend(old[group] as u32..old[group + 1] as u32);
        }
        next.push(places.len());
        places.resize(places.len() + more, 0);
        ends.push(i32::try_from(places.len()).map_err(|_| too_long())?);
        valid.append(more > 0 || lists.is_valid(group));
    }
    let first = lists.values().len();
    rows.each(|row, group, weight| {
        if weight > 0 {
            places[next[group]] = (first + row) as u32;
            next[group] += 1;
        }
    });
    let values = cast(values, item.data_type())?;
    let all = concat(&[lists.values().as_ref(), values.as_ref()])?;
    let elements = take(&all, &UInt32Array::from(places), None)?;
    let offsets = OffsetBuffer::new(ends.into());
    Ok(Arc::new(ListArray::try_new(Arc::clone(item), offsets, elements, valid.finish())?))
}

fn too_long() -> Error {
    Error::user("the lists of values are too long")
}

#[cfg(test)]
mod tests {
    use arrow::array::{BooleanArray, Int64Array};
    use arrow::datatypes::Int64Type;

    use super::*;

    type Lists = Vec<Option<Vec<Option<i64>>>>;

    #[test]
    fn values_come_behind_those_that_are_there() {
        let before: Lists = vec![Some(vec![Some(1)]), None, None, Some(vec![])];
        let before = ListArray::from_iter_primitive::<Int64Type, _, _>(before);
        let before: ArrayRef = Arc::new(before);
        let values: ArrayRef =
            Arc::new(Int64Array::from(vec![Some(2), Some(3), None, Some(4), Some(5)]));
        let filter = BooleanArray::from(vec![Some(true), Some(true), Some(true), Some(true), None]);
        let check = |argument: Option<&ArrayRef>, weights: Option<&[i64]>, expected: Lists| {
            let groups = &[0, 1, 1, 0, 3];
            let rows = Rows { values: argument, groups, weights, filter: Some(&filter) };
            let found = extended(&before, &values, &rows).unwrap();
            let expected = ListArray::from_iter_primitive::<Int64Type, _, _>(expected);
            assert_eq!(found.as_list::<i32>(), &expected);
        };
        let of_first = Some(vec![Some(1), Some(2), Some(4)]);
        let without = vec![of_first.clone(), Some(vec![Some(3)]), None, Some(vec![])];
        check(Some(&values), None, without);
        check(None, None, vec![of_first, Some(vec![Some(3), None]), None, Some(vec![])]);
        let of_new = vec![Some(vec![Some(1), Some(4)]), Some(vec![Some(3)]), None, Some(vec![])];
        check(Some(&values), Some(&[0, 1, 0, 1, 1]), of_new);
    }

    #[test]
    fn a_value_that_goes_is_the_first_of_its_equals() {
        let before: Lists =
            vec![Some(vec![Some(1), Some(2), Some(1), None]), None, Some(vec![Some(7)])];
        let before: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(before));
        let values: ArrayRef =
            Arc::new(Int64Array::from(vec![Some(1), None, Some(3), Some(3), Some(7), Some(9)]));
        let (groups, weights) = (&[0, 0, 1, 1, 2, 2], Some(&[-1, -1, 1, -1, -1, -1][..]));
        let expected =
            |expected: Lists| ListArray::from_iter_primitive::<Int64Type, _, _>(expected);
        let all = Rows { values: None, groups, weights, filter: None };
        let found = changed(&before, &values, &all).unwrap();
        let left = vec![Some(vec![Some(2), Some(1)]), None, None];
        assert_eq!(found.as_list::<i32>(), &expected(left));
        let some = Rows { values: Some(&values), groups, weights, filter: None };
        let found = changed(&before, &values, &some).unwrap();
        let left = vec![Some(vec![Some(2), Some(1), None]), None, None];
        assert_eq!(found.as_list::<i32>(), &expected(left));
        let ends = |first| end_of(&before, first).unwrap().as_primitive::<Int64Type>().clone();
        assert_eq!(ends(true), Int64Array::from(vec![Some(1), None, Some(7)]));
        assert_eq!(ends(false), Int64Array::from(vec![None, None, Some(7)]));
    }
}
