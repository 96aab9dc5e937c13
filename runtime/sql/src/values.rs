//! `VALUES (1, 'a'), (2, 'b')` and `SELECT` without `FROM`: rows that a query lists itself.
//!
//! They are a table that ends. Its connector gives the numbers of the rows alone; the values, which
//! are computed when the job is planned, are columns that are computed from these.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Schema};
use datafusion_common::{DFSchemaRef, ScalarValue};
use datafusion_expr::{Case, Expr, lit};
use sqlparser::ast::{self, Ident};
use xxhash_rust::xxh3::xxh3_64;

use crate::ambient;
use crate::catalog::{Table, TableColumn};
use crate::ddl::CreateTable;
use crate::error::{Position, Result, SqlError, start_of};
use crate::expr::{Binder, Bound, Scope, column_expr, compile, null, place_of, precedence};
use crate::functions::listed;
use crate::relation::{Field, Relation, columns_schema};
use crate::types::{common_type, flink_name};
use crate::zone::Zone;

/// The name of all such tables.
const NAME: &str = "VALUES";
/// The connector, which has this name in `sabot-connectors` too.
const CONNECTOR: &str = "values";
/// The connector's one column: the number of a row, from 0.
const ROW: &str = "row";

/// The rows of a `VALUES`.
pub(crate) fn rows(values: &ast::Values, zone: Zone, at: Position) -> Result<Relation> {
    let rows: Vec<&[ast::Expr]> = values.rows.iter().map(|row| row.content.as_slice()).collect();
    let place = |row: usize| start_of(values.rows[row].opening_token.0.span).unwrap_or(at);
    let width = rows.first().map_or(0, |row| row.len());
    if let Some(row) = rows.iter().position(|row| row.len() != width) {
        let message = format!(
            "row {} of VALUES has {} columns, the first has {width}",
            row + 1,
            rows[row].len()
        );
        return Err(SqlError::new(place(row), message));
    }
    let mut columns = Vec::new();
    for column in 0..width {
        let exprs: Vec<&ast::Expr> = rows.iter().map(|row| &row[column]).collect();
        columns.push(Column::of(column, &exprs, place(0))?);
    }
    relation(rows.len(), &columns, zone, at)
}

/// The one row of a `SELECT` without `FROM`.
pub(crate) fn one_row(at: Position) -> Result<Relation> {
    relation(1, &[], Zone::default(), at)
}

/// Whether a table with these options is one of rows that a query lists.
pub(crate) fn is_listed(options: &BTreeMap<String, String>) -> bool {
    options.get("connector").is_some_and(|connector| connector == CONNECTOR)
}

/// Refuses the connector for tables that are declared.
pub(crate) fn refuse_declared(create: &CreateTable) -> Result<()> {
    let is_connector = |(key, value, _): &&(String, String, Position)| {
        key.eq_ignore_ascii_case("connector") && value == CONNECTOR
    };
    let Some((.., at)) = create.options.iter().find(is_connector) else { return Ok(()) };
    Err(SqlError::new(*at, format!("no table can be declared with the connector '{CONNECTOR}'"))
        .hint("write FROM (VALUES (1, 'a'), (2, 'b')) AS t (id, name) in a query or a view"))
}

/// A column of a `VALUES`.
struct Column {
    name: String,
    /// Where its first value stands.
    at: Position,
    data_type: DataType,
    nullable: bool,
    /// One for each row.
    values: Vec<Bound>,
}

impl Column {
    fn of(index: usize, exprs: &[&ast::Expr], at: Position) -> Result<Self> {
        let name = format!("EXPR${index}");
        let scope = Constants { schema: columns_schema(Vec::new(), at)? };
        let place = |row: usize| place_of(exprs[row], at);
        let mut values = Vec::new();
        let mut data_type = DataType::Null;
        for (row, expr) in exprs.iter().enumerate() {
            let value = Binder::new(&scope, place(row)).bind(expr)?;
            let types = [&data_type, &value.data_type];
            data_type = match common_type(types) {
                Some(common) => common,
                None if types.iter().all(|t| **t == DataType::Null) => DataType::Null,
                None => {
                    let message = format!(
                        "column {} of VALUES is {} in row {} and {} before",
                        index + 1,
                        flink_name(&value.data_type),
                        row + 1,
                        flink_name(&data_type)
                    );
                    return Err(SqlError::new(place(row), message).hint("use CAST in one of them"));
                }
            };
            values.push(value);
        }
        if matches!(data_type, DataType::Duration(_) | DataType::Interval(_)) {
            return Err(SqlError::new(place(0), "an interval cannot be a column"));
        }
        let nullable = values.iter().any(|value| value.nullable);
        let values = values.into_iter().map(|value| value.implicit_cast(&data_type)).collect();
        Ok(Self { name, at: place(0), data_type, nullable, values })
    }

    /// The first values, for people.
    fn text(&self) -> String {
        let texts: Vec<&str> =
            self.values.iter().take(4).map(|value| value.text.as_str()).collect();
        let more = if self.values.len() > texts.len() { ", ..." } else { "" };
        format!("one of ({}{more})", texts.join(", "))
    }

    /// Whether a value changes by itself: it is computed when its row comes.
    fn changes_by_itself(&self) -> bool {
        self.values.iter().any(|value| ambient::is_in(&value.expr))
    }

    /// The value of the row that comes.
    fn by_row(&self) -> Bound {
        let rows = self.values.iter().enumerate();
        let rows =
            rows.map(|(row, value)| (Box::new(lit(row as i64)), Box::new(value.expr.clone())));
        let case = Case::new(Some(Box::new(column_expr(ROW))), rows.collect(), None);
        Bound {
            expr: Expr::Case(case),
            data_type: self.data_type.clone(),
            nullable: self.nullable,
            text: self.text(),
            precedence: precedence::ATOM,
            ..null()
        }
    }

    /// The values, which are the same in every row that is read.
    fn array(&self, zone: Zone) -> Result<ArrayRef> {
        let values = self.values.iter().map(|value| constant(value, zone, self.at));
        let values = values.collect::<Result<Vec<ScalarValue>>>()?;
        ScalarValue::iter_to_array(values)
            .map_err(|error| SqlError::new(self.at, error.strip_backtrace()))
    }
}

/// The value of an expression that names no columns; none of one that does, or has none.
pub(crate) fn constant_of(expr: &ast::Expr, at: Position) -> Option<ScalarValue> {
    let scope = Constants { schema: columns_schema(Vec::new(), at).ok()? };
    let value = Binder::new(&scope, at).bind(expr).ok()?;
    constant(&value, Zone::default(), at).ok()
}

/// The value of an expression without columns.
fn constant(value: &Bound, zone: Zone, at: Position) -> Result<ScalarValue> {
    if let Expr::Literal(scalar, _) = &value.expr {
        return Ok(scalar.clone());
    }
    let failed = |error: String| SqlError::new(at, error);
    let schema = Arc::new(Schema::empty());
    let evaluator = compile(value, &schema, zone)?;
    let one = RecordBatchOptions::new().with_row_count(Some(1));
    let row = RecordBatch::try_new_with_options(schema, Vec::new(), &one)
        .map_err(|error| failed(error.to_string()))?;
    let array = evaluator.evaluate(&row).map_err(|error| failed(error.to_string()))?;
    ScalarValue::try_from_array(&array, 0).map_err(|error| failed(error.strip_backtrace()))
}

fn relation(rows: usize, columns: &[Column], zone: Zone, at: Position) -> Result<Relation> {
    let mut text = format!("{rows} rows");
    for column in columns {
        // Writing to a String cannot fail.
        let _ = write!(text, "\0{}", flink_name(&column.data_type));
        for value in &column.values {
            let _ = write!(text, "\0{}", value.text);
        }
    }
    let hash = format!("{:016x}", xxh3_64(text.as_bytes()));
    let mut table_columns = vec![TableColumn {
        name: ROW.to_owned(),
        data_type: DataType::Int64,
        nullable: false,
        computed: None,
        metadata: None,
    }];
    let is_listed =
        |column: &&Column| column.data_type != DataType::Null && !column.changes_by_itself();
    for column in columns.iter().filter(is_listed) {
        let mut text = column.text();
        let is_taken = |text: &str| {
            let mut others = table_columns.iter().filter_map(|other| other.computed.as_ref());
            others.any(|other| other.text == text)
        };
        while is_taken(&text) {
            text.push('\'');
        }
        let computed = Bound {
            expr: listed(&format!("{hash}_{}", column.name), column.array(zone)?, column_expr(ROW)),
            data_type: column.data_type.clone(),
            nullable: column.nullable,
            text,
            precedence: precedence::ATOM,
            ..null()
        };
        table_columns.push(TableColumn {
            name: column.name.clone(),
            data_type: column.data_type.clone(),
            nullable: column.nullable,
            computed: Some(computed),
            metadata: None,
        });
    }
    let field = |column: &Column| Field {
        qualifier: None,
        name: column.name.clone(),
        value: null(),
        at: Some(column.at),
    };
    let mut fields: Vec<Field> = columns.iter().map(field).collect();
    let table = Arc::new(table(rows, &hash, table_columns, at)?);
    for (field, column) in fields.iter_mut().zip(columns) {
        field.value = match column.changes_by_itself() {
            true => column.by_row(),
            // NULLs alone have no type, and take any.
            false => table.column(&field.name).unwrap_or_else(null),
        };
    }
    Ok(Relation { fields, ..table.relation() })
}

/// The table of these rows; equal ones are one.
fn table(rows: usize, hash: &str, columns: Vec<TableColumn>, at: Position) -> Result<Table> {
    let options = [("connector", CONNECTOR.to_owned()), ("rows", rows.to_string())];
    Table::undeclared((NAME, format!("{NAME}({hash})")), columns, options, at)
}

/// No columns at all.
struct Constants {
    schema: DFSchemaRef,
}

impl Scope for Constants {
    fn column(&self, _: Option<&Ident>, name: &Ident, at: Position) -> Result<Bound> {
        Err(SqlError::new(at, format!("VALUES has no column \"{}\"", name.value))
            .hint("texts stand in single quotes"))
    }

    fn schema(&self) -> DFSchemaRef {
        Arc::clone(&self.schema)
    }
}
