use std::sync::Arc;

use arrow::array::{Float64Array, Int64Array, StringArray, TimestampMillisecondArray};

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
