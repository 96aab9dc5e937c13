//! Times as texts by formats that the library does not have, or that are columns, and back.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringArray, TimestampMillisecondArray};
use arrow::compute::cast as cast_array;
use arrow::datatypes::{DataType, Int64Type, TimeUnit};
use chrono::{DateTime, NaiveDateTime};
use datafusion_common::{exec_datafusion_err, exec_err};
use datafusion_expr::{Expr, cast, lit};

use super::cast_texts;
use super::formats::{Format, Of};
use super::formats_read::Read;
use super::own::{Kernel, call};
use super::{Call, wrong_arguments};
use crate::error::{Result, SqlError};
use crate::types::TIMESTAMP;

/// The letters of each class that are taken.
const FORMATTER: &str = "supported are the letters G, y, u, Y, Q, M, L, w, W, D, d, F, E, e, a, H, k, K, h, m, s, S, A, n and N of Java's DateTimeFormatter, as in 'EEE, dd MMM yyyy HH:mm:ss.SSS', and texts in quotes";
const SIMPLE: &str = "supported are the letters G, y, Y, M, L, w, W, D, d, F, E, u, a, H, k, K, h, m, s, S, X and Z of Java's SimpleDateFormat, as in 'yyyy-MM-dd HH:mm:ss', and texts in quotes";

/// The format that an argument is; a literal is known to be one.
pub(super) fn format_of(call: &Call<'_>, index: usize, of: Of) -> Result<Expr> {
    let argument = &call.arguments[index];
    let Some(pattern) = argument.literal_text() else {
        return match argument.data_type {
            DataType::Utf8 => Ok(argument.expr.clone()),
            DataType::Null => Ok(cast(argument.expr.clone(), DataType::Utf8)),
            _ => Err(wrong_arguments(call.name, call.arguments, call.at)),
        };
    };
    let hint = if of == Of::Formatter { FORMATTER } else { SIMPLE };
    let format = Format::new(pattern, of).map_err(|why| SqlError::new(call.at, why).hint(hint))?;
    if call.name == "DATE_FORMAT" && format.has_zone() {
        let message = format!("DATE_FORMAT: '{pattern}' has a zone, which a local time has not");
        return Err(
            SqlError::new(call.at, message).hint("FROM_UNIXTIME writes it, of seconds since 1970")
        );
    }
    Ok(lit(pattern))
}

/// The formats of rows, each of which is read once in a row.
struct Formats {
    of: Of,
    last: Option<(String, std::result::Result<Format, String>)>,
}

impl Formats {
    fn new(of: Of) -> Self {
        Self { of, last: None }
    }

    fn get(&mut self, pattern: &str) -> std::result::Result<&Format, &str> {
        let of = self.of;
        if self.last.as_ref().is_none_or(|(last, _)| last != pattern) {
            self.last = None;
        }
        let (_, format) =
            self.last.get_or_insert_with(|| (pattern.to_owned(), Format::new(pattern, of)));
        format.as_ref().map_err(String::as_str)
    }

    fn known(&mut self, pattern: &str) -> datafusion_common::Result<&Format> {
        self.get(pattern).map_err(|why| exec_datafusion_err!("{why}"))
    }
}

/// Writes local times of a unit, `DATE_FORMAT`.
pub(super) fn text(time: Expr, unit: TimeUnit, format: Expr) -> Expr {
    let kernel: Kernel = Arc::new(move |arrays| {
        let ticks = cast_array(&arrays[0], &DataType::Int64)?;
        let mut formats = Formats::new(Of::Formatter);
        let pairs = ticks.as_primitive::<Int64Type>().iter().zip(arrays[1].as_string::<i32>());
        let text = |(ticks, pattern): (Option<i64>, Option<&str>)| {
            let (Some(ticks), Some(pattern)) = (ticks, pattern) else { return Ok(None) };
            let format = formats.known(pattern)?;
            if format.has_zone() {
                return exec_err!("'{pattern}' has a zone, which a local time has not");
            }
            Ok(time_at(ticks, unit).map(|time| format.write(time, 0)))
        };
        let texts = pairs.map(text).collect::<datafusion_common::Result<StringArray>>()?;
        Ok(Arc::new(texts) as ArrayRef)
    });
    let types = vec![DataType::Timestamp(unit, None), DataType::Utf8];
    call(&format!("date_format_{unit:?}"), types, DataType::Utf8, kernel, vec![time, format])
}

fn time_at(ticks: i64, unit: TimeUnit) -> Option<NaiveDateTime> {
    let time = match unit {
        TimeUnit::Second => DateTime::from_timestamp(ticks, 0),
        TimeUnit::Millisecond => DateTime::from_timestamp_millis(ticks),
        TimeUnit::Microsecond => DateTime::from_timestamp_micros(ticks),
        TimeUnit::Nanosecond => Some(DateTime::from_timestamp_nanos(ticks)),
    };
    time.map(|time| time.naive_utc())
}

/// Writes instants, in milliseconds, whose local times are given as well: `FROM_UNIXTIME`.
pub(super) fn text_of_instant(local: Expr, instant: Expr, format: Expr) -> Expr {
    let kernel: Kernel = Arc::new(|arrays| {
        let locals = cast_array(&arrays[0], &DataType::Int64)?;
        let (locals, instants) = (locals.as_primitive::<Int64Type>(), arrays[1].as_primitive());
        let instants: &Int64Array = instants;
        let patterns = arrays[2].as_string::<i32>();
        let mut formats = Formats::new(Of::Simple);
        let text = |row: usize| {
            if locals.is_null(row) || instants.is_null(row) || patterns.is_null(row) {
                return Ok(None);
            }
            let format = formats.known(patterns.value(row))?;
            let ahead = (locals.value(row) - instants.value(row)) / 1_000;
            let time = time_at(locals.value(row), TimeUnit::Millisecond);
            Ok(time.map(|time| format.write(time, ahead)))
        };
        let texts =
            (0..locals.len()).map(text).collect::<datafusion_common::Result<StringArray>>()?;
        Ok(Arc::new(texts) as ArrayRef)
    });
    let types = vec![TIMESTAMP, DataType::Int64, DataType::Utf8];
    call("from_unixtime", types, DataType::Utf8, kernel, vec![local, instant, format])
}

/// Reads local times, `TO_TIMESTAMP`. What is of no format may still be a time as Flink writes it; a format
/// that is none gives NULL.
pub(super) fn time(text: Expr, format: Expr) -> Expr {
    let kernel: Kernel = Arc::new(|arrays| {
        let mut formats = Formats::new(Of::Formatter);
        let millis = |(text, pattern): (Option<&str>, Option<&str>)| {
            let (text, format) = (text?, formats.get(pattern?).ok()?);
            let time = format.read(text).map(|read| read.time.and_utc());
            Some(time.or_else(|| cast_texts::timestamp(text))?.timestamp_millis())
        };
        let pairs = arrays[0].as_string::<i32>().iter().zip(arrays[1].as_string::<i32>());
        Ok(Arc::new(pairs.map(millis).collect::<TimestampMillisecondArray>()) as ArrayRef)
    });
    let types = vec![DataType::Utf8, DataType::Utf8];
    call("read_time", types, TIMESTAMP, kernel, vec![text, format])
}

/// The local time at the begin of a text; NULL where the text says how far it is ahead of UTC.
pub(super) fn local_begin(text: Expr, format: Expr) -> Expr {
    let local = |read: Read| match read.ahead {
        None => Some(read.time.and_utc().timestamp_millis()),
        Some(_) => None,
    };
    begin("read_local", text, format, TIMESTAMP, local)
}

/// The same where the text says so, in milliseconds of UTC; NULL for others.
pub(super) fn instant_begin(text: Expr, format: Expr) -> Expr {
    let instant = |read: Read| Some(read.time.and_utc().timestamp_millis() - read.ahead? * 1_000);
    begin("read_instant", text, format, DataType::Int64, instant)
}

/// The time at the begin of a text in UTC, `TO_DATE`.
pub(super) fn utc_begin(text: Expr, format: Expr) -> Expr {
    let utc = |read: Read| {
        Some(read.time.and_utc().timestamp_millis() - read.ahead.unwrap_or_default() * 1_000)
    };
    begin("read_utc", text, format, TIMESTAMP, utc)
}

fn begin(
    name: &str,
    text: Expr,
    format: Expr,
    to: DataType,
    millis_of: impl Fn(Read) -> Option<i64> + Send + Sync + 'static,
) -> Expr {
    let target = to.clone();
    let kernel: Kernel = Arc::new(move |arrays| {
        let mut formats = Formats::new(Of::Simple);
        let millis = |(text, pattern): (Option<&str>, Option<&str>)| {
            let (Some(text), Some(pattern)) = (text, pattern) else { return Ok(None) };
            Ok(formats.known(pattern)?.read(text).and_then(&millis_of))
        };
        let pairs = arrays[0].as_string::<i32>().iter().zip(arrays[1].as_string::<i32>());
        let millis = pairs.map(millis).collect::<datafusion_common::Result<Int64Array>>()?;
        Ok(cast_array(&millis, &target)?)
    });
    let types = vec![DataType::Utf8, DataType::Utf8];
    call(name, types, to, kernel, vec![text, format])
}
