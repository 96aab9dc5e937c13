//! Sessions, against a reference that takes one row after the other.

use sabot_core::metrics::OperatorMetrics;
use sabot_core::plan::Window;
use sabot_core::state::{Namespace, StateHandle};
use sabot_state::{Backend, open};
use sabot_types::{EventTime, KeyGroupRange};

use super::fixture::{Fired, Row, aggregated, batch, fired, input, plan_of, row};
use super::random::{Dice, late_of, row_in_time};
use crate::OperatorConfig;
use crate::testing::{Backends, Driver, config};

const GAP_MS: i64 = 10;
pub(super) const SESSION: Window = Window::Session { gap_ms: GAP_MS };
pub(super) const KEYS: &[usize] = &[0];

fn driver() -> Driver {
    Driver::new(&plan_of(SESSION, KEYS), &input(), &config(), open(Backend::Memory).unwrap())
}

/// Open sessions as lists of rows.
#[derive(Default)]
pub(super) struct Reference {
    pub(super) open: Vec<((i64, i64), Vec<Row>)>,
    pub(super) done: Vec<(Row, (i64, i64))>,
    pub(super) late: i64,
}

impl Reference {
    /// A row comes; one whose session would be over at `watermark` is late.
    pub(super) fn row(&mut self, row: &Row, keys: &[usize], watermark: i64) {
        let key = |row: &Row| {
            let k1 = row.k1.filter(|_| keys.contains(&0));
            (k1, row.k2.clone().filter(|_| keys.contains(&1)))
        };
        let (mut start, mut end) = (row.ts, row.ts + GAP_MS);
        let touches = |((s, e), rows): &((i64, i64), Vec<Row>)| {
            key(&rows[0]) == key(row) && *s <= row.ts + GAP_MS && *e >= row.ts
        };
        let (merged, others) = std::mem::take(&mut self.open).into_iter().partition(touches);
        self.open = others;
        let mut rows = vec![row.clone()];
        for ((s, e), more) in merged {
            (start, end) = (start.min(s), end.max(e));
            rows.extend(more);
        }
        if end - 1 <= watermark {
            self.late += 1;
        } else {
            self.open.push(((start, end), rows));
        }
    }

    /// Sessions that are over at `watermark` are done.
    pub(super) fn watermark(&mut self, watermark: i64) {
        for (bounds, rows) in std::mem::take(&mut self.open) {
            if bounds.1 - 1 <= watermark {
                self.done.extend(rows.into_iter().map(|row| (row, bounds)));
            } else {
                self.open.push((bounds, rows));
            }
        }
    }
}

/// Runs random steps; with `disturbed`, snapshots are taken and restored in between.
fn run(seed: u64, keys: &[usize], disturbed: Option<&Backends>) -> (Vec<Fired>, Vec<Fired>) {
    let dice = Dice::new(seed);
    let node = plan_of(SESSION, keys);
    let memory = Backends::all();
    let backends = disturbed.unwrap_or(&memory[0]);
    let mut driver = Driver::new(&node, &input(), &config(), backends.make());
    let mut reference = Reference::default();
    let (mut watermark, mut out) = (i64::MIN, Vec::new());
    let mut now = -100;
    for _ in 0..80 {
        let (kind, rows, step) = (dice.below(7), dice.below(25), 1 + dice.below(25) as i64);
        match kind {
            0..=3 => {
                let rows: Vec<_> = (0..rows).map(|_| dice.row(now)).collect();
                for row in &rows {
                    reference.row(row, keys, watermark);
                }
                driver.process(batch(&rows)).unwrap();
            }
            4 => {
                now += step;
                watermark = now;
                reference.watermark(watermark);
                driver.watermark(watermark);
            }
            5 if disturbed.is_some() => drop(driver.snapshot()),
            6 => {
                if let Some(backends) = disturbed {
                    let snapshot = driver.snapshot();
                    // What came after the snapshot is lost with the old operator.
                    driver.process(batch(&[row_in_time(now)])).unwrap();
                    reference.late -= late_of(&driver, &mut out);
                    driver = Driver::restored(&node, &input(), snapshot, backends.make());
                }
            }
            _ => {}
        }
    }
    reference.watermark(i64::MAX);
    driver.watermark(EventTime::MAX.millis());
    reference.late -= late_of(&driver, &mut out);
    assert_eq!(reference.late, 0, "late rows are counted");
    assert_eq!(driver.backend.namespaces(StateHandle(0)).unwrap(), [], "state is left");
    out.sort();
    (out, aggregated(reference.done, keys))
}

#[test]
fn random_runs_give_what_the_reference_gives() {
    for seed in 0..60 {
        for keys in [&[0, 1][..], &[0], &[1], &[]] {
            let (out, expected) = run(seed, keys, None);
            assert_eq!(out, expected, "seed {seed}, keys {keys:?}");
        }
    }
}

#[test]
fn snapshots_and_restores_change_nothing() {
    // Each restore opens a database, which takes long.
    for (backends, seeds) in Backends::all().into_iter().zip([60, 2]) {
        for seed in 0..seeds {
            for keys in [&[0, 1][..], &[0], &[1], &[]] {
                let (out, expected) = run(seed, keys, Some(&backends));
                assert_eq!(out, expected, "seed {seed}, keys {keys:?}");
            }
        }
    }
}

#[test]
fn a_session_fires_when_the_watermark_reaches_its_last_millisecond() {
    let mut driver = driver();
    driver.process(batch(&[row(1, "a", 1, 0), row(1, "a", 2, 10), row(2, "a", 3, 4)])).unwrap();
    driver.watermark(13);
    let bounds = |driver: &Driver| -> Vec<_> {
        fired(driver).iter().map(|fired| (fired.start, fired.end)).collect()
    };
    assert_eq!(bounds(&driver), [(4, 14)]);
    driver.out.clear();
    driver.watermark(18);
    assert_eq!(driver.batches().count(), 0);
    driver.watermark(19);
    assert_eq!(bounds(&driver), [(0, 20)]);
}

#[test]
fn sessions_that_merge_after_a_snapshot_leave_one_row_of_state() {
    for backend in Backends::all() {
        let node = plan_of(SESSION, KEYS);
        let mut driver = Driver::new(&node, &input(), &config(), backend.make());
        let mut rows = vec![row(1, "a", 1, 0), row(1, "a", 2, 20)];
        driver.process(batch(&rows)).unwrap();
        driver.snapshot();
        rows.push(row(1, "a", 3, 10));
        driver.process(batch(&rows[2..])).unwrap();
        let mut stored = 0;
        for frozen in driver.snapshot().keyed {
            frozen
                .visit(&mut |row| {
                    assert_eq!(row.namespace, Namespace(0));
                    stored += 1;
                    Ok(())
                })
                .unwrap();
        }
        assert_eq!(stored, 1);
        driver.watermark(i64::MAX);
        assert_eq!(fired(&driver), aggregated(rows.into_iter().map(|row| (row, (0, 30))), KEYS));
    }
}

#[test]
fn sessions_that_go_on_for_long_do_not_gather_fragments() {
    let mut driver = driver();
    let mut rows = Vec::new();
    for round in 0..300 {
        // One session goes on, another ends with each watermark.
        let more = [row(1, "a", 1, round * 10), row(2, "a", 1, round * 20)];
        driver.process(batch(&more)).unwrap();
        rows.push((more[0].clone(), (0, 3000)));
        rows.push((more[1].clone(), (round * 20, round * 20 + 10)));
        driver.watermark(round * 10);
    }
    driver.watermark(i64::MAX);
    assert_eq!(fired(&driver), aggregated(rows, KEYS));
    assert_eq!(OperatorMetrics::get(&driver.metrics.state_writes), 0);
}

#[test]
fn only_sessions_that_were_added_to_are_written() {
    let mut driver = driver();
    driver.process(batch(&(0..50).map(|n| row(n, "a", 1, n)).collect::<Vec<_>>())).unwrap();
    driver.snapshot();
    driver.process(batch(&[row(7, "a", 1, 8)])).unwrap();
    driver.snapshot();
    driver.snapshot();
    assert_eq!(OperatorMetrics::get(&driver.metrics.state_writes), 51);
    assert_eq!(OperatorMetrics::get(&driver.metrics.state_reads), 1);
}

#[test]
fn results_come_in_batches_of_bounded_size() {
    let mut driver = driver();
    driver.process(batch(&(0..2500).map(|n| row(n, "k", 1, 5)).collect::<Vec<_>>())).unwrap();
    driver.watermark(14);
    let sizes: Vec<_> = driver.batches().map(arrow::array::RecordBatch::num_rows).collect();
    assert_eq!(sizes, [1000, 1000, 500]);
}

#[test]
fn mistakes_are_told() {
    for ts in [i64::MIN, i64::MAX] {
        let error = driver().process(batch(&[row(1, "a", 1, ts)])).unwrap_err();
        assert!(error.to_string().contains("out of range"), "{error}");
    }
    let config = OperatorConfig { key_range: KeyGroupRange::new(0, 1), ..config() };
    let node = plan_of(SESSION, KEYS);
    let mut driver = Driver::new(&node, &input(), &config, open(Backend::Memory).unwrap());
    driver.process(batch(&(0..50).map(|n| row(n, "k", 1, 5)).collect::<Vec<_>>())).unwrap();
    let mut cx = sabot_core::Cx::new(&mut driver.out, &mut *driver.backend, &driver.metrics, 0);
    let error = driver.operator.snapshot(&mut cx).err().unwrap();
    assert!(error.chain().contains("the subtask owns 0..1"), "{}", error.chain());
}

#[test]
fn the_state_is_described_by_names_and_types() {
    let spec = crate::state_specs(&plan_of(SESSION, KEYS), &[input()]).remove(0);
    assert_eq!((&*spec.name, &*spec.namespace), ("session", "session(10)"));
    let key: Vec<_> = spec.key.iter().map(|f| (&*f.name, &*f.data_type)).collect();
    assert_eq!(key, [("k1", "Int64"), ("window_start", "Int64")]);
    let value: Vec<_> = spec.value.iter().map(|f| &*f.name).take(2).collect();
    assert_eq!(value, ["window_end", "COUNT(*)"]);
}
