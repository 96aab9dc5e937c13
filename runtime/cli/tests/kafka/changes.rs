//! What Debezium writes beside changes, in SQL.

use super::broker::{Broker, Latest};

const JOB: &str = "\
CREATE TABLE orders (id BIGINT, item STRING,
  seen TIMESTAMP_LTZ(3) METADATA FROM 'value.ingestion-timestamp' VIRTUAL,
  made TIMESTAMP_LTZ(3) METADATA FROM 'value.source.timestamp' VIRTUAL,
  db STRING METADATA FROM 'value.source.database' VIRTUAL,
  tab STRING METADATA FROM 'value.source.table' VIRTUAL,
  about MAP<STRING, STRING> METADATA FROM 'value.source.properties' VIRTUAL,
  place BIGINT METADATA FROM 'offset' VIRTUAL)
WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'orders', 'format' = 'debezium-json',
  'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset');
CREATE TABLE out_ (id BIGINT, item STRING, seen BIGINT, made BIGINT, place STRING)
WITH ('connector' = 'filesystem', 'path' = 'out', 'format' = 'debezium-json');
INSERT INTO out_ SELECT id, item, EXTRACT(SECOND FROM seen), EXTRACT(SECOND FROM made),
  CONCAT(db, '.', tab, '@', about['file'], '@', CAST(place AS STRING)) FROM orders;";

#[test]
fn changes_tell_when_and_where_they_were_made() {
    let broker = Broker::with(&["orders"]);
    let change = |rows: &str, second: u32| {
        format!(
            r#"{{{rows},"ts_ms":17000000{second}123,"source":{{"ts_ms":17000000{second}000,"db":"shop",
            "table":"orders","file":"log.{second}"}}}}"#
        )
    };
    let first = change(r#""before":null,"after":{"id":1,"item":"a"},"op":"c""#, 20);
    let then = change(r#""before":{"id":1,"item":"a"},"after":{"id":1,"item":"b"},"op":"u""#, 21);
    broker.send("orders", &[("", &first), ("", &then)]);
    broker.start(JOB).wait("changes").succeeded("changes");
    let row = |item: &str, second: u32, file: u32, place: u32| {
        format!(
            r#"{{"id":1,"item":"{item}","seen":{second},"made":{second},"place":"shop.orders@log.{file}@{place}"}}"#
        )
    };
    let came = |row: String| format!(r#"{{"before":null,"after":{row},"op":"c"}}"#);
    let went = |row: String| format!(r#"{{"before":{row},"after":null,"op":"d"}}"#);
    let mut expected =
        [came(row("a", 40, 20, 0)), went(row("a", 41, 21, 1)), came(row("b", 41, 21, 1))];
    expected.sort();
    assert_eq!(broker.lines("out"), expected);
}

const THERE_AND_BACK: &str = "\
CREATE TABLE orders (id BIGINT, item STRING, n INT) WITH ('connector' = 'kafka', $KAFKA,
  'topic' = 'orders', 'format' = 'debezium-json', 'scan.startup.mode' = 'earliest-offset',
  'scan.bounded.mode' = 'latest-offset');
CREATE TABLE sums (item STRING, n INT) WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'sums',
  'value.format' = 'debezium-json');
CREATE TABLE again (item STRING, n INT) WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'sums',
  'value.format' = 'debezium-json', 'scan.startup.mode' = 'earliest-offset',
  'scan.bounded.mode' = 'latest-offset');
CREATE TABLE out_ (item STRING, n BIGINT, rows_ BIGINT, PRIMARY KEY (item) NOT ENFORCED)
WITH ('connector' = 'upsert-kafka', $KAFKA, 'topic' = 'out', 'key.format' = 'json',
  'value.format' = 'json', 'value.fields-include' = 'EXCEPT_KEY');
";

#[test]
fn changes_go_through_topics_and_the_tombstones_behind_them_are_no_rows() {
    let broker = Broker::with(&["orders", "sums", "out"]);
    let row = |id: u32, item: &str, n: u32| format!(r#"{{"id":{id},"item":"{item}","n":{n}}}"#);
    let came = |row: String| format!(r#"{{"before":null,"after":{row},"op":"c"}}"#);
    let went = |row: String| format!(r#"{{"before":{row},"after":null,"op":"d"}}"#);
    let changed =
        |old: String, new: String| format!(r#"{{"before":{old},"after":{new},"op":"u"}}"#);
    let messages = [
        came(row(1, "a", 1)),
        came(row(2, "a", 2)),
        came(row(3, "b", 4)),
        changed(row(1, "a", 1), row(1, "b", 8)),
        went(row(3, "b", 4)),
        // Debezium writes one behind each row that goes.
        String::new(),
        came(row(4, "c", 5)),
        went(row(4, "c", 5)),
        String::new(),
    ];
    let messages: Vec<(&str, &str)> = messages.iter().map(|m| ("key", m.as_str())).collect();
    broker.send("orders", &messages);
    let write = "INSERT INTO sums SELECT item, SUM(n) FROM orders GROUP BY item;";
    broker.start(&format!("{THERE_AND_BACK}{write}")).wait("writing").succeeded("writing");
    let read = "INSERT INTO out_ SELECT item, SUM(n), COUNT(*) FROM again GROUP BY item;";
    broker.restarted(&format!("{THERE_AND_BACK}{read}")).wait("reading").succeeded("reading");
    let now = |item: &str, n: u32| {
        (format!(r#"{{"item":"{item}"}}"#), format!(r#"{{"n":{n},"rows_":1}}"#))
    };
    Latest::of(&broker, "out", 1).await_("out", &[now("a", 2), now("b", 8)].into());
}
