//! Compiles bound expressions into evaluators over batches.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use datafusion_common::{DFSchema, config::ConfigOptions};
use datafusion_expr::Expr;
use datafusion_expr::execution_props::ExecutionProps;
use datafusion_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion_physical_expr::utils::collect_columns;
use datafusion_physical_expr::{PhysicalExpr, create_physical_expr};
use sabot_core::Evaluator;
use sabot_core::ambient::AmbientReads;

use super::bound::{Bound, simplify};
use crate::ambient;
use crate::error::{Result, SqlError};
use crate::zone::{Zone, in_zone};

/// An expression of DataFusion over one schema.
#[derive(Debug)]
struct Compiled {
    physical: Arc<dyn PhysicalExpr>,
    data_type: DataType,
    sql: String,
    column: Option<usize>,
    ambient: AmbientReads,
}

/// Compiles `bound`, whose columns are found in `schema` by name and whose local times are those of
/// `zone`. What changes by itself is read from columns behind those.
pub(crate) fn compile(bound: &Bound, schema: &SchemaRef, zone: Zone) -> Result<Arc<dyn Evaluator>> {
    let failed = |error: datafusion_common::DataFusionError| {
        SqlError::new(None, format!("cannot compile {}: {}", bound.text, error.strip_backtrace()))
    };
    let reads = ambient::reads(&bound.expr);
    let (expr, schema) = match reads.is_nothing() {
        true => (bound.expr.clone(), Arc::clone(schema)),
        false => ambient::as_columns(&bound.expr, schema),
    };
    let column = match &expr {
        Expr::Column(column) => schema.index_of(&column.name).ok(),
        _ => None,
    };
    let df_schema = Arc::new(DFSchema::try_from(schema.as_ref().clone()).map_err(failed)?);
    let expr = in_zone(expr, &df_schema, zone).map_err(failed)?;
    let expr = simplify(expr, &df_schema);
    let props = ExecutionProps {
        config_options: Some(Arc::new(ConfigOptions::default())),
        ..ExecutionProps::default()
    };
    let physical =
        create_physical_expr(&expr, &df_schema, &props, &PhysicalPlanningContext::default())
            .map_err(failed)?;
    Ok(Arc::new(Compiled {
        physical,
        data_type: bound.data_type.clone(),
        sql: bound.text.clone(),
        column,
        ambient: reads,
    }))
}

impl Evaluator for Compiled {
    fn evaluate(&self, batch: &RecordBatch) -> sabot_core::Result<ArrayRef> {
        if let Some(index) = self.column {
            return Ok(Arc::clone(batch.column(index)));
        }
        let failed = |error: datafusion_common::DataFusionError| {
            sabot_core::Error::user(format!(
                "{} cannot be computed: {}",
                self.sql,
                error.strip_backtrace()
            ))
        };
        let value = self.physical.evaluate(batch).map_err(failed)?;
        let array = value.into_array(batch.num_rows()).map_err(failed)?;
        if *array.data_type() == self.data_type {
            return Ok(array);
        }
        Ok(arrow::compute::cast(&array, &self.data_type)?)
    }

    fn data_type(&self) -> &DataType {
        &self.data_type
    }

    fn sql(&self) -> &str {
        &self.sql
    }

    fn ambient(&self) -> AmbientReads {
        self.ambient
    }

    fn columns(&self) -> Option<Vec<usize>> {
        let columns = collect_columns(&self.physical);
        Some(columns.into_iter().map(|column| column.index()).collect())
    }

    fn as_column(&self) -> Option<usize> {
        self.column
    }
}
