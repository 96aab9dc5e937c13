//! Functions of DataFusion that Flink does not have, under DataFusion's names.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, IntervalUnit, TimeUnit};
use datafusion_expr::{Expr, ScalarUDF, Volatility, cast};

use super::{Call, bounded, entries};
use crate::error::{Result, SqlError};
use crate::expr::{Bound, is_aggregate};
use crate::types::array_of;

/// Those that are about the library's own types, files and versions, or whose place a construct of
/// the language takes.
const LEFT_OUT: &[&str] = &[
    "arrow_cast",
    "arrow_field",
    "arrow_metadata",
    "arrow_try_cast",
    "arrow_typeof",
    "cast_to_type",
    "file_row_index",
    "get_field",
    "input_file_name",
    "map",
    "named_struct",
    "struct",
    "to_local_time",
    "try_cast_to_type",
    "union_extract",
    "union_tag",
    "version",
    "with_metadata",
];

/// Those that compute with the elements of their lists.
const OF_NUMBERS: &[&str] = &[
    "array_add",
    "array_avg",
    "array_distance",
    "array_normalize",
    "array_product",
    "array_scale",
    "array_subtract",
    "array_sum",
    "cosine_distance",
    "inner_product",
];

/// By their names and other names, in upper case.
static FUNCTIONS: LazyLock<BTreeMap<String, Arc<ScalarUDF>>> = LazyLock::new(|| {
    let mut functions = BTreeMap::new();
    let of_lists = datafusion_functions_nested::all_default_nested_functions();
    for function in datafusion_functions::all_default_functions().into_iter().chain(of_lists) {
        // What depends on the time or on chance is Flink's here.
        let is_fixed = function.signature().volatility == Volatility::Immutable;
        if !is_fixed || LEFT_OUT.contains(&function.name()) {
            continue;
        }
        for name in std::iter::once(function.name()).chain(function.aliases().iter().map(|a| &**a))
        {
            let name = name.to_ascii_uppercase();
            let is_of_flink = entries().any(|(known, ..)| *known == name) || is_aggregate(&name);
            if !is_of_flink {
                functions.insert(name, bounded::bounded(&function));
            }
        }
    }
    functions
});

/// Their names.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.keys().map(String::as_str)
}

/// The call, if it is one of these.
///
/// # Errors
/// If a function of numbers has others, which the library would look for when rows come.
pub(super) fn build(call: &Call<'_>) -> Result<Option<Expr>> {
    let Some(function) = FUNCTIONS.get(call.name) else { return Ok(None) };
    let is_whole = |a: &Bound| a.data_type.is_integer() || a.data_type == DataType::Null;
    if bounded::makes_series(function) && !call.arguments.iter().all(is_whole) {
        return Err(super::wrong_arguments(call.name, call.arguments, call.at)
            .hint(format!("{} makes whole numbers", call.name)));
    }
    let is_number = |a: &Bound| is_of_numbers(&a.data_type);
    if OF_NUMBERS.contains(&function.name()) && !call.arguments.iter().all(is_number) {
        return Err(super::wrong_arguments(call.name, call.arguments, call.at)
            .hint(format!("{} is of numbers", call.name)));
    }
    let of_the_library = |argument: &Bound| match &argument.data_type {
        // It has one type for all intervals.
        DataType::Duration(_) | DataType::Interval(_) => {
            cast(argument.expr.clone(), DataType::Interval(IntervalUnit::MonthDayNano))
        }
        // Its lists may have a NULL, whatever theirs may have.
        list @ DataType::List(_) => argument.clone().implicit_cast(&column_type(list)).expr,
        _ => argument.expr.clone(),
    };
    Ok(Some(function.call(call.arguments.iter().map(of_the_library).collect())))
}

fn is_of_numbers(data_type: &DataType) -> bool {
    match data_type {
        DataType::List(item) => is_of_numbers(item.data_type()),
        other => other.is_numeric() || *other == DataType::Null,
    }
}

/// What a call gives, as columns can have it.
///
/// # Errors
/// If none can.
pub(crate) fn as_column(call: &Call<'_>, bound: Bound) -> Result<Bound> {
    if !FUNCTIONS.contains_key(call.name) {
        return Ok(bound);
    }
    let data_type = column_type(&bound.data_type);
    if can_be_a_column(&data_type) {
        return Ok(bound.implicit_cast(&data_type));
    }
    let message = format!("{} gives {}, which no column can have", call.name, bound.data_type);
    Err(SqlError::new(call.at, message))
}

/// The type of columns for lists of the library, whose elements may be of its own types.
fn column_type(data_type: &DataType) -> DataType {
    use DataType as T;
    match data_type {
        T::List(item) | T::LargeList(item) | T::FixedSizeList(item, _) => {
            array_of(column_type(item.data_type()), true)
        }
        T::UInt8 => T::Int16,
        T::UInt16 => T::Int32,
        T::UInt32 | T::UInt64 => T::Int64,
        T::Utf8View | T::LargeUtf8 => T::Utf8,
        T::BinaryView | T::LargeBinary => T::Binary,
        other => other.clone(),
    }
}

fn can_be_a_column(data_type: &DataType) -> bool {
    use DataType as T;
    match data_type {
        T::Boolean
        | T::Utf8
        | T::Binary
        | T::Date32
        | T::Decimal128(..)
        | T::Null
        | T::Int8
        | T::Int16
        | T::Int32
        | T::Int64
        | T::Float32
        | T::Float64 => true,
        T::Time32(unit) => *unit == TimeUnit::Millisecond,
        T::Timestamp(unit, _) => *unit != TimeUnit::Second,
        T::List(item) => can_be_a_column(item.data_type()),
        T::Map(entries, _) => can_be_a_column(entries.data_type()),
        T::Struct(fields) => fields.iter().all(|field| can_be_a_column(field.data_type())),
        _ => false,
    }
}
