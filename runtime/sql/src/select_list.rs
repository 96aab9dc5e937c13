//! The list of a SELECT.

use arrow::datatypes::DataType;
use sqlparser::ast::{Expr, Ident, Select, SelectItem, SelectItemQualifiedWildcardKind, Spanned};

use crate::ambient::PROCTIME;
use crate::error::{Position, Result, SqlError, start_of};
use crate::expr::{Binder, Bound, Scope, WrittenByKey, function_name};
use crate::relation::Field;
use crate::statement::unqualified;
use crate::types::flink_name;

/// Resolves the list of a SELECT whose rows may be written `by_key`.
pub(crate) fn written_list(
    select: &Select,
    scope: &dyn Scope,
    all: Option<&[Field]>,
    by_key: bool,
    at: Position,
) -> Result<Vec<Field>> {
    match by_key {
        true => select_list(&select.projection, &WrittenByKey(scope), all, at),
        false => select_list(&select.projection, scope, all, at),
    }
}

/// Resolves a SELECT list; `all` are the columns of `*`.
pub(crate) fn select_list(
    items: &[SelectItem],
    scope: &dyn Scope,
    all: Option<&[Field]>,
    at: Position,
) -> Result<Vec<Field>> {
    let mut fields = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let place = start_of(item.span()).unwrap_or(at);
        let binder = Binder::new(scope, place);
        match item {
            SelectItem::UnnamedExpr(expr) => {
                let name = output_name(expr, index);
                fields.push(field(name, item_of(expr, scope, place)?, place));
            }
            SelectItem::ExprWithAlias { expr, alias } => {
                fields.push(field(alias.value.clone(), item_of(expr, scope, place)?, place));
            }
            SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => {
                let Some(all) = all else {
                    return Err(SqlError::new(place, "* cannot stand beside GROUP BY")
                        .hint("name the columns and aggregates"));
                };
                fields.extend(wildcard(item, &binder, all, place)?);
            }
            SelectItem::ExprWithAliases { .. } => {
                return Err(SqlError::new(place, "several aliases are not supported"));
            }
        }
    }
    Ok(fields)
}

/// The value of an item. `PROCTIME()` by itself says of rows that change too what joins and windows go
/// by; its value is refused where it is read.
fn item_of(expr: &Expr, scope: &dyn Scope, place: Position) -> Result<Bound> {
    let is_attribute = matches!(expr, Expr::Function(function)
        if function_name(&function.name, place).is_ok_and(|name| name.eq_ignore_ascii_case(PROCTIME)));
    match is_attribute {
        true => Binder::new(&WrittenByKey(scope), place).bind(expr),
        false => Binder::new(scope, place).bind(expr),
    }
}

/// The expression of an item, if it names one.
pub(crate) fn expr_of(item: &SelectItem) -> Option<&Expr> {
    match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
        _ => None,
    }
}

/// `*`, `table.*`, or `row.*` of a column that is a ROW.
fn wildcard(
    item: &SelectItem,
    binder: &Binder<'_>,
    all: &[Field],
    at: Position,
) -> Result<Vec<Field>> {
    let named = |chosen: &mut dyn Iterator<Item = &Field>| -> Vec<Field> {
        chosen.map(|f| field(f.name.clone(), f.value.clone(), at)).collect()
    };
    let mut shown = all.iter().filter(|f| !f.is_hidden());
    let SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) = item
    else {
        let chosen = named(&mut shown);
        if chosen.is_empty() {
            return Err(SqlError::new(at, "* needs a FROM"));
        }
        return Ok(chosen);
    };
    let parts: Option<Vec<Ident>> = name.0.iter().map(|part| part.as_ident().cloned()).collect();
    let unknown = || SqlError::new(at, format!("\"{name}\" is no table of this query"));
    let parts = parts.ok_or_else(unknown)?;
    if let Ok(table) = unqualified(&parts.iter().collect::<Vec<_>>()) {
        let chosen = named(&mut shown.filter(|f| f.qualifier.as_ref() == Some(&table.value)));
        if !chosen.is_empty() {
            return Ok(chosen);
        }
    }
    let row = match parts.as_slice() {
        [only] => Expr::Identifier(only.clone()),
        _ => Expr::CompoundIdentifier(parts.clone()),
    };
    let row = binder.bind(&row).map_err(|_| unknown())?;
    let DataType::Struct(columns) = &row.data_type else {
        let message = format!("{} is {} and has no fields", row.text, flink_name(&row.data_type));
        return Err(SqlError::new(at, message));
    };
    let column = |name: &String| {
        let mut path = parts.clone();
        path.push(Ident::new(name));
        Ok(field(name.clone(), binder.bind(&Expr::CompoundIdentifier(path))?, at))
    };
    columns.iter().map(|of_row| column(of_row.name())).collect()
}

fn field(name: String, value: Bound, at: Position) -> Field {
    Field { qualifier: None, name, value, at: Some(at) }
}

/// The name of a column without alias, as Flink gives it.
pub(crate) fn output_name(expr: &Expr, index: usize) -> String {
    match expr {
        Expr::Identifier(name) => name.value.clone(),
        Expr::CompoundIdentifier(parts) => {
            parts.last().map(|name| name.value.clone()).unwrap_or_default()
        }
        Expr::Nested(inner) => output_name(inner, index),
        _ => format!("EXPR${index}"),
    }
}
