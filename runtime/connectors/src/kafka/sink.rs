//! The sink: at least once.
//!
//! Messages go out as rows come; a checkpoint waits until the brokers have acknowledged all of
//! them. A message that cannot be delivered fails the job, which sends it again after its
//! restart, along with those that were delivered since the last checkpoint.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use futures::FutureExt;
use futures::future::BoxFuture;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode;
use sabot_core::{Committable, Doorbell, Env, Result, Sink, SinkContext};
use sabot_types::Epoch;

use super::client::{blocking, config, failed, log, log_error, partitions};
use super::{Settings, metadata};
use crate::format::json::RowEncoder;
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
    encoder: RowEncoder,
    metadata: Columns,
    producer: Arc<ThreadedProducer<Deliveries>>,
    deliveries: Deliveries,
    env: Env,
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
    pub(super) async fn open(ctx: &SinkContext, settings: Settings) -> Result<Self> {
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
            encoder: RowEncoder::new(&metadata.rows(), settings.json),
            metadata,
            settings,
            producer: Arc::new(producer),
            deliveries,
            env: ctx.env.clone(),
        })
    }

    fn send(&self, payload: &[u8], time: Option<i64>) -> Result<()> {
        let began = Instant::now();
        let mut record = BaseRecord::<(), [u8]>::to(&self.settings.topic).payload(payload);
        record.timestamp = time;
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
        let (mut bytes, mut ends) = (Vec::new(), Vec::with_capacity(batch.num_rows()));
        let times = metadata::times(&self.metadata, &batch)?.unwrap_or_default();
        let rows = self.metadata.without(&batch)?;
        self.encoder.encode(&rows, &mut bytes, |out| ends.push(out.len()))?;
        let mut start = 0;
        for (row, end) in ends.into_iter().enumerate() {
            // Counted before it is sent: its delivery may be told before `send` returns.
            self.deliveries.in_flight.fetch_add(1, Ordering::AcqRel);
            self.send(&bytes[start..end], times.get(row).copied().flatten())?;
            start = end;
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
