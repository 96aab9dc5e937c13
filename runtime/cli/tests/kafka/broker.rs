//! A broker with topics, and a folder with a job that reads and writes them.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};

use crate::sabot::{PATIENCE, Running, eventually, sabot};

pub(crate) struct Broker {
    cluster: MockCluster<'static, DefaultProducerContext>,
    producer: BaseProducer,
    folder: tempfile::TempDir,
}

impl Broker {
    /// A broker with these topics, each of one partition.
    pub(crate) fn with(topics: &[&str]) -> Self {
        let cluster = MockCluster::new(1).unwrap();
        for topic in topics {
            cluster.create_topic(topic, 1, 1).unwrap();
        }
        let mut config = rdkafka::ClientConfig::new();
        let producer = config.set("bootstrap.servers", cluster.bootstrap_servers()).create();
        let folder = tempfile::tempdir().unwrap();
        Self { cluster, producer: producer.unwrap(), folder }
    }

    /// Sends messages, each a key and a value; an empty value is none.
    pub(crate) fn send(&self, topic: &str, messages: &[(&str, &str)]) {
        for (key, value) in messages {
            let mut record = BaseRecord::<str, str>::to(topic).key(key);
            record.payload = Some(*value).filter(|value| !value.is_empty());
            self.producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        self.producer.flush(Duration::from_secs(30)).unwrap();
    }

    /// Starts a job of these statements, in which `$KAFKA` stands for the options of every topic.
    pub(crate) fn start(&self, sql: &str) -> Running {
        let servers = self.cluster.bootstrap_servers();
        let options = format!("'properties.bootstrap.servers' = '{servers}'");
        let sql = sql.replace("$KAFKA", &options).replace('\n', "\n        ");
        let job = format!(
            "\
apiVersion: sabot.dev/v1alpha1
kind: StreamJob
metadata:
  name: topics
spec:
  keyGroups: 16
  program:
    sql:
      inline: |
        {sql}
  checkpoint:
    interval: 50ms
  state:
    storage:
      local:
        path: state
"
        );
        std::fs::write(self.folder.path().join("job.yaml"), job).unwrap();
        Running::start(sabot("run job.yaml"), self.folder.path())
    }

    /// Starts a job of other statements, without the state of the one before.
    pub(crate) fn restarted(&self, sql: &str) -> Running {
        std::fs::remove_dir_all(self.folder.path().join("state")).unwrap();
        self.start(sql)
    }

    /// Writes a file of the job's folder.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The lines that are visible in a folder, in order.
    pub(crate) fn lines(&self, folder: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.folder.path().join(folder)) else {
            return Vec::new();
        };
        let files = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
        let texts = files.map(|path| std::fs::read_to_string(path).unwrap());
        let mut lines: Vec<String> =
            texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
        lines.sort();
        lines
    }

    /// Waits for so many lines.
    pub(crate) fn await_lines(&self, case: &str, folder: &str, count: usize) -> Vec<String> {
        let enough = || Some(self.lines(folder)).filter(|lines| lines.len() >= count);
        eventually(PATIENCE, enough)
            .unwrap_or_else(|| panic!("{case}: there are only {:?}", self.lines(folder)))
    }

    /// All messages of a topic, as texts: key, value and headers.
    pub(crate) fn messages(&self, topic: &str, count: usize) -> Vec<Received> {
        use rdkafka::Message as _;
        use rdkafka::consumer::{BaseConsumer, Consumer};
        use rdkafka::message::Headers as _;
        use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
        let mut config = rdkafka::ClientConfig::new();
        config.set("bootstrap.servers", self.cluster.bootstrap_servers()).set("group.id", "test");
        let consumer: BaseConsumer = config.create().unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, 0, Offset::Beginning).unwrap();
        consumer.assign(&list).unwrap();
        let text = |bytes: Option<&[u8]>| {
            bytes.map_or_else(|| "NULL".to_owned(), |bytes| String::from_utf8_lossy(bytes).into())
        };
        let received = (0..count).map(|_| {
            let message = consumer.poll(PATIENCE).expect("a message comes").unwrap();
            let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
            let headers = headers.map(|header| (header.key.to_owned(), text(header.value)));
            Received { value: text(message.payload()), headers: headers.collect() }
        });
        received.collect()
    }
}

/// A message.
pub(crate) struct Received {
    pub(crate) value: String,
    pub(crate) headers: BTreeMap<String, String>,
}
