//! What is wrong from outside - a manifest, a statement, a bucket, a disk, a checkpoint, a row, a
//! second process - through the binary itself.
//!
//! Each case breaks one thing around a job that is half done, and checks that the command fails
//! with the place and the remedy, that nothing durable has changed, and that the job comes to
//! its complete output, once, when the fault is removed. The messages' variants are tested where
//! they are made; here are one or two of each class.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test, its helpers included, fails by panicking"
)]

mod bad_input {
    mod s3;
    mod sabot;
    mod table;
    mod world;

    mod buckets;
    mod checkpoints;
    mod directories;
    mod manifests;
    mod rows;
}
