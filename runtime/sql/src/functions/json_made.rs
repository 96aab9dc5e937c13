//! JSON that is made of values: `JSON_OBJECT`, `JSON_ARRAY`, `JSON_STRING`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::types::{
    ArrowTimestampType, Decimal128Type, DecimalType, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType,
};
use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::datatypes::{DataType, TimeUnit};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::NaiveDateTime;
use datafusion_common::exec_err;
use datafusion_expr::{Expr, lit};

use super::own::{Kernel, call};
use super::{Call, Entry, cast_texts};
use crate::error::{Position, Result, SqlError};
use crate::expr::Bound;
use crate::types::{entries_of, flink_name};

/// The functions of this file.
pub(super) const FUNCTIONS: &[Entry] = &[
    ("JSON_STRING", 1, 1, string),
    ("JSON_OBJECT", 0, usize::MAX, |c| object(&parts(c), Nulls::Written, c.at)),
    ("JSON_ARRAY", 0, usize::MAX, |c| array(&parts(c), Nulls::LeftOut, c.at)),
];

/// What becomes of NULLs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nulls {
    /// `NULL ON NULL`.
    Written,
    /// `ABSENT ON NULL`.
    LeftOut,
}

/// A value that is put into JSON.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub value: Bound,
    /// Whether it is JSON itself.
    pub is_json: bool,
}

fn parts(call: &Call<'_>) -> Vec<Part> {
    let part = |value: &Bound| Part { value: value.clone(), is_json: false };
    call.arguments.iter().map(part).collect()
}

/// `JSON_ARRAY(a, b)`.
pub(crate) fn array(parts: &[Part], nulls: Nulls, at: Position) -> Result<Expr> {
    check("JSON_ARRAY", parts, at)?;
    let name = format!("JSON_ARRAY_{nulls:?}");
    Ok(made(&name, "[]", parts, move |out, values, is_json, row| {
        out.push('[');
        for (value, is_json) in values.iter().zip(is_json) {
            if value.is_null(row) && nulls == Nulls::LeftOut {
                continue;
            }
            if out.len() > 1 {
                out.push(',');
            }
            write(out, value, *is_json, row)?;
        }
        out.push(']');
        Ok(())
    }))
}

/// `JSON_OBJECT('a' VALUE x, 'b' VALUE y)`, of keys and values by turns. Its fields are sorted by
/// name; of a name that comes twice the last value counts.
pub(crate) fn object(parts: &[Part], nulls: Nulls, at: Position) -> Result<Expr> {
    let wrong = || {
        SqlError::new(at, "JSON_OBJECT takes keys with values")
            .hint("write JSON_OBJECT('key' VALUE value, ...), with keys in single quotes")
    };
    let mut fields: BTreeMap<String, usize> = BTreeMap::new();
    let mut values = Vec::new();
    for pair in parts.chunks(2) {
        let [key, value] = pair else { return Err(wrong()) };
        let key = key.value.literal_text().ok_or_else(wrong)?;
        fields.insert(key.to_owned(), values.len());
        values.push(value.clone());
    }
    check("JSON_OBJECT", &values, at)?;
    let name = format!("JSON_OBJECT_{nulls:?}_{fields:?}");
    Ok(made(&name, "{}", &values, move |out, values, is_json, row| {
        out.push('{');
        let mut is_first = true;
        for (key, index) in &fields {
            if values[*index].is_null(row) && nulls == Nulls::LeftOut {
                continue;
            }
            if !std::mem::take(&mut is_first) {
                out.push(',');
            }
            quote(out, key);
            out.push(':');
            write(out, &values[*index], is_json[*index], row)?;
        }
        out.push('}');
        Ok(())
    }))
}

fn string(c: &Call<'_>) -> Result<Expr> {
    let value = Part { value: c.arguments[0].clone(), is_json: false };
    json_of(c.name, &value, c.at)
}

/// A value as JSON, and NULL where it is NULL.
pub(crate) fn json_of(name: &str, part: &Part, at: Position) -> Result<Expr> {
    check(name, std::slice::from_ref(part), at)?;
    if part.is_json {
        return Ok(part.value.expr.clone());
    }
    let kernel: Kernel = Arc::new(|arrays| {
        let text = |row: usize| {
            let mut out = String::new();
            write(&mut out, &arrays[0], false, row)?;
            Ok(arrays[0].is_valid(row).then_some(out))
        };
        let texts = (0..arrays[0].len()).map(text);
        Ok(Arc::new(texts.collect::<datafusion_common::Result<StringArray>>()?))
    });
    let types = vec![part.value.data_type.clone()];
    Ok(call("JSON_STRING", types, DataType::Utf8, kernel, vec![part.value.expr.clone()]))
}

/// A text of each row out of the parts; `empty` of none.
fn made(
    name: &str,
    empty: &str,
    parts: &[Part],
    write: impl Fn(&mut String, &[ArrayRef], &[bool], usize) -> datafusion_common::Result<()>
    + Send
    + Sync
    + 'static,
) -> Expr {
    if parts.is_empty() {
        return lit(empty);
    }
    let is_json: Vec<bool> = parts.iter().map(|part| part.is_json).collect();
    let name = format!("{name}_{is_json:?}");
    let kernel: Kernel = Arc::new(move |arrays| {
        let text = |row: usize| {
            let mut out = String::new();
            write(&mut out, arrays, &is_json, row)?;
            Ok(Some(out))
        };
        let texts = (0..arrays[0].len()).map(text);
        Ok(Arc::new(texts.collect::<datafusion_common::Result<StringArray>>()?))
    });
    let types = parts.iter().map(|part| part.value.data_type.clone()).collect();
    let exprs = parts.iter().map(|part| part.value.expr.clone()).collect();
    call(&name, types, DataType::Utf8, kernel, exprs)
}

fn check(name: &str, parts: &[Part], at: Position) -> Result<()> {
    for Part { value, .. } in parts {
        if !is_written(&value.data_type) {
            let message = format!("{name}: {} is {}", value.text, flink_name(&value.data_type));
            return Err(SqlError::new(at, message)
                .hint("it is no value of JSON: use CAST(<value> AS STRING)"));
        }
    }
    Ok(())
}

/// Whether values of a type are written as JSON; as in Flink not DATE and TIME.
fn is_written(data_type: &DataType) -> bool {
    match data_type {
        DataType::Boolean
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::Float32
        | DataType::Float64
        | DataType::Decimal128(..)
        | DataType::Utf8
        | DataType::Binary
        | DataType::Timestamp(..) => true,
        DataType::List(item) => is_written(item.data_type()),
        DataType::Struct(fields) => fields.iter().all(|field| is_written(field.data_type())),
        DataType::Map(..) => entries_of(data_type).is_some_and(|[key, value]| {
            *key.data_type() == DataType::Utf8 && is_written(value.data_type())
        }),
        _ => false,
    }
}

fn write(
    out: &mut String,
    array: &ArrayRef,
    is_json: bool,
    row: usize,
) -> datafusion_common::Result<()> {
    if array.is_null(row) {
        out.push_str("null");
        return Ok(());
    }
    // Writing to a String cannot fail.
    let _ = match array.data_type() {
        DataType::Boolean => write!(out, "{}", array.as_boolean().value(row)),
        DataType::Int8 => write!(out, "{}", array.as_primitive::<Int8Type>().value(row)),
        DataType::Int16 => write!(out, "{}", array.as_primitive::<Int16Type>().value(row)),
        DataType::Int32 => write!(out, "{}", array.as_primitive::<Int32Type>().value(row)),
        DataType::Int64 => write!(out, "{}", array.as_primitive::<Int64Type>().value(row)),
        DataType::Float32 => {
            return float(out, f64::from(array.as_primitive::<Float32Type>().value(row)));
        }
        DataType::Float64 => return float(out, array.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(precision, scale) => {
            let value = array.as_primitive::<Decimal128Type>().value(row);
            out.write_str(&Decimal128Type::format_decimal(value, *precision, *scale))
        }
        DataType::Binary => {
            write!(out, "\"{}\"", BASE64_STANDARD.encode(array.as_binary::<i32>().value(row)))
        }
        DataType::Timestamp(unit, zone) => {
            let time = match unit {
                TimeUnit::Millisecond => time::<TimestampMillisecondType>(array, row),
                TimeUnit::Microsecond => time::<TimestampMicrosecondType>(array, row),
                _ => time::<TimestampNanosecondType>(array, row),
            };
            let Some(time) = time else { return exec_err!("a time is beyond the calendar") };
            write!(out, "\"{}\"", time_text(time, zone.is_some()))
        }
        DataType::List(_) => {
            out.push('[');
            let values = array.as_list::<i32>().value(row);
            for place in 0..values.len() {
                separate(out, place);
                write(out, &values, false, place)?;
            }
            out.write_char(']')
        }
        DataType::Struct(fields) => {
            out.push('{');
            for (place, column) in array.as_struct().columns().iter().enumerate() {
                separate(out, place);
                quote(out, fields[place].name());
                out.push(':');
                write(out, column, false, row)?;
            }
            out.write_char('}')
        }
        DataType::Map(..) => {
            out.push('{');
            let entries = array.as_map().value(row);
            let keys = entries.column(0).as_string::<i32>();
            for place in 0..keys.len() {
                separate(out, place);
                quote(out, keys.value(place));
                out.push(':');
                write(out, entries.column(1), false, place)?;
            }
            out.write_char('}')
        }
        _ => {
            let text = array.as_string::<i32>().value(row);
            if is_json {
                out.push_str(text);
            } else {
                quote(out, text);
            }
            Ok(())
        }
    };
    Ok(())
}

fn separate(out: &mut String, place: usize) {
    if place > 0 {
        out.push(',');
    }
}

fn time<T: ArrowTimestampType>(array: &ArrayRef, row: usize) -> Option<NaiveDateTime> {
    array.as_primitive::<T>().value_as_datetime(row)
}

/// `2020-02-29T23:59:58.12`, an instant with a Z.
fn time_text(time: NaiveDateTime, is_instant: bool) -> String {
    let text = time.format("%Y-%m-%dT%H:%M:%S%.f").to_string();
    let text = if text.contains('.') { text.trim_end_matches('0') } else { &text };
    if is_instant { format!("{text}Z") } else { text.to_owned() }
}

/// A text in double quotes.
pub(super) fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        let _ = match c {
            '"' | '\\' => write!(out, "\\{c}"),
            '\n' => out.write_str("\\n"),
            '\r' => out.write_str("\\r"),
            '\t' => out.write_str("\\t"),
            '\u{8}' => out.write_str("\\b"),
            '\u{c}' => out.write_str("\\f"),
            c if c < ' ' => write!(out, "\\u{:04X}", u32::from(c)),
            c => out.write_char(c),
        };
    }
    out.push('"');
}

/// A float as Java's `BigDecimal` writes it: `1.0E+20`.
fn float(out: &mut String, value: f64) -> datafusion_common::Result<()> {
    if !value.is_finite() {
        return exec_err!("{value} is no number of JSON");
    }
    let text = cast_texts::of_float(value, &format!("{value:e}"));
    let Some((mantissa, exponent)) = text.split_once('E') else {
        out.push_str(&text);
        return Ok(());
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let scale = fraction.len() as i32 - exponent;
    out.push_str(sign);
    let _ = if scale == 0 {
        out.write_str(&digits)
    } else if scale > 0 && exponent >= -6 {
        let scale = scale as usize;
        let digits = format!("{digits:0>width$}", width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        write!(out, "{whole}.{fraction}")
    } else {
        write!(out, "{whole}.{fraction}E{exponent:+}")
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_big_decimals_are() {
        for (value, text) in [
            (0.0, "0.0"),
            (-2.5, "-2.5"),
            (1e20, "1.0E+20"),
            (1.25e7, "1.25E+7"),
            (30_000_001_024.0, "30000001024"),
            (123_456_789.5, "123456789.5"),
            (1e-4, "0.00010"),
            (-1.5e-7, "-1.5E-7"),
        ] {
            let mut out = String::new();
            float(&mut out, value).unwrap();
            assert_eq!(out, text);
        }
        assert!(float(&mut String::new(), f64::NAN).is_err());
    }

    #[test]
    fn texts_are_escaped_where_they_have_to_be() {
        let mut out = String::new();
        quote(&mut out, "a\"b\\c\n\u{1}ä🎉/");
        assert_eq!(out, "\"a\\\"b\\\\c\\n\\u0001ä🎉/\"");
    }
}
