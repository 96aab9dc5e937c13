//! The controller: turns `StreamJobs` into pods and carries changes through without losing state.
//!
//! One reconciliation looks at everything that belongs to a job, plans one effect from it and
//! carries it out ([`job`]); savepoints that are asked for as objects have a small one of their
//! own ([`savepoint`]). It never talks to object storage and cannot read Secrets: what needs
//! either is done by pods under the job's own service account.

pub mod context;
pub mod coordinator;
pub mod effects;
pub mod events;
pub mod failpoint;
pub mod job;
pub mod leader;
pub mod metrics;
pub mod reason;
pub mod run;
pub mod savepoint;
pub mod server;

#[cfg(test)]
mod testing;
