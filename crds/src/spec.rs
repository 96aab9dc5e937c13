//! The parts of a `StreamJob`'s spec, a file each topic.
//!
//! A new field goes here and into `validate.rs`, which does not compile until it is handled.

mod operations;
mod program;
mod state;
mod workers;

pub use operations::{
    CheckpointSpec, DesiredState, LogLevel, MonitoringSpec, OnDelete, OnFailure,
    OnSavepointFailure, PerformanceSpec, Preflight, RestoreMode, RestoreSpec, RolloutSpec,
    SavepointsSpec, StateMode, Surge, UpgradeSpec,
};
pub use program::{ConfigMapKeyRef, Program, SqlProgram};
pub use state::{Backend, LocalStorage, S3Auth, S3Storage, SecretRef, StateSpec, Storage};
pub use workers::{PodTemplate, PodTemplateMetadata, WorkersSpec};
