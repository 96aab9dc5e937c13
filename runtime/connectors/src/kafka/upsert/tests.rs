//! Against the client library's mock brokers; and, when `SABOT_TEST_KAFKA` names real ones, against
//! those too.

use std::time::Duration;

use arrow::array::{Array, AsArray, Int64Array, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use sabot_core::metrics::OperatorMetrics;
use sabot_core::{Env, partitions};
use sabot_types::Epoch;

use super::*;
use crate::testing::{
    concat, options, read_some, read_with_rescale, sink_context, source_context, world,
};

const TOPIC: &str = "accounts";

fn cluster(partitions: i32) -> MockCluster<'static, DefaultProducerContext> {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic(TOPIC, partitions, 1).unwrap();
    cluster
}

/// A key in the middle, and the kinds if they are wanted.
fn columns(kinds: bool) -> SchemaRef {
    let mut fields = vec![
        Field::new("site", DataType::Utf8, true),
        Field::new("k_id", DataType::Int64, false),
        Field::new("amount", DataType::Int64, true),
    ];
    fields.extend(kinds.then(row_kind::field));
    Arc::new(Schema::new(fields))
}

type Pairs<'a> = Vec<(&'a str, &'a str)>;

/// The options; a later pair of the same name wins.
fn pairs<'a>(servers: &'a str, more: &[(&'a str, &'a str)]) -> Pairs<'a> {
    let all = [
        ("connector", NAME),
        ("topic", TOPIC),
        (SERVERS, servers),
        (KEY_FORMAT, "json"),
        (VALUE_FORMAT, "json"),
        (partitions::PRIMARY_KEY, r#"["k_id"]"#),
    ];
    all.into_iter().chain(more.iter().copied()).collect()
}

fn produce(servers: &str, messages: &[(Option<&str>, Option<&str>)]) {
    produce_to(servers, TOPIC, messages);
}

fn produce_to(servers: &str, topic: &str, messages: &[(Option<&str>, Option<&str>)]) {
    let producer: BaseProducer =
        rdkafka::ClientConfig::new().set("bootstrap.servers", servers).create().unwrap();
    for (key, payload) in messages {
        let mut record = BaseRecord::<str, str>::to(topic).partition(0);
        (record.key, record.payload) = (*key, *payload);
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(Duration::from_secs(30)).unwrap();
}

/// All messages of a topic, by partition.
fn consume(servers: &str, partitions: i32, count: usize) -> Vec<(i32, String, Option<String>)> {
    let consumer: BaseConsumer = rdkafka::ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("group.id", "test")
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    for partition in 0..partitions {
        list.add_partition_offset(TOPIC, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&list).unwrap();
    let mut messages = Vec::new();
    while messages.len() < count {
        let message = consumer.poll(Duration::from_secs(20)).expect("a message comes").unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let key = message.key().map(text).unwrap();
        messages.push((message.partition(), key, message.payload().map(text)));
    }
    messages
}

fn context(env: &Env, servers: &str, more: &[(&str, &str)]) -> SourceContext {
    let pairs = pairs(servers, &[&[(BOUNDED, "latest-offset")][..], more].concat());
    source_context(env, &pairs, columns(true))
}

fn lines(rows: &RecordBatch) -> Vec<String> {
    let (sites, ids, amounts) = (rows.column(0), rows.column(1), rows.column(2));
    let kinds = row_kind::kinds(rows).unwrap();
    let text = |column: &ArrayRef, row| {
        let text = arrow::util::display::array_value_to_string(column, row).unwrap();
        if column.is_null(row) { "NULL".to_owned() } else { text }
    };
    let line = |row: usize| {
        let kind = RowKind::of(kinds.value(row)).symbol();
        let id = ids.as_primitive::<Int64Type>().value(row);
        format!("{kind} {id} {} {}", text(sites, row), text(amounts, row))
    };
    (0..rows.num_rows()).map(line).collect()
}

async fn read_all(ctx: SourceContext) -> Result<Vec<String>> {
    let mut source = crate::open_source(ctx.clone()).await?;
    let read = read_some(source.as_mut(), 100, usize::MAX).await?;
    Ok(lines(&concat(&ctx.schema, &read)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_what_its_key_has_and_a_tombstone_that_it_is_gone() {
    let cluster = cluster(1);
    let servers = cluster.bootstrap_servers();
    produce(
        &servers,
        &[
            (Some(r#"{"k_id":1}"#), Some(r#"{"k_id":1,"site":"a","amount":5}"#)),
            (Some(r#"{"k_id":2}"#), Some(r#"{"k_id":2,"site":null}"#)),
            (Some(r#"{"k_id":1}"#), None),
            (Some(r#"{"k_id":1}"#), Some(r#"{"amount":7}"#)),
            (Some(r#"{"k_id":3}"#), None),
        ],
    );
    let env = world(1).env;
    let ctx = context(&env, &servers, &[]);
    let expected =
        ["+I 1 a 5", "+I 2 NULL NULL", "-D 1 NULL NULL", "+I 1 NULL 7", "-D 3 NULL NULL"];
    assert_eq!(read_all(ctx.clone()).await.unwrap(), expected);
    let rows = read_with_rescale(&ctx, 1, 2, 2).await.unwrap();
    assert_eq!(lines(&rows), expected);

    // Only the key and what is read of the value.
    let schema = Arc::new(columns(true).project(&[1, 3]).unwrap());
    let mut source = crate::open_source(SourceContext { schema, ..ctx }).await.unwrap();
    let read = read_some(source.as_mut(), 100, usize::MAX).await.unwrap();
    let ids: Vec<i64> = read
        .iter()
        .flat_map(|(_, rows)| rows.column(0).as_primitive::<Int64Type>().values().to_vec())
        .collect();
    assert_eq!(ids, [1, 2, 1, 1, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_key_or_value_is_named_by_its_offset_or_skipped_and_counted() {
    let cluster = cluster(1);
    let servers = cluster.bootstrap_servers();
    produce(
        &servers,
        &[
            (Some(r#"{"k_id":1}"#), Some(r#"{"amount":1}"#)),
            (None, Some(r#"{"amount":2}"#)),
            (Some(r#"{"k_id":"#), Some(r#"{"amount":3}"#)),
            (Some(r#"{"k_id":4}"#), Some("nonsense")),
            (Some(r#"{"k_id":5}"#), Some(r#"{"amount":5}"#)),
        ],
    );
    let env = world(1).env;
    let keys = ("key.json.ignore-parse-errors", "true");
    let values = ("value.json.ignore-parse-errors", "true");
    for (more, expected) in [
        (&[][..], "the message at offset 1 of accounts-0 is not a valid JSON row: it has no key"),
        (&[keys], "the message at offset 3 of accounts-0"),
        (&[keys], "set 'value.json.ignore-parse-errors' = 'true'"),
    ] {
        let error = read_all(context(&env, &servers, more)).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let ctx = context(&env, &servers, &[keys, values]);
    assert_eq!(read_all(ctx.clone()).await.unwrap(), ["+I 1 NULL 1", "+I 5 NULL 5"]);
    assert_eq!(OperatorMetrics::get(&ctx.metrics.rows_malformed), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn new_versions_and_tombstones_go_to_the_partition_of_their_key_and_are_read_back() {
    use RowKind::{Delete, Insert, UpdateAfter, UpdateBefore};
    let env = world(1).env;
    let except = [(INCLUDE, "EXCEPT_KEY"), (PREFIX, "k_")];
    for (more, key, value) in [(&[][..], "k_id", ",\"k_id\":7"), (&except[..], "id", "")] {
        let cluster = cluster(5);
        let servers = cluster.bootstrap_servers();
        let pairs = pairs(&servers, more);
        let mut sink = crate::open_sink(sink_context(&env, &pairs, columns(true))).await.unwrap();
        let kinds = [Insert, Insert, UpdateBefore, UpdateAfter, Delete, Insert];
        let rows = vec![
            Arc::new(StringArray::from(vec!["a", "b", "a", "c", "b", "d"])) as ArrayRef,
            Arc::new(Int64Array::from(vec![7, 8, 7, 7, 8, 9])),
            Arc::new(Int64Array::from(vec![1, 2, 1, 3, 2, 4])),
            row_kind::column(kinds),
        ];
        sink.write(RecordBatch::try_new(columns(true), rows).unwrap()).unwrap();
        assert!(sink.prepare(Epoch::new(1)).await.unwrap().is_empty());
        let messages = consume(&servers, 5, 5);
        let of = |id: i64| {
            let is_it = |m: &&(i32, String, Option<String>)| m.1 == format!("{{\"{key}\":{id}}}");
            messages.iter().filter(is_it).collect::<Vec<_>>()
        };
        assert!([7, 8, 9].iter().all(|id| of(*id).iter().all(|m| m.0 == of(*id)[0].0)));
        let values: Vec<_> = of(7).iter().map(|message| message.2.clone().unwrap()).collect();
        let expected = [("a", 1), ("c", 3)]
            .map(|(site, amount)| format!("{{\"site\":\"{site}\"{value},\"amount\":{amount}}}"));
        assert_eq!(values, expected);
        assert_eq!(of(8)[1].2, None, "a row that went is a tombstone");

        let mut read = read_all(context(&env, &servers, more)).await.unwrap();
        read.sort();
        assert_eq!(read, ["+I 7 a 1", "+I 7 c 3", "+I 8 b 2", "+I 9 d 4", "-D 8 NULL NULL"]);
    }
}

/// A table of a lookup join.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_read_whole_and_then_on() {
    let cluster = cluster(2);
    let servers = cluster.bootstrap_servers();
    let env = world(1).env;
    let one = Some(r#"{"k_id":1}"#);
    produce(&servers, &[(one, Some(r#"{"amount":5}"#)), (Some(r#"{"k_id":2}"#), Some("{}"))]);
    let mut restored = Vec::new();
    for (goes_on, expected) in [
        (false, &["+I 1 NULL 5", "+I 2 NULL NULL"][..]),
        (true, &["-D 1 NULL NULL"]),
        (true, &["+I 1 NULL 6"]),
    ] {
        let pairs = pairs(&servers, &[(partitions::READ_WHOLE, "")]);
        let ctx = source_context(&env, &pairs, columns(true));
        let mut read =
            crate::open_table(SourceContext { restored: Arc::new(restored), ..ctx }).await.unwrap();
        let rows = read_some(read.source.as_mut(), 100, usize::MAX).await.unwrap();
        assert_eq!(read.goes_on, goes_on);
        assert_eq!(lines(&concat(&columns(true), &rows)), expected);
        restored = read.source.positions();
        let next = if expected.len() == 2 { None } else { Some(r#"{"amount":6}"#) };
        produce(&servers, &[(one, next)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn real_brokers_give_back_what_keys_have() {
    let Ok(servers) = std::env::var("SABOT_TEST_KAFKA") else {
        eprintln!("skipped: SABOT_TEST_KAFKA does not name brokers");
        return;
    };
    let topic = format!("sabot-test-upsert-{}", std::process::id());
    produce_to(&servers, &topic, &[(Some(r#"{"k_id":1}"#), Some(r#"{"k_id":1,"amount":5}"#))]);
    let env = world(1).env;
    let pairs = pairs(&servers, &[("topic", &topic)]);
    let mut sink = crate::open_sink(sink_context(&env, &pairs, columns(true))).await.unwrap();
    let rows = vec![
        Arc::new(StringArray::from(vec![Some("a"), None, None])) as ArrayRef,
        Arc::new(Int64Array::from(vec![1, 1, 2])),
        Arc::new(Int64Array::from(vec![Some(6), None, Some(7)])),
        row_kind::column([RowKind::UpdateAfter, RowKind::Delete, RowKind::Insert]),
    ];
    sink.write(RecordBatch::try_new(columns(true), rows).unwrap()).unwrap();
    sink.prepare(Epoch::new(1)).await.unwrap();
    let mut read = read_all(context(&env, &servers, &[("topic", &topic)])).await.unwrap();
    read.sort();
    assert_eq!(read, ["+I 1 NULL 5", "+I 1 a 6", "+I 2 NULL 7", "-D 1 NULL NULL"]);
}

#[test]
fn wrong_options_are_refused_with_what_is_right() {
    let check = |role, more: &[(&str, &str)]| {
        let schema = columns(true);
        crate::validate("t", role, &options(&pairs("h:1", more)), &schema)
            .map_err(|error| error.to_string())
    };
    for role in [Role::Source, Role::Sink] {
        assert_eq!(check(role, &[]), Ok(()));
        assert_eq!(check(role, &[(INCLUDE, "EXCEPT_KEY"), (PREFIX, "k_")]), Ok(()));
        for (more, expected) in [
            (&[(KEY_FORMAT, "raw")][..], "'key.format' = 'raw' is not valid: expected 'json'"),
            (&[(VALUE_FORMAT, "debezium-json")], "expected 'json'"),
            (&[(INCLUDE, "SOME")], "expected 'ALL' or 'EXCEPT_KEY'"),
            (&[(PREFIX, "k_")], "expected 'value.fields-include' = 'EXCEPT_KEY' beside it"),
            (&[(INCLUDE, "EXCEPT_KEY"), (PREFIX, "x_")], "column 'k_id' is in the primary key"),
            (&[("scan.startup.mode", "earliest-offset")], "unknown option 'scan.startup.mode'"),
            (&[("sink.parallelism", "2")], "unknown option 'sink.parallelism'"),
            (&[("topic", "a;b")], "lists are not supported"),
        ] {
            let error = check(role, more).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
