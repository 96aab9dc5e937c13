//! Headers of messages in SQL.

use super::broker::Broker;

const JOB: &str = "\
CREATE TABLE first_ (id BIGINT) WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'first',
  'format' = 'json', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset');
CREATE TABLE second_ (id BIGINT, h MAP<STRING, BYTES> METADATA FROM 'headers')
WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'second', 'format' = 'json');
CREATE TABLE again (id BIGINT, h MAP<STRING, BYTES> METADATA FROM 'headers')
WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'second', 'format' = 'json',
  'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset');
CREATE TABLE third_ (id BIGINT, name STRING, headers MAP<STRING, BYTES> NOT NULL METADATA)
WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'third', 'format' = 'json');
";

#[test]
fn headers_are_written_and_read_by_statements() {
    let broker = Broker::with(&["first", "second", "third"]);
    broker.send("first", &[("", "{\"id\":1}"), ("", "{\"id\":2}")]);
    let write = "INSERT INTO second_ SELECT id,
  CASE WHEN id = 1 THEN MAP['name', CAST('Zoë' AS BYTES), 'none', CAST(NULL AS BYTES)] END FROM first_;";
    broker.start(&format!("{JOB}{write}")).wait("writing").succeeded("writing");
    let written = broker.messages("second", 2);
    assert_eq!(
        (written[0].value.as_str(), written[1].value.as_str()),
        ("{\"id\":1}", "{\"id\":2}")
    );
    assert_eq!(written[0].headers, [("name".to_owned(), "Zoë".to_owned())].into());
    assert!(written[1].headers.is_empty());

    let read = "INSERT INTO third_ SELECT id, CAST(h['name'] AS STRING), h FROM again;";
    broker.restarted(&format!("{JOB}{read}")).wait("reading").succeeded("reading");
    let read = broker.messages("third", 2);
    assert_eq!(read[0].value, "{\"id\":1,\"name\":\"Zoë\"}");
    assert_eq!(read[1].value, "{\"id\":2,\"name\":null}");
    assert_eq!(read[0].headers, written[0].headers);
}
