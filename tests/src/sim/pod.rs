//! Simulated pods: real coordinators and workers in a simulated world.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sabot_connectors::{commit, sweep};
use sabot_coordinator::driver::CoordinatorConfig;
use sabot_coordinator::{Coordinator, CoordinatorHandle, ExitReason, MachineConfig, Start};
use sabot_core::SeededRandom;
use sabot_core::plan::JobPlan;
use sabot_net::Exchange;
use sabot_types::{Identity, JobUid, SetNumber};
use sabot_worker::{PodMetrics, StateBackendConfig, Worker, WorkerConfig};
use tokio::sync::mpsc;

use super::env::{Process, SimClock, SimStores, process_env};
use super::network::{SimNetwork, Switch};

/// The job's root in the simulated store.
pub(crate) const ROOT: &str = "s3://state/job";

/// A set to be started.
#[derive(Debug, Clone)]
pub struct SetSpec {
    /// Its number.
    pub set: u64,
    /// Whether it may create the job.
    pub start: Start,
    /// The slots of its pods.
    pub pods: Vec<u32>,
    /// The job that it is.
    pub job_uid: String,
}

/// What all pods of a simulation share.
pub(crate) struct Cluster {
    pub(crate) stores: SimStores,
    pub(crate) switch: Switch,
    pub(crate) random: Arc<SeededRandom>,
    pub(crate) clock: Arc<SimClock>,
    pub(crate) plan: Arc<JobPlan>,
    pub(crate) max_batch_rows: usize,
    /// Where RocksDB keeps its files; none: state is in memory.
    pub(crate) local_dir: Option<PathBuf>,
    /// Processes that were started.
    pub(crate) started: AtomicU64,
}

/// A running pod.
pub struct Pod {
    /// Its coordinator, in pod 0.
    pub coordinator: Option<CoordinatorHandle>,
    /// Its counters.
    pub metrics: Arc<PodMetrics>,
    process: Arc<Process>,
}

impl Pod {
    /// Kills the process.
    pub fn kill(&self) {
        self.process.kill();
    }

    /// Whether the process has ended or was killed.
    pub fn has_left(&self) -> bool {
        self.process.is_dead()
    }

    /// Freezes the process.
    pub fn freeze(&self) {
        self.process.freeze();
    }

    /// Lets a frozen process go on.
    pub fn thaw(&self) {
        self.process.thaw();
    }
}

impl Cluster {
    /// Starts pod `ordinal` of a set in a new process.
    pub(crate) async fn start(&self, spec: &SetSpec, ordinal: u32) -> Pod {
        let (process, mut env) = process_env(&self.stores, &self.random, &self.clock);
        if let Some(dir) = &self.local_dir {
            let number = self.started.fetch_add(1, Ordering::Relaxed);
            env.local_dir = dir.join(format!("process-{number}"));
        }
        let set = SetNumber::new(spec.set);
        let store = env.stores.open(ROOT).await.expect("memory opens");
        let identity = Identity {
            job_uid: JobUid::new(spec.job_uid.as_str()).expect("the scenario gives a valid uid"),
            set,
        };
        let coordinator = (ordinal == 0).then(|| {
            let (links, links_in) = mpsc::channel(16);
            self.switch.coordinator(set, links);
            let machine = MachineConfig {
                identity: identity.clone(),
                start: spec.start.clone(),
                pods: spec.pods.clone(),
                plan_fingerprint: "plan".to_string(),
                key_groups: self.plan.key_groups,
                interval: Some(Duration::from_millis(300)),
                checkpoint_timeout: Duration::from_secs(10),
                min_pause: Duration::ZERO,
                retained: 1,
                stop_on_user_error: false,
                writer: String::new(),
                root: ROOT.to_string(),
            };
            let swept = Arc::clone(&self.plan);
            let config = CoordinatorConfig {
                machine,
                store: Arc::clone(&store),
                commit: Arc::new(|env, committable| Box::pin(commit(env, committable))),
                sweep: Arc::new(move |env, attempt| {
                    Box::pin(sweep(Arc::clone(&swept), env, attempt))
                }),
                env: env.clone(),
            };
            let (coordinator, handle) = Coordinator::new(config, links_in);
            let (mut exit, whole) = (handle.clone(), Arc::clone(&process));
            tokio::spawn(async move {
                // As the binary does: a process that lost the job ends.
                if let Some(ExitReason::Superseded | ExitReason::Failed(_)) = exit.exit().await {
                    whole.kill();
                }
            });
            env.tasks.spawn("coordinator", Box::pin(coordinator.run()));
            handle
        });
        let exchange = Exchange::new();
        let data_addr = format!("set-{set}-{ordinal}");
        self.switch.exchange(&data_addr, &exchange);
        let metrics = Arc::new(PodMetrics::default());
        let worker = Worker::new(
            WorkerConfig {
                set,
                pod: ordinal,
                slots: spec.pods[ordinal as usize],
                data_addr,
                plan: Arc::clone(&self.plan),
                plan_fingerprint: "plan".to_string(),
                store,
                backend: match &self.local_dir {
                    Some(_) => StateBackendConfig::RocksDb { cache_size_mb: 8 },
                    None => StateBackendConfig::Memory,
                },
                max_batch_rows: self.max_batch_rows,
                lease: Duration::from_secs(5),
                exchange,
                metrics: Arc::clone(&metrics),
                env: env.clone(),
            },
            Arc::new(SimNetwork { switch: self.switch.clone(), set }),
        );
        env.tasks.spawn("worker", Box::pin(worker.run()));
        Pod { coordinator, metrics, process }
    }
}
