//! The source's side of the queue: hands out batches and keeps what was emitted.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use sabot_core::{Error, Result, Source, SourceContext, SourcePoll, SplitState, TaskHandle};
use serde::Deserialize;
use tokio::sync::mpsc::{Receiver, channel, error::TryRecvError};

use super::partitions::Partitions;
use super::path::{File, Found};
use super::reader::{Message, Position, Reader, Work};
use crate::format::Format;
use crate::format::json::beside;
use crate::metadata;
use crate::pace::Pace;
use crate::splits::deal;

/// Files that a subtask reads side by side.
const READERS: usize = 8;
/// Batches that wait for the worker.
const QUEUE: usize = 8;

pub(super) struct FileSource {
    names: Vec<String>,
    splits: Vec<Split>,
    queue: Receiver<Message>,
    /// A batch of which a part was emitted.
    rest: Option<Rest>,
    /// Splits whose end is not announced yet.
    ended: VecDeque<usize>,
    tasks: Vec<TaskHandle>,
    replay: Option<Replay>,
}

/// Rows come at a rate instead of as fast as they can be read.
struct Replay {
    pace: Pace,
    emitted: u64,
}

#[derive(Debug)]
struct Split {
    position: Position,
    finished: bool,
}

#[derive(Debug)]
struct Rest {
    split: usize,
    rows: RecordBatch,
    end: Position,
}

impl FileSource {
    pub(super) fn open(
        ctx: &SourceContext,
        found: Found,
        (partitions, metadata): (Partitions, metadata::Columns),
        format: &Format,
        rate: Option<u64>,
    ) -> Result<Self> {
        let files: HashMap<&str, &File> =
            found.files.iter().map(|file| (file.key.as_str(), file)).collect();
        let sharing = u64::from(ctx.parallelism).min(found.files.len() as u64).max(1);
        let replay = rate.map(|rate| Replay {
            pace: Pace::new(ctx.env.clock.clone(), rate.div_ceil(sharing)),
            emitted: 0,
        });
        let keys = found.files.iter().map(|file| file.key.clone());
        let (mut names, mut splits) = (Vec::new(), Vec::new());
        let (mut work, mut ended) = (VecDeque::new(), VecDeque::new());
        for own in deal(keys, &ctx.restored, ctx.subtask, ctx.parallelism) {
            let split = splits.len();
            let position = match &own.position {
                None => Position::default(),
                Some(value) => Position::deserialize(value).map_err(|error| {
                    Error::external(format!("reading the position of split {}", own.name), error)
                })?,
            };
            if own.finished {
                ended.push_back(split);
            } else {
                let file = *files.get(own.name.as_str()).ok_or_else(|| gone(&found, &own.name))?;
                work.push_back(Work { split, file: file.clone(), start: position });
            }
            names.push(own.name);
            splits.push(Split { position, finished: false });
        }
        let (sender, queue) = channel(QUEUE);
        let readers = READERS.min(work.len());
        let reader = Arc::new(Reader {
            store: found.store,
            decoder: format.decoder(
                partitions.file_schema(),
                beside::keys_of(&metadata, ""),
                &ctx.env,
            ),
            ignore_option: format!("{}.ignore-parse-errors", format.name()),
            partitions,
            metadata,
            batch_rows: ctx.max_batch_rows.max(1),
            work: Mutex::new(work),
            queue: sender,
            doorbell: ctx.doorbell.clone(),
            metrics: ctx.metrics.clone(),
        });
        let start = |_| {
            let reader = Arc::clone(&reader);
            ctx.env.tasks.spawn("filesystem-reader", Box::pin(reader.run()))
        };
        let tasks = (0..readers).map(start).collect();
        Ok(Self { names, splits, queue, rest: None, ended, tasks, replay })
    }

    /// Emits the front of a batch that came, and keeps the rest.
    fn emit(&mut self, batch: Rest, max_rows: usize) -> SourcePoll {
        let Rest { split, rows, end } = batch;
        if let Some(replay) = &mut self.replay {
            replay.emitted += rows.num_rows().min(max_rows) as u64;
        }
        if rows.num_rows() <= max_rows {
            self.splits[split].position = end;
            return SourcePoll::Batch { split, rows };
        }
        let front = rows.slice(0, max_rows);
        let back = rows.slice(max_rows, rows.num_rows() - max_rows);
        self.splits[split].position.rows += max_rows as u64;
        self.rest = Some(Rest { split, rows: back, end });
        SourcePoll::Batch { split, rows: front }
    }
}

fn gone(found: &Found, name: &str) -> Error {
    Error::user(format!(
        "the file {}/{name}, of which the checkpoint has read a part, is no longer there: restore \
         the file, or start the job without state",
        found.store.root()
    ))
}

impl Source for FileSource {
    fn poll(&mut self, max_rows: usize) -> Result<SourcePoll> {
        let mut max_rows = max_rows.max(1);
        if let Some(Replay { pace, emitted }) = &self.replay {
            let due = pace.allowed().saturating_sub(*emitted);
            if due == 0 && self.ended.is_empty() {
                return Ok(SourcePoll::Pending);
            }
            max_rows = max_rows.min(usize::try_from(due).unwrap_or(usize::MAX).max(1));
        }
        if let Some(rest) = self.rest.take() {
            return Ok(self.emit(rest, max_rows));
        }
        loop {
            if let Some(split) = self.ended.pop_front() {
                self.splits[split].finished = true;
                return Ok(SourcePoll::SplitFinished(split));
            }
            if self.splits.iter().all(|split| split.finished) {
                return Ok(SourcePoll::Finished);
            }
            match self.queue.try_recv() {
                Ok(Message::Rows { split, rows, start, end }) => {
                    self.splits[split].position = start;
                    if rows.num_rows() > 0 {
                        return Ok(self.emit(Rest { split, rows, end }, max_rows));
                    }
                    self.splits[split].position = end;
                }
                Ok(Message::Ended { split, end }) => {
                    self.splits[split].position = end;
                    self.ended.push_back(split);
                }
                Ok(Message::Failed(error)) => return Err(error),
                Err(TryRecvError::Empty) => return Ok(SourcePoll::Pending),
                Err(TryRecvError::Disconnected) => {
                    let cause = "a reading task ended early";
                    return Err(Error::external("reading files", cause));
                }
            }
        }
    }

    fn splits(&self) -> &[String] {
        &self.names
    }

    fn positions(&self) -> Vec<SplitState> {
        self.names
            .iter()
            .zip(&self.splits)
            .map(|(name, split)| SplitState {
                split: name.clone(),
                position: serde_json::json!(split.position),
                finished: split.finished,
                watermark: None,
            })
            .collect()
    }
}

impl Drop for FileSource {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
