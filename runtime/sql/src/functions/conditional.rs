//! Functions that choose among their arguments.

use arrow::datatypes::DataType;
use datafusion_common::ScalarValue;
use datafusion_expr::{Case, Expr, lit, when};
use datafusion_functions::core;

use super::{Call, Entry, decimals, wrong_arguments};
use crate::error::Result;
use crate::expr::Bound;
use crate::types::have_common_type;

/// The functions of this file.
pub(super) const FUNCTIONS: &[Entry] = &[
    ("COALESCE", 1, usize::MAX, |c| {
        alike(c, 0).map(|()| core::coalesce().call(together(c.arguments)))
    }),
    ("IFNULL", 2, 2, |c| alike(c, 0).map(|()| core::coalesce().call(together(c.arguments)))),
    ("NULLIF", 2, 2, null_if),
    ("IF", 3, 3, choose),
    ("GREATEST", 1, usize::MAX, |c| unless_null(c, core::greatest().call(together(c.arguments)))),
    ("LEAST", 1, usize::MAX, |c| unless_null(c, core::least().call(together(c.arguments)))),
];

/// Checks that the arguments from `first` on have a common type.
fn alike(call: &Call<'_>, first: usize) -> Result<()> {
    if have_common_type(call.arguments[first..].iter().map(|a| &a.data_type)) {
        return Ok(());
    }
    Err(wrong_arguments(call.name, call.arguments, call.at)
        .hint("the types have nothing in common"))
}

/// The first argument, with its type, unless both are equal.
fn null_if(call: &Call<'_>) -> Result<Expr> {
    alike(call, 0)?;
    let equal = together(call.arguments).into_iter().reduce(Expr::eq).unwrap_or(lit(false));
    built(call, when(equal, lit(ScalarValue::Null)).otherwise(call.expr(0)))
}

/// The arguments' expressions, with types that go together.
fn together(arguments: &[Bound]) -> Vec<Expr> {
    let beside = decimals::beside(arguments.iter().map(|a| &a.data_type));
    arguments.iter().map(|a| beside(a.expr.clone(), &a.data_type)).collect()
}

fn choose(call: &Call<'_>) -> Result<Expr> {
    if !matches!(call.arguments[0].data_type, DataType::Boolean | DataType::Null) {
        return Err(wrong_arguments(call.name, call.arguments, call.at));
    }
    alike(call, 1)?;
    let mut branches = together(&call.arguments[1..]).into_iter();
    let then = branches.next().map(|then| vec![(Box::new(call.expr(0)), Box::new(then))]);
    let otherwise = branches.next().map(Box::new);
    Ok(Expr::Case(Case::new(None, then.unwrap_or_default(), otherwise)))
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
