//! Random changes with restores in between; what comes out is what is left of each window's rows when
//! the watermark passes its end.

use std::collections::BTreeMap;

use arrow::array::{ArrayRef, AsArray, Int64Array};
use arrow::datatypes::{Int64Type, TimestampMillisecondType};
use sabot_core::metrics::OperatorMetrics;
use sabot_core::plan::{NodeKind, Steps};
use sabot_core::row_kind::RowKind;
use sabot_core::{Random, SeededRandom};
use sabot_state::{Backend, open};

use super::*;
use crate::testing::{Backends, Driver, config, load_all, node};

/// Key, value, time.
type Row = (i64, i64, i64);

const TUMBLE: Window = Window::Tumble { size_ms: 100, offset_ms: 0 };
const HOP: Window = Window::Hop(Steps { step_ms: 50, size_ms: 100, offset_ms: 0 });
const CUMULATE: Window = Window::Cumulate(Steps { step_ms: 50, size_ms: 100, offset_ms: 0 });

fn schema() -> SchemaRef {
    let int = |name: &str| Field::new(name, DataType::Int64, true);
    let time = Field::new("ts", DataType::Timestamp(TimeUnit::Millisecond, None), true);
    Arc::new(Schema::new(vec![int("k"), int("v"), time]))
}

fn input() -> SchemaRef {
    let mut fields = schema().fields().to_vec();
    fields.push(Arc::new(row_kind::field()));
    Arc::new(Schema::new(fields))
}

fn batch(rows: &[(RowKind, Row)]) -> RecordBatch {
    let column = |of: fn(&Row) -> i64| rows.iter().map(move |(_, row)| of(row));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(column(|row| row.0))),
        Arc::new(Int64Array::from_iter_values(column(|row| row.1))),
        Arc::new(TimestampMillisecondArray::from_iter_values(column(|row| row.2))),
        row_kind::column(rows.iter().map(|(kind, _)| *kind)),
    ];
    RecordBatch::try_new(input(), columns).unwrap()
}

fn plan(window: Window) -> PlanNode {
    let desc = WindowSettleDesc { window, row_time: 2, local_times: None, keys: vec![0] };
    node(NodeKind::WindowSettle(desc), schema())
}

fn driver(window: Window, backend: Box<dyn StateBackend>, watermark: Option<EventTime>) -> Driver {
    let config = OperatorConfig { max_batch_rows: 2, restored_watermark: watermark, ..config() };
    Driver::new(&plan(window), &input(), &config, backend)
}

/// What has come out since the last time, sorted.
fn out(driver: &mut Driver) -> Vec<Row> {
    let mut rows = Vec::new();
    for batch in driver.batches() {
        let column = |at: usize| batch.column(at).as_primitive::<Int64Type>().values();
        let times = batch.column(2).as_primitive::<TimestampMillisecondType>().values();
        rows.extend(column(0).iter().zip(column(1)).zip(times).map(|((k, v), t)| (*k, *v, *t)));
    }
    driver.out.clear();
    rows.sort_unstable();
    rows
}

#[test]
fn what_came_and_went_before_the_end_of_a_window_was_never_there() {
    use RowKind::{Delete, Insert, UpdateAfter, UpdateBefore};
    let mut driver = driver(TUMBLE, open(Backend::Memory).unwrap(), None);
    let first = [(Insert, (1, 1, 10)), (Insert, (1, 1, 10)), (Insert, (2, 5, 150))];
    driver.process(batch(&first)).unwrap();
    driver.watermark(98);
    assert!(out(&mut driver).is_empty());
    drop(driver.snapshot());
    let second = [(UpdateBefore, (1, 1, 10)), (UpdateAfter, (1, 2, 20)), (Delete, (2, 5, 150))];
    driver.process(batch(&second)).unwrap();
    driver.watermark(99);
    assert_eq!(out(&mut driver), [(1, 1, 10), (1, 2, 20)]);
    // Behind the end nothing changes any more, and what was never there does not go.
    driver.process(batch(&[(Delete, (1, 2, 20)), (Delete, (3, 3, 160))])).unwrap();
    assert_eq!(OperatorMetrics::get(&driver.metrics.rows_late), 1);
    driver.watermark(i64::MAX);
    assert!(out(&mut driver).is_empty());
}

#[test]
fn a_row_of_several_windows_can_be_in_the_first_and_not_in_the_last() {
    for (window, later) in [(HOP, 149), (CUMULATE, 99)] {
        let mut driver = driver(window, open(Backend::Memory).unwrap(), None);
        let time = later - 99 + 10;
        driver.process(batch(&[(RowKind::Insert, (1, 7, time))])).unwrap();
        driver.watermark(later - 50);
        assert_eq!(out(&mut driver), [(1, 7, later - 50)]);
        driver.process(batch(&[(RowKind::Delete, (1, 7, time))])).unwrap();
        driver.watermark(i64::MAX);
        assert!(out(&mut driver).is_empty());
    }
}

#[test]
fn rows_of_random_changes_are_those_that_are_left_over_restores() {
    let [memory, rocksdb] = Backends::all();
    let backend = |rocks: bool| if rocks { rocksdb.make() } else { memory.make() };
    for seed in 0..12 {
        let random = SeededRandom::new(seed);
        let below = |n: u64| (random.next_u64() % n) as i64;
        let window = [TUMBLE, HOP, CUMULATE][seed as usize % 3];
        let assigned = Assigned::new("w", window).unwrap();
        let mut driver = driver(window, backend(seed % 2 == 0), None);
        let mut there: Vec<Row> = Vec::new();
        // What is left of each window's rows, by its end.
        let mut left: BTreeMap<i64, BTreeMap<Row, i64>> = BTreeMap::new();
        let (mut found, mut expected) = (Vec::new(), Vec::new());
        let mut watermark = 0;
        for step in 0..150 {
            let mut sent = Vec::new();
            for _ in 0..below(6) {
                let row = (below(3), below(3), watermark + 1 + below(300));
                let goes = below(3) == 0 && !there.is_empty();
                let (kind, row) = if goes {
                    (RowKind::Delete, there.swap_remove(below(there.len() as u64) as usize))
                } else {
                    there.push(row);
                    (RowKind::Insert, row)
                };
                sent.push((kind, row));
                for (_, end) in assigned.of(row.2).filter(|(_, end)| end - 1 > watermark) {
                    *left.entry(end).or_default().entry(row).or_default() += kind.weight();
                }
            }
            driver.process(batch(&sent)).unwrap();
            if below(3) == 0 {
                watermark += below(80);
                driver.watermark(watermark);
                while let Some(end) = left.first_key_value().map(|(end, _)| *end)
                    && end - 1 <= watermark
                {
                    for ((k, v, time), count) in left.remove(&end).unwrap() {
                        let time = if window == TUMBLE { time } else { end - 1 };
                        let count = usize::try_from(count).unwrap_or(0);
                        expected.extend(std::iter::repeat_n((k, v, time), count));
                    }
                }
                found.extend(out(&mut driver));
                found.sort_unstable();
                expected.sort_unstable();
                assert_eq!(found, expected, "seed {seed}, step {step}");
            }
            if below(8) == 0 {
                let snapshot = driver.snapshot();
                let mut restored = backend(step % 2 == 0);
                load_all(snapshot.keyed, &mut *restored);
                driver = super::tests::driver(window, restored, snapshot.watermark);
            }
        }
    }
}
