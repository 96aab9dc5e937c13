//! Makes a slot's part of a checkpoint durable: encodes its state, uploads the segment, and has
//! the sinks prepare their output.

use std::sync::Arc;

use futures::future::BoxFuture;
use sabot_core::state::FrozenState;
use sabot_core::store::ObjectStore;
use sabot_core::{Committable, Env, Error, Result};
use sabot_snapshot::{SegmentRef, SlotSnapshot, encode, upload_segment};
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
) -> Result<SlotSnapshot, UploadError> {
    let Frozen { epoch, operators, states, prepares, finished } = frozen;
    let committables = output.prepare(prepares).await.map_err(UploadError::Output)?;
    let segment = segment(env, store, attempt, epoch, slot, states).await;
    let segment = segment.map_err(UploadError::State)?;
    Ok(SlotSnapshot { slot, operators, segment, committables, finished })
}

/// Encodes and uploads a slot's state; none where there is no row.
async fn segment(
    env: &Env,
    store: &Arc<dyn ObjectStore>,
    attempt: Attempt,
    epoch: Epoch,
    slot: u32,
    states: Vec<Box<dyn FrozenState>>,
) -> Result<Option<SegmentRef>> {
    if states.is_empty() {
        return Ok(None);
    }
    let (done, encoded) = oneshot::channel();
    env.tasks.spawn_blocking(
        "encode segment",
        Box::new(move || {
            // The receiver is gone only when the attempt was cancelled.
            let _ = done.send(encode(states));
        }),
    );
    let encoded = encoded
        .await
        .map_err(|gone| Error::state(format!("encoding the state of slot {slot}"), gone))?
        .map_err(|e| Error::state(format!("encoding the state of slot {slot}"), e))?;
    if encoded.is_empty() {
        return Ok(None);
    }
    let clock = env.clock.as_ref();
    let segment = upload_segment(store.as_ref(), clock, attempt, epoch, slot, &encoded);
    let failed = |e| Error::external(format!("uploading the segment of slot {slot}"), e);
    segment.await.map(Some).map_err(failed)
}
