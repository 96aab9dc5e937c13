//! Reading and changing `control.json`, the one object that orders everything.
//!
//! A refused condition says nothing: an earlier try of the same write, whose reply was lost, may
//! be what it met. So after every doubtful reply the record is read back. What is stored carries
//! a mark of the writer beside the record: two processes that claim the same attempt at the same
//! moment would write equal records, and each would take the other's write for its own.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use sabot_core::store::{ObjectStore, PutCondition, StoreError, Version};
use sabot_core::{Clock, Env};
use sabot_types::ControlRecord;
use serde::{Deserialize, Serialize};

use crate::layout::CONTROL;
use crate::store::{RETRIES, backoff, object_uri};

/// Reads and changes a job's control record.
#[derive(Clone)]
pub struct ControlStore {
    store: Arc<dyn ObjectStore>,
    clock: Arc<dyn Clock>,
    writer: String,
}

/// The record as read or written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The record.
    pub record: ControlRecord,
    /// The object's version.
    pub version: Version,
    /// Who wrote it.
    writer: String,
}

/// Why the record was not read or changed.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Somebody else has changed the record since it was read. At the same `seq` our change did
    /// not happen; at a higher one it may have, before the other: either way the record is no
    /// longer ours to change.
    #[error(
        "{uri} was changed by another process: attempt {} of set {} owns the job",
        current.attempt,
        current.set
    )]
    Lost {
        /// The object.
        uri: String,
        /// The record as it is now.
        current: Box<ControlRecord>,
    },
    /// The change may or may not have happened, or may still happen. Calling again with the same
    /// arguments is safe and tells.
    #[error("the outcome of changing {uri} is not known")]
    Indeterminate {
        /// The object.
        uri: String,
        /// The last failure.
        #[source]
        source: StoreError,
    },
    /// The object is not a control record.
    #[error(
        "{uri} is damaged ({what}): restore the object from a backup of the store, or start the \
         job under another prefix from a savepoint"
    )]
    Corrupt {
        /// The object.
        uri: String,
        /// What does not fit.
        what: String,
    },
    /// The record is gone while the job runs.
    #[error("{uri} was deleted while the job runs: the job's objects were cleaned up")]
    Vanished {
        /// The object.
        uri: String,
    },
    /// The store failed; nothing was changed.
    #[error("accessing {uri} failed")]
    Store {
        /// The object.
        uri: String,
        /// Why.
        #[source]
        source: StoreError,
    },
}

impl ControlError {
    /// Whether reading the record again fails again until a person changes something.
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Corrupt { .. } | Self::Vanished { .. } => true,
            Self::Store { source, .. } => source.is_lasting(),
            Self::Lost { .. } | Self::Indeterminate { .. } => false,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Stored {
    #[serde(flatten)]
    record: ControlRecord,
    /// Absent in a record that a person wrote.
    #[serde(default)]
    writer: String,
}

impl Loaded {
    /// The mark of the process that wrote it.
    pub fn writer(&self) -> &str {
        &self.writer
    }
}

impl ControlStore {
    /// The mark that this process leaves.
    pub fn writer(&self) -> &str {
        &self.writer
    }

    /// The record in the root of `store`. Of `env` it takes the clock, and a random number that
    /// tells this writer from all others.
    pub fn new(store: Arc<dyn ObjectStore>, env: &Env) -> Self {
        let writer = format!("{:016x}", env.random.next_u64());
        Self { store, clock: Arc::clone(&env.clock), writer }
    }

    /// The store that holds the record.
    pub fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    /// The clock that waits are measured by.
    pub fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// The record; none before the job's first start.
    pub async fn read(&self) -> Result<Option<Loaded>, ControlError> {
        read(self.store.as_ref()).await
    }

    /// Writes the first record. [`ControlError::Lost`] when there is one.
    pub async fn create(&self, record: ControlRecord) -> Result<Loaded, ControlError> {
        self.write(None, record).await
    }

    /// Replaces the record that was `loaded` by `next`.
    pub async fn update(
        &self,
        loaded: &Loaded,
        next: ControlRecord,
    ) -> Result<Loaded, ControlError> {
        self.write(Some(loaded), next).await
    }

    async fn write(
        &self,
        base: Option<&Loaded>,
        next: ControlRecord,
    ) -> Result<Loaded, ControlError> {
        let condition =
            base.map_or(PutCondition::IfAbsent, |base| PutCondition::IfMatch(base.version.clone()));
        let stored = Stored { record: next, writer: self.writer.clone() };
        let bytes = Bytes::from(
            serde_json::to_vec_pretty(&stored).expect("a control record has only text keys"),
        );
        let mut tries = 1;
        loop {
            let doubt = match self.store.put(CONTROL, bytes.clone(), condition.clone()).await {
                Ok(version) => {
                    return Ok(Loaded { record: stored.record, version, writer: stored.writer });
                }
                Err(doubt @ (StoreError::Precondition { .. } | StoreError::Unavailable { .. })) => {
                    doubt
                }
                Err(source) => return Err(self.store_error(source)),
            };
            match self.read().await {
                Ok(Some(now)) if now.record == stored.record && now.writer == self.writer => {
                    return Ok(now);
                }
                Ok(now) if now.as_ref() == base => {}
                Ok(None) => return Err(ControlError::Vanished { uri: self.uri() }),
                Ok(Some(now)) => {
                    return Err(ControlError::Lost {
                        uri: self.uri(),
                        current: Box::new(now.record),
                    });
                }
                Err(ControlError::Store { source: StoreError::Unavailable { .. }, .. }) => {}
                Err(other) => return Err(other),
            }
            // Unchanged or unknown. An earlier try may still land, but it and the next one have
            // the same condition and content: at most one of them does.
            if tries == RETRIES {
                return Err(ControlError::Indeterminate { uri: self.uri(), source: doubt });
            }
            self.clock.sleep(backoff(tries)).await;
            tries += 1;
        }
    }

    fn uri(&self) -> String {
        object_uri(self.store.as_ref(), CONTROL)
    }

    fn store_error(&self, source: StoreError) -> ControlError {
        ControlError::Store { uri: self.uri(), source }
    }
}

/// Reads the control record in the root of `store`.
pub async fn read(store: &dyn ObjectStore) -> Result<Option<Loaded>, ControlError> {
    let uri = object_uri(store, CONTROL);
    let object = match store.get(CONTROL).await {
        Ok(object) => object,
        Err(StoreError::NotFound { .. }) => return Ok(None),
        Err(source) => return Err(ControlError::Store { uri, source }),
    };
    match serde_json::from_slice::<Stored>(&object.bytes) {
        Ok(Stored { record, writer }) => {
            Ok(Some(Loaded { record, version: object.version, writer }))
        }
        Err(error) => Err(ControlError::Corrupt { uri, what: error.to_string() }),
    }
}

impl fmt::Debug for ControlStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ControlStore")
            .field("store", &self.store)
            .field("writer", &self.writer)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
