//! Restoring: finds the manifest that a reference names, and reads rows by key groups.

use std::sync::Arc;

use sabot_core::Stores;
use sabot_core::state::{StateRows, StateSpec};
use sabot_core::store::{ObjectStore, StoreError};
use sabot_types::{KeyGroupCount, KeyGroupRange, ManifestRef, key_hash};

use crate::chain::{self, Chain};
use crate::layout;
use crate::manifest::{Manifest, ManifestError};
use crate::segment::SegmentError;
use crate::store::{PrefixStore, object_uri};

/// A manifest and the store that its segments' keys are relative to.
#[derive(Debug, Clone)]
pub struct LoadedManifest {
    /// The manifest.
    pub manifest: Manifest,
    /// The job's root, or the savepoint's folder.
    pub root: Arc<dyn ObjectStore>,
}

/// Why state could not be restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The manifest could not be read.
    #[error("the manifest could not be read")]
    Manifest(#[from] ManifestError),
    /// A segment could not be read.
    #[error("a segment could not be read")]
    Segment(#[from] SegmentError),
    /// The store of the location could not be opened.
    #[error("opening {location} failed")]
    Open {
        /// The location.
        location: String,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// The manifest is not the one that the reference names.
    #[error(
        "manifest {uri} is of epoch {found}, the reference says {expected}: the object was \
         replaced; name the savepoint again"
    )]
    OtherEpoch {
        /// The object.
        uri: String,
        /// What it says.
        found: u64,
        /// What the reference says.
        expected: u64,
    },
    /// The keys were routed by another hash.
    #[error(
        "manifest {uri} was written with key hash version {found}, this version of Sabot has {}: \
         use a version of Sabot with the same key hash",
        key_hash::VERSION
    )]
    HashVersion {
        /// The object.
        uri: String,
        /// What it says.
        found: u32,
    },
    /// The job was started with another number of key groups.
    #[error(
        "the state in {uri} has {found} key groups, the job has {expected}: set spec.keyGroups to \
         {found}, it cannot change"
    )]
    KeyGroups {
        /// The store of the state.
        uri: String,
        /// What the manifest says.
        found: KeyGroupCount,
        /// What the job says.
        expected: KeyGroupCount,
    },
    /// The reader of the rows failed.
    #[error("putting back rows of {uri} failed")]
    Visit {
        /// The segment.
        uri: String,
        /// Why.
        #[source]
        source: sabot_core::Error,
    },
}

impl RestoreError {
    /// Whether restoring the same state again fails again: it is missing, damaged or does not
    /// fit, or its store refuses.
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Manifest(error) => error.is_lasting(),
            Self::Segment(error) => error.is_lasting(),
            Self::Open { source, .. } => source.is_lasting(),
            Self::OtherEpoch { .. } | Self::HashVersion { .. } | Self::KeyGroups { .. } => true,
            Self::Visit { source, .. } => matches!(source, sabot_core::Error::User { .. }),
        }
    }
}

/// Reads the manifest that `reference` names and checks that this version can restore it. A
/// checkpoint lies in `job_store`; a savepoint's location is a URI, or relative to it, and its
/// epoch is checked unless it is 0.
pub async fn load_manifest(
    job_store: &Arc<dyn ObjectStore>,
    stores: &dyn Stores,
    reference: &ManifestRef,
) -> Result<LoadedManifest, RestoreError> {
    match reference {
        ManifestRef::Checkpoint { attempt, epoch } => {
            let key = layout::checkpoint_manifest(*attempt, *epoch);
            load(Arc::clone(job_store), &key, Some(epoch.get())).await
        }
        ManifestRef::Savepoint { location, epoch } => {
            let root = open_savepoint(job_store, stores, location).await?;
            // Epochs count from 1: 0 says that the reference was made without knowing the epoch.
            load(root, layout::MANIFEST, Some(epoch.get()).filter(|epoch| *epoch > 0)).await
        }
    }
}

/// Reads the manifest of the savepoint at `location`, a URI, without a job.
pub async fn load_savepoint(
    stores: &dyn Stores,
    location: &str,
) -> Result<LoadedManifest, RestoreError> {
    let root = open(stores, location).await?;
    load(root, layout::MANIFEST, None).await
}

/// Refuses state that has not the job's number of key groups.
pub fn check_key_groups(
    loaded: &LoadedManifest,
    expected: KeyGroupCount,
) -> Result<(), RestoreError> {
    let found = loaded.manifest.key_groups;
    if found == expected {
        return Ok(());
    }
    Err(RestoreError::KeyGroups { uri: loaded.root.root().to_owned(), found, expected })
}

/// Visits all rows of keyed state whose key groups lie in `range`, in batches of at most 4,096:
/// segment by segment, each in the order of (state, namespace, key group, key). To be put in this
/// order: a later row of the same key wins, and one with a null value removes it.
pub async fn read_rows(
    root: &Arc<dyn ObjectStore>,
    manifest: &Manifest,
    range: KeyGroupRange,
    mut visit: impl FnMut(&StateSpec, StateRows) -> sabot_core::Result<()> + Send,
) -> Result<(), RestoreError> {
    for segments in chain::by_slot(manifest) {
        Chain::open(root, &segments).await?.read(range, &mut visit).await?;
    }
    Ok(())
}

async fn open_savepoint(
    job_store: &Arc<dyn ObjectStore>,
    stores: &dyn Stores,
    location: &str,
) -> Result<Arc<dyn ObjectStore>, RestoreError> {
    let below = location.strip_prefix(job_store.root()).and_then(|rest| rest.strip_prefix('/'));
    let is_relative = !location.contains("://") && !location.starts_with('/');
    match below.or_else(|| is_relative.then_some(location)) {
        Some(folder) => Ok(PrefixStore::within(job_store, folder)),
        None => open(stores, location).await,
    }
}

async fn open(stores: &dyn Stores, location: &str) -> Result<Arc<dyn ObjectStore>, RestoreError> {
    stores
        .open(location)
        .await
        .map_err(|source| RestoreError::Open { location: location.to_owned(), source })
}

async fn load(
    root: Arc<dyn ObjectStore>,
    key: &str,
    expected: Option<u64>,
) -> Result<LoadedManifest, RestoreError> {
    let manifest = read_manifest(root.as_ref(), key).await?;
    let uri = object_uri(root.as_ref(), key);
    let found = manifest.epoch.get();
    if let Some(expected) = expected.filter(|expected| *expected != found) {
        return Err(RestoreError::OtherEpoch { uri, found, expected });
    }
    if manifest.hash_version != key_hash::VERSION {
        return Err(RestoreError::HashVersion { uri, found: manifest.hash_version });
    }
    Ok(LoadedManifest { manifest, root })
}

/// Reads a manifest by its key.
pub(crate) async fn read_manifest(
    store: &dyn ObjectStore,
    key: &str,
) -> Result<Manifest, ManifestError> {
    let uri = object_uri(store, key);
    match store.get(key).await {
        Ok(object) => Manifest::from_bytes(&object.bytes, &uri),
        Err(StoreError::NotFound { .. }) => Err(ManifestError::Missing { uri }),
        Err(source) => Err(ManifestError::Store { uri, source }),
    }
}

#[cfg(test)]
mod tests;
