//! Reads and checks the options of `WITH (...)`.

use std::collections::BTreeMap;
use std::time::Duration;

use sabot_core::options::is_secret;

/// Which way rows go through a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The job reads the table.
    Source,
    /// The job writes the table.
    Sink,
}

impl Role {
    /// The word for messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Sink => "sink",
        }
    }

    /// The other one.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Source => Self::Sink,
            Self::Sink => Self::Source,
        }
    }
}

/// What a user wrote wrong in `CREATE TABLE`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    /// No `connector`.
    #[error("table {table}: option 'connector' is missing; known connectors: {known}")]
    NoConnector {
        /// The table.
        table: String,
        /// The connectors that there are.
        known: Box<str>,
    },
    /// There is no such connector.
    #[error("table {table}: unknown connector '{name}'{hint}; known connectors: {known}")]
    UnknownConnector {
        /// The table.
        table: String,
        /// What was written.
        name: String,
        /// ` (did you mean ...?)` or nothing.
        hint: Box<str>,
        /// The connectors that there are.
        known: Box<str>,
    },
    /// The connector cannot be read, or not be written.
    #[error("table {table}: connector '{name}' cannot be used as a {role}; it is a {other} only")]
    WrongRole {
        /// The table.
        table: String,
        /// The connector.
        name: String,
        /// What the job wants.
        role: &'static str,
        /// What the connector is.
        other: &'static str,
    },
    /// Rows change and go, which the sink cannot write.
    #[error(
        "table {table}: the rows that are written to it change and go (+I, -U, +U, -D), which \
         connector '{name}' with this format cannot write: use 'print', 'blackhole' or \
         'format' = 'debezium-json', or aggregate over windows"
    )]
    Changes {
        /// The table.
        table: String,
        /// The connector.
        name: &'static str,
    },
    /// `PARTITIONED BY` of a table whose connector knows no partitions.
    #[error(
        "table {table}: connector '{name}' knows no PARTITIONED BY: leave it out, or use \
         'filesystem'"
    )]
    Partitioned {
        /// The table.
        table: String,
        /// The connector.
        name: &'static str,
    },
    /// The connector has no such option.
    #[error(
        "table {table}: unknown option '{option}' of connector '{connector}' as a {role}{hint}; \
         known options: {known}"
    )]
    UnknownOption {
        /// The table.
        table: String,
        /// The option.
        option: String,
        /// The connector.
        connector: &'static str,
        /// How the table is used.
        role: &'static str,
        /// ` (did you mean ...?)` or nothing.
        hint: Box<str>,
        /// The options that there are.
        known: Box<str>,
    },
    /// A required option is missing.
    #[error("table {table}: option '{option}' is missing: set it to {expected}")]
    Missing {
        /// The table.
        table: String,
        /// The option.
        option: String,
        /// What it takes.
        expected: String,
    },
    /// An option's value cannot be used.
    #[error("table {table}: option '{option}' = '{value}' is not valid: expected {expected}")]
    BadValue {
        /// The table.
        table: String,
        /// The option.
        option: String,
        /// What was written.
        value: String,
        /// What would be right.
        expected: String,
    },
    /// An option does not belong to what it is about.
    #[error("table {table}: option '{option}' {problem}")]
    Unfit {
        /// The table.
        table: String,
        /// The option.
        option: String,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// A column cannot be read or written by the connector.
    #[error("table {table}: column '{column}' {problem}")]
    Column {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// What is wrong and what would be right.
        problem: String,
    },
}

impl OptionError {
    /// The option that is at fault, when it is one that was written.
    pub fn option(&self) -> Option<&str> {
        match self {
            Self::UnknownOption { option, .. }
            | Self::BadValue { option, .. }
            | Self::Unfit { option, .. } => Some(option),
            Self::UnknownConnector { .. } | Self::WrongRole { .. } => Some("connector"),
            Self::NoConnector { .. }
            | Self::Missing { .. }
            | Self::Column { .. }
            | Self::Partitioned { .. }
            | Self::Changes { .. } => None,
        }
    }

    /// The column that is at fault.
    pub fn column(&self) -> Option<&str> {
        match self {
            Self::Column { column, .. } => Some(column),
            _ => None,
        }
    }
}

impl From<OptionError> for sabot_core::Error {
    fn from(error: OptionError) -> Self {
        Self::user(error.to_string())
    }
}

/// The options of one table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options<'a> {
    /// The table's name, for messages.
    pub(crate) table: &'a str,
    /// `WITH (...)`.
    pub(crate) map: &'a BTreeMap<String, String>,
}

impl<'a> Options<'a> {
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        self.map.get(name).map(String::as_str)
    }

    /// The columns of `PARTITIONED BY`.
    pub(crate) fn partitions(&self) -> Vec<String> {
        sabot_core::partitions::of_options(self.map)
    }

    pub(crate) fn required(&self, name: &str, expected: &str) -> Result<&'a str, OptionError> {
        match self.get(name) {
            Some("") => Err(self.bad(name, expected)),
            Some(value) => Ok(value),
            None => Err(self.missing(name, expected)),
        }
    }

    pub(crate) fn missing(&self, name: &str, expected: &str) -> OptionError {
        OptionError::Missing {
            table: self.table.to_owned(),
            option: name.to_owned(),
            expected: expected.to_owned(),
        }
    }

    /// The error about a value that was written.
    pub(crate) fn bad(&self, name: &str, expected: impl Into<String>) -> OptionError {
        let value = if is_secret(name) { "***" } else { self.get(name).unwrap_or_default() };
        OptionError::BadValue {
            table: self.table.to_owned(),
            option: name.to_owned(),
            value: value.to_owned(),
            expected: expected.into(),
        }
    }

    pub(crate) fn column(&self, column: &str, problem: impl Into<String>) -> OptionError {
        OptionError::Column {
            table: self.table.to_owned(),
            column: column.to_owned(),
            problem: problem.into(),
        }
    }

    pub(crate) fn boolean(&self, name: &str) -> Result<Option<bool>, OptionError> {
        self.one_of(name, &[("true", true), ("false", false)])
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, OptionError> {
        self.get(name)
            .map(|text| text.parse().map_err(|_| self.bad(name, "a whole number from 0")))
            .transpose()
    }

    /// One of a few words, in any case.
    pub(crate) fn one_of<T: Copy>(
        &self,
        name: &str,
        words: &[(&str, T)],
    ) -> Result<Option<T>, OptionError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let found = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
        found.map(|(_, value)| Some(*value)).ok_or_else(|| {
            let all: Vec<_> = words.iter().map(|(word, _)| format!("'{word}'")).collect();
            self.bad(name, all.join(" or "))
        })
    }

    /// A size as Flink writes it: `200b`, `1 kb`, `2 mb`; without a unit bytes.
    pub(crate) fn bytes(&self, name: &str) -> Result<Option<u64>, OptionError> {
        self.get(name)
            .map(|text| {
                parse_bytes(text).ok_or_else(|| self.bad(name, "a size such as '200b' or '1 kb'"))
            })
            .transpose()
    }

    /// A duration as Flink writes it: `500 ms`, `5s`, `1 min`.
    pub(crate) fn duration(&self, name: &str) -> Result<Option<Duration>, OptionError> {
        self.get(name)
            .map(|text| {
                parse_duration(text)
                    .ok_or_else(|| self.bad(name, "a duration such as '500 ms', '5 s' or '1 min'"))
            })
            .transpose()
    }
}

fn parse_bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = text[..digits].parse().ok()?;
    let unit = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "" | "b" | "bytes" => 1,
        "k" | "kb" | "kibibytes" => 1 << 10,
        "m" | "mb" | "mebibytes" => 1 << 20,
        "g" | "gb" | "gibibytes" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(unit)
}

fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = text[..digits].parse().ok()?;
    let millis = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "" | "ms" | "milli" | "millis" | "millisecond" | "milliseconds" => 1,
        "s" | "sec" | "secs" | "second" | "seconds" => 1000,
        "m" | "min" | "mins" | "minute" | "minutes" => 60_000,
        "h" | "hour" | "hours" => 3_600_000,
        "d" | "day" | "days" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(millis).map(Duration::from_millis)
}

/// ` (did you mean '...'?)` when something known is close to `text`, else nothing.
pub(crate) fn did_you_mean<'a>(text: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let text = text.to_ascii_lowercase();
    let closest = known
        .into_iter()
        .map(|word| (edit_distance(&text, word), word))
        .min()
        .filter(|(distance, word)| *distance <= (word.len() / 4).max(2));
    closest.map_or_else(String::new, |(_, word)| format!(" (did you mean '{word}'?)"))
}

/// The Levenshtein distance in bytes.
fn edit_distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_is_answered_with_the_closest_word() {
        let known = ["format", "path", "number-of-rows"];
        assert_eq!(did_you_mean("fromat", known), " (did you mean 'format'?)");
        assert_eq!(did_you_mean("number-of-row", known), " (did you mean 'number-of-rows'?)");
        assert_eq!(did_you_mean("topic", known), "");
    }

    #[test]
    fn sizes_are_read_as_flink_writes_them() {
        for (text, bytes) in [("200b", 200), ("7", 7), ("1 kb", 1024), ("2m", 2 << 20)] {
            assert_eq!(parse_bytes(text), Some(bytes), "{text}");
        }
        assert_eq!(parse_bytes("1 x"), None);
    }

    #[test]
    fn durations_are_read_as_flink_writes_them() {
        for (text, millis) in [("500 ms", 500), ("5s", 5000), ("1 min", 60_000), ("7", 7)] {
            assert_eq!(parse_duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "s", "5 parsecs", "-1 s", "99999999999999999999 s"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}
