//! Durations as manifests write them: `10s`, `500ms`, `1m30s`.

use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The grammar, for the schema.
const PATTERN: &str = "^([0-9]+(ms|s|m|h|d))+$";

/// A duration in the user's own words; [`DurationText::parse`] reads it.
///
/// It keeps the text, so that a malformed one comes back as a field error with its path instead of
/// making the whole object unreadable.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DurationText(String);

/// A text that is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a duration: write numbers with units, such as 500ms, 10s or 1m30s")]
pub struct InvalidDuration {
    /// What was given.
    pub text: String,
}

impl DurationText {
    /// Keeps the text; nothing is checked yet.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads the duration: one or more of a whole number and `ms`, `s`, `m`, `h` or `d`.
    pub fn parse(&self) -> Result<Duration, InvalidDuration> {
        let invalid = || InvalidDuration { text: self.0.clone() };
        if self.0.is_empty() {
            return Err(invalid());
        }
        let mut total = Duration::ZERO;
        let mut rest = self.0.as_str();
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let number: u64 = rest[..digits].parse().map_err(|_| invalid())?;
            rest = &rest[digits..];
            let letters = rest.bytes().take_while(u8::is_ascii_lowercase).count();
            let millis = match &rest[..letters] {
                "ms" => 1,
                "s" => 1_000,
                "m" => 60_000,
                "h" => 3_600_000,
                "d" => 86_400_000,
                _ => return Err(invalid()),
            };
            let part = number.checked_mul(millis).ok_or_else(invalid)?;
            total = total.checked_add(Duration::from_millis(part)).ok_or_else(invalid)?;
            rest = &rest[letters..];
        }
        Ok(total)
    }

    /// The duration, or `fallback` when the text is malformed (validation has refused it before).
    pub fn or(&self, fallback: Duration) -> Duration {
        self.parse().unwrap_or(fallback)
    }
}

impl fmt::Display for DurationText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl JsonSchema for DurationText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": PATTERN, "maxLength": 32 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_add_their_parts() {
        for (text, millis) in
            [("500ms", 500), ("10s", 10_000), ("1m30s", 90_000), ("1h", 3_600_000), ("0s", 0)]
        {
            assert_eq!(
                DurationText::new(text).parse().unwrap(),
                Duration::from_millis(millis),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_not_a_duration_is_refused() {
        for text in ["", "10", "s", "10 s", "-1s", "1.5s", "10S", "99999999999999999999d", "1é"] {
            assert!(DurationText::new(text).parse().is_err(), "{text:?} was accepted");
        }
    }
}
