//! The values of frames as lists.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, UInt32Array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{concat, take};
use arrow::datatypes::Field;
use sabot_core::{Error, Result};

use super::frame::Frames;

/// The values of each frame in their order, with those that are null or without; null where there are
/// none. `carried` has a list for each key of `frames` of what came before, null where nothing did.
pub(super) fn lists(
    values: &ArrayRef,
    frames: &Frames,
    carried: Option<&ArrayRef>,
    nulls: bool,
) -> Result<Vec<ArrayRef>> {
    let carried = carried.map(AsArray::as_list::<i32>);
    // Those of what is carried on stand behind the others.
    let all = match carried {
        Some(lists) => concat(&[values.as_ref(), lists.values().as_ref()])?,
        None => Arc::clone(values),
    };
    let missing = values.logical_nulls().filter(|_| !nulls);
    let is_there = |row: &usize| missing.as_ref().is_none_or(|missing| missing.is_valid(*row));
    let (mut places, mut ends) = (Vec::new(), vec![0]);
    for (key, (_, bounds)) in frames.iter().enumerate() {
        let before = carried.filter(|lists| lists.is_valid(key)).map_or(0..0, |lists| {
            let offset = |at: usize| values.len() + lists.value_offsets()[at] as usize;
            offset(key)..offset(key + 1)
        });
        for frame in bounds {
            let found = before.clone().chain(frame.clone().filter(is_there));
            places.extend(found.map(|row| row as u32));
            ends.push(i32::try_from(places.len()).map_err(|_| {
                Error::user("the lists of a batch have more than 2,147,483,647 values".to_owned())
            })?);
        }
    }
    let some: NullBuffer = ends.windows(2).map(|ends| ends[0] < ends[1]).collect();
    let items = take(&all, &UInt32Array::from(places), None)?;
    let field = Arc::new(Field::new_list_field(values.data_type().clone(), true));
    Ok(vec![Arc::new(ListArray::try_new(
        field,
        OffsetBuffer::new(ends.into()),
        items,
        Some(some),
    )?)])
}

#[cfg(test)]
mod tests {
    use arrow::array::Int64Array;
    use arrow::datatypes::Int64Type;
    use sabot_core::plan::Frame;

    use super::*;
    use crate::over::frame::KeyRows;

    type List = Option<Vec<Option<i64>>>;

    fn lists_of(frame: Frame, carried: Option<&ListArray>, nulls: bool) -> Vec<List> {
        let values: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(3), None]));
        let keys = vec![KeyRows { first: 0, all: 0..3 }, KeyRows { first: 3, all: 3..4 }];
        let frames = Frames::new(frame, keys, &[0; 4]);
        let carried = carried.map(|lists| Arc::new(lists.clone()) as ArrayRef);
        let found = lists(&values, &frames, carried.as_ref(), nulls).unwrap().remove(0);
        let of = |list: Option<ArrayRef>| {
            list.map(|list| list.as_primitive::<Int64Type>().iter().collect())
        };
        found.as_list::<i32>().iter().map(of).collect()
    }

    #[test]
    fn a_list_has_the_values_of_its_frame() {
        let lists = lists_of(Frame::Rows(Some(1)), None, false);
        let expected = [Some(vec![Some(1)]), Some(vec![Some(1)]), Some(vec![Some(3)]), None];
        assert_eq!(lists, expected);
        let with_nulls = lists_of(Frame::Rows(Some(1)), None, true);
        let expected = [
            Some(vec![Some(1)]),
            Some(vec![Some(1), None]),
            Some(vec![None, Some(3)]),
            Some(vec![None]),
        ];
        assert_eq!(with_nulls, expected);
    }

    #[test]
    fn a_list_goes_on_from_what_is_carried_on() {
        let carried =
            ListArray::from_iter_primitive::<Int64Type, _, _>([None, Some([Some(8), Some(9)])]);
        let lists = lists_of(Frame::Rows(None), Some(&carried), false);
        let expected = [
            Some(vec![Some(1)]),
            Some(vec![Some(1)]),
            Some(vec![Some(1), Some(3)]),
            Some(vec![Some(8), Some(9)]),
        ];
        assert_eq!(lists, expected);
    }
}
