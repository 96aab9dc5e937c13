//! Formats: rows to bytes and back, shared by connectors.

pub(crate) mod json;
pub(crate) mod time;
