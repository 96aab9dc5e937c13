//! The end of a job: its objects in the store are removed by a Job, then the object may go.

use sabot_crds::OperationStep;

use super::super::seen::{Clock, Observed, TaskSeen};
use super::{Effect, OpFacts, Plan};
use crate::reason::{Reason, WaitingOn};

/// Waits for the clean-up, but not for ever: an object that cannot be deleted is worse than
/// objects that are left in a bucket and named in an event.
pub(super) fn cleanup(_: OpFacts, seen: &Observed) -> Plan {
    match seen.task {
        TaskSeen::Succeeded => Plan::advance(OperationStep::Finish),
        TaskSeen::Refused | TaskSeen::Broken => give_up(),
        TaskSeen::Absent | TaskSeen::Running if seen.clock == Clock::DeadlinePassed => give_up(),
        TaskSeen::Absent => Plan::act(Effect::StartCleanup, Reason::Deleting),
        TaskSeen::Running => Plan::wait(WaitingOn::CleanupTask),
    }
}

fn give_up() -> Plan {
    let result = sabot_crds::OperationResult::Failed;
    Plan::decide(OperationStep::Finish, result, Reason::CleanupIncomplete)
}
