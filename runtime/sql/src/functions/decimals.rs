//! Arithmetic of decimals with Flink's types: how many digits a quotient has, and how it is rounded.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Decimal128Array};
use arrow::datatypes::{DataType, Decimal128Type, i256};
use datafusion_common::exec_datafusion_err;
use datafusion_expr::{Expr, cast};

use super::casts::{self, Otherwise};
use super::own::{Kernel, call};
use super::own_math::Rounding;
use crate::types::common_type;

/// Digits behind the point that a quotient keeps at least.
const SCALE_MIN: i16 = 6;
const PRECISION_MAX: i16 = 38;

/// The decimal that a number's values fit in; none for floats and what is no number.
pub(crate) fn decimal_of(data_type: &DataType) -> Option<(u8, i8)> {
    Some(match data_type {
        DataType::Int8 => (3, 0),
        DataType::Int16 => (5, 0),
        DataType::Int32 => (10, 0),
        DataType::Int64 => (19, 0),
        DataType::Decimal128(precision, scale) => (*precision, *scale),
        _ => return None,
    })
}

/// Whether values of this type have no digits behind the point.
pub(crate) fn is_whole(data_type: &DataType) -> bool {
    data_type.is_integer() || matches!(data_type, DataType::Decimal128(_, 0))
}

/// The decimal that values of all these types are given as together: where there is no room for all
/// digits, those before the point come first. None when no type is a decimal, or one is no number.
pub(crate) fn common<'t>(types: impl IntoIterator<Item = &'t DataType>) -> Option<DataType> {
    let mut is_there = false;
    let (mut whole, mut scale) = (0, 0);
    for data_type in types.into_iter().filter(|t| !t.is_null()) {
        is_there |= data_type.is_decimal();
        let (precision, digits) = decimal_of(data_type)?;
        whole = whole.max(i16::from(precision) - i16::from(digits));
        scale = scale.max(i16::from(digits)).min(PRECISION_MAX - whole);
    }
    is_there.then_some(DataType::Decimal128((whole + scale) as u8, scale as i8))
}

/// Gives values of one of `types` the type that they have beside those of the others, where one is a
/// decimal: beside a float decimals become DOUBLEs, as in Flink. ROWs, ARRAYs and MAPs become what all
/// of them are.
pub(crate) fn beside<'t>(
    types: impl IntoIterator<Item = &'t DataType> + Clone,
) -> impl Fn(Expr, &DataType) -> Expr {
    let floating = types.clone().into_iter().any(DataType::is_floating);
    let nested = types.clone().into_iter().any(DataType::is_nested);
    let whole = nested.then(|| common_type(types.clone())).flatten();
    let decimal = common(types);
    move |value, of| match (of, &decimal) {
        (of, _) if of.is_nested() => {
            let to = whole.as_ref().filter(|to| *to != of);
            let fitting = to.and_then(|to| casts::cast(value.clone(), of, to, Otherwise::Fail));
            fitting.unwrap_or(value)
        }
        (DataType::Decimal128(..), _) if floating => cast(value, DataType::Float64),
        (of, Some(to)) if of != to && !of.is_null() => cast(value, to.clone()),
        _ => value,
    }
}

/// The type of a quotient: so many digits behind the point that none of the divisor's is lost, as
/// long as there is room for them.
fn quotient_type((p1, s1): (u8, i8), (p2, s2): (u8, i8)) -> (u8, i8) {
    let [p1, p2] = [p1, p2].map(i16::from);
    let [s1, s2] = [s1, s2].map(i16::from);
    let scale = SCALE_MIN.max(s1 + p2 + 1);
    let whole = p1 - s1 + s2;
    if whole + scale <= PRECISION_MAX {
        return ((whole + scale) as u8, scale as i8);
    }
    (PRECISION_MAX as u8, (PRECISION_MAX - whole).max(scale.min(SCALE_MIN)) as i8)
}

/// Divides two numbers of which one is a decimal. Half a last digit is rounded away from zero.
pub(crate) fn divide(left: Expr, right: Expr, types: [(u8, i8); 2]) -> Expr {
    let [from, by] = types;
    let (precision, scale) = quotient_type(from, by);
    let to = DataType::Decimal128(precision, scale);
    let moved = i16::from(scale) - i16::from(from.1) + i16::from(by.1);
    let bound = 10_i128.pow(u32::from(precision));
    let kernel: Kernel = Arc::new(move |arrays| {
        let dividends = arrays[0].as_primitive::<Decimal128Type>();
        let divisors = arrays[1].as_primitive::<Decimal128Type>();
        let quotient = |(dividend, divisor): (Option<i128>, Option<i128>)| {
            let (Some(dividend), Some(divisor)) = (dividend, divisor) else { return Ok(None) };
            if divisor == 0 {
                return Err(exec_datafusion_err!("Divide by zero"));
            }
            let value = ratio(dividend, divisor, moved);
            Ok(value.filter(|value| -bound < *value && *value < bound))
        };
        let values: datafusion_common::Result<Decimal128Array> =
            dividends.iter().zip(divisors).map(quotient).collect();
        Ok(Arc::new(values?.with_precision_and_scale(precision, scale)?) as ArrayRef)
    });
    let types = types.map(|(precision, scale)| DataType::Decimal128(precision, scale)).to_vec();
    let operands = [left, right].into_iter().zip(&types).map(|(e, t)| cast(e, t.clone())).collect();
    call(&format!("divide_{types:?}"), types.clone(), to, kernel, operands)
}

/// `dividend` at ten to the power of `moved`, divided by `divisor`.
fn ratio(dividend: i128, divisor: i128, moved: i16) -> Option<i128> {
    let unit = i256::from_i128(10).checked_pow(u32::from(moved.unsigned_abs()))?;
    let (mut above, mut below) = (i256::from_i128(dividend), i256::from_i128(divisor));
    if moved >= 0 {
        above = above.checked_mul(unit)?;
    } else {
        below = below.checked_mul(unit)?;
    }
    let (quotient, rest) = (above.checked_div(below)?, above.checked_rem(below)?);
    let away = rest.wrapping_abs() >= below.wrapping_abs().wrapping_sub(rest.wrapping_abs());
    let sign = if (dividend < 0) == (divisor < 0) { i256::ONE } else { i256::MINUS_ONE };
    let rounded = if away && rest != i256::ZERO { quotient.checked_add(sign)? } else { quotient };
    rounded.to_i128()
}

/// The whole number at or below a decimal, or at or above it.
pub(super) fn to_whole(value: Expr, (precision, scale): (u8, i8), up: bool) -> Expr {
    let to = DataType::Decimal128(precision, 0);
    let kernel: Kernel = Arc::new(move |arrays| {
        let values = arrays[0].as_primitive::<Decimal128Type>();
        let unit = 10_i128.pow(u32::from(scale.max(0).unsigned_abs()));
        let whole = |value: i128| {
            let cut = Rounding::Down.divide(value, unit);
            match value - cut * unit {
                rest if rest > 0 && up => cut + 1,
                rest if rest < 0 && !up => cut - 1,
                _ => cut,
            }
        };
        let whole: Decimal128Array = values.unary(whole);
        Ok(Arc::new(whole.with_precision_and_scale(precision, 0)?) as ArrayRef)
    });
    let from = DataType::Decimal128(precision, scale);
    call(&format!("whole_{up}_{precision}_{scale}"), vec![from], to, kernel, vec![value])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_have_flinks_digits() {
        for (from, by, to) in [
            ((10, 0), (2, 1), (17, 6)),
            ((10, 2), (10, 0), (21, 13)),
            ((4, 2), (4, 3), (12, 7)),
            ((38, 18), (10, 0), (38, 18)),
            ((38, 0), (38, 0), (38, 6)),
        ] {
            assert_eq!(quotient_type(from, by), to, "{from:?} / {by:?}");
        }
    }

    #[test]
    fn quotients_are_rounded_half_away_from_zero() {
        for (dividend, divisor, moved, value) in [
            (1, 3, 2, 33),
            (2, 3, 2, 67),
            (-2, 3, 2, -67),
            (1, -8, 2, -13),
            (1, 8, 2, 13),
            (125, 1, -1, 13),
            (0, 7, 5, 0),
        ] {
            assert_eq!(ratio(dividend, divisor, moved), Some(value), "{dividend} / {divisor}");
        }
        assert_eq!(ratio(i128::MAX, 1, 38), None);
    }
}
