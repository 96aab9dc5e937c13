//! Savepoints: self-contained copies of a checkpoint that the user owns.
//!
//! Segments first, the manifest last: a savepoint exists once its manifest does. Deleted the
//! other way round.

use std::sync::Arc;

use bytes::Bytes;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use sabot_core::Clock;
use sabot_core::store::{ObjectStore, StoreError};
use sabot_types::{Attempt, Epoch, JobUid, ManifestRef, OperationId};
use serde::{Deserialize, Serialize};

use crate::control::{self, ControlError};
use crate::layout;
use crate::manifest::{Manifest, ManifestError, ManifestKind, SegmentRef};
use crate::restore::{LoadedManifest, read_manifest};
use crate::store::{PrefixStore, PutOnceError, RETRIES, backoff, object_uri, put_once};

/// Objects that are copied at a time.
const COPIES: usize = 8;

/// A savepoint that exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SavepointInfo {
    /// The URI of its folder.
    pub location: String,
    /// The job that it was taken of.
    pub job_uid: JobUid,
    /// The attempt that took it.
    pub attempt: Attempt,
    /// The checkpoint that it is a copy of.
    pub epoch: Epoch,
    /// When that checkpoint was assembled, milliseconds since the Unix epoch.
    pub created_at_ms: i64,
    /// Bytes of its segments.
    pub size_bytes: u64,
}

impl SavepointInfo {
    fn of(manifest: &Manifest, location: &str) -> Self {
        Self {
            location: location.to_owned(),
            job_uid: manifest.job_uid.clone(),
            attempt: manifest.attempt,
            epoch: manifest.epoch,
            created_at_ms: manifest.created_at_ms,
            size_bytes: manifest.size_bytes(),
        }
    }

    /// The reference that a restore takes.
    pub fn reference(&self) -> ManifestRef {
        ManifestRef::Savepoint { location: self.location.clone(), epoch: self.epoch }
    }
}

/// Why a savepoint was not made or deleted.
#[derive(Debug, thiserror::Error)]
pub enum SavepointError {
    /// Output is prepared and not yet committed; a later revision may not have the sink.
    #[error(
        "epoch {epoch} has {count} committables that are not confirmed: a savepoint must wait \
         until they are"
    )]
    Uncommitted {
        /// The epoch.
        epoch: Epoch,
        /// How many.
        count: usize,
    },
    /// The id is taken by another job's savepoint.
    #[error("savepoint {location} exists and is of job {owner}: choose another id")]
    Taken {
        /// The savepoint.
        location: String,
        /// Whose it is.
        owner: JobUid,
    },
    /// The job would be restored from it.
    #[error(
        "savepoint {location} is what the job was restored from and would be again: delete it \
         after the job's next checkpoint"
    )]
    InUse {
        /// The savepoint.
        location: String,
    },
    /// The manifest could not be read.
    #[error("the savepoint's manifest could not be read")]
    Manifest(#[from] ManifestError),
    /// The control record could not be read.
    #[error("the job's control record could not be read")]
    Control(#[from] ControlError),
    /// The store failed.
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

/// Makes savepoint `id` of a checkpoint in the job's own store.
///
/// Its committables must have been committed, and taken out of `manifest` by the caller: the next
/// revision may not have the sink.
///
/// Idempotent: when the job has a savepoint of this id, that one is returned, also when it is of
/// another epoch.
pub async fn create_savepoint(
    job_store: &Arc<dyn ObjectStore>,
    clock: &dyn Clock,
    id: &OperationId,
    manifest: &Manifest,
) -> Result<SavepointInfo, SavepointError> {
    let source = LoadedManifest { manifest: manifest.clone(), root: Arc::clone(job_store) };
    copy_savepoint(&source, job_store, clock, id).await
}

/// Makes savepoint `id` in `job_store` of a manifest that may lie elsewhere, such as the
/// savepoint of another job.
pub async fn copy_savepoint(
    source: &LoadedManifest,
    job_store: &Arc<dyn ObjectStore>,
    clock: &dyn Clock,
    id: &OperationId,
) -> Result<SavepointInfo, SavepointError> {
    let Manifest { epoch, committables, .. } = &source.manifest;
    if !committables.is_empty() {
        return Err(SavepointError::Uncommitted { epoch: *epoch, count: committables.len() });
    }
    let folder = PrefixStore::within(job_store, &layout::savepoint(id.as_str()));
    if let Some(existing) = existing(&folder, &source.manifest.job_uid).await? {
        return Ok(existing);
    }
    let manifest = Manifest {
        kind: ManifestKind::Savepoint,
        segments: source.manifest.segments.iter().map(moved).collect(),
        ..source.manifest.clone()
    };
    // Boxed one by one: the compiler cannot tell that a lazily made future is Send.
    let copies: Vec<_> = source
        .manifest
        .segments
        .iter()
        .zip(&manifest.segments)
        .map(|(from, to)| copy(source, from, job_store, id, to, clock).boxed())
        .collect();
    stream::iter(copies).buffer_unordered(COPIES).try_collect::<()>().await?;
    let bytes = Bytes::from(manifest.to_bytes());
    match put_once(folder.as_ref(), clock, layout::MANIFEST, bytes).await {
        Ok(()) => {}
        // Another call with the same id was faster.
        Err(PutOnceError::Conflict) => {
            if let Some(existing) = existing(&folder, &manifest.job_uid).await? {
                return Ok(existing);
            }
        }
        Err(PutOnceError::Store(source)) => {
            return Err(failed("writing", folder.as_ref(), layout::MANIFEST, source));
        }
    }
    remove_unreferenced(folder.as_ref(), &manifest).await;
    Ok(SavepointInfo::of(&manifest, folder.root()))
}

/// The savepoints in the job's store, in the order of their ids.
pub async fn list_savepoints(
    job_store: &Arc<dyn ObjectStore>,
) -> Result<Vec<SavepointInfo>, SavepointError> {
    let objects = match job_store.list(layout::SAVEPOINTS).await {
        Ok(objects) => objects,
        Err(StoreError::NoRoot { .. }) => Vec::new(),
        Err(source) => {
            return Err(failed("listing", job_store.as_ref(), layout::SAVEPOINTS, source));
        }
    };
    let mut savepoints = Vec::new();
    for object in objects {
        let Some((folder, layout::MANIFEST)) = object.key.rsplit_once('/') else { continue };
        let folder = PrefixStore::within(job_store, folder);
        let manifest = read_manifest(folder.as_ref(), layout::MANIFEST).await?;
        savepoints.push(SavepointInfo::of(&manifest, folder.root()));
    }
    Ok(savepoints)
}

/// Deletes savepoint `id` of the job's store, unless the job would be restored from it. One that
/// does not exist is a success.
pub async fn delete_savepoint(
    job_store: &Arc<dyn ObjectStore>,
    id: &OperationId,
) -> Result<(), SavepointError> {
    let relative = layout::savepoint(id.as_str());
    let folder = PrefixStore::within(job_store, &relative);
    let loaded = control::read(job_store.as_ref()).await?;
    if let Some(ManifestRef::Savepoint { location, .. }) =
        loaded.and_then(|loaded| loaded.record.latest)
    {
        let location = location.trim_end_matches('/');
        if location == folder.root() || location == relative {
            return Err(SavepointError::InUse { location: folder.root().to_owned() });
        }
    }
    // The manifest first: what is left after a crash is no savepoint.
    delete(folder.as_ref(), layout::MANIFEST).await?;
    let objects = match folder.list("").await {
        Ok(objects) => objects,
        Err(StoreError::NoRoot { .. }) => Vec::new(),
        Err(source) => return Err(failed("listing", folder.as_ref(), "", source)),
    };
    for object in objects {
        delete(folder.as_ref(), &object.key).await?;
    }
    Ok(())
}

async fn existing(
    folder: &Arc<dyn ObjectStore>,
    job_uid: &JobUid,
) -> Result<Option<SavepointInfo>, SavepointError> {
    match read_manifest(folder.as_ref(), layout::MANIFEST).await {
        Ok(manifest) if manifest.job_uid == *job_uid => {
            Ok(Some(SavepointInfo::of(&manifest, folder.root())))
        }
        Ok(manifest) => Err(SavepointError::Taken {
            location: folder.root().to_owned(),
            owner: manifest.job_uid,
        }),
        Err(ManifestError::Missing { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn moved(segment: &SegmentRef) -> SegmentRef {
    SegmentRef { key: layout::savepoint_segment(&segment.key), ..segment.clone() }
}

async fn copy(
    source: &LoadedManifest,
    from: &SegmentRef,
    job_store: &Arc<dyn ObjectStore>,
    id: &OperationId,
    to: &SegmentRef,
    clock: &dyn Clock,
) -> Result<(), SavepointError> {
    let target = format!("{}/{}", layout::savepoint(id.as_str()), to.key);
    let mut tries = 1;
    loop {
        let result = if source.root.root() == job_store.root() {
            job_store.copy(&from.key, &target).await
        } else {
            transfer(source.root.as_ref(), &from.key, job_store.as_ref(), &target).await
        };
        match result {
            Err(StoreError::Unavailable { .. }) if tries < RETRIES => {
                clock.sleep(backoff(tries)).await;
                tries += 1;
            }
            result => {
                return result
                    .map_err(|error| failed("copying", source.root.as_ref(), &from.key, error));
            }
        }
    }
}

async fn transfer(
    source: &dyn ObjectStore,
    from: &str,
    target: &dyn ObjectStore,
    to: &str,
) -> Result<(), StoreError> {
    let object = source.get(from).await?;
    target.put(to, object.bytes, sabot_core::store::PutCondition::Always).await.map(drop)
}

/// Removes what an earlier, interrupted call for another epoch copied. Its failure leaves garbage
/// within the savepoint, no more.
async fn remove_unreferenced(folder: &dyn ObjectStore, manifest: &Manifest) {
    let objects = match folder.list(layout::SEGMENTS).await {
        Ok(objects) => objects,
        Err(error) => {
            tracing::warn!(savepoint = folder.root(), %error, "leftovers were not looked for");
            return;
        }
    };
    for object in objects {
        if manifest.segments.iter().any(|segment| segment.key == object.key) {
            continue;
        }
        if let Err(error) = folder.delete(&object.key).await {
            tracing::warn!(savepoint = folder.root(), %error, "a leftover was not removed");
        }
    }
}

async fn delete(store: &dyn ObjectStore, key: &str) -> Result<(), SavepointError> {
    store.delete(key).await.map_err(|source| failed("deleting", store, key, source))
}

fn failed(
    action: &'static str,
    store: &dyn ObjectStore,
    key: &str,
    source: StoreError,
) -> SavepointError {
    SavepointError::Store { action, uri: object_uri(store, key), source }
}

#[cfg(test)]
mod tests;
