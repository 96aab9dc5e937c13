//! Literals, typed as in Flink: `1` is an INT, `1.5` a DECIMAL(2, 1), `1e3` a DOUBLE.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion_common::ScalarValue;
use datafusion_expr::{Expr, lit};
use sqlparser::ast::{self, DateTimeField, Interval, TypedString, Value};

use super::bound::{Bound, Meaning, precedence};
use crate::error::{Position, Result, SqlError};
use crate::types::{TIMESTAMP, type_of_text};

fn bound(value: ScalarValue, text: String) -> Bound {
    Bound {
        data_type: value.data_type(),
        nullable: value.is_null(),
        expr: Expr::Literal(value, None),
        text,
        precedence: precedence::ATOM,
        meaning: Meaning::Plain,
    }
}

/// `NULL`.
pub(crate) fn null() -> Bound {
    bound(ScalarValue::Null, "NULL".into())
}

/// A text.
pub(crate) fn text(value: &str) -> Bound {
    bound(ScalarValue::from(value), format!("'{}'", value.replace('\'', "''")))
}

/// A whole number, as an INT if it fits.
pub(crate) fn integer(value: i64) -> Bound {
    let scalar = match i32::try_from(value) {
        Ok(small) => ScalarValue::Int32(Some(small)),
        Err(_) => ScalarValue::Int64(Some(value)),
    };
    bound(scalar, value.to_string())
}

/// A literal of the parser.
pub(super) fn literal(value: &Value, at: Position) -> Result<Bound> {
    match value {
        Value::Null => Ok(null()),
        Value::Boolean(b) => {
            Ok(bound(ScalarValue::Boolean(Some(*b)), b.to_string().to_ascii_uppercase()))
        }
        Value::SingleQuotedString(s) | Value::UnicodeStringLiteral(s) => Ok(text(s)),
        Value::HexStringLiteral(digits) => bytes(digits, at),
        Value::Number(digits, _) => number(digits, false, at),
        other => Err(SqlError::new(at, format!("the literal {other} is not supported"))),
    }
}

/// `X'00ff'`.
fn bytes(digits: &str, at: Position) -> Result<Bound> {
    let pairs = digits.as_bytes().chunks(2);
    let byte = |pair: &[u8]| match pair {
        [_, _] => u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok(),
        _ => None,
    };
    let bytes: Option<Vec<u8>> = pairs.map(byte).collect();
    match bytes {
        Some(bytes) => {
            let text = format!("X'{}'", digits.to_ascii_uppercase());
            Ok(bound(ScalarValue::Binary(Some(bytes)), text))
        }
        None => Err(SqlError::new(at, format!("X'{digits}' is no binary value"))
            .hint("write two hexadecimal digits for each byte")),
    }
}

/// A number, with its sign since the smallest BIGINT has no positive twin.
pub(super) fn number(digits: &str, negative: bool, at: Position) -> Result<Bound> {
    let text = format!("{}{digits}", if negative { "-" } else { "" });
    if text.contains(['e', 'E']) {
        let value: f64 = text.parse().map_err(|_| out_of_range(&text, at))?;
        if value.is_infinite() {
            return Err(out_of_range(&text, at));
        }
        // The zero that is added makes -0e0 a 0e0, since the sign is no part of the number.
        let value = value + 0.0;
        return Ok(bound(ScalarValue::Float64(Some(value)), text));
    }
    let Some((whole, fraction)) = digits.split_once('.') else {
        let value: i64 = text.parse().map_err(|_| out_of_range(&text, at))?;
        return Ok(integer(value));
    };
    let all: String = whole.chars().chain(fraction.chars()).collect();
    let unscaled: i128 = all.parse().map_err(|_| out_of_range(&text, at))?;
    let precision = all.trim_start_matches('0').len().max(fraction.len() + 1).max(1);
    if precision > 38 {
        return Err(out_of_range(&text, at));
    }
    let value = if negative { -unscaled } else { unscaled };
    let scalar = ScalarValue::Decimal128(Some(value), precision as u8, fraction.len() as i8);
    Ok(bound(scalar, text))
}

fn out_of_range(text: &str, at: Position) -> SqlError {
    SqlError::new(at, format!("the number {text} is out of range"))
}

/// `TIMESTAMP '2020-01-01 00:00:00'`, `DATE '2020-01-01'`.
pub(super) fn typed_string(typed: &TypedString, at: Position) -> Result<Bound> {
    let Some(text) = typed.value.value.clone().into_string() else {
        return Err(SqlError::new(at, "expected a text in single quotes"));
    };
    let name = typed.data_type.to_string().to_ascii_uppercase();
    let data_type = match name.as_str() {
        "TIMESTAMP" => {
            let digits = text.rsplit_once('.').map_or(0, |(_, fraction)| fraction.len());
            match digits {
                0..=3 => TIMESTAMP,
                4..=6 => DataType::Timestamp(TimeUnit::Microsecond, None),
                _ => DataType::Timestamp(TimeUnit::Nanosecond, None),
            }
        }
        "DATE" | "TIME" => type_of_text(&name, at)?,
        _ => return Err(SqlError::new(at, format!("the literal {name} '...' is not supported"))),
    };
    let value = ScalarValue::from(text.as_str())
        .cast_to(&data_type)
        .ok()
        .filter(|value| !value.is_null())
        .ok_or_else(|| {
            let right = match name.as_str() {
                "DATE" => "DATE '2020-12-31'",
                "TIME" => "TIME '23:59:59'",
                // Nine digits have room for the years around 1970 only.
                _ if data_type == DataType::Timestamp(TimeUnit::Nanosecond, None) => {
                    "TIMESTAMP '2020-12-31 23:59:59.123456789', of the years 1678 to 2261; with six digits behind the point any"
                }
                _ => "TIMESTAMP '2020-12-31 23:59:59'",
            };
            SqlError::new(at, format!("'{text}' is no {name}")).hint(format!("write {right}"))
        })?;
    Ok(bound(value, format!("{name} '{text}'")))
}

/// `INTERVAL '5' SECOND` as a duration, `INTERVAL '1' MONTH` as months.
pub(super) fn interval(interval: &Interval, at: Position) -> Result<Bound> {
    let text = format!("INTERVAL '{}' {}", interval_value(interval, at)?, unit_name(interval));
    let months = match interval.leading_field {
        Some(DateTimeField::Year | DateTimeField::Years) => Some(12),
        Some(DateTimeField::Quarter) => Some(3),
        Some(DateTimeField::Month | DateTimeField::Months) => Some(1),
        _ => None,
    };
    let value = match months {
        Some(_) if interval.last_field.is_some() => {
            let months = months_of(interval, at)?;
            ScalarValue::IntervalYearMonth(Some(months))
        }
        Some(factor) => {
            let count: i32 = interval_value(interval, at)?.parse().map_err(|_| no_interval(at))?;
            let months = count.checked_mul(factor).ok_or_else(|| no_interval(at))?;
            ScalarValue::IntervalYearMonth(Some(months))
        }
        None => ScalarValue::DurationMillisecond(Some(interval_ms(interval, at)?)),
    };
    Ok(bound(value, text))
}

/// The milliseconds of an interval of days or less.
pub(crate) fn interval_ms(interval: &Interval, at: Position) -> Result<i64> {
    let text = interval_value(interval, at)?;
    let factor: i64 = match interval.leading_field {
        Some(DateTimeField::Week(None) | DateTimeField::Weeks) => 604_800_000,
        Some(DateTimeField::Day | DateTimeField::Days) => 86_400_000,
        Some(DateTimeField::Hour | DateTimeField::Hours) => 3_600_000,
        Some(DateTimeField::Minute | DateTimeField::Minutes) => 60_000,
        Some(DateTimeField::Second | DateTimeField::Seconds) => 1_000,
        Some(DateTimeField::Millisecond | DateTimeField::Milliseconds) => 1,
        Some(
            DateTimeField::Year
            | DateTimeField::Years
            | DateTimeField::Month
            | DateTimeField::Months,
        ) => {
            return Err(SqlError::new(at, "an interval of months has no fixed length")
                .hint("use DAY, HOUR, MINUTE or SECOND"));
        }
        _ => return Err(no_interval(at)),
    };
    if let Some(last) = &interval.last_field {
        let first = interval.leading_field.as_ref();
        let units = [first, Some(last)].map(|unit| place_of_unit(unit?));
        return match units {
            [Some(first), Some(last)] if first < last => {
                ms_of_units(&text, first, last).ok_or_else(|| no_interval(at))
            }
            _ => Err(no_interval(at)),
        };
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let negative = whole.starts_with('-');
    let whole: i64 = whole.parse().map_err(|_| no_interval(at))?;
    let fraction_ms = match (fraction.len(), factor) {
        (0, _) => 0,
        (1..=3, 1_000) => {
            let digits: i64 = fraction.parse().map_err(|_| no_interval(at))?;
            digits * 10_i64.pow(3 - fraction.len() as u32)
        }
        _ => return Err(no_interval(at)),
    };
    whole
        .checked_mul(factor)
        .and_then(|ms| ms.checked_add(if negative { -fraction_ms } else { fraction_ms }))
        .ok_or_else(|| no_interval(at))
}

/// `1-2` from YEAR to MONTH, in months.
fn months_of(interval: &Interval, at: Position) -> Result<i32> {
    let is_years =
        matches!(interval.leading_field, Some(DateTimeField::Year | DateTimeField::Years));
    let is_months =
        matches!(interval.last_field, Some(DateTimeField::Month | DateTimeField::Months));
    let text = interval_value(interval, at)?;
    let (sign, text) = signed(&text);
    let months = text.split_once('-').and_then(|(years, months)| {
        let [years, months] = [years, months].map(|part| part.parse::<u16>().ok());
        let months = months.filter(|months| *months < 12)?;
        Some((i32::from(years?) * 12 + i32::from(months)) * sign as i32)
    });
    months.filter(|_| is_years && is_months).ok_or_else(|| no_interval(at))
}

/// The units of intervals of several, from the largest: how many of the next make one, and its
/// milliseconds.
const UNITS: [(u32, i64); 4] = [(u32::MAX, 86_400_000), (24, 3_600_000), (60, 60_000), (60, 1_000)];

fn place_of_unit(unit: &DateTimeField) -> Option<usize> {
    Some(match unit {
        DateTimeField::Day | DateTimeField::Days => 0,
        DateTimeField::Hour | DateTimeField::Hours => 1,
        DateTimeField::Minute | DateTimeField::Minutes => 2,
        DateTimeField::Second | DateTimeField::Seconds => 3,
        _ => return None,
    })
}

/// `1 02:03:04.5` or the part of it from one unit to another, in milliseconds.
fn ms_of_units(text: &str, first: usize, last: usize) -> Option<i64> {
    let (sign, text) = signed(text);
    let (text, fraction) = match text.split_once('.') {
        Some((text, fraction)) if last == 3 => (text, fraction),
        Some(_) => return None,
        None => (text, "0"),
    };
    let (days, clock) = match first {
        0 => text.split_once(' ').map(|(days, clock)| (Some(days), clock))?,
        _ => (None, text),
    };
    let parts: Vec<&str> = days.into_iter().chain(clock.trim_start().split(':')).collect();
    if parts.len() != last - first + 1 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = format!("{fraction:0<3}");
    let mut ms: i64 = digits.get(..3)?.parse().ok()?;
    for (index, part) in parts.into_iter().enumerate() {
        let (bound, factor) = UNITS[first + index];
        let count: u32 = part.parse().ok()?;
        if index > 0 && count >= bound {
            return None;
        }
        ms = ms.checked_add(i64::from(count).checked_mul(factor)?)?;
    }
    Some(ms * sign)
}

fn signed(text: &str) -> (i64, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (-1, rest.trim_start()),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn interval_value(interval: &Interval, at: Position) -> Result<String> {
    match interval.value.as_ref() {
        ast::Expr::UnaryOp { op: ast::UnaryOperator::Minus, expr } => {
            let value = Interval { value: expr.clone(), ..interval.clone() };
            let text = interval_value(&value, at)?;
            Ok(text.strip_prefix('-').map_or_else(|| format!("-{text}"), str::to_owned))
        }
        ast::Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Ok(text.trim().to_owned()),
            _ => Err(no_interval(at)),
        },
        _ => Err(no_interval(at)),
    }
}

fn unit_name(interval: &Interval) -> String {
    let name = |unit: &DateTimeField| {
        unit.to_string().to_ascii_uppercase().trim_end_matches('S').to_owned()
    };
    let first = interval.leading_field.as_ref().map(name).unwrap_or_default();
    match &interval.last_field {
        Some(last) => format!("{first} TO {}", name(last)),
        None => first,
    }
}

fn no_interval(at: Position) -> SqlError {
    SqlError::new(at, "this is no interval")
        .hint("write INTERVAL '10' SECOND, or MINUTE, HOUR, DAY")
}

/// A literal for internal arithmetic, without a text of its own.
pub(super) fn constant(value: i64) -> Expr {
    lit(value)
}
