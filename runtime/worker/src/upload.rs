//! Makes a slot's part of a checkpoint durable: encodes its state, uploads the segment, and has
//! the sinks prepare their output.

use std::sync::Arc;

use futures::future::BoxFuture;
use sabot_core::store::ObjectStore;
use sabot_core::{Committable, Env, Error, Result};
use sabot_snapshot::SlotSnapshot;
use sabot_snapshot::save::{Saved, SlotAt, save};
use sabot_types::{Attempt, Epoch};
use tokio::sync::oneshot;

use crate::slot::Frozen;

/// Why a slot's part of a checkpoint could not be made.
pub(crate) enum UploadError {
    /// Output is lost to this attempt.
    Output(Error),
    /// Only this part is: the next checkpoint's can be made.
    State(Error),
}

/// Output of earlier epochs, once all of it is durable.
pub(crate) type Earlier = oneshot::Receiver<Vec<Committable>>;

/// What a checkpoint of a slot's state goes on from.
pub(crate) struct Before {
    /// The segments of the epoch before, once it is uploaded; none for an attempt's first.
    pub(crate) segments: Option<oneshot::Receiver<Saved>>,
    /// Takes the segments of this epoch, for the next.
    pub(crate) next: oneshot::Sender<Saved>,
}

/// Where a slot's output stands between two checkpoints.
pub(crate) struct Output {
    /// The output of the epochs before; none for an attempt's first.
    pub(crate) earlier: Option<Earlier>,
    /// Up to this epoch output is in a checkpoint that exists.
    pub(crate) published: Epoch,
    /// Takes the output so far, for the next epoch.
    pub(crate) next: oneshot::Sender<Vec<Committable>>,
}

impl Output {
    /// Output of all epochs that are in no checkpoint that exists, this one's included: an epoch
    /// whose checkpoint failed must not take its output along.
    async fn prepare(
        self,
        prepares: Vec<BoxFuture<'static, Result<Vec<Committable>>>>,
    ) -> Result<Vec<Committable>> {
        let mut committables = match self.earlier {
            Some(earlier) => earlier.await.map_err(|gone| {
                Error::external("preparing the output of an earlier checkpoint failed", gone)
            })?,
            None => Vec::new(),
        };
        committables.retain(|committable| committable.epoch > self.published);
        for prepare in prepares {
            committables.extend(prepare.await?);
        }
        // Nobody waits when this is the attempt's last epoch.
        let _ = self.next.send(committables.clone());
        Ok(committables)
    }
}

/// Uploads what the slot froze; the snapshot is complete and durable when this returns.
pub(crate) async fn upload(
    env: &Env,
    store: &Arc<dyn ObjectStore>,
    attempt: Attempt,
    slot: u32,
    frozen: Frozen,
    output: Output,
    before: Before,
) -> Result<SlotSnapshot, UploadError> {
    let Frozen { epoch, operators, states, prepares, finished } = frozen;
    let committables = output.prepare(prepares).await.map_err(UploadError::Output)?;
    // Gone when the upload before failed: then all rows are written again.
    let known = match before.segments {
        Some(segments) => segments.await.ok(),
        None => None,
    };
    let failed = |e| Error::external(format!("saving the state of slot {slot}"), e);
    let saved = save(env, store, SlotAt { attempt, epoch, slot }, states, known).await;
    let saved = saved.map_err(failed).map_err(UploadError::State)?;
    let segments = saved.segments.clone();
    // Nobody waits when this is the attempt's last epoch.
    let _ = before.next.send(saved);
    Ok(SlotSnapshot { slot, operators, segments, committables, finished })
}
