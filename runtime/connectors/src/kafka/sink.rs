//! The sink: at least once.
//!
//! Messages go out as rows come; a checkpoint waits until the brokers have acknowledged all of
//! them. A message that cannot be delivered fails the job, which sends it again after its
//! restart, along with those that were delivered since the last checkpoint.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::FutureExt;
use futures::future::BoxFuture;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode;
use sabot_core::row_kind::{self, RowKind};
use sabot_core::{Committable, Doorbell, Env, Result, Sink, SinkContext};
use sabot_types::Epoch;
use serde::Deserialize;

use super::client::{Noted, Refusal, blocking, config, failed, log, log_error, partitions};
use super::parts::{Encoded, PartsEncoder};
use super::{Partitioner, Settings, metadata};
use crate::format;
use crate::metadata::Columns;

/// Messages on their way above which the sink takes no rows.
const IN_FLIGHT_MAX: usize = 50_000;
/// The longest wait for a broker to acknowledge a message.
const DELIVERY_TIMEOUT: Duration = Duration::from_mins(1);
/// The longest wait for room in the library's queue.
const ROOM_TIMEOUT: Duration = Duration::from_mins(1);
const ROOM_RETRY: Duration = Duration::from_millis(2);
/// After so long without an end the brokers abort a transaction, if the table's properties do not say
/// otherwise: what brokers allow at most, if they are not told otherwise.
const TRANSACTION_TIMEOUT: Duration = Duration::from_mins(15);
/// How often the library tells the identity of a producer of transactions.
const STATISTICS_MS: u64 = 100;

pub(super) struct KafkaSink {
    messages: Messages,
    client: Arc<Client>,
    env: Env,
}

/// How rows become messages of a topic.
pub(super) struct Messages {
    pub(super) settings: Settings,
    encoder: Encoder,
    metadata: Columns,
    /// The partition of all of them; none: the client chooses.
    partition: Option<i32>,
}

/// How rows become keys and values.
pub(super) enum Encoder {
    /// Each row a value, without a key.
    Values(format::Encoder),
    /// Each row a key and a value; of upserts each new version of a row, and of rows that go the keys
    /// alone.
    Parts(PartsEncoder),
}

/// What becomes a message.
struct Outgoing<'a> {
    key: Option<&'a [u8]>,
    /// None: what is under the key is deleted.
    payload: Option<&'a [u8]>,
    time: Option<i64>,
    headers: Option<OwnedHeaders>,
}

/// A client of the library that sends messages.
pub(super) struct Client {
    pub(super) producer: ThreadedProducer<Deliveries>,
    pub(super) deliveries: Deliveries,
}

/// What became of the messages.
#[derive(Clone)]
pub(super) struct Deliveries {
    in_flight: Arc<AtomicUsize>,
    /// The first failure.
    failure: Arc<Mutex<Option<KafkaError>>>,
    /// The producer's id and its epoch, where its statistics tell them.
    identity: Arc<Mutex<Option<(i64, i16)>>>,
    refusal: Refusal,
    doorbell: Doorbell,
}

/// What counts of the library's statistics.
#[derive(Deserialize)]
struct Statistics {
    eos: Option<Identity>,
}

#[derive(Deserialize)]
struct Identity {
    producer_id: i64,
    producer_epoch: i16,
}

impl Noted for Deliveries {
    fn refusal(&self) -> &Refusal {
        &self.refusal
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.refusal.note(&error, reason);
        log_error(&error, reason);
    }

    fn stats_raw(&self, statistics: &[u8]) {
        let read = serde_json::from_slice(statistics).ok();
        let identity = read.and_then(|Statistics { eos }| eos).filter(|id| id.producer_id >= 0);
        if let Some(Identity { producer_id, producer_epoch }) = identity {
            *self.identity.lock().unwrap_or_else(PoisonError::into_inner) =
                Some((producer_id, producer_epoch));
        }
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            failure.get_or_insert_with(|| error.clone());
        }
        if self.in_flight.fetch_sub(1, Ordering::AcqRel) == IN_FLIGHT_MAX {
            self.doorbell.ring();
        }
    }
}

impl Deliveries {
    pub(super) fn check(&self, settings: &Settings) -> Result<()> {
        match &*self.failure.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(failed(settings, "writing to", error.clone())),
            None => Ok(()),
        }
    }

    pub(super) fn identity(&self) -> Option<(i64, i16)> {
        *self.identity.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Client {
    /// Connects, for transactions of an id if one is given. Blocks.
    pub(super) fn open(
        settings: &Settings,
        doorbell: &Doorbell,
        transactional_id: Option<&str>,
    ) -> Result<Self> {
        let deliveries = Deliveries {
            in_flight: Arc::default(),
            failure: Arc::default(),
            identity: Arc::default(),
            refusal: Refusal::default(),
            doorbell: doorbell.clone(),
        };
        let mut config = config(settings);
        let mut defaults = vec![
            ("enable.idempotence", "true".to_owned()),
            ("delivery.timeout.ms", DELIVERY_TIMEOUT.as_millis().to_string()),
            ("linger.ms", "5".to_owned()),
            // A key's partition is the one that Kafka's own client chooses.
            ("partitioner", "murmur2_random".to_owned()),
        ];
        if let Some(id) = transactional_id {
            config.set("transactional.id", id);
            config.set("statistics.interval.ms", STATISTICS_MS.to_string());
            defaults.push(("transaction.timeout.ms", TRANSACTION_TIMEOUT.as_millis().to_string()));
        }
        for (name, value) in defaults {
            if config.get(name).is_none() {
                config.set(name, value);
            }
        }
        let producer = config
            .create_with_context(deliveries.clone())
            .map_err(|error| failed(settings, "opening", error))?;
        Ok(Self { producer, deliveries })
    }

    /// Whether it can take more messages.
    pub(super) fn has_room(&self) -> bool {
        self.deliveries.in_flight.load(Ordering::Acquire) < IN_FLIGHT_MAX
    }

    /// Waits until every message is delivered, or one has failed. Blocks.
    pub(super) fn flush(&self, settings: &Settings) -> Result<()> {
        // Every message is delivered or failed by then.
        let flushed = self.producer.flush(DELIVERY_TIMEOUT + Duration::from_secs(10));
        self.deliveries.check(settings)?;
        flushed.map_err(|error| failed(settings, "writing to", error))
    }

    fn send(&self, messages: &Messages, outgoing: Outgoing<'_>) -> Result<()> {
        let began = Instant::now();
        // Counted before it is sent: its delivery may be told before `send` returns.
        self.deliveries.in_flight.fetch_add(1, Ordering::AcqRel);
        let mut record = BaseRecord::<[u8], [u8]>::to(&messages.settings.topic);
        record.key = outgoing.key;
        record.payload = outgoing.payload;
        record.partition = messages.partition;
        record.timestamp = outgoing.time;
        record.headers = outgoing.headers;
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back))
                    if began.elapsed() < ROOM_TIMEOUT =>
                {
                    record = back;
                    std::thread::sleep(ROOM_RETRY);
                }
                Err((error, _)) => return Err(failed(&messages.settings, "writing to", error)),
            }
        }
    }
}

impl Messages {
    /// Messages of a subtask to a topic with these partitions.
    pub(super) fn new(
        ctx: &SinkContext,
        settings: Settings,
        partitions: &[i32],
        encoder: impl FnOnce(&SchemaRef) -> Encoder,
    ) -> Self {
        let metadata = Columns::new(&ctx.schema);
        let partition = match settings.partitioner {
            Partitioner::Fixed => {
                partitions.get(ctx.subtask as usize % partitions.len().max(1)).copied()
            }
            Partitioner::Default => None,
        };
        Self { encoder: encoder(&metadata.rows()), metadata, settings, partition }
    }

    /// Sends the messages of rows; how many these are.
    pub(super) fn send(&self, batch: &RecordBatch, client: &Client) -> Result<usize> {
        client.deliveries.check(&self.settings)?;
        let times = metadata::times(&self.metadata, batch)?.unwrap_or_default();
        let time = |row: usize| times.get(row).copied().flatten();
        let headers = metadata::Headers::of(&self.metadata, batch)?;
        let headers = |row: usize| headers.as_ref().and_then(|headers| headers.of_row(row));
        let rows = self.metadata.without(batch)?;
        let mut sent = 0;
        match &self.encoder {
            Encoder::Values(encoder) => {
                let values = Encoded::encode(encoder, &rows)?;
                for row in 0..rows.num_rows() {
                    let payload = values.row(row);
                    let (time, headers) = (time(row), headers(row));
                    client.send(self, Outgoing { key: None, payload, time, headers })?;
                    sent += 1;
                }
            }
            Encoder::Parts(encoder) => {
                let (keys, values) = encoder.encode(&rows)?;
                let kinds = row_kind::kinds(&rows).filter(|_| encoder.upserts);
                let kinds: Vec<RowKind> = match kinds {
                    Some(kinds) => kinds.values().iter().map(|kind| RowKind::of(*kind)).collect(),
                    None => vec![RowKind::Insert; rows.num_rows()],
                };
                let replaced = Replaced::new(&kinds, &keys);
                for (row, kind) in kinds.iter().enumerate() {
                    let payload = match kind {
                        RowKind::Insert | RowKind::UpdateAfter => values.row(row),
                        RowKind::UpdateBefore if replaced.contains(row) => continue,
                        // Its new version has another key, or was left out by a filter.
                        RowKind::UpdateBefore | RowKind::Delete => None,
                    };
                    let (key, time, headers) = (keys.row(row), time(row), headers(row));
                    client.send(self, Outgoing { key, payload, time, headers })?;
                    sent += 1;
                }
            }
        }
        Ok(sent)
    }
}

/// The rows of a batch of which it has a new version with the same key.
struct Replaced<'b> {
    kinds: &'b [RowKind],
    keys: &'b Encoded,
    /// The last row of each key that has come. Nearly always the next row is the new version.
    last: OnceCell<HashMap<Option<&'b [u8]>, usize>>,
}

impl<'b> Replaced<'b> {
    fn new(kinds: &'b [RowKind], keys: &'b Encoded) -> Self {
        Self { kinds, keys, last: OnceCell::new() }
    }

    fn contains(&self, row: usize) -> bool {
        let (Self { kinds, keys, .. }, key) = (self, self.keys.row(row));
        let comes = |row: &usize| kinds[*row].is_added();
        let is_next = |next: usize| next < kinds.len() && comes(&next) && keys.row(next) == key;
        let last = || (0..kinds.len()).filter(comes).map(|row| (keys.row(row), row)).collect();
        is_next(row + 1) || self.last.get_or_init(last).get(&key).is_some_and(|last| *last > row)
    }
}

impl KafkaSink {
    pub(super) async fn open(
        ctx: &SinkContext,
        settings: Settings,
        encoder: impl FnOnce(&SchemaRef) -> Encoder,
    ) -> Result<Self> {
        let (known, doorbell) = (settings.clone(), ctx.doorbell.clone());
        let (client, partitions) = blocking(&ctx.env, "kafka-open", move || {
            let client = Client::open(&known, &doorbell, None)?;
            let partitions = partitions(client.producer.client(), &known, || ())?;
            Ok((client, partitions))
        })
        .await?;
        let messages = Messages::new(ctx, settings, &partitions, encoder);
        Ok(Self { messages, client: Arc::new(client), env: ctx.env.clone() })
    }
}

impl Sink for KafkaSink {
    fn write(&mut self, batch: RecordBatch) -> Result<()> {
        self.messages.send(&batch, &self.client).map(drop)
    }

    fn prepare(&mut self, _: Epoch) -> BoxFuture<'static, Result<Vec<Committable>>> {
        let (client, env) = (Arc::clone(&self.client), self.env.clone());
        let settings = self.messages.settings.clone();
        async move {
            let flush = move || client.flush(&settings).map(|()| Vec::new());
            blocking(&env, "kafka-flush", flush).await
        }
        .boxed()
    }

    fn ready(&self) -> bool {
        self.client.has_room()
    }
}
