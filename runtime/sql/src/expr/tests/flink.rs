//! Expressions mean what they mean in Flink 2.2, whose answers lie in `tests/flink`: `make
//! flink-goldens` asks Flink for them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use arrow::array::types::{
    ArrowTimestampType, DecimalType, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType,
};
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Decimal128Array,
    Float32Array, Float64Array, Int32Array, Int64Array, StringArray, Time32MillisecondArray,
    TimestampMillisecondArray,
};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, Time32MillisecondType, TimeUnit,
};
use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

use super::{evaluate_in, split_type};
use crate::reference::{DIFFERENCES, FLINK_FUNCTIONS, NOT_THERE};
use crate::types::flink_name;
use crate::zone::Zone;

/// The table that `FunctionGoldens` has in Flink.
const TABLE: &str =
    "CREATE TABLE t (n INT, i INT, b BIGINT, d DOUBLE, r FLOAT, s STRING, f BOOLEAN,
    c DECIMAL(10, 2), ts TIMESTAMP(3), l TIMESTAMP_LTZ(3), dt DATE, tm TIME(0), y BYTES)
    WITH ('connector' = 'x')";

const FAILS: &str = "fails";

fn rows() -> Vec<ArrayRef> {
    let times = [
        "2020-02-29T23:59:58.123",
        "",
        "1969-12-31T23:59:59.999",
        "1970-01-01T00:00:00",
        "9999-12-31T23:59:59.999",
    ];
    let times = times.map(|time| time.parse::<NaiveDateTime>().ok());
    let millis: Vec<_> = times.iter().map(|t| t.map(|t| t.and_utc().timestamp_millis())).collect();
    let dates = times.map(|t| t.map(|t| Date32Type::from_naive_date(t.date())));
    let clock = |hour, minute, second| Some(((hour * 60 + minute) * 60 + second) * 1000);
    vec![
        Arc::new(Int32Array::from(vec![0, 1, 2, 3, 4])),
        Arc::new(Int32Array::from(vec![Some(7), None, Some(-7), Some(0), Some(i32::MAX)])),
        Arc::new(Int64Array::from(vec![
            Some(2),
            None,
            Some(-3),
            Some(0),
            Some(9_007_199_254_740_993),
        ])),
        Arc::new(Float64Array::from(vec![Some(2.5), None, Some(-2.5), Some(0.0), Some(1e20)])),
        Arc::new(Float32Array::from(vec![Some(1.5), None, Some(-0.25), Some(0.0), Some(3e10)])),
        Arc::new(StringArray::from(vec![
            Some("Hällo"),
            None,
            Some(" a,b  c "),
            Some(""),
            Some("日本🎉"),
        ])),
        Arc::new(BooleanArray::from(vec![Some(true), None, Some(false), Some(true), Some(false)])),
        Arc::new(
            Decimal128Array::from(vec![Some(1234), None, Some(-5), Some(0), Some(9_999_999_999)])
                .with_precision_and_scale(10, 2)
                .unwrap(),
        ),
        Arc::new(TimestampMillisecondArray::from(millis.clone())),
        Arc::new(TimestampMillisecondArray::from(millis).with_timezone("UTC")),
        Arc::new(Date32Array::from(dates.to_vec())),
        Arc::new(Time32MillisecondArray::from(vec![
            clock(23, 59, 58),
            None,
            clock(0, 0, 0),
            clock(12, 30, 0),
            clock(23, 59, 59),
        ])),
        Arc::new(BinaryArray::from(vec![
            Some(&b"\x00\xff"[..]),
            None,
            Some(b""),
            Some(b"A"),
            Some(b"\x01\x02\x03"),
        ])),
    ]
}

/// A type and a value a row, as the files have them: one value when all are the same.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Answer {
    Values(String, Vec<String>),
    Fails,
}

impl Answer {
    fn read(text: &str) -> Self {
        if text == FAILS {
            return Self::Fails;
        }
        let (name, values) = split_type(text);
        Self::Values(our_name(name), values.split(" | ").map(str::to_owned).collect())
    }

    fn ours(zone: Zone, expression: &str) -> Self {
        let Ok(array) = evaluate_in(zone, TABLE, rows(), expression) else { return Self::Fails };
        let mut values = values(&array);
        if values.iter().all(|value| *value == values[0]) {
            values.truncate(1);
        }
        // Flink knows better which elements are never NULL.
        let name = flink_name(array.data_type()).replace(" NOT NULL", "").replace('`', "");
        Self::Values(name, values)
    }

    /// Floats may differ in their last digits, since each side has its own library for them.
    fn is_like(&self, flink: &Self) -> bool {
        match (self, flink) {
            (Self::Values(name, ours), Self::Values(theirs, values)) => {
                let digits = match name.as_str() {
                    "DOUBLE" => 1e-14,
                    "FLOAT" => 1e-6,
                    _ => return self == flink,
                };
                let near = |(a, b): (&String, &String)| a == b || is_near(a, b, digits);
                name == theirs && ours.len() == values.len() && ours.iter().zip(values).all(near)
            }
            _ => self == flink,
        }
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Values(name, values) => write!(f, "{name} {}", values.join(" | ")),
            Self::Fails => f.write_str(FAILS),
        }
    }
}

fn is_near(a: &str, b: &str, digits: f64) -> bool {
    let (Ok(a), Ok(b)) = (a.parse::<f64>(), b.parse::<f64>()) else { return false };
    let same_sign = a.is_sign_negative() == b.is_sign_negative();
    a.is_nan() && b.is_nan()
        || same_sign && (a.total_cmp(&b).is_eq() || (a - b).abs() <= digits * a.abs().max(b.abs()))
}

/// The type's name here: of times 3, 6 or 9 digits are kept.
fn our_name(name: &str) -> String {
    let Some((base, digits)) = name.strip_suffix(')').and_then(|n| n.split_once('(')) else {
        return name.replace('`', "");
    };
    match (base, digits) {
        ("TIME", _) => base.to_owned(),
        ("TIMESTAMP" | "TIMESTAMP_LTZ", "0" | "1" | "2") => format!("{base}(3)"),
        ("TIMESTAMP" | "TIMESTAMP_LTZ", "4" | "5") => format!("{base}(6)"),
        _ => name.replace('`', ""),
    }
}

fn value(array: &ArrayRef, row: usize) -> String {
    if array.is_null(row) {
        return "NULL".to_owned();
    }
    match array.data_type() {
        DataType::Boolean => array.as_boolean().value(row).to_string(),
        DataType::Int8 => array.as_primitive::<Int8Type>().value(row).to_string(),
        DataType::Int16 => array.as_primitive::<Int16Type>().value(row).to_string(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).to_string(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Float32 => float(f64::from(array.as_primitive::<Float32Type>().value(row))),
        DataType::Float64 => float(array.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(precision, scale) => {
            let value = array.as_primitive::<Decimal128Type>().value(row);
            Decimal128Type::format_decimal(value, *precision, *scale)
        }
        DataType::Utf8 => quoted(array.as_string::<i32>().value(row)),
        DataType::Binary => {
            let bytes = array.as_binary::<i32>().value(row);
            let digits = bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
            format!("x'{digits}'")
        }
        DataType::Date32 => {
            let days = array.as_primitive::<Date32Type>().value(row);
            date(Date32Type::to_naive_date_opt(days).unwrap())
        }
        DataType::Time32(_) => {
            let millis = array.as_primitive::<Time32MillisecondType>().value(row) as u32;
            clock(
                NaiveTime::from_num_seconds_from_midnight_opt(
                    millis / 1000,
                    millis % 1000 * 1_000_000,
                )
                .unwrap(),
            )
        }
        DataType::Timestamp(unit, zone) => {
            let time = match unit {
                TimeUnit::Millisecond => instant::<TimestampMillisecondType>(array, row),
                TimeUnit::Microsecond => instant::<TimestampMicrosecondType>(array, row),
                _ => instant::<TimestampNanosecondType>(array, row),
            };
            let zone = if zone.is_some() { "Z" } else { "" };
            time.map_or_else(
                || "beyond the calendar".to_owned(),
                |time| format!("{} {}{zone}", date(time.date()), clock(time.time())),
            )
        }
        DataType::List(_) => format!("[{}]", values(&array.as_list::<i32>().value(row)).join(", ")),
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            let [keys, entries] = [0, 1].map(|part| values(entries.column(part)));
            let mut entries: Vec<String> =
                keys.iter().zip(&entries).map(|(key, value)| format!("{key}={value}")).collect();
            entries.sort();
            format!("{{{}}}", entries.join(", "))
        }
        DataType::Struct(_) => {
            let fields = array.as_struct().columns().iter().map(|field| value(field, row));
            format!("({})", fields.collect::<Vec<_>>().join(", "))
        }
        DataType::Null => "NULL".to_owned(),
        other => panic!("values of {other} are not shown yet"),
    }
}

fn values(array: &ArrayRef) -> Vec<String> {
    (0..array.len()).map(|row| value(array, row)).collect()
}

fn instant<T: ArrowTimestampType>(array: &ArrayRef, row: usize) -> Option<NaiveDateTime> {
    array.as_primitive::<T>().value_as_datetime(row)
}

fn date(date: NaiveDate) -> String {
    date.format("%Y-%m-%d").to_string().trim_start_matches('+').to_owned()
}

fn clock(time: NaiveTime) -> String {
    time.format("%H:%M:%S%.f").to_string()
}

fn float(value: f64) -> String {
    match value {
        f64::INFINITY => "Infinity".to_owned(),
        f64::NEG_INFINITY => "-Infinity".to_owned(),
        value => format!("{value:?}"),
    }
}

fn quoted(text: &str) -> String {
    let letter = |mut out: String, c: char| {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => write!(out, "\\u{{{:x}}}", u32::from(c)).unwrap(),
            c => out.push(c),
        }
        out
    };
    format!("\"{}\"", text.chars().fold(String::new(), letter))
}

/// An expression in a zone, and what Flink answers.
struct Golden {
    zone: Zone,
    expression: String,
    flink: Answer,
}

/// The expressions; behind the zone's name and a colon where that is not UTC.
fn goldens() -> BTreeMap<String, Golden> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/flink");
    let mut goldens = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let name = text.lines().find_map(|line| line.strip_prefix("# table.local-time-zone: "));
        let zone = name.map_or(Zone::default(), |name| Zone::of(name).unwrap());
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (expression, answer) = line
                .split_once(" => ")
                .unwrap_or_else(|| panic!("{line} has no answer: run `make flink-goldens`"));
            let key = match name {
                None => expression.to_owned(),
                Some(zone) => format!("{zone}: {expression}"),
            };
            let (expression, flink) = (expression.to_owned(), Answer::read(answer));
            goldens.insert(key, Golden { zone, expression, flink });
        }
    }
    goldens
}

#[test]
fn expressions_mean_what_they_mean_in_flink() {
    let goldens = goldens();
    let mut known = BTreeMap::new();
    for difference in DIFFERENCES {
        for (expression, answer) in difference.answers {
            let ours = Answer::read(answer);
            assert!(known.insert(*expression, ours).is_none(), "{expression} is listed twice");
            assert!(goldens.contains_key(*expression), "{expression} is not in tests/flink");
        }
    }
    for expression in NOT_THERE.lines() {
        assert!(known.insert(expression, Answer::Fails).is_none(), "{expression} is listed twice");
        assert!(goldens.contains_key(expression), "{expression} is not in tests/flink");
    }
    let missing: Vec<&str> =
        FLINK_FUNCTIONS.iter().copied().filter(|name| !is_registered(name)).collect();
    let mut wrong = String::new();
    for (key, Golden { zone, expression, flink }) in &goldens {
        let ours = Answer::ours(*zone, expression);
        if ours == Answer::Fails && missing.iter().any(|name| calls(expression, name)) {
            continue;
        }
        let expected = known.get(key.as_str()).unwrap_or(flink);
        let is_listed = known.contains_key(key.as_str());
        if is_listed && ours.is_like(flink) {
            writeln!(wrong, "{key}\n  is listed as different and is not").unwrap();
        } else if !ours.is_like(expected) {
            writeln!(wrong, "{key}\n  flink  {flink}\n  ours   {ours}").unwrap();
        }
    }
    let count = wrong.lines().filter(|line| !line.starts_with(' ')).count();
    assert!(wrong.is_empty(), "\n{wrong}{count} of {} differ", goldens.len());
}

fn is_registered(name: &str) -> bool {
    crate::functions::groups().any(|(_, mut functions)| functions.any(|(known, ..)| known == name))
}

/// Whether an expression calls a function of this name, and not one whose name ends with it.
fn calls(expression: &str, name: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let call = format!("{name}(");
    expression.match_indices(&call).any(|(at, _)| !expression[..at].ends_with(is_letter))
}
