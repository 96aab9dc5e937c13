//! `ENCODE` and `DECODE`: texts as bytes of a character set, by Java's names of them.

use std::sync::Arc;

use arrow::array::{Array, AsArray, BinaryArray, StringArray};
use arrow::datatypes::DataType;
use datafusion_common::exec_err;
use datafusion_expr::Expr;

use super::own::{Kernel, call, types};
use super::{Call, Entry, strings, wrong_arguments};
use crate::error::{Result, SqlError};

/// The functions of this file.
pub(super) const FUNCTIONS: &[Entry] = &[("ENCODE", 2, 2, encode), ("DECODE", 2, 2, decode)];

/// The character sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Charset {
    Ascii,
    Latin1,
    Utf8,
    /// Its bytes begin with their order.
    Utf16,
    Utf16Be,
    Utf16Le,
}

const NAMES: [(&str, Charset); 6] = [
    ("US-ASCII", Charset::Ascii),
    ("ISO-8859-1", Charset::Latin1),
    ("UTF-8", Charset::Utf8),
    ("UTF-16", Charset::Utf16),
    ("UTF-16BE", Charset::Utf16Be),
    ("UTF-16LE", Charset::Utf16Le),
];

impl Charset {
    fn of(name: &str) -> datafusion_common::Result<Self> {
        match NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some((_, charset)) => Ok(*charset),
            None => exec_err!("'{name}' is no character set"),
        }
    }

    /// Characters that a set does not have become question marks.
    fn encode(self, text: &str) -> Vec<u8> {
        let up_to = |last: char| {
            text.chars().map(|c| if c <= last { u32::from(c) as u8 } else { b'?' }).collect()
        };
        let units = text.encode_utf16();
        match self {
            Self::Ascii => up_to('\x7f'),
            Self::Latin1 => up_to('\u{ff}'),
            Self::Utf8 => text.as_bytes().to_vec(),
            Self::Utf16 if text.is_empty() => Vec::new(),
            Self::Utf16 => {
                std::iter::once(BYTE_ORDER).chain(units).flat_map(u16::to_be_bytes).collect()
            }
            Self::Utf16Be => units.flat_map(u16::to_be_bytes).collect(),
            Self::Utf16Le => units.flat_map(u16::to_le_bytes).collect(),
        }
    }

    /// Bytes that are none of a set become U+FFFD.
    fn decode(self, bytes: &[u8]) -> String {
        match self {
            Self::Ascii => {
                let of = |byte: &u8| if byte.is_ascii() { char::from(*byte) } else { NO_CHARACTER };
                bytes.iter().map(of).collect()
            }
            Self::Latin1 => bytes.iter().copied().map(char::from).collect(),
            Self::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
            Self::Utf16 => match bytes {
                [0xff, 0xfe, rest @ ..] => Self::Utf16Le.decode(rest),
                [0xfe, 0xff, rest @ ..] | rest => Self::Utf16Be.decode(rest),
            },
            Self::Utf16Be | Self::Utf16Le => {
                let pairs = bytes.chunks_exact(2);
                let is_cut = !pairs.remainder().is_empty();
                let unit = |pair: &[u8]| match self {
                    Self::Utf16Le => u16::from_le_bytes([pair[0], pair[1]]),
                    _ => u16::from_be_bytes([pair[0], pair[1]]),
                };
                let mut text = String::from_utf16_lossy(&pairs.map(unit).collect::<Vec<_>>());
                text.extend(is_cut.then_some(NO_CHARACTER));
                text
            }
        }
    }
}

/// What the bytes of UTF-16 begin with.
const BYTE_ORDER: u16 = 0xfeff;
const NO_CHARACTER: char = char::REPLACEMENT_CHARACTER;

/// Refuses a literal that names no character set.
fn check_charset(call: &Call<'_>) -> Result<()> {
    strings(call, &[1])?;
    let Some(name) = call.arguments[1].literal_text() else { return Ok(()) };
    Charset::of(name).map(drop).map_err(|_| {
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
            is_there
                .then(|| Ok(Charset::of(names.value(row))?.encode(texts.value(row))))
                .transpose()
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
            is_there
                .then(|| Ok(Charset::of(names.value(row))?.decode(bytes.value(row))))
                .transpose()
        };
        let all = (0..bytes.len()).map(text).collect::<datafusion_common::Result<Vec<_>>>()?;
        Ok(Arc::new(all.into_iter().collect::<StringArray>()))
    });
    let types = vec![DataType::Binary, DataType::Utf8];
    Ok(call("DECODE", types, DataType::Utf8, kernel, call_.exprs()))
}
