//! What the spec asks for against what the status says there is, as finite facts for planning.

use k8s_openapi::jiff::Timestamp;
use sabot_crds::spec::{DesiredState, OnFailure};
use sabot_crds::{Operation, OperationStep, OperationType, StreamJob, StreamJobStatus};

use super::names::{FINALIZER, REVISION_LABEL};
use super::plan::{Fallback, OpFacts, Rest, Situation, Wants};
use super::target::{NoTarget, Target};
use super::world::World;
use crate::reason::Reason;
use kube::ResourceExt;

/// All that planning looks at.
pub fn situation(
    job: &StreamJob,
    target: &Result<Target, NoTarget>,
    world: &World,
    now: Timestamp,
) -> Situation {
    let status = job.status.clone().unwrap_or_default();
    Situation {
        wants: wants(job, &status, target, now),
        op: status.operation.as_ref().map(|op| facts(job, &status, op, target)),
        revision_recorded: target.as_ref().is_ok_and(|target| is_recorded(world, &target.revision)),
        finalizer: job.finalizers().iter().any(|name| name == FINALIZER),
        rest: rest(&status),
        seen: world.seen(job, now),
    }
}

fn is_recorded(world: &World, revision: &str) -> bool {
    world
        .revisions
        .iter()
        .any(|object| object.labels().get(REVISION_LABEL).is_some_and(|label| label == revision))
}

fn rest(status: &StreamJobStatus) -> Rest {
    if status.finished {
        Rest::Finished
    } else if status.current.is_none() || status.suspended_by.is_some() {
        Rest::Stopped
    } else {
        Rest::Running
    }
}

/// What the spec asks for.
pub fn wants(
    job: &StreamJob,
    status: &StreamJobStatus,
    target: &Result<Target, NoTarget>,
    now: Timestamp,
) -> Wants {
    if job.metadata.deletion_timestamp.is_some() {
        return Wants::Operation(OperationType::Delete);
    }
    let target = match target {
        Ok(target) => target,
        Err(NoTarget::Invalid(_)) => return Wants::Held(Reason::InvalidSpec),
        Err(NoTarget::ProgramNotFound(_)) => return Wants::Held(Reason::ProgramNotFound),
    };
    let Some(kind) = change(job, status, target) else { return Wants::Nothing };
    let restores = kind == OperationType::Restore;
    if status.finished && !restores {
        return Wants::Held(Reason::JobFinished);
    }
    if job.spec.paused {
        return Wants::Held(Reason::Paused);
    }
    if has_failed(job, status, target, now) {
        return Wants::Held(Reason::VersionFailed);
    }
    Wants::Operation(kind)
}

fn change(job: &StreamJob, status: &StreamJobStatus, target: &Target) -> Option<OperationType> {
    let suspend = job.spec.desired_state == DesiredState::Suspended;
    let Some(current) = &status.current else {
        return (!suspend).then_some(OperationType::Deploy);
    };
    if suspend {
        let at_rest = status.suspended_by.is_some() || status.finished;
        return (!at_rest).then_some(OperationType::Suspend);
    }
    if asks_for_restore(job, status) {
        return Some(OperationType::Restore);
    }
    if status.suspended_by.is_some() {
        return Some(OperationType::Resume);
    }
    if current.revision != target.revision {
        return Some(OperationType::Upgrade);
    }
    (current.parallelism != target.parallelism).then_some(OperationType::Rescale)
}

fn asks_for_restore(job: &StreamJob, status: &StreamJobStatus) -> bool {
    let asked = job.spec.restore.as_ref().map(|restore| &restore.request_id);
    asked.is_some() && asked != status.restored_request_id.as_ref()
}

/// Whether just this version failed, for just this spec, and is not to be tried again yet.
fn has_failed(job: &StreamJob, status: &StreamJobStatus, target: &Target, now: Timestamp) -> bool {
    let Some(failed) = &status.failed else { return false };
    let waits = failed.retry_at.as_ref().is_none_or(|at| at.0 > now);
    failed.generation == job.metadata.generation.unwrap_or_default()
        && failed.revision == target.revision
        && failed.parallelism == target.parallelism
        && waits
}

fn facts(
    job: &StreamJob,
    status: &StreamJobStatus,
    op: &Operation,
    target: &Result<Target, NoTarget>,
) -> OpFacts {
    OpFacts {
        kind: op.kind,
        step: op.step,
        savepoint: op.savepoint,
        claim: op.claim,
        on_failure: fallback(job, status, op),
        first_set: op.to.as_ref().is_some_and(|set| set.number == 1),
        outdated: is_outdated(job, op, target),
    }
}

fn fallback(job: &StreamJob, status: &StreamJobStatus, op: &Operation) -> Fallback {
    let wanted = job.spec.rollout.on_failure == OnFailure::Rollback;
    let differs = match (&status.stable, &op.to) {
        (Some(stable), Some(to)) => {
            stable.revision != to.revision
                || stable.parallelism != to.parallelism
                // The same version, but the state from before is better than one that fails.
                || op.kind == OperationType::Restore && op.parked.is_some()
        }
        _ => false,
    };
    if wanted && differs { Fallback::Rollback } else { Fallback::None }
}

fn is_outdated(job: &StreamJob, op: &Operation, target: &Result<Target, NoTarget>) -> bool {
    if job.spec.desired_state == DesiredState::Suspended && op.kind != OperationType::Suspend {
        return true;
    }
    let Ok(target) = target else { return false };
    let asked = match op.step {
        OperationStep::RollbackStop
        | OperationStep::RollbackProvision
        | OperationStep::RollbackActivate
        | OperationStep::RollbackStart => {
            // The way back is outdated when the spec is no longer the one that failed.
            return job.metadata.generation.unwrap_or_default() != op.generation;
        }
        _ => op.to.as_ref(),
    };
    asked.is_some_and(|to| to.revision != target.revision || to.parallelism != target.parallelism)
}
