//! Chooses what to do next: an ordinary function over values, without client, clock or `async`.
//!
//! Total: every (operation step, world) pair has an answer; all inputs are finite enums, so that a
//! test enumerates them. Convergent: when an effect succeeds and nothing else changes, the next
//! call waits or moves on. The step of an operation is written to the status before the first
//! effect of that step ([`Effect::Advance`]), so a controller that dies goes on where it was.

mod bring_up;
mod delete;
mod quiesce;
mod rollback;
mod steady;

use sabot_crds::{Claim, OperationResult, OperationStep, OperationType, SavepointPlan};

use super::seen::{ApiSeen, Clock, Observed, PodsSeen, SetSeen};
use crate::reason::{Reason, WaitingOn};

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Carry this out, then look again.
    Act {
        /// What.
        effect: Effect,
        /// Why.
        because: Reason,
    },
    /// Look again later, or when something changes.
    Wait {
        /// For what.
        on: WaitingOn,
        /// How soon at the latest.
        recheck: Recheck,
    },
    /// Nothing can be done without a person: becomes a condition; what runs is untouched.
    Stuck {
        /// Why.
        because: Reason,
    },
}

/// How soon to look again at the latest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recheck {
    /// The job may be down meanwhile.
    Soon,
    /// An operation is in progress, nothing is down.
    Normal,
    /// Nothing is being done.
    Idle,
}

/// One change of the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Keep the StreamJob until its state is cleaned up.
    AddFinalizer,
    /// Let the StreamJob go.
    RemoveFinalizer,
    /// Keep the target's content as a `ControllerRevision`.
    RecordRevision,
    /// Write a new operation into the status.
    Begin(OperationType),
    /// Write the operation's next step into the status.
    Advance(Advance),
    /// Move the operation to the records, and its outcome into the status.
    Conclude,
    /// Make the ConfigMap of the new set and the Job that checks it.
    StartPreflight,
    /// Ask the running set to save its state and to park the job.
    RequestSavepoint,
    /// Tell a parked job to run on.
    ResumeJob,
    /// Remove the StatefulSet, its Service and its pods.
    RemoveSet,
    /// Make the ConfigMap, the Service and the StatefulSet.
    CreateSet,
    /// Tell the new set to take over.
    Activate,
    /// Delete the pods of an unreachable node by force.
    ForceDeletePods,
    /// Make the Job that removes the job's objects from the store.
    StartCleanup,
    /// Remove objects of sets and tasks that no operation needs.
    RemoveLeftovers,
    /// Note in the status that the input has ended.
    MarkFinished,
    /// Take the pods of a finished job away.
    ScaleToZero,
}

/// The change of an operation from one step to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advance {
    /// The next step.
    pub to: OperationStep,
    /// How the operation will end, where that is decided now.
    pub outcome: Option<(OperationResult, Reason)>,
    /// In whose name the new set will take over, where that changes now.
    pub claim: Option<Claim>,
}

impl Effect {
    /// The name in logs, metrics and failpoints.
    pub fn name(self) -> String {
        match self {
            Self::AddFinalizer => "add-finalizer".to_owned(),
            Self::RemoveFinalizer => "remove-finalizer".to_owned(),
            Self::RecordRevision => "record-revision".to_owned(),
            Self::Begin(kind) => format!("begin-{}", format!("{kind:?}").to_lowercase()),
            Self::Advance(advance) => {
                format!("advance-to-{}", crate::reason::step_name(advance.to))
            }
            Self::Conclude => "conclude".to_owned(),
            Self::StartPreflight => "start-preflight".to_owned(),
            Self::RequestSavepoint => "request-savepoint".to_owned(),
            Self::ResumeJob => "resume-job".to_owned(),
            Self::RemoveSet => "remove-set".to_owned(),
            Self::CreateSet => "create-set".to_owned(),
            Self::Activate => "activate".to_owned(),
            Self::ForceDeletePods => "force-delete-pods".to_owned(),
            Self::StartCleanup => "start-cleanup".to_owned(),
            Self::RemoveLeftovers => "remove-leftovers".to_owned(),
            Self::MarkFinished => "mark-finished".to_owned(),
            Self::ScaleToZero => "scale-to-zero".to_owned(),
        }
    }
}

/// What the spec asks for, against what the status says there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wants {
    /// What there is.
    Nothing,
    /// This operation.
    Operation(OperationType),
    /// An operation that is held back, and why.
    Held(Reason),
}

/// The operation in progress, as far as planning needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OpFacts {
    /// What is being done.
    pub kind: OperationType,
    /// How far it is.
    pub step: OperationStep,
    /// Whether it takes a savepoint first.
    pub savepoint: SavepointPlan,
    /// In whose name the new set takes over.
    pub claim: Claim,
    /// What happens when the new set fails.
    pub on_failure: Fallback,
    /// Whether the new set starts by itself: the very first set of a job.
    pub first_set: bool,
    /// Whether the spec asks for something else meanwhile.
    pub outdated: bool,
}

/// What happens when a new set fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fallback {
    /// The last good version comes back.
    Rollback,
    /// There is none, or the spec does not want it.
    None,
}

/// All that planning looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Situation {
    /// What the spec asks for.
    pub wants: Wants,
    /// The operation in progress.
    pub op: Option<OpFacts>,
    /// Whether the target's content is kept as a `ControllerRevision`.
    pub revision_recorded: bool,
    /// Whether the StreamJob carries the finalizer.
    pub finalizer: bool,
    /// What the status says about the job at rest.
    pub rest: Rest,
    /// The world.
    pub seen: Observed,
}

/// What the status says about a job without operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rest {
    /// It has a set that should run.
    Running,
    /// It has no pods, as asked, or because it was never deployed.
    Stopped,
    /// Its input has ended.
    Finished,
}

/// Chooses the next effect, or says what the job is waiting for.
pub fn plan(situation: &Situation) -> Plan {
    if situation.seen.lost_pods {
        return Plan::act(Effect::ForceDeletePods, Reason::NodeLost);
    }
    let deleting = situation.wants == Wants::Operation(OperationType::Delete);
    let Some(op) = situation.op else {
        return steady::plan(situation);
    };
    if deleting && op.kind != OperationType::Delete {
        return Plan::act(Effect::Begin(OperationType::Delete), Reason::Deleting);
    }
    let seen = &situation.seen;
    match op.step {
        OperationStep::Preflight => quiesce::preflight(op, seen),
        OperationStep::Quiesce => quiesce::savepoint(op, seen),
        OperationStep::Unpark => quiesce::unpark(op, seen),
        OperationStep::Stop => quiesce::stop(op, seen),
        OperationStep::Provision => bring_up::provision(op, seen),
        OperationStep::Activate => bring_up::activate(op, seen),
        OperationStep::Start => bring_up::start(op, seen),
        OperationStep::Probation => bring_up::probation(op, seen),
        OperationStep::RollbackStop => rollback::stop(seen),
        OperationStep::RollbackProvision => rollback::provision(seen),
        OperationStep::RollbackActivate => rollback::activate(op, seen),
        OperationStep::RollbackStart => rollback::start(op, seen),
        OperationStep::Cleanup => delete::cleanup(op, seen),
        OperationStep::Finish => finish(op, seen),
    }
}

/// The last step: what is left over goes, then the operation moves to the records.
fn finish(op: OpFacts, seen: &Observed) -> Plan {
    if op.kind == OperationType::Delete {
        return Plan::act(Effect::RemoveFinalizer, Reason::Deleting);
    }
    if seen.leftovers {
        return Plan::act(Effect::RemoveLeftovers, Reason::Leftovers);
    }
    Plan::act(Effect::Conclude, Reason::StepDone)
}

impl Plan {
    pub(super) fn act(effect: Effect, because: Reason) -> Self {
        Self::Act { effect, because }
    }

    pub(super) fn wait(on: WaitingOn) -> Self {
        let recheck = match on {
            WaitingOn::Nothing | WaitingOn::Recovery => Recheck::Idle,
            WaitingOn::Person
            | WaitingOn::CleanupTask
            | WaitingOn::PreflightTask
            | WaitingOn::Probation => Recheck::Normal,
            WaitingOn::Savepoint
            | WaitingOn::Coordinator
            | WaitingOn::PodsGone
            | WaitingOn::SetGone
            | WaitingOn::Restore => Recheck::Soon,
        };
        Self::Wait { on, recheck }
    }

    pub(super) fn advance(to: OperationStep) -> Self {
        let advance = Advance { to, outcome: None, claim: None };
        Self::act(Effect::Advance(advance), Reason::StepDone)
    }

    /// The next step, and the new set will fence off whatever runs then.
    pub(super) fn advance_to_take_over(to: OperationStep, because: Reason) -> Self {
        let advance = Advance { to, outcome: None, claim: Some(Claim::Takeover) };
        Self::act(Effect::Advance(advance), because)
    }

    /// The operation will end so; `to` is what is still to be done for that.
    pub(super) fn decide(to: OperationStep, result: OperationResult, because: Reason) -> Self {
        let advance = Advance { to, outcome: Some((result, because)), claim: None };
        Self::act(Effect::Advance(advance), because)
    }

    pub(super) fn succeed() -> Self {
        Self::decide(OperationStep::Finish, OperationResult::Succeeded, Reason::Succeeded)
    }
}

/// Why a set that is coming up will not, as far as that shows already.
pub(super) fn failure(seen: &Observed) -> Option<Reason> {
    match seen.pods {
        PodsSeen::ImageFailure => return Some(Reason::ImagePullFailed),
        PodsSeen::ConfigurationError => return Some(Reason::ConfigurationError),
        PodsSeen::CrashLoop => return Some(Reason::CrashLoop),
        PodsSeen::Starting | PodsSeen::Ready => {}
    }
    if seen.api == ApiSeen::Failed {
        return Some(Reason::JobFailed);
    }
    (seen.clock == Clock::DeadlinePassed).then_some(Reason::ProgressDeadlineExceeded)
}

/// Whether the set has to be made (again) before anything else can be done with it.
pub(super) fn missing_set(seen: &Observed) -> Option<Plan> {
    match seen.set {
        SetSeen::Absent | SetSeen::Partial => {
            Some(Plan::act(Effect::CreateSet, Reason::ObjectsMissing))
        }
        SetSeen::Terminating => Some(Plan::wait(WaitingOn::SetGone)),
        SetSeen::Complete => None,
    }
}

#[cfg(test)]
mod tests;
