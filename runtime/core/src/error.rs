//! Errors of operators, sources, sinks and state while a job runs.

/// Any error as a cause.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// The result of engine code.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a subtask cannot go on. Each variant says whether a restart can help.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The user's data or statement is at fault; a restart meets it again.
    #[error("{what}")]
    User {
        /// What is wrong, where, and what would be right.
        what: String,
    },
    /// An outside system failed; a restart may help.
    #[error("{what}")]
    External {
        /// The failed action and its subject.
        what: String,
        /// Why.
        #[source]
        source: BoxError,
    },
    /// State could not be read or written.
    #[error("{what}")]
    State {
        /// The failed action and its subject.
        what: String,
        /// Why.
        #[source]
        source: BoxError,
    },
    /// Arrow refused a computation.
    #[error("computing on a batch failed")]
    Arrow(#[from] arrow::error::ArrowError),
}

impl Error {
    /// A mistake of the user.
    pub fn user(what: impl Into<String>) -> Self {
        Self::User { what: what.into() }
    }

    /// A failure of an outside system.
    pub fn external(what: impl Into<String>, source: impl Into<BoxError>) -> Self {
        Self::External { what: what.into(), source: source.into() }
    }

    /// A failure of the state backend.
    pub fn state(what: impl Into<String>, source: impl Into<BoxError>) -> Self {
        Self::State { what: what.into(), source: source.into() }
    }

    /// The error and its causes on one line.
    pub fn chain(&self) -> String {
        chain(self)
    }
}

/// An error and its causes on one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
