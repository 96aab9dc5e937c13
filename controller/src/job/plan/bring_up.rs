//! The new set: made, told to take over, restored, and watched until it has proved itself.

use sabot_crds::{Claim, OperationResult, OperationStep};

use super::super::seen::{ApiSeen, Clock, Observed, SetSeen};
use super::{Effect, Fallback, OpFacts, Plan, failure, missing_set};
use crate::reason::{Reason, WaitingOn};

/// The set is made.
pub(super) fn provision(op: OpFacts, seen: &Observed) -> Plan {
    match seen.set {
        SetSeen::Complete if op.first_set => Plan::advance(OperationStep::Start),
        SetSeen::Complete => Plan::advance(OperationStep::Activate),
        SetSeen::Terminating => Plan::wait(WaitingOn::SetGone),
        SetSeen::Absent | SetSeen::Partial => Plan::act(Effect::CreateSet, Reason::of(op.kind)),
    }
}

/// Its coordinator is waited for, and told to take over.
pub(super) fn activate(op: OpFacts, seen: &Observed) -> Plan {
    if op.claim == Claim::Refused {
        return failed(op, Reason::ClaimRefused);
    }
    if let Some(because) = failure(seen) {
        return failed(op, because);
    }
    if let Some(plan) = missing_set(seen) {
        return plan;
    }
    match seen.api {
        ApiSeen::Standby => Plan::act(Effect::Activate, Reason::of(op.kind)),
        ApiSeen::Unreachable | ApiSeen::Starting => Plan::wait(WaitingOn::Coordinator),
        ApiSeen::Restoring
        | ApiSeen::Running
        | ApiSeen::Proven
        | ApiSeen::ParkedByUs
        | ApiSeen::ParkedByOther
        | ApiSeen::Finished => Plan::advance(OperationStep::Start),
        ApiSeen::Failed => failed(op, Reason::JobFailed),
    }
}

/// It restores; the downtime ends when it runs.
pub(super) fn start(op: OpFacts, seen: &Observed) -> Plan {
    match seen.api {
        ApiSeen::Running | ApiSeen::Proven => return Plan::advance(OperationStep::Probation),
        ApiSeen::Finished => return Plan::succeed(),
        ApiSeen::ParkedByUs | ApiSeen::ParkedByOther => {
            return Plan::act(Effect::ResumeJob, Reason::Unparked);
        }
        ApiSeen::Standby
        | ApiSeen::Unreachable
        | ApiSeen::Starting
        | ApiSeen::Restoring
        | ApiSeen::Failed => {}
    }
    if op.claim == Claim::Refused {
        return failed(op, Reason::ClaimRefused);
    }
    if let Some(because) = failure(seen) {
        return failed(op, because);
    }
    if let Some(plan) = missing_set(seen) {
        return plan;
    }
    if seen.api == ApiSeen::Standby {
        return Plan::act(Effect::Activate, Reason::of(op.kind));
    }
    Plan::wait(WaitingOn::Restore)
}

/// It must complete a checkpoint and not crash.
pub(super) fn probation(op: OpFacts, seen: &Observed) -> Plan {
    match seen.api {
        ApiSeen::Finished => return Plan::succeed(),
        ApiSeen::Proven if seen.clock != Clock::Early => return Plan::succeed(),
        ApiSeen::ParkedByUs | ApiSeen::ParkedByOther => {
            return Plan::act(Effect::ResumeJob, Reason::Unparked);
        }
        ApiSeen::Proven
        | ApiSeen::Running
        | ApiSeen::Standby
        | ApiSeen::Unreachable
        | ApiSeen::Starting
        | ApiSeen::Restoring
        | ApiSeen::Failed => {}
    }
    if let Some(because) = failure(seen) {
        return failed(op, because);
    }
    if let Some(plan) = missing_set(seen) {
        return plan;
    }
    Plan::wait(WaitingOn::Probation)
}

/// The new set has failed: back to the last good version, or wait for another spec.
fn failed(op: OpFacts, because: Reason) -> Plan {
    match op.on_failure {
        Fallback::Rollback => {
            Plan::decide(OperationStep::RollbackStop, OperationResult::RolledBack, because)
        }
        Fallback::None if op.outdated => {
            Plan::decide(OperationStep::Finish, OperationResult::Superseded, Reason::Superseded)
        }
        Fallback::None => Plan::Stuck { because },
    }
}
