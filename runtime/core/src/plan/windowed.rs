//! Operators over rows that lie in windows, each answered as a whole when it is over.

use std::sync::Arc;

use super::{JoinKind, LocalTimes, OrderBy, Window};
use crate::Evaluator;

/// Gives each row once for every window that it lies in.
///
/// The output's columns are: those of the input, `window_start`, `window_end`, `window_time`.
#[derive(Debug, Clone)]
pub struct ExpandDesc {
    /// Windows that a row lies in several of: `HOP` or `CUMULATE`.
    pub window: Window,
    /// The row-time column's index in the input.
    pub row_time: usize,
    /// The zone in whose local times windows begin, where the times are instants; none: UTC.
    pub local_times: Option<Arc<dyn LocalTimes>>,
}

/// Holds rows that change and go back until their windows of event time are over, and gives what is
/// left of them then: once for every window that a row lies in. What is late goes.
///
/// The output's columns are those of the input without the row kind. Where windows overlap, the row
/// time is the last millisecond of the window.
#[derive(Debug, Clone)]
pub struct WindowSettleDesc {
    /// `TUMBLE`, `HOP` or `CUMULATE`.
    pub window: Window,
    /// The row-time column's index in the input.
    pub row_time: usize,
    /// The zone in whose local times windows begin, where the times are instants; none: UTC. Only of
    /// `TUMBLE`.
    pub local_times: Option<Arc<dyn LocalTimes>>,
    /// The key columns' indexes in the input.
    pub keys: Vec<usize>,
}

/// The first rows of each key of a window, in some order.
///
/// The output's columns are: those of the input, the rank if it is asked for (a BIGINT from 1).
#[derive(Debug, Clone)]
pub struct WindowTopNDesc {
    /// The key columns' indexes in the input, the window's bounds among them.
    pub keys: Vec<usize>,
    /// The column of the windows' ends in the input, a timestamp in milliseconds.
    pub window_end: usize,
    /// The order, its most significant column first. Rows that are equal in it are ordered by
    /// all their columns.
    pub order: Vec<OrderBy>,
    /// How many rows, from 1.
    pub limit: usize,
    /// Whether the output has the rank.
    pub rank: bool,
}

/// Joins rows of two inputs that lie in the same windows: partners have equal keys, and the
/// condition is true for them. A null key is equal to nothing.
///
/// The output's columns are: those of the left input (port 0), then those of the right one unless
/// the kind gives only left rows.
#[derive(Debug, Clone)]
pub struct WindowJoinDesc {
    /// What becomes of partners, and of rows without one.
    pub kind: JoinKind,
    /// The key columns' indexes, by port, the windows' bounds among them; as many on both sides,
    /// of the same types.
    pub keys: [Vec<usize>; 2],
    /// The columns of the windows' ends, by port; timestamps in milliseconds.
    pub window_ends: [usize; 2],
    /// Keeps pairs for which it is true; over the columns of the left input, then the right one.
    pub condition: Option<Arc<dyn Evaluator>>,
}
