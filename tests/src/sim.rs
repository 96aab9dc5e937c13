//! A whole job in one thread from one seed: a coordinator, two workers and an object store, with
//! crashes, frozen processes, broken streams, and lost and late replies.
//!
//! Time is tokio's paused clock, which jumps to the next timer once nothing can run; randomness
//! is one generator; tasks of a simulated process can be frozen or killed together. The same
//! seed gives the same log.

mod check;
mod env;
mod job;
mod network;
mod pod;
mod scenario;
mod stage;

pub use check::{Outcome, expected};
pub use env::{Log, SimFile, SimStores, StoreFaults, Trap};
pub(crate) use env::{clock, process_env};
pub use job::SimJob;
pub use pod::{Pod, SetSpec};
pub use scenario::{Scenario, run};
pub use stage::Stage;
