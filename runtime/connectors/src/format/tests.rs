//! Formats read and write rows as Flink 2.2 does, whose lines lie in `tests/flink`: `make
//! flink-goldens` asks Flink for them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

use super::*;
use crate::options::Options;

const GOLDENS: &str = include_str!("../../tests/flink/formats.txt");
const FAILS: &str = "fails";

/// Cases that are answered in another way than by Flink: why, and what is written here.
const DIFFERENT: &[(&str, &str, &str)] = &[
    (
        "avro with an instant as before 1.19",
        "an instant is one of Avro in either mapping",
        "{\"fields\":[{\"default\":null,\"name\":\"a\",\"type\":[\"null\",{\"logicalType\":\"timestamp-millis\",\"type\":\"long\"}]}],\"name\":\"record\",\"namespace\":\"org.apache.flink.avro.generated\",\"type\":\"record\"}\n02f4b8becdbe63\n",
    ),
    (
        "avro with timestamps that are local",
        "what the schema calls microseconds is none of milliseconds",
        "{\"fields\":[{\"default\":null,\"name\":\"a\",\"type\":[\"null\",{\"logicalType\":\"local-timestamp-millis\",\"type\":\"long\"}]},{\"default\":null,\"name\":\"b\",\"type\":[\"null\",{\"logicalType\":\"local-timestamp-micros\",\"type\":\"long\"}]},{\"default\":null,\"name\":\"c\",\"type\":[\"null\",{\"logicalType\":\"timestamp-millis\",\"type\":\"long\"}]},{\"default\":null,\"name\":\"d\",\"type\":[\"null\",{\"logicalType\":\"timestamp-micros\",\"type\":\"long\"}]}],\"name\":\"record\",\"namespace\":\"org.apache.flink.avro.generated\",\"type\":\"record\"}\n02f4b8becdbe6302a2caecaf8da1890602f4b8becdbe630201\n",
    ),
    ("csv of a decimal that is too large", "it is a parse error, and not NULL", FAILS),
    (
        "csv of booleans",
        NOT_FALSE,
        "{\"a\":true,\"b\":false}\n{\"a\":true,\"b\":false}\n{\"a\":null,\"b\":null}\n{\"a\":null,\"b\":null}\n",
    ),
    (
        "csv of instants with an offset",
        MORE_TIMES,
        "2024-02-29 10:30:00Z\n\"\"\n2024-02-29 12:30:00Z\n2024-02-29 12:30:00Z\n",
    ),
    (
        "csv of times with a T",
        "both forms are read, seconds may be left out, and a TIMESTAMP has no zone",
        "2024-02-29 12:30:00\n2024-02-29 12:30:00\n\"\"\n\"\"\n\"\"\n",
    ),
    (
        "csv with an empty line",
        "empty lines are no rows",
        "{\"a\":1,\"b\":\"x\"}\n{\"a\":2,\"b\":\"y\"}\n",
    ),
    (
        "csv with errors that are ignored",
        "a day that the calendar does not have is none, and a BOOLEAN is true or false",
        "{\"a\":null,\"b\":\"2024-02-29\",\"c\":true,\"d\":1.5}\n{\"a\":2,\"b\":null,\"c\":null,\"d\":null}\n{\"a\":3,\"b\":\"2024-02-28\",\"c\":false,\"d\":1}\n{\"a\":null,\"b\":\"2024-02-28\",\"c\":false,\"d\":1}\n",
    ),
    (
        "csv with spaces around values",
        "spaces around all but texts do not count",
        "{\"a\":1,\"b\":2.5,\"c\":true,\"d\":\"  x  \",\"e\":\"2024-02-29\"}\n",
    ),
    ("json of a field that comes twice", "the last one counts", "{\"a\":2}\n"),
    ("json of objects in texts", NOT_THERE, FAILS),
    (
        "json with bytes that are a number",
        "its digits are taken for a text, as those of a STRING are",
        "{\"a\":\"1234\"}\n",
    ),
    (
        "json of times in the other form",
        MORE_TIMES,
        "{\"a\":\"2024-02-29 12:30:00\",\"b\":\"2024-02-29 12:30:00\"}\n",
    ),
    (
        "json of times that are none",
        MORE_TIMES,
        "{\"a\":null,\"b\":null}\n{\"a\":null,\"b\":null}\n{\"a\":null,\"b\":null}\n{\"a\":\"2024-02-29 12:30:00\",\"b\":\"2024-02-29 10:30:00Z\"}\n",
    ),
    (
        "json with errors that are ignored",
        NOT_FALSE,
        "{\"a\":null,\"b\":true,\"c\":\"2024-02-29\",\"d\":[1]}\n{\"a\":2,\"b\":null,\"c\":null,\"d\":[1,null]}\n{\"a\":null,\"b\":false,\"c\":\"2024-02-29\",\"d\":null}\n{\"a\":4,\"b\":true,\"c\":null,\"d\":null}\n",
    ),
    (
        "json without nulls",
        NOT_THERE,
        "{\"a\":1,\"b\":null,\"c\":null}\n{\"a\":null,\"b\":null,\"c\":{\"x\":null}}\n{\"a\":null,\"b\":null,\"c\":null}\n",
    ),
];
const NOT_THERE: &str = "it is not there yet";
const NOT_FALSE: &str = "what is neither true nor false is a parse error, and not false";
const MORE_TIMES: &str = "both forms of times are read, and offsets of instants";

/// A case of the file.
struct Case<'a> {
    name: &'a str,
    columns: &'a str,
    from: BTreeMap<String, String>,
    to: BTreeMap<String, String>,
    read: String,
    /// What Flink writes.
    written: String,
}

fn cases() -> Vec<Case<'static>> {
    GOLDENS
        .trim()
        .split("\n\n")
        .filter(|block| block.starts_with("case "))
        .map(Case::read)
        .collect()
}

impl<'a> Case<'a> {
    fn read(block: &'a str) -> Self {
        let lines = |sign: &'a str| block.lines().filter_map(move |line| line.strip_prefix(sign));
        let line = |word| lines(word).next().unwrap_or_else(|| panic!("no {word} in:\n{block}"));
        let text = |sign| {
            let text = |line: &str| format!("{}\n", line.strip_prefix(' ').unwrap_or(line));
            lines(sign).map(text).collect::<String>()
        };
        let fails = block.lines().any(|line| line == FAILS);
        let written = text(">");
        assert!(fails || !written.is_empty(), "run `make flink-goldens` for:\n{block}");
        Self {
            name: line("case "),
            columns: line("columns "),
            from: options(line("from ")),
            to: options(line("to ")),
            read: text("<"),
            written: if fails { FAILS.to_owned() } else { written },
        }
    }

    /// What is written here, or why nothing is.
    fn ours(&self) -> Result<String, String> {
        let schema = schema(self.columns);
        let format = |map: &BTreeMap<String, String>| {
            let options = Options { table: "t", map };
            let format = Format::read(&options, "format", "").map_err(|error| error.to_string())?;
            format.check_columns(&options, &schema).map_err(|error| error.to_string())?;
            Ok::<_, String>(format)
        };
        let (from, to) = (format(&self.from)?, format(&self.to)?);
        let decoder = from.decoder(Arc::clone(&schema), Vec::new(), &crate::testing::env());
        let mut records = Vec::new();
        let mut rest = self.read.as_bytes();
        while !rest.is_empty() {
            let end = decoder.record_end(rest).unwrap_or(rest.len());
            let record = decoder.trim(&rest[..end]);
            rest = &rest[end..];
            // As the connector filesystem does.
            if !record.is_empty() || decoder.takes_empty() {
                records.push(record);
            }
        }
        let rows = decoder.decode(&records).map_err(|fault| fault.reason)?.rows;
        if let Format::Avro(avro) = &to {
            return avro_lines(avro, &rows);
        }
        let encoder = to.encoder(&schema);
        if encoder.values(&rows).is_some_and(|values| values.null_count() > 0) {
            return Err("a line cannot be NULL".to_owned());
        }
        let mut out = Vec::new();
        let encoded = encoder.encode(&rows, &mut out, |out| out.push(b'\n'));
        encoded.map_err(|error| error.to_string())?;
        Ok(String::from_utf8(out).unwrap())
    }
}

/// The schema of records, and their bytes in hexadecimal digits. They are read to the same rows.
fn avro_lines(avro: &AvroOptions, rows: &RecordBatch) -> Result<String, String> {
    let (mut out, mut ends) = (Vec::new(), vec![0]);
    let encoder = avro::RowEncoder::new(&rows.schema(), avro);
    let encoded = encoder.encode(rows, &mut out, |out| ends.push(out.len()));
    encoded.map_err(|error| error.to_string())?;
    let records: Vec<&[u8]> = ends.windows(2).map(|ends| &out[ends[0]..ends[1]]).collect();
    let decoder = avro::RowDecoder::new(rows.schema(), avro, &crate::testing::env());
    assert_eq!(decoder.decode(&records).unwrap().rows, *rows);
    let mut text = format!("{}\n", avro.writer_schema(&rows.schema())?);
    for record in records {
        for byte in record {
            write!(text, "{byte:02x}").unwrap();
        }
        text.push('\n');
    }
    Ok(text)
}

/// Lines as they are compared: JSON by its values, CSV by its fields, numbers by what they are. That
/// a text is quoted without need, or a number written with an exponent, makes no difference.
fn compared(case: &Case<'_>, written: &str) -> Vec<String> {
    if written == FAILS {
        return vec![FAILS.to_owned()];
    }
    if case.to["format"] == "avro" {
        let (schema, records) = written.split_once('\n').unwrap();
        let schema: serde_json::Value = serde_json::from_str(schema).unwrap();
        return [schema.to_string()]
            .into_iter()
            .chain(records.lines().map(str::to_owned))
            .collect();
    }
    if case.to["format"] == "raw" {
        return written.lines().map(str::to_owned).collect();
    }
    if case.to["format"] == "json" {
        let value = |line: &str| plain(serde_json::from_str(line).unwrap()).to_string();
        return written.lines().map(value).collect();
    }
    let options = Options { table: "t", map: &case.to };
    let characters = csv::CsvOptions::read(&options, "csv.").unwrap().characters;
    let columns: Vec<DataType> =
        schema(case.columns).fields().iter().map(|field| field.data_type().clone()).collect();
    let mut rest = written.as_bytes();
    let mut rows = Vec::new();
    while !rest.is_empty() {
        let mut fields = vec![Vec::new()];
        let scanned = characters.scan(rest, |piece| match piece {
            csv::Piece::Byte(byte) => fields.last_mut().unwrap().push(byte),
            csv::Piece::End => fields.push(Vec::new()),
        });
        fields.pop();
        rest = &rest[scanned.length.unwrap_or(rest.len())..];
        let field = |(index, field): (usize, Vec<u8>)| {
            let text = String::from_utf8(field).unwrap();
            match &columns[index] {
                DataType::List(item) => {
                    let elements = text.split(';').map(|text| number(item.data_type(), text));
                    elements.collect::<Vec<_>>().join(";")
                }
                data_type => number(data_type, &text),
            }
        };
        rows.push(format!("{:?}", fields.into_iter().enumerate().map(field).collect::<Vec<_>>()));
    }
    rows
}

/// A text of a number as it is compared.
fn number(data_type: &DataType, text: &str) -> String {
    let number = match data_type {
        DataType::Float32 => text.parse().ok().map(|number: f32| number.to_string()),
        DataType::Float64 | DataType::Decimal128(..) => {
            text.parse().ok().map(|number: f64| number.to_string())
        }
        _ => None,
    };
    number.unwrap_or_else(|| text.to_owned())
}

/// The same with numbers as texts.
fn plain(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Number(number) => {
            // A DOUBLE of 1.0 and a DECIMAL of 1 are the same number.
            let float = || number.as_f64().unwrap().to_string();
            number.as_i64().map_or_else(float, |whole| whole.to_string()).into()
        }
        Value::Array(values) => values.into_iter().map(plain).collect(),
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(name, value)| (name, plain(value))).collect())
        }
        other => other,
    }
}

/// `'key' = 'value', ...`, as in SQL.
fn options(text: &str) -> BTreeMap<String, String> {
    let mut texts = Vec::new();
    let mut rest = text;
    while let Some((_, begun)) = rest.split_once('\'') {
        let mut value = String::new();
        rest = begun;
        loop {
            let (part, behind) = rest.split_once('\'').unwrap_or((rest, ""));
            value.push_str(part);
            rest = behind;
            let Some(behind) = rest.strip_prefix('\'') else { break };
            value.push('\'');
            rest = behind;
        }
        texts.push(value);
    }
    texts.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
}

/// `name TYPE, ...`.
fn schema(columns: &str) -> SchemaRef {
    Arc::new(Schema::new(fields(columns)))
}

fn fields(columns: &str) -> Fields {
    let field = |column: &str| {
        let (name, data_type) = column.trim().split_once(' ').unwrap();
        Field::new(name, type_of(data_type), true)
    };
    parts(columns).into_iter().map(field).collect()
}

/// The parts between commas that do not stand in brackets.
fn parts(text: &str) -> Vec<&str> {
    let mut depth = 0;
    let separates = |letter: char| {
        match letter {
            '<' | '(' => depth += 1,
            '>' | ')' => depth -= 1,
            _ => {}
        }
        letter == ',' && depth == 0
    };
    text.split(separates).map(str::trim).collect()
}

fn type_of(name: &str) -> DataType {
    let (base, inside) = match name.split_once(['<', '(']) {
        Some((base, rest)) => (base, &rest[..rest.len() - 1]),
        None => (name, ""),
    };
    let digits = || match inside {
        "3" => TimeUnit::Millisecond,
        "6" => TimeUnit::Microsecond,
        _ => TimeUnit::Nanosecond,
    };
    match base {
        "BOOLEAN" => DataType::Boolean,
        "TINYINT" => DataType::Int8,
        "SMALLINT" => DataType::Int16,
        "INT" => DataType::Int32,
        "BIGINT" => DataType::Int64,
        "FLOAT" => DataType::Float32,
        "DOUBLE" => DataType::Float64,
        "STRING" => DataType::Utf8,
        "BYTES" | "BINARY" | "VARBINARY" => DataType::Binary,
        "DATE" => DataType::Date32,
        "TIME" => DataType::Time32(TimeUnit::Millisecond),
        "TIMESTAMP" => DataType::Timestamp(digits(), None),
        "TIMESTAMP_LTZ" => DataType::Timestamp(digits(), Some("UTC".into())),
        "DECIMAL" => {
            let (precision, scale) = inside.split_once(',').unwrap();
            DataType::Decimal128(precision.parse().unwrap(), scale.trim().parse().unwrap())
        }
        "ARRAY" => DataType::List(Arc::new(Field::new("item", type_of(inside), true))),
        "ROW" => DataType::Struct(fields(inside)),
        "MAP" => {
            let types = parts(inside);
            let entry = vec![
                Field::new("key", type_of(types[0]), false),
                Field::new("value", type_of(types[1]), true),
            ];
            let entries = Field::new("entries", DataType::Struct(entry.into()), false);
            DataType::Map(Arc::new(entries), false)
        }
        other => panic!("the type {other} is not known"),
    }
}

#[test]
fn rows_are_read_and_written_as_flink_does() {
    let cases = cases();
    let mut wrong = String::new();
    for case in &cases {
        let ours = case.ours();
        let reason = ours.as_ref().err().cloned().unwrap_or_default();
        let ours = ours.unwrap_or_else(|_| FAILS.to_owned());
        let listed = DIFFERENT.iter().find(|(name, ..)| *name == case.name);
        let expected = listed.map_or(case.written.as_str(), |(_, _, ours)| ours);
        let [ours_plain, flinks, expected] =
            [ours.as_str(), case.written.as_str(), expected].map(|text| compared(case, text));
        if listed.is_some() && ours_plain == flinks {
            writeln!(wrong, "{} is listed as different and is not", case.name).unwrap();
        } else if ours_plain != expected {
            writeln!(
                wrong,
                "{}\n--- Flink\n{}\n--- ours: {reason}\n{ours}",
                case.name, case.written
            )
            .unwrap();
        }
    }
    for (name, ..) in DIFFERENT {
        assert!(cases.iter().any(|case| case.name == *name), "{name} is listed and is no case");
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}
