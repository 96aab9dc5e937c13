//! Java's formats of times, letter by letter: what the library's formats do not have, and formats that
//! are columns. `DATE_FORMAT` and `TO_TIMESTAMP` take them as `DateTimeFormatter` does, the others as
//! `SimpleDateFormat` does; weeks are those of the locale en-US, which begin on Sunday, and the first of a
//! year is that of January 1.

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, Timelike};

/// Which of Java's classes takes a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// `DateTimeFormatter`.
    Formatter,
    /// `SimpleDateFormat`, whose times have a zone.
    Simple,
}

/// A part of a format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// What stands there itself.
    Text(String),
    /// A letter, and how often it stands there.
    Letter(char, usize),
}

/// A format that is known to be one.
#[derive(Debug, Clone)]
pub(super) struct Format {
    pub(super) of: Of,
    pub(super) parts: Vec<Part>,
}

impl Format {
    /// The format that a text is, or what is wrong with it.
    pub(super) fn new(pattern: &str, of: Of) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = pattern;
        while let Some(first) = rest.chars().next() {
            if first == '\'' {
                let (text, after) = quoted(&rest[1..])
                    .ok_or_else(|| format!("the format '{pattern}' has an open quote"))?;
                push_text(&mut parts, &text);
                rest = after;
                continue;
            }
            let count = rest.chars().take_while(|c| *c == first).count();
            let run = &rest[..count * first.len_utf8()];
            rest = &rest[run.len()..];
            match first {
                // Parts that may be left out are all there when a time is written.
                '[' | ']' | '#' | '{' | '}' if of == Of::Formatter => {
                    return Err(format!("the format '{run}' is not supported"));
                }
                letter if letter.is_ascii_alphabetic() => {
                    if !is_there(letter, count, of) {
                        return Err(format!("the format '{run}' is not supported"));
                    }
                    parts.push(Part::Letter(letter, count));
                }
                _ => push_text(&mut parts, run),
            }
        }
        Ok(Self { of, parts })
    }

    /// Whether it has the zone of a time, which a local one has not.
    pub(super) fn has_zone(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Letter('X' | 'x' | 'Z', _)))
    }

    /// Writes a local time that is so many seconds ahead of UTC.
    pub(super) fn write(&self, time: NaiveDateTime, ahead: i64) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Letter(letter, count) => {
                    out.push_str(&self.letter(*letter, *count, time, ahead));
                }
            }
        }
        out
    }

    fn letter(&self, letter: char, count: usize, time: NaiveDateTime, ahead: i64) -> String {
        let padded = |value: i64| format!("{value:0count$}");
        let day = i64::from(time.day());
        let sunday = i64::from(time.weekday().num_days_from_sunday());
        let hour = i64::from(time.hour());
        let nanos = i64::from(time.nanosecond().min(999_999_999));
        let since_midnight = i64::from(time.num_seconds_from_midnight()) * 1_000_000_000 + nanos;
        match letter {
            'G' => {
                (if count == 4 && self.of == Of::Formatter { "Anno Domini" } else { "AD" }).into()
            }
            'u' if self.of == Of::Simple => padded((sunday + 6) % 7 + 1),
            'y' | 'u' => self.year(i64::from(time.year()), count),
            'Y' => self.year(week_of_year(time.date()).0, count),
            'w' => padded(week_of_year(time.date()).1),
            'W' => padded(week_of_month(time.date())),
            'D' => padded(i64::from(time.ordinal())),
            'd' => padded(day),
            'F' if self.of == Of::Simple => padded((day - 1) / 7 + 1),
            'F' => padded((day - 1) % 7 + 1),
            'E' | 'e' | 'c' if count >= 3 || letter == 'E' => {
                named(&WEEKDAYS, sunday as usize, count, self.of)
            }
            'e' | 'c' => padded(sunday + 1),
            'M' | 'L' if count >= 3 => named(&MONTHS, time.month0() as usize, count, self.of),
            'M' | 'L' => padded(i64::from(time.month())),
            'Q' | 'q' => {
                let quarter = time.month0() as usize / 3;
                match count {
                    1 | 2 => padded(quarter as i64 + 1),
                    3 => format!("Q{}", quarter + 1),
                    4 => format!("{} quarter", ["1st", "2nd", "3rd", "4th"][quarter]),
                    _ => format!("{}", quarter + 1),
                }
            }
            'a' => (if hour < 12 { "AM" } else { "PM" }).into(),
            'H' => padded(hour),
            'k' => padded(if hour == 0 { 24 } else { hour }),
            'K' => padded(hour % 12),
            'h' => padded((hour + 11) % 12 + 1),
            'm' => padded(i64::from(time.minute())),
            's' => padded(i64::from(time.second())),
            'S' if self.of == Of::Simple => padded(nanos / 1_000_000),
            'S' => format!("{nanos:09}").get(..count).unwrap_or_default().to_owned(),
            'n' => padded(nanos),
            'A' => padded(since_midnight / 1_000_000),
            'N' => padded(since_midnight),
            'X' | 'Z' => offset(letter, count, ahead),
            _ => String::new(),
        }
    }

    /// A year; two letters are its last two digits.
    fn year(&self, year: i64, count: usize) -> String {
        match (self.of, count) {
            (_, 2) => format!("{:02}", year.rem_euclid(100)),
            (Of::Formatter, 4..) if year >= 10_i64.pow(count.min(18) as u32) => format!("+{year}"),
            _ if year < 0 => format!("-{:0count$}", -year),
            _ => format!("{year:0count$}"),
        }
    }
}

/// Whether a letter can stand there so often.
fn is_there(letter: char, count: usize, of: Of) -> bool {
    match of {
        Of::Simple => match letter {
            'G' | 'y' | 'Y' | 'M' | 'L' | 'w' | 'W' | 'D' | 'd' | 'F' | 'E' | 'u' | 'a' | 'H'
            | 'k' | 'K' | 'h' | 'm' | 's' | 'S' | 'Z' => count <= 100,
            'X' => count <= 3,
            _ => false,
        },
        Of::Formatter => match letter {
            'y' | 'u' | 'Y' | 'A' | 'n' | 'N' => count <= 19,
            'G' | 'M' | 'L' | 'Q' | 'q' | 'E' | 'e' => count <= 5,
            'c' => count <= 5 && count != 2,
            'w' | 'd' | 'H' | 'k' | 'K' | 'h' | 'm' | 's' => count <= 2,
            'W' | 'F' | 'a' => count == 1,
            'S' => count <= 9,
            'D' | 'X' | 'Z' => count <= 3,
            _ => false,
        },
    }
}

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(super) const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

fn named(names: &[&str], place: usize, count: usize, of: Of) -> String {
    let name = names[place];
    let length = match (of, count) {
        (Of::Formatter, 5) => 1,
        (_, 4..) => name.len(),
        _ => 3,
    };
    name[..length].to_owned()
}

/// How far a time is ahead of UTC: `Z`, `+02`, `+0200` or `+02:00`.
fn offset(letter: char, count: usize, ahead: i64) -> String {
    if letter == 'X' && ahead == 0 {
        return "Z".to_owned();
    }
    let sign = if ahead < 0 { '-' } else { '+' };
    let (hours, minutes) = (ahead.abs() / 3_600, ahead.abs() / 60 % 60);
    match (letter, count) {
        ('X', 1) => format!("{sign}{hours:02}"),
        ('X', 3) => format!("{sign}{hours:02}:{minutes:02}"),
        _ => format!("{sign}{hours:02}{minutes:02}"),
    }
}

/// The year that a day's week belongs to, and the week's number in it.
fn week_of_year(date: NaiveDate) -> (i64, i64) {
    let year = date.year();
    let next = first_sunday(year + 1);
    if next.is_some_and(|next| date >= next) {
        return (i64::from(year) + 1, 1);
    }
    let days = first_sunday(year).map_or(0, |first| (date - first).num_days());
    (i64::from(year), days / 7 + 1)
}

/// The Sunday that the first week of a year begins with.
pub(super) fn first_sunday(year: i32) -> Option<NaiveDate> {
    let first = NaiveDate::from_ymd_opt(year, 1, 1)?;
    first.checked_sub_days(Days::new(u64::from(first.weekday().num_days_from_sunday())))
}

fn week_of_month(date: NaiveDate) -> i64 {
    let first = date.with_day(1).map_or(0, |first| first.weekday().num_days_from_sunday());
    i64::from((date.day0() + first) / 7) + 1
}

fn push_text(parts: &mut Vec<Part>, text: &str) {
    match parts.last_mut() {
        Some(Part::Text(before)) => before.push_str(text),
        _ => parts.push(Part::Text(text.to_owned())),
    }
}

/// The text up to the quote's end, and what follows; two quotes stand for one.
pub(super) fn quoted(rest: &str) -> Option<(String, &str)> {
    if let Some(after) = rest.strip_prefix('\'') {
        return Some(("'".to_owned(), after));
    }
    let mut text = String::new();
    let mut rest = rest;
    loop {
        let (part, after) = rest.split_once('\'')?;
        text.push_str(part);
        match after.strip_prefix('\'') {
            Some(more) => {
                text.push('\'');
                rest = more;
            }
            None => return Some((text, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(pattern: &str, of: Of, date: (i32, u32, u32)) -> String {
        let time = NaiveDate::from_ymd_opt(date.0, date.1, date.2).unwrap();
        let time = time.and_hms_milli_opt(0, 13, 14, 567).unwrap();
        Format::new(pattern, of).unwrap().write(time, 0)
    }

    #[test]
    fn weeks_begin_on_sunday_and_the_first_has_january_1() {
        for (date, expected) in [
            ((2020, 12, 30), "2021-01-4 5"),
            ((2021, 1, 2), "2021-01-7 1"),
            ((2021, 1, 3), "2021-02-1 2"),
            ((2016, 12, 31), "2016-53-7 5"),
            ((2017, 8, 31), "2017-35-5 5"),
            ((2021, 8, 1), "2021-32-1 1"),
        ] {
            assert_eq!(written("YYYY-ww-e W", Of::Formatter, date), expected);
        }
    }

    #[test]
    fn letters_mean_what_each_class_says() {
        let date = (2020, 2, 29);
        let pattern = "k K S u F EEEE";
        assert_eq!(written(pattern, Of::Formatter, date), "24 0 5 2020 1 Saturday");
        assert_eq!(written(pattern, Of::Simple, date), "24 0 567 6 5 Saturday");
        assert_eq!(written("XXX''X 'o''clock' Z", Of::Simple, date), "Z'Z o'clock +0000");
        assert_eq!(offset('X', 3, -9_000), "-02:30");
    }

    #[test]
    fn what_is_no_format_is_refused() {
        for (pattern, of) in [
            ("e", Of::Simple),
            ("XXXX", Of::Simple),
            ("ddd", Of::Formatter),
            ("yyyy 'x", Of::Formatter),
            ("yyyy#", Of::Formatter),
            ("nonsense", Of::Formatter),
        ] {
            assert!(Format::new(pattern, of).is_err(), "{pattern}");
        }
    }
}
