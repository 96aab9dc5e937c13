//! Functions of numbers. The results' types are Flink's: FLOOR of an INT is an INT.

use arrow::datatypes::DataType;
use datafusion_expr::{Expr, Operator, binary_expr, cast, lit};
use datafusion_functions::math;

use super::{Call, Entry, wrong_arguments};
use crate::error::Result;

/// The functions of this file.
pub(super) const FUNCTIONS: &[Entry] = &[
    ("ABS", 1, 1, |c| numbers(c).map(|()| math::abs().call(c.exprs()))),
    ("MOD", 2, 2, |c| numbers(c).map(|()| binary_expr(c.expr(0), Operator::Modulo, c.expr(1)))),
    ("FLOOR", 1, 1, |c| rounded(c, |e| math::floor().call(vec![e]))),
    ("CEIL", 1, 1, |c| rounded(c, |e| math::ceil().call(vec![e]))),
    ("CEILING", 1, 1, |c| rounded(c, |e| math::ceil().call(vec![e]))),
    ("ROUND", 1, 2, round),
    ("TRUNCATE", 1, 2, |c| {
        numbers(c).map(|()| {
            if c.arguments[0].data_type.is_integer() && c.arguments.len() == 1 {
                c.expr(0)
            } else {
                math::trunc().call(c.exprs())
            }
        })
    }),
    ("SIGN", 1, 1, |c| {
        let kept = c.arguments[0].data_type.clone();
        numbers(c).map(|()| cast(math::signum().call(vec![double(c.expr(0))]), kept))
    }),
    ("POWER", 2, 2, |c| {
        numbers(c).map(|()| math::power().call(c.exprs().into_iter().map(double).collect()))
    }),
    ("SQRT", 1, 1, |c| numbers(c).map(|()| math::sqrt().call(vec![double(c.expr(0))]))),
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

/// Integers are round already; decimals lose their scale.
fn rounded(call: &Call<'_>, build: fn(Expr) -> Expr) -> Result<Expr> {
    numbers(call)?;
    Ok(match call.arguments[0].data_type {
        ref t if t.is_integer() => call.expr(0),
        DataType::Decimal128(precision, _) => {
            cast(build(call.expr(0)), DataType::Decimal128(precision, 0))
        }
        _ => build(call.expr(0)),
    })
}

fn round(call: &Call<'_>) -> Result<Expr> {
    numbers(call)?;
    let kept = call.arguments[0].data_type.clone();
    if kept.is_integer() && call.arguments.len() == 1 {
        return Ok(call.expr(0));
    }
    let rounded = math::round().call(call.exprs());
    Ok(if kept.is_integer() { cast(rounded, kept) } else { rounded })
}
