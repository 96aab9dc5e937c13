//! What the controller reports of a streaming job. Only the controller writes it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, MicroTime, Time};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::spec::RestoreSpec;

/// What the controller reports of a streaming job.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct StreamJobStatus {
    /// The generation that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready, Reconciling, Stalled, Accepted, Available, CheckpointsHealthy, UpgradeBlocked,
    /// RolledBack, Suspended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".to_owned()]))]
    pub conditions: Vec<Condition>,
    /// One word, for people only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<JobPhase>,
    /// The fencing number of the running job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<i64>,
    /// The highest set number that was ever given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_set: Option<i64>,
    /// How many operations were ever begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operations_begun: Option<i64>,
    /// The set that runs, or is to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<CurrentSet>,
    /// The revision that runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_revision: Option<String>,
    /// The revision that the spec asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_revision: Option<String>,
    /// The last version that proved itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stable: Option<StableVersion>,
    /// The last version that failed; it is not tried again until the spec changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<FailedVersion>,
    /// Which operation parked the job, while it is suspended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended_by: Option<String>,
    /// The last restore request that was carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored_request_id: Option<String>,
    /// Whether the input has ended and everything is committed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub finished: bool,
    /// The operation in progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
    /// The last operations, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub last_operations: Vec<OperationRecord>,
    /// The last completed checkpoint that was seen; refreshed now and then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<CheckpointStatus>,
    /// The last savepoint that an operation took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub savepoint: Option<SavepointStatus>,
    /// Container restarts within the current set, as the job counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restarts: Option<i64>,
    /// For `kubectl scale`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<ScaleStatus>,
}

/// One word about a job, for people only; programs read conditions.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
pub enum JobPhase {
    /// The spec was refused and nothing runs.
    Invalid,
    /// Its first pods are coming up.
    Deploying,
    /// It processes.
    Running,
    /// It should process, but does not at the moment.
    Recovering,
    /// A new version is taking over.
    Upgrading,
    /// Its parallelism is changing.
    Rescaling,
    /// A last savepoint before the pods go.
    Suspending,
    /// No pods, its state is kept.
    Suspended,
    /// Its pods are coming back.
    Resuming,
    /// It is being put back to another state.
    Restoring,
    /// The last good version is coming back.
    RollingBack,
    /// The input has ended and everything is committed.
    Finished,
    /// It cannot go on without a person.
    Stalled,
    /// It is being deleted.
    Deleting,
}

/// The set that runs, or is to run.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CurrentSet {
    /// Its number; the StatefulSet is `<job>-<number>`.
    pub number: i64,
    /// Its revision.
    pub revision: String,
    /// Its slots.
    pub parallelism: i32,
    /// Whether it has processed since it was made.
    pub live: bool,
}

/// A version that proved itself.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct StableVersion {
    /// Its revision.
    pub revision: String,
    /// Its slots.
    pub parallelism: i32,
}

/// A version that failed.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailedVersion {
    /// The generation of the spec that asked for it.
    pub generation: i64,
    /// Its revision.
    pub revision: String,
    /// Its slots.
    pub parallelism: i32,
    /// Whether it was blocked, or rolled back after it failed.
    pub result: OperationResult,
    /// Why it failed.
    pub reason: String,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When it is tried again; never before the spec changes without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Time>,
}

/// What is being done to a job.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, Hash, JsonSchema)]
pub enum OperationType {
    /// The first set.
    Deploy,
    /// Another revision.
    Upgrade,
    /// Another parallelism.
    Rescale,
    /// A savepoint, and no pods.
    Suspend,
    /// Pods again.
    Resume,
    /// Another state.
    Restore,
    /// The end.
    Delete,
}

/// How far an operation is. Each step is written here before its first effect.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, Hash, JsonSchema)]
pub enum OperationStep {
    /// The new version is checked against the live state.
    Preflight,
    /// A savepoint is taken and the job is parked; the downtime starts.
    Quiesce,
    /// The savepoint failed: the old version is told to run on.
    Unpark,
    /// The old set is removed.
    Stop,
    /// The new set is made.
    Provision,
    /// The new set's coordinator is waited for, and told to take over.
    Activate,
    /// The new set restores; the downtime ends when it runs.
    Start,
    /// It must complete a checkpoint and not crash.
    Probation,
    /// The failed set is removed.
    RollbackStop,
    /// The set of the last good version is made.
    RollbackProvision,
    /// It is told to take over.
    RollbackActivate,
    /// It restores.
    RollbackStart,
    /// The job's objects in the store are removed by a Job.
    Cleanup,
    /// What the operation left over is removed.
    Finish,
}

/// An operation in progress.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// Unique through the life of the job.
    pub id: String,
    /// What is being done.
    #[serde(rename = "type")]
    pub kind: OperationType,
    /// How far it is.
    pub step: OperationStep,
    /// The generation of the spec that it carries out.
    pub generation: i64,
    /// When it began.
    pub started_at: MicroTime,
    /// When its step began; making, activating and starting a set count as one.
    pub step_started_at: MicroTime,
    /// The set that it replaces or stops.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<CurrentSet>,
    /// The set that it makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<CurrentSet>,
    /// Whether it takes a savepoint first.
    #[serde(default)]
    pub savepoint: SavepointPlan,
    /// In whose name the new set takes over.
    #[serde(default)]
    pub claim: Claim,
    /// The state that the job had when it was parked: where a roll-back goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parked: Option<ParkedState>,
    /// When the job stopped processing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downtime_started_at: Option<MicroTime>,
    /// For how long it did not process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downtime_ms: Option<i64>,
    /// The restore request that it carries out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore: Option<RestoreSpec>,
    /// How it will end, once that is decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<OperationOutcome>,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// How an operation will end, once that is decided.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct OperationOutcome {
    /// The result.
    pub result: OperationResult,
    /// The reason, as conditions and events carry it.
    pub reason: String,
}

/// Whether an operation takes a savepoint first.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, Hash, JsonSchema)]
pub enum SavepointPlan {
    /// Yes; without it the operation fails.
    #[default]
    Required,
    /// Yes, but it goes on from the latest checkpoint when that fails.
    Wanted,
    /// No.
    Skipped,
}

/// In whose name a new set takes over.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, Hash, JsonSchema)]
pub enum Claim {
    /// The job must be parked by this operation (or by the suspension that it ends).
    #[default]
    Parked,
    /// Whatever still runs is fenced off.
    Takeover,
    /// The claim was refused for good.
    Refused,
}

/// The state that a job had when it was parked.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParkedState {
    /// The savepoint's location.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// The epoch.
    pub epoch: i64,
    /// The attempt that wrote it.
    pub attempt: i64,
}

/// How an operation ended.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, Hash, JsonSchema)]
pub enum OperationResult {
    /// As asked.
    Succeeded,
    /// Not done; the job is as before.
    Blocked,
    /// The last good version is back.
    RolledBack,
    /// The job is not as asked, and not as before.
    Failed,
    /// Another change came before it was done.
    Superseded,
}

/// An operation that has ended.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct OperationRecord {
    /// Its id.
    pub id: String,
    /// What was done.
    #[serde(rename = "type")]
    pub kind: OperationType,
    /// How it ended.
    pub result: OperationResult,
    /// The reason, as conditions and events carry it.
    pub reason: String,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When it began.
    pub started_at: MicroTime,
    /// When it ended.
    pub completed_at: MicroTime,
    /// For how long the job did not process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downtime_ms: Option<i64>,
}

/// A completed checkpoint.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckpointStatus {
    /// Its epoch.
    pub epoch: i64,
    /// The attempt that took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<i64>,
    /// When it was complete.
    pub completed_at: Time,
    /// How long it took.
    pub duration_ms: i64,
    /// Its bytes.
    pub size_bytes: i64,
}

/// A completed savepoint.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SavepointStatus {
    /// Where it is; `restore.from` takes it.
    pub location: String,
    /// Its epoch.
    pub epoch: i64,
    /// The attempt that took it.
    pub attempt: i64,
    /// Its bytes.
    pub size_bytes: i64,
    /// When it was seen complete.
    pub completed_at: Time,
}

/// For `kubectl scale`.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScaleStatus {
    /// Slots that run.
    pub replicas: i32,
    /// Selects the job's pods.
    pub selector: String,
}
