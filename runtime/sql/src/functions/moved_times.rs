//! Times of the day that are rounded, timestamps that are moved, and floats as timestamps.

use std::sync::Arc;

use arrow::array::{AsArray, Time32MillisecondArray};
use arrow::compute::kernels::arity::try_binary;
use arrow::datatypes::{DataType, Float64Type, Int64Type, Time32MillisecondType, TimeUnit};
use arrow::error::ArrowError;
use datafusion_common::exec_err;
use datafusion_expr::{Expr, Operator, binary_expr, lit};

use super::own::{Kernel, call};
use super::own_time::{Unit, parts_of_ms};

const DAY_MS: i64 = 86_400_000;

/// `FLOOR` or `CEIL` of a time of the day, which has to stay one.
pub(super) fn round_time(value: Expr, unit: Unit, up: bool) -> Expr {
    let rounded = move |ms: i32| {
        let ms = i64::from(ms);
        let ms = if up { unit.ceil(ms) } else { unit.floor(ms) };
        match ms.filter(|ms| *ms < DAY_MS) {
            Some(ms) => Ok(ms as i32),
            None => exec_err!("CEIL of a TIME is 24 o'clock"),
        }
    };
    let kernel: Kernel = Arc::new(move |arrays| {
        let times = arrays[0].as_primitive::<Time32MillisecondType>();
        let all = times.iter().map(|time| time.map(rounded).transpose());
        let all = all.collect::<datafusion_common::Result<Vec<_>>>()?;
        Ok(Arc::new(all.into_iter().collect::<Time32MillisecondArray>()))
    });
    let time = DataType::Time32(TimeUnit::Millisecond);
    let name = format!("round_time_{unit:?}_{up}");
    call(&name, vec![time.clone()], time, kernel, vec![value])
}

/// A BIGINT of a timestamp's units `count` times `each` on. What only milliseconds have room for
/// fails.
pub(super) fn plus(time: Expr, count: Expr, each: i64, of: TimeUnit) -> Expr {
    if parts_of_ms(of) == 1 {
        let amount = binary_expr(count, Operator::Multiply, lit(each));
        return binary_expr(time, Operator::Plus, amount);
    }
    let kernel: Kernel = Arc::new(move |arrays| {
        let [times, counts] = [0, 1].map(|index| arrays[index].as_primitive::<Int64Type>());
        Ok(Arc::new(try_binary::<_, _, _, Int64Type>(times, counts, |time, count| {
            let moved = count.checked_mul(each).and_then(|amount| time.checked_add(amount));
            moved.ok_or_else(|| ArrowError::ComputeError(TOO_FAR.to_owned()))
        })?))
    });
    let (types, name) = (vec![DataType::Int64; 2], format!("plus_units_{each}"));
    call(&name, types, DataType::Int64, kernel, vec![time, count])
}

/// What is said of a time that its type has no room for.
pub(super) const TOO_FAR: &str = "a time is too far from 1970 for the digits of its seconds";

/// The milliseconds of a float of units of `each` of them; null beyond the year 9999, as in Flink.
pub(super) fn millis_of_float(value: Expr, each: i64) -> Expr {
    let kernel: Kernel = Arc::new(move |arrays| {
        let values = arrays[0].as_primitive::<Float64Type>();
        let millis = |value: f64| {
            let ms = value * each as f64;
            (YEARS_MS.0..=YEARS_MS.1).contains(&ms).then_some(ms as i64)
        };
        Ok(Arc::new(values.unary_opt::<_, Int64Type>(millis)))
    });
    let name = format!("millis_of_float_{each}");
    call(&name, vec![DataType::Float64], DataType::Int64, kernel, vec![value])
}

/// The begin of the year 0 and the end of the year 9999.
const YEARS_MS: (f64, f64) = (-62_167_219_200_000.0, 253_402_300_799_999.0);
