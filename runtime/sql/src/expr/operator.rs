//! Operators: arithmetic, comparison, logic, `CASE`, `LIKE`, `IN`.

use std::fmt::Write as _;

use arrow::datatypes::DataType;
use datafusion_common::ScalarValue;
use datafusion_expr::expr::{InList, Like};
use datafusion_expr::{Expr, Operator, binary_expr, cast, lit};
use sqlparser::ast::{self, BinaryOperator, CaseWhen, UnaryOperator, ValueWithSpan};

use super::bind::Binder;
use super::bound::{Bound, precedence as p};
use super::literal::constant;
use super::{intervals, rows, wholes};
use crate::error::{Position, Result, SqlError};
use crate::functions;
use crate::types::{flink_name, have_common_type};

/// `left op right`.
pub(crate) fn binary(
    binder: &Binder<'_>,
    left: Bound,
    op: &BinaryOperator,
    right: Bound,
    at: Position,
) -> Result<Bound> {
    use BinaryOperator as B;
    let (operator, sign, level) = match op {
        B::Plus => (Operator::Plus, "+", p::ADDITION),
        B::Minus => (Operator::Minus, "-", p::ADDITION),
        B::StringConcat => (Operator::StringConcat, "||", p::ADDITION),
        B::Multiply => (Operator::Multiply, "*", p::MULTIPLICATION),
        B::Divide => (Operator::Divide, "/", p::MULTIPLICATION),
        B::Modulo => (Operator::Modulo, "%", p::MULTIPLICATION),
        B::Gt => (Operator::Gt, ">", p::COMPARISON),
        B::Lt => (Operator::Lt, "<", p::COMPARISON),
        B::GtEq => (Operator::GtEq, ">=", p::COMPARISON),
        B::LtEq => (Operator::LtEq, "<=", p::COMPARISON),
        B::Eq => (Operator::Eq, "=", p::COMPARISON),
        B::NotEq => (Operator::NotEq, "<>", p::COMPARISON),
        B::And => (Operator::And, "AND", p::AND),
        B::Or => (Operator::Or, "OR", p::OR),
        other => {
            return Err(SqlError::new(at, format!("the operator {other} is not supported")));
        }
    };
    if matches!(operator, Operator::Eq | Operator::NotEq)
        && [&left, &right].iter().all(|side| rows::is_row(&side.data_type))
    {
        return rows::compare(binder, [left, right], operator == Operator::NotEq, at);
    }
    let text = format!("{} {sign} {}", left.text_within(level), right.text_within(level + 1));
    if matches!(operator, Operator::Eq | Operator::NotEq)
        && [&left, &right].iter().all(|side| wholes::is_one(&side.data_type))
    {
        let flags = [operator == Operator::NotEq, false];
        return wholes::compare(binder, [left, right], (sign, text), flags, at);
    }
    let nullable = left.nullable || right.nullable;
    if let Some(expr) = intervals::arithmetic(&left, operator, &right) {
        let wrong = || SqlError::new(at, "these intervals cannot be computed");
        return binder.finish(expr, nullable, (text, level), wrong);
    }
    let (left_type, right_type) = (left.data_type.clone(), right.data_type.clone());
    let wrong = || {
        SqlError::new(
            at,
            format!(
                "the operator {sign} cannot be applied to {} and {}",
                flink_name(&left_type),
                flink_name(&right_type)
            ),
        )
    };
    let (left, right) = match level {
        p::AND | p::OR => (boolean(left, sign, at)?, boolean(right, sign, at)?),
        p::COMPARISON => {
            refuse_nested([&left, &right], sign, at)?;
            comparable(left, right)
        }
        _ if operator == Operator::StringConcat => {
            if left_type != DataType::Utf8 && right_type != DataType::Utf8 {
                return Err(wrong().hint("use CAST(<value> AS STRING)"));
            }
            (left, right)
        }
        _ => match intervals::operands(left, operator, right) {
            Some(operands) => operands,
            None => return Err(wrong()),
        },
    };
    let before = left.data_type.clone();
    let whole =
        functions::decimals::is_whole(&left_type) && functions::decimals::is_whole(&right_type);
    let expr = match decimals(&left, operator, &right) {
        Some(types) if operator == Operator::Divide => {
            functions::decimals::divide(left.expr, right.expr, types)
        }
        Some(types) => {
            let operand =
                |expr, (precision, scale)| cast(expr, DataType::Decimal128(precision, scale));
            binary_expr(operand(left.expr, types[0]), operator, operand(right.expr, types[1]))
        }
        None if let Some(moved) = intervals::moved(&left, operator, &right) => moved,
        None if level == p::COMPARISON => {
            compared(left, operator, right, left_type.is_decimal() || right_type.is_decimal())
        }
        None => binary_expr(left.expr, operator, right.expr),
    };
    let bound = binder.finish(expr, nullable, (text, level), wrong)?;
    // The remainder of whole numbers has the divisor's type.
    if whole && operator == Operator::Modulo {
        return Ok(bound.implicit_cast(&right_type));
    }
    // A timestamp plus an interval keeps its precision.
    if matches!(before, DataType::Timestamp(..)) && level == p::ADDITION {
        return Ok(bound.implicit_cast(&before));
    }
    Ok(bound)
}

/// `left < right` and its like, in which a float beside a decimal is compared as in an order.
fn compared(left: Bound, operator: Operator, right: Bound, beside_decimal: bool) -> Expr {
    let [l, r] = [&left, &right].map(|side| (side.expr.clone(), &side.data_type));
    let Some(floats) = functions::floats::compare(l, operator, r) else {
        return binary_expr(left.expr, operator, right.expr);
    };
    if !beside_decimal {
        return floats;
    }
    let [left, right] =
        [left, right].map(|side| functions::floats::nan_highest(side.expr, &side.data_type));
    binary_expr(left, operator, right)
}

/// What both operands of `+ - * / %` are as decimals, when one of them is a decimal.
fn decimals(left: &Bound, operator: Operator, right: &Bound) -> Option<[(u8, i8); 2]> {
    let arithmetic = matches!(
        operator,
        Operator::Plus | Operator::Minus | Operator::Multiply | Operator::Divide | Operator::Modulo
    );
    let types = [left, right].map(|side| &side.data_type);
    if !arithmetic || !types.iter().any(|t| matches!(t, DataType::Decimal128(..))) {
        return None;
    }
    let [left, right] = types.map(functions::decimals::decimal_of);
    Some([left?, right?])
}

/// Refuses to compare values of several parts as wholes.
fn refuse_nested<'b>(
    sides: impl IntoIterator<Item = &'b Bound>,
    sign: &str,
    at: Position,
) -> Result<()> {
    match sides.into_iter().find(|side| side.data_type.is_nested()) {
        None => Ok(()),
        Some(side) => {
            let name = flink_name(&side.data_type);
            let message = format!("{sign} cannot compare {}, which is {name}", side.text);
            Err(SqlError::new(at, message).hint("compare its elements or fields"))
        }
    }
}

/// A text compared with another type is read as that type, never the other way around.
fn comparable(left: Bound, right: Bound) -> (Bound, Bound) {
    let reads = |from: &DataType, to: &DataType| {
        *from == DataType::Utf8 && (to.is_numeric() || matches!(to, DataType::Timestamp(..)))
    };
    // What is no date is equal to none.
    match (&left.data_type, &right.data_type) {
        (DataType::Utf8, DataType::Date32) => return (left.read_as_date(), right),
        (DataType::Date32, DataType::Utf8) => return (left, right.read_as_date()),
        _ => {}
    }
    if reads(&left.data_type, &right.data_type) {
        let to = right.data_type.clone();
        return (left.implicit_cast(&to), right);
    }
    if reads(&right.data_type, &left.data_type) {
        let to = left.data_type.clone();
        return (left, right.implicit_cast(&to));
    }
    // A decimal beside a float becomes a DOUBLE, where the library would do the opposite.
    match (&left.data_type, &right.data_type) {
        (DataType::Decimal128(..), other) if other.is_floating() => {
            return (left.implicit_cast(&DataType::Float64), right);
        }
        (other, DataType::Decimal128(..)) if other.is_floating() => {
            return (left, right.implicit_cast(&DataType::Float64));
        }
        _ => {}
    }
    (left, right)
}

/// A condition.
pub(crate) fn boolean(value: Bound, what: &str, at: Position) -> Result<Bound> {
    match value.data_type {
        DataType::Boolean => Ok(value),
        DataType::Null => Ok(value.implicit_cast(&DataType::Boolean)),
        ref other => {
            let message = format!("{what} needs BOOLEAN, {} is {}", value.text, flink_name(other));
            Err(SqlError::new(at, message))
        }
    }
}

/// `NOT x`, `-x`, `+x`.
pub(super) fn unary(
    binder: &Binder<'_>,
    op: UnaryOperator,
    value: Bound,
    at: Position,
) -> Result<Bound> {
    let nullable = value.nullable;
    match op {
        UnaryOperator::Plus if value.data_type.is_numeric() => Ok(value.plain()),
        UnaryOperator::Minus if value.data_type.is_numeric() => {
            let text = format!("-{}", value.text_within(p::SIGN + 1));
            let wrong = || SqlError::new(at, "this value has no negative");
            // The smallest whole number has no positive twin and stays: only sums wrap around.
            let expr = match ScalarValue::new_zero(&value.data_type) {
                Ok(zero) if value.data_type.is_integer() => lit(zero) - value.expr,
                _ => Expr::Negative(Box::new(value.expr)),
            };
            binder.finish(expr, nullable, (text, p::SIGN), wrong)
        }
        UnaryOperator::Minus if intervals::is_one(&value.data_type) => {
            let text = format!("-{}", value.text_within(p::SIGN));
            let wrong = || SqlError::new(at, "this interval has no negative");
            let expr = intervals::negated(&value).ok_or_else(wrong)?;
            Ok(Bound { expr, text, precedence: p::SIGN, ..value })
        }
        UnaryOperator::Minus => {
            let message = format!("{} has no negative", flink_name(&value.data_type));
            Err(SqlError::new(at, message))
        }
        UnaryOperator::Not => {
            let value = boolean(value, "NOT", at)?;
            let text = format!("NOT {}", value.text_within(p::NOT));
            let wrong = || SqlError::new(at, "NOT needs BOOLEAN");
            let opposite = functions::floats::negated(&value.expr);
            let expr = opposite.unwrap_or_else(|| Expr::Not(Box::new(value.expr)));
            binder.finish(expr, nullable, (text, p::NOT), wrong)
        }
        other => Err(SqlError::new(at, format!("the operator {other} is not supported"))),
    }
}

/// `x IS NULL`, `x IS TRUE` and their like.
pub(super) fn is(binder: &Binder<'_>, expr: &ast::Expr, at: Position) -> Result<Bound> {
    use ast::Expr as E;
    type Build = fn(Box<Expr>) -> Expr;
    let (inner, what, build, truth): (_, _, Build, bool) = match expr {
        E::IsNull(x) => (x, "NULL", Expr::IsNull, false),
        E::IsNotNull(x) => (x, "NOT NULL", Expr::IsNotNull, false),
        E::IsTrue(x) => (x, "TRUE", Expr::IsTrue, true),
        E::IsNotTrue(x) => (x, "NOT TRUE", Expr::IsNotTrue, true),
        E::IsFalse(x) => (x, "FALSE", Expr::IsFalse, true),
        E::IsNotFalse(x) => (x, "NOT FALSE", Expr::IsNotFalse, true),
        E::IsUnknown(x) => (x, "UNKNOWN", Expr::IsUnknown, true),
        E::IsNotUnknown(x) => (x, "NOT UNKNOWN", Expr::IsNotUnknown, true),
        other => return Err(SqlError::new(at, format!("{other} is not supported"))),
    };
    let mut value = binder.bind(inner)?;
    if truth {
        value = boolean(value, &format!("IS {what}"), at)?;
    }
    let text = format!("{} IS {what}", value.text_within(p::COMPARISON + 1));
    let wrong = || SqlError::new(at, format!("IS {what} cannot be applied here"));
    binder.finish(build(Box::new(value.expr)), false, (text, p::COMPARISON), wrong)
}

/// `left IS [NOT] DISTINCT FROM right`.
pub(super) fn distinct(
    binder: &Binder<'_>,
    left: Bound,
    right: Bound,
    equal: bool,
    at: Position,
) -> Result<Bound> {
    let (operator, sign) = if equal {
        (Operator::IsNotDistinctFrom, "IS NOT DISTINCT FROM")
    } else {
        (Operator::IsDistinctFrom, "IS DISTINCT FROM")
    };
    let level = p::COMPARISON;
    let text = format!("{} {sign} {}", left.text_within(level + 1), right.text_within(level + 1));
    if [&left, &right].iter().all(|side| rows::is_row(&side.data_type)) {
        return rows::distinct(binder, [left, right], text, equal, at);
    }
    if [&left, &right].iter().all(|side| wholes::is_one(&side.data_type)) {
        return wholes::compare(binder, [left, right], (sign, text), [!equal, true], at);
    }
    refuse_nested([&left, &right], sign, at)?;
    let (left, right) = comparable(left, right);
    let wrong = || SqlError::new(at, format!("the sides of {sign} cannot be compared"));
    binder.finish(binary_expr(left.expr, operator, right.expr), false, (text, level), wrong)
}

/// `value [NOT] BETWEEN low AND high`.
pub(super) fn between(
    binder: &Binder<'_>,
    [value, low, high]: &[&ast::Expr; 3],
    negated: bool,
    at: Position,
) -> Result<Bound> {
    let (value, low, high) = (binder.bind(value)?, binder.bind(low)?, binder.bind(high)?);
    let level = p::COMPARISON;
    let not = if negated { "NOT " } else { "" };
    let [v, l, h] = [&value, &low, &high].map(|b| b.text_within(level + 1));
    let text = format!("{v} {not}BETWEEN {l} AND {h}");
    let above = binary(binder, value.clone(), &BinaryOperator::GtEq, low, at)?;
    let below = binary(binder, value, &BinaryOperator::LtEq, high, at)?;
    let both = binary(binder, above, &BinaryOperator::And, below, at)?;
    let whole = if negated { unary(binder, UnaryOperator::Not, both, at)? } else { both };
    Ok(Bound { text, precedence: level, ..whole })
}

/// `value [NOT] IN (list)`.
pub(super) fn in_list(
    binder: &Binder<'_>,
    value: Bound,
    list: Vec<Bound>,
    negated: bool,
    at: Position,
) -> Result<Bound> {
    let texts: Vec<&str> = list.iter().map(|item| item.text.as_str()).collect();
    let not = if negated { "NOT " } else { "" };
    let text = format!("{} {not}IN ({})", value.text_within(p::COMPARISON + 1), texts.join(", "));
    let nullable = value.nullable || list.iter().any(|item| item.nullable);
    refuse_nested(std::iter::once(&value).chain(&list), "IN", at)?;
    let names: Vec<String> = list.iter().map(|item| flink_name(&item.data_type)).collect();
    let value_name = flink_name(&value.data_type);
    let mut value = value;
    let mut items = Vec::new();
    for item in list {
        let (v, item) = comparable(value, item);
        value = v;
        items.push(item);
    }
    let expr = if value.data_type.is_floating() {
        in_floats(&value, &items, negated)
    } else {
        let list = items.into_iter().map(|item| item.expr).collect();
        Expr::InList(InList { expr: Box::new(value.expr), list, negated })
    };
    binder.finish(expr, nullable, (text, p::COMPARISON), || {
        let message = format!("IN cannot compare {value_name} with {}", names.join(", "));
        SqlError::new(at, message)
    })
}

/// Whether a float is equal to one of a list. What is the same expression is equal even to NaN.
fn in_floats(value: &Bound, list: &[Bound], negated: bool) -> Expr {
    let equal = |item: &Bound| match item.text == value.text {
        true => value.expr.clone().eq(item.expr.clone()),
        false => functions::floats::equal(value.expr.clone(), item.expr.clone()),
    };
    let any = list.iter().map(equal).reduce(Expr::or).unwrap_or(lit(false));
    if negated { Expr::Not(Box::new(any)) } else { any }
}

/// `value [NOT] LIKE pattern [ESCAPE 'c']`.
pub(super) fn like(
    binder: &Binder<'_>,
    [value, mut pattern]: [Bound; 2],
    escape: Option<&ValueWithSpan>,
    negated: bool,
    at: Position,
) -> Result<Bound> {
    let not = if negated { "NOT " } else { "" };
    let level = p::COMPARISON;
    let mut text =
        format!("{} {not}LIKE {}", value.text_within(level + 1), pattern.text_within(level + 1));
    if let Some(escape) = escape {
        let c = escape_of(escape, at)?;
        let _ = write!(text, " ESCAPE '{c}'");
        let Some(given) = pattern.literal_text() else {
            return Err(SqlError::new(at, "ESCAPE needs a pattern in single quotes"));
        };
        pattern.expr = lit(functions::with_backslashes(given, c));
    }
    for side in [&value, &pattern] {
        if !matches!(side.data_type, DataType::Utf8 | DataType::Null) {
            let name = flink_name(&side.data_type);
            return Err(SqlError::new(at, format!("LIKE needs STRING, {} is {name}", side.text)));
        }
    }
    let nullable = value.nullable || pattern.nullable;
    let like = Like {
        negated,
        expr: Box::new(value.expr),
        pattern: Box::new(pattern.expr),
        escape_char: None,
        case_insensitive: false,
    };
    let wrong = || SqlError::new(at, "LIKE needs STRING on both sides");
    binder.finish(Expr::Like(like), nullable, (text, level), wrong)
}

/// The one character that `ESCAPE` names.
fn escape_of(escape: &ValueWithSpan, at: Position) -> Result<char> {
    let given = escape.value.clone().into_string().unwrap_or_default();
    let mut chars = given.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) => Ok(c),
        _ => Err(SqlError::new(at, "ESCAPE needs one character")),
    }
}

/// `value [NOT] SIMILAR TO 'pattern' [ESCAPE '!']`.
pub(super) fn similar(
    binder: &Binder<'_>,
    [value, pattern]: [Bound; 2],
    escape: Option<&ValueWithSpan>,
    negated: bool,
    at: Position,
) -> Result<Bound> {
    let not = if negated { "NOT " } else { "" };
    let level = p::COMPARISON;
    let [left, right] = [&value, &pattern].map(|side| side.text_within(level + 1));
    let mut text = format!("{left} {not}SIMILAR TO {right}");
    let escape = escape.map(|escape| escape_of(escape, at)).transpose()?;
    if let Some(escape) = escape {
        let _ = write!(text, " ESCAPE '{escape}'");
    }
    let Some(given) = pattern.literal_text() else {
        return Err(SqlError::new(at, "SIMILAR TO needs a pattern in single quotes"));
    };
    let nullable = value.nullable;
    let name = flink_name(&value.data_type);
    let fits = functions::similar(value.expr, given, escape, at)?;
    let expr = if negated { Expr::Not(Box::new(fits)) } else { fits };
    let wrong = || SqlError::new(at, format!("SIMILAR TO needs STRING, not {name}"));
    binder.finish(expr, nullable, (text, level), wrong)
}

/// `CASE [operand] WHEN .. THEN .. [ELSE ..] END`.
pub(super) fn case(
    binder: &Binder<'_>,
    operand: Option<&ast::Expr>,
    conditions: &[CaseWhen],
    otherwise: Option<&ast::Expr>,
    at: Position,
) -> Result<Bound> {
    let operand = operand.map(|expr| binder.bind(expr)).transpose()?;
    // Writing to a String cannot fail.
    let mut text = String::from("CASE");
    if let Some(operand) = &operand {
        let _ = write!(text, " {}", operand.text);
    }
    let mut branches = Vec::new();
    let mut nullable = otherwise.is_none();
    let mut types = Vec::new();
    for when in conditions {
        let condition = binder.bind(&when.condition)?;
        let result = binder.bind(&when.result)?;
        let _ = write!(text, " WHEN {} THEN {}", condition.text, result.text);
        let condition = match &operand {
            Some(operand) => binary(binder, operand.clone(), &BinaryOperator::Eq, condition, at)?,
            None => boolean(condition, "WHEN", at)?,
        };
        nullable |= result.nullable;
        branches.push((Box::new(condition.expr), Box::new(result.expr)));
        types.push(result.data_type);
    }
    let otherwise = otherwise.map(|expr| binder.bind(expr)).transpose()?;
    if let Some(otherwise) = &otherwise {
        let _ = write!(text, " ELSE {}", otherwise.text);
        nullable |= otherwise.nullable;
        types.push(otherwise.data_type.clone());
    }
    text.push_str(" END");
    let mut otherwise = otherwise.map(|bound| Box::new(bound.expr));
    let beside = functions::decimals::beside(&types);
    let results = branches.iter_mut().map(|(_, result)| result).chain(&mut otherwise);
    for (result, data_type) in results.zip(&types) {
        let expr = std::mem::replace(result.as_mut(), lit(0));
        **result = beside(expr, data_type);
    }
    let wrong = || {
        let names: Vec<String> = types.iter().map(flink_name).collect();
        let message = format!("the results of CASE have no common type: {}", names.join(", "));
        SqlError::new(at, message)
    };
    if !have_common_type(&types) {
        return Err(wrong());
    }
    let expr = Expr::Case(datafusion_expr::Case::new(None, branches, otherwise));
    binder.finish(expr, nullable, (text, p::ATOM), wrong)
}

/// The begin of the window of `size_ms` that holds `time`, a timestamp in milliseconds.
pub(crate) fn window_start(time: Expr, size_ms: i64, offset_ms: i64, to: &DataType) -> Expr {
    let millis = cast(time, DataType::Int64);
    let minus = |l, r| binary_expr(l, Operator::Minus, r);
    let modulo = |l| binary_expr(l, Operator::Modulo, constant(size_ms));
    let plus = |l, r| binary_expr(l, Operator::Plus, r);
    // The remainder takes the sign of the dividend, so it is shifted into 0..size.
    let remainder = modulo(minus(millis.clone(), constant(offset_ms)));
    let positive = modulo(plus(remainder, constant(size_ms)));
    cast(minus(millis, positive), to.clone())
}
