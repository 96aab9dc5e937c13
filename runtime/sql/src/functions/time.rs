//! Functions of time. Texts of instants are in UTC.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion_expr::{Expr, Operator, binary_expr, cast, lit, try_cast};
use datafusion_functions::datetime;

use super::{Call, Entry, wrong_arguments};
use crate::error::{Position, Result, SqlError};
use crate::expr::Bound;
use crate::types::{TIMESTAMP, timestamp_ltz};

/// The functions of this file.
pub(super) const FUNCTIONS: &[Entry] = &[
    ("YEAR", 1, 1, |c| extract("YEAR", &c.arguments[0], c.at)),
    ("QUARTER", 1, 1, |c| extract("QUARTER", &c.arguments[0], c.at)),
    ("MONTH", 1, 1, |c| extract("MONTH", &c.arguments[0], c.at)),
    ("WEEK", 1, 1, |c| extract("WEEK", &c.arguments[0], c.at)),
    ("DAYOFYEAR", 1, 1, |c| extract("DOY", &c.arguments[0], c.at)),
    ("DAYOFMONTH", 1, 1, |c| extract("DAY", &c.arguments[0], c.at)),
    ("DAYOFWEEK", 1, 1, |c| extract("DOW", &c.arguments[0], c.at)),
    ("HOUR", 1, 1, |c| extract("HOUR", &c.arguments[0], c.at)),
    ("MINUTE", 1, 1, |c| extract("MINUTE", &c.arguments[0], c.at)),
    ("SECOND", 1, 1, |c| extract("SECOND", &c.arguments[0], c.at)),
    ("DATE_FORMAT", 2, 2, date_format),
    ("TO_TIMESTAMP", 1, 2, to_timestamp),
    ("TO_TIMESTAMP_LTZ", 1, 2, to_timestamp_ltz),
    ("TO_DATE", 1, 1, |c| {
        only(c, 0, &DataType::Utf8).map(|()| try_cast(c.expr(0), DataType::Date32))
    }),
    ("FROM_UNIXTIME", 1, 2, from_unixtime),
    ("TIMESTAMPDIFF", 3, 3, timestamp_diff),
    ("TIMESTAMPADD", 3, 3, timestamp_add),
];

fn is_time(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(..) | DataType::Date32)
}

fn only(call: &Call<'_>, index: usize, wanted: &DataType) -> Result<()> {
    if call.arguments[index].data_type == *wanted {
        return Ok(());
    }
    Err(wrong_arguments(call.name, call.arguments, call.at))
}

/// A value's local date and time.
fn local(value: &Bound) -> Expr {
    match &value.data_type {
        DataType::Timestamp(unit, Some(_)) => {
            cast(value.expr.clone(), DataType::Timestamp(*unit, None))
        }
        _ => value.expr.clone(),
    }
}

/// A field of a date or timestamp, as BIGINT.
pub(super) fn extract(unit: &str, value: &Bound, at: Position) -> Result<Expr> {
    let part = match unit {
        "YEAR" | "QUARTER" | "MONTH" | "WEEK" | "DAY" | "DOY" | "DOW" | "HOUR" | "MINUTE"
        | "SECOND" | "MILLISECOND" | "MICROSECOND" | "EPOCH" => unit,
        "DAYOFYEAR" => "DOY",
        "DAYOFWEEK" => "DOW",
        "ISODOW" => "ISODOW",
        _ => return Err(SqlError::new(at, format!("EXTRACT({unit} FROM ...) is not supported"))),
    };
    if !is_time(&value.data_type) {
        return Err(wrong_arguments("EXTRACT", std::slice::from_ref(value), at)
            .hint("a DATE or TIMESTAMP is needed"));
    }
    let number = |part: &str| {
        let field = datetime::date_part().call(vec![lit(part.to_lowercase()), local(value)]);
        cast(field, DataType::Int64)
    };
    let modulo = |n: i64| binary_expr(number(part), Operator::Modulo, lit(n));
    Ok(match part {
        // Flink counts Sunday as 1, the library as 0.
        "DOW" => binary_expr(number("DOW"), Operator::Plus, lit(1_i64)),
        "ISODOW" => {
            // Monday is 1 and Sunday 7.
            let shifted = binary_expr(number("DOW"), Operator::Plus, lit(6_i64));
            let from_zero = binary_expr(shifted, Operator::Modulo, lit(7_i64));
            binary_expr(from_zero, Operator::Plus, lit(1_i64))
        }
        // The library counts them since the minute, Flink since the second.
        "MILLISECOND" => modulo(1_000),
        "MICROSECOND" => modulo(1_000_000),
        _ => number(part),
    })
}

/// `FLOOR(value TO unit)`, `CEIL(value TO unit)`.
pub(super) fn round_to(name: &str, unit: &str, value: &Bound, at: Position) -> Result<Expr> {
    let unit = unit.strip_suffix('S').unwrap_or(unit);
    let step = match unit {
        "SECOND" => Some(1_000_i64),
        "MINUTE" => Some(60_000),
        "HOUR" => Some(3_600_000),
        "DAY" => Some(86_400_000),
        "WEEK" | "MONTH" | "QUARTER" | "YEAR" => None,
        _ => return Err(SqlError::new(at, format!("{name}(... TO {unit}) is not supported"))),
    };
    if !matches!(value.data_type, DataType::Timestamp(..)) {
        return Err(
            wrong_arguments(name, std::slice::from_ref(value), at).hint("a TIMESTAMP is needed")
        );
    }
    let floor = |expr| datetime::date_trunc().call(vec![lit(unit.to_lowercase()), expr]);
    let kept = value.data_type.clone();
    if name == "FLOOR" {
        return Ok(cast(floor(local(value)), kept));
    }
    let (Some(step), DataType::Timestamp(TimeUnit::Millisecond, _)) = (step, &kept) else {
        return Err(SqlError::new(at, format!("CEIL(... TO {unit}) is not supported")));
    };
    let shift =
        Expr::Literal(datafusion_common::ScalarValue::DurationMillisecond(Some(step - 1)), None);
    Ok(cast(floor(binary_expr(local(value), Operator::Plus, shift)), kept))
}

fn date_format(call: &Call<'_>) -> Result<Expr> {
    let value = &call.arguments[0];
    let format = strftime(call.literal(1, "the format")?, call.at)?;
    let time = match value.data_type {
        DataType::Timestamp(..) => local(value),
        DataType::Date32 | DataType::Utf8 => try_cast(value.expr.clone(), TIMESTAMP),
        _ => return Err(wrong_arguments(call.name, call.arguments, call.at)),
    };
    Ok(datetime::to_char().call(vec![time, lit(format)]))
}

/// A text that is no timestamp becomes null, as in Flink.
fn to_timestamp(call: &Call<'_>) -> Result<Expr> {
    only(call, 0, &DataType::Utf8)?;
    if call.arguments.len() == 1 {
        return Ok(try_cast(call.expr(0), TIMESTAMP));
    }
    let format = strftime(call.literal(1, "the format")?, call.at)?;
    Ok(super::own::parse_timestamp(call.expr(0), &format))
}

fn to_timestamp_ltz(call: &Call<'_>) -> Result<Expr> {
    if !call.arguments[0].data_type.is_integer() {
        return Err(wrong_arguments(call.name, call.arguments, call.at).hint(
            "TO_TIMESTAMP_LTZ takes a BIGINT and the precision 0 (seconds) or 3 (milliseconds)",
        ));
    }
    let number = cast(call.expr(0), DataType::Int64);
    let millis = match call.arguments.get(1).map(Bound::literal_integer) {
        None | Some(Some(3)) => number,
        Some(Some(0)) => binary_expr(number, Operator::Multiply, lit(1_000_i64)),
        _ => {
            return Err(SqlError::new(call.at, "the precision of TO_TIMESTAMP_LTZ is 0 or 3"));
        }
    };
    Ok(cast(millis, timestamp_ltz()))
}

fn from_unixtime(call: &Call<'_>) -> Result<Expr> {
    if !call.arguments[0].data_type.is_integer() {
        return Err(wrong_arguments(call.name, call.arguments, call.at));
    }
    let format = match call.arguments.get(1) {
        None => "%Y-%m-%d %H:%M:%S".to_owned(),
        Some(_) => strftime(call.literal(1, "the format")?, call.at)?,
    };
    let number = cast(call.expr(0), DataType::Int64);
    let millis = binary_expr(number, Operator::Multiply, lit(1_000_i64));
    Ok(datetime::to_char().call(vec![cast(millis, TIMESTAMP), lit(format)]))
}

fn unit_ms(call: &Call<'_>) -> Result<i64> {
    let unit = call.literal(0, "the unit")?;
    Ok(match unit.strip_suffix('S').unwrap_or(unit) {
        "MILLISECOND" => 1,
        "SECOND" => 1_000,
        "MINUTE" => 60_000,
        "HOUR" => 3_600_000,
        "DAY" => 86_400_000,
        "WEEK" => 604_800_000,
        _ => {
            return Err(SqlError::new(call.at, format!("{}: unknown unit {unit}", call.name))
                .hint("units: SECOND, MINUTE, HOUR, DAY, WEEK"));
        }
    })
}

/// Whole units from the first to the second time, toward zero.
fn timestamp_diff(call: &Call<'_>) -> Result<Expr> {
    let unit = unit_ms(call)?;
    if !call.arguments[1..].iter().all(|a| is_time(&a.data_type)) {
        return Err(wrong_arguments(call.name, &call.arguments[1..], call.at));
    }
    let millis = |i: usize| cast(cast(local(&call.arguments[i]), TIMESTAMP), DataType::Int64);
    let difference = binary_expr(millis(2), Operator::Minus, millis(1));
    Ok(cast(binary_expr(difference, Operator::Divide, lit(unit)), DataType::Int32))
}

fn timestamp_add(call: &Call<'_>) -> Result<Expr> {
    let unit = unit_ms(call)?;
    let DataType::Timestamp(TimeUnit::Millisecond, _) = &call.arguments[2].data_type else {
        return Err(wrong_arguments(call.name, &call.arguments[1..], call.at)
            .hint("a TIMESTAMP(3) is needed"));
    };
    if !call.arguments[1].data_type.is_integer() {
        return Err(wrong_arguments(call.name, &call.arguments[1..], call.at));
    }
    let added = binary_expr(cast(call.expr(1), DataType::Int64), Operator::Multiply, lit(unit));
    let sum = binary_expr(cast(call.expr(2), DataType::Int64), Operator::Plus, added);
    Ok(cast(sum, call.arguments[2].data_type.clone()))
}

/// Translates Java's date patterns, as Flink has them, to those of the library.
fn strftime(pattern: &str, at: Position) -> Result<String> {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        if first == '\'' {
            let quoted = &rest[1..];
            let Some(end) = quoted.find('\'') else {
                return Err(SqlError::new(at, format!("the format '{pattern}' has an open quote")));
            };
            out.push_str(&if end == 0 { "'".into() } else { quoted[..end].replace('%', "%%") });
            rest = &quoted[end + 1..];
            continue;
        }
        let count = rest.chars().take_while(|c| *c == first).count();
        let run = &rest[..count * first.len_utf8()];
        rest = &rest[run.len()..];
        let code = match run {
            "yyyy" | "uuuu" => "%Y",
            "yy" => "%y",
            "MM" => "%m",
            "M" => "%-m",
            "MMM" => "%b",
            "MMMM" => "%B",
            "dd" => "%d",
            "d" => "%-d",
            "DDD" => "%j",
            "HH" => "%H",
            "H" => "%-H",
            "hh" => "%I",
            "h" => "%-I",
            "mm" => "%M",
            "m" => "%-M",
            "ss" => "%S",
            "s" => "%-S",
            "SSS" => "%3f",
            "SSSSSS" => "%6f",
            "a" => "%p",
            "E" | "EE" | "EEE" => "%a",
            "EEEE" => "%A",
            "%" => "%%",
            _ if first.is_ascii_alphabetic() => {
                return Err(SqlError::new(at, format!("the format '{run}' is not supported"))
                    .hint("supported are yyyy, MM, dd, HH, mm, ss, SSS, and texts in quotes"));
            }
            _ => run,
        };
        out.push_str(code);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn java_patterns_are_translated() {
        let at = Position { line: 1, column: 1 };
        assert_eq!(strftime("yyyy-MM-dd HH:mm:ss.SSS", at).unwrap(), "%Y-%m-%d %H:%M:%S.%3f");
        assert_eq!(strftime("yyyy'T'HH 'o''clock'", at).unwrap(), "%YT%H oclock");
        assert!(strftime("yyyy QQQ", at).is_err());
    }
}
