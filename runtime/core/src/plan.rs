//! The plan of a job: what the SQL front end gives to the engine.
//!
//! A plan is an acyclic graph. A node whose one input is `Forward` runs chained behind it in one
//! tasklet; every other node but a source begins a tasklet of its own. Expressions are
//! [`Evaluator`]s, so that the plan names no SQL library.

mod changing;
mod interval;
mod local_times;
mod over;
mod pattern;
mod source;
mod top_n;
mod unnest;
mod windowed;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use sabot_types::{KeyGroupCount, OperatorUid};

use crate::Evaluator;

pub use changing::{LastRowDesc, RememberDesc, UpsertMaterializeDesc};
pub use interval::{IntervalJoinDesc, TimeBounds};
pub use local_times::LocalTimes;
pub use over::{Frame, OverAggregateDesc, OverDesc, OverFunction, OverTime};
pub use pattern::{
    AfterMatch, MatchCondition, MatchFunction, MatchValue, PatternDesc, PatternVariable,
};
pub use source::{AlignmentDesc, SourceDesc, WatermarkDesc};
pub use top_n::{FirstOf, OrderBy, TopNDesc};
pub use unnest::{ElementColumns, UnnestDesc};
pub use windowed::{ExpandDesc, WindowJoinDesc, WindowSettleDesc, WindowTopNDesc};

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
    /// Whose rows it reads, by port; sources read none.
    pub inputs: Vec<Input>,
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
    /// The same subtask; chained in one tasklet if it is the node's only input.
    Forward,
    /// By the key group of these columns of the input. No columns: everything to key group 0.
    Keyed(Vec<usize>),
    /// Not what the node emits, but the rows of its input that come too late for it; in the same
    /// tasklet.
    Late,
}

/// What a node does.
#[derive(Debug, Clone)]
pub enum NodeKind {
    /// Reads a table.
    Source(SourceDesc),
    /// Filters and projects.
    Calc(CalcDesc),
    /// The rows of all its inputs, which have the same columns.
    Union,
    /// Aggregates by key and window.
    WindowAggregate(WindowAggregateDesc),
    /// Aggregates by key alone: a stream of changes.
    GroupAggregate(GroupAggregateDesc),
    /// Joins two inputs by keys.
    Join(JoinDesc),
    /// Joins rows with those that a table has when they come.
    LookupJoin(LookupJoinDesc),
    /// Joins rows with those that another input had at their time.
    TemporalJoin(TemporalJoinDesc),
    /// Joins two inputs by keys and times.
    IntervalJoin(IntervalJoinDesc),
    /// The first rows of each key in some order.
    TopN(TopNDesc),
    /// Changes out of rows that only say what is now.
    LastRow(LastRowDesc),
    /// Of rows that change the one that a sink stores by its key.
    UpsertMaterialize(UpsertMaterializeDesc),
    /// Gives rows that change what expressions read beside their columns, and takes it back with them.
    Remember(RememberDesc),
    /// Aggregates over the rows up to each row.
    Over(OverDesc),
    /// Gives each row once for every window that it lies in.
    Expand(ExpandDesc),
    /// Gives a row for each element of an ARRAY or a MAP.
    Unnest(UnnestDesc),
    /// Rows that only come out of rows that change until their windows are over.
    WindowSettle(WindowSettleDesc),
    /// Rows that match a pattern.
    Pattern(PatternDesc),
    /// The first rows of each key of a window.
    WindowTopN(WindowTopNDesc),
    /// Joins rows of the same windows.
    WindowJoin(WindowJoinDesc),
    /// Writes a table.
    Sink(SinkDesc),
}

/// Filters, then projects.
#[derive(Debug, Clone, Default)]
pub struct CalcDesc {
    /// What the others use more than once, or of which nothing else needs to be filtered, over the input's
    /// columns: it is computed first.
    pub shared: Vec<Arc<dyn Evaluator>>,
    /// Keeps rows for which it is true, over the input's columns and those that are shared.
    pub filter: Option<Arc<dyn Evaluator>>,
    /// The output's columns, over the same.
    pub columns: Vec<Arc<dyn Evaluator>>,
}

impl CalcDesc {
    /// The columns of `input`, and behind them those of what is shared, of these types.
    pub fn with_shared<'t>(
        input: &SchemaRef,
        types: impl Iterator<Item = &'t DataType>,
    ) -> SchemaRef {
        let field =
            |(at, of): (usize, &DataType)| Field::new(Self::shared_name(at), of.clone(), true);
        let shared = types.enumerate().map(field).map(Arc::new);
        Arc::new(Schema::new(input.fields().iter().cloned().chain(shared).collect::<Vec<_>>()))
    }

    /// What the column is called of what is shared, the first one 0.
    pub fn shared_name(at: usize) -> String {
        format!("$shared_{at}")
    }
}

/// Aggregates by key and window.
///
/// The output's columns are: the keys, `window_start`, `window_end`, `window_time` (each a
/// `Timestamp(Millisecond)`, an instant or a local time by its type), the aggregates, and the row kind
/// where rows can come late.
#[derive(Debug, Clone)]
pub struct WindowAggregateDesc {
    /// The windows.
    pub window: Window,
    /// The time that is cut.
    pub time: WindowTime,
    /// The zone in whose local times it is cut, where the times are instants; none: UTC.
    pub local_times: Option<Arc<dyn LocalTimes>>,
    /// The key columns' indexes in the input.
    pub keys: Vec<usize>,
    /// The aggregates.
    pub aggregates: Vec<AggregateDesc>,
    /// How long after a window has fired rows still change its result, in milliseconds; none: not at
    /// all. Above 0 only of event time; 0 only with early results.
    pub lateness_ms: Option<i64>,
    /// How long after rows have come what a window has by then is emitted, in milliseconds of
    /// processing time, to be replaced when more come; none: not before it fires. Not of sessions.
    pub early_ms: Option<i64>,
}

/// The time that windows cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowTime {
    /// Event time: that of the row-time column with this index in the input.
    Row(usize),
    /// Processing time: that at which a row comes to the operator. Its clock is what fires
    /// windows, and what the watermarks that it emits follow.
    Processing,
}

/// Aggregates by key.
///
/// The output's columns are: the keys, the aggregates, the row kind.
#[derive(Debug, Clone)]
pub struct GroupAggregateDesc {
    /// The key columns' indexes in the input.
    pub keys: Vec<usize>,
    /// The aggregates.
    pub aggregates: Vec<AggregateDesc>,
    /// How long a row of the state is kept after it was written, in milliseconds; none: for ever.
    pub ttl_ms: Option<u64>,
}

/// Joins two inputs: rows with equal keys for which the condition is true are partners. A null
/// key is equal to nothing.
///
/// The output's columns are: those of the left input (port 0), those of the right one (port 1)
/// unless the kind gives only left rows, and the row kind if the kind or an input has it.
#[derive(Debug, Clone)]
pub struct JoinDesc {
    /// What becomes of partners, and of rows without one.
    pub kind: JoinKind,
    /// The key columns' indexes, by port; as many on both sides, of the same types.
    pub keys: [Vec<usize>; 2],
    /// Keeps pairs for which it is true; over the columns of the left input, then the right one,
    /// without the row kinds.
    pub condition: Option<Arc<dyn Evaluator>>,
    /// How long a row of the state is kept after it was written, in milliseconds, by port; none:
    /// for ever.
    pub ttl_ms: [Option<u64>; 2],
    /// Until when rows of a side can find partners, by port; none: always. Only of inner joins, of a
    /// side whose rows only come, and without a time to live.
    pub until: [Option<KeptUntil>; 2],
    /// Which of the pairs that are made together are wanted, over the output's columns; none: all.
    /// Only of inner joins whose output has no row kind.
    pub first: Option<FirstOf>,
}

/// When rows of one side of a join are over: every row of the other side that comes behind a
/// watermark is partner only of rows whose times are later than that watermark without `reach_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptUntil {
    /// The column of the rows' times.
    pub row_time: usize,
    /// How long after its time a row can find a partner, in milliseconds.
    pub reach_ms: i64,
}

/// Joins rows with those that a table has when they come: the table is read whole when the job
/// starts, and what is new of it at intervals if that is asked for. A null key is equal to nothing.
///
/// The output's columns are: those of the input, those of the table. If the input's rows can go, so
/// can the output's, and rows of one key reach one subtask.
#[derive(Debug, Clone)]
pub struct LookupJoinDesc {
    /// An inner join or a left one.
    pub kind: JoinKind,
    /// The key columns' indexes in the input.
    pub keys: Vec<usize>,
    /// The table, which is read whole. Its options say so.
    pub table: SourceDesc,
    /// The table's columns, with the row kind if its rows change.
    pub table_schema: SchemaRef,
    /// The columns in `table_schema` of each of whose values only the last row counts, if that does
    /// not go; none: all rows count.
    pub table_last_by: Option<Vec<usize>>,
    /// Filters and projects the table's rows.
    pub rows: CalcDesc,
    /// The key columns' indexes in the projected rows; as many as in the input, of the same types.
    pub table_keys: Vec<usize>,
    /// Keeps pairs for which it is true; over the output's columns without the row kind.
    pub condition: Option<Arc<dyn Evaluator>>,
    /// After how long the table is read again; none: never.
    pub reload_interval_ms: Option<u64>,
    /// How long it is known with what a row that can go was answered, in milliseconds; none: for ever.
    pub ttl_ms: Option<u64>,
}

/// Joins rows of the left input (port 0) with the versions that the right one (port 1) has of
/// their keys at their time: the last one whose time is not behind it. A null key is equal to
/// nothing.
///
/// The output's columns are: those of the left input, those of the right one. If the left input's
/// rows can go, so can the output's.
#[derive(Debug, Clone)]
pub struct TemporalJoinDesc {
    /// An inner join or a left one.
    pub kind: JoinKind,
    /// The key columns' indexes, by port; as many on both sides, of the same types.
    pub keys: [Vec<usize>; 2],
    /// The row-time columns' indexes, by port; timestamps in milliseconds.
    pub times: [usize; 2],
    /// Keeps pairs for which it is true; over the output's columns without the row kind.
    pub condition: Option<Arc<dyn Evaluator>>,
    /// How long it is known with what a row that can go was answered, in milliseconds; none: for ever.
    pub ttl_ms: Option<u64>,
}

/// What a join gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinKind {
    /// Pairs.
    Inner,
    /// Pairs, and left rows without a partner beside nulls.
    Left,
    /// Pairs, and right rows without a partner beside nulls.
    Right,
    /// Pairs, and the rows of both sides without a partner beside nulls.
    Full,
    /// Left rows that have a partner, each once.
    LeftSemi,
    /// Left rows that have no partner.
    LeftAnti,
}

impl JoinKind {
    /// Whether a row of the side `port` is shown or not by whether it has partners.
    pub const fn tracks(self, port: usize) -> bool {
        match self {
            Self::Inner => false,
            Self::Full => true,
            Self::Left | Self::LeftSemi | Self::LeftAnti => port == 0,
            Self::Right => port == 1,
        }
    }

    /// Whether the columns of the side `port` are null beside rows without a partner.
    pub const fn pads(self, port: usize) -> bool {
        match self {
            Self::Left => port == 1,
            Self::Right => port == 0,
            Self::Full => true,
            Self::Inner | Self::LeftSemi | Self::LeftAnti => false,
        }
    }

    /// Whether the output has no columns of the right input.
    pub const fn is_left_only(self) -> bool {
        matches!(self, Self::LeftSemi | Self::LeftAnti)
    }

    /// Whether rows of the output can go again although those of the inputs only come.
    pub const fn retracts(self) -> bool {
        !matches!(self, Self::Inner | Self::LeftSemi)
    }

    /// Its name for people: `left join`.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Inner => "join",
            Self::Left => "left join",
            Self::Right => "right join",
            Self::Full => "full join",
            Self::LeftSemi => "semi join",
            Self::LeftAnti => "anti join",
        }
    }
}

/// How time is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// Windows `[offset + n * size, offset + (n + 1) * size)`.
    Tumble {
        /// Milliseconds, above 0.
        size_ms: i64,
        /// Milliseconds, from 0 to below the size.
        offset_ms: i64,
    },
    /// Windows of one size that begin at every step and so overlap: `HOP`.
    Hop(Steps),
    /// Windows that begin at every size and end at every step up to the size: `CUMULATE`.
    Cumulate(Steps),
    /// Results of [`Self::Hop`] with the same steps: a row lies in the one window that its
    /// row time is the last millisecond of.
    HopResults(Steps),
    /// Results of [`Self::Cumulate`], as [`Self::HopResults`].
    CumulateResults(Steps),
    /// Windows of a key that end when no row of it came for a while: `SESSION`. Rows at most
    /// `gap_ms` apart lie in one.
    Session {
        /// Milliseconds, above 0.
        gap_ms: i64,
    },
}

/// Windows that share slices, each of a step's length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steps {
    /// Milliseconds from one window's end to the next's, above 0.
    pub step_ms: i64,
    /// Milliseconds of the longest window, a multiple of the step; for [`Window::HopResults`], and for
    /// rows of [`Window::Hop`], any length, also one below the step.
    pub size_ms: i64,
    /// Milliseconds, from 0 to below the size; for [`Window::HopResults`] to below the step.
    pub offset_ms: i64,
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
    /// Whether equal values count once (`DISTINCT`).
    pub distinct: bool,
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
    /// The value that came first, of those that are not null. Windows take only rows that do not
    /// go; elsewhere a row that goes takes the first value that is equal to its own along.
    First,
    /// The value that came last, of those that are not null; rows that go as for the first.
    Last,
    /// The values that are not null as a list, in the order in which they came; rows that go as for
    /// the first. Null when there are none.
    Values,
    /// The same of all values.
    AllValues,
    /// The values that are not null with how often each is there, as a map to an INT; only of
    /// groups without windows.
    Collect,
}

impl AggregateFunction {
    /// Whether the order of rows makes a difference.
    pub const fn is_ordered(self) -> bool {
        matches!(self, Self::First | Self::Last | Self::Values | Self::AllValues)
    }
}

/// A table that is written.
#[derive(Debug, Clone)]
pub struct SinkDesc {
    /// The table's name.
    pub table: String,
    /// `WITH (...)`, keys in lower case.
    pub options: Arc<BTreeMap<String, String>>,
}

impl NodeKind {
    /// The table that it reads.
    pub fn table_read(&self) -> Option<&SourceDesc> {
        match self {
            Self::Source(desc) => Some(desc),
            Self::LookupJoin(desc) => Some(&desc.table),
            _ => None,
        }
    }
}

impl PlanNode {
    /// Whether it runs in the tasklet of the node that it reads.
    pub fn is_chained(&self) -> bool {
        matches!(
            self.inputs.as_slice(),
            [Input { exchange: Exchange::Forward | Exchange::Late, .. }]
        )
    }
}

impl JobPlan {
    /// The node with this id.
    pub fn node(&self, id: NodeId) -> &PlanNode {
        &self.nodes[id.0]
    }

    /// The nodes that read `id`, each with the port on which it does; a node that reads it on
    /// several ports comes several times.
    pub fn readers(&self, id: NodeId) -> impl Iterator<Item = (&PlanNode, usize)> {
        let edges = self.nodes.iter().flat_map(|node| {
            node.inputs.iter().enumerate().map(move |(port, input)| (node, port, input))
        });
        edges.filter(move |(_, _, input)| input.from == id).map(|(node, port, _)| (node, port))
    }

    /// The columns of a node's inputs, by port.
    pub fn input_schemas(&self, node: &PlanNode) -> Vec<SchemaRef> {
        let schema = |input: &Input| match input.exchange {
            Exchange::Late => self.input_schemas(self.node(input.from)).swap_remove(0),
            Exchange::Forward | Exchange::Keyed(_) => Arc::clone(&self.node(input.from).schema),
        };
        node.inputs.iter().map(schema).collect()
    }

    /// The number of the edge into a node's port, unique in the plan.
    pub fn edge(&self, node: NodeId, port: usize) -> u32 {
        let before: usize = self.nodes[..node.0].iter().map(|n| n.inputs.len()).sum();
        u32::try_from(before + port).expect("a plan has few edges")
    }
}
