//! Carries out the machine's effects and turns their outcomes into events.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use sabot_api::JobView;
use sabot_core::store::ObjectStore;
use sabot_core::{Committable, Env, chain};
use sabot_net::ControlLink;
use sabot_snapshot::{
    ControlError, ControlStore, Manifest, PublishError, create_savepoint, gc, load_manifest,
    publish_checkpoint,
};
use sabot_types::{Attempt, ControlRecord, ManifestRef};
use tokio::sync::{mpsc, oneshot, watch};
use tracing::warn;

use crate::machine::{
    Effect, Event, ExitReason, LinkId, Machine, MachineConfig, Purpose, ReadFailure, Reply,
    Request, RequestId, WriteFailure, savepoint_id,
};

/// How often the machine hears of the time.
const TICK: Duration = Duration::from_millis(50);
/// Requests that wait to be read, at most.
const REQUESTS: usize = 64;

/// What a coordinator needs.
pub struct CoordinatorConfig {
    /// The machine's part.
    pub machine: MachineConfig,
    /// The job's root in the object store.
    pub store: Arc<dyn ObjectStore>,
    /// Commits one committable.
    pub commit: CommitFn,
    /// Removes hidden sink output of older attempts.
    pub sweep: SweepFn,
    /// The world.
    pub env: Env,
}

/// Removes hidden sink output of attempts below the given one; failures are only logged, the next
/// attempt sweeps again.
pub type SweepFn = Arc<dyn Fn(Env, Attempt) -> BoxFuture<'static, ()> + Send + Sync>;

/// Commits one committable by whichever connector it belongs to; idempotent.
pub type CommitFn =
    Arc<dyn Fn(Env, Committable) -> BoxFuture<'static, sabot_core::Result<()>> + Send + Sync>;

/// The coordinator of a job, not yet running.
pub struct Coordinator {
    config: CoordinatorConfig,
    control: ControlStore,
    events: mpsc::UnboundedSender<Event>,
    inbox: mpsc::UnboundedReceiver<Event>,
    requests: mpsc::Receiver<(Request, oneshot::Sender<Reply>)>,
    links_in: mpsc::Receiver<ControlLink>,
    links: BTreeMap<LinkId, mpsc::Sender<Bytes>>,
    waiting: BTreeMap<RequestId, oneshot::Sender<Reply>>,
    next_id: u64,
    view: watch::Sender<Option<JobView>>,
    exit: watch::Sender<Option<ExitReason>>,
    collecting: Arc<Mutex<bool>>,
}

/// The way to a running coordinator.
#[derive(Debug, Clone)]
pub struct CoordinatorHandle {
    requests: mpsc::Sender<(Request, oneshot::Sender<Reply>)>,
    view: watch::Receiver<Option<JobView>>,
    exit: watch::Receiver<Option<ExitReason>>,
}

impl CoordinatorHandle {
    /// Asks; none when the coordinator is gone.
    pub async fn ask(&self, request: Request) -> Option<Reply> {
        let (reply, answer) = oneshot::channel();
        self.requests.send((request, reply)).await.ok()?;
        answer.await.ok()
    }

    /// Asks for a last checkpoint and the exit; does not wait for them, see [`Self::exit`].
    pub fn stop(&self) {
        let (reply, _) = oneshot::channel();
        // A full queue or a coordinator that is gone: it is leaving, or will be asked again.
        let _ = self.requests.try_send((Request::Stop, reply));
    }

    /// The job as it was at the last event; none before the first.
    pub fn view(&self) -> Option<JobView> {
        self.view.borrow().clone()
    }

    /// Waits until the coordinator wants to leave.
    pub async fn exit(&mut self) -> Option<ExitReason> {
        let reason = self.exit.wait_for(Option::is_some).await.ok()?;
        reason.clone()
    }
}

impl Coordinator {
    /// A coordinator that takes workers' streams from `links`, and the way to it.
    pub fn new(
        config: CoordinatorConfig,
        links: mpsc::Receiver<ControlLink>,
    ) -> (Self, CoordinatorHandle) {
        let (events, inbox) = mpsc::unbounded_channel();
        let (request_in, requests) = mpsc::channel(REQUESTS);
        let (view, view_out) = watch::channel(None);
        let (exit, exit_out) = watch::channel(None);
        let control = ControlStore::new(Arc::clone(&config.store), &config.env);
        let coordinator = Self {
            config,
            control,
            events,
            inbox,
            requests,
            links_in: links,
            links: BTreeMap::new(),
            waiting: BTreeMap::new(),
            next_id: 0,
            view,
            exit,
            collecting: Arc::new(Mutex::new(false)),
        };
        let handle = CoordinatorHandle { requests: request_in, view: view_out, exit: exit_out };
        (coordinator, handle)
    }

    /// Coordinates until the task is dropped.
    pub async fn run(mut self) {
        let mut config = self.config.machine.clone();
        self.control.writer().clone_into(&mut config.writer);
        let (mut machine, effects) = Machine::new(config);
        self.carry_out(effects);
        let clock = Arc::clone(&self.config.env.clock);
        let mut tick = clock.sleep(TICK);
        loop {
            let event = tokio::select! {
                biased;
                event = self.inbox.recv() => event,
                Some((request, reply)) = self.requests.recv() => {
                    let id = self.id();
                    self.waiting.insert(id, reply);
                    Some(Event::Request(id, request))
                }
                Some(link) = self.links_in.recv() => {
                    self.take_link(link);
                    continue;
                }
                () = &mut tick => {
                    tick = clock.sleep(TICK);
                    Some(Event::Tick)
                }
            };
            let Some(event) = event else { return };
            let effects = machine.step(clock.monotonic(), clock.now_ms(), event);
            self.view.send_replace(Some(machine.view()));
            self.carry_out(effects);
        }
    }

    fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    fn take_link(&mut self, link: ControlLink) {
        let id = self.id();
        let ControlLink { tx, mut rx } = link;
        self.links.insert(id, tx);
        let events = self.events.clone();
        let read = async move {
            while let Some(frame) = rx.recv().await {
                match serde_json::from_slice(&frame) {
                    Ok(message) => {
                        if events.send(Event::Worker(id, message)).is_err() {
                            return;
                        }
                    }
                    Err(error) => warn!(%error, "a worker's message could not be read"),
                }
            }
            let _ = events.send(Event::LinkLost(id));
        };
        self.config.env.tasks.spawn("worker link", Box::pin(read));
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::ReadControl => self.read_control(),
                Effect::WriteControl { expected, next, purpose } => {
                    self.write_control(expected, *next, purpose);
                }
                Effect::LoadManifest(reference) => self.load_manifest(reference),
                Effect::Send(link, message) => self.send(link, &message),
                Effect::Publish { loaded, manifest } => self.publish(loaded, *manifest),
                Effect::Commit(committables) => self.commit(committables),
                Effect::CopySavepoint(operation, manifest) => {
                    self.copy_savepoint(operation, *manifest);
                }
                Effect::Sweep(attempt) => {
                    let sweep = (self.config.sweep)(self.config.env.clone(), attempt);
                    self.config.env.tasks.spawn("sweep", sweep);
                }
                Effect::Collect { attempt, retained, pinned } => {
                    self.collect(attempt, retained, pinned);
                }
                Effect::Reply(id, reply) => {
                    if let Some(waiting) = self.waiting.remove(&id) {
                        // Who asked may have gone.
                        let _ = waiting.send(reply);
                    }
                }
                Effect::Exit(reason) => {
                    self.exit.send_replace(Some(reason));
                }
            }
        }
    }

    /// Runs `work` beside the machine; its outcome is an event.
    fn perform(
        &self,
        name: &'static str,
        work: impl std::future::Future<Output = Event> + Send + 'static,
    ) {
        let events = self.events.clone();
        let task = async move {
            // Nobody listens only when the coordinator is gone.
            let _ = events.send(work.await);
        };
        self.config.env.tasks.spawn(name, Box::pin(task));
    }

    fn read_control(&self) {
        let control = self.control.clone();
        self.perform("read control", async move {
            Event::ControlRead(control.read().await.map_err(|error| ReadFailure {
                message: chain(&error),
                is_lasting: error.is_lasting(),
            }))
        });
    }

    fn write_control(
        &self,
        expected: Option<sabot_snapshot::Loaded>,
        next: ControlRecord,
        purpose: Purpose,
    ) {
        let control = self.control.clone();
        self.perform("write control", async move {
            let written = match expected {
                Some(loaded) => control.update(&loaded, next).await,
                None => control.create(next).await,
            };
            Event::Written(purpose, written.map_err(write_failure))
        });
    }

    fn load_manifest(&self, reference: ManifestRef) {
        let store = Arc::clone(&self.config.store);
        let env = self.config.env.clone();
        self.perform("load manifest", async move {
            let loaded = load_manifest(&store, env.stores.as_ref(), &reference).await;
            Event::Restored(match loaded {
                Ok(loaded) => Ok(Some(Box::new(loaded.manifest))),
                Err(error) => {
                    Err(ReadFailure { message: chain(&error), is_lasting: error.is_lasting() })
                }
            })
        });
    }

    fn send(&mut self, link: LinkId, message: &sabot_core::protocol::CoordinatorMessage) {
        let Some(tx) = self.links.get(&link) else { return };
        let sent = serde_json::to_vec(message).is_ok_and(|f| tx.try_send(Bytes::from(f)).is_ok());
        if !sent {
            // A worker that does not read is as good as gone.
            self.links.remove(&link);
            let _ = self.events.send(Event::LinkLost(link));
        }
    }

    fn publish(&self, loaded: sabot_snapshot::Loaded, manifest: Manifest) {
        let control = self.control.clone();
        self.perform("publish", async move {
            let epoch = manifest.epoch;
            let result = publish_checkpoint(&control, &loaded, &manifest).await;
            Event::Published(epoch, result.map_err(publish_failure))
        });
    }

    fn commit(&self, committables: Vec<Committable>) {
        let commit = Arc::clone(&self.config.commit);
        let env = self.config.env.clone();
        self.perform("commit", async move {
            for committable in &committables {
                if let Err(error) = commit(env.clone(), committable.clone()).await {
                    return Event::Committed(Err(error.chain()));
                }
            }
            Event::Committed(Ok(committables))
        });
    }

    fn copy_savepoint(&self, operation: sabot_types::OperationId, manifest: Manifest) {
        let store = Arc::clone(&self.config.store);
        let clock = Arc::clone(&self.config.env.clock);
        self.perform("copy savepoint", async move {
            let made = match savepoint_id(&operation, manifest.epoch) {
                Ok(id) => create_savepoint(&store, clock.as_ref(), &id, &manifest)
                    .await
                    .map_err(|error| chain(&error)),
                Err(error) => Err(error.to_string()),
            };
            Event::Copied(operation, made)
        });
    }

    /// At most one collection at a time; the next publication begins another.
    fn collect(&self, attempt: Attempt, retained: usize, pinned: Vec<ManifestRef>) {
        let running = Arc::clone(&self.collecting);
        {
            let mut running = running.lock().unwrap_or_else(PoisonError::into_inner);
            if std::mem::replace(&mut *running, true) {
                return;
            }
        }
        let control = self.control.clone();
        let leaving = self.exit.subscribe();
        let task = async move {
            let collected = gc::collect(&control, attempt, retained, &pinned).await;
            // A process that ends cuts it short; the next one goes on with it.
            if let Err(error) = collected
                && leaving.borrow().is_none()
            {
                warn!(error = chain(&error), "collecting old checkpoints failed");
            }
            *running.lock().unwrap_or_else(PoisonError::into_inner) = false;
        };
        self.config.env.tasks.spawn("collect garbage", Box::pin(task));
    }
}

fn write_failure(error: ControlError) -> WriteFailure {
    match error {
        ControlError::Lost { current, .. } => WriteFailure::Lost(current),
        other => WriteFailure::Unknown(chain(&other)),
    }
}

fn publish_failure(error: PublishError) -> WriteFailure {
    match error {
        PublishError::Control { source, .. } => write_failure(source),
        other => WriteFailure::Unknown(chain(&other)),
    }
}
