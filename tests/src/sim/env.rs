//! The simulated world: clock, tasks that can be frozen and killed, and stores that fail.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::BoxFuture;
use sabot_core::store::{Object, ObjectMeta, ObjectStore, PutCondition, StoreError, Version};
use sabot_core::{Clock, Doorbell, Env, Random, SeededRandom, Stores, TaskHandle, Tasks, Turn};
use sabot_snapshot::store::{Call, Fault, Faults, FaultyStore, MemoryStores, Outcome};

/// The wall clock at the simulation's start, milliseconds since the Unix epoch.
const START_MS: i64 = 1_700_000_000_000;
/// How long a turn of a slot takes.
const TURN: Duration = Duration::from_millis(10);

/// What happened, line by line, with the virtual time.
#[derive(Debug, Clone)]
pub struct Log {
    lines: Arc<Mutex<Vec<String>>>,
    began: tokio::time::Instant,
}

impl Default for Log {
    fn default() -> Self {
        Self { lines: Arc::default(), began: tokio::time::Instant::now() }
    }
}

impl Log {
    /// Adds a line.
    pub fn add(&self, line: impl std::fmt::Display) {
        let at = self.began.elapsed().as_millis();
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(format!("{at:>7} ms {line}"));
    }

    /// All lines.
    pub fn text(&self) -> String {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).join("\n")
    }
}

/// Virtual time.
#[derive(Debug)]
pub(crate) struct SimClock(tokio::time::Instant);

impl Clock for SimClock {
    fn now_ms(&self) -> i64 {
        START_MS + i64::try_from(self.0.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// The tasks of one simulated process.
#[derive(Debug, Default)]
pub(crate) struct Process {
    handles: Mutex<Vec<tokio::task::AbortHandle>>,
    dead: AtomicBool,
    gate: Arc<Gate>,
}

/// Holds back the tasks of a frozen process.
#[derive(Debug, Default)]
struct Gate {
    frozen: AtomicBool,
    waiting: Mutex<Vec<Waker>>,
}

/// A future that is only polled while its process is not frozen.
struct Gated<F> {
    inner: Pin<Box<F>>,
    gate: Arc<Gate>,
}

impl<F: Future> Future for Gated<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        if self.gate.frozen.load(Ordering::Relaxed) {
            let mut waiting = self.gate.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.push(cx.waker().clone());
            return Poll::Pending;
        }
        self.inner.as_mut().poll(cx)
    }
}

impl Process {
    /// Kills every task at once.
    pub(crate) fn kill(&self) {
        self.dead.store(true, Ordering::Relaxed);
        for handle in self.handles.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            handle.abort();
        }
    }

    /// Whether it was killed.
    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    /// Stops every task where it is.
    pub(crate) fn freeze(&self) {
        self.gate.frozen.store(true, Ordering::Relaxed);
    }

    /// Lets a frozen process go on as if no time had passed for it.
    pub(crate) fn thaw(&self) {
        self.gate.frozen.store(false, Ordering::Relaxed);
        let mut waiting = self.gate.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        for waker in waiting.drain(..) {
            waker.wake();
        }
    }

    fn run(&self, future: impl Future<Output = ()> + Send + 'static) -> TaskHandle {
        let gated = Gated { inner: Box::pin(future), gate: Arc::clone(&self.gate) };
        let handle = tokio::spawn(gated).abort_handle();
        if self.dead.load(Ordering::Relaxed) {
            handle.abort();
        }
        let mut handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        handles.retain(|handle| !handle.is_finished());
        handles.push(handle.clone());
        TaskHandle::new(handle)
    }
}

struct SimTasks(Arc<Process>);

impl Tasks for SimTasks {
    fn spawn(&self, _name: &'static str, future: BoxFuture<'static, ()>) -> TaskHandle {
        self.0.run(future)
    }

    fn spawn_blocking(&self, _name: &'static str, work: Box<dyn FnOnce() + Send>) {
        self.0.run(async move { work() });
    }

    fn spawn_loop(
        &self,
        _name: String,
        _bell: Doorbell,
        mut turn: Box<dyn FnMut() -> Turn + Send>,
    ) {
        self.0.run(async move {
            while turn() != Turn::Stop {
                tokio::time::sleep(TURN).await;
            }
        });
    }
}

/// How often store calls go wrong.
#[derive(Debug, Clone, Copy)]
pub struct StoreFaults {
    /// Of a thousand calls, how many fail before, after, or long before their effect.
    pub per_mille: u64,
    /// Whether conditional writes are obeyed. A store without them has to break the job: the
    /// test of the tests.
    pub conditional: bool,
}

/// What happens to the process whose write of `control.json` falls into the trap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trap {
    /// It stops just before the write, and does it when it is thawed.
    Freeze,
    /// The write happens, its reply does not arrive.
    LoseReply,
    /// The write fails, and happens only after this time.
    LandLate(Duration),
}

/// Draws a fault for each call of one process.
struct Dice {
    random: Arc<SeededRandom>,
    per_mille: Arc<AtomicU64>,
    trap: Arc<Mutex<Option<Trap>>>,
    away: Arc<AtomicBool>,
    process: Arc<Process>,
}

impl Faults for Dice {
    fn next(&self, call: Call, key: &str) -> Fault {
        let draw = self.random.next_u64();
        if self.away.load(Ordering::Relaxed) {
            return Fault { delay: Duration::from_millis(1), outcome: Outcome::FailsBefore };
        }
        if call == Call::Put
            && key.ends_with("control.json")
            && let Some(trap) = self.trap.lock().unwrap_or_else(PoisonError::into_inner).take()
        {
            let outcome = match trap {
                Trap::Freeze => {
                    self.process.freeze();
                    Outcome::Works
                }
                Trap::LoseReply => Outcome::LosesReply,
                Trap::LandLate(after) => Outcome::LandsLate(after),
            };
            // A delay, so that a frozen process stops here.
            return Fault { delay: Duration::from_millis(1), outcome };
        }
        let delay = Duration::from_millis(1 + draw % 20);
        let outcome = if (draw >> 16) % 1000 >= self.per_mille.load(Ordering::Relaxed) {
            Outcome::Works
        } else {
            match (draw >> 32) % 3 {
                0 => Outcome::FailsBefore,
                1 => Outcome::LosesReply,
                _ => Outcome::LandsLate(Duration::from_millis((draw >> 40) % 3000)),
            }
        };
        Fault { delay, outcome }
    }
}

/// An object that is there before a job starts.
#[derive(Debug, Clone)]
pub struct SimFile {
    /// The URI of the folder that it lies in.
    pub folder: String,
    /// Its name in it.
    pub name: String,
    /// What it holds.
    pub content: String,
}

/// The stores of all processes: one memory, seen through faults.
#[derive(Clone)]
pub struct SimStores {
    memory: Arc<MemoryStores>,
    random: Arc<SeededRandom>,
    per_mille: Arc<AtomicU64>,
    conditional: bool,
    trap: Arc<Mutex<Option<Trap>>>,
    away: Arc<AtomicBool>,
}

impl SimStores {
    /// Empty stores whose calls fail as `faults` says.
    pub fn new(random: Arc<SeededRandom>, faults: StoreFaults) -> Self {
        Self {
            memory: Arc::default(),
            random,
            per_mille: Arc::new(AtomicU64::new(faults.per_mille)),
            conditional: faults.conditional,
            trap: Arc::default(),
            away: Arc::default(),
        }
    }

    /// While it is away, every call fails.
    pub fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::Relaxed);
    }

    /// The next write of `control.json`, by whichever process, falls into the trap.
    pub fn set_trap(&self, trap: Trap) {
        *self.trap.lock().unwrap_or_else(PoisonError::into_inner) = Some(trap);
    }

    /// Whether a trap is still waiting.
    pub fn trap_is_set(&self) -> bool {
        self.trap.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// From now on calls work.
    pub fn heal(&self) {
        self.per_mille.store(0, Ordering::Relaxed);
    }

    /// Puts files there, without faults.
    pub async fn place(&self, files: &[SimFile]) {
        for file in files {
            let store = self.plain(&file.folder).await.expect("memory opens");
            let bytes = Bytes::from(file.content.clone());
            store.put(&file.name, bytes, PutCondition::Always).await.expect("memory writes");
        }
    }

    /// The store without faults.
    pub async fn plain(&self, uri: &str) -> Result<Arc<dyn ObjectStore>, StoreError> {
        self.memory.open(uri).await
    }
}

/// The stores as one process sees them.
struct ProcessStores {
    shared: SimStores,
    clock: Arc<dyn Clock>,
    tasks: Arc<dyn Tasks>,
    process: Arc<Process>,
}

#[async_trait]
impl Stores for ProcessStores {
    async fn open(&self, uri: &str) -> Result<Arc<dyn ObjectStore>, StoreError> {
        let mut inner = self.shared.memory.open(uri).await?;
        if !self.shared.conditional {
            inner = Arc::new(Unconditional(inner));
        }
        let dice = Dice {
            random: Arc::clone(&self.shared.random),
            per_mille: Arc::clone(&self.shared.per_mille),
            trap: Arc::clone(&self.shared.trap),
            away: Arc::clone(&self.shared.away),
            process: Arc::clone(&self.process),
        };
        Ok(Arc::new(FaultyStore::new(
            inner,
            Arc::new(dice),
            Arc::clone(&self.clock),
            Arc::clone(&self.tasks),
        )))
    }
}

/// A store that ignores the conditions of writes: Sabot without its fence.
#[derive(Debug)]
struct Unconditional(Arc<dyn ObjectStore>);

#[async_trait]
impl ObjectStore for Unconditional {
    async fn get(&self, key: &str) -> Result<Object, StoreError> {
        self.0.get(key).await
    }

    async fn get_range(&self, key: &str, range: std::ops::Range<u64>) -> Result<Bytes, StoreError> {
        self.0.get_range(key, range).await
    }

    async fn put(&self, key: &str, bytes: Bytes, _: PutCondition) -> Result<Version, StoreError> {
        self.0.put(key, bytes, PutCondition::Always).await
    }

    async fn copy(&self, from: &str, to: &str) -> Result<(), StoreError> {
        self.0.copy(from, to).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.0.delete(key).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>, StoreError> {
        self.0.list(prefix).await
    }

    fn root(&self) -> &str {
        self.0.root()
    }
}

/// The world of a new process.
pub(crate) fn process_env(
    stores: &SimStores,
    random: &Arc<SeededRandom>,
    clock: &Arc<SimClock>,
) -> (Arc<Process>, Env) {
    let process = Arc::new(Process::default());
    let trapped = Arc::clone(&process);
    let tasks: Arc<dyn Tasks> = Arc::new(SimTasks(Arc::clone(&process)));
    let clock: Arc<dyn Clock> = Arc::clone(clock) as _;
    let env = Env {
        clock: Arc::clone(&clock),
        random: Arc::new(SeededRandom::new(random.next_u64())),
        tasks: Arc::clone(&tasks),
        stores: Arc::new(ProcessStores { shared: stores.clone(), clock, tasks, process: trapped }),
        local_dir: PathBuf::from("unused"),
    };
    (process, env)
}

/// A clock that starts now.
pub(crate) fn clock() -> Arc<SimClock> {
    Arc::new(SimClock(tokio::time::Instant::now()))
}
