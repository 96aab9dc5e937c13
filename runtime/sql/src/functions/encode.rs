//! Functions that write values in another alphabet, or digest them.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{AsArray, BinaryArray, StringArray};
use arrow::datatypes::DataType;
use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD as BASE64};
use datafusion_common::exec_datafusion_err;
use datafusion_expr::{Expr, cast};
use md5::Md5;
use sha1::Sha1;
use sha2::digest::Digest;
use sha2::{Sha224, Sha256, Sha384, Sha512};

use super::own::{Kernel, call, text_of, types};
use super::{Call, Entry, strings, wrong_arguments};
use crate::error::{Result, SqlError};

/// The functions of this file.
pub(super) const FUNCTIONS: &[Entry] = &[
    ("MD5", 1, 1, |c| digest(c, hex_of::<Md5>)),
    ("SHA1", 1, 1, |c| digest(c, hex_of::<Sha1>)),
    ("SHA224", 1, 1, |c| digest(c, hex_of::<Sha224>)),
    ("SHA256", 1, 1, |c| digest(c, hex_of::<Sha256>)),
    ("SHA384", 1, 1, |c| digest(c, hex_of::<Sha384>)),
    ("SHA512", 1, 1, |c| digest(c, hex_of::<Sha512>)),
    ("SHA2", 2, 2, sha2),
    ("TO_BASE64", 1, 1, |c| of_bytes(c, "to_base64", |bytes| BASE64.encode(bytes))),
    ("FROM_BASE64", 1, 1, from_base64),
    ("HEX", 1, 1, hex),
    ("UNHEX", 1, 1, unhex),
    ("BIN", 1, 1, |c| {
        whole_number(c)?;
        let value = cast(c.expr(0), DataType::Int64);
        Ok(text_of("bin", "n", vec![value], |a, row| Some(format!("{:b}", a.number(0, row)?))))
    }),
    ("CHR", 1, 1, |c| {
        whole_number(c)?;
        let value = cast(c.expr(0), DataType::Int64);
        Ok(text_of("chr", "n", vec![value], |a, row| Some(chr(a.number(0, row)?))))
    }),
];

/// Reads texts with and without `=` at their end.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn whole_number(call: &Call<'_>) -> Result<()> {
    if call.arguments[0].data_type.is_integer() {
        return Ok(());
    }
    Err(wrong_arguments(call.name, call.arguments, call.at))
}

fn hex_of<D: Digest>(bytes: &[u8]) -> String {
    lower_hex(&D::digest(bytes))
}

fn lower_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// What is made of bytes, or of those of a text.
fn of_bytes(call_: &Call<'_>, name: &str, of: fn(&[u8]) -> String) -> Result<Expr> {
    let value = vec![call_.expr(0)];
    if call_.arguments[0].data_type == DataType::Binary {
        let kernel: Kernel = Arc::new(move |arrays| {
            let bytes = arrays[0].as_binary::<i32>().iter();
            Ok(Arc::new(bytes.map(|bytes| bytes.map(of)).collect::<StringArray>()))
        });
        let name = format!("{name}_of_bytes");
        return Ok(call(&name, vec![DataType::Binary], DataType::Utf8, kernel, value));
    }
    strings(call_, &[0])?;
    Ok(text_of(name, "t", value, move |a, row| Some(of(a.text(0, row)?.as_bytes()))))
}

/// The digest of bytes or of a text, in small hexadecimal digits.
fn digest(call: &Call<'_>, of: fn(&[u8]) -> String) -> Result<Expr> {
    of_bytes(call, &call.name.to_ascii_lowercase(), of)
}

fn sha2(call: &Call<'_>) -> Result<Expr> {
    let of = match call.arguments[1].literal_integer() {
        Some(224) => hex_of::<Sha224>,
        Some(256) => hex_of::<Sha256>,
        Some(384) => hex_of::<Sha384>,
        Some(512) => hex_of::<Sha512>,
        _ => {
            return Err(SqlError::new(call.at, "SHA2: the length must be 224, 256, 384 or 512"));
        }
    };
    of_bytes(call, &format!("sha{}", call.arguments[1].text), of)
}

/// What is no Base64 fails, as in Flink.
fn from_base64(call_: &Call<'_>) -> Result<Expr> {
    strings(call_, &[0])?;
    let kernel: Kernel = Arc::new(|arrays| {
        let decoded = |text: Option<&str>| {
            let Some(text) = text else { return Ok(None) };
            let bytes = LENIENT.decode(text).map_err(|why| exec_datafusion_err!("{why}"))?;
            Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
        };
        let texts: datafusion_common::Result<StringArray> =
            arrays[0].as_string::<i32>().iter().map(decoded).collect();
        Ok(Arc::new(texts?))
    });
    Ok(call("from_base64", types("t"), DataType::Utf8, kernel, call_.exprs()))
}

fn hex(call: &Call<'_>) -> Result<Expr> {
    if call.arguments[0].data_type.is_integer() {
        let value = cast(call.expr(0), DataType::Int64);
        return Ok(text_of("hex_number", "n", vec![value], |a, row| {
            Some(format!("{:X}", a.number(0, row)?))
        }));
    }
    strings(call, &[0])?;
    Ok(text_of("hex_text", "t", call.exprs(), |a, row| {
        Some(lower_hex(a.text(0, row)?.as_bytes()).to_ascii_uppercase())
    }))
}

/// The bytes that hexadecimal digits stand for; null where there are others.
fn unhex(call_: &Call<'_>) -> Result<Expr> {
    strings(call_, &[0])?;
    let kernel: Kernel = Arc::new(|arrays| {
        let bytes = |text: Option<&str>| unhex_of(text?);
        Ok(Arc::new(arrays[0].as_string::<i32>().iter().map(bytes).collect::<BinaryArray>()))
    });
    Ok(call("unhex", types("t"), DataType::Binary, kernel, call_.exprs()))
}

fn unhex_of(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> =
        text.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect::<Option<_>>()?;
    // The first digit of an odd number stands alone.
    let (first, pairs) = digits.split_at(digits.len() % 2);
    Some(first.iter().copied().chain(pairs.chunks(2).map(|p| p[0] << 4 | p[1])).collect())
}

/// The letter of a number's last byte, in Latin-1.
fn chr(number: i64) -> String {
    if number < 0 { String::new() } else { char::from((number & 0xff) as u8).to_string() }
}
