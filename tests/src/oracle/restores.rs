//! A run in which pods are killed and the job goes on at one other parallelism after another.

use std::time::Duration;

use sabot_api::{ActivateRequest, JobState, RestoreFrom};

use crate::sim::{Outcome, SimJob, Stage, StoreFaults};

/// How often the parallelism changes.
const ROUNDS: u32 = 3;
/// How long checkpoints are waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// The lease of a parked job.
const LEASE_SECONDS: u32 = 20;

/// Pods that a set may have, by their slots.
const SETS: [&[u32]; 5] = [&[1, 1], &[3], &[1, 2, 1], &[1], &[2, 2]];

/// Runs the job to its end; how often it was restored at another parallelism. Kills follow
/// restores, and restores follow kills, with a checkpoint or two in between.
pub async fn run_with_restores(job: &SimJob, seed: u64, faults: StoreFaults) -> (Outcome, u32) {
    let mut stage = Stage::new(job, seed, faults).await;
    let mut set = 0;
    let mut restores = 0;
    for round in 0..ROUNDS {
        if !has_checkpoints(&stage, 1).await {
            break;
        }
        // Any but the current one.
        let next = (set + 1 + stage.draw(SETS.len() as u64 - 1) as usize) % SETS.len();
        if rescale(&mut stage, &format!("rescale-{round}"), SETS[next]).await {
            set = next;
            restores += 1;
        }
        if !has_checkpoints(&stage, 1 + stage.draw(2)).await {
            break;
        }
        let pod = stage.draw(stage.pods.len() as u64) as usize;
        stage.kill(pod);
        tokio::time::sleep(Duration::from_millis(20 + stage.draw(300))).await;
        stage.restart(pod).await;
    }
    stage.stop_mishaps();
    (stage.end().await, restores)
}

/// Waits for more checkpoints; false when the job has ended before.
async fn has_checkpoints(stage: &Stage, more: u64) -> bool {
    tokio::select! {
        biased;
        () = stage.checkpoints(more) => true,
        () = finished(stage) => false,
        () = tokio::time::sleep(PATIENCE) => false,
    }
}

async fn finished(stage: &Stage) {
    while stage.view().is_none_or(|view| view.state != JobState::Finished) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Parks the job and starts it as another set; whether that succeeded.
async fn rescale(stage: &mut Stage, operation: &str, pods: &[u32]) -> bool {
    if stage.quiesce(operation, LEASE_SECONDS).await.is_err() {
        return false;
    }
    let old = stage.start_standby(pods).await;
    let request = ActivateRequest {
        operation: Stage::operation_id(operation),
        parked_by: Some(Stage::operation_id(operation)),
        restore: RestoreFrom::Latest { allow_empty: false },
    };
    if stage.activate(&request).await.is_ok() {
        stage.leave_behind(old);
        return true;
    }
    stage.go_back_to(old);
    false
}
