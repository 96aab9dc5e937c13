//! The client library: its configuration, and the calls that wait for brokers.
//!
//! Every call here is bounded in time and blocks; [`blocking`] runs it where that is allowed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::channel::oneshot;
use rdkafka::client::{Client, ClientContext};
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::metadata::{MetadataPartition, MetadataTopic};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList, TopicPartitionListElem};
use rdkafka::types::RDKafkaErrorCode;
use sabot_core::{Env, Error, Result};

use super::{PROPERTIES, Place, Settings};
use crate::options::{OptionError, Options};

/// The longest wait for an answer of the brokers.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// For how long a topic that is not known may still become so: it may just have been created.
const TOPIC_TIMEOUT: Duration = Duration::from_secs(5);
const TOPIC_RETRY: Duration = Duration::from_millis(200);

/// Why brokers did not take a client, as it was told last: calls only say that they got no answer.
#[derive(Debug, Clone, Default)]
pub(super) struct Refusal(Arc<Mutex<Option<(RDKafkaErrorCode, String)>>>);

impl Refusal {
    pub(super) fn note(&self, error: &KafkaError, reason: &str) {
        if let KafkaError::Global(
            code @ (RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SSL),
        ) = error
        {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
                Some((*code, reason.to_owned()));
        }
    }

    /// The error of a call that got no answer.
    fn explain(&self, settings: &Settings, action: &str, error: KafkaError) -> Error {
        let noted = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((code, reason)) = noted else { return failed(settings, action, error) };
        if code == RDKafkaErrorCode::Authentication {
            return Error::user(format!(
                "the Kafka brokers {} refuse the login: {reason}; correct the options \
                 'properties.sasl.*'",
                settings.brokers
            ));
        }
        Error::external(calling(settings, action), format!("{error}: {reason}"))
    }
}

/// A context that notes why brokers did not take its client.
pub(super) trait Noted: ClientContext {
    fn refusal(&self) -> &Refusal;
}

/// Brings the library's log into ours.
#[derive(Debug, Default)]
pub(super) struct Logged {
    refusal: Refusal,
}

impl Noted for Logged {
    fn refusal(&self) -> &Refusal {
        &self.refusal
    }
}

impl ClientContext for Logged {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.refusal.note(&error, reason);
        log_error(&error, reason);
    }
}

impl ConsumerContext for Logged {}

pub(super) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    tracing::debug!(level = level as i32, facility, message, "kafka client");
}

pub(super) fn log_error(error: &KafkaError, reason: &str) {
    // Bounded reads ask to be told of the end; for others it comes with every pause of the input.
    if matches!(error, KafkaError::Global(RDKafkaErrorCode::PartitionEOF)) {
        return;
    }
    tracing::warn!(%error, reason, "kafka client reports an error and goes on");
}

/// The configuration that all clients of a table share.
pub(super) fn config(settings: &Settings) -> ClientConfig {
    let mut config = ClientConfig::new();
    // Until a broker answers; the default waits longer than a job should.
    config.set("socket.connection.setup.timeout.ms", "10000");
    config.set("client.id", "sabot");
    for (name, value) in &settings.properties {
        // Read by us, for partitions without a committed offset.
        if name != "auto.offset.reset" {
            config.set(name, value);
        }
    }
    config
}

/// Has the library check the `properties.*`.
pub(super) fn check_properties(
    options: &Options<'_>,
    settings: &Settings,
) -> Result<(), OptionError> {
    match config(settings).create_native_config() {
        Err(KafkaError::ClientConfig(_, description, name, _)) => {
            let expected = format!("what librdkafka takes ({description})");
            Err(options.bad(&format!("{PROPERTIES}{name}"), expected))
        }
        _ => Ok(()),
    }
}

/// Runs `work`, which blocks, off the tasks' threads.
pub(super) async fn blocking<T: Send + 'static>(
    env: &Env,
    name: &'static str,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let (done, result) = oneshot::channel();
    env.tasks.spawn_blocking(name, Box::new(move || drop(done.send(work()))));
    let ended = |_| Err(Error::external("talking to Kafka", "the task ended early"));
    result.await.unwrap_or_else(ended)
}

pub(super) fn failed(settings: &Settings, action: &str, error: KafkaError) -> Error {
    Error::external(calling(settings, action), error)
}

/// What was done with the topic.
fn calling(settings: &Settings, action: &str) -> String {
    format!("{action} topic {} at the Kafka brokers {}", settings.topic, settings.brokers)
}

/// The topic's partitions, in order. `serve` has the library call the client's context.
pub(super) fn partitions<C: Noted>(
    client: &Client<C>,
    settings: &Settings,
    serve: impl Fn(),
) -> Result<Vec<i32>> {
    let began = Instant::now();
    loop {
        let metadata =
            client.fetch_metadata(Some(&settings.topic), ANSWER_TIMEOUT).map_err(|error| {
                serve();
                client.context().refusal().explain(settings, "looking up", error)
            })?;
        let topic = metadata.topics().iter().find(|topic| topic.name() == settings.topic);
        let error = topic.and_then(MetadataTopic::error).map(RDKafkaErrorCode::from);
        let mut found: Vec<i32> = topic
            .map(|topic| topic.partitions().iter().map(MetadataPartition::id).collect())
            .unwrap_or_default();
        if error.is_none() && !found.is_empty() {
            found.sort_unstable();
            return Ok(found);
        }
        if began.elapsed() > TOPIC_TIMEOUT {
            return Err(match error {
                None | Some(RDKafkaErrorCode::UnknownTopicOrPartition) => Error::user(format!(
                    "topic {} does not exist at the Kafka brokers {}: create it, or correct the \
                     option 'topic'",
                    settings.topic, settings.brokers
                )),
                Some(code) => failed(settings, "looking up", KafkaError::MetadataFetch(code)),
            });
        }
        std::thread::sleep(TOPIC_RETRY);
    }
}

/// The first and the next offset of a partition.
pub(super) fn bounds<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    settings: &Settings,
    partition: i32,
) -> Result<(i64, i64)> {
    consumer
        .fetch_watermarks(&settings.topic, partition, ANSWER_TIMEOUT)
        .map_err(|error| failed(settings, "reading the offsets of", error))
}

/// A question about the offsets of a list of partitions.
type Answer<'a> = dyn Fn(TopicPartitionList) -> KafkaResult<TopicPartitionList> + 'a;

/// Where the reading of `partition` begins, or ends, when no checkpoint says so; `option` tells it.
pub(super) fn offset_of<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    settings: &Settings,
    (start, option): (&Place, &str),
    partition: i32,
) -> Result<i64> {
    let (low, high) = bounds(consumer, settings, partition)?;
    let ask = |offset, answer: &Answer<'_>| -> Result<Offset> {
        let mut list = TopicPartitionList::new();
        let asked = list
            .add_partition_offset(&settings.topic, partition, offset)
            .and_then(|()| answer(list))
            .map_err(|error| failed(settings, "reading the offsets of", error))?;
        Ok(asked.elements().first().map_or(Offset::Invalid, TopicPartitionListElem::offset))
    };
    match start {
        Place::Earliest => Ok(low),
        Place::Latest => Ok(high),
        Place::Offsets(offsets) => Ok(offsets.get(&partition).copied().unwrap_or(low)),
        Place::TimestampMs(millis) => {
            let found = ask(Offset::Offset(*millis), &|list| {
                consumer.offsets_for_times(list, ANSWER_TIMEOUT)
            })?;
            Ok(if let Offset::Offset(offset) = found { offset } else { high })
        }
        Place::Group => {
            let found =
                ask(Offset::Invalid, &|list| consumer.committed_offsets(list, ANSWER_TIMEOUT))?;
            if let Offset::Offset(offset) = found {
                return Ok(offset);
            }
            let reset = settings.properties.iter().find(|(name, _)| name == "auto.offset.reset");
            match reset.map(|(_, value)| value.as_str()) {
                Some("earliest" | "smallest" | "beginning") => Ok(low),
                Some("latest" | "largest" | "end") => Ok(high),
                _ => Err(Error::user(format!(
                    "the consumer group has no offset for partition {partition} of topic {}: set \
                     '{option}' to 'latest-offset' or another place, or \
                     'properties.auto.offset.reset' to 'earliest' or 'latest'",
                    settings.topic
                ))),
            }
        }
    }
}

/// Whether the library gets over an error by itself once the brokers are back.
pub(super) fn is_passing(code: RDKafkaErrorCode) -> bool {
    !matches!(
        code,
        RDKafkaErrorCode::AutoOffsetReset
            | RDKafkaErrorCode::UnknownTopic
            | RDKafkaErrorCode::UnknownPartition
            | RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::GroupAuthorizationFailed
            | RDKafkaErrorCode::Authentication
            | RDKafkaErrorCode::SaslAuthenticationFailed
            | RDKafkaErrorCode::Fatal
    )
}
