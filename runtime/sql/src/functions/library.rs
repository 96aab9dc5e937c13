//! Functions of DataFusion that Flink does not have, under DataFusion's names.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, IntervalUnit, TimeUnit};
use datafusion_expr::{Expr, ScalarUDF, Volatility, cast};

use super::{Call, entries};
use crate::error::{Result, SqlError};
use crate::expr::{Bound, is_aggregate};

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
    "named_struct",
    "struct",
    "to_local_time",
    "try_cast_to_type",
    "union_extract",
    "union_tag",
    "version",
    "with_metadata",
];

/// By their names and other names, in upper case.
static FUNCTIONS: LazyLock<BTreeMap<String, Arc<ScalarUDF>>> = LazyLock::new(|| {
    let mut functions = BTreeMap::new();
    for function in datafusion_functions::all_default_functions() {
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
                functions.insert(name, Arc::clone(&function));
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
pub(super) fn build(call: &Call<'_>) -> Option<Expr> {
    let function = FUNCTIONS.get(call.name)?;
    let of_the_library = |argument: &Bound| match &argument.data_type {
        // It has one type for all intervals.
        DataType::Duration(_) | DataType::Interval(_) => {
            cast(argument.expr.clone(), DataType::Interval(IntervalUnit::MonthDayNano))
        }
        _ => argument.expr.clone(),
    };
    Some(function.call(call.arguments.iter().map(of_the_library).collect()))
}

/// Checks that columns can have what a call gives.
pub(crate) fn check(call: &Call<'_>, bound: &Bound) -> Result<()> {
    if !FUNCTIONS.contains_key(call.name) || can_be_a_column(&bound.data_type) {
        return Ok(());
    }
    let message = format!("{} gives {}, which no column can have", call.name, bound.data_type);
    Err(SqlError::new(call.at, message))
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
        T::Struct(fields) => fields.iter().all(|field| can_be_a_column(field.data_type())),
        _ => false,
    }
}
