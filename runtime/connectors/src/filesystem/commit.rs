//! Makes hidden objects visible, and removes those that no checkpoint will.

use std::collections::HashSet;

use async_trait::async_trait;
use sabot_core::store::{ObjectStore, StoreError};
use sabot_core::{Committable, Committer, Env, Error, Result};
use sabot_types::{Attempt, OperatorUid};
use serde::Deserialize;

use super::sink::{Payload, attempt_of, pending_folder};
use super::{NAME, open, store_error};

pub(super) struct FileCommitter {
    env: Env,
}

impl FileCommitter {
    pub(super) fn new(env: Env) -> Self {
        Self { env }
    }
}

#[async_trait]
impl Committer for FileCommitter {
    async fn commit(&self, committable: &Committable) -> Result<()> {
        let payload = Payload::deserialize(&committable.payload).map_err(|error| {
            Error::external(format!("reading a committable of sink {}", committable.uid), error)
        })?;
        let store = open(&self.env, &payload.root).await?;
        let what = || format!("committing {}/{}", payload.root, payload.target);
        publish(store.as_ref(), &payload).await.map_err(|failure| match failure {
            Failure::Store(error) => store_error(what(), error),
            Failure::Lost => Error::external(
                what(),
                format!(
                    "neither it nor the hidden object {} exists: output of epoch {} was deleted \
                     from outside",
                    payload.pending, committable.epoch
                ),
            ),
            Failure::Foreign => Error::user(format!(
                "{} failed: another job has written this file; move its output away, or give this \
                 job a path of its own",
                what()
            )),
        })
    }
}

#[derive(Debug)]
enum Failure {
    Store(StoreError),
    /// Neither the hidden nor the visible object is there.
    Lost,
    /// The visible object has another content.
    Foreign,
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Copies, then deletes. Each step may have happened before, and its reply may have been lost.
async fn publish(store: &dyn ObjectStore, payload: &Payload) -> Result<(), Failure> {
    let Payload { root: _, pending, target } = payload;
    if exists(store, target).await? {
        // Ours, when an earlier commit copied it; it must not be replaced when it is not.
        let hidden = match store.get(pending).await {
            Ok(hidden) => hidden,
            Err(StoreError::NotFound { .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        if store.get(target).await?.bytes != hidden.bytes {
            return Err(Failure::Foreign);
        }
    } else {
        match store.copy(pending, target).await {
            Ok(()) => {}
            // Another committer of the same checkpoint was faster, or it is lost.
            Err(StoreError::NotFound { .. }) if exists(store, target).await? => return Ok(()),
            Err(StoreError::NotFound { .. }) => return Err(Failure::Lost),
            Err(error) => return Err(error.into()),
        }
    }
    // Deleted last: a crash before leaves garbage that the next commit finds, the other order
    // would lose the output.
    Ok(store.delete(pending).await?)
}

async fn exists(store: &dyn ObjectStore, key: &str) -> Result<bool, StoreError> {
    match store.list(key).await {
        Ok(found) => Ok(found.iter().any(|object| object.key == key)),
        Err(StoreError::NoRoot { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Deletes what [`abandoned_pending`] finds; how many objects that were.
pub(super) async fn remove_abandoned(
    store: &dyn ObjectStore,
    uid: &OperatorUid,
    committables: &[Committable],
    attempt: Attempt,
) -> Result<usize> {
    let folder = pending_folder(uid);
    let what = || format!("removing what earlier attempts left in {}/{folder}", store.root());
    let listed = match store.list(&folder).await {
        Ok(listed) => listed,
        // Nothing was written there yet.
        Err(StoreError::NoRoot { .. }) => return Ok(0),
        Err(error) => return Err(store_error(what(), error)),
    };
    let keys = listed.into_iter().map(|object| object.key);
    let abandoned = abandoned_pending(keys, &folder, committables, attempt);
    for key in &abandoned {
        store.delete(key).await.map_err(|error| store_error(what(), error))?;
    }
    Ok(abandoned.len())
}

/// Of the hidden objects `keys` of a sink, those that can never become visible: written by an
/// attempt below `attempt`, which can publish no more, and not in `committables`, all that the
/// restored checkpoint carries.
fn abandoned_pending(
    keys: impl IntoIterator<Item = String>,
    folder: &str,
    committables: &[Committable],
    attempt: Attempt,
) -> Vec<String> {
    let wanted: HashSet<&str> = committables
        .iter()
        .filter(|committable| committable.connector == NAME)
        .filter_map(|committable| committable.payload.get("pending")?.as_str())
        .collect();
    keys.into_iter()
        .filter(|key| attempt_of(key, folder).is_some_and(|writer| writer < attempt))
        .filter(|key| !wanted.contains(key.as_str()))
        .collect()
}
