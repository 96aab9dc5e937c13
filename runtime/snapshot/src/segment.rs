//! Segments: the keyed rows of one slot at one epoch, as immutable objects: all of them, or
//! those that changed since the slot's segments before.
//!
//! ```text
//! magic, version                                                12 bytes
//! block ...      rows of one (state, namespace), a span of key groups; lz4 where that helps
//! index          the states' specs, the dropped namespaces, then one entry a block
//! trailer        length and checksum of the index, version, magic  20 bytes
//! ```
//! Every block and the index have their own checksum, so that a reader that takes only some key
//! groups notices damage too. Numbers are little-endian.

mod block;
mod buffers;
mod index;
mod read;
mod write;

use std::ops::RangeInclusive;

use bytes::Bytes;
use sabot_core::Clock;
use sabot_core::store::{ObjectStore, StoreError};
use sabot_types::{Attempt, Epoch, OperatorUid};

use crate::content::Content;
use crate::layout;
use crate::manifest::SegmentRef;
use crate::store::{PutOnceError, object_uri, put_once};

pub use read::{BATCH_ROWS, SegmentReader, StateSize};
pub use write::{Give, encode, encode_changes};

const MAGIC: [u8; 8] = *b"SABOTSEG";
const VERSION: u32 = 3;
/// Those that can be read.
const VERSIONS: RangeInclusive<u32> = 2..=VERSION;
const HEADER_BYTES: usize = 12;
const TRAILER_BYTES: usize = 20;

/// A segment's bytes.
#[derive(Debug, Clone)]
pub struct Encoded {
    /// The whole object.
    pub bytes: Bytes,
    /// Checksum of the whole object.
    pub crc32: u32,
    /// Rows in it.
    pub rows: u64,
    /// What they are, roughly.
    pub content: Content,
}

/// Why a segment was not written or read.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// The state could not be visited.
    #[error("visiting state {state:?} of operator {operator} failed")]
    Visit {
        /// The operator.
        operator: OperatorUid,
        /// The state.
        state: String,
        /// Why.
        #[source]
        source: sabot_core::Error,
    },
    /// One state was given twice.
    #[error("state {state:?} of operator {operator} was frozen twice for one segment")]
    StateTwice {
        /// The operator.
        operator: OperatorUid,
        /// The state.
        state: String,
    },
    /// A row that no segment can hold.
    #[error(
        "a row of {bytes} bytes in state {state:?} of operator {operator} is too large: a key and \
         its value may take 1 GiB"
    )]
    RowTooLarge {
        /// The operator.
        operator: OperatorUid,
        /// The state.
        state: String,
        /// Bytes of key and value.
        bytes: usize,
    },
    /// The task that encodes has died.
    #[error("the state of slot {slot} was not encoded: its task ended too early")]
    Unencoded {
        /// The slot.
        slot: u32,
    },
    /// The object is gone.
    #[error("segment {uri} does not exist: restore another savepoint or retained checkpoint")]
    Missing {
        /// The object.
        uri: String,
    },
    /// The object's content is not what was written.
    #[error("segment {uri} is damaged ({what}): restore another savepoint or retained checkpoint")]
    Corrupt {
        /// The object.
        uri: String,
        /// What does not fit.
        what: String,
    },
    /// Written by another version.
    #[error(
        "segment {uri} has format version {found}, this version of Sabot reads {} to {VERSION}: use \
         the version that wrote it",
        VERSIONS.start()
    )]
    FormatVersion {
        /// The object.
        uri: String,
        /// What it says.
        found: u32,
    },
    /// Another content has the segment's name.
    #[error("segment {uri} exists with another content: another process runs the same attempt")]
    Conflict {
        /// The object.
        uri: String,
    },
    /// The store failed.
    #[error("{action} segment {uri} failed")]
    Store {
        /// The call.
        action: &'static str,
        /// The object.
        uri: String,
        /// Why.
        #[source]
        source: StoreError,
    },
}

impl SegmentError {
    /// Whether reading the same object again fails again until a person changes something.
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Missing { .. }
            | Self::Corrupt { .. }
            | Self::FormatVersion { .. }
            | Self::RowTooLarge { .. } => true,
            Self::Visit { .. }
            | Self::Unencoded { .. }
            | Self::StateTwice { .. }
            | Self::Conflict { .. } => false,
            Self::Store { source, .. } => source.is_lasting(),
        }
    }
}

/// Uploads a part of what `slot` has for `epoch`; retried while the store is away for some seconds.
pub async fn upload_segment(
    store: &dyn ObjectStore,
    clock: &dyn Clock,
    attempt: Attempt,
    epoch: Epoch,
    (slot, part): (u32, u32),
    encoded: &Encoded,
) -> Result<SegmentRef, SegmentError> {
    let key = layout::segment(attempt, epoch, slot, part);
    let uri = object_uri(store, &key);
    put_once(store, clock, &key, encoded.bytes.clone()).await.map_err(|error| match error {
        PutOnceError::Conflict => SegmentError::Conflict { uri },
        PutOnceError::Store(source) => SegmentError::Store { action: "writing", uri, source },
    })?;
    Ok(SegmentRef {
        key,
        size: encoded.bytes.len() as u64,
        crc32: encoded.crc32,
        slot,
        epoch,
        part,
        rows: encoded.rows,
    })
}

#[cfg(test)]
mod tests;
