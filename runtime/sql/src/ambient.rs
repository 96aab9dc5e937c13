//! What expressions read beside their rows: the time, the watermark, random bytes; and `PROCTIME()`
//! as an attribute that windows can cut.
//!
//! A call stays one until the expression that it stands in is compiled: then it becomes a column
//! that the operator appends to its input. Windows over processing time do not read it at all: they
//! have the clock of their own operator.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, SchemaRef};
use datafusion_common::exec_err;
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_expr::{ColumnarValue, Expr, ScalarUDF, Volatility, create_udf};
use sabot_core::ambient::{self, AmbientReads};

use crate::error::{Position, Result, SqlError};
use crate::expr::{Bound, Meaning, column_expr, precedence};
use crate::types::{TIMESTAMP, timestamp_ltz};

/// The function of processing time.
pub(crate) const PROCTIME: &str = "PROCTIME";

/// A call of one of these becomes the column of its name.
static CALLS: LazyLock<[Arc<ScalarUDF>; 3]> = LazyLock::new(|| {
    let call = |column: &'static str, data_type: DataType| {
        let never = Arc::new(move |_: &[ColumnarValue]| {
            exec_err!("the column {column} was not put in the place of its call")
        });
        Arc::new(create_udf(column, Vec::new(), data_type, Volatility::Volatile, never))
    };
    [
        call(ambient::PROC_TIME, timestamp_ltz()),
        call(ambient::WATERMARK, TIMESTAMP),
        call(ambient::RANDOM, DataType::FixedSizeBinary(ambient::RANDOM_BYTES as i32)),
    ]
});

/// Processing time, `TIMESTAMP_LTZ(3)`.
pub(crate) fn proc_time() -> Expr {
    CALLS[0].call(Vec::new())
}

/// The operator's watermark, `TIMESTAMP(3)`, or NULL.
pub(crate) fn watermark() -> Expr {
    CALLS[1].call(Vec::new())
}

/// Random bytes.
pub(crate) fn random() -> Expr {
    CALLS[2].call(Vec::new())
}

/// `PROCTIME()` as a time attribute.
pub(crate) fn attribute() -> Bound {
    Bound {
        expr: proc_time(),
        data_type: timestamp_ltz(),
        nullable: false,
        text: format!("{PROCTIME}()"),
        precedence: precedence::ATOM,
        meaning: Meaning::ProcTime,
    }
}

/// Refuses what changes by itself in an expression that is no column.
pub(crate) fn refuse(bound: &Bound, place: &str, at: Position) -> Result<()> {
    if !is_in(&bound.expr) {
        return Ok(());
    }
    Err(SqlError::new(at, format!("{} cannot stand in {place}: it changes by itself", bound.text))
        .hint("give it a name in a subquery, and compare with that column"))
}

/// Whether an expression changes by itself.
pub(crate) fn is_in(expr: &Expr) -> bool {
    !reads(expr).is_nothing()
}

/// What an expression reads beside its rows.
pub(crate) fn reads(expr: &Expr) -> AmbientReads {
    let calls = |column: &str| expr.exists(|expr| Ok(is_call(expr, column))).unwrap_or_default();
    AmbientReads {
        proc_time: calls(ambient::PROC_TIME),
        watermark: calls(ambient::WATERMARK),
        random: calls(ambient::RANDOM),
    }
}

fn is_call(expr: &Expr, column: &str) -> bool {
    matches!(expr, Expr::ScalarFunction(function) if function.func.name() == column)
}

/// The expression over the columns in place of the calls, and the schema with those columns.
pub(crate) fn as_columns(expr: &Expr, schema: &SchemaRef) -> (Expr, SchemaRef) {
    (with_names(expr, ambient::NAMES), ambient::with_columns(schema))
}

/// The value over what rows that change were given.
pub(crate) fn as_remembered(value: &Bound) -> Bound {
    Bound { expr: with_names(&value.expr, ambient::REMEMBERED), ..value.clone() }
}

/// The expression over columns of these names in place of the calls.
fn with_names(expr: &Expr, names: [&str; 3]) -> Expr {
    let column = |expr: Expr| {
        Ok(match ambient::NAMES.iter().position(|column| is_call(&expr, column)) {
            Some(at) => Transformed::yes(column_expr(names[at])),
            None => Transformed::no(expr),
        })
    };
    let replaced = expr.clone().transform_up(column);
    replaced.map_or_else(|_| expr.clone(), |done| done.data)
}
