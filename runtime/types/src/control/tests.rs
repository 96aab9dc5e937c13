use super::*;

fn me(set: u64) -> Identity {
    Identity { job_uid: JobUid::new("job").unwrap(), set: SetNumber::new(set) }
}

fn op(name: &str) -> OperationId {
    OperationId::new(name).unwrap()
}

fn running(set: u64) -> ControlRecord {
    ControlRecord::first(&me(set), None)
}

#[test]
fn a_restart_of_the_same_set_takes_the_next_attempt() {
    let ClaimOutcome::Claim(next) = running(1).claim(&me(1)) else { panic!("no claim") };
    assert_eq!((next.attempt, next.seq), (Attempt::new(2), 2));
}

#[test]
fn a_fenced_attempt_cannot_publish_park_or_finish() {
    let ClaimOutcome::Claim(next) = running(1).claim(&me(1)) else { panic!("no claim") };
    let old = Attempt::new(1);
    assert!(next.publish(old, Epoch::new(7)).is_err());
    assert!(next.park(old, op("a"), 0).is_err());
    assert!(next.finish(old).is_err());
    assert!(next.publish(Attempt::new(2), Epoch::new(7)).is_ok());
}

#[test]
fn a_late_pod_of_an_old_set_is_superseded() {
    let new = running(1).activate(&me(2), None, None).unwrap();
    assert_eq!(new.claim(&me(1)), ClaimOutcome::Superseded(SetNumber::new(2)));
    assert_eq!(
        new.activate(&me(1), None, None),
        Err(ActivateRefused::Superseded(SetNumber::new(2)))
    );
}

#[test]
fn resume_and_activation_exclude_each_other() {
    let parked = running(1).park(Attempt::new(1), op("up"), 0).unwrap();
    let resumed = parked.resume(Attempt::new(1), &op("up")).unwrap();
    assert!(resumed.activate(&me(2), Some(&op("up")), None).is_err());
    let activated = parked.activate(&me(2), Some(&op("up")), None).unwrap();
    assert!(activated.resume(Attempt::new(1), &op("up")).is_err());
}

#[test]
fn a_stale_standby_cannot_claim_a_job_that_was_parked_again() {
    let parked = running(1).park(Attempt::new(1), op("first"), 0).unwrap();
    let again = parked
        .resume(Attempt::new(1), &op("first"))
        .and_then(|r| r.park(Attempt::new(1), op("second"), 0))
        .unwrap();
    assert!(again.activate(&me(2), Some(&op("first")), None).is_err());
    assert!(again.activate(&me(3), Some(&op("second")), None).is_ok());
}

#[test]
fn a_rollback_goes_back_to_an_epoch_and_never_reuses_one() {
    let published = running(1).publish(Attempt::new(1), Epoch::new(5)).unwrap();
    let new = published.activate(&me(2), None, None).unwrap();
    let ahead = new.publish(new.attempt, Epoch::new(9)).unwrap();
    let back = ahead.activate(&me(3), None, published.latest.clone()).unwrap();
    assert_eq!(back.latest, published.latest);
    assert_eq!(back.epoch_high, Epoch::new(9));
}

#[test]
fn another_jobs_prefix_is_refused() {
    let other = Identity { job_uid: JobUid::new("other").unwrap(), set: SetNumber::new(9) };
    assert!(matches!(running(1).claim(&other), ClaimOutcome::ForeignJob(_)));
    assert!(matches!(running(1).activate(&other, None, None), Err(ActivateRefused::ForeignJob(_))));
}

#[test]
fn a_finished_job_runs_nothing() {
    let done = running(1).finish(Attempt::new(1)).unwrap();
    assert_eq!(done.claim(&me(1)), ClaimOutcome::Finished);
    assert_eq!(done.activate(&me(2), None, None), Err(ActivateRefused::Finished));
}

#[test]
fn every_write_grows_the_sequence_number() {
    let a = running(1);
    let b = a.publish(Attempt::new(1), Epoch::new(1)).unwrap();
    let c = b.park(Attempt::new(1), op("x"), 0).unwrap();
    assert!(a.seq < b.seq && b.seq < c.seq);
}

#[test]
fn the_record_survives_json() {
    let record = running(3).publish(Attempt::new(1), Epoch::new(2)).unwrap();
    let text = serde_json::to_string(&record).unwrap();
    assert_eq!(serde_json::from_str::<ControlRecord>(&text).unwrap(), record);
}
