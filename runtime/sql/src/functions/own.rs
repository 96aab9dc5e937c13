//! Calls of functions that the library lacks or defines otherwise than Flink.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int8Array, Int16Array, Int32Array, Int64Array, StringArray,
};
use arrow::compute::take;
use arrow::datatypes::{DataType, Int64Type};
use datafusion_common::ScalarValue;
use datafusion_expr::{ColumnarValue, Expr, Volatility, create_udf};

pub(crate) type Kernel =
    Arc<dyn Fn(&[ArrayRef]) -> datafusion_common::Result<ArrayRef> + Send + Sync>;

/// Calls `kernel` on arrays of the given types.
///
/// Two calls of one name are one function: whatever a kernel holds has to be in its name.
pub(crate) fn call(
    name: &str,
    types: Vec<DataType>,
    to: DataType,
    kernel: Kernel,
    args: Vec<Expr>,
) -> Expr {
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
    if *to == DataType::Int64 {
        return value;
    }
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

/// The value of a list at a place, a BIGINT from 0 that is in it; `name` is that of the list alone.
pub(crate) fn listed(name: &str, values: ArrayRef, place: Expr) -> Expr {
    let to = values.data_type().clone();
    let kernel: Kernel = Arc::new(move |arrays| Ok(take(&values, &arrays[0], None)?));
    call(&format!("listed_{name}"), vec![DataType::Int64], to, kernel, vec![place])
}

/// Texts and whole numbers, the arguments of most functions of texts.
pub(super) struct Arguments<'a> {
    arrays: &'a [ArrayRef],
}

impl<'a> Arguments<'a> {
    /// Those of a kernel.
    pub(super) fn of(arrays: &'a [ArrayRef]) -> Self {
        Self { arrays }
    }

    /// The text at a place; null counts as none.
    pub(super) fn text(&self, argument: usize, row: usize) -> Option<&'a str> {
        let texts: &StringArray = self.arrays[argument].as_string::<i32>();
        texts.is_valid(row).then(|| texts.value(row))
    }

    /// The number at a place; null counts as none.
    pub(super) fn number(&self, argument: usize, row: usize) -> Option<i64> {
        let numbers: &Int64Array = self.arrays[argument].as_primitive::<Int64Type>();
        numbers.is_valid(row).then(|| numbers.value(row))
    }
}

/// A text of each row from texts (`t`) and whole numbers (`n`), as `kinds` lists them.
pub(super) fn text_of<S: AsRef<str>>(
    name: &str,
    kinds: &str,
    arguments: Vec<Expr>,
    value: impl Fn(&Arguments<'_>, usize) -> Option<S> + Send + Sync + 'static,
) -> Expr {
    let kernel: Kernel = Arc::new(move |arrays| {
        let rows = arrays.first().map_or(0, Array::len);
        let arguments = Arguments { arrays };
        Ok(Arc::new((0..rows).map(|row| value(&arguments, row)).collect::<StringArray>()))
    });
    call(name, types(kinds), DataType::Utf8, kernel, arguments)
}

/// The types that a text of `t` and `n` lists.
pub(super) fn types(kinds: &str) -> Vec<DataType> {
    let data_type = |kind| if kind == 't' { DataType::Utf8 } else { DataType::Int64 };
    kinds.chars().map(data_type).collect()
}
