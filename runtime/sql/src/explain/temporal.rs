//! Joins as of a time, as text.

use std::fmt::Write as _;

use arrow::datatypes::Schema;
use sabot_core::plan::{JobPlan, LookupJoinDesc, PlanNode, TemporalJoinDesc};
use sabot_core::row_kind;

use super::{columns, connector, names};
use crate::settings::duration_text;

pub(super) fn explain_lookup(
    out: &mut String,
    plan: &JobPlan,
    node: &PlanNode,
    desc: &LookupJoinDesc,
) -> std::fmt::Result {
    let input = &plan.node(node.inputs[0].from).schema;
    let fields = node.schema.fields();
    let width = row_kind::width(&node.schema);
    let table = Schema::new(fields[width - desc.rows.columns.len()..width].to_vec());
    writeln!(out, "  {:<10} keys {}", "left", names(input, &desc.keys))?;
    write!(out, "  looks up   {}{}", desc.table.table, connector(&desc.table.options))?;
    match desc.reload_interval_ms {
        Some(ms) => {
            let interval = duration_text(i64::try_from(ms).unwrap_or(i64::MAX));
            writeln!(out, ", read again every {interval}")?;
        }
        None => writeln!(out)?,
    }
    if let Some(keys) = &desc.table_last_by {
        writeln!(out, "  rows       the last one of each {}", names(&desc.table_schema, keys))?;
    }
    writeln!(out, "  table      keys {}", names(&table, &desc.table_keys))?;
    let values = table.fields().iter().zip(&desc.rows.columns);
    let values = values.map(|(field, value)| match value.sql() {
        same if same == field.name() => same.to_owned(),
        sql => format!("{} = {sql}", field.name()),
    });
    writeln!(out, "  columns    {}", values.collect::<Vec<_>>().join(", "))?;
    if let Some(filter) = &desc.rows.filter {
        writeln!(out, "  filter     {}", filter.sql())?;
    }
    if let Some(condition) = &desc.condition {
        writeln!(out, "  condition  {}", condition.sql())?;
    }
    answers(out, input, node)
}

/// The state of a join whose left rows can go.
fn answers(out: &mut String, left: &Schema, node: &PlanNode) -> std::fmt::Result {
    if row_kind::is_updating(left) {
        writeln!(
            out,
            "  state      answers by left row: {}",
            columns(&row_kind::without(&node.schema))
        )?;
    }
    Ok(())
}

pub(super) fn explain_versions(
    out: &mut String,
    plan: &JobPlan,
    node: &PlanNode,
    desc: &TemporalJoinDesc,
) -> std::fmt::Result {
    let what = [("left", "rows that wait"), ("versions", "versions by key and time")];
    for (side, input) in plan.input_schemas(node).iter().enumerate() {
        let (name, state) = what[side];
        let keys = names(input, &desc.keys[side]);
        writeln!(out, "  {name:<10} keys {keys}, time {}", input.field(desc.times[side]).name())?;
        writeln!(out, "  state      {state}: {}", columns(&row_kind::without(input)))?;
    }
    if let Some(condition) = &desc.condition {
        writeln!(out, "  condition  {}", condition.sql())?;
    }
    answers(out, &plan.node(node.inputs[0].from).schema, node)
}
