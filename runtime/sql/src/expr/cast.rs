//! `CAST` as Flink defines it, where that differs from Arrow's.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion_expr::{Expr, cast, lit, try_cast, when};
use datafusion_functions::datetime;

use super::bound::{Bound, Meaning, precedence};
use super::intervals;
use crate::error::{Position, Result, SqlError};
use crate::functions::cast_nested;
use crate::functions::casts::{self, Otherwise};
use crate::types::{entries_of, flink_name};

/// Casts a value; `attempt` gives NULL where a cast fails, otherwise the job fails.
pub(super) fn explicit(value: Bound, to: &DataType, attempt: bool, at: Position) -> Result<Bound> {
    let name = if attempt { "TRY_CAST" } else { "CAST" };
    let text = format!("{name}({} AS {})", value.text, flink_name(to));
    let from = value.data_type.clone();
    if let Some(hint) = refused(&from, to) {
        let message = format!("{} cannot be cast to {}", flink_name(&from), flink_name(to));
        return Err(SqlError::new(at, message).hint(hint));
    }
    let expr = match (&from, to) {
        _ if from == *to => value.expr,
        (DataType::Timestamp(unit, _), DataType::Utf8) => timestamp_text(value.expr, *unit),
        (DataType::Boolean, DataType::Utf8) => boolean_text(value.expr, at)?,
        (from, DataType::Utf8) if intervals::is_one(from) => intervals::written(&value)
            .ok_or_else(|| SqlError::new(at, "this interval cannot be written as a text"))?,
        _ => {
            let otherwise = if attempt { Otherwise::Null } else { Otherwise::Fail };
            match casts::cast(value.expr.clone(), &from, to, otherwise) {
                Some(expr) => expr,
                None if attempt => try_cast(value.expr, to.clone()),
                None => cast(value.expr, to.clone()),
            }
        }
    };
    // Too many digits make NULL even of what is none.
    let nullable = value.nullable || attempt || matches!(to, DataType::Decimal128(..));
    Ok(Bound {
        expr,
        data_type: to.clone(),
        nullable,
        text,
        precedence: precedence::ATOM,
        meaning: Meaning::Plain,
    })
}

/// Cuts or fills up what was cast to `CHAR(n)`, `VARCHAR(n)`, `BINARY(n)` or `VARBINARY(n)`.
pub(super) fn with_length(bound: Bound, data_type: &str) -> Bound {
    match length(data_type) {
        Some((length, fill)) => {
            let is_text = bound.data_type == DataType::Utf8;
            let text = match bound.text.strip_suffix(if is_text { "STRING)" } else { "BYTES)" }) {
                Some(cast) => format!("{cast}{data_type})"),
                None => bound.text,
            };
            let cut = if is_text { casts::with_length } else { casts::with_length_of_bytes };
            Bound { expr: cut(bound.expr, length, fill), text, ..bound }
        }
        None => bound,
    }
}

/// Cuts what was cast to a `TIMESTAMP(p)` whose precision is kept as a higher one.
pub(super) fn with_precision(bound: Bound, data_type: &str) -> Bound {
    let DataType::Timestamp(unit, _) = &bound.data_type else { return bound };
    let kept: u32 = match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 3,
        TimeUnit::Microsecond => 6,
        TimeUnit::Nanosecond => 9,
    };
    let given = data_type.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
    let given = given.and_then(|(digits, _)| digits.trim().parse::<u32>().ok());
    let Some(lost) = given.and_then(|given| kept.checked_sub(given)).filter(|lost| *lost > 0)
    else {
        return bound;
    };
    let unit = lit(10_i64.pow(lost));
    // Toward zero, as in Flink.
    let whole = cast(bound.expr, DataType::Int64) / unit.clone() * unit;
    Bound { expr: cast(whole, bound.data_type.clone()), ..bound }
}

/// The length of such a type, and whether shorter values are filled up. CHAR and BINARY alone have 1.
fn length(data_type: &str) -> Option<(usize, bool)> {
    if ["CHAR", "CHARACTER", "BINARY"]
        .iter()
        .any(|name| data_type.trim().eq_ignore_ascii_case(name))
    {
        return Some((1, true));
    }
    let (name, length) = data_type.strip_suffix(')')?.split_once('(')?;
    let fill = match name.trim().to_ascii_uppercase().as_str() {
        "CHAR" | "CHARACTER" | "BINARY" => true,
        "VARCHAR" | "VARBINARY" => false,
        _ => return None,
    };
    Some((length.trim().parse().ok()?, fill))
}

fn refused(from: &DataType, to: &DataType) -> Option<&'static str> {
    use DataType::{Boolean, Date32, List, Map, Struct, Time32, Timestamp};
    match (from, to) {
        (Date32 | Time32(_), to) if to.is_numeric() => Some("use EXTRACT or TIMESTAMPDIFF"),
        (from, Date32 | Time32(_)) if from.is_numeric() => {
            Some("use TO_TIMESTAMP_LTZ(<number>, 3) for milliseconds or (<number>, 0) for seconds")
        }
        (from, Timestamp(..)) if from.is_numeric() => {
            Some("use TO_TIMESTAMP_LTZ(<number>, 3) for milliseconds or (<number>, 0) for seconds")
        }
        (from, DataType::Binary) if from.is_integer() => {
            Some("use CAST(CAST(<number> AS STRING) AS BYTES) for its digits")
        }
        (Timestamp(..), to) if to.is_numeric() => {
            Some("use EXTRACT, TIMESTAMPDIFF or UNIX_TIMESTAMP")
        }
        (Boolean, Timestamp(..) | Date32) | (Timestamp(..) | Date32, Boolean) => {
            Some("the types have nothing in common")
        }
        (from, to) if from == to => None,
        (DataType::Null, _) => None,
        (List(from), List(to)) => refused(from.data_type(), to.data_type()),
        (Struct(from), Struct(to)) if from.len() == to.len() => {
            let mut fields = from.iter().zip(to);
            fields.find_map(|(from, to)| refused(from.data_type(), to.data_type()))
        }
        (Struct(_), Struct(_)) => Some("they have not as many fields"),
        (Map(..), Map(..)) => {
            let (from, to) = entries_of(from).zip(entries_of(to))?;
            (from.iter().zip(to)).find_map(|(from, to)| refused(from.data_type(), to.data_type()))
        }
        (from, to) if to.is_nested() || (from.is_nested() && *to != DataType::Utf8) => {
            Some("the types have nothing in common")
        }
        _ => None,
    }
}

/// `2020-12-31 23:59:59.000`, as Flink prints timestamps.
pub(crate) fn timestamp_text(value: Expr, unit: TimeUnit) -> Expr {
    let format = cast_nested::format(unit);
    let plain = cast(value, DataType::Timestamp(unit, None));
    datetime::to_char().call(vec![plain, lit(format)])
}

fn boolean_text(value: Expr, at: Position) -> Result<Expr> {
    when(value.clone().is_true(), lit("TRUE"))
        .when(value.is_false(), lit("FALSE"))
        .end()
        .map_err(|error| SqlError::new(at, error.to_string()))
}
