//! The way back: a set of the last good version takes over from the failed one.
//!
//! It never gives up: there is nothing further to fall back to. What does not work shows as
//! stalled, and a new spec ends it.

use sabot_crds::{Claim, OperationResult, OperationStep};

use super::super::seen::{ApiSeen, Observed, SetSeen};
use super::{Effect, OpFacts, Plan, failure, missing_set};
use crate::reason::{Reason, WaitingOn};

/// The failed set is removed.
pub(super) fn stop(seen: &Observed) -> Plan {
    match seen.set {
        SetSeen::Complete | SetSeen::Partial => Plan::act(Effect::RemoveSet, Reason::RollingBack),
        SetSeen::Terminating | SetSeen::Absent => Plan::advance(OperationStep::RollbackProvision),
    }
}

/// The set of the last good version is made.
pub(super) fn provision(seen: &Observed) -> Plan {
    match seen.set {
        SetSeen::Complete => Plan::advance(OperationStep::RollbackActivate),
        SetSeen::Terminating => Plan::wait(WaitingOn::SetGone),
        SetSeen::Absent | SetSeen::Partial => Plan::act(Effect::CreateSet, Reason::RollingBack),
    }
}

/// It is told to take over.
pub(super) fn activate(op: OpFacts, seen: &Observed) -> Plan {
    match seen.api {
        ApiSeen::Restoring
        | ApiSeen::Running
        | ApiSeen::Proven
        | ApiSeen::ParkedByUs
        | ApiSeen::ParkedByOther
        | ApiSeen::Finished => return Plan::advance(OperationStep::RollbackStart),
        ApiSeen::Standby | ApiSeen::Unreachable | ApiSeen::Starting | ApiSeen::Failed => {}
    }
    if op.claim == Claim::Refused {
        return stuck(op, Reason::ClaimRefused);
    }
    if let Some(plan) = missing_set(seen) {
        return plan;
    }
    if seen.api == ApiSeen::Standby {
        return Plan::act(Effect::Activate, Reason::RollingBack);
    }
    match failure(seen) {
        Some(because) => stuck(op, because),
        None => Plan::wait(WaitingOn::Coordinator),
    }
}

/// It restores.
pub(super) fn start(op: OpFacts, seen: &Observed) -> Plan {
    match seen.api {
        ApiSeen::Running | ApiSeen::Proven | ApiSeen::Finished => {
            return Plan::advance(OperationStep::Finish);
        }
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
        return stuck(op, Reason::ClaimRefused);
    }
    if let Some(plan) = missing_set(seen) {
        return plan;
    }
    if seen.api == ApiSeen::Standby {
        return Plan::act(Effect::Activate, Reason::RollingBack);
    }
    match failure(seen) {
        Some(because) => stuck(op, because),
        None => Plan::wait(WaitingOn::Restore),
    }
}

fn stuck(op: OpFacts, because: Reason) -> Plan {
    if op.outdated {
        Plan::decide(OperationStep::Finish, OperationResult::Failed, because)
    } else {
        Plan::Stuck { because }
    }
}
