//! `WATERMARK FOR ts AS ts - INTERVAL '5' SECOND`.

use arrow::datatypes::{DataType, TimeUnit};
use sqlparser::ast::{self, Ident};

use super::{Columns, Watermark};
use crate::ambient;
use crate::error::{Position, Result, SqlError, start_of};
use crate::expr::{Binder, Meaning, Scope, place_of, quoted};
use crate::types::flink_name;

/// The watermark of a table, whose columns are those of `scope`.
pub(super) fn watermark(
    scope: &Columns<'_>,
    column: &Ident,
    expression: &ast::Expr,
    at: Position,
) -> Result<Watermark> {
    let column_at = start_of(column.span).unwrap_or(at);
    let row_time = scope.column(None, column, column_at)?;
    if row_time.meaning == Meaning::ProcTime {
        let message = format!("the processing time \"{}\" can have no watermark", column.value);
        return Err(SqlError::new(column_at, message)
            .hint("windows over it need none: the clock fires them"));
    }
    if !matches!(row_time.data_type, DataType::Timestamp(TimeUnit::Millisecond, _)) {
        let message = format!(
            "the row-time column \"{}\" is {}",
            column.value,
            flink_name(&row_time.data_type)
        );
        return Err(
            SqlError::new(column_at, message).hint("it must be TIMESTAMP(3) or TIMESTAMP_LTZ(3)")
        );
    }
    let place = place_of(expression, column_at);
    let bound = Binder::new(scope, place).bind(expression)?;
    ambient::refuse(&bound, "a watermark", place)?;
    if bound.data_type != row_time.data_type {
        let message = format!(
            "the watermark is {}, the column \"{}\" is {}",
            flink_name(&bound.data_type),
            column.value,
            flink_name(&row_time.data_type)
        );
        return Err(SqlError::new(place, message)
            .hint(format!("write {} - INTERVAL '5' SECOND", quoted(&column.value))));
    }
    Ok(Watermark { column: column.value.clone(), expression: bound })
}
