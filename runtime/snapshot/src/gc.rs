//! Garbage collection of a job's checkpoints.
//!
//! What exists is listed before what is alive is read: a checkpoint that is published meanwhile
//! is then among the living. Classified first, deleted later, and only after another look at who
//! owns the job. Savepoints are the user's and are never touched.

use std::collections::BTreeSet;

use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use sabot_core::store::{ObjectMeta, ObjectStore, StoreError};
use sabot_types::{Attempt, ControlRecord, Epoch, ManifestRef};

use crate::control::{ControlError, ControlStore};
use crate::layout::{self, ObjectKind};
use crate::manifest::{Manifest, ManifestError};
use crate::restore::read_manifest;
use crate::store::object_uri;

/// Deletions under way at a time.
const DELETIONS: usize = 8;

/// What a collection did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Collected {
    /// Objects that were deleted.
    pub objects: usize,
    /// Their bytes.
    pub bytes: u64,
}

/// Why garbage was not collected. Nothing that is alive was deleted.
#[derive(Debug, thiserror::Error)]
pub enum GcError {
    /// Another attempt owns the job.
    #[error("attempt {attempt} does not collect garbage: attempt {owner} owns the job")]
    Fenced {
        /// Who wanted to.
        attempt: Attempt,
        /// Who owns the job.
        owner: Attempt,
    },
    /// The control record could not be read.
    #[error("the job's control record could not be read")]
    Control(#[from] ControlError),
    /// It is not known what a live manifest needs.
    #[error("a live manifest could not be read")]
    Manifest(#[from] ManifestError),
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

/// Which objects no one needs: manifests and segments of checkpoints that no manifest in `live`
/// is or refers to, unless they may belong to a checkpoint in progress (of a later attempt, or
/// of this one and after `latest`). Pure.
pub fn classify<'a>(
    objects: &'a [ObjectMeta],
    live: &[&Manifest],
    attempt: Attempt,
    latest: Epoch,
) -> Vec<&'a ObjectMeta> {
    let mut needed = BTreeSet::new();
    for manifest in live {
        needed.insert(layout::checkpoint_manifest(manifest.attempt, manifest.epoch));
        needed.extend(manifest.segments.iter().map(|segment| segment.key.clone()));
    }
    let finished = |of: Attempt, epoch: Epoch| of < attempt || (of == attempt && epoch <= latest);
    objects
        .iter()
        .filter(|object| match layout::parse(&object.key) {
            ObjectKind::Manifest { attempt, epoch } | ObjectKind::Segment { attempt, epoch } => {
                finished(attempt, epoch) && !needed.contains(&object.key)
            }
            ObjectKind::Other => false,
        })
        .collect()
}

/// Deletes what the latest checkpoint, the `keep_last - 1` before it and those in `pinned` do not
/// need. To be called by the attempt that owns the job, between its checkpoints.
pub async fn collect(
    control: &ControlStore,
    attempt: Attempt,
    keep_last: usize,
    pinned: &[ManifestRef],
) -> Result<Collected, GcError> {
    let store = control.store().as_ref();
    let objects = list(store).await?;
    let record = owned(control, attempt).await?;
    let Some(latest) = &record.latest else { return Ok(Collected::default()) };
    let mut live = Vec::new();
    for (of, epoch) in kept(&objects, latest, keep_last, pinned) {
        match read_manifest(store, &layout::checkpoint_manifest(of, epoch)).await {
            Ok(manifest) => live.push(manifest),
            // One that is gone needs nothing, unless the job would be restored from it.
            Err(ManifestError::Missing { .. })
                if *latest != (ManifestRef::Checkpoint { attempt: of, epoch }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let live: Vec<_> = live.iter().collect();
    let garbage = classify(&objects, &live, attempt, latest.epoch());
    // Again: while we looked, another attempt may have gone back to an older checkpoint.
    owned(control, attempt).await?;
    delete(store, &garbage).await
}

async fn list(store: &dyn ObjectStore) -> Result<Vec<ObjectMeta>, GcError> {
    let mut objects = Vec::new();
    for prefix in [layout::CHECKPOINTS, layout::SEGMENTS] {
        objects.extend(store.list(prefix).await.map_err(|source| GcError::Store {
            action: "listing",
            uri: object_uri(store, prefix),
            source,
        })?);
    }
    Ok(objects)
}

async fn owned(control: &ControlStore, attempt: Attempt) -> Result<ControlRecord, GcError> {
    match control.read().await? {
        Some(loaded) if loaded.record.attempt == attempt => Ok(loaded.record),
        Some(loaded) => Err(GcError::Fenced { attempt, owner: loaded.record.attempt }),
        None => Err(GcError::Control(ControlError::Vanished {
            uri: object_uri(control.store().as_ref(), layout::CONTROL),
        })),
    }
}

/// The checkpoints to keep: the latest, the ones up to it by epoch, the pinned ones.
fn kept(
    objects: &[ObjectMeta],
    latest: &ManifestRef,
    keep_last: usize,
    pinned: &[ManifestRef],
) -> BTreeSet<(Attempt, Epoch)> {
    let mut known: Vec<_> = objects
        .iter()
        .filter_map(|object| match layout::parse(&object.key) {
            ObjectKind::Manifest { attempt, epoch } if epoch <= latest.epoch() => {
                Some((epoch, attempt))
            }
            _ => None,
        })
        .collect();
    known.sort_unstable();
    let named = pinned.iter().chain([latest]).filter_map(|reference| match reference {
        ManifestRef::Checkpoint { attempt, epoch } => Some((*attempt, *epoch)),
        ManifestRef::Savepoint { .. } => None,
    });
    let last = known.into_iter().rev().take(keep_last).map(|(epoch, attempt)| (attempt, epoch));
    named.chain(last).collect()
}

async fn delete_one(store: &dyn ObjectStore, key: &str) -> Result<(), GcError> {
    store.delete(key).await.map_err(|source| GcError::Store {
        action: "deleting",
        uri: object_uri(store, key),
        source,
    })
}

async fn delete(store: &dyn ObjectStore, garbage: &[&ObjectMeta]) -> Result<Collected, GcError> {
    // Manifests come first: without its segments a manifest would be a checkpoint that cannot
    // be read.
    let (manifests, segments): (Vec<&ObjectMeta>, Vec<&ObjectMeta>) =
        garbage.iter().partition(|object| object.key.starts_with(layout::CHECKPOINTS));
    for objects in [manifests, segments] {
        // Boxed one by one: the compiler cannot tell that a lazily made future is Send.
        let deletions: Vec<_> =
            objects.into_iter().map(|object| delete_one(store, &object.key).boxed()).collect();
        stream::iter(deletions).buffer_unordered(DELETIONS).try_collect::<()>().await?;
    }
    Ok(Collected { objects: garbage.len(), bytes: garbage.iter().map(|object| object.size).sum() })
}

#[cfg(test)]
mod tests;
