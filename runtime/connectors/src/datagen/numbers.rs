//! Numbers as options write them, and as arrays have them.

use std::sync::Arc;

use arrow::array::types::{
    ArrowPrimitiveType, Date32Type, Int8Type, Int16Type, Int32Type, Int64Type,
    Time32MillisecondType,
};
use arrow::array::{ArrayRef, PrimitiveArray, TimestampMicrosecondArray};
use arrow::array::{TimestampMillisecondArray, TimestampNanosecondArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, TimeUnit};

/// Which end of a range a number is: what a DECIMAL has no digits for is rounded into the range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    Lower,
    Upper,
}

/// 10 to a power up to 38.
pub(super) const fn power_of_ten(power: u8) -> i128 {
    10_i128.pow(power as u32)
}

/// A number as a DECIMAL of this scale has it, without its point; one that is too large is `most`, as
/// in Flink.
pub(super) fn decimal(text: &str, scale: u8, most: i128, bound: Bound) -> Option<i128> {
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (is_negative, number) = match number.strip_prefix('-') {
        Some(number) => (true, number),
        None => (false, number.strip_prefix('+').unwrap_or(number)),
    };
    let (whole, rest) = number.split_once('.').unwrap_or((number, ""));
    let digits = || whole.bytes().chain(rest.bytes());
    if digits().next().is_none() || !digits().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    // So many digits are left of the point when that is moved by the scale.
    let kept = i64::from(exponent) + whole.len() as i64 + i64::from(scale);
    let kept = usize::try_from(kept.clamp(0, 1000)).ok()?;
    let padded = digits().chain(std::iter::repeat(b'0')).take(kept);
    let magnitude = padded.fold(0_i128, |n, digit| {
        n.saturating_mul(10).saturating_add(i128::from(digit - b'0')).min(most + 1)
    });
    let is_exact = digits().skip(kept).all(|digit| digit == b'0');
    let away_from_zero = !is_exact && is_negative == (bound == Bound::Upper);
    let magnitude = (magnitude + i128::from(away_from_zero)).min(most);
    Some(if is_negative { -magnitude } else { magnitude })
}

/// Whole numbers, days or milliseconds as an array of the type; none if it is of something else.
pub(super) fn whole(
    data_type: &DataType,
    values: impl Iterator<Item = i64>,
    nulls: Option<NullBuffer>,
) -> Option<ArrayRef> {
    Some(match data_type {
        DataType::Int8 => primitive::<Int8Type>(values.map(|value| value as i8), nulls),
        DataType::Int16 => primitive::<Int16Type>(values.map(|value| value as i16), nulls),
        DataType::Int32 => primitive::<Int32Type>(values.map(|value| value as i32), nulls),
        DataType::Int64 => primitive::<Int64Type>(values, nulls),
        DataType::Date32 => primitive::<Date32Type>(values.map(|value| value as i32), nulls),
        DataType::Time32(TimeUnit::Millisecond) => {
            primitive::<Time32MillisecondType>(values.map(|value| value as i32), nulls)
        }
        DataType::Timestamp(unit, zone) => instants(*unit, zone.as_ref(), values, nulls)?,
        _ => return None,
    })
}

/// The values as an array of their type.
pub(super) fn primitive<T: ArrowPrimitiveType>(
    values: impl Iterator<Item = T::Native>,
    nulls: Option<NullBuffer>,
) -> ArrayRef {
    Arc::new(PrimitiveArray::<T>::new(values.collect(), nulls))
}

fn instants(
    unit: TimeUnit,
    zone: Option<&Arc<str>>,
    millis: impl Iterator<Item = i64>,
    nulls: Option<NullBuffer>,
) -> Option<ArrayRef> {
    let zone = zone.cloned();
    Some(match unit {
        TimeUnit::Second => return None,
        TimeUnit::Millisecond => Arc::new(
            TimestampMillisecondArray::new(millis.collect(), nulls).with_timezone_opt(zone),
        ),
        TimeUnit::Microsecond => Arc::new(
            TimestampMicrosecondArray::new(millis.map(|ms| ms * 1000).collect(), nulls)
                .with_timezone_opt(zone),
        ),
        TimeUnit::Nanosecond => Arc::new(
            TimestampNanosecondArray::new(millis.map(|ms| ms * 1_000_000).collect(), nulls)
                .with_timezone_opt(zone),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_exactly_and_rounded_into_the_range() {
        let both = |text| {
            [Bound::Lower, Bound::Upper].map(|bound| decimal(text, 2, power_of_ten(5) - 1, bound))
        };
        for (text, lower, upper) in [
            ("12.5", 1250, 1250),
            ("-1", -100, -100),
            ("+.257", 26, 25),
            ("-0.257", -25, -26),
            ("1e2", 10_000, 10_000),
            ("25e-3", 3, 2),
            ("1e9", 99_999, 99_999),
            ("-123456789012345678901234567890123456789012", -99_999, -99_999),
        ] {
            assert_eq!(both(text), [Some(lower), Some(upper)], "{text}");
        }
        for text in ["", ".", "x", "1.2.3", "--1", "1e", "NaN"] {
            assert_eq!(both(text), [None, None], "{text}");
        }
    }
}
