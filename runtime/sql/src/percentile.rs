//! `PERCENTILE(value, share [, frequency])` and `MEDIAN(value)`: computed from the different values with
//! how often each is there, as `COLLECT` keeps them, so that rows can go as well; from lists where each
//! value says how often it counts, and of the rows up to each row.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type};
use datafusion_expr::{Expr, lit};
use sabot_core::plan::{AggregateFunction, Frame};
use sqlparser::ast::{self, DuplicateTreatment, Function, FunctionArguments};

use crate::aggregate::{GroupScope, with_filter};
use crate::error::{Position, Result, SqlError};
use crate::expr::{Binder, Bound, Scope, function_arguments, place_of, precedence};
use crate::functions::{self, collections, kernel};
use crate::moments::as_double;
use crate::over::OverScope;
use crate::types::{array_of, flink_name};

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

/// A call of one of these aggregates.
struct Asked {
    /// In DOUBLE.
    value: Bound,
    /// How often each value counts, where that is said.
    frequency: Option<Bound>,
    shares: Shares,
    text: String,
}

impl Asked {
    /// What a call in a scope asks for.
    fn of(
        rows: &dyn Scope,
        percentile: Percentile,
        function: &Function,
        name: &str,
        at: Position,
    ) -> Result<Self> {
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
        let (value, shares, frequency) = match (percentile, arguments.as_slice()) {
            (Percentile::Median, [value]) => (*value, Shares::One(0.5), None),
            (Percentile::Median, _) => return Err(wrong("takes one argument")),
            (Percentile::Share, [value, share]) => (*value, shares(share, name, at)?, None),
            (Percentile::Share, [value, share, frequency]) if name == "PERCENTILE" => {
                (*value, shares(share, name, at)?, Some(*frequency))
            }
            (Percentile::Share, _) => return Err(wrong("takes a value and a share from 0 to 1")),
        };
        let input = Binder::new(rows, at);
        let needs = |value: &Bound, what: &str| {
            let message = format!("{} is {}", value.text, flink_name(&value.data_type));
            SqlError::new(at, message).hint(format!("{name} needs {what}"))
        };
        let value = input.bind(value)?.plain();
        if !value.data_type.is_numeric() {
            return Err(needs(&value, "numbers"));
        }
        let frequency = frequency.map(|frequency| input.bind(frequency)).transpose()?;
        if let Some(frequency) = &frequency
            && !frequency.data_type.is_integer()
        {
            return Err(needs(frequency, "a whole number for how often each value counts"));
        }
        let mut text = format!("{name}({}", value.text);
        if let Some(share) = arguments.get(1) {
            // Writing to a String cannot fail.
            let _ = write!(text, ", {share}");
        }
        if let Some(frequency) = &frequency {
            let _ = write!(text, ", {}", frequency.text);
        }
        text.push(')');
        Ok(Self { value: as_double(value), frequency, shares, text })
    }

    /// What is kept of each row: the value, or how often it counts beside it.
    fn kept(&self, rows: &dyn Scope, at: Position) -> Result<Bound> {
        let Some(frequency) = &self.frequency else { return Ok(self.value.clone()) };
        let parts = [self.value.clone(), frequency.clone().implicit_cast(&DataType::Int64)];
        let text = format!("ROW({}, {})", parts[0].text, parts[1].text);
        let row = functions::rows::row(&parts, at)?;
        let wrong = || functions::wrong_arguments("PERCENTILE", &parts, at);
        Binder::new(rows, at).finish(row, false, (text, precedence::ATOM), wrong)
    }

    /// The answer, of what is kept.
    fn answer(
        self,
        results: &dyn Scope,
        kept: &Bound,
        text: String,
        at: Position,
    ) -> Result<Bound> {
        let one = |share| Bound {
            expr: percentile_of(kept, share),
            data_type: DataType::Float64,
            nullable: true,
            ..kept.clone()
        };
        let expr = match self.shares {
            Shares::One(share) => one(share).expr,
            Shares::Several(shares) => {
                collections::array(&shares.into_iter().map(one).collect::<Vec<_>>(), at)?
            }
        };
        Binder::new(results, at).finish(expr, true, (text, precedence::ATOM), || {
            SqlError::new(at, "the percentile cannot be applied here")
        })
    }
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
        let asked = Asked::of(self.input, percentile, function, name, at)?;
        let filter = self.filter(function, at)?;
        let text = with_filter(asked.text.clone(), filter.as_ref());
        let kept = asked.kept(self.input, at)?;
        let kept = match asked.frequency {
            None => self.collect((kept, false), filter, at)?,
            Some(_) => {
                let to = (array_of(kept.data_type.clone(), true), true);
                self.register(AggregateFunction::Values, Some((kept, false)), filter, to)
            }
        };
        asked.answer(self, &kept, text, at)
    }
}

impl OverScope<'_> {
    /// The same of the rows up to each row.
    pub(crate) fn percentile(
        &self,
        function: &Function,
        name: &str,
        frame: Option<Frame>,
        at: Position,
    ) -> Result<Option<Bound>> {
        let Some(percentile) = Percentile::of(name) else { return Ok(None) };
        let asked = Asked::of(self.input, percentile, function, name, at)?;
        let kept = self.values(&asked.kept(self.input, at)?, false, frame, at)?;
        let text = self.new_text(&asked.text);
        asked.answer(self, &kept, text, at).map(Some)
    }
}

/// The shares that an argument names: a number from 0 to 1, or an ARRAY of such.
fn shares(argument: &ast::Expr, name: &str, at: Position) -> Result<Shares> {
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

/// Of values with how often each is there, or listed ones, alone or with how often each counts.
fn percentile_of(kept: &Bound, share: f64) -> Expr {
    let on_kept = |arrays: &[ArrayRef]| {
        let shares = arrays[1].as_primitive::<Float64Type>();
        let mut sorted: Vec<(f64, i64)> = Vec::new();
        let found = (0..arrays[0].len()).map(|row| {
            sorted.clear();
            if arrays[0].is_valid(row) {
                sorted.extend(values_of(&arrays[0], row).into_iter().flatten());
            }
            sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
            interpolated(&sorted, shares.value(row))
        });
        Ok(Arc::new(found.collect::<Float64Array>()) as ArrayRef)
    };
    let name = match &kept.data_type {
        DataType::List(item) if item.data_type().is_nested() => "percentile_of_rows",
        DataType::List(_) => "percentile_of_list",
        _ => "percentile",
    };
    let types = vec![kept.data_type.clone(), DataType::Float64];
    let args = vec![kept.expr.clone(), lit(share)];
    kernel(name, types, DataType::Float64, Arc::new(on_kept), args)
}

/// A row's values, each with how often it counts; none for one that does not, or is NULL.
fn values_of(kept: &ArrayRef, row: usize) -> Vec<Option<(f64, i64)>> {
    let counted = |values: &ArrayRef, counts: Option<&ArrayRef>, place: usize| {
        let values = values.as_primitive::<Float64Type>();
        let count = match counts.map(AsArray::as_primitive::<Int64Type>) {
            None => 1,
            Some(counts) if counts.is_valid(place) => counts.value(place),
            Some(_) => 0,
        };
        (values.is_valid(place) && count > 0).then(|| (values.value(place), count))
    };
    if let Some(maps) = kept.as_map_opt() {
        let entries = maps.value(row);
        let [keys, counts] = [0, 1].map(|column| entries.column(column));
        let keys = keys.as_primitive::<Float64Type>().values();
        let counts = counts.as_primitive::<Int32Type>().values();
        let pairs = keys.iter().zip(counts);
        return pairs.map(|(key, count)| Some((*key, i64::from(*count)))).collect();
    }
    let list = kept.as_list::<i32>().value(row);
    let (values, counts) = match list.as_struct_opt() {
        Some(rows) => (rows.column(0), Some(rows.column(1))),
        None => (&list, None),
    };
    (0..list.len()).map(|place| counted(values, counts, place)).collect()
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
