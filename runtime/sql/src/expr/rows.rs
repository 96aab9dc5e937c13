//! ROWs that are compared as wholes.
//!
//! `ROW(a, b) = ROW(c, d)` is `a = c AND b = d`, as is each comparison of `IN`. All others tell
//! NULL fields apart like values, as Flink does: such a comparison is NULL only where a whole ROW is.

use arrow::datatypes::DataType;
use datafusion_common::ScalarValue;
use datafusion_expr::{Expr, lit, when};
use sqlparser::ast::{self, BinaryOperator, FunctionArg, FunctionArgExpr, FunctionArguments};

use super::bind::{Binder, function_name};
use super::bound::{Bound, Meaning, precedence as p};
use super::{field, operator, wholes};
use crate::error::{Position, Result, SqlError};
use crate::types::flink_name;

/// The values of `ROW(a, b)` and of `(a, b)`; none for other expressions.
fn values_of(expr: &ast::Expr) -> Option<Vec<&ast::Expr>> {
    match expr {
        ast::Expr::Nested(inner) => values_of(inner),
        ast::Expr::Tuple(values) => Some(values.iter().collect()),
        ast::Expr::Function(function) => {
            let name = function_name(&function.name, Position { line: 1, column: 1 }).ok()?;
            let FunctionArguments::List(list) = &function.args else { return None };
            let value = |argument| match argument {
                &FunctionArg::Unnamed(FunctionArgExpr::Expr(ref value)) => Some(value),
                _ => None,
            };
            name.eq_ignore_ascii_case("ROW").then(|| list.args.iter().map(value).collect())?
        }
        _ => None,
    }
}

/// `ROW(a, b) = ROW(c, d)`; none where not both sides are written so.
pub(super) fn equal(
    binder: &Binder<'_>,
    left: &ast::Expr,
    right: &ast::Expr,
    at: Position,
) -> Result<Option<Bound>> {
    let (Some(lefts), Some(rights)) = (values_of(left), values_of(right)) else { return Ok(None) };
    let text = format!("{} = {}", text_of(binder, left)?, text_of(binder, right)?);
    let lefts = lefts.into_iter().map(|value| binder.bind(value)).collect::<Result<Vec<_>>>()?;
    let rights = rights.into_iter().map(|value| binder.bind(value)).collect::<Result<Vec<_>>>()?;
    if lefts.len() != rights.len() {
        return Err(other_count("=", [lefts.len(), rights.len()], at));
    }
    let mut all: Option<Bound> = None;
    for (left, right) in lefts.into_iter().zip(rights) {
        let equal = operator::binary(binder, left, &BinaryOperator::Eq, right, at)?;
        all = Some(match all {
            None => equal,
            Some(all) => operator::binary(binder, all, &BinaryOperator::And, equal, at)?,
        });
    }
    Ok(all.map(|all| Bound { text, precedence: p::COMPARISON, ..all }))
}

/// The canonical text of a ROW.
fn text_of(binder: &Binder<'_>, expr: &ast::Expr) -> Result<String> {
    let Some(values) = values_of(expr) else {
        return binder.bind(expr).map(|row| row.text_within(p::COMPARISON + 1));
    };
    let texts: Result<Vec<String>> =
        values.into_iter().map(|value| binder.bind(value).map(|value| value.text)).collect();
    Ok(format!("ROW({})", texts?.join(", ")))
}

/// `value [NOT] IN (list)` of ROWs, ARRAYs and MAPs; none where the value is none.
pub(super) fn in_list(
    binder: &Binder<'_>,
    value: &ast::Expr,
    list: &[ast::Expr],
    negated: bool,
    at: Position,
) -> Result<Option<Bound>> {
    if values_of(value).is_none() {
        let data_type = binder.bind(value)?.data_type;
        if !is_row(&data_type) && !wholes::is_one(&data_type) {
            return Ok(None);
        }
    }
    let mut any: Option<Bound> = None;
    for item in list {
        let equal = match equal(binder, value, item, at)? {
            Some(equal) => equal,
            None => {
                let (value, item) = (binder.bind(value)?, binder.bind(item)?);
                operator::binary(binder, value, &BinaryOperator::Eq, item, at)?
            }
        };
        any = Some(match any {
            None => equal,
            Some(any) => operator::binary(binder, any, &BinaryOperator::Or, equal, at)?,
        });
    }
    let Some(mut any) = any else { return Ok(None) };
    if negated {
        any = operator::unary(binder, ast::UnaryOperator::Not, any, at)?;
    }
    let not = if negated { "NOT " } else { "" };
    let texts = list.iter().map(|item| text_of(binder, item)).collect::<Result<Vec<_>>>()?;
    let text = format!("{} {not}IN ({})", text_of(binder, value)?, texts.join(", "));
    Ok(Some(Bound { text, precedence: p::COMPARISON, ..any }))
}

/// Whether a type is that of a ROW.
pub(super) fn is_row(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Struct(_))
}

/// `left = right`, `left <> right` of ROWs.
pub(super) fn compare(
    binder: &Binder<'_>,
    [left, right]: [Bound; 2],
    negated: bool,
    at: Position,
) -> Result<Bound> {
    let sign = if negated { "<>" } else { "=" };
    let level = p::COMPARISON;
    let text = format!("{} {sign} {}", left.text_within(level), right.text_within(level + 1));
    let same = same_fields(binder, &left, &right, sign, at)?;
    let answer = if negated { Expr::Not(Box::new(same)) } else { same };
    let none = Expr::Literal(ScalarValue::Boolean(None), None);
    let expr = either_null(&left, &right, none, answer, at)?;
    let nullable = left.nullable || right.nullable;
    binder.finish(expr, nullable, (text, level), || not_compared(sign, &left, &right, at))
}

/// `left IS [NOT] DISTINCT FROM right` of ROWs.
pub(super) fn distinct(
    binder: &Binder<'_>,
    [left, right]: [Bound; 2],
    text: String,
    equal: bool,
    at: Position,
) -> Result<Bound> {
    let same = not_distinct(binder, &left, &right, at)?;
    let expr = if equal { same } else { Expr::Not(Box::new(same)) };
    let sign = "IS DISTINCT FROM";
    binder.finish(expr, false, (text, p::COMPARISON), || not_compared(sign, &left, &right, at))
}

/// Whether two values are the same, NULL being like NULL.
fn not_distinct(binder: &Binder<'_>, left: &Bound, right: &Bound, at: Position) -> Result<Expr> {
    if !is_row(&left.data_type) || !is_row(&right.data_type) {
        return operator::distinct(binder, left.clone(), right.clone(), true, at).map(|b| b.expr);
    }
    let same = same_fields(binder, left, right, "IS DISTINCT FROM", at)?;
    let both = left.expr.clone().is_null().and(right.expr.clone().is_null());
    either_null(left, right, both, same, at)
}

/// Whether all fields are the same, by their places.
fn same_fields(
    binder: &Binder<'_>,
    left: &Bound,
    right: &Bound,
    sign: &str,
    at: Position,
) -> Result<Expr> {
    let (DataType::Struct(lefts), DataType::Struct(rights)) = (&left.data_type, &right.data_type)
    else {
        return Err(not_compared(sign, left, right, at));
    };
    if lefts.len() != rights.len() {
        return Err(other_count(sign, [lefts.len(), rights.len()], at));
    }
    let mut all: Option<Expr> = None;
    for (of_left, of_right) in lefts.iter().zip(rights) {
        let of_left = field::named(left, of_left, at)?;
        let of_right = field::named(right, of_right, at)?;
        let same = not_distinct(binder, &of_left, &of_right, at)?;
        all = Some(match all {
            None => same,
            Some(all) => all.and(same),
        });
    }
    Ok(all.unwrap_or_else(|| lit(true)))
}

/// `null` where one of the sides is, and `otherwise`.
fn either_null(
    left: &Bound,
    right: &Bound,
    null: Expr,
    otherwise: Expr,
    at: Position,
) -> Result<Expr> {
    let sides = [left, right].into_iter().filter(|side| side.nullable);
    match sides.map(|side| side.expr.clone().is_null()).reduce(Expr::or) {
        None => Ok(otherwise),
        Some(is_null) => when(is_null, null)
            .otherwise(otherwise)
            .map_err(|error| SqlError::new(at, error.strip_backtrace())),
    }
}

fn not_compared(sign: &str, left: &Bound, right: &Bound, at: Position) -> SqlError {
    let [left, right] = [left, right].map(|side| flink_name(&side.data_type));
    SqlError::new(at, format!("{sign} cannot compare {left} with {right}"))
}

fn other_count(sign: &str, [left, right]: [usize; 2], at: Position) -> SqlError {
    SqlError::new(at, format!("{sign} cannot compare a ROW of {left} fields with one of {right}"))
        .hint("both sides need as many values")
}

/// `(a, b)`: a ROW.
pub(super) fn tuple(binder: &Binder<'_>, values: &[ast::Expr], at: Position) -> Result<Bound> {
    of_values(binder, &binder.bind_all(values)?, at)
}

/// `ROW(a, b)`.
pub(super) fn of_values(binder: &Binder<'_>, values: &[Bound], at: Position) -> Result<Bound> {
    let expr = crate::functions::rows::row(values, at)?;
    let texts: Vec<&str> = values.iter().map(|value| value.text.as_str()).collect();
    let text = (format!("ROW({})", texts.join(", ")), p::ATOM);
    let wrong = || crate::functions::wrong_arguments("ROW", values, at);
    let row = binder.finish(expr, false, text, wrong)?;
    Ok(Bound { meaning: Meaning::Plain, ..row })
}
