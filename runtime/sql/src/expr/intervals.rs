//! Arithmetic of intervals among themselves: their sums, their multiples, their parts, days of a DATE, and
//! what lies between two times.

use std::sync::Arc;

use arrow::datatypes::{DataType, IntervalUnit, TimeUnit};
use datafusion_common::{DFSchema, ScalarValue};
use datafusion_expr::{Expr, Operator, binary_expr, cast, lit};

use super::bind::Binder;
use super::bound::{Bound, precedence, simplify};
use super::literal;
use crate::error::{Position, Result, SqlError};
use crate::functions;
use crate::types::{TIMESTAMP, flink_name};

const DAY_MS: i64 = 86_400_000;

/// Whether values of this type are intervals.
pub(super) fn is_one(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Duration(_) | DataType::Interval(_))
}

/// `interval + interval`, `interval - interval`, and an interval so many times; none when the
/// operands are others. Of literals it is one.
pub(super) fn arithmetic(left: &Bound, operator: Operator, right: &Bound) -> Option<Expr> {
    let of = [left, right].map(|side| &side.data_type);
    let months = match operator {
        Operator::Plus | Operator::Minus if of[0] == of[1] && is_one(of[0]) => is_of_months(of[0]),
        Operator::Multiply if is_one(of[0]) && of[1].is_integer() => is_of_months(of[0]),
        Operator::Multiply if of[0].is_integer() && is_one(of[1]) => is_of_months(of[1]),
        _ => return None,
    };
    let [left, right] = [left, right].map(|side| amount_of(side.expr.clone()));
    Some(folded(of_amount(binary_expr(left?, operator, right?), months)))
}

/// The interval in the other direction.
pub(super) fn negated(interval: &Bound) -> Option<Expr> {
    let amount = Expr::Negative(Box::new(amount_of(interval.expr.clone())?));
    Some(folded(of_amount(amount, is_of_months(&interval.data_type))))
}

/// `+1 02:03:04.500`, `+1-02`: an interval as Flink writes it.
pub(super) fn written(interval: &Bound) -> Option<Expr> {
    let amount = amount_of(interval.expr.clone())?;
    let months = is_of_months(&interval.data_type);
    Some(functions::interval_text(amount, months))
}

/// `EXTRACT(unit FROM interval)`, with the interval's sign; none where it has no such part.
pub(super) fn part(unit: &str, interval: &Bound) -> Option<Expr> {
    if !is_one(&interval.data_type) {
        return None;
    }
    let (each, most): (i64, i64) = match (unit, is_of_months(&interval.data_type)) {
        ("DAY", false) => (DAY_MS, i64::MAX),
        ("HOUR", false) => (3_600_000, 24),
        ("MINUTE", false) => (60_000, 60),
        ("SECOND", false) => (1_000, 60),
        ("MILLISECOND", false) => (1, 1_000),
        ("YEAR", true) => (12, i64::MAX),
        ("MONTH" | "QUARTER", true) => (1, 12),
        _ => return None,
    };
    let amount = amount_of(interval.expr.clone())?;
    let whole = binary_expr(amount, Operator::Divide, lit(each));
    let part = binary_expr(whole, Operator::Modulo, lit(most));
    Some(match unit {
        // The first one has no quarter before it.
        "QUARTER" => {
            let before = binary_expr(part, Operator::Divide, lit(3_i64));
            binary_expr(before, Operator::Plus, lit(1_i64))
        }
        _ => part,
    })
}

/// `(end - begin) DAY`: the interval between two times of one kind, in months or milliseconds. The unit
/// cuts nothing off.
pub(super) fn difference(
    binder: &Binder<'_>,
    [end, begin]: [Bound; 2],
    unit: &Bound,
    at: Position,
) -> Result<Bound> {
    let name = unit.literal_text().unwrap_or_default();
    let text = format!("({} - {}) {name}", end.text, begin.text_within(precedence::ADDITION + 1));
    let kind = |side: &Bound| match side.data_type {
        DataType::Timestamp(_, ref zone) => Some((true, zone.is_some())),
        DataType::Date32 => Some((false, false)),
        _ => None,
    };
    if kind(&end).is_none() || kind(&end) != kind(&begin) {
        let names = [&end, &begin].map(|side| flink_name(&side.data_type));
        let message = format!("there is no interval between {} and {}", names[1], names[0]);
        return Err(SqlError::new(at, message)
            .hint("both have to be a DATE, a TIMESTAMP or a TIMESTAMP_LTZ"));
    }
    let nullable = end.nullable || begin.nullable;
    let months = matches!(name, "YEAR" | "QUARTER" | "MONTH");
    let amount = if months {
        let unit = literal::text("MONTH");
        binder.call_bound("TIMESTAMPDIFF", &[unit, begin, end], at)?.expr
    } else {
        let millis = |side: Bound| cast(cast(side.expr, TIMESTAMP), DataType::Int64);
        binary_expr(millis(end), Operator::Minus, millis(begin))
    };
    let wrong = || SqlError::new(at, "this interval cannot be computed");
    binder.finish(of_amount(amount, months), nullable, (text, precedence::ATOM), wrong)
}

/// Operands for `+ - * / %`, or none when they do not go together.
pub(super) fn operands(left: Bound, operator: Operator, right: Bound) -> Option<(Bound, Bound)> {
    let numeric = |t: &DataType| t.is_numeric() || *t == DataType::Null;
    let moves = |time: &DataType, interval: &DataType| match time {
        DataType::Timestamp(..) | DataType::Date32 => is_one(interval),
        // A day has no months.
        DataType::Time32(_) => matches!(interval, DataType::Duration(_)),
        _ => false,
    };
    match operator {
        _ if numeric(&left.data_type) && numeric(&right.data_type) => Some((left, right)),
        Operator::Plus | Operator::Minus if moves(&left.data_type, &right.data_type) => {
            Some((left, right))
        }
        Operator::Plus if moves(&right.data_type, &left.data_type) => Some((right, left)),
        _ => None,
    }
}

/// A DATE or TIME an interval of milliseconds on, or back; none for others.
pub(super) fn moved(time: &Bound, operator: Operator, interval: &Bound) -> Option<Expr> {
    if !matches!(interval.data_type, DataType::Duration(_)) {
        return None;
    }
    let (time_expr, interval) = (time.expr.clone(), interval.expr.clone());
    match time.data_type {
        DataType::Date32 => Some(on_date(time_expr, operator, interval)),
        DataType::Time32(_) => Some(on_time_of_day(time_expr, operator, interval)),
        _ => None,
    }
}

/// A TIME, which goes on behind midnight.
fn on_time_of_day(time: Expr, operator: Operator, interval: Expr) -> Expr {
    let of_day = |ms: Expr| binary_expr(ms, Operator::Modulo, lit(DAY_MS));
    let ms = cast(cast(time, DataType::Int32), DataType::Int64);
    let moved = of_day(binary_expr(ms, operator, cast(interval, DataType::Int64)));
    let moved = of_day(binary_expr(moved, Operator::Plus, lit(DAY_MS)));
    cast(cast(moved, DataType::Int32), DataType::Time32(TimeUnit::Millisecond))
}

/// A DATE some days on, or back: of an interval the whole days count.
fn on_date(date: Expr, operator: Operator, interval: Expr) -> Expr {
    let days = binary_expr(cast(interval, DataType::Int64), Operator::Divide, lit(DAY_MS));
    let moved = binary_expr(cast(date, DataType::Int64), operator, days);
    cast(cast(moved, DataType::Int32), DataType::Date32)
}

fn is_of_months(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Interval(_))
}

/// Its months or milliseconds, or the number itself. The library cannot cast months back, of which
/// there are only literals and what [`of_amount`] makes.
fn amount_of(expr: Expr) -> Option<Expr> {
    match expr {
        Expr::Literal(ScalarValue::IntervalYearMonth(Some(months)), _) => {
            Some(lit(i64::from(months)))
        }
        Expr::Literal(ScalarValue::DurationMillisecond(Some(ms)), _) => Some(lit(ms)),
        Expr::Cast(months) if is_of_months(months.field.data_type()) => {
            Some(cast(*months.expr, DataType::Int64))
        }
        Expr::Literal(ScalarValue::IntervalYearMonth(None), _) => None,
        other => Some(cast(other, DataType::Int64)),
    }
}

fn of_amount(amount: Expr, months: bool) -> Expr {
    match months {
        true => cast(cast(amount, DataType::Int32), DataType::Interval(IntervalUnit::YearMonth)),
        false => cast(amount, DataType::Duration(TimeUnit::Millisecond)),
    }
}

fn folded(expr: Expr) -> Expr {
    if !expr.column_refs().is_empty() {
        return expr;
    }
    simplify(expr, &Arc::new(DFSchema::empty()))
}
