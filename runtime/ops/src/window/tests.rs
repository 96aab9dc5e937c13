mod collected;
mod early;
mod fixture;
mod late_sessions;
mod migrated;
mod processing;
mod random;
mod sessions;
mod shared;
mod updates;

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Float32Array, Int8Array, RecordBatch,
    TimestampMillisecondArray,
};
use arrow::datatypes::{
    DataType, Field, Float32Type, Int8Type, Schema, TimeUnit, TimestampMillisecondType,
};
use sabot_core::metrics::OperatorMetrics;
use sabot_core::plan::{
    AggregateDesc, AggregateFunction, NodeKind, Window, WindowAggregateDesc, WindowTime,
};
use sabot_core::{Element, Error};
use sabot_state::{Backend, open};
use sabot_types::{EventTime, KeyGroupRange};

use self::fixture::{Row, batch, expected, fired, input, plan, row};
use crate::testing::{Backends, Driver, config, node};

const KEYED: &[usize] = &[0, 1];

fn driver(keys: &[usize]) -> Driver {
    Driver::new(&plan(keys), &input(), &config(), open(Backend::Memory).unwrap())
}

#[test]
fn windows_fire_in_order_when_the_watermark_reaches_their_last_millisecond() {
    let mut driver = driver(KEYED);
    let rows = [row(1, "a", 5, 25), row(1, "a", 7, 3), row(2, "b", 1, 9), row(1, "a", 8, 12)];
    driver.process(batch(&rows)).unwrap();
    driver.watermark(8);
    assert_eq!(driver.batches().count(), 0);
    driver.watermark(9);
    assert_eq!(fired(&driver), expected(&rows[1..3], KEYED));
    driver.out.clear();
    driver.watermark(i64::MAX);
    let mut ends = Vec::new();
    for batch in driver.batches() {
        ends.push(batch.column(3).as_primitive::<TimestampMillisecondType>().value(0));
    }
    assert_eq!(ends, [20, 30]);
    assert!(matches!(driver.out.last(), Some(Element::Watermark(EventTime::MAX))));
    let mut rest = vec![rows[0].clone()];
    rest.push(rows[3].clone());
    assert_eq!(fired(&driver), expected(&rest, KEYED));
}

#[test]
fn rows_of_windows_that_fired_are_dropped_and_counted() {
    let mut driver = driver(KEYED);
    driver.process(batch(&[row(1, "a", 1, 5)])).unwrap();
    driver.watermark(9);
    driver.out.clear();
    // All late, then late ones among others; row time 9 is late, though not below the watermark.
    driver.process(batch(&[row(1, "a", 1, 5), row(1, "a", 1, 9)])).unwrap();
    let kept = row(1, "a", 4, 10);
    driver.process(batch(&[row(1, "a", 1, -50), kept.clone(), row(2, "a", 1, 0)])).unwrap();
    assert_eq!(OperatorMetrics::get(&driver.metrics.rows_late), 4);
    driver.watermark(i64::MAX);
    assert_eq!(fired(&driver), expected(&[kept], KEYED));
}

#[test]
fn rows_behind_the_watermark_count_while_their_window_is_open() {
    let mut driver = driver(KEYED);
    driver.watermark(8);
    let late_but_open = row(1, "a", 1, 2);
    driver.process(batch(std::slice::from_ref(&late_but_open))).unwrap();
    driver.watermark(9);
    assert_eq!(fired(&driver), expected(&[late_but_open], KEYED));
}

#[test]
fn nulls_are_keys_of_their_own_and_no_values() {
    let nothing = Row { k1: None, k2: None, v: None, t: None, f: None, ts: 1 };
    let rows = [
        nothing.clone(),
        Row { v: Some(3), ..nothing.clone() },
        Row { k1: Some(0), ..nothing.clone() },
        Row { k2: Some(String::new()), ..nothing.clone() },
        nothing,
    ];
    for keys in [&[][..], &[0], &[1], KEYED] {
        let mut driver = driver(keys);
        driver.process(batch(&rows[..2])).unwrap();
        driver.snapshot();
        driver.process(batch(&rows[2..])).unwrap();
        driver.watermark(i64::MAX);
        assert_eq!(fired(&driver), expected(&rows, keys), "keys {keys:?}");
    }
}

#[test]
fn without_keys_there_is_one_row_for_each_window_that_has_rows() {
    let mut driver = driver(&[]);
    driver.watermark(100);
    driver.process(batch(&[row(1, "a", 5, 205), row(2, "b", 5, 209)])).unwrap();
    driver.snapshot();
    driver.watermark(i64::MAX);
    let batches: Vec<_> = driver.batches().collect();
    assert_eq!(batches.len(), 1);
    assert_eq!(batches[0].num_rows(), 1);
}

#[test]
fn several_snapshots_inside_a_window_lose_and_repeat_nothing() {
    for backend in Backends::all() {
        let mut driver = Driver::new(&plan(KEYED), &input(), &config(), backend.make());
        let mut rows = Vec::new();
        for round in 0..6 {
            let more = [row(round % 2, "a", 2_000_000_000, 1), row(1, "b", round as i32, 11)];
            driver.process(batch(&more)).unwrap();
            rows.extend(more);
            drop(driver.snapshot());
            drop(driver.snapshot());
        }
        driver.process(batch(&[row(0, "a", 1, 2)])).unwrap();
        rows.push(row(0, "a", 1, 2));
        driver.watermark(i64::MAX);
        assert_eq!(fired(&driver), expected(&rows, KEYED));
        assert_eq!(OperatorMetrics::get(&driver.metrics.state_writes), 12);
    }
}

#[test]
fn a_window_between_two_snapshots_does_not_touch_the_state() {
    let mut driver = driver(KEYED);
    driver.process(batch(&[row(1, "a", 1, 1)])).unwrap();
    driver.watermark(9);
    assert_eq!(driver.batches().count(), 1);
    let snapshot = driver.snapshot();
    assert_eq!(snapshot.watermark, Some(EventTime::from_millis(9)));
    assert_eq!(snapshot.keyed.len(), 1);
    assert_eq!(OperatorMetrics::get(&driver.metrics.state_writes), 0);
    assert_eq!(OperatorMetrics::get(&driver.metrics.state_reads), 0);
}

#[test]
fn fired_windows_leave_no_state() {
    for backend in Backends::all() {
        let mut driver = Driver::new(&plan(KEYED), &input(), &config(), backend.make());
        driver.process(batch(&[row(1, "a", 1, 1), row(1, "a", 1, 11)])).unwrap();
        driver.snapshot();
        driver.watermark(15);
        let mut namespaces = Vec::new();
        for frozen in driver.snapshot().keyed {
            frozen
                .visit(&mut |row| {
                    namespaces.push(row.namespace.0);
                    Ok(())
                })
                .unwrap();
        }
        assert_eq!(namespaces, [20]);
    }
}

#[test]
fn restored_windows_fire_without_a_new_row_and_the_late_rule_goes_on() {
    for backend in Backends::all() {
        let mut before = driver(KEYED);
        let rows = [row(1, "a", 1, 1), row(1, "a", 1, 11), row(2, "c", 9, 12)];
        before.process(batch(&rows)).unwrap();
        before.watermark(9);
        let snapshot = before.snapshot();
        let mut after = Driver::restored(&plan(KEYED), &input(), snapshot, backend.make());
        after.process(batch(&[row(1, "a", 1, 1)])).unwrap();
        assert_eq!(OperatorMetrics::get(&after.metrics.rows_late), 1);
        after.watermark(19);
        assert_eq!(fired(&after), expected(&rows[1..], KEYED));
    }
}

#[test]
fn results_come_in_batches_of_bounded_size() {
    let rows: Vec<_> = (0..2500).map(|n| row(n, "k", 1, 5)).collect();
    let mut driver = driver(KEYED);
    driver.process(batch(&rows)).unwrap();
    driver.watermark(9);
    let sizes: Vec<_> = driver.batches().map(RecordBatch::num_rows).collect();
    assert_eq!(sizes, [1000, 1000, 500]);
    assert_eq!(fired(&driver), expected(&rows, KEYED));
}

#[test]
fn a_null_row_time_is_an_error_that_names_the_column() {
    let rows = batch(&[row(1, "a", 1, 1), row(1, "a", 1, 2)]);
    let mut columns = rows.columns().to_vec();
    columns[5] = Arc::new(TimestampMillisecondArray::from(vec![Some(1), None]));
    let rows = RecordBatch::try_new(rows.schema(), columns).unwrap();
    let error = driver(KEYED).process(rows).unwrap_err();
    assert!(matches!(error, Error::User { .. }));
    assert!(error.to_string().contains("row-time column ts holds a null"), "{error}");
}

#[test]
fn a_row_time_out_of_range_is_an_error_and_no_overflow() {
    for ts in [i64::MIN, i64::MAX] {
        let error = driver(KEYED).process(batch(&[row(1, "a", 1, ts)])).unwrap_err();
        assert!(error.to_string().contains("out of range"), "{error}");
    }
}

#[test]
fn state_outside_of_the_subtasks_key_groups_is_refused() {
    let config = crate::OperatorConfig { key_range: KeyGroupRange::new(0, 1), ..config() };
    let mut driver = Driver::new(&plan(KEYED), &input(), &config, open(Backend::Memory).unwrap());
    let rows: Vec<_> = (0..50).map(|n| row(n, "k", 1, 5)).collect();
    driver.process(batch(&rows)).unwrap();
    let mut cx = sabot_core::Cx::new(&mut driver.out, &mut *driver.backend, &driver.metrics, 0);
    let error = driver.operator.snapshot(&mut cx).err().unwrap();
    assert!(error.chain().contains("the subtask owns 0..1"), "{}", error.chain());
}

#[test]
fn the_state_is_described_by_names_and_types() {
    let spec = crate::state_specs(&plan(KEYED), &[input()]).remove(0);
    assert_eq!(spec.name, "window");
    assert_eq!(spec.namespace, "window-end tumble(10,0)");
    let key: Vec<_> = spec.key.iter().map(|f| (&*f.name, &*f.data_type)).collect();
    assert_eq!(key, [("k1", "Int64"), ("k2", "Utf8")]);
    let value: Vec<_> = spec.value.iter().map(|f| (&*f.name, &*f.data_type)).collect();
    let expected = [
        ("COUNT(*)", "Int64"),
        ("COUNT(v)", "Int64"),
        ("SUM(v)", "Int64"),
        ("MIN(v)", "Int32"),
        ("MAX(t)", "Utf8"),
        ("SUM(v) FILTER(f)", "Int64"),
    ];
    assert_eq!(value, expected);
}

/// One aggregate over one column of some type, with a snapshot between each two values.
fn result_of(
    function: AggregateFunction,
    values: &ArrayRef,
    data_type: DataType,
) -> sabot_core::Result<ArrayRef> {
    let time = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
    let input = Arc::new(Schema::new(vec![
        Field::new("v", values.data_type().clone(), true),
        Field::new("ts", time.clone(), false),
    ]));
    let aggregate = AggregateDesc {
        distinct: false,
        name: "A".to_string(),
        function,
        argument: Some(0),
        filter: None,
        data_type: data_type.clone(),
    };
    let kind = NodeKind::WindowAggregate(WindowAggregateDesc {
        window: Window::Tumble { size_ms: 10, offset_ms: 0 },
        time: WindowTime::Row(1),
        keys: vec![],
        aggregates: vec![aggregate],
        local_times: None,
        lateness_ms: None,
        early_ms: None,
    });
    let fields = ["window_start", "window_end", "window_time"];
    let mut fields: Vec<_> = fields.map(|n| Field::new(n, time.clone(), false)).into();
    fields.push(Field::new("a", data_type, true));
    let node = node(kind, Arc::new(Schema::new(fields)));
    let mut backend = open(Backend::Memory).unwrap();
    let operator = crate::build(&node, std::slice::from_ref(&input), &config(), &mut *backend)?;
    let metrics = OperatorMetrics::default();
    let mut driver = Driver { operator, backend, metrics, out: Vec::new(), now_ms: 0 };
    for n in 0..values.len() {
        let times = TimestampMillisecondArray::from(vec![3]).with_timezone("UTC");
        let columns = vec![values.slice(n, 1), Arc::new(times) as ArrayRef];
        driver.process(RecordBatch::try_new(input.clone(), columns)?)?;
        driver.snapshot();
    }
    driver.watermark(9);
    Ok(driver.batches().next().unwrap().column(3).clone())
}

#[test]
fn sums_keep_the_arguments_type_and_wrap() {
    let values: ArrayRef = Arc::new(Int8Array::from(vec![100, 100, 100]));
    let sum = result_of(AggregateFunction::Sum, &values, DataType::Int8).unwrap();
    assert_eq!(sum.as_primitive::<Int8Type>().value(0), 44);
    let values: ArrayRef = Arc::new(Float32Array::from(vec![0.5, 0.25]));
    let sum = result_of(AggregateFunction::Sum, &values, DataType::Float32).unwrap();
    assert!((sum.as_primitive::<Float32Type>().value(0) - 0.75).abs() < f32::EPSILON);
}

#[test]
fn a_decimal_sum_that_no_longer_fits_is_null() {
    let wide = DataType::Decimal128(38, 2);
    let decimals = |values: Vec<i128>, precision| -> ArrayRef {
        Arc::new(Decimal128Array::from(values).with_precision_and_scale(precision, 2).unwrap())
    };
    let sum = result_of(AggregateFunction::Sum, &decimals(vec![99, 99], 3), wide.clone()).unwrap();
    assert_eq!(sum.data_type(), &wide);
    assert_eq!(sum.as_primitive::<arrow::datatypes::Decimal128Type>().value(0), 198);
    let huge = 99_999_999_999_999_999_999_999_999_999_999_999_999;
    let sum = result_of(AggregateFunction::Sum, &decimals(vec![huge, 1], 38), wide).unwrap();
    assert!(sum.is_null(0));
}

#[test]
fn booleans_have_a_smallest_and_a_largest() {
    let values: ArrayRef = Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]));
    for (function, expected) in [(AggregateFunction::Min, false), (AggregateFunction::Max, true)] {
        let result = result_of(function, &values, DataType::Boolean).unwrap();
        assert_eq!(result.as_boolean().value(0), expected);
    }
}

#[test]
fn an_aggregate_over_a_type_that_has_none_is_refused_by_name() {
    let values: ArrayRef = Arc::new(BooleanArray::from(vec![true]));
    let error = result_of(AggregateFunction::Sum, &values, DataType::Boolean).unwrap_err();
    assert!(matches!(error, Error::User { .. }));
    assert!(error.to_string().contains("A over a column of type Boolean"), "{error}");
}
