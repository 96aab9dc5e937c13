//! The messages between a job's coordinator and its workers, as JSON frames on a control stream.
//!
//! Every message names the attempt that it belongs to; a receiver drops those of another
//! attempt. `S` is the snapshot of a slot, a type of a higher layer.

use std::collections::BTreeMap;

use sabot_types::{Attempt, Epoch, ManifestRef, SetNumber};
use serde::{Deserialize, Serialize};

/// What a pod's worker tells the coordinator.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum WorkerMessage<S> {
    /// First on a new stream.
    Hello {
        /// The set that the pod belongs to.
        set: SetNumber,
        /// The pod's ordinal.
        pod: u32,
        /// Its slots.
        slots: u32,
        /// Where its data streams come in, `host:port`.
        data_addr: String,
        /// The plan that it compiled; all pods must have the same.
        plan_fingerprint: String,
        /// When the process started, milliseconds since the Unix epoch: of two processes that
        /// are the same pod the later one counts.
        started_ms: i64,
    },
    /// Every slot has restored its state and waits for [`CoordinatorMessage::Run`].
    Deployed {
        /// The attempt.
        attempt: Attempt,
    },
    /// How far the pod is; sent regularly, also as a sign of life.
    Progress {
        /// The attempt.
        attempt: Attempt,
        /// Rows that its sources have read in this attempt.
        rows_read: u64,
        /// The lowest watermark of its sinks, milliseconds.
        watermark_ms: Option<i64>,
        /// Bytes of its state backends.
        state_bytes: u64,
        /// What a sink tries again and again, and why.
        trouble: Option<String>,
        /// Of each group of aligned sources the lowest watermark in the pod, milliseconds; none
        /// where others need not wait for it.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        aligned: BTreeMap<String, Option<i64>>,
    },
    /// A slot's part of a checkpoint is durable.
    Snapshot {
        /// The attempt.
        attempt: Attempt,
        /// The epoch.
        epoch: Epoch,
        /// The part.
        snapshot: S,
    },
    /// A slot's part of a checkpoint could not be made; the job itself goes on.
    SnapshotFailed {
        /// The attempt.
        attempt: Attempt,
        /// The epoch.
        epoch: Epoch,
        /// Why.
        message: String,
    },
    /// Everything in the slot has ended: all its input is processed.
    Ended {
        /// The attempt.
        attempt: Attempt,
        /// The slot, over all pods.
        slot: u32,
    },
    /// The attempt cannot go on in this pod.
    Failed {
        /// The attempt.
        attempt: Attempt,
        /// Why, with causes.
        message: String,
        /// Whether the user's data or statement is at fault, so that a restart meets it again.
        by_user: bool,
    },
}

/// What the coordinator tells a pod's worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum CoordinatorMessage {
    /// Drop whatever runs and build this attempt.
    Deploy {
        /// The attempt.
        attempt: Attempt,
        /// All pods, by ordinal.
        pods: Vec<PodSlots>,
        /// What to restore.
        restore: Option<ManifestRef>,
    },
    /// All pods are deployed: process.
    Run {
        /// The attempt.
        attempt: Attempt,
    },
    /// Inject a barrier.
    Checkpoint {
        /// The attempt.
        attempt: Attempt,
        /// The epoch.
        epoch: Epoch,
        /// Whether sources read nothing after the barrier until [`Self::Resume`].
        then_pause: bool,
        /// The attempt's last epoch that exists; before its first, the highest that any attempt
        /// published. Output of later epochs belongs to no checkpoint: it goes into this one.
        published: Epoch,
    },
    /// Sources go on after a barrier that paused them.
    Resume {
        /// The attempt.
        attempt: Attempt,
    },
    /// How far the aligned sources of the other pods are.
    Align {
        /// The attempt.
        attempt: Attempt,
        /// Of each group the lowest watermark of the other pods, milliseconds; none where nobody
        /// has to wait for them.
        elsewhere: BTreeMap<String, Option<i64>>,
    },
    /// Stop and drop everything of attempts up to this one.
    Cancel {
        /// The attempt.
        attempt: Attempt,
    },
    /// A later process is this pod: stop for good.
    Leave,
    /// The coordinator still owns the attempt. Without one for the lease's time a worker stops.
    Heartbeat {
        /// The attempt.
        attempt: Attempt,
    },
}

/// The slots of one pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodSlots {
    /// Its ordinal.
    pub pod: u32,
    /// Its first slot, over all pods.
    pub first_slot: u32,
    /// How many slots it has.
    pub slots: u32,
    /// Where its data streams come in, `host:port`.
    pub data_addr: String,
}
