//! Raw: a message, or a line, is the value of the table's one column, as Flink's format `raw`.
//!
//! Texts are in `raw.charset`, numbers have the bytes of their type in the order of `raw.endianness`, a
//! BOOLEAN is one byte. A message without a value is NULL. With `raw.ignore-parse-errors`, which Flink
//! does not have, what has another length than its type is skipped and counted.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, BinaryArray, BooleanArray, PrimitiveArray, RecordBatch,
    RecordBatchOptions, StringArray, cast::AsArray,
};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, SchemaRef,
};
use sabot_core::{Error, Result, partitions};
use sabot_types::Charset;

use super::{Decoded, Malformed};
use crate::options::{OptionError, Options};

/// The format's name.
pub(crate) const NAME: &str = "raw";

/// The options behind a prefix.
macro_rules! options {
    ($prefix:literal) => {
        &[
            concat!($prefix, "raw.charset"),
            concat!($prefix, "raw.endianness"),
            concat!($prefix, "raw.ignore-parse-errors"),
        ]
    };
}

/// The options of messages without keys, and of files.
pub(crate) const OPTIONS: &[&str] = options!("");
/// Those of values, and of keys.
pub(crate) const VALUE_OPTIONS: &[&str] = options!("value.");
pub(crate) const KEY_OPTIONS: &[&str] = options!("key.");

/// The charsets by their names.
const CHARSETS: &[(&str, Charset)] = &[
    ("UTF-8", Charset::Utf8),
    ("UTF8", Charset::Utf8),
    ("US-ASCII", Charset::Ascii),
    ("ASCII", Charset::Ascii),
    ("ISO-8859-1", Charset::Latin1),
    ("LATIN1", Charset::Latin1),
    ("UTF-16", Charset::Utf16),
    ("UTF-16BE", Charset::Utf16Be),
    ("UTF-16LE", Charset::Utf16Le),
];

/// The format's options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RawOptions {
    charset: Charset,
    /// Whether the lowest byte of a number is its first.
    little_endian: bool,
    pub(crate) ignore_parse_errors: bool,
    /// The columns of a message; none: those of the table.
    pub(crate) columns: Vec<String>,
}

impl RawOptions {
    /// Reads the options, whose names begin with `prefix`, such as `value.raw.`.
    pub(crate) fn read(options: &Options<'_>, prefix: &str) -> Result<Self, OptionError> {
        let (charset, endianness) = (format!("{prefix}charset"), format!("{prefix}endianness"));
        let endians = [("big-endian", false), ("little-endian", true)];
        let ignore = options.boolean(&format!("{prefix}ignore-parse-errors"))?;
        let partitions = options.partitions();
        let columns = partitions::physical_columns(options.map).into_iter();
        Ok(Self {
            charset: options.one_of(&charset, CHARSETS)?.unwrap_or(Charset::Utf8),
            little_endian: options.one_of(&endianness, &endians)?.unwrap_or_default(),
            ignore_parse_errors: ignore.unwrap_or_default(),
            columns: columns.filter(|column| !partitions.contains(column)).collect(),
        })
    }
}

/// Refuses all but one column, of a type that has bytes.
pub(crate) fn check_columns(
    raw: &RawOptions,
    options: &Options<'_>,
    schema: &SchemaRef,
) -> Result<(), OptionError> {
    let mut names = raw.columns.clone();
    if names.is_empty() {
        names = schema.fields().iter().map(|field| field.name().clone()).collect();
    }
    if let [_, second, ..] = names.as_slice() {
        return Err(options.column(
            second,
            format!(
                "is one of {} ({}), and a message of the format 'raw' is one value: declare one \
                 column, or use another format",
                names.len(),
                names.join(", ")
            ),
        ));
    }
    let carried = schema.fields().iter().find(|field| !is_carried(field.data_type()));
    carried.map_or(Ok(()), |field| {
        Err(options.column(
            field.name(),
            format!(
                "has the type {}, which the format 'raw' does not support: use BOOLEAN, TINYINT, \
                 SMALLINT, INT, BIGINT, FLOAT, DOUBLE, STRING or BYTES",
                super::json::sql_name(field.data_type())
            ),
        ))
    })
}

fn is_carried(data_type: &DataType) -> bool {
    use DataType::{Binary, Boolean, Float32, Float64, Int8, Int16, Int32, Int64, Utf8, Utf8View};
    matches!(
        data_type,
        Boolean | Int8 | Int16 | Int32 | Int64 | Float32 | Float64 | Utf8 | Utf8View | Binary
    )
}

/// The bytes of a value of a type that always has as many.
fn width(data_type: &DataType) -> Option<usize> {
    match data_type {
        DataType::Boolean => Some(1),
        other => other.primitive_width(),
    }
}

/// Decodes records of one table.
#[derive(Debug)]
pub(crate) struct RowDecoder {
    schema: SchemaRef,
    options: RawOptions,
}

impl RowDecoder {
    /// A decoder of rows of `schema`, whose columns were checked.
    pub(crate) fn new(schema: SchemaRef, options: RawOptions) -> Self {
        Self { schema, options }
    }

    /// Decodes records, each a value or NULL.
    pub(crate) fn decode(&self, records: &[Option<&[u8]>]) -> Result<Decoded, Malformed> {
        let field = self.schema.fields().first();
        let wrong = |record: Option<&[u8]>| -> Option<String> {
            let (field, length) = (field?, record.map(<[u8]>::len));
            match (length, width(field.data_type())) {
                (None, _) if !field.is_nullable() => {
                    Some(format!("it is NULL, which column '{}' must not be", field.name()))
                }
                (Some(length), Some(width)) if length != width => Some(format!(
                    "it has {length} bytes: expected {width}, as {} has",
                    super::json::sql_name(field.data_type())
                )),
                _ => None,
            }
        };
        let mut kept = Vec::with_capacity(records.len());
        for (record, bytes) in records.iter().enumerate() {
            match wrong(*bytes) {
                None => kept.push(record),
                Some(_) if self.options.ignore_parse_errors => {}
                Some(reason) => return Err(Malformed { record, reason }),
            }
        }
        let values: Vec<Option<&[u8]>> = kept.iter().map(|record| records[*record]).collect();
        let columns = field.map(|field| self.column(field.data_type(), &values));
        let count = RecordBatchOptions::new().with_row_count(Some(kept.len()));
        let made = columns.into_iter().collect();
        let rows = RecordBatch::try_new_with_options(Arc::clone(&self.schema), made, &count);
        let rows = rows.map_err(|error| Malformed { record: 0, reason: error.to_string() })?;
        let malformed = records.len() - kept.len();
        let records = Some(kept).filter(|_| malformed > 0);
        Ok(Decoded { rows, records, malformed, beside: Vec::new() })
    }

    fn column(&self, data_type: &DataType, values: &[Option<&[u8]>]) -> ArrayRef {
        let order = self.options.little_endian;
        let texts = || {
            let charset = self.options.charset;
            let text = |bytes| charset.decode(bytes).into_owned();
            values.iter().map(|value| value.map(text)).collect::<StringArray>()
        };
        match data_type {
            DataType::Boolean => {
                let truth = |value: &[u8]| value.iter().any(|byte| *byte != 0);
                Arc::new(values.iter().map(|value| value.map(truth)).collect::<BooleanArray>())
            }
            DataType::Int8 => numbers::<Int8Type, 1>(values, order, i8::from_be_bytes),
            DataType::Int16 => numbers::<Int16Type, 2>(values, order, i16::from_be_bytes),
            DataType::Int32 => numbers::<Int32Type, 4>(values, order, i32::from_be_bytes),
            DataType::Int64 => numbers::<Int64Type, 8>(values, order, i64::from_be_bytes),
            DataType::Float32 => numbers::<Float32Type, 4>(values, order, f32::from_be_bytes),
            DataType::Float64 => numbers::<Float64Type, 8>(values, order, f64::from_be_bytes),
            DataType::Binary => Arc::new(values.iter().copied().collect::<BinaryArray>()),
            // The columns were checked: a text, in one of two ways.
            other => {
                let texts: ArrayRef = Arc::new(texts());
                cast(&texts, other).unwrap_or(texts)
            }
        }
    }
}

fn numbers<T: ArrowPrimitiveType, const N: usize>(
    values: &[Option<&[u8]>],
    little_endian: bool,
    read: fn([u8; N]) -> T::Native,
) -> ArrayRef {
    let number = |value: Option<&[u8]>| {
        let mut bytes: [u8; N] = value.and_then(|value| value.try_into().ok())?;
        if little_endian {
            bytes.reverse();
        }
        Some(read(bytes))
    };
    Arc::new(values.iter().copied().map(number).collect::<PrimitiveArray<T>>())
}

/// Encodes rows of one table.
#[derive(Debug)]
pub(crate) struct RowEncoder {
    options: RawOptions,
}

impl RowEncoder {
    /// An encoder of rows whose columns were checked.
    pub(crate) fn new(options: RawOptions) -> Self {
        Self { options }
    }

    /// Which rows have a value.
    pub(crate) fn values(batch: &RecordBatch) -> Option<NullBuffer> {
        batch.columns().first().and_then(|column| column.nulls().cloned())
    }

    /// Appends every row, each followed by `end_row` on what is written so far; nothing for NULL.
    pub(crate) fn encode(
        &self,
        batch: &RecordBatch,
        out: &mut Vec<u8>,
        mut end_row: impl FnMut(&mut Vec<u8>),
    ) -> Result<()> {
        let Some(column) = batch.columns().first() else {
            return Err(Error::user("the format 'raw' writes one column, and there is none"));
        };
        for row in 0..column.len() {
            if column.is_valid(row) {
                self.write(column, row, out)?;
            }
            end_row(out);
        }
        Ok(())
    }

    fn write(&self, column: &ArrayRef, row: usize, out: &mut Vec<u8>) -> Result<()> {
        fn value<T: ArrowPrimitiveType>(column: &ArrayRef, row: usize) -> T::Native {
            column.as_primitive::<T>().value(row)
        }
        let start = out.len();
        match column.data_type() {
            DataType::Boolean => out.push(u8::from(column.as_boolean().value(row))),
            DataType::Int8 => out.extend(value::<Int8Type>(column, row).to_be_bytes()),
            DataType::Int16 => out.extend(value::<Int16Type>(column, row).to_be_bytes()),
            DataType::Int32 => out.extend(value::<Int32Type>(column, row).to_be_bytes()),
            DataType::Int64 => out.extend(value::<Int64Type>(column, row).to_be_bytes()),
            DataType::Float32 => out.extend(value::<Float32Type>(column, row).to_be_bytes()),
            DataType::Float64 => out.extend(value::<Float64Type>(column, row).to_be_bytes()),
            DataType::Binary => {
                out.extend_from_slice(column.as_binary::<i32>().value(row));
                return Ok(());
            }
            DataType::Utf8 => {
                self.options.charset.encode(column.as_string::<i32>().value(row), out);
                return Ok(());
            }
            DataType::Utf8View => {
                self.options.charset.encode(column.as_string_view().value(row), out);
                return Ok(());
            }
            other => return Err(Error::user(format!("the format 'raw' cannot write {other}"))),
        }
        if self.options.little_endian {
            out[start..].reverse();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
