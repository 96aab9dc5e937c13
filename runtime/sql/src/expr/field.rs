//! Fields of a ROW: `bid.price`, of a column or of a table's column.

use std::collections::BTreeSet;

use arrow::datatypes::{DataType, Field};
use datafusion_common::ScalarValue;
use datafusion_common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::{Expr, lit, when};
use datafusion_functions::core::get_field;
use sqlparser::ast::Ident;

use super::bound::{Bound, Meaning, precedence, quoted};
use crate::error::{Position, Result, SqlError};
use crate::types::flink_name;

/// The fields that `names` lead to from `row`, one within the other.
pub(crate) fn fields(row: Bound, names: &[Ident], at: Position) -> Result<Bound> {
    names.iter().try_fold(row, |row, name| field(&row, name, at))
}

fn field(row: &Bound, name: &Ident, at: Position) -> Result<Bound> {
    let DataType::Struct(fields) = &row.data_type else {
        let message = format!("{} is {} and has no fields", row.text, flink_name(&row.data_type));
        return Err(SqlError::new(at, message));
    };
    let Some(field) = fields.iter().find(|field| *field.name() == name.value) else {
        let message = format!("{} has no field \"{}\"", row.text, name.value);
        let names = fields.iter().map(|field| field.name().as_str());
        return Err(SqlError::new(at, message).suggest(&name.value, "fields", names));
    };
    named(row, field, at)
}

/// A field of a ROW that has it.
pub(super) fn named(row: &Bound, field: &Field, at: Position) -> Result<Bound> {
    let access = get_field().call(vec![row.expr.clone(), lit(field.name().as_str())]);
    let expr = if column_path(&row.expr).is_some() {
        access
    } else {
        // Fields of a source's ROW are null where it is; the values of an expression may keep
        // some.
        when(row.expr.clone().is_not_null(), access)
            .end()
            .map_err(|error| SqlError::new(at, error.strip_backtrace()))?
    };
    Ok(Bound {
        expr,
        data_type: field.data_type().clone(),
        nullable: row.nullable || field.is_nullable(),
        text: format!("{}.{}", row.text, quoted(field.name())),
        precedence: precedence::ATOM,
        meaning: Meaning::Plain,
    })
}

/// The column and the names of fields that an expression consists of; none for any other.
pub(crate) fn column_path(expr: &Expr) -> Option<(&str, Vec<&str>)> {
    match expr {
        Expr::Column(column) => Some((&column.name, Vec::new())),
        Expr::ScalarFunction(ScalarFunction { func, args }) if *func == get_field() => {
            let (row, names) = args.split_first()?;
            let (column, mut path) = column_path(row)?;
            for name in names {
                match name {
                    Expr::Literal(ScalarValue::Utf8(Some(name)), _) => path.push(name.as_str()),
                    _ => return None,
                }
            }
            Some((column, path))
        }
        _ => None,
    }
}

/// The fields that expressions read of columns of which they read nothing else, each once.
pub(crate) fn fields_read<'e>(exprs: impl IntoIterator<Item = &'e Expr>) -> Vec<&'e Expr> {
    let (mut fields, mut whole) = (Vec::<(&str, &Expr)>::new(), BTreeSet::new());
    for expr in exprs {
        // No visit fails.
        let _ = expr.apply(|expr| {
            let Some((column, path)) = column_path(expr) else {
                return Ok(TreeNodeRecursion::Continue);
            };
            if path.is_empty() {
                whole.insert(column);
            } else if !fields.contains(&(column, expr)) {
                fields.push((column, expr));
            }
            Ok(TreeNodeRecursion::Jump)
        });
    }
    fields.retain(|(column, _)| !whole.contains(column));
    fields.into_iter().map(|(_, field)| field).collect()
}
