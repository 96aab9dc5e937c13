//! Compiles bound expressions into evaluators over batches.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{DFSchema, ExprSchema, Result as DfResult, config::ConfigOptions};
use datafusion_expr::execution_props::ExecutionProps;
use datafusion_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion_expr::{Expr, ExprSchemable};
use datafusion_physical_expr::utils::collect_columns;
use datafusion_physical_expr::{PhysicalExpr, create_physical_expr};
use sabot_core::Evaluator;
use sabot_core::ambient::AmbientReads;

use super::bound::{Bound, column_expr, simplify};
use super::field::{column_path, fields_read};
use crate::ambient;
use crate::error::{Result, SqlError};
use crate::zone::{Zone, in_zone};

/// An expression of DataFusion over one schema.
#[derive(Debug)]
struct Compiled {
    physical: Arc<dyn PhysicalExpr>,
    /// What it is computed over; none: over a batch as it comes.
    inputs: Option<Inputs>,
    data_type: DataType,
    sql: String,
    column: Option<usize>,
    ambient: AmbientReads,
}

/// The fields of rows and the columns that an expression reads, where it reads nothing else of these
/// rows: parts of it that are computed for some rows only would take whole rows apart.
#[derive(Debug)]
struct Inputs {
    schema: SchemaRef,
    of: Vec<Arc<dyn PhysicalExpr>>,
}

impl Inputs {
    /// Those of `expr`, and the expression over them; none where it reads no fields, or is one.
    fn of(
        expr: &Expr,
        schema: &DFSchema,
        physical: impl Fn(&Expr, &DFSchema) -> DfResult<Arc<dyn PhysicalExpr>>,
    ) -> DfResult<Option<(Self, Expr)>> {
        let read = fields_read([expr]);
        if read.is_empty() || column_path(expr).is_some() {
            return Ok(None);
        }
        let (mut fields, mut of, mut over) = (Vec::new(), Vec::new(), expr.clone());
        for (at, read) in read.into_iter().enumerate() {
            let name = format!("$field_{at}");
            let is_it = |expr: Expr| match expr == *read {
                true => Transformed::yes(column_expr(&name)),
                false => Transformed::no(expr),
            };
            over = over.transform_down(|expr| Ok(is_it(expr)))?.data;
            of.push(physical(read, schema)?);
            fields.push(Field::new(name, read.get_type(schema)?, true));
        }
        // All of what is not a field, in some order that is always the same.
        let rest: BTreeSet<_> = over.column_refs().into_iter().collect();
        for column in rest.intersection(&expr.column_refs().into_iter().collect()) {
            of.push(physical(&Expr::Column((*column).clone()), schema)?);
            fields.push(schema.field_from_column(column)?.as_ref().clone());
        }
        Ok(Some((Self { schema: Arc::new(Schema::new(fields)), of }, over)))
    }

    fn take(&self, batch: &RecordBatch) -> DfResult<RecordBatch> {
        let rows = batch.num_rows();
        let columns = self.of.iter().map(|of| of.evaluate(batch)?.into_array(rows));
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns.collect::<DfResult<_>>()?)?)
    }
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
    let planning = PhysicalPlanningContext::default();
    let physical =
        |expr: &Expr, schema: &DFSchema| create_physical_expr(expr, schema, &props, &planning);
    let (physical, inputs) = match Inputs::of(&expr, &df_schema, physical).map_err(failed)? {
        None => (physical(&expr, &df_schema).map_err(failed)?, None),
        Some((inputs, expr)) => {
            let over = DFSchema::try_from(inputs.schema.as_ref().clone()).map_err(failed)?;
            (physical(&expr, &over).map_err(failed)?, Some(inputs))
        }
    };
    Ok(Arc::new(Compiled {
        physical,
        inputs,
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
        let taken = self.inputs.as_ref().map(|inputs| inputs.take(batch)).transpose();
        let taken = taken.map_err(failed)?;
        let value = self.physical.evaluate(taken.as_ref().unwrap_or(batch)).map_err(failed)?;
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
        let over = match &self.inputs {
            Some(inputs) => &inputs.of[..],
            None => std::slice::from_ref(&self.physical),
        };
        let columns = over.iter().flat_map(collect_columns);
        Some(columns.map(|column| column.index()).collect())
    }

    fn as_column(&self) -> Option<usize> {
        self.column
    }
}
