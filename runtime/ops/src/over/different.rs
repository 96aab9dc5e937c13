//! Counts and sums of the different values of frames that begin anywhere: how often each value is in
//! the frame is counted as the frame goes on.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowNativeTypeOp, ArrowPrimitiveType, AsArray, Float64Array, Int64Array,
    PrimitiveArray,
};
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type};
use arrow_row::{Row, RowConverter, Rows, SortField};
use sabot_core::Result;

use super::frame::Frames;

/// What the different values of a frame add up to.
trait Total {
    /// A value that was not in the frame is now, the one in this row.
    fn enters(&mut self, row: usize);
    /// A value is not in the frame any more, the one in this row.
    fn leaves(&mut self, row: usize);
    /// The total of `values`, each by a row that has it.
    fn answer(&mut self, values: &BTreeMap<Row<'_>, (usize, usize)>);
}

/// The counts of different values of all frames, none of them null.
pub(super) fn counts(values: &ArrayRef, frames: &Frames) -> Result<ArrayRef> {
    let mut counts = Counts(Vec::with_capacity(frames.len()));
    each(values, frames, &mut counts)?;
    Ok(Arc::new(Int64Array::from(counts.0)))
}

/// The sums of different values of all frames; 0 where there are none.
pub(super) fn sums(values: &ArrayRef, frames: &Frames) -> Result<ArrayRef> {
    Ok(match values.data_type() {
        DataType::Int64 => exact::<Int64Type>(values, frames)?,
        DataType::Float64 => {
            let values = (values, values.as_primitive::<Float64Type>());
            let mut sums = FloatSums { values: values.1, answers: Vec::new() };
            each(values.0, frames, &mut sums)?;
            Arc::new(Float64Array::from(sums.answers))
        }
        _ => exact::<Decimal128Type>(values, frames)?,
    })
}

fn exact<T>(values: &ArrayRef, frames: &Frames) -> Result<ArrayRef>
where
    T: ArrowPrimitiveType,
    T::Native: ArrowNativeTypeOp,
{
    let mut sums = Sums::<T> {
        values: values.as_primitive(),
        sum: T::Native::default(),
        answers: Vec::with_capacity(frames.len()),
    };
    each(values, frames, &mut sums)?;
    let answers = PrimitiveArray::<T>::new(sums.answers.into(), None);
    Ok(Arc::new(answers.with_data_type(values.data_type().clone())))
}

fn each(values: &ArrayRef, frames: &Frames, total: &mut impl Total) -> Result<()> {
    let converter = RowConverter::new(vec![SortField::new(values.data_type().clone())])?;
    let ordered: Rows = converter.convert_columns(std::slice::from_ref(values))?;
    let nulls = values.logical_nulls();
    let is_valid = |row: &usize| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(*row));
    for (_, bounds) in frames.iter() {
        // Of each value how often it is in the frame, and a row that has it.
        let mut inside: BTreeMap<Row<'_>, (usize, usize)> = BTreeMap::new();
        let mut known = bounds.first().map_or(0..0, |frame| frame.start..frame.start);
        for frame in bounds {
            for row in (known.end.max(frame.start)..frame.end).filter(is_valid) {
                let (times, _) = inside.entry(ordered.row(row)).or_insert((0, row));
                *times += 1;
                if *times == 1 {
                    total.enters(row);
                }
            }
            for row in (known.start..frame.start.min(known.end)).filter(is_valid) {
                let value = ordered.row(row);
                if let Some((times, _)) = inside.get_mut(&value) {
                    *times -= 1;
                    if *times == 0 {
                        inside.remove(&value);
                        total.leaves(row);
                    }
                }
            }
            known = frame.clone();
            total.answer(&inside);
        }
        // The next key begins with none.
        for (_, row) in inside.values() {
            total.leaves(*row);
        }
    }
    Ok(())
}

struct Counts(Vec<i64>);

impl Total for Counts {
    fn enters(&mut self, _row: usize) {}

    fn leaves(&mut self, _row: usize) {}

    fn answer(&mut self, values: &BTreeMap<Row<'_>, (usize, usize)>) {
        self.0.push(values.len() as i64);
    }
}

/// Sums of which values can be taken off again.
struct Sums<'v, T: ArrowPrimitiveType> {
    values: &'v PrimitiveArray<T>,
    sum: T::Native,
    answers: Vec<T::Native>,
}

impl<T: ArrowPrimitiveType> Total for Sums<'_, T>
where
    T::Native: ArrowNativeTypeOp,
{
    fn enters(&mut self, row: usize) {
        self.sum = self.sum.add_wrapping(self.values.value(row));
    }

    fn leaves(&mut self, row: usize) {
        self.sum = self.sum.sub_wrapping(self.values.value(row));
    }

    fn answer(&mut self, _values: &BTreeMap<Row<'_>, (usize, usize)>) {
        self.answers.push(self.sum);
    }
}

/// Sums that are added up anew for each frame, since a difference would not be exact.
struct FloatSums<'v> {
    values: &'v Float64Array,
    answers: Vec<f64>,
}

impl Total for FloatSums<'_> {
    fn enters(&mut self, _row: usize) {}

    fn leaves(&mut self, _row: usize) {}

    fn answer(&mut self, values: &BTreeMap<Row<'_>, (usize, usize)>) {
        self.answers.push(values.values().map(|(_, row)| self.values.value(*row)).sum());
    }
}
