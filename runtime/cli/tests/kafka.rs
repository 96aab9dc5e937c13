//! Jobs over Kafka through the binary itself, against the client library's mock brokers.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test, its helpers included, fails by panicking"
)]

mod kafka {
    mod broker;
    mod changes;
    mod csv;
    mod headers;
    mod lookups;
}
#[allow(dead_code, reason = "shared with another test")]
#[path = "bad_input/sabot.rs"]
mod sabot;
