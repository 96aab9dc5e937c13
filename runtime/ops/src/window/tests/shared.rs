//! Windows that share slices.

use sabot_core::metrics::OperatorMetrics;
use sabot_core::plan::{Steps, Window};
use sabot_state::{Backend, open};

use super::fixture::{
    Backends, Fired, Row, aggregated, batch, fired, input, plan_of, row, windows_of,
};
use crate::testing::{Driver, config};

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
            let mut namespaces = Vec::new();
            for frozen in driver.snapshot().keyed {
                let mut visit = |row: sabot_core::state::StateRow<'_>| {
                    namespaces.push(row.namespace.0);
                    Ok(())
                };
                frozen.visit(&mut visit).unwrap();
            }
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
    assert_eq!(driver.backend.namespaces(sabot_core::state::StateHandle(0)).unwrap().len(), 1);
}

#[test]
fn the_state_is_described_by_slices() {
    let spec = |window| crate::state_specs(&plan_of(window, KEYS), &[input()]).remove(0).namespace;
    assert_eq!(spec(HOP), "slice-end hop(10,30,0)");
    assert_eq!(spec(CUMULATE), "slice-end cumulate(10,30,0)");
    let steps = Steps { step_ms: 10, size_ms: 30, offset_ms: 0 };
    assert_eq!(spec(Window::HopResults(steps)), "window-end hop(10,30,0)");
    assert_eq!(spec(Window::CumulateResults(steps)), "window-end cumulate(10,30,0)");
}
