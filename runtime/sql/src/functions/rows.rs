//! `ROW(a, b)`: a ROW of values.

use std::sync::Arc;

use arrow::array::StructArray;
use arrow::datatypes::{DataType, Field, Fields};
use datafusion_expr::Expr;

use super::own::{Kernel, call};
use crate::error::{Position, Result, SqlError};
use crate::expr::Bound;
use crate::types::flink_name;

/// The row of these values, whose fields are called `EXPR$0` and so on.
pub(crate) fn row(values: &[Bound], at: Position) -> Result<Expr> {
    if values.is_empty() {
        return Err(SqlError::new(at, "ROW needs a value"));
    }
    if let Some(value) = values.iter().find(|value| value.data_type == DataType::Null) {
        return Err(SqlError::new(at, format!("{} in a ROW has no type", value.text))
            .hint("use CAST(NULL AS <type>)"));
    }
    let fields = fields(values);
    let to = DataType::Struct(fields.clone());
    let types = values.iter().map(|value| value.data_type.clone()).collect();
    let exprs = values.iter().map(|value| value.expr.clone()).collect();
    let name = format!("ROW_{}", flink_name(&to));
    let kernel: Kernel = Arc::new(move |arrays| {
        Ok(Arc::new(StructArray::try_new(fields.clone(), arrays.to_vec(), None)?))
    });
    Ok(call(&name, types, to, kernel, exprs))
}

/// The type of the row of these values.
pub(crate) fn row_type(values: &[Bound]) -> DataType {
    DataType::Struct(fields(values))
}

fn fields(values: &[Bound]) -> Fields {
    let field = |(index, value): (usize, &Bound)| {
        Field::new(format!("{UNNAMED}{index}"), value.data_type.clone(), value.nullable)
    };
    values.iter().enumerate().map(field).collect()
}

/// What the names of fields begin with that nobody has named.
const UNNAMED: &str = "EXPR$";

/// Whether nobody has named a field: only its place counts.
pub(crate) fn is_unnamed(field: &Field) -> bool {
    field.name().starts_with(UNNAMED)
}
