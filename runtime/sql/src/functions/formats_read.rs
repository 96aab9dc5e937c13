//! Reads texts by Java's formats. What a format leaves out is that of 1970-01-01 00:00:00.

use chrono::{Days, NaiveDate, NaiveDateTime};

use super::formats::{Format, MONTHS, Of, Part, WEEKDAYS, first_sunday};

/// A time as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Read {
    /// Local time.
    pub(super) time: NaiveDateTime,
    /// How many seconds it is ahead of UTC, where the text says so.
    pub(super) ahead: Option<i64>,
}

#[derive(Default)]
struct Fields {
    year: Option<i64>,
    week_year: Option<i64>,
    week: Option<i64>,
    /// From Sunday, 0.
    weekday: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    hour: Option<i64>,
    half_hour: Option<i64>,
    is_pm: bool,
    minute: i64,
    second: i64,
    nanos: i64,
    ahead: Option<i64>,
}

impl Format {
    /// Reads a text; none when it is not of this format. What follows is passed over by
    /// `SimpleDateFormat` and by no other.
    pub(super) fn read(&self, text: &str) -> Option<Read> {
        let mut fields = Fields::default();
        let mut rest = text;
        for (place, part) in self.parts.iter().enumerate() {
            rest = match part {
                Part::Text(text) => rest.strip_prefix(text.as_str())?,
                Part::Letter(letter, count) => {
                    let next = self.parts.get(place + 1);
                    let is_next_number =
                        matches!(next, Some(Part::Letter(next, count)) if is_number(*next, *count));
                    self.part(&mut fields, (*letter, *count), is_next_number, rest)?
                }
            };
        }
        if self.of == Of::Formatter && !rest.is_empty() {
            return None;
        }
        Some(Read { time: fields.time(self.of)?, ahead: fields.ahead })
    }

    /// Reads one letter's part of a text, and gives the rest.
    fn part<'t>(
        &self,
        fields: &mut Fields,
        (letter, count): (char, usize),
        is_next_number: bool,
        text: &'t str,
    ) -> Option<&'t str> {
        let text = if self.of == Of::Simple { text.trim_start_matches([' ', '\t']) } else { text };
        match letter {
            'M' | 'L' if count >= 3 => {
                let (month, rest) = self.name(&MONTHS, count, text)?;
                fields.month = Some(month + 1);
                return Some(rest);
            }
            'E' | 'e' | 'c' if letter == 'E' || count >= 3 => {
                let (day, rest) = self.name(&WEEKDAYS, count, text)?;
                fields.weekday = Some(day);
                return Some(rest);
            }
            'a' => {
                let (half, rest) = self.name(&["AM", "PM"], 4, text)?;
                fields.is_pm = half == 1;
                return Some(rest);
            }
            'G' => return self.name(&["AD", "Anno Domini"], 4, text).map(|(_, rest)| rest),
            'X' | 'Z' => {
                let (ahead, rest) = offset(letter, count, self.of, text)?;
                fields.ahead = Some(ahead);
                return Some(rest);
            }
            'S' if self.of == Of::Formatter => {
                let digits = text.get(..count).filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?;
                fields.nanos = format!("{digits:0<9}").parse().ok()?;
                return text.get(count..);
            }
            _ => {}
        }
        let (value, length) = number(text, self.widths(letter, count, is_next_number))?;
        let is_short = matches!(letter, 'y' | 'Y' | 'u') && count == 2 && length == 2;
        let value = match self.of {
            _ if !is_short => value,
            Of::Simple if value >= 70 => value + 1_900,
            _ => value + 2_000,
        };
        fields.set(self.of, letter, value)?;
        text.get(length..)
    }

    /// The least and the most digits of a number.
    fn widths(&self, letter: char, count: usize, is_next_number: bool) -> [usize; 2] {
        match (self.of, letter, count) {
            _ if is_next_number => [count, count],
            (Of::Simple, ..) => [1, 18],
            (_, 'y' | 'Y' | 'u', 2) => [2, 2],
            (_, 'y' | 'Y' | 'u' | 'A' | 'n' | 'N', _) => [count, 18],
            (_, 'D', 2) => [2, 3],
            (_, _, 1) => [1, 18],
            _ => [count, count],
        }
    }

    /// Which of these names begins a text.
    fn name<'t>(&self, names: &[&str], count: usize, text: &'t str) -> Option<(i64, &'t str)> {
        let begins = |name: &str| {
            text.get(..name.len()).filter(|begin| match self.of {
                Of::Formatter => *begin == name,
                Of::Simple => begin.eq_ignore_ascii_case(name),
            })
        };
        let length = |name: &&str| match self.of {
            // Both are taken, whichever is there.
            Of::Simple => [name.len(), 3.min(name.len())],
            Of::Formatter if count >= 4 => [name.len(); 2],
            Of::Formatter => [3; 2],
        };
        names.iter().enumerate().find_map(|(place, name)| {
            let found = length(name).into_iter().find_map(|length| begins(&name[..length]));
            found.map(|found| (place as i64, &text[found.len()..]))
        })
    }
}

fn is_number(letter: char, count: usize) -> bool {
    match letter {
        'M' | 'L' | 'e' | 'c' => count < 3,
        'E' | 'a' | 'G' | 'X' | 'Z' => false,
        _ => true,
    }
}

/// A number of so many digits at the begin of a text, and its length.
fn number(text: &str, [least, most]: [usize; 2]) -> Option<(i64, usize)> {
    let digits = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if digits < least.max(1) {
        return None;
    }
    Some((text[..digits].parse().ok()?, digits))
}

/// `Z`, `+02`, `+0200` or `+02:00`, as the letters say.
fn offset(letter: char, count: usize, of: Of, text: &str) -> Option<(i64, &str)> {
    if letter == 'X'
        && let Some(rest) = text.strip_prefix('Z')
    {
        return Some((0, rest));
    }
    let sign = match text.bytes().next()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, _) = number(&text[1..], [2, 2])?;
    let rest = &text[3..];
    let with_colon = (letter, count) == ('X', 3);
    let minutes = if with_colon { rest.strip_prefix(':') } else { Some(rest) };
    let minutes = minutes.and_then(|rest| Some((number(rest, [2, 2])?.0, &rest[2..])));
    let may_be_left_out = (letter, count) == ('X', 1);
    let (minutes, rest) = match minutes {
        // One letter has no minutes in one of the classes, and may have them in the other.
        Some(minutes) if !(may_be_left_out && of == Of::Simple) => minutes,
        _ if may_be_left_out => (0, rest),
        _ => return None,
    };
    Some((sign * (hours * 3_600 + minutes * 60), rest))
}

impl Fields {
    fn set(&mut self, of: Of, letter: char, value: i64) -> Option<()> {
        match letter {
            'u' if of == Of::Simple => self.weekday = Some(value % 7),
            'y' | 'u' => self.year = Some(value),
            'Y' => self.week_year = Some(value),
            'w' => self.week = Some(value),
            'e' | 'c' => self.weekday = Some(value - 1),
            'M' | 'L' => self.month = Some(value),
            'd' => self.day = Some(value),
            'D' => self.day_of_year = Some(value),
            'H' => self.hour = Some(value),
            'k' => self.hour = Some(value % 24),
            'K' => self.half_hour = Some(value),
            'h' => self.half_hour = Some(value % 12),
            'm' => self.minute = value,
            's' => self.second = value,
            'S' => self.nanos = value.checked_mul(1_000_000)?,
            'n' => self.nanos = value,
            _ => {}
        }
        Some(())
    }

    fn time(&self, of: Of) -> Option<NaiveDateTime> {
        let hour = match (self.hour, self.half_hour) {
            (None, Some(half)) if half < 12 => half + if self.is_pm { 12 } else { 0 },
            (None, Some(_)) => return None,
            (hour, _) => hour.unwrap_or_default(),
        };
        let [hour, minute, second] =
            [hour, self.minute, self.second].map(|n| u32::try_from(n).ok());
        let nanos = u32::try_from(self.nanos).ok()?;
        self.date(of)?.and_hms_nano_opt(hour?, minute?, second?, nanos)
    }

    fn date(&self, of: Of) -> Option<NaiveDate> {
        let by_week = match of {
            Of::Formatter => {
                self.week_year.is_some() && self.week.is_some() && self.weekday.is_some()
            }
            // The year of weeks counts where it stands, and months and days beside it do not.
            Of::Simple => self.week_year.is_some(),
        };
        if by_week {
            let first = first_sunday(i32::try_from(self.week_year?).ok()?)?;
            let days = (self.week.unwrap_or(1) - 1) * 7 + self.weekday.unwrap_or_default();
            return first.checked_add_days(Days::new(u64::try_from(days).ok()?));
        }
        let year = i32::try_from(self.year.unwrap_or(1970)).ok()?;
        if let (Some(day), None) = (self.day_of_year, self.day) {
            return NaiveDate::from_yo_opt(year, u32::try_from(day).ok()?);
        }
        let [month, day] = [self.month, self.day].map(|n| u32::try_from(n.unwrap_or(1)).ok());
        NaiveDate::from_ymd_opt(year, month?, day?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, pattern: &str, of: Of) -> Option<String> {
        let read = Format::new(pattern, of).unwrap().read(text)?;
        Some(format!("{} {}", read.time, read.ahead.map_or("-".into(), |s| s.to_string())))
    }

    #[test]
    fn zones_and_weeks_are_read() {
        let read = |text: &str, pattern: &str, of| read(text, pattern, of).unwrap_or_default();
        let time = "2020-12-30T12:13:14";
        for (zone, letters, ahead) in
            [("Z", "X", 0), ("+02", "X", 7_200), ("-0230", "XX", -9_000), ("+02:00", "XXX", 7_200)]
        {
            for of in [Of::Formatter, Of::Simple] {
                assert_eq!(
                    read(&format!("{time}{zone}"), &format!("yyyy-MM-dd'T'HH:mm:ss{letters}"), of),
                    format!("2020-12-30 12:13:14 {ahead}")
                );
            }
        }
        assert_eq!(read("2020-10", "YYYY-ww", Of::Simple), "2020-03-01 00:00:00 -");
        assert_eq!(read("2020-10", "YYYY-ww", Of::Formatter), "1970-01-01 00:00:00 -");
        assert_eq!(read("2020-12-30", "YYYY-MM-dd", Of::Simple), "2019-12-29 00:00:00 -");
        assert_eq!(read("2020-12-30 and more", "yyyy-MM-dd", Of::Simple), "2020-12-30 00:00:00 -");
        assert_eq!(read("20201230 1 PM", "yyyyMMdd h a", Of::Formatter), "2020-12-30 13:00:00 -");
    }

    #[test]
    fn other_texts_are_none() {
        for (text, pattern) in [
            ("30/12/2020", "yyyy"),
            ("2020-12-30 and more", "yyyy-MM-dd"),
            ("2020-12-30T12+02:00", "yyyy-MM-dd'T'HHX"),
            ("2020-13-01", "yyyy-MM-dd"),
        ] {
            assert_eq!(read(text, pattern, Of::Formatter), None, "{text}");
        }
    }
}
