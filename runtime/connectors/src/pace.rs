//! Lets rows out at a rate: `'rows-per-second'`.

use std::sync::Arc;
use std::time::Duration;

use sabot_core::Clock;

/// Counts what may be out by now, from the moment it was made.
pub(crate) struct Pace {
    clock: Arc<dyn Clock>,
    opened: Duration,
    rate: u64,
}

impl Pace {
    /// Lets `rate` rows out a second, from now on.
    pub(crate) fn new(clock: Arc<dyn Clock>, rate: u64) -> Self {
        Self { opened: clock.monotonic(), clock, rate }
    }

    /// Rows that may be out by now.
    pub(crate) fn allowed(&self) -> u64 {
        let elapsed = self.clock.monotonic().saturating_sub(self.opened).as_nanos();
        u64::try_from(elapsed * u128::from(self.rate) / 1_000_000_000).unwrap_or(u64::MAX)
    }
}
