//! Against real brokers when `SABOT_TEST_KAFKA` names them; mock brokers take transactions, but show
//! their messages at once.

use arrow::array::Int64Array;
use arrow::datatypes::DataType;

use super::*;
use crate::kafka::tests::{Topic, ids, read_all, real};
use crate::kafka::{GUARANTEE, TRANSACTIONS};
use crate::testing::{options, sink_context, world};

const EXACTLY_ONCE: [(&str, &str); 3] =
    [("format", "json"), (GUARANTEE, "exactly-once"), (TRANSACTIONS, "test")];

fn rows(ids_of: std::ops::Range<i64>) -> RecordBatch {
    let column = Arc::new(Int64Array::from_iter_values(ids_of));
    RecordBatch::try_new(ids(), vec![column]).unwrap()
}

async fn sink_of(topic: &Topic, attempt: u64, more: &[(&str, &str)]) -> Box<dyn Sink> {
    let pairs = topic.options(&[&EXACTLY_ONCE[..], more].concat());
    let ctx = sink_context(&world(1).env, &pairs, ids());
    crate::open_sink(SinkContext { attempt: Attempt::new(attempt), ..ctx }).await.unwrap()
}

async fn prepared(sink: &mut dyn Sink, epoch: u64) -> Vec<Committable> {
    sink.prepare(Epoch::new(epoch)).await.unwrap()
}

async fn commit(committables: &[Committable]) -> Result<()> {
    for committable in committables {
        crate::commit(world(1).env, committable.clone()).await?;
    }
    Ok(())
}

async fn visible(topic: &Topic) -> Vec<i64> {
    read_all(topic.source(&world(1).env, &[])).await.unwrap()
}

/// Waits until readers of what is committed see these rows: a broker answers before its partitions know.
async fn shows(topic: &Topic, ids: std::ops::Range<i64>) {
    let (ids, began) = (ids.collect::<Vec<_>>(), Instant::now());
    loop {
        let seen = visible(topic).await;
        if seen == ids {
            return;
        }
        let in_time = began.elapsed() < Duration::from_secs(60);
        assert!(ids.starts_with(&seen) && in_time, "{seen:?}, not {ids:?}");
    }
}

/// Aborts what attempts below this one have left.
async fn abandon(topic: &Topic, attempt: u64) -> usize {
    let options = options(&topic.options(&EXACTLY_ONCE));
    let uid = OperatorUid::new("sink:t").unwrap();
    let attempt = Attempt::new(attempt);
    crate::remove_abandoned("t", &options, &uid, &[], attempt, &world(1).env).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_epoch_with_rows_is_a_transaction_that_is_committed_by_whoever_knows_it() {
    let topic = Topic::with(1);
    let mut sink = sink_of(&topic, 1, &[]).await;
    assert_eq!(prepared(sink.as_mut(), 1).await, []);
    let mut all = Vec::new();
    for (epoch, first) in (2..).zip((0..50).step_by(10)) {
        sink.write(rows(first..first + 5)).unwrap();
        let epoch = sink.prepare(Epoch::new(epoch));
        // Rows that come before it is done are of the next one.
        sink.write(rows(first + 5..first + 10)).unwrap();
        let committables = epoch.await.unwrap();
        assert_eq!(committables.len(), 1);
        assert_eq!(committables[0].connector, "kafka");
        all.extend(committables);
    }
    all.extend(prepared(sink.as_mut(), 7).await);
    assert_eq!(prepared(sink.as_mut(), 8).await, [], "nothing came");
    drop(sink);
    for _ in 0..2 {
        commit(&all).await.unwrap();
        shows(&topic, 0..50).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_committed_is_hidden_and_goes_with_the_attempt() {
    let Some(topic) = real(2) else { return };
    let mut sink = sink_of(&topic, 1, &[]).await;
    sink.write(rows(0..10)).unwrap();
    let first = prepared(sink.as_mut(), 1).await;
    sink.write(rows(10..20)).unwrap();
    let second = prepared(sink.as_mut(), 2).await;
    sink.write(rows(20..30)).unwrap();
    assert_eq!(visible(&topic).await, [0; 0]);
    commit(&first).await.unwrap();
    shows(&topic, 0..10).await;
    // The process dies; its last checkpoint knows the second transaction and not the third.
    drop(sink);
    commit(&second).await.unwrap();
    assert_eq!(abandon(&topic, 1).await, 0, "those of the attempt itself stay");
    // The library sends messages when it has some, or after a while.
    let aborted = abandon(&topic, 2).await;
    assert!(aborted <= 1, "{aborted} transactions were open");
    let mut sink = sink_of(&topic, 2, &[]).await;
    sink.write(rows(20..30)).unwrap();
    commit(&prepared(sink.as_mut(), 3).await).await.unwrap();
    shows(&topic, 0..30).await;
    // Also of those that were committed: they stay so.
    commit(&[first, second].concat()).await.unwrap();
    shows(&topic, 0..30).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn transactional_ids_are_used_again_and_what_was_committed_under_them_stays_so() {
    let Some(topic) = real(1) else { return };
    let mut sink = sink_of(&topic, 3, &[]).await;
    let mut all = Vec::new();
    for epoch in 0..20 {
        sink.write(rows(epoch..epoch + 1)).unwrap();
        let committables = prepared(sink.as_mut(), epoch as u64 + 1).await;
        commit(&committables).await.unwrap();
        all.extend(committables);
    }
    let mut used: Vec<String> =
        all.iter().map(|of| Prepared::deserialize(&of.payload).unwrap().transactional_id).collect();
    used.sort();
    used.dedup();
    assert!((1..=5).contains(&used.len()), "{used:?}");
    commit(&all).await.unwrap();
    shows(&topic, 0..20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_transaction_of_an_earlier_attempt_is_aborted() {
    let Some(topic) = real(1) else { return };
    let mut sink = sink_of(&topic, 4, &[]).await;
    sink.write(rows(0..10)).unwrap();
    prepared(sink.as_mut(), 1).await;
    drop(sink);
    topic.brokers.send("events", Some(0), &[(None, Some("{\"id\":10}"))]);
    assert_eq!(visible(&topic).await, [0; 0], "readers wait for the transaction's end");
    assert_eq!(abandon(&topic, 5).await, 1);
    shows(&topic, 10..11).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_was_open_for_too_long_is_lost_and_the_commit_says_so() {
    let Some(topic) = real(1) else { return };
    let soon =
        [("properties.transaction.timeout.ms", "1000"), ("properties.delivery.timeout.ms", "1000")];
    let mut sink = sink_of(&topic, 6, &soon).await;
    sink.write(rows(0..10)).unwrap();
    let lost = prepared(sink.as_mut(), 1).await;
    topic.brokers.send("events", Some(0), &[(None, Some("{\"id\":10}"))]);
    // Brokers look for such transactions every ten seconds.
    let began = Instant::now();
    while visible(&topic).await != [10] {
        assert!(began.elapsed() < Duration::from_secs(60), "it is still open");
    }
    let error = commit(&lost).await.unwrap_err().to_string();
    assert!(error.contains("its messages are lost"), "{error}");
    assert!(error.contains("properties.transaction.timeout.ms"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_that_cannot_be_reached_are_named_when_a_commit_fails() {
    let prepared = Prepared {
        brokers: "127.0.0.1:1".to_owned(),
        topic: "t".to_owned(),
        transactional_id: "test-1".to_owned(),
        producer_id: 1,
        producer_epoch: 0,
    };
    let error = prepared.try_commit().err().unwrap();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    assert!(prepared.committing().ends_with("test-1 of topic t at the Kafka brokers 127.0.0.1:1"));
}

#[test]
fn what_became_of_a_transaction_is_told_by_its_ids_epoch_and_state() {
    let prepared = Prepared {
        brokers: String::new(),
        topic: String::new(),
        transactional_id: String::new(),
        producer_id: 7,
        producer_epoch: 3,
    };
    let is_lost = |producer_id, producer_epoch, state: &str| {
        let now = Described { state: state.to_owned(), producer_id, producer_epoch };
        matches!(prepared.became(&now), Outcome::Lost)
    };
    // The brokers have aborted it.
    assert!(is_lost(7, 4, "CompleteAbort") && is_lost(7, 4, "PrepareEpochFence"));
    // It was committed, and its id is used again: by an open transaction, and by one that was aborted.
    assert!(!is_lost(7, 4, "Ongoing") && !is_lost(7, 4, "Empty"));
    assert!(!is_lost(7, 5, "CompleteAbort") && !is_lost(8, 0, "CompleteAbort"));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_give_no_message_make_no_transaction() {
    use sabot_core::row_kind::{self, RowKind};
    let topic = Topic::with(1);
    let id = arrow::datatypes::Field::new("id", DataType::Int64, false);
    let fields = vec![id, row_kind::field()];
    let schema = Arc::new(arrow::datatypes::Schema::new(fields));
    let json = [
        ("connector", "upsert-kafka"),
        ("key.format", "json"),
        ("value.format", "json"),
        (sabot_core::partitions::PRIMARY_KEY, r#"["id"]"#),
    ];
    let pairs = topic.options(&[&json[..], &EXACTLY_ONCE[1..]].concat());
    let ctx = sink_context(&world(1).env, &pairs, Arc::clone(&schema));
    let mut sink = crate::open_sink(ctx).await.unwrap();
    let rows = |kinds: &[RowKind]| {
        let ids = Int64Array::from(vec![1; kinds.len()]);
        let columns: Vec<arrow::array::ArrayRef> =
            vec![Arc::new(ids), row_kind::column(kinds.iter().copied())];
        RecordBatch::try_new(Arc::clone(&schema), columns).unwrap()
    };
    sink.write(rows(&[])).unwrap();
    assert_eq!(prepared(sink.as_mut(), 1).await, []);
    sink.write(rows(&[RowKind::Delete])).unwrap();
    let committables = prepared(sink.as_mut(), 2).await;
    assert_eq!(committables.len(), 1);
    commit(&committables).await.unwrap();
}

#[test]
fn ids_are_a_sinks_own_also_where_the_uid_of_another_begins_as_its_own() {
    let ids = ids_of("p", &OperatorUid::new("sink:a").unwrap());
    assert_eq!(attempt_of(&format!("{ids}12-0-3"), &ids), Some(12));
    let other = ids_of("p", &OperatorUid::new("sink:a-1").unwrap());
    for id in [format!("{other}12-0-3"), format!("{ids}12-0"), format!("{ids}x-0-3")] {
        assert_eq!(attempt_of(&id, &ids), None, "{id}");
    }
}

#[test]
fn a_sink_without_a_prefix_for_its_ids_is_refused() {
    let pairs = [("connector", "kafka"), ("topic", "t"), ("properties.bootstrap.servers", "h:1")];
    let check = |more: &[(&str, &str)]| {
        let schema = crate::testing::schema(&[("id", DataType::Int64)]);
        crate::validate("t", crate::Role::Sink, &options(&[&pairs[..], more].concat()), &schema)
    };
    assert_eq!(check(&EXACTLY_ONCE), Ok(()));
    let error = check(&EXACTLY_ONCE[..2]).unwrap_err().to_string();
    assert!(error.contains("which no other job may use"), "{error}");
}
