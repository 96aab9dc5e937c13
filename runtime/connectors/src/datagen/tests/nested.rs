//! Values that have others within them.

use std::sync::Arc;

use arrow::array::cast::AsArray;
use arrow::array::types::Int32Type;
use arrow::array::{Array, MapArray, RecordBatch};
use arrow::datatypes::{DataType, Field};
use sabot_core::partitions;

use super::{all, declared, list};
use crate::testing::schema;

fn map(key: DataType, value: DataType, nullable: bool) -> DataType {
    let fields = vec![Field::new("key", key, false), Field::new("value", value, nullable)];
    let entries = Field::new("entries", DataType::Struct(fields.into()), false);
    DataType::Map(Arc::new(entries), false)
}

async fn table(pairs: &[(&str, &str)], data_type: DataType) -> RecordBatch {
    let pairs = [&[("number-of-rows", "1000")], pairs].concat();
    all(&pairs, schema(&[("c", data_type)])).await
}

#[tokio::test]
async fn arrays_have_three_elements_or_as_many_as_the_option_says() {
    for (pairs, count) in
        [(&[][..], 3), (&[("fields.c.length", "5")], 5), (&[("fields.c.length", "0")], 0)]
    {
        let rows = table(pairs, list(DataType::Int32)).await;
        let arrays = rows.column(0).as_list::<i32>();
        assert!((0..1000).all(|row| arrays.value_length(row) == count));
    }
    let pairs = [
        ("fields.c.element.min", "1"),
        ("fields.c.element.max", "2"),
        ("fields.c.element.null-rate", "0.5"),
        ("fields.c.null-rate", "0.5"),
    ];
    let rows = table(&pairs, list(DataType::Int32)).await;
    let arrays = rows.column(0).as_list::<i32>();
    assert!((450..550).contains(&arrays.null_count()));
    let elements = arrays.values().as_primitive::<Int32Type>();
    assert_eq!(elements.len(), 3 * (1000 - arrays.null_count()));
    assert!((600..900).contains(&elements.null_count()));
    assert!(elements.iter().flatten().all(|element| element == 1 || element == 2));
}

#[tokio::test]
async fn elements_within_elements_are_all_different() {
    let rows =
        table(&[("fields.c.element.element.length", "12")], list(list(DataType::Utf8))).await;
    let texts = rows.column(0).as_list::<i32>().values().as_list::<i32>().values().clone();
    let different: std::collections::BTreeSet<_> = texts.as_string::<i32>().iter().collect();
    assert_eq!(different.len(), 9000);
}

#[tokio::test]
async fn fields_of_a_row_have_their_options_and_are_null_with_it() {
    let inner = DataType::Struct(vec![Field::new("n", DataType::Int32, false)].into());
    let fields = vec![Field::new("Name", DataType::Utf8, true), Field::new("inner", inner, true)];
    let pairs = [
        ("fields.c.name.length", "4"),
        ("fields.c.inner.n.min", "5"),
        ("fields.c.inner.n.max", "6"),
        ("fields.c.inner.null-rate", "0.5"),
        ("fields.c.null-rate", "0.5"),
    ];
    let rows = table(&pairs, DataType::Struct(fields.into())).await;
    let row = rows.column(0).as_struct();
    let inner = row.column(1).as_struct();
    assert!((450..550).contains(&row.null_count()));
    assert_eq!(row.column(0).null_count(), row.null_count());
    assert!((700..800).contains(&inner.null_count()));
    assert_eq!(inner.column(0).null_count(), inner.null_count());
    assert!(row.column(0).as_string::<i32>().iter().flatten().all(|text| text.len() == 4));
    let numbers = inner.column(0).as_primitive::<Int32Type>();
    assert!(numbers.iter().flatten().all(|number| number == 5 || number == 6));
}

fn keys(map: &MapArray, row: usize) -> Vec<i32> {
    let keys = map.value(row).column(0).as_primitive::<Int32Type>().values().to_vec();
    assert!(keys.iter().enumerate().all(|(at, key)| !keys[..at].contains(key)), "{keys:?}");
    keys
}

#[tokio::test]
async fn a_map_has_each_key_once() {
    let pairs = [
        ("fields.c.key.min", "1"),
        ("fields.c.key.max", "4"),
        ("fields.c.length", "4"),
        ("fields.c.value.length", "2"),
        ("fields.c.null-rate", "0.1"),
    ];
    let rows = table(&pairs, map(DataType::Int32, DataType::Utf8, true)).await;
    let maps = rows.column(0).as_map();
    let lengths: std::collections::BTreeSet<usize> =
        (0..1000).filter(|row| maps.is_valid(*row)).map(|row| keys(maps, row).len()).collect();
    assert_eq!(lengths, (1..=4).collect());
    let values = maps.values().as_string::<i32>();
    assert!(values.iter().all(|value| value.is_some_and(|value| value.len() == 2)));
    let rows = table(&[], map(DataType::Utf8, DataType::Int64, true)).await;
    assert!((0..1000).all(|row| rows.column(0).as_map().value_length(row) == 3));
}

#[tokio::test]
async fn elements_of_a_multiset_are_there_up_to_ten_times() {
    let types = declared(&[("c", "MULTISET"), ("c.element", "CHAR(2)")]);
    let pairs = [(partitions::DECLARED_TYPES, types.as_str()), ("fields.c.length", "6")];
    let rows = table(&pairs, map(DataType::Utf8, DataType::Int32, false)).await;
    let sets = rows.column(0).as_map();
    assert!(sets.keys().as_string::<i32>().iter().flatten().all(|text| text.len() == 2));
    let often: std::collections::BTreeSet<i32> =
        sets.values().as_primitive::<Int32Type>().values().iter().copied().collect();
    assert_eq!(often, (0..=10).collect());
}
