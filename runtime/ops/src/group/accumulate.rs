//! One aggregate of a group: its partial result as columns, and how rows that come and go
//! change it.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, Int64Array, PrimitiveArray,
    UInt32Array,
};
use arrow::compute::{cast, concat, take};
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type, Schema};
use arrow_row::{RowConverter, SortField};
use sabot_core::plan::{AggregateDesc, AggregateFunction};
use sabot_core::row_kind;
use sabot_core::{Error, Result};

use super::{collect, lists};
use crate::window::aggregate::{result_of, state_type};

/// An aggregate whose partial result is one or two columns of the group's row.
pub(crate) struct Accumulator {
    function: AggregateFunction,
    /// Whether all values are kept, of which the first or the last one is the result.
    keeps_all: bool,
    name: String,
    /// The type of the first column of the partial result.
    state_type: DataType,
    data_type: DataType,
}

/// Rows of a batch that an aggregate takes in.
pub(crate) struct Rows<'a> {
    /// The argument; none for `COUNT(*)`.
    pub(crate) values: Option<&'a ArrayRef>,
    /// Each row's group.
    pub(crate) groups: &'a [usize],
    /// 1 for rows that come, -1 for rows that go; none when all come.
    pub(crate) weights: Option<&'a [i64]>,
    /// Which rows count; none when all do.
    pub(crate) filter: Option<&'a BooleanArray>,
}

impl Rows<'_> {
    /// Calls `each` with the row, its group and its weight, for rows whose argument is not null.
    pub(crate) fn each(&self, mut each: impl FnMut(usize, usize, i64)) {
        let nulls = self.values.and_then(Array::logical_nulls);
        for (row, group) in self.groups.iter().enumerate() {
            let counts = nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row))
                && self.filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
            if counts {
                each(row, *group, self.weights.map_or(1, |weights| weights[row]));
            }
        }
    }
}

/// The columns of an aggregate's partial result: names and types.
pub(crate) fn state_columns(
    desc: &AggregateDesc,
    input: &Schema,
) -> impl Iterator<Item = (String, DataType)> + use<> {
    // A sum is null without values, and rows that go may leave none.
    let values = (desc.function == AggregateFunction::Sum)
        .then(|| (format!("{} values", desc.name), DataType::Int64));
    std::iter::once((desc.name.clone(), kept_type(desc, input))).chain(values)
}

/// Of rows that can go again, another value can become the first or the last one.
fn keeps_all(desc: &AggregateDesc, input: &Schema) -> bool {
    matches!(desc.function, AggregateFunction::First | AggregateFunction::Last)
        && row_kind::is_updating(input)
}

fn kept_type(desc: &AggregateDesc, input: &Schema) -> DataType {
    let one = state_type(desc, input);
    if keeps_all(desc, input) { DataType::new_list(one, true) } else { one }
}

impl Accumulator {
    pub(crate) fn new(operator: &str, desc: &AggregateDesc, input: &Schema) -> Result<Self> {
        let state_type = kept_type(desc, input);
        let sums =
            matches!(state_type, DataType::Int64 | DataType::Float64 | DataType::Decimal128(..));
        if desc.function == AggregateFunction::Sum && !sums {
            let name = &desc.name;
            return Err(Error::user(format!(
                "operator {operator}: {name} over a column of type {state_type} is not supported"
            )));
        }
        Ok(Self {
            function: desc.function,
            keeps_all: keeps_all(desc, input),
            name: desc.name.clone(),
            state_type,
            data_type: desc.data_type.clone(),
        })
    }

    /// How many columns a partial result has.
    pub(crate) fn width(&self) -> usize {
        match self.function {
            AggregateFunction::Sum => 2,
            _ => 1,
        }
    }

    /// The partial results of groups (null where there is none yet) with more rows.
    pub(crate) fn add(&self, before: &[ArrayRef], rows: &Rows<'_>) -> Result<Vec<ArrayRef>> {
        if self.keeps_all {
            return Ok(vec![lists::changed(&before[0], self.argument(rows)?, rows)?]);
        }
        match self.function {
            AggregateFunction::Count => Ok(vec![count(&before[0], rows)]),
            AggregateFunction::Sum => self.sum(before, rows),
            AggregateFunction::Min => Ok(vec![self.extreme(&before[0], rows, false)?]),
            AggregateFunction::Max => Ok(vec![self.extreme(&before[0], rows, true)?]),
            AggregateFunction::First => {
                Ok(vec![one(&before[0], self.argument(rows)?, rows, true)?])
            }
            AggregateFunction::Last => {
                Ok(vec![one(&before[0], self.argument(rows)?, rows, false)?])
            }
            AggregateFunction::Values => {
                Ok(vec![lists::changed(&before[0], self.argument(rows)?, rows)?])
            }
            AggregateFunction::Collect => {
                Ok(vec![collect::counted(&before[0], self.argument(rows)?, rows)?])
            }
            AggregateFunction::AllValues => {
                let values = self.argument(rows)?;
                let rows = Rows { values: None, ..*rows };
                Ok(vec![lists::changed(&before[0], values, &rows)?])
            }
        }
    }

    fn argument<'r>(&self, rows: &Rows<'r>) -> Result<&'r ArrayRef> {
        rows.values.ok_or_else(|| Error::user(format!("{} needs an argument", self.name)))
    }

    fn sum(&self, before: &[ArrayRef], rows: &Rows<'_>) -> Result<Vec<ArrayRef>> {
        let values = cast(self.argument(rows)?, &self.state_type)?;
        let sums: ArrayRef = match &self.state_type {
            DataType::Int64 => sums::<Int64Type>(&before[0], &values, rows, |sum, v, w| {
                sum.wrapping_add(v.wrapping_mul(w))
            }),
            DataType::Float64 => {
                sums::<Float64Type>(&before[0], &values, rows, |sum, v, w| sum + v * w as f64)
            }
            _ => sums::<Decimal128Type>(&before[0], &values, rows, |sum, v, w| {
                sum.wrapping_add(v.wrapping_mul(i128::from(w)))
            }),
        };
        Ok(vec![cast(&sums, &self.state_type)?, count(&before[1], rows)])
    }

    /// The extreme of rows that only come.
    fn extreme(&self, before: &ArrayRef, rows: &Rows<'_>, highest: bool) -> Result<ArrayRef> {
        let values = self.argument(rows)?;
        let groups = before.len();
        let all = concat(&[before.as_ref(), cast(values, &self.state_type)?.as_ref()])?;
        let converter = RowConverter::new(vec![SortField::new(self.state_type.clone())])?;
        let ordered = converter.convert_columns(std::slice::from_ref(&all))?;
        let mut best: Vec<Option<u32>> =
            (0..groups).map(|group| before.is_valid(group).then_some(group as u32)).collect();
        rows.each(|row, group, _| {
            let candidate = groups + row;
            let better = best[group].is_none_or(|best| {
                let (best, new) = (ordered.row(best as usize), ordered.row(candidate));
                if highest { new > best } else { new < best }
            });
            if better {
                best[group] = Some(candidate as u32);
            }
        });
        Ok(take(&all, &UInt32Array::from(best), None)?)
    }

    /// The results of partial results.
    pub(crate) fn result(&self, partial: &[ArrayRef]) -> Result<ArrayRef> {
        let accumulated = match self.function {
            AggregateFunction::Sum => {
                let counts = partial[1].as_primitive::<Int64Type>();
                let none = BooleanArray::from_unary(counts, |count| count == 0);
                arrow::compute::nullif(&partial[0], &none)?
            }
            function if self.keeps_all => {
                lists::end_of(&partial[0], function == AggregateFunction::First)?
            }
            _ => Arc::clone(&partial[0]),
        };
        result_of(accumulated, &self.data_type)
    }
}

/// The first or the last value of each group with more rows.
fn one(before: &ArrayRef, values: &ArrayRef, rows: &Rows<'_>, first: bool) -> Result<ArrayRef> {
    let groups = before.len();
    let mut chosen: Vec<Option<u32>> =
        (0..groups).map(|group| before.is_valid(group).then_some(group as u32)).collect();
    rows.each(|row, group, _| {
        if !first || chosen[group].is_none() {
            chosen[group] = Some((groups + row) as u32);
        }
    });
    let all = concat(&[before.as_ref(), values.as_ref()])?;
    Ok(take(&all, &UInt32Array::from(chosen), None)?)
}

/// Counts of groups with more rows.
pub(crate) fn count(before: &ArrayRef, rows: &Rows<'_>) -> ArrayRef {
    let before = before.as_primitive::<Int64Type>();
    let mut counts: Vec<i64> = before.iter().map(Option::unwrap_or_default).collect();
    rows.each(|_, group, weight| counts[group] += weight);
    Arc::new(Int64Array::from(counts))
}

fn sums<T: ArrowPrimitiveType>(
    before: &ArrayRef,
    values: &ArrayRef,
    rows: &Rows<'_>,
    add: impl Fn(T::Native, T::Native, i64) -> T::Native,
) -> ArrayRef {
    let before = before.as_primitive::<T>();
    let values = values.as_primitive::<T>();
    let mut sums: Vec<T::Native> = before.iter().map(Option::unwrap_or_default).collect();
    rows.each(|row, group, weight| sums[group] = add(sums[group], values.value(row), weight));
    let sums = PrimitiveArray::<T>::new(sums.into(), None);
    Arc::new(sums.with_data_type(before.data_type().clone()))
}
