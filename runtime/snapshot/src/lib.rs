//! Snapshots of a job: where they lie, what is in them, and the order in which they come to be.
//!
//! The stores ([`store`]: S3, local directory, memory), the objects' names ([`layout`]), the
//! manifest ([`manifest`]) and the segments with the rows ([`segment`]); the one object that
//! orders everything ([`control`]) and what goes through it: publishing ([`publish`]), saving ([`save`]), restoring
//! ([`restore`]), savepoints ([`savepoint`], [`inspect`]), garbage collection ([`gc`]) and
//! clean-up ([`cleanup`]).

mod chain;
pub mod cleanup;
mod content;
pub mod control;
pub mod gc;
pub mod inspect;
pub mod layout;
pub mod manifest;
pub mod publish;
pub mod restore;
pub mod save;
pub mod savepoint;
pub mod segment;
pub mod store;

#[cfg(test)]
mod testing;

pub use control::{ControlError, ControlStore, Loaded};
pub use manifest::{
    Manifest, ManifestError, ManifestHeader, ManifestKind, OperatorState, SegmentRef, SlotSnapshot,
    assemble,
};
pub use publish::{PublishError, publish_checkpoint};
pub use restore::{LoadedManifest, RestoreError, load_manifest, read_rows};
pub use savepoint::{SavepointInfo, create_savepoint};
pub use segment::{Encoded, SegmentError, SegmentReader};
pub use store::{S3Config, UriStores, check_conditional_writes};
