//! Windows of processing time, by a clock that the tests turn.

use sabot_core::metrics::OperatorMetrics;
use sabot_core::plan::{Steps, Window};
use sabot_core::{Element, Random, SeededRandom};
use sabot_state::{Backend, open};
use sabot_types::EventTime;

use super::fixture::{
    Fired, Row, TUMBLE, aggregated, batch, fired, input, processing_plan_of, row, windows_of,
};
use crate::testing::{Backends, Driver, config};

const KEYS: &[usize] = &[0];
const HOP: Window = Window::Hop(Steps { step_ms: 10, size_ms: 30, offset_ms: 0 });
const CUMULATE: Window = Window::Cumulate(Steps { step_ms: 10, size_ms: 30, offset_ms: 0 });
const SESSION: Window = Window::Session { gap_ms: 10 };

fn driver(window: Window) -> Driver {
    let node = processing_plan_of(window, KEYS);
    Driver::new(&node, &input(), &config(), open(Backend::Memory).unwrap())
}

/// A row whose row time has nothing to do with the clock.
fn any_time(k1: i64) -> Row {
    row(k1, "a", 1, k1 * 7919)
}

/// The row with the time at which it comes as its row time.
fn at(now_ms: i64, row: &Row) -> Row {
    Row { ts: now_ms, ..row.clone() }
}

/// What all windows of these rows give.
fn expected(window: Window, rows: &[Row]) -> Vec<Fired> {
    let windowed = rows.iter().flat_map(|row| {
        windows_of(window, row.ts).into_iter().map(move |window| (row.clone(), window))
    });
    aggregated(windowed, KEYS)
}

fn watermarks(driver: &Driver) -> Vec<i64> {
    let watermark = |element: &Element| match element {
        Element::Watermark(watermark) => Some(watermark.millis()),
        _ => None,
    };
    driver.out.iter().filter_map(watermark).collect()
}

#[test]
fn the_clock_fires_windows_and_watermarks_do_not() {
    let mut driver = driver(TUMBLE);
    driver.clock(103);
    driver.process(batch(&[any_time(1), any_time(2)])).unwrap();
    driver.watermark(1_000_000);
    driver.clock(109);
    driver.process(batch(&[any_time(1)])).unwrap();
    assert!(fired(&driver).is_empty());
    driver.clock(110);
    let rows = [at(103, &any_time(1)), at(103, &any_time(2)), at(109, &any_time(1))];
    assert_eq!(fired(&driver), expected(TUMBLE, &rows));
    // What follows sees that the results are complete; the input's own watermark is none of it.
    assert_eq!(watermarks(&driver), [99, 109]);
    assert_eq!(OperatorMetrics::get(&driver.metrics.rows_late), 0);
}

#[test]
fn an_idle_input_holds_up_no_window_and_does_not_make_the_results_idle() {
    for window in [TUMBLE, SESSION] {
        let mut driver = driver(window);
        driver.clock(100);
        driver.process(batch(&[any_time(1)])).unwrap();
        let mut cx = sabot_core::Cx::new(&mut driver.out, &mut *driver.backend, &driver.metrics, 0);
        driver.operator.idle(&mut cx).unwrap();
        assert!(!driver.out.iter().any(|element| matches!(element, Element::Idle)));
        driver.clock(110);
        assert_eq!(fired(&driver).len(), 1);
    }
}

#[test]
fn the_end_of_the_input_fires_what_is_open() {
    for window in [TUMBLE, HOP, CUMULATE] {
        let mut driver = driver(window);
        driver.clock(105);
        driver.process(batch(&[any_time(1), any_time(2)])).unwrap();
        driver.watermark(i64::MAX);
        let rows = [at(105, &any_time(1)), at(105, &any_time(2))];
        assert_eq!(fired(&driver), expected(window, &rows));
        driver.clock(500);
        assert_eq!(watermarks(&driver).last(), Some(&i64::MAX));
    }
    let mut sessions = driver(SESSION);
    sessions.clock(105);
    sessions.process(batch(&[any_time(1)])).unwrap();
    sessions.watermark(i64::MAX);
    assert_eq!(fired(&sessions).len(), 1);
}

#[test]
fn a_clock_that_goes_back_puts_rows_behind_what_has_fired() {
    for window in [TUMBLE, HOP, CUMULATE] {
        let mut driver = driver(window);
        driver.clock(118);
        driver.process(batch(&[any_time(1)])).unwrap();
        driver.clock(121);
        let before = fired(&driver).len();
        driver.clock(95);
        driver.process(batch(&[any_time(1)])).unwrap();
        driver.clock(95);
        assert_eq!(fired(&driver).len(), before);
        driver.watermark(i64::MAX);
        let rows = [at(118, &any_time(1)), at(120, &any_time(1))];
        assert_eq!(fired(&driver), expected(window, &rows));
        assert_eq!(OperatorMetrics::get(&driver.metrics.rows_late), 0);
    }
}

#[test]
fn a_window_that_was_open_before_a_restore_fires_after_it() {
    for backend in Backends::all() {
        for window in [TUMBLE, HOP, CUMULATE, SESSION] {
            let node = processing_plan_of(window, KEYS);
            let mut driver = Driver::new(&node, &input(), &config(), backend.make());
            driver.clock(104);
            driver.process(batch(&[any_time(1), any_time(2)])).unwrap();
            let snapshot = driver.snapshot();
            // Rows behind the snapshot are read again.
            driver.process(batch(&[any_time(1)])).unwrap();
            let mut driver = Driver::restored(&node, &input(), snapshot, backend.make());
            // Whole windows have passed meanwhile.
            driver.clock(1007);
            driver.process(batch(&[any_time(1)])).unwrap();
            let rows = [at(104, &any_time(1)), at(104, &any_time(2))];
            if window == SESSION {
                assert_eq!(fired(&driver).len(), 2);
            } else {
                assert_eq!(fired(&driver), expected(window, &rows));
            }
            driver.watermark(i64::MAX);
            if window == SESSION {
                assert_eq!(fired(&driver).len(), 3);
            } else {
                let rows = [&rows[..], &[at(1007, &any_time(1))]].concat();
                assert_eq!(fired(&driver), expected(window, &rows));
            }
        }
    }
}

#[test]
fn rows_count_once_over_snapshots_and_restores_at_any_time() {
    let random = SeededRandom::new(7);
    let draw = |below: u64| (random.next_u64() % below) as i64;
    for window in [TUMBLE, HOP, CUMULATE] {
        let backend = Backends::all().into_iter().next().unwrap();
        let node = processing_plan_of(window, KEYS);
        let mut driver = Driver::new(&node, &input(), &config(), backend.make());
        let (mut rows, mut out, mut now_ms) = (Vec::new(), Vec::new(), 1_000);
        for _ in 0..300 {
            now_ms += draw(9);
            driver.clock(now_ms);
            match draw(8) {
                0 => drop(driver.snapshot()),
                1 => {
                    let snapshot = driver.snapshot();
                    out.append(&mut driver.out);
                    let watermark = snapshot.watermark;
                    assert!(watermark.is_none_or(|watermark| watermark < EventTime::MAX));
                    driver = Driver::restored(&node, &input(), snapshot, backend.make());
                }
                _ => {
                    let more: Vec<Row> = (0..draw(5)).map(|_| any_time(draw(3))).collect();
                    driver.process(batch(&more)).unwrap();
                    rows.extend(more.iter().map(|row| at(now_ms, row)));
                }
            }
        }
        driver.watermark(i64::MAX);
        out.append(&mut driver.out);
        driver.out = out;
        assert_eq!(fired(&driver), expected(window, &rows), "{window:?}");
    }
}

#[test]
fn a_session_of_processing_time_ends_when_no_row_came_for_its_gap() {
    let mut driver = driver(SESSION);
    for now_ms in [100, 108, 117] {
        driver.clock(now_ms);
        driver.process(batch(&[any_time(1)])).unwrap();
    }
    driver.clock(126);
    assert!(fired(&driver).is_empty());
    driver.clock(127);
    let sessions = fired(&driver);
    assert_eq!(sessions.iter().map(|s| (s.start, s.end)).collect::<Vec<_>>(), [(100, 127)]);
    assert_eq!(watermarks(&driver).last(), Some(&126));
}
