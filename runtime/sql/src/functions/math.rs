//! Functions of numbers. The results' types are Flink's: FLOOR of an INT is an INT.

use arrow::datatypes::DataType;
use datafusion_expr::{Expr, Operator, binary_expr, cast, lit};
use datafusion_functions::math;

use super::own_math::{self, Rounding};
use super::{Call, Entry, decimals, wrapping_narrow, wrong_arguments};
use crate::error::{Result, SqlError};
use crate::expr::Bound;

/// The functions of this file.
pub(super) const FUNCTIONS: &[Entry] = &[
    ("ABS", 1, 1, |c| numbers(c).map(|()| absolute(c))),
    ("MOD", 2, 2, |c| numbers(c).map(|()| remainder(c))),
    ("FLOOR", 1, 1, |c| rounded(c, false)),
    ("CEIL", 1, 1, |c| rounded(c, true)),
    ("CEILING", 1, 1, |c| rounded(c, true)),
    ("ROUND", 1, 2, |c| to_digits(c, Rounding::HalfUp)),
    ("TRUNCATE", 1, 2, |c| to_digits(c, Rounding::Down)),
    ("SIGN", 1, 1, |c| {
        let kept = c.arguments[0].data_type.clone();
        numbers(c).map(|()| cast(math::signum().call(vec![double(c.expr(0))]), kept))
    }),
    ("POWER", 2, 2, |c| numbers(c).map(|()| own_math::power(double(c.expr(0)), double(c.expr(1))))),
    ("SQRT", 1, 1, |c| numbers(c).map(|()| own_math::square_root(double(c.expr(0))))),
    ("EXP", 1, 1, |c| numbers(c).map(|()| math::exp().call(vec![double(c.expr(0))]))),
    ("LN", 1, 1, |c| numbers(c).map(|()| math::ln().call(vec![double(c.expr(0))]))),
    ("LOG10", 1, 1, |c| numbers(c).map(|()| math::log10().call(vec![double(c.expr(0))]))),
    ("LOG2", 1, 1, |c| numbers(c).map(|()| math::log2().call(vec![double(c.expr(0))]))),
    ("SIN", 1, 1, |c| numbers(c).map(|()| math::sin().call(vec![double(c.expr(0))]))),
    ("COS", 1, 1, |c| numbers(c).map(|()| math::cos().call(vec![double(c.expr(0))]))),
    ("TAN", 1, 1, |c| numbers(c).map(|()| math::tan().call(vec![double(c.expr(0))]))),
    ("ASIN", 1, 1, |c| numbers(c).map(|()| math::asin().call(vec![double(c.expr(0))]))),
    ("ACOS", 1, 1, |c| numbers(c).map(|()| math::acos().call(vec![double(c.expr(0))]))),
    ("ATAN", 1, 1, |c| numbers(c).map(|()| math::atan().call(vec![double(c.expr(0))]))),
    ("SINH", 1, 1, |c| numbers(c).map(|()| math::sinh().call(vec![double(c.expr(0))]))),
    ("COSH", 1, 1, |c| numbers(c).map(|()| math::cosh().call(vec![double(c.expr(0))]))),
    ("TANH", 1, 1, |c| numbers(c).map(|()| math::tanh().call(vec![double(c.expr(0))]))),
    ("COT", 1, 1, |c| numbers(c).map(|()| math::cot().call(vec![double(c.expr(0))]))),
    ("ATAN2", 2, 2, |c| {
        numbers(c).map(|()| math::atan2().call(c.exprs().into_iter().map(double).collect()))
    }),
    ("DEGREES", 1, 1, |c| numbers(c).map(|()| math::degrees().call(vec![double(c.expr(0))]))),
    ("RADIANS", 1, 1, |c| numbers(c).map(|()| math::radians().call(vec![double(c.expr(0))]))),
    ("LOG", 1, 2, log),
    ("E", 0, 0, |_| Ok(lit(std::f64::consts::E))),
    ("PI", 0, 0, |_| Ok(lit(std::f64::consts::PI))),
];

/// Checks that all arguments are numbers.
fn numbers(call: &Call<'_>) -> Result<()> {
    let number = |t: &DataType| t.is_numeric() || *t == DataType::Null;
    if call.arguments.iter().all(|a| number(&a.data_type)) {
        return Ok(());
    }
    Err(wrong_arguments(call.name, call.arguments, call.at))
}

fn double(expr: Expr) -> Expr {
    cast(expr, DataType::Float64)
}

/// The smallest whole number has no positive twin and stays, as in Flink.
fn absolute(call: &Call<'_>) -> Expr {
    let kept = &call.arguments[0].data_type;
    if !kept.is_integer() {
        return math::abs().call(call.exprs());
    }
    wrapping_narrow(own_math::absolute(cast(call.expr(0), DataType::Int64)), kept)
}

/// The remainder of whole numbers has the divisor's type.
fn remainder(call: &Call<'_>) -> Expr {
    let remainder = binary_expr(call.expr(0), Operator::Modulo, call.expr(1));
    let [left, right] = [0, 1].map(|index| &call.arguments[index].data_type);
    if decimals::is_whole(left) && decimals::is_whole(right) {
        cast(remainder, right.clone())
    } else {
        remainder
    }
}

/// Integers are round already; decimals lose their scale.
fn rounded(call: &Call<'_>, up: bool) -> Result<Expr> {
    numbers(call)?;
    Ok(match call.arguments[0].data_type {
        ref t if t.is_integer() => call.expr(0),
        DataType::Decimal128(precision, scale) => {
            decimals::to_whole(call.expr(0), (precision, scale), up)
        }
        _ if up => math::ceil().call(call.exprs()),
        _ => math::floor().call(call.exprs()),
    })
}

/// The natural logarithm, or that to the base that stands first.
fn log(call: &Call<'_>) -> Result<Expr> {
    numbers(call)?;
    let logarithm = |index| math::ln().call(vec![double(call.expr(index))]);
    Ok(match call.arguments.len() {
        1 => logarithm(0),
        _ => binary_expr(logarithm(1), Operator::Divide, logarithm(0)),
    })
}

/// `ROUND` and `TRUNCATE`: the type stays, but a decimal's scale becomes the number of digits.
fn to_digits(call: &Call<'_>, rounding: Rounding) -> Result<Expr> {
    numbers(call)?;
    let digits = match call.arguments.get(1) {
        None => lit(0_i64),
        Some(digits) if digits.data_type.is_integer() => cast(digits.expr.clone(), DataType::Int64),
        Some(_) => return Err(wrong_arguments(call.name, call.arguments, call.at)),
    };
    let kept = call.arguments[0].data_type.clone();
    Ok(match kept {
        ref t if t.is_integer() && call.arguments.len() == 1 => call.expr(0),
        ref t if t.is_integer() => {
            let value = cast(call.expr(0), DataType::Int64);
            wrapping_narrow(own_math::round_bigint(value, digits, rounding), &kept)
        }
        DataType::Decimal128(precision, scale) => {
            let digits = call.arguments.get(1).map_or(Some(0), Bound::literal_integer);
            let Some(digits) = digits else {
                let message = format!("{}: the digits of a DECIMAL must be a number", call.name);
                return Err(SqlError::new(call.at, message));
            };
            own_math::round_decimal(call.expr(0), (precision, scale), digits, rounding)
        }
        _ => cast(own_math::round_double(double(call.expr(0)), digits, rounding), kept),
    })
}
