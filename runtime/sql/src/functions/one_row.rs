//! The value of a subquery that may have one row.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType, Int64Type};
use datafusion_common::{Result, exec_err};

use super::own::call;
use crate::expr::{Bound, Meaning, precedence};

/// The value of one of a subquery's rows, which fails where `rows`, their number, is above 1.
pub(crate) fn only(value: &Bound, rows: &Bound) -> Bound {
    let to = value.data_type.clone();
    let types = vec![to.clone(), DataType::Int64];
    let arguments = vec![value.expr.clone(), rows.expr.clone()];
    Bound {
        expr: call(&format!("only_row_{to}"), types, to, Arc::new(first), arguments),
        text: format!("ONLY({}, {})", value.text, rows.text),
        nullable: true,
        precedence: precedence::ATOM,
        meaning: Meaning::Plain,
        data_type: value.data_type.clone(),
    }
}

fn first(arrays: &[ArrayRef]) -> Result<ArrayRef> {
    let rows = arrays[1].as_primitive::<Int64Type>();
    if let Some(more) = rows.iter().flatten().find(|rows| *rows > 1) {
        return exec_err!("a subquery as a value has {more} rows where one is allowed");
    }
    Ok(Arc::clone(&arrays[0]))
}
