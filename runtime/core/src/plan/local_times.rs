//! Local times, in which windows over instants begin and end.

use std::fmt;

/// The local times of a zone, which it is shown as. All times are milliseconds; beyond the calendar
/// local times are the instants.
pub trait LocalTimes: fmt::Debug + fmt::Display + Send + Sync {
    /// What clocks show at some instants.
    fn local(&self, instants: &[i64]) -> Vec<i64>;

    /// The last instant at which clocks show a time; of a time that they leave out, when they would
    /// show it had they gone on as before.
    fn instant(&self, local: i64) -> i64;

    /// Up to which local time every instant has passed with this one.
    fn passed(&self, instant: i64) -> i64;
}
