//! Values that have others within them: ROW, ARRAY, MAP and MULTISET.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ListArray, MapArray, StructArray, UInt32Array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use arrow::row::{RowConverter, SortField};
use sabot_core::Result;

use super::draw;
use super::fields::Made;
use super::make::{Maker, Rows};
use crate::options::{OptionError, Options};

/// What is within a value.
#[derive(Debug)]
pub(super) enum Parts {
    Row(Fields, Vec<Maker>),
    Array(FieldRef, Box<Maker>),
    /// A MAP, or a MULTISET, which is a MAP to how often its elements are there.
    Map(Map),
}

#[derive(Debug)]
pub(super) struct Map {
    entries: FieldRef,
    fields: Fields,
    /// Of the keys and of the values.
    makers: Box<[Maker; 2]>,
}

impl Parts {
    /// What is within values of `field`; none if nothing is.
    pub(super) fn new(
        options: &Options<'_>,
        made: &BTreeMap<String, Made>,
        field: &Field,
        path: &str,
    ) -> Result<Option<Self>, OptionError> {
        let maker =
            |field: &Field, name: &str| Maker::new(options, made, field, &format!("{path}.{name}"));
        Ok(Some(match field.data_type() {
            DataType::Struct(fields) => {
                let makers = fields.iter().map(|field| maker(field, field.name()));
                Self::Row(fields.clone(), makers.collect::<Result<_, _>>()?)
            }
            DataType::List(item) => {
                Self::Array(Arc::clone(item), Box::new(maker(item, "element")?))
            }
            DataType::Map(entries, _) => {
                let DataType::Struct(fields) = entries.data_type() else { return Ok(None) };
                let [key, value] = fields.as_ref() else { return Ok(None) };
                let element = format!("{path}.element");
                let key_name = if made.contains_key(&element) { "element" } else { "key" };
                Self::Map(Map {
                    entries: Arc::clone(entries),
                    fields: fields.clone(),
                    makers: Box::new([maker(key, key_name)?, maker(value, "value")?]),
                })
            }
            _ => return Ok(None),
        }))
    }

    fn makers(&self) -> &[Maker] {
        match self {
            Self::Row(_, makers) => makers,
            Self::Array(_, maker) => std::slice::from_ref(maker),
            Self::Map(map) => map.makers.as_slice(),
        }
    }

    /// About what they take, of an element where there are several.
    pub(super) fn bytes(&self) -> u64 {
        self.makers().iter().fold(0, |bytes, maker| bytes.saturating_add(maker.bytes))
    }

    pub(super) fn have_times(&self) -> bool {
        self.makers().iter().any(|maker| maker.has_times)
    }

    /// The values of these rows, with `count` elements each. Those that are NULL have no elements, and
    /// their fields are NULL.
    pub(super) fn array(
        &self,
        (rows, key): (&Rows, u64),
        count: u32,
        nulls: Option<NullBuffer>,
    ) -> Result<ArrayRef> {
        let elements = |rows: &Rows| (rows.elements(key, count, nulls.as_ref()), nulls.clone());
        match self {
            Self::Row(fields, makers) => {
                let values = makers.iter().map(|maker| maker.array(rows, nulls.as_ref()));
                let values = values.collect::<Result<Vec<_>>>()?;
                let rows = rows.seeds.len();
                let row = StructArray::try_new_with_length(fields.clone(), values, nulls, rows)?;
                Ok(Arc::new(row))
            }
            Self::Array(item, maker) => {
                let ((rows, ends), nulls) = elements(rows);
                let values = maker.array(&rows, None)?;
                Ok(Arc::new(ListArray::try_new(Arc::clone(item), ends, values, nulls)?))
            }
            Self::Map(map) => {
                let ((rows, ends), nulls) = elements(rows);
                map.array(&rows, ends, nulls)
            }
        }
    }
}

impl Rows {
    /// `count` elements of each row that is not NULL, and where those of each end.
    fn elements(
        &self,
        key: u64,
        count: u32,
        nulls: Option<&NullBuffer>,
    ) -> (Self, OffsetBuffer<i32>) {
        let mut elements = Self::default();
        let has_elements = |index: usize| nulls.is_none_or(|nulls| nulls.is_valid(index));
        for (index, seed) in self.seeds.iter().enumerate().filter(|(index, _)| has_elements(*index))
        {
            let bits = draw::bits(*seed, key);
            elements.seeds.extend((0..u64::from(count)).map(|element| draw::more(bits, element)));
            if let Some(due) = self.due_ms.get(index) {
                elements.due_ms.extend(std::iter::repeat_n(*due, count as usize));
            }
        }
        let length = |index| if has_elements(index) { count as usize } else { 0 };
        (elements, OffsetBuffer::from_lengths((0..self.seeds.len()).map(length)))
    }
}

impl Map {
    /// Of a key that comes twice the later value stays, so that some have fewer elements.
    fn array(
        &self,
        rows: &Rows,
        ends: OffsetBuffer<i32>,
        nulls: Option<NullBuffer>,
    ) -> Result<ArrayRef> {
        let [keys, values] = self.makers.as_ref();
        let (keys, values) = (keys.array(rows, None)?, values.array(rows, None)?);
        let (kept, ends) = without_doubles(&keys, ends)?;
        let kept = |array: ArrayRef| match &kept {
            Some(kept) => take(&array, kept, None),
            None => Ok(array),
        };
        let entries =
            StructArray::try_new(self.fields.clone(), vec![kept(keys)?, kept(values)?], None)?;
        Ok(Arc::new(MapArray::try_new(Arc::clone(&self.entries), ends, entries, nulls, false)?))
    }
}

/// The places of the keys of which no later one of the same map is the same, and where those of each
/// map end; no places if all are so.
fn without_doubles(
    keys: &ArrayRef,
    ends: OffsetBuffer<i32>,
) -> Result<(Option<UInt32Array>, OffsetBuffer<i32>)> {
    let converter = RowConverter::new(vec![SortField::new(keys.data_type().clone())])?;
    let rows = converter.convert_columns(std::slice::from_ref(keys))?;
    let mut seen = HashSet::new();
    let mut places: Vec<u32> = Vec::with_capacity(keys.len());
    let mut lengths = Vec::with_capacity(ends.len() - 1);
    for range in ends.windows(2) {
        let before = places.len();
        seen.clear();
        let last_first = (range[0]..range[1]).rev();
        places.extend(
            last_first
                .filter(|place| seen.insert(rows.row(*place as usize)))
                .map(|place| place as u32),
        );
        places[before..].reverse();
        lengths.push(places.len() - before);
    }
    if places.len() == keys.len() {
        return Ok((None, ends));
    }
    Ok((Some(places.into()), OffsetBuffer::from_lengths(lengths)))
}
