//! `SET 'key' = 'value'`, and Flink's way to write a duration.

mod without_effect;

use crate::error::{Position, Result, SqlError};
use crate::zone::{Zone, no_zone};

/// What the statements have set.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    /// `table.exec.source.idle-timeout`; none: never idle.
    pub idle_timeout_ms: Option<u64>,
    /// `table.exec.state.ttl`; none: rows of states stay.
    pub state_ttl_ms: Option<u64>,
    /// Whether changes that are read can come again, and so are kept by their keys.
    pub cdc_duplicates: bool,
    /// The table of rows that come too late for their windows, and where that is set.
    pub late_rows: Option<(String, Position)>,
    /// `table.local-time-zone`: that of local times.
    pub zone: Zone,
    /// When results of windows are emitted beside their end.
    pub emit: Emit,
    /// What sources are told of what is read.
    pub pushdown: Pushdown,
    /// Whether hints give tables no other options.
    pub refuses_options: bool,
    /// Whether rows with a NULL for a column that takes none are left out, and not an error.
    pub drops_nulls: bool,
    /// When of rows that change the one is looked for that a sink stores by its key.
    pub upsert_materialize: UpsertMaterialize,
    /// What was set without an effect.
    pub warnings: Vec<String>,
}

/// [`MATERIALIZE`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum UpsertMaterialize {
    /// Never: of the changes of a key the one that comes last counts.
    None,
    /// Where changes of a key can come in another order, or of several rows.
    #[default]
    Auto,
    /// Always.
    Force,
}

/// `table.exec.emit.*`: what late rows do, and what windows give before they end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Emit {
    /// [`ALLOW_LATENESS`] in milliseconds, and where it is set.
    allow_lateness: Option<(u64, Position)>,
    /// Where [`LATE_FIRE`] is switched on.
    late_fire: Option<Position>,
    /// Where [`LATE_FIRE_DELAY`] is set, which is 0.
    late_fire_delay: Option<Position>,
    /// Where [`EARLY_FIRE`] is switched on.
    early_fire: Option<Position>,
    /// [`EARLY_FIRE_DELAY`] in milliseconds, and where it is set.
    early_fire_delay: Option<(u64, Position)>,
}

/// What sources leave out because nothing reads it. Answers are the same either way: what is
/// switched off is made, and dropped behind the source.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pushdown {
    /// Rows, where the connector can choose them: Flink's
    /// `table.optimizer.source.predicate-pushdown-enabled`.
    pub filters: bool,
    /// Columns and fields of ROWs: `sabot.optimizer.source.projection-pushdown-enabled`.
    pub projections: bool,
}

impl Default for Pushdown {
    fn default() -> Self {
        Self { filters: true, projections: true }
    }
}

const FILTERS: &str = "table.optimizer.source.predicate-pushdown-enabled";
const PROJECTIONS: &str = "sabot.optimizer.source.projection-pushdown-enabled";

pub(crate) const DYNAMIC_OPTIONS: &str = "table.dynamic-table-options.enabled";

pub(crate) const CDC_DUPLICATES: &str = "table.exec.source.cdc-events-duplicate";

pub(crate) const LOCAL_TIME_ZONE: &str = "table.local-time-zone";

/// A setting of ours: Flink's SQL has no way to name late rows.
pub(crate) const LATE_ROWS: &str = "sabot.late-rows.table";

/// Whether rows behind a window's end change its result.
const LATE_FIRE: &str = "table.exec.emit.late-fire.enabled";
const LATE_FIRE_DELAY: &str = "table.exec.emit.late-fire.delay";
/// How far behind.
const ALLOW_LATENESS: &str = "table.exec.emit.allow-lateness";
/// Whether windows give results before they end.
const EARLY_FIRE: &str = "table.exec.emit.early-fire.enabled";
/// How long after rows have come.
const EARLY_FIRE_DELAY: &str = "table.exec.emit.early-fire.delay";

/// What becomes of a NULL for a column that takes none.
const NULLS: &str = "table.exec.sink.not-null-enforcer";

const MATERIALIZE: &str = "table.exec.sink.upsert-materialize";

const KNOWN: [&str; 22] = [
    DYNAMIC_OPTIONS,
    "table.exec.source.idle-timeout",
    "table.exec.state.ttl",
    LATE_ROWS,
    LATE_FIRE,
    LATE_FIRE_DELAY,
    ALLOW_LATENESS,
    EARLY_FIRE,
    EARLY_FIRE_DELAY,
    CDC_DUPLICATES,
    LOCAL_TIME_ZONE,
    "execution.runtime-mode",
    "pipeline.name",
    FILTERS,
    PROJECTIONS,
    NULLS,
    MATERIALIZE,
    "table.exec.legacy-cast-behaviour",
    "table.exec.sink.nested-constraint-enforcer",
    "table.exec.sink.type-length-enforcer",
    "table.legacy-nested-row-nullability",
    "table.sql-dialect",
];

impl Settings {
    /// Takes one setting.
    pub(crate) fn set(&mut self, key: &str, value: &str, at: Position) -> Result<()> {
        let only = |right: &str| only(right, key, value, at);
        match key {
            "table.exec.source.idle-timeout" => {
                self.idle_timeout_ms = Some(duration_ms(value, key, at)?).filter(|ms| *ms > 0);
                Ok(())
            }
            "table.exec.state.ttl" => {
                self.state_ttl_ms = Some(duration_ms(value, key, at)?).filter(|ms| *ms > 0);
                Ok(())
            }
            FILTERS => boolean(key, value, at).map(|on| self.pushdown.filters = on),
            LATE_ROWS => {
                self.late_rows = Some((value.to_owned(), at));
                Ok(())
            }
            PROJECTIONS => boolean(key, value, at).map(|on| self.pushdown.projections = on),
            // That of the machine in Flink.
            LOCAL_TIME_ZONE if value.eq_ignore_ascii_case("default") => {
                self.zone = Zone::default();
                Ok(())
            }
            LOCAL_TIME_ZONE => match Zone::of(value) {
                Some(zone) => {
                    self.zone = zone;
                    Ok(())
                }
                None => Err(no_zone(value, at)),
            },
            CDC_DUPLICATES => boolean(key, value, at).map(|on| self.cdc_duplicates = on),
            DYNAMIC_OPTIONS => boolean(key, value, at).map(|on| self.refuses_options = !on),
            "execution.runtime-mode" => only("streaming"),
            NULLS => match value.to_ascii_lowercase().as_str() {
                "error" => Ok(()),
                "drop" => {
                    self.drops_nulls = true;
                    Ok(())
                }
                _ => Err(SqlError::new(at, format!("'{key}' cannot be '{value}'"))
                    .hint("it is 'ERROR' or 'DROP'")),
            },
            MATERIALIZE => {
                self.upsert_materialize = match value.to_ascii_lowercase().as_str() {
                    "none" => UpsertMaterialize::None,
                    "auto" => UpsertMaterialize::Auto,
                    "force" => UpsertMaterialize::Force,
                    _ => {
                        return Err(SqlError::new(at, format!("'{key}' cannot be '{value}'"))
                            .hint("it is 'AUTO', 'NONE' or 'FORCE'"));
                    }
                };
                Ok(())
            }
            "table.exec.sink.nested-constraint-enforcer"
            | "table.exec.sink.type-length-enforcer" => only("ignore"),
            "table.exec.legacy-cast-behaviour" => only("disabled"),
            "table.legacy-nested-row-nullability" => only("false"),
            "table.sql-dialect" => only("default"),
            // A name for people; the job's name is the manifest's.
            "pipeline.name" => Ok(()),
            LATE_FIRE => boolean(key, value, at).map(|on| self.emit.late_fire = on.then_some(at)),
            ALLOW_LATENESS => {
                self.emit.allow_lateness = Some((duration_ms(value, key, at)?, at));
                Ok(())
            }
            EARLY_FIRE => boolean(key, value, at).map(|on| self.emit.early_fire = on.then_some(at)),
            EARLY_FIRE_DELAY => {
                self.emit.early_fire_delay = Some((duration_ms(value, key, at)?, at));
                Ok(())
            }
            LATE_FIRE_DELAY => match duration_ms(value, key, at)? {
                0 => {
                    self.emit.late_fire_delay = Some(at);
                    Ok(())
                }
                _ => Err(SqlError::new(at, format!("'{key}' cannot be '{value}'"))
                    .hint("late rows change results at once: it is '0 s'")),
            },
            "table.column-expansion-strategy" => {
                Err(SqlError::new(at, format!("'{key}' is not supported"))
                    .hint("name the columns in SELECT: * has all of them"))
            }
            _ if let Some(place) = in_the_manifest(key) => {
                self.warnings
                    .push(format!("{at}: '{key}' has no effect: {place} of the StreamJob counts"));
                Ok(())
            }
            _ => match without_effect::without_effect(key) {
                Some(why) => {
                    self.warnings.push(format!("{at}: '{key}' has no effect: {why}"));
                    Ok(())
                }
                None => Err(SqlError::new(at, format!("unknown setting '{key}'")).suggest(
                    key,
                    "settings",
                    KNOWN.into_iter().chain(without_effect::keys()),
                )),
            },
        }
    }
}

impl Settings {
    /// How long rows of a state are kept for which a hint says this; none: for ever.
    pub(crate) fn ttl_ms(&self, hinted: Option<u64>) -> Option<u64> {
        hinted.map_or(self.state_ttl_ms, |ms| Some(ms).filter(|ms| *ms > 0))
    }

    /// How long after a window has fired rows change its result, in milliseconds; none: not at all.
    /// As in Flink it is the time to live of states where it is not set itself.
    pub(crate) fn lateness_ms(&mut self) -> Result<Option<i64>> {
        let Emit { allow_lateness, late_fire, late_fire_delay, .. } = self.emit;
        let Some(at) = late_fire else {
            let lateness = allow_lateness.map(|(_, at)| (ALLOW_LATENESS, at));
            for (key, at) in
                lateness.into_iter().chain(late_fire_delay.map(|at| (LATE_FIRE_DELAY, at)))
            {
                self.is_off(key, at, LATE_FIRE);
            }
            return Ok(None);
        };
        let needs = |what: &str, hint: String| {
            Err(SqlError::new(at, format!("'{LATE_FIRE}' needs {what}")).hint(hint))
        };
        if late_fire_delay.is_none() {
            return needs("a delay", format!("SET '{LATE_FIRE_DELAY}' = '0 s'"));
        }
        let lateness_ms = allow_lateness.map(|(ms, _)| ms);
        let lateness_ms = lateness_ms.or(self.state_ttl_ms).and_then(|ms| ms.try_into().ok());
        match lateness_ms.filter(|ms| *ms > 0) {
            Some(ms) => Ok(Some(ms)),
            None => needs(
                "a time for which results can change",
                format!("SET '{ALLOW_LATENESS}' = '10 s', or 'table.exec.state.ttl'"),
            ),
        }
    }

    /// How long after rows have come windows that have not ended give the results that they have by
    /// then, in milliseconds; none: not at all.
    pub(crate) fn early_ms(&mut self) -> Result<Option<i64>> {
        let Emit { early_fire, early_fire_delay, .. } = self.emit;
        match (early_fire, early_fire_delay) {
            (None, None) => Ok(None),
            (None, Some((_, at))) => {
                self.is_off(EARLY_FIRE_DELAY, at, EARLY_FIRE);
                Ok(None)
            }
            (Some(at), None) => Err(SqlError::new(at, format!("'{EARLY_FIRE}' needs a delay"))
                .hint(format!(
                    "SET '{EARLY_FIRE_DELAY}' = '5 s', or '0 s' for results with each batch of rows"
                ))),
            (Some(_), Some((ms, _))) => Ok(Some(ms.try_into().unwrap_or(i64::MAX))),
        }
    }

    fn is_off(&mut self, key: &str, at: Position, switch: &str) {
        self.warnings.push(format!("{at}: '{key}' has no effect: '{switch}' is not 'true'"));
    }
}

/// Where the StreamJob has what a setting of Flink's is for.
fn in_the_manifest(key: &str) -> Option<&'static str> {
    match key {
        "parallelism.default" | "table.exec.resource.default-parallelism" => {
            Some("spec.parallelism")
        }
        "pipeline.max-parallelism" => Some("spec.keyGroups"),
        _ if key.starts_with("execution.checkpointing.") => Some("spec.checkpoint"),
        _ if key.starts_with("state.") => Some("spec.state"),
        _ => None,
    }
}

/// Takes a value of which only one is there, in any case.
pub(crate) fn only(right: &str, key: &str, value: &str, at: Position) -> Result<()> {
    if value.eq_ignore_ascii_case(right) {
        return Ok(());
    }
    Err(SqlError::new(at, format!("'{key}' cannot be '{value}'"))
        .hint(format!("only '{right}' is supported")))
}

fn boolean(key: &str, value: &str, at: Position) -> Result<bool> {
    match value.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(SqlError::new(at, format!("'{key}' cannot be '{value}'"))
            .hint("it is 'true' or 'false'")),
    }
}

/// Reads a duration such as `10 s`, `1min` or `500` (milliseconds).
pub(crate) fn duration_ms(text: &str, key: &str, at: Position) -> Result<u64> {
    let trimmed = text.trim();
    let digits = trimmed.len() - trimmed.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = trimmed.split_at(digits);
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "ms" | "milli" | "millis" | "millisecond" | "milliseconds" => Some(1),
        "s" | "sec" | "secs" | "second" | "seconds" => Some(1_000),
        "m" | "min" | "minute" | "minutes" => Some(60_000),
        "h" | "hour" | "hours" => Some(3_600_000),
        "d" | "day" | "days" => Some(86_400_000),
        _ => None,
    };
    let millis = number.parse::<u64>().ok().zip(factor).and_then(|(n, f)| n.checked_mul(f));
    millis.ok_or_else(|| {
        SqlError::new(at, format!("'{key}' = '{text}' is no duration"))
            .hint("write a number and ms, s, min, h or d, such as '10 s'")
    })
}

/// `10 s`, in the largest unit that fits.
pub(crate) fn duration_text(ms: i64) -> String {
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s")];
    let fitting = units.into_iter().find(|(unit, _)| ms % unit == 0 && ms != 0);
    fitting.map_or_else(|| format!("{ms} ms"), |(unit, name)| format!("{} {name}", ms / unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Position = Position { line: 1, column: 1 };

    #[test]
    fn durations_are_read_as_flink_reads_them() {
        for (text, millis) in [
            ("10 s", 10_000),
            ("500", 500),
            ("1min", 60_000),
            ("2 days", 172_800_000),
            (" 5 ms ", 5),
        ] {
            assert_eq!(duration_ms(text, "k", AT), Ok(millis), "{text}");
        }
        for text in ["", "s", "-1 s", "1.5 s", "10 parsec", "99999999999999999 d"] {
            assert!(duration_ms(text, "k", AT).is_err(), "{text}");
        }
    }

    #[test]
    fn what_sources_leave_out_can_be_switched_off() {
        let mut settings = Settings::default();
        settings.set(FILTERS, "FALSE", AT).unwrap();
        settings.set(PROJECTIONS, "false", AT).unwrap();
        assert!(!settings.pushdown.filters && !settings.pushdown.projections);
        let error = settings.set(FILTERS, "off", AT).unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 1, column 1: 'table.optimizer.source.predicate-pushdown-enabled' cannot be 'off'; \
             it is 'true' or 'false'"
        );
    }

    #[test]
    fn a_time_to_live_of_zero_is_none() {
        let mut settings = Settings::default();
        settings.set("table.exec.state.ttl", "36 h", AT).unwrap();
        assert_eq!(settings.state_ttl_ms, Some(129_600_000));
        settings.set("table.exec.state.ttl", "0 ms", AT).unwrap();
        assert_eq!(settings.state_ttl_ms, None);
        let error = settings.set("table.exec.state.ttl", "never", AT).unwrap_err();
        assert!(error.to_string().contains("such as '10 s'"), "{error}");
    }

    #[test]
    fn a_lateness_is_set_together_with_what_it_needs() {
        let mut settings = Settings::default();
        settings.set(ALLOW_LATENESS, "10 s", AT).unwrap();
        assert_eq!(settings.lateness_ms(), Ok(None));
        let told = "line 1, column 1: 'table.exec.emit.allow-lateness' has no effect: \
                    'table.exec.emit.late-fire.enabled' is not 'true'";
        assert_eq!(settings.warnings, [told]);
        settings.set(LATE_FIRE, "true", AT).unwrap();
        assert!(settings.lateness_ms().unwrap_err().to_string().contains("needs a delay"));
        settings.set(LATE_FIRE_DELAY, "0", AT).unwrap();
        assert_eq!(settings.lateness_ms(), Ok(Some(10_000)));
        settings.set(ALLOW_LATENESS, "0 s", AT).unwrap();
        assert!(settings.lateness_ms().is_err());
    }

    #[test]
    fn without_a_lateness_of_its_own_it_is_the_time_to_live() {
        let mut settings = Settings::default();
        settings.set(LATE_FIRE, "true", AT).unwrap();
        settings.set(LATE_FIRE_DELAY, "0 s", AT).unwrap();
        assert!(settings.lateness_ms().is_err());
        settings.set("table.exec.state.ttl", "1 h", AT).unwrap();
        assert_eq!(settings.lateness_ms(), Ok(Some(3_600_000)));
    }

    #[test]
    fn a_setting_without_an_effect_is_told() {
        let mut settings = Settings::default();
        settings.set("table.exec.mini-batch.enabled", "true", AT).unwrap();
        assert_eq!(
            settings.warnings,
            ["line 1, column 1: 'table.exec.mini-batch.enabled' has no effect: groups are always \
              answered by the batch"]
        );
        let error = settings.set("table.exec.mini-batch.enable", "true", AT).unwrap_err();
        let hint = "did you mean \"table.exec.mini-batch.enabled\"?";
        assert_eq!(error.hint.as_deref(), Some(hint));
    }

    #[test]
    fn what_the_manifest_says_counts() {
        let mut settings = Settings::default();
        for key in ["parallelism.default", "execution.checkpointing.interval", "state.backend.type"]
        {
            settings.set(key, "4", AT).unwrap();
        }
        assert_eq!(settings.warnings.len(), 3);
        assert!(settings.warnings[1].ends_with("spec.checkpoint of the StreamJob counts"));
    }

    #[test]
    fn all_settings_of_flink_are_known() {
        let mut settings = Settings::default();
        for (key, value) in [
            ("table.optimizer.non-deterministic-update.strategy", "TRY_RESOLVE"),
            ("table.exec.async-lookup.timeout", "3 min"),
            ("table.exec.rank.topn-cache-size", "10000"),
            ("restart-strategy.fixed-delay.attempts", "3"),
            ("taskmanager.memory.managed.fraction", "0.6"),
            ("execution.target", "kubernetes-session"),
        ] {
            settings.set(key, value, AT).unwrap();
        }
        assert_eq!(settings.warnings.len(), 6);
        // What would change the answer has only the value that answers are made by.
        for (key, right, wrong) in [
            ("table.exec.sink.type-length-enforcer", "IGNORE", "TRIM_PAD"),
            ("table.exec.legacy-cast-behaviour", "DISABLED", "ENABLED"),
            ("table.exec.sink.not-null-enforcer", "ERROR", "MAYBE"),
            ("table.sql-dialect", "default", "hive"),
        ] {
            settings.set(key, right, AT).unwrap();
            assert!(settings.set(key, wrong, AT).is_err(), "{key} = {wrong}");
        }
        assert_eq!(settings.warnings.len(), 6);
    }

    #[test]
    fn an_unknown_setting_is_refused() {
        let error =
            Settings::default().set("table.exec.source.idle-timeut", "1 s", AT).unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 1, column 1: unknown setting 'table.exec.source.idle-timeut'; \
             did you mean \"table.exec.source.idle-timeout\"?"
        );
    }
}
