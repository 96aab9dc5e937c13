use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::{Field, Schema, TimeUnit};
use arrow::util::display::array_value_to_string;

use super::*;
use crate::format::{Decoded, Malformed};

const MILLIS: TimeUnit = TimeUnit::Millisecond;

fn schema() -> SchemaRef {
    let field = |name: &str, data_type| Field::new(name, data_type, true);
    Arc::new(Schema::new(vec![
        field("id", DataType::Int64),
        field("name", DataType::Utf8View),
        field("price", DataType::Float64),
        field("amount", DataType::Decimal128(10, 2)),
        field("ok", DataType::Boolean),
        field("day", DataType::Date32),
        field("ts", DataType::Timestamp(MILLIS, None)),
        field("at", DataType::Timestamp(MILLIS, Some("UTC".into()))),
    ]))
}

fn read(pairs: &[(&str, &str)]) -> Result<CsvOptions, OptionError> {
    let map: BTreeMap<String, String> =
        pairs.iter().map(|(k, v)| (format!("csv.{k}"), (*v).to_owned())).collect();
    CsvOptions::read(&Options { table: "t", map: &map }, "csv.")
}

fn decode(options: &CsvOptions, schema: SchemaRef, records: &[&str]) -> Result<Decoded, Malformed> {
    let records: Vec<&[u8]> = records.iter().map(|record| record.as_bytes()).collect();
    RowDecoder::new(schema, options.clone()).decode(&records)
}

fn encode(options: &CsvOptions, rows: &RecordBatch) -> Result<String, String> {
    let mut out = Vec::new();
    let encoder = RowEncoder::new(&rows.schema(), options.clone());
    let encoded = encoder.encode(rows, &mut out, |out| out.push(b'\n'));
    encoded.map_err(|error| error.to_string())?;
    Ok(String::from_utf8(out).unwrap())
}

/// Names of columns as texts.
fn names(count: usize) -> SchemaRef {
    let field = |index| Field::new(format!("c{index}"), DataType::Utf8, true);
    Arc::new(Schema::new((0..count).map(field).collect::<Vec<_>>()))
}

fn lines(rows: &RecordBatch) -> Vec<String> {
    let text = |column: &ArrayRef, row| {
        let is_null = column.is_null(row);
        if is_null { "NULL".to_owned() } else { array_value_to_string(column, row).unwrap() }
    };
    let line = |row| rows.columns().iter().map(|c| text(c, row)).collect::<Vec<_>>().join("|");
    (0..rows.num_rows()).map(line).collect()
}

fn texts(options: &CsvOptions, count: usize, record: &str) -> Result<String, String> {
    let decoded = decode(options, names(count), &[record]).map_err(|fault| fault.reason)?;
    Ok(lines(&decoded.rows).remove(0))
}

#[test]
fn what_is_written_is_read_back_as_it_was() {
    let full = r#"-7,"a ""quoted"", ä",1.5,12.30,true,2024-02-29,2024-02-29 12:00:00.25,2024-02-29 12:00:00Z"#;
    let options = read(&[("null-literal", "n/a")]).unwrap();
    let nothing = "n/a,n/a,n/a,n/a,n/a,n/a,n/a,n/a";
    let rows = decode(&options, schema(), &[full, nothing]).unwrap().rows;
    assert_eq!(encode(&options, &rows).unwrap(), format!("{full}\n{nothing}\n"));

    let odd = ["", " x ", "a,b", "\"", "two\nlines\r\n", "#", "\\", "it's;", "\t"];
    let all = [
        &[][..],
        &[("field-delimiter", ";"), ("quote-character", "'")],
        &[("field-delimiter", r"\t"), ("escape-character", "\\")],
        &[("field-delimiter", "|"), ("disable-quote-character", "true"), ("escape-character", "^")],
        &[("allow-comments", "true")],
    ];
    for pairs in all {
        let options = read(pairs).unwrap();
        let column: ArrayRef = Arc::new(StringArray::from(odd.to_vec()));
        let rows = RecordBatch::try_new(names(2), vec![Arc::clone(&column), column]).unwrap();
        let text = encode(&options, &rows).unwrap();
        let decoder = RowDecoder::new(names(2), options.clone());
        let (mut rest, mut records) = (text.as_bytes(), Vec::new());
        while let Some(length) = decoder.record_end(rest) {
            records.push(&rest[..length - 1]);
            rest = &rest[length..];
        }
        assert!(rest.is_empty());
        // Of a text without quotes a line that begins like a comment is one.
        assert_eq!(decoder.decode(&records).unwrap().rows, rows, "{pairs:?}: {text}");
    }
    let floats = Float64Array::from(vec![f64::NAN, f64::NEG_INFINITY, 1.0]);
    let float = Arc::new(Schema::new(vec![Field::new("f", DataType::Float64, true)]));
    let rows = RecordBatch::try_new(float, vec![Arc::new(floats)]).unwrap();
    assert_eq!(encode(&CsvOptions::default(), &rows).unwrap(), "NaN\n-Infinity\n1.0\n");
    let null = RecordBatch::try_new(names(1), vec![Arc::new(StringArray::new_null(1))]).unwrap();
    assert_eq!(encode(&CsvOptions::default(), &null).unwrap(), "\"\"\n");
}

#[test]
fn quotes_escapes_and_delimiters_are_those_of_the_options() {
    let plain = CsvOptions::default();
    for (record, expected) in [
        ("a,b", "a|b"),
        ("\"a,\"\"x\",b", "a,\"x|b"),
        ("a\"b\",c", "a\"b\"|c"),
        ("\"a\nb\" ,", "a\nb|"),
        ("a,b\r\n", "a|b"),
    ] {
        assert_eq!(texts(&plain, 2, record).unwrap(), expected, "{record}");
    }
    let escaped = read(&[("escape-character", "\\")]).unwrap();
    assert_eq!(texts(&escaped, 2, r#"a\,\n,"\"\\""#).unwrap(), "a,\n|\"\\");
    let unquoted = read(&[("disable-quote-character", "true"), ("field-delimiter", r"\u0001")]);
    assert_eq!(texts(&unquoted.unwrap(), 2, "\"a\u{1},b\"").unwrap(), "\"a|,b\"");
    let null = read(&[("null-literal", "")]).unwrap();
    assert_eq!(texts(&null, 3, "a,,\"\"").unwrap(), "a|NULL|NULL");
    let comments = read(&[("allow-comments", "true")]).unwrap();
    let decoded = decode(&comments, names(1), &["#x,y", "a", "#", "b"]).unwrap();
    assert_eq!(
        (lines(&decoded.rows), decoded.record(1)),
        (vec!["a".to_owned(), "b".to_owned()], 3)
    );
    assert_eq!(texts(&plain, 1, "#x").unwrap(), "#x");
}

#[test]
fn fields_are_found_by_the_places_of_the_tables_columns() {
    let columns = ["a", "id", "b", "name"].map(str::to_owned).to_vec();
    let options = CsvOptions { columns, ..CsvOptions::default() };
    let read = Arc::new(schema().project(&[1, 0]).unwrap());
    let rows = decode(&options, read, &["x,7, ,n", ",8,,"]).unwrap().rows;
    assert_eq!(lines(&rows), ["n|7", "|8"]);
    let nothing = decode(&options, Arc::new(Schema::empty()), &["x,7,,n"]).unwrap().rows;
    assert_eq!(nothing.num_rows(), 1);
}

#[test]
fn what_is_no_row_is_named_by_its_column_or_skipped_and_counted() {
    let strict = CsvOptions::default();
    let ignoring = CsvOptions { ignore_parse_errors: true, ..CsvOptions::default() };
    let required = Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("day", DataType::Date32, true),
    ]);
    let required = Arc::new(required);
    for (record, expected, lenient) in [
        ("x,2024-01-01", "column 1 ('id') is \"x\": expected a BIGINT", None),
        ("1,soon", "column 2 ('day') is \"soon\": expected a date", Some("1|NULL")),
        ("1", "it has 1 fields: expected 2", Some("1|NULL")),
        ("1,2024-01-01,", "it has 3 fields: expected 2", None),
        ("1,\"2024-01-01", "a quote in it is not closed", None),
        ("\"1\"2,2024-01-01", "a field in it goes on behind its closing quote", None),
        ("1,2024-01-01\n2,2024-01-01", "there is more than one line in it", None),
        (",2024-01-01", "column 1 ('id') is \"\": expected a BIGINT", None),
    ] {
        let records = [" 5 ,2024-02-01", record, "6, 2024-02-02"];
        let fault = decode(&strict, Arc::clone(&required), &records).unwrap_err();
        assert_eq!(fault.record, 1, "{record}");
        assert!(fault.reason.contains(expected), "{record}: {}", fault.reason);
        let decoded = decode(&ignoring, Arc::clone(&required), &records).unwrap();
        let all = [Some("5|2024-02-01"), lenient, Some("6|2024-02-02")];
        assert_eq!(lines(&decoded.rows), all.into_iter().flatten().collect::<Vec<_>>(), "{record}");
        assert_eq!((decoded.malformed, decoded.record(decoded.rows.num_rows() - 1)), (1, 2));
    }
    let null = read(&[("null-literal", "-")]).unwrap();
    let fault = decode(&null, required, &["-,-"]).unwrap_err();
    assert_eq!(fault.reason, "column 1 ('id') is NULL: it must not be");
    let truth = Arc::new(schema().project(&[4, 6]).unwrap());
    let fault = decode(&strict, truth, &["TRUE,2024-01-01 00:00:00Z"]).unwrap_err();
    assert!(fault.reason.contains("column 2 ('ts')"), "{}", fault.reason);
}

#[test]
fn a_text_that_cannot_be_told_from_others_without_quotes_is_refused() {
    let options = read(&[("disable-quote-character", "true")]).unwrap();
    let column: ArrayRef = Arc::new(StringArray::from(vec!["\"a\"", "b,c"]));
    let rows = RecordBatch::try_new(names(1), vec![column]).unwrap();
    assert_eq!(encode(&options, &rows.slice(0, 1)).unwrap(), "\"a\"\n");
    let error = encode(&options, &rows).unwrap_err();
    assert!(error.contains("column 'c0' is \"b,c\"") && error.contains("'csv.escape-character'"));
}

#[test]
fn wrong_options_are_refused_with_what_is_right() {
    for (pairs, expected) in [
        (
            &[("field-delimiter", "ab")][..],
            "'csv.field-delimiter' = 'ab' is not valid: expected one",
        ),
        (&[("field-delimiter", "ä")], "one ASCII character, such as ';', '\\t' or '\\u0001'"),
        (&[("field-delimiter", "")], "one ASCII character"),
        (&[("array-element-delimiter", "::")], "one ASCII character"),
        (&[("quote-character", ",")], "another character than that between fields"),
        (&[("escape-character", ";"), ("field-delimiter", ";")], "another character than that"),
        (&[("allow-comments", "yes")], "'true' or 'false'"),
        (
            &[("quote-character", "'"), ("disable-quote-character", "true")],
            "it to be left out when 'csv.disable-quote-character' is 'true'",
        ),
    ] {
        let error = read(pairs).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let list = DataType::new_list(DataType::new_list(DataType::Int64, true), true);
    let columns = Arc::new(Schema::new(vec![Field::new("l", list, true)]));
    let map = BTreeMap::new();
    let error =
        check_columns(&Options { table: "t", map: &map }, &columns).unwrap_err().to_string();
    assert!(error.contains("within it, which the format 'csv' does not support here"), "{error}");
}

#[test]
fn an_array_or_a_row_without_a_value_that_must_be_there_is_null_where_errors_are_ignored() {
    let list = DataType::new_list(DataType::Int64, false);
    let row = DataType::Struct(
        vec![Field::new("x", DataType::Int64, false), Field::new("y", DataType::Utf8, true)].into(),
    );
    let schema =
        Arc::new(Schema::new(vec![Field::new("l", list, true), Field::new("r", row, true)]));
    let records = ["1;2,3;a", "1;x;2,4;b", "7,y;c", ",5"];
    let decoded = |ignore| {
        let options = read(&[("ignore-parse-errors", ignore)]).unwrap();
        decode(&options, Arc::clone(&schema), &records)
    };
    let reason = decoded("false").unwrap_err().reason;
    assert_eq!(reason, "column 1 ('l') is \"x\": expected a BIGINT");
    let decoded = decoded("true").unwrap();
    assert_eq!((decoded.rows.num_rows(), decoded.malformed), (4, 3));
    let lists = decoded.rows.column(0).as_list::<i32>();
    let length = |row| lists.is_valid(row).then(|| lists.value_length(row));
    let lengths: Vec<_> = (0..4).map(length).collect();
    assert_eq!(lengths, [Some(2), None, Some(1), Some(0)]);
    let rows = decoded.rows.column(1).as_struct();
    assert_eq!((0..4).map(|row| rows.is_valid(row)).collect::<Vec<_>>(), [true, true, false, true]);
    let texts = rows.column(1).as_string::<i32>();
    assert!(texts.value(1) == "b" && texts.is_null(3), "{texts:?}");
}
