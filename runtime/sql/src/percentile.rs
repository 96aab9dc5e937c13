//! `PERCENTILE(value, share)` and `MEDIAN(value)`: computed from the different values with how often
//! each is there, as `COLLECT` keeps them, so that rows can go as well.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::datatypes::{DataType, Float64Type, Int32Type};
use datafusion_expr::{Expr, lit};
use sqlparser::ast::{self, DuplicateTreatment, Function, FunctionArguments};

use crate::aggregate::{GroupScope, with_filter};
use crate::error::{Position, Result, SqlError};
use crate::expr::{Binder, Bound, function_arguments, place_of, precedence};
use crate::functions::collections;
use crate::functions::kernel;
use crate::moments::as_double;
use crate::types::{flink_name, map_of};

/// One of these aggregates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Percentile {
    /// Of a share that is given, or several.
    Share,
    /// Of one half.
    Median,
}

impl Percentile {
    /// The aggregate of this name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        match name {
            "PERCENTILE" | "PERCENTILE_CONT" | "APPROX_PERCENTILE_CONT" => Some(Self::Share),
            "MEDIAN" | "APPROX_MEDIAN" => Some(Self::Median),
            _ => None,
        }
    }
}

/// What is asked for.
enum Shares {
    One(f64),
    Several(Vec<f64>),
}

impl GroupScope<'_> {
    /// Resolves one of these aggregates.
    pub(crate) fn percentile(
        &self,
        percentile: Percentile,
        function: &Function,
        name: &str,
        at: Position,
    ) -> Result<Bound> {
        let wrong = |what: &str| SqlError::new(at, format!("{name} {what}"));
        if let FunctionArguments::List(list) = &function.args
            && list.duplicate_treatment == Some(DuplicateTreatment::Distinct)
        {
            return Err(wrong("takes no DISTINCT")
                .hint("aggregate the results of SELECT DISTINCT in a subquery"));
        }
        let mut arguments = function_arguments(function, name, at)?;
        if let Some(value) = ordered_value(function, name, at)? {
            arguments.insert(0, value);
        }
        let (value, shares) = match (percentile, arguments.as_slice()) {
            (Percentile::Median, [value]) => (*value, Shares::One(0.5)),
            (Percentile::Median, _) => return Err(wrong("takes one argument")),
            (Percentile::Share, [value, share]) => (*value, self.shares(share, name, at)?),
            (Percentile::Share, [_, _, _]) => {
                return Err(wrong("with how often each value counts is not supported yet"));
            }
            (Percentile::Share, _) => return Err(wrong("takes a value and a share from 0 to 1")),
        };
        let input = Binder::new(self.input, at);
        let value = input.bind(value)?.plain();
        if !value.data_type.is_numeric() {
            let message = format!("{} is {}", value.text, flink_name(&value.data_type));
            return Err(SqlError::new(at, message).hint(format!("{name} needs numbers")));
        }
        let filter = self.filter(function, at)?;
        let shown = match (&shares, arguments.get(1)) {
            (_, Some(share)) => format!(", {share}"),
            (_, None) => String::new(),
        };
        let text = with_filter(format!("{name}({}{shown})", value.text), filter.as_ref());
        let values = self.collect((as_double(value), false), filter, at)?;
        let expr = match shares {
            Shares::One(share) => percentile_of(values.expr, share),
            Shares::Several(shares) => {
                let one = |share| Bound {
                    expr: percentile_of(values.expr.clone(), share),
                    data_type: DataType::Float64,
                    nullable: true,
                    ..values.clone()
                };
                collections::array(&shares.into_iter().map(one).collect::<Vec<_>>(), at)?
            }
        };
        Binder::new(self, at)
            .finish(expr, true, (text, precedence::ATOM), || wrong("cannot be applied here"))
    }

    /// The shares that an argument names: a number from 0 to 1, or an ARRAY of such.
    fn shares(&self, argument: &ast::Expr, name: &str, at: Position) -> Result<Shares> {
        let place = place_of(argument, at);
        let one = |expr: &ast::Expr| {
            let number: Option<f64> = match expr {
                ast::Expr::Value(value) => value.value.to_string().parse().ok(),
                _ => None,
            };
            number.filter(|share| (0.0..=1.0).contains(share)).ok_or_else(|| {
                SqlError::new(place, format!("the share of {name} is a number from 0 to 1"))
                    .hint(format!("such as {name}(value, 0.5), or {name}(value, ARRAY[0.5, 0.9])"))
            })
        };
        match argument {
            ast::Expr::Array(array) => {
                Ok(Shares::Several(array.elem.iter().map(one).collect::<Result<_>>()?))
            }
            other => one(other).map(Shares::One),
        }
    }
}

/// The value of `WITHIN GROUP (ORDER BY value)`, if that is there.
fn ordered_value<'e>(
    function: &'e Function,
    name: &str,
    at: Position,
) -> Result<Option<&'e ast::Expr>> {
    match function.within_group.as_slice() {
        [] => Ok(None),
        [by] if by.options.asc != Some(false) && by.options.nulls_first.is_none() => {
            Ok(Some(&by.expr))
        }
        _ => Err(SqlError::new(at, format!("{name} is of one value in ascending order"))
            .hint(format!("write {name}(share) WITHIN GROUP (ORDER BY value)"))),
    }
}

/// Of values with how often each is there.
fn percentile_of(values: Expr, share: f64) -> Expr {
    let on_maps = |arrays: &[ArrayRef]| {
        let (maps, shares) = (arrays[0].as_map(), arrays[1].as_primitive::<Float64Type>());
        let keys = maps.keys().as_primitive::<Float64Type>().values();
        let counts = maps.values().as_primitive::<Int32Type>().values();
        let mut sorted: Vec<(f64, i64)> = Vec::new();
        let found = (0..maps.len()).map(|row| {
            sorted.clear();
            if maps.is_valid(row) {
                let range =
                    maps.value_offsets()[row] as usize..maps.value_offsets()[row + 1] as usize;
                sorted.extend(range.map(|entry| (keys[entry], i64::from(counts[entry]))));
            }
            sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
            interpolated(&sorted, shares.value(row))
        });
        Ok(Arc::new(found.collect::<Float64Array>()) as ArrayRef)
    };
    let types = vec![map_of(DataType::Float64, DataType::Int32, false), DataType::Float64];
    kernel("percentile", types, DataType::Float64, Arc::new(on_maps), vec![values, lit(share)])
}

/// The value at a share of the way from the first to the last of sorted values, each so many times;
/// between two of them by how near they are. None of no values.
fn interpolated(values: &[(f64, i64)], share: f64) -> Option<f64> {
    let total: i64 = values.iter().map(|(_, count)| count).sum();
    let position = (total - 1).max(0) as f64 * share;
    let at = |place: f64| {
        let mut before = 0;
        let holds = |(_, count): &&(f64, i64)| {
            before += count;
            before > place as i64
        };
        values.iter().find(holds).map(|(value, _)| *value)
    };
    let (before, behind) = (position.floor(), position.ceil());
    let (low, high) = (at(before)?, at(behind)?);
    if before >= behind || low.total_cmp(&high).is_eq() {
        return Some(low);
    }
    Some((behind - position) * low + (position - before) * high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_between_two_are_interpolated() {
        let values = [(1.0, 1), (2.0, 2), (10.0, 1)];
        for (share, expected) in [(0.0, 1.0), (0.5, 2.0), (1.0, 10.0), (0.75, 4.0), (0.1, 1.3)] {
            let found = interpolated(&values, share).unwrap();
            assert!((found - expected).abs() < 1e-9, "{share}: {found}");
        }
        assert_eq!(interpolated(&[], 0.5), None);
        assert_eq!(interpolated(&[(7.0, 3)], 0.3), Some(7.0));
    }
}
