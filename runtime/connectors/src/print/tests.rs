use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Float64Builder, Int64Array, ListArray, MapBuilder, StringArray,
    StringBuilder, StructArray, TimestampMillisecondArray,
};
use arrow::datatypes::{DataType, Field, Int32Type};

use super::*;

#[test]
fn rows_are_printed_as_flink_prints_them() {
    let batch = RecordBatch::try_from_iter([
        ("a", Arc::new(Int64Array::from(vec![Some(1), None])) as _),
        ("b", Arc::new(StringArray::from(vec![Some("x, y"), None])) as _),
        ("c", Arc::new(Float64Array::from(vec![Some(1e10), Some(2.0)])) as _),
        ("d", Arc::new(TimestampMillisecondArray::from(vec![Some(0), Some(1250)])) as _),
        (
            "e",
            Arc::new(TimestampMillisecondArray::from(vec![Some(0), None]).with_timezone("UTC"))
                as _,
        ),
    ])
    .unwrap();
    assert_eq!(
        RowText::of(&batch).unwrap().lines("p> "),
        "p> +I[1, x, y, 1.0E10, 1970-01-01T00:00, 1970-01-01T00:00:00Z]\n\
         p> +I[null, null, 2.0, 1970-01-01T00:00:01.250, null]\n"
    );
}

#[test]
fn the_identifier_names_the_subtask_when_there_are_several() {
    assert_eq!(prefix(None, 0, 1), "");
    assert_eq!(prefix(None, 1, 2), "2> ");
    assert_eq!(prefix(Some("out"), 0, 1), "out> ");
    assert_eq!(prefix(Some("out"), 1, 2), "out:2> ");
}

#[test]
fn parts_of_values_are_printed_as_flink_prints_them() {
    let mut map = MapBuilder::new(None, StringBuilder::new(), Float64Builder::new());
    map.keys().append_value("k");
    map.values().append_value(1e10);
    map.keys().append_value("l");
    map.values().append_null();
    map.append(true).unwrap();
    map.append(false).unwrap();
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>([
        Some(vec![Some(1), None]),
        Some(vec![]),
    ]);
    let row: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let row = StructArray::from(vec![(Arc::new(Field::new("x", DataType::Int64, true)), row)]);
    let batch = RecordBatch::try_from_iter([
        ("a", Arc::new(list) as _),
        ("m", Arc::new(map.finish()) as _),
        ("r", Arc::new(row) as _),
    ])
    .unwrap();
    assert_eq!(
        RowText::of(&batch).unwrap().lines(""),
        "+I[[1, null], {k=1.0E10, l=null}, +I[1]]\n+I[[], null, +I[2]]\n"
    );
}
