use std::sync::Arc;

use bytes::Bytes;
use sabot_core::store::PutCondition;
use sabot_types::{ControlRecord, Identity, OperationId, SetNumber};

use super::*;
use crate::control::ControlStore;
use crate::publish::publish_checkpoint;
use crate::savepoint::create_savepoint;
use crate::store::{Call, LocalStore, Outcome};
use crate::testing::{Instantly, checkpoint, env, faulty, keys, memory, some_rows};

fn uid(text: &str) -> JobUid {
    JobUid::new(text).unwrap()
}

async fn job_with_savepoint() -> Arc<dyn ObjectStore> {
    let store = memory("mem://job");
    let control = ControlStore::new(Arc::clone(&store), &env(1));
    let me = Identity { job_uid: uid("job"), set: SetNumber::new(1) };
    let loaded = control.create(ControlRecord::first(&me, None)).await.unwrap();
    let manifest = checkpoint(&store, 1, 1, some_rows()).await;
    publish_checkpoint(&control, &loaded, &manifest).await.unwrap();
    let id = OperationId::new("s").unwrap();
    create_savepoint(&store, &Instantly, &id, &manifest).await.unwrap();
    store.put("users/file", Bytes::from_static(b"x"), PutCondition::Always).await.unwrap();
    store
}

#[tokio::test]
async fn all_of_the_job_goes_and_nothing_else() {
    let store = job_with_savepoint().await;
    let done = delete_job(store.as_ref(), &uid("job"), Savepoints::Delete).await.unwrap();
    assert_eq!(done.objects, 5);
    assert_eq!(keys(&store).await, ["users/file"]);
    let again = delete_job(store.as_ref(), &uid("job"), Savepoints::Delete).await.unwrap();
    assert_eq!(again, CleanedUp::default());
}

#[tokio::test]
async fn savepoints_stay_when_asked_to() {
    let store = job_with_savepoint().await;
    delete_job(store.as_ref(), &uid("job"), Savepoints::Keep).await.unwrap();
    assert_eq!(keys(&store).await.len(), 3);
    assert!(keys(&store).await.contains(&"savepoints/s/manifest".to_owned()));
}

#[tokio::test]
async fn another_jobs_objects_are_not_touched() {
    let store = job_with_savepoint().await;
    let before = keys(&store).await;
    let error = delete_job(store.as_ref(), &uid("other"), Savepoints::Delete).await.unwrap_err();
    assert!(matches!(error, CleanupError::ForeignJob { .. }), "{error}");
    assert!(error.to_string().contains("mem://job"), "{error}");
    store.delete(layout::CONTROL).await.unwrap();
    let error = delete_job(store.as_ref(), &uid("job"), Savepoints::Delete).await.unwrap_err();
    assert!(matches!(error, CleanupError::Ownerless { .. }), "{error}");
    assert_eq!(keys(&store).await.len(), before.len() - 1);
}

#[tokio::test]
async fn a_clean_up_that_was_cut_off_goes_on() {
    let store = job_with_savepoint().await;
    let failing =
        faulty(&store, Call::Delete, [Outcome::Works, Outcome::LosesReply, Outcome::FailsBefore]);
    for _ in 0..2 {
        assert!(delete_job(failing.as_ref(), &uid("job"), Savepoints::Delete).await.is_err());
    }
    delete_job(failing.as_ref(), &uid("job"), Savepoints::Delete).await.unwrap();
    assert_eq!(keys(&store).await, ["users/file"]);
}

#[tokio::test]
async fn where_nothing_was_written_nothing_is_to_be_done() {
    let directory = tempfile::tempdir().unwrap();
    let store = LocalStore::new(directory.path().join("none")).unwrap();
    let done = delete_job(&store, &uid("job"), Savepoints::Delete).await.unwrap();
    assert_eq!(done, CleanedUp::default());
}
