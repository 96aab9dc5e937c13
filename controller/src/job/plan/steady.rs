//! A job without operation: begin what the spec asks for, or keep what there is.

use sabot_crds::OperationType;

use super::super::seen::{ApiSeen, Observed, SetSeen};
use super::{Effect, Plan, Rest, Situation, Wants, missing_set};
use crate::reason::{Reason, WaitingOn};

pub(super) fn plan(situation: &Situation) -> Plan {
    match situation.wants {
        Wants::Operation(OperationType::Delete) if !situation.finalizer => {
            // Somebody took the mark away: the object goes by itself.
            Plan::wait(WaitingOn::Nothing)
        }
        Wants::Operation(OperationType::Delete) => {
            Plan::act(Effect::Begin(OperationType::Delete), Reason::Deleting)
        }
        _ if !situation.finalizer => Plan::act(Effect::AddFinalizer, Reason::FinalizerMissing),
        Wants::Operation(kind) if !situation.revision_recorded => {
            Plan::act(Effect::RecordRevision, Reason::of(kind))
        }
        Wants::Operation(kind) => Plan::act(Effect::Begin(kind), Reason::of(kind)),
        Wants::Nothing => keep(situation.rest, &situation.seen),
        Wants::Held(because) => match keep(situation.rest, &situation.seen) {
            Plan::Wait { .. } => Plan::Stuck { because },
            other => other,
        },
    }
}

fn keep(rest: Rest, seen: &Observed) -> Plan {
    match rest {
        Rest::Running => keep_running(seen),
        Rest::Stopped if seen.leftovers => Plan::act(Effect::RemoveLeftovers, Reason::Leftovers),
        Rest::Finished if seen.set == SetSeen::Complete && seen.has_pods => {
            Plan::act(Effect::ScaleToZero, Reason::Finished)
        }
        Rest::Stopped | Rest::Finished => Plan::wait(WaitingOn::Nothing),
    }
}

fn keep_running(seen: &Observed) -> Plan {
    if let Some(plan) = missing_set(seen) {
        return plan;
    }
    if seen.leftovers {
        return Plan::act(Effect::RemoveLeftovers, Reason::Leftovers);
    }
    match seen.api {
        ApiSeen::Finished => Plan::act(Effect::MarkFinished, Reason::Finished),
        // An operation parked it and is over, or its controller died: nobody else would resume it.
        ApiSeen::ParkedByUs | ApiSeen::ParkedByOther => {
            Plan::act(Effect::ResumeJob, Reason::Unparked)
        }
        ApiSeen::Running | ApiSeen::Proven => Plan::wait(WaitingOn::Nothing),
        ApiSeen::Failed
        | ApiSeen::Standby
        | ApiSeen::Starting
        | ApiSeen::Restoring
        | ApiSeen::Unreachable => Plan::wait(WaitingOn::Recovery),
    }
}
