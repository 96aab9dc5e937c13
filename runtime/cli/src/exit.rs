//! How the program ends: exit codes and the errors behind them.

use std::fmt;
use std::process::ExitCode;

use sabot_core::store::StoreError;

/// A way to end that is no error of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All is done.
    Success,
    /// A check has an answer, and it is no.
    Refused,
    /// Stopped by the user before everything was safe.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Success => Self::SUCCESS,
            Exit::Refused => Self::from(1),
            Exit::Interrupted => Self::from(130),
        }
    }
}

/// Why a command failed; the text is for people and stands alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CliError {
    /// What was given is wrong: trying again does not help.
    Config(String),
    /// Something failed: trying again may help.
    Failed(String),
}

impl std::error::Error for CliError {}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(message) | Self::Failed(message) => f.write_str(message),
        }
    }
}

impl CliError {
    /// A mistake in the configuration.
    pub fn config(message: String) -> Self {
        Self::Config(message)
    }

    /// A failure.
    pub fn failed(message: String) -> Self {
        Self::Failed(message)
    }

    /// A mistake in the SQL text that came from `origin`.
    pub fn sql(origin: &str, message: &str) -> Self {
        Self::Config(format!("{origin}: {message}"))
    }

    /// A store that cannot be used.
    pub fn store(uri: &str, error: &StoreError) -> Self {
        let message = format!("using the store {uri}: {}", chain(error));
        if error.is_lasting() { Self::Config(message) } else { Self::Failed(message) }
    }

    /// The exit code: 78 (`EX_CONFIG`) for a mistake in the configuration, else 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) => 78,
            Self::Failed(_) => 1,
        }
    }
}

/// An error and its causes on one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        // Some libraries repeat their cause in their own text.
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_bucket_is_a_configuration_error_and_an_outage_is_not() {
        let no_root = StoreError::NoRoot { root: "s3://missing".into() };
        assert_eq!(CliError::store("s3://missing/a", &no_root).exit_code(), 78);
        let outage = StoreError::Unavailable {
            action: "reading",
            key: "control.json".into(),
            source: "connection refused".into(),
        };
        let error = CliError::store("s3://b/a", &outage);
        assert_eq!(error.exit_code(), 1);
        assert_eq!(
            error.to_string(),
            "using the store s3://b/a: reading control.json failed: connection refused"
        );
    }
}
