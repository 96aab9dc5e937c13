//! A pod's worker: keeps the control stream to the coordinator, builds and drops attempts as it
//! says, and stops by itself when it hears nothing for the lease's time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use sabot_core::plan::JobPlan;
use sabot_core::protocol::{CoordinatorMessage, WorkerMessage};
use sabot_core::store::ObjectStore;
use sabot_core::{Doorbell, Env, Error, Result, TaskHandle, Turn};
use sabot_net::{ChannelId, ControlLink, Exchange, Receiver};
use sabot_snapshot::SlotSnapshot;
use sabot_snapshot::save::Saved;
use sabot_types::{Attempt, Epoch, EventTime, SetNumber};
use tokio::sync::{mpsc, oneshot};
use tracing::{info, warn};

pub use crate::deploy::StateBackendConfig;
use crate::deploy::{Deployment, EventSink, Order, deploy};
use crate::drift::Groups;
use crate::metrics::PodMetrics;
use crate::slot::{Slot, SlotCommand, SlotEvent};
use crate::upload::{Before, Earlier, Output, UploadError, upload};

/// How often a pod tells its progress, and how often at most if sources are aligned.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);
const PROGRESS_EVERY_MIN: Duration = Duration::from_millis(10);
/// How long after a broken control stream the next is tried.
const RECONNECT_AFTER: Duration = Duration::from_millis(200);

/// How a worker reaches other pods.
#[async_trait]
pub trait Network: Send + Sync {
    /// Opens a control stream to the coordinator.
    async fn connect_control(&self) -> Result<ControlLink>;
    /// Streams what `receiver` gives to the pod at `addr`; ends with the channel.
    async fn stream(
        &self,
        addr: &str,
        attempt: Attempt,
        id: ChannelId,
        receiver: Receiver,
    ) -> Result<()>;
}

/// What a worker needs to know.
#[derive(Clone)]
pub struct WorkerConfig {
    /// The set that the pod belongs to.
    pub set: SetNumber,
    /// The pod's ordinal.
    pub pod: u32,
    /// Its slots.
    pub slots: u32,
    /// Where other pods reach its data port, `host:port`.
    pub data_addr: String,
    /// The job.
    pub plan: Arc<JobPlan>,
    /// Tells plans apart; pods with different ones do not run together.
    pub plan_fingerprint: String,
    /// The job's root in the object store.
    pub store: Arc<dyn ObjectStore>,
    /// The state backend.
    pub backend: StateBackendConfig,
    /// Rows a batch at most.
    pub max_batch_rows: usize,
    /// How long the pod works on without hearing from the coordinator.
    pub lease: Duration,
    /// Incoming streams of other pods.
    pub exchange: Arc<Exchange>,
    /// Counters.
    pub metrics: Arc<PodMetrics>,
    /// The world.
    pub env: Env,
}

type Outgoing = WorkerMessage<SlotSnapshot>;

/// What happens inside the pod.
enum Internal {
    Deployed(Attempt, Result<Deployment>),
    Slot(Attempt, u32, SlotEvent),
    Uploaded(Attempt, u32, Epoch, Result<SlotSnapshot, UploadError>),
}

/// A pod's worker.
pub struct Worker {
    config: WorkerConfig,
    network: Arc<dyn Network>,
    inbox: mpsc::UnboundedReceiver<Internal>,
    events: mpsc::UnboundedSender<Internal>,
    deployment: Option<Deployment>,
    /// The attempt that is being built, with its task.
    building: Option<(Attempt, TaskHandle)>,
    uploads: Vec<TaskHandle>,
    /// For each slot the output that the next checkpoint has to take along.
    output: BTreeMap<u32, Earlier>,
    /// For each slot the segments that hold its state as it was frozen last.
    segments: BTreeMap<u32, oneshot::Receiver<Saved>>,
    /// Up to this epoch the attempt's output is in a checkpoint that exists.
    published: Epoch,
    heard: Duration,
    started_ms: i64,
    /// Whether the coordinator has said that another process is this pod.
    left: bool,
}

impl Worker {
    /// A worker that has not begun.
    pub fn new(config: WorkerConfig, network: Arc<dyn Network>) -> Self {
        let (events, inbox) = mpsc::unbounded_channel();
        let heard = config.env.clock.monotonic();
        let started_ms = config.env.clock.now_ms();
        Self {
            config,
            network,
            inbox,
            events,
            deployment: None,
            building: None,
            uploads: Vec::new(),
            output: BTreeMap::new(),
            segments: BTreeMap::new(),
            published: Epoch::new(0),
            heard,
            started_ms,
            left: false,
        }
    }

    /// Works until the task is aborted, or until a later process has become this pod.
    pub async fn run(mut self) {
        while !self.left {
            match self.network.connect_control().await {
                Ok(link) => self.serve(link).await,
                Err(error) => tracing::debug!(error = error.chain(), "no coordinator yet"),
            }
            self.check_lease();
            self.config.env.clock.sleep(RECONNECT_AFTER).await;
        }
    }

    /// Works for one control stream until it breaks.
    async fn serve(&mut self, mut link: ControlLink) {
        let hello = Outgoing::Hello {
            set: self.config.set,
            pod: self.config.pod,
            slots: self.config.slots,
            data_addr: self.config.data_addr.clone(),
            plan_fingerprint: self.config.plan_fingerprint.clone(),
            started_ms: self.started_ms,
        };
        if !send(&link, &hello).await {
            return;
        }
        let clock = Arc::clone(&self.config.env.clock);
        if self.attempt().is_none() {
            self.heard = clock.monotonic();
        }
        let mut progress = clock.sleep(PROGRESS_EVERY);
        loop {
            tokio::select! {
                biased;
                frame = link.rx.recv() => {
                    let Some(frame) = frame else { return };
                    self.heard = clock.monotonic();
                    match serde_json::from_slice(&frame) {
                        Ok(CoordinatorMessage::Leave) => {
                            warn!("another process is this pod now: leaving");
                            self.drop_attempt();
                            self.left = true;
                            return;
                        }
                        Ok(message) => self.order(message),
                        Err(error) => warn!(%error, "a control message could not be read"),
                    }
                }
                internal = self.inbox.recv() => {
                    let Some(internal) = internal else { return };
                    if let Some(message) = self.internal(internal)
                        && !send(&link, &message).await
                    {
                        return;
                    }
                }
                () = &mut progress => {
                    progress = clock.sleep(self.progress_interval());
                    if self.check_lease() {
                        // Whoever is at the other end, another coordinator may be there now.
                        return;
                    }
                    if let Some(message) = self.progress()
                        && !send(&link, &message).await
                    {
                        return;
                    }
                }
            }
        }
    }

    fn order(&mut self, message: CoordinatorMessage) {
        match message {
            CoordinatorMessage::Deploy { attempt, pods, restore } => {
                self.drop_attempt();
                self.config.exchange.retire(attempt);
                info!(%attempt, "building the attempt");
                self.build(Order { attempt, pods, restore });
            }
            CoordinatorMessage::Run { attempt } => self.start(attempt),
            CoordinatorMessage::Checkpoint { attempt, epoch, then_pause, published } => {
                if self.attempt() == Some(attempt) {
                    self.published = published;
                }
                self.command(attempt, SlotCommand::Checkpoint { epoch, then_pause });
            }
            CoordinatorMessage::Resume { attempt } => self.command(attempt, SlotCommand::Resume),
            CoordinatorMessage::Cancel { attempt } => {
                if self.attempt().is_some_and(|mine| mine <= attempt) {
                    info!(%attempt, "attempt cancelled");
                    self.drop_attempt();
                }
            }
            CoordinatorMessage::Align { attempt, elsewhere } => {
                if let Some(deployment) = &self.deployment
                    && deployment.attempt == attempt
                {
                    deployment.groups.heard(&elsewhere);
                }
            }
            CoordinatorMessage::Leave | CoordinatorMessage::Heartbeat { .. } => {}
        }
    }

    fn attempt(&self) -> Option<Attempt> {
        let built = self.deployment.as_ref().map(|d| d.attempt);
        built.or(self.building.as_ref().map(|(attempt, _)| *attempt))
    }

    fn build(&mut self, order: Order) {
        let config = self.config.clone();
        let network = Arc::clone(&self.network);
        let events = self.events.clone();
        let attempt = order.attempt;
        let slot_events = events.clone();
        let sink: EventSink = Arc::new(move |attempt, slot, event| {
            // The receiver is gone only when the whole worker is.
            let _ = slot_events.send(Internal::Slot(attempt, slot, event));
        });
        let task = async move {
            let built = deploy(&config, &network, &order, &sink).await;
            let _ = events.send(Internal::Deployed(order.attempt, built));
        };
        self.building = Some((attempt, self.config.env.tasks.spawn("deploy", Box::pin(task))));
    }

    fn start(&mut self, attempt: Attempt) {
        let Some(deployment) = self.deployment.as_mut().filter(|d| d.attempt == attempt) else {
            return;
        };
        for built in &mut deployment.slots {
            let Some(slot) = built.slot.take() else { continue };
            let events = self.events.clone();
            let guard = Guard { attempt, index: built.index, events, stopped: false };
            run_slot(&self.config.env, built.bell.clone(), slot, guard);
        }
        let slots = deployment.slots.len() as u64;
        self.config.metrics.active_slots.store(slots, Ordering::Relaxed);
        info!(%attempt, slots, "attempt running");
    }

    fn command(&mut self, attempt: Attempt, command: SlotCommand) {
        let Some(deployment) = self.deployment.as_ref().filter(|d| d.attempt == attempt) else {
            return;
        };
        for slot in &deployment.slots {
            // A slot that has failed no longer listens; its failure is on its way.
            let _ = slot.commands.send(command);
            slot.bell.ring();
        }
    }

    fn drop_attempt(&mut self) {
        if let Some((_, task)) = self.building.take() {
            task.abort();
        }
        for upload in self.uploads.drain(..) {
            upload.abort();
        }
        self.output.clear();
        self.segments.clear();
        if let Some(deployment) = self.deployment.take() {
            for stream in &deployment.streams {
                stream.abort();
            }
            for slot in &deployment.slots {
                let _ = slot.commands.send(SlotCommand::Stop);
                slot.bell.ring();
            }
        }
        self.config.metrics.active_slots.store(0, Ordering::Relaxed);
    }

    fn internal(&mut self, internal: Internal) -> Option<Outgoing> {
        match internal {
            Internal::Deployed(attempt, built) => self.deployed(attempt, built),
            Internal::Slot(attempt, slot, event) => {
                if self.attempt() != Some(attempt) {
                    return None;
                }
                match event {
                    SlotEvent::Frozen(frozen) => {
                        self.upload(attempt, slot, frozen);
                        None
                    }
                    SlotEvent::Ended => Some(Outgoing::Ended { attempt, slot }),
                    SlotEvent::Failed(error) => Some(self.failed(attempt, &error)),
                }
            }
            Internal::Uploaded(attempt, slot, epoch, result) => {
                if self.attempt() != Some(attempt) {
                    return None;
                }
                match result {
                    Ok(snapshot) => Some(Outgoing::Snapshot { attempt, epoch, snapshot }),
                    Err(UploadError::Output(error)) => Some(self.failed(attempt, &error)),
                    Err(UploadError::State(error)) => {
                        let message = error.chain();
                        warn!(%attempt, %epoch, slot, message, "snapshot failed");
                        Some(Outgoing::SnapshotFailed { attempt, epoch, message })
                    }
                }
            }
        }
    }

    fn deployed(&mut self, attempt: Attempt, built: Result<Deployment>) -> Option<Outgoing> {
        if self.building.as_ref().is_none_or(|(building, _)| *building != attempt) {
            return None;
        }
        self.building = None;
        match built {
            Ok(deployment) => {
                self.deployment = Some(deployment);
                Some(Outgoing::Deployed { attempt })
            }
            Err(error) => Some(self.failed(attempt, &error)),
        }
    }

    fn failed(&mut self, attempt: Attempt, error: &Error) -> Outgoing {
        let by_user = matches!(error, Error::User { .. });
        let message = error.chain();
        warn!(%attempt, message, "attempt failed in this pod");
        self.drop_attempt();
        Outgoing::Failed { attempt, message, by_user }
    }

    fn upload(&mut self, attempt: Attempt, slot: u32, frozen: crate::slot::Frozen) {
        let env = self.config.env.clone();
        let store = Arc::clone(&self.config.store);
        let events = self.events.clone();
        let metrics = Arc::clone(&self.config.metrics);
        let epoch = frozen.epoch;
        let (next, prepared) = oneshot::channel();
        let earlier = self.output.insert(slot, prepared);
        let output = Output { earlier, published: self.published, next };
        let (next, uploaded) = oneshot::channel();
        let before = Before { segments: self.segments.insert(slot, uploaded), next };
        let task = async move {
            let result = upload(&env, &store, attempt, slot, frozen, output, before).await;
            let counter = match &result {
                Ok(snapshot) => {
                    let written = snapshot.segments.iter().filter(|s| s.epoch == epoch);
                    let bytes = written.map(|s| s.size).sum();
                    metrics.snapshots.last_bytes.store(bytes, Ordering::Relaxed);
                    metrics.snapshots.last_ms.store(env.clock.now_ms(), Ordering::Relaxed);
                    &metrics.snapshots.completed
                }
                Err(_) => &metrics.snapshots.failed,
            };
            counter.fetch_add(1, Ordering::Relaxed);
            let _ = events.send(Internal::Uploaded(attempt, slot, epoch, result));
        };
        // At most the uploads of a few epochs are kept; a finished task's handle is harmless.
        if self.uploads.len() > 1024 {
            self.uploads.drain(..512);
        }
        self.uploads.push(self.config.env.tasks.spawn("upload", Box::pin(task)));
    }

    fn progress_interval(&self) -> Duration {
        let groups = self.deployment.as_ref().map(|deployment| &deployment.groups);
        let wanted = groups.and_then(Groups::update_interval).unwrap_or(PROGRESS_EVERY);
        wanted.clamp(PROGRESS_EVERY_MIN, PROGRESS_EVERY)
    }

    fn progress(&mut self) -> Option<Outgoing> {
        let deployment = self.deployment.as_ref()?;
        let bytes = deployment.slots.iter().map(|s| s.state_bytes.load(Ordering::Relaxed)).sum();
        self.config.metrics.state_bytes.store(bytes, Ordering::Relaxed);
        let status = self.config.metrics.status();
        Some(Outgoing::Progress {
            attempt: deployment.attempt,
            rows_read: status.rows_read,
            watermark_ms: status
                .sink_watermark
                .filter(|watermark| *watermark > EventTime::MIN)
                .map(EventTime::millis),
            state_bytes: bytes,
            trouble: status.trouble,
            aligned: deployment.groups.lowest_here(),
        })
    }

    /// Whether the lease is over; the attempt is dropped then. Commits are fenced anyway:
    /// stopping keeps a cut-off pod from wasting work.
    fn check_lease(&mut self) -> bool {
        let silence = self.config.env.clock.monotonic().saturating_sub(self.heard);
        let over = silence > self.config.lease;
        if over && self.attempt().is_some() {
            warn!(?silence, "no word from the coordinator: the attempt stops");
            self.drop_attempt();
        }
        over
    }
}

async fn send(link: &ControlLink, message: &Outgoing) -> bool {
    match serde_json::to_vec(message) {
        Ok(frame) => link.tx.send(Bytes::from(frame)).await.is_ok(),
        Err(error) => {
            warn!(%error, "a control message could not be written");
            false
        }
    }
}

/// Reports a slot whose thread panicked.
struct Guard {
    attempt: Attempt,
    index: u32,
    events: mpsc::UnboundedSender<Internal>,
    stopped: bool,
}

impl Guard {
    fn disarm(&mut self) {
        self.stopped = true;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.stopped && std::thread::panicking() {
            let error = Error::external(
                format!("running slot {}", self.index),
                "the thread panicked; its message is in the log".to_string(),
            );
            let event = SlotEvent::Failed(error);
            let _ = self.events.send(Internal::Slot(self.attempt, self.index, event));
        }
    }
}

fn run_slot(env: &Env, bell: Doorbell, mut slot: Slot, mut guard: Guard) {
    let name = format!("slot-{}", guard.index);
    env.tasks.spawn_loop(
        name,
        bell,
        Box::new(move || {
            let turn = slot.turn();
            if turn == Turn::Stop {
                guard.disarm();
            }
            turn
        }),
    );
}
