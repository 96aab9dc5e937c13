//! Tests of Sabot as a whole: the simulation, the answers of batch queries to compare with, and
//! the rules of the repository.

pub mod oracle;
pub mod sim;
