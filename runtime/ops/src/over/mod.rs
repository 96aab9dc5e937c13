//! Aggregates over the rows up to each row.
//!
//! Rows that only come and are ordered by time are answered once (`answers`): as the watermark passes
//! them (`event_time`) or as they come (`processing_time`); of all others the answers change
//! (`changes`). All lay out the rows of keys in their order (`frame`) and answer all of them at once
//! (`aggregate`).

mod aggregate;
mod answers;
pub(crate) mod buffer;
mod carried;
mod changes;
mod different;
mod event_time;
mod frame;
mod history;
mod listed;
mod past;
mod processing_time;
mod seen;

use arrow::datatypes::SchemaRef;
use sabot_core::plan::{Frame, OverDesc, OverFunction, OverTime, PlanNode};
use sabot_core::state::{StateBackend, StateSpec};
use sabot_core::{Error, Operator, Result};
use sabot_types::OperatorUid;

use self::buffer::WAITING;
use crate::OperatorConfig;
use crate::window::progress;

/// The states of the operator.
pub(crate) fn state_specs(
    operator: &OperatorUid,
    desc: &OverDesc,
    input: &SchemaRef,
) -> Vec<StateSpec> {
    let mut specs = Vec::new();
    match desc.time {
        None => specs.push(changes::state_spec(operator, desc, input)),
        Some(OverTime::Processing(_)) => specs.extend(answers::state_specs(operator, desc, input)),
        Some(OverTime::Event(row_time)) => {
            specs.push(buffer::state_spec((operator, WAITING), &desc.keys, row_time, input));
            specs.extend(answers::state_specs(operator, desc, input));
            specs.push(progress::spec(operator, event_time::PROGRESS.to_owned()));
        }
    }
    specs
}

/// Builds the operator.
pub(crate) fn build(
    node: &PlanNode,
    desc: &OverDesc,
    input: &SchemaRef,
    config: &OperatorConfig,
    state: &mut dyn StateBackend,
) -> Result<Box<dyn Operator>> {
    check(node, desc, input)?;
    let lags = desc.aggregates.iter().any(|a| matches!(a.function, OverFunction::Lag(_)));
    if lags && matches!(desc.frame, Frame::Range(Some(_))) {
        return Err(Error::user(format!(
            "operator {}: LAG does not go with a frame that reaches back by time",
            node.name
        )));
    }
    Ok(match desc.time {
        Some(OverTime::Event(time)) => {
            Box::new(event_time::EventTimeOver::new(node, desc, time, input, config, state)?)
        }
        Some(OverTime::Processing(time)) => Box::new(processing_time::ProcessingTimeOver::new(
            node, desc, time, input, config, state,
        )?),
        None => Box::new(changes::ChangingOver::new(node, desc, input, config, state)?),
    })
}

/// Checks the types of what is planned.
fn check(node: &PlanNode, desc: &OverDesc, input: &SchemaRef) -> Result<()> {
    let fields = node.schema.fields();
    let width = sabot_core::row_kind::width(input);
    let planned = fields.get(width..).unwrap_or_default();
    for (field, aggregate) in planned.iter().zip(&desc.aggregates) {
        if field.data_type() != &aggregate.data_type {
            return Err(Error::user(format!(
                "operator {}: output column {} is planned as {}, the operator makes {}",
                node.name,
                field.name(),
                field.data_type(),
                aggregate.data_type
            )));
        }
    }
    let kinds = usize::from(desc.time.is_none());
    if fields.len() != width + desc.aggregates.len() + kinds {
        return Err(Error::user(format!(
            "operator {}: {} output columns are planned, it makes {}",
            node.name,
            fields.len(),
            width + desc.aggregates.len() + kinds
        )));
    }
    Ok(())
}

/// How many rows before a row its answers need, where frames are of a number of rows.
fn rows_back(desc: &OverDesc) -> Option<usize> {
    let lags = desc.aggregates.iter().filter_map(|aggregate| match aggregate.function {
        OverFunction::Lag(offset) => Some(offset),
        _ => None,
    });
    let frame = match desc.frame {
        Frame::Rows(Some(before)) => Some(before),
        Frame::Rows(None) | Frame::Range(_) => None,
    };
    lags.chain(frame).max().filter(|rows| *rows > 0)
}

/// The columns that aggregates are over, each once.
fn arguments(desc: &OverDesc) -> Vec<usize> {
    let mut columns: Vec<usize> = desc.aggregates.iter().filter_map(|a| a.argument).collect();
    columns.sort_unstable();
    columns.dedup();
    columns
}

#[cfg(test)]
mod tests;
