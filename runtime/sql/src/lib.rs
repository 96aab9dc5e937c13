//! Flink SQL: statements in, a [`JobPlan`] out.
//!
//! Text is cut into tokens (`tokens`), statements are parsed (`statement`, `ddl`), queries are
//! resolved against the catalog (`query`, `expr`, `window`, `aggregate`, `join`, `subquery`), which
//! finds every mistake with its line and column, and then turned into the engine's operators
//! (`lower`). Expressions are DataFusion's; no plan of its runs.

mod aggregate;
mod ambient;
mod bits;
mod catalog;
mod changelog;
mod clauses;
mod columns;
mod ddl;
mod dialect;
mod distinct;
mod error;
mod explain;
mod expr;
mod functions;
mod grouping;
mod hints;
mod insert;
mod interval;
mod join;
mod json_aggregate;
mod json_syntax;
mod kept_order;
mod lookup;
mod lower;
mod moments;
mod names;
mod needed;
mod ordered;
mod over;
mod pattern;
mod percentile;
mod qualify;
mod query;
mod rank;
mod reads;
mod reference;
mod relation;
mod select_list;
mod setops;
mod settings;
mod sort;
mod spread;
mod statement;
mod subquery;
mod sums;
mod temporal;
mod tokens;
mod types;
mod uid;
mod union;
mod unnest;
mod values;
mod window;
mod zone;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use sabot_core::plan::{JobPlan, NodeKind};
use sabot_core::row_kind;
use sabot_types::KeyGroupCount;
use sqlparser::ast::{Ident, Query};

use crate::catalog::{Catalog, Table};
use crate::ddl::CreateTable;
use crate::error::start_of;
use crate::insert::Insert;
use crate::lower::LateRows;
use crate::query::Queries;
use crate::settings::Settings;
use crate::statement::Statement;

pub use error::{Position, Result, SqlError};
pub use explain::explain;
pub use reference::reference;

/// What a job's manifest says about its plan.
#[derive(Debug, Clone)]
pub struct PlanOptions {
    /// The job's key groups.
    pub key_groups: KeyGroupCount,
}

impl Default for PlanOptions {
    fn default() -> Self {
        Self { key_groups: KeyGroupCount::DEFAULT }
    }
}

/// Planned statements.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The job.
    pub plan: JobPlan,
    /// All declared tables by name, also those that nothing uses.
    pub tables: Vec<TableInfo>,
    /// What is set without an effect, each with its place.
    pub warnings: Vec<String>,
}

/// A declared table, so that mistakes in its options can be shown with their place.
#[derive(Debug, Clone)]
pub struct TableInfo {
    /// Its name.
    pub name: String,
    /// Whether the job reads it.
    pub is_source: bool,
    /// Whether the job writes it.
    pub is_sink: bool,
    /// `WITH (...)`, keys in lower case, without those that the planner itself understands.
    pub options: Arc<BTreeMap<String, String>>,
    /// Its physical and metadata columns, and the kind of rows that change and go when it is read.
    pub schema: SchemaRef,
    /// The columns of `PRIMARY KEY ... NOT ENFORCED`.
    pub primary_key: Vec<String>,
    /// Where `CREATE TABLE` names it.
    pub position: Position,
}

/// Plans the statements of a job.
///
/// ```
/// let sql = "
///     CREATE TABLE bids (auction BIGINT, price BIGINT, ts TIMESTAMP(3),
///         WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'nexmark');
///     CREATE TABLE results (auction BIGINT, bids BIGINT) WITH ('connector' = 'print');
///     INSERT INTO results SELECT auction, COUNT(*)
///         FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECOND))
///         GROUP BY window_start, window_end, auction;";
/// let planned = sabot_sql::plan(sql, &sabot_sql::PlanOptions::default())?;
/// assert_eq!(planned.plan.nodes[1].uid.as_str(), "sink:results/tumble(bids.ts,10000,0)/by(auction)");
/// # Ok::<(), sabot_sql::SqlError>(())
/// ```
pub fn plan(sql: &str, options: &PlanOptions) -> Result<Planned> {
    with_stack(|| {
        let Program { catalog, settings, inserts, explained } = read(sql)?;
        if let Some(Explained { at, .. }) = explained.first() {
            return Err(SqlError::new(*at, "EXPLAIN is no statement of a job").hint(
                "sabot explain <manifest> prints what is asked for; take it out to run the job",
            ));
        }
        if inserts.is_empty() {
            return Err(SqlError::new(None, "the statements write nothing")
                .hint("add INSERT INTO <table> SELECT ..."));
        }
        planned(&catalog, &settings, inserts, options)
    })
}

/// Plans what each `EXPLAIN` of the statements is about, with its place; none when there is none.
/// Statements that are not explained are checked.
pub fn plan_explained(sql: &str, options: &PlanOptions) -> Result<Vec<(Position, Planned)>> {
    with_stack(|| {
        let Program { catalog, settings, explained, .. } = read(sql)?;
        let plan = |Explained { inserts, at }: Explained| {
            Ok((at, planned(&catalog, &settings, inserts, options)?))
        };
        explained.into_iter().map(plan).collect()
    })
}

/// Plans on a thread of its own.
fn with_stack<T: Send>(plan: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    // Expressions are walked recursively, and a user's can be deep: a thread of its own has room
    // for all that the limits of `tokens` and `expr` let through.
    std::thread::scope(|scope| {
        let planner = std::thread::Builder::new()
            .name("sql-planner".into())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, plan);
        let planner = planner.map_err(|error| {
            SqlError::new(None, format!("no thread can be started for planning: {error}"))
        })?;
        planner.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Reserved, not used: the system gives pages as they are touched.
const STACK_BYTES: usize = 256 << 20;

/// Statements, resolved.
#[derive(Default)]
struct Program {
    catalog: Catalog,
    settings: Settings,
    inserts: Vec<Insert>,
    explained: Vec<Explained>,
}

/// What one `EXPLAIN` is about.
struct Explained {
    inserts: Vec<Insert>,
    at: Position,
}

fn read(sql: &str) -> Result<Program> {
    let mut program = Program::default();
    let (statements, hints) = statement::parse(sql)?;
    program.catalog.hints = hints;
    // What is set counts for all statements of the job, wherever it is set.
    for statement in &statements {
        if let Statement::Set { key, value, at } = statement {
            program.settings.set(key, value, *at)?;
        }
    }
    program.catalog.lateness_ms = program.settings.lateness_ms()?;
    program.catalog.early_ms = program.settings.early_ms()?;
    program.catalog.zone = program.settings.zone;
    program.catalog.refuses_options = program.settings.refuses_options;
    for statement in statements {
        let Program { catalog, inserts, explained, .. } = &mut program;
        match statement {
            Statement::CreateTable(create) => match &create.query {
                None => catalog.create_table(*create)?,
                Some(query) => {
                    let query = query.clone();
                    inserts.push(created(catalog, *create, &query)?);
                }
            },
            Statement::CreateView { name, columns, if_not_exists, query } => {
                let at = start_of(name.span).unwrap_or(Position { line: 1, column: 1 });
                let relation = Queries::new(catalog, at).view(&query)?;
                if !(if_not_exists && catalog.contains(&name.value)) {
                    catalog.create_view(&name, &columns, relation)?;
                }
            }
            Statement::Drop { name, at } => {
                if catalog.contains(&name.value) {
                    let message = format!("\"{}\" is declared and cannot be dropped", name.value);
                    return Err(SqlError::new(at, message).hint(
                        "the statements of a job have one set of tables: take out one of both",
                    ));
                }
            }
            Statement::Set { .. } => {}
            Statement::Explain { explained: statements, query, at } => {
                let mut about = statements
                    .into_iter()
                    .filter_map(|statement| insert_of(catalog, statement).transpose())
                    .collect::<Result<Vec<Insert>>>()?;
                if let Some(query) = query {
                    about.push(insert::shown(Queries::new(catalog, at).outermost(&query)?, at)?);
                }
                explained.push(Explained { inserts: about, at });
            }
            statement @ Statement::Insert { .. } => inserts.extend(insert_of(catalog, statement)?),
        }
    }
    program.catalog.hints.check_all_asked()?;
    program.settings.warnings.extend(program.catalog.hints.warnings());
    Ok(program)
}

/// Declares a table with the columns of a query, whose rows it is given.
fn created(catalog: &mut Catalog, create: CreateTable, query: &Query) -> Result<Insert> {
    let (name, at) = (create.name.clone(), create.at);
    let relation = Queries::new(catalog, at).outermost(query)?.expanded(at)?;
    let (create, columns) = ddl::selected::with_columns(create, &relation.fields)?;
    catalog.create_table(create)?;
    insert::resolve(catalog, &name, &[], &columns, relation, at)
}

fn insert_of(catalog: &Catalog, statement: Statement) -> Result<Option<Insert>> {
    let Statement::Insert { table, partition, columns, query, at } = statement else {
        return Ok(None);
    };
    let sink = catalog.hinted_sink(&table, at).ok();
    let by_key = sink.as_ref().is_some_and(|sink| sink.is_upsert());
    let queries = Queries::new(catalog, at).written(by_key);
    let mut relation = queries.outermost(&query)?;
    if relation.base.is_updating() && sink.is_some_and(|sink| sink.takes_no_changes()) {
        relation = queries.outermost_settled(&query).unwrap_or(relation);
    }
    insert::resolve(catalog, &table, &partition, &columns, relation, at).map(Some)
}

fn planned(
    catalog: &Catalog,
    settings: &Settings,
    mut inserts: Vec<Insert>,
    options: &PlanOptions,
) -> Result<Planned> {
    if settings.drops_nulls {
        inserts = inserts.into_iter().map(Insert::without_nulls).collect();
    }
    check_keys(catalog, &inserts, settings)?;
    let late = match &settings.late_rows {
        None => None,
        Some((name, at)) => {
            let table = catalog.sink(&Ident::new(name), *at)?;
            Some(LateRows { table, at: *at })
        }
    };
    let plan = lower::lower(&inserts, settings, late, options.key_groups)?;
    let tables = catalog.tables().map(|table| table_info(table, &plan)).collect();
    Ok(Planned { plan, tables, warnings: settings.warnings.clone() })
}

/// Refuses changes that may come again of tables without a key.
fn check_keys(catalog: &Catalog, inserts: &[Insert], settings: &Settings) -> Result<()> {
    let read: BTreeSet<&str> = inserts.iter().flat_map(|insert| insert.base.tables()).collect();
    let keyless = |table: &&Arc<Table>| {
        table.keeps_last_rows(settings)
            && table.primary_key.is_empty()
            && read.contains(table.name.as_str())
    };
    let Some(table) = catalog.tables().find(keyless) else { return Ok(()) };
    let message = format!("table \"{}\" has no primary key", table.name);
    Err(SqlError::new(table.at, message).hint(format!(
        "changes that may come again, as '{}' says, are told apart by PRIMARY KEY (...) NOT ENFORCED",
        settings::CDC_DUPLICATES
    )))
}

fn table_info(table: &Table, plan: &JobPlan) -> TableInfo {
    let kinds = || plan.nodes.iter().map(|node| &node.kind);
    let mut fields: Vec<Field> = table.physical().map(lower::connector_field).collect();
    let is_source = kinds()
        .filter_map(NodeKind::table_read)
        .any(|s| s.table == table.name && !values::is_listed(&s.options));
    fields.extend((is_source && table.changes()).then(row_kind::field));
    TableInfo {
        name: table.name.clone(),
        is_source,
        is_sink: kinds().any(|k| matches!(k, NodeKind::Sink(s) if s.table == table.name)),
        options: Arc::clone(&table.options),
        schema: Arc::new(Schema::new(fields)),
        primary_key: table.primary_key.clone(),
        position: table.at,
    }
}
