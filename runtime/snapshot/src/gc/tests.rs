use std::sync::Arc;

use bytes::Bytes;
use sabot_core::store::PutCondition;
use sabot_types::{ClaimOutcome, Identity, JobUid, SetNumber};

use super::*;
use crate::control::Loaded;
use crate::publish::publish_checkpoint;
use crate::savepoint::create_savepoint;
use crate::testing::{Instantly, checkpoint, env, keys, memory, some_rows};

struct Job {
    store: Arc<dyn ObjectStore>,
    control: ControlStore,
    loaded: Loaded,
}

async fn started() -> Job {
    let store = memory("mem://job");
    let control = ControlStore::new(Arc::clone(&store), &env(1));
    let loaded = control.create(ControlRecord::first(&me(), None)).await.unwrap();
    Job { store, control, loaded }
}

fn me() -> Identity {
    Identity { job_uid: JobUid::new("job").unwrap(), set: SetNumber::new(1) }
}

impl Job {
    async fn publish(&mut self, epoch: u64) -> Manifest {
        let attempt = self.loaded.record.attempt.get();
        let manifest = checkpoint(&self.store, attempt, epoch, some_rows()).await;
        self.loaded = publish_checkpoint(&self.control, &self.loaded, &manifest).await.unwrap();
        manifest
    }

    async fn take_over(&mut self) {
        let ClaimOutcome::Claim(next) = self.loaded.record.claim(&me()) else { panic!() };
        self.loaded = self.control.update(&self.loaded, next).await.unwrap();
    }

    async fn collect(&self, keep_last: usize, pinned: &[ManifestRef]) -> usize {
        let attempt = self.loaded.record.attempt;
        collect(&self.control, attempt, keep_last, pinned).await.unwrap().objects
    }

    async fn has(&self, attempt: u64, epoch: u64) -> bool {
        let (attempt, epoch) = (Attempt::new(attempt), Epoch::new(epoch));
        let keys = keys(&self.store).await;
        let manifest = keys.contains(&layout::checkpoint_manifest(attempt, epoch));
        assert_eq!(manifest, keys.contains(&layout::segment(attempt, epoch, 0, 0)));
        manifest
    }
}

fn named(attempt: u64, epoch: u64) -> ManifestRef {
    ManifestRef::Checkpoint { attempt: Attempt::new(attempt), epoch: Epoch::new(epoch) }
}

#[tokio::test]
async fn the_last_checkpoints_and_pinned_ones_are_kept_the_others_go() {
    let mut job = started().await;
    for epoch in 1..=5 {
        job.publish(epoch).await;
    }
    assert_eq!(job.collect(2, &[named(1, 1)]).await, 4);
    for (epoch, kept) in [(1, true), (2, false), (3, false), (4, true), (5, true)] {
        assert_eq!(job.has(1, epoch).await, kept, "epoch {epoch}");
    }
    assert_eq!(job.collect(2, &[named(1, 1)]).await, 0);
}

#[tokio::test]
async fn the_latest_is_kept_even_when_none_are_asked_for() {
    let mut job = started().await;
    job.publish(1).await;
    job.collect(0, &[]).await;
    assert!(job.has(1, 1).await);
}

#[tokio::test]
async fn a_checkpoint_in_progress_is_not_touched() {
    let mut job = started().await;
    job.publish(1).await;
    checkpoint(&job.store, 1, 2, some_rows()).await;
    checkpoint(&job.store, 2, 1, some_rows()).await;
    assert_eq!(job.collect(1, &[]).await, 0);
}

#[tokio::test]
async fn what_an_aborted_epoch_or_a_fenced_attempt_left_goes() {
    let mut job = started().await;
    job.publish(1).await;
    checkpoint(&job.store, 1, 2, some_rows()).await;
    job.publish(3).await;
    assert_eq!(job.collect(5, &[]).await, 1, "the segment of aborted epoch 2");
    checkpoint(&job.store, 1, 4, some_rows()).await;
    job.take_over().await;
    assert_eq!(job.collect(5, &[]).await, 1, "the segment of fenced attempt 1");
    assert!(job.has(1, 1).await && job.has(1, 3).await);
}

#[tokio::test]
async fn a_fenced_attempt_collects_nothing() {
    let mut job = started().await;
    job.publish(1).await;
    job.publish(2).await;
    job.take_over().await;
    let error = collect(&job.control, Attempt::new(1), 1, &[]).await.unwrap_err();
    assert!(matches!(error, GcError::Fenced { .. }), "{error}");
    assert!(job.has(1, 1).await);
}

#[tokio::test]
async fn savepoints_and_what_is_not_ours_are_never_garbage() {
    let mut job = started().await;
    let manifest = job.publish(1).await;
    let id = sabot_types::OperationId::new("s").unwrap();
    create_savepoint(&job.store, &Instantly, &id, &manifest).await.unwrap();
    for key in ["seg/mine", "chk/readme", "data/x"] {
        job.store.put(key, Bytes::from_static(b"x"), PutCondition::Always).await.unwrap();
    }
    job.publish(2).await;
    let before = keys(&job.store).await.len();
    assert_eq!(job.collect(1, &[]).await, 2);
    let after = keys(&job.store).await;
    assert_eq!(after.len(), before - 2);
    assert!(after.contains(&"savepoints/s/manifest".to_owned()));
}

#[tokio::test]
async fn while_a_kept_manifest_cannot_be_read_nothing_is_deleted() {
    let mut job = started().await;
    for epoch in 1..=3 {
        job.publish(epoch).await;
    }
    let key = layout::checkpoint_manifest(Attempt::new(1), Epoch::new(2));
    job.store.put(&key, Bytes::from_static(b"damage"), PutCondition::Always).await.unwrap();
    let before = keys(&job.store).await;
    let error = collect(&job.control, Attempt::new(1), 2, &[]).await.unwrap_err();
    assert!(matches!(error, GcError::Manifest(_)), "{error}");
    assert_eq!(keys(&job.store).await, before);
}
