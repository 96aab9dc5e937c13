//! Kernels of functions of MAPs. A key is there once: what comes last counts.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int32Array, ListArray, MapArray, NullBufferBuilder, StructArray,
    UInt32Array,
};
use arrow::compute::{concat, interleave, take};
use arrow::datatypes::{DataType, Int32Type};
use arrow::row::{RowConverter, Rows, SortField};
use datafusion_common::{Result, exec_err};

use super::lists::{offsets, range};

/// Maps by the places of their entries' keys and values, row by row.
struct Entries {
    keys: ArrayRef,
    values: ArrayRef,
    key_rows: Rows,
    places: Vec<[u32; 2]>,
    ends: Vec<usize>,
    valid: NullBufferBuilder,
}

impl Entries {
    fn of(keys: ArrayRef, values: ArrayRef, rows: usize) -> Result<Self> {
        let key_rows = rows_of(&keys)?;
        Ok(Self {
            keys,
            values,
            key_rows,
            places: Vec::with_capacity(rows),
            ends: Vec::with_capacity(rows),
            valid: NullBufferBuilder::new(rows),
        })
    }

    /// Makes the maps of all rows: `entries` gives those of a row, none for NULL.
    fn fill<I: Iterator<Item = [usize; 2]>>(
        mut self,
        rows: usize,
        to: &DataType,
        entries: impl Fn(usize) -> Result<Option<I>>,
    ) -> Result<ArrayRef> {
        let (key_rows, places) = (&self.key_rows, &mut self.places);
        let mut found = HashMap::new();
        for row in 0..rows {
            match entries(row)? {
                None => self.valid.append_null(),
                Some(entries) => {
                    self.valid.append_non_null();
                    found.clear();
                    for [key, value] in entries {
                        let place = *found.entry(key_rows.row(key)).or_insert(places.len());
                        if place == places.len() {
                            places.push([key as u32, value as u32]);
                        } else {
                            places[place][1] = value as u32;
                        }
                    }
                }
            }
            self.ends.push(places.len());
        }
        self.build(to)
    }

    fn build(mut self, to: &DataType) -> Result<ArrayRef> {
        let DataType::Map(field, _) = to else { return exec_err!("{to} is no type of maps") };
        let DataType::Struct(fields) = field.data_type() else {
            return exec_err!("{to} is no type of maps");
        };
        let part = |array: &ArrayRef, part: usize| {
            let places: UInt32Array = self.places.iter().map(|place| Some(place[part])).collect();
            take(array, &places, None)
        };
        let keys = part(&self.keys, 0)?;
        if keys.null_count() > 0 {
            return exec_err!("a key of a MAP is NULL");
        }
        let columns = vec![keys, part(&self.values, 1)?];
        let entries = StructArray::try_new(fields.clone(), columns, None)?;
        let (offsets, valid) = (offsets(&self.ends)?, self.valid.finish());
        Ok(Arc::new(MapArray::try_new(Arc::clone(field), offsets, entries, valid, false)?))
    }
}

fn rows_of(array: &ArrayRef) -> Result<Rows> {
    let converter = RowConverter::new(vec![SortField::new(array.data_type().clone())])?;
    Ok(converter.convert_columns(std::slice::from_ref(array))?)
}

/// The elements of lists with how often each is there, in the order in which they come first.
pub(super) fn counted(arrays: &[ArrayRef], to: &DataType) -> Result<ArrayRef> {
    let lists = arrays[0].as_list::<i32>();
    let keys = Arc::clone(lists.values());
    let key_rows = rows_of(&keys)?;
    let mut counts: Vec<i32> = Vec::new();
    // The first place of each element, and that of its count.
    let mut entries: Vec<Vec<[usize; 2]>> = Vec::with_capacity(lists.len());
    for row in 0..lists.len() {
        let mut found: HashMap<_, usize> = HashMap::new();
        let mut listed = Vec::new();
        for place in range(lists, row).unwrap_or(0..0) {
            let count = *found.entry(key_rows.row(place)).or_insert(counts.len());
            if count == counts.len() {
                counts.push(0);
                listed.push([place, count]);
            }
            counts[count] += 1;
        }
        entries.push(listed);
    }
    let counts: ArrayRef = Arc::new(Int32Array::from(counts));
    Entries::of(keys, counts, lists.len())?
        .fill(lists.len(), to, |row| Ok(Some(entries[row].iter().copied())))
}

/// `MAP[k, v, ...]`.
pub(super) fn construct(arrays: &[ArrayRef], to: &DataType) -> Result<ArrayRef> {
    let (rows, entries) = (arrays.first().map_or(0, Array::len), arrays.len() / 2);
    let places: Vec<(usize, usize)> =
        (0..rows).flat_map(|row| (0..entries).map(move |entry| (entry, row))).collect();
    let every = |first: usize| {
        let parts = arrays.iter().skip(first).step_by(2);
        let parts: Vec<&dyn Array> = parts.map(AsRef::as_ref).collect();
        interleave(&parts, &places)
    };
    Entries::of(every(0)?, every(1)?, rows)?.fill(rows, to, |row| {
        Ok(Some((row * entries..(row + 1) * entries).map(|place| [place, place])))
    })
}

/// A list of keys with the list of their values.
pub(super) fn of_arrays(arrays: &[ArrayRef], to: &DataType) -> Result<ArrayRef> {
    let [keys, values]: [&ListArray; 2] = [arrays[0].as_list(), arrays[1].as_list()];
    let entries = Entries::of(Arc::clone(keys.values()), Arc::clone(values.values()), keys.len())?;
    entries.fill(keys.len(), to, |row| {
        let (Some(keys), Some(values)) = (range(keys, row), range(values, row)) else {
            return Ok(None);
        };
        if keys.len() != values.len() {
            return exec_err!("there are {} keys for {} values", keys.len(), values.len());
        }
        Ok(Some(keys.zip(values).map(|(key, value)| [key, value])))
    })
}

/// All entries of several maps.
pub(super) fn union(arrays: &[ArrayRef], to: &DataType) -> Result<ArrayRef> {
    let maps: Vec<&MapArray> = arrays.iter().map(AsArray::as_map).collect();
    let all = |part: fn(&MapArray) -> &ArrayRef| {
        let parts: Vec<&dyn Array> = maps.iter().map(|map| part(map).as_ref()).collect();
        concat(&parts)
    };
    let mut starts = vec![0];
    starts.extend(maps.iter().scan(0, |end, map| {
        *end += map.entries().len();
        Some(*end)
    }));
    let rows = maps.first().map_or(0, Array::len);
    Entries::of(all(MapArray::keys)?, all(MapArray::values)?, rows)?.fill(rows, to, |row| {
        if maps.iter().any(|map| map.is_null(row)) {
            return Ok(None);
        }
        let places = maps.iter().zip(&starts).flat_map(move |(map, start)| {
            let offsets = map.value_offsets();
            offsets[row] as usize + start..offsets[row + 1] as usize + start
        });
        Ok(Some(places.map(|place| [place, place])))
    })
}

/// `map[key]`; NULL where there is none.
pub(super) fn at(arrays: &[ArrayRef]) -> Result<ArrayRef> {
    let map = arrays[0].as_map();
    let all = rows_of(&concat(&[map.keys().as_ref(), arrays[1].as_ref()])?)?;
    let first = map.keys().len();
    let place = |row: usize| {
        if map.is_null(row) || arrays[1].is_null(row) {
            return None;
        }
        let offsets = map.value_offsets();
        let wanted = all.row(first + row);
        let mut places = offsets[row] as usize..offsets[row + 1] as usize;
        places.find(|place| all.row(*place) == wanted).map(|place| place as u32)
    };
    let places: UInt32Array = (0..map.len()).map(place).collect();
    Ok(take(map.values(), &places, None)?)
}

/// How many entries there are.
pub(super) fn cardinality(arrays: &[ArrayRef]) -> ArrayRef {
    let map = arrays[0].as_map();
    let count = |row| map.is_valid(row).then(|| map.value_length(row));
    Arc::new((0..map.len()).map(count).collect::<Int32Array>())
}

/// What of the entries a list is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Keys,
    Values,
    Both,
}

/// The keys, the values or the entries as lists, without a copy.
pub(super) fn part(arrays: &[ArrayRef], part: Part, to: &DataType) -> Result<ArrayRef> {
    let map = arrays[0].as_map();
    let elements = match part {
        Part::Keys => Arc::clone(map.keys()),
        Part::Values => Arc::clone(map.values()),
        Part::Both => Arc::new(map.entries().clone()) as ArrayRef,
    };
    let DataType::List(item) = to else { return exec_err!("{to} is no type of lists") };
    let (offsets, nulls) = (map.offsets().clone(), map.nulls().cloned());
    Ok(Arc::new(ListArray::try_new(Arc::clone(item), offsets, elements, nulls)?))
}

/// The keys of each map as a list, each as often as its value says.
pub(super) fn listed_keys(arrays: &[ArrayRef], to: &DataType) -> Result<ArrayRef> {
    let DataType::List(item) = to else { return exec_err!("{to} is no type of lists") };
    let maps = arrays[0].as_map();
    let counts = maps.values().as_primitive::<Int32Type>();
    let (mut places, mut ends) = (Vec::new(), Vec::with_capacity(maps.len()));
    for (row, entries) in maps.offsets().windows(2).enumerate() {
        let entries = entries[0] as usize..entries[1] as usize;
        for entry in entries.filter(|_| maps.is_valid(row)) {
            places.extend((0..counts.value(entry)).map(|_| entry as u32));
        }
        ends.push(places.len());
    }
    let values = take(maps.keys(), &UInt32Array::from(places), None)?;
    let offsets = offsets(&ends)?;
    Ok(Arc::new(ListArray::try_new(Arc::clone(item), offsets, values, maps.nulls().cloned())?))
}
