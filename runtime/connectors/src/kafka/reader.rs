//! The thread that takes messages from the client library, decodes them many at once and queues
//! the batches.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaErrorCode;
use sabot_core::{Doorbell, Error, Result, Turn};
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;

use super::Settings;
use super::client::{Logged, bounds, failed, is_passing, log_error};
use super::metadata::of_messages;
use super::parts::{DecodedMessages, MalformedMessage, PartsDecoder};
use crate::format::json::beside::VALUE;
use crate::format::{Decoded, Decoder, malformed_row, of_key};
use crate::metadata::Columns;

/// The longest wait for a first message; bounds how long closing takes.
const FIRST_WAIT: Duration = Duration::from_millis(50);
/// How long messages are gathered into one batch after the first.
const GATHER: Duration = Duration::from_millis(5);

/// What the thread sends.
#[derive(Debug)]
pub(super) enum Message {
    /// Rows of a split, possibly none.
    Rows {
        split: usize,
        rows: RecordBatch,
        /// Of every row its message's offset.
        offsets: Vec<i64>,
        /// The offset after the last message, also one that gave no row.
        next: i64,
        malformed: usize,
    },
    /// The split has ended.
    Ended { split: usize },
    /// Reading cannot go on.
    Failed(Error),
}

/// How messages become rows.
pub(super) enum Rows {
    /// By their values.
    Values(Decoder),
    /// By their keys and values.
    Parts(Box<PartsDecoder>),
}

impl Rows {
    /// Whether a message can become rows.
    fn wants(&self, message: &BorrowedMessage<'_>) -> bool {
        match self {
            // A null payload deletes a key; elsewhere it is no row.
            Self::Parts(parts) => parts.takes_null() || message.payload().is_some(),
            Self::Values(values) => values.takes_null() || message.payload().is_some(),
        }
    }

    /// Finds out what it has to know of messages before it decodes them. Blocks.
    fn prepare(&self, messages: &[&BorrowedMessage<'_>]) -> Result<()> {
        match self {
            Self::Values(values) => values.prepare(messages.iter().filter_map(|m| m.payload())),
            Self::Parts(parts) => parts.prepare(messages),
        }
    }

    fn decode(
        &self,
        messages: &[&BorrowedMessage<'_>],
        ignore_option: &str,
    ) -> Result<DecodedMessages, MalformedMessage> {
        let decoder = match self {
            Self::Values(decoder) => decoder,
            Self::Parts(decoder) => return decoder.decode(messages),
        };
        let decoded = if decoder.takes_null() {
            decoder.decode_optional(&messages.iter().map(|m| m.payload()).collect::<Vec<_>>())
        } else {
            decoder.decode(&messages.iter().filter_map(|m| m.payload()).collect::<Vec<_>>())
        };
        let decoded = decoded.map_err(|fault| MalformedMessage {
            message: fault.record,
            format: decoder.format(),
            reason: fault.reason,
            option: ignore_option.to_owned(),
        })?;
        let of_rows = (0..decoded.rows.num_rows()).map(|row| decoded.record(row));
        let messages = of_rows.collect();
        let Decoded { rows, malformed, beside, .. } = decoded;
        Ok(DecodedMessages { rows, messages, malformed, beside })
    }
}

/// A partition that is read.
#[derive(Debug)]
pub(super) struct Partition {
    /// The split's index.
    pub(super) split: usize,
    /// Where to stop.
    pub(super) end: Option<i64>,
}

pub(super) struct Reader {
    pub(super) consumer: BaseConsumer<Logged>,
    pub(super) settings: Settings,
    pub(super) decoder: Rows,
    pub(super) metadata: Columns,
    pub(super) batch_rows: usize,
    /// The partitions that have not ended, by number.
    pub(super) partitions: BTreeMap<i32, Partition>,
    pub(super) queue: Sender<Message>,
    pub(super) doorbell: Doorbell,
    /// Splits that are not wanted for now, or again: an index, and which.
    pub(super) holds: mpsc::Receiver<(usize, bool)>,
    /// What did not fit into the queue.
    pub(super) outbox: VecDeque<Message>,
    /// Whether a header was left out, which is said once.
    pub(super) left_out: Cell<bool>,
}

/// Messages of some partitions, and partitions whose end was seen.
#[derive(Default)]
struct Gathered<'a> {
    messages: BTreeMap<i32, Vec<BorrowedMessage<'a>>>,
    ends: Vec<i32>,
}

impl Reader {
    /// One round of the thread's loop.
    pub(super) fn turn(&mut self) -> Turn {
        while let Ok((split, held)) = self.holds.try_recv() {
            let partition = self.partitions.iter().find(|(_, partition)| partition.split == split);
            if let Some((number, _)) = partition {
                self.hold(*number, held);
            }
        }
        while let Some(message) = self.outbox.pop_front() {
            match self.queue.try_send(message) {
                Ok(()) => self.doorbell.ring(),
                Err(TrySendError::Full(message)) => {
                    self.outbox.push_front(message);
                    return Turn::Idle;
                }
                Err(TrySendError::Closed(_)) => return Turn::Stop,
            }
        }
        if self.queue.is_closed() || self.partitions.is_empty() {
            return Turn::Stop;
        }
        let (read, ended) = match self.gather().and_then(|gathered| self.decode(&gathered)) {
            Ok(done) => done,
            Err(error) => {
                // Sent in the next turn, which then stops.
                self.partitions.clear();
                self.outbox.push_back(Message::Failed(error));
                return Turn::Busy;
            }
        };
        self.outbox.extend(read);
        for number in ended {
            if let Some(partition) = self.partitions.remove(&number) {
                self.hold(number, true);
                self.outbox.push_back(Message::Ended { split: partition.split });
            }
        }
        Turn::Busy
    }

    fn gather(&self) -> Result<Gathered<'_>> {
        let mut gathered = Gathered::default();
        let mut count = 0;
        let mut until = None;
        while count < self.batch_rows {
            let wait = match until {
                None => FIRST_WAIT,
                Some(until) if Instant::now() < until => Duration::ZERO,
                Some(_) => break,
            };
            match self.consumer.poll(wait) {
                Some(Ok(message)) => {
                    count += 1;
                    until.get_or_insert_with(|| Instant::now() + GATHER);
                    gathered.messages.entry(message.partition()).or_default().push(message);
                }
                Some(Err(KafkaError::PartitionEOF(number))) => gathered.ends.push(number),
                Some(Err(error)) => self.judge(error)?,
                None => break,
            }
        }
        Ok(gathered)
    }

    /// Goes on after an error that passes.
    fn judge(&self, error: KafkaError) -> Result<()> {
        match error {
            KafkaError::MessageConsumption(RDKafkaErrorCode::AutoOffsetReset) => {
                Err(Error::user(format!(
                    "an offset at which the job wants to go on is no longer in topic {}: its \
                     retention has deleted messages that the job had not read; start the job \
                     without state to go on without them",
                    self.settings.topic
                )))
            }
            KafkaError::MessageConsumption(code) if is_passing(code) => {
                log_error(&error, "reading");
                Ok(())
            }
            error => Err(failed(&self.settings, "reading", error)),
        }
    }

    /// The rows of each partition, and the partitions that have ended.
    fn decode(&self, gathered: &Gathered<'_>) -> Result<(Vec<Message>, Vec<i32>)> {
        let (mut read, mut ended) = (Vec::new(), Vec::new());
        for (number, messages) in &gathered.messages {
            let Some(partition) = self.partitions.get(number) else { continue };
            let end = partition.end.unwrap_or(i64::MAX);
            let before_end = messages.iter().take_while(|message| message.offset() < end);
            let mut kept = Vec::new();
            let mut next = None;
            for message in before_end {
                next = Some(message.offset() + 1);
                if self.decoder.wants(message) {
                    kept.push(message);
                }
            }
            if let Some(next) = next {
                read.push(self.rows(*number, partition.split, &kept, next)?);
            }
            if messages.iter().any(|message| message.offset() + 1 >= end) {
                ended.push(*number);
            }
        }
        // The last offsets may hold no messages: the end of the partition tells that all before it
        // were read.
        for number in &gathered.ends {
            let end = self.partitions.get(number).and_then(|partition| partition.end);
            if let Some(end) = end
                && bounds(&self.consumer, &self.settings, *number)?.1 >= end
            {
                ended.push(*number);
            }
        }
        Ok((read, ended))
    }

    fn rows(
        &self,
        partition: i32,
        split: usize,
        messages: &[&BorrowedMessage<'_>],
        next: i64,
    ) -> Result<Message> {
        let ignore = format!("{}ignore-parse-errors", self.settings.option_prefix);
        self.decoder.prepare(messages)?;
        let decoded = self.decoder.decode(messages, &ignore).map_err(|fault| {
            let offset = messages[fault.message].offset();
            let place =
                format!("the message at offset {offset} of {}-{partition}", self.settings.topic);
            malformed_row(&place, fault.format, &fault.reason, &fault.option)
        })?;
        let of_rows: Vec<_> = decoded.messages.iter().map(|index| messages[*index]).collect();
        let value = |key: &str| {
            let beside = key.strip_prefix(VALUE).and_then(|key| of_key(&decoded.beside, key));
            Ok(beside.unwrap_or_else(|| of_messages(key, &of_rows, |m| self.header_left_out(m))))
        };
        Ok(Message::Rows {
            split,
            offsets: of_rows.iter().map(|message| message.offset()).collect(),
            next,
            malformed: decoded.malformed,
            rows: self.metadata.join(decoded.rows, value)?,
        })
    }

    fn header_left_out(&self, message: &BorrowedMessage<'_>) {
        if self.left_out.replace(true) {
            return;
        }
        tracing::warn!(
            topic = message.topic(),
            partition = message.partition(),
            offset = message.offset(),
            "headers whose names are not UTF-8 are left out"
        );
    }

    /// Fetches no more of a partition, or goes on with it behind its last message.
    fn hold(&self, partition: i32, held: bool) {
        let mut list = TopicPartitionList::new();
        list.add_partition(&self.settings.topic, partition);
        let done = match held {
            true => self.consumer.pause(&list),
            false => self.consumer.resume(&list),
        };
        if let Err(error) = done {
            log_error(&error, "pausing or resuming a partition");
        }
    }
}
