//! Aggregates over the rows up to each row: `OVER (PARTITION BY ... ORDER BY ...)`.

use arrow::datatypes::DataType;

use super::{AggregateFunction, OrderBy};

/// Gives each row the aggregates of the rows up to it, by key.
///
/// The output's columns are: those of the input without the row kind, the aggregates, and the row
/// kind where rows are not answered by time.
#[derive(Debug, Clone)]
pub struct OverDesc {
    /// The key columns' indexes in the input.
    pub keys: Vec<usize>,
    /// The order, its most significant column first.
    pub order: Vec<OrderBy>,
    /// The time that rows are ordered by, where they only come; none: they come and go in any order
    /// and answers change, and rows that are equal in the order are ordered by all their columns.
    pub time: Option<OverTime>,
    /// The rows that aggregates are over.
    pub frame: Frame,
    /// The aggregates; none: rows are only sorted.
    pub aggregates: Vec<OverAggregateDesc>,
    /// How long a row of the state is kept after it was written, in milliseconds; none: for ever. Not
    /// of rows that are ordered by event time.
    pub ttl_ms: Option<u64>,
}

/// The time that rows which only come are ordered by, ascending, with its column's index in the input:
/// each row is answered once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverTime {
    /// By their row time first: a row is answered when the watermark has passed it, and rows that are
    /// equal in the order stand as they came.
    Event(usize),
    /// By processing time alone: a row is answered when it comes. Rows that come together have one
    /// time, that of their arrival in the operator.
    Processing(usize),
}

impl OverTime {
    /// The column.
    pub fn column(self) -> usize {
        match self {
            Self::Event(column) | Self::Processing(column) => column,
        }
    }

    /// The same of another column.
    #[must_use]
    pub fn with_column(self, column: usize) -> Self {
        match self {
            Self::Event(_) => Self::Event(column),
            Self::Processing(_) => Self::Processing(column),
        }
    }
}

/// Which rows of a key an aggregate is over; all frames end with the current row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame {
    /// The row and as many rows before it (none: all) in the order.
    Rows(Option<usize>),
    /// All rows that are equal to the row in the order, and those whose time is at most so many
    /// milliseconds before its own (none: all that come before it).
    Range(Option<i64>),
}

/// One aggregate over a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverAggregateDesc {
    /// Its canonical text, such as `SUM(price)`; state is found again by it. Unique in its node.
    pub name: String,
    /// What is computed.
    pub function: OverFunction,
    /// The argument's column in the input; none for `COUNT(*)` and numbers.
    pub argument: Option<usize>,
    /// Whether equal values count once (`DISTINCT`); only of counts and sums.
    pub distinct: bool,
    /// The result's type.
    pub data_type: DataType,
}

/// What can be computed over a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverFunction {
    /// As of a group.
    Aggregate(AggregateFunction),
    /// The first value that is not null.
    FirstValue,
    /// The last value that is not null.
    LastValue,
    /// The value so many rows, from 0, before the last row of the frame, however far the frame
    /// reaches; null where there is none.
    Lag(usize),
    /// The row's number among all of its key, from 1, whatever the frame.
    RowNumber,
}
