//! The progress of `sabot run`: one live line on a terminal, plain lines elsewhere.

use std::fmt::Write as _;
use std::io::IsTerminal;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arrow::temporal_conversions::timestamp_ms_to_datetime;
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use sabot_api::{JobState, JobView};
use sabot_connectors::set_print_target;
use sabot_coordinator::ExitReason;
use sabot_core::metrics::LATENCY_BOUNDS_SECONDS;
use sabot_types::EventTime;
use sabot_worker::{PodMetrics, PodStatus};

use crate::table::Tables;

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// Over which time rows per second are measured.
const RATE_OVER: Duration = Duration::from_secs(2);

/// Shows a job's progress on standard error and its results on standard output.
pub struct Progress {
    name: String,
    mode: Mode,
    bar: ProgressBar,
    tables: Arc<Tables>,
    began: Instant,
    seen: Mutex<Seen>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Live,
    Lines,
    Quiet,
}

#[derive(Debug, Default)]
struct Seen {
    rate: Rate,
    last_line: Option<Instant>,
    last_state: Option<&'static str>,
}

/// Rows per second over the last seconds.
#[derive(Debug, Default)]
struct Rate {
    since: Option<(Duration, u64)>,
    per_second: f64,
}

impl Rate {
    /// Takes a reading at `now`.
    fn update(&mut self, now: Duration, rows: u64) -> f64 {
        match self.since {
            // A new attempt counts from 0 again.
            Some((then, before)) if rows >= before => {
                let elapsed = now.saturating_sub(then);
                if elapsed >= RATE_OVER || self.per_second == 0.0 && elapsed > Duration::ZERO {
                    self.per_second = (rows - before) as f64 / elapsed.as_secs_f64();
                }
                if elapsed >= RATE_OVER {
                    self.since = Some((now, rows));
                }
            }
            _ => *self = Self { since: Some((now, rows)), per_second: 0.0 },
        }
        self.per_second
    }
}

impl Progress {
    /// Begins, and takes over the rows of `print` sinks.
    pub fn start(name: &str, quiet: bool) -> Self {
        let mode = match (quiet, std::io::stderr().is_terminal()) {
            (true, _) => Mode::Quiet,
            (false, true) => Mode::Live,
            (false, false) => Mode::Lines,
        };
        let bar = if mode == Mode::Live {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
                bar.set_style(style);
            }
            bar
        } else {
            ProgressBar::hidden()
        };
        let tables = Arc::new(Tables::above(bar.clone()));
        set_print_target(tables.clone());
        let (began, seen) = (Instant::now(), Mutex::default());
        Self { name: name.to_owned(), mode, bar, tables, began, seen }
    }

    /// Shows results that have come, and how far the job is.
    pub fn draw(&self, metrics: &PodMetrics, view: &JobView) {
        self.tables.flush();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let status = metrics.status();
        let rate = seen.rate.update(self.began.elapsed(), status.rows_read);
        let state_bytes = metrics.state_bytes.load(Ordering::Relaxed);
        let line = || format!("{}: {}", self.name, line(&status, rate, state_bytes, view));
        match self.mode {
            Mode::Quiet => {}
            Mode::Live => {
                self.bar.set_message(line());
                self.bar.tick();
            }
            Mode::Lines => {
                let state = state_name(&view.state);
                let due = seen.last_line.is_none_or(|last| last.elapsed() >= LINE_EVERY);
                if due || seen.last_state != Some(state) {
                    eprintln!("{}", line());
                    seen.last_line = Some(Instant::now());
                    seen.last_state = Some(state);
                }
            }
        }
    }

    /// Tells something once.
    pub fn note(&self, text: &str) {
        if self.mode != Mode::Quiet {
            self.bar.suspend(|| eprintln!("{text}"));
        }
    }

    /// Shows the last results and how it ended.
    pub fn finish(&self, metrics: &PodMetrics, exit: Option<&ExitReason>) {
        self.tables.flush();
        self.bar.finish_and_clear();
        let ended = match exit {
            Some(ExitReason::Finished) => "finished",
            Some(ExitReason::Stopped { .. }) => "stopped; run it again to go on",
            // The error says more.
            Some(ExitReason::Superseded | ExitReason::Failed(_)) | None => return,
        };
        if self.mode != Mode::Quiet {
            let text = summary(&metrics.status(), self.began.elapsed());
            eprintln!("{}: {ended} ({text})", self.name);
        }
    }
}

fn line(status: &PodStatus, rate: f64, state_bytes: u64, view: &JobView) -> String {
    let mut parts = vec![
        state_name(&view.state).to_owned(),
        format!("{} rows", HumanCount(status.rows_read)),
        format!("{}/s", HumanCount(rate as u64)),
        format!("watermark {}", time_text(status.sink_watermark.or(status.source_watermark))),
    ];
    parts.push(match &view.checkpoint {
        Some(c) => format!("checkpoint {} ({} ms)", c.manifest.epoch(), c.duration_ms),
        None => "no checkpoint yet".to_owned(),
    });
    parts.push(format!("state {}", HumanBytes(state_bytes)));
    if status.rows_late > 0 {
        parts.push(format!("{} late", HumanCount(status.rows_late)));
    }
    if status.rows_malformed > 0 {
        parts.push(format!("{} malformed", HumanCount(status.rows_malformed)));
    }
    if view.restarts > 0 {
        parts.push(format!("{} restarts", view.restarts));
        parts.extend(view.last_failure.clone());
    }
    parts.join(", ")
}

fn summary(status: &PodStatus, took: Duration) -> String {
    let mut text = format!(
        "{} rows read, {} written in {:.1} s",
        HumanCount(status.rows_read),
        HumanCount(status.rows_written),
        took.as_secs_f64()
    );
    if let Some(ages) = percentiles(&status.ages) {
        // Writing to a string cannot fail.
        let _ = write!(text, ", latency {ages}");
    }
    for (count, what) in [(status.rows_late, "late"), (status.rows_malformed, "malformed")] {
        if count > 0 {
            // Writing to a string cannot fail.
            let _ = write!(text, ", {} {what}", HumanCount(count));
        }
    }
    text
}

/// Percentiles by the bounds of their buckets; none where nothing was counted.
fn percentiles(counts: &[u64; LATENCY_BOUNDS_SECONDS.len() + 1]) -> Option<String> {
    let all: u64 = counts.iter().sum();
    let of = |share: f64| {
        let mut left = (all as f64 * share).ceil() as u64;
        let bucket = counts.iter().position(|count| {
            let is_here = *count >= left;
            left = left.saturating_sub(*count);
            is_here
        });
        let bounds = LATENCY_BOUNDS_SECONDS;
        match bucket.and_then(|bucket| bounds.get(bucket)) {
            Some(bound) => format!("<= {} ms", bound * 1e3),
            None => format!("> {} ms", bounds[bounds.len() - 1] * 1e3),
        }
    };
    let shares = [("p50", 0.5), ("p99", 0.99), ("p99.99", 0.9999)];
    let texts: Vec<_> =
        shares.iter().map(|(name, share)| format!("{name} {}", of(*share))).collect();
    (all > 0).then(|| texts.join(", "))
}

pub(crate) fn time_text(time: Option<EventTime>) -> String {
    match time {
        None | Some(EventTime::MIN) => "-".to_owned(),
        Some(EventTime::MAX) => "end".to_owned(),
        Some(time) => timestamp_ms_to_datetime(time.millis())
            .map_or_else(|| time.to_string(), |t| t.format("%Y-%m-%d %H:%M:%S").to_string()),
    }
}

fn state_name(state: &JobState) -> &'static str {
    match state {
        JobState::Starting => "starting",
        JobState::Standby => "standby",
        JobState::WaitingForWorkers { .. } => "waiting for workers",
        JobState::Restoring => "restoring",
        JobState::Running => "running",
        JobState::Parked { .. } => "parked",
        JobState::Finished => "finished",
        JobState::Failed { .. } => "failed",
    }
}

#[cfg(test)]
mod tests {
    use sabot_api::CheckpointView;
    use sabot_types::{Attempt, Epoch, ManifestRef, SetNumber};

    use super::*;

    #[test]
    fn percentiles_are_the_bounds_below_which_so_many_are() {
        let mut counts = [0; LATENCY_BOUNDS_SECONDS.len() + 1];
        assert_eq!(percentiles(&counts), None);
        counts[2] = 9_900;
        counts[5] = 99;
        counts[LATENCY_BOUNDS_SECONDS.len()] = 1;
        let text = percentiles(&counts).unwrap();
        assert_eq!(text, "p50 <= 0.5 ms, p99 <= 0.5 ms, p99.99 <= 5 ms");
        counts[LATENCY_BOUNDS_SECONDS.len()] = 2;
        assert!(percentiles(&counts).unwrap().ends_with("p99.99 > 5000 ms"));
    }

    #[test]
    fn the_line_says_rows_watermark_checkpoint_and_state() {
        let status = PodStatus {
            rows_read: 1_234_567,
            rows_late: 2,
            sink_watermark: Some(EventTime::from_millis(1_500_000_000_000)),
            ..PodStatus::default()
        };
        let view = JobView {
            set: SetNumber::new(1),
            attempt: Some(Attempt::new(1)),
            state: JobState::Running,
            parallelism: 1,
            checkpoints_completed: 1,
            checkpoints_failed_in_row: 0,
            checkpoint: Some(CheckpointView {
                manifest: ManifestRef::Checkpoint {
                    attempt: Attempt::new(1),
                    epoch: Epoch::new(7),
                },
                completed_at_ms: 0,
                duration_ms: 12,
                size_bytes: 1,
            }),
            restarts: 0,
            last_failure: None,
            events_processed: 0,
            watermark_ms: None,
        };
        assert_eq!(
            line(&status, 2000.4, 3 << 20, &view),
            "running, 1,234,567 rows, 2,000/s, watermark 2017-07-14 02:40:00, \
             checkpoint 7 (12 ms), state 3.00 MiB, 2 late"
        );
    }

    #[test]
    fn a_rate_is_measured_over_seconds_and_starts_over_with_an_attempt() {
        let at = Duration::from_millis;
        let mut rate = Rate::default();
        assert!(rate.update(at(0), 0).abs() < 1e-9);
        assert!((rate.update(at(200), 200) - 1000.0).abs() < 1e-9);
        assert!((rate.update(at(400), 4000) - 1000.0).abs() < 1e-9);
        assert!((rate.update(at(2000), 4000) - 2000.0).abs() < 1e-9);
        assert!(rate.update(at(2200), 10).abs() < 1e-9);
    }

    #[test]
    fn watermarks_at_the_ends_of_time_are_words() {
        assert_eq!(time_text(None), "-");
        assert_eq!(time_text(Some(EventTime::MIN)), "-");
        assert_eq!(time_text(Some(EventTime::MAX)), "end");
    }
}
