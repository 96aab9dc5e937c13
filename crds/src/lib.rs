//! What users write: the `StreamJob` and `StreamSavepoint` resources, their rules, and how a
//! manifest file is read.
//!
//! The rules live three times on purpose: as schema and CEL (the API server refuses at once), as
//! [`validate`] (the controller and the command line say it with the field's path, also for what
//! CEL cannot see) and as types. This crate imports none of Sabot's other crates.

// The schema derive copies each public struct into a function body.
#![allow(unreachable_pub)]
// It repeats arguments for each print column, and descriptions are read without Markdown.
#![allow(clippy::duplicated_attributes, clippy::doc_markdown)]

mod duration;
mod generate;
mod manifest;
mod savepoint;
pub mod spec;
mod status;
mod stream_job;
mod validate;

pub use duration::{DurationText, InvalidDuration};
pub use generate::{CrdFile, crd_files};
pub use manifest::{LocatedError, ManifestError, parse_stream_job, to_manifest};
pub use savepoint::{
    JobReference, SavepointPhase, StreamSavepoint, StreamSavepointSpec, StreamSavepointStatus,
};
pub use status::*;
pub use stream_job::{StreamJob, StreamJobSpec};
pub use validate::{FieldError, Place, validate};

/// The API group of all resources.
pub const GROUP: &str = "sabot.dev";
/// The version that this crate describes.
pub const VERSION: &str = "v1alpha1";
/// `apiVersion` as manifests carry it.
pub const API_VERSION: &str = "sabot.dev/v1alpha1";
