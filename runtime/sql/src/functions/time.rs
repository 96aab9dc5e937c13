//! Functions of time.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion_common::ScalarValue;
use datafusion_expr::{Expr, Operator, binary_expr, cast, lit, try_cast, when};
use datafusion_functions::{core, datetime};

use super::formats::{Format, Of, Part};
use super::formatted::{self, format_of};
use super::own_time::{self, Rest, Unit};
use super::{Call, Entry, moved_times, wrapping_narrow, wrong_arguments};
use crate::ambient;
use crate::error::{Position, Result, SqlError};
use crate::expr::Bound;
use crate::types::{TIMESTAMP, timestamp_ltz};
use crate::zone::{Zone, instant_in, is_instant, latest_instant, no_zone};

const DAY_MS: i64 = 86_400_000;

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
    ("TO_TIMESTAMP_LTZ", 1, 3, to_timestamp_ltz),
    ("TO_DATE", 1, 2, to_date),
    ("UNIX_TIMESTAMP", 0, 2, unix_timestamp),
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
        DataType::Time32(_) => own_time::on_first_day(value.expr.clone()),
        _ => value.expr.clone(),
    }
}

/// The same, but an instant's in UTC.
fn utc(value: &Bound) -> Expr {
    match &value.data_type {
        DataType::Timestamp(unit, Some(_)) => {
            cast(cast(value.expr.clone(), DataType::Int64), DataType::Timestamp(*unit, None))
        }
        _ => local(value),
    }
}

/// A field of a date or timestamp, as BIGINT.
pub(super) fn extract(unit: &str, value: &Bound, at: Position) -> Result<Expr> {
    let part = match unit {
        "YEAR" | "QUARTER" | "MONTH" | "WEEK" | "DAY" | "DOY" | "DOW" | "HOUR" | "MINUTE"
        | "SECOND" | "MILLISECOND" | "MICROSECOND" | "EPOCH" | "ISOYEAR" | "DECADE" | "CENTURY"
        | "MILLENNIUM" => unit,
        "DAYOFYEAR" => "DOY",
        "DAYOFWEEK" => "DOW",
        "ISODOW" => "ISODOW",
        _ => return Err(SqlError::new(at, format!("EXTRACT({unit} FROM ...) is not supported"))),
    };
    let of_day = matches!(part, "HOUR" | "MINUTE" | "SECOND" | "MILLISECOND" | "MICROSECOND");
    let has_part = match &value.data_type {
        DataType::Time32(_) => of_day,
        other => is_time(other),
    };
    if !has_part {
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
        "DECADE" => binary_expr(number("YEAR"), Operator::Divide, lit(10_i64)),
        // The first one begins with the year 1.
        "CENTURY" => since_year_one(number("YEAR"), 100),
        "MILLENNIUM" => since_year_one(number("YEAR"), 1_000),
        // The library counts them since the minute, Flink since the second.
        "MILLISECOND" => modulo(1_000),
        "MICROSECOND" => modulo(1_000_000),
        _ => number(part),
    })
}

fn since_year_one(year: Expr, years: i64) -> Expr {
    let end = binary_expr(year, Operator::Plus, lit(years - 1));
    binary_expr(end, Operator::Divide, lit(years))
}

/// `FLOOR(value TO unit)`, `CEIL(value TO unit)`.
pub(super) fn round_to(name: &str, unit: &str, value: &Bound, at: Position) -> Result<Expr> {
    let Some(to) = Unit::of(unit) else {
        return Err(SqlError::new(at, format!("{name}(... TO {unit}) is not supported")));
    };
    let up = name == "CEIL";
    match &value.data_type {
        DataType::Date32 if to.is_within_day() => Ok(value.expr.clone()),
        DataType::Date32 => Ok(own_time::round_date(value.expr.clone(), to, up)),
        DataType::Time32(_) if to.is_within_day() => {
            Ok(moved_times::round_time(value.expr.clone(), to, up))
        }
        DataType::Timestamp(of, None) => {
            Ok(own_time::round_timestamp(value.expr.clone(), *of, to, up))
        }
        // As in Flink the zone is as far ahead as it is at the value.
        DataType::Timestamp(of, Some(_)) => {
            let number = |time: Expr| cast(time, DataType::Int64);
            let rounded = number(own_time::round_timestamp(local(value), *of, to, up));
            let by = binary_expr(rounded, Operator::Minus, number(local(value)));
            let moved = binary_expr(number(value.expr.clone()), Operator::Plus, by);
            Ok(cast(moved, value.data_type.clone()))
        }
        _ => Err(wrong_arguments(name, std::slice::from_ref(value), at)
            .hint("a DATE or TIMESTAMP is needed")),
    }
}

fn date_format(call: &Call<'_>) -> Result<Expr> {
    let value = &call.arguments[0];
    let (time, unit) = match value.data_type {
        DataType::Timestamp(unit, _) => (local(value), unit),
        DataType::Date32 => (try_cast(value.expr.clone(), TIMESTAMP), TimeUnit::Millisecond),
        DataType::Utf8 => (own_time::parse_with_time(value.expr.clone()), TimeUnit::Millisecond),
        _ => return Err(wrong_arguments(call.name, call.arguments, call.at)),
    };
    Ok(match (strftime_of(call, 1, Of::Formatter), unit) {
        (Some(format), TimeUnit::Millisecond) => own_time::text(time, &format),
        (Some(format), _) => datetime::to_char().call(vec![time, lit(format)]),
        (None, unit) => formatted::text(time, unit, format_of(call, 1, Of::Formatter)?),
    })
}

/// A text that is no timestamp becomes null, as in Flink.
fn to_timestamp(call: &Call<'_>) -> Result<Expr> {
    only(call, 0, &DataType::Utf8)?;
    if call.arguments.len() == 1 {
        return Ok(own_time::parse_standard(call.expr(0)));
    }
    Ok(match strftime_of(call, 1, Of::Formatter) {
        Some(format) => own_time::parse_timestamp(call.expr(0), &format, Rest::Nothing),
        None => formatted::time(call.expr(0), format_of(call, 1, Of::Formatter)?),
    })
}

/// The begin of a text, by a format of the library.
fn parsed_begin(call: &Call<'_>, format: &str) -> Expr {
    own_time::parse_timestamp(call.expr(0), format, Rest::Anything)
}

/// A text that is no date becomes null, as in Flink. Without a format it is read as by `TRY_CAST`.
fn to_date(call: &Call<'_>) -> Result<Expr> {
    only(call, 0, &DataType::Utf8)?;
    if call.arguments.len() == 1 {
        return Ok(call.arguments[0].clone().read_as_date().expr);
    }
    let time = match strftime_of(call, 1, Of::Simple) {
        Some(format) => parsed_begin(call, &format),
        None => formatted::utc_begin(call.expr(0), format_of(call, 1, Of::Simple)?),
    };
    Ok(cast(time, DataType::Date32))
}

/// Seconds since the Unix epoch; the smallest BIGINT for a text that is no time, as in Flink.
fn unix_timestamp(call: &Call<'_>) -> Result<Expr> {
    if call.arguments.is_empty() {
        let millis = cast(ambient::proc_time(), DataType::Int64);
        return Ok(binary_expr(millis, Operator::Divide, lit(1_000_i64)));
    }
    only(call, 0, &DataType::Utf8)?;
    let format = match call.arguments.len() {
        1 => Some("%Y-%m-%d %H:%M:%S".to_owned()),
        _ => strftime_of(call, 1, Of::Simple),
    };
    let instant = |local| cast(latest_instant(local), DataType::Int64);
    let (millis, is_null) = match format {
        Some(format) => (instant(parsed_begin(call, &format)), call.expr(0).is_null()),
        None => {
            let format = format_of(call, 1, Of::Simple)?;
            let local = instant(formatted::local_begin(call.expr(0), format.clone()));
            let millis = formatted::instant_begin(call.expr(0), format.clone());
            let is_null = call.expr(0).is_null().or(format.is_null());
            (core::coalesce().call(vec![millis, local]), is_null)
        }
    };
    let seconds = binary_expr(millis.clone(), Operator::Divide, lit(1_000_i64));
    when(is_null, Expr::Literal(ScalarValue::Int64(None), None))
        .when(millis.is_null(), lit(i64::MIN))
        .otherwise(seconds)
        .map_err(|_| wrong_arguments(call.name, call.arguments, call.at))
}

fn to_timestamp_ltz(call: &Call<'_>) -> Result<Expr> {
    if call.arguments[0].data_type == DataType::Utf8 {
        return instant_of_text(call);
    }
    if call.arguments.len() > 2 {
        return Err(SqlError::new(call.at, "TO_TIMESTAMP_LTZ of a number takes no time zone"));
    }
    let number = &call.arguments[0];
    if !number.data_type.is_numeric() {
        return Err(wrong_arguments(call.name, call.arguments, call.at).hint(
            "TO_TIMESTAMP_LTZ takes a number and the precision 0 (seconds) or 3 (milliseconds), or a \
             STRING and a format",
        ));
    }
    let each = match call.arguments.get(1).map(Bound::literal_integer) {
        None | Some(Some(3)) => 1_i64,
        Some(Some(0)) => 1_000,
        _ => {
            return Err(SqlError::new(call.at, "the precision of TO_TIMESTAMP_LTZ is 0 or 3"));
        }
    };
    let millis = if number.data_type.is_floating() {
        moved_times::millis_of_float(number.expr.clone(), each)
    } else {
        // Of a decimal only whole numbers count.
        let whole = number.clone().truncated();
        binary_expr(whole, Operator::Multiply, lit(each))
    };
    Ok(cast(millis, timestamp_ltz()))
}

/// The instant of a text that is a local time of the zone that is named, or else of UTC.
fn instant_of_text(call: &Call<'_>) -> Result<Expr> {
    let zone = match call.arguments.get(2) {
        None => Zone::default(),
        Some(_) => {
            let name = call.literal(2, "the time zone")?;
            Zone::of(name).ok_or_else(|| no_zone(name, call.at))?
        }
    };
    let texts = Call { arguments: &call.arguments[..call.arguments.len().min(2)], ..*call };
    Ok(instant_in(to_timestamp(&texts)?, zone))
}

fn from_unixtime(call: &Call<'_>) -> Result<Expr> {
    if !call.arguments[0].data_type.is_integer() {
        return Err(wrong_arguments(call.name, call.arguments, call.at));
    }
    let format = match call.arguments.len() {
        1 => Some("%Y-%m-%d %H:%M:%S".to_owned()),
        _ => strftime_of(call, 1, Of::Simple),
    };
    let number = cast(call.expr(0), DataType::Int64);
    let millis = binary_expr(number, Operator::Multiply, lit(1_000_i64));
    let local = cast(cast(millis.clone(), timestamp_ltz()), TIMESTAMP);
    Ok(match format {
        Some(format) => own_time::text(local, &format),
        None => formatted::text_of_instant(local, millis, format_of(call, 1, Of::Simple)?),
    })
}

fn unit(call: &Call<'_>) -> Result<Unit> {
    let name = call.literal(0, "the unit")?;
    // Flink has those of many years only to round to.
    Unit::of(name).filter(|unit| !matches!(unit, Unit::Years(..))).ok_or_else(|| {
        SqlError::new(call.at, format!("{}: unknown unit {name}", call.name))
            .hint("units: SECOND, MINUTE, HOUR, DAY, WEEK, MONTH, QUARTER, YEAR")
    })
}

/// Whole units from the first to the second time, toward zero.
fn timestamp_diff(call: &Call<'_>) -> Result<Expr> {
    let unit = unit(call)?;
    if !call.arguments[1..].iter().all(|a| is_time(&a.data_type)) {
        return Err(wrong_arguments(call.name, &call.arguments[1..], call.at));
    }
    // Months and days between instants are those of UTC.
    let are_instants = call.arguments[1..].iter().all(|a| is_instant(&a.data_type));
    let in_utc = |value: &Bound| if are_instants { utc(value) } else { local(value) };
    let time = |i: usize| cast(in_utc(&call.arguments[i]), TIMESTAMP);
    let millis = |i: usize| cast(time(i), DataType::Int64);
    let unit_ms = match unit {
        Unit::Fixed(ms) => ms,
        Unit::Week => 7 * DAY_MS,
        Unit::Months(months) => return Ok(own_time::months_from_to(time(1), time(2), months)),
        Unit::Years(years, _) => {
            let months = years.unsigned_abs() * 12;
            return Ok(own_time::months_from_to(time(1), time(2), months));
        }
    };
    let difference = binary_expr(millis(2), Operator::Minus, millis(1));
    // What does not fit wraps around, as in Flink.
    Ok(wrapping_narrow(binary_expr(difference, Operator::Divide, lit(unit_ms)), &DataType::Int32))
}

/// A date stays one unless hours or less are added.
fn timestamp_add(call: &Call<'_>) -> Result<Expr> {
    let unit = unit(call)?;
    let value = &call.arguments[2];
    let to = match &value.data_type {
        DataType::Date32 if unit.is_within_day() => TIMESTAMP,
        DataType::Date32 => DataType::Date32,
        DataType::Timestamp(..) => value.data_type.clone(),
        _ => {
            return Err(wrong_arguments(call.name, &call.arguments[1..], call.at)
                .hint("a DATE or TIMESTAMP is needed"));
        }
    };
    if !call.arguments[1].data_type.is_integer() {
        return Err(wrong_arguments(call.name, &call.arguments[1..], call.at));
    }
    let of = match to {
        DataType::Timestamp(of, _) => of,
        _ => TimeUnit::Millisecond,
    };
    let (timestamp, parts) = (DataType::Timestamp(of, None), own_time::parts_of_ms(of));
    let time = cast(utc(value), timestamp.clone());
    let plus = |time, each| {
        let count = cast(call.expr(1), DataType::Int64);
        cast(moved_times::plus(cast(time, DataType::Int64), count, each, of), timestamp)
    };
    let months_on = |time, each: i64| {
        let count = cast(call.expr(1), DataType::Int64);
        own_time::plus_months(time, of, binary_expr(count, Operator::Multiply, lit(each)))
    };
    let moved = match unit {
        Unit::Months(months) => months_on(time, i64::from(months)),
        Unit::Years(years, _) => months_on(time, 12 * i64::from(years)),
        Unit::Week => plus(time, 7 * DAY_MS * parts),
        Unit::Fixed(ms) => plus(time, ms * parts),
    };
    // Instants are moved in UTC.
    let is_instant = is_instant(&to);
    Ok(cast(if is_instant { cast(moved, DataType::Int64) } else { moved }, to))
}

/// The library's format for a literal one of Java; none where it has none, or another meaning.
fn strftime_of(call: &Call<'_>, index: usize, of: Of) -> Option<String> {
    let format = Format::new(call.arguments[index].literal_text()?, of).ok()?;
    let is_other = |part: &Part| match part {
        Part::Letter('u', _) => true,
        Part::Letter('S', count) => *count != 3,
        _ => false,
    };
    if of == Of::Simple && format.parts.iter().any(is_other) {
        return None;
    }
    strftime(&format)
}

/// Translates Java's formats, as Flink has them, to those of the library.
fn strftime(format: &Format) -> Option<String> {
    let mut out = String::new();
    for part in &format.parts {
        let (letter, count) = match part {
            Part::Text(text) => {
                out.push_str(&text.replace('%', "%%"));
                continue;
            }
            Part::Letter(letter, count) => (*letter, *count),
        };
        out.push_str(match (letter, count) {
            ('y' | 'u', 4) => "%Y",
            ('y' | 'u', 1) => "%-Y",
            ('y', 2) => "%y",
            ('M', 2) => "%m",
            ('M', 1) => "%-m",
            ('M', 3) => "%b",
            ('M', 4) => "%B",
            ('d', 2) => "%d",
            ('d', 1) => "%-d",
            ('Q', 1) => "%q",
            ('Q', 2) => "0%q",
            ('D', 3) => "%j",
            ('D', 1) => "%-j",
            ('H', 2) => "%H",
            ('H', 1) => "%-H",
            ('h', 2) => "%I",
            ('h', 1) => "%-I",
            ('m', 2) => "%M",
            ('m', 1) => "%-M",
            ('s', 2) => "%S",
            ('s', 1) => "%-S",
            ('S', 3) => "%3f",
            ('S', 6) => "%6f",
            ('S', 9) => "%9f",
            ('a', 1) => "%p",
            ('E', 1..=3) => "%a",
            ('E', 4) => "%A",
            _ => return None,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn java_patterns_are_translated() {
        let translated = |pattern| strftime(&Format::new(pattern, Of::Formatter).unwrap());
        assert_eq!(translated("yyyy-MM-dd HH:mm:ss.SSS").unwrap(), "%Y-%m-%d %H:%M:%S.%3f");
        assert_eq!(translated("yyyy'T'HH 'o''clock'").unwrap(), "%YT%H o'clock");
        assert_eq!(translated("HH''mm").unwrap(), "%H'%M");
        assert_eq!(translated("yyyy QQQ"), None);
    }
}
