//! Sinks: where rows go.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use futures::future::BoxFuture;
use sabot_types::{Attempt, Epoch, OperatorUid};
use serde::{Deserialize, Serialize};

use crate::metrics::OperatorMetrics;
use crate::{Env, Result};

/// One subtask of a sink.
///
/// An exactly-once sink keeps what it is given hidden: [`Self::prepare`] makes it durable and
/// returns committables, which the coordinator stores in the checkpoint's manifest and commits
/// after the checkpoint exists, again and again until it succeeds.
pub trait Sink: Send {
    /// Takes rows. Must not block for long: queue and upload in tasks.
    fn write(&mut self, batch: RecordBatch) -> Result<()>;

    /// Ends `epoch`: all rows written so far belong to it. The future makes them durable but
    /// hidden; it runs in the background, and the checkpoint waits for it. It holds the only copy
    /// of the rows, so it tries again for as long as an outage lasts (telling
    /// [`OperatorMetrics::set_trouble`]); an error means that they are lost to this attempt,
    /// which then starts over from the latest checkpoint.
    fn prepare(&mut self, epoch: Epoch) -> BoxFuture<'static, Result<Vec<Committable>>>;

    /// Whether the sink can take more now; when not, the doorbell rings once it can.
    fn ready(&self) -> bool {
        true
    }
}

/// Output that is durable and hidden, and becomes visible when it is committed.
///
/// Self-contained: a later revision of the job may have dropped the sink.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Committable {
    /// The sink's stable name.
    pub uid: OperatorUid,
    /// The connector that knows how to commit it.
    pub connector: String,
    /// The epoch that wrote it.
    pub epoch: Epoch,
    /// The connector's own data.
    pub payload: serde_json::Value,
}

/// Makes committables of one connector visible.
#[async_trait]
pub trait Committer: Send + Sync {
    /// Commits. Idempotent: a committable that was committed before is a success.
    async fn commit(&self, committable: &Committable) -> Result<()>;
}

/// What a sink is opened with.
#[derive(Clone)]
pub struct SinkContext {
    /// The sink's stable name.
    pub uid: OperatorUid,
    /// The table's name, for messages.
    pub table: String,
    /// `WITH (...)`, keys in lower case.
    pub options: Arc<BTreeMap<String, String>>,
    /// The columns of the rows that come.
    pub schema: SchemaRef,
    /// This subtask.
    pub subtask: u32,
    /// All subtasks.
    pub parallelism: u32,
    /// The attempt that writes; part of the names of hidden output.
    pub attempt: Attempt,
    /// Rung when [`Sink::ready`] has become true.
    pub doorbell: crate::Doorbell,
    /// Counters.
    pub metrics: Arc<OperatorMetrics>,
    /// The world.
    pub env: Env,
}
