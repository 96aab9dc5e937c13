use sabot_core::Stores;
use sabot_core::store::PutCondition;
use sabot_types::{ControlRecord, Identity, SetNumber};

use super::*;
use crate::control::ControlStore;
use crate::restore::{load_savepoint, read_rows};
use crate::store::{Call, MemoryStores, Outcome};
use crate::testing::{Instantly, checkpoint, committable, env, faulty, keys, memory, some_rows};

fn id(text: &str) -> OperationId {
    OperationId::new(text).unwrap()
}

async fn delete_checkpoints(store: &Arc<dyn ObjectStore>) {
    for key in keys(store).await {
        if !key.starts_with(layout::SAVEPOINTS) {
            store.delete(&key).await.unwrap();
        }
    }
}

async fn rows_of(stores: &MemoryStores, location: &str) -> usize {
    let loaded = load_savepoint(stores, location).await.unwrap();
    let mut rows = 0;
    let range = loaded.manifest.key_groups.full_range();
    read_rows(&loaded.root, &loaded.manifest, range, |_, batch| {
        rows += batch.groups.len();
        Ok(())
    })
    .await
    .unwrap();
    rows
}

#[tokio::test]
async fn a_savepoint_outlives_the_checkpoints_that_it_was_made_of() {
    let stores = MemoryStores::default();
    let store = stores.open("mem://bucket/job").await.unwrap();
    let manifest = checkpoint(&store, 1, 4, some_rows()).await;
    let info = create_savepoint(&store, &Instantly, &id("s1"), &manifest).await.unwrap();
    assert_eq!(info.location, "mem://bucket/job/savepoints/s1");
    assert_eq!((info.epoch, info.size_bytes), (manifest.epoch, manifest.size_bytes()));
    delete_checkpoints(&store).await;
    assert_eq!(rows_of(&stores, &info.location).await, some_rows().len());
    let loaded = load_savepoint(&stores, &info.location).await.unwrap();
    assert_eq!(loaded.manifest.kind, ManifestKind::Savepoint);
    assert_eq!(list_savepoints(&store).await.unwrap(), [info]);
}

#[tokio::test]
async fn asking_again_gives_the_same_savepoint_also_at_a_later_epoch() {
    let store = memory("mem://job");
    let manifest = checkpoint(&store, 1, 4, some_rows()).await;
    let info = create_savepoint(&store, &Instantly, &id("s1"), &manifest).await.unwrap();
    let later = checkpoint(&store, 1, 5, Vec::new()).await;
    assert_eq!(create_savepoint(&store, &Instantly, &id("s1"), &later).await.unwrap(), info);
}

#[tokio::test]
async fn what_an_interrupted_try_left_behind_is_removed() {
    let store = memory("mem://job");
    let left = "savepoints/s1/seg/left-behind";
    store.put(left, Bytes::from_static(b"x"), PutCondition::Always).await.unwrap();
    let manifest = checkpoint(&store, 1, 4, some_rows()).await;
    create_savepoint(&store, &Instantly, &id("s1"), &manifest).await.unwrap();
    assert!(!keys(&store).await.contains(&left.to_owned()));
}

#[tokio::test]
async fn lost_replies_while_copying_do_no_harm() {
    let store = memory("mem://job");
    let manifest = checkpoint(&store, 1, 4, some_rows()).await;
    let lossy = faulty(&store, Call::Copy, [Outcome::FailsBefore, Outcome::LosesReply]);
    let lossy = faulty(&lossy, Call::Put, [Outcome::LosesReply]);
    create_savepoint(&lossy, &Instantly, &id("s1"), &manifest).await.unwrap();
}

#[tokio::test]
async fn without_a_segment_there_is_no_savepoint() {
    let store = memory("mem://job");
    let manifest = checkpoint(&store, 1, 4, some_rows()).await;
    store.delete(&manifest.segments[0].key).await.unwrap();
    let error = create_savepoint(&store, &Instantly, &id("s1"), &manifest).await.unwrap_err();
    assert!(error.to_string().contains(&manifest.segments[0].key), "{error}");
    assert_eq!(list_savepoints(&store).await.unwrap(), []);
}

#[tokio::test]
async fn unconfirmed_output_keeps_a_savepoint_waiting() {
    let store = memory("mem://job");
    let mut manifest = checkpoint(&store, 1, 4, some_rows()).await;
    manifest.committables.push(committable(4));
    let error = create_savepoint(&store, &Instantly, &id("s1"), &manifest).await.unwrap_err();
    assert!(matches!(error, SavepointError::Uncommitted { count: 1, .. }), "{error}");
}

#[tokio::test]
async fn another_jobs_savepoint_is_copied_from_its_store_but_its_id_is_not_taken_over() {
    let stores = MemoryStores::default();
    let theirs = stores.open("mem://bucket/theirs").await.unwrap();
    let ours = stores.open("mem://bucket/ours").await.unwrap();
    let manifest = checkpoint(&theirs, 1, 4, some_rows()).await;
    let info = create_savepoint(&theirs, &Instantly, &id("s1"), &manifest).await.unwrap();
    let source = load_savepoint(&stores, &info.location).await.unwrap();
    let copied = copy_savepoint(&source, &ours, &Instantly, &id("s2")).await.unwrap();
    delete_savepoint(&theirs, &id("s1")).await.unwrap();
    assert_eq!(rows_of(&stores, &copied.location).await, some_rows().len());
    let mut foreign = manifest;
    foreign.job_uid = JobUid::new("other").unwrap();
    let error = create_savepoint(&ours, &Instantly, &id("s2"), &foreign).await.unwrap_err();
    assert!(matches!(error, SavepointError::Taken { .. }), "{error}");
}

#[tokio::test]
async fn a_savepoint_that_the_job_would_restore_is_not_deleted() {
    let store = memory("mem://job");
    let manifest = checkpoint(&store, 1, 4, some_rows()).await;
    let info = create_savepoint(&store, &Instantly, &id("s1"), &manifest).await.unwrap();
    let me = Identity { job_uid: manifest.job_uid.clone(), set: SetNumber::new(1) };
    let control = ControlStore::new(Arc::clone(&store), &env(1));
    let record = ControlRecord::first(&me, Some(info.reference()));
    control.create(record).await.unwrap();
    let error = delete_savepoint(&store, &id("s1")).await.unwrap_err();
    assert!(matches!(error, SavepointError::InUse { .. }), "{error}");
    let other = create_savepoint(&store, &Instantly, &id("s2"), &manifest).await.unwrap();
    for _ in 0..2 {
        delete_savepoint(&store, &id("s2")).await.unwrap();
    }
    assert!(!list_savepoints(&store).await.unwrap().contains(&other));
}
