//! How a job is operated: checkpoints, savepoints, upgrades, roll-outs, restores.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::DurationText;

/// Whether the job runs.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
pub enum DesiredState {
    /// It runs.
    #[default]
    Running,
    /// It is stopped with a savepoint and has no pods.
    Suspended,
}

/// Automatic checkpoints.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckpointSpec {
    /// Whether checkpoints are taken. Without them a crash goes back to the last savepoint.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// From the start of one to the start of the next.
    #[serde(default = "default_interval")]
    pub interval: DurationText,
    /// After this a checkpoint is given up.
    #[serde(default = "default_timeout")]
    pub timeout: DurationText,
    /// At least this from the end of one to the start of the next.
    #[serde(default = "no_time")]
    pub min_pause: DurationText,
    /// How many completed checkpoints are kept.
    #[serde(default = "default_retained")]
    #[schemars(range(min = 1, max = 100))]
    pub retained: i32,
}

impl Default for CheckpointSpec {
    fn default() -> Self {
        Self {
            enabled: true,
            interval: default_interval(),
            timeout: default_timeout(),
            min_pause: no_time(),
            retained: default_retained(),
        }
    }
}

fn yes() -> bool {
    true
}
fn default_interval() -> DurationText {
    DurationText::new("10s")
}
fn default_timeout() -> DurationText {
    DurationText::new("10m")
}
fn no_time() -> DurationText {
    DurationText::new("0s")
}
fn default_retained() -> i32 {
    3
}

/// Latency against throughput.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PerformanceSpec {
    /// Rows of a batch at most.
    #[serde(default = "default_batch_size")]
    #[schemars(range(min = 1, max = 65536))]
    pub max_batch_size: i32,
    /// How long a batch that is not full may wait for more rows.
    #[serde(default = "default_batch_timeout")]
    #[schemars(range(min = 0, max = 60000))]
    pub batch_timeout_ms: i32,
}

impl Default for PerformanceSpec {
    fn default() -> Self {
        Self { max_batch_size: default_batch_size(), batch_timeout_ms: default_batch_timeout() }
    }
}

fn default_batch_size() -> i32 {
    4096
}
fn default_batch_timeout() -> i32 {
    1
}

/// How much the pods log.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Data at risk, or a person must act.
    Error,
    /// Unexpected, but handled.
    Warn,
    /// Changes of state.
    #[default]
    Info,
    /// For finding errors.
    Debug,
    /// Everything.
    Trace,
}

/// Logs.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct MonitoringSpec {
    /// How much the pods log.
    #[serde(default)]
    pub log_level: LogLevel,
}

/// What happens to the state of a job that is deleted.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
pub enum OnDelete {
    /// A last savepoint is taken; it stays.
    #[default]
    Savepoint,
    /// No savepoint is taken.
    None,
}

/// Savepoints that the controller takes by itself.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SavepointsSpec {
    /// What happens when the job is deleted. Earlier savepoints stay in any case.
    #[serde(default)]
    pub on_delete: OnDelete,
}

/// Which state a new version starts from.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
pub enum StateMode {
    /// A savepoint that is taken for the purpose: nothing is processed twice.
    #[default]
    Savepoint,
    /// The latest checkpoint: rows since then are processed again.
    LatestCheckpoint,
    /// None; needs `acknowledgeStateLoss`.
    Stateless,
}

/// How the new pods take over.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
pub enum Surge {
    /// The old pods go first, so that no additional room is needed.
    #[default]
    Recreate,
}

/// Whether the new version is checked against the live state before anything stops.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
pub enum Preflight {
    /// The new image compiles the program and checks it against the latest checkpoint.
    #[default]
    Required,
    /// It is not checked.
    Skip,
}

/// What happens when the savepoint before a change fails.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
pub enum OnSavepointFailure {
    /// The change is not made; the old version runs on.
    #[default]
    Abort,
    /// The latest checkpoint is used: rows since then are processed again.
    UseCheckpoint,
}

/// How a change reaches the running job.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpgradeSpec {
    /// Which state the new version starts from.
    #[serde(default)]
    pub state_mode: StateMode,
    /// How the new pods take over.
    #[serde(default)]
    pub surge: Surge,
    /// Whether the new version is checked against the live state first.
    #[serde(default)]
    pub preflight: Preflight,
    /// After this a savepoint counts as failed.
    #[serde(default = "default_savepoint_timeout")]
    pub savepoint_timeout: DurationText,
    /// What happens when the savepoint fails.
    #[serde(default)]
    pub on_savepoint_failure: OnSavepointFailure,
}

impl Default for UpgradeSpec {
    fn default() -> Self {
        Self {
            state_mode: StateMode::default(),
            surge: Surge::default(),
            preflight: Preflight::default(),
            savepoint_timeout: default_savepoint_timeout(),
            on_savepoint_failure: OnSavepointFailure::default(),
        }
    }
}

fn default_savepoint_timeout() -> DurationText {
    DurationText::new("2m")
}

/// What happens to a version that does not come up.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
pub enum OnFailure {
    /// The last good version comes back, with the state from before the change.
    #[default]
    Rollback,
    /// Nothing; the job is stalled until the spec changes.
    None,
}

/// When a new version counts as good.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RolloutSpec {
    /// A version that does not run within this has failed.
    #[serde(default = "default_progress_deadline")]
    pub progress_deadline: DurationText,
    /// It must run this long, and complete a checkpoint, before it counts as good.
    #[serde(default = "default_probation")]
    pub probation: DurationText,
    /// What happens to a version that fails.
    #[serde(default)]
    pub on_failure: OnFailure,
}

impl Default for RolloutSpec {
    fn default() -> Self {
        Self {
            progress_deadline: default_progress_deadline(),
            probation: default_probation(),
            on_failure: OnFailure::default(),
        }
    }
}

fn default_progress_deadline() -> DurationText {
    DurationText::new("5m")
}
fn default_probation() -> DurationText {
    DurationText::new("10s")
}

/// Which state a job is put back to.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
pub enum RestoreMode {
    /// The job's own latest checkpoint.
    #[default]
    Latest,
    /// The savepoint that `from` names.
    Savepoint,
    /// None; needs `acknowledgeStateLoss`.
    Empty,
}

/// Asks for the job to start from another state.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, KubeSchema)]
#[x_kube(validation = Rule::new("(self.mode == 'Savepoint') == has(self.from)")
    .message("from belongs to mode Savepoint: give both or neither"))]
#[serde(rename_all = "camelCase")]
pub struct RestoreSpec {
    /// Any text; a new one asks again.
    #[schemars(length(min = 1, max = 64))]
    pub request_id: String,
    /// The savepoint's location.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub from: Option<String>,
    /// Which state.
    #[serde(default)]
    pub mode: RestoreMode,
}
