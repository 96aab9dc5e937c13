//! The older group windows: `GROUP BY TUMBLE(ts, INTERVAL '10' SECOND), k`, with `TUMBLE_START` and
//! its like. They make the same windows, and the same state, as the table functions.

use sabot_core::plan::Window;
use sqlparser::ast::{self, Function};

use super::arguments::{self, AnySize, Kind};
use super::{WINDOW_COLUMNS, check_row_time, forget_windows, spec, window_column};
use crate::ambient;
use crate::error::{Position, Result, SqlError};
use crate::expr::{Binder, Bound, Meaning, function_arguments, function_name, place_of};
use crate::relation::{Base, Relation, WindowSpec};

/// What an auxiliary function tells of a window.
const AUXILIARY: [(&str, Option<(usize, Meaning)>); 4] = [
    ("_START", Some((0, Meaning::WindowStart))),
    ("_END", Some((1, Meaning::WindowEnd))),
    ("_ROWTIME", Some((2, Meaning::WindowTime))),
    ("_PROCTIME", None),
];

/// The windows of a `GROUP BY`: which of its expressions makes them, and the relation with them.
pub(crate) fn window_of(
    input: &Relation,
    group_by: &[ast::Expr],
    at: Position,
) -> Result<Option<(usize, Relation)>> {
    let mut found = None;
    for (index, expr) in group_by.iter().enumerate() {
        let Some((kind, function)) = call(expr, at) else { continue };
        let place = place_of(expr, at);
        if found.is_some() {
            return Err(SqlError::new(place, "GROUP BY has two windows"));
        }
        if kind == Kind::Cumulate {
            return Err(SqlError::new(place, "CUMULATE cannot stand in GROUP BY").hint(kind.form()));
        }
        input.refuse_expanded(place)?;
        let mut relation = input.clone();
        forget_windows(&mut relation);
        let spec = window(&relation, kind, function, place)?;
        let is_even =
            matches!(spec.window, Window::Hop(steps) if steps.size_ms % steps.step_ms == 0);
        let by_slices = is_even || kind != Kind::Hop;
        if !by_slices && spec.is_processing() {
            let message = "the size of HOP over processing time must be a multiple of its slide";
            return Err(SqlError::new(place, message));
        }
        relation.window = Some(spec);
        // Slices are as long as a step, and windows are made of slices.
        let relation = if by_slices { relation } else { relation.expanded(place)? };
        found = Some((index, relation));
    }
    Ok(found)
}

/// The window function that an expression of `GROUP BY` calls.
fn call(expr: &ast::Expr, at: Position) -> Option<(Kind, &Function)> {
    match expr {
        ast::Expr::Nested(inner) => call(inner, at),
        ast::Expr::Function(function) => {
            let name = function_name(&function.name, at).ok()?.to_ascii_uppercase();
            Kind::of(&name).map(|kind| (kind, function))
        }
        _ => None,
    }
}

/// The windows that a call names: its row-time, then the intervals.
fn window(
    relation: &Relation,
    kind: Kind,
    function: &Function,
    at: Position,
) -> Result<WindowSpec> {
    let given = function_arguments(function, kind.name(), at)?;
    let intervals = if kind == Kind::Hop { 2 } else { 1 };
    let Some((time, rest)) = given.split_first().filter(|(_, rest)| rest.len() == intervals) else {
        let form = match kind {
            Kind::Hop => "HOP(ts, INTERVAL '2' SECOND, INTERVAL '10' SECOND), with the slide first",
            Kind::Session => "SESSION(ts, INTERVAL '10' SECOND)",
            Kind::Tumble | Kind::Cumulate => "TUMBLE(ts, INTERVAL '10' SECOND)",
        };
        let message = format!("{} takes other arguments in GROUP BY", kind.name());
        return Err(SqlError::new(at, message).hint(format!("write GROUP BY {form}")));
    };
    let place = place_of(time, at);
    let row_time = Binder::new(relation, place).bind(time)?;
    check_row_time(&row_time, &row_time.text, place)?;
    Ok(spec(&relation.base, row_time, arguments::window(kind, rest, AnySize::Taken, at)?))
}

/// What a window adds to the grouped columns.
pub(crate) fn bounds(relation: &Relation) -> Vec<Bound> {
    let Some(window) = &relation.window else { return Vec::new() };
    let columns = WINDOW_COLUMNS.into_iter().zip(AUXILIARY).filter_map(|(name, (_, part))| {
        let data_type = window.row_time.data_type.clone();
        let column = Bound::column(name, name.to_owned(), data_type, false);
        part.map(|(_, meaning)| Bound { meaning, ..column })
    });
    columns.collect()
}

/// The value of `TUMBLE_START(ts, INTERVAL '10' SECOND)` and its like, which repeats the arguments
/// of the window that rows are grouped by; none for another function.
pub(crate) fn auxiliary(
    input: &Relation,
    window: &WindowSpec,
    function: &Function,
    name: &str,
    at: Position,
) -> Result<Option<Bound>> {
    let Some((kind, part)) = auxiliary_of(name) else { return Ok(None) };
    let named = self::window(input, kind, function, at)?;
    // A table function has its own columns.
    let is = |windows: Window, time: &str| named.window == windows && named.row_time.text == time;
    let same = match &input.base {
        Base::Expand(node) if node.is_told_by(window) => {
            is(node.window, &node.feed.columns[node.row_time].0)
        }
        _ => is(window.window, &window.row_time.text),
    };
    if window.at.is_some() || !same {
        return Err(SqlError::new(at, format!("{name} names a window that GROUP BY does not"))
            .hint(format!("repeat the arguments that {} has in GROUP BY", kind.name())));
    }
    let Some((index, meaning)) = part else { return Ok(Some(ambient::attribute())) };
    if meaning == Meaning::WindowTime && window.is_processing() {
        let message = format!("{name}: windows of processing time have no event time");
        return Err(SqlError::new(at, message).hint(format!(
            "take {}_END or {}_PROCTIME",
            kind.name(),
            kind.name()
        )));
    }
    Ok(Some(window_column(index, meaning, &window.row_time.data_type)))
}

fn auxiliary_of(name: &str) -> Option<(Kind, Option<(usize, Meaning)>)> {
    AUXILIARY.iter().find_map(|(suffix, part)| {
        let kind = Kind::of(name.strip_suffix(suffix)?)?;
        Some((kind, *part)).filter(|_| kind != Kind::Cumulate)
    })
}

/// Refuses a window function, or one that tells of a window, where there is none.
pub(crate) fn refuse(name: &str, at: Position) -> Result<()> {
    if Kind::of(name).is_some() {
        return Err(SqlError::new(at, format!("{name} cannot stand here"))
            .hint("a window stands in GROUP BY, or in FROM as TABLE(TUMBLE(...))"));
    }
    match auxiliary_of(name) {
        None => Ok(()),
        Some((kind, _)) => Err(SqlError::new(at, format!("{name} cannot stand here"))
            .hint(format!("it needs GROUP BY {}(...)", kind.name()))),
    }
}
