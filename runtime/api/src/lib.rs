//! The messages between the controller and a job's coordinator (pod 0), as JSON over HTTP.
//!
//! These are the only wire types that the controller knows of the runtime. Every call is
//! idempotent: it names its operation, and repeating it gives the same answer.
//!
//! | call | body | answer |
//! |---|---|---|
//! | `GET /v1/job` | - | [`JobView`] |
//! | `PUT /v1/savepoints/{operation}` | [`SavepointRequest`] | [`SavepointView`] (202 while it runs) |
//! | `GET /v1/savepoints/{operation}` | - | [`SavepointView`], 404 when it was never asked for |
//! | `POST /v1/resume/{operation}` | - | [`JobView`], 409 when the job went another way |
//! | `POST /v1/activate` | [`ActivateRequest`] | [`JobView`], 409 when the claim was refused |

use sabot_types::{Attempt, Epoch, ManifestRef, OperationId, SetNumber};
use serde::{Deserialize, Serialize};

/// The port of the coordinator's API, health and metrics on every pod.
pub const HTTP_PORT: u16 = 8080;
/// The port for data between pods and for workers' control streams.
pub const DATA_PORT: u16 = 8081;

/// What a savepoint does to the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SavepointMode {
    /// A savepoint while the job runs on.
    PreCopy,
    /// A last barrier, a savepoint, and the job is parked: it processes nothing until it is
    /// resumed, activated by another set, or the lease ends.
    Quiesce,
}

/// Asks for a savepoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SavepointRequest {
    /// What the savepoint does to the job.
    pub mode: SavepointMode,
    /// After how many seconds a parked job resumes by itself when nobody came; 0 means never
    /// (a suspension).
    pub lease_seconds: u32,
    /// After how many seconds the savepoint is given up and the job runs on.
    pub timeout_seconds: u32,
}

/// How a savepoint fares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum SavepointView {
    /// Not done yet.
    InProgress,
    /// Durable. After [`SavepointMode::Quiesce`] the job is parked.
    Completed {
        /// Where it is: a URI that `sabot savepoint inspect` and `restore.from` take.
        location: String,
        /// The epoch that it holds.
        epoch: Epoch,
        /// The attempt that took it.
        attempt: Attempt,
        /// All its objects' bytes.
        size_bytes: u64,
    },
    /// Given up; the job runs on.
    Failed {
        /// What went wrong, for people.
        message: String,
    },
}

/// Tells a standby (a set above the one in `control.json`, or the first set of a job) to take over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActivateRequest {
    /// The operation in whose name the claim is made.
    pub operation: OperationId,
    /// The operation that must have parked the job; none fences off whatever still runs.
    pub parked_by: Option<OperationId>,
    /// Where the state comes from.
    pub restore: RestoreFrom,
}

/// Where an activated job's state comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum RestoreFrom {
    /// What `control.json` names as latest; refused when there is none and `allow_empty` is not set.
    Latest {
        /// Whether a job that never completed a checkpoint may start empty.
        allow_empty: bool,
    },
    /// This checkpoint of the job (a rollback).
    Checkpoint {
        /// The checkpoint.
        manifest: ManifestRef,
    },
    /// A savepoint by its URI, possibly another job's.
    Savepoint {
        /// The savepoint's folder.
        location: String,
    },
    /// No state, asked for by the user in so many words.
    Empty,
}

/// What a job is doing, as its coordinator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum JobState {
    /// Reading `control.json`.
    Starting,
    /// Waiting for [`ActivateRequest`]; owns nothing.
    Standby,
    /// Owns the attempt; waits for its workers.
    WaitingForWorkers {
        /// Slots that have registered.
        slots: u32,
    },
    /// Workers are restoring state.
    Restoring,
    /// Processing.
    Running,
    /// Parked by an operation.
    Parked {
        /// Who parked it.
        operation: OperationId,
    },
    /// The input has ended; everything is committed.
    Finished,
    /// Cannot go on without a person or a new revision.
    Failed {
        /// What is wrong and what to do.
        message: String,
    },
}

/// The last completed checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckpointView {
    /// Which manifest.
    pub manifest: ManifestRef,
    /// When it was published, milliseconds since the Unix epoch.
    pub completed_at_ms: i64,
    /// From the trigger to the publication.
    pub duration_ms: u64,
    /// Bytes of its segments.
    pub size_bytes: u64,
}

/// A job as its coordinator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobView {
    /// The set that answers.
    pub set: SetNumber,
    /// The attempt that it owns, or last owned.
    pub attempt: Option<Attempt>,
    /// What it is doing.
    pub state: JobState,
    /// Slots that the job has in total.
    pub parallelism: u32,
    /// Checkpoints that this attempt has completed.
    pub checkpoints_completed: u64,
    /// Checkpoints that failed since the last success.
    pub checkpoints_failed_in_row: u32,
    /// The last completed checkpoint.
    pub checkpoint: Option<CheckpointView>,
    /// Restarts within this set.
    pub restarts: u32,
    /// Why it restarted last.
    pub last_failure: Option<String>,
    /// Rows that all sources have read in this attempt.
    pub events_processed: u64,
    /// Event time up to which everything is processed, milliseconds.
    pub watermark_ms: Option<i64>,
}

/// The body of every answer that is not 2xx.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorBody {
    /// What went wrong and what to do.
    pub message: String,
}

/// The result that `sabot preflight` and `sabot cleanup` write to the pod's termination log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskResult {
    /// Whether the task succeeded.
    pub ok: bool,
    /// For people: what was refused, or what is left.
    pub message: String,
}
