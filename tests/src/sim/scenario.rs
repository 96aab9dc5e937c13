//! One simulation of random mishaps: the job runs, things go wrong, the job ends, the outcome is
//! told.

use std::time::Duration;

use sabot_api::{ActivateRequest, RestoreFrom};

use super::check::Outcome;
use super::env::StoreFaults;
use super::job::SimJob;
use super::stage::Stage;

/// The lease of a parked job.
const LEASE_SECONDS: u32 = 20;

/// What is simulated.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// Everything is drawn from it.
    pub seed: u64,
    /// How many things go wrong.
    pub mishaps: u32,
    /// What the store does.
    pub store: StoreFaults,
}

/// Runs a scenario to its end. Must be called on a current-thread runtime with paused time.
pub async fn run(job: &SimJob, scenario: Scenario) -> Outcome {
    let mut stage = Stage::new(job, scenario.seed, scenario.store).await;
    let mut operations = 0;
    for _ in 0..scenario.mishaps {
        let wait = Duration::from_millis(100 + stage.draw(700));
        tokio::time::sleep(wait).await;
        mishap(&mut stage, &mut operations).await;
    }
    stage.stop_mishaps();
    stage.end().await
}

async fn mishap(stage: &mut Stage, operations: &mut u32) {
    let pod = stage.draw(stage.pods.len() as u64) as usize;
    match stage.draw(11) {
        0..=2 => {
            stage.kill(pod);
            tokio::time::sleep(Duration::from_millis(20 + stage.draw(500))).await;
            stage.restart(pod).await;
        }
        3 => stage.cut_all(),
        4 => {
            let millis = stage.draw(9000);
            stage.log.add(format_args!("pod {pod} freezes for {millis} ms"));
            stage.pods[pod].freeze();
            tokio::time::sleep(Duration::from_millis(millis)).await;
            stage.pods[pod].thaw();
        }
        5 | 6 => {
            stage.pods[pod].freeze();
            stage.replace(pod).await;
        }
        7 => stage.wake_a_zombie(),
        8 => {
            // At most longer than a checkpoint may take.
            let millis = stage.draw(15_000);
            stage.store_away(millis).await;
        }
        _ => {
            *operations += 1;
            operation(stage, &format!("op-{operations}")).await;
        }
    }
}

/// A savepoint that parks the job, then a resume, nothing at all, or a new set.
async fn operation(stage: &mut Stage, operation: &str) {
    if stage.quiesce(operation, LEASE_SECONDS).await.is_err() {
        return;
    }
    match stage.draw(4) {
        // Whether it succeeds or not, the lease resumes the job in the end.
        0 => drop(stage.resume(operation).await),
        1 => stage.log.add("the operation is forgotten"),
        _ => next_set(stage, operation).await,
    }
}

async fn next_set(stage: &mut Stage, operation: &str) {
    let keep_old = stage.draw(2) == 0;
    let pods = [vec![2], vec![1, 1], vec![3], vec![1, 2]][stage.draw(4) as usize].clone();
    let old = stage.start_standby(&pods).await;
    if !keep_old {
        old.kill();
    }
    let request = ActivateRequest {
        operation: Stage::operation_id(operation),
        parked_by: Some(Stage::operation_id(operation)),
        restore: RestoreFrom::Latest { allow_empty: true },
    };
    match stage.activate(&request).await {
        Ok(()) => stage.leave_behind(old),
        // The old job runs on: the new set goes.
        Err(_) if keep_old => stage.go_back_to(old),
        Err(_) => {}
    }
}
