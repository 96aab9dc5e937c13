//! Avro and single values through topics and back, in SQL, beside a schema registry.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::broker::Broker;

const JOB: &str = r"
CREATE TABLE files (id BIGINT, name STRING, price DECIMAL(10, 2), at TIMESTAMP(3), tags ARRAY<STRING>,
  about ROW<a INT, b STRING>) WITH ('connector' = 'filesystem', 'path' = 'in', 'format' = 'json');
CREATE TABLE registered (id BIGINT, name STRING, price DECIMAL(10, 2), at TIMESTAMP(3),
  about ROW<a INT, b STRING>) WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'registered',
  'key.format' = 'raw', 'key.fields' = 'id', 'value.format' = 'avro-confluent',
  'value.fields-include' = 'EXCEPT_KEY', 'value.avro-confluent.url' = '$REGISTRY',
  'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset');
CREATE TABLE plain WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'plain', 'format' = 'avro',
  'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset') LIKE files (
  EXCLUDING OPTIONS);
CREATE TABLE names (name STRING, PRIMARY KEY (name) NOT ENFORCED, `count` BIGINT NOT NULL) WITH (
  'connector' = 'upsert-kafka', $KAFKA, 'topic' = 'names', 'key.format' = 'avro-confluent',
  'key.avro-confluent.url' = '$REGISTRY', 'key.avro-confluent.subject' = 'by hand',
  'value.format' = 'avro-confluent', 'value.avro-confluent.url' = '$REGISTRY',
  'scan.bounded.mode' = 'latest-offset');
CREATE TABLE evolved (more INT, about ROW<c STRING, b STRING>, id BIGINT, price DECIMAL(12, 3),
  offset_ BIGINT METADATA FROM 'offset' VIRTUAL) WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'registered',
  'key.format' = 'raw', 'key.fields' = 'id', 'value.format' = 'avro-confluent',
  'value.fields-include' = 'EXCEPT_KEY', 'value.avro-confluent.url' = '$REGISTRY',
  'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset');
CREATE TABLE out_ (line STRING) WITH ('connector' = 'filesystem', 'path' = 'out', 'format' = 'raw');
";

const ROWS: &str = r#"
{"id":1,"name":"anna","price":1.5,"at":"2024-05-01 12:00:00.25","tags":["x",null],"about":{"a":7,"b":"seven"}}
{"id":2,"tags":[]}
{"id":3,"name":"anna","price":-0.01,"about":{"a":null,"b":null}}
"#;

#[test]
fn rows_go_through_topics_by_a_registry() {
    let broker = Broker::with(&["registered", "plain", "names"]);
    let registry = Registry::start();
    broker.write("in/a.json", ROWS);
    let job = JOB.replace("$REGISTRY", &registry.url);
    let write = "INSERT INTO registered SELECT id, name, price, at, about FROM files;
INSERT INTO plain SELECT * FROM files;
INSERT INTO names SELECT name, COUNT(*) FROM files WHERE name IS NOT NULL GROUP BY name;";
    broker.start(&format!("{job}{write}")).wait("writing").succeeded("writing");
    let mut subjects = registry.subjects();
    subjects.sort();
    let topic = |topic: &str| format!("{}-value", broker.name(topic));
    let mut expected = vec!["by%20hand".to_owned(), topic("names"), topic("registered")];
    expected.sort();
    assert_eq!(subjects, expected);

    let read = "INSERT INTO out_ SELECT CONCAT('evolved ', CAST(id AS STRING), ' ',
  COALESCE(CAST(price AS STRING), '-'), ' ', COALESCE(about.b, '-'), ' ',
  COALESCE(about.c, CAST(more AS STRING), '-'), ' ', CAST(offset_ AS STRING)) FROM evolved;
INSERT INTO out_ SELECT CONCAT('plain ', COALESCE(about.b, '-'), ' ', COALESCE(CAST(CARDINALITY(tags) AS STRING), '-'), ' ',
  COALESCE(CAST(at AS STRING), '-')) FROM plain;";
    broker.restarted(&format!("{job}{read}")).wait("reading").succeeded("reading");
    let expected = [
        "evolved 1 1.500 seven - 0",
        "evolved 2 - - - 1",
        "evolved 3 -0.010 - - 2",
        "plain - - -",
        "plain - 0 -",
        "plain seven 2 2024-05-01 12:00:00.250",
    ];
    assert_eq!(broker.lines("out"), expected);
}

/// A schema registry in a thread.
struct Registry {
    url: String,
    /// Subjects and schemas, of which the n-th has the id n + 1.
    schemas: Arc<Mutex<Vec<(String, String)>>>,
}

impl Registry {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let schemas = Arc::new(Mutex::new(Vec::new()));
        let known = Arc::clone(&schemas);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(&stream.unwrap(), &known);
            }
        });
        Self { url, schemas }
    }

    fn subjects(&self) -> Vec<String> {
        self.schemas.lock().unwrap().iter().map(|(subject, _)| subject.clone()).collect()
    }
}

/// Answers the one request of a connection.
fn answer(mut stream: &TcpStream, schemas: &Mutex<Vec<(String, String)>>) {
    let mut request = BufReader::new(stream);
    let mut line = || {
        let mut line = String::new();
        request.read_line(&mut line).unwrap();
        line.trim().to_owned()
    };
    let first = line();
    let mut length = 0;
    loop {
        let header = line().to_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    request.read_exact(&mut body).unwrap();
    let path: Vec<&str> = first.split(' ').nth(1).unwrap().split('/').collect();
    let mut schemas = schemas.lock().unwrap();
    let answer = match path.as_slice() {
        ["", "subjects", subject, "versions"] => {
            schemas.push(((*subject).to_owned(), String::from_utf8(body).unwrap()));
            format!("{{\"id\":{}}}", schemas.len())
        }
        // The body of the other call is `{"schema":"..."}` as well.
        ["", "schemas", "ids", id] => schemas[id.parse::<usize>().unwrap() - 1].1.clone(),
        _ => panic!("no registry has {first}"),
    };
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{answer}",
        answer.len()
    )
    .unwrap();
}
