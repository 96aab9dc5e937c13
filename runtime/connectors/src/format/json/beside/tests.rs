use arrow::array::Array;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::util::display::array_value_to_string;
use sabot_core::{metadata, row_kind};

use super::*;
use crate::format::json::{JsonOptions, Record, RowDecoder};

const FIRST: &str = concat!(
    r#"{"before":null,"after":{"id":1},"op":"c","ts_ms":1700000000123,"source":{"version":"2.5","#,
    r#""ts_ms":"1700000000001","snapshot":false,"db":"shop","schema":"public","table":"orders","#,
    r#""lsn":null,"sequence":[1, {"a":2}]}}"#,
);
const SECOND: &str = r#"{"before":{"id":1},"after":{"id":2},"op":"u"}"#;
const BROKEN: &str = r#"{"before":null,"after":{"id":3},"op":"c","ts_ms":"soon"}"#;

fn decode(
    record: Record,
    ignore_parse_errors: bool,
    records: &[&str],
) -> Result<Vec<String>, String> {
    let schema = Schema::new(vec![Field::new("id", DataType::Int64, true), row_kind::field()]);
    let options = JsonOptions { ignore_parse_errors, record, ..JsonOptions::default() };
    let keys = METADATA.iter().map(|key| key.name).collect();
    let decoder = RowDecoder::new(Arc::new(schema), options).with_beside(keys);
    let records: Vec<&[u8]> = records.iter().map(|record| record.as_bytes()).collect();
    let decoded = decoder.decode(&records).map_err(|fault| fault.reason)?;
    let text = |column: &ArrayRef, row| match column.is_null(row) {
        true => "NULL".to_owned(),
        false => array_value_to_string(column, row).unwrap(),
    };
    let line = |row: usize| {
        let values = decoded.beside.iter().map(|(_, column)| text(column, row));
        values.collect::<Vec<_>>().join(" | ")
    };
    Ok((0..decoded.rows.num_rows()).map(line).collect())
}

const FIRST_LINE: &str = "2023-11-14T22:13:20.123Z | 2023-11-14T22:13:20.001Z | shop | public | \
     orders | {db: shop, lsn: , schema: public, sequence: [1,{\"a\":2}], snapshot: false, \
     table: orders, ts_ms: 1700000000001, version: 2.5}";
const NOTHING: &str = "NULL | NULL | NULL | NULL | NULL | NULL";

#[test]
fn a_change_tells_when_and_where_it_was_and_both_its_rows_do() {
    let lines = decode(Record::Change, false, &[FIRST, SECOND]).unwrap();
    assert_eq!(lines[0], format!("NULL | {FIRST_LINE}"));
    assert_eq!(lines[1..], [format!("NULL | {NOTHING}"), format!("NULL | {NOTHING}")]);
    let wrapped = format!(r#"{{"schema":{{"type":"struct", "a":1}},"payload":{FIRST}}}"#);
    let bare = format!(r#"{{"schema":null,"payload":{SECOND}}}"#);
    let lines = decode(Record::ChangeWithSchema, false, &[&wrapped, &bare]).unwrap();
    assert_eq!(lines[0], format!(r#"{{"type":"struct", "a":1}} | {FIRST_LINE}"#));
    assert_eq!(lines[2], format!("NULL | {NOTHING}"));
}

#[test]
fn a_time_that_is_none_is_named_or_null() {
    let error = decode(Record::Change, false, &[FIRST, BROKEN]).unwrap_err();
    assert!(error.contains("field 'ts_ms' is \"soon\": expected milliseconds"), "{error}");
    let lines = decode(Record::Change, true, &[FIRST, BROKEN]).unwrap();
    assert_eq!(lines, [format!("NULL | {FIRST_LINE}"), format!("NULL | {NOTHING}")]);
}

#[test]
fn only_keys_that_columns_ask_for_are_read() {
    let column = |key: &str| metadata::field(Field::new(key, DataType::Utf8, true), key);
    let schema = Arc::new(Schema::new(vec![
        column("value.source.table"),
        Field::new("source.db", DataType::Utf8, true),
        column("offset"),
        column("schema"),
    ]));
    let columns = Columns::new(&schema);
    assert_eq!(keys_of(&columns, VALUE), ["source.table"]);
    assert_eq!(keys_of(&columns, ""), ["schema"]);
    let behind = VALUE_METADATA.iter().map(|key| key.name.strip_prefix(VALUE).unwrap());
    assert!(behind.eq(METADATA.iter().map(|key| key.name)));
    let empty = decode(Record::Change, false, &[]).unwrap();
    assert!(empty.is_empty());
}
