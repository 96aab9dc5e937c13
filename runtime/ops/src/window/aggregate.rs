//! The aggregate functions: what is accumulated, how it is kept in the state, and how the
//! result comes out of it. DataFusion's accumulators do the work.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DataType, Field, Int8Type, Int16Type, Int32Type, Int64Type, Schema,
};
use datafusion_expr::{AggregateUDF, GroupsAccumulator};
use datafusion_functions_aggregate::count::count_udaf;
use datafusion_functions_aggregate::min_max::{max_udaf, min_udaf};
use datafusion_functions_aggregate::sum::sum_udaf;
use datafusion_physical_expr::aggregate::{AggregateExprBuilder, AggregateFunctionExpr};
use datafusion_physical_expr::expressions::Column;
use sabot_core::plan::{AggregateDesc, AggregateFunction};
use sabot_core::{Error, Result};

use crate::error::computing;

/// One aggregate of a window.
pub(super) struct Aggregate {
    expression: AggregateFunctionExpr,
    /// What the argument is cast to, and what the partial result in the state is; for counts
    /// the argument stays as it is.
    state_type: DataType,
    data_type: DataType,
}

/// The type of an aggregate's partial result.
pub(crate) fn state_type(desc: &AggregateDesc, input: &Schema) -> DataType {
    let argument = desc.argument.map(|column| input.field(column).data_type());
    let Some(argument) = argument else { return DataType::Int64 };
    match desc.function {
        AggregateFunction::Count => DataType::Int64,
        AggregateFunction::Min | AggregateFunction::Max => match argument {
            DataType::Boolean => DataType::Int8,
            other => other.clone(),
        },
        AggregateFunction::First | AggregateFunction::Last => argument.clone(),
        AggregateFunction::Values | AggregateFunction::AllValues => {
            DataType::new_list(argument.clone(), true)
        }
        AggregateFunction::Sum => match argument {
            // Sums wrap at their type's width as Flink's do; the low bits of a wider wrapping
            // sum are the same, so one width does for all.
            DataType::Int8 | DataType::Int16 | DataType::Int32 => DataType::Int64,
            DataType::Float32 => DataType::Float64,
            DataType::Decimal128(_, scale) => {
                DataType::Decimal128(DECIMAL128_MAX_PRECISION, *scale)
            }
            other => other.clone(),
        },
    }
}

impl Aggregate {
    pub(super) fn new(operator: &str, desc: &AggregateDesc, input: &Schema) -> Result<Self> {
        let state_type = state_type(desc, input);
        let function: Arc<AggregateUDF> = match desc.function {
            AggregateFunction::Count => count_udaf(),
            AggregateFunction::Sum => sum_udaf(),
            AggregateFunction::Min => min_udaf(),
            AggregateFunction::Max => max_udaf(),
            AggregateFunction::First
            | AggregateFunction::Last
            | AggregateFunction::Values
            | AggregateFunction::AllValues => {
                let name = &desc.name;
                return Err(Error::user(format!(
                    "operator {operator}: {name} over a window is not supported"
                )));
            }
        };
        let schema = Schema::new(vec![Field::new("value", state_type.clone(), true)]);
        let built = AggregateExprBuilder::new(function, vec![Arc::new(Column::new("value", 0))])
            .schema(Arc::new(schema))
            .alias(&desc.name)
            .build();
        let checked = built.and_then(|expression| {
            expression.create_groups_accumulator()?;
            Ok(expression)
        });
        let expression = checked.map_err(|e| {
            Error::user(format!(
                "operator {operator}: {} over a column of type {state_type} is not supported: {e}",
                desc.name
            ))
        })?;
        Ok(Self { expression, state_type, data_type: desc.data_type.clone() })
    }

    pub(super) fn accumulator(&self) -> Result<Box<dyn GroupsAccumulator>> {
        self.expression.create_groups_accumulator().map_err(computing)
    }

    pub(super) fn state_type(&self) -> &DataType {
        &self.state_type
    }

    /// The result's type.
    pub(super) fn data_type(&self) -> &DataType {
        &self.data_type
    }

    /// The result out of what was accumulated.
    pub(super) fn result(&self, accumulated: ArrayRef) -> Result<ArrayRef> {
        result_of(accumulated, &self.data_type)
    }
}

/// The result of this type out of what was accumulated.
pub(crate) fn result_of(accumulated: ArrayRef, data_type: &DataType) -> Result<ArrayRef> {
    if accumulated.data_type() == data_type && !matches!(data_type, DataType::Decimal128(..)) {
        return Ok(accumulated);
    }
    let wide = accumulated.as_primitive_opt::<Int64Type>();
    Ok(match (data_type, wide) {
        (DataType::Int32, Some(wide)) => Arc::new(wide.unary::<_, Int32Type>(|v| v as i32)),
        (DataType::Int16, Some(wide)) => Arc::new(wide.unary::<_, Int16Type>(|v| v as i16)),
        (DataType::Int8, Some(wide)) => Arc::new(wide.unary::<_, Int8Type>(|v| v as i8)),
        // A sum that no longer fits its digits is null, as in Flink.
        (DataType::Decimal128(precision, _), _) => {
            let result = cast(&accumulated, data_type)?;
            let decimals = result.as_primitive::<arrow::datatypes::Decimal128Type>();
            Arc::new(
                decimals.null_if_overflow_precision(*precision).with_data_type(data_type.clone()),
            )
        }
        _ => cast(&accumulated, data_type)?,
    })
}
