//! Against real brokers when `SABOT_TEST_KAFKA` names them, else against mock brokers.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use sabot_core::metrics::OperatorMetrics;
use sabot_core::row_kind::{self, RowKind};
use sabot_types::Epoch;

use super::*;
use crate::kafka::BOUNDED;
use crate::kafka::tests::brokers::{Brokers, Message};
use crate::testing::{
    concat, options, read_some, read_with_rescale, sink_context, source_context, world,
};

const TOPIC: &str = "accounts";

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
fn options_of<'a>(servers: &'a str, topic: &'a str, more: &[(&'a str, &'a str)]) -> Pairs<'a> {
    let all = [
        ("connector", NAME),
        ("topic", topic),
        (SERVERS, servers),
        (KEY_FORMAT, "json"),
        (VALUE_FORMAT, "json"),
        (partitions::PRIMARY_KEY, r#"["k_id"]"#),
    ];
    all.into_iter().chain(more.iter().copied()).collect()
}

/// A topic, and the brokers that have it.
struct Topic {
    brokers: Brokers,
    name: String,
}

impl Topic {
    fn with(partitions: i32) -> Self {
        let brokers = Brokers::with(&[(TOPIC, partitions)]);
        let name = brokers.name(TOPIC);
        Self { brokers, name }
    }

    fn send(&self, messages: &[(Option<&str>, Option<&str>)]) {
        self.brokers.send(TOPIC, Some(0), messages);
    }

    fn options<'a>(&'a self, more: &[(&'a str, &'a str)]) -> Pairs<'a> {
        options_of(self.brokers.servers(), &self.name, more)
    }

    /// A source of all that is there.
    fn source(&self, env: &Env, more: &[(&str, &str)]) -> SourceContext {
        let pairs = self.options(&[&[(BOUNDED, "latest-offset")][..], more].concat());
        source_context(env, &pairs, columns(true))
    }
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
    let topic = Topic::with(1);
    topic.send(&[
        (Some(r#"{"k_id":1}"#), Some(r#"{"k_id":1,"site":"a","amount":5}"#)),
        (Some(r#"{"k_id":2}"#), Some(r#"{"k_id":2,"site":null}"#)),
        (Some(r#"{"k_id":1}"#), None),
        (Some(r#"{"k_id":1}"#), Some(r#"{"amount":7}"#)),
        (Some(r#"{"k_id":3}"#), None),
    ]);
    let env = world(1).env;
    let ctx = topic.source(&env, &[]);
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
    let topic = Topic::with(1);
    topic.send(&[
        (Some(r#"{"k_id":1}"#), Some(r#"{"amount":1}"#)),
        (None, Some(r#"{"amount":2}"#)),
        (Some(r#"{"k_id":"#), Some(r#"{"amount":3}"#)),
        (Some(r#"{"k_id":4}"#), Some("nonsense")),
        (Some(r#"{"k_id":5}"#), Some(r#"{"amount":5}"#)),
    ]);
    let env = world(1).env;
    let keys = ("key.json.ignore-parse-errors", "true");
    let values = ("value.json.ignore-parse-errors", "true");
    let message = |offset| format!("the message at offset {offset} of {}-0", topic.name);
    for (more, expected) in [
        (&[][..], message(1) + " is not a valid JSON row: it has no key"),
        (&[keys], message(3)),
        (&[keys], "set 'value.json.ignore-parse-errors' = 'true'".to_owned()),
    ] {
        let error = read_all(topic.source(&env, more)).await.unwrap_err().to_string();
        assert!(error.contains(&expected), "{error}");
    }
    let ctx = topic.source(&env, &[keys, values]);
    assert_eq!(read_all(ctx.clone()).await.unwrap(), ["+I 1 NULL 1", "+I 5 NULL 5"]);
    assert_eq!(OperatorMetrics::get(&ctx.metrics.rows_malformed), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn new_versions_and_tombstones_go_to_the_partition_of_their_key_and_are_read_back() {
    use RowKind::{Delete, Insert, UpdateAfter, UpdateBefore};
    let env = world(1).env;
    let except = [(INCLUDE, "EXCEPT_KEY"), (PREFIX, "k_")];
    for (more, key, value) in [(&[][..], "k_id", ",\"k_id\":7"), (&except[..], "id", "")] {
        let topic = Topic::with(5);
        let pairs = topic.options(more);
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
        let messages = topic.brokers.messages(TOPIC, 5, 5);
        let of = |id: i64| {
            let wanted = format!("{{\"{key}\":{id}}}");
            let is_it = |message: &&Message| message.1.as_ref() == Some(&wanted);
            messages.iter().filter(is_it).collect::<Vec<_>>()
        };
        assert!([7, 8, 9].iter().all(|id| of(*id).iter().all(|m| m.0 == of(*id)[0].0)));
        let values: Vec<_> = of(7).iter().map(|message| message.2.clone().unwrap()).collect();
        let expected = [("a", 1), ("c", 3)]
            .map(|(site, amount)| format!("{{\"site\":\"{site}\"{value},\"amount\":{amount}}}"));
        assert_eq!(values, expected);
        assert_eq!(of(8)[1].2, None, "a row that went is a tombstone");

        let mut read = read_all(topic.source(&env, more)).await.unwrap();
        read.sort();
        assert_eq!(read, ["+I 7 a 1", "+I 7 c 3", "+I 8 b 2", "+I 9 d 4", "-D 8 NULL NULL"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_version_that_no_new_one_of_its_key_follows_is_a_tombstone() {
    use RowKind::{Insert, UpdateAfter, UpdateBefore};
    let env = world(1).env;
    let topic = Topic::with(1);
    let pairs = topic.options(&[]);
    let mut sink = crate::open_sink(sink_context(&env, &pairs, columns(true))).await.unwrap();
    let mut write = |rows: &[(RowKind, i64, i64)]| {
        let ids = Int64Array::from_iter_values(rows.iter().map(|row| row.1));
        let amounts = Int64Array::from_iter_values(rows.iter().map(|row| row.2));
        let columns_of = vec![
            Arc::new(StringArray::from(vec!["a"; rows.len()])) as ArrayRef,
            Arc::new(ids),
            Arc::new(amounts),
            row_kind::column(rows.iter().map(|row| row.0)),
        ];
        sink.write(RecordBatch::try_new(columns(true), columns_of).unwrap()).unwrap();
    };
    write(&[(Insert, 1, 1), (Insert, 2, 1), (Insert, 3, 1)]);
    // A new version further on, another key, a version that a filter left out.
    write(&[(UpdateBefore, 1, 1), (UpdateBefore, 2, 1), (UpdateAfter, 1, 2), (UpdateAfter, 4, 2)]);
    write(&[(UpdateBefore, 3, 1)]);
    sink.prepare(Epoch::new(1)).await.unwrap();
    let read = read_all(topic.source(&env, &[])).await.unwrap();
    assert_eq!(
        read,
        [
            "+I 1 a 1",
            "+I 2 a 1",
            "+I 3 a 1",
            "-D 2 NULL NULL",
            "+I 1 a 2",
            "+I 4 a 2",
            "-D 3 NULL NULL",
        ]
    );
}

/// A table of a lookup join.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_read_whole_and_then_on() {
    let topic = Topic::with(2);
    let env = world(1).env;
    let one = Some(r#"{"k_id":1}"#);
    topic.send(&[(one, Some(r#"{"amount":5}"#)), (Some(r#"{"k_id":2}"#), Some("{}"))]);
    let mut restored = Vec::new();
    for (goes_on, expected) in [
        (false, &["+I 1 NULL 5", "+I 2 NULL NULL"][..]),
        (true, &["-D 1 NULL NULL"]),
        (true, &["+I 1 NULL 6"]),
    ] {
        let pairs = topic.options(&[(partitions::READ_WHOLE, "")]);
        let ctx = source_context(&env, &pairs, columns(true));
        let mut read =
            crate::open_table(SourceContext { restored: Arc::new(restored), ..ctx }).await.unwrap();
        let rows = read_some(read.source.as_mut(), 100, usize::MAX).await.unwrap();
        assert_eq!(read.goes_on, goes_on);
        assert_eq!(lines(&concat(&columns(true), &rows)), expected);
        restored = read.source.positions();
        let next = if expected.len() == 2 { None } else { Some(r#"{"amount":6}"#) };
        topic.send(&[(one, next)]);
    }
}

#[test]
fn wrong_options_are_refused_with_what_is_right() {
    let check = |role, more: &[(&str, &str)]| {
        let schema = columns(true);
        crate::validate("t", role, &options(&options_of("h:1", TOPIC, more)), &schema)
            .map_err(|error| error.to_string())
    };
    for role in [Role::Source, Role::Sink] {
        assert_eq!(check(role, &[]), Ok(()));
        assert_eq!(check(role, &[(INCLUDE, "EXCEPT_KEY"), (PREFIX, "k_")]), Ok(()));
        for (more, expected) in [
            (&[(KEY_FORMAT, "xml")][..], "'key.format' = 'xml' is not valid: expected 'json'"),
            (&[(VALUE_FORMAT, "debezium-json")], "expected 'json'"),
            (&[(INCLUDE, "SOME")], "expected 'ALL' or 'EXCEPT_KEY'"),
            (&[(PREFIX, "k_")], "expected 'value.fields-include' = 'EXCEPT_KEY' beside it"),
            (&[(INCLUDE, "EXCEPT_KEY"), (PREFIX, "x_")], "column 'k_id' is in the primary key"),
            (&[("scan.startup.mode", "earliest-offset")], "unknown option 'scan.startup.mode'"),
            (&[("sink.paralelism", "2")], "unknown option 'sink.paralelism'"),
            (&[("topic", "a;b")], "lists are not supported"),
            (&[("value.avro-confluent.ulr", "x")], "(did you mean 'value.avro-confluent.url'?)"),
            (&[(VALUE_FORMAT, "avro-confluent")], "'value.avro-confluent.url' is missing"),
            (&[(VALUE_FORMAT, "raw")], "a message of the format 'raw' is one value"),
        ] {
            let error = check(role, more).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
