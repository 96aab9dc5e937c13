//! Functions that choose among their arguments.

use arrow::datatypes::DataType;
use datafusion_expr::{Expr, lit, when};
use datafusion_functions::core;

use super::{Call, Entry, wrong_arguments};
use crate::error::Result;
use crate::types::have_common_type;

/// The functions of this file.
pub(super) const FUNCTIONS: &[Entry] = &[
    ("COALESCE", 1, usize::MAX, |c| alike(c, 0).map(|()| core::coalesce().call(c.exprs()))),
    ("IFNULL", 2, 2, |c| alike(c, 0).map(|()| core::coalesce().call(c.exprs()))),
    ("NULLIF", 2, 2, |c| alike(c, 0).map(|()| core::nullif().call(c.exprs()))),
    ("IF", 3, 3, choose),
    ("GREATEST", 1, usize::MAX, |c| unless_null(c, core::greatest().call(c.exprs()))),
    ("LEAST", 1, usize::MAX, |c| unless_null(c, core::least().call(c.exprs()))),
];

/// Checks that the arguments from `first` on have a common type.
fn alike(call: &Call<'_>, first: usize) -> Result<()> {
    if have_common_type(call.arguments[first..].iter().map(|a| &a.data_type)) {
        return Ok(());
    }
    Err(wrong_arguments(call.name, call.arguments, call.at)
        .hint("the types have nothing in common"))
}

fn choose(call: &Call<'_>) -> Result<Expr> {
    if !matches!(call.arguments[0].data_type, DataType::Boolean | DataType::Null) {
        return Err(wrong_arguments(call.name, call.arguments, call.at));
    }
    alike(call, 1)?;
    built(call, when(call.expr(0), call.expr(1)).otherwise(call.expr(2)))
}

/// Null if any argument is, where the library skips nulls.
fn unless_null(call: &Call<'_>, value: Expr) -> Result<Expr> {
    alike(call, 0)?;
    let any = call.exprs().into_iter().map(Expr::is_null).reduce(Expr::or).unwrap_or(lit(false));
    built(call, when(Expr::Not(Box::new(any)), value).end())
}

fn built(call: &Call<'_>, expr: datafusion_common::Result<Expr>) -> Result<Expr> {
    expr.map_err(|_| wrong_arguments(call.name, call.arguments, call.at))
}
