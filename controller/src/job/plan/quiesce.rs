//! The part of an operation before the new set: the check, the savepoint, and the old set's end.

use sabot_crds::{OperationResult, OperationStep, OperationType, SavepointPlan};

use super::super::seen::{ApiSeen, Clock, Observed, PodsSeen, SavepointSeen, SetSeen, TaskSeen};
use super::{Effect, OpFacts, Plan};
use crate::reason::{Reason, WaitingOn};

/// The new version is checked against the live state; nothing is down.
pub(super) fn preflight(op: OpFacts, seen: &Observed) -> Plan {
    let blocked = |because| Plan::decide(OperationStep::Finish, OperationResult::Blocked, because);
    if op.outdated {
        let result = OperationResult::Superseded;
        return Plan::decide(OperationStep::Finish, result, Reason::Superseded);
    }
    match seen.task {
        TaskSeen::Succeeded => Plan::advance(after_preflight(op)),
        TaskSeen::Refused => blocked(Reason::PreflightRefused),
        TaskSeen::Broken => blocked(Reason::PreflightFailed),
        TaskSeen::Absent | TaskSeen::Running if seen.clock == Clock::DeadlinePassed => {
            blocked(Reason::PreflightTimedOut)
        }
        TaskSeen::Absent => Plan::act(Effect::StartPreflight, Reason::of(op.kind)),
        TaskSeen::Running => Plan::wait(WaitingOn::PreflightTask),
    }
}

fn after_preflight(op: OpFacts) -> OperationStep {
    match (op.kind, op.savepoint) {
        (OperationType::Resume, _) => OperationStep::Provision,
        (_, SavepointPlan::Skipped) => OperationStep::Stop,
        (_, SavepointPlan::Required | SavepointPlan::Wanted) => OperationStep::Quiesce,
    }
}

/// A savepoint is taken and the job is parked; the downtime starts.
pub(super) fn savepoint(op: OpFacts, seen: &Observed) -> Plan {
    match seen.savepoint {
        SavepointSeen::Completed => return Plan::advance(OperationStep::Stop),
        SavepointSeen::Failed => return without_savepoint(op, Reason::SavepointFailed),
        _ if seen.api == ApiSeen::Finished && op.kind != OperationType::Delete => {
            let result = OperationResult::Blocked;
            return Plan::decide(OperationStep::Finish, result, Reason::JobFinished);
        }
        _ if nothing_to_save(seen) => {
            // Nothing runs that a savepoint could add to the latest checkpoint.
            return Plan::advance_to_take_over(OperationStep::Stop, Reason::JobFailed);
        }
        _ if seen.clock == Clock::DeadlinePassed => {
            return without_savepoint(op, Reason::SavepointTimedOut);
        }
        SavepointSeen::NotAsked => {}
        SavepointSeen::InProgress => return Plan::wait(WaitingOn::Savepoint),
        SavepointSeen::Unknown => return Plan::wait(WaitingOn::Coordinator),
    }
    match seen.api {
        ApiSeen::Running | ApiSeen::Proven => {
            Plan::act(Effect::RequestSavepoint, Reason::of(op.kind))
        }
        // A lease of whoever parked it ends, and the job runs again.
        ApiSeen::ParkedByOther
        | ApiSeen::ParkedByUs
        | ApiSeen::Unreachable
        | ApiSeen::Standby
        | ApiSeen::Starting
        | ApiSeen::Restoring => Plan::wait(WaitingOn::Coordinator),
        ApiSeen::Finished | ApiSeen::Failed => {
            Plan::advance_to_take_over(OperationStep::Stop, Reason::JobFailed)
        }
    }
}

/// Whether no pod of the job can have newer state than its latest checkpoint.
fn nothing_to_save(seen: &Observed) -> bool {
    matches!(seen.api, ApiSeen::Failed | ApiSeen::Finished)
        || matches!(seen.pods, PodsSeen::ConfigurationError | PodsSeen::ImageFailure)
            && seen.api == ApiSeen::Unreachable
        || seen.set == SetSeen::Absent
}

fn without_savepoint(op: OpFacts, because: Reason) -> Plan {
    let gives_way = op.savepoint == SavepointPlan::Required && op.kind != OperationType::Delete;
    if gives_way {
        Plan::decide(OperationStep::Unpark, OperationResult::Blocked, because)
    } else {
        Plan::advance_to_take_over(OperationStep::Stop, because)
    }
}

/// The savepoint failed: the old version runs on.
pub(super) fn unpark(_: OpFacts, seen: &Observed) -> Plan {
    match seen.api {
        // Tell it even when its savepoint is still being written: it must not park later.
        ApiSeen::ParkedByUs | ApiSeen::ParkedByOther => {
            Plan::act(Effect::ResumeJob, Reason::Unparked)
        }
        ApiSeen::Unreachable if seen.clock != Clock::DeadlinePassed => {
            Plan::wait(WaitingOn::Coordinator)
        }
        _ => Plan::advance(OperationStep::Finish),
    }
}

/// The old set is removed; from here on only a new set can run the job.
pub(super) fn stop(op: OpFacts, seen: &Observed) -> Plan {
    match seen.set {
        SetSeen::Complete | SetSeen::Partial => {
            return Plan::act(Effect::RemoveSet, Reason::of(op.kind));
        }
        // The new set has pods of other names and the old ones are fenced off: waiting for the
        // last of them to go would only make the downtime longer.
        SetSeen::Terminating
            if matches!(op.kind, OperationType::Suspend | OperationType::Delete) =>
        {
            return Plan::wait(WaitingOn::PodsGone);
        }
        SetSeen::Terminating | SetSeen::Absent => {}
    }
    if op.kind == OperationType::Delete && seen.leftovers {
        return Plan::act(Effect::RemoveLeftovers, Reason::Leftovers);
    }
    match op.kind {
        OperationType::Suspend => Plan::succeed(),
        OperationType::Delete => Plan::advance(OperationStep::Cleanup),
        OperationType::Deploy
        | OperationType::Upgrade
        | OperationType::Rescale
        | OperationType::Resume
        | OperationType::Restore => Plan::advance(OperationStep::Provision),
    }
}
