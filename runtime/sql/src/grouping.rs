//! What a SELECT groups by: its `GROUP BY`, `DISTINCT`, and aggregates without either.

mod sets;
mod syntax;

use std::ops::ControlFlow;

use sqlparser::ast::{Expr, GroupByExpr, Query, Select, Visit, Visitor};

use crate::aggregate::{GroupScope, Times};
use crate::error::{Position, Result, SqlError};
use crate::expr::{Binder, Bound, boolean, function_name, is_aggregate, place_of};
use crate::query::unsupported;
use crate::relation::{Base, Field, Relation};
use crate::select_list::written_list;
use crate::types::flink_name;
use crate::union::union_all;
use crate::window;

pub(crate) use syntax::groupings;

/// The list of `GROUP BY` and its place.
pub(crate) fn group_by(group_by: &GroupByExpr, at: Position) -> Result<(&[Expr], Position)> {
    match group_by {
        GroupByExpr::Expressions(list, modifiers) => {
            let place = list.first().map_or(at, |expr| place_of(expr, at));
            if !modifiers.is_empty() {
                return Err(unsupported("GROUP BY ... WITH", place));
            }
            Ok((list, place))
        }
        GroupByExpr::All(_) => Err(unsupported("GROUP BY ALL", at)),
    }
}

/// Whether a SELECT without GROUP BY aggregates.
pub(crate) fn aggregates(select: &Select, at: Position) -> bool {
    select.having.is_some() || select.projection.visit(&mut Aggregates { at, depth: 0 }).is_break()
}

/// Breaks at an aggregate that is not one of a subquery.
struct Aggregates {
    at: Position,
    /// Of how many subqueries it is within.
    depth: usize,
}

impl Visitor for Aggregates {
    type Break = ();

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Function(f)
                if self.depth == 0
                    && f.over.is_none()
                    && function_name(&f.name, self.at).is_ok_and(is_aggregate) =>
            {
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        }
    }
}

/// Each row once.
pub(crate) fn distinct(input: Relation, ttl_ms: Option<u64>, at: Position) -> Result<Relation> {
    let input = input.expanded(at)?;
    let grouped: Vec<Bound> = input.fields.iter().map(|field| field.value.clone()).collect();
    for key in &grouped {
        check_key(key, at)?;
    }
    let fields = input.fields.clone();
    let input = Relation { window: None, ..input };
    let scope = GroupScope::new(&input, grouped, at)?;
    let columns = fields.into_iter().map(|field| {
        let value = scope.key(&field.value).unwrap_or_else(|| field.value.clone());
        Field { value, ..field }
    });
    let fields = columns.collect();
    let times = Times { ttl: ttl_ms, ..Times::default() };
    Ok(Relation { base: scope.into_base(times, at)?, filter: None, fields, window: None })
}

/// The groups of a SELECT: what their states keep, and whether its rows are written by their keys.
pub(crate) fn aggregate(
    select: &Select,
    input: &Relation,
    group_by: &[Expr],
    kept: (Times, bool),
    at: Position,
) -> Result<Relation> {
    let sets = sets::of(group_by, at)?;
    if let [only] = sets.as_slice() {
        return group(select, input, (only, &[], 0), kept, at);
    }
    let all: Vec<Expr> = sets.concat();
    let mut rows: Option<Relation> = None;
    for (index, set) in sets.iter().enumerate() {
        let absent: Vec<Expr> = all.iter().filter(|expr| !set.contains(expr)).cloned().collect();
        let is_same = |other: &&Vec<Expr>| {
            other.len() == set.len() && other.iter().all(|expr| set.contains(expr))
        };
        let repeated = sets[..index].iter().filter(is_same).count();
        let more = group(select, input, (set, &absent, repeated), kept, at)?;
        rows = Some(match rows {
            None => more,
            Some(rows) => union_all(rows, more, at)?,
        });
    }
    rows.ok_or_else(|| SqlError::new(at, "GROUPING SETS needs a set"))
}

/// The groups by expressions, where those of other groupings are NULL and some before are the same.
fn group(
    select: &Select,
    input: &Relation,
    (group_by, absent, repeated): (&[Expr], &[Expr], usize),
    (times, by_key): (Times, bool),
    at: Position,
) -> Result<Relation> {
    let expanded = input.expanded_unless_by_windows(group_by, at)?;
    let input = expanded.as_ref().unwrap_or(input);
    let windowed = window::group::window_of(input, group_by, at)?;
    let input = windowed.as_ref().map_or(input, |(_, relation)| relation);
    let binder = Binder::new(input, at);
    let mut grouped = Vec::new();
    for (index, expr) in group_by.iter().enumerate() {
        match expr {
            _ if windowed.as_ref().is_some_and(|(window, _)| *window == index) => {
                grouped.extend(window::group::bounds(input));
            }
            _ => {
                let key = binder.bind(expr)?;
                check_key(&key, place_of(expr, at))?;
                grouped.push(key);
            }
        }
    }
    let absent = absent.iter().map(|expr| binder.bind(expr)).collect::<Result<_>>()?;
    let scope = GroupScope::new(input, grouped, at)?.without(absent, repeated);
    let fields = written_list(select, &scope, None, by_key, at)?;
    let having = match &select.having {
        None => None,
        Some(having) => {
            let place = place_of(having, at);
            Some(boolean(Binder::new(&scope, place).bind(having)?, "HAVING", place)?)
        }
    };
    let base = scope.into_base(times, at)?;
    let window = match &base {
        Base::Window(node) => window::of_aggregation(node),
        _ => None,
    };
    Ok(Relation { base, filter: having, fields, window })
}

/// Rows are sent by the hash of their keys, which not every type has. Values of several parts are
/// [keys](crate::functions::whole_keys) of their own.
pub(crate) fn check_key(key: &Bound, at: Position) -> Result<()> {
    use arrow::datatypes::DataType::{Duration, Interval, Null};
    if matches!(key.data_type, Duration(_) | Interval(_) | Null) {
        let message = format!("{} is {}", key.text, flink_name(&key.data_type));
        return Err(SqlError::new(at, message).hint("this type cannot be grouped by"));
    }
    Ok(())
}
