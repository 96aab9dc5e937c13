//! Committing and sweeping over all sinks of a plan, for the coordinator.

use std::sync::Arc;

use sabot_core::plan::{JobPlan, NodeKind};
use sabot_core::{Committable, Env, Result};
use sabot_types::Attempt;

use crate::registry::{committer, remove_abandoned};

/// Commits one committable by whichever connector it belongs to; idempotent.
pub async fn commit(env: Env, committable: Committable) -> Result<()> {
    committer(&committable.connector, &env).await?.commit(&committable).await
}

/// Removes the hidden output that attempts below `attempt` left in the plan's sinks.
///
/// To be called when everything that counts of it is committed. A failure is only logged: the
/// next attempt sweeps again.
pub async fn sweep(plan: Arc<JobPlan>, env: Env, attempt: Attempt) {
    for node in &plan.nodes {
        let NodeKind::Sink(desc) = &node.kind else { continue };
        let swept =
            remove_abandoned(&desc.table, &desc.options, &node.uid, &[], attempt, &env).await;
        match swept {
            Ok(0) => {}
            Ok(objects) => tracing::info!(table = desc.table, objects, "hidden output removed"),
            Err(error) => {
                let error = error.chain();
                tracing::warn!(table = desc.table, error, "removing hidden output failed");
            }
        }
    }
}
