//! ARRAYs and MAPs that are compared as wholes: equal are those with equal parts, of which NULL is
//! one. The order of a MAP's entries does not count.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float32Array, Float64Array, ListArray, StructArray,
    UInt32Array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Float32Type, Float64Type};
use arrow::row::{RowConverter, SortField};
use datafusion_common::Result;
use datafusion_expr::Expr;

use super::own::{Kernel, call};
use crate::expr::Bound;

/// A type without the names of its parts, and with a MAP's entries as an ARRAY: what is compared.
pub(crate) fn compared_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::List(item) | DataType::Map(item, _) => {
            DataType::List(part("item", compared_type(item.data_type())))
        }
        DataType::Struct(fields) => {
            let types = fields.iter().map(|field| compared_type(field.data_type()));
            DataType::Struct(row_fields(types))
        }
        other => other.clone(),
    }
}

fn part(name: &str, data_type: DataType) -> FieldRef {
    Arc::new(Field::new(name, data_type, true))
}

fn row_fields(types: impl Iterator<Item = DataType>) -> Fields {
    types.enumerate().map(|(index, data_type)| part(&index.to_string(), data_type)).collect()
}

/// Whether values of one compared type are equal. With `nulls_are_equal` NULL is a value, without
/// it the answer is NULL where one side is.
pub(crate) fn same(left: Bound, right: Bound, nulls_are_equal: bool) -> Expr {
    let types = vec![left.data_type, right.data_type];
    let name = if nulls_are_equal { "same_or_null" } else { SAME };
    let kernel: Kernel = Arc::new(move |sides| compare(sides, nulls_are_equal));
    call(name, types, DataType::Boolean, kernel, vec![left.expr, right.expr])
}

/// The name of a comparison that is NULL where a side is.
const SAME: &str = "same";

/// What is compared by such a comparison.
pub(crate) fn sides(expr: &Expr) -> Option<[&Expr; 2]> {
    match expr {
        Expr::ScalarFunction(function) if function.func.name() == SAME => {
            <&[Expr; 2]>::try_from(function.args.as_slice()).ok().map(<[Expr; 2]>::each_ref)
        }
        _ => None,
    }
}

fn compare(sides: &[ArrayRef], nulls_are_equal: bool) -> Result<ArrayRef> {
    let [left, right] = [compared(&sides[0])?, compared(&sides[1])?];
    let converter = RowConverter::new(vec![SortField::new(left.data_type().clone())])?;
    let nulls = NullBuffer::union(left.logical_nulls().as_ref(), right.logical_nulls().as_ref());
    let [left, right] = [
        converter.convert_columns(std::slice::from_ref(&left))?,
        converter.convert_columns(std::slice::from_ref(&right))?,
    ];
    let same = left.iter().zip(&right).map(|(left, right)| left == right).collect();
    Ok(Arc::new(BooleanArray::new(same, nulls.filter(|_| !nulls_are_equal))))
}

/// Values as those of their compared type, entries of MAPs in the order of their keys.
pub(super) fn compared(array: &ArrayRef) -> Result<ArrayRef> {
    Ok(match array.data_type() {
        DataType::List(_) => {
            let lists = array.as_list::<i32>();
            let item = compared(lists.values())?;
            of_parts(item, lists.offsets().clone(), lists.nulls().cloned())?
        }
        DataType::Map(..) => {
            let maps = array.as_map();
            let entries: ArrayRef = Arc::new(maps.entries().clone());
            let entries = by_keys(&compared(&entries)?, maps.offsets())?;
            of_parts(entries, maps.offsets().clone(), maps.nulls().cloned())?
        }
        DataType::Struct(_) => {
            let row = array.as_struct();
            let columns = row.columns().iter().map(compared).collect::<Result<Vec<_>>>()?;
            let fields = row_fields(columns.iter().map(|column| column.data_type().clone()));
            let (nulls, rows) = (row.nulls().cloned(), row.len());
            Arc::new(StructArray::try_new_with_length(fields, columns, nulls, rows)?)
        }
        // A zero equals the one below it.
        DataType::Float32 => {
            let values = array.as_primitive::<Float32Type>();
            Arc::new(values.unary::<_, Float32Type>(|value| value + 0.0) as Float32Array)
        }
        DataType::Float64 => {
            let values = array.as_primitive::<Float64Type>();
            Arc::new(values.unary::<_, Float64Type>(|value| value + 0.0) as Float64Array)
        }
        _ => Arc::clone(array),
    })
}

fn of_parts(
    parts: ArrayRef,
    offsets: OffsetBuffer<i32>,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    let item = part("item", parts.data_type().clone());
    Ok(Arc::new(ListArray::try_new(item, offsets, parts, nulls)?))
}

/// The entries of each map, sorted by their keys.
fn by_keys(entries: &ArrayRef, offsets: &OffsetBuffer<i32>) -> Result<ArrayRef> {
    let keys = entries.as_struct().column(0);
    let converter = RowConverter::new(vec![SortField::new(keys.data_type().clone())])?;
    let keys = converter.convert_columns(std::slice::from_ref(keys))?;
    let mut places: Vec<u32> = (0..entries.len() as u32).collect();
    for map in offsets.windows(2) {
        places[map[0] as usize..map[1] as usize].sort_by_key(|place| keys.row(*place as usize));
    }
    Ok(take(entries, &UInt32Array::from(places), None)?)
}
