//! Lookup joins with topics: what they have when a row comes.

use std::time::Duration;

use super::broker::Broker;

const JOB: &str = "\
CREATE TABLE orders (id BIGINT, k STRING, p AS PROCTIME()) WITH ('connector' = 'kafka', $KAFKA,
  'topic' = 'orders', 'format' = 'json', 'scan.startup.mode' = 'earliest-offset');
CREATE TABLE accounts (k STRING, name STRING, level INT, PRIMARY KEY (k) NOT ENFORCED)
WITH ('connector' = 'upsert-kafka', $KAFKA, 'topic' = 'accounts', 'key.format' = 'json',
  'value.format' = 'json', 'lookup.full-cache.periodic-reload.interval' = '100 ms');
CREATE TABLE notes (k STRING, note STRING, `offset` BIGINT METADATA VIRTUAL) WITH (
  'connector' = 'kafka', $KAFKA, 'topic' = 'notes', 'format' = 'json',
  'lookup.full-cache.periodic-reload.interval' = '100 ms');
CREATE TABLE out_ (id BIGINT, name STRING, note STRING, place BIGINT)
WITH ('connector' = 'filesystem', 'path' = 'out', 'format' = 'json');
CREATE VIEW high AS SELECT k, UPPER(name) AS name FROM accounts WHERE level > 1;
INSERT INTO out_ SELECT o.id, a.name, n.note, n.`offset` FROM orders AS o
LEFT JOIN high FOR SYSTEM_TIME AS OF o.p AS a ON a.k = o.k
LEFT JOIN notes FOR SYSTEM_TIME AS OF o.p AS n ON n.k = o.k;";

/// An order of each of the accounts.
fn orders(broker: &Broker, first: u32) {
    let order = |n: u32| format!(r#"{{"id":{},"k":"{}"}}"#, first + n, ["a", "b", "c"][n as usize]);
    let orders = [0, 1, 2].map(order);
    broker.send("orders", &orders.each_ref().map(|order| ("", order.as_str())));
}

#[test]
fn a_row_meets_what_topics_have_when_it_comes() {
    let broker = Broker::with(&["orders", "accounts", "notes"]);
    let key = |k: &str| format!(r#"{{"k":"{k}"}}"#);
    let (a, b, c) = (key("a"), key("b"), key("c"));
    broker.send(
        "accounts",
        &[
            (&a, r#"{"k":"a","name":"old","level":9}"#),
            (&b, r#"{"k":"b","name":"low","level":2}"#),
            (&a, r#"{"k":"a","name":"anna","level":2}"#),
            // An older version that passes the filter is none.
            (&b, r#"{"k":"b","name":"low","level":1}"#),
        ],
    );
    broker.send("notes", &[("", r#"{"k":"a","note":"x"}"#), ("", r#"{"k":"a","note":"y"}"#)]);
    orders(&broker, 0);
    let running = broker.start(JOB);
    let row =
        |id: u32, name: &str, note: &str| format!(r#"{{"id":{id},"name":{name},"note":{note}}}"#);
    let first = [
        row(0, "\"ANNA\"", "\"x\",\"place\":0"),
        row(0, "\"ANNA\"", "\"y\",\"place\":1"),
        row(1, "null", "null,\"place\":null"),
        row(2, "null", "null,\"place\":null"),
    ];
    assert_eq!(broker.await_lines("first", "out", 4), first);

    broker.send("accounts", &[(&a, ""), (&c, r#"{"k":"c","name":"carl","level":3}"#)]);
    broker.send("notes", &[("", r#"{"k":"c","note":"z"}"#)]);
    std::thread::sleep(Duration::from_secs(2));
    orders(&broker, 3);
    let then = [
        row(3, "null", "\"x\",\"place\":0"),
        row(3, "null", "\"y\",\"place\":1"),
        row(4, "null", "null,\"place\":null"),
        row(5, "\"CARL\"", "\"z\",\"place\":2"),
    ];
    assert_eq!(broker.await_lines("then", "out", 8), [&first[..], &then[..]].concat());
    running.stop();
    running.wait("stopped").succeeded("stopped");
}
