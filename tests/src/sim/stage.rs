//! A simulated job that is played on: the steps out of which scenarios and cases are made.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use sabot_api::{
    ActivateRequest, JobState, JobView, SavepointMode, SavepointRequest, SavepointView,
};
use sabot_coordinator::machine::{Reply, Request};
use sabot_coordinator::{CoordinatorHandle, ExitReason, Start};
use sabot_core::{Random, SeededRandom};
use sabot_types::{ManifestRef, OperationId};
use sabot_worker::PodMetrics;

use super::check::{Outcome, written};
use super::env::{Log, SimStores, StoreFaults, clock};
use super::job::SimJob;
use super::network::Switch;
use super::pod::{Cluster, Pod, SetSpec};

/// How long a job may take once nothing goes wrong any more.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long a request may take before it is asked again.
const REPLY_WITHIN: Duration = Duration::from_secs(2);

/// A job on its cluster.
pub struct Stage {
    /// What happened so far.
    pub log: Log,
    /// The stores of all processes.
    pub stores: SimStores,
    /// The pods of the current set, by ordinal.
    pub pods: Vec<Pod>,
    cluster: Cluster,
    sinks: Vec<String>,
    random: Arc<SeededRandom>,
    set: SetSpec,
    /// Frozen or forgotten processes of replaced pods.
    zombies: Vec<Pod>,
    metrics: Vec<Arc<PodMetrics>>,
}

/// A set that is no longer the current one.
pub struct OldSet {
    spec: SetSpec,
    pods: Vec<Pod>,
}

impl OldSet {
    /// Kills all its pods.
    pub fn kill(&self) {
        self.pods.iter().for_each(Pod::kill);
    }
}

impl Stage {
    /// Starts the job's first set.
    pub async fn new(job: &SimJob, seed: u64, faults: StoreFaults) -> Self {
        let random = Arc::new(SeededRandom::new(seed));
        let stores = SimStores::new(Arc::clone(&random), faults);
        stores.place(&job.files).await;
        let cluster = Cluster {
            stores: stores.clone(),
            switch: Switch::new(Arc::clone(&random)),
            random: Arc::clone(&random),
            clock: clock(),
            plan: Arc::clone(&job.plan),
            max_batch_rows: job.max_batch_rows,
            local_dir: job.local_dir.clone(),
            started: AtomicU64::new(0),
        };
        let mut stage = Self {
            log: Log::default(),
            stores,
            pods: Vec::new(),
            cluster,
            sinks: job.sinks.clone(),
            random,
            set: SetSpec {
                set: 1,
                start: Start::Fresh { restore: None },
                pods: job.pods.clone(),
                job_uid: "job".to_string(),
            },
            zombies: Vec::new(),
            metrics: Vec::new(),
        };
        stage.start_set().await;
        stage
    }

    /// A number below `below`, drawn from the seed.
    pub fn draw(&self, below: u64) -> u64 {
        self.random.next_u64() % below
    }

    /// An operation's id.
    pub fn operation_id(text: &str) -> OperationId {
        OperationId::new(text).expect("the scenario gives a valid id")
    }

    /// The coordinator of the current set.
    pub fn coordinator(&self) -> CoordinatorHandle {
        self.pods[0].coordinator.clone().expect("pod 0 has the coordinator")
    }

    /// The job as the current set's coordinator sees it.
    pub fn view(&self) -> Option<JobView> {
        self.coordinator().view()
    }

    /// Kills a pod's process.
    pub fn kill(&mut self, pod: usize) {
        self.log.add(format_args!("pod {pod} is killed"));
        self.pods[pod].kill();
    }

    /// Starts a pod anew, in a new process.
    pub async fn restart(&mut self, pod: usize) {
        let set = self.set.clone();
        self.pods[pod] = self.start_pod(&set, pod as u32).await;
    }

    /// Starts a pod anew while its old process is still there, unnoticed.
    pub async fn replace(&mut self, pod: usize) {
        self.log.add(format_args!("pod {pod} is replaced"));
        let set = self.set.clone();
        let replacement = self.start_pod(&set, pod as u32).await;
        self.zombies.push(std::mem::replace(&mut self.pods[pod], replacement));
    }

    /// Lets the last replaced pod go on where it was frozen.
    pub fn wake_a_zombie(&mut self) {
        if let Some(zombie) = self.zombies.pop() {
            self.log.add("a replaced pod wakes");
            zombie.thaw();
            self.zombies.insert(0, zombie);
        }
    }

    /// Breaks all streams between processes.
    pub fn cut_all(&mut self) {
        self.log.add("all streams are cut");
        self.cluster.switch.cut_all();
    }

    /// The store refuses every call for a while.
    pub async fn store_away(&mut self, millis: u64) {
        self.log.add(format_args!("the store is away for {millis} ms"));
        self.stores.set_away(true);
        tokio::time::sleep(Duration::from_millis(millis)).await;
        self.stores.set_away(false);
    }

    /// From now on stores work; frozen processes go on.
    pub fn stop_mishaps(&mut self) {
        self.log.add("nothing goes wrong from now on");
        self.stores.heal();
        for pod in &self.zombies {
            pod.thaw();
        }
    }

    /// Starts a late pod 0 of `old`, beside the current set; how its coordinator leaves.
    pub async fn start_late_pod_0(&mut self, old: &OldSet) -> Option<ExitReason> {
        self.start_beside(old.spec.clone()).await
    }

    /// Starts pod 0 of another job on the same prefix; how its coordinator leaves.
    pub async fn start_another_job(&mut self) -> Option<ExitReason> {
        let spec = SetSpec { job_uid: "another-job".to_string(), ..self.set.clone() };
        self.start_beside(spec).await
    }

    async fn start_beside(&mut self, spec: SetSpec) -> Option<ExitReason> {
        self.log.add(format_args!("pod 0 of set {} of {} starts late", spec.set, spec.job_uid));
        let known = self.cluster.switch.coordinator_of(spec.set);
        let pod = self.start_pod(&spec, 0).await;
        let mut handle = pod.coordinator.clone().expect("pod 0 has the coordinator");
        let left = tokio::time::timeout(Duration::from_secs(60), handle.exit()).await;
        if let Some(links) = known {
            self.cluster.switch.coordinator(sabot_types::SetNumber::new(spec.set), links);
        }
        self.zombies.push(pod);
        left.ok().flatten()
    }

    /// Waits until the job runs and has completed `more` further checkpoints.
    pub async fn checkpoints(&self, more: u64) {
        let latest = || self.view().and_then(|view| view.checkpoint).map(|c| c.manifest.epoch());
        let mut seen = latest();
        let mut left = more;
        while left > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            if latest() != seen {
                seen = latest();
                left -= 1;
            }
        }
    }

    /// A savepoint that parks the job; the epoch's manifest.
    pub async fn quiesce(
        &mut self,
        operation: &str,
        lease_seconds: u32,
    ) -> Result<ManifestRef, String> {
        let operation = Self::operation_id(operation);
        let request =
            SavepointRequest { mode: SavepointMode::Quiesce, lease_seconds, timeout_seconds: 15 };
        let coordinator = self.coordinator();
        for _ in 0..40 {
            let ask = coordinator.ask(Request::Savepoint(operation.clone(), request.clone()));
            match tokio::time::timeout(REPLY_WITHIN, ask).await {
                Ok(Some(Reply::Savepoint(SavepointView::Completed { epoch, attempt, .. }))) => {
                    self.log.add(format_args!("parked by {operation} at epoch {epoch}"));
                    return Ok(ManifestRef::Checkpoint { attempt, epoch });
                }
                Ok(Some(
                    Reply::Savepoint(SavepointView::Failed { message }) | Reply::Conflict(message),
                )) => {
                    self.log.add(format_args!("{operation} failed: {message}"));
                    return Err(message);
                }
                _ => tokio::time::sleep(Duration::from_millis(500)).await,
            }
        }
        Err("nobody answered".to_string())
    }

    /// Lets a parked job go on.
    pub async fn resume(&mut self, operation: &str) -> Result<(), String> {
        let coordinator = self.coordinator();
        let ask = coordinator.ask(Request::Resume(Self::operation_id(operation)));
        let reply = tokio::time::timeout(Duration::from_secs(5), ask).await;
        let result = match reply {
            Ok(Some(Reply::View(_))) => Ok(()),
            other => Err(format!("{other:?}")),
        };
        self.log.add(format_args!("resumed: {}", result.is_ok()));
        result
    }

    /// Starts the next set, of pods with these slots, as a standby; the old one stays as it is.
    pub async fn start_standby(&mut self, pods: &[u32]) -> OldSet {
        let old = OldSet { spec: self.set.clone(), pods: std::mem::take(&mut self.pods) };
        self.set = SetSpec {
            set: old.spec.set + 1,
            start: Start::Standby,
            pods: pods.to_vec(),
            job_uid: old.spec.job_uid.clone(),
        };
        self.start_set().await;
        old
    }

    /// The old set is forgotten; it may wake up or linger, and must not be able to do anything.
    pub fn leave_behind(&mut self, old: OldSet) {
        self.zombies.extend(old.pods);
    }

    /// The current set goes, the old one is the job again.
    pub fn go_back_to(&mut self, old: OldSet) {
        self.pods.iter().for_each(Pod::kill);
        self.set = old.spec;
        self.pods = old.pods;
    }

    /// The same, but the current set stays as it is, unnoticed.
    pub fn go_back_to_keeping(&mut self, old: OldSet) {
        self.set = old.spec;
        self.zombies.append(&mut std::mem::replace(&mut self.pods, old.pods));
    }

    /// Tells the current set to take over, until it has or has lost.
    pub async fn activate(&mut self, request: &ActivateRequest) -> Result<(), String> {
        let coordinator = self.coordinator();
        self.activate_by(&coordinator, request).await
    }

    /// Tells the set of `coordinator` to take over, until it has or has lost.
    pub async fn activate_by(
        &mut self,
        coordinator: &CoordinatorHandle,
        request: &ActivateRequest,
    ) -> Result<(), String> {
        for _ in 0..60 {
            let ask = coordinator.ask(Request::Activate(request.clone()));
            match tokio::time::timeout(REPLY_WITHIN, ask).await {
                Ok(Some(Reply::View(view))) if view.state != JobState::Standby => {
                    self.log.add(format_args!("activated: {:?}", view.state));
                    return Ok(());
                }
                Ok(Some(Reply::Conflict(message))) if message.contains("not parked by") => {
                    self.log.add(format_args!("activation lost: {message}"));
                    return Err(message);
                }
                _ => {}
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        self.log.add("activation had no success");
        Err("nobody answered".to_string())
    }

    /// Waits for the end of the job and tells what came of it.
    pub async fn end(mut self) -> Outcome {
        let mut faults = Vec::new();
        if tokio::time::timeout(PATIENCE, self.finished()).await.is_err() {
            faults.push(format!("the job did not finish: {:?}", self.view()));
        }
        // Sweeps and collections may still be on their way.
        tokio::time::sleep(Duration::from_secs(30)).await;
        let mut rows = std::collections::BTreeMap::new();
        for sink in &self.sinks {
            let (visible, hidden) = written(&self.stores, sink).await;
            self.log.add(format_args!("{} rows in {sink}", visible.len()));
            faults.extend(hidden);
            rows.insert(sink.clone(), visible);
        }
        for pod in self.pods.iter().chain(&self.zombies) {
            pod.kill();
        }
        let rows_late = self.metrics.iter().map(|metrics| metrics.status().rows_late).sum();
        Outcome { log: self.log.text(), rows, rows_late, faults }
    }

    async fn finished(&mut self) {
        while self.view().is_none_or(|view| view.state != JobState::Finished) {
            // A replaced process may have taken the job over once more: its successor has left,
            // and is started anew as every container is.
            for pod in 0..self.pods.len() {
                if self.pods[pod].has_left() {
                    self.log.add(format_args!("pod {pod} has left and starts anew"));
                    self.restart(pod).await;
                }
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn start_set(&mut self) {
        let set = self.set.clone();
        self.log.add(format_args!("set {} starts with {:?}", set.set, set.pods));
        for ordinal in 0..set.pods.len() as u32 {
            let pod = self.start_pod(&set, ordinal).await;
            self.pods.push(pod);
        }
    }

    async fn start_pod(&mut self, set: &SetSpec, ordinal: u32) -> Pod {
        let pod = self.cluster.start(set, ordinal).await;
        self.metrics.push(Arc::clone(&pod.metrics));
        pod
    }
}
