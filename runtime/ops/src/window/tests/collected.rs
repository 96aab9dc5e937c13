//! Aggregates that keep values: over slices, sessions that become one, snapshots and restores.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use arrow::array::{Array, AsArray, Int64Array, RecordBatch, TimestampMillisecondArray};
use arrow::datatypes::{
    DataType, Field, Int32Type, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMillisecondType,
};
use sabot_core::plan::{
    AggregateDesc, AggregateFunction, NodeKind, PlanNode, Steps, Window, WindowAggregateDesc,
    WindowTime,
};
use sabot_state::{Backend, open};
use sabot_types::EventTime;

use super::fixture::{TUMBLE, windows_of};
use super::random::Dice;
use crate::testing::{Backends, Driver, config, node};

const GAP_MS: i64 = 7;
const SESSION: Window = Window::Session { gap_ms: GAP_MS };
const WINDOWS: [Window; 4] = [
    TUMBLE,
    Window::Hop(Steps { step_ms: 5, size_ms: 20, offset_ms: 0 }),
    Window::Cumulate(Steps { step_ms: 5, size_ms: 20, offset_ms: 0 }),
    SESSION,
];

#[derive(Debug, Clone, Copy)]
struct Row {
    k: i64,
    v: Option<i64>,
    ts: i64,
}

/// What comes of the rows of a key and window, in the order in which they came.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Collected {
    first: Option<i64>,
    last: Option<i64>,
    values: Option<Vec<Option<i64>>>,
    all: Option<Vec<Option<i64>>>,
    different: Option<Vec<Option<i64>>>,
    count: i64,
    sum: Option<i64>,
    counted: Vec<(i64, i32)>,
    once: Vec<(i64, i32)>,
}

/// By key, begin and end.
type Answers = BTreeMap<(i64, i64, i64), Collected>;

fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, None)
}

fn input() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("k", DataType::Int64, false),
        Field::new("v", DataType::Int64, true),
        Field::new("ts", timestamp(), false),
    ]))
}

fn plan(window: Window) -> PlanNode {
    use AggregateFunction::{AllValues, Collect, Count, First, Last, Sum, Values};
    let list = DataType::new_list(DataType::Int64, true);
    let pair = vec![
        Field::new("key", DataType::Int64, false),
        Field::new("value", DataType::Int32, false),
    ];
    let entries = Field::new("entries", DataType::Struct(pair.into()), false);
    let multiset = DataType::Map(Arc::new(entries), false);
    let aggregates = [
        ("FIRST_VALUE(v)", First, false, DataType::Int64),
        ("LAST_VALUE(v)", Last, false, DataType::Int64),
        ("VALUES(v)", Values, false, list.clone()),
        ("ARRAY_AGG(v)", AllValues, false, list.clone()),
        ("VALUES(DISTINCT v)", Values, true, list),
        ("COUNT(DISTINCT v)", Count, true, DataType::Int64),
        ("SUM(DISTINCT v)", Sum, true, DataType::Int64),
        ("COLLECT(v)", Collect, false, multiset.clone()),
        ("COLLECT(DISTINCT v)", Collect, true, multiset),
    ];
    let aggregates = aggregates.map(|(name, function, distinct, data_type)| AggregateDesc {
        name: name.to_owned(),
        function,
        argument: Some(1),
        distinct,
        filter: None,
        data_type,
    });
    let mut fields = vec![Field::new("k", DataType::Int64, false)];
    for name in ["window_start", "window_end", "window_time"] {
        fields.push(Field::new(name, timestamp(), false));
    }
    for aggregate in &aggregates {
        fields.push(Field::new(&aggregate.name, aggregate.data_type.clone(), true));
    }
    let desc = WindowAggregateDesc {
        window,
        time: WindowTime::Row(2),
        keys: vec![0],
        aggregates: aggregates.to_vec(),
        local_times: None,
        lateness_ms: None,
        early_ms: None,
    };
    node(NodeKind::WindowAggregate(desc), Arc::new(Schema::new(fields)))
}

fn batch(rows: &[Row]) -> RecordBatch {
    let times: TimestampMillisecondArray = rows.iter().map(|row| Some(row.ts)).collect();
    let columns: Vec<arrow::array::ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.k))),
        Arc::new(rows.iter().map(|row| row.v).collect::<Int64Array>()),
        Arc::new(times),
    ];
    RecordBatch::try_new(input(), columns).unwrap()
}

fn collected(values: &[Option<i64>]) -> Collected {
    let some: Vec<i64> = values.iter().copied().flatten().collect();
    let mut different: Vec<Option<i64>> = Vec::new();
    for value in &some {
        if !different.contains(&Some(*value)) {
            different.push(Some(*value));
        }
    }
    let list = |list: Vec<Option<i64>>| (!list.is_empty()).then_some(list);
    let mut counts = BTreeMap::new();
    for value in &some {
        *counts.entry(*value).or_insert(0) += 1;
    }
    Collected {
        first: some.first().copied(),
        last: some.last().copied(),
        values: list(some.iter().copied().map(Some).collect()),
        all: list(values.to_vec()),
        count: different.len() as i64,
        sum: (!different.is_empty()).then(|| different.iter().flatten().sum()),
        different: list(different),
        once: counts.keys().map(|value| (*value, 1)).collect(),
        counted: counts.into_iter().collect(),
    }
}

fn expected(window: Window, rows: &[Row]) -> Answers {
    let mut lists: BTreeMap<(i64, i64, i64), Vec<Option<i64>>> = BTreeMap::new();
    for row in rows {
        let windows = if window == SESSION {
            let mut times: Vec<i64> = rows.iter().filter(|r| r.k == row.k).map(|r| r.ts).collect();
            times.sort_unstable();
            let near = times.chunk_by(|one, next| next - one <= GAP_MS);
            let mut near = near.filter(|times| times.contains(&row.ts));
            let times = near.next().unwrap();
            vec![(times[0], times[times.len() - 1] + GAP_MS)]
        } else {
            windows_of(window, row.ts)
        };
        for (start, end) in windows {
            lists.entry((row.k, start, end)).or_default().push(row.v);
        }
    }
    lists.into_iter().map(|(key, values)| (key, collected(&values))).collect()
}

fn answers(driver: &Driver, all: &mut Answers) {
    for batch in driver.batches() {
        let int = |name: &str, row: usize| {
            let column = batch[name].as_primitive::<Int64Type>();
            column.is_valid(row).then(|| column.value(row))
        };
        let time = |name: &str, row: usize| {
            batch[name].as_primitive::<TimestampMillisecondType>().value(row)
        };
        let list = |name: &str, row: usize| {
            let column = batch[name].as_list::<i32>();
            let values = column.is_valid(row).then(|| column.value(row));
            values.map(|values| values.as_primitive::<Int64Type>().iter().collect())
        };
        let multiset = |name: &str, row: usize| -> Vec<(i64, i32)> {
            let entries = batch[name].as_map().value(row);
            let values = entries.column(0).as_primitive::<Int64Type>().values().to_vec();
            let counts = entries.column(1).as_primitive::<Int32Type>().values().to_vec();
            values.into_iter().zip(counts).collect()
        };
        for row in 0..batch.num_rows() {
            let key = (int("k", row).unwrap(), time("window_start", row), time("window_end", row));
            let collected = Collected {
                first: int("FIRST_VALUE(v)", row),
                last: int("LAST_VALUE(v)", row),
                values: list("VALUES(v)", row),
                all: list("ARRAY_AGG(v)", row),
                different: list("VALUES(DISTINCT v)", row),
                count: int("COUNT(DISTINCT v)", row).unwrap(),
                sum: int("SUM(DISTINCT v)", row),
                counted: multiset("COLLECT(v)", row),
                once: multiset("COLLECT(DISTINCT v)", row),
            };
            assert!(all.insert(key, collected).is_none(), "{key:?} comes twice");
        }
    }
}

fn run(seed: u64, window: Window, backends: &Backends) {
    let dice = Dice::new(seed);
    let mut driver = Driver::new(&plan(window), &input(), &config(), backends.make());
    let (mut watermark, mut rows, mut out) = (0, Vec::new(), Answers::new());
    for _ in 0..50 {
        match dice.below(6) {
            0..=2 => {
                let row = |_| Row {
                    k: dice.below(3) as i64,
                    v: (dice.below(5) > 0).then(|| dice.below(20) as i64),
                    ts: watermark + GAP_MS + dice.below(40) as i64,
                };
                let more: Vec<Row> = (0..dice.below(12)).map(row).collect();
                driver.process(batch(&more)).unwrap();
                rows.extend(more);
            }
            3 => {
                watermark += 1 + dice.below(15) as i64;
                driver.watermark(watermark);
            }
            4 => drop(driver.snapshot()),
            _ => {
                let snapshot = driver.snapshot();
                answers(&driver, &mut out);
                driver = Driver::restored(&plan(window), &input(), snapshot, backends.make());
            }
        }
    }
    driver.watermark(EventTime::MAX.millis());
    answers(&driver, &mut out);
    assert_eq!(out, expected(window, &rows), "seed {seed}, {window:?}");
}

#[test]
fn values_are_kept_in_the_order_in_which_their_rows_came() {
    let [memory, rocksdb] = Backends::all();
    for window in WINDOWS {
        for seed in 0..30 {
            run(seed, window, &memory);
        }
        run(30, window, &rocksdb);
    }
}

#[test]
fn values_that_no_group_has_any_more_are_cleared() {
    let mut driver =
        Driver::new(&plan(TUMBLE), &input(), &config(), open(Backend::Memory).unwrap());
    let mut rows = Vec::new();
    for n in 0..30 {
        let row = |m: i64| Row { k: m % 3, v: Some((n * 1000 + m) % 17), ts: 5 };
        let more: Vec<Row> = (0..1000).map(row).collect();
        driver.process(batch(&more)).unwrap();
        rows.extend(more);
    }
    driver.watermark(9);
    let mut out = Answers::new();
    answers(&driver, &mut out);
    assert_eq!(out, expected(TUMBLE, &rows));
}

#[test]
fn the_types_of_kept_values_are_read_back_from_their_texts() {
    let specs = crate::state_specs(&plan(TUMBLE), &[input()]);
    let names: Vec<_> = specs.iter().map(|spec| spec.name.as_str()).collect();
    assert_eq!(names, ["window", "numbers"]);
    for field in &specs[0].value {
        let data_type = DataType::from_str(&field.data_type).unwrap();
        assert_eq!(data_type.to_string(), field.data_type);
        assert!(matches!(data_type, DataType::List(_)), "{data_type}");
    }
}
