use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::{ArrayRef, AsArray, Int64Array, StringArray};
use arrow::datatypes::{Field, Int64Type, Schema};
use sabot_core::plan::NodeKind;
use sabot_core::{Random, SeededRandom};
use sabot_state::{Backend, open};

use super::*;
use crate::testing::{Driver, config, load, node};

use RowKind::{Delete, Insert, UpdateAfter, UpdateBefore};

type Row = (RowKind, i64, Option<&'static str>);

/// The value comes first, so that the key is not.
fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("v", DataType::Utf8, true),
        Field::new("k", DataType::Int64, false),
        row_kind::field(),
    ]))
}

fn batch(rows: &[Row]) -> RecordBatch {
    let values: ArrayRef = Arc::new(rows.iter().map(|row| row.2).collect::<StringArray>());
    let keys = Int64Array::from_iter_values(rows.iter().map(|row| row.1));
    let kinds = row_kind::column(rows.iter().map(|row| row.0));
    RecordBatch::try_new(schema(), vec![values, Arc::new(keys), kinds]).unwrap()
}

fn driver(backend: Box<dyn StateBackend>) -> Driver {
    let desc = NodeKind::UpsertMaterialize(UpsertMaterializeDesc { keys: vec![1], ttl_ms: None });
    Driver::new(&node(desc, schema()), &schema(), &config(), backend)
}

/// A driver that goes on from the snapshot of another one.
fn restored(from: &mut Driver, mut backend: Box<dyn StateBackend>) -> Driver {
    for frozen in from.snapshot().keyed {
        load(frozen, &mut *backend);
    }
    driver(backend)
}

fn emitted(driver: &mut Driver) -> Vec<(RowKind, i64, Option<String>)> {
    let mut rows = Vec::new();
    for batch in driver.batches() {
        let kinds = row_kind::kinds(batch).unwrap();
        let values = batch.column(0).as_string::<i32>();
        let keys = batch.column(1).as_primitive::<Int64Type>();
        for (row, value) in values.iter().enumerate() {
            let kind = RowKind::of(kinds.value(row));
            rows.push((kind, keys.value(row), value.map(str::to_owned)));
        }
    }
    driver.out.clear();
    rows
}

fn check(driver: &mut Driver, rows: &[Row], expected: &[Row]) {
    driver.process(batch(rows)).unwrap();
    let expected: Vec<_> =
        expected.iter().map(|(kind, key, value)| (*kind, *key, value.map(str::to_owned))).collect();
    assert_eq!(emitted(driver), expected, "{rows:?}");
}

#[test]
fn a_row_that_comes_before_the_old_one_goes_stays() {
    let mut driver = driver(open(Backend::Memory).unwrap());
    check(&mut driver, &[(Insert, 1, Some("a"))], &[(Insert, 1, Some("a"))]);
    check(&mut driver, &[(UpdateAfter, 1, Some("b"))], &[(UpdateAfter, 1, Some("b"))]);
    check(&mut driver, &[(UpdateBefore, 1, Some("a"))], &[]);
    check(&mut driver, &[(Delete, 1, Some("b"))], &[(Delete, 1, Some("b"))]);
}

#[test]
fn of_several_rows_the_one_before_comes_back_also_after_a_restore() {
    let mut first = driver(open(Backend::Memory).unwrap());
    let three = [(Insert, 1, Some("a")), (Insert, 1, None), (Insert, 1, Some("a"))];
    check(&mut first, &three, &[(Insert, 1, Some("a"))]);
    let mut second = restored(&mut first, open(Backend::Memory).unwrap());
    check(&mut second, &[(Delete, 1, Some("a"))], &[(UpdateAfter, 1, None)]);
    check(&mut second, &[(Delete, 1, None)], &[(UpdateAfter, 1, Some("a"))]);
    check(&mut second, &[(Delete, 1, Some("b"))], &[]);
    check(&mut second, &[(Delete, 1, Some("a"))], &[(Delete, 1, Some("a"))]);
}

#[test]
fn a_batch_is_answered_with_what_is_behind_it() {
    let mut driver = driver(open(Backend::Memory).unwrap());
    // What an earlier attempt wrote of it goes.
    let came_and_went = [(Insert, 1, Some("a")), (Delete, 1, Some("a"))];
    check(&mut driver, &came_and_went, &[(Delete, 1, Some("a"))]);
    check(&mut driver, &[(Insert, 1, Some("a"))], &[(Insert, 1, Some("a"))]);
    let there_and_back = [
        (UpdateBefore, 1, Some("a")),
        (UpdateAfter, 1, Some("b")),
        (Delete, 1, Some("b")),
        (Insert, 1, Some("a")),
    ];
    check(&mut driver, &there_and_back, &[(UpdateAfter, 1, Some("a"))]);
    // Of a key whose rows are not known any more the sink may have one.
    check(&mut driver, &[(UpdateBefore, 2, Some("x"))], &[(Delete, 2, Some("x"))]);
}

const VALUES: [Option<&str>; 4] = [None, Some(""), Some("a"), Some("b")];

fn backend(dir: &Path, seed: u64) -> Box<dyn StateBackend> {
    let rocks = Backend::RocksDb { dir: dir.to_path_buf(), cache_size_mb: 8 };
    open(if seed.is_multiple_of(2) { Backend::Memory } else { rocks }).unwrap()
}

#[test]
fn a_key_has_the_last_of_its_rows_that_are_there_over_restores() {
    for seed in 0..8 {
        let dir = tempfile::tempdir().unwrap();
        let folder = |n: usize| dir.path().join(n.to_string());
        let mut driver = driver(backend(&folder(0), seed));
        let random = SeededRandom::new(seed);
        let below = |n: usize| (random.next_u64() % n as u64) as usize;
        let mut there: Vec<(i64, Option<&str>)> = Vec::new();
        let mut table: BTreeMap<i64, Option<String>> = BTreeMap::new();
        for step in 1..=200 {
            let mut rows = Vec::new();
            for _ in 0..=below(6) {
                if !there.is_empty() && below(2) == 0 {
                    let (key, value) = there[below(there.len())];
                    // Of equal rows the last one goes.
                    let last = there.iter().rposition(|row| *row == (key, value)).unwrap();
                    there.remove(last);
                    rows.push(([UpdateBefore, Delete][below(2)], key, value));
                } else {
                    let row = (below(3) as i64, VALUES[below(4)]);
                    there.push(row);
                    rows.push(([Insert, UpdateAfter][below(2)], row.0, row.1));
                }
            }
            driver.process(batch(&rows)).unwrap();
            for (kind, key, value) in emitted(&mut driver) {
                if kind.is_added() {
                    let before = table.insert(key, value);
                    assert_eq!(before.is_some(), kind == UpdateAfter, "seed {seed}, step {step}");
                } else {
                    table.remove(&key);
                }
            }
            let last: BTreeMap<_, _> =
                there.iter().map(|(key, value)| (*key, value.map(str::to_owned))).collect();
            assert_eq!(table, last, "seed {seed}, step {step}");
            if step % 23 == 0 {
                driver = restored(&mut driver, backend(&folder(step), seed + step as u64));
            }
        }
    }
}
