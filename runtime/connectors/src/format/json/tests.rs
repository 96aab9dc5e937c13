use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{RecordBatch, cast::AsArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit};
use sabot_core::row_kind::{self, RowKind};

use super::*;

fn schema() -> SchemaRef {
    let field = |name: &str, data_type| Field::new(name, data_type, true);
    Arc::new(Schema::new(vec![
        field("id", DataType::Int64),
        field("name", DataType::Utf8),
        field("price", DataType::Float64),
        field("amount", DataType::Decimal128(10, 2)),
        field("ok", DataType::Boolean),
        field("day", DataType::Date32),
        field("ts", DataType::Timestamp(TimeUnit::Millisecond, None)),
        field("at", DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))),
    ]))
}

fn decode(options: JsonOptions, records: &[&str]) -> Result<Decoded, Malformed> {
    let records: Vec<&[u8]> = records.iter().map(|record| record.as_bytes()).collect();
    RowDecoder::new(schema(), options).decode(&records)
}

fn encode(options: JsonOptions, rows: &RecordBatch) -> String {
    let mut out = Vec::new();
    let encoder = RowEncoder::new(&rows.schema(), options);
    encoder.encode(rows, &mut out, |out| out.push(b'\n')).unwrap();
    String::from_utf8(out).unwrap()
}

const FULL: &str = concat!(
    r#"{"id":-7,"name":"a \"quoted\" ä\n","price":1.5,"amount":12.30,"ok":true,"#,
    r#""day":"2024-02-29","ts":"2024-02-29 12:00:00.25","at":"2024-02-29 12:00:00Z"}"#,
);

#[test]
fn what_is_written_is_read_back_as_it_was() {
    for standard in [Standard::Sql, Standard::Iso8601] {
        let options = JsonOptions { standard, ..JsonOptions::default() };
        let rows = decode(options, &[FULL, "{}"]).unwrap().rows;
        let text = encode(options, &rows);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(decode(options, &lines).unwrap().rows, rows);
        if standard == Standard::Sql {
            assert_eq!(lines[0], FULL);
        }
    }
}

#[test]
fn a_missing_field_is_null_and_an_unknown_one_is_ignored() {
    let rows = decode(JsonOptions::default(), &[r#"{"id":1,"else":{"x":[1,2]}}"#, r#" {"id":2} "#])
        .unwrap()
        .rows;
    assert_eq!(rows.column(0).as_primitive::<Int64Type>().values(), &[1, 2]);
    assert!((1..8).all(|column| rows.column(column).null_count() == 2));
}

#[test]
fn numbers_and_texts_are_converted_as_flink_converts_them() {
    let rows =
        decode(JsonOptions::default(), &[r#"{"id":"12","name":34,"price":"1e3"}"#]).unwrap().rows;
    assert_eq!(rows.column(0).as_primitive::<Int64Type>().value(0), 12);
    assert_eq!(rows.column(1).as_string::<i32>().value(0), "34");
}

#[test]
fn a_malformed_record_is_named_with_its_fault() {
    for (bad, reason) in [
        (r#"{"id":"x"}"#, "id"),
        (r#"{"id":1.5e99}"#, "id"),
        (r#"{"id":1"#, "does not end"),
        (r#"{"id":1}{"id":2}"#, "more than one"),
        ("[1]", "expected {"),
        ("nonsense", "unexpected"),
        ("", "no JSON object"),
        (r#"{"ok":3}"#, "ok"),
        (r#"{"name":{"a":1}}"#, "name"),
        (r#"{"ts":1700000000000}"#, "field 'ts' is \"1700000000000\": expected a text such as"),
        (r#"{"ts":"2024-02-29 12:00:00Z"}"#, "without a zone"),
        (r#"{"at":"2024-02-29 12:00:00"}"#, "with a zone"),
        (r#"{"day":"2023-02-29"}"#, "field 'day'"),
        (r#"{"amount":"twelve"}"#, "amount"),
    ] {
        let fault = decode(JsonOptions::default(), &["{}", bad, FULL]).unwrap_err();
        assert_eq!(fault.record, 1, "{bad}");
        assert!(fault.reason.contains(reason), "{bad}: {}", fault.reason);
    }
}

#[test]
fn invalid_utf8_is_malformed() {
    let records: [&[u8]; 2] = [b"{}", b"{\"name\":\"\xff\xfe\"}"];
    let fault = RowDecoder::new(schema(), JsonOptions::default()).decode(&records).unwrap_err();
    assert_eq!(fault.record, 1);
}

#[test]
fn ignoring_parse_errors_nulls_the_field_and_skips_the_broken_row() {
    let options = JsonOptions { ignore_parse_errors: true, ..JsonOptions::default() };
    let decoded = decode(
        options,
        &[r#"{"id":1}"#, "broken", r#"{"id":"x","name":"kept","ts":5}"#, "[]", r#"{"id":4}"#],
    )
    .unwrap();
    assert_eq!(decoded.rows.num_rows(), 3);
    assert_eq!(decoded.malformed, 3);
    assert_eq!((0..3).map(|row| decoded.record(row)).collect::<Vec<_>>(), [0, 2, 4]);
    assert!(decoded.rows.column(0).is_null(1) && decoded.rows.column(6).is_null(1));
    assert_eq!(decoded.rows.column(1).as_string::<i32>().value(1), "kept");
}

#[test]
fn a_null_in_a_not_null_column_is_malformed() {
    let field = Field::new("ts", DataType::Timestamp(TimeUnit::Millisecond, None), false);
    let schema = Arc::new(Schema::new(vec![field]));
    let decoder = RowDecoder::new(schema.clone(), JsonOptions::default());
    assert!(decoder.decode(&[b"{}"]).is_err());
    let ignoring = JsonOptions { ignore_parse_errors: true, ..JsonOptions::default() };
    let read = RowDecoder::new(schema, ignoring).decode(&[b"{}", b"{\"ts\":\"x\"}"]).unwrap();
    assert_eq!((read.rows.num_rows(), read.malformed), (0, 2));
}

#[test]
fn missing_fields_fail_by_option_but_explicit_nulls_do_not() {
    let options = JsonOptions { fail_on_missing_field: true, ..JsonOptions::default() };
    let fault = decode(options, &[FULL, r#"{"id":1}"#]).unwrap_err();
    assert_eq!((fault.record, fault.reason.as_str()), (1, "field 'name' is missing"));
    let nulls = concat!(
        r#"{"id":null,"name":null,"price":null,"amount":null,"ok":null,"#,
        r#""day":null,"ts":null,"at":null}"#
    );
    assert!(decode(options, &[nulls]).is_ok());
}

#[test]
fn floats_without_a_json_number_survive_as_texts() {
    let rows = decode(
        JsonOptions::default(),
        &[r#"{"price":"NaN"}"#, r#"{"price":"-Infinity"}"#, r#"{"price":1e300}"#],
    )
    .unwrap()
    .rows
    .project(&[2])
    .unwrap();
    let expected = "{\"price\":\"NaN\"}\n{\"price\":\"-Infinity\"}\n{\"price\":1e+300}\n";
    assert_eq!(encode(JsonOptions::default(), &rows).replace("1e300", "1e+300"), expected);
}

#[test]
fn wrong_format_options_are_refused_with_what_is_right() {
    for (pairs, expected) in [
        (&[][..], "'format' is missing: set it to 'json'"),
        (&[("format", "avro")][..], "'format' = 'avro' is not valid: expected 'json'"),
        (&[("format", "json"), ("json.ignore-parse-errors", "yes")][..], "'true' or 'false'"),
        (
            &[("format", "json"), ("json.timestamp-format.standard", "RFC")][..],
            "'SQL' or 'ISO-8601'",
        ),
        (
            &[
                ("format", "json"),
                ("json.ignore-parse-errors", "true"),
                ("json.fail-on-missing-field", "true"),
            ][..],
            "'false' when 'json.ignore-parse-errors' is 'true'",
        ),
    ] {
        let map: BTreeMap<_, _> =
            pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let error = JsonOptions::read(&Options { table: "t", map: &map }).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

/// Two columns, of which one is not NULL, and the kinds.
fn changing() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("day", DataType::Date32, true),
        row_kind::field(),
    ]))
}

const CHANGE: JsonOptions = JsonOptions {
    ignore_parse_errors: false,
    fail_on_missing_field: false,
    standard: Standard::Sql,
    record: Record::Change,
};

fn decode_changes(options: JsonOptions, records: &[&str]) -> Result<Decoded, Malformed> {
    let records: Vec<&[u8]> = records.iter().map(|record| record.as_bytes()).collect();
    RowDecoder::new(changing(), options).decode(&records)
}

fn lines(decoded: &Decoded) -> Vec<String> {
    let rows = &decoded.rows;
    let (ids, days) = (rows.column(0).as_primitive::<Int64Type>(), rows.column(1));
    let kinds = row_kind::kinds(rows).unwrap();
    let line = |row: usize| {
        let kind = RowKind::of(kinds.value(row)).symbol();
        let day = arrow::util::display::array_value_to_string(days, row).unwrap();
        format!("{} {kind} {} {day}", decoded.record(row), ids.value(row))
    };
    (0..rows.num_rows()).map(line).collect()
}

const CHANGES: [&str; 4] = [
    r#"{"before":null,"after":{"id":1,"day":"2024-02-29","x":1},"op":"c","ts_ms":1,"source":{}}"#,
    r#"{"after":{"id":2,"day":null},"op":"r"}"#,
    r#"{"before":{"id":1,"day":"2024-02-29"},"after":{"id":1,"day":"2024-03-01"},"op":"u"}"#,
    r#"{"before":{"id":2},"after":null,"op":"d"}"#,
];
const CHANGED: [&str; 5] =
    ["0 +I 1 2024-02-29", "1 +I 2 ", "2 -U 1 2024-02-29", "2 +U 1 2024-03-01", "3 -D 2 "];

#[test]
fn changes_are_read_with_what_was_before_also_beside_their_schema() {
    assert_eq!(lines(&decode_changes(CHANGE, &CHANGES).unwrap()), CHANGED);
    let wrapped = CHANGES.map(|record| format!(r#"{{"schema":{{"a":1}},"payload":{record}}}"#));
    let wrapped: Vec<&str> = wrapped.iter().map(String::as_str).collect();
    let options = JsonOptions { record: Record::ChangeWithSchema, ..JsonOptions::default() };
    assert_eq!(lines(&decode_changes(options, &wrapped).unwrap()), CHANGED);
    let error = decode_changes(options, &CHANGES[..1]).unwrap_err();
    assert!(error.reason.contains("'debezium-json.schema-include' = 'false'"), "{error:?}");
    let error = decode_changes(CHANGE, &wrapped[..1]).unwrap_err();
    assert!(error.reason.contains("'debezium-json.schema-include' = 'true'"), "{error:?}");
}

#[test]
fn a_change_that_cannot_be_one_is_refused_or_skipped() {
    for (record, expected) in [
        (r#"{"after":{"id":1},"op":"x"}"#, "field 'op' is \"x\": expected c, r, u or d"),
        (r#"{"after":{"id":1}}"#, "field 'op' is missing"),
        (r#"{"after":null,"op":"c"}"#, "field 'after' is NULL in a change with the op c"),
        (
            r#"{"after":{"id":1},"op":"u"}"#,
            "field 'before' is NULL in a change with the op u: have",
        ),
        (r#"{"before":null,"op":"d"}"#, "REPLICA IDENTITY FULL"),
        (r#"{"after":{"id":null},"op":"c"}"#, "id"),
        (r#"{"after":{"id":1,"day":"soon"},"op":"c"}"#, "field 'day' is \"soon\": expected a text"),
        (r#"{"after":{"#, "does not end"),
        ("[]", ""),
    ] {
        let error = decode_changes(CHANGE, &[CHANGES[0], record]).unwrap_err();
        assert_eq!(error.record, 1, "{record}");
        assert!(error.reason.contains(expected), "{record}: {}", error.reason);
    }
    let options = JsonOptions { ignore_parse_errors: true, ..CHANGE };
    let broken = r#"{"after":{"id":1},"op":"u"}"#;
    let records = [broken, CHANGES[2], broken, CHANGES[0]];
    let decoded = decode_changes(options, &records).unwrap();
    assert_eq!(lines(&decoded), ["1 -U 1 2024-02-29", "1 +U 1 2024-03-01", "3 +I 1 2024-02-29"]);
    assert_eq!(decoded.malformed, 2);
}

#[test]
fn changes_that_are_written_are_read_back() {
    let decoded = decode_changes(CHANGE, &CHANGES).unwrap();
    let text = encode(CHANGE, &decoded.rows);
    let records: Vec<&str> = text.lines().collect();
    let again = decode_changes(CHANGE, &records).unwrap();
    assert_eq!(row_kind::values(&again.rows), row_kind::values(&decoded.rows));
    assert_eq!(row_kind::weights(&again.rows), row_kind::weights(&decoded.rows));
}

/// `a ARRAY<INT>, r ARRAY<ROW<x INT, at DATE>>, m MAP<STRING, TIMESTAMP(3)>`.
fn nested() -> SchemaRef {
    let field = |name: &str, data_type| Field::new(name, data_type, true);
    let list = |element| DataType::List(Arc::new(field("item", element)));
    let row = vec![field("x", DataType::Int32), field("at", DataType::Date32)];
    let entries = vec![
        Field::new("key", DataType::Utf8, false),
        field("value", DataType::Timestamp(TimeUnit::Millisecond, None)),
    ];
    let entries = Field::new("entries", DataType::Struct(entries.into()), false);
    Arc::new(Schema::new(vec![
        field("a", list(DataType::Int32)),
        field("r", list(DataType::Struct(row.into()))),
        field("m", DataType::Map(Arc::new(entries), false)),
    ]))
}

#[test]
fn arrays_maps_and_rows_are_read_back_as_they_were_written() {
    let lines = [
        r#"{"a":[1,null,-3],"r":[{"x":1,"at":"2024-02-29"},null],"m":{"k \"":"2024-02-29 12:00:00"}}"#,
        r#"{"a":[],"r":[],"m":{}}"#,
        r#"{"a":null,"r":null,"m":null}"#,
        r#"{"a":[4],"r":[{"x":null,"at":null}],"m":{"a":null,"b":"1969-12-31 23:59:59.5"}}"#,
    ];
    let records: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
    let rows = RowDecoder::new(nested(), JsonOptions::default()).decode(&records).unwrap().rows;
    let text = encode(JsonOptions::default(), &rows);
    assert_eq!(text.lines().collect::<Vec<_>>(), lines);
    // A part of a batch has the same values.
    assert_eq!(encode(JsonOptions::default(), &rows.slice(3, 1)).trim_end(), lines[3]);
}

#[test]
fn of_a_key_that_comes_twice_the_last_value_counts() {
    let records: [&[u8]; 2] = [
        br#"{"m":{"a":"2024-01-01 00:00:00","b":null,"a":"2024-02-01 00:00:00"}}"#,
        br#"{"m":{"a":null}}"#,
    ];
    let rows = RowDecoder::new(nested(), JsonOptions::default()).decode(&records).unwrap().rows;
    let text = encode(JsonOptions::default(), &rows.project(&[2]).unwrap());
    assert_eq!(text, "{\"m\":{\"a\":\"2024-02-01 00:00:00\",\"b\":null}}\n{\"m\":{\"a\":null}}\n");
}

#[test]
fn bad_parts_of_a_value_are_named_or_become_null() {
    for (bad, reason) in [
        (r#"{"a":{"x":1}}"#, "field 'a': expected ["),
        (r#"{"a":[1,"x"]}"#, "field 'a': "),
        (r#"{"a":7}"#, "field 'a': "),
        (r#"{"r":[{"x":1,"at":"soon"}]}"#, "field 'r': field 'at' is \"soon\": expected a text"),
        (r#"{"r":[7]}"#, "field 'r': "),
        (r#"{"m":["a"]}"#, "field 'm': expected {"),
        (r#"{"m":{"a":"never"}}"#, "field 'm': a value is \"never\": expected a text such as"),
    ] {
        let decoder = RowDecoder::new(nested(), JsonOptions::default());
        let fault = decoder.decode(&[b"{}", bad.as_bytes()]).unwrap_err();
        assert_eq!(fault.record, 1, "{bad}");
        assert!(fault.reason.contains(reason), "{bad}: {}", fault.reason);
        let ignoring = JsonOptions { ignore_parse_errors: true, ..JsonOptions::default() };
        let decoder = RowDecoder::new(nested(), ignoring);
        let decoded = decoder.decode(&[b"{}", bad.as_bytes()]).unwrap();
        assert_eq!((decoded.rows.num_rows(), decoded.malformed), (2, 1), "{bad}");
    }
}

#[test]
fn maps_without_texts_as_keys_are_refused() {
    let entries =
        vec![Field::new("key", DataType::Int32, false), Field::new("value", DataType::Int32, true)];
    let entries = Field::new("entries", DataType::Struct(entries.into()), false);
    let map = Field::new("m", DataType::Map(Arc::new(entries), false), true);
    let schema = Arc::new(Schema::new(vec![map]));
    let options = BTreeMap::new();
    let error = check_columns(&Options { table: "t", map: &options }, &schema).unwrap_err();
    let says = "keys of the type INT: the keys of JSON objects are texts, use MAP<STRING, ...>";
    assert!(error.to_string().contains(says), "{error}");
}
