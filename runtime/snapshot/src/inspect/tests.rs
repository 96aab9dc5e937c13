use std::sync::Arc;

use arrow::array::{Array, Int64Array, StringArray};
use arrow::datatypes::DataType;
use sabot_core::state::RowCodec;

use super::*;
use crate::testing::{checkpoint, memory};

fn encoded(column: impl Array + 'static) -> Vec<Vec<u8>> {
    let codec = RowCodec::new([column.data_type().clone()]).unwrap();
    let rows = column.len();
    let rows = codec.encode(&[Arc::new(column)], rows).unwrap();
    rows.iter().flatten().map(<[u8]>::to_vec).collect()
}

async fn loaded() -> LoadedManifest {
    let keys = encoded(Int64Array::from(vec![7, 8]));
    let values = encoded(Int64Array::from(vec![Some(3), None]));
    let rows = keys
        .into_iter()
        .zip(values)
        .enumerate()
        .map(|(n, (key, value))| (10_000, n as u16, key, value))
        .collect();
    let root = memory("mem://job");
    let manifest = checkpoint(&root, 1, 2, rows).await;
    LoadedManifest { manifest, root }
}

#[tokio::test]
async fn the_summary_counts_rows_and_bytes_of_each_state() {
    let summary = inspect(&loaded().await).await.unwrap();
    assert_eq!(summary.location, "mem://job");
    let state = &summary.operators[0].states[0];
    assert_eq!((state.name.as_str(), state.rows), ("rows", 2));
    assert!(state.bytes > 0 && state.stored_bytes > 0);
    let json = serde_json::to_value(&summary).unwrap();
    assert_eq!(json["operators"][0]["states"][0]["key"][0]["name"], "user");
}

#[tokio::test]
async fn rows_are_dumped_as_columns() {
    let mut lines = Vec::new();
    dump(&loaded().await, |_| true, |batch| write_json_lines(&batch, &mut lines)).await.unwrap();
    let lines = String::from_utf8(lines).unwrap();
    let lines: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        lines[0],
        serde_json::json!({
            "operator": "window", "state": "rows", "namespace": 10_000, "keyGroup": 0,
            "key.user": 7, "value.COUNT(*)": 3
        })
    );
    assert_eq!(lines[1]["value.COUNT(*)"], serde_json::Value::Null);
}

#[tokio::test]
async fn only_the_wanted_states_are_dumped() {
    let loaded = loaded().await;
    dump(&loaded, |spec| spec.name == "other", |_| panic!("nothing was wanted")).await.unwrap();
}

#[tokio::test]
async fn rows_that_do_not_fit_their_description_are_an_error() {
    let root = memory("mem://job");
    for rows in [
        vec![(0, 0, Vec::new(), vec![1, 2, 3])],
        vec![(0, 0, encoded(StringArray::from(vec!["abc"])).remove(0), vec![9])],
    ] {
        let manifest = checkpoint(&root, 1, 2, rows).await;
        let loaded = LoadedManifest { manifest, root: Arc::clone(&root) };
        let error = dump(&loaded, |_| true, |_| Ok(())).await.unwrap_err();
        assert!(matches!(error, InspectError::Decode { .. }), "{error}");
        for segment in &loaded.manifest.segments {
            root.delete(&segment.key).await.unwrap();
        }
    }
}

#[test]
fn types_are_read_back_from_their_text() {
    use arrow::datatypes::TimeUnit;
    use std::str::FromStr;
    for data_type in [
        DataType::Int64,
        DataType::Utf8,
        DataType::Utf8View,
        DataType::Float64,
        DataType::Boolean,
        DataType::Date32,
        DataType::Decimal128(38, 6),
        DataType::Timestamp(TimeUnit::Millisecond, None),
        DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
        DataType::Time64(TimeUnit::Nanosecond),
        DataType::List(Arc::new(arrow::datatypes::Field::new("item", DataType::Int64, true))),
    ] {
        let text = data_type.to_string();
        assert_eq!(DataType::from_str(&text).unwrap(), data_type, "{text}");
    }
}
