//! One pod of a job: its worker, and in pod 0 the coordinator; also all of `sabot run`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sabot_connectors::{commit, sweep};
use sabot_coordinator::{Coordinator, CoordinatorConfig, CoordinatorHandle, MachineConfig, Start};
use sabot_core::plan::JobPlan;
use sabot_core::store::ObjectStore;
use sabot_core::{Env, Error, Result};
use sabot_net::{ChannelId, ControlLink, Exchange, Receiver, Server, connect_control, stream_to};
use sabot_types::{Attempt, Identity};
use sabot_worker::{Network, PodMetrics, StateBackendConfig, Worker, WorkerConfig};
use tokio::sync::{mpsc, oneshot};

/// Control streams that wait to be taken, at most.
const LINKS: usize = 64;
/// Frames in one direction of a control stream, at most.
const FRAMES: usize = 1024;

/// What a pod is made from.
pub struct PodConfig {
    /// Who the job and the set are.
    pub identity: Identity,
    /// How the coordinator begins.
    pub start: Start,
    /// The slots of each pod of the set, by ordinal.
    pub pods: Vec<u32>,
    /// This pod's ordinal.
    pub ordinal: u32,
    /// The job.
    pub plan: Arc<JobPlan>,
    /// Tells plans apart.
    pub plan_fingerprint: String,
    /// The job's root.
    pub store: Arc<dyn ObjectStore>,
    /// The state backend.
    pub backend: StateBackendConfig,
    /// Time between checkpoints; none: only savepoints.
    pub checkpoint_interval: Option<Duration>,
    /// After how long a checkpoint is given up.
    pub checkpoint_timeout: Duration,
    /// Time between a checkpoint's end and the next trigger, at least.
    pub min_pause: Duration,
    /// Checkpoints that are kept.
    pub retained: usize,
    /// Rows a batch at most.
    pub max_batch_rows: usize,
    /// Whether what only a person can mend ends the job instead of restarting it.
    pub stop_on_user_error: bool,
    /// How this pod is reached by others; none when it is the only one.
    pub reach: Option<Reach>,
    /// The world.
    pub env: Env,
}

/// How pods reach each other.
#[derive(Debug, Clone)]
pub struct Reach {
    /// Where this pod listens for data and control streams.
    pub bind: SocketAddr,
    /// What other pods call it, `host:port`.
    pub data_addr: String,
    /// Where pod 0 listens, `host:port`.
    pub coordinator_addr: String,
}

/// A running pod.
pub struct Pod {
    /// The coordinator, in pod 0.
    pub coordinator: Option<CoordinatorHandle>,
    /// The pod's counters.
    pub metrics: Arc<PodMetrics>,
    /// Ends when another process has become this pod.
    pub left: oneshot::Receiver<()>,
}

/// Without word from the coordinator for this long a worker stops.
const LEASE: Duration = Duration::from_secs(15);

impl Pod {
    /// Starts everything that belongs to the pod.
    pub async fn start(config: PodConfig) -> Result<Self> {
        let exchange = Exchange::new();
        let (links, links_in) = mpsc::channel(LINKS);
        let data_addr = match &config.reach {
            None => String::new(),
            Some(reach) => {
                serve(&config.env, reach, &exchange, links.clone()).await?;
                reach.data_addr.clone()
            }
        };
        let metrics = Arc::new(PodMetrics::default());
        metrics.set_backend(match config.backend {
            StateBackendConfig::Memory => "memory",
            StateBackendConfig::RocksDb { .. } => "rocksdb",
        });
        let network: Arc<dyn Network> = if config.ordinal == 0 {
            Arc::new(Streams { to_coordinator: ToCoordinator::Here(links) })
        } else {
            let addr = config.reach.as_ref().map(|reach| reach.coordinator_addr.clone());
            let addr = addr.unwrap_or_default();
            Arc::new(Streams { to_coordinator: ToCoordinator::There(addr) })
        };
        let slots = config.pods.get(config.ordinal as usize).copied().unwrap_or(0);
        let worker = Worker::new(
            WorkerConfig {
                set: config.identity.set,
                pod: config.ordinal,
                slots,
                data_addr,
                plan: Arc::clone(&config.plan),
                plan_fingerprint: config.plan_fingerprint.clone(),
                store: Arc::clone(&config.store),
                backend: config.backend,
                max_batch_rows: config.max_batch_rows,
                lease: LEASE,
                exchange,
                metrics: Arc::clone(&metrics),
                env: config.env.clone(),
            },
            network,
        );
        let (gone, left) = oneshot::channel();
        let work = async move {
            worker.run().await;
            // Nobody waits for it in a process that ends anyway.
            let _ = gone.send(());
        };
        config.env.tasks.spawn("worker", Box::pin(work));
        let coordinator = (config.ordinal == 0).then(|| coordinate(config, links_in));
        Ok(Self { coordinator, metrics, left })
    }
}

fn coordinate(config: PodConfig, links: mpsc::Receiver<ControlLink>) -> CoordinatorHandle {
    let root = config.store.root().to_string();
    let machine = MachineConfig {
        identity: config.identity,
        start: config.start,
        pods: config.pods,
        plan_fingerprint: config.plan_fingerprint,
        key_groups: config.plan.key_groups,
        interval: config.checkpoint_interval,
        checkpoint_timeout: config.checkpoint_timeout,
        min_pause: config.min_pause,
        retained: config.retained,
        stop_on_user_error: config.stop_on_user_error,
        writer: String::new(),
        root,
    };
    let swept = Arc::clone(&config.plan);
    let (coordinator, handle) = Coordinator::new(
        CoordinatorConfig {
            machine,
            store: config.store,
            commit: Arc::new(|env, committable| Box::pin(commit(env, committable))),
            sweep: Arc::new(move |env, attempt| Box::pin(sweep(Arc::clone(&swept), env, attempt))),
            env: config.env.clone(),
        },
        links,
    );
    config.env.tasks.spawn("coordinator", Box::pin(coordinator.run()));
    handle
}

async fn serve(
    env: &Env,
    reach: &Reach,
    exchange: &Arc<Exchange>,
    links: mpsc::Sender<ControlLink>,
) -> Result<()> {
    let server = Server::bind(reach.bind, Arc::clone(exchange), links)
        .await
        .map_err(|e| Error::external(format!("listening on {}", reach.bind), e))?;
    let task = async move {
        if let Err(error) = server.serve(std::future::pending()).await {
            tracing::error!(%error, "the data port failed");
        }
    };
    env.tasks.spawn("data port", Box::pin(task));
    Ok(())
}

/// Streams to other pods by Arrow Flight, to a coordinator in this process by queues.
struct Streams {
    to_coordinator: ToCoordinator,
}

enum ToCoordinator {
    Here(mpsc::Sender<ControlLink>),
    There(String),
}

#[async_trait]
impl Network for Streams {
    async fn connect_control(&self) -> Result<ControlLink> {
        match &self.to_coordinator {
            ToCoordinator::There(addr) => connect_control(addr)
                .await
                .map_err(|e| Error::external(format!("connecting to the coordinator {addr}"), e)),
            ToCoordinator::Here(links) => {
                let (tx, theirs_in) = mpsc::channel(FRAMES);
                let (theirs_out, rx) = mpsc::channel(FRAMES);
                links.send(ControlLink { tx: theirs_out, rx: theirs_in }).await.map_err(|_| {
                    Error::external("connecting to the coordinator", "it has stopped".to_string())
                })?;
                Ok(ControlLink { tx, rx })
            }
        }
    }

    async fn stream(
        &self,
        addr: &str,
        attempt: Attempt,
        id: ChannelId,
        receiver: Receiver,
    ) -> Result<()> {
        stream_to(addr, attempt, id, receiver)
            .await
            .map_err(|e| Error::external(format!("streaming to {addr}"), e))
    }
}
