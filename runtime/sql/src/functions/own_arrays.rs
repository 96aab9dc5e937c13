//! Kernels of functions of ARRAYs.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt::Write;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int32Array, ListArray, NullBufferBuilder, StringArray,
    StringBuilder,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::interleave;
use arrow::datatypes::{DataType, FieldRef, Int64Type};
use arrow::row::Row;
use datafusion_common::{Result, exec_err};

use super::lists::{Picked, Pool, list_of, range};

/// `ARRAY[a, b]`: a list a row of the row's values.
pub(super) fn construct(arrays: &[ArrayRef], to: &DataType) -> Result<ArrayRef> {
    let rows = arrays.first().map_or(0, Array::len);
    let parts: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
    let places: Vec<(usize, usize)> =
        (0..rows).flat_map(|row| (0..parts.len()).map(move |part| (part, row))).collect();
    let ends: Vec<usize> = (1..=rows).map(|row| row * parts.len()).collect();
    let mut valid = NullBufferBuilder::new(rows);
    valid.append_n_non_nulls(rows);
    list_of(interleave(&parts, &places)?, &ends, valid, to)
}

/// `array[n]`, from 1; NULL where there is none.
pub(super) fn at(arrays: &[ArrayRef]) -> Result<ArrayRef> {
    let pool = Pool::of(&arrays[..1], 1)?;
    let numbers = arrays[1].as_primitive::<Int64Type>();
    pool.take((0..pool.len()).map(|row| {
        let range = pool.list(0, row).filter(|_| numbers.is_valid(row))?;
        let index = usize::try_from(numbers.value(row)).ok()?.checked_sub(1)?;
        (index < range.len()).then_some(range.start + index)
    }))
}

/// A list of NULLs: as many as the first number is above the second, or as the lower of both says.
pub(super) fn copies(arrays: &[ArrayRef], common: bool, item: &FieldRef) -> Result<ArrayRef> {
    let [first, second] = [0, 1].map(|index| arrays[index].as_primitive::<Int64Type>().values());
    let count = |(first, second): (&i64, &i64)| {
        let count = if common { *first.min(second) } else { first.saturating_sub(*second) };
        usize::try_from(count).unwrap_or(0)
    };
    let counts: Vec<usize> = first.iter().zip(second).map(count).collect();
    let total = counts.iter().try_fold(0, |total: usize, count| total.checked_add(*count));
    let Some(total) = total.filter(|total| i32::try_from(*total).is_ok()) else {
        return exec_err!("rows are there more often than {} times", i32::MAX);
    };
    let offsets = OffsetBuffer::from_lengths(counts);
    let elements = Arc::new(BooleanArray::new_null(total));
    Ok(Arc::new(ListArray::try_new(Arc::clone(item), offsets, elements, None)?))
}

/// How many elements there are.
pub(super) fn cardinality(arrays: &[ArrayRef]) -> ArrayRef {
    let lists = arrays[0].as_list::<i32>();
    let count = |row| range(lists, row).map(|range| range.len() as i32);
    Arc::new((0..lists.len()).map(count).collect::<Int32Array>())
}

/// `ELEMENT(array)`: the only element; NULL of none.
pub(super) fn only(arrays: &[ArrayRef]) -> Result<ArrayRef> {
    let pool = Pool::of(arrays, 1)?;
    let mut places = Vec::with_capacity(pool.len());
    for row in 0..pool.len() {
        let range = pool.list(0, row).unwrap_or_default();
        if range.len() > 1 {
            return exec_err!("the array has {} elements, not one", range.len());
        }
        places.push((!range.is_empty()).then_some(range.start));
    }
    pool.take(places)
}

/// Whether an element is there.
pub(super) fn contains(arrays: &[ArrayRef]) -> Result<ArrayRef> {
    let pool = Pool::compared(arrays, 1)?;
    let is_there = |row| {
        let wanted = pool.value(pool.element(1, row));
        pool.list(0, row).map(|mut range| range.any(|place| pool.value(place) == wanted))
    };
    Ok(Arc::new((0..pool.len()).map(is_there).collect::<BooleanArray>()))
}

/// The first place of an element, from 1; 0 where it is not.
pub(super) fn position(arrays: &[ArrayRef]) -> Result<ArrayRef> {
    let pool = Pool::compared(arrays, 1)?;
    let position = |row| {
        let wanted = pool.element(1, row);
        let mut range = pool.list(0, row).filter(|_| !pool.is_null(wanted))?;
        let found = range.position(|place| pool.value(place) == pool.value(wanted));
        Some(found.map_or(0, |index| index as i32 + 1))
    };
    Ok(Arc::new((0..pool.len()).map(position).collect::<Int32Array>()))
}

/// The highest or the lowest element; NULLs do not count.
pub(super) fn extreme(arrays: &[ArrayRef], wanted: Ordering) -> Result<ArrayRef> {
    let pool = Pool::ordered(arrays, 1)?;
    pool.take((0..pool.len()).map(|row| {
        let places = pool.list(0, row)?.filter(|place| !pool.is_null(*place));
        places.reduce(
            |best, next| {
                if pool.value(next).cmp(&pool.value(best)) == wanted { next } else { best }
            },
        )
    }))
}

/// Lists, each made of a row's list.
fn each(
    pool: &Pool<'_>,
    to: &DataType,
    mut make: impl FnMut(&mut Picked, usize, Range<usize>) -> Option<()>,
) -> Result<ArrayRef> {
    let mut picked = Picked::with_capacity(pool.len());
    for row in 0..pool.len() {
        match pool.list(0, row).and_then(|range| make(&mut picked, row, range)) {
            Some(()) => picked.end(),
            None => picked.null(),
        }
    }
    picked.of(pool, to)
}

/// The other way round.
pub(super) fn reverse(arrays: &[ArrayRef], to: &DataType) -> Result<ArrayRef> {
    let pool = Pool::of(arrays, 1)?;
    each(&pool, to, |picked, _, range| {
        picked.extend(range.rev());
        Some(())
    })
}

/// With an element behind all, or before them.
pub(super) fn with(arrays: &[ArrayRef], to: &DataType, first: bool) -> Result<ArrayRef> {
    let pool = Pool::of(arrays, 1)?;
    each(&pool, to, |picked, row, range| {
        let element = pool.element(1, row);
        if first {
            picked.push(element);
        }
        picked.extend(range);
        if !first {
            picked.push(element);
        }
        Some(())
    })
}

/// All lists, one behind the other.
pub(super) fn concat(arrays: &[ArrayRef], to: &DataType) -> Result<ArrayRef> {
    let pool = Pool::of(arrays, arrays.len())?;
    each(&pool, to, |picked, row, range| {
        let rest = || (1..arrays.len()).map(|argument| pool.list(argument, row));
        if rest().any(|range| range.is_none()) {
            return None;
        }
        picked.extend(range);
        rest().flatten().for_each(|range| picked.extend(range));
        Some(())
    })
}

/// Without the elements that are equal to one.
pub(super) fn remove(arrays: &[ArrayRef], to: &DataType) -> Result<ArrayRef> {
    let pool = Pool::compared(arrays, 1)?;
    each(&pool, to, |picked, row, range| {
        let unwanted = pool.value(pool.element(1, row));
        picked.extend(range.filter(|place| pool.value(*place) != unwanted));
        Some(())
    })
}

/// What a set of elements is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Elements {
    /// Those of one list.
    Own,
    /// Those of two.
    Either,
    /// Those of the first that are in the second.
    Both,
    /// Those of the first that are not in the second.
    FirstOnly,
}

/// Each element once, in the order in which they come first.
pub(super) fn set(arrays: &[ArrayRef], to: &DataType, kind: Elements) -> Result<ArrayRef> {
    let pool = Pool::compared(arrays, arrays.len())?;
    let mut seen: HashSet<Option<Row<'_>>> = HashSet::new();
    let mut others: HashSet<Option<Row<'_>>> = HashSet::new();
    each(&pool, to, |picked, row, range| {
        let second = match kind {
            Elements::Own => 0..0,
            _ => pool.list(1, row)?,
        };
        let (seen, others) = (&mut seen, &mut others);
        seen.clear();
        others.clear();
        if matches!(kind, Elements::Both | Elements::FirstOnly) {
            others.extend(second.clone().map(|place| pool.value(place)));
        }
        picked.extend(range.filter(|place| {
            let value = pool.value(*place);
            let wanted = match kind {
                Elements::Own | Elements::Either => true,
                Elements::Both => others.contains(&value),
                Elements::FirstOnly => !others.contains(&value),
            };
            wanted && seen.insert(value)
        }));
        if kind == Elements::Either {
            picked.extend(second.filter(|place| seen.insert(pool.value(*place))));
        }
        Some(())
    })
}

/// In order: upwards unless the second argument is false, NULLs first if the third is true, and
/// without a third if it goes upwards.
pub(super) fn sort(arrays: &[ArrayRef], to: &DataType) -> Result<ArrayRef> {
    let pool = Pool::ordered(&arrays[..1], 1)?;
    let flags: Vec<&BooleanArray> = arrays[1..].iter().map(AsArray::as_boolean).collect();
    each(&pool, to, |picked, row, range| {
        if flags.iter().any(|flag| flag.is_null(row)) {
            return None;
        }
        let ascending = flags.first().is_none_or(|flag| flag.value(row));
        let nulls_first = flags.get(1).map_or(ascending, |flag| flag.value(row));
        picked.extend(range);
        picked.list_mut().sort_by(|a, b| {
            let (a, b) = (*a as usize, *b as usize);
            match (pool.is_null(a), pool.is_null(b)) {
                (true, true) => Ordering::Equal,
                (true, false) if nulls_first => Ordering::Less,
                (true, false) => Ordering::Greater,
                (false, true) if nulls_first => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) if ascending => pool.value(a).cmp(&pool.value(b)),
                (false, false) => pool.value(b).cmp(&pool.value(a)),
            }
        });
        Some(())
    })
}

/// The elements from one place to another, both within; places below 0 count from the end.
pub(super) fn slice(arrays: &[ArrayRef], to: &DataType) -> Result<ArrayRef> {
    let pool = Pool::of(&arrays[..1], 1)?;
    let begins = arrays[1].as_primitive::<Int64Type>();
    let ends = arrays.get(2).map(AsArray::as_primitive::<Int64Type>);
    each(&pool, to, |picked, row, range| {
        if begins.is_null(row) || ends.is_some_and(|ends| ends.is_null(row)) {
            return None;
        }
        let length = range.len() as i64;
        let place = |given: i64| match given {
            0 => 1,
            below if below < 0 => below.saturating_add(length + 1),
            above => above,
        };
        let begin = place(begins.value(row)).max(1);
        let end = ends.map_or(length, |ends| place(ends.value(row)).min(length));
        if begin <= end {
            picked.extend(range.skip(begin as usize - 1).take((end - begin) as usize + 1));
        }
        Some(())
    })
}

/// The texts behind each other with a text between them; NULLs are left out, or are another text.
pub(super) fn join(arrays: &[ArrayRef]) -> ArrayRef {
    let lists = arrays[0].as_list::<i32>();
    let texts: &StringArray = lists.values().as_string();
    let others: Vec<&StringArray> = arrays[1..].iter().map(AsArray::as_string).collect();
    let mut out = StringBuilder::new();
    for row in 0..lists.len() {
        let Some(range) = range(lists, row).filter(|_| others.iter().all(|o| o.is_valid(row)))
        else {
            out.append_null();
            continue;
        };
        let mut between = "";
        for place in range {
            let text = texts.is_valid(place).then(|| texts.value(place));
            let Some(text) = text.or_else(|| others.get(1).map(|o| o.value(row))) else { continue };
            // Writing to a builder cannot fail.
            let _ = out.write_str(between);
            let _ = out.write_str(text);
            between = others[0].value(row);
        }
        out.append_value("");
    }
    Arc::new(out.finish())
}

/// The parts of a text between others, or its letters if those are empty; none of an empty text.
pub(super) fn split(arrays: &[ArrayRef], to: &DataType) -> Result<ArrayRef> {
    let [texts, delimiters]: [&StringArray; 2] = [arrays[0].as_string(), arrays[1].as_string()];
    let mut parts = StringBuilder::new();
    let mut ends = Vec::with_capacity(texts.len());
    let mut valid = NullBufferBuilder::new(texts.len());
    for row in 0..texts.len() {
        if texts.is_null(row) || delimiters.is_null(row) {
            valid.append_null();
        } else {
            valid.append_non_null();
            let (text, delimiter) = (texts.value(row), delimiters.value(row));
            if text.is_empty() {
                // Unlike the library's, which gives one empty part.
            } else if delimiter.is_empty() {
                let letters = text.char_indices().map(|(at, c)| &text[at..at + c.len_utf8()]);
                letters.for_each(|letter| parts.append_value(letter));
            } else {
                text.split(delimiter).for_each(|part| parts.append_value(part));
            }
        }
        ends.push(arrow::array::ArrayBuilder::len(&parts));
    }
    list_of(Arc::new(parts.finish()), &ends, valid, to)
}
