//! The binary `sabot`: runs jobs in one process or as pods, checks and explains them, and looks
//! into savepoints. One file a subcommand.

mod against;
pub mod cleanup;
pub mod exit;
pub mod explain;
pub mod http;
pub mod job_config;
pub mod logging;
pub mod pod;
pub mod preflight;
pub mod program;
pub mod run;
pub mod run_progress;
pub mod savepoint;
mod starting_state;
pub mod table;
pub mod termination;
pub mod validate;
pub mod worker;
