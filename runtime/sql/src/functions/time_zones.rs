//! `CONVERT_TZ`: the time in one zone as that in another.

use std::sync::Arc;

use arrow::array::{Array, AsArray, StringArray};
use arrow::datatypes::DataType;
use chrono::NaiveDateTime;
use datafusion_common::exec_err;
use datafusion_expr::Expr;

use super::own::{Kernel, call, types};
use super::{Call, Entry, strings};
use crate::error::Result;
use crate::zone::{Which, Zone, no_zone};

/// The functions of this file.
pub(super) const FUNCTIONS: &[Entry] = &[("CONVERT_TZ", 3, 3, convert)];

const FORMAT: &str = "%Y-%m-%d %H:%M:%S";

fn zone(name: &str) -> datafusion_common::Result<Zone> {
    match Zone::of(name) {
        Some(zone) => Ok(zone),
        None => exec_err!("'{name}' is no time zone"),
    }
}

/// A text that is no time becomes NULL.
fn convert(call_: &Call<'_>) -> Result<Expr> {
    strings(call_, &[0, 1, 2])?;
    for zone in &call_.arguments[1..] {
        if let Some(name) = zone.literal_text()
            && Zone::of(name).is_none()
        {
            return Err(no_zone(name, call_.at));
        }
    }
    let kernel: Kernel = Arc::new(|arrays| {
        let [texts, from, to] = [0, 1, 2].map(|index| arrays[index].as_string::<i32>());
        let converted = |row: usize| {
            if arrays.iter().any(|array| array.is_null(row)) {
                return Ok(None);
            }
            let (from, to) = (zone(from.value(row))?, zone(to.value(row))?);
            let time = NaiveDateTime::parse_and_remainder(texts.value(row), FORMAT).ok();
            let time = time.and_then(|(time, _)| to.local(from.instant(time, Which::Latest)?));
            Ok(time.map(|time| time.format(FORMAT).to_string()))
        };
        let all = (0..texts.len()).map(converted).collect::<datafusion_common::Result<Vec<_>>>()?;
        Ok(Arc::new(all.into_iter().collect::<StringArray>()))
    });
    Ok(call("CONVERT_TZ", types("ttt"), DataType::Utf8, kernel, call_.exprs()))
}
