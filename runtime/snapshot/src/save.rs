//! Saves a slot's state: encodes and uploads it, segment by segment, as a whole or what changed.

use std::ops::ControlFlow;
use std::sync::Arc;

use futures::executor::block_on;
use futures::{StreamExt, TryStreamExt, stream};
use sabot_core::Env;
use sabot_core::state::FrozenState;
use sabot_core::store::ObjectStore;
use sabot_types::{Attempt, Epoch};
use tokio::sync::{mpsc, oneshot};

use crate::manifest::SegmentRef;
use crate::segment::{Give, SegmentError, encode, encode_changes, upload_segment};

/// Whose state of when.
#[derive(Debug, Clone, Copy)]
pub struct SlotAt {
    /// The attempt.
    pub attempt: Attempt,
    /// The checkpoint's number.
    pub epoch: Epoch,
    /// The slot.
    pub slot: u32,
}

/// The segments that hold a slot's state as it was frozen last, in order.
pub type Segments = Vec<SegmentRef>;

/// A slot's state is written as a whole again when what changed is larger than the whole was, and
/// than this; until then a restore reads little more than it has to.
const CHANGED_BYTES_MIN: u64 = 64 << 20;
/// Or when it is in so many segments that opening them costs more than reading them would.
const CHANGED_SEGMENTS_MAX: usize = 100;
/// The same for a state that is written in no time.
const CHANGED_SEGMENTS_MAX_SMALL: usize = 20;

/// Segments that are encoded before they are uploaded.
const PARTS_AHEAD: usize = 1;
/// Segments of a slot that are uploaded at a time.
const UPLOADS: usize = 3;

/// Encodes and uploads a slot's state: what changed since `known`, or all rows. The segments that
/// hold it then.
pub async fn save(
    env: &Env,
    store: &Arc<dyn ObjectStore>,
    at: SlotAt,
    mut states: Vec<Box<dyn FrozenState>>,
    known: Option<Segments>,
) -> Result<Segments, SegmentError> {
    let SlotAt { attempt, epoch, slot } = at;
    // Taken in any case, for their memory.
    let changes: Vec<_> =
        states.iter_mut().map(|state| Some((state.spec().clone(), state.changes()?))).collect();
    let changes: Option<Vec<_>> = changes.into_iter().collect();
    let (mut segments, changes) = match known.filter(takes_changes).zip(changes) {
        Some((segments, changes)) => (segments, Some(changes)),
        None => (Segments::new(), None),
    };
    let (give, mut parts) = mpsc::channel(PARTS_AHEAD);
    let (done, encoded) = oneshot::channel();
    env.tasks.spawn_blocking(
        "encode segments",
        Box::new(move || {
            let give: Give<'_> = &mut |part| match block_on(give.send(part)) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            };
            let result = match changes {
                Some(changes) => {
                    // What was frozen is kept for its rows, which nobody needs now.
                    drop(states);
                    encode_changes(changes, give)
                }
                None => encode(states, give),
            };
            // The receiver is gone only when the attempt was cancelled or an upload failed.
            let _ = done.send(result);
        }),
    );
    let clock = env.clock.as_ref();
    let uploads = stream::poll_fn(|cx| parts.poll_recv(cx)).enumerate().map(|(number, encoded)| {
        let store = store.as_ref();
        async move {
            upload_segment(store, clock, attempt, epoch, (slot, number as u32), &encoded).await
        }
    });
    let uploaded: Vec<_> = uploads.buffered(UPLOADS).try_collect().await?;
    encoded.await.map_err(|_| SegmentError::Unencoded { slot })??;
    segments.extend(uploaded);
    Ok(segments)
}

/// Whether one more segment of changes is better than a whole one.
fn takes_changes(segments: &Segments) -> bool {
    let Some(first) = segments.first() else { return true };
    let parts = segments.partition_point(|segment| segment.epoch == first.epoch);
    let (whole, changed) = segments.split_at(parts);
    let bytes = |segments: &[SegmentRef]| segments.iter().map(|segment| segment.size).sum::<u64>();
    let (whole, changed_bytes) = (bytes(whole), bytes(changed));
    let is_small = whole + changed_bytes < CHANGED_BYTES_MIN;
    let most = if is_small { CHANGED_SEGMENTS_MAX_SMALL } else { CHANGED_SEGMENTS_MAX };
    changed.len() < most && changed_bytes < whole.max(CHANGED_BYTES_MIN)
}

#[cfg(test)]
mod tests;
