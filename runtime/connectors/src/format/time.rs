//! Timestamps and dates as text, in the two standards of Flink's JSON format.
//!
//! `SQL` is `yyyy-MM-dd HH:mm:ss.SSS`, `ISO-8601` has a `T` in between; a timestamp with the
//! local time zone ends with `Z`. As in Flink the fraction is written without trailing zeros
//! and left out when it is zero. Reading takes both standards, since neither text can mean
//! something else in the other.

use arrow::datatypes::TimeUnit;

/// Nanoseconds a second.
const NANOS: i64 = 1_000_000_000;

/// A standard of `json.timestamp-format.standard`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Standard {
    /// A blank between date and time.
    #[default]
    Sql,
    /// A `T` between date and time.
    Iso8601,
}

/// Whether a timestamp's text names a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zone {
    /// `TIMESTAMP`: it must not.
    Absent,
    /// `TIMESTAMP_LTZ`: `Z` or `+hh:mm`.
    Present,
}

impl Zone {
    /// The expected text, for messages.
    pub(crate) fn example(self) -> &'static str {
        match self {
            Self::Absent => "a text such as '2024-05-01 12:30:00.250', without a zone",
            Self::Present => "a text such as '2024-05-01 12:30:00.250Z', with a zone",
        }
    }
}

/// Reads a timestamp as nanoseconds since the Unix epoch.
pub(crate) fn parse_timestamp(text: &str, zone: Zone) -> Option<i128> {
    let bytes = text.trim().as_bytes();
    let (date, rest) = bytes.split_at_checked(10)?;
    let days = parse_date_bytes(date)?;
    let (&separator, rest) = rest.split_first()?;
    if !matches!(separator, b' ' | b'T') || rest.len() < 5 || rest[2] != b':' {
        return None;
    }
    let hour = two_digits(&rest[..2])?;
    let minute = two_digits(&rest[3..5])?;
    let (second, rest) = match rest.get(5) {
        Some(b':') => (two_digits(rest.get(6..8)?)?, &rest[8..]),
        _ => (0, &rest[5..]),
    };
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (nanos, rest) = fraction(rest)?;
    let offset_seconds = match zone {
        Zone::Absent if rest.is_empty() => 0,
        Zone::Present => offset(rest)?,
        Zone::Absent => return None,
    };
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset_seconds;
    Some(i128::from(seconds) * i128::from(NANOS) + i128::from(nanos))
}

/// Reads `yyyy-MM-dd` as days since the Unix epoch.
pub(crate) fn parse_date(text: &str) -> Option<i32> {
    i32::try_from(parse_date_bytes(text.trim().as_bytes())?).ok()
}

fn parse_date_bytes(bytes: &[u8]) -> Option<i64> {
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let year = two_digits(&bytes[..2])? * 100 + two_digits(&bytes[2..4])?;
    let month = two_digits(&bytes[5..7])?;
    let day = two_digits(&bytes[8..10])?;
    let days = days_from_civil(year, month, day);
    // A day that the month does not have comes back as another.
    ((1..=12).contains(&month) && civil_from_days(days) == (year, month, day)).then_some(days)
}

/// Reads `HH:mm:ss` as milliseconds since midnight. As in Flink a fraction of a second may follow
/// and does not count.
pub(crate) fn parse_time(text: &str) -> Option<i32> {
    let bytes = text.as_bytes();
    let (clock, rest) = bytes.split_at_checked(8)?;
    if clock[2] != b':' || clock[5] != b':' || !matches!(fraction(rest), Some((_, []))) {
        return None;
    }
    let [hours, minutes, seconds] =
        [two_digits(&clock[..2])?, two_digits(&clock[3..5])?, two_digits(&clock[6..])?];
    let seconds = (hours < 24 && minutes < 60 && seconds < 60)
        .then_some((hours * 60 + minutes) * 60 + seconds)?;
    i32::try_from(seconds * 1000).ok()
}

/// Writes milliseconds since midnight as `HH:mm:ss`.
pub(crate) fn write_time(out: &mut Vec<u8>, millis: i32) {
    let seconds = i64::from(millis) / 1000;
    for (part, ends) in [(seconds / 3600, false), (seconds / 60 % 60, false), (seconds % 60, true)]
    {
        write_two_digits(out, part);
        out.extend((!ends).then_some(b':'));
    }
}

fn two_digits(bytes: &[u8]) -> Option<i64> {
    let [tens, ones] = *bytes else { return None };
    (tens.is_ascii_digit() && ones.is_ascii_digit())
        .then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
}

/// Reads `.123`, if there; at most nine digits.
fn fraction(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let Some((b'.', rest)) = bytes.split_first() else { return Some((0, bytes)) };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 || digits > 9 {
        return None;
    }
    let value = rest[..digits].iter().fold(0, |sum, byte| sum * 10 + i64::from(byte - b'0'));
    Some((value * 10_i64.pow(9 - digits as u32), &rest[digits..]))
}

/// Reads `Z` or `+hh:mm` as seconds east of UTC.
fn offset(bytes: &[u8]) -> Option<i64> {
    match *bytes {
        [b'Z'] => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (two_digits(&[h1, h2])?, two_digits(&[m1, m2])?);
            let seconds = hours * 3600 + minutes * 60;
            (hours <= 18 && minutes < 60).then_some(if sign == b'+' { seconds } else { -seconds })
        }
        _ => None,
    }
}

/// Writes nanoseconds since the Unix epoch, without quotes.
pub(crate) fn write_timestamp(out: &mut Vec<u8>, nanos: i128, standard: Standard, zone: Zone) {
    let seconds = nanos.div_euclid(i128::from(NANOS)) as i64;
    let fraction = nanos.rem_euclid(i128::from(NANOS)) as u32;
    write_date(out, seconds.div_euclid(86_400));
    out.push(if standard == Standard::Sql { b' ' } else { b'T' });
    let second = seconds.rem_euclid(86_400);
    for (i, part) in [second / 3600, second / 60 % 60, second % 60].into_iter().enumerate() {
        if i > 0 {
            out.push(b':');
        }
        write_two_digits(out, part);
    }
    write_fraction(out, fraction);
    if zone == Zone::Present {
        out.push(b'Z');
    }
}

/// Writes days since the Unix epoch as `yyyy-MM-dd`.
pub(crate) fn write_date(out: &mut Vec<u8>, days: i64) {
    let (year, month, day) = civil_from_days(days);
    if (0..=9999).contains(&year) {
        write_two_digits(out, year / 100);
        write_two_digits(out, year % 100);
    } else {
        out.extend_from_slice(format!("{year:+05}").as_bytes());
    }
    for part in [month, day] {
        out.push(b'-');
        write_two_digits(out, part);
    }
}

fn write_two_digits(out: &mut Vec<u8>, value: i64) {
    out.extend([b'0' + (value / 10) as u8, b'0' + (value % 10) as u8]);
}

fn write_fraction(out: &mut Vec<u8>, nanos: u32) {
    if nanos == 0 {
        return;
    }
    let digits = format!("{nanos:09}");
    out.push(b'.');
    out.extend_from_slice(digits.trim_end_matches('0').as_bytes());
}

/// Days since 1970-01-01 of a date in the proleptic Gregorian calendar, by counting the days of
/// years that start in March (so that a leap day is a year's last).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse of [`days_from_civil`]: year, month, day.
pub(crate) fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

/// Whether a timestamp column's text names a zone.
pub(crate) fn zone_of(timezone: Option<&std::sync::Arc<str>>) -> Zone {
    timezone.map_or(Zone::Absent, |_| Zone::Present)
}

/// Nanoseconds in one unit.
pub(crate) fn nanos_per(unit: TimeUnit) -> i128 {
    match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1000,
        TimeUnit::Nanosecond => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(text: &str, zone: Zone) -> Option<i128> {
        parse_timestamp(text, zone).map(|nanos| nanos / 1_000_000)
    }

    #[test]
    fn both_standards_are_read() {
        let expected = Some(1_583_020_799_250);
        for text in ["2020-02-29 23:59:59.25", "2020-02-29T23:59:59.250"] {
            assert_eq!(millis(text, Zone::Absent), expected, "{text}");
            assert_eq!(millis(&format!("{text}Z"), Zone::Present), expected, "{text}Z");
        }
        assert_eq!(millis("2020-03-01T01:29:59.250+01:30", Zone::Present), expected);
        assert_eq!(millis("1969-12-31 23:59", Zone::Absent), Some(-60_000));
    }

    #[test]
    fn what_is_ambiguous_or_no_date_is_refused() {
        for text in [
            "",
            "1583020799250",
            "2020-02-30 00:00:00",
            "2020-13-01 00:00:00",
            "2020-00-01 00:00:00",
            "2020-02-29",
            "2020-02-29 24:00:00",
            "2020-02-29 00:00:00.",
            "2020-02-29 00:00:00Z",
            "2020-02-29 00:00:00 x",
            "2020-2-29 00:00:00",
            "ää-02-29 00:00:00",
        ] {
            assert_eq!(millis(text, Zone::Absent), None, "{text:?}");
        }
        assert_eq!(millis("2020-02-29 00:00:00", Zone::Present), None);
    }

    #[test]
    fn dates_and_timestamps_survive_a_round_trip() {
        for days in (-1_000_000..1_000_000).step_by(37) {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), days);
        }
        for standard in [Standard::Sql, Standard::Iso8601] {
            for nanos in [0_i128, 1, -1, 1_583_020_799_250_000_000, -62_135_596_800_000_000_000] {
                let mut text = Vec::new();
                write_timestamp(&mut text, nanos, standard, Zone::Present);
                let text = String::from_utf8(text).unwrap();
                assert_eq!(parse_timestamp(&text, Zone::Present), Some(nanos), "{text}");
            }
        }
    }

    #[test]
    fn fractions_are_written_as_flink_writes_them() {
        for (nanos, text) in [
            (0, "1970-01-01 00:00:00"),
            (500_000_000, "1970-01-01 00:00:00.5"),
            (86_399_120_000_000, "1970-01-01 23:59:59.12"),
        ] {
            let mut out = Vec::new();
            write_timestamp(&mut out, nanos, Standard::Sql, Zone::Absent);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }
}
