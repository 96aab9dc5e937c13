//! Tests of Sabot as a whole: the simulation, and the rules of the repository.

pub mod sim;
