//! Brokers with topics, and a folder with a job that reads and writes them.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::Message as _;
use rdkafka::consumer::BaseConsumer;
use rdkafka::message::Headers as _;

use super::brokers::Brokers;
use crate::sabot::{PATIENCE, Running, eventually, sabot};

pub(crate) struct Broker {
    brokers: Brokers,
    folder: tempfile::TempDir,
}

impl Broker {
    /// Brokers with these topics, each of one partition.
    pub(crate) fn with(topics: &[&str]) -> Self {
        Self::with_partitions(&topics.iter().map(|topic| (*topic, 1)).collect::<Vec<_>>())
    }

    /// Brokers with these topics, each with so many partitions.
    pub(crate) fn with_partitions(topics: &[(&str, i32)]) -> Self {
        Self { brokers: Brokers::with(topics), folder: tempfile::tempdir().unwrap() }
    }

    /// The name under which they have a topic.
    pub(crate) fn name(&self, topic: &str) -> String {
        self.brokers.name(topic)
    }

    /// Sends messages, each a key and a value, to where the key belongs; an empty one is none.
    pub(crate) fn send(&self, topic: &str, messages: &[(&str, &str)]) {
        self.send_to(topic, None, messages);
    }

    /// Sends messages to a partition.
    pub(crate) fn send_to(&self, topic: &str, partition: Option<i32>, messages: &[(&str, &str)]) {
        let of = |text| Some(text).filter(|text: &&str| !text.is_empty());
        let messages = messages.iter().map(|(key, value)| (of(*key), of(*value)));
        self.brokers.send(topic, partition, &messages.collect::<Vec<_>>());
    }

    /// Starts a job of these statements, in which `$KAFKA` stands for the options of every topic. It
    /// goes on with the state of the one before.
    pub(crate) fn start(&self, sql: &str) -> Running {
        self.start_in(1, sql)
    }

    /// The same with so many subtasks.
    pub(crate) fn start_in(&self, parallelism: u32, sql: &str) -> Running {
        let options = format!("'properties.bootstrap.servers' = '{}'", self.brokers.servers());
        let topic = "'topic' = '";
        let sql =
            sql.replace("$KAFKA", &options).replace(topic, &format!("{topic}{}", self.name("")));
        let sql = sql.replace('\n', "\n        ");
        let job = format!(
            "\
apiVersion: sabot.dev/v1alpha1
kind: StreamJob
metadata:
  name: topics
spec:
  keyGroups: 16
  parallelism: {parallelism}
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

    /// Reads a topic of one or more partitions from its beginning.
    pub(crate) fn reader(&self, topic: &str, partitions: i32) -> BaseConsumer {
        self.brokers.reader(topic, partitions)
    }

    /// The first messages of a topic with one partition, as texts: value and headers.
    pub(crate) fn messages(&self, topic: &str, count: usize) -> Vec<Received> {
        let consumer = self.reader(topic, 1);
        let received = (0..count).map(|_| {
            let message = consumer.poll(PATIENCE).expect("a message comes").unwrap();
            let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
            let headers = headers.map(|header| (header.key.to_owned(), text(header.value)));
            Received { value: text(message.payload()), headers: headers.collect() }
        });
        received.collect()
    }
}

fn text(bytes: Option<&[u8]>) -> String {
    bytes.map_or_else(|| "NULL".to_owned(), |bytes| String::from_utf8_lossy(bytes).into())
}

/// A message.
pub(crate) struct Received {
    pub(crate) value: String,
    pub(crate) headers: BTreeMap<String, String>,
}

/// What the keys of a topic have, as it is read.
pub(crate) struct Latest {
    consumer: BaseConsumer,
    rows: BTreeMap<String, String>,
}

impl Latest {
    pub(crate) fn of(broker: &Broker, topic: &str, partitions: i32) -> Self {
        Self { consumer: broker.reader(topic, partitions), rows: BTreeMap::new() }
    }

    /// Waits until the keys have these values, and no others have one.
    pub(crate) fn await_(&mut self, case: &str, expected: &BTreeMap<String, String>) {
        let Self { consumer, rows } = self;
        let is_it = eventually(PATIENCE, || {
            while let Some(message) = consumer.poll(Duration::ZERO) {
                let message = message.unwrap();
                let key = text(message.key());
                match message.payload() {
                    Some(_) => rows.insert(key, text(message.payload())),
                    None => rows.remove(&key),
                };
            }
            (rows == expected).then_some(())
        });
        let in_one = |rows: &BTreeMap<String, String>, other: &BTreeMap<String, String>| {
            let mut rows = rows.clone();
            rows.retain(|key, value| other.get(key) != Some(value));
            rows
        };
        let (wrong, missing) = (in_one(rows, expected), in_one(expected, rows));
        assert!(is_it.is_some(), "{case}: there are {wrong:?}, and not {missing:?}");
    }
}
