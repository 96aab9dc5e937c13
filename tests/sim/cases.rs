//! Faults that random mishaps meet too seldom, each on its own.

use std::time::Duration;

use sabot_api::{ActivateRequest, JobState, RestoreFrom};
use sabot_coordinator::ExitReason;
use sabot_tests::sim::{Outcome, SimJob, Stage, StoreFaults, Trap};

use super::{reference, rows, runtime, wrong};

const SOUND: StoreFaults = StoreFaults { per_mille: 0, conditional: true };
const UNFENCED: StoreFaults = StoreFaults { per_mille: 0, conditional: false };

/// Plays on a fresh job.
fn play(faults: StoreFaults, act: impl AsyncFnOnce(Stage) -> Outcome) -> Outcome {
    runtime().block_on(async { act(Stage::new(&SimJob::counts(), 7, faults).await).await })
}

async fn trapped(stage: &Stage) {
    while stage.stores.trap_is_set() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn take_over(operation: &str, parked_by: Option<&str>, restore: RestoreFrom) -> ActivateRequest {
    ActivateRequest {
        operation: Stage::operation_id(operation),
        parked_by: parked_by.map(Stage::operation_id),
        restore,
    }
}

const LATEST: RestoreFrom = RestoreFrom::Latest { allow_empty: false };

/// Pod 0 stops between its manifest and the write that makes it the latest; another takes over
/// and works; then the first goes on, and the next attempt restores what is the latest now.
async fn paused_after_its_manifest(mut stage: Stage) -> Outcome {
    stage.checkpoints(2).await;
    stage.stores.set_trap(Trap::Freeze);
    trapped(&stage).await;
    stage.replace(0).await;
    stage.checkpoints(3).await;
    stage.wake_a_zombie();
    tokio::time::sleep(Duration::from_millis(20)).await;
    stage.kill(0);
    stage.restart(0).await;
    stage.end().await
}

#[test]
fn an_attempt_that_wakes_after_it_was_replaced_publishes_nothing() {
    let outcome = play(SOUND, paused_after_its_manifest);
    assert_eq!(wrong(&outcome), None, "{}", outcome.log);
}

#[test]
fn without_the_fence_the_waking_attempt_breaks_the_job() {
    let outcome = play(UNFENCED, paused_after_its_manifest);
    assert!(wrong(&outcome).is_some(), "nothing went wrong without a fence:\n{}", outcome.log);
}

#[test]
fn after_a_rollback_the_state_is_exact_and_only_probations_output_repeats() {
    let outcome = play(SOUND, async |mut stage| {
        stage.checkpoints(2).await;
        let quiesced = stage.quiesce("upgrade", 60).await.expect("the job parks");
        let old = stage.start_standby(&[2]).await;
        old.kill();
        let upgrade = take_over("upgrade", Some("upgrade"), LATEST);
        stage.activate(&upgrade).await.expect("the new set takes over");
        // Probation: output is committed that the rollback forgets.
        stage.checkpoints(4).await;
        let failed = stage.start_standby(&[1, 2]).await;
        let back = take_over("rollback", None, RestoreFrom::Checkpoint { manifest: quiesced });
        stage.activate(&back).await.expect("the stable revision takes over");
        stage.leave_behind(failed);
        stage.end().await
    });
    assert_eq!(outcome.faults, Vec::<String>::new(), "{}", outcome.log);
    let mut distinct = rows(&outcome);
    distinct.dedup();
    assert_eq!(distinct, reference(), "{}", outcome.log);
}

#[test]
fn a_stale_standby_cannot_claim_what_was_resumed_and_parked_again() {
    let outcome = play(SOUND, async |mut stage| {
        stage.checkpoints(1).await;
        stage.quiesce("first", 60).await.expect("the job parks");
        // The standby reads the record as the first operation left it.
        let old = stage.start_standby(&[2]).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let standby = stage.coordinator();
        stage.go_back_to_keeping(old);
        stage.resume("first").await.expect("the job resumes");
        stage.checkpoints(1).await;
        stage.quiesce("second", 60).await.expect("the job parks again");
        let stale = take_over("first", Some("first"), LATEST);
        let lost = stage.activate_by(&standby, &stale).await;
        assert!(lost.is_err(), "the stale standby took over: {lost:?}");
        stage.resume("second").await.expect("the job resumes again");
        stage.end().await
    });
    assert_eq!(wrong(&outcome), None, "{}", outcome.log);
}

#[test]
fn a_late_pod_0_of_an_old_set_leaves_at_once() {
    let outcome = play(SOUND, async |mut stage| {
        stage.checkpoints(2).await;
        stage.quiesce("upgrade", 60).await.expect("the job parks");
        let old = stage.start_standby(&[1, 1, 1]).await;
        let upgrade = take_over("upgrade", Some("upgrade"), LATEST);
        stage.activate(&upgrade).await.expect("the new set takes over");
        let left = stage.start_late_pod_0(&old).await;
        assert_eq!(left, Some(ExitReason::Superseded));
        stage.leave_behind(old);
        stage.end().await
    });
    assert_eq!(wrong(&outcome), None, "{}", outcome.log);
}

#[test]
fn another_job_on_the_prefix_is_refused_with_the_remedy_and_harms_nothing() {
    let outcome = play(SOUND, async |mut stage| {
        stage.checkpoints(2).await;
        match stage.start_another_job().await {
            Some(ExitReason::Failed(message)) => {
                for part in ["s3://state/job belongs to job job", "another prefix", "restore.from"]
                {
                    assert!(message.contains(part), "{part:?} is missing in {message:?}");
                }
            }
            other => panic!("the other job left with {other:?}"),
        }
        stage.end().await
    });
    assert_eq!(wrong(&outcome), None, "{}", outcome.log);
}

#[test]
fn our_own_write_whose_reply_was_lost_is_a_success() {
    for trap in [Trap::LoseReply, Trap::LandLate(Duration::from_millis(400))] {
        let outcome = play(SOUND, async |mut stage| {
            stage.checkpoints(1).await;
            for _ in 0..2 {
                stage.stores.set_trap(trap);
                trapped(&stage).await;
                stage.checkpoints(1).await;
            }
            // Parking writes the same object.
            stage.stores.set_trap(trap);
            stage.quiesce("op", 60).await.expect("the job parks");
            stage.stores.set_trap(trap);
            stage.resume("op").await.expect("the job resumes");
            let view = stage.view().expect("the coordinator is there");
            assert_ne!(view.state, JobState::Standby);
            assert_eq!(view.restarts, 0, "a lost reply restarted the job: {:?}", view.last_failure);
            stage.end().await
        });
        assert_eq!(wrong(&outcome), None, "{trap:?}:\n{}", outcome.log);
    }
}

#[test]
fn a_store_that_is_away_for_longer_than_a_checkpoint_may_take_loses_no_output() {
    for seconds in [4, 9, 25] {
        let outcome = play(SOUND, async |mut stage| {
            stage.checkpoints(1).await;
            stage.store_away(seconds * 1000).await;
            let view = stage.view().expect("the coordinator is there");
            assert_eq!(view.restarts, 0, "the outage restarted the job: {:?}", view.last_failure);
            stage.end().await
        });
        assert_eq!(wrong(&outcome), None, "away for {seconds} s:\n{}", outcome.log);
    }
}
