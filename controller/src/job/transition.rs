//! How an operation begins, goes on and ends, as pure changes of the status.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, Time};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;
use sabot_api::SavepointView;
use sabot_crds::spec::{OnDelete, OnSavepointFailure, Preflight, StateMode};
use sabot_crds::{
    Claim, CurrentSet, FailedVersion, Operation, OperationOutcome, OperationRecord,
    OperationResult, OperationStep, OperationType, ParkedState, SavepointPlan, SavepointStatus,
    StableVersion, StreamJob, StreamJobStatus,
};

use super::plan::Advance;
use super::target::Target;
use super::world::World;
use crate::reason::Reason;

/// Records of past operations that are kept.
const RECORDS_KEPT: usize = 10;
/// After this a savepoint that failed is tried again.
const RETRY_AFTER: SignedDuration = SignedDuration::from_secs(60);

/// The status in which `kind` has begun.
pub fn begin(
    job: &StreamJob,
    target: Option<&Target>,
    kind: OperationType,
    now: Timestamp,
) -> StreamJobStatus {
    let mut status = job.status.clone().unwrap_or_default();
    let number = status.operations_begun.unwrap_or(0) + 1;
    let (from, live) = running_set(&status);
    let to = target.filter(|_| makes_a_set(kind)).map(|target| {
        let set = status.last_set.unwrap_or(0) + 1;
        status.last_set = Some(set);
        CurrentSet {
            number: set,
            revision: target.revision.clone(),
            parallelism: target.parallelism,
            live: false,
        }
    });
    let savepoint = savepoint_plan(job, &status, kind, live);
    let restore = matches!(kind, OperationType::Restore | OperationType::Deploy)
        .then(|| job.spec.restore.clone())
        .flatten();
    let stateless =
        kind == OperationType::Upgrade && job.spec.upgrade.state_mode != StateMode::Savepoint;
    let claim = if live && !stateless || kind == OperationType::Resume {
        Claim::Parked
    } else {
        Claim::Takeover
    };
    status.operations_begun = Some(number);
    status.operation = Some(Operation {
        id: operation_id(job, kind, number),
        kind,
        step: first_step(job, &status, target, kind, savepoint, from.is_none()),
        generation: job.metadata.generation.unwrap_or_default(),
        started_at: MicroTime(now),
        step_started_at: MicroTime(now),
        from,
        to,
        savepoint,
        claim,
        parked: None,
        downtime_started_at: None,
        downtime_ms: None,
        restore,
        outcome: None,
        message: None,
    });
    note_downtime(&mut status, now);
    status
}

/// The set that runs, or that an operation which is cut short (by a deletion) was bringing up.
fn running_set(status: &StreamJobStatus) -> (Option<CurrentSet>, bool) {
    let interrupted = status.operation.as_ref().and_then(|op| {
        let before = matches!(
            op.step,
            OperationStep::Preflight
                | OperationStep::Quiesce
                | OperationStep::Unpark
                | OperationStep::Stop
        );
        let live = op.step == OperationStep::Probation;
        op.to.clone().filter(|_| !before).map(|to| (Some(to), live))
    });
    let current = status.current.clone();
    let live = current.as_ref().is_some_and(|set| set.live) && status.suspended_by.is_none();
    interrupted.unwrap_or((current, live))
}

/// Unique also when a job of the same name is created again over kept savepoints.
fn operation_id(job: &StreamJob, kind: OperationType, number: i64) -> String {
    let uid: String = job.uid().unwrap_or_default().chars().take(8).collect();
    format!("{}-{number}-{uid}", format!("{kind:?}").to_lowercase())
}

fn makes_a_set(kind: OperationType) -> bool {
    !matches!(kind, OperationType::Suspend | OperationType::Delete)
}

fn savepoint_plan(
    job: &StreamJob,
    status: &StreamJobStatus,
    kind: OperationType,
    live: bool,
) -> SavepointPlan {
    let upgrade = &job.spec.upgrade;
    let by_policy = match upgrade.on_savepoint_failure {
        OnSavepointFailure::Abort => SavepointPlan::Required,
        OnSavepointFailure::UseCheckpoint => SavepointPlan::Wanted,
    };
    match kind {
        _ if !live || status.finished => SavepointPlan::Skipped,
        OperationType::Deploy | OperationType::Resume => SavepointPlan::Skipped,
        OperationType::Upgrade if upgrade.state_mode != StateMode::Savepoint => {
            SavepointPlan::Skipped
        }
        OperationType::Delete if job.spec.savepoints.on_delete == OnDelete::None => {
            SavepointPlan::Skipped
        }
        OperationType::Upgrade | OperationType::Rescale | OperationType::Suspend => by_policy,
        // The user gives the present state up; it is saved all the same, for a roll-back.
        OperationType::Restore | OperationType::Delete => SavepointPlan::Wanted,
    }
}

fn first_step(
    job: &StreamJob,
    status: &StreamJobStatus,
    target: Option<&Target>,
    kind: OperationType,
    savepoint: SavepointPlan,
    nothing_was_made: bool,
) -> OperationStep {
    let another_revision = match (&status.current, target) {
        (Some(current), Some(target)) => current.revision != target.revision,
        _ => false,
    };
    let has_state = status.stable.is_some() || status.checkpoint.is_some();
    let checks = another_revision
        && has_state
        && job.spec.upgrade.preflight == Preflight::Required
        && job.spec.upgrade.state_mode != StateMode::Stateless
        && matches!(kind, OperationType::Upgrade | OperationType::Resume);
    let stopped = status.suspended_by.is_some() || status.current.is_none();
    match kind {
        _ if checks => OperationStep::Preflight,
        OperationType::Delete if nothing_was_made => OperationStep::Finish,
        OperationType::Deploy | OperationType::Resume => OperationStep::Provision,
        OperationType::Restore if stopped => OperationStep::Provision,
        _ if savepoint == SavepointPlan::Skipped => OperationStep::Stop,
        _ => OperationStep::Quiesce,
    }
}

/// The status in which the operation has gone on.
pub fn advance(
    job: &StreamJob,
    advance: Advance,
    world: &World,
    now: Timestamp,
) -> StreamJobStatus {
    let mut status = job.status.clone().unwrap_or_default();
    let Some(mut op) = status.operation.take() else { return status };
    let Advance { to, outcome, claim } = advance;
    if op.step == OperationStep::Quiesce && to == OperationStep::Stop {
        note_savepoint(&mut status, &mut op, world, now);
    }
    if let Some(claim) = claim {
        op.claim = claim;
    }
    if let Some((result, reason)) = outcome {
        op.outcome = Some(OperationOutcome { result, reason: reason.name() });
        op.message = world.explain(reason);
    }
    if matches!(to, OperationStep::Probation)
        || op.step == OperationStep::RollbackStart && to == OperationStep::Finish
    {
        end_downtime(&mut op, now);
    }
    if to == OperationStep::RollbackProvision {
        roll_back(&mut status, &mut op);
    }
    // Making, activating and starting a set share one deadline.
    let same_clock = matches!(
        to,
        OperationStep::Activate
            | OperationStep::Start
            | OperationStep::RollbackActivate
            | OperationStep::RollbackStart
    );
    if !same_clock {
        op.step_started_at = MicroTime(now);
    }
    op.step = to;
    status.operation = Some(op);
    note_downtime(&mut status, now);
    status
}

/// The job is down from the step on that stops it.
fn note_downtime(status: &mut StreamJobStatus, now: Timestamp) {
    let was_live = status.current.as_ref().is_some_and(|set| set.live);
    let Some(op) = &mut status.operation else { return };
    let stops = matches!(
        op.step,
        OperationStep::Quiesce | OperationStep::Stop | OperationStep::RollbackStop
    );
    if stops && was_live && op.downtime_started_at.is_none() {
        op.downtime_started_at = Some(MicroTime(now));
    }
}

fn end_downtime(op: &mut Operation, now: Timestamp) {
    if let Some(started) = &op.downtime_started_at {
        op.downtime_ms = Some(now.as_millisecond() - started.0.as_millisecond());
    }
}

fn note_savepoint(status: &mut StreamJobStatus, op: &mut Operation, world: &World, now: Timestamp) {
    if let Some(Ok(Some(SavepointView::Completed { location, epoch, attempt, size_bytes }))) =
        &world.savepoint
    {
        let (epoch, attempt) = (signed(epoch.get()), signed(attempt.get()));
        op.parked = Some(ParkedState { location: Some(location.clone()), epoch, attempt });
        status.savepoint = Some(SavepointStatus {
            location: location.clone(),
            epoch,
            attempt,
            size_bytes: signed(*size_bytes),
            completed_at: Time(now),
        });
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The failed set is what comes from, a new set of the stable version what goes to.
fn roll_back(status: &mut StreamJobStatus, op: &mut Operation) {
    let Some(stable) = &status.stable else { return };
    let number = status.last_set.unwrap_or(0) + 1;
    status.last_set = Some(number);
    op.from = op.to.take();
    op.claim = Claim::Takeover;
    op.to = Some(CurrentSet {
        number,
        revision: stable.revision.clone(),
        parallelism: stable.parallelism,
        live: false,
    });
}

/// The status after a claim was refused: once more without the condition, or never.
pub fn claim_refused(job: &StreamJob, message: String) -> StreamJobStatus {
    let mut status = job.status.clone().unwrap_or_default();
    if let Some(op) = &mut status.operation {
        op.claim = match op.claim {
            Claim::Parked => Claim::Takeover,
            Claim::Takeover | Claim::Refused => Claim::Refused,
        };
        op.message = Some(message);
    }
    status
}

/// The status in which the operation has ended.
pub fn conclude(job: &StreamJob, world: &World, now: Timestamp) -> StreamJobStatus {
    let mut status = job.status.clone().unwrap_or_default();
    let Some(op) = status.operation.take() else { return status };
    let outcome = op.outcome.clone().unwrap_or(OperationOutcome {
        result: OperationResult::Succeeded,
        reason: Reason::Succeeded.name(),
    });
    let made = op.to.clone().filter(|to| world.stateful_set(to.number).is_some());
    match outcome.result {
        OperationResult::Succeeded => succeed(&mut status, &op, made),
        OperationResult::Blocked => {
            status.failed = Some(failed(&status, &op, op.to.as_ref(), &outcome, now));
        }
        OperationResult::RolledBack => {
            status.failed = Some(failed(&status, &op, op.from.as_ref(), &outcome, now));
            status.current = made.map(|set| CurrentSet { live: true, ..set }).or(status.current);
            status.suspended_by = None;
        }
        OperationResult::Failed | OperationResult::Superseded => {
            if let Some(made) = made {
                status.current = Some(CurrentSet { live: false, ..made });
                status.suspended_by = None;
            }
        }
    }
    if let Some(restore) = &op.restore
        && outcome.result != OperationResult::Superseded
    {
        status.restored_request_id = Some(restore.request_id.clone());
    }
    status.last_operations.insert(0, record(op, outcome, now));
    status.last_operations.truncate(RECORDS_KEPT);
    status
}

fn succeed(status: &mut StreamJobStatus, op: &Operation, made: Option<CurrentSet>) {
    status.failed = None;
    if op.kind == OperationType::Suspend {
        status.suspended_by = Some(op.id.clone());
        return;
    }
    if let Some(made) = made {
        status.stable =
            Some(StableVersion { revision: made.revision.clone(), parallelism: made.parallelism });
        status.current = Some(CurrentSet { live: true, ..made });
        status.suspended_by = None;
        status.finished = false;
    }
}

fn failed(
    status: &StreamJobStatus,
    op: &Operation,
    version: Option<&CurrentSet>,
    outcome: &OperationOutcome,
    now: Timestamp,
) -> FailedVersion {
    // A suspension has no version of its own: what would have been suspended stands for it.
    let version = version.or(status.current.as_ref());
    let savepoint = [Reason::SavepointFailed, Reason::SavepointTimedOut].map(Reason::name);
    FailedVersion {
        generation: op.generation,
        revision: version.map(|set| set.revision.clone()).unwrap_or_default(),
        parallelism: version.map_or(1, |set| set.parallelism),
        result: outcome.result,
        reason: outcome.reason.clone(),
        message: op.message.clone(),
        retry_at: savepoint.contains(&outcome.reason).then(|| Time(now + RETRY_AFTER)),
    }
}

fn record(op: Operation, outcome: OperationOutcome, now: Timestamp) -> OperationRecord {
    OperationRecord {
        id: op.id,
        kind: op.kind,
        result: outcome.result,
        reason: outcome.reason,
        message: op.message,
        started_at: op.started_at,
        completed_at: MicroTime(now),
        downtime_ms: op.downtime_ms,
    }
}
