//! Floats are compared as in Java: NaN is neither less nor more than a number. Where values are put
//! in an order, it is the highest.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use datafusion_common::ScalarValue;
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::{
    BinaryExpr, ColumnarValue, Expr, Operator, Volatility, binary_expr, cast, create_udf,
};

use super::own::{Kernel, call};

/// A comparison, the function that it is, and its opposite. As in Flink, which turns `NOT a < b` into
/// `a >= b`, both are false of NaN.
const COMPARISONS: [(Operator, &str, &str); 4] = [
    (Operator::Lt, "float_less", "float_not_less"),
    (Operator::LtEq, "float_not_more", "float_more"),
    (Operator::Gt, "float_more", "float_not_more"),
    (Operator::GtEq, "float_not_less", "float_less"),
];
const EQUAL: &str = "float_equal";

/// `left < right` and its like, of which one is a float and none a decimal; none for types and
/// operators that the library compares as Flink does.
pub(crate) fn compare(
    (left, left_type): (Expr, &DataType),
    operator: Operator,
    (right, right_type): (Expr, &DataType),
) -> Option<Expr> {
    let types = [left_type, right_type];
    let fits = |t: &&DataType| t.is_floating() || t.is_integer();
    if !types.iter().any(|t| t.is_floating()) || !types.iter().all(fits) {
        return None;
    }
    let (_, name, _) = COMPARISONS.iter().find(|(known, ..)| *known == operator)?;
    // Whole numbers become what is beside them.
    let is_double = types.contains(&&DataType::Float64);
    let wide = |value: Expr, from: &DataType| match is_double || from.is_floating() {
        true => cast(value, DataType::Float64),
        false => cast(cast(value, DataType::Float32), DataType::Float64),
    };
    Some(comparison(name, vec![wide(left, left_type), wide(right, right_type)]))
}

/// `left = right` of floats, where NaN is not equal to itself.
pub(crate) fn equal(left: Expr, right: Expr) -> Expr {
    comparison(EQUAL, vec![left, right])
}

/// The opposite of a condition with comparisons of floats; none when there are none.
pub(crate) fn negated(condition: &Expr) -> Option<Expr> {
    match condition {
        Expr::ScalarFunction(ScalarFunction { func, args }) => {
            let known = COMPARISONS.iter().find(|(_, name, _)| *name == func.name());
            known.map(|(_, _, opposite)| comparison(opposite, args.clone()))
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let op = match op {
                Operator::And => Operator::Or,
                Operator::Or => Operator::And,
                _ => return None,
            };
            let sides = [left, right].map(|side| (side, negated(side)));
            if sides.iter().all(|(_, opposite)| opposite.is_none()) {
                return None;
            }
            let [left, right] =
                sides.map(|(side, opposite)| opposite.unwrap_or_else(|| Expr::Not(side.clone())));
            Some(binary_expr(left, op, right))
        }
        _ => None,
    }
}

fn comparison(name: &str, sides: Vec<Expr>) -> Expr {
    let holds: fn(&[ColumnarValue]) -> datafusion_common::Result<ColumnarValue> = match name {
        "float_less" => |values| compared(values, |a, b| a < b),
        "float_not_more" => |values| compared(values, |a, b| a <= b),
        "float_more" => |values| compared(values, |a, b| a > b),
        "float_not_less" => |values| compared(values, |a, b| a >= b),
        _ => |values| compared(values, |a, b| a.partial_cmp(&b).is_some_and(Ordering::is_eq)),
    };
    let types = vec![DataType::Float64; 2];
    create_udf(name, types, DataType::Boolean, Volatility::Immutable, Arc::new(holds)).call(sides)
}

fn compared(
    values: &[ColumnarValue],
    holds: impl Fn(f64, f64) -> bool,
) -> datafusion_common::Result<ColumnarValue> {
    let with_number = |array: &ArrayRef, number: &ScalarValue, holds: &dyn Fn(f64, f64) -> bool| {
        let ScalarValue::Float64(Some(number)) = number else {
            return BooleanArray::new_null(array.len());
        };
        let values = array.as_primitive::<Float64Type>();
        let all =
            BooleanBuffer::collect_bool(values.len(), |row| holds(values.values()[row], *number));
        BooleanArray::new(all, values.nulls().cloned())
    };
    Ok(match values {
        [ColumnarValue::Array(left), ColumnarValue::Scalar(right)] => {
            ColumnarValue::Array(Arc::new(with_number(left, right, &holds)))
        }
        [ColumnarValue::Scalar(left), ColumnarValue::Array(right)] => {
            let holds = |right, left| holds(left, right);
            ColumnarValue::Array(Arc::new(with_number(right, left, &holds)))
        }
        values => {
            let constant = values.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
            let arrays = ColumnarValue::values_to_arrays(values)?;
            let [left, right] = [0, 1].map(|side| arrays[side].as_primitive::<Float64Type>());
            let pairs = left.iter().zip(right);
            let all: BooleanArray = pairs.map(|(a, b)| Some(holds(a?, b?))).collect();
            match constant {
                true => ColumnarValue::Scalar(ScalarValue::try_from_array(&all, 0)?),
                false => ColumnarValue::Array(Arc::new(all)),
            }
        }
    })
}

/// A float whose NaN is above all others; other values as they are.
pub(crate) fn nan_highest(value: Expr, data_type: &DataType) -> Expr {
    if !data_type.is_floating() {
        return value;
    }
    let kernel: Kernel = Arc::new(|arrays| Ok(with_one_nan(&arrays[0])));
    let (types, name) = (vec![data_type.clone()], format!("nan_highest_{data_type}"));
    call(&name, types, data_type.clone(), kernel, vec![value])
}

/// Floats of which all NaNs are the one that is above all others; other arrays as they are.
pub(super) fn with_one_nan(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Float32 => {
            let of = |value: f32| if value.is_nan() { f32::NAN } else { value };
            Arc::new(array.as_primitive::<Float32Type>().unary::<_, Float32Type>(of))
        }
        DataType::Float64 => {
            let of = |value: f64| if value.is_nan() { f64::NAN } else { value };
            Arc::new(array.as_primitive::<Float64Type>().unary::<_, Float64Type>(of))
        }
        _ => Arc::clone(array),
    }
}

/// The same, where 0 has no sign either.
pub(super) fn with_one_zero(array: &ArrayRef) -> ArrayRef {
    let array = with_one_nan(array);
    match array.data_type() {
        DataType::Float32 => Arc::new(
            array.as_primitive::<Float32Type>().unary::<_, Float32Type>(|value| value + 0.0),
        ),
        DataType::Float64 => Arc::new(
            array.as_primitive::<Float64Type>().unary::<_, Float64Type>(|value| value + 0.0),
        ),
        _ => array,
    }
}
