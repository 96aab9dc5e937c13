//! The manifest: what a checkpoint or savepoint consists of.
//!
//! Text of two parts: a line with the length and checksum of the rest, then the manifest as JSON.
//! Immutable once written.

mod assemble;
mod codec;

use std::collections::BTreeMap;

use sabot_core::state::StateSpec;
use sabot_core::store::StoreError;
use sabot_core::{Committable, SplitState};
use sabot_types::{Attempt, Epoch, EventTime, JobUid, KeyGroupCount, OperatorUid};
use serde::{Deserialize, Serialize};

pub use assemble::{AssembleError, ManifestHeader, SlotSnapshot, assemble};

/// The version of the manifest's format that this code writes. It also reads those of
/// [`OLDEST_FORMAT_VERSION`].
pub const FORMAT_VERSION: u32 = 2;

/// Before states said how their values are encoded; all were as
/// [`sabot_core::state::ValueEncoding::Sortable`] says.
pub const OLDEST_FORMAT_VERSION: u32 = 1;

/// Whether the job or the user owns the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ManifestKind {
    /// Automatic, collected by the job.
    Checkpoint,
    /// Asked for, self-contained, owned by the user.
    Savepoint,
}

/// What a checkpoint or savepoint consists of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// The job that wrote it.
    pub job_uid: JobUid,
    /// The attempt that wrote it.
    pub attempt: Attempt,
    /// The checkpoint's number.
    pub epoch: Epoch,
    /// When it was assembled, milliseconds since the Unix epoch.
    pub created_at_ms: i64,
    /// Whether the job or the user owns it.
    pub kind: ManifestKind,
    /// The job's key groups; a job never changes them.
    pub key_groups: KeyGroupCount,
    /// The version of the hash that routed the keys.
    pub hash_version: u32,
    /// How many slots wrote it.
    pub parallelism: u32,
    /// The version of Sabot that wrote it.
    pub sabot_version: String,
    /// Operators with state, sources among them.
    pub operators: BTreeMap<OperatorUid, OperatorState>,
    /// Where the rows of keyed state are: of each slot a segment with all its rows, then, by epoch,
    /// those with what changed.
    pub segments: Vec<SegmentRef>,
    /// Output that is not yet confirmed as committed, also of earlier epochs.
    pub committables: Vec<Committable>,
    /// Whether the input has ended.
    pub finished: bool,
}

impl Manifest {
    /// Bytes of all segments.
    pub fn size_bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.size).sum()
    }

    /// The object's bytes. Equal manifests have equal bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Reads the object's bytes; `uri` names the object in errors.
    pub fn from_bytes(bytes: &[u8], uri: &str) -> Result<Self, ManifestError> {
        codec::decode(bytes, uri)
    }
}

/// What an operator has to know after a restore, besides its keyed rows.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OperatorState {
    /// The operator's watermark.
    pub watermark: Option<EventTime>,
    /// How far a source has been read.
    pub splits: Vec<SplitState>,
    /// The operator's keyed states.
    pub states: Vec<StateSpec>,
}

/// Names a segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SegmentRef {
    /// The key, relative to the manifest's root: the job's root, or the savepoint's folder.
    pub key: String,
    /// Bytes of the object.
    pub size: u64,
    /// Checksum of the whole object.
    pub crc32: u32,
    /// The slot that wrote it.
    pub slot: u32,
    /// The epoch in which it was written.
    pub epoch: Epoch,
    /// Which of the slot's segments of the epoch it is.
    #[serde(default)]
    pub part: u32,
    /// Rows in it.
    pub rows: u64,
}

/// Why a manifest could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// There is no such object.
    #[error(
        "manifest {uri} does not exist: correct the location, or restore another savepoint or \
         retained checkpoint"
    )]
    Missing {
        /// The object.
        uri: String,
    },
    /// The object's content is not what was written.
    #[error("manifest {uri} is damaged ({what}): restore another savepoint or retained checkpoint")]
    Corrupt {
        /// The object.
        uri: String,
        /// What does not fit.
        what: String,
    },
    /// Written by another version.
    #[error(
        "manifest {uri} has format version {found}, this version of Sabot reads \
         {OLDEST_FORMAT_VERSION} to {FORMAT_VERSION}: use the version that wrote it"
    )]
    FormatVersion {
        /// The object.
        uri: String,
        /// What it says.
        found: u64,
    },
    /// The store failed.
    #[error("reading manifest {uri} failed")]
    Store {
        /// The object.
        uri: String,
        /// Why.
        #[source]
        source: StoreError,
    },
}

impl ManifestError {
    /// Whether reading the same object again fails again until a person changes something.
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Missing { .. } | Self::Corrupt { .. } | Self::FormatVersion { .. } => true,
            Self::Store { source, .. } => source.is_lasting(),
        }
    }
}

#[cfg(test)]
mod tests;
