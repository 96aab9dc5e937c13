//! The world as the engine sees it: clock, randomness, tasks and stores are given in, so that a
//! whole job can run in a deterministic simulation.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use futures::future::BoxFuture;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::Doorbell;
use crate::store::{ObjectStore, StoreError};

/// How long an idle loop waits when nothing rings: bounds the delay of timers in a turn.
const IDLE_WAIT: Duration = Duration::from_millis(5);

/// The same for a loop that has something to do soon.
const SOON_WAIT: Duration = Duration::from_millis(1);

/// Time.
pub trait Clock: Send + Sync {
    /// Wall-clock time, milliseconds since the Unix epoch.
    fn now_ms(&self) -> i64;
    /// Wall-clock time, microseconds since the Unix epoch.
    fn now_micros(&self) -> i64 {
        self.now_ms() * 1000
    }
    /// Time since some fixed moment; never goes back.
    fn monotonic(&self) -> Duration;
    /// Ends after `duration`.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// Randomness, also for hash seeds.
pub trait Random: Send + Sync {
    /// The next 64 random bits.
    fn next_u64(&self) -> u64;
}

/// Where tasks run.
pub trait Tasks: Send + Sync {
    /// Runs `future` beside the caller. The task ends when its handle is aborted, not when the
    /// handle is dropped.
    fn spawn(&self, name: &'static str, future: BoxFuture<'static, ()>) -> TaskHandle;
    /// Runs `work`, which blocks or computes for long, without holding up other tasks.
    fn spawn_blocking(&self, name: &'static str, work: Box<dyn FnOnce() + Send>);
    /// Calls `turn` again and again on a thread of its own until it says [`Turn::Stop`]; after
    /// [`Turn::Idle`] only once `bell` rings or a few milliseconds have passed.
    fn spawn_loop(&self, name: String, bell: Doorbell, turn: Box<dyn FnMut() -> Turn + Send>);
}

/// What a turn of a loop did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Work, and there may be more.
    Busy,
    /// Nothing: wait.
    Idle,
    /// Nothing, but there will be in a millisecond.
    Soon,
    /// The loop is over.
    Stop,
}

/// A running task.
#[derive(Debug)]
pub struct TaskHandle(Option<tokio::task::AbortHandle>);

impl TaskHandle {
    /// Wraps a tokio task.
    pub fn new(handle: tokio::task::AbortHandle) -> Self {
        Self(Some(handle))
    }

    /// Ends the task at its next suspension point.
    pub fn abort(&self) {
        if let Some(handle) = &self.0 {
            handle.abort();
        }
    }
}

/// Opens object stores by URI.
#[async_trait]
pub trait Stores: Send + Sync {
    /// Opens the store whose root is `uri`: `s3://bucket/prefix`, `file:///dir` or a plain path.
    async fn open(&self, uri: &str) -> Result<Arc<dyn ObjectStore>, StoreError>;
}

/// The world.
#[derive(Clone)]
pub struct Env {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// Tasks.
    pub tasks: Arc<dyn Tasks>,
    /// Object stores.
    pub stores: Arc<dyn Stores>,
    /// A directory for local state, emptied at will.
    pub local_dir: PathBuf,
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Env").field("local_dir", &self.local_dir).finish_non_exhaustive()
    }
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock(Instant);

impl Default for SystemClock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        self.now_micros() / 1000
    }

    fn now_micros(&self) -> i64 {
        SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// Randomness from a seed: the same seed gives the same numbers.
#[derive(Debug)]
pub struct SeededRandom(Mutex<ChaCha8Rng>);

impl SeededRandom {
    /// Starts from `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(ChaCha8Rng::seed_from_u64(seed)))
    }

    /// Starts from a seed of the operating system.
    pub fn from_os() -> Self {
        use std::hash::{BuildHasher, RandomState};
        Self::new(RandomState::new().hash_one(std::process::id()))
    }
}

impl Random for SeededRandom {
    fn next_u64(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).next_u64()
    }
}

/// Has the calling thread stand back behind those that rows run through, until it ends.
pub fn stand_back() {
    const NICENESS: i32 = 5;
    // Where that is not allowed, it gets as much of the processor as rows do.
    let _ = rustix::process::nice(NICENESS);
}

/// Tasks on the current tokio runtime.
#[derive(Debug, Clone)]
pub struct TokioTasks(tokio::runtime::Handle);

impl TokioTasks {
    /// Uses the runtime of the caller; must be called within one.
    pub fn current() -> Self {
        Self(tokio::runtime::Handle::current())
    }
}

impl Tasks for TokioTasks {
    fn spawn(&self, _name: &'static str, future: BoxFuture<'static, ()>) -> TaskHandle {
        TaskHandle::new(self.0.spawn(future).abort_handle())
    }

    fn spawn_blocking(&self, name: &'static str, work: Box<dyn FnOnce() + Send>) {
        let runtime = self.0.clone();
        let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            stand_back();
            let _within = runtime.enter();
            work();
        });
        spawned.expect("the operating system gives a thread");
    }

    fn spawn_loop(&self, name: String, bell: Doorbell, mut turn: Box<dyn FnMut() -> Turn + Send>) {
        let runtime = self.0.clone();
        let spawned = std::thread::Builder::new().name(name).spawn(move || {
            let _within = runtime.enter();
            loop {
                match turn() {
                    Turn::Busy => {}
                    Turn::Idle => bell.wait(IDLE_WAIT),
                    Turn::Soon => bell.wait(SOON_WAIT),
                    Turn::Stop => return,
                }
            }
        });
        spawned.expect("the operating system gives a thread");
    }
}
