//! Where rows come from and go to.
//!
//! A connector is one folder (or file) here and one line of `registry.rs`. It says which options
//! it knows, checks them before anything starts, and opens [`sabot_core::Source`]s and
//! [`sabot_core::Sink`]s. Options are named as Flink names them.
//!
//! This crate knows no plan, no checkpoint and no store of its own: files are read and written
//! through the object stores of [`sabot_core::Env`].

mod blackhole;
mod commit;
mod datagen;
mod filesystem;
mod format;
mod kafka;
mod metadata;
mod nexmark;
mod options;
mod pace;
mod print;
mod registry;
mod splits;
#[cfg(test)]
mod testing;
mod values;

pub use commit::{commit, sweep};
pub use options::{OptionError, Role};
pub use print::{PrintTarget, set_print_target};
pub use registry::{
    TableRead, committer, connector_names, is_bounded, open_sink, open_source, open_table,
    remove_abandoned, validate, without_effect,
};
