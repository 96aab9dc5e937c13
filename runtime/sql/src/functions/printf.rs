//! `PRINTF(format, value, ...)`, as `java.util.Formatter` fills formats in: NULL where a format is none,
//! or a value does not fit it.

mod conversion;
mod numbers;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion_common::exec_err;
use datafusion_expr::{Expr, cast};

use self::conversion::{Conversion, Fault, Piece, pieces};
use super::casts::{self, Otherwise};
use super::own::{Kernel, call};
use super::{Call, Entry, strings, wrong_arguments};
use crate::error::Result;
use crate::expr::Bound;

/// The functions of this file.
pub(super) const FUNCTIONS: &[Entry] = &[("PRINTF", 1, usize::MAX, printf)];

/// What a value is to a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A whole number of so many bits.
    Whole(u32),
    Float,
    Boolean,
    Text,
    /// A time, whose text is written in another way than by `CAST`.
    Time,
    /// What is only written as a text.
    Other,
}

/// A value of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Value<'a> {
    Null,
    /// A number, and how many bits its type has.
    Whole(i64, u32),
    /// A number, and its text.
    Float(f64, &'a str),
    Boolean(bool),
    /// A text, and whether it is one of a time.
    Text(&'a str, bool),
}

fn printf(call_: &Call<'_>) -> Result<Expr> {
    strings(call_, &[0])?;
    let (mut kinds, mut types, mut exprs) = (Vec::new(), Vec::new(), Vec::new());
    let mut add = |expr: Expr, data_type: DataType| {
        exprs.push(cast(expr, data_type.clone()));
        types.push(data_type);
    };
    add(call_.expr(0), DataType::Utf8);
    for argument in &call_.arguments[1..] {
        let kind = kind_of(argument).ok_or_else(|| {
            wrong_arguments(call_.name, call_.arguments, call_.at)
                .hint(format!("use CAST({} AS STRING)", argument.text))
        })?;
        match kind {
            // A DATE and a TIME are their numbers there.
            Kind::Whole(_) if !argument.data_type.is_integer() => {
                add(cast(argument.expr.clone(), DataType::Int32), DataType::Int64);
            }
            Kind::Whole(_) => add(argument.expr.clone(), DataType::Int64),
            Kind::Float => add(argument.expr.clone(), DataType::Float64),
            Kind::Boolean => add(argument.expr.clone(), DataType::Boolean),
            Kind::Text | Kind::Time | Kind::Other => {}
        }
        if matches!(kind, Kind::Float | Kind::Text | Kind::Time | Kind::Other) {
            add(text_of(argument), DataType::Utf8);
        }
        kinds.push(kind);
    }
    let name = format!("printf_{kinds:?}");
    let kernel: Kernel = Arc::new(move |arrays| all(arrays, &kinds));
    Ok(call(&name, types, DataType::Utf8, kernel, exprs))
}

fn kind_of(argument: &Bound) -> Option<Kind> {
    Some(match argument.data_type {
        DataType::Int8 => Kind::Whole(8),
        DataType::Int16 => Kind::Whole(16),
        DataType::Int32 | DataType::Date32 | DataType::Time32(_) => Kind::Whole(32),
        DataType::Int64 => Kind::Whole(64),
        DataType::Float32 | DataType::Float64 => Kind::Float,
        DataType::Boolean => Kind::Boolean,
        DataType::Utf8 | DataType::Null => Kind::Text,
        DataType::Timestamp(..) => Kind::Time,
        DataType::Decimal128(..) => Kind::Other,
        _ => return None,
    })
}

/// The text of a value, as by `CAST`, but that an instant's is in UTC.
fn text_of(argument: &Bound) -> Expr {
    let text = DataType::Utf8;
    if let DataType::Timestamp(unit, Some(_)) = argument.data_type {
        let number = cast(argument.expr.clone(), DataType::Int64);
        return cast(number, DataType::Timestamp(unit, None));
    }
    let cast = casts::cast(argument.expr.clone(), &argument.data_type, &text, Otherwise::Fail);
    cast.unwrap_or_else(|| argument.expr.clone())
}

fn all(arrays: &[ArrayRef], kinds: &[Kind]) -> datafusion_common::Result<ArrayRef> {
    let formats = arrays[0].as_string::<i32>();
    let mut known: (Option<&str>, std::result::Result<Vec<Piece>, Fault>) = (None, Ok(Vec::new()));
    let mut values = Vec::new();
    let mut texts = Vec::with_capacity(formats.len());
    for (row, format) in formats.iter().enumerate() {
        let Some(format) = format else {
            texts.push(None);
            continue;
        };
        if known.0 != Some(format) {
            known = (Some(format), pieces(format));
        }
        of_row(&arrays[1..], kinds, row, &mut values);
        let filled = known.1.as_ref().map_err(|fault| *fault);
        match filled.and_then(|pieces| fill(pieces, &values)) {
            Ok(text) => texts.push(Some(text)),
            Err(Fault::Wrong) => texts.push(None),
            Err(Fault::Missing(letter)) => {
                return exec_err!("PRINTF: %{letter} is not supported, in '{format}'");
            }
        }
    }
    Ok(Arc::new(StringArray::from(texts)))
}

/// The values of a row.
fn of_row<'a>(arrays: &'a [ArrayRef], kinds: &[Kind], row: usize, values: &mut Vec<Value<'a>>) {
    values.clear();
    let mut rest = arrays.iter();
    let mut next = || rest.next().filter(|array| array.is_valid(row));
    for kind in kinds {
        let value = match kind {
            Kind::Whole(bits) => {
                next().map(|a| Value::Whole(a.as_primitive::<Int64Type>().value(row), *bits))
            }
            Kind::Boolean => next().map(|array| Value::Boolean(array.as_boolean().value(row))),
            Kind::Float => {
                let number = next().map(|array| array.as_primitive::<Float64Type>().value(row));
                let text = next().map(|array| array.as_string::<i32>().value(row));
                number.zip(text).map(|(number, text)| Value::Float(number, text))
            }
            Kind::Text | Kind::Time | Kind::Other => {
                let is_time = *kind == Kind::Time;
                next().map(|array| Value::Text(array.as_string::<i32>().value(row), is_time))
            }
        };
        values.push(value.unwrap_or(Value::Null));
    }
}

fn fill(pieces: &[Piece], values: &[Value<'_>]) -> std::result::Result<String, Fault> {
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(plain) => text.push_str(plain),
            Piece::Value(index, conversion) => {
                let value = values.get(*index).ok_or(Fault::Wrong)?;
                text.push_str(&written(conversion, value)?);
            }
        }
    }
    Ok(text)
}

fn written(conversion: &Conversion, value: &Value<'_>) -> std::result::Result<String, Fault> {
    let plain = match (conversion.letter, value) {
        ('b', Value::Null) => conversion.cut("false"),
        ('b' | 's', Value::Boolean(value)) => conversion.cut(if *value { "true" } else { "false" }),
        ('b', _) => conversion.cut("true"),
        (_, Value::Null) => conversion.cut("null"),
        ('s', Value::Whole(number, _)) => conversion.cut(&number.to_string()),
        ('s', Value::Float(_, text) | Value::Text(text, false)) => conversion.cut(text),
        ('s', Value::Text(text, true)) => conversion.cut(&iso(text)),
        ('c', Value::Whole(number, bits)) if *bits < 64 => {
            let letter = u32::try_from(*number).ok().and_then(char::from_u32);
            letter.ok_or(Fault::Wrong)?.to_string()
        }
        ('d' | 'o' | 'x', Value::Whole(number, bits)) => {
            numbers::whole(conversion, *number, *bits)?
        }
        ('e' | 'f' | 'g', Value::Float(number, _)) => numbers::float(conversion, *number),
        _ => return Err(Fault::Wrong),
    };
    let plain = if conversion.upper { plain.to_uppercase() } else { plain };
    Ok(conversion.padded(plain))
}

/// `2020-02-29T23:59:58.123`, without seconds that are none.
fn iso(text: &str) -> String {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let (time, mut fraction) = text.split_once('.').unwrap_or((text, ""));
    while let Some(shorter) = fraction.strip_suffix("000") {
        fraction = shorter;
    }
    let time = time.replace(' ', "T");
    match (fraction, time.strip_suffix(":00")) {
        ("", Some(minutes)) if minutes.contains(':') => minutes.to_owned(),
        ("", _) => time,
        _ => format!("{time}.{fraction}"),
    }
}
