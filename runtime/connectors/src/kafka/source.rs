//! The source's side of the queue, and opening the partitions.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use arrow::array::RecordBatch;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use sabot_core::metrics::OperatorMetrics;
use sabot_core::{Doorbell, Error, Result, Source, SourceContext, SourcePoll, SplitState};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::mpsc::{Receiver, channel};

use super::client::{Logged, blocking, bounds, config, failed, offset_of, partitions};
use super::reader::{Message, Partition, Reader, Rows};
use super::{BOUNDED, Place, START, Settings};
use crate::metadata::Columns;
use crate::registry::TableRead;

/// For so long at the most the library is let say why a call failed.
const SERVED: Duration = Duration::from_millis(100);

/// Batches that wait for the worker.
const QUEUE: usize = 8;

/// A partition's position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Position {
    /// The offset of the next message.
    next: i64,
    /// Where a bounded job stops.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end: Option<i64>,
    /// The first offset that there was, of a table that is read whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first: Option<i64>,
}

#[derive(Debug)]
struct Split {
    position: Position,
    finished: bool,
}

pub(super) struct KafkaSource {
    names: Vec<String>,
    splits: Vec<Split>,
    queue: Receiver<Message>,
    /// Tells the reading thread which splits are wanted.
    holds: mpsc::Sender<(usize, bool)>,
    /// Wakes the reading thread.
    room: Doorbell,
    /// A batch of which a part was emitted.
    rest: Option<Rest>,
    /// Splits whose end is not announced yet.
    ended: VecDeque<usize>,
    metrics: Arc<OperatorMetrics>,
}

#[derive(Debug)]
struct Rest {
    split: usize,
    rows: RecordBatch,
    offsets: Vec<i64>,
    next: i64,
}

/// A partition of this subtask as it was opened.
struct Opened {
    number: i32,
    position: Position,
    finished: bool,
}

impl KafkaSource {
    pub(super) async fn open(
        ctx: &SourceContext,
        settings: Settings,
        start: Place,
        bound: Option<Place>,
        rows: impl FnOnce(&Columns) -> Rows,
    ) -> Result<Self> {
        let (owned, known) = (ctx.clone(), settings.clone());
        let (consumer, opened) = blocking(&ctx.env, "kafka-open", move || {
            open_partitions(&owned, &known, &start, bound.as_ref())
        })
        .await?;
        Ok(Self::of(ctx, settings, consumer, &opened, rows))
    }

    /// The whole topic as it is now, or what has come to it since it was read.
    pub(super) async fn open_table(
        ctx: &SourceContext,
        settings: Settings,
        rows: impl FnOnce(&Columns) -> Rows,
    ) -> Result<TableRead> {
        let (owned, known) = (ctx.clone(), settings.clone());
        let (consumer, opened, goes_on) =
            blocking(&ctx.env, "kafka-open", move || open_whole(&owned, &known)).await?;
        let source = Box::new(Self::of(ctx, settings, consumer, &opened, rows));
        Ok(TableRead { source, goes_on })
    }

    fn of(
        ctx: &SourceContext,
        settings: Settings,
        consumer: BaseConsumer<Logged>,
        opened: &[Opened],
        rows: impl FnOnce(&Columns) -> Rows,
    ) -> Self {
        let names = opened.iter().map(|part| split_name(&settings, part.number)).collect();
        let (sender, queue) = channel(QUEUE);
        let (mut ended, mut reading) = (VecDeque::new(), BTreeMap::new());
        for (split, part) in opened.iter().enumerate() {
            if part.finished {
                ended.push_back(split);
            } else {
                reading.insert(part.number, Partition { split, end: part.position.end });
            }
        }
        let finished = false;
        let splits =
            opened.iter().map(|part| Split { position: part.position, finished }).collect();
        let room = Doorbell::new();
        let (holds, held) = mpsc::channel();
        if !reading.is_empty() {
            let metadata = Columns::new(&ctx.schema);
            let mut reader = Reader {
                consumer,
                decoder: rows(&metadata),
                metadata,
                settings,
                batch_rows: ctx.max_batch_rows.max(1),
                partitions: reading,
                queue: sender,
                doorbell: ctx.doorbell.clone(),
                holds: held,
                outbox: VecDeque::new(),
                left_out: Cell::new(false),
            };
            let name = format!("kafka-{}-{}", ctx.table, ctx.subtask);
            ctx.env.tasks.spawn_loop(name, room.clone(), Box::new(move || reader.turn()));
        }
        let metrics = Arc::clone(&ctx.metrics);
        Self { names, splits, queue, holds, room, rest: None, ended, metrics }
    }

    /// Emits the front of a batch that came, and keeps the rest.
    fn emit(&mut self, mut batch: Rest, max_rows: usize) -> SourcePoll {
        let split = batch.split;
        let position = &mut self.splits[split].position;
        if batch.rows.num_rows() <= max_rows {
            position.next = batch.next;
            return SourcePoll::Batch { split, rows: batch.rows };
        }
        // The rows of one message stay together: it is read again as a whole.
        let is_whole = |cut: &usize| batch.offsets[*cut] != batch.offsets[*cut - 1];
        let cut = (1..=max_rows).rev().find(is_whole);
        let cut = cut.or_else(|| (max_rows + 1..batch.offsets.len()).find(is_whole));
        let Some(cut) = cut else {
            position.next = batch.next;
            return SourcePoll::Batch { split, rows: batch.rows };
        };
        let left = batch.offsets.split_off(cut);
        // Up to the next row, so that messages without rows are not read again.
        position.next = left[0];
        let rows = batch.rows.slice(0, cut);
        let back = batch.rows.slice(cut, left.len());
        self.rest = Some(Rest { rows: back, offsets: left, ..batch });
        SourcePoll::Batch { split, rows }
    }
}

fn split_name(settings: &Settings, partition: i32) -> String {
    format!("{}-{partition}", settings.topic)
}

fn consumer(ctx: &SourceContext, settings: &Settings) -> Result<BaseConsumer<Logged>> {
    let mut config = config(settings);
    if config.get("group.id").is_none() {
        // The library wants one for assigning; nothing is kept under it.
        config.set("group.id", format!("sabot-{}", ctx.table));
    }
    config.set("enable.auto.commit", "false");
    config.set("enable.auto.offset.store", "false");
    config.set("enable.partition.eof", "true");
    config.set("allow.auto.create.topics", "false");
    // An offset that retention has deleted must not be jumped over silently.
    config.set("auto.offset.reset", "error");
    config
        .create_with_context(Logged::default())
        .map_err(|error| failed(settings, "opening", error))
}

/// The topic's partitions.
fn numbers(consumer: &BaseConsumer<Logged>, settings: &Settings) -> Result<Vec<i32>> {
    partitions(consumer.client(), settings, || drop(consumer.poll(SERVED)))
}

/// Has the partitions that have not ended fetched.
fn assign(consumer: &BaseConsumer<Logged>, settings: &Settings, opened: &[Opened]) -> Result<()> {
    let failed = |error| failed(settings, "assigning", error);
    let mut list = TopicPartitionList::new();
    for part in opened.iter().filter(|part| !part.finished) {
        let next = Offset::Offset(part.position.next);
        list.add_partition_offset(&settings.topic, part.number, next).map_err(failed)?;
    }
    consumer.assign(&list).map_err(failed)
}

/// All partitions from where their last reading has ended, and true; or from their first offsets, if
/// a partition was not read yet or no longer has what was read of it.
fn open_whole(
    ctx: &SourceContext,
    settings: &Settings,
) -> Result<(BaseConsumer<Logged>, Vec<Opened>, bool)> {
    let consumer = consumer(ctx, settings)?;
    let mut opened = Vec::new();
    let mut seen = 0;
    let mut goes_on = !ctx.restored.is_empty();
    for number in numbers(&consumer, settings)? {
        let (first, end) = bounds(&consumer, settings, number)?;
        let restored = restored(ctx, settings, number)?;
        if let Some((before, _)) = restored {
            seen += 1;
            goes_on &= before.first == Some(first) && before.next <= end;
        }
        let next = restored.map_or(first, |(before, _)| before.next);
        let position = Position { next, end: Some(end), first: Some(first) };
        opened.push(Opened { number, position, finished: next >= end });
    }
    goes_on &= seen == ctx.restored.len();
    if !goes_on {
        for part in &mut opened {
            part.position.next = part.position.first.unwrap_or_default();
            part.finished = part.position.end.is_some_and(|end| part.position.next >= end);
        }
    }
    assign(&consumer, settings, &opened)?;
    Ok((consumer, opened, goes_on))
}

/// Where a partition was when the state was written, and whether it had ended.
fn restored(
    ctx: &SourceContext,
    settings: &Settings,
    number: i32,
) -> Result<Option<(Position, bool)>> {
    let name = split_name(settings, number);
    let Some(state) = ctx.restored.iter().find(|state| state.split == name) else {
        return Ok(None);
    };
    let position = Position::deserialize(&state.position)
        .map_err(|error| Error::external(format!("reading the position of split {name}"), error))?;
    Ok(Some((position, state.finished)))
}

fn open_partitions(
    ctx: &SourceContext,
    settings: &Settings,
    start: &Place,
    bound: Option<&Place>,
) -> Result<(BaseConsumer<Logged>, Vec<Opened>)> {
    let consumer = consumer(ctx, settings)?;
    let numbers = numbers(&consumer, settings)?;
    for state in ctx.restored.iter().filter(|state| !state.finished) {
        if !numbers.iter().any(|number| split_name(settings, *number) == state.split) {
            return Err(Error::user(format!(
                "partition {}, of which the checkpoint has read a part, is no longer there: \
                 restore the topic {}, or start the job without state",
                state.split, settings.topic
            )));
        }
    }
    let own = |number: &i32| {
        u32::try_from(*number).is_ok_and(|number| number % ctx.parallelism.max(1) == ctx.subtask)
    };
    let mut opened = Vec::new();
    for number in numbers.into_iter().filter(own) {
        let (position, finished) =
            open_partition(ctx, settings, &consumer, (start, bound), number)?;
        opened.push(Opened { number, position, finished });
    }
    assign(&consumer, settings, &opened)?;
    Ok((consumer, opened))
}

fn open_partition(
    ctx: &SourceContext,
    settings: &Settings,
    consumer: &BaseConsumer<Logged>,
    (start, bound): (&Place, Option<&Place>),
    number: i32,
) -> Result<(Position, bool)> {
    let restored = restored(ctx, settings, number)?;
    let from = |start| -> Result<Position> {
        let next = offset_of(consumer, settings, (start, START), number)?;
        Ok(Position { next, end: None, first: None })
    };
    let mut position = match restored {
        Some((position, _)) => position,
        // A partition that was added since the checkpoint is read whole.
        None if !ctx.restored.is_empty() => from(&Place::Earliest)?,
        None => from(start)?,
    };
    if let (Some(bound), None) = (bound, position.end) {
        position.end = Some(offset_of(consumer, settings, (bound, BOUNDED), number)?);
    }
    let at_end = position.end.is_some_and(|end| position.next >= end);
    Ok((position, at_end || restored.is_some_and(|(_, finished)| finished)))
}

impl Source for KafkaSource {
    fn poll(&mut self, max_rows: usize) -> Result<SourcePoll> {
        let max_rows = max_rows.max(1);
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
            let message = self.queue.try_recv();
            self.room.ring();
            match message {
                Ok(Message::Rows { split, rows, offsets, next, malformed }) => {
                    OperatorMetrics::add(&self.metrics.rows_malformed, malformed);
                    if rows.num_rows() > 0 {
                        return Ok(self.emit(Rest { split, rows, offsets, next }, max_rows));
                    }
                    self.splits[split].position.next = next;
                }
                Ok(Message::Ended { split }) => {
                    let position = &mut self.splits[split].position;
                    position.next = position.end.unwrap_or(0).max(position.next);
                    self.ended.push_back(split);
                }
                Ok(Message::Failed(error)) => return Err(error),
                Err(TryRecvError::Empty) => return Ok(SourcePoll::Pending),
                Err(TryRecvError::Disconnected) => {
                    return Err(Error::external("reading Kafka", "the reading thread ended early"));
                }
            }
        }
    }

    fn splits(&self) -> &[String] {
        &self.names
    }

    fn hold(&mut self, split: usize, held: bool) {
        // The thread may have ended with its last partition.
        let _ = self.holds.send((split, held));
        self.room.ring();
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

impl Drop for KafkaSource {
    fn drop(&mut self) {
        // The thread sees that the queue is closed and stops.
        self.queue.close();
        self.room.ring();
    }
}
