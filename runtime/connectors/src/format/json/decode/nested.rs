//! ARRAYs, MAPs and ROWs on their way from the wire.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ListArray, MapArray, StringArray, StructArray, UInt32Array, cast::AsArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, FieldRef};

use super::{Mode, from_wire, reason};

/// The type that a value is decoded as, before our own rules read its texts.
pub(super) fn wire_type(data_type: &DataType) -> DataType {
    let part = |field: &FieldRef| {
        let data_type = wire_type(field.data_type());
        Arc::new(Field::clone(field).with_data_type(data_type))
    };
    match data_type {
        DataType::Boolean
        | DataType::Binary
        | DataType::Date32
        | DataType::Time32(_)
        | DataType::Decimal128(..)
        | DataType::Timestamp(_, _)
        | DataType::Utf8View => DataType::Utf8,
        DataType::List(item) => DataType::List(part(item)),
        DataType::Map(entries, sorted) => DataType::Map(part(entries), *sorted),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(part).collect()),
        other => other.clone(),
    }
}

/// The value's parts as they are wanted.
pub(super) fn parts_from_wire(
    data_type: &DataType,
    column: &ArrayRef,
    mode: Mode,
) -> Result<ArrayRef, String> {
    if wire_type(data_type) == *data_type && !has_maps(data_type) {
        return Ok(Arc::clone(column));
    }
    match data_type {
        DataType::List(item) => {
            let list = column.as_list::<i32>();
            let values = from_wire("an element", item.data_type(), list.values(), mode)?;
            let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
            let list = ListArray::try_new(Arc::clone(item), offsets, values, nulls);
            Ok(Arc::new(list.map_err(|error| reason(&error))?))
        }
        DataType::Struct(fields) => {
            let row = column.as_struct();
            let mut columns = Vec::with_capacity(fields.len());
            for (field, column) in fields.iter().zip(row.columns()) {
                let place = format!("field '{}'", field.name());
                columns.push(from_wire(&place, field.data_type(), column, mode)?);
            }
            let (nulls, rows) = (row.nulls().cloned(), row.len());
            let row = StructArray::try_new_with_length(fields.clone(), columns, nulls, rows);
            Ok(Arc::new(row.map_err(|error| reason(&error))?))
        }
        DataType::Map(entries, sorted) => {
            let (map, DataType::Struct(fields)) =
                (last_of_keys(column.as_map())?, entries.data_type())
            else {
                return Err(format!("{data_type} is no type of maps"));
            };
            let values = from_wire("a value", fields[1].data_type(), map.values(), mode)?;
            let columns = vec![Arc::clone(map.keys()), values];
            let build = || {
                let parts = StructArray::try_new(fields.clone(), columns, None)?;
                let (offsets, nulls) = (map.offsets().clone(), map.nulls().cloned());
                MapArray::try_new(Arc::clone(entries), offsets, parts, nulls, *sorted)
            };
            Ok(Arc::new(build().map_err(|error| reason(&error))?))
        }
        _ => Ok(Arc::clone(column)),
    }
}

fn has_maps(data_type: &DataType) -> bool {
    match data_type {
        DataType::Map(..) => true,
        DataType::List(item) => has_maps(item.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| has_maps(field.data_type())),
        _ => false,
    }
}

/// Each key once: of those that an object has several times, the last value counts.
pub(in crate::format) fn last_of_keys(map: &MapArray) -> Result<MapArray, String> {
    let keys: &StringArray = map.keys().as_string();
    let offsets = map.value_offsets();
    let mut places: Vec<u32> = Vec::with_capacity(keys.len());
    let mut ends = vec![0];
    let mut found: HashMap<&str, usize> = HashMap::new();
    for bounds in offsets.windows(2) {
        found.clear();
        for place in bounds[0]..bounds[1] {
            let kept = *found.entry(keys.value(place as usize)).or_insert(places.len());
            if kept == places.len() {
                places.push(place as u32);
            } else {
                places[kept] = place as u32;
            }
        }
        ends.push(places.len() as i32);
    }
    if ends == offsets {
        return Ok(map.clone());
    }
    let places = UInt32Array::from(places);
    let build = || {
        let entries = take(map.entries(), &places, None)?;
        let DataType::Map(field, sorted) = map.data_type() else { return Ok(map.clone()) };
        let offsets = OffsetBuffer::new(ends.into());
        let nulls = map.nulls().cloned();
        MapArray::try_new(Arc::clone(field), offsets, entries.as_struct().clone(), nulls, *sorted)
    };
    build().map_err(|error: arrow::error::ArrowError| reason(&error))
}
