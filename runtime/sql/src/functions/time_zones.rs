//! `CONVERT_TZ`: the time in one zone as that in another.

use std::str::FromStr;
use std::sync::Arc;

use arrow::array::{Array, AsArray, StringArray};
use arrow::datatypes::DataType;
use chrono::{FixedOffset, NaiveDateTime, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;
use datafusion_common::exec_err;
use datafusion_expr::Expr;

use super::own::{Kernel, call, types};
use super::{Call, Entry, strings};
use crate::error::{Result, SqlError};

/// The functions of this file.
pub(super) const FUNCTIONS: &[Entry] = &[("CONVERT_TZ", 3, 3, convert)];

const FORMAT: &str = "%Y-%m-%d %H:%M:%S";

/// A zone by its name, or by what it is ahead of GMT.
#[derive(Debug, Clone, Copy)]
enum Zone {
    Named(Tz),
    Ahead(FixedOffset),
}

impl Zone {
    /// `Europe/Berlin`, or `GMT+01:00`.
    fn of(name: &str) -> datafusion_common::Result<Self> {
        if let Ok(zone) = Tz::from_str(name) {
            return Ok(Self::Named(zone));
        }
        match name.strip_prefix("GMT").and_then(|ahead| FixedOffset::from_str(ahead).ok()) {
            Some(ahead) => Ok(Self::Ahead(ahead)),
            None => exec_err!("'{name}' is no time zone"),
        }
    }

    fn instant(self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        let offset = match self {
            Self::Ahead(ahead) => ahead,
            // A time that is there twice is the later one; one that is left out counts from before.
            Self::Named(zone) => match zone.offset_from_local_datetime(&local).latest() {
                Some(offset) => offset.fix(),
                None => {
                    let before = local.checked_sub_signed(TimeDelta::days(1))?;
                    zone.offset_from_local_datetime(&before).latest()?.fix()
                }
            },
        };
        local.checked_sub_offset(offset)
    }

    fn local(self, instant: NaiveDateTime) -> Option<NaiveDateTime> {
        let offset = match self {
            Self::Ahead(ahead) => ahead,
            Self::Named(zone) => zone.offset_from_utc_datetime(&instant).fix(),
        };
        instant.checked_add_offset(offset)
    }
}

/// A text that is no time becomes NULL.
fn convert(call_: &Call<'_>) -> Result<Expr> {
    strings(call_, &[0, 1, 2])?;
    for zone in &call_.arguments[1..] {
        if let Some(name) = zone.literal_text()
            && Zone::of(name).is_err()
        {
            return Err(SqlError::new(call_.at, format!("'{name}' is no time zone"))
                .hint("write 'UTC', 'Europe/Berlin' or 'GMT+01:00'"));
        }
    }
    let kernel: Kernel = Arc::new(|arrays| {
        let [texts, from, to] = [0, 1, 2].map(|index| arrays[index].as_string::<i32>());
        let converted = |row: usize| {
            if arrays.iter().any(|array| array.is_null(row)) {
                return Ok(None);
            }
            let (from, to) = (Zone::of(from.value(row))?, Zone::of(to.value(row))?);
            let time = NaiveDateTime::parse_and_remainder(texts.value(row), FORMAT).ok();
            let time = time.and_then(|(time, _)| to.local(from.instant(time)?));
            Ok(time.map(|time| time.format(FORMAT).to_string()))
        };
        let all = (0..texts.len()).map(converted).collect::<datafusion_common::Result<Vec<_>>>()?;
        Ok(Arc::new(all.into_iter().collect::<StringArray>()))
    });
    Ok(call("CONVERT_TZ", types("ttt"), DataType::Utf8, kernel, call_.exprs()))
}
