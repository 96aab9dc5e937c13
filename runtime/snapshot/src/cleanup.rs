//! Deletes all of a job that has ended for good.

use sabot_core::store::{ObjectStore, StoreError};
use sabot_types::JobUid;

use crate::control::{self, ControlError};
use crate::layout;
use crate::store::object_uri;

/// What becomes of the job's savepoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Savepoints {
    /// They stay.
    Keep,
    /// They are deleted with the job.
    Delete,
}

/// What a clean-up did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CleanedUp {
    /// Objects that were deleted.
    pub objects: usize,
    /// Their bytes.
    pub bytes: u64,
}

/// Why a job was not, or not wholly, deleted.
#[derive(Debug, thiserror::Error)]
pub enum CleanupError {
    /// The prefix belongs to another job.
    #[error(
        "{uri} belongs to job {owner}, not to {asked}: nothing was deleted; correct the prefix"
    )]
    ForeignJob {
        /// The job's root.
        uri: String,
        /// Whose it is.
        owner: JobUid,
        /// Who asked.
        asked: JobUid,
    },
    /// There are objects but no control record that says whose they are.
    #[error(
        "{uri} holds {objects} objects of checkpoints but no control.json that says whose they \
         are: nothing was deleted; delete them by hand if they are garbage"
    )]
    Ownerless {
        /// The job's root.
        uri: String,
        /// How many.
        objects: usize,
    },
    /// The control record could not be read.
    #[error("the job's control record could not be read")]
    Control(#[from] ControlError),
    /// The store failed; calling again goes on.
    #[error("{action} {uri} failed")]
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

/// Deletes the objects of `job_uid` below `store`, those of Sabot only. Idempotent: where there
/// is nothing, nothing is done. The job must not run any more.
pub async fn delete_job(
    store: &dyn ObjectStore,
    job_uid: &JobUid,
    savepoints: Savepoints,
) -> Result<CleanedUp, CleanupError> {
    let mut prefixes = vec![layout::CHECKPOINTS, layout::SEGMENTS, layout::PROBES];
    if savepoints == Savepoints::Delete {
        prefixes.push(layout::SAVEPOINTS);
    }
    let mut objects = Vec::new();
    for prefix in prefixes {
        match store.list(prefix).await {
            Ok(found) => objects.extend(found),
            Err(StoreError::NoRoot { .. }) => {}
            Err(source) => return Err(failed("listing", store, prefix, source)),
        }
    }
    match control::read(store).await? {
        Some(loaded) if loaded.record.job_uid == *job_uid => {}
        Some(loaded) => {
            return Err(CleanupError::ForeignJob {
                uri: store.root().to_owned(),
                owner: loaded.record.job_uid,
                asked: job_uid.clone(),
            });
        }
        None if objects.is_empty() => return Ok(CleanedUp::default()),
        None => {
            let (uri, objects) = (store.root().to_owned(), objects.len());
            return Err(CleanupError::Ownerless { uri, objects });
        }
    }
    let mut done = CleanedUp::default();
    for object in &objects {
        delete(store, &object.key).await?;
        done.objects += 1;
        done.bytes += object.size;
    }
    // Last: until then a clean-up that was cut off can go on.
    delete(store, layout::CONTROL).await?;
    done.objects += 1;
    Ok(done)
}

async fn delete(store: &dyn ObjectStore, key: &str) -> Result<(), CleanupError> {
    store.delete(key).await.map_err(|source| failed("deleting", store, key, source))
}

fn failed(
    action: &'static str,
    store: &dyn ObjectStore,
    key: &str,
    source: StoreError,
) -> CleanupError {
    CleanupError::Store { action, uri: object_uri(store, key), source }
}

#[cfg(test)]
mod tests;
