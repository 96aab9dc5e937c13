//! Publishing a checkpoint: manifest, then `latest` in the control record.
//!
//! The segments are there already. A crash before the control record leaves garbage that is
//! collected; the other order would leave a checkpoint that cannot be read.

use bytes::Bytes;
use sabot_core::store::StoreError;
use sabot_types::{Epoch, StaleWriter};

use crate::control::{ControlError, ControlStore, Loaded};
use crate::layout;
use crate::manifest::Manifest;
use crate::store::{PutOnceError, object_uri, put_once};

/// Why a checkpoint was not published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Another attempt owns the job: this one must stop.
    #[error("epoch {epoch} was not published")]
    Fenced {
        /// The epoch.
        epoch: Epoch,
        /// Who owns the job.
        #[source]
        source: StaleWriter,
    },
    /// Another content has the manifest's name; epochs never repeat.
    #[error("epoch {epoch} was not published: {uri} exists with another content")]
    Conflict {
        /// The epoch.
        epoch: Epoch,
        /// The manifest.
        uri: String,
    },
    /// The manifest could not be written; the checkpoint does not exist.
    #[error("writing manifest {uri} failed")]
    Manifest {
        /// The manifest.
        uri: String,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// The control record could not be changed: its error says what is now true.
    #[error("naming epoch {epoch} as the latest checkpoint failed")]
    Control {
        /// The epoch.
        epoch: Epoch,
        /// Why.
        #[source]
        source: ControlError,
    },
}

/// Writes `manifest` and makes it the job's latest checkpoint. Once this returns, the checkpoint
/// exists and its committables may be committed. Calling again after a failure is safe.
pub async fn publish_checkpoint(
    control: &ControlStore,
    loaded: &Loaded,
    manifest: &Manifest,
) -> Result<Loaded, PublishError> {
    let epoch = manifest.epoch;
    let next = loaded
        .record
        .publish(manifest.attempt, epoch)
        .map_err(|source| PublishError::Fenced { epoch, source })?;
    let key = layout::checkpoint_manifest(manifest.attempt, epoch);
    let uri = object_uri(control.store().as_ref(), &key);
    let bytes = Bytes::from(manifest.to_bytes());
    put_once(control.store().as_ref(), control.clock(), &key, bytes).await.map_err(|error| {
        match error {
            PutOnceError::Conflict => PublishError::Conflict { epoch, uri },
            PutOnceError::Store(source) => PublishError::Manifest { uri, source },
        }
    })?;
    control.update(loaded, next).await.map_err(|source| PublishError::Control { epoch, source })
}

#[cfg(test)]
mod tests;
