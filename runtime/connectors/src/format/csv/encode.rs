//! Encodes batches as records, columns to texts first.
//!
//! A text is quoted where it must be, and where it is empty, so that it differs from NULL for those
//! who care.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, StringBuilder};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Float32Type, Float64Type, Int64Type, Schema, Time32MillisecondType,
    TimeUnit,
};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sabot_core::{Error, Result};

use super::scan::looks_like_comment;
use super::{Characters, CsvOptions};
use crate::format::time::{Standard, nanos_per, write_date, write_time, write_timestamp, zone_of};

/// Encodes rows of one table, all fields in the columns' order.
#[derive(Debug)]
pub(crate) struct RowEncoder {
    characters: Characters,
    elements: Elements,
    names: Vec<String>,
}

impl RowEncoder {
    /// An encoder of rows of `schema`, whose columns were checked.
    pub(crate) fn new(schema: &Schema, options: CsvOptions) -> Self {
        let names = schema.fields().iter().map(|field| field.name().clone()).collect();
        let null = options.null.unwrap_or_default();
        let elements = Elements { delimiter: options.element_delimiter, null };
        Self { characters: options.characters, elements, names }
    }

    /// Appends every row, each followed by `end_row` on what is written so far.
    pub(crate) fn encode(
        &self,
        batch: &RecordBatch,
        out: &mut Vec<u8>,
        mut end_row: impl FnMut(&mut Vec<u8>),
    ) -> Result<()> {
        let is_text = batch.columns().iter().map(|c| is_text(c.data_type())).collect::<Vec<_>>();
        let texts = |column| texts(column, &self.elements);
        let columns: Vec<StringArray> = batch.columns().iter().map(texts).collect::<Result<_>>()?;
        for row in 0..batch.num_rows() {
            let start = out.len();
            for (index, column) in columns.iter().enumerate() {
                if index > 0 {
                    out.push(self.characters.delimiter);
                }
                if column.is_null(row) {
                    out.extend_from_slice(self.elements.null.as_bytes());
                } else {
                    self.write(column.value(row), is_text[index], &self.names[index], out)?;
                }
            }
            // A line of nothing would be no record.
            if let (true, Some(quote)) = (out.len() == start, self.characters.quote) {
                out.extend([quote, quote]);
            }
            end_row(out);
        }
        Ok(())
    }

    fn write(&self, text: &str, is_text: bool, name: &str, out: &mut Vec<u8>) -> Result<()> {
        let Characters { delimiter, quote, escape, .. } = self.characters;
        let is_special = |byte: &u8| {
            matches!(byte, b'\n' | b'\r')
                || *byte == delimiter
                || Some(*byte) == quote
                || Some(*byte) == escape
        };
        let bytes = text.as_bytes();
        // What looks like a comment, or like NULL.
        let is_odd = is_text && (bytes.is_empty() || looks_like_comment(bytes));
        match (quote, escape) {
            _ if !is_odd && !bytes.iter().any(is_special) => out.extend_from_slice(bytes),
            (Some(quote), _) => {
                out.push(quote);
                for byte in bytes {
                    if *byte == quote {
                        out.push(quote);
                    } else if Some(*byte) == escape {
                        out.push(*byte);
                    }
                    out.push(*byte);
                }
                out.push(quote);
            }
            (None, Some(escape)) => {
                for byte in bytes {
                    match byte {
                        b'\n' => out.extend([escape, b'n']),
                        b'\r' => out.extend([escape, b'r']),
                        byte if is_special(byte) => out.extend([escape, *byte]),
                        byte => out.push(*byte),
                    }
                }
            }
            (None, None) if !bytes.iter().any(is_special) => out.extend_from_slice(bytes),
            (None, None) => {
                return Err(Error::user(format!(
                    "column '{name}' is {text:?}, which a CSV row cannot hold without quotes: set \
                     'csv.escape-character', or 'csv.disable-quote-character' = 'false'"
                )));
            }
        }
        Ok(())
    }
}

/// How the elements of an ARRAY or a ROW are written.
#[derive(Debug)]
struct Elements {
    delimiter: u8,
    /// What is written for NULL.
    null: String,
}

impl Elements {
    /// Appends an element's text.
    fn push(&self, out: &mut Vec<u8>, is_first: bool, elements: &StringArray, index: usize) {
        if !is_first {
            out.push(self.delimiter);
        }
        let text = if elements.is_valid(index) { elements.value(index) } else { &self.null };
        out.extend_from_slice(text.as_bytes());
    }
}

fn is_text(data_type: &DataType) -> bool {
    use DataType as T;
    matches!(data_type, T::Utf8 | T::Utf8View | T::Binary | T::List(_) | T::Struct(_))
}

/// A column's values as they are written.
fn texts(column: &ArrayRef, elements: &Elements) -> Result<StringArray> {
    let written = |write: &dyn Fn(usize, &mut Vec<u8>)| {
        let mut texts = StringBuilder::with_capacity(column.len(), column.len() * 8);
        let mut text = Vec::new();
        for row in 0..column.len() {
            text.clear();
            if column.is_valid(row) {
                write(row, &mut text);
                texts.append_value(String::from_utf8_lossy(&text));
            } else {
                texts.append_null();
            }
        }
        texts.finish()
    };
    Ok(match column.data_type() {
        DataType::Float32 => {
            let values = column.as_primitive::<Float32Type>();
            written(&|row, out| write_float(out, f64::from(values.value(row)), &values.value(row)))
        }
        DataType::Float64 => {
            let values = column.as_primitive::<Float64Type>();
            written(&|row, out| write_float(out, values.value(row), &values.value(row)))
        }
        DataType::Date32 => {
            let days = column.as_primitive::<Date32Type>();
            written(&|row, out| write_date(out, i64::from(days.value(row))))
        }
        DataType::Time32(TimeUnit::Millisecond) => {
            let millis = column.as_primitive::<Time32MillisecondType>();
            written(&|row, out| write_time(out, millis.value(row)))
        }
        DataType::Timestamp(unit, timezone) => {
            let (unit, zone) = (nanos_per(*unit), zone_of(timezone.as_ref()));
            let values = cast_to(column, &DataType::Int64)?;
            let values = values.as_primitive::<Int64Type>();
            written(&|row, out| {
                write_timestamp(out, i128::from(values.value(row)) * unit, Standard::Sql, zone);
            })
        }
        DataType::Binary => {
            let values = column.as_binary::<i32>();
            written(&|row, out| {
                out.extend_from_slice(BASE64_STANDARD.encode(values.value(row)).as_bytes());
            })
        }
        DataType::List(_) => {
            let lists = column.as_list::<i32>();
            let values = texts(lists.values(), elements)?;
            written(&|row, out| {
                let (begin, end) = (lists.value_offsets()[row], lists.value_offsets()[row + 1]);
                for index in begin..end {
                    elements.push(out, index == begin, &values, index as usize);
                }
            })
        }
        DataType::Struct(_) => {
            let fields = column.as_struct().columns().iter();
            let fields = fields.map(|field| texts(field, elements)).collect::<Result<Vec<_>>>()?;
            written(&|row, out| {
                for (index, field) in fields.iter().enumerate() {
                    elements.push(out, index == 0, field, row);
                }
            })
        }
        _ => cast_to(column, &DataType::Utf8)?.as_string::<i32>().clone(),
    })
}

fn cast_to(column: &ArrayRef, data_type: &DataType) -> Result<ArrayRef> {
    cast(column, data_type).map_err(|error| Error::external("writing CSV rows", error))
}

/// Writes a float as Flink does.
fn write_float(out: &mut Vec<u8>, value: f64, shortest: &impl serde::Serialize) {
    if value.is_finite() {
        serde_json::to_writer(out, shortest).expect("writing a number to memory does not fail");
    } else if value.is_nan() {
        out.extend_from_slice(b"NaN");
    } else {
        out.extend_from_slice(if value > 0.0 { b"Infinity" } else { b"-Infinity" });
    }
}
