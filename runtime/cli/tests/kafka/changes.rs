//! What Debezium writes beside changes, in SQL.

use super::broker::Broker;

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
