//! Functions that change by themselves: the time, the watermark, random values.
//!
//! A random value depends on the row's random bytes and on where its call stands, so that a value
//! that is read in several places is the same one.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int32Array, StringArray};
use arrow::datatypes::{DataType, Int32Type, Int64Type, TimeUnit};
use datafusion_common::exec_datafusion_err;
use datafusion_expr::{Expr, cast, lit};
use sabot_core::ambient::RANDOM_BYTES;
use sabot_types::key_hash::mixed;

use super::own::{Kernel, call};
use super::{Call, Entry, wrong_arguments};
use crate::ambient;
use crate::error::{Position, Result, SqlError};
use crate::expr::{Bound, Meaning};
use crate::types::TIMESTAMP;

/// The functions of this file.
pub(super) const FUNCTIONS: &[Entry] = &[
    (ambient::PROCTIME, 0, 0, |_| Ok(ambient::proc_time())),
    ("CURRENT_TIMESTAMP", 0, 0, |_| Ok(ambient::proc_time())),
    ("NOW", 0, 0, |_| Ok(ambient::proc_time())),
    ("CURRENT_ROW_TIMESTAMP", 0, 0, |_| Ok(ambient::proc_time())),
    ("LOCALTIMESTAMP", 0, 0, |_| Ok(local())),
    ("CURRENT_DATE", 0, 0, |_| Ok(cast(local(), DataType::Date32))),
    ("CURRENT_TIME", 0, 0, |_| Ok(time_of_day())),
    ("LOCALTIME", 0, 0, |_| Ok(time_of_day())),
    ("CURRENT_WATERMARK", 1, 1, current_watermark),
    ("RAND", 0, 0, |c| Ok(rand(c.at))),
    ("RAND_INTEGER", 1, 1, rand_integer),
    ("UUID", 0, 0, |c| Ok(uuid(c.at))),
];

/// The text of a call of any function, which tells it from others: two calls that draw are not the
/// same.
pub(crate) fn text_of(call: &Call<'_>, arguments: &str) -> String {
    let Call { name, at, .. } = call;
    match *name {
        "CURRENT_TIMESTAMP" | "LOCALTIMESTAMP" | "CURRENT_DATE" | "CURRENT_TIME" | "LOCALTIME" => {
            (*name).to_owned()
        }
        "RAND" | "RAND_INTEGER" | "UUID" => {
            format!("{name}({arguments})@{}:{}", at.line, at.column)
        }
        _ => format!("{name}({arguments})"),
    }
}

/// Whether a call of the function with these arguments is never NULL.
pub(crate) fn is_never_null(name: &str, arguments: &[Bound]) -> bool {
    let is_of_these = match name {
        "CURRENT_WATERMARK" => false,
        "UNIX_TIMESTAMP" => arguments.is_empty(),
        _ => FUNCTIONS.iter().any(|(known, ..)| *known == name),
    };
    is_of_these && arguments.iter().all(|argument| !argument.nullable)
}

fn local() -> Expr {
    cast(ambient::proc_time(), TIMESTAMP)
}

/// In whole seconds, as a `TIME(0)` has them.
fn time_of_day() -> Expr {
    let seconds = cast(local(), DataType::Timestamp(TimeUnit::Second, None));
    cast(seconds, DataType::Time32(TimeUnit::Millisecond))
}

fn current_watermark(call: &Call<'_>) -> Result<Expr> {
    let time = &call.arguments[0];
    if time.meaning != Meaning::RowTime {
        return Err(SqlError::new(call.at, format!("{} is no time of its table", time.text))
            .hint("CURRENT_WATERMARK takes the column that WATERMARK FOR names"));
    }
    // It is of the kind of the table's times, whatever its type is.
    Ok(cast(cast(ambient::watermark(), DataType::Int64), time.data_type.clone()))
}

/// 64 random bits of each row; other ones for each call and part.
fn bits(arrays: &[ArrayRef], part: u64) -> impl Iterator<Item = u64> {
    let (rows, calls) = (arrays[0].as_fixed_size_binary(), arrays[1].as_primitive::<Int64Type>());
    rows.iter().flatten().zip(calls.values()).map(move |(bytes, call)| {
        let half = |at: usize| {
            let bytes: Option<[u8; 8]> = bytes.get(at..at + 8).and_then(|b| b.try_into().ok());
            u64::from_le_bytes(bytes.unwrap_or_default())
        };
        let [first, second] = if part == 0 { [half(0), half(8)] } else { [half(8), half(0)] };
        mixed(first ^ mixed(second.wrapping_add(*call as u64).wrapping_add(part)))
    })
}

/// What the kernels of random values take: the row's bytes, and which call it is.
fn drawn(at: Position) -> (Vec<DataType>, Vec<Expr>) {
    let bytes = DataType::FixedSizeBinary(RANDOM_BYTES as i32);
    let place = (at.line << 32 | at.column) as i64;
    (vec![bytes, DataType::Int64], vec![ambient::random(), lit(place)])
}

/// A DOUBLE from 0, below 1.
fn rand(at: Position) -> Expr {
    let kernel: Kernel = Arc::new(|arrays| {
        const UNIT: f64 = 1.0 / (1_u64 << 53) as f64;
        let values = bits(arrays, 0).map(|bits| (bits >> 11) as f64 * UNIT);
        Ok(Arc::new(Float64Array::from_iter_values(values)) as ArrayRef)
    });
    let (types, args) = drawn(at);
    call("rand", types, DataType::Float64, kernel, args)
}

/// An INT from 0, below a bound.
fn rand_integer(of: &Call<'_>) -> Result<Expr> {
    let bound = &of.arguments[0];
    if !matches!(bound.data_type, DataType::Int8 | DataType::Int16 | DataType::Int32) {
        return Err(wrong_arguments(of.name, of.arguments, of.at)
            .hint("RAND_INTEGER takes an INT that the number is below"));
    }
    let kernel: Kernel = Arc::new(|arrays| {
        let bounds = arrays[2].as_primitive::<Int32Type>();
        let below = |(bits, bound): (u64, Option<i32>)| match bound {
            Some(bound) if bound <= 0 => {
                Err(exec_datafusion_err!("RAND_INTEGER needs a bound above 0, not {bound}"))
            }
            bound => Ok(bound.map(|bound| ((u128::from(bits) * bound as u128) >> 64) as i32)),
        };
        let values = bits(arrays, 0).zip(bounds).map(below);
        Ok(Arc::new(values.collect::<datafusion_common::Result<Int32Array>>()?) as ArrayRef)
    });
    let (mut types, mut args) = drawn(of.at);
    types.push(DataType::Int32);
    args.push(cast(bound.expr.clone(), DataType::Int32));
    Ok(call("rand_integer", types, DataType::Int32, kernel, args))
}

/// A random UUID (RFC 9562, version 4) as a text.
fn uuid(at: Position) -> Expr {
    let kernel: Kernel = Arc::new(|arrays| {
        let halves = bits(arrays, 0).zip(bits(arrays, 1));
        let values = halves.map(|(high, low)| {
            let bits = u128::from(high) << 64 | u128::from(low);
            uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid().to_string()
        });
        Ok(Arc::new(StringArray::from_iter_values(values)) as ArrayRef)
    });
    let (types, args) = drawn(at);
    call("uuid", types, DataType::Utf8, kernel, args)
}
