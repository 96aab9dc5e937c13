use sabot_types::{Attempt, ClaimOutcome, Epoch, Identity, JobUid, SetNumber};

use super::*;
use crate::store::{Call, Outcome};
use crate::testing::{env, faulty, memory};

fn me() -> Identity {
    Identity { job_uid: JobUid::new("job").unwrap(), set: SetNumber::new(1) }
}

fn first() -> ControlRecord {
    ControlRecord::first(&me(), None)
}

fn claim(record: &ControlRecord) -> ControlRecord {
    match record.claim(&me()) {
        ClaimOutcome::Claim(next) => next,
        other => panic!("{other:?}"),
    }
}

fn publish(loaded: &Loaded, epoch: u64) -> ControlRecord {
    loaded.record.publish(loaded.record.attempt, Epoch::new(epoch)).unwrap()
}

#[tokio::test]
async fn the_record_is_created_once_and_read_back() {
    let store = memory("mem://job");
    let one = ControlStore::new(Arc::clone(&store), &env(1));
    assert_eq!(one.read().await.unwrap(), None);
    let loaded = one.create(first()).await.unwrap();
    assert_eq!(one.read().await.unwrap(), Some(loaded));
    let error = ControlStore::new(store, &env(2)).create(first()).await.unwrap_err();
    assert!(matches!(error, ControlError::Lost { .. }), "{error}");
}

#[tokio::test]
async fn a_lost_reply_to_our_own_write_is_a_success() {
    let store = memory("mem://job");
    let put =
        |outcomes: Vec<Outcome>| ControlStore::new(faulty(&store, Call::Put, outcomes), &env(1));
    let loaded = put(vec![Outcome::LosesReply]).create(first()).await.unwrap();
    // The same writer: its own writes are known by its mark.
    let next = publish(&loaded, 1);
    let updated =
        put(vec![Outcome::LosesReply, Outcome::LosesReply]).update(&loaded, next.clone()).await;
    assert_eq!(updated.unwrap().record, next);
}

#[tokio::test]
async fn a_write_that_did_not_happen_is_tried_again() {
    let store = memory("mem://job");
    let control = ControlStore::new(
        faulty(&store, Call::Put, [Outcome::FailsBefore, Outcome::FailsBefore]),
        &env(1),
    );
    control.create(first()).await.unwrap();
}

#[tokio::test]
async fn a_write_that_lands_late_is_recognised_as_ours() {
    let store = memory("mem://job");
    let control = ControlStore::new(Arc::clone(&store), &env(1));
    let loaded = control.create(first()).await.unwrap();
    let late = vec![Outcome::LandsLate(std::time::Duration::from_millis(1)); 3];
    let control = ControlStore { store: faulty(&store, Call::Put, late), ..control };
    let next = publish(&loaded, 1);
    assert_eq!(control.update(&loaded, next.clone()).await.unwrap().record, next);
}

#[tokio::test]
async fn a_store_that_stays_away_leaves_the_outcome_unknown_and_calling_again_tells() {
    let store = memory("mem://job");
    let control = ControlStore::new(Arc::clone(&store), &env(1));
    let loaded = control.create(first()).await.unwrap();
    let next = publish(&loaded, 1);
    let mut outcomes = vec![Outcome::LosesReply];
    outcomes.extend([Outcome::FailsBefore; 40]);
    // Neither the writes nor the reads get through.
    let reads = faulty(&store, Call::Get, [Outcome::FailsBefore; 40]);
    let away = ControlStore { store: faulty(&reads, Call::Put, outcomes), ..control.clone() };
    let error = away.update(&loaded, next.clone()).await.unwrap_err();
    assert!(matches!(error, ControlError::Indeterminate { .. }), "{error}");
    assert!(error.to_string().contains("mem://job/control.json"), "{error}");
    assert_eq!(control.update(&loaded, next.clone()).await.unwrap().record, next);
}

#[tokio::test]
async fn the_slower_of_two_writers_has_lost_and_learns_to_whom() {
    let store = memory("mem://job");
    let old = ControlStore::new(Arc::clone(&store), &env(1));
    let new = ControlStore::new(Arc::clone(&store), &env(2));
    let loaded = old.create(first()).await.unwrap();
    new.update(&loaded, claim(&loaded.record)).await.unwrap();
    let error = old.update(&loaded, publish(&loaded, 1)).await.unwrap_err();
    let ControlError::Lost { current, .. } = error else { panic!("{error}") };
    assert_eq!(current.attempt, Attempt::new(2));
    assert_eq!(current.latest, None);
}

// Two coordinators of one set that read the same record claim the same attempt with equal
// records. The reply that the slower one gets must not look like its own success.
#[tokio::test]
async fn equal_claims_of_two_processes_have_one_winner() {
    let store = memory("mem://job");
    let one = ControlStore::new(Arc::clone(&store), &env(1));
    let two = ControlStore::new(Arc::clone(&store), &env(2));
    let loaded = one.create(first()).await.unwrap();
    let next = claim(&loaded.record);
    one.update(&loaded, next.clone()).await.unwrap();
    let error = two.update(&loaded, next).await.unwrap_err();
    assert!(matches!(error, ControlError::Lost { .. }), "{error}");
}

#[tokio::test]
async fn a_record_that_is_deleted_under_a_running_job_is_not_created_again() {
    let store = memory("mem://job");
    let control = ControlStore::new(Arc::clone(&store), &env(1));
    let loaded = control.create(first()).await.unwrap();
    store.delete(CONTROL).await.unwrap();
    let error = control.update(&loaded, publish(&loaded, 1)).await.unwrap_err();
    assert!(matches!(error, ControlError::Vanished { .. }), "{error}");
    assert_eq!(control.read().await.unwrap(), None);
}

#[tokio::test]
async fn what_is_no_control_record_is_named_and_left_alone() {
    let store = memory("mem://job");
    store.put(CONTROL, Bytes::from_static(b"{}"), PutCondition::Always).await.unwrap();
    let control = ControlStore::new(Arc::clone(&store), &env(1));
    let error = control.read().await.unwrap_err();
    assert!(matches!(error, ControlError::Corrupt { .. }), "{error}");
    assert!(error.to_string().contains("mem://job/control.json"), "{error}");
    assert!(control.create(first()).await.is_err());
    assert_eq!(store.get(CONTROL).await.unwrap().bytes, "{}");
}
