//! A pod's worker: runs the slots of an attempt and answers the coordinator.
//!
//! `align`, `watermarks` and `drift` only decide; `tasklet` and `slot` run operators on one thread without
//! waiting for anything; `deploy` builds them; `driver` owns the streams, threads and retries.

mod align;
mod chain;
mod deploy;
mod drift;
mod driver;
mod lookup;
pub mod metrics;
mod slot;
mod tasklet;
mod upload;
mod watermarks;

pub use deploy::DeployError;
pub use driver::{Network, StateBackendConfig, Worker, WorkerConfig};
pub use metrics::{PodMetrics, PodStatus};
