//! `INSERT INTO`: fits a query's columns to a table's.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion_common::ScalarValue;
use datafusion_expr::Expr;
use sabot_core::partitions;
use sqlparser::ast::{self, Ident};

use crate::catalog::{Catalog, Table, TableColumn};
use crate::error::{Position, Result, SqlError, start_of};
use crate::expr::{Binder, Bound, Meaning, place_of, precedence};
use crate::relation::{Base, Relation, both};
use crate::types::{casts_implicitly, flink_name};

/// A resolved `INSERT INTO`.
#[derive(Debug)]
pub(crate) struct Insert {
    pub sink: Arc<Table>,
    pub base: Base,
    pub filter: Option<Bound>,
    /// One value for each column that the sink writes, of its type.
    pub columns: Vec<Bound>,
}

/// Checks a query against the table that it is written to.
pub(crate) fn resolve(
    catalog: &Catalog,
    table: &Ident,
    partition: &[(Ident, ast::Expr)],
    columns: &[Ident],
    query: Relation,
    at: Position,
) -> Result<Insert> {
    let table_at = start_of(table.span).unwrap_or(at);
    let sink = catalog.hinted_sink(table, table_at)?;
    let query = of_rows_that_come(&sink, query.expanded(table_at)?);
    let fixed = fixed(&sink, partition, &query, table_at)?;
    let mut targets = targets(&sink, columns, table_at)?;
    if columns.is_empty() {
        targets.retain(|target| fixed.iter().all(|(column, ..)| *column != target.name));
    }
    if targets.len() != query.fields.len() {
        let given = query.fields.iter().map(|f| f.name.as_str()).collect::<Vec<_>>().join(", ");
        let wanted = targets.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ");
        let message = format!(
            "table \"{}\" takes {} columns, the query gives {}",
            sink.name,
            targets.len(),
            query.fields.len()
        );
        return Err(
            SqlError::new(table_at, message).hint(format!("wanted: {wanted}; given: {given}"))
        );
    }
    let mut values = Vec::new();
    for column in sink.written() {
        let found = targets.iter().position(|target| target.name == column.name);
        let set = fixed.iter().find(|(name, ..)| *name == column.name);
        values.push(match (found, set) {
            (Some(_), Some((name, _, at))) => {
                return Err(SqlError::new(*at, format!("column \"{name}\" is set twice")).hint(
                    "a column with a value in PARTITION is not among those that the query gives",
                ));
            }
            (Some(index), None) => {
                let field = &query.fields[index];
                fit(&sink, column, &field.value, field.at.unwrap_or(table_at))?
            }
            (None, Some((_, value, at))) => fit(&sink, column, value, *at)?,
            (None, None) => missing(&sink, column, table_at)?,
        });
    }
    Ok(Insert { sink, base: query.base, filter: query.filter, columns: values })
}

/// The query, or the same rows once they are final, where a sink takes no others: the first ones by event
/// time, when the watermark has passed them.
fn of_rows_that_come(sink: &Table, query: Relation) -> Relation {
    if !sink.takes_no_changes() || !query.base.is_updating() {
        return query;
    }
    let settled = query.clone().settled();
    if settled.base.is_updating() { query } else { settled }
}

impl Insert {
    /// The values of the sink's primary key.
    pub(crate) fn key(&self) -> impl Iterator<Item = &Bound> {
        let values = self.sink.written().zip(&self.columns);
        let is_key = |name: &String| self.sink.primary_key.contains(name);
        values.filter(move |(column, _)| is_key(&column.name)).map(|(_, value)| value)
    }

    /// The same without the rows that have a NULL for a column that takes none.
    pub(crate) fn without_nulls(mut self) -> Self {
        let values = self.sink.written().zip(&self.columns);
        let values = values.filter(|(column, value)| !column.nullable && value.nullable);
        let filters = values.map(|(_, value)| Bound {
            expr: value.expr.clone().is_not_null(),
            data_type: DataType::Boolean,
            nullable: false,
            text: format!("{} IS NOT NULL", value.text),
            precedence: precedence::COMPARISON,
            meaning: Meaning::Plain,
        });
        self.filter = self.filter.into_iter().chain(filters).reduce(both);
        self
    }
}

/// A query as if its rows were printed.
pub(crate) fn shown(query: Relation, at: Position) -> Result<Insert> {
    let query = query.expanded(at)?;
    let mut columns: Vec<TableColumn> = Vec::new();
    for field in &query.fields {
        let mut name = field.name.clone();
        while columns.iter().any(|column| column.name == name) {
            name.push('0');
        }
        let Bound { data_type, nullable, .. } = field.value.clone();
        columns.push(TableColumn { name, data_type, nullable, computed: None, metadata: None });
    }
    let options = [("connector", "print".to_owned())];
    let sink = Table::undeclared(("query", "query".to_owned()), columns, options, at)?;
    let columns = query.fields.into_iter().map(|field| field.value.plain()).collect();
    Ok(Insert { sink: Arc::new(sink), base: query.base, filter: query.filter, columns })
}

/// The columns that the query's are written to, in its order.
fn targets<'t>(sink: &'t Table, columns: &[Ident], at: Position) -> Result<Vec<&'t TableColumn>> {
    if columns.is_empty() {
        return Ok(sink.written().collect());
    }
    let mut targets: Vec<&TableColumn> = Vec::new();
    for name in columns {
        let place = start_of(name.span).unwrap_or(at);
        let found = sink.written().find(|column| column.name == name.value);
        let Some(column) = found else {
            let message =
                format!("table \"{}\" has no column \"{}\" to write", sink.name, name.value);
            return Err(SqlError::new(place, message).suggest(
                &name.value,
                "columns",
                sink.written().map(|column| column.name.as_str()),
            ));
        };
        if targets.iter().any(|target| target.name == column.name) {
            return Err(SqlError::new(place, format!("column \"{}\" is named twice", name.value)));
        }
        targets.push(column);
    }
    Ok(targets)
}

/// The columns that `PARTITION` gives a value, with it and its place.
fn fixed(
    sink: &Table,
    partition: &[(Ident, ast::Expr)],
    query: &Relation,
    at: Position,
) -> Result<Vec<(String, Bound, Position)>> {
    let keys = partitions::of_options(&sink.options);
    let fixed = partition.iter().map(|(column, value)| {
        let place = start_of(column.span).unwrap_or(at);
        if !keys.contains(&column.value) {
            let message =
                format!("table \"{}\" is not partitioned by \"{}\"", sink.name, column.value);
            return Err(SqlError::new(place, message).suggest(
                &column.value,
                "PARTITIONED BY",
                keys.iter().map(String::as_str),
            ));
        }
        let place = place_of(value, place);
        let bound = Binder::new(query, place).bind(value)?;
        if !matches!(bound.expr, Expr::Literal(..)) {
            let message = format!("{} is no literal", bound.text);
            return Err(SqlError::new(place, message)
                .hint("PARTITION takes literals; the query gives what differs from row to row"));
        }
        Ok((column.value.clone(), bound, place))
    });
    fixed.collect()
}

fn fit(sink: &Table, column: &TableColumn, value: &Bound, at: Position) -> Result<Bound> {
    if !casts_implicitly(&value.data_type, &column.data_type) {
        let message = format!(
            "column \"{}\" of table \"{}\" is {}, the query gives {} for it ({})",
            column.name,
            sink.name,
            flink_name(&column.data_type),
            flink_name(&value.data_type),
            value.text
        );
        let hint = format!("use CAST({} AS {})", value.text, flink_name(&column.data_type));
        return Err(SqlError::new(at, message).hint(hint));
    }
    Ok(value.clone().implicit_cast(&column.data_type).plain())
}

fn missing(sink: &Table, column: &TableColumn, at: Position) -> Result<Bound> {
    if !column.nullable {
        let message = format!(
            "column \"{}\" of table \"{}\" is NOT NULL and not given",
            column.name, sink.name
        );
        return Err(SqlError::new(at, message));
    }
    let null = ScalarValue::try_from(&column.data_type)
        .map_err(|error| SqlError::new(at, error.strip_backtrace()))?;
    Ok(Bound {
        expr: Expr::Literal(null, None),
        data_type: DataType::clone(&column.data_type),
        nullable: true,
        text: "NULL".into(),
        precedence: precedence::ATOM,
        meaning: Meaning::Plain,
    })
}
