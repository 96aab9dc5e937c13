//! Whether a sink that stores rows by a key can be told of changes as they come.
//!
//! It can where a key has one row at a time, and all of that row's versions come from one subtask. A row
//! that changes what it is joined or ranked by goes in one subtask and comes in another, and the sink
//! hears of it in any order. So each exchange on the way has to be by what the key tells.

use std::collections::BTreeSet;

use arrow::datatypes::DataType;
use datafusion_common::{Column, DFSchema};
use datafusion_expr::{Cast, Expr, ExprSchemable};
use sabot_core::plan::{JoinKind, OverFunction, Window};

use crate::ambient;
use crate::expr::Bound;
use crate::insert::Insert;
use crate::join::JoinNode;
use crate::names::key_column;
use crate::over::{OverNode, RANK};
use crate::rank::RankNode;
use crate::relation::{Base, Feed};
use crate::temporal::{TemporalNode, Versions};
use crate::window::{EXPAND_COLUMNS, WINDOW_COLUMNS};

/// Names of columns.
type Columns = BTreeSet<String>;

/// Whether the changes of the rows of each primary key come one after the other.
pub(crate) fn is_kept_by(insert: &Insert) -> bool {
    let schema = insert.base.schema();
    let key = insert.key().filter_map(|value| told(&value.expr, schema)).collect();
    is_kept(&insert.base, &key)
}

/// Whether there is one row of `base` at a time for what these columns say, and its versions come one
/// after the other.
fn is_kept(base: &Base, key: &Columns) -> bool {
    match base {
        Base::Table(table) => {
            !table.primary_key.is_empty() && table.primary_key.iter().all(|name| key.contains(name))
        }
        Base::Group(node) => are_keys_in(&node.keys, key),
        Base::Window(node) => {
            are_keys_in(&node.keys, key) && is_window_in(node.window.window, WINDOW_COLUMNS, key)
        }
        Base::Join(node) => of_join(node, key),
        Base::Temporal(node) => of_temporal(node, key),
        Base::Rank(node) => of_rank(node, key),
        Base::Over(node) => of_over(node, key),
        Base::Expand(node) => {
            is_window_in(node.window, EXPAND_COLUMNS, key) && of_feed(&node.feed, key)
        }
        Base::Unnest(node) => key.contains(&node.number) && of_feed(&node.feed, key),
        Base::Union(_) | Base::Pattern(_) => false,
    }
}

fn are_keys_in(keys: &[Bound], key: &Columns) -> bool {
    keys.iter().all(|bound| key.contains(&key_column(&bound.text)))
}

/// Whether columns of windows, their starts, ends and times, tell each of them.
fn is_window_in(window: Window, columns: [&str; 3], key: &Columns) -> bool {
    let [is_start, is_end, is_time] = columns.map(|column| key.contains(column));
    // Those of CUMULATE begin together.
    let begin_together = matches!(window, Window::Cumulate(_) | Window::CumulateResults(_));
    is_end || is_time || is_start && !begin_together
}

fn of_rank(node: &RankNode, key: &Columns) -> bool {
    let name = |column: &usize| node.feed.columns[*column].0.as_str();
    node.keys.iter().all(|column| key.contains(name(column)))
        && (node.limit == 1 || key.contains(RANK) || of_feed(&node.feed, key))
}

fn of_over(node: &OverNode, key: &Columns) -> bool {
    let name = |column: &usize| node.feed.columns[*column].0.as_str();
    let is_numbered = node.aggregates.iter().any(|aggregate| {
        aggregate.function == OverFunction::RowNumber && key.contains(&aggregate.column)
    });
    node.keys.iter().all(|column| key.contains(name(column)))
        && (is_numbered || of_feed(&node.feed, key))
}

fn of_feed(feed: &Feed, key: &Columns) -> bool {
    !is_remembered(feed) && is_kept(&feed.base, &over_base(feed, key))
}

/// Whether rows are kept by other columns on their way, with what they were given.
fn is_remembered(feed: &Feed) -> bool {
    let mut values = feed.filter.iter().chain(feed.columns.iter().map(|(_, value)| value));
    feed.base.is_updating() && values.any(|value| ambient::is_in(&value.expr))
}

/// The columns of a feed's base that these columns tell.
fn over_base(feed: &Feed, key: &Columns) -> Columns {
    let schema = feed.base.schema();
    let is_in = |(name, value): &(String, Bound)| {
        if key.contains(name) { told(&value.expr, schema) } else { None }
    };
    feed.columns.iter().filter_map(is_in).collect()
}

/// The sides of a join, by the columns of their bases that the key tells: also those that are equal to
/// others. None where rows of one key can be in several subtasks.
fn sides(node: &JoinNode, key: &Columns) -> Option<[Columns; 2]> {
    let mut sides = [0, 1].map(|side| over_base(&node.feeds[side], key));
    let is_told = |side: usize, expr: &Expr, sides: &[Columns; 2]| {
        !ambient::is_in(expr) && expr.column_refs().iter().all(|c| sides[side].contains(&c.name))
    };
    for equal in &node.keys {
        let [left, right] = [0, 1].map(|side| is_told(side, &equal.sides[side].expr, &sides));
        let is_told = match node.kind {
            JoinKind::Inner => left || right,
            JoinKind::Left | JoinKind::LeftSemi | JoinKind::LeftAnti => left,
            JoinKind::Right => right,
            JoinKind::Full => left && right,
        };
        if !is_told {
            return None;
        }
        for (side, columns) in sides.iter_mut().enumerate() {
            let schema = node.feeds[side].base.schema();
            columns.extend(told(&equal.sides[side].expr, schema));
        }
    }
    Some(sides)
}

fn of_join(node: &JoinNode, key: &Columns) -> bool {
    let Some([left, right]) = sides(node, key) else { return false };
    let of_side = |side: usize, columns: &Columns| {
        let feed = &node.feeds[side];
        !is_remembered(feed) && is_kept(&feed.base, columns)
    };
    of_side(0, &left) && (node.kind.is_left_only() || of_side(1, &right))
}

fn of_temporal(node: &TemporalNode, key: &Columns) -> bool {
    let join = &node.join;
    let Some([left, right]) = sides(join, key) else { return false };
    let is_one = match &node.versions {
        Versions::Lookup(table) => {
            let mut keys = table.primary_key.iter();
            !table.primary_key.is_empty() && keys.all(|name| right.contains(name))
        }
        // One version is there at a time.
        Versions::RowTime(_) => is_kept(&join.feeds[1].base, &right),
    };
    is_one && !is_remembered(&join.feeds[0]) && is_kept(&join.feeds[0].base, &left)
}

/// The column that a value tells: itself, or cast so that no two values become one.
fn told(expr: &Expr, schema: &DFSchema) -> Option<String> {
    match expr {
        Expr::Column(Column { name, .. }) => Some(name.clone()),
        Expr::Cast(Cast { expr, field }) => {
            let from = expr.get_type(schema).ok()?;
            keeps_different(&from, field.data_type()).then(|| told(expr, schema)).flatten()
        }
        _ => None,
    }
}

fn keeps_different(from: &DataType, to: &DataType) -> bool {
    use DataType::{Int8, Int16, Int32, Int64};
    let width = |data_type: &DataType| match data_type {
        Int8 => Some(1),
        Int16 => Some(2),
        Int32 => Some(4),
        Int64 => Some(8),
        _ => None,
    };
    from == to || width(from).zip(width(to)).is_some_and(|(from, to)| from <= to)
}
