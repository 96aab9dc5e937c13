//! The operators between source and sink: one file or folder each, built from their descriptors
//! in the plan.

mod answered;
mod calc;
mod chunks;
mod clock;
mod codec;
mod due;
mod emit;
mod error;
mod first_of;
mod first_rows;
mod group;
mod group_record;
mod hot;
mod interval;
mod join;
mod keyed;
mod last_row;
mod lists;
mod lookup;
mod migrate;
mod multiset;
mod numbers;
mod ordered;
mod over;
mod pairing;
mod partition;
mod pattern;
mod read_columns;
mod recent;
mod remember;
mod temporal;
mod timed;
mod times;
mod top_n;
mod union;
mod unnest;
mod upsert_materialize;
mod window;
mod windowed;

use arrow::datatypes::SchemaRef;
use sabot_core::plan::{JobPlan, LookupJoinDesc, NodeKind, PlanNode};
use sabot_core::state::{StateBackend, StateSpec};
use sabot_core::{Error, Operator, Result};
use sabot_types::{EventTime, KeyGroupCount, KeyGroupRange};

pub use crate::lookup::LookupTable;
pub use crate::migrate::{Migration, migrate};
pub use crate::partition::Partitioner;

/// What a subtask knows when its operators are built.
#[derive(Debug, Clone, Copy)]
pub struct OperatorConfig {
    /// The job's key groups.
    pub key_groups: KeyGroupCount,
    /// Those that the subtask owns.
    pub key_range: KeyGroupRange,
    /// The operator's watermark in the checkpoint that was restored.
    pub restored_watermark: Option<EventTime>,
    /// Rows of the largest batch that an operator emits, from 1.
    pub max_batch_rows: usize,
    /// What its random numbers begin with.
    pub seed: u64,
}

/// Builds one subtask of an operator over rows of `inputs`, by port.
///
/// Restored rows must be in `state` already: windows that exist only there fire as well.
pub fn build(
    node: &PlanNode,
    inputs: &[SchemaRef],
    config: &OperatorConfig,
    state: &mut dyn StateBackend,
) -> Result<Box<dyn Operator>> {
    match &node.kind {
        NodeKind::Calc(desc) => Ok(Box::new(calc::Calc::new(node, desc, config.seed)?)),
        NodeKind::WindowAggregate(desc) => window::build(node, desc, &inputs[0], config, state),
        NodeKind::GroupAggregate(desc) => {
            Ok(Box::new(group::GroupAggregate::new(node, desc, &inputs[0], config, state)?))
        }
        NodeKind::Join(desc) => Ok(Box::new(join::Join::new(node, desc, inputs, config, state)?)),
        NodeKind::IntervalJoin(desc) => {
            Ok(Box::new(interval::IntervalJoin::new(node, desc, inputs, config, state)?))
        }
        NodeKind::TopN(desc) => {
            Ok(Box::new(top_n::TopN::new(node, desc, &inputs[0], config, state)?))
        }
        NodeKind::LastRow(desc) => {
            Ok(Box::new(last_row::LastRow::new(node, desc, &inputs[0], config, state)?))
        }
        NodeKind::UpsertMaterialize(desc) => Ok(Box::new(
            upsert_materialize::UpsertMaterialize::new(node, desc, &inputs[0], config, state)?,
        )),
        NodeKind::Remember(desc) => {
            Ok(Box::new(remember::Remember::new(node, desc, &inputs[0], config, state)?))
        }
        NodeKind::TemporalJoin(desc) => {
            Ok(Box::new(temporal::TemporalJoin::new(node, desc, inputs, config, state)?))
        }
        NodeKind::Over(desc) => over::build(node, desc, &inputs[0], config, state),
        NodeKind::Pattern(desc) => pattern::build(node, desc, &inputs[0], config, state),
        NodeKind::Expand(desc) => {
            Ok(Box::new(windowed::Expand::new(node, desc, &inputs[0], config)?))
        }
        NodeKind::Unnest(desc) => {
            Ok(Box::new(unnest::Unnest::new(node, desc, &inputs[0], config)?))
        }
        NodeKind::WindowTopN(desc) => {
            Ok(Box::new(windowed::WindowTopN::new(node, desc, &inputs[0], config, state)?))
        }
        NodeKind::WindowSettle(desc) => {
            Ok(Box::new(windowed::WindowSettle::new(node, desc, &inputs[0], config, state)?))
        }
        NodeKind::WindowJoin(desc) => {
            Ok(Box::new(windowed::WindowJoin::new(node, desc, inputs, config, state)?))
        }
        NodeKind::Union => Ok(Box::new(union::Union)),
        NodeKind::LookupJoin(_) => Err(Error::user(format!(
            "operator {} reads a table: it is built with its rows",
            node.name
        ))),
        NodeKind::Source(_) | NodeKind::Sink(_) => Err(Error::user(format!(
            "operator {} is a connector: the connectors' registry builds it",
            node.name
        ))),
    }
}

/// Builds one subtask of a lookup join over rows of `input`, with the rows of its table.
pub fn build_lookup(
    node: &PlanNode,
    desc: &LookupJoinDesc,
    input: &SchemaRef,
    table: LookupTable,
    config: &OperatorConfig,
    state: &mut dyn StateBackend,
) -> Result<Box<dyn Operator>> {
    Ok(Box::new(lookup::LookupJoin::new(node, desc, input, table, config, state)?))
}

/// The states that all operators of a plan would open.
pub fn states_of(plan: &JobPlan) -> impl Iterator<Item = StateSpec> {
    plan.nodes.iter().flat_map(|node| state_specs(node, &plan.input_schemas(node)))
}

/// The states that `node` would open, without building it.
pub fn state_specs(node: &PlanNode, inputs: &[SchemaRef]) -> Vec<StateSpec> {
    match &node.kind {
        NodeKind::WindowAggregate(desc) => window::state_specs(&node.uid, desc, &inputs[0]),
        NodeKind::GroupAggregate(desc) => group::state_specs(&node.uid, desc, &inputs[0]),
        NodeKind::Join(desc) => join::state_specs(&node.uid, desc, inputs),
        NodeKind::IntervalJoin(desc) => interval::state_specs(&node.uid, desc, inputs),
        NodeKind::TopN(desc) => vec![top_n::state_spec(&node.uid, desc, &inputs[0])],
        NodeKind::LastRow(desc) => vec![last_row::state_spec(&node.uid, desc, &inputs[0])],
        NodeKind::UpsertMaterialize(desc) => {
            upsert_materialize::state_specs(&node.uid, desc, &inputs[0]).into()
        }
        NodeKind::Remember(desc) => remember::state_specs(node, desc, &inputs[0]),
        NodeKind::TemporalJoin(desc) => temporal::state_specs(node, desc, inputs),
        NodeKind::LookupJoin(desc) => lookup::state_specs(node, desc, &inputs[0]),
        NodeKind::Over(desc) => over::state_specs(&node.uid, desc, &inputs[0]),
        NodeKind::Pattern(desc) => pattern::state_specs(&node.uid, desc, &inputs[0]),
        NodeKind::WindowTopN(desc) => windowed::top_n_state_specs(&node.uid, desc, &inputs[0]),
        NodeKind::WindowSettle(desc) => windowed::settle_state_specs(&node.uid, desc, &inputs[0]),
        NodeKind::WindowJoin(desc) => windowed::join_state_specs(&node.uid, desc, inputs),
        NodeKind::Expand(_)
        | NodeKind::Unnest(_)
        | NodeKind::Calc(_)
        | NodeKind::Union
        | NodeKind::Source(_)
        | NodeKind::Sink(_) => Vec::new(),
    }
}

#[cfg(test)]
mod random_changes;
#[cfg(test)]
mod testing;
