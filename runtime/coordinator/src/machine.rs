//! The job's state machine: `step(now, event) -> effects`.
//!
//! Every change of `control.json` is an effect whose outcome comes back as an event; while one is
//! on its way no other is begun, so that each is based on the record as it is. When an outcome is
//! not known the record is read again before anything else happens.

mod align;
mod checkpoint;
mod recover;
mod savepoint;
mod view;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use sabot_api::{ActivateRequest, CheckpointView, JobView, SavepointRequest, SavepointView};
use sabot_core::Committable;
use sabot_core::protocol::{CoordinatorMessage, WorkerMessage};
use sabot_snapshot::{Loaded, Manifest, SavepointInfo, SlotSnapshot};
use sabot_types::{
    Attempt, ControlRecord, Epoch, Identity, InvalidId, KeyGroupCount, ManifestRef, OperationId,
};

use align::Aligned;
use checkpoint::Pending;
use savepoint::SavepointRun;

/// How often workers hear that the attempt is still owned.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(1);

/// How the coordinator begins when it reads the control record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// The job's first set: creates the record where there is none, with this savepoint as the
    /// state to restore.
    Fresh {
        /// A savepoint's location.
        restore: Option<String>,
    },
    /// A later set: waits for an activation.
    Standby,
}

/// What the machine has to know; constant.
#[derive(Debug, Clone)]
pub struct MachineConfig {
    /// Who the coordinator is.
    pub identity: Identity,
    /// How it begins.
    pub start: Start,
    /// The slots of each pod, by ordinal.
    pub pods: Vec<u32>,
    /// All pods must have compiled this plan.
    pub plan_fingerprint: String,
    /// The job's key groups.
    pub key_groups: KeyGroupCount,
    /// Time between the triggers of checkpoints; none: only savepoints.
    pub interval: Option<Duration>,
    /// After how long a checkpoint is given up.
    pub checkpoint_timeout: Duration,
    /// Time between a checkpoint's end and the next trigger, at least.
    pub min_pause: Duration,
    /// Checkpoints that are kept.
    pub retained: usize,
    /// Whether what only a person can mend ends the job instead of restarting it (on a laptop).
    pub stop_on_user_error: bool,
    /// The mark that this process leaves in the control record.
    pub writer: String,
    /// The job's root as a URI, for the locations of savepoints.
    pub root: String,
}

/// The id of the savepoint that `operation` takes at `epoch`: another try is another savepoint.
pub fn savepoint_id(operation: &OperationId, epoch: Epoch) -> Result<OperationId, InvalidId> {
    OperationId::new(format!("{operation}-{epoch}"))
}

/// Names a worker's control stream.
pub type LinkId = u64;
/// Names a request that waits for its reply.
pub type RequestId = u64;

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// Time has passed; comes several times a second.
    Tick,
    /// The control record was read.
    ControlRead(Result<Option<Loaded>, ReadFailure>),
    /// A write of the control record has an outcome.
    Written(Purpose, Result<Loaded, WriteFailure>),
    /// The manifest to restore was loaded; none where the job starts empty.
    Restored(Result<Option<Box<Manifest>>, ReadFailure>),
    /// A worker's stream broke.
    LinkLost(LinkId),
    /// A worker said something.
    Worker(LinkId, WorkerMessage<SlotSnapshot>),
    /// A publication has an outcome.
    Published(Epoch, Result<Loaded, WriteFailure>),
    /// These committables were committed, or trying failed.
    Committed(Result<Vec<Committable>, String>),
    /// A savepoint's copy has an outcome.
    Copied(OperationId, Result<SavepointInfo, String>),
    /// Somebody asks.
    Request(RequestId, Request),
}

/// What somebody asks.
#[derive(Debug, Clone)]
pub enum Request {
    /// What is the job doing?
    View,
    /// Take a savepoint, or say how it fares.
    Savepoint(OperationId, SavepointRequest),
    /// How does a savepoint fare?
    SavepointStatus(OperationId),
    /// Go on after a quiesce.
    Resume(OperationId),
    /// Take over.
    Activate(ActivateRequest),
    /// A last checkpoint, then exit (Ctrl-C, a pod's end).
    Stop,
}

/// The answer to a request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// The job.
    View(Box<JobView>),
    /// A savepoint.
    Savepoint(SavepointView),
    /// No such savepoint was asked for.
    NotFound(String),
    /// The state of the job does not allow it.
    Conflict(String),
}

/// Why something could not be read from the store.
#[derive(Debug)]
pub struct ReadFailure {
    /// The error with its causes.
    pub message: String,
    /// Whether reading again fails again until a person changes something.
    pub is_lasting: bool,
}

/// Why a write of the control record did not happen.
#[derive(Debug)]
pub enum WriteFailure {
    /// Somebody else wrote: this is the record now.
    Lost(Box<ControlRecord>),
    /// It is not known whether it happened.
    Unknown(String),
}

/// Why the control record is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// A new attempt.
    Claim,
    /// A claim that answers a request.
    Activate(RequestId),
    /// Park for an operation.
    Park(OperationId),
    /// Go on after a quiesce.
    Resume(OperationId, Option<RequestId>),
    /// The input has ended.
    Finish,
}

/// What is to be done.
#[derive(Debug)]
pub enum Effect {
    /// Read the control record; [`Event::ControlRead`].
    ReadControl,
    /// Change the control record (create it where `expected` is none); [`Event::Written`].
    WriteControl {
        /// What it is based on.
        expected: Option<Loaded>,
        /// The new record.
        next: Box<ControlRecord>,
        /// Why.
        purpose: Purpose,
    },
    /// Load the manifest to restore; [`Event::Restored`].
    LoadManifest(ManifestRef),
    /// Tell a worker.
    Send(LinkId, CoordinatorMessage),
    /// Write the manifest and make it the latest; [`Event::Published`].
    Publish {
        /// The record that the publication is based on.
        loaded: Loaded,
        /// The manifest.
        manifest: Box<Manifest>,
    },
    /// Commit all of these; [`Event::Committed`].
    Commit(Vec<Committable>),
    /// Copy a checkpoint into a savepoint; [`Event::Copied`].
    CopySavepoint(OperationId, Box<Manifest>),
    /// Remove hidden sink output of attempts below this one: all that counts of it is committed.
    Sweep(Attempt),
    /// Delete what no live manifest refers to.
    Collect {
        /// The attempt that owns the job.
        attempt: Attempt,
        /// How many checkpoints are kept.
        retained: usize,
        /// Kept as well: what a rollback goes back to.
        pinned: Vec<ManifestRef>,
    },
    /// Answer a request.
    Reply(RequestId, Reply),
    /// Leave.
    Exit(ExitReason),
}

/// Why the coordinator leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExitReason {
    /// The job has finished.
    Finished,
    /// A stop was asked for; a last checkpoint was taken where that was possible.
    Stopped {
        /// Whether the last checkpoint covers everything.
        complete: bool,
    },
    /// A newer set owns the job.
    Superseded,
    /// Cannot go on without a person.
    Failed(String),
}

/// The job.
#[derive(Debug)]
pub struct Machine {
    config: MachineConfig,
    now: Duration,
    now_ms: i64,
    mode: Mode,
    links: BTreeMap<u32, Link>,
    /// Loaded record that the next write is based on.
    control: Option<Loaded>,
    /// Whether a write or read of the record is on its way.
    busy: bool,
    savepoints: BTreeMap<OperationId, SavepointView>,
    savepoint: Option<SavepointRun>,
    queued: VecDeque<(OperationId, SavepointRequest)>,
    /// What a savepoint's request will see once the job is parked.
    parking_view: Option<SavepointView>,
    /// Whether this process has owned an attempt.
    has_owned: bool,
    stop_request: bool,
    restarts: u32,
    failures_in_row: u32,
    last_failure: Option<String>,
    checkpoint: Option<CheckpointView>,
    checkpoints_completed: u64,
    checkpoints_failed_in_row: u32,
    read_again_at: Option<Duration>,
    next_heartbeat: Duration,
}

/// What the coordinator is to the job.
#[derive(Debug)]
enum Mode {
    /// The record is being read.
    Starting,
    /// Waits for an activation.
    Standby,
    /// Parked by an operation, without an attempt of one's own.
    ParkedByOther { operation: OperationId, lease_until: Option<Duration> },
    /// Owns an attempt.
    Owner(Box<Owner>),
    /// The job is done.
    Finished,
    /// Waits for a person.
    Failed(String),
}

/// What belongs to an owned attempt.
#[derive(Debug)]
struct Owner {
    attempt: Attempt,
    stage: Stage,
    /// What workers restore.
    restore: Option<ManifestRef>,
    /// Whether the restored manifest was read and its committables are known.
    manifest_loaded: bool,
    /// Published and not yet confirmed.
    outstanding: Vec<Committable>,
    committing: bool,
    /// When the next try of failed commits is due.
    commit_at: Option<Duration>,
    pending: Option<Pending>,
    publishing: Option<Pending>,
    last_epoch: Epoch,
    /// The attempt's last epoch that is known to exist; at first the highest of any attempt.
    published: Epoch,
    next_trigger: Duration,
    ended: BTreeSet<u32>,
    finishing: bool,
    /// The last checkpoint before a stop.
    stopping: Option<Epoch>,
    rows: BTreeMap<u32, u64>,
    watermarks: BTreeMap<u32, Option<i64>>,
    /// What pods' sinks try again and again, and why.
    troubles: BTreeMap<u32, String>,
    aligned: Aligned,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Stage {
    /// Commits of the restored checkpoint, and workers to come.
    Gathering,
    /// Workers build the attempt.
    Deploying { waiting: BTreeSet<u32> },
    /// Processing.
    Running,
    /// Parked by an operation; resumes by itself at the lease's end.
    Parked { operation: OperationId, lease_until: Option<Duration> },
    /// The next attempt is claimed at this time.
    Restarting { at: Duration },
}

/// A registered worker.
#[derive(Debug)]
struct Link {
    id: LinkId,
    data_addr: String,
    started_ms: i64,
    heard: Duration,
}

impl Machine {
    /// A machine and its first effect.
    pub fn new(config: MachineConfig) -> (Self, Vec<Effect>) {
        let machine = Self {
            config,
            now: Duration::ZERO,
            now_ms: 0,
            mode: Mode::Starting,
            links: BTreeMap::new(),
            control: None,
            busy: true,
            savepoints: BTreeMap::new(),
            savepoint: None,
            queued: VecDeque::new(),
            parking_view: None,
            has_owned: false,
            stop_request: false,
            restarts: 0,
            failures_in_row: 0,
            last_failure: None,
            checkpoint: None,
            checkpoints_completed: 0,
            checkpoints_failed_in_row: 0,
            read_again_at: None,
            next_heartbeat: Duration::ZERO,
        };
        (machine, vec![Effect::ReadControl])
    }

    /// Takes note of an event at the time `now` (monotonic) and `now_ms` (wall clock).
    pub fn step(&mut self, now: Duration, now_ms: i64, event: Event) -> Vec<Effect> {
        self.now = now;
        self.now_ms = now_ms;
        let mut effects = Vec::new();
        match event {
            Event::Tick => {}
            Event::ControlRead(result) => self.control_read(result, &mut effects),
            Event::Written(purpose, result) => self.written(purpose, result, &mut effects),
            Event::Restored(result) => self.restored(result, &mut effects),
            Event::LinkLost(link) => self.link_lost(link, &mut effects),
            Event::Worker(link, message) => self.worker(link, message, &mut effects),
            Event::Published(epoch, result) => self.published(epoch, result, &mut effects),
            Event::Committed(result) => self.committed(result, &mut effects),
            Event::Copied(operation, result) => self.copied(&operation, result, &mut effects),
            Event::Request(id, request) => self.request(id, request, &mut effects),
        }
        self.proceed(&mut effects);
        effects
    }

    /// Whatever is due now, whichever event came.
    fn proceed(&mut self, effects: &mut Vec<Effect>) {
        if self.read_again_at.is_some_and(|at| self.now >= at) && !self.busy {
            self.read_again_at = None;
            self.busy = true;
            effects.push(Effect::ReadControl);
        }
        self.proceed_restart(effects);
        self.proceed_deploy(effects);
        self.proceed_commits(effects);
        self.proceed_checkpoint(effects);
        self.proceed_savepoint(effects);
        self.proceed_finish(effects);
        self.proceed_stop(effects);
        self.proceed_lease(effects);
        self.find_silent_workers(effects);
        if self.now >= self.next_heartbeat
            && let Some(attempt) = self.owner_ref().map(|owner| owner.attempt)
        {
            self.next_heartbeat = self.now + HEARTBEAT_EVERY;
            self.broadcast(&CoordinatorMessage::Heartbeat { attempt }, effects);
        }
    }

    fn owner(&mut self) -> Option<&mut Owner> {
        match &mut self.mode {
            Mode::Owner(owner) => Some(owner),
            _ => None,
        }
    }

    fn owner_ref(&self) -> Option<&Owner> {
        match &self.mode {
            Mode::Owner(owner) => Some(owner),
            _ => None,
        }
    }

    fn broadcast(&self, message: &CoordinatorMessage, effects: &mut Vec<Effect>) {
        effects.extend(self.links.values().map(|l| Effect::Send(l.id, message.clone())));
    }

    fn write(&mut self, next: ControlRecord, purpose: Purpose, effects: &mut Vec<Effect>) {
        debug_assert!(!self.busy, "one write of the record at a time");
        self.busy = true;
        let expected = self.control.clone();
        effects.push(Effect::WriteControl { expected, next: Box::new(next), purpose });
    }

    fn parallelism(&self) -> u32 {
        self.config.pods.iter().sum()
    }

    fn fail(&mut self, message: String, effects: &mut Vec<Effect>) {
        if let Some(owner) = self.owner_ref() {
            let attempt = owner.attempt;
            self.broadcast(&CoordinatorMessage::Cancel { attempt }, effects);
        }
        self.mode = Mode::Failed(message.clone());
        effects.push(Effect::Exit(ExitReason::Failed(message)));
    }
}

#[cfg(test)]
mod tests;
