//! Jobs over Kafka through the binary itself: against real brokers when `SABOT_TEST_KAFKA` names them,
//! as `make test-kafka` does, else against the client library's mock brokers.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test, its helpers included, fails by panicking"
)]

mod kafka {
    mod aligned;
    mod avro;
    mod broker;
    #[allow(dead_code, reason = "shared with another test")]
    #[path = "../../../connectors/src/kafka/tests/brokers.rs"]
    mod brokers;
    mod changes;
    mod csv;
    mod exactly_once;
    mod headers;
    mod lookups;
    mod moving;
    mod places;
    mod secure;
    mod ttl;
    mod upserts;
}
#[allow(dead_code, reason = "shared with another test")]
#[path = "bad_input/sabot.rs"]
mod sabot;
