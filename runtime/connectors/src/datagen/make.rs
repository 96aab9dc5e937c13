//! Makes the values of a column for the rows of a batch.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::types::{Float32Type, Float64Type};
use arrow::array::{ArrayRef, BooleanArray, Decimal128Array};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::{DataType, Field};
use sabot_core::{Error, Result};

use super::declared::Letters;
use super::draw;
use super::fields::{Made, Make};
use super::nested::Parts;
use super::numbers::{power_of_ten, primitive, whole};
use super::texts;
use crate::options::{OptionError, Options};

const DAY_MS: i64 = 86_400_000;

/// The rows, or the elements of one level within them, that values are made for.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// What the random bits of each begin with.
    pub(super) seeds: Vec<u64>,
    /// When each is due, in milliseconds since 1970; none where no value is a time.
    pub(super) due_ms: Vec<i64>,
    /// The number of each; none within other values, where no sequence is.
    pub(super) numbers: Vec<u64>,
}

/// How a column is made, or what is within one.
#[derive(Debug)]
pub(super) struct Maker {
    /// What tells its random bits from those of others.
    key: u64,
    /// Values whose bits for it are up to this are NULL.
    null_up_to: Option<u64>,
    make: Make,
    data_type: DataType,
    parts: Option<Parts>,
    /// About what a value takes.
    pub(super) bytes: u64,
    /// Whether it needs to know when rows are due.
    pub(super) has_times: bool,
}

impl Maker {
    /// A maker of the values of `field`, which the options call `path`.
    pub(super) fn new(
        options: &Options<'_>,
        made: &BTreeMap<String, Made>,
        field: &Field,
        path: &str,
    ) -> Result<Self, OptionError> {
        let Some(Made { make, null_rate, .. }) = made.get(path).copied() else {
            return Err(options.column(path, "is not among those that the table declares"));
        };
        let parts = Parts::new(options, made, field, path)?;
        let own = match (make, field.data_type()) {
            (Make::Letters(_, length), _) => 4 + u64::from(length.letters),
            (_, data_type) => data_type.primitive_width().unwrap_or(4) as u64,
        };
        let within = parts.as_ref().map_or(0, Parts::bytes);
        let count = if let Make::Several(count) = make { u64::from(count) } else { 1 };
        Ok(Self {
            key: draw::key_of(options.table, path),
            null_up_to: (null_rate > 0.0).then_some((null_rate * 2_f64.powi(64)) as u64),
            has_times: matches!(make, Make::Date | Make::Time | Make::Timestamp(_))
                || parts.as_ref().is_some_and(Parts::have_times),
            make,
            data_type: field.data_type().clone(),
            parts,
            bytes: within.saturating_mul(count).saturating_add(own),
        })
    }

    /// The values; all are NULL where what they are within is.
    pub(super) fn array(&self, rows: &Rows, within: Option<&NullBuffer>) -> Result<ArrayRef> {
        let nulls = NullBuffer::union(self.nulls(rows).as_ref(), within);
        let bits = rows.seeds.iter().map(|seed| draw::bits(*seed, self.key));
        let due = rows.due_ms.iter().copied();
        let data_type = &self.data_type;
        let array = match (self.make, &self.parts) {
            (Make::Sequence(first), _) => return self.sequence(first, rows),
            (Make::Boolean, _) => {
                let values = bits.map(|bits| bits >> 63 == 0).collect();
                return Ok(Arc::new(BooleanArray::new(values, nulls)));
            }
            (Make::Integer(min, max), _) => {
                whole(data_type, bits.map(|bits| draw::between(bits, min, max)), nulls)
            }
            (Make::Real(min, max), _) => {
                self.real(bits.map(|bits| draw::uniform(bits, min, max)), nulls)
            }
            (Make::Decimal(min, max), _) => {
                let range = max.wrapping_sub(min) as u128;
                let value = |bits| min.wrapping_add(draw::wide_up_to(bits, range) as i128);
                Some(self.decimals(bits.map(value), nulls))
            }
            (Make::Letters(letters, length), _) => {
                return texts::random(letters, length, bits, nulls);
            }
            (Make::Date, _) => whole(data_type, due.map(|ms| ms.div_euclid(DAY_MS)), nulls),
            (Make::Time, _) => whole(data_type, due.map(|ms| ms.rem_euclid(DAY_MS)), nulls),
            (Make::Timestamp(past), _) => {
                let value = |(due, bits)| due - draw::up_to(bits, past) as i64;
                whole(data_type, due.zip(bits).map(value), nulls)
            }
            (Make::Row | Make::Several(_), Some(parts)) => {
                let count = if let Make::Several(count) = self.make { count } else { 1 };
                return parts.array((rows, self.key), count, nulls);
            }
            (Make::Row | Make::Several(_), None) => None,
        };
        array.ok_or_else(|| self.other_type())
    }

    /// Which values are NULL by themselves.
    fn nulls(&self, rows: &Rows) -> Option<NullBuffer> {
        let up_to = self.null_up_to?;
        let is_valid = |index: usize| draw::of_null(rows.seeds[index], self.key) > up_to;
        Some(NullBuffer::new(BooleanBuffer::collect_bool(rows.seeds.len(), is_valid)))
    }

    fn sequence(&self, first: i64, rows: &Rows) -> Result<ArrayRef> {
        let numbers = rows.numbers.iter().map(|number| first.wrapping_add(*number as i64));
        match self.data_type {
            DataType::Float32 | DataType::Float64 => {
                let reals = self.real(numbers.map(|number| number as f64), None);
                reals.ok_or_else(|| self.other_type())
            }
            DataType::Decimal128(_, scale) => {
                let unit = power_of_ten(scale.unsigned_abs());
                Ok(self.decimals(numbers.map(|number| i128::from(number) * unit), None))
            }
            DataType::Utf8 => texts::sequence(Letters::Text, numbers),
            DataType::Binary => texts::sequence(Letters::Bytes, numbers),
            _ => whole(&self.data_type, numbers, None).ok_or_else(|| self.other_type()),
        }
    }

    fn real(
        &self,
        values: impl Iterator<Item = f64>,
        nulls: Option<NullBuffer>,
    ) -> Option<ArrayRef> {
        match self.data_type {
            DataType::Float32 => {
                Some(primitive::<Float32Type>(values.map(|value| value as f32), nulls))
            }
            DataType::Float64 => Some(primitive::<Float64Type>(values, nulls)),
            _ => None,
        }
    }

    fn decimals(&self, values: impl Iterator<Item = i128>, nulls: Option<NullBuffer>) -> ArrayRef {
        let array = Decimal128Array::new(values.collect(), nulls);
        Arc::new(array.with_data_type(self.data_type.clone()))
    }

    fn other_type(&self) -> Error {
        Error::user(format!("datagen makes no values of the type {}", self.data_type))
    }
}
