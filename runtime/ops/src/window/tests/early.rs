//! Results of windows that have not fired.

use sabot_core::plan::{NodeKind, PlanNode, Window, WindowTime};
use sabot_core::row_kind::RowKind::{self, Insert, UpdateAfter, UpdateBefore};
use sabot_core::state::StateHandle;
use sabot_state::{Backend, open};

use super::fixture::{TUMBLE, batch, input, row};
use super::updates::{KEYS, WINDOWS, changes, run, updating};
use crate::testing::{Backends, Driver, config};

const DELAY_MS: i64 = 5;

/// Windows that give results when rows came `early_ms` before.
fn early(window: Window, keys: &[usize], lateness_ms: i64, early_ms: i64) -> PlanNode {
    let mut node = updating(window, keys, lateness_ms);
    if let NodeKind::WindowAggregate(desc) = &mut node.kind {
        desc.early_ms = Some(early_ms);
    }
    node
}

fn driver(node: &PlanNode) -> Driver {
    Driver::new(node, &input(), &config(), open(Backend::Memory).unwrap())
}

/// What came since the last call: each row's kind, its window's end and its count.
fn came(driver: &mut Driver) -> Vec<(RowKind, i64, i64)> {
    let came = changes(driver).into_iter().map(|(kind, row)| (kind, row.end, row.count));
    let came = came.collect();
    driver.out.clear();
    came
}

#[test]
fn a_result_comes_a_delay_after_its_rows_and_changes_with_more() {
    let mut driver = driver(&early(TUMBLE, KEYS, 0, DELAY_MS));
    driver.clock(100);
    driver.process(batch(&[row(1, "a", 5, 3)])).unwrap();
    driver.clock(104);
    driver.process(batch(&[row(1, "a", 5, 4)])).unwrap();
    assert_eq!(came(&mut driver), []);
    driver.clock(105);
    assert_eq!(came(&mut driver), [(Insert, 10, 2)]);
    // Without more rows nothing comes.
    driver.clock(200);
    assert_eq!(came(&mut driver), []);
    driver.process(batch(&[row(1, "a", 5, 3), row(1, "a", 5, 13)])).unwrap();
    driver.clock(205);
    assert_eq!(came(&mut driver), [(UpdateBefore, 10, 2), (UpdateAfter, 10, 3), (Insert, 20, 1)]);
    // The window's end gives what came since.
    driver.process(batch(&[row(1, "a", 5, 3), row(1, "a", 5, 14)])).unwrap();
    driver.watermark(9);
    assert_eq!(came(&mut driver), [(UpdateBefore, 10, 3), (UpdateAfter, 10, 4)]);
    driver.clock(210);
    assert_eq!(came(&mut driver), [(UpdateBefore, 20, 1), (UpdateAfter, 20, 2)]);
    driver.watermark(19);
    assert_eq!(came(&mut driver), []);
    assert_eq!(driver.backend.namespaces(StateHandle(1)).unwrap(), [], "results that are over go");
    driver.process(batch(&[row(1, "a", 5, 14)])).unwrap();
    driver.clock(300);
    assert_eq!(came(&mut driver), [], "the row is late");
}

#[test]
fn without_a_delay_each_batch_changes_results() {
    let mut driver = driver(&early(TUMBLE, KEYS, 0, 0));
    for (count, expected) in
        [(1, vec![(Insert, 10, 1)]), (2, vec![(UpdateBefore, 10, 1), (UpdateAfter, 10, 3)])]
    {
        driver.process(batch(&vec![row(1, "a", 5, 3); count])).unwrap();
        assert_eq!(came(&mut driver), expected);
    }
}

#[test]
fn windows_of_processing_time_give_results_too() {
    let mut node = early(TUMBLE, KEYS, 0, DELAY_MS);
    let NodeKind::WindowAggregate(desc) = &mut node.kind else { panic!("a window aggregate") };
    desc.time = WindowTime::Processing;
    let mut driver = driver(&node);
    driver.clock(101);
    driver.process(batch(&[row(1, "a", 5, 0)])).unwrap();
    driver.clock(106);
    assert_eq!(came(&mut driver), [(Insert, 110, 1)]);
    driver.process(batch(&[row(1, "a", 5, 0)])).unwrap();
    driver.clock(110);
    assert_eq!(came(&mut driver), [(UpdateBefore, 110, 1), (UpdateAfter, 110, 2)]);
    driver.process(batch(&[row(1, "a", 5, 0)])).unwrap();
    driver.clock(119);
    assert_eq!(came(&mut driver), [(Insert, 120, 1)]);
}

#[test]
fn what_came_before_a_restore_is_given_at_once() {
    let node = early(TUMBLE, KEYS, 0, DELAY_MS);
    let mut before = driver(&node);
    before.process(batch(&[row(1, "a", 5, 3)])).unwrap();
    before.clock(DELAY_MS);
    assert_eq!(came(&mut before), [(Insert, 10, 1)]);
    before.process(batch(&[row(1, "a", 5, 3)])).unwrap();
    let snapshot = before.snapshot();
    let backend = open(Backend::Memory).unwrap();
    let mut after = Driver::restored(&node, &input(), snapshot, backend);
    after.clock(1000);
    assert_eq!(came(&mut after), [(UpdateBefore, 10, 1), (UpdateAfter, 10, 2)]);
}

#[test]
fn random_rows_end_in_what_the_reference_gives() {
    let [memory, rocksdb] = Backends::all();
    for window in WINDOWS {
        for seed in 0..20 {
            let keys = [KEYS, &[], &[0, 1]][seed as usize % 3];
            let (lateness_ms, early_ms) =
                ([0, 25][seed as usize % 2], [0, 3, 50][seed as usize % 3]);
            let node = early(window, keys, lateness_ms, early_ms);
            run(seed, &node, (window, keys, lateness_ms), &memory);
        }
        run(20, &early(window, KEYS, 25, 3), (window, KEYS, 25), &rocksdb);
    }
}
