//! `DISTINCT` in the aggregates of a window: where that can be, first each value once beside the keys,
//! then the windows of these results.

use std::sync::Arc;

use arrow::datatypes::Field as ArrowField;
use datafusion_expr::when;
use sabot_core::plan::AggregateFunction;

use crate::aggregate::{Aggregate, WindowNode};
use crate::error::{Position, Result, SqlError};
use crate::expr::{Bound, Meaning, coerce, precedence};
use crate::names::key_column;
use crate::relation::{Base, WindowSpec, columns_schema};
use crate::window::{self, window_column};

/// The same aggregation without `DISTINCT`, of an aggregation by the values as well. Where that
/// cannot be, the aggregates keep their values themselves: of several values, over windows whose
/// results are no windows again, and beside aggregates that need rows in their order or count values.
pub(crate) fn split(node: WindowNode, at: Position) -> Result<WindowNode> {
    let Some(first) = node.aggregates.iter().find(|aggregate| aggregate.distinct) else {
        return Ok(node);
    };
    let value = distinct_value(first, &node.base, at)?;
    let mut same = true;
    for other in node.aggregates.iter().filter(|aggregate| aggregate.distinct) {
        // A sum casts what it sums up, which its text does not show.
        same &= distinct_value(other, &node.base, at)?.text == value.text;
    }
    // Neither can be put together from those of each value.
    let whole_only = node.aggregates.iter().any(|aggregate| {
        aggregate.function.is_ordered() || aggregate.function == AggregateFunction::Collect
    });
    let windows = node.window.of_event_time().and_then(window::kind::results_of);
    let splits = same && !whole_only && node.lateness_ms.is_none();
    let Some(windows) = windows.filter(|_| splits) else { return Ok(node) };
    crate::grouping::check_key(&value, at)?;
    let mut keys = node.keys.clone();
    keys.push(value.clone().plain());
    keys.sort_by(|a, b| a.text.cmp(&b.text));
    keys.dedup_by(|a, b| a.text == b.text);
    let parts: Vec<Aggregate> =
        node.aggregates.iter().filter(|aggregate| !aggregate.distinct).cloned().collect();
    let mut fields: Vec<ArrowField> = keys.iter().map(key_field).collect();
    let time = node.window.row_time.data_type.clone();
    fields.extend(window::window_fields(&time));
    let part_fields = parts.iter();
    fields.extend(part_fields.map(|a| ArrowField::new(&a.name, a.data_type.clone(), a.nullable)));
    let inner = Base::Window(Arc::new(WindowNode {
        base: node.base,
        filter: node.filter,
        window: node.window,
        keys,
        aggregates: parts,
        lateness_ms: None,
        early_ms: None,
        schema: columns_schema(fields, at)?,
    }));
    let row_time = window_column(2, Meaning::WindowTime, &time);
    let window = WindowSpec { at: None, ..window::spec(&inner, row_time, windows) };
    let aggregates = node.aggregates.into_iter().map(|aggregate| whole(aggregate, &value));
    Ok(WindowNode {
        base: inner,
        filter: None,
        window,
        keys: node.keys.iter().map(column_of).collect(),
        aggregates: aggregates.collect(),
        lateness_ms: None,
        early_ms: None,
        schema: node.schema,
    })
}

/// What counts once of an aggregate: null where its filter leaves the row out.
fn distinct_value(aggregate: &Aggregate, base: &Base, at: Position) -> Result<Bound> {
    let none = || SqlError::new(at, format!("{} needs an argument", aggregate.name));
    let argument = aggregate.argument.clone().ok_or_else(none)?;
    let Some(filter) = &aggregate.filter else { return Ok(argument) };
    let text = format!("CASE WHEN {} THEN {} END", filter.text, argument.text);
    let expr = when(filter.expr.clone(), argument.expr).end();
    let (expr, data_type) = expr
        .and_then(|expr| coerce(expr, base.schema()))
        .map_err(|error| SqlError::new(at, error.strip_backtrace()))?;
    let precedence = precedence::ATOM;
    Ok(Bound { expr, data_type, nullable: true, text, precedence, meaning: Meaning::Plain })
}

/// An aggregate over the results of the inner aggregation.
fn whole(aggregate: Aggregate, value: &Bound) -> Aggregate {
    if aggregate.distinct {
        let wanted = aggregate.argument.as_ref().map(|argument| argument.data_type.clone());
        let argument = column_of(value);
        let argument = match (aggregate.function, wanted) {
            (AggregateFunction::Sum, Some(wanted)) => argument.implicit_cast(&wanted),
            _ => argument,
        };
        let argument = Some(argument);
        return Aggregate { distinct: false, argument, filter: None, ..aggregate };
    }
    let part = Bound::column(
        &aggregate.name,
        aggregate.name.clone(),
        aggregate.data_type.clone(),
        aggregate.nullable,
    );
    let function = match aggregate.function {
        AggregateFunction::Count => AggregateFunction::Sum,
        other => other,
    };
    Aggregate { function, argument: Some(part), filter: None, ..aggregate }
}

fn key_field(key: &Bound) -> ArrowField {
    ArrowField::new(key_column(&key.text), key.data_type.clone(), key.nullable)
}

/// A key as a column of the inner aggregation.
fn column_of(key: &Bound) -> Bound {
    let name = key_column(&key.text);
    Bound::column(&name, key.text.clone(), key.data_type.clone(), key.nullable)
}
