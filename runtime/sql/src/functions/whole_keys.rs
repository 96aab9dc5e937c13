//! ARRAYs, MAPs and ROWs as keys: bytes that are equal where the values are, and from which the values
//! can be read again.
//!
//! Rows are sent, kept and told apart by keys, of which operators know only such of one part. The
//! bytes are those that states keep such values in.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, ListArray, MapArray, StructArray, new_null_array,
};
use arrow::datatypes::DataType;
use arrow::row::{RowConverter, SortField};
use datafusion_common::{Result, exec_err};

use super::own::{Kernel, call};
use super::wholes::{compared, compared_type};
use crate::error::{Position, SqlError};
use crate::expr::{Bound, Meaning, precedence};
use crate::types::flink_name;

/// What rows are told apart by, of which they have this: itself where it is of one part. The text
/// names the type, since values of another one have other bytes.
pub(crate) fn key(value: &Bound) -> Bound {
    if !value.data_type.is_nested() {
        return value.clone();
    }
    let from = value.data_type.clone();
    let kernel: Kernel = Arc::new(|arrays| bytes(&arrays[0]));
    let name = format!("key of {from}");
    Bound {
        expr: call(&name, vec![from], DataType::Binary, kernel, vec![value.expr.clone()]),
        data_type: DataType::Binary,
        nullable: value.nullable,
        text: format!("{} {}", value.text_within(precedence::ATOM), flink_name(&value.data_type)),
        precedence: precedence::ATOM,
        meaning: Meaning::Plain,
    }
}

/// The value of type `to` whose key this is; its text stays.
pub(crate) fn value(key: Bound, to: &DataType) -> Bound {
    if !to.is_nested() {
        return key;
    }
    let target = to.clone();
    let kernel: Kernel = Arc::new(move |arrays| read(&arrays[0], &target));
    let name = format!("value of key {to}");
    let expr = call(&name, vec![DataType::Binary], to.clone(), kernel, vec![key.expr]);
    Bound { expr, data_type: to.clone(), ..key }
}

/// What the aggregate `name` tells the values of its DISTINCT apart by: COUNT reads nothing else of them.
pub(crate) fn different(name: &str, value: Bound, at: Position) -> crate::error::Result<Bound> {
    if name == "COUNT" {
        return Ok(key(&value));
    }
    if !value.data_type.is_nested() {
        return Ok(value);
    }
    let message = format!("{} is {}", value.text, flink_name(&value.data_type));
    let hint = format!("{name}(DISTINCT ...) needs values that are compared as wholes");
    Err(SqlError::new(at, message).hint(hint))
}

fn bytes(values: &ArrayRef) -> Result<ArrayRef> {
    let values = compared(values)?;
    let nulls = values.logical_nulls();
    let rows = converter(values.data_type())?.convert_columns(&[values])?;
    let is_valid = |row: usize| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
    let keys = rows.iter().enumerate().map(|(row, key)| is_valid(row).then_some(key));
    Ok(Arc::new(keys.collect::<BinaryArray>()))
}

fn read(keys: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let compared = compared_type(to);
    let converter = converter(&compared)?;
    let parser = converter.parser();
    let none = converter.convert_columns(&[new_null_array(&compared, 1)])?;
    let keys = keys.as_binary::<i32>().iter();
    let rows = keys.map(|key| key.map_or_else(|| none.row(0), |key| parser.parse(key)));
    match converter.convert_rows(rows)?.as_slice() {
        [values] => restored(values, to),
        _ => exec_err!("a key of {to} has no value"),
    }
}

fn converter(data_type: &DataType) -> Result<RowConverter> {
    Ok(RowConverter::new(vec![SortField::new(data_type.clone())])?)
}

/// Values of a [compared type](compared_type) as those of the type that it comes from.
fn restored(values: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    Ok(match to {
        DataType::List(item) => {
            let lists = values.as_list::<i32>();
            let parts = restored(lists.values(), item.data_type())?;
            let (offsets, nulls) = (lists.offsets().clone(), lists.nulls().cloned());
            Arc::new(ListArray::try_new(Arc::clone(item), offsets, parts, nulls)?)
        }
        DataType::Map(entries, sorted) => {
            let lists = values.as_list::<i32>();
            let parts = restored(lists.values(), entries.data_type())?;
            let (offsets, nulls) = (lists.offsets().clone(), lists.nulls().cloned());
            let parts = parts.as_struct().clone();
            Arc::new(MapArray::try_new(Arc::clone(entries), offsets, parts, nulls, *sorted)?)
        }
        DataType::Struct(fields) => {
            let row = values.as_struct();
            let parts = row.columns().iter().zip(fields);
            let parts = parts.map(|(part, field)| restored(part, field.data_type()));
            let (parts, nulls) = (parts.collect::<Result<Vec<_>>>()?, row.nulls().cloned());
            Arc::new(StructArray::try_new_with_length(fields.clone(), parts, nulls, row.len())?)
        }
        _ => Arc::clone(values),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use arrow::array::{Int32Builder, ListBuilder, MapBuilder, StringBuilder};

    use super::*;

    /// Each value of an array has its own bytes and comes back from them.
    fn check(values: &ArrayRef) {
        let keys = bytes(values).unwrap();
        assert_eq!(&read(&keys, values.data_type()).unwrap(), values);
        let mut rows: HashMap<Option<&[u8]>, usize> = HashMap::new();
        for (row, key) in keys.as_binary::<i32>().iter().enumerate() {
            let first = *rows.entry(key).or_insert(row);
            assert_eq!(values.slice(first, 1).as_ref(), values.slice(row, 1).as_ref());
        }
        assert_eq!(keys.null_count(), values.null_count());
    }

    #[test]
    fn arrays_come_back_from_their_keys() {
        let mut lists = ListBuilder::new(Int32Builder::new());
        lists.append_value([Some(1), None]);
        lists.append_value([Some(1)]);
        lists.append_value([Some(1), None]);
        lists.append_value([]);
        lists.append_null();
        check(&(Arc::new(lists.finish()) as ArrayRef));
    }

    #[test]
    fn the_order_of_a_maps_entries_does_not_count() {
        let mut maps = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
        for entries in [[("a", 1), ("b", 2)], [("b", 2), ("a", 1)], [("a", 2), ("b", 1)]] {
            for (key, value) in entries {
                maps.keys().append_value(key);
                maps.values().append_value(value);
            }
            maps.append(true).unwrap();
        }
        let maps: ArrayRef = Arc::new(maps.finish());
        let keys = bytes(&maps).unwrap();
        let keys = keys.as_binary::<i32>();
        assert_eq!(keys.value(0), keys.value(1));
        assert_ne!(keys.value(0), keys.value(2));
        check(&read(&(Arc::new(keys.clone()) as ArrayRef), maps.data_type()).unwrap());
    }
}
