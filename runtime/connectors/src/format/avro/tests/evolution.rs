//! Records whose schemas are not that of the table.

use arrow::array::{
    Array, BinaryArray, Decimal128Array, Int64Array, StringArray, TimestampMillisecondArray,
};

use super::super::registry::tests::TestRegistry;
use super::*;
use crate::format::{Decoded, Malformed};
use crate::testing::RUNTIME;

struct Table {
    registry: TestRegistry,
    schema: SchemaRef,
    options: AvroOptions,
}

impl Table {
    fn new(columns: Vec<Field>, pairs: &[(&str, &str)]) -> Self {
        let registry = TestRegistry::start();
        let url = registry.url();
        let map = options(&[&[("avro-confluent.url", url.as_str())], pairs].concat());
        let options =
            AvroOptions::read_confluent(&Options { table: "t", map: &map }, "avro-confluent.");
        Self { registry, schema: Arc::new(Schema::new(columns)), options: options.unwrap() }
    }

    fn decode(&self, records: &[Vec<u8>]) -> Result<Decoded, Malformed> {
        let decoder = RowDecoder::new(Arc::clone(&self.schema), &self.options, &env());
        decoder.prepare(records.iter().map(Vec::as_slice)).unwrap();
        decoder.decode(&slices(records))
    }

    /// The column of a record of the field `v` of this type.
    fn value(&self, data_type: &str, bytes: &[u8]) -> Result<ArrayRef, String> {
        let schema = record(&format!(r#"{{"name":"v","type":{data_type}}}"#));
        let id = self.registry.add(&schema);
        let decoded = self.decode(&[framed(id, bytes)]).map_err(|fault| fault.reason)?;
        Ok(only(&decoded.rows))
    }
}

fn of(data_type: DataType) -> Table {
    Table::new(vec![field("v", data_type)], &[])
}

fn record(fields: &str) -> String {
    format!(r#"{{"type":"record","name":"Order","namespace":"com.shop","fields":[{fields}]}}"#)
}

fn framed(id: u32, body: &[u8]) -> Vec<u8> {
    [&[0], &id.to_be_bytes()[..], body].concat()
}

#[test]
fn what_is_written_names_its_schema_and_comes_back() {
    let table = Table::new(vec![], &[]);
    let schema = every_type();
    let batch = rows(&schema, EVERY_TYPE);
    let mut options = table.options.clone();
    RUNTIME.block_on(options.register(&env(), "orders-value", &schema)).unwrap();
    let records = encode(&batch, &options).unwrap();
    let [(_, id)] = table.registry.subjects().try_into().unwrap();
    assert!(records.iter().all(|record| record.starts_with(&framed(id, &[]))));
    let table = Table { schema, ..table };
    assert_eq!(table.decode(&records).unwrap().rows, batch);
}

#[test]
fn fields_are_found_by_their_names_and_what_is_not_there_is_null() {
    let table = Table::new(vec![field("new", DataType::Utf8), field("id", DataType::Int64)], &[]);
    let old = table.registry.add(&record(
        r#"{"name":"gone","type":["null",{"type":"map","values":{"type":"array","items":"int"}}]},{"name":"id","type":"int"}"#,
    ));
    let new = table.registry.add(&record(
        r#"{"name":"id","type":"long"},{"name":"new","type":["string","null"],"default":"x"}"#,
    ));
    let read = table
        .decode(&[
            framed(old, &[0, 2]),
            framed(old, &[2, 1, 10, 2, b'k', 2, 4, 0, 0, 4]),
            framed(new, &[6, 0, 2, b'y']),
            framed(old, &[0, 8]),
            framed(new, &[10, 2]),
        ])
        .unwrap();
    assert_eq!(
        read.rows.column(0).as_ref(),
        &StringArray::from(vec![None, None, Some("y"), None, None])
    );
    assert_eq!(read.rows.column(1).as_ref(), &Int64Array::from(vec![1, 2, 3, 4, 5]));
    assert_eq!((read.records, read.malformed), (None, 0));
}

#[test]
fn a_column_that_must_not_be_null_needs_its_field() {
    let table = Table::new(vec![Field::new("v", DataType::Int32, false)], &[]);
    let id = table.registry.add(&record(r#"{"name":"w","type":"int"}"#));
    let fault = table.decode(&[framed(id, &[2])]).unwrap_err();
    assert!(fault.reason.contains("field 'v' is not in the schema"), "{}", fault.reason);
    let error = table.value(r#"["null","int"]"#, &[0]).unwrap_err();
    assert!(error.contains("field 'v' is NULL"), "{error}");
}

#[test]
fn frames_that_are_none_are_told_or_skipped() {
    let table = of(DataType::Int32);
    let id = table.registry.add(&record(r#"{"name":"v","type":"int"}"#));
    for (bad, expected) in [
        (vec![], "it is empty"),
        (vec![0, 0, 0], "it has 3 bytes"),
        (br#"{"v":1}"#.to_vec(), "its first byte is 123: expected 0"),
        (framed(99, &[2]), "its schema 99: the schema registry"),
        (framed(id, &[]), "field 'v'"),
    ] {
        let records = [framed(id, &[2]), bad, framed(id, &[4])];
        let fault = table.decode(&records).unwrap_err();
        assert_eq!(fault.record, 1);
        assert!(fault.reason.contains(expected), "{}", fault.reason);
        let mut ignoring = table.options.clone();
        ignoring.ignore_parse_errors = true;
        let (registry, schema) = (table.registry.clone(), Arc::clone(&table.schema));
        let decoded = Table { registry, schema, options: ignoring }.decode(&records).unwrap();
        assert_eq!((decoded.malformed, decoded.records), (1, Some(vec![0, 2])));
    }
}

#[test]
fn values_become_those_of_the_column() {
    let long = of(DataType::Int64);
    assert_eq!(long.value("\"int\"", &[3]).unwrap().as_ref(), &Int64Array::from(vec![-2]));
    let error = long.value("\"string\"", &[2, b'x']).unwrap_err();
    assert!(error.contains("field 'v' is STRING") && error.contains("BIGINT"), "{error}");

    let text = of(DataType::Utf8);
    let x = StringArray::from(vec!["x"]);
    let all: [(&str, &[u8]); 6] = [
        (r#"{"type":"string","avro.java.string":"String"}"#, &[2, b'x']),
        (r#"{"type":{"type":"string"}}"#, &[2, b'x']),
        (r#"{"type":"enum","name":"E","symbols":["w","x"]}"#, &[2]),
        (r#""bytes""#, &[2, b'x']),
        (r#"["null","int","string"]"#, &[4, 2, b'x']),
        (r#"["string"]"#, &[0, 2, b'x']),
    ];
    for (data_type, bytes) in all {
        assert_eq!(text.value(data_type, bytes).unwrap().as_ref(), &x, "{data_type}");
    }
    let uuid = r#"{"type":"string","logicalType":"uuid"}"#;
    assert_eq!(text.value(uuid, &[2, b'x']).unwrap().as_ref(), &x);
    let union = r#"["null","int","string"]"#;
    assert!(text.value(union, &[0]).unwrap().is_null(0));
    let error = text.value(union, &[2, 2]).unwrap_err();
    assert!(error.contains("field 'v' is INT"), "{error}");
    let union = text.registry.add(&record(&format!(r#"{{"name":"v","type":{union}}}"#)));
    let decoder = RowDecoder::new(Arc::clone(&text.schema), &text.options, &env());
    let records = [framed(union, &[0]), framed(union, &[4, 2, b'x'])];
    decoder.prepare(records.iter().map(Vec::as_slice)).unwrap();
    for _ in 0..2 {
        let read = only(&decoder.decode(&slices(&records)).unwrap().rows);
        assert_eq!(read.as_ref(), &StringArray::from(vec![None, Some("x")]));
    }

    let millis = of(DataType::Timestamp(TimeUnit::Millisecond, None));
    let all: [(&str, &[u8]); 5] = [
        ("timestamp-millis", &[4]),
        ("local-timestamp-millis", &[4]),
        ("timestamp-micros", &[0xf0, 0x25]),
        ("local-timestamp-micros", &[0xf0, 0x25]),
        ("other", &[4]),
    ];
    for (logical, bytes) in all {
        let data_type = format!(r#"{{"type":"long","logicalType":"{logical}"}}"#);
        let read = millis.value(&data_type, bytes).unwrap();
        assert_eq!(read.as_ref(), &TimestampMillisecondArray::from(vec![2]), "{logical}");
    }

    let decimal = of(DataType::Decimal128(10, 2));
    let expected = Decimal128Array::from(vec![1280]).with_precision_and_scale(10, 2).unwrap();
    let all: [(&str, &[u8]); 3] = [
        (r#"{"type":"bytes","logicalType":"decimal","precision":5,"scale":1}"#, &[4, 0, 0x80]),
        (
            r#"{"type":"fixed","name":"F","size":2,"logicalType":"decimal","precision":4,"scale":2}"#,
            &[5, 0],
        ),
        (r#""bytes""#, &[4, 5, 0]),
    ];
    for (data_type, bytes) in all {
        assert_eq!(decimal.value(data_type, bytes).unwrap().as_ref(), &expected, "{data_type}");
    }
    let wide = r#"{"type":"bytes","logicalType":"decimal","precision":20,"scale":0}"#;
    let error = decimal.value(wide, &[10, 127, 255, 255, 255, 255]).unwrap_err();
    assert!(error.contains("field 'v'"), "{error}");

    let bytes = of(DataType::Binary);
    let fixed = r#"{"type":"fixed","name":"F","size":2}"#;
    assert_eq!(
        bytes.value(fixed, &[1, 2]).unwrap().as_ref(),
        &BinaryArray::from(vec![&[1u8, 2][..]])
    );
}

/// Avro's libraries write the second use of a type by its name alone.
#[test]
fn a_type_that_is_named_twice_is_read_twice() {
    let point = |fields: Vec<Field>| row(fields);
    let table = Table::new(
        vec![
            field("to", point(vec![field("y", DataType::Int32)])),
            field("from", point(vec![field("x", DataType::Int32), field("y", DataType::Int32)])),
        ],
        &[],
    );
    let id = table.registry.add(&record(
        r#"{"name":"from","type":{"type":"record","name":"Point","fields":[{"name":"x","type":"int"},{"name":"y","type":"int"}]}},
           {"name":"via","type":{"type":"array","items":"com.shop.Point"}},
           {"name":"to","type":["null","Point"]}"#,
    ));
    let read = table.decode(&[framed(id, &[2, 4, 2, 20, 22, 0, 2, 6, 8])]).unwrap().rows;
    assert_eq!(read, rows(&table.schema, r#"{"to":{"y":4},"from":{"x":1,"y":2}}"#));

    let id = table.registry.add(&record(r#"{"name":"next","type":["null","Order"]}"#));
    let fault = table.decode(&[framed(id, &[0])]).unwrap_err();
    assert!(fault.reason.contains("'com.shop.Order' has itself within it"), "{}", fault.reason);
}

#[test]
fn a_schema_of_ones_own_is_registered_and_written() {
    let own = record(
        r#"{"name":"b","type":["string","null"]},{"name":"a","type":{"type":"long","logicalType":"timestamp-micros"}}"#,
    );
    let millis = DataType::Timestamp(TimeUnit::Millisecond, None);
    let columns = vec![field("a", millis), field("b", DataType::Utf8)];
    let table = Table::new(columns, &[("avro-confluent.schema", &own)]);
    let mut options = table.options.clone();
    RUNTIME.block_on(options.register(&env(), "t-value", &table.schema)).unwrap();
    let [(_, id)] = table.registry.subjects().try_into().unwrap();
    assert_eq!(table.registry.schema(id)["name"], "Order");
    let batch = rows(&table.schema, "{\"a\":2,\"b\":\"x\"}\n{\"a\":0}");
    let records = encode(&batch, &options).unwrap();
    assert_eq!(records, [framed(id, &[0, 2, b'x', 0xa0, 0x1f]), framed(id, &[2, 0])]);
    assert_eq!(table.decode(&records).unwrap().rows, batch);
    let error = encode(&rows(&table.schema, "{\"b\":\"x\"}"), &options).unwrap_err();
    assert!(error.contains("column 'a' is NULL"), "{error}");
}
