//! ARRAYs and MAPs: their constructors, what is in them, and functions of them.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_expr::Expr;

use super::own::{Kernel, call as call_kernel};
use super::own_arrays::{self as arrays, Elements};
use super::own_maps::{self as maps, Part};
use super::{Call, Entry, wrong_arguments};
use crate::error::{Position, Result, SqlError};
use crate::expr::{Bound, Meaning};
use crate::types::{array_of, casts_implicitly, common_type, entries_of, flink_name, map_of};

/// The type of what [`copies`] makes.
pub(crate) fn copies_type() -> DataType {
    array_of(DataType::Boolean, true)
}

/// A list for `INTERSECT ALL` or `EXCEPT ALL`, of two counts: as many elements as both have, or as
/// the first has more.
pub(crate) fn copies(first: Expr, second: Expr, common: bool) -> Expr {
    let to = copies_type();
    let item = match &to {
        DataType::List(item) => Arc::clone(item),
        _ => Arc::new(Field::new("item", DataType::Boolean, true)),
    };
    let name = if common { "common_copies" } else { "other_copies" };
    let kernel: Kernel = Arc::new(move |counts| arrays::copies(counts, common, &item));
    call_kernel(name, vec![DataType::Int64; 2], to, kernel, vec![first, second])
}

/// The values of a MULTISET, each as often as it is there; none where a type is no MULTISET, which is
/// a MAP of its values to how often each is there.
pub(crate) fn listed_values(multiset: &Bound) -> Option<Bound> {
    let [value, count] = entries_of(&multiset.data_type)?;
    if count.is_nullable() || *count.data_type() != DataType::Int32 {
        return None;
    }
    let to = array_of(value.data_type().clone(), false);
    let expr = kernel("listed_values", vec![multiset.clone()], to.clone(), maps::listed_keys);
    Some(Bound { expr, data_type: to, meaning: Meaning::Plain, ..multiset.clone() })
}

/// The functions of this file.
pub(super) const FUNCTIONS: &[Entry] = &[
    ("CARDINALITY", 1, 1, cardinality),
    ("ELEMENT", 1, 1, |c| {
        let to = element(c, 0)?.data_type().clone();
        Ok(on_lists(c, to, |a, _| arrays::only(a)))
    }),
    ("ARRAY_CONTAINS", 2, 2, |c| {
        Ok(kernel(c.name, wanted(c)?, DataType::Boolean, |a, _| arrays::contains(a)))
    }),
    ("ARRAY_POSITION", 2, 2, |c| {
        Ok(kernel(c.name, wanted(c)?, DataType::Int32, |a, _| arrays::position(a)))
    }),
    ("ARRAY_MAX", 1, 1, |c| extreme(c, |a, _| arrays::extreme(a, Ordering::Greater))),
    ("ARRAY_MIN", 1, 1, |c| extreme(c, |a, _| arrays::extreme(a, Ordering::Less))),
    ("ARRAY_REVERSE", 1, 1, |c| list(c, arrays::reverse)),
    ("ARRAY_DISTINCT", 1, 1, |c| list(c, |a, to| arrays::set(a, to, Elements::Own))),
    ("ARRAY_SORT", 1, 3, sort),
    ("ARRAY_SLICE", 2, 3, slice),
    ("ARRAY_APPEND", 2, 2, |c| with_element(c, |a, to| arrays::with(a, to, false))),
    ("ARRAY_PREPEND", 2, 2, |c| with_element(c, |a, to| arrays::with(a, to, true))),
    ("ARRAY_REMOVE", 2, 2, |c| {
        let to = c.arguments[0].data_type.clone();
        Ok(kernel(c.name, wanted(c)?, to, arrays::remove))
    }),
    ("ARRAY_CONCAT", 1, usize::MAX, |c| of_lists(c, arrays::concat)),
    ("ARRAY_UNION", 2, 2, |c| of_lists(c, |a, to| arrays::set(a, to, Elements::Either))),
    ("ARRAY_INTERSECT", 2, 2, |c| of_lists(c, |a, to| arrays::set(a, to, Elements::Both))),
    ("ARRAY_EXCEPT", 2, 2, |c| of_lists(c, |a, to| arrays::set(a, to, Elements::FirstOnly))),
    ("ARRAY_JOIN", 2, 3, join),
    ("SPLIT", 2, 2, |c| {
        super::strings(c, &[0, 1])?;
        let args = texts(c, 0);
        Ok(kernel(c.name, args, array_of(DataType::Utf8, true), arrays::split))
    }),
    ("MAP_KEYS", 1, 1, |c| entries(c, Part::Keys)),
    ("MAP_VALUES", 1, 1, |c| entries(c, Part::Values)),
    ("MAP_ENTRIES", 1, 1, |c| entries(c, Part::Both)),
    ("MAP_FROM_ARRAYS", 2, 2, |c| {
        let [keys, values] = [element(c, 0)?, element(c, 1)?];
        let to = map_of(keys.data_type().clone(), values.data_type().clone(), true);
        Ok(kernel(c.name, c.arguments.to_vec(), to, maps::of_arrays))
    }),
    ("MAP_UNION", 1, usize::MAX, union),
];

type OnArrays =
    fn(&[arrow::array::ArrayRef], &DataType) -> datafusion_common::Result<arrow::array::ArrayRef>;

/// Calls a kernel that knows the type of its result.
fn kernel(name: &str, args: Vec<Bound>, to: DataType, on_arrays: OnArrays) -> Expr {
    let types: Vec<DataType> = args.iter().map(|arg| arg.data_type.clone()).collect();
    let result = to.clone();
    let kernel: Kernel = Arc::new(move |arrays| on_arrays(arrays, &result));
    let exprs = args.into_iter().map(|arg| arg.expr).collect();
    call_kernel(&format!("{name}_{}", flink_name(&to)), types, to, kernel, exprs)
}

/// The field of an ARRAY's elements.
fn element<'c>(call: &'c Call<'_>, index: usize) -> Result<&'c FieldRef> {
    match &call.arguments[index].data_type {
        DataType::List(item) => Ok(item),
        _ => Err(wrong_arguments(call.name, call.arguments, call.at)),
    }
}

/// The fields of a MAP's keys and values.
fn map<'c>(call: &'c Call<'_>, index: usize) -> Result<[&'c Arc<Field>; 2]> {
    entries_of(&call.arguments[index].data_type)
        .ok_or_else(|| wrong_arguments(call.name, call.arguments, call.at))
}

fn on_lists(call: &Call<'_>, to: DataType, on_arrays: OnArrays) -> Expr {
    kernel(call.name, call.arguments.to_vec(), to, on_arrays)
}

fn cardinality(call: &Call<'_>) -> Result<Expr> {
    let on_arrays: OnArrays = match call.arguments[0].data_type {
        DataType::List(_) => |a, _| Ok(arrays::cardinality(a)),
        DataType::Map(..) => |a, _| Ok(maps::cardinality(a)),
        _ => return Err(wrong_arguments(call.name, call.arguments, call.at)),
    };
    let name = format!("{}_{}", call.name, flink_name(&call.arguments[0].data_type));
    Ok(kernel(&name, call.arguments.to_vec(), DataType::Int32, on_arrays))
}

/// A list and what is looked for in it, which is of its elements' type.
fn wanted(call: &Call<'_>) -> Result<Vec<Bound>> {
    let element = element(call, 0)?.data_type();
    let [list, wanted] = [&call.arguments[0], &call.arguments[1]];
    if !casts_implicitly(&wanted.data_type, element) {
        return Err(wrong_arguments(call.name, call.arguments, call.at).hint(format!(
            "use CAST({} AS {})",
            wanted.text,
            flink_name(element)
        )));
    }
    Ok(vec![list.clone(), wanted.clone().implicit_cast(element)])
}

/// Of elements that have an order.
fn extreme(call: &Call<'_>, on_arrays: OnArrays) -> Result<Expr> {
    let to = element(call, 0)?.data_type().clone();
    ordered(call, &to)?;
    Ok(on_lists(call, to, on_arrays))
}

fn ordered(call: &Call<'_>, data_type: &DataType) -> Result<()> {
    if data_type.is_nested() {
        return Err(wrong_arguments(call.name, call.arguments, call.at)
            .hint(format!("{} has no order", flink_name(data_type))));
    }
    Ok(())
}

/// Lists of the argument's type.
fn list(call: &Call<'_>, on_arrays: OnArrays) -> Result<Expr> {
    element(call, 0)?;
    Ok(on_lists(call, call.arguments[0].data_type.clone(), on_arrays))
}

fn with_element(call: &Call<'_>, on_arrays: OnArrays) -> Result<Expr> {
    let args = wanted(call)?;
    let to = array_of(args[1].data_type.clone(), true);
    Ok(kernel(call.name, args, to, on_arrays))
}

/// Lists whose elements have a common type, as lists of that.
fn of_lists(call: &Call<'_>, on_arrays: OnArrays) -> Result<Expr> {
    let mut types = Vec::new();
    for index in 0..call.arguments.len() {
        types.push(element(call, index)?.data_type());
    }
    let common = common_type(types).ok_or_else(|| {
        wrong_arguments(call.name, call.arguments, call.at).hint("the elements have no common type")
    })?;
    let to = array_of(common, true);
    let args = call.arguments.iter().map(|a| a.clone().implicit_cast(&to)).collect();
    Ok(kernel(call.name, args, to, on_arrays))
}

fn sort(call: &Call<'_>) -> Result<Expr> {
    ordered(call, element(call, 0)?.data_type())?;
    let mut args = call.arguments.to_vec();
    for flag in &mut args[1..] {
        if !matches!(flag.data_type, DataType::Boolean | DataType::Null) {
            return Err(wrong_arguments(call.name, call.arguments, call.at));
        }
        *flag = flag.clone().implicit_cast(&DataType::Boolean);
    }
    Ok(kernel(call.name, args, call.arguments[0].data_type.clone(), arrays::sort))
}

fn slice(call: &Call<'_>) -> Result<Expr> {
    element(call, 0)?;
    let mut args = call.arguments.to_vec();
    for place in &mut args[1..] {
        if !casts_implicitly(&place.data_type, &DataType::Int32) {
            return Err(wrong_arguments(call.name, call.arguments, call.at));
        }
        *place = place.clone().implicit_cast(&DataType::Int64);
    }
    Ok(kernel(call.name, args, call.arguments[0].data_type.clone(), arrays::slice))
}

fn join(call: &Call<'_>) -> Result<Expr> {
    super::strings(call, &[1, 2])?;
    if *element(call, 0)?.data_type() != DataType::Utf8 {
        return Err(wrong_arguments(call.name, call.arguments, call.at)
            .hint("use CAST(<array> AS ARRAY<STRING>)"));
    }
    Ok(kernel(call.name, texts(call, 1), DataType::Utf8, |a, _| Ok(arrays::join(a))))
}

/// The texts of a list behind each other.
pub(crate) fn joined(list: Bound, delimiter: Bound) -> Expr {
    kernel("ARRAY_JOIN", vec![list, delimiter], DataType::Utf8, |a, _| Ok(arrays::join(a)))
}

/// Each of a list's elements once, in the order in which they come first.
pub(crate) fn once_each(list: Bound) -> Bound {
    let to = list.data_type.clone();
    let expr =
        kernel("ARRAY_DISTINCT", vec![list.clone()], to, |a, to| arrays::set(a, to, Elements::Own));
    Bound { expr, ..list }
}

/// The MULTISET of a list's elements; an empty one of NULL.
pub(crate) fn multiset_of(list: Bound, element: &DataType) -> Expr {
    let to = map_of(element.clone(), DataType::Int32, false);
    kernel("multiset_of", vec![list], to, maps::counted)
}

/// The arguments, those from `first` on as texts even if they are NULL.
fn texts(call: &Call<'_>, first: usize) -> Vec<Bound> {
    let fit = |(index, argument): (usize, &Bound)| match index {
        index if index < first => argument.clone(),
        _ => argument.clone().implicit_cast(&DataType::Utf8),
    };
    call.arguments.iter().enumerate().map(fit).collect()
}

fn entries(call: &Call<'_>, part: Part) -> Result<Expr> {
    let [key, value] = map(call, 0)?;
    let (element, on_arrays): (_, OnArrays) = match part {
        Part::Keys => (key.data_type().clone(), |a, to| maps::part(a, Part::Keys, to)),
        Part::Values => (value.data_type().clone(), |a, to| maps::part(a, Part::Values, to)),
        Part::Both => {
            let fields = [Arc::clone(key), Arc::clone(value)];
            let entry = DataType::Struct(fields.into_iter().collect());
            (entry, |a, to| maps::part(a, Part::Both, to))
        }
    };
    Ok(kernel(call.name, call.arguments.to_vec(), array_of(element, true), on_arrays))
}

fn union(call: &Call<'_>) -> Result<Expr> {
    let (mut keys, mut values) = (Vec::new(), Vec::new());
    for index in 0..call.arguments.len() {
        let [key, value] = map(call, index)?;
        keys.push(key.data_type());
        values.push(value.data_type());
    }
    let wrong = || wrong_arguments(call.name, call.arguments, call.at);
    let key = common_type(keys).ok_or_else(wrong)?;
    let to = map_of(key, common_type(values).ok_or_else(wrong)?, true);
    let args = call.arguments.iter().map(|a| a.clone().implicit_cast(&to)).collect();
    Ok(kernel(call.name, args, to, maps::union))
}

/// `ARRAY[a, b]`.
pub(crate) fn array(elements: &[Bound], at: Position) -> Result<Expr> {
    let element = common("ARRAY", "elements", elements, at)?;
    let args = elements.iter().map(|e| e.clone().implicit_cast(&element)).collect();
    Ok(kernel("ARRAY[]", args, array_of(element, true), arrays::construct))
}

/// `MAP[k, v, ...]`.
pub(crate) fn map_of_pairs(pairs: &[Bound], at: Position) -> Result<Expr> {
    if !pairs.len().is_multiple_of(2) {
        return Err(SqlError::new(at, format!("MAP needs pairs, not {} values", pairs.len()))
            .hint("write MAP[key, value, ...]"));
    }
    let every = |first: usize| pairs.iter().skip(first).step_by(2).cloned().collect::<Vec<_>>();
    let key = common("MAP", "keys", &every(0), at)?;
    let value = common("MAP", "values", &every(1), at)?;
    let fit = |(index, bound): (usize, &Bound)| {
        bound.clone().implicit_cast(if index.is_multiple_of(2) { &key } else { &value })
    };
    let args = pairs.iter().enumerate().map(fit).collect();
    Ok(kernel("MAP[]", args, map_of(key.clone(), value.clone(), true), maps::construct))
}

fn common(of: &str, what: &str, values: &[Bound], at: Position) -> Result<DataType> {
    if values.is_empty() {
        return Err(SqlError::new(at, format!("{of}[] has no {what}, and so no type"))
            .hint(format!("use CAST(NULL AS {of}<...>), or a function that gives an empty one")));
    }
    common_type(values.iter().map(|value| &value.data_type)).ok_or_else(|| {
        let types: Vec<String> = values.iter().map(|value| flink_name(&value.data_type)).collect();
        let message = format!("the {what} of {of} have no common type: {}", types.join(", "));
        SqlError::new(at, message).hint("use CAST(<value> AS <type>)")
    })
}

/// `array[n]`, `map[key]`.
pub(crate) fn at(of: &Bound, index: Bound, at: Position) -> Result<Expr> {
    let name = flink_name(&of.data_type);
    match &of.data_type {
        DataType::List(item) => {
            if index.literal_integer().is_some_and(|n| n < 1) {
                let message = format!("the elements of an ARRAY count from 1, not {}", index.text);
                return Err(SqlError::new(at, message));
            }
            if !casts_implicitly(&index.data_type, &DataType::Int32) {
                let message = format!("{} is {}", index.text, flink_name(&index.data_type));
                return Err(SqlError::new(at, message).hint("an element's number is an INT"));
            }
            let args = vec![of.clone(), index.implicit_cast(&DataType::Int64)];
            Ok(kernel("ARRAY[n]", args, item.data_type().clone(), |a, _| arrays::at(a)))
        }
        DataType::Map(..) => {
            let Some([key, value]) = entries_of(&of.data_type) else {
                return Err(SqlError::new(at, format!("{name} has no entries")));
            };
            let Some(common) = common_type([key.data_type(), &index.data_type]) else {
                let message = format!(
                    "{} is {}, the keys of {} are {}",
                    index.text,
                    flink_name(&index.data_type),
                    of.text,
                    flink_name(key.data_type())
                );
                return Err(SqlError::new(at, message).hint("use CAST(<key> AS <type>)"));
            };
            let value = value.data_type().clone();
            let map = map_of(common.clone(), value.clone(), true);
            let args = vec![of.clone().implicit_cast(&map), index.implicit_cast(&common)];
            Ok(kernel("MAP[k]", args, value, |a, _| maps::at(a)))
        }
        _ => Err(SqlError::new(at, format!("{} is {name} and has no elements", of.text))),
    }
}
