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

use crate::content::Content;
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

/// What holds a slot's state as it was frozen last.
#[derive(Debug, Clone, Default)]
pub struct Saved {
    /// The segments, in order.
    pub segments: Vec<SegmentRef>,
    content: Content,
}

/// A slot's state is written as a whole again when what is no longer there takes more of its segments
/// than what is, and more than this; until then a restore reads little more than it has to.
const STALE_BYTES_MIN: u64 = 64 << 20;
/// Or after so many checkpoints of changes that opening their segments costs more than reading them would.
const CHANGED_EPOCHS_MAX: usize = 100;
/// The same for a state that is written in no time.
const CHANGED_EPOCHS_MAX_SMALL: usize = 20;

/// Segments that are encoded before they are uploaded.
const PARTS_AHEAD: usize = 1;
/// Segments of a slot that are uploaded at a time.
const UPLOADS: usize = 3;

/// Encodes and uploads a slot's state: what changed since `known`, or all rows. What holds it then.
pub async fn save(
    env: &Env,
    store: &Arc<dyn ObjectStore>,
    at: SlotAt,
    mut states: Vec<Box<dyn FrozenState>>,
    known: Option<Saved>,
) -> Result<Saved, SegmentError> {
    let SlotAt { attempt, epoch, slot } = at;
    // Taken in any case, for their memory.
    let changes: Vec<_> =
        states.iter_mut().map(|state| Some((state.spec().clone(), state.changes()?))).collect();
    let changes: Option<Vec<_>> = changes.into_iter().collect();
    let (mut saved, changes) = match known.filter(Saved::takes_changes).zip(changes) {
        Some((saved, changes)) => (saved, Some(changes)),
        None => (Saved::default(), None),
    };
    for (spec, changes) in changes.iter().flatten() {
        changes.dropped().for_each(|namespace| saved.content.drop_namespace(spec, namespace));
    }
    let (give, mut parts) = mpsc::channel(PARTS_AHEAD);
    let (done, encoded) = oneshot::channel();
    env.tasks.spawn_blocking(
        "encode segments",
        Box::new(move || {
            let give: Give<'_> = &|part| match block_on(give.send(part)) {
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
            let part = (slot, number as u32);
            let segment = upload_segment(store, clock, attempt, epoch, part, &encoded).await?;
            Ok::<_, SegmentError>((segment, encoded.content))
        }
    });
    let uploaded: Vec<_> = uploads.buffered(UPLOADS).try_collect().await?;
    encoded.await.map_err(|_| SegmentError::Unencoded { slot })??;
    for (segment, content) in uploaded {
        saved.content.merge(&content);
        saved.segments.push(segment);
    }
    Ok(saved)
}

impl Saved {
    /// Whether one more segment of changes is better than a whole one.
    fn takes_changes(&self) -> bool {
        let epochs = self.segments.chunk_by(|a, b| a.epoch == b.epoch).count();
        let bytes: u64 = self.segments.iter().map(|segment| segment.size).sum();
        let live = (bytes as f64 * self.content.live_part()) as u64;
        let is_small = bytes < STALE_BYTES_MIN;
        let most = if is_small { CHANGED_EPOCHS_MAX_SMALL } else { CHANGED_EPOCHS_MAX };
        epochs <= most && bytes - live < live.max(STALE_BYTES_MIN)
    }
}

#[cfg(test)]
mod tests;
