//! Rounding as Flink does it: the decimal digits of a number, and not its binary value, are
//! rounded half away from zero.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Decimal128Array, Float64Array, Int64Array};
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type};
use datafusion_expr::Expr;

use super::own::{Kernel, call};

/// What happens to the digits that go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rounding {
    /// `ROUND`.
    HalfUp,
    /// `TRUNCATE`.
    Down,
}

impl Rounding {
    /// `value` divided by `unit`.
    pub(super) fn divide(self, value: i128, unit: i128) -> i128 {
        let (quotient, rest) = (value / unit, value % unit);
        match self {
            Self::HalfUp if rest.abs() >= unit - rest.abs() => quotient + value.signum(),
            _ => quotient,
        }
    }
}

/// The value without its sign; the smallest BIGINT stays.
pub(super) fn absolute(value: Expr) -> Expr {
    let kernel: Kernel = Arc::new(|arrays| {
        let values = arrays[0].as_primitive::<Int64Type>();
        Ok(Arc::new(values.unary::<_, Int64Type>(i64::wrapping_abs)))
    });
    call("absolute", vec![DataType::Int64], DataType::Int64, kernel, vec![value])
}

/// The square root of a DOUBLE: not a number below 0, where the library fails.
pub(super) fn square_root(value: Expr) -> Expr {
    let kernel: Kernel = Arc::new(|arrays| {
        let values = arrays[0].as_primitive::<Float64Type>();
        Ok(Arc::new(values.unary::<_, Float64Type>(f64::sqrt)))
    });
    call("square_root", vec![DataType::Float64], DataType::Float64, kernel, vec![value])
}

/// A DOUBLE to the power of another: infinite for 0 to a power below 0, where the library fails.
pub(super) fn power(base: Expr, exponent: Expr) -> Expr {
    let kernel: Kernel = Arc::new(|arrays| {
        let [bases, exponents] = [0, 1].map(|index| arrays[index].as_primitive::<Float64Type>());
        let power = |(base, exponent): (Option<f64>, Option<f64>)| Some(base?.powf(exponent?));
        Ok(Arc::new(bases.iter().zip(exponents).map(power).collect::<Float64Array>()) as ArrayRef)
    });
    let types = vec![DataType::Float64, DataType::Float64];
    call("power_of", types, DataType::Float64, kernel, vec![base, exponent])
}

/// Rounds a DOUBLE to a number of digits behind the point.
pub(super) fn round_double(value: Expr, digits: Expr, rounding: Rounding) -> Expr {
    let kernel: Kernel = Arc::new(move |arrays| {
        let values = arrays[0].as_primitive::<Float64Type>();
        let digits = arrays[1].as_primitive::<Int64Type>();
        let rounded = values.iter().zip(digits).map(|(v, d)| Some(round_to(v?, d?, rounding)));
        Ok(Arc::new(rounded.collect::<Float64Array>()) as ArrayRef)
    });
    let types = vec![DataType::Float64, DataType::Int64];
    call(&format!("round_{rounding:?}"), types, DataType::Float64, kernel, vec![value, digits])
}

fn round_to(value: f64, digits: i64, rounding: Rounding) -> f64 {
    // The shortest text that stands for the number: its digits are those that count.
    let text = format!("{value:e}");
    let Some((mantissa, exponent)) = text.split_once('e') else { return value };
    let Ok(exponent) = exponent.parse::<i64>() else { return value };
    let fraction = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len() as i64);
    let Ok(unscaled) = mantissa.replace('.', "").parse::<i128>() else { return value };
    // The number is `unscaled` at this power of ten, and all below the other one goes.
    let going = exponent - fraction + digits;
    if going >= 0 {
        return value;
    }
    let Some(unit) = u32::try_from(-going).ok().and_then(|power| 10_i128.checked_pow(power)) else {
        return 0.0_f64.copysign(value);
    };
    let rounded = rounding.divide(unscaled, unit);
    format!("{rounded}e{}", -digits).parse().unwrap_or(value)
}

/// Rounds a BIGINT; digits below 0 stand before the point.
pub(super) fn round_bigint(value: Expr, digits: Expr, rounding: Rounding) -> Expr {
    let kernel: Kernel = Arc::new(move |arrays| {
        let values = arrays[0].as_primitive::<Int64Type>();
        let digits = arrays[1].as_primitive::<Int64Type>();
        let round = |(value, digits): (Option<i64>, Option<i64>)| {
            let (value, digits) = (value?, digits?);
            if digits >= 0 {
                return Some(value);
            }
            let power = u32::try_from(digits.unsigned_abs()).ok();
            let unit = power.and_then(|power| 10_i128.checked_pow(power));
            // What does not fit wraps around, as in Flink.
            Some(unit.map_or(0, |unit| (rounding.divide(i128::from(value), unit) * unit) as i64))
        };
        Ok(Arc::new(values.iter().zip(digits).map(round).collect::<Int64Array>()) as ArrayRef)
    });
    let types = vec![DataType::Int64, DataType::Int64];
    call(&format!("round_bigint_{rounding:?}"), types, DataType::Int64, kernel, vec![value, digits])
}

/// Rounds a DECIMAL(`precision`, `scale`) to a known number of digits; its type is that of Flink.
pub(super) fn round_decimal(
    value: Expr,
    (precision, scale): (u8, i8),
    digits: i64,
    rounding: Rounding,
) -> Expr {
    if digits >= i64::from(scale) {
        return value;
    }
    let whole = 1 + i64::from(precision) - i64::from(scale);
    let kept = digits.max(0) as i8;
    let to_precision = (whole + i64::from(kept)).clamp(1, 38) as u8;
    let to = DataType::Decimal128(to_precision, kept);
    let gone = u32::try_from(i64::from(scale) - digits).unwrap_or(u32::MAX);
    let kernel: Kernel = Arc::new(move |arrays| {
        let values = arrays[0].as_primitive::<Decimal128Type>();
        let round = |value: i128| match 10_i128.checked_pow(gone) {
            // Digits before the point become zeros.
            Some(unit) => rounding.divide(value, unit) * 10_i128.pow((-digits).max(0) as u32),
            None => 0,
        };
        let rounded: Decimal128Array = values.unary(round);
        let rounded = rounded.with_precision_and_scale(to_precision, kept)?;
        Ok(Arc::new(rounded) as ArrayRef)
    });
    let from = DataType::Decimal128(precision, scale);
    let name = format!("round_{rounding:?}_{precision}_{scale}_{digits}");
    call(&name, vec![from], to, kernel, vec![value])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_digits_are_rounded_and_not_binary_ones() {
        for (value, digits, rounded, truncated) in [
            (2.675, 2, 2.68, 2.67),
            (-2.675, 2, -2.68, -2.67),
            (0.29, 2, 0.29, 0.29),
            (1.5, 0, 2.0, 1.0),
            (-0.5, 0, -1.0, 0.0),
            (42.324, -1, 40.0, 40.0),
            (55.0, -1, 60.0, 50.0),
            (1e300, 2, 1e300, 1e300),
            (1e-300, 2, 0.0, 0.0),
            (f64::INFINITY, 1, f64::INFINITY, f64::INFINITY),
        ] {
            let texts = |rounding| round_to(value, digits, rounding).to_string();
            assert_eq!(texts(Rounding::HalfUp), f64::to_string(&rounded), "{value} {digits}");
            assert_eq!(texts(Rounding::Down), f64::to_string(&truncated), "{value} {digits}");
        }
        assert!(round_to(f64::NAN, 1, Rounding::HalfUp).is_nan());
    }
}
