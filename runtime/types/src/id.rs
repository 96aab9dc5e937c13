//! The ids that name jobs, operators, operations and numbers that only grow.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A text that is not a valid id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid {what} {text:?}: expected {expected}")]
pub struct InvalidId {
    /// Which id was being read.
    pub what: &'static str,
    /// What was given.
    pub text: String,
    /// The grammar, for people.
    pub expected: &'static str,
}

fn is_path_safe(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 128
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        && !text.starts_with('.')
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $expected:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Reads the id, refusing a text outside its grammar.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                let check: fn(&str) -> bool = $check;
                if check(&text) {
                    Ok(Self(text))
                } else {
                    Err(InvalidId { what: $what, text, expected: $expected })
                }
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// Names one job for its whole life: the Kubernetes uid of its StreamJob, or `local-<name>`.
    JobUid,
    "job uid",
    "1 to 128 letters, digits, '-', '_' or '.'",
    is_path_safe
);
text_id!(
    /// Names one operation of the controller (an upgrade, a savepoint, ...); safe as a path segment.
    OperationId,
    "operation id",
    "1 to 128 letters, digits, '-', '_' or '.'",
    is_path_safe
);
text_id!(
    /// The stable name of an operator, by its meaning and not its place in the plan: state,
    /// source positions and sink output are found again by it.
    OperatorUid,
    "operator uid",
    "1 to 512 characters without control characters",
    |text| !text.is_empty() && text.len() <= 512 && !text.chars().any(char::is_control)
);

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(u64);

        impl $name {
            /// Wraps the number.
            pub const fn new(number: u64) -> Self {
                Self(number)
            }

            /// The number.
            pub const fn get(self) -> u64 {
                self.0
            }

            /// The number after this one.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number_id!(
    /// The number of a checkpoint; strictly increasing through the life of a job, from 1.
    Epoch
);
number_id!(
    /// The fencing number of a running job, from 1; only grows.
    Attempt
);
number_id!(
    /// The number of a set (one StatefulSet made by one operation); only grows, from 1.
    SetNumber
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_refuse_what_would_escape_a_path() {
        for bad in ["", "a/b", "..", ".hidden", "a b", "ä"] {
            assert!(OperationId::new(bad).is_err(), "{bad:?} was accepted");
        }
        assert_eq!(OperationId::new("op-1").unwrap().as_str(), "op-1");
    }

    #[test]
    fn a_bad_id_is_refused_while_deserialising() {
        assert!(serde_json::from_str::<JobUid>("\"a/b\"").is_err());
    }
}
