//! Random rows, out of order and late ones too, with restores in between, answered as a plain
//! computation answers them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, TimestampMillisecondArray,
};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema, SchemaRef, TimeUnit};
use sabot_core::metrics::OperatorMetrics;
use sabot_core::plan::{
    AggregateFunction, Frame, NodeKind, OrderBy, OverAggregateDesc, OverDesc, OverFunction,
    OverTime, PlanNode,
};
use sabot_core::state::StateBackend;
use sabot_core::{Random, SeededRandom};
use sabot_state::Backend;
use sabot_types::EventTime;

use crate::OperatorConfig;
use crate::testing::{Driver, config, load, node};

#[derive(Debug, Clone)]
struct Row {
    k: i64,
    id: i64,
    v: Option<i64>,
    f: Option<f64>,
    ts: i64,
}

/// A row's answers: counts, sums, extremes, first and last value, a value before, its number.
type Answers = (i64, Vec<Option<i64>>, Option<f64>);

const TIME: DataType = DataType::Timestamp(TimeUnit::Millisecond, None);
const STEPS: usize = 120;
const FRAMES: [Frame; 6] = [
    Frame::Rows(None),
    Frame::Rows(Some(0)),
    Frame::Rows(Some(3)),
    Frame::Range(None),
    Frame::Range(Some(0)),
    Frame::Range(Some(2500)),
];

fn input() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("k", DataType::Int64, true),
        Field::new("id", DataType::Int64, false),
        Field::new("v", DataType::Int64, true),
        Field::new("f", DataType::Float64, true),
        Field::new("ts", TIME, false),
    ]))
}

fn batch(rows: &[Row]) -> RecordBatch {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.k))),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.id))),
        Arc::new(rows.iter().map(|row| row.v).collect::<Int64Array>()),
        Arc::new(rows.iter().map(|row| row.f).collect::<Float64Array>()),
        Arc::new(TimestampMillisecondArray::from_iter_values(rows.iter().map(|row| row.ts))),
    ];
    RecordBatch::try_new(input(), columns).unwrap()
}

/// By processing time no two rows are peers unless a frame reaches back by time.
const FRAMES_BY_ARRIVAL: [Frame; 5] = [
    Frame::Rows(None),
    Frame::Rows(Some(0)),
    Frame::Rows(Some(3)),
    Frame::Range(Some(0)),
    Frame::Range(Some(2500)),
];

fn has_lag(frame: Frame) -> bool {
    !matches!(frame, Frame::Range(Some(_)))
}

fn plan(frame: Frame, time: OverTime) -> PlanNode {
    let aggregate = |name: &str, function, argument| OverAggregateDesc {
        name: name.to_owned(),
        function,
        argument,
        distinct: name.contains("DISTINCT"),
        data_type: if argument == Some(3) { DataType::Float64 } else { DataType::Int64 },
    };
    let of = OverFunction::Aggregate;
    let mut aggregates = vec![
        aggregate("COUNT(*)", of(AggregateFunction::Count), None),
        aggregate("COUNT(v)", of(AggregateFunction::Count), Some(2)),
        aggregate("SUM(v)", of(AggregateFunction::Sum), Some(2)),
        aggregate("MIN(v)", of(AggregateFunction::Min), Some(2)),
        aggregate("MAX(v)", of(AggregateFunction::Max), Some(2)),
        aggregate("FIRST_VALUE(v)", OverFunction::FirstValue, Some(2)),
        aggregate("LAST_VALUE(v)", OverFunction::LastValue, Some(2)),
        aggregate("COUNT(DISTINCT v)", of(AggregateFunction::Count), Some(2)),
        aggregate("SUM(DISTINCT v)", of(AggregateFunction::Sum), Some(2)),
        aggregate("ROW_NUMBER()", OverFunction::RowNumber, None),
    ];
    if has_lag(frame) {
        aggregates.push(aggregate("LAG(v, 2)", OverFunction::Lag(2), Some(2)));
    }
    aggregates.push(aggregate("SUM(f)", of(AggregateFunction::Sum), Some(3)));
    let mut fields: Vec<Field> = input().fields().iter().map(|f| f.as_ref().clone()).collect();
    fields.extend(aggregates.iter().map(|a| Field::new(&a.name, a.data_type.clone(), true)));
    let desc = OverDesc {
        keys: vec![0],
        order: vec![OrderBy { column: 4, descending: false, nulls_first: true }],
        time: Some(time),
        frame,
        aggregates,
        ttl_ms: None,
    };
    node(NodeKind::Over(desc), Arc::new(Schema::new(fields)))
}

/// The answers of rows that came in this order.
fn expected(frame: Frame, rows: &[Row]) -> BTreeMap<i64, Answers> {
    let mut keys: BTreeMap<i64, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        keys.entry(row.k).or_default().push(row);
    }
    let mut all = BTreeMap::new();
    for rows in keys.values_mut() {
        rows.sort_by_key(|row| row.ts);
        for (at, row) in rows.iter().enumerate() {
            let is_in = |(other, o): &(usize, &&Row)| match frame {
                Frame::Rows(before) => *other <= at && before.is_none_or(|n| at - *other <= n),
                Frame::Range(ms) => o.ts <= row.ts && ms.is_none_or(|ms| o.ts >= row.ts - ms),
            };
            let frame_rows: Vec<&Row> =
                rows.iter().enumerate().filter(is_in).map(|(_, row)| *row).collect();
            let values: Vec<i64> = frame_rows.iter().filter_map(|row| row.v).collect();
            let different: BTreeSet<i64> = values.iter().copied().collect();
            let floats: Vec<f64> = frame_rows.iter().filter_map(|row| row.f).collect();
            // LAG counts from the last row of the frame.
            let end = rows.iter().enumerate().rposition(|row| is_in(&row));
            let lag = end.and_then(|end| end.checked_sub(2)).and_then(|row| rows[row].v);
            let mut answers = vec![
                Some(values.len() as i64),
                (!values.is_empty()).then(|| values.iter().sum()),
                values.iter().min().copied(),
                values.iter().max().copied(),
                values.first().copied(),
                values.last().copied(),
                Some(different.len() as i64),
                (!different.is_empty()).then(|| different.iter().sum()),
                Some(at as i64 + 1),
            ];
            answers.extend(has_lag(frame).then_some(lag));
            let sum = (!floats.is_empty()).then(|| floats.iter().sum());
            all.insert(row.id, (frame_rows.len() as i64, answers, sum));
        }
    }
    all
}

fn backend(dir: &Path, seed: u64) -> Box<dyn StateBackend> {
    let rocks = Backend::RocksDb { dir: dir.to_path_buf(), cache_size_mb: 8 };
    sabot_state::open(if seed.is_multiple_of(2) { Backend::Memory } else { rocks }).unwrap()
}

/// Adds what was emitted: of rows up to the watermark, each once.
fn collect(driver: &mut Driver, watermark: i64, frame: Frame, out: &mut BTreeMap<i64, Answers>) {
    for batch in driver.batches() {
        let numbers = |column: usize| batch.column(column).as_primitive::<Int64Type>();
        let last = batch.num_columns() - 1;
        let floats = batch.column(last).as_primitive::<Float64Type>();
        for row in 0..batch.num_rows() {
            let value =
                |column| Some(numbers(column)).filter(|c| c.is_valid(row)).map(|c| c.value(row));
            let answers = (6..last).map(value).collect::<Vec<_>>();
            assert_eq!(answers.len(), 9 + usize::from(has_lag(frame)));
            let sum = floats.is_valid(row).then(|| floats.value(row));
            let id = numbers(1).value(row);
            let times =
                batch.column(4).as_primitive::<arrow::datatypes::TimestampMillisecondType>();
            assert!(times.value(row) <= watermark, "a row was answered before its time");
            let twice = out.insert(id, (numbers(5).value(row), answers, sum));
            assert!(twice.is_none(), "row {id} was answered twice");
        }
    }
    driver.out.clear();
}

/// A run; how many rows were late.
fn run(frame: Frame, seed: u64) -> usize {
    let random = SeededRandom::new(seed);
    let below = |n: u64| (random.next_u64() % n) as i64;
    let dir = tempfile::tempdir().unwrap();
    let plan = plan(frame, OverTime::Event(4));
    let folder = |step: usize| dir.path().join(step.to_string());
    let mut driver = Driver::new(&plan, &input(), &config(), backend(&folder(0), seed));
    let (mut kept, mut answered) = (Vec::new(), BTreeMap::new());
    let (mut watermark, mut late, mut dropped) = (i64::MIN, 0, 0);
    for step in 1..=STEPS {
        let begin = 40 * step as i64;
        let rows: Vec<Row> = (0..below(6))
            .map(|row| Row {
                k: below(4),
                id: step as i64 * 10 + row,
                v: (below(4) > 0).then(|| below(9) - 4),
                f: (below(4) > 0).then(|| (below(80) - 40) as f64 / 8.0),
                // Few times, so that rows share them; some come late.
                ts: (begin + below(40) - below(3) * 50) * 10 / 7 * 7,
            })
            .collect();
        late += rows.iter().filter(|row| row.ts <= watermark).count();
        kept.extend(rows.iter().filter(|row| row.ts > watermark).cloned());
        driver.process(batch(&rows)).unwrap();
        if below(3) == 0 {
            watermark = watermark.max((begin - 60) * 10);
            driver.watermark(watermark);
        }
        collect(&mut driver, watermark, frame, &mut answered);
        if below(12) == 0 {
            dropped += OperatorMetrics::get(&driver.metrics.rows_late);
            let snapshot = driver.snapshot();
            // After a restore it is behind until the next watermark.
            assert!(snapshot.watermark.is_none_or(|w| w.millis() <= watermark));
            let mut fresh = backend(&folder(step), seed + step as u64);
            snapshot.keyed.into_iter().for_each(|frozen| load(frozen, &mut *fresh));
            // Another subtask may have been behind.
            let restored = snapshot.watermark.map(|w| EventTime::from_millis(w.millis() - 500));
            let config = OperatorConfig { restored_watermark: restored, ..config() };
            driver = Driver::new(&plan, &input(), &config, fresh);
        }
    }
    driver.watermark(i64::MAX);
    collect(&mut driver, i64::MAX, frame, &mut answered);
    dropped += OperatorMetrics::get(&driver.metrics.rows_late);
    assert_eq!(answered, expected(frame, &kept), "{frame:?}, seed {seed}");
    assert_eq!(dropped, late as u64, "{frame:?}, seed {seed}");
    assert!(kept.len() > 100, "{frame:?}, seed {seed}");
    late
}

#[test]
fn rows_are_answered_in_the_order_of_their_times() {
    for frame in FRAMES {
        let late: usize = (0..6).map(|seed| run(frame, seed)).sum();
        assert!(late > 0, "{frame:?}");
    }
}

/// Rows that are answered as they come, each over those that came before.
fn run_by_arrival(frame: Frame, seed: u64) {
    let random = SeededRandom::new(seed);
    let below = |n: u64| (random.next_u64() % n) as i64;
    let dir = tempfile::tempdir().unwrap();
    let plan = plan(frame, OverTime::Processing(4));
    let folder = |step: usize| dir.path().join(step.to_string());
    let mut driver = Driver::new(&plan, &input(), &config(), backend(&folder(0), seed));
    let (mut rows, mut answered) = (Vec::new(), BTreeMap::new());
    for step in 1..=STEPS {
        let now = 400 * step as i64 + below(400);
        driver.clock(now);
        let new: Vec<Row> = (0..below(6))
            .map(|row| Row {
                k: below(4),
                id: step as i64 * 10 + row,
                v: (below(4) > 0).then(|| below(9) - 4),
                f: (below(4) > 0).then(|| (below(80) - 40) as f64 / 8.0),
                ts: now,
            })
            .collect();
        driver.process(batch(&new)).unwrap();
        rows.extend(new);
        collect(&mut driver, i64::MAX, frame, &mut answered);
        assert_eq!(answered.len(), rows.len(), "each row is answered at once");
        if below(12) == 0 {
            let (snapshot, fresh) = (driver.snapshot(), backend(&folder(step), seed + step as u64));
            driver = Driver::restored(&plan, &input(), snapshot, fresh);
        }
    }
    assert_eq!(answered, expected(frame, &rows), "{frame:?}, seed {seed}");
}

#[test]
fn rows_are_answered_as_they_come() {
    for frame in FRAMES_BY_ARRIVAL {
        (0..6).for_each(|seed| run_by_arrival(frame, seed));
    }
}

#[test]
fn a_clock_that_is_set_back_leaves_rows_in_their_order() {
    let plan = plan(Frame::Range(Some(1000)), OverTime::Processing(4));
    let backend = sabot_state::open(Backend::Memory).unwrap();
    let mut driver = Driver::new(&plan, &input(), &config(), backend);
    let mut counts = Vec::new();
    for now in [5000, 4000, 5900, 6500] {
        driver.clock(now);
        let row = Row { k: 1, id: now, v: Some(1), f: None, ts: now };
        driver.process(batch(&[row])).unwrap();
        let count = |batch: &RecordBatch| batch.column(5).as_primitive::<Int64Type>().value(0);
        counts.extend(driver.batches().map(count));
        driver.out.clear();
    }
    assert_eq!(counts, [1, 2, 3, 2], "the second row came at 5000");
}

#[test]
fn what_no_frame_reaches_is_gone() {
    let plan = plan(Frame::Range(Some(10_000)), OverTime::Event(4));
    let backend = sabot_state::open(Backend::Memory).unwrap();
    let mut driver = Driver::new(&plan, &input(), &config(), backend);
    let mut sizes = Vec::new();
    for second in 0..200 {
        let rows: Vec<Row> = (0..20)
            .map(|k| Row { k: second * 20 + k, id: 0, v: None, f: None, ts: second * 1000 })
            .collect();
        driver.process(batch(&rows)).unwrap();
        driver.watermark(second * 1000);
        driver.out.clear();
        let history = crate::state_specs(&plan, &[input()]).remove(2);
        let state = driver.backend.open(&history).unwrap();
        sizes.push(driver.backend.namespaces(state).unwrap().len());
    }
    assert!(sizes[199] > 1 && sizes[199] <= 11, "{sizes:?}");
}

#[test]
fn rows_of_one_time_are_sorted_by_what_stands_behind_it() {
    let order = [(4, false), (2, true), (1, false)];
    let desc = OverDesc {
        keys: Vec::new(),
        order: order
            .map(|(column, descending)| OrderBy { column, descending, nulls_first: !descending })
            .to_vec(),
        time: Some(OverTime::Event(4)),
        frame: Frame::Rows(Some(0)),
        aggregates: Vec::new(),
        ttl_ms: None,
    };
    let plan = node(NodeKind::Over(desc), input());
    let backend = || sabot_state::open(Backend::Memory).unwrap();
    let mut driver = Driver::new(&plan, &input(), &config(), backend());
    let row = |id, v, ts| Row { k: 0, id, v, f: None, ts };
    let ids = |driver: &mut Driver| -> Vec<i64> {
        let ids =
            |batch: &RecordBatch| batch.column(1).as_primitive::<Int64Type>().values().to_vec();
        let all = driver.batches().flat_map(ids).collect();
        driver.out.clear();
        all
    };
    driver.process(batch(&[row(1, Some(3), 20), row(2, None, 10), row(3, Some(9), 20)])).unwrap();
    driver.watermark(9);
    assert_eq!(ids(&mut driver), [0; 0]);
    let mut driver = Driver::restored(&plan, &input(), driver.snapshot(), backend());
    driver
        .process(batch(&[row(5, Some(9), 20), row(4, Some(9), 20), row(6, Some(1), 10)]))
        .unwrap();
    driver.process(batch(&[row(7, Some(99), 30)])).unwrap();
    driver.watermark(20);
    assert_eq!(ids(&mut driver), [6, 2, 3, 4, 5, 1]);
    driver.process(batch(&[row(8, Some(1), 20)])).unwrap();
    driver.watermark(i64::MAX);
    assert_eq!(ids(&mut driver), [7], "8 is late");
}
