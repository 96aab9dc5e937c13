//! Joins of rows whose times lie near each other.

use std::sync::Arc;

use super::JoinKind;
use crate::Evaluator;

/// Joins two inputs of rows that only come, by keys and by their times: partners have equal keys and
/// times that are as far apart as the bounds say, and the condition is true for them. A null key is
/// equal to nothing.
///
/// The output's columns are those of the left input (port 0), then those of the right one. Rows
/// only come; a row without a partner comes, beside nulls, once none can come any more. Watermarks
/// come as much later as a row can come behind its time.
///
/// By processing time a row's time is that at which it comes, whatever its column says, and watermarks
/// pass.
#[derive(Debug, Clone)]
pub struct IntervalJoinDesc {
    /// What becomes of rows without a partner: inner, left, right or full.
    pub kind: JoinKind,
    /// The key columns' indexes, by port; as many on both sides, of the same types.
    pub keys: [Vec<usize>; 2],
    /// The time columns' indexes, by port.
    pub times: [usize; 2],
    /// Whether times are processing time, and not those of the rows.
    pub by_processing_time: bool,
    /// How far apart times are.
    pub bounds: TimeBounds,
    /// Keeps pairs for which it is true; over the columns of the left input, then the right one.
    pub condition: Option<Arc<dyn Evaluator>>,
}

/// Bounds, both inclusive, of the right row's time without the left row's, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeBounds {
    /// The lowest difference.
    pub from_ms: i64,
    /// The highest difference, not below the lowest.
    pub to_ms: i64,
}

impl TimeBounds {
    /// The times, inclusive, that partners have of a row of the side `port` with this time.
    pub const fn partners(self, port: usize, time: i64) -> (i64, i64) {
        let Self { from_ms, to_ms } = self;
        if port == 0 {
            (time.saturating_add(from_ms), time.saturating_add(to_ms))
        } else {
            (time.saturating_sub(to_ms), time.saturating_sub(from_ms))
        }
    }

    /// How long after its time a row of the side `port` can find a partner, in milliseconds; below
    /// 0 when only before it.
    pub const fn reach_ms(self, port: usize) -> i64 {
        if port == 0 { self.to_ms } else { self.from_ms.saturating_neg() }
    }
}
