//! Values of the types that the schema of a record has, as those of the columns, and back.
//!
//! Numbers become wider ones, and an `int` a TINYINT or a SMALLINT that it fits; timestamps change their
//! units; decimals keep their values. What stands in a record is found by its name.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Int64Array, ListArray, MapArray, StructArray, UnionArray, cast::AsArray,
    new_null_array,
};
use arrow::compute::{CastOptions, cast_with_options, interleave};
use arrow::datatypes::{DataType, Field, Fields, Int64Type, TimeUnit};
use arrow::error::ArrowError;

use crate::format::json::{last_of_keys, sql_name};
use crate::format::time::nanos_per;

/// The values of what stands at `place`, such as `field 'a'`, as those of a field.
pub(super) fn to_field(place: &str, column: &ArrayRef, field: &Field) -> Result<ArrayRef, String> {
    let made = to_type(place, column, field.data_type())?;
    match made.null_count() > 0 && !field.is_nullable() {
        true => Err(format!("{place} is NULL, which it must not be")),
        false => Ok(made),
    }
}

fn to_type(place: &str, column: &ArrayRef, to: &DataType) -> Result<ArrayRef, String> {
    let failed = |error: &ArrowError| format!("{place}: {}", reason(error));
    match (column.data_type(), to) {
        (DataType::Struct(_), DataType::Struct(fields)) => {
            let row = column.as_struct();
            let columns = to_fields(row, fields)?;
            let (nulls, rows) = (row.nulls().cloned(), row.len());
            let row = StructArray::try_new_with_length(fields.clone(), columns, nulls, rows);
            Ok(Arc::new(row.map_err(|error| failed(&error))?))
        }
        (DataType::List(_), DataType::List(item)) => {
            let list = column.as_list::<i32>();
            let place = format!("an element of {place}");
            let values = to_field(&place, list.values(), item)?;
            let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
            let list = ListArray::try_new(Arc::clone(item), offsets, values, nulls);
            Ok(Arc::new(list.map_err(|error| failed(&error))?))
        }
        (DataType::Map(..), DataType::Map(entries, sorted)) => {
            let DataType::Struct(parts) = entries.data_type() else {
                return Err(format!("{to} is no type of maps"));
            };
            let map = last_of_keys(column.as_map())?;
            let keys = to_field(&format!("a key of {place}"), map.keys(), &parts[0])?;
            let values = to_field(&format!("a value of {place}"), map.values(), &parts[1])?;
            let build = || {
                let entry = StructArray::try_new(parts.clone(), vec![keys, values], None)?;
                let (offsets, nulls) = (map.offsets().clone(), map.nulls().cloned());
                MapArray::try_new(Arc::clone(entries), offsets, entry, nulls, *sorted)
            };
            Ok(Arc::new(build().map_err(|error| failed(&error))?))
        }
        (DataType::Null, _) => Ok(new_null_array(to, column.len())),
        (DataType::Union(..), _) => of_union(place, column, to),
        (DataType::Timestamp(from, _), DataType::Timestamp(unit, _)) if from != unit => {
            timestamps(place, column, *from, to, *unit)
        }
        // As in Flink: milliseconds.
        (DataType::Int64, DataType::Timestamp(unit, _)) => {
            timestamps(place, column, TimeUnit::Millisecond, to, *unit)
        }
        (DataType::Timestamp(unit, _), DataType::Timestamp(..)) => {
            timestamps(place, column, *unit, to, *unit)
        }
        (from, _) if from == to => Ok(Arc::clone(column)),
        (from, _) if is_cast(from, to) => {
            let strict = CastOptions { safe: false, ..CastOptions::default() };
            cast_with_options(column, to, &strict).map_err(|error| failed(&error))
        }
        (from, _) => Err(format!(
            "{place} is {} in the schema of the record, which cannot become {}",
            sql_name(from),
            sql_name(to)
        )),
    }
}

/// The values of fields, by their names; what is not there is NULL.
fn to_fields(row: &StructArray, fields: &Fields) -> Result<Vec<ArrayRef>, String> {
    let find = |field: &Field| match row.column_by_name(field.name()) {
        Some(column) => to_field_within(row, column, field),
        None => absent(field, row.len()),
    };
    fields.iter().map(|field| find(field)).collect()
}

/// The values of a field of rows, where NULL counts only in rows that are there.
fn to_field_within(
    row: &StructArray,
    column: &ArrayRef,
    field: &Field,
) -> Result<ArrayRef, String> {
    let place = format!("field '{}'", field.name());
    match row.null_count() {
        0 => to_field(&place, column, field),
        _ => to_type(&place, column, field.data_type()),
    }
}

/// The values of a field that the record does not have.
pub(super) fn absent(field: &Field, rows: usize) -> Result<ArrayRef, String> {
    match field.is_nullable() {
        true => Ok(new_null_array(field.data_type(), rows)),
        false => Err(format!(
            "field '{}' is not in the schema of the record, and must not be NULL",
            field.name()
        )),
    }
}

/// The values of a union of more than NULL and one type.
fn of_union(place: &str, column: &ArrayRef, to: &DataType) -> Result<ArrayRef, String> {
    let union = column.as_any().downcast_ref::<UnionArray>();
    let (Some(union), DataType::Union(branches, _)) = (union, column.data_type()) else {
        return Err(format!("{place} is no union"));
    };
    let made: Vec<(i8, Result<ArrayRef, String>)> =
        branches.iter().map(|(id, _)| (id, to_type(place, union.child(id), to))).collect();
    let mut places = Vec::with_capacity(union.len());
    for row in 0..union.len() {
        let id = union.type_id(row);
        let branch = made.iter().position(|(of, _)| *of == id).unwrap_or_default();
        if let Err(reason) = &made[branch].1 {
            return Err(reason.clone());
        }
        places.push((branch, union.value_offset(row)));
    }
    let nothing = new_null_array(to, 0);
    let parts: Vec<&dyn Array> =
        made.iter().map(|(_, made)| made.as_ref().unwrap_or(&nothing).as_ref()).collect();
    interleave(&parts, &places).map_err(|error| format!("{place}: {}", reason(&error)))
}

/// Timestamps of another unit, rounded down; the zone of instants does not count.
fn timestamps(
    place: &str,
    column: &ArrayRef,
    from: TimeUnit,
    to: &DataType,
    unit: TimeUnit,
) -> Result<ArrayRef, String> {
    let failed = |error: &ArrowError| format!("{place}: {}", reason(error));
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let numbers = cast_with_options(column, &DataType::Int64, &strict);
    let numbers = numbers.map_err(|error| failed(&error))?;
    let numbers: &Int64Array = numbers.as_primitive();
    let scaled: Int64Array = numbers
        .try_unary::<_, Int64Type, _>(|number| {
            let scaled = (i128::from(number) * nanos_per(from)).div_euclid(nanos_per(unit));
            i64::try_from(scaled).map_err(|_| {
                ArrowError::ComputeError(format!("the timestamp {number} is out of range"))
            })
        })
        .map_err(|error| failed(&error))?;
    cast_with_options(&scaled, to, &strict).map_err(|error| failed(&error))
}

/// Whether values of a type become those of another as they are.
fn is_cast(from: &DataType, to: &DataType) -> bool {
    use DataType::{
        Binary, Date32, Decimal128, Decimal256, Dictionary, FixedSizeBinary, Float32, Float64,
        Int8, Int16, Int32, Int64, LargeUtf8, Time32, Time64, Timestamp, Utf8, Utf8View,
    };
    match to {
        Int8 | Int16 | Date32 => matches!(from, Int32),
        Int32 => matches!(from, Int8 | Int16 | Date32 | Time32(TimeUnit::Millisecond)),
        Int64 => matches!(from, Int32 | Timestamp(..)),
        Float32 => matches!(from, Int32 | Int64),
        Float64 => matches!(from, Int32 | Int64 | Float32),
        Utf8 | Utf8View => matches!(from, Binary | Dictionary(..) | Utf8 | Utf8View | LargeUtf8),
        Binary => matches!(from, Utf8 | FixedSizeBinary(_)),
        Time32(TimeUnit::Millisecond) => matches!(from, Int32 | Time64(TimeUnit::Microsecond)),
        Decimal128(..) => matches!(from, Decimal128(..) | Decimal256(..)),
        _ => false,
    }
}

/// The library's message without its first words.
pub(super) fn reason(error: &ArrowError) -> String {
    let text = error.to_string();
    let mut text = text.as_str();
    // Errors stand within others.
    while let Some((kind, rest)) = text.split_once(" error: ")
        && kind.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b' ')
    {
        text = rest;
    }
    text.to_owned()
}
