//! Functions of the library that make as many elements as a number says: a batch of too many is an
//! error, before there is no memory left.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::datatypes::{DataType, FieldRef, Int64Type};
use datafusion_common::{Result, exec_err};
use datafusion_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

/// The most elements that a function makes of a batch.
const ELEMENTS_MAX: u128 = 1 << 24;

/// The function, with a bound if it needs one.
pub(super) fn bounded(function: &Arc<ScalarUDF>) -> Arc<ScalarUDF> {
    let elements = match function.name() {
        "array_repeat" => repeated,
        "array_resize" => resized,
        _ if makes_series(function) => in_range,
        _ => return Arc::clone(function),
    };
    let function = Arc::clone(function);
    Arc::new(ScalarUDF::from(Bounded { function, elements: Elements(elements) }))
}

/// Whether a function makes all values from one to another.
pub(super) fn makes_series(function: &ScalarUDF) -> bool {
    matches!(function.name(), "range" | "generate_series")
}

/// How many elements a function makes of a row of its arguments.
type OfRow = fn(&[ArrayRef], usize) -> u128;

#[derive(Debug, Clone, Copy)]
struct Elements(OfRow);

/// A function with a bound, which its name stands for.
#[derive(Debug)]
struct Bounded {
    function: Arc<ScalarUDF>,
    elements: Elements,
}

impl PartialEq for Bounded {
    fn eq(&self, other: &Self) -> bool {
        self.function == other.function
    }
}

impl Eq for Bounded {}

impl std::hash::Hash for Bounded {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.function.hash(state);
    }
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.function.name()
    }

    fn signature(&self) -> &Signature {
        self.function.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.function.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.function.return_field_from_args(args)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.function.coerce_types(types)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let rows = arrays.first().map_or(0, Array::len);
        let total: u128 = (0..rows).map(|row| (self.elements.0)(&arrays, row)).sum();
        if total > ELEMENTS_MAX {
            let name = self.name().to_ascii_uppercase();
            return exec_err!("{name} makes {total} elements, at most {ELEMENTS_MAX} are allowed");
        }
        self.function.invoke_with_args(args)
    }
}

/// The number at a place, if there is one.
fn number(arrays: &[ArrayRef], argument: usize, row: usize) -> Option<i64> {
    let numbers: &Int64Array = arrays.get(argument)?.as_primitive_opt::<Int64Type>()?;
    numbers.is_valid(row).then(|| numbers.value(row))
}

/// How many there are of an element that is to be made several times.
fn size(element: &ArrayRef, row: usize) -> u128 {
    match element.as_list_opt::<i32>() {
        Some(list) if list.is_valid(row) => {
            let parts = list.value(row);
            (0..parts.len()).map(|part| size(&parts, part)).sum::<u128>().max(1)
        }
        _ => 1,
    }
}

fn repeated(arrays: &[ArrayRef], row: usize) -> u128 {
    let count = number(arrays, 1, row).unwrap_or_default();
    u128::try_from(count).unwrap_or_default() * size(&arrays[0], row)
}

fn resized(arrays: &[ArrayRef], row: usize) -> u128 {
    let length = number(arrays, 1, row).unwrap_or_default();
    let each = arrays.get(2).map_or(1, |element| size(element, row));
    u128::try_from(length).unwrap_or_default() * each
}

fn in_range(arrays: &[ArrayRef], row: usize) -> u128 {
    let number = |argument| number(arrays, argument, row).map(i128::from);
    let (start, stop, step) = match arrays.len() {
        1 => (Some(0), number(0), Some(1)),
        2 => (number(0), number(1), Some(1)),
        _ => (number(0), number(1), number(2)),
    };
    let (Some(start), Some(stop), Some(step)) = (start, stop, step) else { return 0 };
    match step {
        // The function refuses it.
        0 => 0,
        step if (step > 0) == (start <= stop) => {
            (stop - start).unsigned_abs() / step.unsigned_abs()
        }
        _ => 0,
    }
}
