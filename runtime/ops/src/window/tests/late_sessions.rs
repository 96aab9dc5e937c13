//! Sessions that rows change after they have ended, against a reference that takes one row after
//! the other.

use sabot_core::metrics::OperatorMetrics;
use sabot_core::row_kind::RowKind;
use sabot_core::state::{Namespace, StateHandle};
use sabot_state::{Backend, open};
use sabot_types::EventTime;

use super::fixture::{Fired, aggregated, batch, input, row};
use super::random::Dice;
use super::sessions::{KEYS, Reference, SESSION};
use super::updates::{changes, updating};
use crate::testing::{Backends, Driver, config};

const LATENESS_MS: i64 = 30;

fn driver() -> Driver {
    let node = updating(SESSION, KEYS, LATENESS_MS);
    Driver::new(&node, &input(), &config(), open(Backend::Memory).unwrap())
}

/// Applies changes, each of which has to fit to those before.
fn apply(changes: Vec<(RowKind, Fired)>, left: &mut Vec<Fired>) {
    for (kind, row) in changes {
        match kind {
            RowKind::Insert | RowKind::UpdateAfter => {
                assert!(!left.iter().any(|other| other.is_of(&row)), "{row:?} comes twice");
                left.push(row);
            }
            RowKind::UpdateBefore | RowKind::Delete => {
                let place = left.iter().position(|other| *other == row);
                left.swap_remove(place.unwrap_or_else(|| panic!("{row:?} was never there")));
            }
        }
    }
}

/// The kinds and bounds of changes.
fn bounds(driver: &mut Driver) -> Vec<(RowKind, i64, i64)> {
    let changes = changes(driver);
    driver.out.clear();
    changes.into_iter().map(|(kind, row)| (kind, row.start, row.end)).collect()
}

#[test]
fn a_late_row_inside_a_session_replaces_its_result() {
    let mut driver = driver();
    driver.process(batch(&[row(1, "a", 5, 0), row(1, "a", 5, 8), row(2, "a", 1, 3)])).unwrap();
    driver.watermark(20);
    let inserted = [(RowKind::Insert, 3, 13), (RowKind::Insert, 0, 18)];
    assert_eq!(bounds(&mut driver), inserted);
    driver.process(batch(&[row(1, "a", 7, 4)])).unwrap();
    let replaced = [(RowKind::UpdateBefore, 0, 18), (RowKind::UpdateAfter, 0, 18)];
    assert_eq!(bounds(&mut driver), replaced);
    assert_eq!(OperatorMetrics::get(&driver.metrics.rows_late), 0);
}

#[test]
fn a_late_row_between_sessions_takes_both_results_back() {
    let mut driver = driver();
    driver.process(batch(&[row(1, "a", 5, 0), row(1, "a", 6, 18)])).unwrap();
    driver.watermark(30);
    assert_eq!(bounds(&mut driver), [(RowKind::Insert, 0, 10), (RowKind::Insert, 18, 28)]);
    driver.process(batch(&[row(1, "a", 7, 9)])).unwrap();
    let mut found = bounds(&mut driver);
    assert_eq!(found.pop(), Some((RowKind::Insert, 0, 28)));
    found.sort_by_key(|(_, start, _)| *start);
    assert_eq!(found, [(RowKind::Delete, 0, 10), (RowKind::Delete, 18, 28)]);
}

#[test]
fn a_session_that_goes_on_is_replaced_when_it_ends_again() {
    let mut driver = driver();
    driver.process(batch(&[row(1, "a", 5, 0)])).unwrap();
    driver.watermark(10);
    assert_eq!(bounds(&mut driver), [(RowKind::Insert, 0, 10)]);
    driver.process(batch(&[row(1, "a", 7, 9)])).unwrap();
    assert_eq!(bounds(&mut driver), []);
    driver.watermark(18);
    assert_eq!(bounds(&mut driver), [(RowKind::Delete, 0, 10), (RowKind::Insert, 0, 19)]);
}

#[test]
fn sessions_are_gone_when_the_lateness_is_over() {
    let mut driver = driver();
    driver.process(batch(&[row(1, "a", 5, 0)])).unwrap();
    driver.watermark(9 + LATENESS_MS - 1);
    driver.process(batch(&[row(1, "a", 7, 0)])).unwrap();
    assert_eq!(bounds(&mut driver).len(), 3);
    driver.watermark(9 + LATENESS_MS);
    for handle in [0, 1] {
        let found = driver.backend.scan(StateHandle(handle), Namespace::ONLY, 10, &mut |_| {
            panic!("state {handle} is left")
        });
        found.unwrap();
    }
    driver.process(batch(&[row(1, "a", 7, 0)])).unwrap();
    assert_eq!(bounds(&mut driver), []);
    assert_eq!(OperatorMetrics::get(&driver.metrics.rows_late), 1);
}

#[test]
fn sessions_that_ended_before_the_first_lateness_do_not_begin_again() {
    let plain = super::fixture::plan_of(SESSION, KEYS);
    let backend = || open(Backend::Memory).unwrap();
    let mut driver = Driver::new(&plain, &input(), &config(), backend());
    driver.process(batch(&[row(1, "a", 5, 0), row(1, "a", 5, 50)])).unwrap();
    driver.watermark(40);
    let snapshot = driver.snapshot();
    let node = updating(SESSION, KEYS, LATENESS_MS);
    let mut driver = Driver::restored(&node, &input(), snapshot, backend());
    driver.process(batch(&[row(1, "a", 7, 25), row(1, "a", 7, 36)])).unwrap();
    assert_eq!(OperatorMetrics::get(&driver.metrics.rows_late), 1);
    driver.watermark(EventTime::MAX.millis());
    assert_eq!(bounds(&mut driver), [(RowKind::Insert, 36, 46), (RowKind::Insert, 50, 60)]);
}

/// The results of the sessions that have ended and can change.
fn ended(reference: &Reference, watermark: i64) -> Vec<Fired> {
    let ended = reference.open.iter().filter(|((_, end), _)| end - 1 <= watermark);
    let rows = ended.flat_map(|(of, rows)| rows.iter().map(|row| (row.clone(), *of)));
    aggregated(rows, KEYS)
}

fn run(seed: u64, backends: &Backends, disturbed: bool) {
    let dice = Dice::new(seed);
    let node = updating(SESSION, KEYS, LATENESS_MS);
    let mut driver = Driver::new(&node, &input(), &config(), backends.make());
    let mut reference = Reference::default();
    let mut left = Vec::new();
    let (mut watermark, mut counted) = (0, 0);
    let take = |driver: &mut Driver, left: &mut Vec<Fired>| {
        apply(changes(driver), left);
        driver.out.clear();
    };
    driver.watermark(watermark);
    for _ in 0..80 {
        let (kind, rows, step) = (dice.below(7), dice.below(12), 1 + dice.below(20) as i64);
        match kind {
            0..=3 => {
                let rows: Vec<_> = (0..rows).map(|_| dice.row(watermark - 15)).collect();
                for row in &rows {
                    reference.row(row, KEYS, watermark - LATENESS_MS);
                }
                driver.process(batch(&rows)).unwrap();
            }
            4 => {
                watermark += step;
                reference.watermark(watermark - LATENESS_MS);
                driver.watermark(watermark);
            }
            5 if disturbed => drop(driver.snapshot()),
            6 if disturbed => {
                let snapshot = driver.snapshot();
                take(&mut driver, &mut left);
                counted += OperatorMetrics::get(&driver.metrics.rows_late) as i64;
                driver = Driver::restored(&node, &input(), snapshot, backends.make());
            }
            _ => {}
        }
        take(&mut driver, &mut left);
        for ended in ended(&reference, watermark) {
            assert!(left.contains(&ended), "seed {seed}: {ended:?} is missing");
        }
    }
    reference.watermark(i64::MAX);
    driver.watermark(EventTime::MAX.millis());
    take(&mut driver, &mut left);
    left.sort();
    assert_eq!(left, aggregated(reference.done, KEYS), "seed {seed}");
    counted += OperatorMetrics::get(&driver.metrics.rows_late) as i64;
    assert_eq!(counted, reference.late, "late rows are counted");
}

#[test]
fn random_runs_give_what_the_reference_gives() {
    let [memory, rocksdb] = Backends::all();
    for seed in 0..100 {
        run(seed, &memory, seed % 2 == 0);
    }
    run(100, &rocksdb, true);
}

/// After a restore the subtask begins at the lowest watermark of those before it.
#[test]
fn a_session_that_had_ended_before_a_restore_gives_nothing_twice() {
    let node = updating(SESSION, KEYS, LATENESS_MS);
    let backend = || open(Backend::Memory).unwrap();
    let mut driver = Driver::new(&node, &input(), &config(), backend());
    driver.process(batch(&[row(1, "a", 5, 0), row(2, "a", 5, 45)])).unwrap();
    driver.watermark(20);
    assert_eq!(bounds(&mut driver), [(RowKind::Insert, 0, 10)]);
    let mut snapshot = driver.snapshot();
    snapshot.watermark = Some(EventTime::from_millis(5));
    let mut driver = Driver::restored(&node, &input(), snapshot, backend());
    driver.process(batch(&[row(1, "a", 5, 3)])).unwrap();
    assert_eq!(bounds(&mut driver), []);
    driver.watermark(20);
    assert_eq!(bounds(&mut driver), [(RowKind::Delete, 0, 10), (RowKind::Insert, 0, 13)]);
    driver.watermark(60);
    assert_eq!(bounds(&mut driver), [(RowKind::Insert, 45, 55)]);
}
