use std::sync::Arc;

use sabot_core::store::{ObjectStore, PutCondition};
use sabot_types::{ClaimOutcome, ControlRecord, Identity, JobUid, ManifestRef, SetNumber};

use super::*;
use crate::store::{Call, Outcome};
use crate::testing::{checkpoint, env, faulty, memory, some_rows};

async fn started(store: &Arc<dyn ObjectStore>, seed: u64) -> (ControlStore, Loaded) {
    let me = Identity { job_uid: JobUid::new("job").unwrap(), set: SetNumber::new(1) };
    let control = ControlStore::new(Arc::clone(store), &env(seed));
    let loaded = match control.read().await.unwrap() {
        None => control.create(ControlRecord::first(&me, None)).await.unwrap(),
        Some(loaded) => match loaded.record.claim(&me) {
            ClaimOutcome::Claim(next) => control.update(&loaded, next).await.unwrap(),
            other => panic!("{other:?}"),
        },
    };
    (control, loaded)
}

#[tokio::test]
async fn a_published_checkpoint_is_the_latest() {
    let store = memory("mem://job");
    let (control, loaded) = started(&store, 1).await;
    let manifest = checkpoint(&store, 1, 1, some_rows()).await;
    let loaded = publish_checkpoint(&control, &loaded, &manifest).await.unwrap();
    let expected = ManifestRef::Checkpoint { attempt: manifest.attempt, epoch: manifest.epoch };
    assert_eq!(loaded.record.latest, Some(expected));
    assert_eq!(control.read().await.unwrap(), Some(loaded));
}

#[tokio::test]
async fn lost_replies_of_manifest_and_record_do_no_harm() {
    let store = memory("mem://job");
    let (_, loaded) = started(&store, 1).await;
    let manifest = checkpoint(&store, 1, 1, some_rows()).await;
    let lossy = faulty(&store, Call::Put, [Outcome::LosesReply; 2]);
    let control = ControlStore::new(lossy, &env(1));
    let loaded = publish_checkpoint(&control, &loaded, &manifest).await.unwrap();
    assert_eq!(loaded.record.epoch_high, Epoch::new(1));
}

#[tokio::test]
async fn publishing_again_after_a_failure_is_safe() {
    let store = memory("mem://job");
    let (control, loaded) = started(&store, 1).await;
    let manifest = checkpoint(&store, 1, 1, some_rows()).await;
    let once = publish_checkpoint(&control, &loaded, &manifest).await.unwrap();
    let again = publish_checkpoint(&control, &loaded, &manifest).await.unwrap();
    assert_eq!(once, again);
}

#[tokio::test]
async fn a_paused_writer_of_a_replaced_attempt_cannot_publish() {
    let store = memory("mem://job");
    let (old, old_loaded) = started(&store, 1).await;
    let manifest = checkpoint(&store, 1, 1, some_rows()).await;
    // Attempt 1 pauses here; attempt 2 takes over and publishes.
    let (new, new_loaded) = started(&store, 2).await;
    let theirs = checkpoint(&store, 2, 1, some_rows()).await;
    let now = publish_checkpoint(&new, &new_loaded, &theirs).await.unwrap();
    let error = publish_checkpoint(&old, &old_loaded, &manifest).await.unwrap_err();
    assert!(
        matches!(error, PublishError::Control { source: ControlError::Lost { .. }, .. }),
        "{error}"
    );
    assert_eq!(new.read().await.unwrap(), Some(now));
    // Also when it has read the record again.
    let reread = old.read().await.unwrap().unwrap();
    let error = publish_checkpoint(&old, &reread, &manifest).await.unwrap_err();
    assert!(matches!(error, PublishError::Fenced { .. }), "{error}");
}

#[tokio::test]
async fn a_manifest_is_never_replaced() {
    let store = memory("mem://job");
    let (control, loaded) = started(&store, 1).await;
    let manifest = checkpoint(&store, 1, 1, some_rows()).await;
    let key = layout::checkpoint_manifest(manifest.attempt, manifest.epoch);
    store.put(&key, Bytes::from_static(b"other"), PutCondition::Always).await.unwrap();
    let error = publish_checkpoint(&control, &loaded, &manifest).await.unwrap_err();
    assert!(matches!(error, PublishError::Conflict { .. }), "{error}");
    assert!(error.to_string().contains(&format!("mem://job/{key}")), "{error}");
    assert_eq!(control.read().await.unwrap(), Some(loaded));
}
