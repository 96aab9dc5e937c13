//! Windows that share slices.

use sabot_core::metrics::OperatorMetrics;
use sabot_core::plan::{Steps, Window};
use sabot_core::state::{Namespace, StateHandle};
use sabot_state::{Backend, open};
use sabot_types::{EventTime, KeyGroupRange};

use super::fixture::{Fired, Row, aggregated, batch, fired, input, plan_of, row, windows_of};
use crate::OperatorConfig;
use crate::testing::{Backends, Driver, config, load_all};

const KEYS: &[usize] = &[0];
const HOP: Window = Window::Hop(Steps { step_ms: 10, size_ms: 30, offset_ms: 0 });
const CUMULATE: Window = Window::Cumulate(Steps { step_ms: 10, size_ms: 30, offset_ms: 0 });

fn driver(window: Window) -> Driver {
    Driver::new(&plan_of(window, KEYS), &input(), &config(), open(Backend::Memory).unwrap())
}

/// The results of windows with these ends.
fn expected(window: Window, rows: &[Row], ends: &[i64]) -> Vec<Fired> {
    let all = rows.iter().flat_map(|row| {
        windows_of(window, row.ts).into_iter().map(move |window| (row.clone(), window))
    });
    aggregated(all.filter(|(_, (_, end))| ends.contains(end)), KEYS)
}

#[test]
fn a_row_counts_in_each_of_its_windows() {
    let rows = [row(1, "a", 5, 25), row(1, "a", 7, 3), row(2, "a", 1, 9)];
    for (window, first, rest) in [(HOP, [10, 20], [30, 40, 50]), (CUMULATE, [10, 20], [30, 0, 0])] {
        let mut driver = driver(window);
        driver.process(batch(&rows)).unwrap();
        driver.watermark(19);
        assert_eq!(fired(&driver), expected(window, &rows, &first));
        driver.out.clear();
        driver.watermark(i64::MAX);
        assert_eq!(fired(&driver), expected(window, &rows, &rest));
    }
}

#[test]
fn a_row_that_is_late_for_some_windows_counts_in_the_others() {
    for (window, rest) in [(HOP, [30]), (CUMULATE, [30])] {
        let mut driver = driver(window);
        let rows = [row(1, "a", 5, 4), row(2, "a", 7, 3)];
        driver.process(batch(&rows[..1])).unwrap();
        driver.watermark(19);
        driver.out.clear();
        driver.process(batch(&rows[1..])).unwrap();
        driver.watermark(29);
        assert_eq!(fired(&driver), expected(window, &rows, &rest));
        assert_eq!(OperatorMetrics::get(&driver.metrics.rows_late), 0);
        // The last window that it could lie in has fired.
        driver.process(batch(&rows)).unwrap();
        assert_eq!(OperatorMetrics::get(&driver.metrics.rows_late), 2);
    }
}

#[test]
fn windows_without_rows_give_nothing() {
    let rows = [row(1, "a", 5, 3), row(1, "a", 5, 999_993)];
    for window in [HOP, CUMULATE] {
        let mut driver = driver(window);
        driver.process(batch(&rows)).unwrap();
        driver.watermark(i64::MAX);
        assert_eq!(fired(&driver).len(), 6);
        assert_eq!(driver.batches().count(), 6);
    }
}

#[test]
fn slices_leave_no_state_once_their_last_window_has_fired() {
    for (window, kept) in [(HOP, vec![20, 30]), (CUMULATE, vec![])] {
        for backend in Backends::all() {
            let node = plan_of(window, KEYS);
            let mut driver = Driver::new(&node, &input(), &config(), backend.make());
            let rows = [row(1, "a", 1, 1), row(1, "a", 1, 11), row(1, "a", 1, 21)];
            driver.process(batch(&rows)).unwrap();
            driver.snapshot();
            driver.watermark(29);
            driver.snapshot();
            let namespaces = driver.backend.namespaces(StateHandle(0)).unwrap();
            let kept: Vec<_> = kept.iter().map(|end| Namespace(*end)).collect();
            assert_eq!(namespaces, kept, "{window:?}");
        }
    }
}

#[test]
fn growing_windows_keep_one_row_of_state_for_each_key() {
    let mut driver = driver(CUMULATE);
    driver.process(batch(&[row(1, "a", 1, 1), row(1, "a", 1, 11)])).unwrap();
    driver.snapshot();
    driver.watermark(19);
    driver.snapshot();
    // Two slices, then both merged under the first.
    assert_eq!(OperatorMetrics::get(&driver.metrics.state_writes), 3);
    assert_eq!(driver.backend.namespaces(StateHandle(0)).unwrap().len(), 1);
}

#[test]
fn the_state_is_described_by_slices() {
    let specs = |window| crate::state_specs(&plan_of(window, KEYS), &[input()]);
    let spec = |window| specs(window).remove(0).namespace;
    let names: Vec<_> = specs(HOP).into_iter().map(|spec| spec.name).collect();
    assert_eq!(names, ["window", "fired"]);
    assert_eq!(spec(HOP), "slice-end hop(10,30,0)");
    assert_eq!(spec(CUMULATE), "slice-end cumulate(10,30,0)");
    let steps = Steps { step_ms: 10, size_ms: 30, offset_ms: 0 };
    assert_eq!(spec(Window::HopResults(steps)), "window-end hop(10,30,0)");
    assert_eq!(spec(Window::CumulateResults(steps)), "window-end cumulate(10,30,0)");
}

/// With idle inputs the watermarks of subtasks differ when their barriers come.
#[test]
fn a_restore_from_subtasks_that_were_not_alike_repeats_and_loses_nothing() {
    let rows: Vec<_> = (0..40).map(|n| row(n, "a", 1, n)).collect();
    for window in [HOP, CUMULATE] {
        for backend in Backends::all() {
            let mut out = Vec::new();
            let mut restored = backend.make();
            let halves = [(0, 512, 15), (512, 1024, 35)];
            for (start, end, watermark) in halves {
                let key_range = KeyGroupRange::new(start, end);
                let config = OperatorConfig { key_range, ..config() };
                let mut half =
                    Driver::new(&plan_of(window, KEYS), &input(), &config, backend.make());
                for row in rows.iter().filter(|row| {
                    let key = batch(std::slice::from_ref(*row));
                    let mut groups = Vec::new();
                    let count = config.key_groups;
                    sabot_core::column_hash::key_groups(&key, &[0], count, &mut groups).unwrap();
                    key_range.contains(groups[0])
                }) {
                    half.process(batch(std::slice::from_ref(row))).unwrap();
                }
                half.watermark(watermark);
                let snapshot = half.snapshot();
                out.extend(fired(&half));
                load_all(snapshot.keyed, &mut *restored);
            }
            let restored_watermark = Some(EventTime::from_millis(15));
            let config = OperatorConfig { restored_watermark, ..config() };
            let node = plan_of(window, KEYS);
            let mut driver = Driver::new(&node, &input(), &config, restored);
            // What was ahead stays so when it is stored again.
            driver.watermark(17);
            let mut again = backend.make();
            load_all(driver.snapshot().keyed, &mut *again);
            assert_eq!(driver.batches().count(), 0);
            let mut driver = Driver::new(&node, &input(), &config, again);
            driver.watermark(i64::MAX);
            out.extend(fired(&driver));
            out.sort();
            assert_eq!(out, expected(window, &rows, &[10, 20, 30, 40, 50, 60]), "{window:?}");
        }
    }
}
