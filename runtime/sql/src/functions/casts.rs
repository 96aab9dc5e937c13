//! `CAST` as Flink defines it, where that is not what the library does.
//!
//! Texts are read strictly by Flink's rules and fail otherwise; whole numbers wrap around; floats
//! end at the largest whole number; what has too many digits for a DECIMAL becomes NULL.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryArray, BooleanArray, PrimitiveArray,
    StringArray, StringBuilder,
};
use arrow::compute::cast as cast_array;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, Time32MillisecondType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType,
};
use datafusion_common::exec_datafusion_err;
use datafusion_expr::Expr;

use super::own::{Kernel, call};
use super::own_math::Rounding;
use super::{cast_nested, cast_texts as texts};
use crate::types::{TIMESTAMP, flink_name};

/// What becomes of a value that cannot be cast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Otherwise {
    /// The job fails, as with `CAST`.
    Fail,
    /// NULL, as with `TRY_CAST`.
    Null,
}

/// What the names of the casts of values begin with.
pub(crate) const CAST: &str = "cast_";

/// Casts `value` from a type to another; none where the library's own cast is right.
pub(crate) fn cast(
    value: Expr,
    from: &DataType,
    to: &DataType,
    otherwise: Otherwise,
) -> Option<Expr> {
    let kernel = kernel(from, to, otherwise)?;
    let name = format!("{CAST}{}_{}_{otherwise:?}", flink_name(from), flink_name(to));
    Some(call(&name, vec![from.clone()], to.clone(), kernel, vec![value]))
}

/// The cast of an array; none where the library's own is right.
pub(super) fn kernel(from: &DataType, to: &DataType, otherwise: Otherwise) -> Option<Kernel> {
    Some(match (from, to) {
        (from, _) if from.is_nested() => cast_nested::kernel(from, to, otherwise)?,
        (DataType::Utf8, _) => of_text(to, otherwise)?,
        (DataType::Float32 | DataType::Float64, DataType::Utf8) => float_text(from),
        (DataType::Binary, DataType::Utf8) => bytes_text(),
        (_, DataType::Boolean) if from.is_numeric() => is_not_zero(from)?,
        (DataType::Boolean, DataType::Decimal128(..)) => chain(&[DataType::Int32], to),
        (_, DataType::Decimal128(..)) if from.is_numeric() => to_decimal(from, to)?,
        (_, to) if from.is_numeric() && to.is_integer() => to_whole(from, to)?,
        (DataType::Time32(_), DataType::Timestamp(..)) => {
            chain(&[DataType::Int32, DataType::Int64, TIMESTAMP], to)
        }
        _ => return None,
    })
}

/// Cuts a text to `CHAR(length)` or `VARCHAR(length)`; the first is filled up with blanks.
pub(crate) fn with_length(value: Expr, length: usize, fill: bool) -> Expr {
    let kernel: Kernel = Arc::new(move |arrays| {
        let cut = |text: Option<&str>| {
            let mut out: String = text?.chars().take(length).collect();
            let missing = if fill { length - out.chars().count() } else { 0 };
            out.extend(std::iter::repeat_n(' ', missing));
            Some(out)
        };
        Ok(Arc::new(arrays[0].as_string::<i32>().iter().map(cut).collect::<StringArray>()))
    });
    let name = format!("cast_length_{length}_{fill}");
    call(&name, vec![DataType::Utf8], DataType::Utf8, kernel, vec![value])
}

/// Cuts bytes to `BINARY(length)` or `VARBINARY(length)`; the first are filled up with zeros.
pub(crate) fn with_length_of_bytes(value: Expr, length: usize, fill: bool) -> Expr {
    let kernel: Kernel = Arc::new(move |arrays| {
        let cut = |bytes: Option<&[u8]>| {
            let mut out = bytes?.to_vec();
            let wanted = if fill { length } else { out.len().min(length) };
            out.resize(wanted, 0);
            Some(out)
        };
        Ok(Arc::new(arrays[0].as_binary::<i32>().iter().map(cut).collect::<BinaryArray>()))
    });
    let name = format!("cast_length_of_bytes_{length}_{fill}");
    call(&name, vec![DataType::Binary], DataType::Binary, kernel, vec![value])
}

/// A cast of several steps, each the library's.
fn chain(steps: &[DataType], to: &DataType) -> Kernel {
    let steps: Vec<DataType> = steps.iter().chain([to]).cloned().collect();
    Arc::new(move |arrays| {
        let first = Arc::clone(&arrays[0]);
        Ok(steps.iter().try_fold(first, |array, to| cast_array(&array, to))?)
    })
}

fn of_text(to: &DataType, otherwise: Otherwise) -> Option<Kernel> {
    Some(match to {
        DataType::Int8 => parsed::<Int8Type>(to, otherwise, |t| texts::whole(t)?.try_into().ok()),
        DataType::Int16 => parsed::<Int16Type>(to, otherwise, |t| texts::whole(t)?.try_into().ok()),
        DataType::Int32 => parsed::<Int32Type>(to, otherwise, |t| texts::whole(t)?.try_into().ok()),
        DataType::Int64 => parsed::<Int64Type>(to, otherwise, texts::whole),
        DataType::Float32 => parsed::<Float32Type>(to, otherwise, texts::float),
        DataType::Float64 => parsed::<Float64Type>(to, otherwise, texts::float),
        DataType::Decimal128(precision, scale) => {
            let (precision, scale) = (*precision, *scale);
            parsed::<Decimal128Type>(to, otherwise, move |t| texts::decimal(t, precision, scale))
        }
        DataType::Date32 => parsed::<Date32Type>(to, otherwise, texts::date),
        DataType::Time32(_) => parsed::<Time32MillisecondType>(to, otherwise, texts::time_of_day),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            parsed::<TimestampMicrosecondType>(to, otherwise, |t| {
                Some(texts::timestamp(t)?.timestamp_micros())
            })
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            parsed::<TimestampNanosecondType>(to, otherwise, |t| {
                texts::timestamp(t)?.timestamp_nanos_opt()
            })
        }
        DataType::Timestamp(..) => parsed::<TimestampMillisecondType>(to, otherwise, |t| {
            Some(texts::timestamp(t)?.timestamp_millis())
        }),
        DataType::Boolean => Arc::new(move |arrays| {
            let read = |text| value_of(text, texts::boolean, &DataType::Boolean, otherwise);
            let values: datafusion_common::Result<BooleanArray> =
                arrays[0].as_string::<i32>().iter().map(read).collect();
            Ok(Arc::new(values?))
        }),
        _ => return None,
    })
}

fn parsed<T: ArrowPrimitiveType>(
    to: &DataType,
    otherwise: Otherwise,
    parse: impl Fn(&str) -> Option<T::Native> + Send + Sync + 'static,
) -> Kernel {
    let to = to.clone();
    Arc::new(move |arrays| {
        let read = |text| value_of(text, &parse, &to, otherwise);
        let values: datafusion_common::Result<PrimitiveArray<T>> =
            arrays[0].as_string::<i32>().iter().map(read).collect();
        Ok(Arc::new(values?.with_data_type(to.clone())))
    })
}

fn value_of<V>(
    text: Option<&str>,
    parse: impl Fn(&str) -> Option<V>,
    to: &DataType,
    otherwise: Otherwise,
) -> datafusion_common::Result<Option<V>> {
    let Some(text) = text else { return Ok(None) };
    match parse(text) {
        None if otherwise == Otherwise::Fail => {
            Err(exec_datafusion_err!("'{text}' is no {}", flink_name(to)))
        }
        value => Ok(value),
    }
}

fn float_text(from: &DataType) -> Kernel {
    let single = *from == DataType::Float32;
    Arc::new(move |arrays| {
        let mut out = StringBuilder::with_capacity(arrays[0].len(), arrays[0].len() * 8);
        for row in 0..arrays[0].len() {
            out.append_option(arrays[0].is_valid(row).then(|| {
                if single {
                    let value = arrays[0].as_primitive::<Float32Type>().value(row);
                    texts::of_float(f64::from(value), &format!("{value:e}"))
                } else {
                    let value = arrays[0].as_primitive::<Float64Type>().value(row);
                    texts::of_float(value, &format!("{value:e}"))
                }
            }));
        }
        Ok(Arc::new(out.finish()))
    })
}

fn bytes_text() -> Kernel {
    Arc::new(|arrays| {
        let text = |bytes: Option<&[u8]>| Some(String::from_utf8_lossy(bytes?).into_owned());
        Ok(Arc::new(arrays[0].as_binary::<i32>().iter().map(text).collect::<StringArray>()))
    })
}

fn is_not_zero(from: &DataType) -> Option<Kernel> {
    fn of<T: ArrowPrimitiveType>() -> Kernel {
        Arc::new(|arrays| {
            let values = arrays[0].as_primitive::<T>().iter();
            let is_not = values.map(|value| Some(value? != T::Native::default()));
            Ok(Arc::new(is_not.collect::<BooleanArray>()))
        })
    }
    Some(match from {
        DataType::Int8 => of::<Int8Type>(),
        DataType::Int16 => of::<Int16Type>(),
        DataType::Int32 => of::<Int32Type>(),
        DataType::Int64 => of::<Int64Type>(),
        DataType::Float32 => of::<Float32Type>(),
        DataType::Float64 => of::<Float64Type>(),
        DataType::Decimal128(..) => of::<Decimal128Type>(),
        _ => return None,
    })
}

/// Half a last digit is rounded away from zero; too many digits make NULL.
fn to_decimal(from: &DataType, to: &DataType) -> Option<Kernel> {
    let DataType::Decimal128(precision, scale) = *to else { return None };
    let finish = move |values: PrimitiveArray<Decimal128Type>| {
        Ok(Arc::new(values.with_precision_and_scale(precision, scale)?) as ArrayRef)
    };
    Some(match *from {
        DataType::Float32 => Arc::new(move |arrays| {
            let values = arrays[0].as_primitive::<Float32Type>();
            // As in Flink it is a DOUBLE first, whose digits count.
            let of =
                |value: f32| texts::decimal(&format!("{:e}", f64::from(value)), precision, scale);
            finish(values.unary_opt(of))
        }),
        DataType::Float64 => Arc::new(move |arrays| {
            let values = arrays[0].as_primitive::<Float64Type>();
            let of = |value: f64| texts::decimal(&format!("{value:e}"), precision, scale);
            finish(values.unary_opt(of))
        }),
        DataType::Decimal128(_, before) => Arc::new(move |arrays| {
            let values = arrays[0].as_primitive::<Decimal128Type>();
            finish(values.unary_opt(|value| texts::rescaled(value, before, precision, scale)))
        }),
        _ => {
            let whole = DataType::Int64;
            Arc::new(move |arrays| {
                let values = cast_array(&arrays[0], &whole)?;
                let values = values.as_primitive::<Int64Type>();
                let of = |value: i64| texts::rescaled(i128::from(value), 0, precision, scale);
                finish(values.unary_opt(of))
            })
        }
    })
}

/// Digits behind the point go. Whole numbers and decimals wrap around; floats end at the bounds of
/// INT or BIGINT, and what is smaller than INT wraps around behind that.
fn to_whole(from: &DataType, to: &DataType) -> Option<Kernel> {
    let wide: Kernel = match *from {
        DataType::Float32 => saturated::<Float32Type>(to, f64::from),
        DataType::Float64 => saturated::<Float64Type>(to, |value| value),
        DataType::Decimal128(_, scale) => {
            let unit = 10_i128.checked_pow(u32::try_from(scale).ok()?)?;
            Arc::new(move |arrays| {
                let values = arrays[0].as_primitive::<Decimal128Type>();
                let whole = |value| Rounding::Down.divide(value, unit) as i64;
                Ok(Arc::new(values.unary::<_, Int64Type>(whole)))
            })
        }
        _ => chain(&[], &DataType::Int64),
    };
    let to = to.clone();
    Some(Arc::new(move |arrays| {
        let wide = wide(arrays)?;
        let wide = wide.as_primitive::<Int64Type>();
        Ok(match to {
            DataType::Int8 => Arc::new(wide.unary::<_, Int8Type>(|v| v as i8)) as ArrayRef,
            DataType::Int16 => Arc::new(wide.unary::<_, Int16Type>(|v| v as i16)),
            DataType::Int32 => Arc::new(wide.unary::<_, Int32Type>(|v| v as i32)),
            _ => Arc::new(wide.clone()),
        })
    }))
}

fn saturated<T: ArrowPrimitiveType>(to: &DataType, wide: fn(T::Native) -> f64) -> Kernel {
    let to_long = *to == DataType::Int64;
    Arc::new(move |arrays| {
        let values = arrays[0].as_primitive::<T>();
        let whole = |value| {
            let value = wide(value);
            if to_long { value as i64 } else { i64::from(value as i32) }
        };
        Ok(Arc::new(values.unary::<_, Int64Type>(whole)))
    })
}
