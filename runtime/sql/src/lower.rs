//! Turns resolved INSERTs into the engine's operators.

mod changing;
mod late;
mod over;
mod pattern;
mod settled;
mod shared;
mod source;
mod temporal;
mod unnest;
mod zones;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion_common::ScalarValue;
use datafusion_expr::Expr;
use sabot_core::metadata;
use sabot_core::plan::{
    AggregateDesc, CalcDesc, Exchange, GroupAggregateDesc, Input, IntervalJoinDesc, JobPlan,
    JoinDesc, KeptUntil, NodeId, NodeKind, PlanNode, SinkDesc, WindowAggregateDesc, WindowJoinDesc,
    WindowTime,
};
use sabot_core::row_kind::{self, RowKind};
use sabot_types::{KeyGroupCount, OperatorUid};

use crate::aggregate::{Aggregate, GroupNode, WindowNode};
use crate::catalog::{Table, TableColumn};
use crate::error::Result;
use crate::expr::{Bound, compile, quoted};
use crate::insert::Insert;
use crate::interval::Interval;
use crate::join::JoinNode;
use crate::needed::{Needed, group_inputs, join_columns, names, node_inputs, used_columns};
use crate::reads::Known;
use crate::relation::{Base, Feed, both};
use crate::settings::Settings;
use crate::types::flink_name;
use crate::uid::Uids;
use crate::union::UnionNode;
use crate::window;

use zones::arrow_end;

pub(crate) use late::LateRows;

/// The plan of all INSERTs.
pub(crate) fn lower(
    inserts: &[Insert],
    settings: &Settings,
    late: Option<LateRows>,
    key_groups: KeyGroupCount,
) -> Result<JobPlan> {
    let mut needed = Needed { late: late.clone(), ..Needed::default() };
    for insert in inserts {
        needed.add(
            &insert.base,
            insert.filter.as_ref(),
            &insert.columns.iter().collect::<Vec<_>>(),
        );
    }
    let mut lowering = Lowering {
        nodes: Vec::new(),
        sources: BTreeMap::new(),
        needed,
        uids: Uids::default(),
        settings,
        late,
        shared: BTreeMap::new(),
    };
    for insert in inserts {
        lowering.insert(insert)?;
    }
    lowering.check_late()?;
    Ok(JobPlan { nodes: lowering.nodes, key_groups })
}

struct Lowering<'a> {
    nodes: Vec<PlanNode>,
    sources: BTreeMap<String, NodeId>,
    needed: Needed,
    uids: Uids,
    settings: &'a Settings,
    late: Option<LateRows>,
    /// Aggregations of a sink that are already there, by what they compute.
    shared: BTreeMap<(String, String), NodeId>,
}

impl Lowering<'_> {
    fn insert(&mut self, insert: &Insert) -> Result<()> {
        let sink = &insert.sink;
        let used = names(insert.filter.iter().chain(&insert.columns));
        let from = self.base(&insert.base, &used, &sink.name)?;
        let uid = self.uids.sink(&sink.name, &insert.base.tables())?;
        let columns: Vec<(Field, &Bound)> =
            sink.written().map(connector_field).zip(&insert.columns).collect();
        let from = self.written(insert, from, &columns, &uid)?;
        let schema = Arc::clone(&self.nodes[from.0].schema);
        let name = self.uids.name(&format!("{}[sink]", sink.name));
        let desc = SinkDesc { table: sink.name.clone(), options: Arc::clone(&sink.options) };
        let exchange = match &self.nodes[from.0].kind {
            NodeKind::UpsertMaterialize(_) => Exchange::Forward,
            _ => sink_exchange(sink, &schema),
        };
        self.push(uid, name, NodeKind::Sink(desc), vec![Input { from, exchange }], schema);
        Ok(())
    }

    /// The node that has the `used` columns of a base.
    fn base(&mut self, base: &Base, used: &BTreeSet<String>, sink: &str) -> Result<NodeId> {
        match base {
            Base::Table(table) => self.source(table),
            Base::Join(node) => self.join(node, used, sink),
            Base::Union(node) => self.union(node, used, sink),
            Base::Rank(node) => self.rank(node, used, sink),
            Base::Temporal(node) => self.temporal(node, used, sink),
            Base::Over(node) => self.over(node, used, sink),
            Base::Expand(node) => self.expand(node, used, sink),
            Base::Unnest(node) => self.unnest(node, used, sink),
            Base::Pattern(node) => self.pattern(node, used, sink),
            Base::Window(node) => self.shared(sink, node, |this| this.window(node, sink)),
            Base::Group(node) => self.shared(sink, node, |this| this.group(node, sink)),
        }
    }

    /// The node that computes an aggregation, once for a sink.
    fn shared(
        &mut self,
        sink: &str,
        aggregation: &impl fmt::Debug,
        make: impl FnOnce(&mut Self) -> Result<NodeId>,
    ) -> Result<NodeId> {
        let what = (sink.to_owned(), format!("{aggregation:?}"));
        if let Some(id) = self.shared.get(&what) {
            return Ok(*id);
        }
        let id = make(self)?;
        self.shared.insert(what, id);
        Ok(id)
    }

    /// Filters and projects, unless that would change nothing, what changes by itself anew for each row.
    fn made(
        &mut self,
        from: NodeId,
        filter: Option<&Bound>,
        columns: &[(Field, &Bound)],
        reader: &OperatorUid,
        sink: &str,
    ) -> Result<NodeId> {
        let input = Arc::clone(&self.nodes[from.0].schema);
        let kind = column_value(&row_kind::field());
        let mut columns = columns.to_vec();
        if row_kind::is_updating(&input) {
            columns.push((row_kind::field(), &kind));
        }
        let schema = Schema::new(columns.iter().map(|(f, _)| f.clone()).collect::<Vec<_>>());
        let same = |(index, (_, bound)): (usize, &(Field, &Bound))| matches!(&bound.expr, Expr::Column(c) if input.index_of(&c.name).is_ok_and(|i| i == index));
        if filter.is_none() && *input == schema && columns.iter().enumerate().all(same) {
            return Ok(from);
        }
        let known = Known::of(&self.nodes[from.0]);
        let filter = filter.map(|f| known.in_bound(f)).filter(|f| !f.is_true());
        let columns = columns.iter().map(|(_, bound)| known.in_bound(bound)).collect();
        let calc = shared::calc(filter, columns, &input, self.settings.zone)?;
        let uid = self.uids.input_of(reader)?;
        let name = self.uids.name(&format!("{sink}[calc]"));
        let kind = NodeKind::Calc(calc);
        let inputs = vec![Input { from, exchange: Exchange::Forward }];
        Ok(self.push(uid, name, kind, inputs, Arc::new(schema)))
    }

    fn window(&mut self, node: &WindowNode, sink: &str) -> Result<NodeId> {
        let late = self.late_values(node)?;
        let from = self.base(&node.base, &names(node_inputs(node).chain(&late)), sink)?;
        let windows = self.in_zone(&node.window);
        let uid = self.uids.window(sink, &windows, &node.keys, node.early_ms.is_some())?;
        let mut slots = Slots::default();
        let keys: Vec<usize> = node.keys.iter().map(|key| slots.take(key)).collect();
        let time = if node.window.is_processing() {
            WindowTime::Processing
        } else {
            WindowTime::Row(slots.take(&node.window.row_time))
        };
        let aggregates = slots.aggregates(&node.aggregates);
        let late: Vec<usize> = late.iter().map(|value| slots.take(value)).collect();
        let first = column_value(self.nodes[from.0].schema.field(0));
        slots.at_least(&first);
        let from = self.calc(from, node.filter.as_ref(), &slots.columns, &uid, sink)?;
        let read = (time, keys.as_slice(), !late.is_empty());
        let (from, window) = self.settled(from, node, read, &uid, sink)?;
        let title = window::kind::title(node.window.window);
        let name = self.uids.name(&format!("{sink}[{title}]"));
        let exchange = Exchange::Keyed(keys.clone());
        let kind = NodeKind::WindowAggregate(WindowAggregateDesc {
            window,
            local_times: self.local_times(&node.window.row_time.data_type),
            time,
            keys,
            aggregates,
            lateness_ms: node.lateness_ms,
            early_ms: node.early_ms,
        });
        let fields = node.schema.as_arrow().fields().iter().map(|f| f.as_ref().clone());
        let schema = Arc::new(Schema::new(with_kind(fields, node.lateness_ms.is_some())));
        let id = self.push(uid.clone(), name, kind, vec![Input { from, exchange }], schema);
        self.late_rows(id, from, &late, &uid)?;
        Ok(id)
    }

    fn group(&mut self, node: &GroupNode, sink: &str) -> Result<NodeId> {
        let from = self.base(&node.base, &names(group_inputs(node)), sink)?;
        let uid = self.uids.group(sink, &node.keys)?;
        let mut slots = Slots::default();
        let keys: Vec<usize> = node.keys.iter().map(|key| slots.take(key)).collect();
        let aggregates = slots.aggregates(&node.aggregates);
        let first = column_value(self.nodes[from.0].schema.field(0));
        slots.at_least(&first);
        let from = self.calc(from, node.filter.as_ref(), &slots.columns, &uid, sink)?;
        let name = self.uids.name(&format!("{sink}[group]"));
        let exchange = Exchange::Keyed(keys.clone());
        let kind = NodeKind::GroupAggregate(GroupAggregateDesc {
            keys,
            aggregates,
            ttl_ms: self.settings.ttl_ms(node.ttl_ms),
        });
        let fields = node.schema.as_arrow().fields().iter().map(|f| f.as_ref().clone());
        let updating =
            !node.aggregates.is_empty() || row_kind::is_updating(&self.nodes[from.0].schema);
        let schema = Schema::new(with_kind(fields, updating));
        Ok(self.push(uid, name, kind, vec![Input { from, exchange }], Arc::new(schema)))
    }

    fn join(&mut self, node: &JoinNode, used: &BTreeSet<String>, sink: &str) -> Result<NodeId> {
        let tables = [0, 1].map(|side| node.feeds[side].base.tables());
        let interval = node.interval();
        let of_instants = node.windows[0].is_some_and(|windows| windows.of_instants);
        let ends = node.window_ends().map(|ends| ends.map(|end| self.end(end, of_instants)));
        let ttl_ms = node.ttls.map(|hinted| self.settings.ttl_ms(hinted));
        let until = node.until().filter(|_| ttl_ms == [None; 2]);
        let title = match (&interval, &ends, &until) {
            (Some(_), ..) => format!("interval {}", node.kind.title()),
            (_, Some(_), _) => format!("window {}", node.kind.title()),
            (.., Some(_)) => format!("{} until window ends", node.kind.title()),
            (None, None, None) => node.kind.title().to_owned(),
        };
        let uid = self.uids.join(sink, &title, [&tables[0], &tables[1]], &node.keys)?;
        let (mut inputs, mut keys, mut fields) = (Vec::new(), Vec::new(), Vec::new());
        let mut updating = node.kind.retracts() && interval.is_none() && ends.is_none();
        let mut times = Vec::new();
        let mut kept = [None; 2];
        // The fields of the output, and those of pairs, which the condition is about.
        let mut pairs: Vec<Field> = Vec::new();
        for (side, feed) in node.feeds.iter().enumerate() {
            let mut columns = feed_columns(feed, join_columns(node, side, used));
            let mut side_keys = Vec::new();
            for key in &node.keys {
                let key = &key.sides[side];
                let known = columns.iter().position(|(_, column)| column.expr == key.expr);
                side_keys.push(known.unwrap_or_else(|| {
                    columns.push((Field::new(&key.text, key.data_type.clone(), true), key));
                    columns.len() - 1
                }));
            }
            let time = interval.as_ref().map(|interval| &interval.times[side]);
            if let Some(time) = time.or(ends.as_ref().map(|ends| &ends[side])) {
                let known = columns.iter().position(|(_, column)| column.expr == time.expr);
                times.push(known.unwrap_or_else(|| {
                    columns.push((arrow_end(side, time), time));
                    columns.len() - 1
                }));
            }
            if let Some(until) = until.as_ref().filter(|until| until.side == side) {
                let column =
                    columns.iter().position(|(_, column)| column.expr == until.row_time.expr);
                kept[side] =
                    column.map(|row_time| KeptUntil { row_time, reach_ms: until.reach_ms });
            }
            let exchange = Exchange::Keyed(side_keys.clone());
            let from = self.feed(feed, &columns, &uid, sink)?;
            updating |= row_kind::is_updating(&self.nodes[from.0].schema);
            let pads = node.kind.pads(side);
            let padded = |field: Field| if pads { field.with_nullable(true) } else { field };
            pairs.extend(columns.into_iter().map(|(field, _)| padded(field)));
            if side == 0 || !node.kind.is_left_only() {
                fields.clone_from(&pairs);
            }
            inputs.push(Input { from, exchange });
            keys.push(side_keys);
        }
        let [left, right] = keys.try_into().unwrap_or_default();
        let pairs: SchemaRef = Arc::new(Schema::new(pairs));
        let conditions = interval.as_ref().map_or(&node.conditions, |interval| &interval.rest);
        let condition = conditions.iter().cloned().reduce(both);
        let condition = condition.map(|c| compile(&c, &pairs, self.settings.zone)).transpose()?;
        let keys = [left, right];
        let kind = node.kind;
        let kind = match (interval, times.try_into()) {
            (Some(Interval { bounds, by_processing_time, .. }), Ok(times)) => {
                NodeKind::IntervalJoin(IntervalJoinDesc {
                    kind,
                    keys,
                    times,
                    by_processing_time,
                    bounds,
                    condition,
                })
            }
            (None, Ok(window_ends)) => {
                NodeKind::WindowJoin(WindowJoinDesc { kind, keys, window_ends, condition })
            }
            _ => {
                NodeKind::Join(JoinDesc { kind, keys, condition, ttl_ms, until: kept, first: None })
            }
        };
        let name = self.uids.name(&format!("{sink}[{title}]"));
        let schema = Schema::new(with_kind(fields.into_iter(), updating));
        Ok(self.push(uid, name, kind, inputs, Arc::new(schema)))
    }

    fn union(&mut self, node: &UnionNode, used: &BTreeSet<String>, sink: &str) -> Result<NodeId> {
        let tables: Vec<&str> = node.feeds.iter().flat_map(|feed| feed.base.tables()).collect();
        let uid = self.uids.union(sink, &tables)?;
        let mut sides = Vec::new();
        for feed in &node.feeds {
            let mut columns = feed_columns(feed, used_columns(feed, used));
            for (field, _) in &mut columns {
                let wanted = node.schema.as_arrow().field_with_name(field.name());
                *field = wanted.map_or_else(|_| field.clone(), Field::clone);
            }
            sides.push(self.feed(feed, &columns, &uid, sink)?);
        }
        let updating = node.feeds.iter().any(|feed| feed.base.is_updating());
        let mut schema = Schema::empty();
        for (side, feed) in sides.iter_mut().zip(&node.feeds) {
            if updating && !feed.base.is_updating() {
                *side = self.with_insertions(*side, &uid, sink)?;
            }
            schema = self.nodes[side.0].schema.as_ref().clone();
        }
        let inputs =
            sides.into_iter().map(|from| Input { from, exchange: Exchange::Forward }).collect();
        let name = self.uids.name(&format!("{sink}[union]"));
        Ok(self.push(uid, name, NodeKind::Union, inputs, Arc::new(schema)))
    }

    /// The columns of a feed.
    fn feed(
        &mut self,
        feed: &Feed,
        columns: &[(Field, &Bound)],
        reader: &OperatorUid,
        sink: &str,
    ) -> Result<NodeId> {
        let used = names(feed.filter.iter().chain(columns.iter().map(|(_, bound)| *bound)));
        let from = self.base(&feed.base, &used, sink)?;
        self.calc(from, feed.filter.as_ref(), columns, reader, sink)
    }

    /// The rows of a node that only come, as changes.
    fn with_insertions(
        &mut self,
        from: NodeId,
        reader: &OperatorUid,
        sink: &str,
    ) -> Result<NodeId> {
        let input = Arc::clone(&self.nodes[from.0].schema);
        let insertion = Bound {
            expr: Expr::Literal(ScalarValue::Int8(Some(RowKind::Insert as i8)), None),
            ..column_value(&row_kind::field())
        };
        let columns = input.fields().iter().map(|field| column_value(field)).chain([insertion]);
        let columns = columns.map(|column| compile(&column, &input, self.settings.zone));
        let columns = columns.collect::<Result<_>>()?;
        let fields = input.fields().iter().map(|field| field.as_ref().clone());
        let schema = Schema::new(with_kind(fields, true));
        let uid = self.uids.input_of(reader)?;
        let name = self.uids.name(&format!("{sink}[calc]"));
        let kind = NodeKind::Calc(CalcDesc { columns, ..CalcDesc::default() });
        let inputs = vec![Input { from, exchange: Exchange::Forward }];
        Ok(self.push(uid, name, kind, inputs, Arc::new(schema)))
    }

    fn push(
        &mut self,
        uid: OperatorUid,
        name: String,
        kind: NodeKind,
        inputs: Vec<Input>,
        schema: SchemaRef,
    ) -> NodeId {
        let id = NodeId(self.nodes.len());
        self.nodes.push(PlanNode { id, uid, name, kind, inputs, schema });
        id
    }
}

/// The columns in front of an aggregation; each expression once.
#[derive(Debug, Default)]
struct Slots<'a> {
    columns: Vec<(Field, &'a Bound)>,
}

impl<'a> Slots<'a> {
    fn take(&mut self, bound: &'a Bound) -> usize {
        if let Some(index) = self.columns.iter().position(|(_, b)| b.expr == bound.expr) {
            return index;
        }
        let mut name = bound.text.clone();
        if self.taken(&name) {
            name = format!("CAST({name} AS {})", flink_name(&bound.data_type));
        }
        while self.taken(&name) {
            name.push('\'');
        }
        self.columns.push((Field::new(name, bound.data_type.clone(), bound.nullable), bound));
        self.columns.len() - 1
    }

    /// `COUNT(*)` of everything needs rows, not columns: then this is the one.
    fn at_least(&mut self, first: &'a Bound) {
        if self.columns.is_empty() {
            self.take(first);
        }
    }

    fn aggregates(&mut self, aggregates: &'a [Aggregate]) -> Vec<AggregateDesc> {
        let mut descs = Vec::new();
        for aggregate in aggregates {
            descs.push(AggregateDesc {
                name: aggregate.name.clone(),
                function: aggregate.function,
                distinct: aggregate.distinct,
                argument: aggregate.argument.as_ref().map(|a| self.take(a)),
                filter: aggregate.filter.as_ref().map(|f| self.take(f)),
                data_type: aggregate.data_type.clone(),
            });
        }
        descs
    }

    fn taken(&self, name: &str) -> bool {
        self.columns.iter().any(|(field, _)| field.name() == name)
    }
}

/// How rows reach a sink: the versions of a row that it stores by a key have to come one after the
/// other.
fn sink_exchange(sink: &Table, schema: &Schema) -> Exchange {
    if sink.is_upsert() { Exchange::Keyed(key_of(sink, schema)) } else { Exchange::Forward }
}

/// The columns of a sink's primary key.
fn key_of(sink: &Table, schema: &Schema) -> Vec<usize> {
    sink.primary_key.iter().flat_map(|key| schema.index_of(key)).collect()
}

/// The columns of a feed with these indexes.
fn feed_columns(feed: &Feed, indexes: Vec<usize>) -> Vec<(Field, &Bound)> {
    let column = |index: usize| {
        let (name, bound) = &feed.columns[index];
        (Field::new(name, bound.data_type.clone(), bound.nullable), bound)
    };
    indexes.into_iter().map(column).collect()
}

fn with_kind(fields: impl Iterator<Item = Field>, updating: bool) -> Vec<Field> {
    fields.chain(updating.then(row_kind::field)).collect()
}

fn column_value(field: &Field) -> Bound {
    let name = field.name();
    Bound::column(name, quoted(name), field.data_type().clone(), field.is_nullable())
}

fn arrow_field(column: &TableColumn) -> Field {
    Field::new(&column.name, DataType::clone(&column.data_type), column.nullable)
}

/// The column as its connector knows it.
pub(crate) fn connector_field(column: &TableColumn) -> Field {
    match &column.metadata {
        Some(of) => metadata::field(arrow_field(column), &of.key),
        None => arrow_field(column),
    }
}

fn schema_of<'t>(columns: impl IntoIterator<Item = &'t TableColumn>) -> SchemaRef {
    Arc::new(Schema::new(columns.into_iter().map(arrow_field).collect::<Vec<_>>()))
}
