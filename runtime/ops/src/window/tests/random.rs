//! Random rows, watermarks, snapshots and restores against the reference.

use sabot_core::metrics::OperatorMetrics;
use sabot_core::plan::{Steps, Window};
use sabot_core::{Random, SeededRandom};
use sabot_types::EventTime;

use super::fixture::{Fired, Row, TUMBLE, aggregated, batch, fired, input, plan_of, windows_of};
use crate::testing::{Backends, Driver, config};

const SEEDS: u64 = 30;
const STEPS: usize = 60;

pub(super) struct Dice(SeededRandom);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(SeededRandom::new(seed))
    }

    pub(super) fn below(&self, bound: u64) -> u64 {
        self.0.next_u64() % bound
    }

    fn maybe<T>(&self, value: T) -> Option<T> {
        (self.below(5) > 0).then_some(value)
    }

    pub(super) fn row(&self, around: i64) -> Row {
        Row {
            k1: self.maybe(self.below(4) as i64),
            k2: self.maybe("k".repeat(self.below(3) as usize * 20)),
            v: self.maybe(self.0.next_u64() as i32),
            t: self.maybe(format!("t{}", self.below(1000))),
            f: self.maybe(self.below(2) == 0),
            ts: around + self.below(60) as i64 - 20,
        }
    }
}

/// Runs random steps; with `disturbed`, snapshots are taken and restored in between.
fn run(
    seed: u64,
    window: Window,
    keys: &[usize],
    disturbed: Option<&Backends>,
) -> (Vec<Fired>, Vec<Fired>) {
    let dice = Dice::new(seed);
    let node = plan_of(window, keys);
    let memory = Backends::all();
    let backends = disturbed.unwrap_or(&memory[0]);
    let mut driver = Driver::new(&node, &input(), &config(), backends.make());
    let mut watermark = -100;
    let (mut kept, mut late) = (Vec::new(), 0);
    let mut out = Vec::new();
    for _ in 0..STEPS {
        let (kind, rows, step) = (dice.below(6), dice.below(40), 1 + dice.below(25) as i64);
        match kind {
            0..=2 => {
                let rows: Vec<_> = (0..rows).map(|_| dice.row(watermark)).collect();
                for row in &rows {
                    // A row counts in those of its windows that have not fired yet.
                    let over = |end: i64| end - 1 <= watermark && watermark > -100;
                    let of = windows_of(window, row.ts).into_iter().filter(|(_, end)| !over(*end));
                    let before = kept.len();
                    kept.extend(of.map(|of| (row.clone(), of)));
                    late += i64::from(kept.len() == before);
                }
                driver.process(batch(&rows)).unwrap();
            }
            3 => {
                watermark += step;
                driver.watermark(watermark);
            }
            4 => {
                if disturbed.is_some() {
                    drop(driver.snapshot());
                }
            }
            _ => {
                if let Some(backends) = disturbed {
                    let snapshot = driver.snapshot();
                    // What came after the snapshot is lost with the old operator.
                    driver.process(batch(&[row_in_time(watermark)])).unwrap();
                    late -= late_of(&driver, &mut out);
                    driver = Driver::restored(&node, &input(), snapshot, backends.make());
                }
            }
        }
    }
    driver.watermark(EventTime::MAX.millis());
    late -= late_of(&driver, &mut out);
    assert_eq!(late, 0, "late rows are counted");
    out.sort();
    (out, aggregated(kept, keys))
}

/// Takes what a driver emitted; gives the late rows that it counted.
pub(super) fn late_of(driver: &Driver, out: &mut Vec<Fired>) -> i64 {
    out.extend(fired(driver));
    OperatorMetrics::get(&driver.metrics.rows_late) as i64
}

/// A row that is never late.
pub(super) fn row_in_time(watermark: i64) -> Row {
    Row { k1: Some(1), k2: None, v: Some(1), t: None, f: None, ts: watermark + 1000 }
}

const fn steps(step_ms: i64, size_ms: i64, offset_ms: i64) -> Steps {
    Steps { step_ms, size_ms, offset_ms }
}

const WINDOWS: [Window; 7] = [
    TUMBLE,
    Window::Hop(steps(10, 30, 0)),
    Window::Hop(steps(5, 20, 3)),
    Window::Cumulate(steps(10, 40, 0)),
    Window::Cumulate(steps(4, 12, 5)),
    Window::HopResults(steps(5, 20, 3)),
    Window::CumulateResults(steps(4, 12, 5)),
];

#[test]
fn random_runs_give_what_the_reference_gives() {
    for seed in 0..SEEDS {
        for (window, keys) in WINDOWS.into_iter().flat_map(with_keys) {
            let (out, expected) = run(seed, window, keys, None);
            assert_eq!(out, expected, "seed {seed}, {window:?}, keys {keys:?}");
        }
    }
}

#[test]
fn snapshots_and_restores_change_nothing() {
    // Each restore opens a database, which takes long.
    let [memory, rocksdb] = Backends::all();
    for (window, keys) in WINDOWS.into_iter().flat_map(with_keys) {
        let on_disk = if window == TUMBLE { 3 } else { 1 };
        for (backends, seeds) in [(&memory, SEEDS), (&rocksdb, on_disk)] {
            for seed in 0..seeds {
                let (out, expected) = run(seed, window, keys, Some(backends));
                assert_eq!(out, expected, "seed {seed}, {window:?}, keys {keys:?}");
            }
        }
    }
}

/// The windows with each choice of keys.
fn with_keys(window: Window) -> [(Window, &'static [usize]); 4] {
    [(window, &[0, 1]), (window, &[0]), (window, &[1]), (window, &[])]
}
