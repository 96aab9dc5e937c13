//! Aggregates of DataFusion that Flink does not have and that are others by another name or of few
//! values: `BIT_AND`, `BIT_OR`, `BIT_XOR`, computed from the different values with how often each is
//! there, as `COLLECT` keeps them, so that rows can go as well; `BOOL_AND` and `BOOL_OR`, which are
//! the lowest and the highest; `APPROX_DISTINCT`, which counts exactly.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type, Int64Type};
use sabot_core::plan::AggregateFunction;

use crate::aggregate::{GroupScope, with_filter};
use crate::error::{Position, Result, SqlError};
use crate::expr::{Binder, Bound, precedence};
use crate::functions::kernel;
use crate::types::{flink_name, map_of};

/// What is done with the bits of whole numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bits {
    And,
    Or,
    Xor,
}

impl Bits {
    /// What the function of this name does.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "BIT_AND" => Self::And,
            "BIT_OR" => Self::Or,
            "BIT_XOR" => Self::Xor,
            _ => return None,
        })
    }

    /// The result with one more value, which is there `count` times.
    fn with(self, before: Option<i64>, value: i64, count: i32) -> i64 {
        match (self, before) {
            (Self::And, Some(before)) => before & value,
            (Self::Or, Some(before)) => before | value,
            (Self::And | Self::Or, None) => value,
            // A value that is there twice takes itself away.
            (Self::Xor, before) => before.unwrap_or(0) ^ (value * i64::from(count % 2)),
        }
    }
}

/// The extreme that a function of truth values is: of false and true, false is the lower.
pub(crate) fn extreme_of(name: &str) -> Option<AggregateFunction> {
    match name {
        "BOOL_AND" => Some(AggregateFunction::Min),
        "BOOL_OR" => Some(AggregateFunction::Max),
        _ => None,
    }
}

/// Refuses what is no truth value.
pub(crate) fn check_truth(name: &str, value: &Bound, at: Position) -> Result<()> {
    if value.data_type == DataType::Boolean {
        return Ok(());
    }
    let message = format!("{} is {}", value.text, flink_name(&value.data_type));
    Err(SqlError::new(at, message).hint(format!("{name} needs a BOOLEAN")))
}

/// Refuses aggregates that are known only to be refused.
pub(crate) fn check_there(name: &str, at: Position) -> Result<()> {
    let (why, hint) = match name {
        "NTH_VALUE" => {
            ("the rows of a group have no order", "ROW_NUMBER() numbers rows in an order")
        }
        "APPROX_PERCENTILE_CONT_WITH_WEIGHT" => {
            ("each row of a group counts once", "PERCENTILE_CONT is of rows without weights")
        }
        _ => return Ok(()),
    };
    Err(SqlError::new(at, format!("{name} is not supported: {why}")).hint(hint))
}

/// Refuses values that are not compared as wholes.
pub(crate) fn check_whole(name: &str, value: &Bound, at: Position) -> Result<()> {
    if !value.data_type.is_nested() {
        return Ok(());
    }
    let message = format!("{} is {}", value.text, flink_name(&value.data_type));
    Err(SqlError::new(at, message).hint(format!("{name} needs values that are compared as wholes")))
}

impl GroupScope<'_> {
    /// The bits of a group's values.
    pub(crate) fn bits(
        &self,
        bits: Bits,
        name: &str,
        (value, distinct): (Bound, bool),
        filter: Option<Bound>,
        at: Position,
    ) -> Result<Bound> {
        let to = value.data_type.clone();
        if !to.is_integer() {
            let message = format!("{} is {}", value.text, flink_name(&to));
            return Err(SqlError::new(at, message).hint(format!("{name} needs whole numbers")));
        }
        let what = if distinct { "DISTINCT " } else { "" };
        let text = with_filter(format!("{name}({what}{})", value.text), filter.as_ref());
        let values = self.collect((value, distinct), filter, at)?;
        let types = vec![map_of(to.clone(), DataType::Int32, false)];
        let result = to.clone();
        let on_maps = move |arrays: &[ArrayRef]| {
            let maps = arrays[0].as_map();
            let keys = cast(maps.keys(), &DataType::Int64)?;
            let keys = keys.as_primitive::<Int64Type>().values();
            let counts = maps.values().as_primitive::<Int32Type>().values();
            let of_row = |row: usize| {
                let offsets = maps.value_offsets();
                let range = match maps.is_valid(row) {
                    true => offsets[row] as usize..offsets[row + 1] as usize,
                    false => 0..0,
                };
                range.fold(None, |before, at| Some(bits.with(before, keys[at], counts[at])))
            };
            let found: Int64Array = (0..maps.len()).map(of_row).collect();
            Ok(cast(&found, &result)?)
        };
        let name_of_kernel = format!("{name}_{}", flink_name(&to));
        let expr = kernel(&name_of_kernel, types, to, Arc::new(on_maps), vec![values.expr]);
        Binder::new(self, at).finish(expr, true, (text, precedence::ATOM), || {
            SqlError::new(at, format!("{name} cannot be applied here"))
        })
    }

    /// Whether all of a group's values are true, or any.
    pub(crate) fn truth(
        &self,
        function: AggregateFunction,
        name: &str,
        value: Bound,
        filter: Option<Bound>,
        at: Position,
    ) -> Result<Bound> {
        check_truth(name, &value, at)?;
        let text = with_filter(format!("{name}({})", value.text), filter.as_ref());
        let nullable = value.nullable || filter.is_some();
        let data_type = (DataType::Boolean, nullable);
        let found = self.register(function, Some((value, false)), filter, data_type);
        Ok(Bound { text, precedence: precedence::ATOM, ..found })
    }
}
