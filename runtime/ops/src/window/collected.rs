//! Aggregates that keep values: those that the order of rows makes a difference to, and those of
//! each value once, or with how often it is there.
//!
//! The partial result is a list of values, each beside its row's number where the order counts, or
//! beside how often it is there. So it does not matter in which order parts are merged: those of
//! slices, of sessions that become one, of what came before and after a snapshot.

mod multisets;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, ListArray, NullBufferBuilder, StructArray,
    UInt32Array, new_empty_array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{interleave, sum, take};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Decimal128Type, Field, Fields, Float64Type, Int64Type,
};
use arrow_row::{RowConverter, SortField};
use datafusion_common::{DataFusionError, Result as AccumulatorResult};
use datafusion_expr::{EmitTo, GroupsAccumulator};
use sabot_core::plan::{AggregateDesc, AggregateFunction};
use sabot_core::{Error, Result};

/// Which of a group's values are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keeps {
    First,
    Last,
    All,
    /// Each once.
    Different,
    /// Each once, with how often it is there.
    Counted,
}

/// What an aggregate of this kind keeps.
#[derive(Debug, Clone)]
pub(super) struct Collected {
    function: AggregateFunction,
    keeps: Keeps,
    /// The values' type.
    value: DataType,
    /// The result's type.
    result: DataType,
}

/// The fields of a value beside its row's number.
fn numbered(value: &DataType) -> Fields {
    let number = Field::new("number", DataType::Int64, true);
    Fields::from(vec![number, Field::new("value", value.clone(), true)])
}

/// Values beside the numbers of their rows.
pub(super) fn beside(numbers: &ArrayRef, values: ArrayRef) -> Result<ArrayRef> {
    let fields = numbered(values.data_type());
    Ok(Arc::new(StructArray::try_new(fields, vec![Arc::clone(numbers), values], None)?))
}

impl Collected {
    /// That of an aggregate over values of this type; none when it keeps no values.
    pub(super) fn of(desc: &AggregateDesc, value: &DataType) -> Option<Self> {
        use AggregateFunction::{AllValues, Collect, Count, First, Last, Sum, Values};
        let keeps = match desc.function {
            First => Keeps::First,
            Last => Keeps::Last,
            Values | AllValues if !desc.distinct => Keeps::All,
            Values | AllValues | Collect | Count | Sum if desc.distinct => Keeps::Different,
            Collect => Keeps::Counted,
            _ => return None,
        };
        let (value, result) = (value.clone(), desc.data_type.clone());
        Some(Self { function: desc.function, keeps, value, result })
    }

    /// Whether rows are numbered.
    pub(super) fn is_ordered(&self) -> bool {
        self.function.is_ordered()
    }

    /// Whether values of the partial result stand beside numbers: of rows, or how often they are
    /// there.
    fn has_numbers(&self) -> bool {
        self.is_ordered() || self.keeps == Keeps::Counted
    }

    /// The type of an element of the partial result.
    fn element(&self) -> DataType {
        if self.has_numbers() {
            DataType::Struct(numbered(&self.value))
        } else {
            self.value.clone()
        }
    }

    /// The type of the partial result.
    pub(super) fn state_type(&self) -> DataType {
        DataType::new_list(self.element(), true)
    }

    pub(super) fn accumulator(&self) -> Result<Box<dyn GroupsAccumulator>> {
        let converter = match self.keeps {
            Keeps::Different | Keeps::Counted => {
                Some(RowConverter::new(vec![SortField::new(self.value.clone())])?)
            }
            _ => None,
        };
        Ok(Box::new(Lists {
            of: self.clone(),
            converter,
            known: HashMap::new(),
            groups: Vec::new(),
            chunks: Vec::new(),
            chunk_rows: 0,
            entries: 0,
        }))
    }

    /// The results of partial results.
    pub(super) fn results(&self, partial: &ArrayRef) -> Result<ArrayRef> {
        let lists = partial.as_list::<i32>();
        let values = match self.has_numbers() {
            true => Arc::clone(lists.values().as_struct().column(1)),
            false => Arc::clone(lists.values()),
        };
        match self.function {
            AggregateFunction::Collect => {
                let counts = self.has_numbers().then(|| lists.values().as_struct().column(0));
                multisets::of(lists, &values, counts, &self.result)
            }
            AggregateFunction::First | AggregateFunction::Last => {
                let first = lists.offsets().iter().zip(0..lists.len());
                let first = first.map(|(at, row)| lists.is_valid(row).then_some(*at as u32));
                Ok(take(&values, &first.collect::<UInt32Array>(), None)?)
            }
            AggregateFunction::Count => {
                let counts = (0..lists.len()).map(|row| {
                    if lists.is_valid(row) { i64::from(lists.value_length(row)) } else { 0 }
                });
                Ok(Arc::new(Int64Array::from_iter_values(counts)))
            }
            AggregateFunction::Sum => match &self.value {
                DataType::Int64 => Ok(sums::<Int64Type>(lists, &values)),
                DataType::Float64 => Ok(sums::<Float64Type>(lists, &values)),
                DataType::Decimal128(..) => Ok(sums::<Decimal128Type>(lists, &values)),
                other => Err(Error::user(format!("different values of type {other} have no sum"))),
            },
            _ => {
                let field = Arc::new(Field::new_list_field(self.value.clone(), true));
                let (offsets, nulls) = (lists.offsets().clone(), lists.nulls().cloned());
                Ok(Arc::new(ListArray::try_new(field, offsets, values, nulls)?))
            }
        }
    }
}

/// The sum of each list; it wraps. Null for none.
fn sums<T: ArrowPrimitiveType>(lists: &ListArray, values: &ArrayRef) -> ArrayRef {
    let values = values.as_primitive::<T>();
    let of = |row: usize| {
        let (begin, rows) = (lists.value_offsets()[row], lists.value_length(row));
        sum(&values.slice(begin as usize, rows as usize)).filter(|_| lists.is_valid(row))
    };
    let sums: arrow::array::PrimitiveArray<T> = (0..lists.len()).map(of).collect();
    Arc::new(sums.with_data_type(values.data_type().clone()))
}

/// A value: its row's number or how often it is there, and where it is.
#[derive(Debug, Clone, Copy)]
struct Entry {
    number: i64,
    chunk: u32,
    row: u32,
}

/// The values of groups.
struct Lists {
    of: Collected,
    /// Tells different values apart.
    converter: Option<RowConverter>,
    /// Of different values, each with its group, the place in the group's entries.
    known: HashMap<Vec<u8>, usize>,
    groups: Vec<Vec<Entry>>,
    chunks: Vec<ArrayRef>,
    /// The rows of all chunks.
    chunk_rows: usize,
    /// The entries of all groups.
    entries: usize,
}

/// Rows of chunks that are not worth to be cleared of those that no group has any more.
const ROWS_MIN: usize = 8192;

impl Lists {
    /// Adds values to groups: `places` are the values' rows and groups.
    fn add(
        &mut self,
        values: &ArrayRef,
        numbers: Option<&Int64Array>,
        places: &[(usize, usize)],
    ) -> AccumulatorResult<()> {
        if places.is_empty() {
            return Ok(());
        }
        let rows = UInt32Array::from_iter_values(places.iter().map(|(row, _)| *row as u32));
        let values = take(values, &rows, None)?;
        let bytes = match &self.converter {
            Some(converter) => Some(converter.convert_columns(std::slice::from_ref(&values))?),
            None => None,
        };
        let chunk = self.chunks.len() as u32;
        for (at, (row, group)) in places.iter().enumerate() {
            // A value that is counted is there once.
            let number = numbers.map_or(1, |numbers| numbers.value(*row));
            let entry = Entry { number, chunk, row: at as u32 };
            let entries = &mut self.groups[*group];
            let known = match (&bytes, self.of.keeps) {
                (Some(bytes), _) => {
                    let mut key = group.to_le_bytes().to_vec();
                    key.extend_from_slice(bytes.row(at).as_ref());
                    let place = *self.known.entry(key).or_insert(entries.len());
                    entries.get_mut(place)
                }
                (None, Keeps::First | Keeps::Last) => entries.first_mut(),
                (None, _) => None,
            };
            match known {
                None => {
                    entries.push(entry);
                    self.entries += 1;
                }
                Some(known) if self.of.keeps == Keeps::Counted => known.number += number,
                Some(known) => {
                    let replaces = match self.of.keeps {
                        Keeps::Last => number > known.number,
                        _ => number < known.number,
                    };
                    if replaces {
                        *known = entry;
                    }
                }
            }
        }
        self.chunk_rows += values.len();
        self.chunks.push(values);
        self.clear()
    }

    /// Copies the values that groups have when most of what is kept is not.
    fn clear(&mut self) -> AccumulatorResult<()> {
        if self.chunk_rows <= ROWS_MIN + 2 * self.entries {
            return Ok(());
        }
        let values = self.values()?;
        let places = self.groups.iter_mut().flatten();
        for (row, entry) in (0_u32..).zip(places) {
            (entry.chunk, entry.row) = (0, row);
        }
        self.chunk_rows = values.len();
        self.chunks = vec![values];
        Ok(())
    }

    /// The values of all groups, one after the other.
    fn values(&self) -> AccumulatorResult<ArrayRef> {
        if self.chunks.is_empty() {
            return Ok(new_empty_array(&self.of.value));
        }
        let chunks: Vec<&dyn Array> = self.chunks.iter().map(AsRef::as_ref).collect();
        let places = self.groups.iter().flatten().map(|e| (e.chunk as usize, e.row as usize));
        Ok(interleave(&chunks, &places.collect::<Vec<_>>())?)
    }

    fn take_all(&mut self, emit_to: EmitTo) -> AccumulatorResult<ArrayRef> {
        if emit_to != EmitTo::All {
            return Err(DataFusionError::NotImplemented("some of the groups".to_owned()));
        }
        if i32::try_from(self.entries).is_err() {
            return Err(DataFusionError::Execution("the lists of values are too long".to_owned()));
        }
        if self.of.is_ordered() {
            for entries in &mut self.groups {
                entries.sort_unstable_by_key(|entry| entry.number);
            }
        }
        let values = self.values()?;
        let mut valid = NullBufferBuilder::new(self.groups.len());
        for entries in &self.groups {
            valid.append(!entries.is_empty());
        }
        let offsets = OffsetBuffer::from_lengths(self.groups.iter().map(Vec::len));
        let elements: ArrayRef = if self.of.has_numbers() {
            let numbers = self.groups.iter().flatten().map(|entry| entry.number);
            let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(numbers));
            Arc::new(StructArray::try_new(numbered(&self.of.value), vec![numbers, values], None)?)
        } else {
            values
        };
        self.groups.clear();
        self.known.clear();
        self.chunks.clear();
        (self.chunk_rows, self.entries) = (0, 0);
        let field = Arc::new(Field::new_list_field(self.of.element(), true));
        Ok(Arc::new(ListArray::try_new(field, offsets, elements, valid.finish())?))
    }

    /// Values and the numbers beside them, if they are there.
    fn parts(elements: &ArrayRef, numbered: bool) -> (&ArrayRef, Option<&Int64Array>) {
        if !numbered {
            return (elements, None);
        }
        let parts = elements.as_struct();
        (parts.column(1), Some(parts.column(0).as_primitive()))
    }
}

impl GroupsAccumulator for Lists {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> AccumulatorResult<()> {
        self.groups.resize(total_num_groups, Vec::new());
        let (values, numbers) = Self::parts(&values[0], self.of.is_ordered());
        let nulls = match self.of.function {
            AggregateFunction::AllValues => None,
            _ => values.logical_nulls(),
        };
        let counts = |row: usize| {
            nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row))
                && opt_filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row))
        };
        let places = group_indices.iter().enumerate().filter(|(row, _)| counts(*row));
        let places: Vec<(usize, usize)> = places.map(|(row, group)| (row, *group)).collect();
        self.add(values, numbers, &places)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> AccumulatorResult<ArrayRef> {
        self.take_all(emit_to)
    }

    fn state(&mut self, emit_to: EmitTo) -> AccumulatorResult<Vec<ArrayRef>> {
        Ok(vec![self.take_all(emit_to)?])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> AccumulatorResult<()> {
        self.groups.resize(total_num_groups, Vec::new());
        let lists = values[0].as_list::<i32>();
        let (values, numbers) = Self::parts(lists.values(), self.of.has_numbers());
        let mut places = Vec::new();
        for (row, group) in group_indices.iter().enumerate() {
            if lists.is_valid(row) {
                let offsets = lists.value_offsets();
                let elements = offsets[row] as usize..offsets[row + 1] as usize;
                places.extend(elements.map(|element| (element, *group)));
            }
        }
        self.add(values, numbers, &places)
    }

    fn convert_to_state(
        &self,
        _values: &[ArrayRef],
        _opt_filter: Option<&BooleanArray>,
    ) -> AccumulatorResult<Vec<ArrayRef>> {
        Err(DataFusionError::NotImplemented("rows as partial results".to_owned()))
    }

    fn size(&self) -> usize {
        let chunks: usize = self.chunks.iter().map(Array::get_array_memory_size).sum();
        chunks + self.entries * size_of::<Entry>() + self.known.len() * size_of::<usize>()
    }
}
