//! What only real brokers do: transactions, retention, offsets by group and time, and topics that
//! change. Skipped without `SABOT_TEST_KAFKA`.

use rdkafka::admin::NewPartitions;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::producer::{BaseProducer, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use sabot_core::SplitState;

use super::brokers::PATIENCE;
use super::tables::{read as read_table, table};
use super::*;

/// A topic of real brokers.
pub(in crate::kafka) fn real(partitions: i32) -> Option<Topic> {
    let is_real = std::env::var_os("SABOT_TEST_KAFKA").is_some();
    if !is_real {
        eprintln!("skipped: SABOT_TEST_KAFKA does not name brokers");
    }
    is_real.then(|| Topic::with(partitions))
}

/// What is read of a topic after `restored`, and where that ends.
async fn go_on(
    ctx: SourceContext,
    restored: Vec<SplitState>,
) -> Result<(Vec<i64>, Vec<SplitState>)> {
    let ctx = SourceContext { restored: Arc::new(restored), ..ctx };
    let schema = Arc::clone(&ctx.schema);
    let mut source = crate::open_source(ctx).await?;
    let read = read_some(source.as_mut(), 1000, usize::MAX).await?;
    Ok((sorted(&concat(&schema, &read)), source.positions()))
}

/// Forgets where a bounded reading stops, so that the next one goes on to what is the end then.
fn unbounded(mut positions: Vec<SplitState>) -> Vec<SplitState> {
    for split in &mut positions {
        split.position.as_object_mut().unwrap().remove("end");
        split.finished = false;
    }
    positions
}

/// Deletes the messages of partition 0 before an offset, as retention does.
fn delete_before(topic: &Topic, offset: i64) {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&topic.name, 0, Offset::Offset(offset)).unwrap();
    topic.brokers.admin(async |admin, options| {
        drop(admin.delete_records(&list, options).await.unwrap());
    });
}

fn transactional(topic: &Topic) -> BaseProducer {
    let mut config = rdkafka::ClientConfig::new();
    config
        .set("bootstrap.servers", topic.brokers.servers())
        .set("transactional.id", format!("{}-writer", topic.name));
    let producer: BaseProducer = config.create().unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    producer
}

fn transact(producer: &BaseProducer, topic: &Topic, ids: std::ops::Range<i64>) {
    producer.begin_transaction().unwrap();
    for row in rows_of(ids).into_iter().flatten() {
        let record = BaseRecord::<str, str>::to(&topic.name).partition(0).payload(&row);
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(PATIENCE).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_transactions_only_those_are_read_that_were_committed_and_none_is_missed() {
    let Some(topic) = real(1) else { return };
    let producer = transactional(&topic);
    transact(&producer, &topic, 0..10);
    producer.commit_transaction(PATIENCE).unwrap();
    transact(&producer, &topic, 10..20);
    producer.abort_transaction(PATIENCE).unwrap();
    let env = world(1).env;
    let ctx = topic.source(&env, &[]);
    // The last offsets hold no messages that are read.
    assert_eq!(read_all(ctx.clone()).await.unwrap(), (0..10).collect::<Vec<_>>());
    transact(&producer, &topic, 20..30);
    topic.send(0, &rows_of(30..33));
    let (rows, at) = go_on(ctx.clone(), Vec::new()).await.unwrap();
    assert_eq!(rows, (0..10).collect::<Vec<_>>());
    let (rows, _, table_at) = read_table(table(&topic, &[], Vec::new())).await.unwrap();
    assert_eq!(rows, (0..10).collect::<Vec<_>>());

    producer.commit_transaction(PATIENCE).unwrap();
    let (rows, at) = go_on(ctx.clone(), unbounded(at)).await.unwrap();
    assert_eq!(rows, (20..33).collect::<Vec<_>>());
    let (rows, goes_on, _) = read_table(table(&topic, &[], table_at)).await.unwrap();
    assert_eq!((rows, goes_on), ((20..33).collect(), true));
    topic.send(0, &rows_of(33..35));
    assert_eq!(go_on(ctx, unbounded(at)).await.unwrap().0, [33, 34]);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_retention_deleted_unread_fail_a_stream_and_begin_a_table_anew() {
    let Some(topic) = real(1) else { return };
    topic.send(0, &rows_of(0..100));
    let env = world(1).env;
    let ctx = topic.source(&env, &[]);
    let mut source = crate::open_source(ctx.clone()).await.unwrap();
    drop(read_some(source.as_mut(), 10, 30).await.unwrap());
    let at = source.positions();
    drop(source);
    let (_, _, table_at) = read_table(table(&topic, &[], Vec::new())).await.unwrap();
    delete_before(&topic, 50);

    let error = go_on(ctx.clone(), at).await.unwrap_err().to_string();
    assert!(error.contains("its retention has deleted messages"), "{error}");
    assert_eq!(read_all(ctx).await.unwrap(), (50..100).collect::<Vec<_>>());
    let (rows, goes_on, at) = read_table(table(&topic, &[], table_at)).await.unwrap();
    assert_eq!((rows, goes_on), ((50..100).collect(), false));
    // Nothing is left.
    delete_before(&topic, 100);
    let (rows, goes_on, _) = read_table(table(&topic, &[], at)).await.unwrap();
    assert_eq!((rows, goes_on), (Vec::new(), false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_begins_where_its_group_or_its_time_says() {
    let Some(topic) = real(2) else { return };
    for (millis, id) in [(1_000, 0), (2_000, 1), (3_000, 2)] {
        for (partition, id) in [(0, id), (1, 10 + id)] {
            let row = format!("{{\"id\":{id}}}");
            let record = BaseRecord::to(&topic.name).partition(partition).timestamp(millis);
            topic.brokers.send_record(record.key("k").payload(&row));
        }
    }
    topic.brokers.flush();
    let env = world(1).env;
    let since = |millis: &'static str| {
        topic.source(&env, &[(START, "timestamp"), (START_TIMESTAMP, millis)])
    };
    assert_eq!(read_all(since("0")).await.unwrap(), [0, 1, 2, 10, 11, 12]);
    assert_eq!(read_all(since("1001")).await.unwrap(), [1, 2, 11, 12]);
    assert_eq!(read_all(since("3001")).await.unwrap(), [0; 0]);
    let until = |millis: &'static str| {
        topic.source(&env, &[(BOUNDED, "timestamp"), (BOUNDED_TIMESTAMP, millis)])
    };
    assert_eq!(read_all(until("0")).await.unwrap(), [0; 0]);
    assert_eq!(read_all(until("2000")).await.unwrap(), [0, 10]);
    assert_eq!(read_all(until("3001")).await.unwrap(), [0, 1, 2, 10, 11, 12]);

    let group = ("properties.group.id", topic.name.as_str());
    let of_group = |more: &[(&str, &str)]| {
        topic.source(&env, &[&[(START, "group-offsets"), group][..], more].concat())
    };
    let error = read_all(of_group(&[])).await.unwrap_err().to_string();
    assert!(error.contains("the consumer group has no offset for partition 0"), "{error}");
    let reset = |to: &'static str| of_group(&[("properties.auto.offset.reset", to)]);
    assert_eq!(read_all(reset("earliest")).await.unwrap(), [0, 1, 2, 10, 11, 12]);
    assert_eq!(read_all(reset("latest")).await.unwrap(), [0; 0]);
    let mut config = rdkafka::ClientConfig::new();
    config.set("bootstrap.servers", topic.brokers.servers()).set("group.id", &topic.name);
    let consumer: BaseConsumer = config.create().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&topic.name, 0, Offset::Offset(2)).unwrap();
    consumer.commit(&list, CommitMode::Sync).unwrap();
    assert_eq!(read_all(reset("latest")).await.unwrap(), [2]);
    assert_eq!(read_all(reset("earliest")).await.unwrap(), [2, 10, 11, 12]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_was_added_is_read_from_its_beginning() {
    let Some(mut topic) = real(1) else { return };
    topic.send(0, &rows_of(0..5));
    let ctx = topic.source(&world(1).env, &[]);
    let (rows, at) = go_on(ctx.clone(), Vec::new()).await.unwrap();
    assert_eq!(rows, [0, 1, 2, 3, 4]);
    topic.brokers.admin(async |admin, options| {
        let more = NewPartitions::new(&topic.name, 3);
        drop(admin.create_partitions([&more], options).await.unwrap());
    });
    topic.brokers.reconnect();
    topic.send(2, &rows_of(5..7));
    topic.send(0, &rows_of(7..8));
    let (rows, _) = go_on(ctx, unbounded(at)).await.unwrap();
    assert_eq!(rows, [5, 6, 7]);
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_that_write_the_time_say_so() {
    let Some(mut topic) = real(1) else { return };
    topic.brokers.create("appended", 1, &[("message.timestamp.type", "LogAppendTime")]);
    let name = topic.brokers.name("appended");
    let record = BaseRecord::to(&name).timestamp(5).key("k").payload("{\"id\":1}");
    topic.brokers.send_record(record);
    topic.brokers.flush();
    let column =
        |name: &str, data_type, key| metadata::field(Field::new(name, data_type, true), key);
    let schema = Arc::new(Schema::new(vec![
        column("kind", DataType::Utf8, "timestamp-type"),
        column("ms", DataType::Int64, "timestamp"),
    ]));
    let ctx = topic.source(&world(1).env, &[("topic", &name)]);
    let rows = read_with_rescale(&SourceContext { schema, ..ctx }, 1, 1, 1).await.unwrap();
    assert_eq!(rows.column(0).as_string::<i32>().value(0), "LogAppendTime");
    assert!(rows.column(1).as_primitive::<Int64Type>().value(0) > 1_700_000_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_brokers_refuse_fails_the_checkpoint() {
    let Some(mut topic) = real(1) else { return };
    topic.brokers.create("small", 1, &[("max.message.bytes", "200")]);
    let name = topic.brokers.name("small");
    let schema = schema(&[("text", DataType::Utf8)]);
    let pairs = topic.options(&[("topic", name.as_str()), ("format", "json")]);
    let ctx = sink_context(&world(1).env, &pairs, Arc::clone(&schema));
    let mut sink = crate::open_sink(ctx).await.unwrap();
    let text = |text: String| {
        let column = Arc::new(arrow::array::StringArray::from(vec![text]));
        RecordBatch::try_new(Arc::clone(&schema), vec![column]).unwrap()
    };
    sink.write(text("short".to_owned())).unwrap();
    sink.prepare(Epoch::new(1)).await.unwrap();
    sink.write(text("x".repeat(1000))).unwrap();
    let error = sink.prepare(Epoch::new(2)).await.unwrap_err().chain();
    assert!(error.contains(&format!("writing to topic {name}")), "{error}");
    assert!(error.contains("MessageSizeTooLarge"), "{error}");
}
