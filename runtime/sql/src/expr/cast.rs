//! `CAST` as Flink defines it, where that differs from Arrow's.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion_expr::{Expr, cast, lit, try_cast, when};
use datafusion_functions::datetime;

use super::bound::{Bound, Meaning, precedence};
use crate::error::{Position, Result, SqlError};
use crate::types::flink_name;

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
        _ if attempt => try_cast(value.expr, to.clone()),
        _ => cast(value.expr, to.clone()),
    };
    Ok(Bound {
        expr,
        data_type: to.clone(),
        nullable: value.nullable || attempt,
        text,
        precedence: precedence::ATOM,
        meaning: Meaning::Plain,
    })
}

fn refused(from: &DataType, to: &DataType) -> Option<&'static str> {
    use DataType::{Boolean, Date32, Timestamp};
    match (from, to) {
        (from, Timestamp(..)) if from.is_numeric() => {
            Some("use TO_TIMESTAMP_LTZ(<number>, 3) for milliseconds or (<number>, 0) for seconds")
        }
        (Timestamp(..), to) if to.is_numeric() => {
            Some("use EXTRACT, TIMESTAMPDIFF or UNIX_TIMESTAMP")
        }
        (Boolean, Timestamp(..) | Date32) | (Timestamp(..) | Date32, Boolean) => {
            Some("the types have nothing in common")
        }
        _ => None,
    }
}

/// `2020-12-31 23:59:59.000`, as Flink prints timestamps.
pub(crate) fn timestamp_text(value: Expr, unit: TimeUnit) -> Expr {
    let format = match unit {
        TimeUnit::Second => "%Y-%m-%d %H:%M:%S",
        TimeUnit::Millisecond => "%Y-%m-%d %H:%M:%S%.3f",
        TimeUnit::Microsecond => "%Y-%m-%d %H:%M:%S%.6f",
        TimeUnit::Nanosecond => "%Y-%m-%d %H:%M:%S%.9f",
    };
    let plain = cast(value, DataType::Timestamp(unit, None));
    datetime::to_char().call(vec![plain, lit(format)])
}

fn boolean_text(value: Expr, at: Position) -> Result<Expr> {
    when(value.clone().is_true(), lit("TRUE"))
        .when(value.is_false(), lit("FALSE"))
        .end()
        .map_err(|error| SqlError::new(at, error.to_string()))
}
