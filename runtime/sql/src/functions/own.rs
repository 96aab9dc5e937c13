//! Functions that the library lacks or defines otherwise than Flink.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int8Array, Int16Array, Int32Array, StringArray,
    TimestampMillisecondArray,
};
use arrow::compute::cast as cast_array;
use arrow::datatypes::{DataType, Int64Type};
use chrono::format::{Parsed, StrftimeItems};
use datafusion_common::ScalarValue;
use datafusion_expr::{ColumnarValue, Expr, Volatility, create_udf};
use regex::Regex;

use crate::types::TIMESTAMP;

type Kernel = Arc<dyn Fn(&[ArrayRef]) -> datafusion_common::Result<ArrayRef> + Send + Sync>;

/// Calls `kernel` on arrays of the given types.
fn call(name: &str, types: Vec<DataType>, to: DataType, kernel: Kernel, args: Vec<Expr>) -> Expr {
    let on_values = move |values: &[ColumnarValue]| {
        let constant = values.iter().all(|v| matches!(v, ColumnarValue::Scalar(_)));
        let result = kernel(&ColumnarValue::values_to_arrays(values)?)?;
        if constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?));
        }
        Ok(ColumnarValue::Array(result))
    };
    create_udf(name, types, to, Volatility::Immutable, Arc::new(on_values)).call(args)
}

/// A BIGINT as a smaller integer; what does not fit wraps around, as sums do in Flink.
pub(crate) fn wrapping_narrow(value: Expr, to: &DataType) -> Expr {
    let target = to.clone();
    let kernel: Kernel = Arc::new(move |arrays| {
        let wide = arrays[0].as_primitive::<Int64Type>();
        Ok(match target {
            DataType::Int8 => Arc::new(wide.unary::<_, _>(|v| v as i8) as Int8Array) as ArrayRef,
            DataType::Int16 => Arc::new(wide.unary::<_, _>(|v| v as i16) as Int16Array),
            _ => Arc::new(wide.unary::<_, _>(|v| v as i32) as Int32Array),
        })
    });
    call(&format!("narrow_{to}"), vec![DataType::Int64], to.clone(), kernel, vec![value])
}

/// The `index`th part, from 0, of a text that is cut at a separator; null when there is none.
pub(super) fn split_index(value: Expr, separator: Expr, index: Expr) -> Expr {
    let kernel: Kernel = Arc::new(|arrays| {
        let (texts, separators) = (arrays[0].as_string::<i32>(), arrays[1].as_string::<i32>());
        let indexes = arrays[2].as_primitive::<Int64Type>();
        let part = |row: usize| {
            let valid = texts.is_valid(row) && separators.is_valid(row) && indexes.is_valid(row);
            let index = usize::try_from(valid.then(|| indexes.value(row))?).ok()?;
            let (text, separator) = (texts.value(row), separators.value(row));
            (!separator.is_empty()).then(|| text.split(separator).nth(index)).flatten()
        };
        Ok(Arc::new((0..texts.len()).map(part).collect::<StringArray>()))
    });
    let types = vec![DataType::Utf8, DataType::Utf8, DataType::Int64];
    call("split_index", types, DataType::Utf8, kernel, vec![value, separator, index])
}

/// The part of a text from a position, from 1, with a length if one is given.
pub(super) fn substring(arguments: Vec<Expr>) -> Expr {
    let mut types = vec![DataType::Utf8];
    types.resize(arguments.len(), DataType::Int64);
    let kernel: Kernel = Arc::new(|arrays| {
        let texts = arrays[0].as_string::<i32>();
        let numbers: Vec<_> = arrays[1..].iter().map(AsArray::as_primitive::<Int64Type>).collect();
        let part = |row: usize| {
            if !arrays.iter().all(|array| array.is_valid(row)) {
                return None;
            }
            let length = numbers.get(1).map(|lengths| lengths.value(row));
            Some(substring_of(texts.value(row), numbers[0].value(row), length))
        };
        Ok(Arc::new((0..texts.len()).map(part).collect::<StringArray>()))
    });
    call("substring", types, DataType::Utf8, kernel, arguments)
}

fn substring_of(text: &str, position: i64, length: Option<i64>) -> String {
    let skipped = match position {
        1.. => position - 1,
        0 => 0,
        _ => text.chars().count() as i64 + position,
    };
    let (Ok(skipped), Ok(length)) =
        (usize::try_from(skipped), usize::try_from(length.unwrap_or(i64::MAX)))
    else {
        return String::new();
    };
    text.chars().skip(skipped).take(length).collect()
}

/// The text that a group of a pattern matches first; null when nothing does.
pub(super) fn regexp_extract(
    value: Expr,
    pattern: &str,
    group: usize,
) -> Result<Expr, regex::Error> {
    let regex = Regex::new(pattern)?;
    let kernel: Kernel = Arc::new(move |arrays| {
        let texts = arrays[0].as_string::<i32>();
        let found = |text: Option<&str>| {
            let captures = regex.captures(text?)?;
            captures.get(group).map(|found| found.as_str().to_owned())
        };
        Ok(Arc::new(texts.iter().map(found).collect::<StringArray>()))
    });
    let name = format!("regexp_extract_{group}_{pattern}");
    Ok(call(&name, vec![DataType::Utf8], DataType::Utf8, kernel, vec![value]))
}

/// Reads timestamps by a format; null for a text that does not fit it.
pub(super) fn parse_timestamp(value: Expr, format: &str) -> Expr {
    // The parser has no "three digits of a second"; its `%3f` is for printing only.
    let format = format.replace(".%3f", "%.f").replace(".%6f", "%.f");
    let name = format!("to_timestamp_{format}");
    let kernel: Kernel = Arc::new(move |arrays| {
        let texts = cast_array(&arrays[0], &DataType::Utf8)?;
        let millis = |text: Option<&str>| {
            let text = text?;
            let mut parsed = Parsed::new();
            chrono::format::parse(&mut parsed, text, StrftimeItems::new(&format)).ok()?;
            // What the format leaves out is 0, as in Flink.
            if parsed.hour_mod_12().is_none() {
                parsed.set_hour(0).ok()?;
            }
            if parsed.minute().is_none() {
                parsed.set_minute(0).ok()?;
            }
            let time = parsed.to_naive_date().ok()?.and_time(parsed.to_naive_time().ok()?);
            Some(time.and_utc().timestamp_millis())
        };
        let times: TimestampMillisecondArray =
            texts.as_string::<i32>().iter().map(millis).collect();
        Ok(Arc::new(times))
    });
    call(&name, vec![DataType::Utf8], TIMESTAMP, kernel, vec![value])
}
