//! The coordinator: owns a job's attempt, and orders its checkpoints, savepoints and restarts.
//!
//! [`machine`] decides: a step function over events, without a clock, a socket or a store.
//! [`driver`] acts: it carries out effects and turns their outcomes into events. [`api`] is the
//! controller's way in.

pub mod api;
pub mod driver;
pub mod machine;
pub mod metrics;

pub use driver::{Coordinator, CoordinatorConfig, CoordinatorHandle};
pub use machine::{ExitReason, MachineConfig, Start};
