//! Functions that choose among their arguments.

use arrow::datatypes::DataType;
use datafusion_common::ScalarValue;
use datafusion_expr::{Case, Expr, lit, when};
use datafusion_functions::core;

use super::{Call, Entry, decimals, floats, wrong_arguments};
use crate::error::{Result, SqlError};
use crate::expr::Bound;
use crate::types::{flink_name, have_common_type};

/// The functions of this file.
pub(super) const FUNCTIONS: &[Entry] = &[
    ("COALESCE", 1, usize::MAX, |c| {
        alike(c, 0).map(|()| core::coalesce().call(together(c.arguments)))
    }),
    ("IFNULL", 2, 2, |c| alike(c, 0).map(|()| core::coalesce().call(together(c.arguments)))),
    ("NULLIF", 2, 2, null_if),
    ("IF", 3, 3, choose),
    ("ELT", 2, usize::MAX, elt),
    ("TYPEOF", 1, 2, type_of),
    ("GREATEST", 1, usize::MAX, |c| unless_null(c, core::greatest().call(ordered(c.arguments)))),
    ("LEAST", 1, usize::MAX, |c| unless_null(c, core::least().call(ordered(c.arguments)))),
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

/// The same, to be put in an order.
fn ordered(arguments: &[Bound]) -> Vec<Expr> {
    let all = together(arguments).into_iter().zip(arguments);
    all.map(|(value, argument)| floats::nan_highest(value, &argument.data_type)).collect()
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

/// The argument at a place, from 1; null where there is none.
fn elt(call: &Call<'_>) -> Result<Expr> {
    let (index, values) = (&call.arguments[0], &call.arguments[1..]);
    let fits = |t: &DataType| matches!(t, DataType::Utf8 | DataType::Binary | DataType::Null);
    if index.data_type != DataType::Int32 || !values.iter().all(|value| fits(&value.data_type)) {
        return Err(wrong_arguments(call.name, call.arguments, call.at));
    }
    alike(call, 1)?;
    if index.literal_integer().is_some_and(|index| index < 0) {
        return Err(SqlError::new(call.at, "ELT counts from 1"));
    }
    let place = |(place, value): (usize, Expr)| (Box::new(lit(place as i32 + 1)), Box::new(value));
    let branches = together(values).into_iter().enumerate().map(place).collect();
    Ok(Expr::Case(Case::new(Some(Box::new(index.expr.clone())), branches, None)))
}

/// The name of a value's type, which is known before there are rows; in full if that is asked for.
fn type_of(call: &Call<'_>) -> Result<Expr> {
    let value = &call.arguments[0];
    let in_full = match call.arguments.get(1).map(|flag| &flag.expr) {
        None => false,
        Some(Expr::Literal(ScalarValue::Boolean(Some(in_full)), _)) => *in_full,
        Some(_) => return Err(SqlError::new(call.at, "TYPEOF takes a value, and TRUE or FALSE")),
    };
    let mut name = match (value.literal_text(), &value.data_type) {
        (Some(text), _) => format!("CHAR({})", text.chars().count()),
        (_, DataType::Time32(_)) => "TIME(0)".to_owned(),
        (_, data_type) => flink_name(data_type),
    };
    if in_full {
        name = name.replace("STRING", "VARCHAR(2147483647)");
        name = name.replace("BYTES", "VARBINARY(2147483647)");
    }
    if !value.nullable && value.data_type != DataType::Null {
        name.push_str(" NOT NULL");
    }
    Ok(lit(name))
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
