//! Random rows and versions with restores in between; what comes out is what a plain search for
//! the last version of each row's time finds.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, TimestampMillisecondArray,
};
use arrow::compute::kernels::cmp::lt;
use arrow::datatypes::{
    DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMillisecondType,
};
use sabot_core::plan::{JoinKind, NodeKind, PlanNode, TemporalJoinDesc};
use sabot_core::row_kind::{self, RowKind};
use sabot_core::state::{Namespace, StateBackend};
use sabot_core::{Random, SeededRandom};
use sabot_state::{Backend, open};
use sabot_types::EventTime;

use crate::OperatorConfig;
use crate::testing::{Backends, Driver, computed, config, load_all, node};

/// Key, value, time.
type Row = (Option<i64>, i64, i64);
/// A left row's key, value and time, and a version's value.
type Out = (Option<i64>, i64, i64, Option<i64>);

fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, None)
}

fn fields(side: &str) -> Vec<Field> {
    vec![
        Field::new(format!("{side}k"), DataType::Int64, true),
        Field::new(format!("{side}v"), DataType::Int64, true),
        Field::new(format!("{side}t"), timestamp(), true),
    ]
}

fn inputs() -> [SchemaRef; 2] {
    ["l", "r"].map(|side| Arc::new(Schema::new(fields(side))))
}

fn batch(port: usize, rows: &[Row]) -> RecordBatch {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(rows.iter().map(|row| row.0).collect::<Int64Array>()),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.1))),
        Arc::new(TimestampMillisecondArray::from_iter_values(rows.iter().map(|row| row.2))),
    ];
    RecordBatch::try_new(Arc::clone(&inputs()[port]), columns).unwrap()
}

fn plan(kind: JoinKind, condition: bool) -> PlanNode {
    let condition = condition.then(|| {
        computed(DataType::Boolean, |batch| {
            let is_below: BooleanArray = lt(batch.column(1), batch.column(4)).unwrap();
            Arc::new(is_below)
        })
    });
    let keys = [vec![0], vec![0]];
    let desc = TemporalJoinDesc { kind, keys, times: [2, 2], condition, ttl_ms: None };
    node(NodeKind::TemporalJoin(desc), Arc::new(Schema::new([fields("l"), fields("r")].concat())))
}

/// Few rows make a batch, so that one watermark needs several.
fn driver(node: &PlanNode, backend: Box<dyn StateBackend>) -> Driver {
    let config = OperatorConfig { max_batch_rows: 2, ..config() };
    Driver::with_inputs(node, &inputs(), &config, backend)
}

fn plain(kind: JoinKind) -> Driver {
    driver(&plan(kind, false), open(Backend::Memory).unwrap())
}

/// What has come out since the last time, sorted.
fn out(driver: &mut Driver) -> Vec<Out> {
    let mut rows = Vec::new();
    for batch in driver.batches() {
        let column = |at: usize| batch.column(at).as_primitive::<Int64Type>();
        let times = batch.column(2).as_primitive::<TimestampMillisecondType>();
        let some = |at: usize, row: usize| column(at).is_valid(row).then(|| column(at).value(row));
        for row in 0..batch.num_rows() {
            rows.push((some(0, row), column(1).value(row), times.value(row), some(4, row)));
        }
    }
    driver.out.clear();
    rows.sort_unstable();
    rows
}

#[test]
fn a_row_waits_for_the_watermark_and_meets_the_version_of_its_time() {
    let mut driver = plain(JoinKind::Left);
    driver.process_from(1, batch(1, &[(Some(1), 10, 100), (Some(1), 20, 200)])).unwrap();
    let rows = [(Some(1), 1, 99), (Some(1), 2, 100), (Some(1), 3, 250), (None, 4, 150)];
    driver.process_from(0, batch(0, &rows)).unwrap();
    assert!(out(&mut driver).is_empty());
    driver.watermark(150);
    let expected = [(None, 4, 150, None), (Some(1), 1, 99, None), (Some(1), 2, 100, Some(10))];
    assert_eq!(out(&mut driver), expected);
    // A version that comes in time, though later than the row.
    driver.process_from(1, batch(1, &[(Some(1), 30, 240), (None, 40, 240)])).unwrap();
    driver.watermark(i64::MAX);
    assert_eq!(out(&mut driver), [(Some(1), 3, 250, Some(30))]);
}

#[test]
fn a_condition_is_asked_of_the_version_and_not_of_older_ones() {
    for (kind, rest) in [(JoinKind::Inner, vec![]), (JoinKind::Left, vec![(Some(1), 5, 300, None)])]
    {
        let mut driver = driver(&plan(kind, true), open(Backend::Memory).unwrap());
        driver.process_from(1, batch(1, &[(Some(1), 9, 100), (Some(1), 2, 200)])).unwrap();
        driver.process_from(0, batch(0, &[(Some(1), 5, 300), (Some(1), 5, 150)])).unwrap();
        driver.watermark(i64::MAX);
        assert_eq!(out(&mut driver), [vec![(Some(1), 5, 150, Some(9))], rest].concat());
    }
}

#[test]
fn the_last_of_two_versions_of_one_time_is_the_version() {
    let mut driver = plain(JoinKind::Inner);
    driver.process_from(1, batch(1, &[(Some(1), 9, 100), (Some(1), 8, 100)])).unwrap();
    driver.process_from(1, batch(1, &[(Some(1), 7, 100)])).unwrap();
    driver.process_from(0, batch(0, &[(Some(1), 1, 100)])).unwrap();
    driver.watermark(100);
    assert_eq!(out(&mut driver), [(Some(1), 1, 100, Some(7))]);
}

/// How many rows a state has, by its number among those of the operator.
fn stored_of(
    driver: &mut Driver,
    (node, inputs): (&PlanNode, &[SchemaRef]),
    state: usize,
) -> usize {
    let spec = crate::state_specs(node, inputs).remove(state);
    let state = driver.backend.open(&spec).unwrap();
    let mut rows = 0;
    for namespace in driver.backend.namespaces(state).unwrap() {
        let mut count = |more: sabot_core::state::StateRows| {
            rows += more.groups.len();
            Ok(())
        };
        driver.backend.scan(state, Namespace(namespace.0), 100, &mut count).unwrap();
    }
    rows
}

fn stored(driver: &mut Driver, state: usize) -> usize {
    stored_of(driver, (&plan(JoinKind::Inner, false), &inputs()), state)
}

#[test]
fn versions_and_rows_that_nothing_can_ask_for_leave_the_state() {
    let mut driver = plain(JoinKind::Inner);
    let versions: Vec<Row> = (0..50).map(|n| (Some(n % 2), n, n * 10)).collect();
    driver.process_from(1, batch(1, &versions)).unwrap();
    driver.process_from(0, batch(0, &[(Some(0), 1, 495), (Some(0), 2, 5_000)])).unwrap();
    drop(driver.snapshot());
    assert_eq!((stored(&mut driver, 0), stored(&mut driver, 1)), (2, 50));
    driver.watermark(495);
    assert_eq!(out(&mut driver), [(Some(0), 1, 495, Some(48))]);
    drop(driver.snapshot());
    assert_eq!((stored(&mut driver, 0), stored(&mut driver, 1)), (1, 50));
    // Of a key that gets another version, or is asked for again, the last one is left.
    driver.process_from(1, batch(1, &[(Some(1), 99, 600)])).unwrap();
    assert_eq!(stored(&mut driver, 1), 27);
    driver.watermark(i64::MAX);
    assert_eq!(stored(&mut driver, 1), 3);
    assert_eq!(out(&mut driver), [(Some(0), 2, 5_000, Some(48))]);
    drop(driver.snapshot());
    assert_eq!(stored(&mut driver, 0), 0);
}

#[test]
fn a_row_without_a_time_is_refused_with_the_remedy() {
    let nulls = TimestampMillisecondArray::from(vec![None::<i64>]);
    for port in [0, 1] {
        let mut columns = batch(port, &[(Some(1), 1, 1)]).columns().to_vec();
        columns[2] = Arc::new(nulls.clone());
        let batch = RecordBatch::try_new(Arc::clone(&inputs()[port]), columns).unwrap();
        let error = plain(JoinKind::Inner).process_from(port, batch).unwrap_err();
        assert!(error.to_string().contains("IS NOT NULL"), "{error}");
    }
}

/// The last version of the row's key at its time.
fn version(row: &Row, versions: &BTreeMap<(i64, i64), i64>) -> Option<i64> {
    let key = row.0?;
    versions.range((key, i64::MIN)..=(key, row.2)).next_back().map(|(_, value)| *value)
}

#[test]
fn rows_meet_their_versions_over_restores() {
    let [memory, rocksdb] = Backends::all();
    let backend = |rocks: bool| if rocks { rocksdb.make() } else { memory.make() };
    for seed in 0..12 {
        let random = SeededRandom::new(seed);
        let below = |n: u64| (random.next_u64() % n) as i64;
        let kind = [JoinKind::Inner, JoinKind::Left][seed as usize % 2];
        let node = plan(kind, seed % 3 == 0);
        let mut driver = driver(&node, backend(seed % 4 < 2));
        let (mut rows, mut versions, mut found) = (Vec::new(), BTreeMap::new(), Vec::new());
        let mut watermark = 0;
        for step in 0..80 {
            // Nothing is late.
            let time = |random: i64| watermark + 1 + random;
            let key = || Some(below(5)).filter(|key| *key > 0);
            let more: Vec<Row> =
                (0..below(6)).map(|_| (key(), below(9), time(below(4_000)))).collect();
            if below(2) == 0 {
                driver.process_from(0, batch(0, &more)).unwrap();
                rows.extend(more);
            } else {
                driver.process_from(1, batch(1, &more)).unwrap();
                let known = more.iter().filter_map(|row| Some(((row.0?, row.2), row.1)));
                versions.extend(known);
            }
            if below(3) == 0 {
                watermark += below(700);
                driver.watermark(watermark);
            }
            found.extend(out(&mut driver));
            match below(10) {
                0 => drop(driver.snapshot()),
                1 => {
                    let snapshot = driver.snapshot();
                    let mut restored = backend(step % 2 == 0);
                    load_all(snapshot.keyed, &mut *restored);
                    driver = super::tests::driver(&node, restored);
                }
                _ => {}
            }
        }
        driver.watermark(EventTime::MAX.millis());
        found.extend(out(&mut driver));
        found.sort_unstable();
        let mut expected: Vec<Out> = Vec::new();
        for row in &rows {
            let version = version(row, &versions).filter(|value| seed % 3 != 0 || row.1 < *value);
            if version.is_some() || kind == JoinKind::Left {
                expected.push((row.0, row.1, row.2, version));
            }
        }
        expected.sort_unstable();
        assert_eq!(found, expected, "seed {seed}");
        drop(driver.snapshot());
        assert_eq!(stored(&mut driver, 0), 0);
    }
}

/// Rows with their kinds.
fn changes(port: usize, rows: &[(RowKind, Row)]) -> RecordBatch {
    let values: Vec<Row> = rows.iter().map(|(_, row)| *row).collect();
    let mut columns = batch(port, &values).columns().to_vec();
    columns.push(row_kind::column(rows.iter().map(|(kind, _)| *kind)));
    RecordBatch::try_new(Arc::clone(&changing_inputs()[port]), columns).unwrap()
}

fn changing_inputs() -> [SchemaRef; 2] {
    ["l", "r"].map(|side| Arc::new(Schema::new([fields(side), vec![row_kind::field()]].concat())))
}

fn changing_plan(kind: JoinKind) -> PlanNode {
    let plan = plan(kind, false);
    let fields = plan.schema.fields().iter().cloned().chain([Arc::new(row_kind::field())]);
    PlanNode { schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())), ..plan }
}

fn changing_driver(node: &PlanNode, backend: Box<dyn StateBackend>) -> Driver {
    let config = OperatorConfig { max_batch_rows: 2, ..config() };
    Driver::with_inputs(node, &changing_inputs(), &config, backend)
}

/// Adds what has come out since the last time to how often each row is there.
fn add_out(driver: &mut Driver, all: &mut BTreeMap<Out, i64>) {
    for batch in driver.batches() {
        let weights = row_kind::weights(batch).unwrap();
        for (row, weight) in weights.into_iter().enumerate() {
            let value = |at: usize| {
                let column = batch.column(at).as_primitive::<Int64Type>();
                column.is_valid(row).then(|| column.value(row))
            };
            let times = batch.column(2).as_primitive::<TimestampMillisecondType>();
            let out = (value(0), value(1).unwrap(), times.value(row), value(4));
            *all.entry(out).or_default() += weight;
        }
    }
    driver.out.clear();
    all.retain(|_, count| *count != 0);
}

use RowKind::{Delete, Insert, UpdateAfter, UpdateBefore};

#[test]
fn a_key_that_goes_has_no_version_from_then_on() {
    let mut driver =
        changing_driver(&changing_plan(JoinKind::Left), open(Backend::Memory).unwrap());
    let versions = [
        (Insert, (Some(1), 10, 100)),
        (UpdateBefore, (Some(1), 10, 200)),
        (UpdateAfter, (Some(1), 20, 200)),
        (Delete, (Some(1), 20, 300)),
        (Insert, (Some(1), 40, 400)),
    ];
    driver.process_from(1, changes(1, &versions)).unwrap();
    let times = [99, 100, 199, 200, 299, 300, 399, 400];
    let rows: Vec<_> = times.iter().map(|time| (Insert, (Some(1), 0, *time))).collect();
    driver.process_from(0, changes(0, &rows)).unwrap();
    driver.watermark(500);
    let mut all = BTreeMap::new();
    add_out(&mut driver, &mut all);
    let found: Vec<Option<i64>> = all.keys().map(|out| out.3).collect();
    let (some, none) = (Some, None);
    let expected = [none, some(10), some(10), some(20), some(20), none, none, some(40)];
    assert_eq!(found, expected);
    // Of a key without a version nothing stays once all rows up to there are answered.
    driver.process_from(1, changes(1, &[(Delete, (Some(1), 40, 600))])).unwrap();
    driver.process_from(0, changes(0, &[(Insert, (Some(1), 0, 700))])).unwrap();
    driver.watermark(800);
    driver.process_from(0, changes(0, &[(Insert, (Some(1), 0, 900))])).unwrap();
    driver.watermark(1_000);
    drop(driver.snapshot());
    assert_eq!(changing_stored(&mut driver, 1), 0);
}

fn changing_stored(driver: &mut Driver, state: usize) -> usize {
    stored_of(driver, (&changing_plan(JoinKind::Left), &changing_inputs()), state)
}

#[test]
fn rows_that_go_take_with_them_what_they_were_answered_with() {
    let [memory, rocksdb] = Backends::all();
    let backend = |rocks: bool| if rocks { rocksdb.make() } else { memory.make() };
    for seed in 0..16 {
        let random = SeededRandom::new(seed);
        let below = |n: u64| (random.next_u64() % n) as i64;
        let kind = [JoinKind::Inner, JoinKind::Left][seed as usize % 2];
        let node = changing_plan(kind);
        let mut driver = changing_driver(&node, backend(seed % 4 < 2));
        let (mut rows, mut versions, mut found) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        let mut watermark = 0;
        for step in 0..120 {
            // No row comes late, but rows go late.
            let time = |random: i64| watermark + 1 + random;
            let key = || Some(below(4)).filter(|key| *key > 0);
            let batch: Vec<(RowKind, Row)> = (0..below(6))
                .map(|_| {
                    ([Insert, Delete][below(3) as usize / 2], (key(), below(4), time(below(900))))
                })
                .collect();
            if below(2) == 0 {
                let mut sent = Vec::new();
                for (kind, row) in batch {
                    if kind == Insert {
                        rows.push(row);
                        sent.push((kind, row));
                    } else if !rows.is_empty() {
                        let gone = rows.swap_remove(below(rows.len() as u64) as usize);
                        sent.push((kind, gone));
                    }
                }
                driver.process_from(0, changes(0, &sent)).unwrap();
            } else {
                driver.process_from(1, changes(1, &batch)).unwrap();
                for (kind, (key, value, time)) in batch {
                    let Some(key) = key else { continue };
                    versions.insert((key, time), (kind == Insert).then_some(value));
                }
            }
            if below(3) == 0 {
                watermark += below(300);
                driver.watermark(watermark);
            }
            add_out(&mut driver, &mut found);
            match below(10) {
                0 => drop(driver.snapshot()),
                1 => {
                    let snapshot = driver.snapshot();
                    let mut restored = backend(step % 2 == 0);
                    load_all(snapshot.keyed, &mut *restored);
                    driver = changing_driver(&node, restored);
                }
                _ => {}
            }
        }
        driver.watermark(EventTime::MAX.millis());
        add_out(&mut driver, &mut found);
        let mut expected: BTreeMap<Out, i64> = BTreeMap::new();
        for row in &rows {
            let last = |key| versions.range((key, i64::MIN)..=(key, row.2)).next_back();
            let version = row.0.and_then(last).and_then(|(_, value)| *value);
            if version.is_some() || kind == JoinKind::Left {
                *expected.entry((row.0, row.1, row.2, version)).or_default() += 1;
            }
        }
        assert_eq!(found, expected, "seed {seed}");
        // Of each row that is left its answer is kept, of others none.
        drop(driver.snapshot());
        assert_eq!(changing_stored(&mut driver, 2), rows.len(), "seed {seed}");
    }
}
