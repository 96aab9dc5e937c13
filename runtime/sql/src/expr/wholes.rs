//! ARRAYs and MAPs that are compared as wholes.

use arrow::datatypes::DataType;
use datafusion_expr::Expr;

use super::bind::Binder;
use super::bound::{Bound, precedence};
use crate::error::{Position, Result, SqlError};
use crate::functions::wholes::{compared_type, same};
use crate::types::{common_type, flink_name};

/// Whether a type is that of an ARRAY or a MAP.
pub(super) fn is_one(data_type: &DataType) -> bool {
    matches!(data_type, DataType::List(_) | DataType::Map(..))
}

/// Whether ARRAYs or MAPs are equal, or are not. With `nulls_are_equal` NULL is a value.
pub(super) fn compare(
    binder: &Binder<'_>,
    [left, right]: [Bound; 2],
    (sign, text): (&str, String),
    [negated, nulls_are_equal]: [bool; 2],
    at: Position,
) -> Result<Bound> {
    let wrong = || {
        let [left, right] = [&left, &right].map(|side| flink_name(&side.data_type));
        SqlError::new(at, format!("{sign} cannot compare {left} with {right}"))
    };
    let nullable = !nulls_are_equal && (left.nullable || right.nullable);
    let sides = if compared_type(&left.data_type) == compared_type(&right.data_type) {
        (left.clone(), right.clone())
    } else {
        let to = common_type([&left.data_type, &right.data_type]).ok_or_else(wrong)?;
        (left.clone().implicit_cast(&to), right.clone().implicit_cast(&to))
    };
    let same = same(sides.0, sides.1, nulls_are_equal);
    let expr = if negated { Expr::Not(Box::new(same)) } else { same };
    binder.finish(expr, nullable, (text, precedence::COMPARISON), wrong)
}
