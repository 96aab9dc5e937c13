//! `PROCTIME()`: the time of the operator that computes an expression, and an attribute that
//! windows can cut.
//!
//! A call stays one until the expression that it stands in is compiled: then it becomes the column
//! that the operator appends to its input. Windows over it do not read it at all: they have the
//! clock of their own operator.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::SchemaRef;
use datafusion_common::exec_err;
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_expr::{ColumnarValue, Expr, ScalarUDF, Volatility, create_udf};
use sabot_core::proc_time;

use crate::error::{Position, Result, SqlError};
use crate::expr::{Bound, Meaning, Scope, column_expr, precedence};
use crate::types::timestamp_ltz;

/// The function's name.
pub(crate) const NAME: &str = "PROCTIME";

static FUNCTION: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    let never =
        Arc::new(|_: &[ColumnarValue]| exec_err!("PROCTIME() was not replaced by its column"));
    Arc::new(create_udf(NAME, Vec::new(), timestamp_ltz(), Volatility::Volatile, never))
});

/// The call as an expression.
pub(crate) fn call() -> Expr {
    FUNCTION.call(Vec::new())
}

/// The call as a time attribute.
pub(crate) fn attribute() -> Bound {
    Bound {
        expr: call(),
        data_type: timestamp_ltz(),
        nullable: false,
        text: format!("{NAME}()"),
        precedence: precedence::ATOM,
        meaning: Meaning::ProcTime,
    }
}

/// The call where `scope` is what is read. A row that goes would not be the one that came, so that
/// the time cannot be one of its columns.
pub(crate) fn in_scope(scope: &dyn Scope, at: Position) -> Result<Bound> {
    if scope.is_updating() {
        return Err(SqlError::new(at, "PROCTIME() over rows that change is not supported yet")
            .hint("put it before what updates, such as a GROUP BY without windows"));
    }
    Ok(attribute())
}

/// Refuses the call in an expression that is no column.
pub(crate) fn refuse(bound: &Bound, place: &str, at: Position) -> Result<()> {
    if !is_in(&bound.expr) {
        return Ok(());
    }
    Err(SqlError::new(at, format!("PROCTIME() cannot stand in {place}"))
        .hint("give it a name in a subquery, and compare with that column"))
}

/// Whether an expression calls it.
pub(crate) fn is_in(expr: &Expr) -> bool {
    expr.exists(|expr| Ok(is_call(expr))).unwrap_or_default()
}

fn is_call(expr: &Expr) -> bool {
    matches!(expr, Expr::ScalarFunction(function) if function.func.name() == NAME)
}

/// The expression over the column in place of the call, and the schema with that column.
pub(crate) fn as_column(expr: &Expr, schema: &SchemaRef) -> (Expr, SchemaRef) {
    let column = |expr| {
        let is_call = is_call(&expr);
        Ok(if is_call {
            Transformed::yes(column_expr(proc_time::PROC_TIME))
        } else {
            Transformed::no(expr)
        })
    };
    let replaced = expr.clone().transform_up(column);
    (replaced.map_or_else(|_| expr.clone(), |done| done.data), proc_time::with_column(schema))
}
