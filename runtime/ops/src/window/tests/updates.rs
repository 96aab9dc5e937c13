//! Rows that come behind a window's end, but within the lateness that is allowed.

use sabot_core::metrics::OperatorMetrics;
use sabot_core::plan::{NodeKind, PlanNode, Steps, Window, WindowTime};
use sabot_core::row_kind::{self, RowKind};
use sabot_core::state::StateHandle;
use sabot_state::{Backend, open};
use sabot_types::{EventTime, KeyGroupRange};

use super::fixture::{
    Fired, Row, TUMBLE, aggregated, batch, fired_in, input, plan_of, row, windows_of,
};
use super::random::{Dice, row_in_time};
use crate::OperatorConfig;
use crate::testing::{Backends, Driver, config, load_all};

const LATENESS_MS: i64 = 25;
pub(super) const KEYS: &[usize] = &[0];

const fn steps(step_ms: i64, size_ms: i64, offset_ms: i64) -> Steps {
    Steps { step_ms, size_ms, offset_ms }
}

const HOP: Window = Window::Hop(steps(10, 30, 0));
pub(super) const WINDOWS: [Window; 5] = [
    TUMBLE,
    HOP,
    Window::Hop(steps(5, 20, 3)),
    Window::Cumulate(steps(10, 40, 0)),
    Window::CumulateResults(steps(4, 12, 5)),
];

/// Windows whose results can change.
pub(super) fn updating(window: Window, keys: &[usize], lateness_ms: i64) -> PlanNode {
    let mut node = plan_of(window, keys);
    if let NodeKind::WindowAggregate(desc) = &mut node.kind {
        desc.lateness_ms = Some(lateness_ms);
    }
    let mut fields: Vec<_> = node.schema.fields().iter().cloned().collect();
    fields.push(row_kind::field().into());
    node.schema = arrow::datatypes::Schema::new(fields).into();
    node
}

fn driver(window: Window) -> Driver {
    let node = updating(window, KEYS, LATENESS_MS);
    Driver::new(&node, &input(), &config(), open(Backend::Memory).unwrap())
}

/// What was emitted, each row with its kind.
pub(super) fn changes(driver: &Driver) -> Vec<(RowKind, Fired)> {
    let mut all = Vec::new();
    for batch in driver.batches() {
        let kinds = row_kind::kinds(batch).unwrap().clone();
        for row in 0..batch.num_rows() {
            let kind =
                [RowKind::Insert, RowKind::UpdateBefore, RowKind::UpdateAfter, RowKind::Delete]
                    .into_iter()
                    .find(|kind| *kind as i8 == kinds.value(row));
            let row = fired_in(&batch.slice(row, 1)).remove(0);
            all.push((kind.unwrap(), row));
        }
    }
    all
}

/// What is left of changes, each of which fits to those before.
pub(super) fn left_of(changes: Vec<(RowKind, Fired)>) -> Vec<Fired> {
    let mut left: Vec<Fired> = Vec::new();
    let mut replaced: Option<Fired> = None;
    for (kind, row) in changes {
        assert_eq!(kind == RowKind::UpdateAfter, replaced.is_some(), "{row:?}");
        match kind {
            RowKind::Insert => {
                assert!(!left.iter().any(|other| other.is_of(&row)), "{row:?} comes twice");
                left.push(row);
            }
            RowKind::UpdateBefore => {
                let place = left.iter().position(|other| *other == row);
                left.swap_remove(place.unwrap_or_else(|| panic!("{row:?} was never there")));
                replaced = Some(row);
            }
            RowKind::UpdateAfter => {
                assert!(replaced.take().is_some_and(|before| before.is_of(&row)));
                left.push(row);
            }
            RowKind::Delete => panic!("{row:?} goes"),
        }
    }
    left.sort();
    left
}

fn expected(window: Window, rows: &[Row], keys: &[usize]) -> Vec<Fired> {
    let windows = |row: &Row| windows_of(window, row.ts).into_iter();
    aggregated(rows.iter().flat_map(|row| windows(row).map(move |of| (row.clone(), of))), keys)
}

#[test]
fn a_row_behind_the_watermark_replaces_the_result() {
    let mut driver = driver(TUMBLE);
    let rows = [row(1, "a", 5, 3), row(1, "a", 7, 4), row(2, "a", 1, 9)];
    driver.process(batch(&rows[..1])).unwrap();
    driver.watermark(9);
    let first = expected(TUMBLE, &rows[..1], KEYS).remove(0);
    assert_eq!(changes(&driver), [(RowKind::Insert, first.clone())]);
    driver.out.clear();
    driver.process(batch(&rows[1..])).unwrap();
    let [second, third] = expected(TUMBLE, &rows, KEYS).try_into().unwrap();
    let found = changes(&driver);
    assert_eq!(found.len(), 3);
    assert!(found.contains(&(RowKind::Insert, third)));
    let place = found.iter().position(|(kind, _)| *kind == RowKind::UpdateBefore).unwrap();
    assert_eq!(
        found[place..place + 2],
        [(RowKind::UpdateBefore, first), (RowKind::UpdateAfter, second)]
    );
    assert_eq!(OperatorMetrics::get(&driver.metrics.rows_late), 0);
    // The last millisecond of the window and of the lateness is over.
    driver.watermark(9 + LATENESS_MS);
    driver.out.clear();
    driver.process(batch(&rows)).unwrap();
    assert_eq!(changes(&driver), []);
    assert_eq!(OperatorMetrics::get(&driver.metrics.rows_late), 3);
    assert_eq!(driver.backend.namespaces(StateHandle(1)).unwrap(), []);
}

#[test]
fn a_row_that_changes_no_result_emits_nothing() {
    let mut node = updating(TUMBLE, KEYS, LATENESS_MS);
    let NodeKind::WindowAggregate(desc) = &mut node.kind else { panic!("a window aggregate") };
    desc.aggregates.retain(|aggregate| aggregate.name == "MIN(v)");
    let kept = ["k1", "window_start", "window_end", "window_time", "MIN(v)", row_kind::ROW_KIND];
    let indexes: Vec<usize> = kept.iter().map(|name| node.schema.index_of(name).unwrap()).collect();
    node.schema = node.schema.project(&indexes).unwrap().into();
    let mut driver = Driver::new(&node, &input(), &config(), open(Backend::Memory).unwrap());
    driver.process(batch(&[row(1, "a", 5, 3)])).unwrap();
    driver.watermark(9);
    driver.process(batch(&[row(1, "a", 7, 3)])).unwrap();
    assert_eq!(driver.batches().count(), 1);
    driver.process(batch(&[row(1, "a", 4, 3)])).unwrap();
    assert_eq!(driver.batches().last().unwrap().num_rows(), 2);
}

#[test]
fn windows_that_end_with_the_input_are_not_kept() {
    let mut driver = driver(HOP);
    driver.process(batch(&[row(1, "a", 5, 3)])).unwrap();
    driver.watermark(i64::MAX);
    assert_eq!(driver.batches().count(), 3);
    assert_eq!(OperatorMetrics::get(&driver.metrics.state_writes), 0);
}

/// Runs random steps over windows whose results change for a time behind their ends, with snapshots and
/// restores in between.
pub(super) fn run(
    seed: u64,
    node: &PlanNode,
    (window, keys, lateness_ms): (Window, &[usize], i64),
    backends: &Backends,
) {
    let dice = Dice::new(seed);
    let mut driver = Driver::new(node, &input(), &config(), backends.make());
    let (mut watermark, mut late) = (-100, 0);
    let (mut kept, mut out) = (Vec::new(), Vec::new());
    for _ in 0..60 {
        driver.clock(driver.now_ms + dice.below(4) as i64);
        let (kind, rows, step) = (dice.below(6), dice.below(40), 1 + dice.below(25) as i64);
        match kind {
            0..=2 => {
                let rows: Vec<_> = (0..rows).map(|_| dice.row(watermark - 10)).collect();
                for row in &rows {
                    let gone = |end: i64| end - 1 + lateness_ms <= watermark && watermark > -100;
                    let of = windows_of(window, row.ts).into_iter().filter(|(_, end)| !gone(*end));
                    let before = kept.len();
                    kept.extend(of.map(|of| (row.clone(), of)));
                    late += usize::from(kept.len() == before);
                }
                driver.process(batch(&rows)).unwrap();
            }
            3 => {
                watermark += step;
                driver.watermark(watermark);
            }
            4 => drop(driver.snapshot()),
            _ => {
                let snapshot = driver.snapshot();
                late -= OperatorMetrics::get(&driver.metrics.rows_late) as usize;
                out.extend(changes(&driver));
                driver.process(batch(&[row_in_time(watermark)])).unwrap();
                let now_ms = driver.now_ms;
                driver = Driver::restored(node, &input(), snapshot, backends.make());
                driver.now_ms = now_ms;
            }
        }
    }
    driver.watermark(EventTime::MAX.millis());
    late -= OperatorMetrics::get(&driver.metrics.rows_late) as usize;
    out.extend(changes(&driver));
    assert_eq!(late, 0, "seed {seed}, {window:?}: late rows are counted");
    let expected = aggregated(kept, keys);
    assert_eq!(left_of(out), expected, "seed {seed}, {window:?}, keys {keys:?}");
}

#[test]
fn random_rows_end_in_what_the_reference_gives() {
    let [memory, rocksdb] = Backends::all();
    for window in WINDOWS {
        for seed in 0..20 {
            let keys = [KEYS, &[], &[0, 1]][seed as usize % 3];
            let node = updating(window, keys, LATENESS_MS);
            run(seed, &node, (window, keys, LATENESS_MS), &memory);
        }
        let node = updating(window, KEYS, LATENESS_MS);
        run(20, &node, (window, KEYS, LATENESS_MS), &rocksdb);
    }
}

/// With idle inputs the watermarks of subtasks differ when their barriers come.
#[test]
fn a_restore_from_subtasks_that_were_not_alike_replaces_what_each_had_given() {
    let rows: Vec<_> = (0..40).map(|n| row(n, "a", 1, n)).collect();
    let more: Vec<_> = (0..40).map(|n| row(39 - n, "a", 2, n)).collect();
    for window in WINDOWS {
        for backend in Backends::all() {
            let node = updating(window, KEYS, 1000);
            let mut out = Vec::new();
            let mut restored = backend.make();
            for (start, end, watermark) in [(0, 512, 15), (512, 1024, 35)] {
                let key_range = KeyGroupRange::new(start, end);
                let config = OperatorConfig { key_range, ..config() };
                let mut half = Driver::new(&node, &input(), &config, backend.make());
                for row in &rows {
                    let key = batch(std::slice::from_ref(row));
                    let mut groups = Vec::new();
                    let count = config.key_groups;
                    sabot_core::column_hash::key_groups(&key, &[0], count, &mut groups).unwrap();
                    if key_range.contains(groups[0]) {
                        half.process(key).unwrap();
                    }
                }
                half.watermark(watermark);
                let snapshot = half.snapshot();
                out.extend(changes(&half));
                load_all(snapshot.keyed, &mut *restored);
            }
            let restored_watermark = Some(EventTime::from_millis(15));
            let config = OperatorConfig { restored_watermark, ..config() };
            let mut driver = Driver::new(&node, &input(), &config, restored);
            driver.process(batch(&more)).unwrap();
            driver.watermark(i64::MAX);
            out.extend(changes(&driver));
            let all = [rows.clone(), more.clone()].concat();
            assert_eq!(left_of(out), expected(window, &all, KEYS), "{window:?}");
        }
    }
}

/// What is not kept does not begin again: neither with the first lateness nor with a longer one.
#[test]
fn a_longer_lateness_begins_with_the_windows_that_were_still_there() {
    for (first, second) in [(None, 1000), (Some(5), 1000)] {
        let node = match first {
            Some(lateness_ms) => updating(TUMBLE, KEYS, lateness_ms),
            None => plan_of(TUMBLE, KEYS),
        };
        let mut before = Driver::new(&node, &input(), &config(), open(Backend::Memory).unwrap());
        before
            .process(batch(&[row(1, "a", 1, 3), row(1, "a", 1, 13), row(1, "a", 1, 23)]))
            .unwrap();
        before.watermark(22);
        let snapshot = before.snapshot();
        let mut backend = open(Backend::Memory).unwrap();
        load_all(snapshot.keyed, &mut *backend);
        let config = OperatorConfig { restored_watermark: snapshot.watermark, ..config() };
        let node = updating(TUMBLE, KEYS, second);
        let mut after = Driver::new(&node, &input(), &config, backend);
        after.process(batch(&[row(1, "a", 1, 3), row(1, "a", 1, 13), row(1, "a", 1, 23)])).unwrap();
        after.watermark(100);
        // Of the window that ends at 20 the first job kept the result if it had a lateness.
        let kept = u64::from(first.is_some());
        assert_eq!(OperatorMetrics::get(&after.metrics.rows_late), 2 - kept);
        let kinds: Vec<RowKind> = changes(&after).into_iter().map(|(kind, _)| kind).collect();
        let update = [RowKind::UpdateBefore, RowKind::UpdateAfter];
        let mut expected = if first.is_some() { update.to_vec() } else { Vec::new() };
        expected.push(RowKind::Insert);
        assert_eq!(kinds, expected);
    }
}

#[test]
fn the_states_of_windows_that_change_are_described() {
    let specs = |window| crate::state_specs(&updating(window, KEYS, LATENESS_MS), &[input()]);
    for window in [TUMBLE, HOP] {
        let names: Vec<_> = specs(window).into_iter().map(|spec| spec.name).collect();
        assert_eq!(names, ["window", "fired", "results", "gone"]);
    }
    assert_eq!(specs(HOP)[2].namespace, "window-end hop(10,30,0)");
}

#[test]
fn windows_of_processing_time_that_change_are_refused() {
    let mut node = updating(Window::Session { gap_ms: 5 }, KEYS, LATENESS_MS);
    let NodeKind::WindowAggregate(desc) = &mut node.kind else { panic!("a window aggregate") };
    desc.time = WindowTime::Processing;
    let mut backend = open(Backend::Memory).unwrap();
    let error = crate::build(&node, &[input()], &config(), &mut *backend).err().unwrap();
    assert!(error.to_string().contains("cannot change"), "{error}");
}
