//! Rows in an order: ranks, and aggregates over the rows up to each.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use sabot_core::plan::{
    CalcDesc, Exchange, ExpandDesc, FirstOf, Input, JoinKind, NodeId, NodeKind, OrderBy,
    OverAggregateDesc, OverDesc, OverTime, TopNDesc, WindowTopNDesc,
};
use sabot_core::row_kind;

use super::{Lowering, arrow_end, feed_columns, with_kind};
use crate::error::Result;
use crate::needed::{expand_columns, over_columns, rank_columns};
use crate::over::{Order, OverNode, RANK};
use crate::rank::RankNode;
use crate::window::{EXPAND_COLUMNS, ExpandNode};
use crate::zone::is_instant;

impl Lowering<'_> {
    pub(super) fn rank(
        &mut self,
        node: &RankNode,
        used: &BTreeSet<String>,
        sink: &str,
    ) -> Result<NodeId> {
        let limit = node.limit;
        let keys: Vec<&str> =
            node.keys.iter().map(|key| node.feed.columns[*key].0.as_str()).collect();
        let uid = self.uids.rank(sink, &keys)?;
        let chosen = rank_columns(node, used);
        let mut columns = feed_columns(&node.feed, chosen.clone());
        let place = |column: &usize| chosen.iter().position(|c| c == column).unwrap_or_default();
        let keys: Vec<usize> = node.keys.iter().map(place).collect();
        let mut window_end = node.window_end.as_ref().map(place);
        let end = node.window_end.map(|end| node.feed.columns[end].1.clone());
        let end = end.map(|end| self.end(end, node.of_instants));
        if let Some(end) = end.as_ref().filter(|end| is_instant(&end.data_type)) {
            window_end = Some(columns.len());
            columns.push((arrow_end(0, end), end));
        }
        let from = self.feed(&node.feed, &columns, &uid, sink)?;
        let order = order_by(&node.order, place);
        let rank = used.contains(RANK);
        let exchange = Exchange::Keyed(keys.clone());
        let kind = match window_end {
            Some(window_end) => {
                NodeKind::WindowTopN(WindowTopNDesc { keys, window_end, order, limit, rank })
            }
            None => {
                let ttl_ms = self.settings.state_ttl_ms;
                let first = FirstOf { keys: keys.clone(), order: order.clone(), limit };
                self.want_first(from, first);
                NodeKind::TopN(TopNDesc { keys, order, limit, rank, ttl_ms })
            }
        };
        let mut fields: Vec<Field> = columns.into_iter().map(|(field, _)| field).collect();
        if rank {
            fields.push(Field::new(RANK, DataType::Int64, false));
        }
        let title = match window_end {
            Some(_) => "window top",
            None if node.order.is_empty() => "limit",
            None => "top",
        };
        let name = self.uids.name(&format!("{sink}[{title} {limit}]"));
        let schema = Schema::new(with_kind(fields.into_iter(), node.is_updating()));
        Ok(self.push(uid, name, kind, vec![Input { from, exchange }], Arc::new(schema)))
    }

    /// Has a join whose pairs `from` gives make only those of a batch that can be among the first rows
    /// of its one reader: most are not, and all their columns would be copied.
    fn want_first(&mut self, from: NodeId, mut first: FirstOf) {
        let mut id = from;
        if let NodeKind::Calc(CalcDesc { filter: None, columns, .. }) = &self.nodes[from.0].kind {
            let input = |column: usize| columns[column].as_column();
            let keys = first.keys.iter().map(|key| input(*key)).collect();
            let order = first.order.iter();
            let order =
                order.map(|by| Some(OrderBy { column: input(by.column)?, ..*by })).collect();
            let (Some(keys), Some(order)) = (keys, order) else { return };
            first = FirstOf { keys, order, ..first };
            id = self.nodes[from.0].inputs[0].from;
        }
        let node = &mut self.nodes[id.0];
        if let NodeKind::Join(desc) = &mut node.kind
            && desc.kind == JoinKind::Inner
            && !row_kind::is_updating(&node.schema)
        {
            desc.first = Some(first);
        }
    }

    /// Windows that a row lies in several of, as rows.
    pub(super) fn expand(
        &mut self,
        node: &ExpandNode,
        used: &BTreeSet<String>,
        sink: &str,
    ) -> Result<NodeId> {
        let (name, time) = &node.feed.columns[node.row_time];
        let name = self.window_name(node.window, name, &time.data_type);
        let uid = self.uids.expand(sink, &name)?;
        let chosen = expand_columns(node, used);
        let columns = feed_columns(&node.feed, chosen.clone());
        let from = self.feed(&node.feed, &columns, &uid, sink)?;
        let row_time = chosen.iter().position(|c| *c == node.row_time).unwrap_or_default();
        let mut fields: Vec<Field> = columns.into_iter().map(|(field, _)| field).collect();
        for name in EXPAND_COLUMNS {
            let field = node.schema.as_arrow().field_with_name(name);
            fields.extend(field.cloned());
        }
        let name = self.uids.name(&format!("{sink}[expand]"));
        let kind = NodeKind::Expand(ExpandDesc {
            window: node.window,
            row_time,
            local_times: self.local_times(&time.data_type),
        });
        let inputs = vec![Input { from, exchange: Exchange::Forward }];
        Ok(self.push(uid, name, kind, inputs, Arc::new(Schema::new(fields))))
    }

    pub(super) fn over(
        &mut self,
        node: &OverNode,
        used: &BTreeSet<String>,
        sink: &str,
    ) -> Result<NodeId> {
        let name = |column: &usize| node.feed.columns[*column].0.as_str();
        let keys: Vec<&str> = node.keys.iter().map(name).collect();
        let order: Vec<&str> = node.order.iter().map(|order| name(&order.column)).collect();
        let sorts = node.aggregates.is_empty();
        let uid = match sorts {
            true => self.uids.sort(sink, &order)?,
            false if matches!(node.time, Some(OverTime::Processing(_))) => {
                self.uids.over(sink, &["PROCTIME()"], &keys)?
            }
            false => self.uids.over(sink, &order, &keys)?,
        };
        let chosen = over_columns(node, used);
        let columns = feed_columns(&node.feed, chosen.clone());
        let from = self.feed(&node.feed, &columns, &uid, sink)?;
        let place = |column: &usize| chosen.iter().position(|c| c == column).unwrap_or_default();
        let keys: Vec<usize> = node.keys.iter().map(place).collect();
        let mut fields: Vec<Field> = columns.into_iter().map(|(field, _)| field).collect();
        let mut aggregates = Vec::new();
        for aggregate in &node.aggregates {
            let data_type = aggregate.data_type.clone();
            fields.push(Field::new(&aggregate.column, data_type.clone(), aggregate.nullable));
            aggregates.push(OverAggregateDesc {
                name: aggregate.name.clone(),
                function: aggregate.function,
                argument: aggregate.argument.as_ref().map(place),
                distinct: aggregate.distinct,
                data_type,
            });
        }
        let exchange = Exchange::Keyed(keys.clone());
        let is_by_event_time = matches!(node.time, Some(OverTime::Event(_)));
        let kind = NodeKind::Over(OverDesc {
            keys,
            order: order_by(&node.order, place),
            time: node.time.map(|time| time.with_column(place(&time.column()))),
            frame: node.frame,
            aggregates,
            ttl_ms: self.settings.state_ttl_ms.filter(|_| !is_by_event_time),
        });
        let title = if sorts { "sort" } else { "over" };
        let name = self.uids.name(&format!("{sink}[{title}]"));
        let schema = Schema::new(with_kind(fields.into_iter(), node.time.is_none()));
        Ok(self.push(uid, name, kind, vec![Input { from, exchange }], Arc::new(schema)))
    }
}

pub(super) fn order_by(order: &[Order], place: impl Fn(&usize) -> usize) -> Vec<OrderBy> {
    let by = |order: &Order| OrderBy {
        column: place(&order.column),
        descending: order.descending,
        nulls_first: order.nulls_first,
    };
    order.iter().map(by).collect()
}
