//! Window table functions: `TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND))`.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion_common::ScalarValue;
use datafusion_expr::{Expr, Operator, binary_expr, cast};
use sqlparser::ast::{
    self, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Spanned, UnaryOperator,
};

use crate::aggregate::WindowNode;
use crate::error::{Position, Result, SqlError, start_of};
use crate::expr::{Bound, Meaning, Scope, function_name, interval_ms, place_of, window_start};
use crate::query::Queries;
use crate::relation::{Base, Field, Relation, WindowSpec};
use crate::types::TIMESTAMP;

const FORM: &str = "write TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND))";

/// Resolves a table function in FROM.
pub(crate) fn table_function(
    queries: &Queries<'_>,
    function: &Function,
    at: Position,
) -> Result<Relation> {
    let name = function_name(&function.name, at)?.to_ascii_uppercase();
    match name.as_str() {
        "TUMBLE" => {}
        "HOP" | "CUMULATE" | "SESSION" => {
            return Err(SqlError::new(
                at,
                format!("the window function {name} is not supported yet"),
            )
            .hint("TUMBLE is"));
        }
        _ => {
            return Err(SqlError::new(at, format!("unknown table function {name}")).hint(FORM));
        }
    }
    let Arguments { data, time, size, offset } = arguments(function, at)?;
    let mut relation = data_argument(queries, data, at)?;
    let row_time = row_time(&relation, time, at)?;
    let size_at = place_of(size, at);
    let size_ms = interval(size, size_at)?;
    if size_ms <= 0 {
        return Err(SqlError::new(size_at, "the size of a window must be above 0"));
    }
    let offset_ms = offset.map_or(Ok(0), |o| interval(o, place_of(o, at)))?.rem_euclid(size_ms);
    add_window(&mut relation, row_time, size_ms, offset_ms, at)?;
    Ok(relation)
}

struct Arguments<'a> {
    data: &'a ast::Expr,
    time: &'a ast::Expr,
    size: &'a ast::Expr,
    offset: Option<&'a ast::Expr>,
}

/// The arguments by place or by name.
fn arguments(function: &Function, at: Position) -> Result<Arguments<'_>> {
    const NAMES: [&str; 4] = ["DATA", "TIMECOL", "SIZE", "OFFSET"];
    let FunctionArguments::List(list) = &function.args else {
        return Err(SqlError::new(at, "TUMBLE needs arguments").hint(FORM));
    };
    let mut found: [Option<&ast::Expr>; 4] = [None; 4];
    for (place, argument) in list.args.iter().enumerate() {
        let (index, value) = match argument {
            FunctionArg::Unnamed(value) => (Some(place), value),
            FunctionArg::Named { name, arg, .. } => {
                (NAMES.iter().position(|n| n.eq_ignore_ascii_case(&name.value)), arg)
            }
            FunctionArg::ExprNamed { arg, .. } => (None, arg),
        };
        let (Some(slot), FunctionArgExpr::Expr(value)) =
            (index.and_then(|i| found.get_mut(i)), value)
        else {
            let place = start_of(argument.span()).unwrap_or(at);
            let message = format!("TUMBLE has no argument {argument}");
            return Err(SqlError::new(place, message)
                .hint("its arguments are DATA, TIMECOL, SIZE and OFFSET"));
        };
        *slot = Some(value);
    }
    let [Some(data), Some(time), Some(size), offset] = found else {
        let message = "TUMBLE needs a table, a DESCRIPTOR and a size";
        return Err(SqlError::new(at, message).hint(FORM));
    };
    Ok(Arguments { data, time, size, offset })
}

fn data_argument(queries: &Queries<'_>, data: &ast::Expr, at: Position) -> Result<Relation> {
    match data {
        ast::Expr::Identifier(name) => queries.named(name, place_of(data, at)),
        ast::Expr::Subquery(query) => queries.query(query),
        ast::Expr::CompoundIdentifier(parts) => {
            Err(parts.first().map_or_else(|| SqlError::new(at, FORM), crate::statement::qualified))
        }
        other => {
            let message = format!("the first argument of TUMBLE is a table, not {other}");
            Err(SqlError::new(place_of(other, at), message).hint(FORM))
        }
    }
}

/// The column of `DESCRIPTOR(ts)`, which must carry the watermark.
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
    check_row_time(&column, name, place)?;
    Ok(column)
}

fn check_row_time(column: &Bound, name: &Ident, at: Position) -> Result<()> {
    if matches!(column.meaning, Meaning::RowTime | Meaning::WindowTime) {
        return Ok(());
    }
    let message = format!("column \"{}\" has no watermark, so its windows never end", name.value);
    Err(SqlError::new(at, message).hint(format!(
        "add WATERMARK FOR {0} AS {0} - INTERVAL '5' SECOND to its table and do not compute with it",
        name.value
    )))
}

/// The milliseconds of a constant interval, possibly with a minus before it.
fn interval(expr: &ast::Expr, at: Position) -> Result<i64> {
    match expr {
        ast::Expr::Interval(interval) => interval_ms(interval, at),
        ast::Expr::UnaryOp { op: UnaryOperator::Minus, expr } => Ok(-interval(expr, at)?),
        ast::Expr::Nested(inner) => interval(inner, at),
        other => Err(SqlError::new(at, format!("expected an interval, found: {other}"))
            .hint("write INTERVAL '10' SECOND")),
    }
}

/// The windows that the rows of an aggregation carry on.
pub(crate) fn of_aggregation(node: &Arc<WindowNode>) -> WindowSpec {
    let row_time = window_column(2, Meaning::WindowTime, &node.window.row_time.data_type);
    let base = Base::Window(Arc::clone(node));
    spec(&base, row_time, node.window.size_ms, node.window.offset_ms)
}

/// The windows of a relation's row-time.
fn spec(base: &Base, row_time: Bound, size_ms: i64, offset_ms: i64) -> WindowSpec {
    let path = match base {
        Base::Table(table) => format!("{}.{}", table.name, row_time.text),
        Base::Window(node) => format!("{}.{}", node.window.name(), row_time.text),
        Base::Group(_) | Base::Join(_) | Base::Union(_) | Base::Rank(_) => {
            format!("({}).{}", base.tables().join(","), row_time.text)
        }
    };
    WindowSpec { size_ms, offset_ms, row_time, path }
}

/// Appends `window_start`, `window_end` and `window_time`.
fn add_window(
    relation: &mut Relation,
    row_time: Bound,
    size_ms: i64,
    offset_ms: i64,
    at: Position,
) -> Result<()> {
    if let Some(field) = relation.fields.iter().find(|f| WINDOW_COLUMNS.contains(&f.name.as_str()))
    {
        let message = format!("the table of TUMBLE already has a column \"{}\"", field.name);
        return Err(SqlError::new(at, message).hint("rename it in a subquery"));
    }
    // The bounds of an earlier window are from now on columns like others.
    for field in &mut relation.fields {
        match field.value.meaning {
            Meaning::WindowStart | Meaning::WindowEnd => field.value.meaning = Meaning::Plain,
            Meaning::WindowTime => field.value.meaning = Meaning::RowTime,
            Meaning::Plain | Meaning::RowTime => {}
        }
    }
    let time_type = row_time.data_type.clone();
    let start = window_start(row_time.expr.clone(), size_ms, offset_ms, &time_type);
    let shifted = |ms: i64| {
        let by = Expr::Literal(ScalarValue::DurationMillisecond(Some(ms)), None);
        binary_expr(start.clone(), Operator::Plus, by)
    };
    let columns = [
        (Meaning::WindowStart, start.clone(), TIMESTAMP),
        (Meaning::WindowEnd, shifted(size_ms), TIMESTAMP),
        (Meaning::WindowTime, shifted(size_ms - 1), time_type.clone()),
    ];
    for (name, (meaning, expr, data_type)) in WINDOW_COLUMNS.into_iter().zip(columns) {
        let expr = if data_type == time_type { expr } else { cast(expr, data_type.clone()) };
        let value = Bound {
            expr,
            meaning,
            ..Bound::column(name, name.to_owned(), data_type, row_time.nullable)
        };
        relation.fields.push(Field { qualifier: None, name: name.to_owned(), value, at: None });
    }
    relation.window = Some(spec(&relation.base, row_time, size_ms, offset_ms));
    Ok(())
}

/// The columns that a window function appends.
pub(crate) const WINDOW_COLUMNS: [&str; 3] = ["window_start", "window_end", "window_time"];

/// A window column of an aggregation. Instants become local times, as in Flink, but for
/// `window_time`, which stays a row-time.
pub(crate) fn window_column(index: usize, meaning: Meaning, row_time_type: &DataType) -> Bound {
    let name = WINDOW_COLUMNS[index];
    let column = Bound::column(name, name.to_owned(), row_time_type.clone(), false);
    match meaning {
        Meaning::WindowTime => Bound { meaning, ..column },
        _ => Bound { meaning, ..column.implicit_cast(&TIMESTAMP) },
    }
}
