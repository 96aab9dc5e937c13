//! Window table functions: `TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND))`.
//!
//! The windows of TUMBLE are columns computed from a row. A row of HOP or CUMULATE lies in several
//! windows, and a session is known only when it ends: their window columns have no value before
//! rows are grouped by them, and can do nothing but be grouped by.

mod arguments;
mod expand;
pub(crate) mod group;
pub(crate) mod kind;
mod sessions;

use std::sync::Arc;

use arrow::datatypes::{DataType, Field as ArrowField};
use datafusion_common::ScalarValue;
use datafusion_expr::{Expr, Operator, binary_expr};
use sabot_core::plan::Window;
use sqlparser::ast::{self, Function};

use self::arguments::{AnySize, Arguments, Kind};
pub(crate) use self::expand::{EXPAND_COLUMNS, ExpandNode, of_ends};
use crate::aggregate::WindowNode;
use crate::error::{Position, Result, SqlError, start_of};
use crate::expr::{Bound, Meaning, Scope, function_name, place_of, window_start};
use crate::names::rename_windows;
use crate::query::Queries;
use crate::relation::{Base, Field, Relation, WindowSpec};
use crate::tokens::PARTITION;
use crate::types::{TIMESTAMP, timestamp_ltz};
use crate::zone::latest_instant;

/// Sessions that can still grow together have no result.
pub(crate) fn early_sessions(at: Position) -> SqlError {
    SqlError::new(at, "SESSION has no early results").hint(
        "take out SET 'table.exec.emit.early-fire.enabled', or take another window: CUMULATE gives \
         results of its steps",
    )
}

/// Some windows over rows that change are refused.
pub(crate) fn rows_change(at: Position) -> SqlError {
    SqlError::new(at, "the rows of these windows can change after they were counted").hint(
        "windows need rows that only come, or a GROUP BY with TUMBLE, HOP or CUMULATE of event time: \
         put the window before what updates",
    )
}

/// Whether windows can be grouped whose rows are those of `base`: rows that change are held back until
/// the windows are over, which the watermark and a row alone have to tell. Results of windows that change
/// do so behind the watermark.
pub(crate) fn takes(windows: &WindowSpec, base: &Base) -> bool {
    let is_told = matches!(
        windows.of_event_time(),
        Some(Window::Tumble { .. } | Window::Hop(_) | Window::Cumulate(_))
    );
    !base.is_updating() || is_told && !matches!(base, Base::Window(_))
}

/// `TUMBLE(...)` in FROM, without `TABLE` around it, as a call.
pub(crate) fn call_of(name: &ast::ObjectName, arguments: &ast::TableFunctionArgs) -> Function {
    Function {
        name: name.clone(),
        uses_odbc_syntax: false,
        parameters: ast::FunctionArguments::None,
        args: ast::FunctionArguments::List(ast::FunctionArgumentList {
            duplicate_treatment: None,
            args: arguments.args.clone(),
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    }
}

/// Resolves a table function in FROM.
pub(crate) fn table_function(
    queries: &Queries<'_>,
    function: &Function,
    at: Position,
) -> Result<Relation> {
    let name = function_name(&function.name, at)?.to_ascii_uppercase();
    let Some(kind) = Kind::of(&name) else {
        return Err(
            SqlError::new(at, format!("unknown table function {name}")).hint(Kind::Tumble.form())
        );
    };
    let Arguments { data, time, intervals } = arguments::arguments(kind, function, at)?;
    let (relation, partition) = data_argument(queries, kind, data, at)?;
    let mut relation = relation.expanded(at)?;
    let row_time = row_time(&relation, time, at)?;
    rename_windows(&mut relation.fields);
    let window = arguments::window(kind, &intervals, AnySize::Refused, at)?;
    let partition = match partition {
        None => Vec::new(),
        Some(names) => partition_keys(&relation, kind, names, at)?,
    };
    let spec = WindowSpec {
        partition: (kind == Kind::Session).then_some(partition),
        at: Some(at),
        ..spec(&relation.base, row_time, window)
    };
    add_window(&mut relation, spec);
    Ok(relation)
}

/// The table, and the columns of `PARTITION BY` behind it.
fn data_argument<'e>(
    queries: &Queries<'_>,
    kind: Kind,
    data: &'e ast::Expr,
    at: Position,
) -> Result<(Relation, Option<Vec<&'e ast::Expr>>)> {
    match data {
        ast::Expr::Identifier(name) => Ok((queries.named(name, place_of(data, at))?, None)),
        ast::Expr::Subquery(query) => Ok((queries.query(query)?, None)),
        ast::Expr::CompoundIdentifier(parts) => {
            let name = crate::statement::unqualified(&parts.iter().collect::<Vec<_>>())?;
            Ok((queries.named(name, place_of(data, at))?, None))
        }
        ast::Expr::Function(f) if function_name(&f.name, at).is_ok_and(|n| n == PARTITION) => {
            let mut arguments = crate::expr::function_arguments(f, "PARTITION BY", at)?;
            let table = arguments.remove(0);
            let (relation, _) = data_argument(queries, kind, table, at)?;
            Ok((relation, Some(arguments)))
        }
        other => {
            let message = format!("the first argument of {} is a table, not {other}", kind.name());
            Err(SqlError::new(place_of(other, at), message).hint(kind.form()))
        }
    }
}

/// The columns that sessions are told apart by.
fn partition_keys(
    relation: &Relation,
    kind: Kind,
    names: Vec<&ast::Expr>,
    at: Position,
) -> Result<Vec<Bound>> {
    if kind != Kind::Session {
        let place = names.first().map_or(at, |name| place_of(name, at));
        return Err(SqlError::new(place, format!("{} takes no PARTITION BY", kind.name()))
            .hint("put the columns into GROUP BY"));
    }
    let key = |expr: &ast::Expr| match expr {
        ast::Expr::Identifier(name) => relation.column(None, name, place_of(expr, at)),
        other => Err(SqlError::new(
            place_of(other, at),
            format!("PARTITION BY needs columns, not {other}"),
        )),
    };
    names.into_iter().map(key).collect()
}

/// Refuses sessions that are grouped by other columns than they were told apart by, where they cannot
/// be [rows](Relation::with_sessions).
pub(crate) fn check_partition(window: &WindowSpec, keys: &[Bound], at: Position) -> Result<()> {
    if window.is_partitioned_by(keys) {
        return Ok(());
    }
    let partition = window.partition.as_deref().unwrap_or_default();
    let wanted = match partition {
        [] => "no column".to_owned(),
        columns => columns.iter().map(|c| c.text.as_str()).collect::<Vec<_>>().join(", "),
    };
    let message = format!(
        "GROUP BY beside window_start and window_end names other columns than PARTITION BY of \
         SESSION over processing time, which names {wanted}"
    );
    Err(SqlError::new(at, message)
        .hint("name the same columns in both: SESSION(TABLE t PARTITION BY k, ...) GROUP BY k"))
}

/// The column of `DESCRIPTOR(ts)`, which must carry the watermark or be processing time.
fn row_time(relation: &Relation, time: &ast::Expr, at: Position) -> Result<Bound> {
    let wrong = || SqlError::new(place_of(time, at), "the time column is given as DESCRIPTOR(ts)");
    let ast::Expr::Function(function) = time else { return Err(wrong()) };
    let is_descriptor =
        function_name(&function.name, at).is_ok_and(|n| n.eq_ignore_ascii_case("DESCRIPTOR"));
    let names = crate::expr::function_arguments(function, "DESCRIPTOR", at)?;
    let (true, [ast::Expr::Identifier(name)]) = (is_descriptor, names.as_slice()) else {
        return Err(wrong());
    };
    let place = start_of(name.span).unwrap_or(at);
    let column = relation.column(None, name, place)?;
    check_row_time(&column, &name.value, place)?;
    Ok(column)
}

fn check_row_time(column: &Bound, name: &str, at: Position) -> Result<()> {
    if matches!(column.meaning, Meaning::RowTime | Meaning::WindowTime | Meaning::ProcTime) {
        return Ok(());
    }
    // Sides of joins have names that nobody wrote.
    let mut name = name;
    while let Some(own) = name.strip_prefix("L.").or_else(|| name.strip_prefix("R.")) {
        name = own;
    }
    let message = format!("column \"{name}\" has no watermark here, so its windows never end");
    Err(SqlError::new(at, message).hint(format!(
        "add WATERMARK FOR {name} AS {name} - INTERVAL '5' SECOND to its table and do not compute \
         with it; behind a join without bounds on times, DISTINCT or GROUP BY there is none: put the \
         windows before these, or take a column that is PROCTIME()"
    )))
}

/// The windows that the rows of an aggregation carry on; none where they change, so that no
/// watermark tells when they are all there.
pub(crate) fn of_aggregation(node: &Arc<WindowNode>) -> Option<WindowSpec> {
    if node.lateness_ms.is_some() {
        return None;
    }
    let window = kind::results_of(node.window.window)?;
    let row_time = window_column(2, Meaning::WindowTime, &node.window.row_time.data_type);
    Some(spec(&Base::Window(Arc::clone(node)), row_time, window))
}

/// The windows of a relation's row-time.
pub(crate) fn spec(base: &Base, row_time: Bound, window: Window) -> WindowSpec {
    let path = match base {
        Base::Table(table) => format!("{}.{}", table.name, row_time.text),
        Base::Window(node) => format!("{}.{}", node.window.name(), row_time.text),
        Base::Group(_)
        | Base::Join(_)
        | Base::Union(_)
        | Base::Rank(_)
        | Base::Over(_)
        | Base::Expand(_)
        | Base::Unnest(_)
        | Base::Pattern(_)
        | Base::Temporal(_) => {
            format!("({}).{}", base.tables().join(","), row_time.text)
        }
    };
    WindowSpec { window, row_time, path, partition: None, behind: Vec::new(), at: None }
}

impl Relation {
    /// Refuses windows that rows can only be grouped by.
    pub(crate) fn refuse_expanded(&self, at: Position) -> Result<()> {
        let Some(spec) = &self.window else { return Ok(()) };
        let message = match kind::expanding(spec.window) {
            Some(name) => format!("the windows of {name} without GROUP BY are not supported yet"),
            None if spec.is_processing() => {
                "windows of processing time without GROUP BY are not supported yet".to_owned()
            }
            None => return Ok(()),
        };
        Err(SqlError::new(spec.at.unwrap_or(at), message)
            .hint("group by window_start and window_end"))
    }
}

/// A local time of a window as an instant, which is not before that of any row in the window.
fn instant_of(local: Bound) -> Bound {
    Bound { expr: latest_instant(local.expr), data_type: timestamp_ltz(), ..local }
}

/// What begins the name of a window column without a value; no column of a table has it.
const EXPANDED: char = '\0';

/// Refuses a window column without a value.
pub(crate) fn refuse_expanded(bound: &Bound, at: Position) -> Result<()> {
    match &bound.expr {
        Expr::Column(column) if column.name.starts_with(EXPANDED) => {
            let message = format!("{} has no value before rows are grouped by it", bound.text);
            Err(SqlError::new(at, message)
                .hint("group by window_start and window_end, and put conditions into HAVING"))
        }
        _ => Ok(()),
    }
}

/// Appends `window_start`, `window_end` and `window_time`. Where the table has such columns of its own,
/// none of the two can be named, as in Flink.
fn add_window(relation: &mut Relation, spec: WindowSpec) {
    forget_windows(relation);
    let meanings = [Meaning::WindowStart, Meaning::WindowEnd, Meaning::WindowTime];
    let types = window_types(&spec.row_time.data_type);
    let exprs = window_exprs(&spec);
    for (index, expr) in exprs.into_iter().enumerate() {
        let name = WINDOW_COLUMNS[index];
        let data_type = types[index].clone();
        let mut value = Bound::column(name, name.to_owned(), data_type, spec.row_time.nullable);
        value.meaning = meanings[index];
        value.expr = match expr {
            None => crate::expr::column_expr(&format!("{EXPANDED}{name}")),
            Some(expr) if value.data_type == TIMESTAMP => expr,
            Some(expr) => latest_instant(expr),
        };
        relation.fields.push(Field { qualifier: None, name: name.to_owned(), value, at: None });
    }
    relation.window = Some(spec);
}

/// The bounds of an earlier window are from now on columns like others.
fn forget_windows(relation: &mut Relation) {
    for field in &mut relation.fields {
        match field.value.meaning {
            Meaning::WindowStart | Meaning::WindowEnd => field.value.meaning = Meaning::Plain,
            Meaning::WindowTime => field.value.meaning = Meaning::RowTime,
            Meaning::Plain | Meaning::RowTime | Meaning::ProcTime => {}
        }
    }
}

/// The window columns as local times, where they can be computed from the row.
fn window_exprs(spec: &WindowSpec) -> [Option<Expr>; 3] {
    // The window of processing time that a row lies in is found by the operator that it comes to.
    let Window::Tumble { size_ms, offset_ms } = spec.window else { return [None, None, None] };
    if spec.is_processing() {
        return [None, None, None];
    }
    let local = spec.row_time.clone().implicit_cast(&TIMESTAMP);
    let start = window_start(local.expr, size_ms, offset_ms, &TIMESTAMP);
    let shifted = |ms: i64| {
        let by = Expr::Literal(ScalarValue::DurationMillisecond(Some(ms)), None);
        binary_expr(start.clone(), Operator::Plus, by)
    };
    [Some(start.clone()), Some(shifted(size_ms)), Some(shifted(size_ms - 1))]
}

/// The columns that a window function appends.
pub(crate) const WINDOW_COLUMNS: [&str; 3] = ["window_start", "window_end", "window_time"];

/// Their types: bounds are local times, as in Flink, and `window_time` stays a row-time.
pub(crate) fn window_types(row_time_type: &DataType) -> [DataType; 3] {
    [TIMESTAMP, TIMESTAMP, row_time_type.clone()]
}

/// The window columns as an aggregation has them.
pub(crate) fn window_fields(row_time_type: &DataType) -> impl Iterator<Item = ArrowField> {
    let columns = WINDOW_COLUMNS.into_iter().zip(window_types(row_time_type));
    columns.map(|(name, data_type)| ArrowField::new(name, data_type, false))
}

/// A window column of an aggregation.
pub(crate) fn window_column(index: usize, meaning: Meaning, row_time_type: &DataType) -> Bound {
    let name = WINDOW_COLUMNS[index];
    let data_type = window_types(row_time_type)[index].clone();
    Bound { meaning, ..Bound::column(name, name.to_owned(), data_type, false) }
}
