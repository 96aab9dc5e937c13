//! The sink: at least once.
//!
//! Messages go out as rows come; a checkpoint waits until the brokers have acknowledged all of
//! them. A message that cannot be delivered fails the job, which sends it again after its
//! restart, along with those that were delivered since the last checkpoint.

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

use super::client::{blocking, config, failed, log, log_error, partitions};
use super::upsert::{Encoded, UpsertEncoder};
use super::{Settings, metadata};
use crate::format;
use crate::metadata::Columns;

/// Messages on their way above which the sink takes no rows.
const IN_FLIGHT_MAX: usize = 50_000;
/// The longest wait for a broker to acknowledge a message.
const DELIVERY_TIMEOUT: Duration = Duration::from_mins(1);
/// The longest wait for room in the library's queue.
const ROOM_TIMEOUT: Duration = Duration::from_mins(1);
const ROOM_RETRY: Duration = Duration::from_millis(2);

pub(super) struct KafkaSink {
    settings: Settings,
    encoder: Encoder,
    metadata: Columns,
    producer: Arc<ThreadedProducer<Deliveries>>,
    deliveries: Deliveries,
    env: Env,
}

/// How rows become messages.
pub(super) enum Encoder {
    /// Each row a value, without a key.
    Values(format::Encoder),
    /// Each new version of a row a key and a value, and rows that go keys alone.
    Upserts(UpsertEncoder),
}

/// What becomes a message.
struct Outgoing<'a> {
    key: Option<&'a [u8]>,
    /// None: what is under the key is deleted.
    payload: Option<&'a [u8]>,
    time: Option<i64>,
    headers: Option<OwnedHeaders>,
}

/// What became of the messages.
#[derive(Clone)]
struct Deliveries {
    in_flight: Arc<AtomicUsize>,
    /// The first failure.
    failure: Arc<Mutex<Option<KafkaError>>>,
    doorbell: Doorbell,
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        log_error(&error, reason);
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

impl KafkaSink {
    pub(super) async fn open(
        ctx: &SinkContext,
        settings: Settings,
        encoder: impl FnOnce(&SchemaRef) -> Encoder,
    ) -> Result<Self> {
        let deliveries = Deliveries {
            in_flight: Arc::default(),
            failure: Arc::default(),
            doorbell: ctx.doorbell.clone(),
        };
        let (known, context) = (settings.clone(), deliveries.clone());
        let producer = blocking(&ctx.env, "kafka-open", move || {
            let mut config = config(&known);
            for (name, value) in [
                ("enable.idempotence", "true".to_owned()),
                ("delivery.timeout.ms", DELIVERY_TIMEOUT.as_millis().to_string()),
                ("linger.ms", "5".to_owned()),
                // A key's partition is the one that Kafka's own client chooses.
                ("partitioner", "murmur2_random".to_owned()),
            ] {
                if config.get(name).is_none() {
                    config.set(name, value);
                }
            }
            let producer: ThreadedProducer<Deliveries> = config
                .create_with_context(context)
                .map_err(|error| failed(&known, "opening", error))?;
            partitions(producer.client(), &known)?;
            Ok(producer)
        })
        .await?;
        let metadata = Columns::new(&ctx.schema);
        Ok(Self {
            encoder: encoder(&metadata.rows()),
            metadata,
            settings,
            producer: Arc::new(producer),
            deliveries,
            env: ctx.env.clone(),
        })
    }

    fn send(&self, outgoing: Outgoing<'_>) -> Result<()> {
        let began = Instant::now();
        // Counted before it is sent: its delivery may be told before `send` returns.
        self.deliveries.in_flight.fetch_add(1, Ordering::AcqRel);
        let mut record = BaseRecord::<[u8], [u8]>::to(&self.settings.topic);
        record.key = outgoing.key;
        record.payload = outgoing.payload;
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
                Err((error, _)) => return Err(failed(&self.settings, "writing to", error)),
            }
        }
    }
}

impl Deliveries {
    fn check(&self, settings: &Settings) -> Result<()> {
        match &*self.failure.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(failed(settings, "writing to", error.clone())),
            None => Ok(()),
        }
    }
}

impl Sink for KafkaSink {
    fn write(&mut self, batch: RecordBatch) -> Result<()> {
        self.deliveries.check(&self.settings)?;
        let times = metadata::times(&self.metadata, &batch)?.unwrap_or_default();
        let time = |row: usize| times.get(row).copied().flatten();
        let headers = metadata::Headers::of(&self.metadata, &batch)?;
        let headers = |row: usize| headers.as_ref().and_then(|headers| headers.of_row(row));
        let rows = self.metadata.without(&batch)?;
        match &self.encoder {
            Encoder::Values(encoder) => {
                let values = Encoded::encode(encoder, &rows)?;
                for row in 0..rows.num_rows() {
                    let payload = Some(values.row(row));
                    let (time, headers) = (time(row), headers(row));
                    self.send(Outgoing { key: None, payload, time, headers })?;
                }
            }
            Encoder::Upserts(encoder) => {
                let (keys, values) = encoder.encode(&rows)?;
                let kinds = row_kind::kinds(&rows);
                for row in 0..rows.num_rows() {
                    let kind = kinds.map_or(RowKind::Insert, |k| RowKind::of(k.value(row)));
                    let payload = match kind {
                        RowKind::Insert | RowKind::UpdateAfter => Some(values.row(row)),
                        // The new version replaces it.
                        RowKind::UpdateBefore => continue,
                        RowKind::Delete => None,
                    };
                    let (key, time, headers) = (Some(keys.row(row)), time(row), headers(row));
                    self.send(Outgoing { key, payload, time, headers })?;
                }
            }
        }
        Ok(())
    }

    fn prepare(&mut self, _: Epoch) -> BoxFuture<'static, Result<Vec<Committable>>> {
        let (producer, deliveries) = (Arc::clone(&self.producer), self.deliveries.clone());
        let (settings, env) = (self.settings.clone(), self.env.clone());
        async move {
            blocking(&env, "kafka-flush", move || {
                // Every message is delivered or failed by then.
                let timeout = DELIVERY_TIMEOUT + Duration::from_secs(10);
                let flushed = producer.flush(timeout);
                deliveries.check(&settings)?;
                flushed.map_err(|error| failed(&settings, "writing to", error))?;
                Ok(Vec::new())
            })
            .await
        }
        .boxed()
    }

    fn ready(&self) -> bool {
        self.deliveries.in_flight.load(Ordering::Acquire) < IN_FLIGHT_MAX
    }
}
