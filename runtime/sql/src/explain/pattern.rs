//! Shows rows that match a pattern.

use std::fmt::Write as _;

use arrow::datatypes::Schema;
use sabot_core::plan::{AfterMatch, MatchCondition, MatchValue, PatternDesc};

use super::{key_names, order_text};
use crate::settings::duration_text;
use crate::types::flink_name;

pub(super) fn explain_pattern(
    out: &mut String,
    input: &Schema,
    desc: &PatternDesc,
) -> std::fmt::Result {
    let keys = key_names(input, &desc.keys);
    writeln!(out, "  keys       {keys}")?;
    let by = order_text(input, &desc.order);
    let order = match desc.row_time {
        Some(_) => format!("{by}, by the watermark"),
        None if desc.order.is_empty() => "as rows come".to_owned(),
        None => format!("as rows come, at once by {by}"),
    };
    writeln!(out, "  order      {order}")?;
    let pattern: Vec<String> = desc.variables.iter().map(ToString::to_string).collect();
    write!(out, "  pattern    {}", pattern.join(" "))?;
    match desc.within_ms {
        Some(ms) => writeln!(out, ", within {}", duration_text(ms)),
        None => writeln!(out),
    }?;
    for variable in &desc.variables {
        if let Some(MatchCondition::Row(condition) | MatchCondition::Match(condition)) =
            &variable.condition
        {
            writeln!(out, "  define     {} AS {}", variable.name, condition.sql())?;
        }
    }
    let name = |index: usize| desc.variables[index].name.as_str();
    let next = match desc.after {
        AfterMatch::PastLastRow => "past the last row".to_owned(),
        AfterMatch::ToNextRow => "from the next row on".to_owned(),
        AfterMatch::ToFirst(variable) => format!("from the first row of {} on", name(variable)),
        AfterMatch::ToLast(variable) => format!("from the last row of {} on", name(variable)),
    };
    writeln!(out, "  next       {next}")?;
    for MatchValue { name, data_type, .. } in &desc.measures {
        writeln!(out, "  measure    {name} {}", flink_name(data_type))?;
    }
    let waiting = if desc.row_time.is_some() { "rows that wait, " } else { "" };
    let until = if desc.within_ms.is_some() { ", until they are too old" } else { "" };
    writeln!(out, "  state      {waiting}rows of matches that are not whole{until}")
}
