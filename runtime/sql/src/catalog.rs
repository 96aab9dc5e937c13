//! The tables and views that statements have declared.

pub(crate) mod hinted;
mod row_time;
mod stated;
mod undeclared;
mod watermark;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field as ArrowField};
use datafusion_common::DFSchemaRef;
use sabot_core::row_kind::ROW_KIND;
use sabot_core::{ambient, partitions};
use sqlparser::ast::Ident;

use crate::changelog::{self, Changelog};
use crate::ddl::declared::types_of;
use crate::ddl::{ColumnDef, ColumnDefKind, CreateTable};
use crate::error::{Position, Result, SqlError, start_of};
use crate::expr::{Binder, Bound, Meaning, Scope, place_of, quoted};
use crate::hints::Hints;
use crate::lookup::{self, LookupOptions};
use crate::relation::{Base, Field, Relation, columns_schema};
use crate::settings::Settings;
use crate::values;
use crate::zone::Zone;

use watermark::WatermarkOptions;

/// A declared table.
#[derive(Debug)]
pub(crate) struct Table {
    pub name: String,
    /// What tells it apart as a source: its name, with the options that a hint gives it.
    pub key: String,
    /// What uids call it as a source.
    pub uid_name: String,
    pub columns: Vec<TableColumn>,
    /// All columns.
    pub schema: DFSchemaRef,
    pub watermark: Option<Watermark>,
    /// Keys in lower case; also `PARTITIONED BY`.
    pub options: Arc<BTreeMap<String, String>>,
    pub primary_key: Vec<String>,
    pub watermark_options: WatermarkOptions,
    /// After how long a lookup join reads it again; none: never.
    pub reload_interval_ms: Option<u64>,
    pub at: Position,
}

/// A column of a table.
#[derive(Debug, Clone)]
pub(crate) struct TableColumn {
    pub name: String,
    pub data_type: DataType,
    pub nullable: bool,
    /// Its value over the other columns; none for a column of the connector's.
    pub computed: Option<Bound>,
    /// Where the connector has it beside the row; none for others.
    pub metadata: Option<Metadata>,
}

/// What makes a column one of metadata.
#[derive(Debug, Clone)]
pub(crate) struct Metadata {
    /// The connector's name of it.
    pub key: String,
    /// Whether it is only read.
    pub is_virtual: bool,
}

/// `WATERMARK FOR`.
#[derive(Debug)]
pub(crate) struct Watermark {
    /// The row-time column.
    pub column: String,
    /// The watermark over the table's columns.
    pub expression: Bound,
}

impl Table {
    /// The columns that the connector reads, also metadata.
    pub(crate) fn physical(&self) -> impl Iterator<Item = &TableColumn> {
        self.columns.iter().filter(|c| c.computed.is_none())
    }

    /// The columns that the connector writes.
    pub(crate) fn written(&self) -> impl Iterator<Item = &TableColumn> {
        self.physical().filter(|c| c.metadata.as_ref().is_none_or(|of| !of.is_virtual))
    }

    /// Whether its rows change and go when it is read.
    pub(crate) fn changes(&self) -> bool {
        Changelog::of(&self.options) != Changelog::Appends
    }

    /// Whether its changes are made from the last row of each key: they may come again.
    pub(crate) fn keeps_last_rows(&self, settings: &Settings) -> bool {
        match Changelog::of(&self.options) {
            Changelog::Appends => false,
            Changelog::Changes => settings.cdc_duplicates,
            Changelog::Upserts => true,
        }
    }

    /// Whether its rows, as they are read, have nothing but a key where that is gone.
    pub(crate) fn is_upsert(&self) -> bool {
        Changelog::of(&self.options) == Changelog::Upserts
    }

    /// Whether it cannot be written where rows change and go.
    pub(crate) fn takes_no_changes(&self) -> bool {
        changelog::takes_no_changes(&self.options)
    }

    /// A column by its name.
    pub(crate) fn column(&self, name: &str) -> Option<Bound> {
        self.columns.iter().find(|column| column.name == name).map(TableColumn::reference)
    }

    /// The table as a FROM sees it.
    pub(crate) fn relation(self: &Arc<Self>) -> Relation {
        let row_time = self.watermark.as_ref().map(|w| w.column.as_str());
        let field = |column: &TableColumn| {
            let mut value = column.reference();
            if row_time == Some(&column.name) {
                value.meaning = Meaning::RowTime;
            }
            Field { qualifier: Some(self.name.clone()), name: column.name.clone(), value, at: None }
        };
        Relation {
            base: Base::Table(Arc::clone(self)),
            filter: None,
            fields: self.columns.iter().map(field).collect(),
            window: None,
        }
    }
}

impl TableColumn {
    fn reference(&self) -> Bound {
        let column =
            Bound::column(&self.name, quoted(&self.name), self.data_type.clone(), self.nullable);
        match &self.computed {
            Some(Bound { meaning: meaning @ Meaning::ProcTime, .. }) => {
                Bound { meaning: *meaning, ..column }
            }
            _ => column,
        }
    }

    /// It, as Arrow has it.
    pub(crate) fn arrow(&self) -> ArrowField {
        ArrowField::new(&self.name, self.data_type.clone(), self.nullable)
    }
}

/// What a name stands for.
#[derive(Debug)]
enum Entry {
    Table(Arc<Table>),
    View(Box<Relation>),
}

/// The tables and views by name.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    entries: BTreeMap<String, Entry>,
    /// The tables as they were declared.
    declared: BTreeMap<String, CreateTable>,
    /// The hints of all statements.
    pub(crate) hints: Hints,
    /// Whether these give tables no other options.
    pub(crate) refuses_options: bool,
    /// The zone of local times.
    pub(crate) zone: Zone,
    /// How long after a window has fired rows change its result; none: not at all.
    pub(crate) lateness_ms: Option<i64>,
    /// How long after rows have come windows that have not fired give results; none: not at all.
    pub(crate) early_ms: Option<i64>,
}

impl Catalog {
    /// Declares a table.
    pub(crate) fn create_table(&mut self, create: CreateTable) -> Result<()> {
        if create.if_not_exists && self.entries.contains_key(&create.name.value) {
            return Ok(());
        }
        self.check_free(&create.name)?;
        values::refuse_declared(&create)?;
        let create = self.completed(create)?;
        let table = build_table(create.clone())?;
        self.declared.insert(table.name.clone(), create);
        self.entries.insert(table.name.clone(), Entry::Table(Arc::new(table)));
        Ok(())
    }

    /// Declares a view of an already resolved query.
    pub(crate) fn create_view(
        &mut self,
        name: &Ident,
        columns: &[Ident],
        mut query: Relation,
    ) -> Result<()> {
        self.check_free(name)?;
        let at = start_of(name.span).unwrap_or(Position { line: 1, column: 1 });
        query.rename(columns, &format!("view \"{}\"", name.value), at)?;
        query.qualify(&name.value);
        self.entries.insert(name.value.clone(), Entry::View(Box::new(query)));
        Ok(())
    }

    /// Whether the name is taken.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// What a FROM sees under the name.
    pub(crate) fn relation(&self, name: &Ident, at: Position) -> Result<Relation> {
        match self.entries.get(&name.value) {
            Some(Entry::Table(table)) => Ok(table.relation()),
            Some(Entry::View(relation)) => Ok(relation.as_ref().clone()),
            None => Err(self.no_table(name, at)),
        }
    }

    /// The table that an INSERT writes.
    pub(crate) fn sink(&self, name: &Ident, at: Position) -> Result<Arc<Table>> {
        match self.entries.get(&name.value) {
            Some(Entry::Table(table)) => Ok(Arc::clone(table)),
            Some(Entry::View(_)) => Err(SqlError::new(
                at,
                format!("\"{}\" is a view and cannot be written", name.value),
            )),
            None => Err(self.no_table(name, at)),
        }
    }

    /// All tables by name.
    pub(crate) fn tables(&self) -> impl Iterator<Item = &Arc<Table>> {
        self.entries.values().filter_map(|entry| match entry {
            Entry::Table(table) => Some(table),
            Entry::View(_) => None,
        })
    }

    fn no_table(&self, name: &Ident, at: Position) -> SqlError {
        let error = SqlError::new(at, format!("table \"{}\" does not exist", name.value));
        if self.entries.is_empty() {
            return error.hint("declare it before with CREATE TABLE");
        }
        error.suggest(&name.value, "tables", self.entries.keys().map(String::as_str))
    }

    fn check_free(&self, name: &Ident) -> Result<()> {
        if self.entries.contains_key(&name.value) {
            let message = format!("\"{}\" is declared twice", name.value);
            return Err(SqlError::new(start_of(name.span), message));
        }
        Ok(())
    }
}

/// The columns of a table while it is being built.
struct Columns<'a> {
    table: &'a str,
    known: &'a [TableColumn],
    schema: DFSchemaRef,
}

impl<'a> Columns<'a> {
    fn new(table: &'a str, known: &'a [TableColumn], at: Position) -> Result<Self> {
        Ok(Self { table, known, schema: schema_of(known, at)? })
    }
}

impl Scope for Columns<'_> {
    fn column(&self, qualifier: Option<&Ident>, name: &Ident, at: Position) -> Result<Bound> {
        let of_table = qualifier.is_none_or(|q| q.value == self.table);
        let found = self.known.iter().find(|c| of_table && c.name == name.value);
        found.map(TableColumn::reference).ok_or_else(|| {
            SqlError::new(at, format!("column \"{}\" does not exist", name.value)).suggest(
                &name.value,
                "columns",
                self.known.iter().map(|c| c.name.as_str()),
            )
        })
    }

    fn schema(&self) -> DFSchemaRef {
        Arc::clone(&self.schema)
    }
}

fn schema_of(columns: &[TableColumn], at: Position) -> Result<DFSchemaRef> {
    columns_schema(columns.iter().map(TableColumn::arrow).collect(), at)
}

fn build_table(create: CreateTable) -> Result<Table> {
    let at = create.at;
    let name = create.name.value;
    let types = types_of(&create.columns);
    let columns = build_columns(&name, create.columns, at)?;
    let scope = Columns::new(&name, &columns, at)?;
    let watermark = match &create.watermark {
        Some((column, expression)) => Some(row_time::watermark(&scope, column, expression, at)?),
        None => None,
    };
    check_primary_key(&scope, &create.primary_key, at)?;
    let mut options = BTreeMap::new();
    let mut watermarks = watermark::Given::default();
    let mut lookup = LookupOptions::default();
    for (key, value, place) in create.options {
        let key = key.to_ascii_lowercase();
        if partitions::is_declaration(&key) {
            let message = format!("'{key}' is no option");
            return Err(SqlError::new(place, message).hint(
                "write PARTITIONED BY (...) before WITH, and PRIMARY KEY among the columns",
            ));
        }
        if key.starts_with(lookup::PREFIX) {
            lookup.set(&key, &value, place)?;
        } else if key.starts_with(watermark::PREFIX) {
            watermarks.set(&key, &value, place)?;
        } else {
            options.insert(key, value);
        }
    }
    if !options.contains_key("connector") {
        return Err(SqlError::new(at, format!("table \"{name}\" has no connector"))
            .hint("add WITH ('connector' = '...')"));
    }
    let partitioned = check_partitions(&scope, &create.partitions, at)?;
    if !partitioned.is_empty() {
        options.insert(partitions::PARTITIONED_BY.to_owned(), partitions::to_option(&partitioned));
    }
    let primary_key: Vec<String> = create.primary_key.into_iter().map(|key| key.value).collect();
    if Changelog::of(&options) == Changelog::Upserts {
        if primary_key.is_empty() {
            let message = format!("table \"{name}\" has no primary key");
            return Err(SqlError::new(at, message)
                .hint("'upsert-kafka' stores rows by it: add PRIMARY KEY (...) NOT ENFORCED"));
        }
        options.insert(partitions::PRIMARY_KEY.to_owned(), partitions::to_option(&primary_key));
    }
    stated::insert(&mut options, &columns, &types);
    let watermark_options = watermarks.finish(watermark.is_some())?;
    let schema = scope.schema;
    Ok(Table {
        key: name.clone(),
        uid_name: name.clone(),
        schema,
        watermark,
        options: Arc::new(options),
        primary_key,
        watermark_options,
        reload_interval_ms: lookup.reload_interval_ms,
        at,
        name,
        columns,
    })
}

/// The columns of the primary key, which have to be in the rows.
fn check_primary_key(scope: &Columns<'_>, keys: &[Ident], at: Position) -> Result<()> {
    for key in keys {
        let place = start_of(key.span).unwrap_or(at);
        scope.column(None, key, place)?;
        let column = scope.known.iter().find(|column| column.name == key.value);
        if column.is_some_and(|column| column.metadata.is_some()) {
            let message = format!("the metadata column \"{}\" cannot be a key", key.value);
            return Err(SqlError::new(place, message));
        }
        if column.is_some_and(|column| column.computed.is_some()) {
            let message = format!("the computed column \"{}\" cannot be a key", key.value);
            return Err(SqlError::new(place, message));
        }
    }
    Ok(())
}

/// The columns of `PARTITIONED BY`: physical ones, of which some other is left.
fn check_partitions(scope: &Columns<'_>, names: &[Ident], at: Position) -> Result<Vec<String>> {
    let mut columns: Vec<String> = Vec::new();
    for name in names {
        let place = start_of(name.span).unwrap_or(at);
        scope.column(None, name, place)?;
        let column = scope.known.iter().find(|c| c.name == name.value);
        let message = if column.is_some_and(|c| c.computed.is_some()) {
            format!("the computed column \"{}\" cannot partition the table", name.value)
        } else if column.is_some_and(|c| c.metadata.is_some()) {
            format!("the metadata column \"{}\" cannot partition the table", name.value)
        } else if columns.contains(&name.value) {
            format!("column \"{}\" is named twice", name.value)
        } else {
            columns.push(name.value.clone());
            continue;
        };
        return Err(SqlError::new(place, message));
    }
    let is_stored = |c: &&TableColumn| c.computed.is_none() && c.metadata.is_none();
    if columns.len() == scope.known.iter().filter(is_stored).count() {
        let message =
            format!("table \"{}\" has only columns that it is partitioned by", scope.table);
        return Err(SqlError::new(at, message).hint("add a column that is written to its files"));
    }
    Ok(columns)
}

/// Computed columns see the connector's, wherever those stand.
fn build_columns(table: &str, defs: Vec<ColumnDef>, at: Position) -> Result<Vec<TableColumn>> {
    let of_ours = |def: &&ColumnDef| {
        let name = def.name.value.as_str();
        name == ROW_KIND || ambient::NAMES.contains(&name)
    };
    if let Some(def) = defs.iter().find(of_ours) {
        let message = format!("a column cannot be named \"{}\"", def.name.value);
        return Err(SqlError::new(start_of(def.name.span).unwrap_or(at), message).hint(
            "Sabot names so a column of its own: what kinds of rows are, or what expressions read \
             beside them",
        ));
    }
    let mut physical = Vec::new();
    for def in &defs {
        let (data_type, nullable, metadata) = match &def.kind {
            ColumnDefKind::Physical { data_type, nullable } => (data_type, *nullable, None),
            ColumnDefKind::Metadata { data_type, nullable, key, is_virtual } => {
                let metadata = Metadata { key: key.clone(), is_virtual: *is_virtual };
                (data_type, *nullable, Some(metadata))
            }
            ColumnDefKind::Computed(_) => continue,
        };
        physical.push(TableColumn {
            name: def.name.value.clone(),
            data_type: data_type.clone(),
            nullable,
            computed: None,
            metadata,
        });
    }
    if physical.is_empty() {
        return Err(SqlError::new(at, format!("table \"{table}\" has only computed columns")));
    }
    let computed: Vec<Option<Bound>> = {
        let scope = Columns::new(table, &physical, at)?;
        let bind = |def: &ColumnDef| match &def.kind {
            ColumnDefKind::Computed(expr) => {
                let place = place_of(expr, start_of(def.name.span).unwrap_or(at));
                let bound = Binder::new(&scope, place).bind(expr)?;
                check_storable(&bound, place)?;
                Ok(Some(bound))
            }
            ColumnDefKind::Physical { .. } | ColumnDefKind::Metadata { .. } => Ok(None),
        };
        defs.iter().map(bind).collect::<Result<_>>()?
    };
    let mut physical = physical.into_iter();
    let columns = defs.into_iter().zip(computed).filter_map(|(def, computed)| match computed {
        None => physical.next(),
        Some(bound) => Some(TableColumn {
            name: def.name.value,
            data_type: bound.data_type.clone(),
            nullable: bound.nullable,
            computed: Some(bound),
            metadata: None,
        }),
    });
    Ok(columns.collect())
}

/// A column of a table needs a type of Flink's.
fn check_storable(bound: &Bound, at: Position) -> Result<()> {
    match bound.data_type {
        DataType::Null => {
            Err(SqlError::new(at, "NULL alone has no type").hint("use CAST(NULL AS <type>)"))
        }
        DataType::Duration(_) | DataType::Interval(_) => {
            Err(SqlError::new(at, "an interval cannot be a column"))
        }
        _ => Ok(()),
    }
}
