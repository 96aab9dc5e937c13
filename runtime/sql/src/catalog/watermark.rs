//! The options `scan.watermark.*` of a table: how its watermarks come about.

use sabot_core::plan::AlignmentDesc;

use crate::error::{Position, Result, SqlError};
use crate::settings::duration_ms;

/// What these options begin with.
pub(super) const PREFIX: &str = "scan.watermark.";

const IDLE_TIMEOUT: &str = "scan.watermark.idle-timeout";
const GROUP: &str = "scan.watermark.alignment.group";
const MAX_DRIFT: &str = "scan.watermark.alignment.max-drift";
const UPDATE_INTERVAL: &str = "scan.watermark.alignment.update-interval";
const EMIT_STRATEGY: &str = "scan.watermark.emit.strategy";
const EMIT_GAP: &str = "scan.watermark.emit.on-event.gap";

/// Flink's default.
const UPDATE_INTERVAL_MS: u64 = 1_000;

/// What they say.
#[derive(Debug, Clone, Default)]
pub(crate) struct WatermarkOptions {
    /// After how long without rows a split is idle, 0: never; none: as the job says.
    pub idle_timeout_ms: Option<u64>,
    /// With which sources it is aligned.
    pub alignment: Option<AlignmentDesc>,
}

/// The options as they are read one by one.
#[derive(Debug, Default)]
pub(super) struct Given {
    idle_timeout_ms: Option<u64>,
    group: Option<(String, Position)>,
    max_drift_ms: Option<(u64, Position)>,
    update_interval_ms: Option<(u64, Position)>,
}

impl Given {
    /// Takes one option.
    pub(super) fn set(&mut self, key: &str, value: &str, at: Position) -> Result<()> {
        match key {
            IDLE_TIMEOUT => self.idle_timeout_ms = Some(duration_ms(value, key, at)?),
            GROUP if value.trim().is_empty() => {
                return Err(SqlError::new(at, format!("'{key}' is empty"))
                    .hint("give the group a name; sources with the same one wait for each other"));
            }
            GROUP => self.group = Some((value.trim().to_owned(), at)),
            MAX_DRIFT => self.max_drift_ms = Some((above_zero(value, key, at)?, at)),
            UPDATE_INTERVAL => self.update_interval_ms = Some((above_zero(value, key, at)?, at)),
            // A watermark follows each batch of rows, which is as good as either.
            EMIT_STRATEGY if matches!(value, "on-event" | "on-periodic") => {}
            EMIT_STRATEGY => {
                return Err(SqlError::new(at, format!("'{key}' cannot be '{value}'"))
                    .hint("write 'on-event' or 'on-periodic'"));
            }
            EMIT_GAP if value.trim().parse::<u32>().is_ok_and(|gap| gap > 0) => {}
            EMIT_GAP => {
                let message = format!("'{key}' = '{value}' is not a whole number above 0");
                return Err(SqlError::new(at, message));
            }
            _ => {
                return Err(SqlError::new(at, format!("unknown option '{key}'")).suggest(
                    key,
                    "options",
                    [IDLE_TIMEOUT, GROUP, MAX_DRIFT, UPDATE_INTERVAL, EMIT_STRATEGY, EMIT_GAP],
                ));
            }
        }
        Ok(())
    }

    /// What they say together, for a table that has a watermark or has none.
    pub(super) fn finish(self, has_watermark: bool) -> Result<WatermarkOptions> {
        let alone = |at: Position, key: &str, missing: &str| {
            Err(SqlError::new(at, format!("'{key}' needs '{missing}'")))
        };
        let alignment = match (self.group, self.max_drift_ms) {
            (Some((_, at)), _) if !has_watermark => {
                return Err(SqlError::new(at, "a table without a watermark cannot be aligned")
                    .hint("declare WATERMARK FOR <column> AS <expression>"));
            }
            (Some((group, _)), Some((drift, _))) => {
                let update_interval_ms =
                    self.update_interval_ms.map_or(UPDATE_INTERVAL_MS, |(ms, _)| ms);
                let max_drift_ms = i64::try_from(drift).unwrap_or(i64::MAX);
                Some(AlignmentDesc { group, max_drift_ms, update_interval_ms })
            }
            (Some((_, at)), None) => return alone(at, GROUP, MAX_DRIFT),
            (None, Some((_, at))) => return alone(at, MAX_DRIFT, GROUP),
            (None, None) => match self.update_interval_ms {
                Some((_, at)) => return alone(at, UPDATE_INTERVAL, GROUP),
                None => None,
            },
        };
        Ok(WatermarkOptions { idle_timeout_ms: self.idle_timeout_ms, alignment })
    }
}

fn above_zero(value: &str, key: &str, at: Position) -> Result<u64> {
    match duration_ms(value, key, at)? {
        0 => Err(SqlError::new(at, format!("'{key}' must be above 0"))),
        ms => Ok(ms),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(options: &[(&str, &str)]) -> Result<WatermarkOptions> {
        let mut given = Given::default();
        for (column, (key, value)) in (1..).zip(options) {
            given.set(key, value, Position { line: 1, column })?;
        }
        given.finish(true)
    }

    #[test]
    fn a_source_is_aligned_within_a_drift() {
        let options = given(&[(GROUP, " a "), (MAX_DRIFT, "20 s")]).unwrap();
        let alignment = options.alignment.unwrap();
        assert_eq!((alignment.group.as_str(), alignment.max_drift_ms), ("a", 20_000));
        assert_eq!(alignment.update_interval_ms, UPDATE_INTERVAL_MS);
        let options = given(&[(UPDATE_INTERVAL, "50ms"), (MAX_DRIFT, "1 s"), (GROUP, "a")]);
        assert_eq!(options.unwrap().alignment.unwrap().update_interval_ms, 50);
        let options = given(&[(IDLE_TIMEOUT, "3 s"), (EMIT_STRATEGY, "on-event"), (EMIT_GAP, "9")]);
        let options = options.unwrap();
        assert_eq!((options.idle_timeout_ms, options.alignment), (Some(3_000), None));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (options, wanted) in [
            (&[(GROUP, "a")][..], "'scan.watermark.alignment.group' needs"),
            (&[(MAX_DRIFT, "1 s")], "max-drift' needs 'scan.watermark.alignment.group'"),
            (&[(UPDATE_INTERVAL, "1 s")], "update-interval' needs"),
            (&[(GROUP, "a"), (MAX_DRIFT, "0 s")], "must be above 0"),
            (&[(GROUP, ""), (MAX_DRIFT, "1 s")], "is empty"),
            (&[("scan.watermark.alignment.drift", "1 s")], "unknown option"),
            (&[(EMIT_STRATEGY, "never")], "cannot be 'never'"),
            (&[(EMIT_GAP, "0")], "whole number above 0"),
        ] {
            let error = given(options).unwrap_err().to_string();
            assert!(error.contains(wanted), "{error}");
        }
        let mut unmarked = Given::default();
        unmarked.set(GROUP, "a", Position { line: 1, column: 1 }).unwrap();
        assert!(unmarked.finish(false).unwrap_err().to_string().contains("without a watermark"));
    }
}
