//! Writes numbered records into every partition of a topic, at a steady rate, until it is told to
//! end each partition with the row that fires the last windows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::Timeout;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::expect::{self, PARTITIONS, Record};
use crate::failure::{Failure, Outcome, fail};

const TICK: Duration = Duration::from_millis(50);
/// Records of a partition in flight at a time, at most.
const BATCH: u64 = 500;
const DELIVERY: Duration = Duration::from_secs(60);

/// A producer at work.
pub(crate) struct Load {
    produced: Arc<AtomicU64>,
    rate: Arc<AtomicU64>,
    stop: watch::Sender<bool>,
    task: JoinHandle<Outcome<u64>>,
}

impl Load {
    /// Begins to write `rate` records a second into each partition.
    pub(crate) fn start(brokers: &str, topic: &str, rate: u64) -> Outcome<Self> {
        Self::start_bounded(brokers, topic, rate, u64::MAX)
    }

    /// The same, and ends the partitions by itself after `records` records of each.
    pub(crate) fn start_bounded(
        brokers: &str,
        topic: &str,
        rate: u64,
        records: u64,
    ) -> Outcome<Self> {
        let producer = connect(brokers)?;
        let produced = Arc::new(AtomicU64::new(0));
        let (stop, stopped) = watch::channel(false);
        let rate = Arc::new(AtomicU64::new(rate));
        let task = tokio::spawn(work(
            producer,
            topic.to_owned(),
            (Arc::clone(&rate), records),
            Arc::clone(&produced),
            stopped,
        ));
        Ok(Self { produced, rate, stop, task })
    }

    /// From now on so many records a second go into each partition.
    pub(crate) fn set_rate(&self, rate: u64) {
        self.rate.store(rate, Ordering::Relaxed);
    }

    /// Records that each partition has for sure.
    pub(crate) fn produced(&self) -> u64 {
        self.produced.load(Ordering::Acquire)
    }

    /// Stops, ends the partitions, and tells how many records each has before its last row.
    pub(crate) async fn finish(self) -> Outcome<u64> {
        self.stop.send_replace(true);
        let ended = tokio::time::timeout(DELIVERY * 2, self.task).await;
        match ended {
            Ok(joined) => joined?,
            Err(_) => fail("the producer does not end"),
        }
    }

    /// Waits for the end of one that ends by itself.
    pub(crate) async fn wait_end(self) -> Outcome<u64> {
        self.task.await?
    }
}

/// Makes the topic.
pub(crate) async fn create_topic(brokers: &str, topic: &str) -> Outcome {
    let partitions = i32::try_from(PARTITIONS)?;
    let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
    for result in admin(brokers)?.create_topics(&[new], &AdminOptions::new()).await? {
        match result {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => return fail(format!("topic {topic} was not made: {code}")),
        }
    }
    Ok(())
}

/// Removes the topic.
pub(crate) async fn delete_topic(brokers: &str, topic: &str) -> Outcome {
    admin(brokers)?.delete_topics(&[topic], &AdminOptions::new()).await?;
    Ok(())
}

fn admin(brokers: &str) -> Outcome<AdminClient<DefaultClientContext>> {
    Ok(ClientConfig::new().set("bootstrap.servers", brokers).create()?)
}

fn connect(brokers: &str) -> Outcome<FutureProducer> {
    // Idempotent: a retry never writes a record twice, and offsets are the records' numbers.
    Ok(ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("linger.ms", "5")
        .set("message.timeout.ms", DELIVERY.as_millis().to_string())
        .create()?)
}

async fn work(
    producer: FutureProducer,
    topic: String,
    (rate, records): (Arc<AtomicU64>, u64),
    produced: Arc<AtomicU64>,
    stopped: watch::Receiver<bool>,
) -> Outcome<u64> {
    let mut pace = (Instant::now(), 0, rate.load(Ordering::Relaxed));
    let mut next = 0;
    while !*stopped.borrow() && next < records {
        let wanted = rate.load(Ordering::Relaxed);
        if wanted != pace.2 {
            pace = (Instant::now(), next, wanted);
        }
        let (began, first, rate) = pace;
        let due = (first + u64::try_from(began.elapsed().as_millis())? * rate / 1000).min(records);
        let until = due.min(next + BATCH);
        let batch = (next..until)
            .flat_map(|id| (0..PARTITIONS).map(move |part| expect::record(part, id)))
            .map(|record| send(&producer, &topic, record));
        try_join_all(batch).await?;
        next = until;
        produced.store(next, Ordering::Release);
        if next == due {
            tokio::time::sleep(TICK).await;
        }
    }
    let last = (0..PARTITIONS).map(|part| send(&producer, &topic, expect::far_record(part, next)));
    try_join_all(last).await?;
    Ok(next)
}

async fn send(producer: &FutureProducer, topic: &str, record: Record) -> Outcome {
    let payload = serde_json::to_string(&record)?;
    let message =
        FutureRecord::<(), str>::to(topic).partition(i32::try_from(record.part)?).payload(&payload);
    let delivered = producer.send(message, Timeout::After(DELIVERY)).await;
    let delivered = delivered.map_err(|(error, _)| Failure::from(error))?;
    let offset = u64::try_from(delivered.offset)?;
    if offset != record.id {
        return fail(format!(
            "record {} of partition {} is at offset {offset}: the topic is not this run's alone",
            record.id, record.part
        ));
    }
    Ok(())
}
