//! Topics of a test: at the brokers that `SABOT_TEST_KAFKA` names (`host:port`), or else at mock
//! brokers of the client library. Also part of the tests of whole jobs.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use rdkafka::ClientConfig;
use rdkafka::Message as _;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART as UNKNOWN;

/// How long brokers may take for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A message's partition, key and value.
pub(crate) type Message = (i32, Option<String>, Option<String>);

/// Brokers, and the topics that a test has there.
pub(crate) struct Brokers {
    servers: String,
    /// What the names of this test's topics begin with.
    prefix: String,
    /// None: they are real.
    mock: Option<MockCluster<'static, DefaultProducerContext>>,
    producer: BaseProducer,
    /// The real topics, which are deleted in the end.
    topics: Vec<String>,
}

impl Brokers {
    /// Brokers with these topics, each with so many partitions.
    pub(crate) fn with(topics: &[(&str, i32)]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let (mock, servers) = match std::env::var("SABOT_TEST_KAFKA") {
            Ok(servers) => (None, servers),
            Err(_) => {
                let mock = MockCluster::new(1).unwrap();
                let servers = mock.bootstrap_servers();
                (Some(mock), servers)
            }
        };
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("test-{}-{now}-{number}-", std::process::id());
        let producer = client(&servers).create().unwrap();
        let mut brokers = Self { servers, prefix, mock, producer, topics: Vec::new() };
        for (topic, partitions) in topics {
            brokers.create(topic, *partitions, &[]);
        }
        brokers
    }

    pub(crate) fn servers(&self) -> &str {
        &self.servers
    }

    /// The name under which they have a topic.
    pub(crate) fn name(&self, topic: &str) -> String {
        format!("{}{topic}", self.prefix)
    }

    /// Makes a topic; mock brokers know nothing of its settings.
    pub(crate) fn create(&mut self, topic: &str, partitions: i32, settings: &[(&str, &str)]) {
        let name = self.name(topic);
        if let Some(mock) = &self.mock {
            return mock.create_topic(&name, partitions, 1).unwrap();
        }
        let new = NewTopic::new(&name, partitions, TopicReplication::Fixed(1));
        let new = settings.iter().fold(new, |new, (name, value)| new.set(name, value));
        self.admin(async |admin, options| {
            for result in admin.create_topics([&new], options).await.unwrap() {
                result.unwrap();
            }
        });
        self.topics.push(name);
    }

    /// The name of a topic that is not there.
    pub(crate) fn missing(&self) -> String {
        let name = self.name("gone");
        if let Some(mock) = &self.mock {
            // They create every topic that is asked for.
            mock.topic_error(&name, UNKNOWN).unwrap();
        }
        name
    }

    /// Sends messages, each a key and a value, to a partition or to where their keys belong.
    pub(crate) fn send(
        &self,
        topic: &str,
        partition: Option<i32>,
        messages: &[(Option<&str>, Option<&str>)],
    ) {
        let topic = self.name(topic);
        for (key, value) in messages {
            let mut record = BaseRecord::<str, str>::to(&topic);
            (record.key, record.payload, record.partition) = (*key, *value, partition);
            self.send_record(record);
        }
        self.flush();
    }

    /// Sends a message, whose topic is one of [`Self::name`].
    pub(crate) fn send_record(&self, record: BaseRecord<'_, str, str>) {
        self.producer.send(record).map_err(|(error, _)| error).unwrap();
    }

    /// Reads a topic of one or more partitions from its beginning.
    pub(crate) fn reader(&self, topic: &str, partitions: i32) -> BaseConsumer {
        let consumer: BaseConsumer =
            client(&self.servers).set("group.id", "test").create().unwrap();
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions {
            list.add_partition_offset(&self.name(topic), partition, Offset::Beginning).unwrap();
        }
        consumer.assign(&list).unwrap();
        consumer
    }

    /// The partition, key and value of the first messages of a topic.
    pub(crate) fn messages(&self, topic: &str, partitions: i32, count: usize) -> Vec<Message> {
        let consumer = self.reader(topic, partitions);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let received = (0..count).map(|_| {
            let message = consumer.poll(PATIENCE).expect("a message comes").unwrap();
            (message.partition(), message.key().map(text), message.payload().map(text))
        });
        received.collect()
    }

    /// Waits until they have what was sent.
    pub(crate) fn flush(&self) {
        self.producer.flush(PATIENCE).unwrap();
    }

    /// Has the next messages sent with what is known of topics now.
    pub(crate) fn reconnect(&mut self) {
        self.producer = client(&self.servers).create().unwrap();
    }

    /// Asks real brokers for something of their topics, also where other tasks run.
    pub(crate) fn admin(
        &self,
        work: impl AsyncFnOnce(&AdminClient<DefaultClientContext>, &AdminOptions) + Send,
    ) {
        let admin: AdminClient<_> = client(&self.servers).create().unwrap();
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        let done = || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(work(&admin, &options));
        };
        std::thread::scope(|scope| scope.spawn(done).join().unwrap());
    }
}

fn client(servers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", servers);
    config
}

impl Drop for Brokers {
    fn drop(&mut self) {
        if self.topics.is_empty() || std::thread::panicking() {
            return;
        }
        let names: Vec<&str> = self.topics.iter().map(String::as_str).collect();
        self.admin(async |admin, options| drop(admin.delete_topics(&names, options).await));
    }
}
