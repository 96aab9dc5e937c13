//! Writing an object that must not change, through lost replies.

use std::time::Duration;

use bytes::Bytes;
use sabot_core::Clock;
use sabot_core::store::{ObjectStore, PutCondition, StoreError};

/// How often a call is tried before its outcome is given up as unknown.
pub(crate) const RETRIES: u32 = 8;

/// The wait before try `number`, which counts from 1: 50 ms doubled up to 2 s, 7.1 s in all.
pub(crate) fn backoff(number: u32) -> Duration {
    Duration::from_millis(50 << number.saturating_sub(1).min(6)).min(Duration::from_secs(2))
}

/// Why an object was not written.
#[derive(Debug)]
pub(crate) enum PutOnceError {
    /// Another content has the key.
    Conflict,
    /// The store failed; after [`StoreError::Unavailable`] the object may or may not exist.
    Store(StoreError),
}

/// Writes an object unless it exists. One with the same content is a success: it is our own
/// earlier write, whose reply was lost.
pub(crate) async fn put_once(
    store: &dyn ObjectStore,
    clock: &dyn Clock,
    key: &str,
    bytes: Bytes,
) -> Result<(), PutOnceError> {
    let mut tries = 1;
    loop {
        let failure = match put_or_compare(store, key, bytes.clone()).await {
            Ok(Some(())) => return Ok(()),
            Ok(None) => return Err(PutOnceError::Conflict),
            Err(failure) => failure,
        };
        // A refused condition on an object that is then not there: it was deleted in between,
        // or the store was still writing it.
        let passing = matches!(
            failure,
            StoreError::Unavailable { .. }
                | StoreError::Precondition { .. }
                | StoreError::NotFound { .. }
        );
        if !passing || tries == RETRIES {
            return Err(PutOnceError::Store(failure));
        }
        clock.sleep(backoff(tries)).await;
        tries += 1;
    }
}

/// `None` when another content has the key.
async fn put_or_compare(
    store: &dyn ObjectStore,
    key: &str,
    bytes: Bytes,
) -> Result<Option<()>, StoreError> {
    match store.put(key, bytes.clone(), PutCondition::IfAbsent).await {
        Ok(_) => Ok(Some(())),
        Err(StoreError::Precondition { .. }) => {
            let found = store.get(key).await?;
            Ok((found.bytes == bytes).then_some(()))
        }
        Err(other) => Err(other),
    }
}
