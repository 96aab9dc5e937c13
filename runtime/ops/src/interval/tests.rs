//! Random rows of both sides, with restores in between, joined as a plain computation joins them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, TimestampMillisecondArray,
};
use arrow::datatypes::{
    DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMillisecondType,
};
use sabot_core::plan::{IntervalJoinDesc, JoinKind, NodeKind, PlanNode, TimeBounds};
use sabot_core::state::StateBackend;
use sabot_core::{Element, Random, SeededRandom};
use sabot_state::Backend;
use sabot_types::EventTime;

use crate::OperatorConfig;
use crate::testing::{Driver, computed, config, load, node};

#[derive(Debug, Clone)]
struct Row {
    k: Option<i64>,
    id: i64,
    ts: i64,
}

/// The ids of both sides.
type Pairs = BTreeMap<(Option<i64>, Option<i64>), usize>;

const TIME: DataType = DataType::Timestamp(TimeUnit::Millisecond, None);
const KINDS: [JoinKind; 4] = [JoinKind::Inner, JoinKind::Left, JoinKind::Right, JoinKind::Full];
const BOUNDS: [TimeBounds; 4] = [
    TimeBounds { from_ms: -1500, to_ms: 700 },
    TimeBounds { from_ms: 0, to_ms: 0 },
    TimeBounds { from_ms: -9000, to_ms: -400 },
    TimeBounds { from_ms: 100, to_ms: 8000 },
];
const STEPS: usize = 100;

fn input() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("k", DataType::Int64, true),
        Field::new("id", DataType::Int64, false),
        Field::new("ts", TIME, false),
    ]))
}

fn batch(rows: &[Row]) -> RecordBatch {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(rows.iter().map(|row| row.k).collect::<Int64Array>()),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.id))),
        Arc::new(TimestampMillisecondArray::from_iter_values(rows.iter().map(|row| row.ts))),
    ];
    RecordBatch::try_new(input(), columns).unwrap()
}

/// Null where the left id is a multiple of 7.
fn condition(l: i64, r: i64) -> Option<bool> {
    (l % 7 != 0).then_some((l + r) % 3 != 0)
}

fn conditions(batch: &RecordBatch) -> ArrayRef {
    let ids = |column: usize| batch.column(column).as_primitive::<Int64Type>();
    let (l, r) = (ids(1), ids(4));
    let kept = (0..batch.num_rows()).map(|row| condition(l.value(row), r.value(row)));
    Arc::new(kept.collect::<BooleanArray>())
}

fn plan(kind: JoinKind, bounds: TimeBounds, by_processing_time: bool) -> PlanNode {
    let fields = [0, 1].into_iter().flat_map(|port| {
        let input = input();
        let fields: Vec<Field> = input.fields().iter().map(|f| f.as_ref().clone()).collect();
        fields.into_iter().map(move |field| {
            let name = format!("{port}.{}", field.name());
            field.with_name(name).with_nullable(true)
        })
    });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let condition = Some(computed(DataType::Boolean, conditions));
    let (keys, times) = ([vec![0], vec![0]], [2, 2]);
    node(
        NodeKind::IntervalJoin(IntervalJoinDesc {
            kind,
            keys,
            times,
            by_processing_time,
            bounds,
            condition,
        }),
        schema,
    )
}

fn expected(kind: JoinKind, bounds: TimeBounds, rows: &[Vec<Row>; 2]) -> Pairs {
    let mut pairs = Pairs::new();
    let mut matched = [vec![false; rows[0].len()], vec![false; rows[1].len()]];
    for (l, left) in rows[0].iter().enumerate() {
        for (r, right) in rows[1].iter().enumerate() {
            let apart = right.ts - left.ts;
            if left.k.is_some()
                && left.k == right.k
                && (bounds.from_ms..=bounds.to_ms).contains(&apart)
                && condition(left.id, right.id) == Some(true)
            {
                *pairs.entry((Some(left.id), Some(right.id))).or_default() += 1;
                matched[0][l] = true;
                matched[1][r] = true;
            }
        }
    }
    for port in [0, 1] {
        for (row, matched) in rows[port].iter().zip(&matched[port]) {
            if kind.tracks(port) && !matched {
                let alone = if port == 0 { (Some(row.id), None) } else { (None, Some(row.id)) };
                *pairs.entry(alone).or_default() += 1;
            }
        }
    }
    pairs
}

fn backend(dir: &Path, seed: u64) -> Box<dyn StateBackend> {
    let rocks = Backend::RocksDb { dir: dir.to_path_buf(), cache_size_mb: 8 };
    sabot_state::open(if seed.is_multiple_of(2) { Backend::Memory } else { rocks }).unwrap()
}

/// Adds what was emitted: rows are not late for the operators that follow.
fn collect(driver: &mut Driver, watermark: &mut EventTime, out: &mut Pairs) {
    for element in driver.out.drain(..) {
        let batch = match element {
            Element::Batch(batch) => batch,
            Element::Watermark(next) => {
                *watermark = next;
                continue;
            }
            _ => continue,
        };
        for row in 0..batch.num_rows() {
            let id = |column: usize| {
                let ids = batch.column(column).as_primitive::<Int64Type>();
                ids.is_valid(row).then(|| ids.value(row))
            };
            for column in [2, 5] {
                let times = batch.column(column).as_primitive::<TimestampMillisecondType>();
                assert!(times.is_null(row) || times.value(row) > watermark.millis());
            }
            *out.entry((id(1), id(4))).or_default() += 1;
        }
    }
}

fn run(kind: JoinKind, bounds: TimeBounds, by_processing_time: bool, seed: u64) {
    let random = SeededRandom::new(seed);
    let below = |n: u64| (random.next_u64() % n) as i64;
    let dir = tempfile::tempdir().unwrap();
    let folder = |step: usize| dir.path().join(step.to_string());
    let plan = plan(kind, bounds, by_processing_time);
    let inputs = [input(), input()];
    let mut driver = Driver::with_inputs(&plan, &inputs, &config(), backend(&folder(0), seed));
    let (mut rows, mut out) = ([Vec::new(), Vec::new()], Pairs::new());
    let (mut watermark, mut behind) = (0, EventTime::MIN);
    for step in 1..=STEPS {
        let begin = 150 * step as i64;
        if by_processing_time {
            driver.clock(begin + below(150));
        }
        let now = driver.now_ms;
        for (port, all) in rows.iter_mut().enumerate() {
            let new: Vec<Row> = (0..below(5))
                .map(|row| Row {
                    k: (below(8) > 0).then(|| below(3)),
                    id: step as i64 * 10 + row,
                    ts: if by_processing_time { now } else { begin + below(600) },
                })
                .collect();
            all.extend(new.iter().cloned());
            driver.process_from(port, batch(&new)).unwrap();
        }
        if below(3) == 0 {
            watermark = begin - 1;
            if !by_processing_time {
                driver.watermark(watermark);
            }
        }
        collect(&mut driver, &mut behind, &mut out);
        if below(10) == 0 {
            let snapshot = driver.snapshot();
            let mut fresh = backend(&folder(step), seed + step as u64);
            let restored_watermark = snapshot.watermark;
            snapshot.keyed.into_iter().for_each(|frozen| load(frozen, &mut *fresh));
            let config = OperatorConfig { restored_watermark, ..config() };
            driver = Driver::with_inputs(&plan, &inputs, &config, fresh);
        }
    }
    assert!(watermark > 0);
    if by_processing_time && seed.is_multiple_of(2) {
        // The clock alone ends what waits; the end of the input has nothing to add.
        driver.clock(150 * STEPS as i64 + 20_000);
        collect(&mut driver, &mut behind, &mut out);
        assert_eq!(out, expected(kind, bounds, &rows), "{kind:?}, {bounds:?}, seed {seed}");
    }
    driver.watermark(i64::MAX);
    collect(&mut driver, &mut behind, &mut out);
    assert_eq!(behind, EventTime::MAX);
    assert_eq!(out, expected(kind, bounds, &rows), "{kind:?}, {bounds:?}, seed {seed}");
    for spec in crate::state_specs(&plan, &inputs) {
        let state = driver.backend.open(&spec).unwrap();
        assert_eq!(driver.backend.namespaces(state).unwrap(), [], "state was left");
    }
}

#[test]
fn partners_are_as_far_apart_as_the_bounds_say() {
    for kind in KINDS {
        for bounds in BOUNDS {
            for seed in 0..3 {
                run(kind, bounds, false, seed);
                run(kind, bounds, true, seed);
            }
        }
    }
}
