//! Messages whose keys have some of the columns, and where reading begins and ends.

use arrow::array::{ArrayRef, StringArray};

use super::*;

fn columns() -> SchemaRef {
    schema(&[("site", DataType::Utf8), ("k_id", DataType::Int64), ("amount", DataType::Int64)])
}

fn rows(sites: &[&str], ids: &[i64], amounts: &[i64]) -> RecordBatch {
    let numbers = |numbers: &[i64]| Arc::new(Int64Array::from(numbers.to_vec())) as ArrayRef;
    let sites = Arc::new(StringArray::from(sites.to_vec())) as ArrayRef;
    RecordBatch::try_new(columns(), vec![sites, numbers(ids), numbers(amounts)]).unwrap()
}

async fn write(topic: &Topic, more: &[(&str, &str)], written: &RecordBatch) {
    let ctx = sink_context(&world(1).env, &topic.options(more), written.schema());
    let mut sink = crate::open_sink(ctx).await.unwrap();
    sink.write(written.clone()).unwrap();
    sink.prepare(Epoch::new(1)).await.unwrap();
}

/// Of each row its columns.
async fn read(topic: &Topic, more: &[(&str, &str)], columns: SchemaRef) -> Result<Vec<String>> {
    let all = [(START, "earliest-offset"), (BOUNDED, "latest-offset")];
    let pairs = topic.options(&[&all[..], more].concat());
    let ctx = source_context(&world(1).env, &pairs, Arc::clone(&columns));
    let mut source = crate::open_source(ctx).await?;
    let read = concat(&columns, &read_some(source.as_mut(), 100, usize::MAX).await?);
    let text =
        |column: &ArrayRef, row| arrow::util::display::array_value_to_string(column, row).unwrap();
    let line = |row: usize| {
        let all = read.columns().iter().map(|column| text(column, row));
        all.collect::<Vec<_>>().join(" ")
    };
    Ok((0..read.num_rows()).map(line).collect())
}

/// An option and its value.
type Pair<'a> = (&'a str, &'a str);

const JSON_KEYS: [Pair<'_>; 4] = [
    ("value.format", "json"),
    (KEY_FORMAT, "json"),
    (KEY_FIELDS, "k_id;site"),
    (partitions::PHYSICAL_COLUMNS, r#"["site","k_id","amount"]"#),
];

#[tokio::test(flavor = "multi_thread")]
async fn keys_have_their_columns_and_values_all_or_the_others() {
    let except = [(INCLUDE, "EXCEPT_KEY"), (KEY_FIELDS, "k_id"), (PREFIX, "k_")];
    let csv = [("key.format", "csv"), ("value.format", "csv")];
    let cases: [(&[Pair<'_>], &str, &str); 4] = [
        (&[], r#"{"k_id":7,"site":"a"}"#, r#"{"site":"a","k_id":7,"amount":1}"#),
        (&except, r#"{"id":7}"#, r#"{"site":"a","amount":1}"#),
        (&csv, "7,a", "a,7,1"),
        (&[except, [csv[0], csv[1], csv[0]]].concat(), "7", "a,1"),
    ];
    for (more, key, value) in cases {
        let topic = Topic::with(1);
        let more = [&JSON_KEYS, more].concat();
        write(&topic, &more, &rows(&["a", "b"], &[7, 8], &[1, 2])).await;
        let messages = topic.brokers.messages(TOPIC, 1, 2);
        assert_eq!(messages[0], (0, Some(key.to_owned()), Some(value.to_owned())), "{more:?}");
        assert_eq!(read(&topic, &more, columns()).await.unwrap(), ["a 7 1", "b 8 2"], "{more:?}");
        // Of which some are read.
        let some = Arc::new(columns().project(&[1]).unwrap());
        assert_eq!(read(&topic, &more, some).await.unwrap(), ["7", "8"], "{more:?}");
        let some = Arc::new(columns().project(&[2]).unwrap());
        assert_eq!(read(&topic, &more, some).await.unwrap(), ["1", "2"], "{more:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_without_its_key_is_named_or_skipped_and_a_tombstone_is_no_row() {
    let topic = Topic::with(1);
    let (key, value) = (Some(r#"{"k_id":1}"#), Some(r#"{"amount":1}"#));
    topic.brokers.send(TOPIC, Some(0), &[(key, value), (key, None), (None, value)]);
    let except = [&JSON_KEYS[..], &[(INCLUDE, "EXCEPT_KEY"), (KEY_FIELDS, "k_id")]].concat();
    let error = read(&topic, &except, columns()).await.unwrap_err().to_string();
    let says = format!(
        "the message at offset 2 of {}-0 is not a valid JSON row: it has no key",
        topic.name
    );
    assert!(
        error.starts_with(&says) && error.contains("'key.json.ignore-parse-errors'"),
        "{error}"
    );
    let ignored = [&except[..], &[("key.json.ignore-parse-errors", "true")]].concat();
    assert_eq!(read(&topic, &ignored, columns()).await.unwrap(), [" 1 1"]);
    // A value that has all columns tells them.
    assert_eq!(read(&topic, &JSON_KEYS, columns()).await.unwrap(), ["  1", "  1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_have_keys_too() {
    let topic = Topic::with(1);
    let mut fields: Vec<Field> = columns().fields().iter().map(|f| f.as_ref().clone()).collect();
    fields.push(row_kind::field());
    let kinds = row_kind::column([row_kind::RowKind::UpdateBefore, row_kind::RowKind::UpdateAfter]);
    let plain = rows(&["a", "b"], &[7, 7], &[1, 2]);
    let all = plain.columns().iter().cloned().chain([kinds]).collect();
    let changes = RecordBatch::try_new(Arc::new(Schema::new(fields)), all).unwrap();
    let more =
        [&JSON_KEYS[..], &[("value.format", "debezium-json"), (KEY_FIELDS, "k_id")]].concat();
    write(&topic, &more, &changes).await;
    let messages = topic.brokers.messages(TOPIC, 1, 2);
    assert!(messages.iter().all(|(_, key, _)| key.as_deref() == Some(r#"{"k_id":7}"#)));
    let values: Vec<&str> = messages.iter().filter_map(|message| message.2.as_deref()).collect();
    assert!(values[0].contains(r#""op":"d""#) && values[1].contains(r#""op":"c""#));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fixed_partition_is_one_for_each_subtask() {
    let topic = Topic::with(3);
    let env = world(1).env;
    let more = [("value.format", "json"), (PARTITIONER, "fixed")];
    for subtask in 0..4 {
        let ctx = sink_context(&env, &topic.options(&more), ids());
        let mut sink =
            crate::open_sink(SinkContext { subtask, parallelism: 4, ..ctx }).await.unwrap();
        let column = Arc::new(Int64Array::from(vec![i64::from(subtask); 2]));
        sink.write(RecordBatch::try_new(ids(), vec![column]).unwrap()).unwrap();
        sink.prepare(Epoch::new(1)).await.unwrap();
    }
    let mut messages = topic.brokers.messages(TOPIC, 3, 8);
    messages.sort();
    let places: Vec<_> =
        messages.iter().map(|(at, _, value)| (*at, value.as_deref().unwrap())).collect();
    let [zero, one, two, three] = [0, 1, 2, 3].map(|id| format!("{{\"id\":{id}}}"));
    let expected = [
        (0, &zero),
        (0, &zero),
        (0, &three),
        (0, &three),
        (1, &one),
        (1, &one),
        (2, &two),
        (2, &two),
    ];
    assert_eq!(places, expected.map(|(at, value)| (at, value.as_str())));
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_begins_and_ends_at_the_offsets_that_are_named() {
    let topic = Topic::with(2);
    topic.send(0, &rows_of(0..10));
    topic.send(1, &rows_of(10..20));
    let env = world(1).env;
    let (from, to) = ("partition:0,offset:3", "partition:0,offset:5;partition:1,offset:2");
    for (more, expected) in [
        (&[(START, "specific-offsets"), (START_OFFSETS, from)][..], (3..20).collect::<Vec<_>>()),
        (&[(BOUNDED, "specific-offsets"), (BOUNDED_OFFSETS, to)], vec![0, 1, 2, 3, 4, 10, 11]),
        (&[(BOUNDED, "specific-offsets"), (BOUNDED_OFFSETS, from)], vec![0, 1, 2]),
    ] {
        assert_eq!(read_all(topic.source(&env, more)).await.unwrap(), expected, "{more:?}");
    }
    // An end that is still to come is waited for.
    let later = [(BOUNDED, "specific-offsets"), (BOUNDED_OFFSETS, "partition:0,offset:12")];
    let mut source = crate::open_source(topic.source(&env, &later)).await.unwrap();
    let mut read = read_some(source.as_mut(), 100, 10).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(matches!(
        source.poll(100).unwrap(),
        SourcePoll::Pending | SourcePoll::SplitFinished(1)
    ));
    topic.send(0, &rows_of(20..23));
    read.extend(read_some(source.as_mut(), 100, usize::MAX).await.unwrap());
    let expected: Vec<_> = (0..10).chain([20, 21]).collect();
    assert_eq!(sorted(&concat(&ids(), &read)), expected);
}

#[test]
fn options_without_a_meaning_here_are_told() {
    let pairs = [
        ("connector", "kafka"),
        ("topic", TOPIC),
        (SERVERS, "h:1"),
        ("format", "json"),
        ("sink.parallelism", "4"),
        ("scan.topic-partition-discovery.interval", "5 min"),
        (GUARANTEE, "none"),
    ];
    let options = options(&pairs);
    crate::validate("t", Role::Sink, &options, &ids()).unwrap();
    assert_eq!(
        crate::without_effect("t", &options),
        [
            "table t: option 'sink.parallelism' has no effect: spec.parallelism of the StreamJob counts",
            "table t: option 'scan.topic-partition-discovery.interval' has no effect: partitions are \
             looked up when the job starts",
        ]
    );
}

#[test]
fn wrong_options_of_sinks_are_refused_with_what_is_right() {
    let right = [("connector", "kafka"), ("topic", "t"), (SERVERS, "h:1")];
    for (more, expected) in [
        (&[(GUARANTEE, "exactly-once")][..], "option 'sink.transactional-id-prefix' is missing"),
        (
            &[(GUARANTEE, "exactly-once"), (TRANSACTIONS, "t"), (SECURITY, "SSL")],
            "'properties.security.protocol' = 'SSL' is not valid: expected 'PLAINTEXT'",
        ),
        (&[(GUARANTEE, "twice")], "'at-least-once' or 'none' or 'exactly-once'"),
        (&[(PARTITIONER, "random")], "'default' or 'fixed' or 'round-robin'"),
        (&[(PARTITIONER, "round-robin")], "'default' or 'fixed' where messages have keys"),
        (&[(KEY_FIELDS, "k_id;who")], "physical columns of the table, which 'who' is not"),
        (&[(PREFIX, "k_")], "'value.fields-include' = 'EXCEPT_KEY' beside it"),
        (
            &[(INCLUDE, "EXCEPT_KEY"), (PREFIX, "k_")],
            "column 'site' is in 'key.fields': its name has to begin with 'key.fields-prefix'",
        ),
        (
            &[("value.format", "debezium-json"), (INCLUDE, "EXCEPT_KEY")],
            "a change has the whole row",
        ),
    ] {
        let pairs = [&right[..], &JSON_KEYS, more].concat();
        let error = crate::validate("t", Role::Sink, &options(&pairs), &columns()).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}
