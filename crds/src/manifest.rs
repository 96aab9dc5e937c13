//! Reads a manifest file: exactly one StreamJob, every mistake named with its place.
//!
//! Unknown fields are found by walking the CRD's own schema, not by serde: the controller reads
//! the same types from a cluster whose CRD may be newer, and must not refuse those.

use serde::Deserialize;
use serde_json::Value;

use crate::{API_VERSION, FieldError, Place, StreamJob, validate};

mod unknown;

/// Why a text is not a StreamJob manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Not YAML at all.
    #[error("cannot read the manifest as YAML: {problem}")]
    Yaml {
        /// What the parser says, with line and column.
        problem: String,
    },
    /// No document, or several.
    #[error("the manifest holds {found} documents: a file describes exactly one StreamJob")]
    Documents {
        /// How many there are.
        found: usize,
    },
    /// Another kind of object.
    #[error("{field} is {found}: expected {expected}")]
    WrongKind {
        /// `apiVersion` or `kind`.
        field: &'static str,
        /// What it is.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
    /// Fields that are not right, each with its place.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Fields(Vec<LocatedError>),
}

/// A field that is not right, and its line where it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocatedError {
    /// The field and the problem.
    pub error: FieldError,
    /// Line from 1.
    pub line: Option<usize>,
}

impl std::fmt::Display for LocatedError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.error),
            None => self.error.fmt(f),
        }
    }
}

/// Reads one StreamJob from `yaml` and checks it for running in this process.
///
/// The rules of a cluster (a bucket is needed, no local directory) are not applied; the controller
/// applies them with [`validate`].
pub fn parse_stream_job(yaml: &str) -> Result<StreamJob, ManifestError> {
    let value = single_document(yaml)?;
    expect_kind(&value)?;
    let located = |error: FieldError| LocatedError { line: line_of(yaml, &error.path), error };
    let unknown = unknown::fields(&value);
    if !unknown.is_empty() {
        return Err(ManifestError::Fields(unknown.into_iter().map(located).collect()));
    }
    let job: StreamJob = serde_path_to_error::deserialize(&value).map_err(|error| {
        let path = error.path().to_string();
        let problem = error.into_inner().to_string();
        ManifestError::Fields(vec![located(FieldError { path, problem })])
    })?;
    let mut errors = name_errors(&job);
    errors.extend(validate(&job.spec, Place::Local).into_iter().filter(fits_any_place));
    if errors.is_empty() {
        Ok(job)
    } else {
        Err(ManifestError::Fields(errors.into_iter().map(located).collect()))
    }
}

/// The manifest of `job` as YAML, without status and without what the API server adds.
pub fn to_manifest(job: &StreamJob) -> String {
    let mut job = job.clone();
    job.status = None;
    job.metadata.managed_fields = None;
    serde_yaml_ng::to_string(&job).expect("a StreamJob is plain data")
}

/// A manifest for a cluster is read here too, and `configMapRef` is right there.
fn fits_any_place(error: &FieldError) -> bool {
    error.path != "spec.program.sql.configMapRef"
}

fn single_document(yaml: &str) -> Result<Value, ManifestError> {
    let mut documents = Vec::new();
    for document in serde_yaml_ng::Deserializer::from_str(yaml) {
        let value = Value::deserialize(document)
            .map_err(|error| ManifestError::Yaml { problem: error.to_string() })?;
        if !value.is_null() {
            documents.push(value);
        }
    }
    match <[Value; 1]>::try_from(documents) {
        Ok([value]) => Ok(value),
        Err(documents) => Err(ManifestError::Documents { found: documents.len() }),
    }
}

fn expect_kind(value: &Value) -> Result<(), ManifestError> {
    for (field, expected) in [("apiVersion", API_VERSION), ("kind", "StreamJob")] {
        let found = value.get(field).and_then(Value::as_str);
        if found != Some(expected) {
            let found = found.map_or_else(|| "missing".to_owned(), |text| format!("{text:?}"));
            return Err(ManifestError::WrongKind { field, found, expected });
        }
    }
    Ok(())
}

fn name_errors(job: &StreamJob) -> Vec<FieldError> {
    let name = job.metadata.name.as_deref().unwrap_or_default();
    let first = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
    let rest = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if first && rest && !name.ends_with('-') && name.len() <= 40 {
        return Vec::new();
    }
    vec![FieldError {
        path: "metadata.name".to_owned(),
        problem: format!(
            "{name:?} is not a job's name: at most 40 lower-case letters, digits or '-', starting \
             with a letter"
        ),
    }]
}

/// The line of the deepest part of `path` that is found, for block-style YAML.
fn line_of(yaml: &str, path: &str) -> Option<usize> {
    let lines: Vec<&str> = yaml.lines().collect();
    let mut found = None;
    let mut from = 0;
    for part in path.split('.').map(|part| part.split('[').next().unwrap_or(part)) {
        let position = lines[from..].iter().position(|line| {
            let text = line.trim_start().trim_start_matches("- ");
            text.strip_prefix(part).is_some_and(|rest| rest.trim_start().starts_with(':'))
        });
        let Some(position) = position else { break };
        found = Some(from + position + 1);
        from += position + 1;
        if from > lines.len() {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests;
