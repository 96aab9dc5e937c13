//! `CREATE TABLE t (...) WITH (...) AS SELECT ...`: a table whose columns are those of a query.

use arrow::datatypes::DataType;
use sqlparser::ast::Ident;

use super::{ColumnDef, ColumnDefKind, CreateTable};
use crate::error::{Position, Result, SqlError, start_of};
use crate::relation::Field;
use crate::types::flink_name;

/// The table with the query's columns, and their names in the order of the query.
///
/// As in Flink, columns of its own that the query does not have stand first; one that it has keeps
/// the type that is declared. Of names alone all are those of the query, in another order.
pub(crate) fn with_columns(
    mut create: CreateTable,
    fields: &[Field],
) -> Result<(CreateTable, Vec<Ident>)> {
    let at = create.at;
    let mut selected: Vec<ColumnDef> = Vec::new();
    for field in fields {
        selected.push(column(field, &selected, at)?);
    }
    let names = selected.iter().map(|column| column.name.clone()).collect();
    create.query = None;
    if let Some(first) = create.listed.first() {
        let place = start_of(first.span).unwrap_or(at);
        create.columns = listed(&create, selected, place)?;
        create.listed.clear();
        return Ok((create, names));
    }
    let mut own = std::mem::take(&mut create.columns);
    for column in &mut selected {
        let Some(index) = own.iter().position(|c| c.name.value == column.name.value) else {
            continue;
        };
        let declared = own.remove(index);
        if matches!(declared.kind, ColumnDefKind::Computed(_)) {
            let message = format!("column \"{}\" is computed and selected", declared.name.value);
            return Err(SqlError::new(start_of(declared.name.span).unwrap_or(at), message)
                .hint("give one of them another name"));
        }
        *column = declared;
    }
    own.extend(selected);
    create.columns = own;
    Ok((create, names))
}

/// The columns of the query in the order of their names.
fn listed(
    create: &CreateTable,
    mut selected: Vec<ColumnDef>,
    at: Position,
) -> Result<Vec<ColumnDef>> {
    if let Some(column) = create.columns.first() {
        let message = format!("column \"{}\" has a type, others have none", column.name.value);
        return Err(SqlError::new(start_of(column.name.span).unwrap_or(at), message)
            .hint("name all columns of the query, or none without its type"));
    }
    let mut columns = Vec::new();
    for name in &create.listed {
        let Some(index) = selected.iter().position(|column| column.name.value == name.value) else {
            let message = format!("the query has no column \"{}\"", name.value);
            let known = selected.iter().map(|column| column.name.value.as_str());
            return Err(SqlError::new(start_of(name.span).unwrap_or(at), message).suggest(
                &name.value,
                "columns",
                known,
            ));
        };
        columns.push(selected.remove(index));
    }
    match selected.first() {
        None => Ok(columns),
        Some(left) => {
            let message = format!("column \"{}\" of the query is not listed", left.name.value);
            Err(SqlError::new(at, message).hint("name all columns of the query"))
        }
    }
}

/// A column of the query; a name that comes twice gets a 0 at its end.
fn column(field: &Field, before: &[ColumnDef], at: Position) -> Result<ColumnDef> {
    let place = field.at.unwrap_or(at);
    let data_type = field.value.data_type.clone();
    if matches!(data_type, DataType::Null | DataType::Duration(_) | DataType::Interval(_)) {
        let message = format!(
            "column \"{}\" is {}, which a table cannot have",
            field.name,
            flink_name(&data_type)
        );
        return Err(SqlError::new(place, message).hint("use CAST(<value> AS <type>)"));
    }
    let mut name = field.name.clone();
    while before.iter().any(|column| column.name.value == name) {
        name.push('0');
    }
    let kind = ColumnDefKind::Physical { data_type, nullable: field.value.nullable };
    Ok(ColumnDef { name: Ident::new(name), kind, written: Vec::new() })
}
