//! `CAST` of ARRAYs, MAPs and ROWs: of each of their parts, or to a text.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, ListArray, MapArray, NullBufferBuilder, StringArray, StringBuilder,
    StructArray,
};
use arrow::buffer::NullBuffer;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, TimeUnit};
use arrow::util::display::FormatOptions;
use datafusion_common::exec_err;

use super::casts::{self, Otherwise};
use super::own::Kernel;
use crate::types::entries_of;

/// The cast of a type that has parts; none for others.
pub(super) fn kernel(from: &DataType, to: &DataType, otherwise: Otherwise) -> Option<Kernel> {
    match (from, to) {
        (DataType::List(from), DataType::List(to)) => {
            let part = part(from.data_type(), to.data_type(), otherwise);
            let item = Arc::clone(to);
            Some(Arc::new(move |arrays| {
                let list = arrays[0].as_list::<i32>();
                let values = part(&[Arc::clone(list.values())])?;
                let nulls = kept(list.nulls(), list.value_offsets(), list.values(), &values);
                let (item, offsets) = (Arc::clone(&item), list.offsets().clone());
                Ok(Arc::new(ListArray::try_new(item, offsets, values, nulls)?))
            }))
        }
        (DataType::Map(..), DataType::Map(field, _)) => {
            let [from, to] = [entries_of(from)?, entries_of(to)?];
            let part =
                |index: usize| part(from[index].data_type(), to[index].data_type(), otherwise);
            let (parts, field) = ([part(0), part(1)], Arc::clone(field));
            let DataType::Struct(fields) = field.data_type().clone() else { return None };
            Some(Arc::new(move |arrays| {
                let map = arrays[0].as_map();
                let mut nulls = map.nulls().cloned();
                let mut columns = Vec::new();
                for (part, column) in parts.iter().zip(map.entries().columns()) {
                    let values = part(std::slice::from_ref(column))?;
                    nulls = kept(nulls.as_ref(), map.value_offsets(), column, &values);
                    columns.push(values);
                }
                if columns[0].null_count() > 0 {
                    return exec_err!("a key of a MAP is NULL");
                }
                let entries = StructArray::try_new(fields.clone(), columns, None)?;
                let (field, offsets) = (Arc::clone(&field), map.offsets().clone());
                Ok(Arc::new(MapArray::try_new(field, offsets, entries, nulls, false)?))
            }))
        }
        (DataType::Struct(from), DataType::Struct(to)) if from.len() == to.len() => {
            let parts = from.iter().zip(to);
            let parts = parts.map(|(from, to)| part(from.data_type(), to.data_type(), otherwise));
            let (parts, fields) = (parts.collect::<Vec<Kernel>>(), to.clone());
            Some(Arc::new(move |arrays| {
                let row = arrays[0].as_struct();
                let (mut nulls, mut columns) = (row.nulls().cloned(), Vec::new());
                let each: Vec<i32> = (0..=row.len() as i32).collect();
                for (part, column) in parts.iter().zip(row.columns()) {
                    let values = part(std::slice::from_ref(column))?;
                    nulls = kept(nulls.as_ref(), &each, column, &values);
                    columns.push(values);
                }
                Ok(Arc::new(StructArray::try_new(fields.clone(), columns, nulls)?))
            }))
        }
        (from, DataType::Utf8) if from.is_nested() => Some(text(from)),
        _ => None,
    }
}

/// The cast of a part.
fn part(from: &DataType, to: &DataType, otherwise: Otherwise) -> Kernel {
    if from == to {
        return Arc::new(|arrays| Ok(Arc::clone(&arrays[0])));
    }
    let library = |format: Option<&'static str>| -> Kernel {
        let (to, safe) = (to.clone(), otherwise == Otherwise::Null);
        Arc::new(move |arrays| {
            let format_options = FormatOptions::default().with_timestamp_format(format);
            let options = CastOptions { safe, format_options };
            Ok(cast_with_options(&arrays[0], &to, &options)?)
        })
    };
    match (from, to) {
        (DataType::Boolean, DataType::Utf8) => Arc::new(|arrays| {
            let text = |value: Option<bool>| Some(if value? { "TRUE" } else { "FALSE" });
            Ok(Arc::new(arrays[0].as_boolean().iter().map(text).collect::<StringArray>()))
        }),
        (DataType::Timestamp(unit, zone), DataType::Utf8) => {
            let (local, text) = (DataType::Timestamp(*unit, None), library(Some(format(*unit))));
            if zone.is_none() {
                return text;
            }
            Arc::new(move |arrays| text(&[arrow::compute::cast(&arrays[0], &local)?]))
        }
        _ => casts::kernel(from, to, otherwise).unwrap_or_else(|| library(None)),
    }
}

/// How timestamps are written.
pub(crate) fn format(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => "%Y-%m-%d %H:%M:%S",
        TimeUnit::Millisecond => "%Y-%m-%d %H:%M:%S%.3f",
        TimeUnit::Microsecond => "%Y-%m-%d %H:%M:%S%.6f",
        TimeUnit::Nanosecond => "%Y-%m-%d %H:%M:%S%.9f",
    }
}

/// The rows that stay: one with a part that could not be cast becomes NULL as a whole.
fn kept(
    nulls: Option<&NullBuffer>,
    offsets: &[i32],
    before: &ArrayRef,
    after: &ArrayRef,
) -> Option<NullBuffer> {
    if before.null_count() == after.null_count() {
        return nulls.cloned();
    }
    let mut kept = NullBufferBuilder::new(offsets.len());
    for (row, bounds) in offsets.windows(2).enumerate() {
        let mut places = bounds[0] as usize..bounds[1] as usize;
        let lost = places.any(|place| after.is_null(place) && before.is_valid(place));
        kept.append(!lost && nulls.is_none_or(|nulls| nulls.is_valid(row)));
    }
    kept.finish()
}

/// `[a, NULL]`, `{key=value}`, `(a, b)`.
fn text(from: &DataType) -> Kernel {
    let [open, close] = match from {
        DataType::List(_) => ['[', ']'],
        DataType::Map(..) => ['{', '}'],
        _ => ['(', ')'],
    };
    let parts: Vec<Kernel> = match from {
        DataType::List(item) => vec![item.data_type().clone()],
        DataType::Struct(fields) => fields.iter().map(|field| field.data_type().clone()).collect(),
        map => entries_of(map).into_iter().flatten().map(|f| f.data_type().clone()).collect(),
    }
    .iter()
    .map(|data_type| part(data_type, &DataType::Utf8, Otherwise::Fail))
    .collect();
    Arc::new(move |arrays| {
        let array = &arrays[0];
        let columns: Vec<&ArrayRef> = match array.data_type() {
            DataType::List(_) => vec![array.as_list::<i32>().values()],
            DataType::Struct(_) => array.as_struct().columns().iter().collect(),
            _ => array.as_map().entries().columns().iter().collect(),
        };
        let cast = |(part, column): (&Kernel, &ArrayRef)| part(std::slice::from_ref(column));
        let columns = parts.iter().zip(columns).map(cast);
        let columns = columns.collect::<datafusion_common::Result<Vec<ArrayRef>>>()?;
        let text = |column: usize, place: usize| {
            let texts = columns[column].as_string::<i32>();
            if texts.is_valid(place) { texts.value(place) } else { "NULL" }
        };
        let places = |row: usize| match array.data_type() {
            DataType::List(_) => bounds(array.as_list::<i32>().value_offsets(), row),
            DataType::Map(..) => bounds(array.as_map().value_offsets(), row),
            _ => row..row + 1,
        };
        let mut out = StringBuilder::new();
        for row in 0..array.len() {
            if array.is_null(row) {
                out.append_null();
                continue;
            }
            // Writing to a builder cannot fail.
            let _ = out.write_char(open);
            for (number, place) in places(row).enumerate() {
                let _ = out.write_str(if number > 0 { ", " } else { "" });
                let between = if open == '{' { "=" } else { ", " };
                for column in 0..columns.len() {
                    let _ = out.write_str(if column > 0 { between } else { "" });
                    let _ = out.write_str(text(column, place));
                }
            }
            let _ = out.write_char(close);
            out.append_value("");
        }
        Ok(Arc::new(out.finish()))
    })
}

fn bounds(offsets: &[i32], row: usize) -> std::ops::Range<usize> {
    offsets[row] as usize..offsets[row + 1] as usize
}
