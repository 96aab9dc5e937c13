//! Rows as text, each value as Java would print it: `+I[1, null, 2024-05-01T12:30]`.

use std::fmt::Write;

use arrow::array::{Array, ArrayRef, Int8Array, ListArray, MapArray, RecordBatch, cast::AsArray};
use arrow::datatypes::{DataType, Float32Type, Float64Type, TimeUnit, TimestampMillisecondType};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use sabot_core::Result;
use sabot_core::row_kind::{self, RowKind};

use crate::format::time::{Standard, Zone, write_timestamp};

/// A batch, ready to be printed.
pub(super) struct RowText<'a> {
    columns: Vec<Column<'a>>,
    kinds: Option<&'a Int8Array>,
    rows: usize,
}

enum Column<'a> {
    Float64(&'a ArrayRef),
    Float32(&'a ArrayRef),
    TimestampMs(&'a ArrayRef, Zone),
    List(&'a ListArray, Box<Column<'a>>),
    /// With its keys and values.
    Map(&'a MapArray, Box<[Column<'a>; 2]>),
    Row(&'a ArrayRef, Vec<Column<'a>>),
    Other(ArrayFormatter<'a>),
}

impl<'a> RowText<'a> {
    pub(super) fn of(batch: &'a RecordBatch) -> Result<Self> {
        let columns = row_kind::values(batch).iter().map(Column::of).collect::<Result<_>>()?;
        Ok(Self { columns, kinds: row_kind::kinds(batch), rows: batch.num_rows() })
    }

    /// All rows with their kinds, a line each.
    pub(super) fn lines(&self, prefix: &str) -> String {
        let mut text = String::new();
        for row in 0..self.rows {
            text.push_str(prefix);
            let kind = self.kinds.map_or(RowKind::Insert, |kinds| RowKind::of(kinds.value(row)));
            text.push_str(kind.symbol());
            text.push('[');
            for (i, column) in self.columns.iter().enumerate() {
                if i > 0 {
                    text.push_str(", ");
                }
                column.write(row, &mut text);
            }
            text.push_str("]\n");
        }
        text
    }
}

impl<'a> Column<'a> {
    fn of(array: &'a ArrayRef) -> Result<Self> {
        const OPTIONS: FormatOptions<'static> = FormatOptions::new().with_null("null");
        Ok(match array.data_type() {
            DataType::Float64 => Self::Float64(array),
            DataType::Float32 => Self::Float32(array),
            DataType::Timestamp(TimeUnit::Millisecond, zone) => {
                Self::TimestampMs(array, if zone.is_some() { Zone::Present } else { Zone::Absent })
            }
            DataType::List(_) => {
                let list = array.as_list::<i32>();
                Self::List(list, Box::new(Self::of(list.values())?))
            }
            DataType::Map(..) => {
                let map = array.as_map();
                Self::Map(map, Box::new([Self::of(map.keys())?, Self::of(map.values())?]))
            }
            DataType::Struct(_) => {
                let fields = array.as_struct().columns().iter().map(Self::of);
                Self::Row(array, fields.collect::<Result<_>>()?)
            }
            _ => Self::Other(ArrayFormatter::try_new(array.as_ref(), &OPTIONS)?),
        })
    }

    fn write(&self, row: usize, out: &mut String) {
        let between = |out: &mut String, first: bool| out.push_str(if first { "" } else { ", " });
        match self {
            Self::Float64(array)
            | Self::Float32(array)
            | Self::TimestampMs(array, _)
            | Self::Row(array, _)
                if array.is_null(row) =>
            {
                out.push_str("null");
            }
            Self::List(list, _) if list.is_null(row) => out.push_str("null"),
            Self::Map(map, _) if map.is_null(row) => out.push_str("null"),
            Self::List(list, values) => {
                let offsets = list.value_offsets();
                out.push('[');
                for place in offsets[row]..offsets[row + 1] {
                    between(out, place == offsets[row]);
                    values.write(place as usize, out);
                }
                out.push(']');
            }
            Self::Map(map, parts) => {
                let offsets = map.value_offsets();
                out.push('{');
                for place in offsets[row]..offsets[row + 1] {
                    between(out, place == offsets[row]);
                    parts[0].write(place as usize, out);
                    out.push('=');
                    parts[1].write(place as usize, out);
                }
                out.push('}');
            }
            Self::Row(_, fields) => {
                // A ROW within a row has a kind as well, which says nothing.
                out.push_str("+I[");
                for (index, field) in fields.iter().enumerate() {
                    between(out, index == 0);
                    field.write(row, out);
                }
                out.push(']');
            }
            Self::Float64(array) => {
                write_double(out, array.as_primitive::<Float64Type>().value(row));
            }
            Self::Float32(array) => {
                let value = array.as_primitive::<Float32Type>().value(row);
                // The shortest digits of the float itself, not of its double.
                write_double(out, value.to_string().parse().unwrap_or(f64::from(value)));
            }
            Self::TimestampMs(array, zone) => {
                let millis = array.as_primitive::<TimestampMillisecondType>().value(row);
                write_java_time(out, millis, *zone);
            }
            Self::Other(formatter) => {
                write!(out, "{}", formatter.value(row)).expect("a string takes every text");
            }
        }
    }
}

/// As `Double.toString`: plain from 0.001 to below 10,000,000, else with an exponent.
fn write_double(out: &mut String, value: f64) {
    let magnitude = value.abs();
    let text = if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "Infinity".to_owned() } else { "-Infinity".to_owned() }
    } else if magnitude == 0.0 || (1e-3..1e7).contains(&magnitude) {
        format!("{value:?}")
    } else {
        let text = format!("{value:e}");
        match text.split_once('e') {
            Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0E{exponent}"),
            Some((digits, exponent)) => format!("{digits}E{exponent}"),
            None => text,
        }
    };
    out.push_str(&text);
}

/// As `LocalDateTime.toString` (no seconds when they are zero) and `Instant.toString`, with
/// fractions of three digits.
fn write_java_time(out: &mut String, millis: i64, zone: Zone) {
    let mut text = Vec::new();
    let seconds = i128::from(millis.div_euclid(1000)) * 1_000_000_000;
    write_timestamp(&mut text, seconds, Standard::Iso8601, Zone::Absent);
    let text = String::from_utf8_lossy(&text);
    let fraction = millis.rem_euclid(1000);
    match (zone, fraction) {
        (Zone::Absent, 0) => out.push_str(text.strip_suffix(":00").unwrap_or(&text)),
        (_, 0) => out.push_str(&text),
        (_, _) => {
            write!(out, "{text}.{fraction:03}").expect("a string takes every text");
        }
    }
    if zone == Zone::Present {
        out.push('Z');
    }
}
