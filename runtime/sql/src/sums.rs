//! Sums and what is made of them: the types of aggregates of numbers.

use arrow::datatypes::DataType;
use datafusion_common::DFSchemaRef;
use datafusion_expr::{Operator, binary_expr, cast};
use datafusion_functions::core::nullif;

use crate::error::{Position, Result, SqlError};
use crate::expr::{Bound, Meaning, coerce, precedence};
use crate::functions::wrapping_narrow;
use crate::types::flink_name;

/// The type in which values are summed up.
pub(crate) fn wide_sum(argument: &Bound, at: Position) -> Result<DataType> {
    Ok(match &argument.data_type {
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => DataType::Int64,
        DataType::Float32 | DataType::Float64 => DataType::Float64,
        DataType::Decimal128(_, scale) => DataType::Decimal128(38, *scale),
        other => {
            let message = format!("{} is {}", argument.text, flink_name(other));
            return Err(SqlError::new(at, message).hint("SUM and AVG need numbers"));
        }
    })
}

/// A wide sum as one of the type of what was summed up.
pub(crate) fn narrow_sum(sum: Bound, narrow: DataType) -> Bound {
    match &narrow {
        DataType::Int8 | DataType::Int16 | DataType::Int32 => {
            Bound { expr: wrapping_narrow(sum.expr.clone(), &narrow), data_type: narrow, ..sum }
        }
        DataType::Float32 => sum.implicit_cast(&narrow),
        _ => sum,
    }
}

/// An average: a wide sum of values of a type over their count. Of integers it is an integer, cut
/// off toward zero.
pub(crate) fn quotient(
    sum: Bound,
    count: Bound,
    data_type: &DataType,
    text: String,
    schema: &DFSchemaRef,
    at: Position,
) -> Result<Bound> {
    let to = match data_type {
        DataType::Decimal128(_, scale) => DataType::Decimal128(38, (*scale).max(6)),
        other => other.clone(),
    };
    let nullable = sum.nullable;
    let zero = datafusion_expr::lit(0_i64);
    let count = nullif().call(vec![count.expr, zero]);
    let count = match &sum.data_type {
        DataType::Int64 => count,
        DataType::Float64 => cast(count, DataType::Float64),
        _ => cast(count, DataType::Decimal128(20, 0)),
    };
    let dividend = match (&sum.data_type, &to) {
        // The library cuts a quotient off four digits behind its dividend's last. To be rounded,
        // as in Flink, it needs a digit more than the result.
        (DataType::Decimal128(_, has), DataType::Decimal128(_, result)) => {
            let scale = (*has).max(result - 3);
            sum.implicit_cast(&DataType::Decimal128(38, scale))
        }
        _ => sum,
    };
    let quotient = binary_expr(dividend.expr, Operator::Divide, count);
    let (expr, data_type) =
        coerce(quotient, schema).map_err(|error| SqlError::new(at, error.strip_backtrace()))?;
    let bound = Bound {
        expr,
        data_type,
        nullable,
        text,
        precedence: precedence::ATOM,
        meaning: Meaning::Plain,
    };
    Ok(bound.implicit_cast(&to))
}

/// Refuses values without an order.
pub(crate) fn check_extreme(argument: &Bound, at: Position) -> Result<()> {
    if argument.data_type.is_nested()
        || matches!(
            argument.data_type,
            DataType::Null | DataType::Duration(_) | DataType::Interval(_) | DataType::Binary
        )
    {
        let name = flink_name(&argument.data_type);
        return Err(SqlError::new(at, format!("MIN and MAX cannot be applied to {name}")));
    }
    Ok(())
}
