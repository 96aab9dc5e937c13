//! Which columns a plan reads: what nothing reads is neither read from a table nor kept in a state.

use std::collections::{BTreeMap, BTreeSet};

use crate::aggregate::{Aggregate, GroupNode, WindowNode};
use crate::expr::Bound;
use crate::join::JoinNode;
use crate::lower::LateRows;
use crate::over::OverNode;
use crate::pattern::{MatchColumn, PatternNode};
use crate::rank::RankNode;
use crate::reads::Reads;
use crate::relation::{Base, Feed};
use crate::temporal::Versions;
use crate::unnest::UnnestNode;
use crate::window::ExpandNode;

/// What is read of each table.
#[derive(Debug, Default)]
pub(crate) struct Needed {
    pub tables: BTreeMap<String, Reads>,
    /// Where rows go that come too late.
    pub late: Option<LateRows>,
}

impl Needed {
    /// Adds what is read of the tables below `base` by a filter and the values behind it.
    pub(crate) fn add(&mut self, base: &Base, filter: Option<&Bound>, values: &[&Bound]) {
        let used = names(filter.into_iter().chain(values.iter().copied()));
        match base {
            Base::Table(table) => {
                let reads = self.tables.entry(table.key.clone()).or_default();
                reads.add(filter, values.iter().copied());
            }
            // An aggregation is computed whole, whatever is read of it.
            Base::Window(node) => {
                // A value that late rows do not have is refused later.
                let late = self.late.as_ref().and_then(|late| late.values(node).ok());
                let late = late.unwrap_or_default();
                let values: Vec<&Bound> = window_values(node).chain(&late).collect();
                self.add(&node.base, node.filter.as_ref(), &values);
            }
            Base::Group(node) => {
                let values: Vec<&Bound> = group_values(node).collect();
                self.add(&node.base, node.filter.as_ref(), &values);
            }
            Base::Join(node) => {
                for side in [0, 1] {
                    self.side(node, side, &used, None);
                }
            }
            Base::Temporal(node) => match &node.versions {
                // What is looked up is read by the join itself.
                Versions::Lookup(_) => self.side(&node.join, 0, &used, None),
                Versions::RowTime(times) => {
                    for side in [0, 1] {
                        self.side(&node.join, side, &used, Some(&times[side]));
                    }
                }
            },
            Base::Union(node) => {
                for feed in &node.feeds {
                    self.feed(feed, &used_columns(feed, &used), std::iter::empty());
                }
            }
            Base::Rank(node) => {
                self.feed(&node.feed, &rank_columns(node, &used), std::iter::empty());
            }
            Base::Expand(node) => {
                self.feed(&node.feed, &expand_columns(node, &used), std::iter::empty());
            }
            Base::Unnest(node) => {
                self.feed(&node.feed, &unnest_columns(node, &used), std::iter::empty());
            }
            Base::Pattern(node) => {
                self.feed(&node.feed, &pattern_columns(node, &used), std::iter::empty());
            }
            Base::Over(node) => {
                self.feed(&node.feed, &over_columns(node, &used), std::iter::empty());
            }
        }
    }

    /// Adds what a join reads of a side, with the time that it is asked for.
    fn side<'b>(
        &mut self,
        node: &'b JoinNode,
        side: usize,
        used: &BTreeSet<String>,
        time: Option<&'b Bound>,
    ) {
        let keys = node.keys.iter().map(|key| &key.sides[side]);
        self.feed(&node.feeds[side], &join_columns(node, side, used), keys.chain(time));
    }

    fn feed<'b>(
        &mut self,
        feed: &'b Feed,
        columns: &[usize],
        more: impl Iterator<Item = &'b Bound>,
    ) {
        let columns = columns.iter().map(|index| &feed.columns[*index].1);
        let values: Vec<&Bound> = columns.chain(more).collect();
        self.add(&feed.base, feed.filter.as_ref(), &values);
    }
}

/// The columns that expressions read.
pub(crate) fn names<'b>(exprs: impl Iterator<Item = &'b Bound>) -> BTreeSet<String> {
    exprs.flat_map(|bound| bound.expr.column_refs()).map(|c| c.name.clone()).collect()
}

/// What a window aggregation reads of its base.
pub(crate) fn node_inputs(node: &WindowNode) -> impl Iterator<Item = &Bound> {
    node.filter.iter().chain(window_values(node))
}

fn window_values(node: &WindowNode) -> impl Iterator<Item = &Bound> {
    // Of processing time the operator has a clock.
    let time = Some(&node.window.row_time).filter(|_| !node.window.is_processing());
    let keys = node.keys.iter().chain(time);
    keys.chain(aggregate_inputs(&node.aggregates))
}

/// What an aggregation reads of its base.
pub(crate) fn group_inputs(node: &GroupNode) -> impl Iterator<Item = &Bound> {
    node.filter.iter().chain(group_values(node))
}

fn group_values(node: &GroupNode) -> impl Iterator<Item = &Bound> {
    node.keys.iter().chain(aggregate_inputs(&node.aggregates))
}

fn aggregate_inputs(aggregates: &[Aggregate]) -> impl Iterator<Item = &Bound> {
    aggregates.iter().flat_map(|a| a.argument.iter().chain(&a.filter))
}

/// The columns of a feed that are read: at least one, or rows could not be counted.
pub(crate) fn used_columns(feed: &Feed, used: &BTreeSet<String>) -> Vec<usize> {
    let all = feed.columns.iter().enumerate();
    let found: Vec<usize> =
        all.filter(|(_, (name, _))| used.contains(name)).map(|(index, _)| index).collect();
    if found.is_empty() { vec![0] } else { found }
}

/// The columns of a join's side that are read behind it or by its condition.
pub(crate) fn join_columns(node: &JoinNode, side: usize, used: &BTreeSet<String>) -> Vec<usize> {
    let used = used.union(&names(node.conditions.iter())).cloned().collect();
    let columns = used_columns(&node.feeds[side], &used);
    // Of rows that are only looked for, the keys are enough, and are kept once each.
    if node.kind.is_left_only() && side == 1 && !node.keys.is_empty() {
        let name = |column: &usize| &node.feeds[side].columns[*column].0;
        return columns.into_iter().filter(|column| used.contains(name(column))).collect();
    }
    columns
}

/// The columns of ranked rows that are read behind the rank or by it.
pub(crate) fn rank_columns(node: &RankNode, used: &BTreeSet<String>) -> Vec<usize> {
    let mut columns: BTreeSet<usize> = node.keys.iter().copied().collect();
    columns.extend(node.order.iter().map(|order| order.column));
    let read = node.feed.columns.iter().enumerate().filter(|(_, (name, _))| used.contains(name));
    columns.extend(read.map(|(index, _)| index));
    if columns.is_empty() {
        // A batch without columns would lose its number of rows.
        columns.insert(0);
    }
    columns.into_iter().collect()
}

/// The columns that are read behind an OVER or by it.
pub(crate) fn over_columns(node: &OverNode, used: &BTreeSet<String>) -> Vec<usize> {
    let mut columns: BTreeSet<usize> = node.keys.iter().copied().collect();
    columns.extend(node.order.iter().map(|order| order.column));
    columns.extend(node.aggregates.iter().filter_map(|aggregate| aggregate.argument));
    let read = node.feed.columns.iter().enumerate().filter(|(_, (name, _))| used.contains(name));
    columns.extend(read.map(|(index, _)| index));
    columns.into_iter().collect()
}

/// The columns that are read behind windows as rows or by them.
pub(crate) fn expand_columns(node: &ExpandNode, used: &BTreeSet<String>) -> Vec<usize> {
    let mut columns = BTreeSet::from([node.row_time]);
    let read = node.feed.columns.iter().enumerate().filter(|(_, (name, _))| used.contains(name));
    columns.extend(read.map(|(index, _)| index));
    columns.into_iter().collect()
}

/// The columns that are read behind an UNNEST or by it.
pub(crate) fn unnest_columns(node: &UnnestNode, used: &BTreeSet<String>) -> Vec<usize> {
    let read = node.feed.columns.iter().enumerate().filter(|(_, (name, _))| node.reads(used, name));
    let mut columns: BTreeSet<usize> = read.map(|(index, _)| index).collect();
    columns.insert(node.column);
    columns.into_iter().collect()
}

/// What is read of matches; at least one thing, unless rows are counted by keys.
pub(crate) fn used_measures<'n>(
    node: &'n PatternNode,
    used: &BTreeSet<String>,
) -> Vec<&'n MatchColumn> {
    let is_used = |measure: &&MatchColumn| used.contains(&measure.column);
    let mut found: Vec<&MatchColumn> = node.measures.iter().filter(is_used).collect();
    if found.is_empty() && node.keys.is_empty() {
        found.extend(node.measures.first());
    }
    found
}

/// The columns of a feed that a pattern and what is read of its matches need.
pub(crate) fn pattern_columns(node: &PatternNode, used: &BTreeSet<String>) -> Vec<usize> {
    let mut columns: BTreeSet<usize> = node.keys.iter().copied().collect();
    columns.extend(node.order.iter().map(|order| order.column));
    columns.extend(node.row_time);
    let values = node.values.iter().chain(used_measures(node, used));
    columns.extend(values.filter_map(|value| value.argument));
    let read = names(node.variables.iter().filter_map(|variable| variable.condition.as_ref()));
    let read = node.feed.columns.iter().enumerate().filter(|(_, (name, _))| read.contains(name));
    columns.extend(read.map(|(index, _)| index));
    if columns.is_empty() {
        // A batch without columns would lose its number of rows.
        columns.insert(0);
    }
    columns.into_iter().collect()
}
