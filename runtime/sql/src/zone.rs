//! Time zones: what `TIMESTAMP_LTZ` is in local time, and when local times were.

mod shift;

use std::str::FromStr;

use arrow::datatypes::DataType;
use chrono::{DateTime, FixedOffset, MappedLocalTime, NaiveDateTime, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;
use sabot_core::plan::LocalTimes;

use crate::error::{Position, SqlError};

use self::shift::Offsets;
pub(crate) use self::shift::{in_zone, instant_in, latest_instant};

/// A zone by its name, or by what it is ahead of GMT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zone {
    Named(Tz),
    Ahead(FixedOffset),
}

/// The error for what names no zone.
pub(crate) fn no_zone(name: &str, at: Position) -> SqlError {
    let names = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
    let error = SqlError::new(at, format!("'{name}' is no time zone"));
    let error = error.suggest(name, "time zones", names);
    match error.hint {
        Some(_) => error,
        None => error.hint("write 'UTC', 'Europe/Berlin' or 'GMT+01:00'"),
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self::Named(Tz::UTC)
    }
}

impl Zone {
    /// `Europe/Berlin`, or `GMT+01:00`, `GMT+1`.
    pub(crate) fn of(name: &str) -> Option<Self> {
        if let Ok(zone) = Tz::from_str(name) {
            return Some(Self::Named(zone));
        }
        let ahead = name.strip_prefix("GMT").or_else(|| name.strip_prefix("UTC"))?;
        let (sign, digits) = ahead.split_at_checked(1)?;
        let (hours, minutes) = digits.split_once(':').unwrap_or((digits, "00"));
        if hours.is_empty() {
            return None;
        }
        FixedOffset::from_str(&format!("{sign}{hours:0>2}:{minutes}")).ok().map(Self::Ahead)
    }

    /// Whether local times are those of UTC.
    pub(crate) fn is_utc(self) -> bool {
        match self {
            Self::Named(zone) => {
                [Tz::UTC, Tz::GMT, Tz::UCT, Tz::Zulu, Tz::Etc__UTC, Tz::Etc__GMT].contains(&zone)
            }
            Self::Ahead(ahead) => ahead.local_minus_utc() == 0,
        }
    }

    /// What clocks show at an instant.
    pub(crate) fn local(self, instant: NaiveDateTime) -> Option<NaiveDateTime> {
        instant.checked_add_offset(match self {
            Self::Ahead(ahead) => ahead,
            Self::Named(zone) => zone.offset_from_utc_datetime(&instant).fix(),
        })
    }

    /// When clocks show a time. Of a time that is there twice it is `which`; one that is left out
    /// counts on from before.
    pub(crate) fn instant(self, local: NaiveDateTime, which: Which) -> Option<NaiveDateTime> {
        let ahead = match self {
            Self::Ahead(ahead) => ahead,
            Self::Named(zone) => match which.of(zone.offset_from_local_datetime(&local)) {
                Some(offset) => offset.fix(),
                None => {
                    let before = local.checked_sub_signed(TimeDelta::days(1))?;
                    which.of(zone.offset_from_local_datetime(&before))?.fix()
                }
            },
        };
        local.checked_sub_offset(ahead)
    }

    /// By how many milliseconds clocks are ahead of UTC at an instant. Beyond the calendar they are not.
    fn ahead_ms(self, instant_ms: i64) -> i64 {
        let local = DateTime::from_timestamp_millis(instant_ms)
            .and_then(|instant| self.local(instant.naive_utc()));
        local.map_or(0, |local| local.and_utc().timestamp_millis() - instant_ms)
    }

    /// By how many milliseconds clocks are ahead of UTC when they show a time.
    fn ahead_ms_at(self, local_ms: i64, which: Which) -> i64 {
        let instant = DateTime::from_timestamp_millis(local_ms)
            .and_then(|local| self.instant(local.naive_utc(), which));
        instant.map_or(0, |instant| local_ms - instant.and_utc().timestamp_millis())
    }

    /// The first instant behind `from`, up to `to`, at which clocks are not as far ahead as before.
    fn next_change(self, mut from: i64, mut to: i64) -> i64 {
        let ahead = self.ahead_ms(from);
        while to - from > 1 {
            let middle = from + (to - from) / 2;
            if self.ahead_ms(middle) == ahead { from = middle } else { to = middle }
        }
        to
    }
}

impl LocalTimes for Zone {
    fn local(&self, instants: &[i64]) -> Vec<i64> {
        let offsets = Offsets::new(|ms| self.ahead_ms(ms));
        instants.iter().map(|instant| instant.saturating_add(offsets.at(*instant))).collect()
    }

    fn instant(&self, local: i64) -> i64 {
        local.saturating_sub(self.ahead_ms_at(local, Which::Latest))
    }

    fn passed(&self, instant: i64) -> i64 {
        let local = instant.saturating_add(self.ahead_ms(instant));
        let again = LocalTimes::instant(self, local);
        if again <= instant {
            return local;
        }
        // Clocks will be put back to before this time.
        let change = self.next_change(instant, again);
        change + self.ahead_ms(change) - 1
    }
}

impl std::fmt::Display for Zone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Named(zone) => f.write_str(zone.name()),
            Self::Ahead(ahead) => write!(f, "GMT{ahead}"),
        }
    }
}

/// Which instant a local time is that is there twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// The first one, as casts have it.
    Earliest,
    /// The second one, as `UNIX_TIMESTAMP` and `CONVERT_TZ` have it.
    Latest,
}

impl Which {
    fn of<T>(self, offsets: MappedLocalTime<T>) -> Option<T> {
        match self {
            Self::Earliest => offsets.earliest(),
            Self::Latest => offsets.latest(),
        }
    }
}

/// Whether a type is that of instants.
pub(crate) fn is_instant(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(_, Some(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_have_names_or_are_ahead_of_gmt() {
        for (name, shown) in [
            ("UTC", "UTC"),
            ("Europe/Berlin", "Europe/Berlin"),
            ("GMT-08:00", "GMT-08:00"),
            ("UTC+05:45", "GMT+05:45"),
            ("GMT+1", "GMT+01:00"),
            ("GMT-10", "GMT-10:00"),
        ] {
            assert_eq!(Zone::of(name).unwrap().to_string(), shown);
        }
        for name in ["Europe/Berlim", "+01:00", "GMT+25:00", "GMT+", "GMT+1x", "GMT1", ""] {
            assert_eq!(Zone::of(name), None, "{name}");
        }
        for name in ["GMT", "GMT+00:00", "Etc/UTC"] {
            assert!(Zone::of(name).unwrap().is_utc(), "{name}");
        }
        assert!(!Zone::of("Europe/London").unwrap().is_utc());
    }

    #[test]
    fn local_times_have_passed_when_their_last_instants_have() {
        let berlin = Zone::of("Europe/Berlin").unwrap();
        let ms = |text: &str| {
            NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f")
                .unwrap()
                .and_utc()
                .timestamp_millis()
        };
        for (instant, passed) in [
            ("2020-10-24 23:59:59.999", "2020-10-25 01:59:59.999"),
            ("2020-10-25 00:00:00", "2020-10-25 01:59:59.999"),
            ("2020-10-25 00:59:59.999", "2020-10-25 01:59:59.999"),
            ("2020-10-25 01:00:00", "2020-10-25 02:00:00"),
            ("2020-10-25 02:00:00", "2020-10-25 03:00:00"),
            ("2020-03-29 00:59:59.999", "2020-03-29 01:59:59.999"),
            ("2020-03-29 01:00:00", "2020-03-29 03:00:00"),
        ] {
            assert_eq!(berlin.passed(ms(instant)), ms(passed), "{instant}");
        }
        assert_eq!(
            LocalTimes::instant(&berlin, ms("2020-10-25 02:30:00")),
            ms("2020-10-25 01:30:00")
        );
        assert_eq!(
            LocalTimes::instant(&berlin, ms("2020-03-29 02:30:00")),
            ms("2020-03-29 01:30:00")
        );
        assert_eq!(
            LocalTimes::local(&berlin, &[ms("2020-03-29 00:59:59"), ms("2020-03-29 01:00:00")]),
            [ms("2020-03-29 01:59:59"), ms("2020-03-29 03:00:00")]
        );
        assert_eq!(berlin.passed(i64::MAX), i64::MAX);
    }
}
