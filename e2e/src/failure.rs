//! Why a case failed: one text for people, whatever went wrong.

use std::fmt;

/// Why a case failed. Not an `Error` itself, so that `?` takes every error.
#[derive(Debug, Clone)]
pub(crate) struct Failure(pub String);

/// What the steps of a case return.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// Says what was being done.
    #[must_use]
    pub(crate) fn during(self, what: impl fmt::Display) -> Self {
        Self(format!("{what}: {}", self.0))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        Self(text)
    }
}

/// Ends a case.
pub(crate) fn fail<T>(why: impl Into<String>) -> Outcome<T> {
    Err(Failure(why.into()))
}

/// Ends a case unless `holds`.
pub(crate) fn ensure(holds: bool, why: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(Failure(why())) }
}
