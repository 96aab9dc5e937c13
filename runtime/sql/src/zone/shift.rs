//! Casts between instants and local times, in an expression.
//!
//! The library's casts take local times for those of UTC. Where they are those of another zone,
//! instants are moved by what it is ahead before such a cast, and local times are moved back behind
//! it, in whatever values they stand.

use std::cell::Cell;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, ListArray, MapArray, PrimitiveArray, StructArray,
    TimestampMillisecondArray,
};
use arrow::datatypes::{
    ArrowTimestampType, DataType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType,
};
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{DFSchema, exec_err};
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::{Cast, Expr, ExprSchemable, TryCast};

use super::{Which, Zone, is_instant};
use crate::functions::{CAST, kernel};
use crate::types::{TIMESTAMP, entries_of, timestamp_ltz};

/// Functions of the library that take instants for local times.
const OF_LOCAL_TIMES: &[&str] = &["date_bin", "date_part", "date_trunc", "to_char"];

/// The function that [`latest_instant`] calls.
const LATEST: &str = "latest_instant";

/// The instant of a local time, the latest one of those that are there twice.
pub(crate) fn latest_instant(local: Expr) -> Expr {
    instant_of(LATEST, local, Zone::default(), Which::Latest)
}

/// The instant of a local time of a zone that is not the job's.
pub(crate) fn instant_in(local: Expr, zone: Zone) -> Expr {
    instant_of(&format!("instant_in_{zone}"), local, zone, Which::Earliest)
}

fn instant_of(name: &str, local: Expr, zone: Zone, which: Which) -> Expr {
    let to_instants = Arc::new(move |arrays: &[ArrayRef]| {
        let ahead = |ms| -zone.ahead_ms_at(ms, which);
        let instants = match zone.is_utc() {
            true => Arc::clone(&arrays[0]),
            false => times::<TimestampMillisecondType>(&arrays[0], 1, ahead),
        };
        let instants: &TimestampMillisecondArray = instants.as_primitive();
        Ok(Arc::new(instants.clone().with_data_type(timestamp_ltz())) as ArrayRef)
    });
    kernel(name, vec![TIMESTAMP], timestamp_ltz(), to_instants, vec![local])
}

/// An expression whose local times are those of UTC, with those of a zone.
pub(crate) fn in_zone(
    expr: Expr,
    schema: &DFSchema,
    zone: Zone,
) -> datafusion_common::Result<Expr> {
    if zone.is_utc() {
        return Ok(expr);
    }
    let shifted = |expr: Expr| {
        Ok(match shift(&expr, schema, zone)? {
            Some(shifted) => Transformed::yes(shifted),
            None => Transformed::no(expr),
        })
    };
    Ok(expr.transform_up(shifted)?.data)
}

/// A cast or call with moved times before and behind it; none where nothing is moved.
fn shift(expr: &Expr, schema: &DFSchema, zone: Zone) -> datafusion_common::Result<Option<Expr>> {
    match expr {
        Expr::Cast(of) => {
            let with =
                |value| Expr::Cast(Cast { expr: Box::new(value), field: Arc::clone(&of.field) });
            let (from, to) = (of.expr.get_type(schema)?, of.field.data_type());
            Ok(around(&of.expr, &from, to, zone, with))
        }
        Expr::TryCast(of) => {
            let with = |value| {
                Expr::TryCast(TryCast { expr: Box::new(value), field: Arc::clone(&of.field) })
            };
            let (from, to) = (of.expr.get_type(schema)?, of.field.data_type());
            Ok(around(&of.expr, &from, to, zone, with))
        }
        Expr::ScalarFunction(function) if function.name() == LATEST => {
            let local = function.args.first().cloned();
            let name = format!("{LATEST}_{zone}");
            Ok(local.map(|local| instant_of(&name, local, zone, Which::Latest)))
        }
        Expr::ScalarFunction(function) if function.name().starts_with(CAST) => {
            let [value] = function.args.as_slice() else { return Ok(None) };
            let from = value.get_type(schema)?;
            let with = |value| {
                let args = vec![value];
                Expr::ScalarFunction(ScalarFunction { args, ..function.clone() })
            };
            Ok(around(value, &from, &expr.get_type(schema)?, zone, with))
        }
        Expr::ScalarFunction(function) if OF_LOCAL_TIMES.contains(&function.name()) => {
            let mut function = function.clone();
            for value in &mut function.args {
                let from = value.get_type(schema)?;
                if is_instant(&from) {
                    *value = instants(value.clone(), &from, &TIMESTAMP, zone, Move::ToLocal);
                }
            }
            let (to, call) = (expr.get_type(schema)?, Expr::ScalarFunction(function));
            Ok(Some(match is_instant(&to) {
                true => instants(call, &to, &TIMESTAMP, zone, Move::ToInstant),
                false => call,
            }))
        }
        _ => Ok(None),
    }
}

/// A cast with moved times before and behind it.
fn around(
    value: &Expr,
    from: &DataType,
    to: &DataType,
    zone: Zone,
    cast: impl Fn(Expr) -> Expr,
) -> Option<Expr> {
    let (before, behind) = (is_moved(from, to), is_moved(to, from));
    if !before && !behind {
        return None;
    }
    let value = value.clone();
    let cast = cast(match before {
        true => instants(value, from, to, zone, Move::ToLocal),
        false => value,
    });
    Some(if behind { instants(cast, to, from, zone, Move::ToInstant) } else { cast })
}

/// In which direction times are moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Move {
    ToLocal,
    ToInstant,
}

/// The values, of type `of`, with those instants moved that are local times in `other`.
fn instants(value: Expr, of: &DataType, other: &DataType, zone: Zone, to: Move) -> Expr {
    let name = format!("{to:?}_{zone}_{of}_{other}");
    let (from, other) = (of.clone(), other.clone());
    let move_all = Arc::new(move |arrays: &[ArrayRef]| moved(&arrays[0], &from, &other, zone, to));
    kernel(&name, vec![of.clone()], of.clone(), move_all, vec![value])
}

/// Whether values of type `of` have instants in them that are local times in those of type `other`.
fn is_moved(of: &DataType, other: &DataType) -> bool {
    match (of, other) {
        _ if is_instant(of) => {
            !(is_instant(other) || other.is_numeric() || *other == DataType::Null)
        }
        (DataType::List(of), DataType::List(other)) => is_moved(of.data_type(), other.data_type()),
        (DataType::Map(..), DataType::Map(..)) => match (entries_of(of), entries_of(other)) {
            (Some(of), Some(other)) => {
                of.iter().zip(other).any(|(of, other)| is_moved(of.data_type(), other.data_type()))
            }
            _ => false,
        },
        (DataType::Struct(of), DataType::Struct(other)) => {
            of.iter().zip(other).any(|(of, other)| is_moved(of.data_type(), other.data_type()))
        }
        (DataType::List(of), DataType::Utf8) => is_moved(of.data_type(), other),
        (DataType::Map(..), DataType::Utf8) => {
            entries_of(of).is_some_and(|of| of.iter().any(|of| is_moved(of.data_type(), other)))
        }
        (DataType::Struct(of), DataType::Utf8) => {
            of.iter().any(|of| is_moved(of.data_type(), other))
        }
        _ => false,
    }
}

fn moved(
    array: &ArrayRef,
    of: &DataType,
    other: &DataType,
    zone: Zone,
    to: Move,
) -> datafusion_common::Result<ArrayRef> {
    if !is_moved(of, other) {
        return Ok(Arc::clone(array));
    }
    let part = |array: &ArrayRef, of: &DataType, other: Option<&DataType>| {
        moved(array, of, other.unwrap_or(&DataType::Utf8), zone, to)
    };
    Ok(match of {
        DataType::Timestamp(unit, _) => {
            let ahead = |ms| match to {
                Move::ToLocal => zone.ahead_ms(ms),
                Move::ToInstant => -zone.ahead_ms_at(ms, Which::Earliest),
            };
            match unit {
                TimeUnit::Nanosecond => times::<TimestampNanosecondType>(array, 1_000_000, ahead),
                TimeUnit::Microsecond => times::<TimestampMicrosecondType>(array, 1_000, ahead),
                TimeUnit::Millisecond => times::<TimestampMillisecondType>(array, 1, ahead),
                TimeUnit::Second => return exec_err!("no column has times of seconds"),
            }
        }
        DataType::List(item) => {
            let list: &ListArray = array.as_list();
            let inner = match other {
                DataType::List(other) => Some(other.data_type()),
                _ => None,
            };
            let values = part(list.values(), item.data_type(), inner)?;
            let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
            Arc::new(ListArray::try_new(Arc::clone(item), offsets, values, nulls)?)
        }
        DataType::Map(field, ordered) => {
            let map = array.as_map();
            let DataType::Struct(fields) = field.data_type() else { return Ok(Arc::clone(array)) };
            let others = entries_of(other);
            let mut columns = Vec::new();
            for (index, column) in map.entries().columns().iter().enumerate() {
                let inner = others.map(|others| others[index].data_type());
                columns.push(part(column, fields[index].data_type(), inner)?);
            }
            let entries = StructArray::try_new(fields.clone(), columns, None)?;
            let (offsets, nulls) = (map.offsets().clone(), map.nulls().cloned());
            Arc::new(MapArray::try_new(Arc::clone(field), offsets, entries, nulls, *ordered)?)
        }
        DataType::Struct(fields) => {
            let row = array.as_struct();
            let mut columns = Vec::new();
            for (index, column) in row.columns().iter().enumerate() {
                let inner = match other {
                    DataType::Struct(others) => Some(others[index].data_type()),
                    _ => None,
                };
                columns.push(part(column, fields[index].data_type(), inner)?);
            }
            Arc::new(StructArray::try_new(fields.clone(), columns, row.nulls().cloned())?)
        }
        _ => Arc::clone(array),
    })
}

/// Times of which `parts` are a millisecond, each moved by what `ahead` says of its millisecond.
fn times<T: ArrowTimestampType>(
    array: &ArrayRef,
    parts: i64,
    ahead: impl Fn(i64) -> i64,
) -> ArrayRef {
    let offsets = Offsets::new(ahead);
    let moved = array.as_primitive::<T>().unary::<_, T>(|time| {
        time.wrapping_add(offsets.at(time.div_euclid(parts)).wrapping_mul(parts))
    });
    Arc::new(PrimitiveArray::<T>::with_data_type(moved, array.data_type().clone()))
}

/// What a zone is ahead at times, of which many follow that are near each other.
pub(super) struct Offsets<F> {
    ahead: F,
    /// A quarter of an hour, and what is the same at its begin and end.
    known: Cell<Option<(i64, i64)>>,
}

const QUARTER_MS: i64 = 900_000;

impl<F: Fn(i64) -> i64> Offsets<F> {
    pub(super) fn new(ahead: F) -> Self {
        Self { ahead, known: Cell::new(None) }
    }

    /// By how much.
    pub(super) fn at(&self, ms: i64) -> i64 {
        let quarter = ms.div_euclid(QUARTER_MS);
        match self.known.get() {
            Some((known, ahead)) if known == quarter => ahead,
            _ => {
                let begin = quarter.saturating_mul(QUARTER_MS);
                let ahead = (self.ahead)(begin);
                if ahead != (self.ahead)(begin.saturating_add(QUARTER_MS - 1)) {
                    return (self.ahead)(ms);
                }
                self.known.set(Some((quarter, ahead)));
                ahead
            }
        }
    }
}
