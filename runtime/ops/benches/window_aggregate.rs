//! Rows a second of window aggregates (COUNT(*), SUM, MAX by one integer key) on one core: `cargo
//! bench -p sabot-ops`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, TimestampMillisecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use sabot_core::metrics::OperatorMetrics;
use sabot_core::plan::{
    AggregateDesc, AggregateFunction, NodeId, NodeKind, PlanNode, Steps, Window,
    WindowAggregateDesc, WindowTime,
};
use sabot_core::{Cx, Element, Result};
use sabot_ops::OperatorConfig;
use sabot_state::{Backend, open};
use sabot_types::{EventTime, KeyGroupCount, OperatorUid};

const BATCH_ROWS: usize = 8192;
const ROWS: usize = 10_000_000;
const WINDOW_MS: i64 = 10_000;
/// Event time goes on by one millisecond every this many rows.
const ROWS_PER_MS: usize = 50;

fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, None)
}

fn input() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("key", DataType::Int64, false),
        Field::new("value", DataType::Int64, false),
        Field::new("ts", timestamp(), false),
    ]))
}

fn plan(window: Window) -> PlanNode {
    let aggregate = |name: &str, function, argument| AggregateDesc {
        distinct: false,
        name: name.to_string(),
        function,
        argument,
        filter: None,
        data_type: DataType::Int64,
    };
    let aggregates = vec![
        aggregate("COUNT(*)", AggregateFunction::Count, None),
        aggregate("SUM(value)", AggregateFunction::Sum, Some(1)),
        aggregate("MAX(value)", AggregateFunction::Max, Some(1)),
    ];
    let mut fields = vec![Field::new("key", DataType::Int64, false)];
    for name in ["window_start", "window_end", "window_time"] {
        fields.push(Field::new(name, timestamp(), false));
    }
    fields.extend(aggregates.iter().map(|a| Field::new(&a.name, DataType::Int64, true)));
    PlanNode {
        id: NodeId(0),
        uid: OperatorUid::new("bench").expect("the uid is valid"),
        name: "bench".to_string(),
        kind: NodeKind::WindowAggregate(WindowAggregateDesc {
            window,
            time: WindowTime::Row(2),
            keys: vec![0],
            aggregates,
            lateness_ms: None,
            early_ms: None,
            local_times: None,
        }),
        inputs: Vec::new(),
        schema: Arc::new(Schema::new(fields)),
    }
}

fn batches(keys: u64) -> Result<Vec<RecordBatch>> {
    let mut random = 1_u64;
    let mut next = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        random >> 33
    };
    (0..ROWS / BATCH_ROWS)
        .map(|batch| {
            let key = Int64Array::from_iter_values((0..BATCH_ROWS).map(|_| (next() % keys) as i64));
            let value = Int64Array::from_iter_values((0..BATCH_ROWS).map(|n| n as i64));
            let times = (0..BATCH_ROWS).map(|n| ((batch * BATCH_ROWS + n) / ROWS_PER_MS) as i64);
            let times = TimestampMillisecondArray::from_iter_values(times);
            let columns: Vec<ArrayRef> = vec![Arc::new(key), Arc::new(value), Arc::new(times)];
            Ok(RecordBatch::try_new(input(), columns)?)
        })
        .collect()
}

/// Time for all batches, and for the snapshots among them; one every `snapshot_every` batches.
fn run(
    window: Window,
    batches: &[RecordBatch],
    backend: Backend,
    snapshot_every: usize,
) -> Result<(Duration, Duration)> {
    let mut state = open(backend)?;
    let config = OperatorConfig {
        key_groups: KeyGroupCount::DEFAULT,
        key_range: KeyGroupCount::DEFAULT.full_range(),
        restored_watermark: None,
        max_batch_rows: BATCH_ROWS,
        seed: 1,
    };
    let mut operator = sabot_ops::build(&plan(window), &[input()], &config, &mut *state)?;
    let metrics = OperatorMetrics::default();
    let mut out: Vec<Element> = Vec::new();
    let mut snapshots = Duration::ZERO;
    let began = Instant::now();
    for (n, batch) in batches.iter().enumerate() {
        let mut cx = Cx::new(&mut out, &mut *state, &metrics, 0);
        operator.process(0, batch.clone(), &mut cx)?;
        let time = (n * BATCH_ROWS / ROWS_PER_MS) as i64 - 1;
        operator.watermark(EventTime::from_millis(time), &mut cx)?;
        if n % snapshot_every == snapshot_every - 1 {
            let began = Instant::now();
            operator.snapshot(&mut cx)?;
            snapshots += began.elapsed();
        }
        out.clear();
    }
    Ok((began.elapsed(), snapshots))
}

fn main() -> Result<()> {
    let dir = std::env::temp_dir().join(format!("sabot-bench-{}", std::process::id()));
    for keys in [10_000, 1_000_000] {
        let batches = batches(keys)?;
        let rows = (batches.len() * BATCH_ROWS) as f64;
        let rocksdb = Backend::RocksDb { dir: dir.clone(), cache_size_mb: 256 };
        for (name, backend, every) in [
            ("no snapshots", Backend::Memory, usize::MAX),
            ("memory, 10 snapshots", Backend::Memory, batches.len() / 10),
            ("rocksdb, 10 snapshots", rocksdb, batches.len() / 10),
        ] {
            let steps = Steps { step_ms: WINDOW_MS / 5, size_ms: WINDOW_MS, offset_ms: 0 };
            for (window_name, window) in [
                ("tumble", Window::Tumble { size_ms: WINDOW_MS, offset_ms: 0 }),
                ("hop", Window::Hop(steps)),
                ("cumulate", Window::Cumulate(steps)),
                ("session", Window::Session { gap_ms: WINDOW_MS / 5 }),
            ] {
                let (all, snapshots) = run(window, &batches, backend.clone(), every)?;
                println!(
                    "{window_name:<8} {keys:>9} keys, {name:<22} {:>6.1} M rows/s, snapshots {:>8.1} ms",
                    rows / all.as_secs_f64() / 1e6,
                    snapshots.as_secs_f64() * 1e3 / 10.0,
                );
            }
        }
    }
    // A directory in the system's temporary one: leaving it behind harms nobody.
    let _ = std::fs::remove_dir_all(dir);
    Ok(())
}
