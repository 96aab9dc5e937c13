//! Against real brokers when `SABOT_TEST_KAFKA` names them (`host:port`), as `make test-kafka` does;
//! else against the client library's mock brokers.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::cast::AsArray;
use arrow::array::{
    BinaryBuilder, Int64Array, MapBuilder, RecordBatch, StringBuilder, TimestampMillisecondArray,
};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::BaseRecord;
use sabot_core::metrics::OperatorMetrics;
use sabot_core::{Env, SourceContext, SourcePoll, metadata, row_kind};
use sabot_types::Epoch;

pub(super) mod brokers;
mod keys;
mod real;
mod tables;

use super::*;
use crate::testing::{
    concat, options, read_some, read_with_rescale, schema, sink_context, source_context, timestamp,
    world,
};
use brokers::Brokers;
pub(super) use real::real;

const TOPIC: &str = "events";

pub(super) fn ids() -> SchemaRef {
    schema(&[("id", DataType::Int64)])
}

/// A topic, and the brokers that have it.
pub(super) struct Topic {
    pub(super) brokers: Brokers,
    pub(super) name: String,
}

impl Topic {
    pub(super) fn with(partitions: i32) -> Self {
        let brokers = Brokers::with(&[(TOPIC, partitions)]);
        let name = brokers.name(TOPIC);
        Self { brokers, name }
    }

    /// Sends payloads to a partition; none is a tombstone.
    fn send(&self, partition: i32, payloads: &[Option<String>]) {
        let messages = payloads.iter().map(|payload| (Some("k"), payload.as_deref()));
        self.brokers.send(TOPIC, Some(partition), &messages.collect::<Vec<_>>());
    }

    /// The options of a table; a later pair of the same name wins.
    pub(super) fn options<'a>(&'a self, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let all =
            [("connector", "kafka"), ("topic", &self.name), (SERVERS, self.brokers.servers())];
        [&all[..], more].concat()
    }

    /// A source of all that is there.
    pub(super) fn source(&self, env: &Env, more: &[(&str, &str)]) -> SourceContext {
        let all = [(START, "earliest-offset"), (BOUNDED, "latest-offset"), ("format", "json")];
        source_context(env, &self.options(&[&all[..], more].concat()), ids())
    }

    fn sink(&self, env: &Env, schema: &SchemaRef) -> SinkContext {
        sink_context(env, &self.options(&[("value.format", "json")]), Arc::clone(schema))
    }
}

fn rows_of(ids: std::ops::Range<i64>) -> Vec<Option<String>> {
    ids.map(|id| Some(format!("{{\"id\":{id}}}"))).collect()
}

fn sorted(rows: &RecordBatch) -> Vec<i64> {
    let mut ids = rows.column(0).as_primitive::<Int64Type>().values().to_vec();
    ids.sort_unstable();
    ids
}

pub(super) async fn read_all(ctx: SourceContext) -> Result<Vec<i64>> {
    let schema = ctx.schema.clone();
    let mut source = crate::open_source(ctx).await?;
    let read = read_some(source.as_mut(), 1000, usize::MAX).await?;
    Ok(sorted(&concat(&schema, &read)))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_is_read_once_at_any_parallelism_and_restore() {
    let topic = Topic::with(3);
    for partition in 0..3 {
        let first = i64::from(partition) * 200;
        topic.send(partition, &rows_of(first..first + 200));
    }
    let ctx = topic.source(&world(1).env, &[]);
    for (before, first, after) in [(1, 0, 1), (1, 250, 2), (2, 33, 3), (3, 50, 1), (4, 1, 2)] {
        let rows = read_with_rescale(&ctx, before, first, after).await.unwrap();
        assert_eq!(sorted(&rows), (0..600).collect::<Vec<_>>(), "{before} to {after}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_split_that_is_held_is_read_no_further_and_then_goes_on_behind_it() {
    const ROWS: i64 = 20_000;
    let topic = Topic::with(2);
    for partition in 0..2 {
        let first = i64::from(partition) * ROWS;
        topic.send(partition, &rows_of(first..first + ROWS));
    }
    let ctx = topic.source(&world(1).env, &[]);
    let ctx = SourceContext { max_batch_rows: 100, ..ctx };
    let mut source = crate::open_source(ctx).await.unwrap();
    let mut read = read_some(source.as_mut(), 100, 200).await.unwrap();
    source.hold(0, true);
    // Of the one that is not held all comes; of the other what was on its way.
    let mut finished = 0;
    while finished == 0 {
        match source.poll(100).unwrap() {
            SourcePoll::Batch { split, rows } => read.push((source.splits()[split].clone(), rows)),
            SourcePoll::SplitFinished(split) => {
                assert_eq!(split, 1, "what is held cannot end");
                finished += 1;
            }
            SourcePoll::Pending => tokio::time::sleep(Duration::from_millis(1)).await,
            SourcePoll::Finished => panic!("a split is held"),
        }
    }
    let rows: usize = read.iter().map(|(_, rows)| rows.num_rows()).sum();
    assert!(rows < 2 * ROWS as usize, "all of the split was read that is held");
    source.hold(0, false);
    read.extend(read_some(source.as_mut(), 100, usize::MAX).await.unwrap());
    assert_eq!(sorted(&concat(&ids(), &read)), (0..2 * ROWS).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bounded_job_ends_where_the_topic_ended_when_it_first_started() {
    let topic = Topic::with(1);
    topic.send(0, &rows_of(0..100));
    let ctx = topic.source(&world(1).env, &[]);
    let mut source = crate::open_source(ctx.clone()).await.unwrap();
    let mut read = read_some(source.as_mut(), 10, 30).await.unwrap();
    let restored = Arc::new(source.positions());
    drop(source);
    topic.send(0, &rows_of(100..150));
    let mut source = crate::open_source(SourceContext { restored, ..ctx }).await.unwrap();
    read.extend(read_some(source.as_mut(), 10, usize::MAX).await.unwrap());
    assert_eq!(sorted(&concat(&ids(), &read)), (0..100).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn tombstones_are_no_rows_also_at_the_end() {
    let topic = Topic::with(1);
    let payloads = [rows_of(0..2), vec![None, None], rows_of(2..4), vec![None]].concat();
    topic.send(0, &payloads);
    let ctx = topic.source(&world(1).env, &[]);
    assert_eq!(read_all(ctx).await.unwrap(), [0, 1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_message_is_named_by_its_offset_or_skipped_and_counted() {
    let topic = Topic::with(1);
    let broken = vec![Some("{\"id\":".to_owned())];
    topic.send(0, &[rows_of(0..7), broken, rows_of(7..9)].concat());
    let env = world(1).env;
    let error = read_all(topic.source(&env, &[])).await.unwrap_err().to_string();
    let says = format!("the message at offset 7 of {}-0 is not a valid JSON", topic.name);
    assert!(error.starts_with(&says), "{error}");
    let ctx = topic.source(&env, &[("json.ignore-parse-errors", "true")]);
    assert_eq!(read_all(ctx.clone()).await.unwrap(), (0..9).collect::<Vec<_>>());
    assert_eq!(OperatorMetrics::get(&ctx.metrics.rows_malformed), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_latest_offset_skips_what_was_there() {
    let topic = Topic::with(1);
    topic.send(0, &rows_of(0..5));
    let more = [("scan.startup.mode", "latest-offset"), ("scan.bounded.mode", "unbounded")];
    let ctx = topic.source(&world(1).env, &more);
    let mut source = crate::open_source(ctx).await.unwrap();
    topic.send(0, &rows_of(5..8));
    let read = read_some(source.as_mut(), 10, 3).await.unwrap();
    assert_eq!(sorted(&concat(&ids(), &read)), [5, 6, 7]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_not_there_is_named_with_the_brokers() {
    let topic = Topic::with(1);
    let gone = topic.brokers.missing();
    let ctx = topic.source(&world(1).env, &[("topic", &gone)]);
    let error = read_all(ctx).await.unwrap_err().to_string();
    let says = format!("topic {gone} does not exist at the Kafka brokers");
    assert!(error.contains(&says) && error.contains(topic.brokers.servers()), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_that_do_not_answer_are_named_in_bounded_time() {
    let topic = Topic::with(1);
    let ctx = topic.source(&world(1).env, &[(SERVERS, "127.0.0.1:1")]);
    let error = read_all(ctx).await.unwrap_err().chain();
    let says = format!("topic {} at the Kafka brokers 127.0.0.1:1", topic.name);
    assert!(error.contains(&says), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_waits_until_the_brokers_have_every_message() {
    let topic = Topic::with(2);
    let env = world(1).env;
    let mut sink = crate::open_sink(topic.sink(&env, &ids())).await.unwrap();
    for first in [0, 500] {
        let column = Arc::new(Int64Array::from_iter_values(first..first + 500));
        sink.write(RecordBatch::try_new(ids(), vec![column]).unwrap()).unwrap();
    }
    assert!(sink.prepare(Epoch::new(1)).await.unwrap().is_empty());
    let read = read_all(topic.source(&env, &[])).await.unwrap();
    assert_eq!(read, (0..1000).collect::<Vec<_>>());
    assert!(sink.ready());
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_written_with_a_time_and_tell_it_with_their_place() {
    let topic = Topic::with(1);
    let env = world(1).env;
    let column =
        |name: &str, data_type, key| metadata::field(Field::new(name, data_type, true), key);
    let id = Field::new("id", DataType::Int64, true);
    let at = column("at", timestamp(), "timestamp");
    let written = Arc::new(Schema::new(vec![at.clone(), id.clone()]));
    let mut sink = crate::open_sink(topic.sink(&env, &written)).await.unwrap();
    let times = TimestampMillisecondArray::from(vec![Some(7), Some(1_700_000_000_123), None]);
    let ids = Arc::new(Int64Array::from(vec![1, 2, 3]));
    sink.write(RecordBatch::try_new(Arc::clone(&written), vec![Arc::new(times), ids]).unwrap())
        .unwrap();
    sink.prepare(Epoch::new(1)).await.unwrap();
    let early = Arc::new(TimestampMillisecondArray::from(vec![-1]));
    let error = sink
        .write(
            RecordBatch::try_new(written, vec![early, Arc::new(Int64Array::from(vec![4]))])
                .unwrap(),
        )
        .unwrap_err();
    assert!(error.to_string().contains("timestamp -1 ms"), "{error}");

    let read = Arc::new(Schema::new(vec![
        column("topic", DataType::Utf8, "topic"),
        column("partition", DataType::Int64, "partition"),
        id,
        column("kind", DataType::Utf8, "timestamp-type"),
        column("offset", DataType::Int64, "offset"),
        at,
        column("ms", DataType::Int64, "timestamp"),
    ]));
    let ctx = SourceContext { schema: read, ..topic.source(&env, &[]) };
    let rows = read_with_rescale(&ctx, 1, 1, 1).await.unwrap();
    let numbers = |column: usize| rows.column(column).as_primitive::<Int64Type>().values().to_vec();
    assert_eq!((numbers(1), numbers(2), numbers(4)), (vec![0; 3], vec![1, 2, 3], vec![0, 1, 2]));
    assert_eq!(rows.column(0).as_string::<i32>().value(2), topic.name);
    assert_eq!(rows.column(3).as_string::<i32>().value(1), "CreateTime");
    assert_eq!(numbers(6)[..2], [7, 1_700_000_000_123]);
    assert!(numbers(6)[2] > 1_700_000_000_123);
    assert_eq!(rows.column(5).data_type(), &timestamp());
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_are_read_and_written() {
    let topic = Topic::with(1);
    let env = world(1).env;
    let map = crate::metadata::map_of(DataType::Binary);
    let column = metadata::field(Field::new("h", map, true), "headers");
    let schema = Arc::new(Schema::new(vec![column, Field::new("id", DataType::Int64, true)]));
    let entry = |key: &'static str, value: Option<&'static [u8]>| (key, value);
    let maps = [
        Some(vec![entry("a", Some(b"1")), entry("b", None), entry("c", Some(b""))]),
        None,
        Some(Vec::new()),
    ];
    let mut written = MapBuilder::new(None, StringBuilder::new(), BinaryBuilder::new());
    for map in &maps {
        for (key, value) in map.iter().flatten() {
            written.keys().append_value(key);
            written.values().append_option(*value);
        }
        written.append(map.is_some()).unwrap();
    }
    let written = arrow::compute::cast(&written.finish(), schema.field(0).data_type()).unwrap();
    let mut sink = crate::open_sink(topic.sink(&env, &schema)).await.unwrap();
    let ids = Arc::new(Int64Array::from(vec![1, 2, 3]));
    sink.write(RecordBatch::try_new(Arc::clone(&schema), vec![written, ids]).unwrap()).unwrap();
    sink.prepare(Epoch::new(1)).await.unwrap();
    // What others write: a name twice, and a header without a value.
    let header = |key, value| Header { key, value };
    let twice = OwnedHeaders::new()
        .insert(header("x", Some("old")))
        .insert(header("y", None::<&str>))
        .insert(header("x", Some("new")));
    let record = BaseRecord::to(&topic.name).payload("{\"id\":4}").headers(twice);
    topic.brokers.send_record(record);
    topic.brokers.flush();

    let ctx = SourceContext { schema, ..topic.source(&env, &[]) };
    let rows = read_with_rescale(&ctx, 1, 1, 1).await.unwrap();
    let texts: Vec<String> = (0..4)
        .map(|row| {
            let entries = rows.column(0).as_map().value(row);
            let (keys, values) = (entries.column(0), entries.column(1).as_binary::<i32>());
            let pairs = keys.as_string::<i32>().iter().zip(values);
            let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
            let pairs = pairs.map(|(k, v)| format!("{}={:?}", k.unwrap(), v.map(text)));
            pairs.collect::<Vec<_>>().join(" ")
        })
        .collect();
    assert_eq!(texts, ["a=Some(\"1\") c=Some(\"\")", "", "", "y=None x=Some(\"new\")"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_two_rows_is_read_as_a_whole() {
    let topic = Topic::with(1);
    let change = |id: i64| {
        let row = format!("{{\"id\":{id}}}");
        Some(format!("{{\"before\":{row},\"after\":{row},\"op\":\"u\"}}"))
    };
    topic.send(0, &(0..100).map(change).collect::<Vec<_>>());
    let fields = [Field::new("id", DataType::Int64, false), row_kind::field()];
    let schema = Arc::new(Schema::new(fields.to_vec()));
    let ctx = topic.source(&world(1).env, &[("format", "debezium-json")]);
    let ctx = SourceContext { schema: Arc::clone(&schema), ..ctx };
    for most in [1, 2, 3, 7] {
        // Read on by an opening after the other.
        let (mut read, mut restored) = (Vec::new(), Arc::default());
        loop {
            let ctx = SourceContext { restored, ..ctx.clone() };
            let mut source = crate::open_source(ctx).await.unwrap();
            let before = read.len();
            for _ in 0..9 {
                match source.poll(most).unwrap() {
                    SourcePoll::Batch { rows, .. } => read.push((String::new(), rows)),
                    SourcePoll::Finished => break,
                    _ => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
            let is_over = source.positions()[0].finished;
            restored = Arc::new(source.positions());
            if is_over && read.len() == before {
                break;
            }
        }
        assert!(read.iter().all(|(_, rows)| rows.num_rows() % 2 == 0), "{most}");
        let expected: Vec<i64> = (0..100).flat_map(|id| [id, id]).collect();
        assert_eq!(sorted(&concat(&schema, &read)), expected, "{most}");
    }
}

#[test]
fn wrong_options_are_refused_with_what_is_right() {
    let right = [
        ("connector", "kafka"),
        ("topic", "t"),
        ("properties.bootstrap.servers", "h:1"),
        ("scan.startup.mode", "earliest-offset"),
        ("format", "json"),
    ];
    let check = |change: &[(&str, &str)], without: &str| {
        let kept = right.iter().filter(|(name, _)| *name != without).copied();
        // A later pair of the same name wins.
        let pairs: Vec<_> = kept.chain(change.iter().copied()).collect();
        crate::validate("t", Role::Source, &options(&pairs), &ids()).map_err(|e| e.to_string())
    };
    assert_eq!(check(&[], ""), Ok(()));
    for (change, without, expected) in [
        (&[][..], "topic", "option 'topic' is missing"),
        (&[("topic", "a,b")][..], "", "lists are not supported"),
        (&[][..], "properties.bootstrap.servers", "'host:port,host:port'"),
        (&[][..], "scan.startup.mode", "option 'properties.group.id' is missing"),
        (&[("scan.startup.mode", "first")][..], "", "'earliest-offset' or 'latest-offset' or"),
        (
            &[("scan.startup.mode", "timestamp")][..],
            "",
            "'scan.startup.timestamp-millis' is missing",
        ),
        (&[("scan.bounded.mode", "soon")][..], "", "'unbounded' or 'latest-offset'"),
        (&[("value.format", "json")][..], "", "'value.format' is set"),
        (&[(KEY_FORMAT, "json")][..], "", "option 'key.fields' is missing"),
        (&[(KEY_FORMAT, "json"), (KEY_FIELDS, "ids")][..], "", "which 'ids' is not"),
        (
            &[
                (KEY_FORMAT, "debezium-json"),
                (KEY_FIELDS, "id"),
                (partitions::PHYSICAL_COLUMNS, r#"["id"]"#),
            ][..],
            "",
            "'json', 'csv', 'avro', 'avro-confluent' or 'raw'",
        ),
        (&[(KEY_FIELDS, "id")][..], "", "'key.format' and 'key.fields' beside it"),
        (&[(PREFIX, "k_")][..], "", "'key.format' and 'key.fields' beside it"),
        (&[(INCLUDE, "EXCEPT_KEY")][..], "", "'key.format' and 'key.fields' beside it"),
        (
            &[(START, "specific-offsets")][..],
            "",
            "option 'scan.startup.specific-offsets' is missing",
        ),
        (
            &[(START, "specific-offsets"), (START_OFFSETS, "0:42")][..],
            "",
            "'partition:0,offset:42;partition:1,offset:300'",
        ),
        (
            &[
                (START, "specific-offsets"),
                (START_OFFSETS, "partition:0,offset:1;partition:0,offset:2"),
            ][..],
            "",
            "offsets by partitions",
        ),
        (&[(BOUNDED, "timestamp")][..], "", "option 'scan.bounded.timestamp-millis' is missing"),
        (&[(BOUNDED, "group-offsets")][..], "", "option 'properties.group.id' is missing"),
        (
            &[("properties.sessoin.timeout.ms", "1")][..],
            "",
            "option 'properties.sessoin.timeout.ms' = '1' is not valid: expected what librdkafka",
        ),
        (&[("properties.socket.timeout.ms", "x")][..], "", "'properties.socket.timeout.ms' = 'x'"),
    ] {
        let error = check(change, without).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}
