//! Which columns a plan reads: what nothing reads is neither read from a table nor kept in a state.

use std::collections::{BTreeMap, BTreeSet};

use crate::aggregate::{Aggregate, GroupNode, WindowNode};
use crate::expr::Bound;
use crate::join::JoinNode;
use crate::rank::RankNode;
use crate::relation::{Base, Feed};

/// The columns of each table that anything reads.
#[derive(Debug, Default)]
pub(crate) struct Needed {
    pub columns: BTreeMap<String, BTreeSet<String>>,
}

impl Needed {
    /// Adds what is read of the tables below `base` when `used` of its columns are read.
    pub(crate) fn add(&mut self, base: &Base, used: &BTreeSet<String>) {
        match base {
            Base::Table(table) => {
                self.columns.entry(table.name.clone()).or_default().extend(used.iter().cloned());
            }
            // An aggregation is computed whole, whatever is read of it.
            Base::Window(node) => self.add(&node.base, &names(node_inputs(node))),
            Base::Group(node) => self.add(&node.base, &names(group_inputs(node))),
            Base::Join(node) => {
                for (side, feed) in node.feeds.iter().enumerate() {
                    let columns = join_columns(node, side, used);
                    let keys = node.keys.iter().map(|key| &key.sides[side]);
                    let columns = columns.into_iter().map(|index| &feed.columns[index].1);
                    self.add(&feed.base, &names(columns.chain(keys).chain(&feed.filter)));
                }
            }
            Base::Union(node) => {
                for feed in &node.feeds {
                    let columns = used_columns(feed, used).into_iter();
                    let columns = columns.map(|index| &feed.columns[index].1);
                    self.add(&feed.base, &names(columns.chain(&feed.filter)));
                }
            }
            Base::Rank(node) => {
                let columns = rank_columns(node, used).into_iter();
                let columns = columns.map(|index| &node.feed.columns[index].1);
                self.add(&node.feed.base, &names(columns.chain(&node.feed.filter)));
            }
        }
    }
}

/// The columns that expressions read.
pub(crate) fn names<'b>(exprs: impl Iterator<Item = &'b Bound>) -> BTreeSet<String> {
    exprs.flat_map(|bound| bound.expr.column_refs()).map(|c| c.name.clone()).collect()
}

/// What a window aggregation reads of its base.
pub(crate) fn node_inputs(node: &WindowNode) -> impl Iterator<Item = &Bound> {
    let keys = node.keys.iter().chain([&node.window.row_time]);
    node.filter.iter().chain(keys).chain(aggregate_inputs(&node.aggregates))
}

/// What an aggregation reads of its base.
pub(crate) fn group_inputs(node: &GroupNode) -> impl Iterator<Item = &Bound> {
    node.filter.iter().chain(&node.keys).chain(aggregate_inputs(&node.aggregates))
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
    let used = used.union(&names(node.condition.iter())).cloned().collect();
    used_columns(&node.feeds[side], &used)
}

/// The columns of ranked rows that are read behind the rank or by it.
pub(crate) fn rank_columns(node: &RankNode, used: &BTreeSet<String>) -> Vec<usize> {
    let mut columns: BTreeSet<usize> = node.keys.iter().copied().collect();
    columns.extend(node.order.iter().map(|order| order.column));
    let read = node.feed.columns.iter().enumerate().filter(|(_, (name, _))| used.contains(name));
    columns.extend(read.map(|(index, _)| index));
    columns.into_iter().collect()
}
