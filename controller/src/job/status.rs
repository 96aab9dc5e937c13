//! What a look at a job means for its status: conditions, phase, checkpoint, scale.
//!
//! Pure; equal looks give equal statuses, so that a job at rest is not written again and again.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use sabot_api::{CheckpointView, JobView};
use sabot_crds::{
    CheckpointStatus, JobPhase, OperationResult, OperationStep, OperationType, ScaleStatus,
    StreamJob, StreamJobStatus,
};
use sabot_types::ManifestRef;

use super::names::job_selector;
use super::plan::Plan;
use super::seen::{ApiSeen, Observed};
use super::target::{NoTarget, Target};
use super::world::World;
use crate::reason::{Reason, WaitingOn, step_name};

/// A checkpoint is noted at most this often, or the status would be written with each of them.
const CHECKPOINT_REFRESH_SECONDS: i64 = 30;

/// A look at a job.
pub struct Look<'a> {
    /// The job, its status as far as operations have changed it.
    pub job: &'a StreamJob,
    /// What the spec asks for.
    pub target: &'a Result<Target, NoTarget>,
    /// What is there.
    pub world: &'a World,
    /// The same, as planning saw it.
    pub seen: Observed,
    /// What planning says.
    pub plan: Plan,
    /// When.
    pub now: Timestamp,
}

/// The status after this look.
pub fn render(look: &Look<'_>) -> StreamJobStatus {
    let mut status = look.job.status.clone().unwrap_or_default();
    status.observed_generation = look.job.metadata.generation;
    if let Ok(target) = look.target {
        status.target_revision = Some(target.revision.clone());
    }
    note_view(look, &mut status);
    status.current_revision = status.current.as_ref().map(|set| set.revision.clone());
    status.scale = status.current.as_ref().map(|set| ScaleStatus {
        replicas: if status.suspended_by.is_some() { 0 } else { set.parallelism },
        selector: job_selector(&look.job.name_any()),
    });
    status.phase = Some(phase(look, &status));
    for (kind, verdict) in conditions(look, &status) {
        set_condition(&mut status.conditions, kind, verdict, look);
    }
    status
}

/// Takes over what the coordinator says.
fn note_view(look: &Look<'_>, status: &mut StreamJobStatus) {
    let Some(Ok(view)) = &look.world.view else { return };
    let JobView { attempt, restarts, checkpoint, .. } = view;
    if let Some(attempt) = attempt {
        status.attempt = Some(signed(attempt.get()));
    }
    status.restarts = Some(i64::from(*restarts));
    if runs(look.seen.api)
        && let Some(current) = &mut status.current
        && Some(current.number) == look.world.focus
    {
        current.live = true;
    }
    if let Some(view) = checkpoint {
        let fresh = checkpoint_status(view);
        let known = status.checkpoint.as_ref();
        let worth_it = known.is_none_or(|known| {
            let age = fresh.completed_at.0.as_second() - known.completed_at.0.as_second();
            age >= CHECKPOINT_REFRESH_SECONDS
        });
        if worth_it {
            status.checkpoint = Some(fresh);
        }
    }
}

fn checkpoint_status(view: &CheckpointView) -> CheckpointStatus {
    let attempt = match &view.manifest {
        ManifestRef::Checkpoint { attempt, .. } => Some(signed(attempt.get())),
        ManifestRef::Savepoint { .. } => None,
    };
    let completed_at =
        Timestamp::from_millisecond(view.completed_at_ms).unwrap_or(Timestamp::UNIX_EPOCH);
    CheckpointStatus {
        epoch: signed(view.manifest.epoch().get()),
        attempt,
        completed_at: Time(completed_at),
        duration_ms: signed(view.duration_ms),
        size_bytes: signed(view.size_bytes),
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn runs(api: ApiSeen) -> bool {
    matches!(api, ApiSeen::Running | ApiSeen::Proven)
}

fn phase(look: &Look<'_>, status: &StreamJobStatus) -> JobPhase {
    if let Some(op) = &status.operation {
        if matches!(look.plan, Plan::Stuck { .. }) {
            return JobPhase::Stalled;
        }
        return match (op.step, op.kind) {
            (
                OperationStep::RollbackStop
                | OperationStep::RollbackProvision
                | OperationStep::RollbackActivate
                | OperationStep::RollbackStart,
                _,
            ) => JobPhase::RollingBack,
            (_, OperationType::Deploy) => JobPhase::Deploying,
            (_, OperationType::Upgrade) => JobPhase::Upgrading,
            (_, OperationType::Rescale) => JobPhase::Rescaling,
            (_, OperationType::Suspend) => JobPhase::Suspending,
            (_, OperationType::Resume) => JobPhase::Resuming,
            (_, OperationType::Restore) => JobPhase::Restoring,
            (_, OperationType::Delete) => JobPhase::Deleting,
        };
    }
    if look.job.metadata.deletion_timestamp.is_some() {
        JobPhase::Deleting
    } else if status.finished {
        JobPhase::Finished
    } else if status.suspended_by.is_some() {
        JobPhase::Suspended
    } else if status.current.is_none() {
        match look.target {
            Ok(_) => JobPhase::Deploying,
            Err(_) => JobPhase::Invalid,
        }
    } else if runs(look.seen.api) {
        JobPhase::Running
    } else if look.seen.api == ApiSeen::Failed {
        JobPhase::Stalled
    } else {
        JobPhase::Recovering
    }
}

/// Whether a condition holds, why, and what people should know.
struct Verdict {
    holds: Option<bool>,
    reason: Reason,
    message: Option<String>,
}

impl Verdict {
    fn new(holds: bool, reason: Reason) -> Self {
        Self { holds: Some(holds), reason, message: None }
    }

    fn with(mut self, message: Option<String>) -> Self {
        self.message = message;
        self
    }
}

fn conditions(look: &Look<'_>, status: &StreamJobStatus) -> Vec<(&'static str, Verdict)> {
    let available = available(look, status);
    let stalled = stalled(look, status);
    let reconciling = reconciling(look, status);
    let settled = reconciling.holds != Some(true) && stalled.holds != Some(true);
    let at_rest = status.finished || status.suspended_by.is_some();
    let ready = settled && (available.holds == Some(true) || at_rest);
    let ready = if ready || settled {
        Verdict::new(ready, available.reason).with(available.message.clone())
    } else if stalled.holds == Some(true) {
        Verdict::new(false, stalled.reason).with(stalled.message.clone())
    } else {
        Verdict::new(false, reconciling.reason).with(reconciling.message.clone())
    };
    let suspended = match &status.suspended_by {
        Some(_) => Verdict::new(true, Reason::Suspended).with(
            status
                .savepoint
                .as_ref()
                .map(|savepoint| format!("its state is in {}", savepoint.location)),
        ),
        None => Verdict::new(false, Reason::NotApplicable),
    };
    vec![
        ("Ready", ready),
        ("Reconciling", reconciling),
        ("Stalled", stalled),
        ("Accepted", accepted(look)),
        ("Available", available),
        ("CheckpointsHealthy", checkpoints(look, status)),
        ("UpgradeBlocked", failed_with(status, OperationResult::Blocked)),
        ("RolledBack", failed_with(status, OperationResult::RolledBack)),
        ("Suspended", suspended),
    ]
}

fn accepted(look: &Look<'_>) -> Verdict {
    match look.target {
        Ok(_) => Verdict::new(true, Reason::Valid),
        Err(NoTarget::Invalid(errors)) => {
            let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
            Verdict::new(false, Reason::InvalidSpec).with(Some(lines.join("; ")))
        }
        Err(NoTarget::ProgramNotFound(problem)) => {
            Verdict::new(false, Reason::ProgramNotFound).with(Some(problem.clone()))
        }
    }
}

fn available(look: &Look<'_>, status: &StreamJobStatus) -> Verdict {
    if status.finished {
        return Verdict::new(false, Reason::Finished);
    }
    if runs(look.seen.api) {
        return Verdict::new(true, Reason::Running);
    }
    if status.suspended_by.is_some() && status.operation.is_none() {
        return Verdict::new(false, Reason::Suspended);
    }
    match (&status.operation, look.plan) {
        (_, Plan::Stuck { because }) => {
            Verdict::new(false, because).with(look.world.explain(because))
        }
        (Some(op), _) => Verdict::new(false, Reason::of(op.kind)),
        (None, _) if look.target.is_err() && status.current.is_none() => {
            let refused = accepted(look);
            Verdict::new(false, refused.reason).with(refused.message)
        }
        (None, _) => {
            let failure = look.world.explain(Reason::JobFailed);
            Verdict::new(
                false,
                if failure.is_some() { Reason::JobFailed } else { Reason::Recovering },
            )
            .with(failure.or_else(|| unreachable_because(look)))
        }
    }
}

fn unreachable_because(look: &Look<'_>) -> Option<String> {
    [Reason::ConfigurationError, Reason::ImagePullFailed]
        .into_iter()
        .find_map(|reason| look.world.explain(reason))
}

fn stalled(look: &Look<'_>, status: &StreamJobStatus) -> Verdict {
    match look.plan {
        Plan::Stuck { because: Reason::Paused } => Verdict::new(false, Reason::Paused),
        Plan::Stuck { because: Reason::VersionFailed } => {
            let failed = status.failed.as_ref();
            let retries = failed.is_some_and(|failed| failed.retry_at.is_some());
            let message = failed.and_then(|failed| failed.message.clone());
            Verdict::new(!retries, Reason::VersionFailed)
                .with(failed.map(|failed| explained(&failed.reason, message)))
        }
        Plan::Stuck { because: because @ (Reason::InvalidSpec | Reason::ProgramNotFound) } => {
            Verdict::new(true, because).with(accepted(look).message)
        }
        Plan::Stuck { because } => Verdict::new(true, because).with(look.world.explain(because)),
        Plan::Act { .. } | Plan::Wait { .. }
            if look.seen.api == ApiSeen::Failed && status.operation.is_none() =>
        {
            Verdict::new(true, Reason::JobFailed).with(look.world.explain(Reason::JobFailed))
        }
        Plan::Act { .. } | Plan::Wait { .. } => Verdict::new(false, Reason::NotApplicable),
    }
}

fn explained(reason: &str, message: Option<String>) -> String {
    match message {
        Some(message) => format!("{reason}: {message}"),
        None => format!("{reason}; the spec must change before it is tried again"),
    }
}

fn reconciling(look: &Look<'_>, status: &StreamJobStatus) -> Verdict {
    let Some(op) = &status.operation else {
        return match look.plan {
            Plan::Act { because, .. } => Verdict::new(true, because),
            Plan::Wait { on: WaitingOn::Recovery, .. } => Verdict::new(true, Reason::Recovering),
            Plan::Wait { .. } | Plan::Stuck { .. } => Verdict::new(false, Reason::Idle),
        };
    };
    if let Plan::Stuck { because } = look.plan {
        return Verdict::new(false, because);
    }
    let message = match look.plan {
        Plan::Wait { on, .. } => {
            format!("{}: step {}, waiting for {}", op.id, step_name(op.step), on.sentence())
        }
        Plan::Act { .. } | Plan::Stuck { .. } => format!("{}: step {}", op.id, step_name(op.step)),
    };
    Verdict::new(true, Reason::of(op.kind)).with(Some(message))
}

fn checkpoints(look: &Look<'_>, status: &StreamJobStatus) -> Verdict {
    if !look.job.spec.checkpoint.enabled {
        return Verdict { holds: None, reason: Reason::CheckpointsDisabled, message: None };
    }
    match &look.world.view {
        Some(Ok(view)) if view.checkpoints_failed_in_row > 0 => {
            Verdict::new(false, Reason::CheckpointsFailing).with(view.last_failure.clone())
        }
        Some(Ok(view)) if view.checkpoint.is_some() => {
            Verdict::new(true, Reason::CheckpointsCompleting)
        }
        _ if status.checkpoint.is_some() => Verdict::new(true, Reason::CheckpointsCompleting),
        _ => Verdict { holds: None, reason: Reason::NoCheckpointYet, message: None },
    }
}

/// `UpgradeBlocked` and `RolledBack`: how the last try to change the job failed, until one succeeds.
fn failed_with(status: &StreamJobStatus, result: OperationResult) -> Verdict {
    let deciding = status.operation.as_ref().and_then(|op| {
        let outcome = op.outcome.as_ref().filter(|outcome| outcome.result == result)?;
        Some((outcome.reason.clone(), op.message.clone()))
    });
    let decided = status.failed.as_ref().and_then(|failed| {
        (failed.result == result).then(|| (failed.reason.clone(), failed.message.clone()))
    });
    match deciding.or(decided) {
        Some((reason, message)) => {
            let reason = Reason::from_name(&reason).unwrap_or(Reason::VersionFailed);
            Verdict::new(true, reason).with(message)
        }
        None => Verdict::new(false, Reason::NotApplicable),
    }
}

fn set_condition(conditions: &mut Vec<Condition>, kind: &str, verdict: Verdict, look: &Look<'_>) {
    let Verdict { holds, reason, message } = verdict;
    let status = match holds {
        Some(true) => "True",
        Some(false) => "False",
        None => "Unknown",
    };
    let message = message.unwrap_or_else(|| reason.sentence().to_owned());
    let before = conditions.iter().position(|condition| condition.type_ == kind);
    let since = before
        .map(|index| &conditions[index])
        .filter(|condition| condition.status == status)
        .map_or(Time(seconds(look.now)), |condition| condition.last_transition_time.clone());
    let condition = Condition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: reason.name(),
        message: message.chars().take(2000).collect(),
        observed_generation: look.job.metadata.generation,
        last_transition_time: since,
    };
    match before {
        Some(index) => conditions[index] = condition,
        None => conditions.push(condition),
    }
}

/// Kubernetes keeps whole seconds: what is compared must be what is read back.
fn seconds(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

#[cfg(test)]
mod tests;
