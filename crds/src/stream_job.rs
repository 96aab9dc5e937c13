//! The `StreamJob` resource: one streaming job that Sabot runs and keeps alive.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::spec::{
    CheckpointSpec, DesiredState, MonitoringSpec, PerformanceSpec, Program, RestoreSpec,
    RolloutSpec, SavepointsSpec, StateSpec, UpgradeSpec, WorkersSpec,
};
use crate::status::StreamJobStatus;

/// What the user wants of a streaming job.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "sabot.dev",
    version = "v1alpha1",
    kind = "StreamJob",
    plural = "streamjobs",
    shortname = "sj",
    category = "sabot",
    namespaced,
    status = "StreamJobStatus",
    derive = "PartialEq",
    doc = "A stateful streaming job with exactly-once semantics.",
    scale(
        spec_replicas_path = ".spec.parallelism",
        status_replicas_path = ".status.scale.replicas",
        label_selector_path = ".status.scale.selector"
    ),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Parallelism", type_ = "integer", json_path = ".spec.parallelism"),
    printcolumn(name = "Attempt", type_ = "integer", json_path = ".status.attempt"),
    printcolumn(name = "Checkpoint", type_ = "date", json_path = ".status.checkpoint.completedAt"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].status"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].reason",
        priority = 1
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new(
        "size(self.metadata.name) <= 40 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')"
    )
    .message("metadata.name: at most 40 lower-case letters, digits or '-', starting with a letter (pods and services are named after it)")
)]
#[x_kube(validation = Rule::new("self.parallelism <= self.keyGroups")
    .message("parallelism must not be above keyGroups: a slot without a key group would do nothing"))]
#[x_kube(validation = Rule::new("self.upgrade.stateMode != 'Stateless' || self.acknowledgeStateLoss")
    .message("upgrade.stateMode Stateless throws state away: set acknowledgeStateLoss to true as well"))]
#[x_kube(validation = Rule::new("!has(self.restore) || self.restore.mode != 'Empty' || self.acknowledgeStateLoss")
    .message("restore.mode Empty throws state away: set acknowledgeStateLoss to true as well"))]
#[serde(rename_all = "camelCase")]
pub struct StreamJobSpec {
    /// Whether the job runs. Suspended takes a savepoint and keeps no pods.
    #[serde(default)]
    pub desired_state: DesiredState,
    /// Begin no new operation; one that is in progress is brought to its end.
    #[serde(default)]
    pub paused: bool,
    /// The runtime image. Without it the controller's default runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub image: Option<String>,
    /// What the job computes.
    pub program: Program,
    /// Slots over all pods.
    #[serde(default = "default_parallelism")]
    #[schemars(range(min = 1, max = 32768))]
    pub parallelism: i32,
    /// Slices of the key space, a power of two; the upper bound of parallelism, fixed for ever.
    #[serde(default = "default_key_groups")]
    #[schemars(range(min = 1, max = 32768))]
    #[x_kube(validation = Rule::new("self == oldSelf")
        .message("keyGroups is fixed at the job's first start"))]
    #[x_kube(validation = Rule::new(
        "self in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768]")
        .message("keyGroups must be a power of two"))]
    pub key_groups: i32,
    /// The pods.
    #[serde(default)]
    pub workers: WorkersSpec,
    /// Where state lives.
    #[serde(default)]
    pub state: StateSpec,
    /// Automatic checkpoints.
    #[serde(default)]
    pub checkpoint: CheckpointSpec,
    /// Latency against throughput.
    #[serde(default)]
    pub performance: PerformanceSpec,
    /// Logs.
    #[serde(default)]
    pub monitoring: MonitoringSpec,
    /// Savepoints that the controller takes by itself.
    #[serde(default)]
    pub savepoints: SavepointsSpec,
    /// How a change reaches the running job.
    #[serde(default)]
    pub upgrade: UpgradeSpec,
    /// When a new version counts as good.
    #[serde(default)]
    pub rollout: RolloutSpec,
    /// Asks for the job to start from another state; carried out once for each requestId.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore: Option<RestoreSpec>,
    /// Confirms that state may be thrown away, where the spec asks for that.
    #[serde(default)]
    pub acknowledge_state_loss: bool,
    /// Any new value restarts the job, with a savepoint first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub restarted_at: Option<String>,
    /// The pods' service account; the namespace's default without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub service_account_name: Option<String>,
}

fn default_parallelism() -> i32 {
    1
}

fn default_key_groups() -> i32 {
    1024
}

impl StreamJobSpec {
    /// A spec with this SQL text and the default of everything else.
    pub fn from_sql(sql: impl Into<String>) -> Self {
        Self {
            desired_state: DesiredState::default(),
            paused: false,
            image: None,
            program: Program::inline(sql),
            parallelism: default_parallelism(),
            key_groups: default_key_groups(),
            workers: WorkersSpec::default(),
            state: StateSpec::default(),
            checkpoint: CheckpointSpec::default(),
            performance: PerformanceSpec::default(),
            monitoring: MonitoringSpec::default(),
            savepoints: SavepointsSpec::default(),
            upgrade: UpgradeSpec::default(),
            rollout: RolloutSpec::default(),
            restore: None,
            acknowledge_state_loss: false,
            restarted_at: None,
            service_account_name: None,
        }
    }

    /// Pods that `parallelism` needs: slots divided by the slots of a pod, rounded up.
    pub fn pods(&self, parallelism: i32) -> i32 {
        let slots = self.workers.slots_per_pod.max(1);
        (parallelism.max(1) + slots - 1) / slots
    }
}
