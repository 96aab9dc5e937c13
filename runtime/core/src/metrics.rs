//! Counters that subtasks bump once a batch and the metrics page reads.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use sabot_types::EventTime;

/// The counters of one operator's subtask. Every change is one relaxed atomic, once a batch.
#[derive(Debug, Default)]
pub struct OperatorMetrics {
    /// Rows that came in (for a source: rows read).
    pub rows_in: AtomicU64,
    /// Rows that went out.
    pub rows_out: AtomicU64,
    /// Rows that came after their window had fired and were dropped.
    pub rows_late: AtomicU64,
    /// Rows that could not be decoded and were skipped, by option.
    pub rows_malformed: AtomicU64,
    /// State reads, in rows.
    pub state_reads: AtomicU64,
    /// State writes, in rows.
    pub state_writes: AtomicU64,
    /// Nanoseconds spent in the operator.
    pub busy_nanos: AtomicU64,
    /// Nanoseconds in which output waited for room downstream.
    pub backpressure_nanos: AtomicU64,
    /// How long batches took in the operator and those chained behind it.
    pub latency: Latency,
    /// How old rows are when a sink has taken them, since they were there for their source.
    pub age: Latency,
    /// The current watermark in milliseconds; `i64::MIN` before the first.
    watermark: AtomicI64Min,
    /// What keeps the subtask from going on, while it tries again.
    trouble: Mutex<Option<String>>,
}

/// A histogram of durations; one observation costs three relaxed atomics.
#[derive(Debug, Default)]
pub struct Latency {
    buckets: [AtomicU64; LATENCY_BOUNDS_SECONDS.len() + 1],
    sum_nanos: AtomicU64,
}

/// The upper bounds of the buckets of [`Latency`], in seconds; one more bucket has no bound.
pub const LATENCY_BOUNDS_SECONDS: [f64; 14] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

impl Latency {
    /// Counts one that took `duration`.
    pub fn observe(&self, duration: std::time::Duration) {
        let seconds = duration.as_secs_f64();
        let bucket = LATENCY_BOUNDS_SECONDS.iter().take_while(|bound| seconds > **bound).count();
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.sum_nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// The counts of each bucket (not cumulative) and the sum of all durations in seconds.
    pub fn read(&self) -> ([u64; LATENCY_BOUNDS_SECONDS.len() + 1], f64) {
        let counts = std::array::from_fn(|i| self.buckets[i].load(Ordering::Relaxed));
        (counts, self.sum_nanos.load(Ordering::Relaxed) as f64 / 1e9)
    }
}

#[derive(Debug)]
struct AtomicI64Min(AtomicI64);

impl Default for AtomicI64Min {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}

impl OperatorMetrics {
    /// Adds `n` to a counter.
    pub fn add(counter: &AtomicU64, n: usize) {
        counter.fetch_add(n as u64, Ordering::Relaxed);
    }

    /// Reads a counter.
    pub fn get(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }

    /// Notes what is being tried again and why, or that it has succeeded. Not for the row path.
    pub fn set_trouble(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// What is being tried again and why.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes the current watermark.
    pub fn set_watermark(&self, watermark: EventTime) {
        self.watermark.0.store(watermark.millis(), Ordering::Relaxed);
    }

    /// The current watermark.
    pub fn watermark(&self) -> EventTime {
        EventTime::from_millis(self.watermark.0.load(Ordering::Relaxed))
    }
}
