//! Rows, the plan over them, and a straightforward reference.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, AsArray, BooleanArray, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMillisecondArray,
};
use arrow::datatypes::{
    DataType, Field, Int32Type, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMillisecondType,
};
use sabot_core::plan::{
    AggregateDesc, AggregateFunction, NodeKind, PlanNode, Steps, Window, WindowAggregateDesc,
    WindowTime,
};

use crate::testing::{Driver, node};

pub(super) const SIZE_MS: i64 = 10;

/// Windows of 10 ms.
pub(super) const TUMBLE: Window = Window::Tumble { size_ms: SIZE_MS, offset_ms: 0 };

/// The windows that a time lies in, by their definition.
pub(super) fn windows_of(window: Window, time: i64) -> Vec<(i64, i64)> {
    let begin = |size: i64, offset: i64| (time - offset).div_euclid(size) * size + offset;
    match window {
        Window::Tumble { size_ms, offset_ms } => {
            let start = begin(size_ms, offset_ms);
            vec![(start, start + size_ms)]
        }
        Window::Hop(Steps { step_ms, size_ms, offset_ms }) => {
            let starts = (0..size_ms / step_ms).map(|n| begin(step_ms, offset_ms) - n * step_ms);
            starts.map(|start| (start, start + size_ms)).collect()
        }
        Window::Cumulate(Steps { step_ms, size_ms, offset_ms }) => {
            let start = begin(size_ms, offset_ms);
            let ends = (1..=size_ms / step_ms).map(|n| start + n * step_ms);
            ends.filter(|end| *end > time).map(|end| (start, end)).collect()
        }
        Window::HopResults(Steps { step_ms, size_ms, offset_ms }) => {
            let end = begin(step_ms, offset_ms) + step_ms;
            vec![(end - size_ms, end)]
        }
        Window::CumulateResults(Steps { step_ms, size_ms, offset_ms }) => {
            vec![(begin(size_ms, offset_ms), begin(step_ms, offset_ms) + step_ms)]
        }
        Window::Session { .. } => panic!("sessions depend on other rows"),
    }
}

/// A row of the input.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) k1: Option<i64>,
    pub(super) k2: Option<String>,
    pub(super) v: Option<i32>,
    pub(super) t: Option<String>,
    pub(super) f: Option<bool>,
    pub(super) ts: i64,
}

pub(super) fn row(k1: i64, k2: &str, v: i32, ts: i64) -> Row {
    Row {
        k1: Some(k1),
        k2: Some(k2.to_string()),
        v: Some(v),
        t: Some(format!("t{v}")),
        f: Some(v % 2 == 0),
        ts,
    }
}

/// A row of the output; keys that the plan does not have are none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fired {
    pub(super) end: i64,
    pub(super) start: i64,
    k1: Option<i64>,
    k2: Option<String>,
    pub(super) count: i64,
    count_v: i64,
    sum_v: Option<i32>,
    min_v: Option<i32>,
    max_t: Option<String>,
    sum_filtered: Option<i32>,
}

fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, None)
}

pub(super) fn input() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("k1", DataType::Int64, true),
        Field::new("k2", DataType::Utf8, true),
        Field::new("v", DataType::Int32, true),
        Field::new("t", DataType::Utf8, true),
        Field::new("f", DataType::Boolean, true),
        Field::new("ts", timestamp(), true),
    ]))
}

pub(super) fn batch(rows: &[Row]) -> RecordBatch {
    let ts: TimestampMillisecondArray = rows.iter().map(|r| Some(r.ts)).collect();
    let columns: Vec<arrow::array::ArrayRef> = vec![
        Arc::new(rows.iter().map(|r| r.k1).collect::<Int64Array>()),
        Arc::new(rows.iter().map(|r| r.k2.clone()).collect::<StringArray>()),
        Arc::new(rows.iter().map(|r| r.v).collect::<Int32Array>()),
        Arc::new(rows.iter().map(|r| r.t.clone()).collect::<StringArray>()),
        Arc::new(rows.iter().map(|r| r.f).collect::<BooleanArray>()),
        Arc::new(ts),
    ];
    RecordBatch::try_new(input(), columns).unwrap()
}

/// Windows of 10 ms with one of each aggregate.
pub(super) fn plan(keys: &[usize]) -> PlanNode {
    plan_of(TUMBLE, keys)
}

/// Windows with one of each aggregate.
pub(super) fn plan_of(window: Window, keys: &[usize]) -> PlanNode {
    use AggregateFunction::{Count, Max, Min, Sum};
    let aggregate = |name: &str, function, argument, filter, data_type| AggregateDesc {
        distinct: false,
        name: name.to_string(),
        function,
        argument,
        filter,
        data_type,
    };
    let aggregates = vec![
        aggregate("COUNT(*)", Count, None, None, DataType::Int64),
        aggregate("COUNT(v)", Count, Some(2), None, DataType::Int64),
        aggregate("SUM(v)", Sum, Some(2), None, DataType::Int32),
        aggregate("MIN(v)", Min, Some(2), None, DataType::Int32),
        aggregate("MAX(t)", Max, Some(3), None, DataType::Utf8),
        aggregate("SUM(v) FILTER(f)", Sum, Some(2), Some(4), DataType::Int32),
    ];
    let mut fields: Vec<_> = keys.iter().map(|key| input().field(*key).clone()).collect();
    for name in ["window_start", "window_end", "window_time"] {
        fields.push(Field::new(name, timestamp(), false));
    }
    for aggregate in &aggregates {
        let nullable = aggregate.function != Count;
        fields.push(Field::new(&aggregate.name, aggregate.data_type.clone(), nullable));
    }
    let time = WindowTime::Row(5);
    let desc = WindowAggregateDesc {
        window,
        time,
        keys: keys.to_vec(),
        aggregates,
        local_times: None,
        lateness_ms: None,
        early_ms: None,
    };
    node(NodeKind::WindowAggregate(desc), Arc::new(Schema::new(fields)))
}

/// The same windows of processing time.
pub(super) fn processing_plan_of(window: Window, keys: &[usize]) -> PlanNode {
    let mut node = plan_of(window, keys);
    if let NodeKind::WindowAggregate(desc) = &mut node.kind {
        desc.time = WindowTime::Processing;
    }
    node
}

/// What must come out when all windows have fired, sorted.
pub(super) fn expected(rows: &[Row], keys: &[usize]) -> Vec<Fired> {
    let windowed = rows.iter().map(|row| (row, windows_of(TUMBLE, row.ts)));
    let windowed = windowed.flat_map(|(row, of)| of.into_iter().map(move |w| (row.clone(), w)));
    aggregated(windowed, keys)
}

/// Rows with their windows, aggregated one by one.
pub(super) fn aggregated(
    rows: impl IntoIterator<Item = (Row, (i64, i64))>,
    keys: &[usize],
) -> Vec<Fired> {
    let mut all = BTreeMap::new();
    for (row, (start, end)) in rows {
        let k1 = row.k1.filter(|_| keys.contains(&0));
        let k2 = row.k2.clone().filter(|_| keys.contains(&1));
        let fired = all.entry((end, start, k1, k2.clone())).or_insert(Fired {
            end,
            start,
            k1,
            k2,
            count: 0,
            count_v: 0,
            sum_v: None,
            min_v: None,
            max_t: None,
            sum_filtered: None,
        });
        fired.count += 1;
        if let Some(v) = row.v {
            fired.count_v += 1;
            fired.sum_v = Some(fired.sum_v.unwrap_or(0).wrapping_add(v));
            fired.min_v = Some(fired.min_v.map_or(v, |min| min.min(v)));
            if row.f == Some(true) {
                fired.sum_filtered = Some(fired.sum_filtered.unwrap_or(0).wrapping_add(v));
            }
        }
        fired.max_t = fired.max_t.take().max(row.t.clone());
    }
    all.into_values().collect()
}

/// What has come out, sorted; checks the windows' times.
pub(super) fn fired(driver: &Driver) -> Vec<Fired> {
    let mut all: Vec<Fired> = driver.batches().flat_map(fired_in).collect();
    all.sort();
    all
}

/// The rows of a batch.
pub(super) fn fired_in(batch: &RecordBatch) -> Vec<Fired> {
    let mut all = Vec::new();
    let i64s = |name: &str| batch[name].as_primitive::<Int64Type>().clone();
    let i32s = |name: &str| batch[name].as_primitive::<Int32Type>().clone();
    let times = |name: &str| batch[name].as_primitive::<TimestampMillisecondType>().clone();
    let text = |column: &dyn Array, row: usize| -> Option<String> {
        column.is_valid(row).then(|| column.as_string::<i32>().value(row).to_string())
    };
    let int = |column: &Int32Array, row: usize| column.is_valid(row).then(|| column.value(row));
    for row in 0..batch.num_rows() {
        let end = times("window_end").value(row);
        assert_eq!(times("window_time").value(row), end - 1);
        let k1 = batch
            .column_by_name("k1")
            .and_then(|k1| k1.is_valid(row).then(|| k1.as_primitive::<Int64Type>().value(row)));
        all.push(Fired {
            end,
            start: times("window_start").value(row),
            k1,
            k2: batch.column_by_name("k2").and_then(|k2| text(k2, row)),
            count: i64s("COUNT(*)").value(row),
            count_v: i64s("COUNT(v)").value(row),
            sum_v: int(&i32s("SUM(v)"), row),
            min_v: int(&i32s("MIN(v)"), row),
            max_t: text(&batch["MAX(t)"], row),
            sum_filtered: int(&i32s("SUM(v) FILTER(f)"), row),
        });
    }
    all
}

impl Fired {
    /// Whether both are results of the same key and window.
    pub(super) fn is_of(&self, other: &Self) -> bool {
        let key = |row: &Self| (row.end, row.start, row.k1, row.k2.clone());
        key(self) == key(other)
    }
}
