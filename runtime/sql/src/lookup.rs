//! The options `lookup.*` of a table: how a lookup join reads it. The table is always read whole, as
//! with Flink's full cache.

use crate::error::{Position, Result, SqlError};
use crate::settings::{duration_ms, only};

/// What these options begin with.
pub(crate) const PREFIX: &str = "lookup.";

const CACHE: &str = "lookup.cache";
const STRATEGY: &str = "lookup.full-cache.reload-strategy";
const INTERVAL: &str = "lookup.full-cache.periodic-reload.interval";
const SCHEDULE: &str = "lookup.full-cache.periodic-reload.schedule-mode";

/// What they say.
#[derive(Debug, Default)]
pub(crate) struct LookupOptions {
    /// After how long the table is read again; none: never.
    pub reload_interval_ms: Option<u64>,
}

impl LookupOptions {
    /// Takes one option.
    pub(crate) fn set(&mut self, key: &str, value: &str, at: Position) -> Result<()> {
        let only = |right: &str| only(right, key, value, at);
        match key {
            CACHE => only("FULL"),
            STRATEGY => only("PERIODIC"),
            SCHEDULE => only("FIXED_DELAY"),
            INTERVAL => match duration_ms(value, key, at)? {
                0 => Err(SqlError::new(at, format!("'{key}' must be above 0"))),
                ms => {
                    self.reload_interval_ms = Some(ms);
                    Ok(())
                }
            },
            _ => Err(SqlError::new(at, format!("unknown option '{key}'")).suggest(
                key,
                "options",
                [CACHE, STRATEGY, INTERVAL, SCHEDULE],
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_full_cache_that_is_read_again_at_intervals_is_there() {
        let at = Position { line: 1, column: 1 };
        let mut options = LookupOptions::default();
        for (key, value) in [(CACHE, "full"), (STRATEGY, "PERIODIC"), (INTERVAL, "10 min")] {
            options.set(key, value, at).unwrap();
        }
        assert_eq!(options.reload_interval_ms, Some(600_000));
        for (key, value) in [
            (CACHE, "PARTIAL"),
            (STRATEGY, "TIMED"),
            (SCHEDULE, "FIXED_RATE"),
            (INTERVAL, "0 s"),
            (INTERVAL, "soon"),
            ("lookup.partial-cache.max-rows", "7"),
        ] {
            assert!(options.set(key, value, at).is_err(), "{key} = {value}");
        }
    }
}
