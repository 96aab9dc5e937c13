//! Shows a plan to people.

mod pattern;
mod temporal;

use std::fmt::Write as _;

use arrow::datatypes::Schema;
use sabot_core::plan::{
    AggregateDesc, AlignmentDesc, Exchange, FirstOf, Frame, JobPlan, JoinDesc, KeptUntil,
    LocalTimes, NodeKind, OrderBy, OverAggregateDesc, OverDesc, OverTime, PlanNode, SourceDesc,
    TimeBounds, WindowAggregateDesc, WindowTime,
};

use sabot_core::{metadata, row_kind};

use crate::Planned;
use crate::expr::quoted;
use crate::settings::duration_text;
use crate::types::flink_name;
use crate::window::kind;

/// The operators of a plan, their uids, keys, exchanges, state and watermarks.
///
/// The text depends on the plan and the parallelism alone.
pub fn explain(planned: &Planned, parallelism: u32) -> String {
    let plan = &planned.plan;
    let mut text = format!(
        "{} operators, parallelism {parallelism}, {} key groups\n",
        plan.nodes.len(),
        plan.key_groups
    );
    for node in &plan.nodes {
        text.push('\n');
        // Writing to a String cannot fail.
        let _ = explain_node(&mut text, plan, node);
    }
    text
}

fn explain_node(out: &mut String, plan: &JobPlan, node: &PlanNode) -> std::fmt::Result {
    writeln!(out, "{}", node.name)?;
    writeln!(out, "  uid        {}", node.uid)?;
    for input in &node.inputs {
        let from = plan.node(input.from);
        match &input.exchange {
            Exchange::Forward if node.is_chained() => {
                writeln!(out, "  input      {}, chained", from.name)?;
            }
            Exchange::Forward => writeln!(out, "  input      {}, same subtask", from.name)?,
            Exchange::Late => {
                writeln!(out, "  input      what is too late for {}, chained", from.name)?;
            }
            Exchange::Keyed(keys) if keys.is_empty() => {
                writeln!(out, "  input      {}, all rows to one subtask", from.name)?;
            }
            Exchange::Keyed(keys) => {
                let keys = names(&from.schema, keys);
                writeln!(out, "  input      {}, by key group of {keys}", from.name)?;
            }
        }
    }
    if let Some(ttl_ms) = ttl_ms(&node.kind) {
        writeln!(out, "  state ttl  {}", duration_text(ttl_ms as i64))?;
    }
    if row_kind::is_updating(&node.schema) {
        writeln!(out, "  changes    +I -U +U -D")?;
    }
    match &node.kind {
        NodeKind::Source(source) => explain_source(out, node, source)?,
        NodeKind::Calc(calc) => {
            if let Some(filter) = &calc.filter {
                writeln!(out, "  filter     {}", filter.sql())?;
            }
            let fields = &node.schema.fields()[..row_kind::width(&node.schema)];
            for (field, value) in fields.iter().zip(&calc.columns) {
                let name = quoted(field.name());
                let from = if value.sql() == field.name() || value.sql() == name {
                    String::new()
                } else {
                    format!(" = {}", value.sql())
                };
                let data_type = flink_name(field.data_type());
                writeln!(out, "  column     {}{from} {data_type}", field.name())?;
            }
        }
        NodeKind::WindowAggregate(desc) => {
            explain_window(out, &plan.node(node.inputs[0].from).schema, desc)?;
        }
        NodeKind::Union => {}
        NodeKind::GroupAggregate(desc) => {
            let input = &plan.node(node.inputs[0].from).schema;
            let keys = key_names(input, &desc.keys);
            writeln!(out, "  keys       {keys}")?;
            for AggregateDesc { name, data_type, .. } in &desc.aggregates {
                writeln!(out, "  state      {name} {}", flink_name(data_type))?;
            }
        }
        NodeKind::Join(desc) => {
            for (side, input) in plan.input_schemas(node).iter().enumerate() {
                let keys = &desc.keys[side];
                let keys = key_names(input, keys);
                let rows = columns(&row_kind::without(input));
                writeln!(out, "  {:<10} keys {keys}", ["left", "right"][side])?;
                let partners = if desc.kind.tracks(side) { ", numbers of partners" } else { "" };
                write!(out, "  state      rows of {rows}{partners}")?;
                if let Some(KeptUntil { row_time, reach_ms }) = desc.until[side] {
                    let (time, reach) = (input.field(row_time).name(), duration_text(reach_ms));
                    write!(out, ", until the watermark is {reach} past {time}")?;
                }
                writeln!(out)?;
                if desc.ttl_ms[0] != desc.ttl_ms[1] {
                    let ttl = desc.ttl_ms[side].map(|ms| duration_text(ms as i64));
                    writeln!(out, "  state ttl  {}", ttl.unwrap_or_else(|| "none".to_owned()))?;
                }
            }
            if let Some(condition) = &desc.condition {
                writeln!(out, "  condition  {}", condition.sql())?;
            }
            if let Some(FirstOf { keys, order, limit }) = &desc.first {
                let (keys, order) = (names(&node.schema, keys), order_text(&node.schema, order));
                writeln!(out, "  pairs      of a batch, the first {limit} of {keys} by {order}")?;
            }
        }
        NodeKind::LookupJoin(desc) => temporal::explain_lookup(out, plan, node, desc)?,
        NodeKind::TemporalJoin(desc) => temporal::explain_versions(out, plan, node, desc)?,
        NodeKind::IntervalJoin(desc) => {
            let TimeBounds { from_ms, to_ms } = desc.bounds;
            for (side, input) in plan.input_schemas(node).iter().enumerate() {
                let keys = names(input, &desc.keys[side]);
                let time = match desc.by_processing_time {
                    true => "of arrival",
                    false => input.field(desc.times[side]).name(),
                };
                writeln!(out, "  {:<10} keys {keys}, time {time}", ["left", "right"][side])?;
                let rows = columns(input);
                writeln!(out, "  state      rows of {rows}, until no partner can come")?;
            }
            let (from, to) = (duration_text(from_ms), duration_text(to_ms));
            writeln!(out, "  bounds     right time - left time from {from} to {to}")?;
            if let Some(condition) = &desc.condition {
                writeln!(out, "  condition  {}", condition.sql())?;
            }
        }
        NodeKind::TopN(desc) => {
            let input = &plan.node(node.inputs[0].from).schema;
            let keys = key_names(input, &desc.keys);
            writeln!(out, "  keys       {keys}")?;
            writeln!(out, "  order      {}", order_text(input, &desc.order))?;
            let of = if desc.keys.is_empty() { "" } else { " of each key" };
            writeln!(out, "  state      the first {} rows{of}", desc.limit)?;
        }
        NodeKind::LastRow(desc) => {
            let input = &plan.node(node.inputs[0].from).schema;
            writeln!(out, "  keys       {}", names(input, &desc.keys))?;
            writeln!(out, "  state      the last row of each key")?;
        }
        NodeKind::UpsertMaterialize(desc) => {
            let input = &plan.node(node.inputs[0].from).schema;
            writeln!(out, "  keys       {}", names(input, &desc.keys))?;
            writeln!(out, "  state      the rows of each key, as they came")?;
        }
        NodeKind::Remember(desc) => {
            let input = &plan.node(node.inputs[0].from).schema;
            let keys = key_names(input, &desc.keys);
            writeln!(out, "  keys       {keys}")?;
            let given: Vec<_> = desc.reads.remembered().collect();
            writeln!(out, "  state      rows, with {}", columns(&Schema::new(given)))?;
        }
        NodeKind::Over(desc) => {
            explain_over(out, &plan.node(node.inputs[0].from).schema, desc)?;
        }
        NodeKind::Pattern(desc) => {
            let input = &plan.node(node.inputs[0].from).schema;
            pattern::explain_pattern(out, input, desc)?;
        }
        NodeKind::Expand(desc) => {
            let input = &plan.node(node.inputs[0].from).schema;
            let row_time = input.field(desc.row_time).name();
            write!(out, "  window     {} on {row_time}", kind::title(desc.window))?;
            explain_zone(out, desc.local_times.as_deref())?;
        }
        NodeKind::Unnest(desc) => {
            let input = &plan.node(node.inputs[0].from).schema;
            let outer = if desc.outer { ", rows without elements stay" } else { "" };
            writeln!(out, "  elements   of {}{outer}", input.field(desc.column).name())?;
            writeln!(out, "  columns    {}", columns(&row_kind::without(&node.schema)))?;
            if let Some(condition) = &desc.condition {
                writeln!(out, "  condition  {}", condition.sql())?;
            }
        }
        NodeKind::WindowSettle(desc) => {
            let input = &plan.node(node.inputs[0].from).schema;
            let row_time = input.field(desc.row_time).name();
            write!(out, "  window     {} on {row_time}", kind::title(desc.window))?;
            explain_zone(out, desc.local_times.as_deref())?;
            writeln!(out, "  keys       {}", names(input, &desc.keys))?;
            let rows = columns(&row_kind::without(input));
            writeln!(out, "  state      rows of open windows: {rows}")?;
        }
        NodeKind::WindowTopN(desc) => {
            let input = &plan.node(node.inputs[0].from).schema;
            writeln!(out, "  keys       {}", names(input, &desc.keys))?;
            writeln!(out, "  order      {}", order_text(input, &desc.order))?;
            writeln!(
                out,
                "  state      the first {} rows of each key of open windows",
                desc.limit
            )?;
        }
        NodeKind::WindowJoin(desc) => {
            for (side, input) in plan.input_schemas(node).iter().enumerate() {
                let keys = names(input, &desc.keys[side]);
                writeln!(out, "  {:<10} keys {keys}", ["left", "right"][side])?;
                writeln!(out, "  state      rows of {} of open windows", columns(input))?;
            }
            if let Some(condition) = &desc.condition {
                writeln!(out, "  condition  {}", condition.sql())?;
            }
        }
        NodeKind::Sink(sink) => {
            writeln!(out, "  writes     {}{}", sink.table, connector(&sink.options))?;
            writeln!(out, "  columns    {}", columns(&row_kind::without(&node.schema)))?;
        }
    }
    Ok(())
}

/// How long rows of the node's state are kept after they were written.
fn ttl_ms(kind: &NodeKind) -> Option<u64> {
    match kind {
        NodeKind::GroupAggregate(desc) => desc.ttl_ms,
        NodeKind::Join(JoinDesc { ttl_ms: [left, right], .. }) => left.filter(|_| left == right),
        NodeKind::LastRow(desc) => desc.ttl_ms,
        NodeKind::UpsertMaterialize(desc) => desc.ttl_ms,
        NodeKind::Remember(desc) => desc.ttl_ms,
        NodeKind::TopN(desc) => desc.ttl_ms,
        NodeKind::Over(desc) => desc.ttl_ms,
        _ => None,
    }
}

fn explain_source(out: &mut String, node: &PlanNode, source: &SourceDesc) -> std::fmt::Result {
    writeln!(out, "  reads      {}{}", source.table, connector(&source.options))?;
    writeln!(out, "  physical   {}", columns(&source.physical_schema))?;
    if let Some(filter) = &source.filter {
        let values: Vec<String> = filter.values.iter().map(ToString::to_string).collect();
        writeln!(out, "  only rows  {} IN ({})", filter.column, values.join(", "))?;
    }
    if let Some(values) = &source.columns {
        let computed: Vec<String> = node
            .schema
            .fields()
            .iter()
            .zip(values)
            .filter(|(_, value)| value.as_column().is_none())
            .map(|(field, value)| format!("{} AS {}", field.name(), value.sql()))
            .collect();
        if !computed.is_empty() {
            writeln!(out, "  computed   {}", computed.join(", "))?;
        }
    }
    if let Some(watermark) = &source.watermark {
        let column = node.schema.field(watermark.column).name();
        let idle = match watermark.idle_timeout_ms {
            Some(ms) => format!("idle after {}", duration_text(ms as i64)),
            None => "never idle".into(),
        };
        writeln!(out, "  watermark  for {column} as {}, {idle}", watermark.expression.sql())?;
        if let Some(AlignmentDesc { group, max_drift_ms, .. }) = &watermark.alignment {
            let drift = duration_text(*max_drift_ms);
            writeln!(out, "  aligned    with group \"{group}\", at most {drift} ahead")?;
        }
    }
    Ok(())
}

fn explain_zone(out: &mut String, zone: Option<&dyn LocalTimes>) -> std::fmt::Result {
    match zone {
        Some(zone) => writeln!(out, ", local times of {zone}"),
        None => writeln!(out),
    }
}

fn explain_window(
    out: &mut String,
    input: &Schema,
    desc: &WindowAggregateDesc,
) -> std::fmt::Result {
    let time = match desc.time {
        WindowTime::Row(column) => input.field(column).name(),
        WindowTime::Processing => "processing time",
    };
    write!(out, "  window     {} on {time}", kind::title(desc.window))?;
    let offset_ms = kind::offset_ms(desc.window);
    if offset_ms != 0 {
        write!(out, ", offset {}", duration_text(offset_ms))?;
    }
    explain_zone(out, desc.local_times.as_deref())?;
    if let Some(ms) = desc.early_ms {
        writeln!(
            out,
            "  early      {} after rows have come: more change results",
            duration_text(ms)
        )?;
    }
    if let Some(ms) = desc.lateness_ms.filter(|ms| *ms > 0) {
        writeln!(out, "  lateness   {}: later rows change results", duration_text(ms))?;
    }
    let keys = key_names(input, &desc.keys);
    writeln!(out, "  keys       {keys}")?;
    for AggregateDesc { name, data_type, .. } in &desc.aggregates {
        writeln!(out, "  state      {name} {}", flink_name(data_type))?;
    }
    Ok(())
}

fn explain_over(out: &mut String, input: &Schema, desc: &OverDesc) -> std::fmt::Result {
    if desc.aggregates.is_empty() {
        writeln!(out, "  order      {}, by the watermark", order_text(input, &desc.order))?;
        return writeln!(out, "  state      rows that wait");
    }
    let keys = key_names(input, &desc.keys);
    writeln!(out, "  keys       {keys}")?;
    let time = match desc.time {
        Some(OverTime::Event(_)) => ", answered by the watermark",
        Some(OverTime::Processing(_)) => ", answered as rows come",
        None => "",
    };
    writeln!(out, "  order      {}{time}", order_text(input, &desc.order))?;
    let frame = match desc.frame {
        Frame::Rows(None) => "all rows up to the row".to_owned(),
        Frame::Rows(Some(rows)) => format!("the row and {rows} rows before it"),
        Frame::Range(None) => "all rows up to the row and its peers".to_owned(),
        Frame::Range(Some(ms)) => {
            format!("rows up to the row and its peers, from {} before on", duration_text(ms))
        }
    };
    writeln!(out, "  frame      {frame}")?;
    for OverAggregateDesc { name, data_type, .. } in &desc.aggregates {
        writeln!(out, "  aggregate  {name} {}", flink_name(data_type))?;
    }
    let waiting = matches!(desc.time, Some(OverTime::Event(_))).then_some("rows that wait, ");
    let waiting = waiting.unwrap_or_default();
    let state = match (desc.time, desc.frame) {
        (None, _) => "all rows of each key",
        (_, Frame::Rows(None) | Frame::Range(None)) => "results of each key",
        (_, Frame::Rows(_)) => "the last rows of each key",
        (_, Frame::Range(_)) => "rows that frames reach",
    };
    writeln!(out, "  state      {waiting}{state}")
}

fn order_text(input: &Schema, order: &[OrderBy]) -> String {
    if order.is_empty() {
        return "none".to_owned();
    }
    let order = order.iter().map(|order| {
        let name = input.field(order.column).name();
        format!("{name} {}", if order.descending { "DESC" } else { "ASC" })
    });
    order.collect::<Vec<_>>().join(", ")
}

fn connector(options: &std::collections::BTreeMap<String, String>) -> String {
    options.get("connector").map(|name| format!(" ({name})")).unwrap_or_default()
}

fn names(schema: &Schema, indexes: &[usize]) -> String {
    let names: Vec<&str> = indexes.iter().map(|i| schema.field(*i).name().as_str()).collect();
    names.join(", ")
}

/// The names of key columns.
fn key_names(schema: &Schema, keys: &[usize]) -> String {
    if keys.is_empty() { "none".to_owned() } else { names(schema, keys) }
}

fn columns(schema: &Schema) -> String {
    let column = |field: &arrow::datatypes::FieldRef| {
        let not_null = if field.is_nullable() { "" } else { " NOT NULL" };
        let metadata = metadata::key(field).map(|key| format!(" METADATA FROM '{key}'"));
        let metadata = metadata.unwrap_or_default();
        format!("{} {}{not_null}{metadata}", field.name(), flink_name(field.data_type()))
    };
    schema.fields().iter().map(column).collect::<Vec<_>>().join(", ")
}
