//! The plan of a job: what the SQL front end gives to the engine.
//!
//! A plan is a forest: every node has at most one input, and nodes whose inputs are `Forward`
//! run chained in one tasklet. Expressions are [`Evaluator`]s, so that the plan names no SQL
//! library.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use sabot_types::{KeyGroupCount, OperatorUid};

use crate::{Evaluator, SourceFilter};

/// A whole job, the same in every pod.
#[derive(Debug, Clone)]
pub struct JobPlan {
    /// The nodes; an input always stands before the nodes that read it.
    pub nodes: Vec<PlanNode>,
    /// The job's key groups.
    pub key_groups: KeyGroupCount,
}

/// Index of a node in [`JobPlan::nodes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub usize);

/// One operator of the plan.
#[derive(Debug, Clone)]
pub struct PlanNode {
    /// Where it stands.
    pub id: NodeId,
    /// Its stable name. Unique in the plan.
    pub uid: OperatorUid,
    /// Its name for people and metrics, such as `bids[source]`. Unique in the plan.
    pub name: String,
    /// What it does.
    pub kind: NodeKind,
    /// Whose rows it reads; sources read none.
    pub input: Option<Input>,
    /// The columns that it emits (for a sink: that it takes).
    pub schema: SchemaRef,
}

/// An edge into a node.
#[derive(Debug, Clone)]
pub struct Input {
    /// The node that is read.
    pub from: NodeId,
    /// How rows find their subtask.
    pub exchange: Exchange,
}

/// How rows find their subtask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exchange {
    /// The same subtask, chained in one tasklet.
    Forward,
    /// By the key group of these columns of the input. No columns: everything to key group 0.
    Keyed(Vec<usize>),
}

/// What a node does.
#[derive(Debug, Clone)]
pub enum NodeKind {
    /// Reads a table.
    Source(SourceDesc),
    /// Filters and projects.
    Calc(CalcDesc),
    /// Aggregates by key and window.
    WindowAggregate(WindowAggregateDesc),
    /// Writes a table.
    Sink(SinkDesc),
}

/// A table that is read.
#[derive(Debug, Clone)]
pub struct SourceDesc {
    /// The table's name.
    pub table: String,
    /// `WITH (...)`, keys in lower case.
    pub options: Arc<BTreeMap<String, String>>,
    /// The physical columns, that the connector produces; a ROW has only the fields that are read.
    pub physical_schema: SchemaRef,
    /// The rows that the connector produces; none: all.
    pub filter: Option<Arc<SourceFilter>>,
    /// The table's columns out of the physical ones (computed columns); none when they are the
    /// same.
    pub columns: Option<Vec<Arc<dyn Evaluator>>>,
    /// The watermark of `WATERMARK FOR`.
    pub watermark: Option<WatermarkDesc>,
}

/// `WATERMARK FOR column AS expression`.
#[derive(Debug, Clone)]
pub struct WatermarkDesc {
    /// The row-time column's index in the table's columns; a timestamp in milliseconds.
    pub column: usize,
    /// The watermark that a row carries, over the table's columns; a timestamp in milliseconds.
    pub expression: Arc<dyn Evaluator>,
    /// After how long without rows a split no longer holds back the watermark; none: never.
    pub idle_timeout_ms: Option<u64>,
}

/// Filters, then projects.
#[derive(Debug, Clone)]
pub struct CalcDesc {
    /// Keeps rows for which it is true.
    pub filter: Option<Arc<dyn Evaluator>>,
    /// The output's columns, over the input's.
    pub columns: Vec<Arc<dyn Evaluator>>,
}

/// Aggregates by key and window.
///
/// The output's columns are: the keys, `window_start`, `window_end`, `window_time` (each a
/// `Timestamp(Millisecond)` of the row-time column's kind), the aggregates.
#[derive(Debug, Clone)]
pub struct WindowAggregateDesc {
    /// The windows.
    pub window: Window,
    /// The row-time column's index in the input.
    pub row_time: usize,
    /// The key columns' indexes in the input.
    pub keys: Vec<usize>,
    /// The aggregates.
    pub aggregates: Vec<AggregateDesc>,
}

/// How event time is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// Windows `[offset + n * size, offset + (n + 1) * size)`.
    Tumble {
        /// Milliseconds, above 0.
        size_ms: i64,
        /// Milliseconds, from 0 to below the size.
        offset_ms: i64,
    },
}

/// One aggregate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AggregateDesc {
    /// Its canonical text, such as `SUM(price)`; state is found again by it. Unique in its node.
    pub name: String,
    /// What is computed.
    pub function: AggregateFunction,
    /// The argument's column in the input; none for `COUNT(*)`.
    pub argument: Option<usize>,
    /// A boolean column of the input: only rows where it is true count (`FILTER`).
    pub filter: Option<usize>,
    /// The result's type; for sums of integers the argument's type, as in Flink.
    pub data_type: DataType,
}

/// The aggregates that have state. `AVG` is planned as a sum and a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AggregateFunction {
    /// Rows, or values that are not null.
    Count,
    /// The sum of the values that are not null; null when there are none.
    Sum,
    /// The smallest.
    Min,
    /// The largest.
    Max,
}

/// A table that is written.
#[derive(Debug, Clone)]
pub struct SinkDesc {
    /// The table's name.
    pub table: String,
    /// `WITH (...)`, keys in lower case.
    pub options: Arc<BTreeMap<String, String>>,
}

impl JobPlan {
    /// The node with this id.
    pub fn node(&self, id: NodeId) -> &PlanNode {
        &self.nodes[id.0]
    }

    /// The nodes that read `id`.
    pub fn readers(&self, id: NodeId) -> impl Iterator<Item = &PlanNode> {
        self.nodes.iter().filter(move |n| n.input.as_ref().is_some_and(|i| i.from == id))
    }
}
