//! One simulation: the job runs, things go wrong, the job ends, the outcome is told.

use std::sync::Arc;
use std::time::Duration;

use sabot_api::{
    ActivateRequest, JobState, RestoreFrom, SavepointMode, SavepointRequest, SavepointView,
};
use sabot_coordinator::machine::{Reply, Request};
use sabot_coordinator::{CoordinatorHandle, Start};
use sabot_core::plan::JobPlan;
use sabot_core::{Random, SeededRandom};
use sabot_types::{KeyGroupCount, OperationId};

use super::check::{OUT, Outcome, written};
use super::env::{Log, SimStores, StoreFaults, clock};
use super::network::Switch;
use super::pod::{Cluster, Pod, SetSpec};

/// How long a job may take once nothing goes wrong any more.
const PATIENCE: Duration = Duration::from_secs(600);

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

/// The simulated job.
pub fn plan() -> Arc<JobPlan> {
    let sql = format!(
        "CREATE TABLE bids (auction BIGINT, price BIGINT, dateTime TIMESTAMP(3), \
           WATERMARK FOR dateTime AS dateTime - INTERVAL '1' SECOND) \
         WITH ('connector' = 'nexmark', 'nexmark.table' = 'bid', 'number-of-rows' = '12000', \
           'rows-per-second' = '2000', 'nexmark.first-event.base-time' = '1700000000000'); \
         CREATE TABLE results (auction BIGINT, start_ms BIGINT, cnt BIGINT, total BIGINT) \
         WITH ('connector' = 'filesystem', 'path' = '{OUT}', 'format' = 'json'); \
         INSERT INTO results SELECT auction, \
           CAST(EXTRACT(EPOCH FROM window_start) AS BIGINT) * 1000, COUNT(*), SUM(price) \
         FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(dateTime), INTERVAL '10' SECOND)) \
         GROUP BY auction, window_start, window_end;"
    );
    let options = sabot_sql::PlanOptions { key_groups: KeyGroupCount::DEFAULT };
    Arc::new(sabot_sql::plan(&sql, &options).expect("the simulated job is valid").plan)
}

/// Runs a scenario to its end. Must be called on a current-thread runtime with paused time.
pub async fn run(scenario: Scenario) -> Outcome {
    let random = Arc::new(SeededRandom::new(scenario.seed));
    let stores = SimStores::new(Arc::clone(&random), scenario.store);
    let cluster = Cluster {
        stores: stores.clone(),
        switch: Switch::new(Arc::clone(&random)),
        random: Arc::clone(&random),
        clock: clock(),
        plan: plan(),
    };
    let mut stage = Stage {
        cluster,
        random,
        log: Log::default(),
        set: first_set(),
        pods: Vec::new(),
        zombies: Vec::new(),
        operations: 0,
    };
    stage.start_set().await;
    for _ in 0..scenario.mishaps {
        let wait = Duration::from_millis(100 + stage.draw(700));
        tokio::time::sleep(wait).await;
        stage.mishap().await;
    }
    stage.stop_mishaps();
    let finished = tokio::time::timeout(PATIENCE, stage.finished()).await.is_ok();
    let mut faults = Vec::new();
    if !finished {
        faults.push(format!("the job did not finish: {:?}", stage.view()));
    }
    // Sweeps and collections may still be on their way.
    tokio::time::sleep(Duration::from_secs(30)).await;
    let (rows, hidden) = written(&stores).await;
    faults.extend(hidden);
    stage.log.add(format_args!("{} rows", rows.len()));
    for pod in stage.pods.iter().chain(&stage.zombies) {
        pod.kill();
    }
    Outcome { log: stage.log.text(), rows, faults }
}

fn first_set() -> SetSpec {
    SetSpec {
        set: 1,
        start: Start::Fresh { restore: None },
        pods: vec![1, 1],
        job_uid: "job".to_string(),
    }
}

struct Stage {
    cluster: Cluster,
    random: Arc<SeededRandom>,
    log: Log,
    set: SetSpec,
    pods: Vec<Pod>,
    /// Frozen or forgotten processes of replaced pods.
    zombies: Vec<Pod>,
    operations: u32,
}

impl Stage {
    fn draw(&self, below: u64) -> u64 {
        self.random.next_u64() % below
    }

    fn coordinator(&self) -> CoordinatorHandle {
        self.pods[0].coordinator.clone().expect("pod 0 has the coordinator")
    }

    fn view(&self) -> Option<sabot_api::JobView> {
        self.coordinator().view()
    }

    async fn start_set(&mut self) {
        self.log.add(format_args!("set {} starts with {:?}", self.set.set, self.set.pods));
        for ordinal in 0..self.set.pods.len() as u32 {
            self.pods.push(self.cluster.start(&self.set, ordinal).await);
        }
    }

    async fn mishap(&mut self) {
        let pod = self.draw(self.pods.len() as u64) as usize;
        match self.draw(10) {
            0..=2 => {
                self.log.add(format_args!("pod {pod} is killed"));
                self.pods[pod].kill();
                tokio::time::sleep(Duration::from_millis(20 + self.draw(500))).await;
                self.pods[pod] = self.cluster.start(&self.set, pod as u32).await;
            }
            3 => {
                self.log.add("all streams are cut");
                self.cluster.switch.cut_all();
            }
            4 => {
                let millis = self.draw(9000);
                self.log.add(format_args!("pod {pod} freezes for {millis} ms"));
                self.pods[pod].freeze();
                tokio::time::sleep(Duration::from_millis(millis)).await;
                self.pods[pod].thaw();
            }
            5 | 6 => {
                self.log.add(format_args!("pod {pod} freezes and is replaced"));
                self.pods[pod].freeze();
                let replacement = self.cluster.start(&self.set, pod as u32).await;
                self.zombies.push(std::mem::replace(&mut self.pods[pod], replacement));
            }
            7 => {
                if let Some(zombie) = self.zombies.pop() {
                    self.log.add("a replaced pod wakes");
                    zombie.thaw();
                    self.zombies.insert(0, zombie);
                }
            }
            _ => self.operation().await,
        }
    }

    fn stop_mishaps(&mut self) {
        self.log.add("nothing goes wrong from now on");
        self.cluster.stores.heal();
        for zombie in &self.zombies {
            zombie.thaw();
        }
    }

    /// A savepoint that parks the job, then a resume or a new set.
    async fn operation(&mut self) {
        self.operations += 1;
        let operation =
            OperationId::new(format!("op-{}", self.operations)).expect("the id is valid");
        let request = SavepointRequest {
            mode: SavepointMode::Quiesce,
            lease_seconds: 20,
            timeout_seconds: 15,
        };
        let coordinator = self.coordinator();
        for _ in 0..40 {
            let ask = coordinator.ask(Request::Savepoint(operation.clone(), request.clone()));
            match tokio::time::timeout(Duration::from_secs(2), ask).await {
                Ok(Some(Reply::Savepoint(SavepointView::Completed { epoch, .. }))) => {
                    self.log.add(format_args!("parked by {operation} at epoch {epoch}"));
                    return self.after_parking(operation).await;
                }
                Ok(Some(Reply::Savepoint(SavepointView::Failed { message }))) => {
                    self.log.add(format_args!("{operation} failed: {message}"));
                    return;
                }
                Ok(Some(Reply::Conflict(message))) => {
                    self.log.add(format_args!("{operation} refused: {message}"));
                    return;
                }
                _ => tokio::time::sleep(Duration::from_millis(500)).await,
            }
        }
    }

    async fn after_parking(&mut self, operation: OperationId) {
        match self.draw(4) {
            0 => {
                let ask = self.coordinator();
                let reply = ask.ask(Request::Resume(operation));
                let reply = tokio::time::timeout(Duration::from_secs(5), reply).await;
                self.log
                    .add(format_args!("resumed: {}", matches!(reply, Ok(Some(Reply::View(_))))));
            }
            // Nobody comes: the lease resumes the job.
            1 => self.log.add("the operation is forgotten"),
            _ => self.next_set(operation).await,
        }
    }

    async fn next_set(&mut self, operation: OperationId) {
        let keep_old = self.draw(2) == 0;
        let old = (self.set.clone(), std::mem::take(&mut self.pods));
        let pods = [vec![2], vec![1, 1], vec![3], vec![1, 2]][self.draw(4) as usize].clone();
        self.set =
            SetSpec { set: old.0.set + 1, start: Start::Standby, pods, job_uid: "job".into() };
        if !keep_old {
            old.1.iter().for_each(Pod::kill);
        }
        self.start_set().await;
        let request = ActivateRequest {
            operation: operation.clone(),
            parked_by: Some(operation),
            restore: RestoreFrom::Latest { allow_empty: true },
        };
        for _ in 0..60 {
            let coordinator = self.coordinator();
            let ask = coordinator.ask(Request::Activate(request.clone()));
            match tokio::time::timeout(Duration::from_secs(2), ask).await {
                Ok(Some(Reply::View(view))) if view.state != JobState::Standby => {
                    self.log.add(format_args!("activated: {:?}", view.state));
                    // The old set may wake up or linger: it must not be able to do anything.
                    self.zombies.extend(old.1);
                    return;
                }
                Ok(Some(Reply::Conflict(message))) if message.contains("not parked by") => {
                    self.log.add(format_args!("activation lost: {message}"));
                    if keep_old {
                        // The old job runs on: the new set goes.
                        self.pods.iter().for_each(Pod::kill);
                        (self.set, self.pods) = old;
                        return;
                    }
                }
                _ => {}
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        self.log.add("activation had no success");
    }

    async fn finished(&self) {
        loop {
            if self.view().is_some_and(|view| view.state == JobState::Finished) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}
