//! The aggregate functions: what is accumulated, how it is kept in the state, and how the
//! result comes out of it. DataFusion's accumulators do the work, but for those that keep values.

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

use super::collected::Collected;
use crate::error::computing;

/// One aggregate of a window.
pub(super) struct Aggregate {
    by: By,
    /// What the argument is cast to; none for counts, whose argument stays as it is.
    argument_type: Option<DataType>,
    /// What the partial result in the state is.
    state_type: DataType,
    data_type: DataType,
}

/// What accumulates.
enum By {
    Library(Box<AggregateFunctionExpr>),
    Values(Collected),
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
        AggregateFunction::Collect => desc.data_type.clone(),
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

/// The type of the partial result of an aggregate over a window.
pub(super) fn partial_type(desc: &AggregateDesc, input: &Schema) -> DataType {
    collected(desc, input)
        .map_or_else(|| state_type(desc, input), |collected| collected.state_type())
}

/// What an aggregate over a window keeps of values, if it keeps them.
fn collected(desc: &AggregateDesc, input: &Schema) -> Option<Collected> {
    let value = match desc.function {
        AggregateFunction::Sum => state_type(desc, input),
        _ => input.field(desc.argument?).data_type().clone(),
    };
    Collected::of(desc, &value)
}

impl Aggregate {
    pub(super) fn new(operator: &str, desc: &AggregateDesc, input: &Schema) -> Result<Self> {
        if let Some(collected) = collected(desc, input) {
            let sums = desc.function == AggregateFunction::Sum;
            return Ok(Self {
                argument_type: sums.then(|| state_type(desc, input)),
                state_type: collected.state_type(),
                by: By::Values(collected),
                data_type: desc.data_type.clone(),
            });
        }
        let state_type = state_type(desc, input);
        let function: Arc<AggregateUDF> = match desc.function {
            AggregateFunction::Count => count_udaf(),
            AggregateFunction::Sum => sum_udaf(),
            AggregateFunction::Min => min_udaf(),
            AggregateFunction::Max => max_udaf(),
            AggregateFunction::First
            | AggregateFunction::Last
            | AggregateFunction::Values
            | AggregateFunction::AllValues
            | AggregateFunction::Collect => {
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
        let counts = desc.function == AggregateFunction::Count;
        Ok(Self {
            by: By::Library(Box::new(expression)),
            argument_type: (!counts).then(|| state_type.clone()),
            state_type,
            data_type: desc.data_type.clone(),
        })
    }

    pub(super) fn accumulator(&self) -> Result<Box<dyn GroupsAccumulator>> {
        match &self.by {
            By::Library(expression) => expression.create_groups_accumulator().map_err(computing),
            By::Values(collected) => collected.accumulator(),
        }
    }

    /// What the argument is cast to, if it is.
    pub(super) fn argument_type(&self) -> Option<&DataType> {
        self.argument_type.as_ref()
    }

    pub(super) fn state_type(&self) -> &DataType {
        &self.state_type
    }

    /// The result's type.
    pub(super) fn data_type(&self) -> &DataType {
        &self.data_type
    }

    /// Whether the order of rows makes a difference.
    pub(super) fn is_ordered(&self) -> bool {
        matches!(&self.by, By::Values(collected) if collected.is_ordered())
    }

    /// The result out of what was accumulated.
    pub(super) fn result(&self, accumulated: ArrayRef) -> Result<ArrayRef> {
        match &self.by {
            By::Library(_) => result_of(accumulated, &self.data_type),
            By::Values(collected) => result_of(collected.results(&accumulated)?, &self.data_type),
        }
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
