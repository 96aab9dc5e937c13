//! Lists of a group's values, in the order in which they came.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, NullBufferBuilder, UInt32Array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{cast, concat, take};
use arrow::datatypes::DataType;
use sabot_core::{Error, Result};

use super::accumulate::Rows;

/// The lists of groups (null where there is none yet) with the `values` of more rows at their ends.
pub(super) fn extended(before: &ArrayRef, values: &ArrayRef, rows: &Rows<'_>) -> Result<ArrayRef> {
    let lists = before.as_list::<i32>();
    let DataType::List(item) = lists.data_type() else {
        return Err(Error::user(format!("{} is no type of lists", lists.data_type())));
    };
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
}
