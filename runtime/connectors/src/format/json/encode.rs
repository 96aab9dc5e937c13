//! Encodes batches as JSON objects, column types resolved once a batch.

use arrow::array::types::{Decimal128Type, DecimalType};
use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array,
    Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, LargeStringArray, ListArray,
    MapArray, PrimitiveArray, RecordBatch, StringArray, StringViewArray, StructArray,
    Time32MillisecondArray, cast::AsArray,
};
use arrow::datatypes::{
    ArrowTimestampType, DataType, FieldRef, Schema, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sabot_core::row_kind::{self, RowKind};
use sabot_core::{Error, Result};

use super::JsonOptions;
use crate::format::time::{
    Standard, Zone, nanos_per, write_date, write_time, write_timestamp, zone_of,
};

/// Encodes rows of one table, all fields in the columns' order, NULL as `null`. As
/// `debezium-json`, a row that comes has the `op` `c`, one that goes `d`, as Flink writes them.
#[derive(Debug)]
pub(crate) struct RowEncoder {
    /// `{"first":`, `,"second":`, ...
    prefixes: Vec<Vec<u8>>,
    standard: Standard,
    /// Whether each row is written as a change.
    debezium: bool,
}

impl RowEncoder {
    /// An encoder of rows of `schema`, whose columns were checked.
    pub(crate) fn new(schema: &Schema, options: JsonOptions) -> Self {
        let prefixes = prefixes(&schema.fields()[..row_kind::width(schema)]);
        Self { prefixes, standard: options.standard, debezium: options.is_debezium() }
    }

    /// Appends every row, each followed by `end_row` on what is written so far.
    pub(crate) fn encode(
        &self,
        batch: &RecordBatch,
        out: &mut Vec<u8>,
        mut end_row: impl FnMut(&mut Vec<u8>),
    ) -> Result<()> {
        let columns: Vec<Column<'_>> =
            row_kind::values(batch).iter().map(Column::of).collect::<Result<_>>()?;
        let kinds = row_kind::kinds(batch);
        for row in 0..batch.num_rows() {
            let added = kinds.is_none_or(|kinds| RowKind::of(kinds.value(row)).is_added());
            if self.debezium {
                let before = if added { "{\"before\":null,\"after\":" } else { "{\"before\":" };
                out.extend_from_slice(before.as_bytes());
            }
            if columns.is_empty() {
                out.push(b'{');
            }
            for (prefix, column) in self.prefixes.iter().zip(&columns) {
                out.extend_from_slice(prefix);
                column.write(row, self.standard, out);
            }
            out.push(b'}');
            if self.debezium {
                let after = if added { ",\"op\":\"c\"}" } else { ",\"after\":null,\"op\":\"d\"}" };
                out.extend_from_slice(after.as_bytes());
            }
            end_row(out);
        }
        Ok(())
    }
}

/// What stands before each field's value.
fn prefixes(fields: &[FieldRef]) -> Vec<Vec<u8>> {
    let prefix = |(i, field): (usize, &FieldRef)| {
        let mut prefix = vec![if i == 0 { b'{' } else { b',' }];
        write_text(&mut prefix, field.name());
        prefix.push(b':');
        prefix
    };
    fields.iter().enumerate().map(prefix).collect()
}

/// A column with its type known.
enum Column<'a> {
    Boolean(&'a BooleanArray),
    Int8(&'a Int8Array),
    Int16(&'a Int16Array),
    Int32(&'a Int32Array),
    Int64(&'a Int64Array),
    Float32(&'a Float32Array),
    Float64(&'a Float64Array),
    Decimal(&'a Decimal128Array, u8, i8),
    Text(&'a StringArray),
    LargeText(&'a LargeStringArray),
    TextView(&'a StringViewArray),
    Bytes(&'a BinaryArray),
    Date(&'a Date32Array),
    Time(&'a Time32MillisecondArray),
    Timestamp {
        values: &'a [i64],
        array: &'a dyn Array,
        unit: i128,
        zone: Zone,
    },
    List(&'a ListArray, Box<Column<'a>>),
    Map(&'a MapArray, &'a StringArray, Box<Column<'a>>),
    /// With what stands before each field.
    Row(&'a StructArray, Vec<Vec<u8>>, Vec<Column<'a>>),
}

impl<'a> Column<'a> {
    fn of(array: &'a ArrayRef) -> Result<Self> {
        Ok(match array.data_type() {
            DataType::Boolean => Self::Boolean(array.as_boolean()),
            DataType::Int8 => Self::Int8(array.as_primitive()),
            DataType::Int16 => Self::Int16(array.as_primitive()),
            DataType::Int32 => Self::Int32(array.as_primitive()),
            DataType::Int64 => Self::Int64(array.as_primitive()),
            DataType::Float32 => Self::Float32(array.as_primitive()),
            DataType::Float64 => Self::Float64(array.as_primitive()),
            DataType::Decimal128(precision, scale) => {
                Self::Decimal(array.as_primitive(), *precision, *scale)
            }
            DataType::Utf8 => Self::Text(array.as_string()),
            DataType::LargeUtf8 => Self::LargeText(array.as_string()),
            DataType::Utf8View => Self::TextView(array.as_string_view()),
            DataType::Binary => Self::Bytes(array.as_binary()),
            DataType::Date32 => Self::Date(array.as_primitive()),
            DataType::Time32(TimeUnit::Millisecond) => Self::Time(array.as_primitive()),
            DataType::Timestamp(unit, timezone) => Self::Timestamp {
                values: timestamp_values(array, *unit),
                array,
                unit: nanos_per(*unit),
                zone: zone_of(timezone.as_ref()),
            },
            DataType::List(_) => {
                let list = array.as_list::<i32>();
                Self::List(list, Box::new(Self::of(list.values())?))
            }
            DataType::Map(..) => {
                let map = array.as_map();
                let keys = map.keys().as_string_opt().ok_or_else(|| {
                    Error::user("the format 'json' cannot write a MAP whose keys are no texts")
                })?;
                Self::Map(map, keys, Box::new(Self::of(map.values())?))
            }
            DataType::Struct(fields) => {
                let row = array.as_struct();
                let columns = row.columns().iter().map(Self::of).collect::<Result<_>>()?;
                Self::Row(row, prefixes(fields), columns)
            }
            other => {
                return Err(Error::user(format!("the format 'json' cannot write {other}")));
            }
        })
    }

    fn array(&self) -> &dyn Array {
        match *self {
            Self::List(array, _) => array,
            Self::Map(array, _, _) => array,
            Self::Row(array, _, _) => array,
            Self::Boolean(array) => array,
            Self::Int8(array) => array,
            Self::Int16(array) => array,
            Self::Int32(array) => array,
            Self::Int64(array) => array,
            Self::Float32(array) => array,
            Self::Float64(array) => array,
            Self::Decimal(array, _, _) => array,
            Self::Text(array) => array,
            Self::LargeText(array) => array,
            Self::TextView(array) => array,
            Self::Bytes(array) => array,
            Self::Date(array) => array,
            Self::Time(array) => array,
            Self::Timestamp { array, .. } => array,
        }
    }

    fn write(&self, row: usize, standard: Standard, out: &mut Vec<u8>) {
        if self.array().is_null(row) {
            out.extend_from_slice(b"null");
            return;
        }
        match *self {
            Self::List(list, ref values) => {
                let offsets = list.value_offsets();
                let mut before = b'[';
                for place in offsets[row]..offsets[row + 1] {
                    out.push(before);
                    before = b',';
                    values.write(place as usize, standard, out);
                }
                out.extend_from_slice(if before == b'[' { b"[]" } else { b"]" });
            }
            Self::Map(map, keys, ref values) => {
                let offsets = map.value_offsets();
                let mut before = b'{';
                for place in offsets[row] as usize..offsets[row + 1] as usize {
                    out.push(before);
                    before = b',';
                    write_text(out, keys.value(place));
                    out.push(b':');
                    values.write(place, standard, out);
                }
                out.extend_from_slice(if before == b'{' { b"{}" } else { b"}" });
            }
            Self::Row(_, ref prefixes, ref columns) => {
                if columns.is_empty() {
                    out.push(b'{');
                }
                for (prefix, column) in prefixes.iter().zip(columns) {
                    out.extend_from_slice(prefix);
                    column.write(row, standard, out);
                }
                out.push(b'}');
            }
            Self::Boolean(array) => write_value(out, array.value(row)),
            Self::Int8(array) => write_value(out, array.value(row)),
            Self::Int16(array) => write_value(out, array.value(row)),
            Self::Int32(array) => write_value(out, array.value(row)),
            Self::Int64(array) => write_value(out, array.value(row)),
            Self::Float32(array) => {
                write_float(out, f64::from(array.value(row)), &array.value(row));
            }
            Self::Float64(array) => write_float(out, array.value(row), &array.value(row)),
            Self::Decimal(array, precision, scale) => {
                let text = Decimal128Type::format_decimal(array.value(row), precision, scale);
                out.extend_from_slice(text.as_bytes());
            }
            Self::Text(array) => write_text(out, array.value(row)),
            Self::LargeText(array) => write_text(out, array.value(row)),
            Self::TextView(array) => write_text(out, array.value(row)),
            Self::Bytes(array) => {
                write_text(out, &BASE64_STANDARD.encode(array.value(row)));
            }
            Self::Time(array) => {
                out.push(b'"');
                write_time(out, array.value(row));
                out.push(b'"');
            }
            Self::Date(array) => {
                out.push(b'"');
                write_date(out, i64::from(array.value(row)));
                out.push(b'"');
            }
            Self::Timestamp { values, unit, zone, .. } => {
                out.push(b'"');
                write_timestamp(out, i128::from(values[row]) * unit, standard, zone);
                out.push(b'"');
            }
        }
    }
}

fn timestamp_values(array: &ArrayRef, unit: TimeUnit) -> &[i64] {
    fn values<T: ArrowTimestampType>(array: &ArrayRef) -> &[i64] {
        let array: &PrimitiveArray<T> = array.as_primitive();
        array.values()
    }
    match unit {
        TimeUnit::Second => values::<TimestampSecondType>(array),
        TimeUnit::Millisecond => values::<TimestampMillisecondType>(array),
        TimeUnit::Microsecond => values::<TimestampMicrosecondType>(array),
        TimeUnit::Nanosecond => values::<TimestampNanosecondType>(array),
    }
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("writing a text to memory does not fail");
}

fn write_value(out: &mut Vec<u8>, value: impl serde::Serialize) {
    serde_json::to_writer(out, &value).expect("writing a number to memory does not fail");
}

/// Writes a float; what JSON has no number for goes as a text, as Flink writes it.
fn write_float(out: &mut Vec<u8>, value: f64, shortest: &impl serde::Serialize) {
    if value.is_finite() {
        serde_json::to_writer(out, shortest).expect("writing a number to memory does not fail");
    } else if value.is_nan() {
        out.extend_from_slice(b"\"NaN\"");
    } else if value > 0.0 {
        out.extend_from_slice(b"\"Infinity\"");
    } else {
        out.extend_from_slice(b"\"-Infinity\"");
    }
}
