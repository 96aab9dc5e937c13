//! Turns resolved INSERTs into the engine's operators.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion_expr::Expr;
use sabot_core::Evaluator;
use sabot_core::plan::{
    AggregateDesc, CalcDesc, Exchange, Input, JobPlan, NodeId, NodeKind, PlanNode, SinkDesc,
    SourceDesc, WatermarkDesc, Window, WindowAggregateDesc,
};
use sabot_types::{KeyGroupCount, OperatorUid};

use crate::aggregate::WindowNode;
use crate::catalog::{Table, TableColumn};
use crate::error::Result;
use crate::expr::{Bound, compile, quoted};
use crate::insert::Insert;
use crate::reads::{Known, ReadTable, Reads};
use crate::relation::Base;
use crate::settings::Settings;
use crate::types::flink_name;
use crate::uid::Uids;

/// The plan of all INSERTs.
pub(crate) fn lower(
    inserts: &[Insert],
    settings: &Settings,
    key_groups: KeyGroupCount,
) -> Result<JobPlan> {
    let mut needed = Needed::default();
    for insert in inserts {
        needed.add(&insert.base, insert.filter.as_ref(), insert.columns.iter());
    }
    let mut lowering = Lowering {
        nodes: Vec::new(),
        sources: BTreeMap::new(),
        needed,
        uids: Uids::default(),
        settings,
    };
    for insert in inserts {
        lowering.insert(insert)?;
    }
    Ok(JobPlan { nodes: lowering.nodes, key_groups })
}

/// What is read of each table.
#[derive(Debug, Default)]
struct Needed {
    tables: BTreeMap<String, Reads>,
}

impl Needed {
    fn add<'b>(
        &mut self,
        base: &Base,
        filter: Option<&'b Bound>,
        exprs: impl Iterator<Item = &'b Bound>,
    ) {
        match base {
            Base::Table(table) => {
                self.tables.entry(table.name.clone()).or_default().add(filter, exprs);
            }
            // An aggregation is computed whole, whatever is read of it.
            Base::Window(node) => self.add(&node.base, node.filter.as_ref(), node_inputs(node)),
        }
    }
}

fn node_inputs(node: &WindowNode) -> impl Iterator<Item = &Bound> {
    let aggregates = node.aggregates.iter().flat_map(|a| a.argument.iter().chain(&a.filter));
    node.keys.iter().chain([&node.window.row_time]).chain(aggregates)
}

struct Lowering<'a> {
    nodes: Vec<PlanNode>,
    sources: BTreeMap<String, NodeId>,
    needed: Needed,
    uids: Uids,
    settings: &'a Settings,
}

impl Lowering<'_> {
    fn insert(&mut self, insert: &Insert) -> Result<()> {
        let sink = &insert.sink;
        let from = self.base(&insert.base, &sink.name)?;
        let uid = self.uids.sink(&sink.name, &insert.base.tables())?;
        let fields: Vec<Field> = sink.physical().map(arrow_field).collect();
        let schema = Arc::new(Schema::new(fields));
        let columns: Vec<(Field, &Bound)> = schema
            .fields()
            .iter()
            .map(|field| field.as_ref().clone())
            .zip(&insert.columns)
            .collect();
        let from = self.calc(from, insert.filter.as_ref(), &columns, &uid, &sink.name)?;
        let name = self.uids.name(&format!("{}[sink]", sink.name));
        let desc = SinkDesc { table: sink.name.clone(), options: Arc::clone(&sink.options) };
        let input = Some(Input { from, exchange: Exchange::Forward });
        self.push(uid, name, NodeKind::Sink(desc), input, schema);
        Ok(())
    }

    fn base(&mut self, base: &Base, sink: &str) -> Result<NodeId> {
        match base {
            Base::Table(table) => self.source(table),
            Base::Window(node) => self.window(node, sink),
        }
    }

    /// Filters and projects, unless that would change nothing.
    fn calc(
        &mut self,
        from: NodeId,
        filter: Option<&Bound>,
        columns: &[(Field, &Bound)],
        reader: &OperatorUid,
        sink: &str,
    ) -> Result<NodeId> {
        let input = Arc::clone(&self.nodes[from.0].schema);
        let schema = Schema::new(columns.iter().map(|(f, _)| f.clone()).collect::<Vec<_>>());
        let same = |(index, (_, bound)): (usize, &(Field, &Bound))| matches!(&bound.expr, Expr::Column(c) if input.index_of(&c.name).is_ok_and(|i| i == index));
        if filter.is_none() && *input == schema && columns.iter().enumerate().all(same) {
            return Ok(from);
        }
        let known = Known::of(&self.nodes[from.0]);
        let filter = filter.map(|f| known.in_bound(f)).filter(|f| !f.is_true());
        let filter = filter.map(|f| compile(&f, &input)).transpose()?;
        let column = |(_, bound): &(Field, &Bound)| compile(&known.in_bound(bound), &input);
        let columns = columns.iter().map(column).collect::<Result<_>>()?;
        let uid = self.uids.input_of(reader)?;
        let name = self.uids.name(&format!("{sink}[calc]"));
        let kind = NodeKind::Calc(CalcDesc { filter, columns });
        let input = Some(Input { from, exchange: Exchange::Forward });
        Ok(self.push(uid, name, kind, input, Arc::new(schema)))
    }

    fn window(&mut self, node: &WindowNode, sink: &str) -> Result<NodeId> {
        let from = self.base(&node.base, sink)?;
        let uid = self.uids.window(sink, &node.window, &node.keys)?;
        let mut slots = Slots::default();
        let keys: Vec<usize> = node.keys.iter().map(|key| slots.take(key)).collect();
        let row_time = slots.take(&node.window.row_time);
        let mut aggregates = Vec::new();
        for aggregate in &node.aggregates {
            aggregates.push(AggregateDesc {
                name: aggregate.name.clone(),
                function: aggregate.function,
                argument: aggregate.argument.as_ref().map(|a| slots.take(a)),
                filter: aggregate.filter.as_ref().map(|f| slots.take(f)),
                data_type: aggregate.data_type.clone(),
            });
        }
        let from = self.calc(from, node.filter.as_ref(), &slots.columns, &uid, sink)?;
        let size = duration_text(node.window.size_ms);
        let name = self.uids.name(&format!("{sink}[tumble {size}]"));
        let exchange = Exchange::Keyed(keys.clone());
        let kind = NodeKind::WindowAggregate(WindowAggregateDesc {
            window: Window::Tumble {
                size_ms: node.window.size_ms,
                offset_ms: node.window.offset_ms,
            },
            row_time,
            keys,
            aggregates,
        });
        let schema = Arc::new(node.schema.as_arrow().clone());
        Ok(self.push(uid, name, kind, Some(Input { from, exchange }), schema))
    }

    /// The one node that reads a table, with only the columns that anything needs.
    fn source(&mut self, table: &Arc<Table>) -> Result<NodeId> {
        if let Some(id) = self.sources.get(&table.name) {
            return Ok(*id);
        }
        let ReadTable { columns, physical, filter } =
            self.needed.tables.entry(table.name.clone()).or_default().of(table);
        let schema = schema_of(&columns);
        let physical_schema = schema_of(&physical);
        let values = if physical_schema == schema {
            None
        } else {
            let value = |column: &TableColumn| match &column.computed {
                Some(bound) => compile(bound, &physical_schema),
                None => compile(&column_value(column), &physical_schema),
            };
            Some(columns.iter().map(value).collect::<Result<Vec<Arc<dyn Evaluator>>>>()?)
        };
        let desc = SourceDesc {
            table: table.name.clone(),
            options: Arc::clone(&table.options),
            physical_schema,
            filter,
            columns: values,
            watermark: self.watermark(table, &schema)?,
        };
        let uid = self.uids.source(&table.name)?;
        let name = self.uids.name(&format!("{}[source]", table.name));
        let id = self.push(uid, name, NodeKind::Source(desc), None, schema);
        self.sources.insert(table.name.clone(), id);
        Ok(id)
    }

    fn watermark(&self, table: &Table, schema: &SchemaRef) -> Result<Option<WatermarkDesc>> {
        let Some(watermark) = &table.watermark else { return Ok(None) };
        let Ok(column) = schema.index_of(&watermark.column) else { return Ok(None) };
        Ok(Some(WatermarkDesc {
            column,
            expression: compile(&watermark.expression, schema)?,
            idle_timeout_ms: match table.idle_timeout_ms {
                Some(ms) => Some(ms).filter(|ms| *ms > 0),
                None => self.settings.idle_timeout_ms,
            },
        }))
    }

    fn push(
        &mut self,
        uid: OperatorUid,
        name: String,
        kind: NodeKind,
        input: Option<Input>,
        schema: SchemaRef,
    ) -> NodeId {
        let id = NodeId(self.nodes.len());
        self.nodes.push(PlanNode { id, uid, name, kind, input, schema });
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

    fn taken(&self, name: &str) -> bool {
        self.columns.iter().any(|(field, _)| field.name() == name)
    }
}

fn column_value(column: &TableColumn) -> Bound {
    Bound::column(&column.name, quoted(&column.name), column.data_type.clone(), column.nullable)
}

fn arrow_field(column: &TableColumn) -> Field {
    Field::new(&column.name, DataType::clone(&column.data_type), column.nullable)
}

fn schema_of<'t>(columns: impl IntoIterator<Item = &'t TableColumn>) -> SchemaRef {
    Arc::new(Schema::new(columns.into_iter().map(arrow_field).collect::<Vec<_>>()))
}

/// `10 s`, in the largest unit that fits.
pub(crate) fn duration_text(ms: i64) -> String {
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s")];
    let fitting = units.into_iter().find(|(unit, _)| ms % unit == 0 && ms != 0);
    fitting.map_or_else(|| format!("{ms} ms"), |(unit, name)| format!("{} {name}", ms / unit))
}
