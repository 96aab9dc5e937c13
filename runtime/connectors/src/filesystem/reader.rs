//! Reads files in tasks: fetches ranges, cuts records, decodes them into batches.
//!
//! A few tasks a subtask share its list of splits, so that several files are read side by side
//! and the smallest of their watermarks moves on. Their batches go through one bounded queue.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use sabot_core::metrics::OperatorMetrics;
use sabot_core::store::ObjectStore;
use sabot_core::{Doorbell, Error, Result};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::Sender;

use super::partitions::Partitions;
use super::path::File;
use super::{FILE_NAME, FILE_PATH, FILE_SIZE, store_error};
use crate::format::{Decoded, Decoder, of_key};
use crate::metadata::{Columns, instant};

/// Bytes of one read.
const CHUNK: u64 = 1 << 20;
/// The longest record; a longer one is no row.
const LINE_MAX: usize = 64 << 20;

/// How far a file has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Position {
    /// The byte at which a record starts.
    pub(super) offset: u64,
    /// Lines before it.
    pub(super) line: u64,
    /// Rows after it that were emitted already.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) rows: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(rows: &u64) -> bool {
    *rows == 0
}

/// What a task sends.
#[derive(Debug)]
pub(super) enum Message {
    /// Rows of a split that lie from `start` to `end`, possibly none.
    Rows { split: usize, rows: RecordBatch, start: Position, end: Position },
    /// The split has ended at this position.
    Ended { split: usize, end: Position },
    /// Reading cannot go on.
    Failed(Error),
}

/// A file to read.
#[derive(Debug)]
pub(super) struct Work {
    /// The split's index.
    pub(super) split: usize,
    pub(super) file: File,
    pub(super) start: Position,
}

/// What the tasks of a subtask share.
pub(super) struct Reader {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) decoder: Decoder,
    /// The option that skips malformed rows.
    pub(super) ignore_option: String,
    pub(super) partitions: Partitions,
    pub(super) metadata: Columns,
    pub(super) batch_rows: usize,
    pub(super) work: Mutex<VecDeque<Work>>,
    pub(super) queue: Sender<Message>,
    pub(super) doorbell: Doorbell,
    pub(super) metrics: Arc<OperatorMetrics>,
}

/// The source was dropped.
struct Gone;

enum Stop {
    Gone,
    Failed(Error),
}

impl From<Gone> for Stop {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Reader {
    /// Reads splits until none is left.
    pub(super) async fn run(self: Arc<Self>) {
        loop {
            let next = self.work.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(work) = next else { return };
            match self.read(&work).await {
                Ok(()) => {}
                Err(Stop::Gone) => return,
                Err(Stop::Failed(error)) => {
                    drop(self.send(Message::Failed(error)).await);
                    return;
                }
            }
        }
    }

    async fn send(&self, message: Message) -> Result<(), Gone> {
        let sent = self.queue.send(message).await;
        self.doorbell.ring();
        sent.map_err(|_| Gone)
    }

    async fn read(&self, work: &Work) -> Result<(), Stop> {
        let mut at = work.start;
        let mut fetched = at.offset;
        let mut bytes: Vec<u8> = Vec::new();
        if fetched > work.file.size {
            return Err(self
                .changed(work, &format!("it has only {} bytes", work.file.size))
                .into());
        }
        while fetched < work.file.size {
            let end = (fetched + CHUNK).min(work.file.size);
            let what = || format!("reading {}/{}", self.store.root(), work.file.key);
            let chunk = self.store.get_range(&work.file.key, fetched..end).await;
            let chunk = chunk.map_err(|error| store_error(what(), error))?;
            if chunk.len() as u64 != end - fetched {
                return Err(self.changed(work, "it became shorter").into());
            }
            fetched = end;
            bytes.extend_from_slice(&chunk);
            let is_last = fetched == work.file.size;
            let mut done = 0;
            while done < bytes.len() {
                let lines = Lines::cut(&bytes[done..], is_last, self.batch_rows, at, &self.decoder);
                if lines.length == 0 {
                    break;
                }
                done += lines.length;
                let (start, end) = (at, lines.end);
                let rows = self.decode(work, &lines)?;
                let (rows, skipped) = skip(&rows, start.rows);
                at = Position { rows: start.rows - skipped, ..end };
                self.send(Message::Rows { split: work.split, rows, start, end: at }).await?;
            }
            bytes.drain(..done);
            if bytes.len() > LINE_MAX {
                let place =
                    format!("line {} of {}/{}", at.line + 1, self.store.root(), work.file.key);
                return Err(Error::user(format!(
                    "{place} is longer than {} MiB: expected {}",
                    LINE_MAX >> 20,
                    self.decoder.record()
                ))
                .into());
            }
        }
        self.send(Message::Ended { split: work.split, end: at }).await?;
        Ok(())
    }

    fn decode(&self, work: &Work, lines: &Lines<'_>) -> Result<RecordBatch> {
        let decoded = self.decoder.decode(&lines.records).map_err(|fault| {
            let line = lines.numbers[fault.record];
            let place = format!("line {line} of {}/{}", self.store.root(), work.file.key);
            self.decoder.malformed(&place, &fault.reason, &self.ignore_option)
        })?;
        OperatorMetrics::add(&self.metrics.rows_malformed, decoded.malformed);
        let Decoded { rows, beside, .. } = decoded;
        let rows = self.partitions.join(self.store.root(), &work.file.key, rows)?;
        let count = rows.num_rows();
        self.metadata.join(rows, |key| {
            Ok(of_key(&beside, key).unwrap_or_else(|| self.about(&work.file, key, count)))
        })
    }

    /// What is known of a file under a key, `rows` times.
    fn about(&self, file: &File, key: &str, rows: usize) -> ArrayRef {
        let texts = |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![text; rows])) };
        match key {
            FILE_PATH => texts(&format!("{}/{}", self.store.root(), file.key)),
            FILE_NAME => texts(file.key.rsplit('/').next().unwrap_or_default()),
            FILE_SIZE => Arc::new(Int64Array::from(vec![file.size as i64; rows])),
            _ => {
                let times = TimestampMillisecondArray::from(vec![file.modified_ms; rows]);
                Arc::new(times.with_data_type(instant()))
            }
        }
    }

    fn changed(&self, work: &Work, how: &str) -> Error {
        Error::user(format!(
            "the file {}/{} changed while the job read it: {how}; restore the file, or start the \
             job without state",
            self.store.root(),
            work.file.key
        ))
    }
}

/// Drops up to `rows` rows from the front; how many were dropped.
fn skip(batch: &RecordBatch, rows: u64) -> (RecordBatch, u64) {
    let skipped = batch.num_rows().min(usize::try_from(rows).unwrap_or(usize::MAX));
    (batch.slice(skipped, batch.num_rows() - skipped), skipped as u64)
}

/// Some records, without blank ones where they are none. Most are lines.
struct Lines<'a> {
    records: Vec<&'a [u8]>,
    /// Of every record its first line's number, from 1.
    numbers: Vec<u64>,
    /// Bytes that were cut.
    length: usize,
    /// Where the next record starts.
    end: Position,
}

impl<'a> Lines<'a> {
    /// Cuts at most `most` records off `bytes`, which start at `start`; the last one need have no end
    /// if these are the last bytes.
    fn cut(
        bytes: &'a [u8],
        is_last: bool,
        most: usize,
        start: Position,
        decoder: &Decoder,
    ) -> Self {
        let mut lines = Self {
            records: Vec::with_capacity(most.min(bytes.len() / 16)),
            numbers: Vec::new(),
            length: 0,
            end: start,
        };
        while lines.length < bytes.len() && lines.records.len() < most {
            let rest = &bytes[lines.length..];
            let length = decoder.record_end(rest).or_else(|| is_last.then_some(rest.len()));
            let Some(length) = length else { break };
            let record = decoder.trim(&rest[..length]);
            if !record.is_empty() || decoder.takes_empty() {
                lines.records.push(record);
                lines.numbers.push(lines.end.line + 1);
            }
            lines.length += length;
            lines.end.offset += length as u64;
            lines.end.line += memchr::memchr_iter(b'\n', &rest[..length]).count().max(1) as u64;
        }
        lines
    }
}
