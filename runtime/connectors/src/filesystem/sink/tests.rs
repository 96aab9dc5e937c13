use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use sabot_core::{Committer, SinkContext};

use super::*;
use crate::format::json::JsonOptions;
use crate::testing::{Fault, World, schema, sink_context, world};

const OUT: &str = "mem://bucket/out";

fn ids() -> SchemaRef {
    schema(&[("id", DataType::Int64)])
}

fn rows(ids_of: std::ops::Range<i64>) -> RecordBatch {
    let column = Arc::new(arrow::array::Int64Array::from_iter_values(ids_of));
    RecordBatch::try_new(ids(), vec![column]).unwrap()
}

fn context(world: &World) -> SinkContext {
    let pairs = [("connector", "filesystem"), ("path", OUT), ("format", "json")];
    sink_context(&world.env, &pairs, ids())
}

async fn sink(ctx: SinkContext) -> FileSink {
    let store = ctx.env.stores.open(OUT).await.unwrap();
    let partitions = Partitions::new(&ctx.schema, &[]);
    FileSink::new(&ctx, store, partitions, &Format::Json(JsonOptions::default()))
}

async fn committer(world: &World) -> Box<dyn Committer> {
    crate::committer("filesystem", &world.env).await.unwrap()
}

/// The visible objects: name and text.
fn visible(world: &World) -> Vec<(String, String)> {
    let all = world.stores.all().into_iter();
    all.filter(|(key, _)| !key.contains("/_"))
        .map(|(key, text)| (key[OUT.len() + 1..].to_owned(), text))
        .collect()
}

fn hidden(world: &World) -> usize {
    world.stores.all().keys().filter(|key| key.contains("/_")).count()
}

fn name(epoch: u64) -> String {
    format!("part-{}-{epoch:010}-0.jsonl", uid_hash(&OperatorUid::new("sink:t").unwrap()))
}

#[tokio::test]
async fn output_is_hidden_until_it_is_committed_and_an_empty_epoch_leaves_nothing() {
    let world = world(1);
    let mut sink = sink(context(&world)).await;
    sink.write(rows(0..2)).unwrap();
    let committables = sink.prepare(Epoch::new(7)).await.unwrap();
    assert!(visible(&world).is_empty());
    assert_eq!((committables.len(), hidden(&world)), (1, 1));
    assert!(sink.prepare(Epoch::new(8)).await.unwrap().is_empty());
    committer(&world).await.commit(&committables[0]).await.unwrap();
    assert_eq!(visible(&world), [(name(7), "{\"id\":0}\n{\"id\":1}\n".to_owned())]);
    assert_eq!(hidden(&world), 0);
}

/// A crash, a refused call or a lost reply at each step of a commit, which is then repeated.
#[tokio::test]
async fn a_commit_is_repeated_after_any_failure_without_changing_the_output() {
    for call in ["list", "copy", "delete", "get"] {
        for fault in [Fault::Refused, Fault::ReplyLost] {
            let world = world(1);
            let mut sink = sink(context(&world)).await;
            sink.write(rows(0..3)).unwrap();
            let committables = sink.prepare(Epoch::new(1)).await.unwrap();
            let committer = committer(&world).await;
            if call == "get" {
                // Read only where the output is there and the hidden object is too.
                world.stores.fail_next("delete", Fault::Refused);
                committer.commit(&committables[0]).await.unwrap_err();
            }
            world.stores.fail_next(call, fault);
            let failed = committer.commit(&committables[0]).await;
            assert!(failed.is_err(), "{call} {fault:?}");
            for _ in 0..3 {
                committer.commit(&committables[0]).await.unwrap();
                let expected = "{\"id\":0}\n{\"id\":1}\n{\"id\":2}\n".to_owned();
                assert_eq!(visible(&world), [(name(1), expected)], "{call} {fault:?}");
                assert_eq!(hidden(&world), 0);
            }
        }
    }
}

/// The coordinator lost the first answer of an epoch that was then prepared by another attempt.
#[tokio::test]
async fn an_epoch_that_was_prepared_twice_becomes_visible_once() {
    let world = world(1);
    let ctx = context(&world);
    let mut first = sink(ctx.clone()).await;
    first.write(rows(0..2)).unwrap();
    first.prepare(Epoch::new(5)).await.unwrap();
    drop(first);
    let mut second = sink(SinkContext { attempt: Attempt::new(2), ..ctx.clone() }).await;
    second.write(rows(0..2)).unwrap();
    let committables = second.prepare(Epoch::new(5)).await.unwrap();
    committer(&world).await.commit(&committables[0]).await.unwrap();
    assert_eq!(visible(&world), [(name(5), "{\"id\":0}\n{\"id\":1}\n".to_owned())]);
    assert_eq!(hidden(&world), 1);
    let removed = crate::remove_abandoned(
        "t",
        &ctx.options,
        &ctx.uid,
        &committables,
        Attempt::new(2),
        &world.env,
    );
    assert_eq!((removed.await.unwrap(), hidden(&world)), (1, 0));
}

#[tokio::test]
async fn two_openings_in_one_attempt_write_different_hidden_objects() {
    let world = world(1);
    let mut openings = Vec::new();
    for _ in 0..2 {
        let mut sink = sink(context(&world)).await;
        sink.write(rows(0..1)).unwrap();
        openings.extend(sink.prepare(Epoch::new(1)).await.unwrap());
    }
    assert_ne!(openings[0].payload["pending"], openings[1].payload["pending"]);
    assert_eq!(openings[0].payload["target"], openings[1].payload["target"]);
}

#[tokio::test]
async fn only_what_no_checkpoint_and_no_living_attempt_needs_is_removed() {
    let world = world(1);
    let ctx = context(&world);
    let mut committables = Vec::new();
    for attempt in [1, 2, 3] {
        let mut sink = sink(SinkContext { attempt: Attempt::new(attempt), ..ctx.clone() }).await;
        for epoch in [attempt * 2, attempt * 2 + 1] {
            sink.write(rows(0..1)).unwrap();
            committables.extend(sink.prepare(Epoch::new(epoch)).await.unwrap());
        }
    }
    let wanted = &committables[1..2];
    let sweep = || {
        let attempt = Attempt::new(3);
        crate::remove_abandoned("t", &ctx.options, &ctx.uid, wanted, attempt, &world.env)
    };
    assert_eq!(sweep().await.unwrap(), 3);
    assert_eq!(sweep().await.unwrap(), 0);
    let kept = world.stores.all();
    for committable in [&committables[1], &committables[4], &committables[5]] {
        let key = format!("{OUT}/{}", committable.payload["pending"].as_str().unwrap());
        assert!(kept.contains_key(&key), "{key}");
    }
    assert_eq!(kept.len(), 3);
}

#[tokio::test]
async fn output_of_another_job_is_not_replaced() {
    let world = world(1);
    world.stores.put(&format!("{OUT}/{}", name(1)), "other");
    let mut sink = sink(context(&world)).await;
    sink.write(rows(0..1)).unwrap();
    let committables = sink.prepare(Epoch::new(1)).await.unwrap();
    let error = committer(&world).await.commit(&committables[0]).await.unwrap_err().to_string();
    assert!(error.contains("another job has written this file"), "{error}");
    assert_eq!(visible(&world), [(name(1), "other".to_owned())]);
}

#[tokio::test]
async fn output_that_was_deleted_from_outside_is_an_error() {
    let world = world(1);
    let mut sink = sink(context(&world)).await;
    sink.write(rows(0..1)).unwrap();
    let committables = sink.prepare(Epoch::new(1)).await.unwrap();
    world.stores.remove(&format!("{OUT}/{}", committables[0].payload["pending"].as_str().unwrap()));
    let error = committer(&world).await.commit(&committables[0]).await.unwrap_err();
    assert!(error.chain().contains("neither it nor the hidden object"), "{}", error.chain());
}

#[tokio::test]
async fn a_large_epoch_is_uploaded_in_parts_while_it_goes_on() {
    let world = world(1);
    let mut sink = sink(context(&world)).await;
    sink.part_bytes = 100;
    sink.write(rows(0..20)).unwrap();
    sink.write(rows(20..40)).unwrap();
    assert!(!sink.ready(), "two uploads are in flight");
    while !sink.ready() {
        tokio::task::yield_now().await;
    }
    sink.write(rows(40..41)).unwrap();
    let committables = sink.prepare(Epoch::new(1)).await.unwrap();
    assert_eq!(committables.len(), 3);
    let committer = committer(&world).await;
    for committable in &committables {
        committer.commit(committable).await.unwrap();
    }
    let text: String = visible(&world).into_iter().map(|(_, text)| text).collect();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines.len(), 41);
}

#[tokio::test]
async fn rows_are_kept_for_as_long_as_the_store_is_away() {
    let world = world(1);
    let context = context(&world);
    let mut sink = sink(context.clone()).await;
    sink.write(rows(0..1)).unwrap();
    for fault in [Fault::Refused, Fault::ReplyLost, Fault::Refused] {
        world.stores.fail_next("put", fault);
    }
    assert_eq!(sink.prepare(Epoch::new(1)).await.unwrap().len(), 1);
    sink.write(rows(1..2)).unwrap();
    for _ in 0..100 {
        world.stores.fail_next("put", Fault::Refused);
    }
    assert_eq!(sink.prepare(Epoch::new(2)).await.unwrap().len(), 1);
    assert_eq!(context.metrics.trouble(), None, "it is over");
}
