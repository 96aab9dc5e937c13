//! Whole operations: undisturbed, disturbed, and with a controller that dies.

use k8s_openapi::jiff::Timestamp;
use sabot_crds::spec::DesiredState;
use sabot_crds::{OperationResult, OperationType, StreamJob};

use super::super::*;
use super::small::{Fault, Small, another_program};

#[test]
fn a_job_is_deployed_and_then_nothing_more_is_written() {
    let mut small = Small::new();
    let planned = small.settle();
    assert_eq!(small.log, crate::effects::names(Some(OperationType::Deploy)));
    assert_eq!(small.sets.len(), 1);
    assert!(small.sets[0].fresh);
    small.assert_at_rest(planned);
}

#[test]
fn an_undisturbed_operation_has_the_effects_that_are_listed_for_it() {
    type Change = fn(&mut StreamJob);
    let cases: [(OperationType, Change); 3] = [
        (OperationType::Upgrade, another_program),
        (OperationType::Rescale, |job| job.spec.parallelism = 4),
        (OperationType::Suspend, |job| job.spec.desired_state = DesiredState::Suspended),
    ];
    for (kind, change) in cases {
        let mut small = Small::deployed();
        small.change(change);
        let planned = small.settle();
        let listed: Vec<String> = crate::effects::names(Some(kind))
            .into_iter()
            // This world's sets leave nothing over.
            .filter(|name| name != "remove-leftovers")
            .collect();
        assert_eq!(small.log, listed, "{kind:?}");
        assert_eq!(small.last().0, OperationResult::Succeeded);
        small.assert_at_rest(planned);
    }
}

#[test]
fn an_upgrade_keeps_one_set_and_counts_the_downtime() {
    let mut small = Small::deployed();
    small.change(another_program);
    small.settle();
    assert_eq!(small.sets.len(), 1);
    assert_eq!(small.sets[0].number, 2);
    let status = small.job.status.clone().unwrap();
    assert!(status.last_operations[0].downtime_ms.is_some());
    assert_eq!(status.current.unwrap().revision, small.target().revision);
    assert_eq!(status.savepoint.unwrap().epoch, 7);
}

#[test]
fn a_suspended_job_has_no_set_and_comes_back_as_another() {
    let mut small = Small::deployed();
    small.change(|job| job.spec.desired_state = DesiredState::Suspended);
    small.settle();
    assert!(small.sets.is_empty());
    assert!(small.job.status.as_ref().unwrap().suspended_by.is_some());
    small.change(|job| job.spec.desired_state = DesiredState::Running);
    let planned = small.settle();
    assert_eq!(small.log, crate::effects::names(Some(OperationType::Resume)));
    assert_eq!(small.sets[0].number, 2);
    assert!(small.job.status.as_ref().unwrap().suspended_by.is_none());
    small.assert_at_rest(planned);
}

#[test]
fn a_version_that_does_not_come_up_is_rolled_back_and_not_tried_again() {
    let mut small = Small::deployed();
    small.change(another_program);
    small.fault = Some(Fault::NewImageMissing);
    let planned = small.settle();
    assert_eq!(small.last(), (OperationResult::RolledBack, "ImagePullFailed".to_owned()));
    assert_eq!(small.sets.len(), 1);
    assert_eq!(Some(small.sets[0].revision.clone()), small.good_revision);
    assert_eq!(planned, Plan::Stuck { because: Reason::VersionFailed });
    small.assert_at_rest(planned);
    // Another spec is tried.
    small.fault = None;
    small.change(|job| job.spec.program.sql.inline = Some("INSERT INTO out SELECT 3".to_owned()));
    small.settle();
    assert_eq!(small.last().0, OperationResult::Succeeded);
}

#[test]
fn a_roll_back_goes_to_the_epoch_at_which_the_job_was_parked() {
    let mut small = Small::deployed();
    small.change(another_program);
    small.fault = Some(Fault::NewImageMissing);
    for _ in 0..200 {
        let Plan::Act { effect, .. } = plan(&small.situation()) else {
            small.seconds += 5;
            continue;
        };
        let op = small.job.status.as_ref().unwrap().operation.clone();
        if effect == Effect::Activate
            && let Some(op) = op
        {
            assert_eq!(op.step, OperationStep::RollbackActivate);
            assert_eq!(op.claim, Claim::Takeover);
            assert_eq!(op.parked.unwrap().epoch, 7);
            return;
        }
        small.carry_out(effect);
    }
    panic!("no roll-back");
}

#[test]
fn a_failed_savepoint_leaves_the_old_set_running_and_is_tried_again_later() {
    let mut small = Small::deployed();
    small.change(another_program);
    small.fault = Some(Fault::SavepointFails);
    let planned = small.settle();
    assert_eq!(small.last(), (OperationResult::Blocked, "SavepointFailed".to_owned()));
    assert_eq!(planned, Plan::Stuck { because: Reason::VersionFailed });
    assert_eq!(small.sets[0].number, 1);
    assert_eq!(small.sets[0].api, ApiSeen::Proven);
    small.fault = None;
    small.seconds += 61;
    small.settle();
    assert_eq!(small.last().0, OperationResult::Succeeded);
}

#[test]
fn a_refused_preflight_touches_nothing() {
    let mut small = Small::deployed();
    small.change(another_program);
    small.fault = Some(Fault::PreflightRefuses);
    let planned = small.settle();
    assert_eq!(small.last(), (OperationResult::Blocked, "PreflightRefused".to_owned()));
    assert!(small.log.iter().all(|effect| effect != "request-savepoint" && effect != "remove-set"));
    small.assert_at_rest(planned);
}

#[test]
fn a_dead_job_is_upgraded_only_where_the_policy_says_so() {
    use sabot_crds::spec::OnSavepointFailure;
    for (policy, expected) in [
        (OnSavepointFailure::Abort, OperationResult::Blocked),
        (OnSavepointFailure::UseCheckpoint, OperationResult::Succeeded),
    ] {
        let mut small = Small::deployed();
        small.fault = Some(Fault::CoordinatorDead);
        small.change(|job| {
            another_program(job);
            job.spec.upgrade.on_savepoint_failure = policy;
        });
        small.settle();
        assert_eq!(small.last().0, expected, "{policy:?}");
    }
}

#[test]
fn a_lost_claim_takes_over_from_the_latest_checkpoint() {
    let mut small = Small::deployed();
    small.fault = Some(Fault::ClaimRefusedOnce);
    small.change(another_program);
    small.settle();
    assert_eq!(small.last().0, OperationResult::Succeeded);
}

#[test]
fn a_first_version_that_does_not_come_up_is_replaced_when_the_spec_is_repaired() {
    let mut small = Small::new();
    small.fault = Some(Fault::NewImageMissing);
    let planned = small.settle();
    assert_eq!(planned, Plan::Stuck { because: Reason::ImagePullFailed });
    small.fault = None;
    small.change(another_program);
    // The old version stays bad in this world: only the new one comes up.
    small.sets[0].api = ApiSeen::Failed;
    let planned = small.settle();
    assert!(matches!(planned, Plan::Wait { on: WaitingOn::Nothing, .. }), "{planned:?}");
    assert_eq!(small.sets.len(), 1);
    assert_eq!(small.sets[0].number, 2);
}

#[test]
fn a_deleted_job_is_saved_stopped_cleaned_and_let_go() {
    let mut small = Small::deployed();
    small.change(|job| {
        job.metadata.deletion_timestamp =
            Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(Timestamp::UNIX_EPOCH));
    });
    small.settle();
    assert_eq!(small.log, crate::effects::names(Some(OperationType::Delete)));
    assert!(small.deleted);
    assert!(small.sets.is_empty());
}

#[test]
fn a_job_that_never_came_up_is_stopped_and_cleaned_too_when_it_is_deleted() {
    let mut small = Small::new();
    small.fault = Some(Fault::NewImageMissing);
    small.settle();
    small.change(|job| {
        job.metadata.deletion_timestamp =
            Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(Timestamp::UNIX_EPOCH));
    });
    small.settle();
    assert!(small.deleted);
    assert!(small.sets.is_empty());
    assert!(small.log.contains(&"start-cleanup".to_owned()), "{:?}", small.log);
}

#[test]
fn a_controller_that_dies_after_any_effect_ends_every_operation_right() {
    let changes: [fn(&mut StreamJob); 3] = [
        another_program,
        |job| job.spec.parallelism = 4,
        |job| job.spec.desired_state = DesiredState::Suspended,
    ];
    for change in changes {
        for fatal in 1..40 {
            let mut small = Small::deployed();
            small.change(change);
            let planned = small.settle_dying(&mut |count, _| count == fatal);
            assert_eq!(small.last().0, OperationResult::Succeeded, "effect {fatal}");
            assert!(small.sets.len() <= 1);
            small.assert_at_rest(planned);
        }
    }
}
