//! Sources: where rows come from.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use sabot_types::{EventTime, OperatorUid};
use serde::{Deserialize, Serialize};

use crate::metrics::OperatorMetrics;
use crate::{Doorbell, Env, Result};

/// One subtask of a source. It reads the splits that are its own and never blocks: reading goes
/// on in tasks behind bounded queues that ring the doorbell.
///
/// Which splits are its own is decided by a rule over all splits' names that gives every split
/// exactly one owner at any parallelism: the splits, sorted by name, are dealt round-robin.
pub trait Source: Send {
    /// The next rows, at most `max_rows` (more only where one change consists of more), all of one
    /// split.
    fn poll(&mut self, max_rows: usize) -> Result<SourcePoll>;

    /// The names of the splits that this subtask reads; `SourcePoll::Batch::split` is an index
    /// into it. Fixed after opening.
    fn splits(&self) -> &[String];

    /// Whether rows of the split with this index are not wanted for now: it is too far ahead of
    /// others. Those that were read already may still come, and a source that cannot choose among
    /// its splits does as before.
    fn hold(&mut self, split: usize, held: bool) {
        let _ = (split, held);
    }

    /// How far each split has been *emitted by [`Self::poll`]*: `splits().len()` states in the
    /// same order, without watermarks (the caller adds them).
    fn positions(&self) -> Vec<SplitState>;
}

/// What a poll gives.
#[derive(Debug)]
pub enum SourcePoll {
    /// Rows of the split with this index; the schema is [`SourceContext::schema`].
    Batch {
        /// Index into [`Source::splits`].
        split: usize,
        /// The rows.
        rows: RecordBatch,
    },
    /// This split has ended; others may go on.
    SplitFinished(usize),
    /// Nothing now; the doorbell rings when there is.
    Pending,
    /// All splits have ended.
    Finished,
}

/// How far a split has been read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SplitState {
    /// The split's name, stable over restarts: a file's path, `topic-partition`, ...
    pub split: String,
    /// The connector's own position.
    pub position: serde_json::Value,
    /// Whether the split has ended.
    pub finished: bool,
    /// The split's watermark.
    pub watermark: Option<EventTime>,
}

/// The rows of a source that anything reads: those with one of these values in one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFilter {
    /// A physical column of whole numbers. It need not be among those that are read.
    pub column: String,
    /// Its values, in ascending order.
    pub values: Vec<i64>,
}

/// What a source is opened with.
#[derive(Clone)]
pub struct SourceContext {
    /// The source's stable name.
    pub uid: OperatorUid,
    /// The table's name, for messages.
    pub table: String,
    /// `WITH (...)`, keys in lower case.
    pub options: Arc<BTreeMap<String, String>>,
    /// The physical and the metadata columns to produce, in this order. A ROW has only the fields that
    /// are read.
    pub schema: SchemaRef,
    /// The rows to produce; none: all. A connector that does not filter refuses it.
    pub filter: Option<Arc<SourceFilter>>,
    /// This subtask.
    pub subtask: u32,
    /// All subtasks.
    pub parallelism: u32,
    /// The states of all splits of all subtasks at the restored checkpoint; empty at a fresh start.
    pub restored: Arc<Vec<SplitState>>,
    /// Rows a batch at most.
    pub max_batch_rows: usize,
    /// Rung when [`Source::poll`] has something again.
    pub doorbell: Doorbell,
    /// Counters.
    pub metrics: Arc<OperatorMetrics>,
    /// The world.
    pub env: Env,
}
