//! Windows that a row lies in several of, as rows: where they are not grouped by.

use std::sync::Arc;

use arrow::datatypes::Field as ArrowField;
use datafusion_common::{DFSchemaRef, ScalarValue};
use datafusion_expr::{Expr, Operator, binary_expr};
use sabot_core::plan::Window;
use sqlparser::ast;

use super::{EXPANDED, WINDOW_COLUMNS, instant_of, kind, rows_change, spec, window_types};
use crate::columns::Columns;
use crate::error::{Position, Result};
use crate::expr::{Binder, Bound, Meaning};
use crate::relation::{Base, EventWindows, Feed, Field, Relation, WindowSpec, columns_schema};

/// The rows of a relation, each once for every window that it lies in.
#[derive(Debug)]
pub(crate) struct ExpandNode {
    pub feed: Feed,
    pub window: Window,
    /// The row-time column of the feed.
    pub row_time: usize,
    /// The feed's columns, then those of [`EXPAND_COLUMNS`].
    pub schema: DFSchemaRef,
}

impl ExpandNode {
    /// Whether these are the node's windows, as its rows tell them.
    pub(super) fn is_told_by(&self, window: &WindowSpec) -> bool {
        kind::results_of(self.window) == Some(window.window)
            && window.row_time.text == WINDOW_COLUMNS[2]
    }
}

/// The columns of the windows' bounds.
pub(crate) const EXPAND_COLUMNS: [&str; 3] = ["$window_start", "$window_end", "$window_time"];

impl Relation {
    /// Whether a row lies in several windows that can be told from it, in a session, or in a window of
    /// processing time, which an operator tells.
    fn expands(&self) -> bool {
        let Some(spec) = &self.window else { return false };
        match spec.window {
            Window::Hop(_) | Window::Cumulate(_) => true,
            Window::Tumble { .. } => spec.is_processing() && spec.at.is_some(),
            _ => self.is_of_sessions(),
        }
    }

    /// Has each row once for every window, where these expressions compute with its bounds.
    pub(crate) fn expand_for(&mut self, exprs: &[&ast::Expr], at: Position) -> Result<()> {
        let computes = |expr: &&ast::Expr| Binder::new(&*self, at).bind(expr).is_err();
        if self.expands() && exprs.iter().any(computes) {
            *self = self.clone().expanded(at)?;
        }
        Ok(())
    }

    /// The rows that are grouped by these expressions: each once for every window unless they are
    /// grouped by both of its bounds, and by what sessions are told apart by.
    pub(crate) fn expanded_unless_by_windows(
        &self,
        group_by: &[ast::Expr],
        at: Position,
    ) -> Result<Option<Self>> {
        let has = |meaning| {
            let bound = |expr| Binder::new(self, at).bind(expr);
            group_by.iter().any(|expr| bound(expr).is_ok_and(|bound| bound.meaning == meaning))
        };
        let by_bounds = has(Meaning::WindowStart) && has(Meaning::WindowEnd);
        let by_windows = by_bounds && (!self.is_of_sessions() || self.are_sessions(group_by, at));
        if !self.expands() || by_windows {
            return Ok(None);
        }
        self.clone().expanded(at).map(Some)
    }

    /// The same rows, where a row lies in several windows once for each of them.
    pub(crate) fn expanded(self, at: Position) -> Result<Self> {
        if !self.expands() {
            self.refuse_expanded(at)?;
            return Ok(self);
        }
        let Some(windows) = self.window.clone() else { return Ok(self) };
        if self.is_of_sessions() {
            return self.with_sessions(windows, at);
        }
        if self.base.is_updating() {
            return Err(rows_change(at));
        }
        let mut columns = Columns::default();
        let row_time = columns.take(&windows.row_time);
        let types = window_types(&windows.row_time.data_type);
        let mut fields = Vec::new();
        for field in self.fields {
            let window = match &field.value.expr {
                Expr::Column(column) => column.name.strip_prefix(EXPANDED),
                _ => None,
            };
            let window = window.and_then(|name| WINDOW_COLUMNS.iter().position(|w| *w == name));
            let column = match window {
                Some(index) => {
                    let text = WINDOW_COLUMNS[index].to_owned();
                    Bound::column(EXPAND_COLUMNS[index], text, types[index].clone(), false)
                }
                None => {
                    let place = columns.take(&field.value);
                    columns.column(place)
                }
            };
            let is_time = field.value.meaning == Meaning::ProcTime || window.is_some();
            let meaning = match windows.is_processing() && is_time {
                // It was the time of an operator before.
                true => Meaning::Plain,
                false => field.value.meaning,
            };
            fields.push(Field { value: Bound { meaning, ..column }, ..field });
        }
        let mut arrow: Vec<ArrowField> = columns.fields();
        for (name, data_type) in EXPAND_COLUMNS.into_iter().zip(&types) {
            arrow.push(ArrowField::new(name, data_type.clone(), false));
        }
        let schema = columns_schema(arrow, at)?;
        let feed = Feed { base: self.base, filter: self.filter, columns: columns.columns };
        let node = ExpandNode { feed, window: windows.window, row_time, schema };
        let base = Base::Expand(Arc::new(node));
        let time = EXPAND_COLUMNS[2];
        let time = Bound::column(time, WINDOW_COLUMNS[2].to_owned(), types[2].clone(), false);
        let told = kind::results_of(windows.window).filter(|_| !windows.is_processing());
        let window =
            told.map(|window| spec(&base, Bound { meaning: Meaning::WindowTime, ..time }, window));
        Ok(Self { base, filter: None, fields, window })
    }
}

/// The windows of rows whose windows end at `end`.
pub(crate) fn of_ends(base: &Base, end: &Bound, of: EventWindows) -> Option<WindowSpec> {
    let last = Expr::Literal(ScalarValue::DurationMillisecond(Some(1)), None);
    let row_time = Bound {
        expr: binary_expr(end.expr.clone(), Operator::Minus, last),
        meaning: Meaning::WindowTime,
        text: WINDOW_COLUMNS[2].to_owned(),
        ..end.clone()
    };
    let row_time = if of.of_instants { instant_of(row_time) } else { row_time };
    kind::results_of(of.window).map(|window| spec(base, row_time, window))
}
