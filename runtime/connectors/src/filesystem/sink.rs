//! The exactly-once sink.
//!
//! Rows of an epoch are encoded into memory, each partition's apart, and uploaded to hidden objects below
//! `_sabot-pending/`; a large epoch is uploaded in parts while it goes on. [`Sink::prepare`]
//! uploads the last part and returns a committable for each. Committing copies the hidden object
//! to its final name, which depends only on the sink, the epoch, the subtask and the partition. An epoch
//! without rows leaves no object.

use std::collections::BTreeMap;
use std::mem;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arrow::array::RecordBatch;
use bytes::Bytes;
use futures::channel::oneshot;
use futures::future::{BoxFuture, Either, select};
use futures::stream::{self, StreamExt, TryStreamExt};
use futures::{FutureExt, TryFutureExt};
use sabot_core::metrics::OperatorMetrics;
use sabot_core::store::{ObjectStore, PutCondition, StoreError};
use sabot_core::{Clock, Committable, Doorbell, Env, Error, Result, Sink, SinkContext};
use sabot_types::{Attempt, Epoch, OperatorUid};
use serde::{Deserialize, Serialize};

use super::partitions::Partitions;
use super::{NAME, store_error};
use crate::format::{Encoder, Format};

/// Bytes that are buffered, in all partitions together: an epoch with more is written as several
/// objects.
const PART_BYTES: usize = 32 << 20;
/// Parts that are uploaded before the epoch ends; with more the sink takes no rows.
const UPLOADS_MAX: usize = 2;
/// Parts that are uploaded at once when the epoch ends.
const LAST_UPLOADS_MAX: usize = 8;
/// The wait before an upload is tried again; it doubles up to the maximum.
const RETRY_WAIT: Duration = Duration::from_millis(100);
const RETRY_WAIT_MAX: Duration = Duration::from_secs(2);

/// What a committable holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Payload {
    /// The URI of the store's root.
    pub(super) root: String,
    /// The key of the hidden object.
    pub(super) pending: String,
    /// The key at which it becomes visible.
    pub(super) target: String,
}

/// The folder of a sink's hidden objects. Its name starts with `_`, which sources skip.
pub(super) fn pending_folder(uid: &OperatorUid) -> String {
    format!("_sabot-pending/{}/", uid_hash(uid))
}

/// The attempt that wrote the hidden object `key`, which lies in `folder`.
pub(super) fn attempt_of(key: &str, folder: &str) -> Option<Attempt> {
    let (attempt, _) = key.strip_prefix(folder)?.split_once('-')?;
    attempt.parse().ok().map(Attempt::new)
}

fn uid_hash(uid: &OperatorUid) -> String {
    format!("{:08x}", sabot_types::key_hash::of_bytes(uid.as_str().as_bytes()) >> 32)
}

/// How the names of a sink's parts begin, without their folders.
fn target_name(uid: &OperatorUid, epoch: Epoch, subtask: u32) -> String {
    format!("part-{}-{:010}-{subtask}", uid_hash(uid), epoch.get())
}

/// The visible name of a part in `folder`, which is empty or ends with `/`.
fn target_key(folder: &str, name: &str, part: usize, extension: &str) -> String {
    if part == 0 {
        format!("{folder}{name}.{extension}")
    } else {
        format!("{folder}{name}-{part}.{extension}")
    }
}

pub(super) struct FileSink {
    uid: OperatorUid,
    subtask: u32,
    encoder: Encoder,
    /// How the names of files end.
    extension: &'static str,
    uploader: Arc<Uploader>,
    env: Env,
    doorbell: Doorbell,
    partitions: Partitions,
    /// By their folders.
    buffers: BTreeMap<String, Vec<u8>>,
    /// Bytes of all buffers and their folders' names.
    buffered: usize,
    /// Parts of the current epoch that are being uploaded.
    parts: Vec<Part>,
    /// Names this opening's objects, so that no other opening in the same attempt writes them.
    opening: String,
    part_bytes: usize,
    written: u64,
    in_flight: Arc<AtomicUsize>,
}

struct Part {
    folder: String,
    pending: String,
    uploaded: BoxFuture<'static, Result<()>>,
}

impl FileSink {
    pub(super) fn new(
        ctx: &SinkContext,
        store: Arc<dyn ObjectStore>,
        partitions: Partitions,
        format: &Format,
    ) -> Self {
        let token = ctx.env.random.next_u64();
        Self {
            uid: ctx.uid.clone(),
            subtask: ctx.subtask,
            encoder: format.encoder(&partitions.file_schema()),
            extension: format.extension(),
            uploader: Arc::new(Uploader {
                store,
                clock: ctx.env.clock.clone(),
                metrics: ctx.metrics.clone(),
            }),
            env: ctx.env.clone(),
            doorbell: ctx.doorbell.clone(),
            partitions,
            buffers: BTreeMap::new(),
            buffered: 0,
            parts: Vec::new(),
            opening: format!(
                "{}{}-{}-{token:016x}",
                pending_folder(&ctx.uid),
                ctx.attempt,
                ctx.subtask
            ),
            part_bytes: PART_BYTES,
            written: 0,
            in_flight: Arc::default(),
        }
    }

    /// The name of the next hidden object.
    fn next_pending(&mut self) -> String {
        self.written += 1;
        format!("{}-{}.{}", self.opening, self.written, self.extension)
    }

    /// Uploads the largest buffer as a part.
    fn start_upload(&mut self) {
        let largest = self.buffers.iter().max_by_key(|(_, buffer)| buffer.len());
        let Some(folder) = largest.map(|(folder, _)| folder.clone()) else { return };
        let bytes: Bytes = self.buffers.remove(&folder).unwrap_or_default().into();
        self.buffered -= folder.len() + bytes.len();
        let pending = self.next_pending();
        let (mut done, result) = oneshot::channel();
        let (store, key) = (self.uploader.clone(), pending.clone());
        let (in_flight, doorbell) = (self.in_flight.clone(), self.doorbell.clone());
        in_flight.fetch_add(1, Ordering::AcqRel);
        let task = async move {
            // When the sink is gone nobody waits for the result.
            let uploaded = {
                let upload = pin!(store.upload(&key, bytes));
                match select(upload, done.cancellation()).await {
                    Either::Left((uploaded, _)) => Some(uploaded),
                    Either::Right(_) => None,
                }
            };
            if let Some(uploaded) = uploaded {
                drop(done.send(uploaded));
            }
            in_flight.fetch_sub(1, Ordering::AcqRel);
            doorbell.ring();
        };
        // Not aborted: the task ends with its upload or its sink, and its object is hidden.
        self.env.tasks.spawn("filesystem-upload", task.boxed());
        let uploaded = result.map(|result| {
            result.unwrap_or_else(|_| {
                Err(Error::external("uploading rows", "the uploading task ended early"))
            })
        });
        self.parts.push(Part { folder, pending, uploaded: uploaded.boxed() });
    }
}

#[cfg(test)]
impl FileSink {
    pub(super) fn limit_part_bytes(&mut self, part_bytes: usize) {
        self.part_bytes = part_bytes;
    }

    pub(super) fn buffered(&self) -> usize {
        self.buffered
    }
}

impl Sink for FileSink {
    fn write(&mut self, batch: RecordBatch) -> Result<()> {
        for (folder, rows) in self.partitions.split(&batch)? {
            let name = folder.len();
            let buffer = self.buffers.entry(folder).or_default();
            let before = if buffer.is_empty() { 0 } else { name + buffer.len() };
            if self.encoder.values(&rows).is_some_and(|values| values.null_count() > 0) {
                let reason = "a line of the format 'raw' cannot be NULL: leave such rows out";
                return Err(Error::user(reason));
            }
            self.encoder.encode(&rows, buffer, |out| out.push(b'\n'))?;
            self.buffered += name + buffer.len() - before;
        }
        while self.buffered >= self.part_bytes {
            self.start_upload();
        }
        Ok(())
    }

    fn prepare(&mut self, epoch: Epoch) -> BoxFuture<'static, Result<Vec<Committable>>> {
        let mut parts = mem::take(&mut self.parts);
        let uploader = self.uploader.clone();
        self.buffered = 0;
        for (folder, buffer) in mem::take(&mut self.buffers) {
            let pending = self.next_pending();
            let (store, key) = (uploader.clone(), pending.clone());
            let upload = async move { store.upload(&key, buffer.into()).await };
            parts.push(Part { folder, pending, uploaded: upload.boxed() });
        }
        let (uid, extension) = (self.uid.clone(), self.extension);
        let name = target_name(&self.uid, epoch, self.subtask);
        async move {
            let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
            let mut uploads = Vec::with_capacity(parts.len());
            for Part { folder, pending, uploaded } in parts {
                let number = numbers.entry(folder.clone()).or_default();
                let payload = Payload {
                    root: uploader.store.root().to_owned(),
                    pending,
                    target: target_key(&folder, &name, *number, extension),
                };
                *number += 1;
                let committable = Committable {
                    uid: uid.clone(),
                    connector: NAME.to_owned(),
                    epoch,
                    payload: serde_json::json!(payload),
                };
                uploads.push(uploaded.map_ok(|()| committable));
            }
            stream::iter(uploads).buffered(LAST_UPLOADS_MAX).try_collect().await
        }
        .boxed()
    }

    fn ready(&self) -> bool {
        self.in_flight.load(Ordering::Acquire) < UPLOADS_MAX
    }
}

struct Uploader {
    store: Arc<dyn ObjectStore>,
    clock: Arc<dyn Clock>,
    metrics: Arc<OperatorMetrics>,
}

impl Uploader {
    /// Writes an object whose key nobody else writes; so trying again is always right, and it
    /// is tried until the store is back: these rows are nowhere else.
    async fn upload(&self, key: &str, bytes: Bytes) -> Result<()> {
        let mut wait = RETRY_WAIT;
        loop {
            let written = self.store.put(key, bytes.clone(), PutCondition::Always).await;
            let what = || format!("writing {}/{key}", self.store.root());
            match written {
                Ok(_) => {
                    if wait > RETRY_WAIT {
                        self.metrics.set_trouble(None);
                    }
                    return Ok(());
                }
                Err(error @ StoreError::Unavailable { .. }) => {
                    let error = Error::external(what(), error).chain();
                    tracing::warn!(error, ?wait, "writing output failed, trying again");
                    self.metrics.set_trouble(Some(error));
                    self.clock.sleep(wait).await;
                    wait = (wait * 2).min(RETRY_WAIT_MAX);
                }
                Err(error) => return Err(store_error(what(), error)),
            }
        }
    }
}

#[cfg(test)]
mod tests;
