//! `ENCODE` and `DECODE`: texts as bytes of a character set, by Java's names of them.

use std::sync::Arc;

use arrow::array::{Array, AsArray, BinaryArray, StringArray};
use arrow::datatypes::DataType;
use datafusion_common::exec_err;
use datafusion_expr::Expr;
use sabot_types::Charset;

use super::own::{Kernel, call, types};
use super::{Call, Entry, strings, wrong_arguments};
use crate::error::{Result, SqlError};

/// The functions of this file.
pub(super) const FUNCTIONS: &[Entry] = &[("ENCODE", 2, 2, encode), ("DECODE", 2, 2, decode)];

/// The character sets by their names.
const NAMES: [(&str, Charset); 6] = [
    ("US-ASCII", Charset::Ascii),
    ("ISO-8859-1", Charset::Latin1),
    ("UTF-8", Charset::Utf8),
    ("UTF-16", Charset::Utf16),
    ("UTF-16BE", Charset::Utf16Be),
    ("UTF-16LE", Charset::Utf16Le),
];

fn charset_of(name: &str) -> datafusion_common::Result<Charset> {
    match NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        Some((_, charset)) => Ok(*charset),
        None => exec_err!("'{name}' is no character set"),
    }
}

/// Refuses a literal that names no character set.
fn check_charset(call: &Call<'_>) -> Result<()> {
    strings(call, &[1])?;
    let Some(name) = call.arguments[1].literal_text() else { return Ok(()) };
    charset_of(name).map(drop).map_err(|_| {
        let names = NAMES.map(|(name, _)| name);
        SqlError::new(call.at, format!("'{name}' is no character set"))
            .hint(format!("known are {}", names.join(", ")))
    })
}

fn encode(call_: &Call<'_>) -> Result<Expr> {
    strings(call_, &[0])?;
    check_charset(call_)?;
    let kernel: Kernel = Arc::new(|arrays| {
        let [texts, names] = [0, 1].map(|index| arrays[index].as_string::<i32>());
        let bytes = |row: usize| {
            let is_there = texts.is_valid(row) && names.is_valid(row);
            let encoded = || {
                let mut bytes = Vec::new();
                charset_of(names.value(row))?.encode(texts.value(row), &mut bytes);
                Ok(bytes)
            };
            is_there.then(encoded).transpose()
        };
        let all = (0..texts.len()).map(bytes).collect::<datafusion_common::Result<Vec<_>>>()?;
        Ok(Arc::new(all.into_iter().collect::<BinaryArray>()))
    });
    Ok(call("ENCODE", types("tt"), DataType::Binary, kernel, call_.exprs()))
}

fn decode(call_: &Call<'_>) -> Result<Expr> {
    if !matches!(call_.arguments[0].data_type, DataType::Binary | DataType::Null) {
        return Err(wrong_arguments(call_.name, call_.arguments, call_.at));
    }
    check_charset(call_)?;
    let kernel: Kernel = Arc::new(|arrays| {
        let (bytes, names) = (arrays[0].as_binary::<i32>(), arrays[1].as_string::<i32>());
        let text = |row: usize| {
            let is_there = bytes.is_valid(row) && names.is_valid(row);
            is_there.then(|| Ok(charset_of(names.value(row))?.decode(bytes.value(row)))).transpose()
        };
        let all = (0..bytes.len()).map(text).collect::<datafusion_common::Result<Vec<_>>>()?;
        Ok(Arc::new(all.into_iter().collect::<StringArray>()))
    });
    let types = vec![DataType::Binary, DataType::Utf8];
    Ok(call("DECODE", types, DataType::Utf8, kernel, call_.exprs()))
}
