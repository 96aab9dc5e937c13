use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use sabot_api::{JobState, SavepointMode};
use sabot_core::{Env, SeededRandom, SystemClock, TokioTasks};
use sabot_snapshot::ControlStore;
use sabot_snapshot::store::{MemoryStore, MemoryStores};
use sabot_types::{JobUid, OperatorUid, SetNumber};

use super::*;

/// A machine whose accesses to the control record are carried out at once.
struct Bench {
    machine: Machine,
    control: ControlStore,
    now: Duration,
    /// What the machine wants, without the accesses to the record.
    effects: Vec<Effect>,
}

fn identity(set: u64) -> Identity {
    Identity { job_uid: JobUid::new("job").unwrap(), set: SetNumber::new(set) }
}

fn env() -> Env {
    Env {
        clock: Arc::new(SystemClock::default()),
        random: Arc::new(SeededRandom::from_os()),
        tasks: Arc::new(TokioTasks::current()),
        stores: Arc::new(MemoryStores::default()),
        local_dir: PathBuf::from("unused"),
    }
}

impl Bench {
    async fn start(store: &Arc<MemoryStore>, set: u64, start: Start) -> Self {
        let config = MachineConfig {
            identity: identity(set),
            start,
            pods: vec![1, 1],
            plan_fingerprint: "plan".into(),
            key_groups: KeyGroupCount::DEFAULT,
            interval: None,
            checkpoint_timeout: Duration::from_secs(10),
            min_pause: Duration::ZERO,
            retained: 1,
            stop_on_user_error: false,
            writer: String::new(),
            root: "mem://job".into(),
        };
        let control = ControlStore::new(Arc::clone(store) as _, &env());
        let (machine, first) =
            Machine::new(MachineConfig { writer: control.writer().to_string(), ..config });
        let mut bench = Self { machine, control, now: Duration::ZERO, effects: Vec::new() };
        bench.carry_out(first).await;
        bench
    }

    async fn step(&mut self, event: Event) {
        self.now += Duration::from_millis(10);
        let effects = self.machine.step(self.now, 0, event);
        Box::pin(self.carry_out(effects)).await;
    }

    async fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::ReadControl => {
                    let read = self.control.read().await.map_err(|e| failure(&e));
                    self.step(Event::ControlRead(read)).await;
                }
                Effect::WriteControl { expected, next, purpose } => {
                    let written = match expected {
                        Some(loaded) => self.control.update(&loaded, *next).await,
                        None => self.control.create(*next).await,
                    };
                    let written = written.map_err(|e| match e {
                        sabot_snapshot::ControlError::Lost { current, .. } => {
                            WriteFailure::Lost(current)
                        }
                        other => WriteFailure::Unknown(other.to_string()),
                    });
                    self.step(Event::Written(purpose, written)).await;
                }
                other => self.effects.push(other),
            }
        }
    }

    async fn join(&mut self, link: u64, pod: u32) {
        let hello = WorkerMessage::Hello {
            set: self.machine.config.identity.set,
            pod,
            slots: 1,
            data_addr: format!("pod-{pod}"),
            plan_fingerprint: "plan".into(),
            started_ms: 0,
        };
        self.step(Event::Worker(link, hello)).await;
    }

    /// Both pods join and deploy.
    async fn run(&mut self) -> Attempt {
        self.join(1, 0).await;
        self.join(2, 1).await;
        let attempt = self.machine.view().attempt.expect("the job is owned");
        for link in [1, 2] {
            self.step(Event::Worker(link, WorkerMessage::Deployed { attempt })).await;
        }
        assert_eq!(self.machine.view().state, JobState::Running);
        attempt
    }

    async fn part(&mut self, attempt: Attempt, epoch: Epoch, slot: u32, output: bool) {
        let uid = OperatorUid::new("sink:out").unwrap();
        let committable = Committable {
            uid,
            connector: "filesystem".into(),
            epoch,
            payload: serde_json::json!(slot),
        };
        let snapshot = SlotSnapshot {
            slot,
            operators: BTreeMap::new(),
            segments: Vec::new(),
            committables: if output { vec![committable] } else { Vec::new() },
            finished: false,
        };
        let link = u64::from(slot) + 1;
        self.step(Event::Worker(link, WorkerMessage::Snapshot { attempt, epoch, snapshot })).await;
    }

    /// Publishes what the machine wants published.
    async fn publish(&mut self) -> Epoch {
        let at = self.effects.iter().position(|e| matches!(e, Effect::Publish { .. }));
        let Effect::Publish { loaded, manifest } =
            self.effects.remove(at.expect("nothing is to be published"))
        else {
            unreachable!()
        };
        let next = loaded.record.publish(manifest.attempt, manifest.epoch).unwrap();
        let written = self.control.update(&loaded, next).await.unwrap();
        self.step(Event::Published(manifest.epoch, Ok(written))).await;
        manifest.epoch
    }

    fn wants(&self, wanted: impl Fn(&Effect) -> bool) -> bool {
        self.effects.iter().any(wanted)
    }

    fn quiesce(operation: &str) -> Event {
        let request = SavepointRequest {
            mode: SavepointMode::Quiesce,
            lease_seconds: 60,
            timeout_seconds: 60,
        };
        let operation = OperationId::new(operation).unwrap();
        Event::Request(7, Request::Savepoint(operation, request))
    }

    async fn park(&mut self) -> OperationId {
        let attempt = self.run().await;
        self.step(Self::quiesce("up")).await;
        for slot in 0..2 {
            self.part(attempt, Epoch::new(1), slot, false).await;
        }
        self.publish().await;
        let operation = OperationId::new("up").unwrap();
        let info = SavepointInfo {
            location: "mem://job/savepoints/up-1".into(),
            job_uid: JobUid::new("job").unwrap(),
            attempt,
            epoch: Epoch::new(1),
            created_at_ms: 0,
            size_bytes: 10,
        };
        self.step(Event::Copied(operation.clone(), Ok(info))).await;
        assert!(matches!(self.machine.view().state, JobState::Parked { .. }));
        operation
    }
}

const FRESH: Start = Start::Fresh { restore: None };

fn store() -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new("mem://job"))
}

#[tokio::test]
async fn the_first_set_creates_the_record_and_runs_when_all_pods_are_there() {
    let mut bench = Bench::start(&store(), 1, FRESH).await;
    assert_eq!(bench.machine.view().state, JobState::WaitingForWorkers { slots: 0 });
    bench.join(1, 0).await;
    assert!(!bench.wants(|e| matches!(e, Effect::Send(_, CoordinatorMessage::Deploy { .. }))));
    bench.run().await;
}

#[tokio::test]
async fn a_checkpoint_waits_for_every_slot() {
    let mut bench = Bench::start(&store(), 1, FRESH).await;
    let attempt = bench.run().await;
    bench.step(Bench::quiesce("up")).await;
    bench.part(attempt, Epoch::new(1), 0, false).await;
    assert!(!bench.wants(|e| matches!(e, Effect::Publish { .. })));
    bench.part(attempt, Epoch::new(1), 1, false).await;
    assert!(bench.wants(|e| matches!(e, Effect::Publish { .. })));
}

#[tokio::test]
async fn a_job_is_parked_only_when_its_output_is_committed() {
    let mut bench = Bench::start(&store(), 1, FRESH).await;
    let attempt = bench.run().await;
    bench.step(Bench::quiesce("up")).await;
    for slot in 0..2 {
        bench.part(attempt, Epoch::new(1), slot, true).await;
    }
    bench.publish().await;
    let copying = |e: &Effect| matches!(e, Effect::CopySavepoint(..));
    assert!(!bench.wants(copying), "output is still hidden");
    let outstanding = bench.machine.owner_ref().unwrap().outstanding.clone();
    assert_eq!(outstanding.len(), 2);
    bench.step(Event::Committed(Err("the store is away".into()))).await;
    assert!(!bench.wants(copying));
    bench.step(Event::Committed(Ok(outstanding))).await;
    assert!(bench.wants(copying));
}

#[tokio::test]
async fn a_broken_stream_is_followed_by_the_next_attempt() {
    let mut bench = Bench::start(&store(), 1, FRESH).await;
    let attempt = bench.run().await;
    bench.step(Event::LinkLost(2)).await;
    bench.step(Event::Tick).await;
    assert_eq!(bench.machine.view().attempt, Some(attempt.next()));
    assert!(bench.wants(|e| matches!(e, Effect::Send(1, CoordinatorMessage::Cancel { .. }))));
}

#[tokio::test]
async fn a_standby_takes_over_what_was_parked_and_the_old_set_is_fenced() {
    let store = store();
    let mut old = Bench::start(&store, 1, FRESH).await;
    let operation = old.park().await;
    let mut new = Bench::start(&store, 2, Start::Standby).await;
    assert_eq!(new.machine.view().state, JobState::Standby);
    let activate = Request::Activate(ActivateRequest {
        operation: operation.clone(),
        parked_by: Some(operation.clone()),
        restore: sabot_api::RestoreFrom::Latest { allow_empty: false },
    });
    new.step(Event::Request(1, activate)).await;
    assert_eq!(new.machine.view().attempt, Some(Attempt::new(2)));
    // The old set's lease ends: it must not come back.
    old.now += Duration::from_secs(120);
    old.step(Event::Tick).await;
    assert!(old.wants(|e| matches!(e, Effect::Exit(ExitReason::Superseded))));
}

#[tokio::test]
async fn a_parked_job_that_nobody_comes_for_resumes() {
    let mut bench = Bench::start(&store(), 1, FRESH).await;
    bench.park().await;
    bench.now += Duration::from_secs(61);
    bench.step(Event::Tick).await;
    assert_eq!(bench.machine.view().state, JobState::Running);
    assert!(bench.wants(|e| matches!(e, Effect::Send(_, CoordinatorMessage::Resume { .. }))));
}

#[tokio::test]
async fn a_resume_that_was_lost_is_tried_again() {
    let mut bench = Bench::start(&store(), 1, FRESH).await;
    bench.park().await;
    bench.now += Duration::from_secs(61);
    let effects = bench.machine.step(bench.now, 0, Event::Tick);
    let purpose = effects.into_iter().find_map(|effect| match effect {
        Effect::WriteControl { purpose, .. } => Some(purpose),
        _ => None,
    });
    let purpose = purpose.expect("the job resumes");
    let lost = WriteFailure::Unknown("the store is away".into());
    bench.step(Event::Written(purpose, Err(lost))).await;
    for _ in 0..3 {
        bench.now += Duration::from_secs(2);
        bench.step(Event::Tick).await;
    }
    assert_eq!(bench.machine.view().state, JobState::Running);
}

#[tokio::test]
async fn the_end_of_input_is_a_last_checkpoint_and_then_finished() {
    let mut bench = Bench::start(&store(), 1, FRESH).await;
    let attempt = bench.run().await;
    for slot in 0..2 {
        let ended = WorkerMessage::Ended { attempt, slot };
        bench.step(Event::Worker(u64::from(slot) + 1, ended)).await;
    }
    for slot in 0..2 {
        bench.part(attempt, Epoch::new(1), slot, false).await;
    }
    assert_eq!(bench.machine.view().state, JobState::Running);
    bench.publish().await;
    bench.step(Event::Tick).await;
    assert_eq!(bench.machine.view().state, JobState::Finished);
}

/// Each would have begun the next one, which the end waits for.
#[tokio::test]
async fn checkpoints_that_take_longer_than_their_interval_do_not_hold_up_the_end() {
    let mut bench = Bench::start(&store(), 1, FRESH).await;
    bench.machine.config.interval = Some(Duration::from_secs(1));
    let attempt = bench.run().await;
    bench.now += Duration::from_secs(2);
    bench.step(Event::Tick).await;
    for slot in 0..2 {
        let ended = WorkerMessage::Ended { attempt, slot };
        bench.step(Event::Worker(u64::from(slot) + 1, ended)).await;
    }
    // The one that had begun, and the last one.
    for epoch in [1, 2] {
        bench.now += Duration::from_secs(2);
        for slot in 0..2 {
            bench.part(attempt, Epoch::new(epoch), slot, false).await;
        }
        assert_eq!(bench.publish().await, Epoch::new(epoch));
    }
    bench.step(Event::Tick).await;
    assert_eq!(bench.machine.view().state, JobState::Finished);
}

fn failure(error: &sabot_snapshot::ControlError) -> ReadFailure {
    ReadFailure { message: error.to_string(), is_lasting: error.is_lasting() }
}

#[tokio::test]
async fn a_damaged_record_ends_the_job_on_a_laptop_and_is_read_again_in_a_pod() {
    for stop_on_user_error in [true, false] {
        let config = Bench::start(&store(), 1, FRESH).await.machine.config;
        let (mut machine, _) = Machine::new(MachineConfig { stop_on_user_error, ..config });
        let damaged = ReadFailure { message: "damaged".into(), is_lasting: true };
        let effects = machine.step(Duration::ZERO, 0, Event::ControlRead(Err(damaged)));
        let exits =
            matches!(effects.as_slice(), [Effect::Exit(ExitReason::Failed(m))] if m == "damaged");
        assert_eq!(exits, stop_on_user_error, "{effects:?}");
        let later = machine.step(Duration::from_secs(2), 0, Event::Tick);
        assert_eq!(matches!(later.as_slice(), [Effect::ReadControl]), !stop_on_user_error);
    }
}

#[tokio::test]
async fn another_jobs_prefix_is_refused_with_the_remedy() {
    let store = store();
    Bench::start(&store, 1, FRESH).await;
    let mut other = identity(1);
    other.job_uid = JobUid::new("other").unwrap();
    let control = ControlStore::new(Arc::clone(&store) as _, &env());
    let config =
        MachineConfig { identity: other, ..Bench::start(&store, 1, FRESH).await.machine.config };
    let (mut machine, _) = Machine::new(config);
    let read = control.read().await.map_err(|e| failure(&e));
    let effects = machine.step(Duration::ZERO, 0, Event::ControlRead(read));
    let [Effect::Exit(ExitReason::Failed(message))] = effects.as_slice() else {
        panic!("not refused: {effects:?}")
    };
    assert!(message.contains("belongs to job job") && message.contains("another prefix"));
}
