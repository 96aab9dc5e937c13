//! Makes a slot's part of a checkpoint durable: encodes its state, uploads the segment, and has
//! the sinks prepare their output.

use std::sync::Arc;

use sabot_core::store::ObjectStore;
use sabot_core::{Env, Error, Result};
use sabot_snapshot::{SlotSnapshot, encode, upload_segment};
use sabot_types::Attempt;
use tokio::sync::oneshot;

use crate::slot::Frozen;

/// Uploads what the slot froze; the snapshot is complete and durable when this returns.
pub(crate) async fn upload(
    env: &Env,
    store: &Arc<dyn ObjectStore>,
    attempt: Attempt,
    slot: u32,
    frozen: Frozen,
) -> Result<SlotSnapshot> {
    let Frozen { epoch, operators, states, prepares, finished } = frozen;
    let mut committables = Vec::new();
    for prepare in prepares {
        committables.extend(prepare.await?);
    }
    let segment = if states.is_empty() {
        None
    } else {
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
            None
        } else {
            let clock = env.clock.as_ref();
            let segment = upload_segment(store.as_ref(), clock, attempt, epoch, slot, &encoded);
            let failed = |e| Error::external(format!("uploading the segment of slot {slot}"), e);
            Some(segment.await.map_err(failed)?)
        }
    };
    Ok(SlotSnapshot { slot, operators, segment, committables, finished })
}
