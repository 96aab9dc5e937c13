//! The rows of sessions: where they are not grouped by the bounds of their sessions alone.
//!
//! Which session a row lies in is known once the session is over. Until then a window aggregation
//! has its rows as a list, whose elements are the rows that go on.

use std::collections::BTreeSet;

use datafusion_expr::Expr;
use sabot_core::plan::{AggregateFunction, Window};
use sqlparser::ast;

use super::{EXPANDED, WINDOW_COLUMNS, group, rows_change, window_column};
use crate::aggregate::{GroupScope, Times};
use crate::columns::Columns;
use crate::error::{Position, Result, SqlError};
use crate::expr::{Binder, Bound, Meaning, precedence};
use crate::functions::rows::{row, row_type};
use crate::relation::{Field, Relation, WindowSpec, both, inlined};
use crate::types::array_of;
use crate::unnest::with_elements;

impl Relation {
    /// Whether a row lies in a session of event time that a table function makes.
    pub(super) fn is_of_sessions(&self) -> bool {
        self.window.as_ref().is_some_and(|window| {
            window.partition.is_some()
                && matches!(window.of_event_time(), Some(Window::Session { .. }))
        })
    }

    /// Whether rows that are grouped by these expressions are grouped by their sessions: by the
    /// bounds, and by what sessions are told apart by.
    pub(super) fn are_sessions(&self, group_by: &[ast::Expr], at: Position) -> bool {
        let Some(window) = &self.window else { return false };
        let bound = group_by.iter().map(|expr| Binder::new(self, at).bind(expr));
        let Ok(grouped) = bound.collect::<Result<Vec<Bound>>>() else { return false };
        let is_bound = |bound: &Bound| {
            matches!(bound.meaning, Meaning::WindowStart | Meaning::WindowEnd | Meaning::WindowTime)
        };
        let keys: Vec<Bound> = grouped.into_iter().filter(|bound| !is_bound(bound)).collect();
        window.is_partitioned_by(&keys)
    }

    /// Keeps only rows of sessions for which a condition is true; the condition again if there are no
    /// sessions.
    pub(crate) fn hold_behind_sessions(&mut self, condition: Bound) -> Option<Bound> {
        if !self.is_of_sessions() {
            return Some(condition);
        }
        if let Some(window) = &mut self.window {
            window.behind.push(condition);
        }
        None
    }

    /// The same rows, each once its session is over, with the bounds of that.
    pub(super) fn with_sessions(mut self, mut windows: WindowSpec, at: Position) -> Result<Self> {
        if self.base.is_updating() {
            return Err(rows_change(at));
        }
        let behind = std::mem::take(&mut windows.behind);
        self.window = Some(windows.clone());
        let mut columns = Columns::default();
        let is_bound = |field: &Field| matches!(&field.value.expr, Expr::Column(column) if column.name.starts_with(EXPANDED));
        let kept = self.fields.iter().filter(|field| !is_bound(field));
        let places: Vec<usize> = kept.map(|field| columns.take(&field.value)).collect();
        let mut read: Vec<(String, usize)> = Vec::new();
        for name in behind.iter().flat_map(|condition| names_in(&condition.expr)) {
            let column = self.base_column(&name, at)?;
            read.push((name, columns.take(&column)));
        }
        let values: Vec<Bound> =
            columns.columns.iter().map(|(_, value)| value.clone().plain()).collect();
        let whole = row_of(&values, at)?;
        let data_type = (array_of(whole.data_type.clone(), false), true);
        let title = windows.name();
        let bounds = group::bounds(&self);
        let partition = windows.partition.clone().unwrap_or_default();
        let grouped = partition.into_iter().map(Bound::plain).chain(bounds).collect();
        let scope = GroupScope::new(&self, grouped, at)?;
        let list =
            scope.register(AggregateFunction::AllValues, Some((whole, false)), None, data_type);
        let time = &windows.row_time.data_type;
        let meanings = [Meaning::WindowStart, Meaning::WindowEnd, Meaning::WindowTime];
        let bound = |(index, meaning): (usize, Meaning)| Field {
            qualifier: None,
            name: WINDOW_COLUMNS[index].to_owned(),
            value: window_column(index, meaning, time),
            at: None,
        };
        let fields: Vec<Field> = meanings.into_iter().enumerate().map(bound).collect();
        let base = scope.into_base(Times::default(), at)?;
        let sessions = Relation { base, filter: None, fields, window: None };
        let list = Bound { text: title, ..list };
        let (rows, _) = with_elements(sessions, &list, false, at)?;
        let (bounds, parts) = rows.fields.split_at(WINDOW_COLUMNS.len());
        let mut next = places.into_iter();
        let named = self.fields.iter().map(|field| {
            let value = if is_bound(field) {
                let index = WINDOW_COLUMNS.iter().position(|name| field.value.text == *name);
                bounds[index.unwrap_or_default()].value.clone()
            } else {
                parts[next.next().unwrap_or_default()].value.clone()
            };
            // The bounds tell no windows of rows any more, but the last moment is a row time.
            let meaning = match value.meaning {
                Meaning::WindowTime => Meaning::RowTime,
                _ => Meaning::Plain,
            };
            let (text, precedence) = (field.value.text.clone(), field.value.precedence);
            Field { value: Bound { text, precedence, meaning, ..value }, ..field.clone() }
        });
        let fields = named.collect();
        let part = |(name, place): &(String, usize)| (name.clone(), parts[*place].value.clone());
        let read: Vec<(String, Bound)> = read.iter().map(part).collect();
        let over = |condition: Bound| Bound { expr: inlined(&condition.expr, &read), ..condition };
        let filter = behind.into_iter().map(over).reduce(both);
        Ok(Relation { fields, filter, base: rows.base, window: None })
    }

    /// A column of the base.
    fn base_column(&self, name: &str, at: Position) -> Result<Bound> {
        let field = self.base.schema().as_arrow().field_with_name(name);
        let field = field.map_err(|error| SqlError::new(at, error.to_string()))?;
        Ok(Bound::column(name, name.to_owned(), field.data_type().clone(), field.is_nullable()))
    }
}

/// The columns that an expression reads.
fn names_in(expr: &Expr) -> BTreeSet<String> {
    expr.column_refs().into_iter().map(|column| column.name.clone()).collect()
}

fn row_of(values: &[Bound], at: Position) -> Result<Bound> {
    let texts: Vec<&str> = values.iter().map(|value| value.text.as_str()).collect();
    Ok(Bound {
        expr: row(values, at)?,
        data_type: row_type(values),
        nullable: false,
        text: format!("ROW({})", texts.join(", ")),
        precedence: precedence::ATOM,
        meaning: Meaning::Plain,
    })
}

impl WindowSpec {
    /// Whether sessions are told apart by these.
    pub(super) fn is_partitioned_by(&self, keys: &[Bound]) -> bool {
        let Some(partition) = &self.partition else { return true };
        let has = |all: &[Bound], one: &Bound| all.iter().any(|other| other.text == one.text);
        keys.iter().all(|key| has(partition, key)) && partition.iter().all(|key| has(keys, key))
    }
}
