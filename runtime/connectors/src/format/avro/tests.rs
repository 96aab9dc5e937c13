mod evolution;

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, cast::AsArray};
use arrow::datatypes::{DataType, Field, Fields, Int32Type, Schema, TimeUnit};
use arrow_json::ReaderBuilder;
use sabot_core::partitions::{self, DeclaredType};
use serde_json::json;

use super::*;
use crate::testing::{env, options};

fn read(pairs: &[(&str, &str)]) -> AvroOptions {
    let map = options(pairs);
    AvroOptions::read(&Options { table: "t", map: &map }, "avro.").unwrap()
}

fn encode(batch: &RecordBatch, options: &AvroOptions) -> Result<Vec<Vec<u8>>, String> {
    let (mut out, mut ends) = (Vec::new(), vec![0]);
    let encoder = RowEncoder::new(&batch.schema(), options);
    let encoded = encoder.encode(batch, &mut out, |out| ends.push(out.len()));
    encoded.map_err(|error| error.chain())?;
    Ok(ends.windows(2).map(|ends| out[ends[0]..ends[1]].to_vec()).collect())
}

fn slices(records: &[Vec<u8>]) -> Vec<&[u8]> {
    records.iter().map(Vec::as_slice).collect()
}

/// Rows of JSON, in which dates and the like are numbers.
fn rows(schema: &SchemaRef, lines: &str) -> RecordBatch {
    let mut decoder = ReaderBuilder::new(Arc::clone(schema)).build_decoder().unwrap();
    decoder.decode(lines.as_bytes()).unwrap();
    decoder.flush().unwrap().unwrap()
}

fn field(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, true)
}

fn list(item: DataType) -> DataType {
    DataType::List(Arc::new(field("item", item)))
}

fn map(value: DataType) -> DataType {
    let entries = vec![Field::new("key", DataType::Utf8, false), field("value", value)];
    let entries = Field::new("entries", DataType::Struct(entries.into()), false);
    DataType::Map(Arc::new(entries), false)
}

fn row(fields: Vec<Field>) -> DataType {
    DataType::Struct(Fields::from(fields))
}

/// A column of every type.
fn every_type() -> SchemaRef {
    let millis = DataType::Timestamp(TimeUnit::Millisecond, None);
    Arc::new(Schema::new(vec![
        field("t", DataType::Int8),
        field("s", DataType::Int16),
        Field::new("i", DataType::Int32, false),
        field("l", DataType::Int64),
        field("f", DataType::Float32),
        field("d", DataType::Float64),
        field("b", DataType::Boolean),
        field("text", DataType::Utf8),
        field("bytes", DataType::Binary),
        field("dec", DataType::Decimal128(10, 2)),
        field("day", DataType::Date32),
        field("clock", DataType::Time32(TimeUnit::Millisecond)),
        field("ts", millis.clone()),
        field("ltz", DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))),
        field("list", list(DataType::Int32)),
        field("map", map(DataType::Int64)),
        field("row", row(vec![field("x", DataType::Int32), field("y", list(millis))])),
        field("rows", list(row(vec![field("z", DataType::Utf8)]))),
        field("deep", map(row(vec![field("w", DataType::Int16)]))),
    ]))
}

const EVERY_TYPE: &str = r#"
{"t":-128,"s":300,"i":1,"l":-9223372036854775808,"f":1.5,"d":-0.1,"b":true,"text":"ü","bytes":"00ff","dec":-123.45,"day":-1,"clock":45000123,"ts":-1,"ltz":1714566600250,"list":[1,null,-64],"map":{"a":1,"b":null},"row":{"x":null,"y":[0,null]},"rows":[{"z":"q"},null,{"z":null}],"deep":{"k":{"w":7},"n":null}}
{"i":-2}
{"t":1,"s":1,"i":64,"l":1,"f":0,"d":0,"b":false,"text":"","bytes":"","dec":0,"day":0,"clock":0,"ts":0,"ltz":0,"list":[],"map":{},"row":{"x":8192,"y":null},"rows":[],"deep":{}}
{"i":2147483647,"dec":99999999.99,"row":{"x":-2147483648,"y":[]}}
"#;

#[test]
fn rows_of_every_type_come_back() {
    let schema = every_type();
    let batch = rows(&schema, EVERY_TYPE);
    for legacy in ["true", "false"] {
        let options = read(&[("avro.timestamp_mapping.legacy", legacy)]);
        let records = encode(&batch, &options).unwrap();
        let decoder = RowDecoder::new(Arc::clone(&schema), &options, &env());
        let decoded = decoder.decode(&slices(&records)).unwrap();
        assert_eq!(decoded.rows, batch);
        assert_eq!((decoded.records, decoded.malformed), (None, 0));
        assert_eq!(decoder.decode(&[]).unwrap().rows.num_rows(), 0);
    }
}

#[test]
fn records_are_bytes_as_avro_says() {
    let schema: SchemaRef = Arc::new(Schema::new(vec![
        Field::new("a", DataType::Int32, false),
        field("b", DataType::Utf8),
        field("c", DataType::Decimal128(10, 2)),
        field("d", list(DataType::Int64)),
    ]));
    let batch = rows(&schema, "{\"a\":-3,\"b\":\"xy\",\"c\":-1.28,\"d\":[1]}\n{\"a\":64}");
    let expected: [&[u8]; 2] =
        [&[5, 2, 4, b'x', b'y', 2, 2, 0x80, 2, 2, 2, 2, 0], &[0x80, 1, 0, 0, 0]];
    assert_eq!(slices(&encode(&batch, &read(&[])).unwrap()), expected);
}

/// What `AvroSchemaConverter` makes of such a table.
#[test]
fn the_schema_is_the_one_that_flink_derives() {
    let schema: SchemaRef = Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        field("ts", DataType::Timestamp(TimeUnit::Millisecond, None)),
        field("r", row(vec![field("x", list(row(vec![field("y", DataType::Date32)])))])),
    ]));
    let name = |name: &str| json!({"type": "record", "name": name});
    let with = |mut record: serde_json::Value, fields: serde_json::Value| {
        record["fields"] = fields;
        record
    };
    let nullable = |name: &str, of: serde_json::Value| json!({"name": name, "type": ["null", of], "default": null});
    let date = json!({"type": "int", "logicalType": "date"});
    let inner = with(name("record_r_x"), json!([nullable("y", date)]));
    let items = json!({"type": "array", "items": ["null", inner]});
    let mut expected = with(
        name("record"),
        json!([
            {"name": "id", "type": "long"},
            nullable("ts", json!({"type": "long", "logicalType": "timestamp-millis"})),
            nullable("r", with(name("record_r"), json!([nullable("x", items)]))),
        ]),
    );
    expected["namespace"] = json!("org.apache.flink.avro.generated");
    let made = read(&[]).writer_schema(&schema).unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&made).unwrap(), expected);
    let local = read(&[("avro.timestamp_mapping.legacy", "false")]).writer_schema(&schema);
    assert!(local.unwrap().contains("local-timestamp-millis"));
}

/// A source is given the columns that are read, and of a ROW the fields that are.
#[test]
fn columns_that_nothing_reads_are_passed_over() {
    let schema = every_type();
    let batch = rows(&schema, EVERY_TYPE);
    let declared: Vec<DeclaredType> = [
        ("t", "TINYINT"),
        ("s", "SMALLINT"),
        ("i", "INT"),
        ("l", "BIGINT"),
        ("f", "FLOAT"),
        ("d", "DOUBLE"),
        ("b", "BOOLEAN"),
        ("text", "VARCHAR(20)"),
        ("bytes", "BYTES"),
        ("dec", "DECIMAL(10, 2)"),
        ("day", "DATE"),
        ("clock", "TIME(0)"),
        ("ts", "TIMESTAMP(3)"),
        ("ltz", "TIMESTAMP_LTZ(3)"),
        ("list", "ARRAY"),
        ("list.element", "INT"),
        ("map", "MAP"),
        ("map.key", "STRING"),
        ("map.value", "BIGINT"),
        ("row", "ROW"),
        ("row.x", "INT"),
        ("row.y", "ARRAY"),
        ("row.y.element", "TIMESTAMP(3)"),
        ("rows", "ARRAY"),
        ("rows.element", "ROW"),
        ("rows.element.z", "STRING"),
        ("deep", "MAP"),
        ("deep.key", "STRING"),
        ("deep.value", "ROW"),
        ("deep.value.w", "SMALLINT"),
    ]
    .map(|(path, name)| DeclaredType {
        path: path.split('.').map(str::to_owned).collect(),
        name: name.to_owned(),
        nullable: path != "i" && path.rsplit('.').next() != Some("key"),
    })
    .to_vec();
    let options = read(&[(partitions::DECLARED_TYPES, &partitions::to_option(&declared))]);
    let records = encode(&batch, &options).unwrap();
    assert_eq!(records, encode(&batch, &read(&[])).unwrap());
    let y = every_type().field_with_name("row").unwrap().data_type().clone();
    let DataType::Struct(fields) = &y else { panic!("no ROW") };
    let wanted: SchemaRef = Arc::new(Schema::new(vec![
        field("deep", map(row(vec![field("w", DataType::Int16)]))),
        field("row", DataType::Struct(vec![Arc::clone(&fields[1])].into())),
    ]));
    let decoder = RowDecoder::new(Arc::clone(&wanted), &options, &env());
    let read = decoder.decode(&slices(&records)).unwrap().rows;
    assert_eq!(read.column(0), batch.column_by_name("deep").unwrap());
    let whole = batch.column_by_name("row").unwrap();
    assert_eq!(read.column(1).as_struct().column(0), whole.as_struct().column(1));
    assert_eq!(read.column(1).nulls(), whole.nulls());

    let nothing: SchemaRef = Arc::new(Schema::empty());
    let read = RowDecoder::new(nothing, &options, &env()).decode(&slices(&records)).unwrap().rows;
    assert_eq!(read.num_rows(), batch.num_rows());
}

#[test]
fn a_record_of_a_key_has_its_columns_under_their_own_names() {
    let declared = ["site", "k_id"].map(|name| DeclaredType {
        path: vec![name.to_owned()],
        name: "INT".to_owned(),
        nullable: true,
    });
    let mut options = read(&[(partitions::DECLARED_TYPES, &partitions::to_option(&declared))]);
    options.pick(&[("k_id".to_owned(), "id".to_owned())]);
    assert_eq!(options.names(), ["id"]);
}

#[test]
fn what_cannot_be_decoded_is_told_by_its_field_or_skipped() {
    let schema: SchemaRef = Arc::new(Schema::new(vec![
        Field::new("a", DataType::Int32, false),
        field("b", DataType::Utf8),
        field("c", DataType::Int8),
    ]));
    let good: &[u8] = &[2, 2, 2, b'x', 2, 6];
    let all: [(&[u8], &str); 8] = [
        (&[], "before the end of field 'a'"),
        (&[2, 2, 8, b'x'], "field 'b'"),
        (&[2, 2, 2, b'x'], "field 'c'"),
        (&[2, 2, 2, 0xff, 2, 6], "UTF-8"),
        (&[2, 2, 2, b'x', 2, 0x80, 4], "field 'c'"),
        (&[2, 2, 2, b'x', 2, 6, 0], "more bytes than a record"),
        (&[2, 2, 2, b'x', 2, 6, 0, 0, 0, 0, 1, 2, 2, 2, b'x', 2, 6], "more bytes than a record"),
        (&[0xff; 12], "field 'a'"),
    ];
    for (bad, expected) in all {
        let decoder = RowDecoder::new(Arc::clone(&schema), &read(&[]), &env());
        let fault = decoder.decode(&[good, bad, good]).unwrap_err();
        assert_eq!(fault.record, 1, "{bad:?}");
        assert!(fault.reason.contains(expected), "{bad:?}: {}", fault.reason);
        let ignored = read(&[("avro.ignore-parse-errors", "true")]);
        let decoder = RowDecoder::new(Arc::clone(&schema), &ignored, &env());
        let decoded = decoder.decode(&[good, bad, good]).unwrap();
        assert_eq!((decoded.malformed, decoded.records), (1, Some(vec![0, 2])), "{bad:?}");
        assert_eq!(decoded.rows.column(0).as_primitive::<Int32Type>().values(), &[1, 1]);
    }
}

#[test]
fn what_a_column_must_not_be_is_not_written() {
    let schema: SchemaRef = Arc::new(Schema::new(vec![field("a", DataType::Int32)]));
    let batch = rows(&schema, "{\"a\":null}");
    let not_null: SchemaRef = Arc::new(Schema::new(vec![Field::new("a", DataType::Int32, false)]));
    let types =
        DeclaredType { path: vec!["a".to_owned()], name: "INT".to_owned(), nullable: false };
    let options = read(&[(partitions::DECLARED_TYPES, &partitions::to_option(&[types]))]);
    assert_eq!(options.writer_schema(&schema), options.writer_schema(&not_null));
    let error = encode(&batch, &options).unwrap_err();
    assert!(error.contains("column 'a' is NULL"), "{error}");
}

#[test]
fn columns_and_options_are_checked() {
    let map_of = |key: DataType| {
        let entries = vec![Field::new("key", key, false), field("value", DataType::Int32)];
        let entries = Field::new("entries", DataType::Struct(entries.into()), false);
        DataType::Map(Arc::new(entries), false)
    };
    let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
    let no_options = options(&[]);
    let of_table = Options { table: "t", map: &no_options };
    let check = |avro: &AvroOptions, name: &str, data_type: DataType| {
        let schema: SchemaRef = Arc::new(Schema::new(vec![field(name, data_type)]));
        check_columns(avro, &of_table, &schema).map_err(|error| error.to_string())
    };
    let legacy = read(&[]);
    for (name, data_type, expected) in [
        ("a-b", DataType::Int32, "which no field of Avro can have"),
        ("m", map_of(DataType::Int32), "keys of the type INT"),
        ("ts", micros.clone(), "'timestamp_mapping.legacy' = 'false'"),
        (
            "r",
            row(vec![field("n", DataType::Timestamp(TimeUnit::Nanosecond, None))]),
            "TIMESTAMP(3)",
        ),
        ("u", DataType::UInt8, "which Avro does not have"),
    ] {
        let error = check(&legacy, name, data_type).unwrap_err();
        assert!(error.contains(expected) && error.contains(name), "{error}");
    }
    check(&read(&[("avro.timestamp_mapping.legacy", "false")]), "ts", micros).unwrap();
    let map = options(&[("avro.encoding", "json")]);
    let error = AvroOptions::read(&Options { table: "t", map: &map }, "avro.").unwrap_err();
    assert!(error.to_string().contains("'avro.encoding' = 'json'"), "{error}");
}

/// The values of the one column.
fn only(batch: &RecordBatch) -> ArrayRef {
    assert_eq!(batch.num_columns(), 1);
    Arc::clone(batch.column(0))
}
