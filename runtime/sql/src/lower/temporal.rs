//! Joins as of a time as the engine's operators.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use sabot_core::plan::{
    CalcDesc, Exchange, Input, LookupJoinDesc, NodeId, NodeKind, SourceDesc, TemporalJoinDesc,
};
use sabot_core::{partitions, row_kind};
use sabot_types::OperatorUid;

use super::source::{node_schema, with_tombstones};
use super::{Lowering, feed_columns, schema_of, with_kind};
use crate::catalog::Table;
use crate::error::Result;
use crate::expr::{Bound, compile};
use crate::join::JoinNode;
use crate::needed::join_columns;
use crate::reads::{Known, Reads};
use crate::relation::{Feed, both};
use crate::temporal::{TemporalNode, Versions};

/// The columns of one side.
struct Side<'a> {
    columns: Vec<(Field, &'a Bound)>,
    keys: Vec<usize>,
}

impl<'a> Side<'a> {
    fn new(node: &'a JoinNode, side: usize, used: &BTreeSet<String>) -> Self {
        let mut this = Self {
            columns: feed_columns(&node.feeds[side], join_columns(node, side, used)),
            keys: Vec::new(),
        };
        for key in &node.keys {
            let place = this.take(&key.text, &key.sides[side]);
            this.keys.push(place);
        }
        this
    }

    /// The place of a value, which is added if it is not there.
    fn take(&mut self, name: &str, value: &'a Bound) -> usize {
        let known = self.columns.iter().position(|(_, column)| column.expr == value.expr);
        known.unwrap_or_else(|| {
            let mut name = name.to_owned();
            while self.columns.iter().any(|(field, _)| *field.name() == name) {
                name.push('\'');
            }
            self.columns.push((Field::new(name, value.data_type.clone(), true), value));
            self.columns.len() - 1
        })
    }

    fn fields(&self) -> impl Iterator<Item = Field> {
        self.columns.iter().map(|(field, _)| field.clone())
    }
}

impl Lowering<'_> {
    /// A join as of a time.
    pub(super) fn temporal(
        &mut self,
        node: &TemporalNode,
        used: &BTreeSet<String>,
        sink: &str,
    ) -> Result<NodeId> {
        let join = &node.join;
        let (left, right) = (Side::new(join, 0, used), Side::new(join, 1, used));
        match &node.versions {
            Versions::Lookup(table) => self.lookup(join, table, &left, &right, sink),
            Versions::RowTime(times) => self.versions(join, times, left, right, sink),
        }
    }

    fn lookup(
        &mut self,
        node: &JoinNode,
        table: &Arc<Table>,
        left: &Side<'_>,
        right: &Side<'_>,
        sink: &str,
    ) -> Result<NodeId> {
        let uid = self.temporal_uid("lookup", node, sink)?;
        let from = self.feed(&node.feeds[0], &left.columns, &uid, sink)?;
        let schema = output_schema(node, left, right);
        let condition = node.conditions.iter().cloned().reduce(both);
        let condition = condition.map(|c| compile(&c, &schema, self.settings.zone)).transpose()?;
        let (table_desc, table_schema, rows) = self.looked_up(table, &node.feeds[1], right)?;
        let key = |name: &String| table_schema.index_of(name).ok();
        let table_last_by = table.changes().then(|| table.primary_key.iter().filter_map(key));
        let table_last_by = table_last_by.map(Iterator::collect);
        let name = self.uids.name(&format!("{sink}[lookup {}]", table.name));
        let kind = NodeKind::LookupJoin(LookupJoinDesc {
            kind: node.kind,
            keys: left.keys.clone(),
            table: table_desc,
            table_schema,
            table_last_by,
            rows,
            table_keys: right.keys.clone(),
            condition,
            reload_interval_ms: table.reload_interval_ms,
            ttl_ms: self.settings.ttl_ms(node.ttls[0]),
        });
        let (exchange, schema) = match row_kind::is_updating(&self.nodes[from.0].schema) {
            true => (Exchange::Keyed(left.keys.clone()), changing(&schema)),
            false => (Exchange::Forward, schema),
        };
        Ok(self.push(uid, name, kind, vec![Input { from, exchange }], schema))
    }

    /// The table that a join looks up, with only what the join reads, and how its rows are made of
    /// it.
    fn looked_up(
        &self,
        table: &Arc<Table>,
        feed: &Feed,
        side: &Side<'_>,
    ) -> Result<(SourceDesc, SchemaRef, CalcDesc)> {
        let mut reads = Reads::default();
        // Of rows that change the last one of each key counts.
        let keys = table.primary_key.iter().filter(|_| table.changes());
        let keys: Vec<Bound> = keys.filter_map(|name| table.column(name)).collect();
        let columns = side.columns.iter().map(|(_, bound)| *bound);
        reads.add(feed.filter.as_ref(), columns.chain(&keys));
        let read = reads.of(table, self.settings);
        let read = if table.is_upsert() { with_tombstones(table, read) } else { read };
        let schema = node_schema(table, &schema_of(&read.columns));
        let desc = self.source_desc(table, &read)?;
        let mut options = desc.options.as_ref().clone();
        options.insert(partitions::READ_WHOLE.to_owned(), String::new());
        let known = Known::of_read(&read);
        let filter = feed.filter.as_ref().map(|filter| known.in_bound(filter));
        let filter = filter.filter(|filter| !filter.is_true());
        let column = |(_, bound): &(Field, &Bound)| {
            compile(&known.in_bound(bound), &schema, self.settings.zone)
        };
        let rows = CalcDesc {
            shared: Vec::new(),
            filter: filter
                .map(|filter| compile(&filter, &schema, self.settings.zone))
                .transpose()?,
            columns: side.columns.iter().map(column).collect::<Result<_>>()?,
        };
        let options = Arc::new(options);
        Ok((SourceDesc { watermark: None, options, ..desc }, schema, rows))
    }

    fn versions<'a>(
        &mut self,
        node: &'a JoinNode,
        times: &'a [Bound; 2],
        mut left: Side<'a>,
        mut right: Side<'a>,
        sink: &str,
    ) -> Result<NodeId> {
        let uid = self.temporal_uid("versions", node, sink)?;
        let mut inputs = Vec::new();
        let mut places = [0; 2];
        for (side, columns) in [&mut left, &mut right].into_iter().enumerate() {
            let name = format!("{}.{}", ["L", "R"][side], times[side].text);
            places[side] = columns.take(&name, &times[side]);
            let exchange = Exchange::Keyed(columns.keys.clone());
            let from = self.feed(&node.feeds[side], &columns.columns, &uid, sink)?;
            inputs.push(Input { from, exchange });
        }
        let schema = output_schema(node, &left, &right);
        let condition = node.conditions.iter().cloned().reduce(both);
        let condition = condition.map(|c| compile(&c, &schema, self.settings.zone)).transpose()?;
        let name = self.uids.name(&format!("{sink}[{} with versions]", node.kind.title()));
        let kind = NodeKind::TemporalJoin(TemporalJoinDesc {
            kind: node.kind,
            keys: [left.keys, right.keys],
            times: places,
            condition,
            ttl_ms: self.settings.ttl_ms(node.ttls[0]),
        });
        let updating = row_kind::is_updating(&self.nodes[inputs[0].from.0].schema);
        let schema = if updating { changing(&schema) } else { schema };
        Ok(self.push(uid, name, kind, inputs, schema))
    }

    fn temporal_uid(&mut self, what: &str, node: &JoinNode, sink: &str) -> Result<OperatorUid> {
        let tables = [0, 1].map(|side| node.feeds[side].base.tables());
        let name = format!("{what}-{}", node.kind.title());
        self.uids.join(sink, &name, [&tables[0], &tables[1]], &node.keys)
    }
}

/// The same columns of rows that can go.
fn changing(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| field.as_ref().clone());
    Arc::new(Schema::new(with_kind(fields, true)))
}

fn output_schema(node: &JoinNode, left: &Side<'_>, right: &Side<'_>) -> SchemaRef {
    let pads = node.kind.pads(1);
    let padded = |field: Field| if pads { field.with_nullable(true) } else { field };
    Arc::new(Schema::new(left.fields().chain(right.fields().map(padded)).collect::<Vec<_>>()))
}
