use arrow::array::{Float64Array, Int32Array};

use super::*;
use crate::testing::{options, schema};

fn read(pairs: &[(&str, &str)]) -> Result<RawOptions, OptionError> {
    let map = options(pairs);
    RawOptions::read(&Options { table: "t", map: &map }, "raw.")
}

fn decode(
    data_type: &DataType,
    pairs: &[(&str, &str)],
    records: &[Option<&[u8]>],
) -> Result<Decoded, Malformed> {
    let schema = schema(&[("v", data_type.clone())]);
    RowDecoder::new(schema, read(pairs).unwrap()).decode(records)
}

fn encode(column: ArrayRef, pairs: &[(&str, &str)]) -> Vec<Vec<u8>> {
    let schema = schema(&[("v", column.data_type().clone())]);
    let batch = RecordBatch::try_new(schema, vec![column]).unwrap();
    let (mut out, mut ends) = (Vec::new(), vec![0]);
    let encoder = RowEncoder::new(read(pairs).unwrap());
    encoder.encode(&batch, &mut out, |out| ends.push(out.len())).unwrap();
    ends.windows(2).map(|ends| out[ends[0]..ends[1]].to_vec()).collect()
}

#[test]
fn every_type_has_the_bytes_that_flink_gives_it() {
    let little = [("raw.endianness", "little-endian")];
    let text: &[u8] = "ü€".as_bytes();
    let all: [(DataType, &[u8]); 10] = [
        (DataType::Boolean, &[1]),
        (DataType::Int8, &[0xfe]),
        (DataType::Int16, &[0x01, 0x02]),
        (DataType::Int32, &[0, 0, 1, 2]),
        (DataType::Int64, &[0xff, 0, 0, 0, 0, 0, 1, 2]),
        (DataType::Float32, &[0x3f, 0x80, 0, 0]),
        (DataType::Float64, &[0x3f, 0xf0, 0, 0, 0, 0, 0, 0]),
        (DataType::Utf8, text),
        (DataType::Utf8View, text),
        (DataType::Binary, &[0, 0xff]),
    ];
    for (data_type, bytes) in all {
        let decoded = decode(&data_type, &[], &[Some(bytes), None]).unwrap();
        let column = decoded.rows.column(0);
        assert!(column.is_valid(0) && column.is_null(1), "{data_type}");
        assert_eq!(encode(Arc::clone(column), &[]), [bytes, &[]], "{data_type}");
        if width(&data_type).is_some() {
            let reversed: Vec<u8> = bytes.iter().rev().copied().collect();
            let decoded = decode(&data_type, &little, &[Some(&reversed), None]).unwrap();
            assert_eq!(decoded.rows.column(0), column, "{data_type}");
            assert_eq!(encode(Arc::clone(column), &little)[0], reversed, "{data_type}");
        }
    }
    let read = decode(&DataType::Int32, &[], &[Some(&[0, 0, 1, 2])]).unwrap().rows;
    assert_eq!(read.column(0).as_ref(), &Int32Array::from(vec![258]));
    let read = decode(&DataType::Float64, &[], &[Some(&1.5f64.to_be_bytes())]).unwrap().rows;
    assert_eq!(read.column(0).as_ref(), &Float64Array::from(vec![1.5]));
}

#[test]
fn texts_are_in_the_charset() {
    let all: [(&str, &str, &[u8]); 6] = [
        ("UTF-8", "ü", &[0xc3, 0xbc]),
        ("iso-8859-1", "ü", &[0xfc]),
        ("US-ASCII", "a", b"a"),
        ("UTF-16", "ü", &[0xfe, 0xff, 0, 0xfc]),
        ("UTF-16BE", "😀", &[0xd8, 0x3d, 0xde, 0x00]),
        ("UTF-16LE", "ü", &[0xfc, 0]),
    ];
    for (charset, text, bytes) in all {
        let pairs = [("raw.charset", charset)];
        let read = decode(&DataType::Utf8, &pairs, &[Some(bytes)]).unwrap().rows;
        assert_eq!(read.column(0).as_string::<i32>().value(0), text, "{charset}");
        assert_eq!(encode(Arc::clone(read.column(0)), &pairs)[0], bytes, "{charset}");
    }
    // What a charset does not have.
    let euro: ArrayRef = Arc::new(StringArray::from(vec!["€ü"]));
    assert_eq!(encode(Arc::clone(&euro), &[("raw.charset", "ISO-8859-1")])[0], [b'?', 0xfc]);
    assert_eq!(encode(euro, &[("raw.charset", "US-ASCII")])[0], b"??");
    let read = decode(&DataType::Utf8, &[], &[Some(&[b'a', 0xff])]).unwrap().rows;
    assert_eq!(read.column(0).as_string::<i32>().value(0), "a\u{fffd}");
    let read =
        decode(&DataType::Utf8, &[("raw.charset", "UTF-16")], &[Some(&[0xff, 0xfe, 97, 0, 1])]);
    assert_eq!(read.unwrap().rows.column(0).as_string::<i32>().value(0), "a\u{fffd}");
}

#[test]
fn a_number_of_another_length_is_no_value() {
    let records: [Option<&[u8]>; 3] = [Some(&[0, 0, 0, 1]), Some(&[1]), None];
    let fault = decode(&DataType::Int32, &[], &records).unwrap_err();
    assert_eq!(fault.record, 1);
    assert_eq!(fault.reason, "it has 1 bytes: expected 4, as INT has");
    let ignored = [("raw.ignore-parse-errors", "true")];
    let decoded = decode(&DataType::Int32, &ignored, &records).unwrap();
    assert_eq!((decoded.malformed, decoded.records), (1, Some(vec![0, 2])));
    assert_eq!(decoded.rows.column(0).as_ref(), &Int32Array::from(vec![Some(1), None]));
}

#[test]
fn options_and_columns_are_checked() {
    for (option, expected) in
        [("raw.charset", "'UTF-8' or"), ("raw.endianness", "'big-endian' or 'little-endian'")]
    {
        let error = read(&[(option, "x")]).unwrap_err().to_string();
        assert!(error.contains(option) && error.contains(expected), "{error}");
    }
    let map = options(&[]);
    let options = Options { table: "t", map: &map };
    let check = |columns: &[(&str, DataType)]| {
        let checked = check_columns(&read(&[]).unwrap(), &options, &schema(columns));
        checked.map_err(|error| error.to_string())
    };
    check(&[("v", DataType::Utf8)]).unwrap();
    let error = check(&[("v", DataType::Utf8), ("w", DataType::Int8)]).unwrap_err();
    assert!(error.contains("'w' is one of 2 (v, w)"), "{error}");
    let error = check(&[("v", DataType::Date32)]).unwrap_err();
    assert!(
        error.contains("has the type DATE, which the format 'raw' does not support"),
        "{error}"
    );
}
