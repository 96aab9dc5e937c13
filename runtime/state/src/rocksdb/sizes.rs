//! How much of the rows that are put waits in memory, and how much of it is written at a time.

use super::options;

/// The part of what waits that a read has written where it does not have all of it written.
pub(super) const SETTLED_SHARE: usize = 8;

/// How much waits to be written and is written at a time, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// So much of all states waits at most.
    pub(super) waiting_max: usize,
    /// Rows are sealed at this size.
    pub(super) sealed: usize,
    /// A read has what waits written first; where it is more than this, it looks among it instead.
    pub(super) settled_max: usize,
    /// It then has so much more written than came since, at least, so that what is read regularly
    /// does not wait for long.
    pub(super) settled_more: usize,
    /// So much of what is sealed is written between two batches.
    pub(super) catch_up: usize,
    /// A write batch.
    pub(super) batch: usize,
    /// What changed in a state since the last checkpoint goes to files from this size on.
    pub(super) spilled: usize,
}

impl Sizes {
    /// Out of so much memory.
    pub(super) fn of(cache_size_mb: u64) -> Self {
        let waiting_max = options::waiting_bytes_max(cache_size_mb);
        Self {
            waiting_max,
            sealed: 8 << 20,
            settled_max: 8 << 20,
            settled_more: 1 << 20,
            catch_up: 128 << 10,
            batch: 64 << 10,
            // What waits is in memory anyway.
            spilled: waiting_max.max(32 << 20),
        }
    }
}
