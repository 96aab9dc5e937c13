//! The aggregates over frames: the answers of all rows of a batch at once.
//!
//! Sums and counts are differences of running ones (of floats they are added up, since a difference
//! would not be exact); extremes, first and last values are places of values. Where frames begin
//! with a key's first row, an answer goes on from what the key's last one was.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowNativeTypeOp, ArrowPrimitiveType, AsArray, BooleanArray, Float64Array,
    Int64Array, PrimitiveArray, UInt32Array,
};
use arrow::buffer::NullBuffer;
use arrow::compute::{cast, concat, nullif, take};
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type, Schema};
use arrow_row::{RowConverter, SortField};
use sabot_core::plan::{AggregateDesc, AggregateFunction, Frame, OverAggregateDesc, OverFunction};
use sabot_core::{Error, Result};

use super::frame::Frames;
use super::{different, listed};
use crate::window::aggregate::{result_of, state_type};

/// One aggregate over a frame.
pub(super) struct OverAggregate {
    function: OverFunction,
    name: String,
    argument: Option<usize>,
    distinct: bool,
    /// What the argument is cast to.
    value_type: DataType,
    data_type: DataType,
}

/// The type in which an aggregate's argument is computed with.
pub(super) fn value_type(desc: &OverAggregateDesc, input: &Schema) -> DataType {
    use AggregateFunction::{AllValues, Count, Values};
    let argument = || desc.argument.map(|column| input.field(column).data_type().clone());
    match desc.function {
        OverFunction::Aggregate(function) if !matches!(function, Count | Values | AllValues) => {
            let desc = AggregateDesc {
                name: String::new(),
                function,
                argument: desc.argument,
                distinct: false,
                filter: None,
                data_type: desc.data_type.clone(),
            };
            state_type(&desc, input)
        }
        _ => argument().unwrap_or(DataType::Int64),
    }
}

/// Whether answers go on from the key's last one.
pub(super) fn is_carried(function: OverFunction, frame: Frame) -> bool {
    match function {
        OverFunction::RowNumber => true,
        OverFunction::Lag(_) => false,
        OverFunction::Aggregate(_) | OverFunction::FirstValue | OverFunction::LastValue => {
            matches!(frame, Frame::Rows(None) | Frame::Range(None))
        }
    }
}

/// The columns of what is carried on of an aggregate: names and types.
pub(super) fn carried_columns(
    desc: &OverAggregateDesc,
    frame: Frame,
    input: &Schema,
) -> Vec<(String, DataType)> {
    if !is_carried(desc.function, frame) {
        return Vec::new();
    }
    let name = desc.name.clone();
    match desc.function {
        OverFunction::Aggregate(AggregateFunction::Count) | OverFunction::RowNumber => {
            vec![(name, DataType::Int64)]
        }
        OverFunction::Aggregate(AggregateFunction::Sum) => {
            let values = (format!("{name} values"), DataType::Int64);
            vec![(name, value_type(desc, input)), values]
        }
        OverFunction::Aggregate(AggregateFunction::Values | AggregateFunction::AllValues) => {
            vec![(name, desc.data_type.clone())]
        }
        _ => vec![(name, value_type(desc, input))],
    }
}

impl OverAggregate {
    pub(super) fn new(operator: &str, desc: &OverAggregateDesc, input: &Schema) -> Result<Self> {
        let value_type = value_type(desc, input);
        let sums =
            matches!(value_type, DataType::Int64 | DataType::Float64 | DataType::Decimal128(..));
        let is_sum = desc.function == OverFunction::Aggregate(AggregateFunction::Sum);
        if is_sum && (!sums || desc.argument.is_none()) {
            let name = &desc.name;
            return Err(Error::user(format!(
                "operator {operator}: {name} over a column of type {value_type} is not supported"
            )));
        }
        Ok(Self {
            function: desc.function,
            name: desc.name.clone(),
            argument: desc.argument,
            distinct: desc.distinct,
            value_type,
            data_type: desc.data_type.clone(),
        })
    }

    /// How many columns of its answers are carried on.
    pub(super) fn carried(&self, frame: Frame) -> usize {
        match self.function {
            _ if !is_carried(self.function, frame) => 0,
            OverFunction::Aggregate(AggregateFunction::Sum) => 2,
            _ => 1,
        }
    }

    /// The argument's column in the input.
    pub(super) fn argument(&self) -> Option<usize> {
        self.argument
    }

    /// The argument's values, as they are computed with.
    pub(super) fn values(&self, values: &ArrayRef) -> Result<ArrayRef> {
        Ok(cast(values, &self.value_type)?)
    }

    /// What is computed with values.
    pub(super) fn value_type(&self) -> &DataType {
        &self.value_type
    }

    /// The answers of frames that begin anywhere, without anything that is carried on, of values of
    /// which equal ones count once.
    fn different(&self, values: &ArrayRef, frames: &Frames) -> Result<Vec<ArrayRef>> {
        let counts = different::counts(values, frames)?;
        match self.function {
            OverFunction::Aggregate(AggregateFunction::Count) => Ok(vec![counts]),
            OverFunction::Aggregate(AggregateFunction::Sum) => {
                Ok(vec![different::sums(values, frames)?, counts])
            }
            _ => Err(Error::user(format!("{} is not computed over a frame", self.name))),
        }
    }

    /// The answers of a batch, as columns of what is carried on. `values` is the argument of all
    /// rows of `frames`; `carried` has a row for each of its keys, null where a key has none. Where
    /// equal values count once and something is carried on, values that came before are null.
    pub(super) fn answers(
        &self,
        values: Option<&ArrayRef>,
        frames: &Frames,
        carried: &[ArrayRef],
    ) -> Result<Vec<ArrayRef>> {
        use AggregateFunction as Of;
        use OverFunction as F;
        let values = || {
            let none = || Error::user(format!("{} needs an argument", self.name));
            self.values(values.ok_or_else(none)?)
        };
        if self.distinct && carried.is_empty() {
            return self.different(&values()?, frames);
        }
        match self.function {
            F::RowNumber => Ok(vec![row_numbers(frames, counts_of(carried.first()))]),
            F::Aggregate(Of::Count) => {
                let nulls = self.argument.map(|_| values()).transpose()?;
                let nulls = nulls.as_ref().and_then(Array::logical_nulls);
                Ok(vec![counts(nulls.as_ref(), frames, counts_of(carried.first()))])
            }
            F::Aggregate(Of::Sum) => self.sums(&values()?, frames, carried),
            F::Aggregate(Of::Min) => pick(&values()?, carried, |all, carry| {
                extremes(all, &self.value_type, frames, carry, false)
            }),
            F::Aggregate(Of::Max) => pick(&values()?, carried, |all, carry| {
                extremes(all, &self.value_type, frames, carry, true)
            }),
            F::Aggregate(Of::Values) => listed::lists(&values()?, frames, carried.first(), false),
            F::Aggregate(Of::AllValues) => listed::lists(&values()?, frames, carried.first(), true),
            F::Aggregate(Of::First | Of::Last | Of::Collect) => {
                Err(Error::user(format!("{} is not computed over a frame", self.name)))
            }
            F::FirstValue => pick(&values()?, carried, |all, carry| Ok(firsts(all, frames, carry))),
            F::LastValue => pick(&values()?, carried, |all, carry| Ok(lasts(all, frames, carry))),
            F::Lag(offset) => pick(&values()?, &[], |_, _| Ok(lags(offset, frames))),
        }
    }

    /// The result of answers.
    pub(super) fn result(&self, answers: &[ArrayRef]) -> Result<ArrayRef> {
        let result = match answers {
            [sums, counts] => {
                let counts = counts.as_primitive::<Int64Type>();
                nullif(sums, &BooleanArray::from_unary(counts, |count| count == 0))?
            }
            [values, ..] => Arc::clone(values),
            [] => return Err(Error::user(format!("{} has no answers", self.name))),
        };
        result_of(result, &self.data_type)
    }

    fn sums(
        &self,
        values: &ArrayRef,
        frames: &Frames,
        carried: &[ArrayRef],
    ) -> Result<Vec<ArrayRef>> {
        let nulls = values.logical_nulls();
        let counts = counts(nulls.as_ref(), frames, counts_of(carried.get(1)));
        let sums: ArrayRef = match &self.value_type {
            DataType::Int64 => exact_sums::<Int64Type>(values, frames, carried.first()),
            DataType::Float64 => float_sums(values.as_primitive(), frames, carried.first()),
            _ => exact_sums::<Decimal128Type>(values, frames, carried.first()),
        };
        Ok(vec![cast(&sums, &self.value_type)?, counts])
    }
}

/// Values at the places that `places` finds among all values, behind which the carried ones stand:
/// it is told where they begin.
fn pick(
    values: &ArrayRef,
    carried: &[ArrayRef],
    places: impl FnOnce(&ArrayRef, Option<usize>) -> Result<Vec<Option<u32>>>,
) -> Result<Vec<ArrayRef>> {
    let (all, carry) = match carried {
        [carried, ..] => (concat(&[values.as_ref(), carried.as_ref()])?, Some(values.len())),
        [] => (Arc::clone(values), None),
    };
    let places = UInt32Array::from(places(&all, carry)?);
    Ok(vec![take(&all, &places, None)?])
}

fn counts_of(carried: Option<&ArrayRef>) -> Option<&Int64Array> {
    carried.map(AsArray::as_primitive::<Int64Type>)
}

fn value_of<T: ArrowPrimitiveType>(column: Option<&PrimitiveArray<T>>, row: usize) -> T::Native {
    match column {
        Some(column) if column.is_valid(row) => column.value(row),
        _ => T::Native::default(),
    }
}

fn row_numbers(frames: &Frames, carried: Option<&Int64Array>) -> ArrayRef {
    let numbers = frames.keys.iter().enumerate().flat_map(|(key, rows)| {
        let before = value_of(carried, key);
        (1..=rows.answered().len() as i64).map(move |number| before + number)
    });
    Arc::new(Int64Array::from_iter_values(numbers))
}

fn counts(nulls: Option<&NullBuffer>, frames: &Frames, carried: Option<&Int64Array>) -> ArrayRef {
    let mut running = Vec::new();
    if let Some(nulls) = nulls {
        running.reserve(nulls.len() + 1);
        running.push(0_i64);
        let mut count = 0;
        running.extend(nulls.iter().map(|valid| {
            count += i64::from(valid);
            count
        }));
    }
    let mut answers = Vec::with_capacity(frames.len());
    for (key, (_, bounds)) in frames.iter().enumerate() {
        let before = value_of(carried, key);
        answers.extend(bounds.iter().map(|frame| match nulls {
            None => before + frame.len() as i64,
            Some(_) => before + running[frame.end] - running[frame.start],
        }));
    }
    Arc::new(Int64Array::from(answers))
}

/// Sums that wrap around.
fn exact_sums<T>(values: &ArrayRef, frames: &Frames, carried: Option<&ArrayRef>) -> ArrayRef
where
    T: ArrowPrimitiveType,
    T::Native: ArrowNativeTypeOp,
{
    let values = values.as_primitive::<T>();
    let carried = carried.map(AsArray::as_primitive::<T>);
    let mut running = Vec::with_capacity(values.len() + 1);
    let mut sum = T::Native::default();
    running.push(sum);
    for value in values {
        sum = sum.add_wrapping(value.unwrap_or_default());
        running.push(sum);
    }
    let mut answers: Vec<T::Native> = Vec::with_capacity(frames.len());
    for (key, (_, bounds)) in frames.iter().enumerate() {
        let before = value_of(carried, key);
        answers.extend(bounds.iter().map(|frame| {
            before.add_wrapping(running[frame.end].sub_wrapping(running[frame.start]))
        }));
    }
    let answers = PrimitiveArray::<T>::new(answers.into(), None);
    Arc::new(answers.with_data_type(values.data_type().clone()))
}

fn float_sums(values: &Float64Array, frames: &Frames, carried: Option<&ArrayRef>) -> ArrayRef {
    let carried = carried.map(AsArray::as_primitive::<Float64Type>);
    let sum_of = |rows: std::ops::Range<usize>| -> f64 {
        rows.map(|row| if values.is_valid(row) { values.value(row) } else { 0.0 }).sum()
    };
    let mut answers = Vec::with_capacity(frames.len());
    for (key, (_, bounds)) in frames.iter().enumerate() {
        let before = value_of(carried, key);
        let (mut known, mut sum) = (0..0, 0.0);
        for frame in bounds {
            // Of a frame that begins elsewhere all is added up anew.
            if known.start != frame.start || known.is_empty() {
                known = frame.start..frame.start;
                sum = before;
            }
            sum += sum_of(known.end..frame.end);
            known.end = frame.end;
            answers.push(sum);
        }
    }
    Arc::new(Float64Array::from(answers))
}

/// The places of the lowest or highest values.
fn extremes(
    values: &ArrayRef,
    value_type: &DataType,
    frames: &Frames,
    carry: Option<usize>,
    highest: bool,
) -> Result<Vec<Option<u32>>> {
    let converter = RowConverter::new(vec![SortField::new(value_type.clone())])?;
    let ordered = converter.convert_columns(std::slice::from_ref(values))?;
    let nulls = values.logical_nulls();
    let is_valid = |row: usize| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
    let is_better = |row: usize, than: usize| {
        let (row, than) = (ordered.row(row), ordered.row(than));
        if highest { row > than } else { row < than }
    };
    let mut answers = Vec::with_capacity(frames.len());
    // Rows of the frame that are better than all behind them.
    let mut best: VecDeque<usize> = VecDeque::new();
    for (key, (_, bounds)) in frames.iter().enumerate() {
        best.clear();
        let carried = carry.map(|begin| begin + key).filter(|row| is_valid(*row));
        let mut next = bounds.first().map_or(0, |frame| frame.start);
        for frame in bounds {
            for row in next.max(frame.start)..frame.end {
                if is_valid(row) {
                    while best.pop_back_if(|last| !is_better(*last, row)).is_some() {}
                    best.push_back(row);
                }
            }
            next = next.max(frame.end);
            while best.pop_front_if(|first| *first < frame.start).is_some() {}
            let found = best.front().copied();
            let answer = match (found, carried) {
                (Some(found), Some(carried)) if is_better(carried, found) => Some(carried),
                (found, carried) => found.or(carried),
            };
            answers.push(answer.map(|row| row as u32));
        }
    }
    Ok(answers)
}

fn firsts(values: &ArrayRef, frames: &Frames, carry: Option<usize>) -> Vec<Option<u32>> {
    let nulls = values.logical_nulls();
    let is_valid = |row: usize| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
    let mut answers = Vec::with_capacity(frames.len());
    for (key, (_, bounds)) in frames.iter().enumerate() {
        let carried = carry.map(|begin| begin + key).filter(|row| is_valid(*row));
        // All rows of the frame before this one are null.
        let mut first = 0;
        for frame in bounds {
            first = first.max(frame.start);
            while first < frame.end && !is_valid(first) {
                first += 1;
            }
            let found = (first < frame.end).then_some(first);
            answers.push(carried.or(found).map(|row| row as u32));
        }
    }
    answers
}

fn lasts(values: &ArrayRef, frames: &Frames, carry: Option<usize>) -> Vec<Option<u32>> {
    let nulls = values.logical_nulls();
    let is_valid = |row: usize| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
    let mut answers = Vec::with_capacity(frames.len());
    for (key, (_, bounds)) in frames.iter().enumerate() {
        let carried = carry.map(|begin| begin + key).filter(|row| is_valid(*row));
        let mut next = bounds.first().map_or(0, |frame| frame.start);
        let mut last = None;
        for frame in bounds {
            last = (next..frame.end).rev().find(|row| is_valid(*row)).or(last);
            next = next.max(frame.end);
            let found = last.filter(|row| *row >= frame.start);
            answers.push(found.or(carried).map(|row| row as u32));
        }
    }
    answers
}

fn lags(offset: usize, frames: &Frames) -> Vec<Option<u32>> {
    let rows = frames.iter().flat_map(|(key, bounds)| {
        let before = move |end: usize| end.checked_sub(offset + 1);
        bounds.iter().map(move |frame| before(frame.end).filter(|row| *row >= key.all.start))
    });
    rows.map(|row| row.map(|row| row as u32)).collect()
}
