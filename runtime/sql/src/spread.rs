//! `VAR_POP`, `VAR_SAMP`, `STDDEV_POP`, `STDDEV_SAMP`: computed from sums and a count, as in Flink, so
//! that rows can go as well.

use arrow::datatypes::DataType;
use datafusion_expr::lit;
use datafusion_functions::{core::nullif, math};
use sqlparser::ast::BinaryOperator;

use crate::aggregate::{GroupScope, with_filter};
use crate::error::{Position, Result, SqlError};
use crate::expr::{Binder, Bound, Meaning, Scope, binary, precedence};
use crate::functions::casts::{self, Otherwise};
use crate::functions::wrapping_narrow;
use crate::over::OverScope;

/// How far values are from their mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spread {
    /// Of a sample: by one value less.
    sample: bool,
    /// The square root.
    root: bool,
}

impl Spread {
    /// What a function of this name computes.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let (sample, root) = match name {
            "VAR_POP" => (false, false),
            "VAR_SAMP" | "VARIANCE" => (true, false),
            "STDDEV_POP" => (false, true),
            "STDDEV_SAMP" | "STDDEV" => (true, true),
            _ => return None,
        };
        Some(Self { sample, root })
    }
}

/// Sums and counts of values over rows, as columns behind them.
pub(crate) trait Sums {
    /// What values see.
    fn rows(&self) -> &dyn Scope;
    /// What sums and counts are columns of.
    fn results(&self) -> &dyn Scope;
    /// The sum in the type that is wide enough.
    fn sum_of(&self, value: Bound, at: Position) -> Result<Bound>;
    /// How many are not null.
    fn count_of(&self, value: Bound) -> Bound;
}

/// Those of a group's rows for which a filter is true.
pub(crate) struct Filtered<'a> {
    pub(crate) group: &'a GroupScope<'a>,
    pub(crate) filter: Option<Bound>,
    /// Whether equal values, and equal squares, count once.
    pub(crate) distinct: bool,
}

impl Sums for Filtered<'_> {
    fn rows(&self) -> &dyn Scope {
        self.group.input
    }

    fn results(&self) -> &dyn Scope {
        self.group
    }

    fn sum_of(&self, value: Bound, at: Position) -> Result<Bound> {
        self.group.sum(value, self.distinct, self.filter.clone(), at).map(|(_, sum)| sum)
    }

    fn count_of(&self, value: Bound) -> Bound {
        self.group.count(Some(value), self.distinct, self.filter.clone())
    }
}

impl Sums for OverScope<'_> {
    fn rows(&self) -> &dyn Scope {
        self.input
    }

    fn results(&self) -> &dyn Scope {
        self
    }

    fn sum_of(&self, value: Bound, at: Position) -> Result<Bound> {
        self.sum(&value, false, at)
    }

    fn count_of(&self, value: Bound) -> Bound {
        self.count(Some(value), false)
    }
}

/// Those of a frame's different values. Equal squares count once, as in Flink.
struct Different<'a>(&'a OverScope<'a>);

impl Sums for Different<'_> {
    fn rows(&self) -> &dyn Scope {
        self.0.input
    }

    fn results(&self) -> &dyn Scope {
        self.0
    }

    fn sum_of(&self, value: Bound, at: Position) -> Result<Bound> {
        self.0.sum(&value, true, at)
    }

    fn count_of(&self, value: Bound) -> Bound {
        self.0.count(Some(value), true)
    }
}

impl GroupScope<'_> {
    /// How far a group's values are from their mean.
    pub(crate) fn spread(
        &self,
        spread: Spread,
        name: &str,
        (argument, distinct): (Bound, bool),
        filter: Option<Bound>,
        at: Position,
    ) -> Result<Bound> {
        let text = with_filter(called(name, &argument, distinct), filter.as_ref());
        spread.compute(&Filtered { group: self, filter, distinct }, argument, text, at)
    }
}

impl OverScope<'_> {
    /// How far the values of a frame are from their mean.
    pub(crate) fn spread(
        &self,
        spread: Spread,
        name: &str,
        (argument, distinct): (Bound, bool),
        at: Position,
    ) -> Result<Bound> {
        let text = self.new_text(&called(name, &argument, distinct));
        match distinct {
            true => spread.compute(&Different(self), argument, text, at),
            false => spread.compute(self, argument, text, at),
        }
    }
}

fn called(name: &str, argument: &Bound, distinct: bool) -> String {
    let what = if distinct { "DISTINCT " } else { "" };
    format!("{name}({what}{})", argument.text)
}

impl Spread {
    /// `(SUM(x * x) - SUM(x) * SUM(x) / n) / n`, in the type of what is aggregated: of whole numbers
    /// a whole number.
    fn compute(
        self,
        sums: &dyn Sums,
        argument: Bound,
        text: String,
        at: Position,
    ) -> Result<Bound> {
        let to = match &argument.data_type {
            DataType::Decimal128(_, scale) => DataType::Decimal128(38, (*scale).max(6)),
            other => other.clone(),
        };
        let wide = crate::sums::wide_sum(&argument, at)?;
        let value = match wide {
            DataType::Decimal128(..) => argument.clone(),
            _ => argument.clone().implicit_cast(&wide),
        };
        let over_rows = Binder::new(sums.rows(), at);
        let square = binary(&over_rows, value.clone(), &BinaryOperator::Multiply, value, at)?;
        let squares = sums.sum_of(square, at)?;
        let sum = sums.sum_of(argument.clone(), at)?;
        let count = sums.count_of(argument);
        let over_results = Binder::new(sums.results(), at);
        let compute = |left, operator, right| binary(&over_results, left, &operator, right, at);
        let of_squares = compute(sum.clone(), BinaryOperator::Multiply, sum)?;
        let mean = compute(of_squares, BinaryOperator::Divide, not_zero(count.clone(), 0))?;
        let around = compute(squares, BinaryOperator::Minus, mean)?;
        let count = not_zero(count, i64::from(self.sample));
        let variance = compute(around, BinaryOperator::Divide, count)?;
        let value = if self.root { root(variance, at)? } else { variance };
        let value = given_as(value, &to);
        Ok(Bound { text, precedence: precedence::ATOM, nullable: true, ..value })
    }
}

/// A count less some; NULL for 0.
fn not_zero(count: Bound, less: i64) -> Bound {
    let expr = nullif().call(vec![count.expr - lit(less), lit(0_i64)]);
    Bound { expr, nullable: true, ..count }
}

fn root(value: Bound, at: Position) -> Result<Bound> {
    if !value.data_type.is_numeric() {
        return Err(SqlError::new(at, format!("{} has no root", value.text)));
    }
    let value = value.implicit_cast(&DataType::Float64);
    Ok(Bound { expr: math::sqrt().call(vec![value.expr]), meaning: Meaning::Plain, ..value })
}

/// The value in a type, cut off as by a `CAST`.
fn given_as(value: Bound, to: &DataType) -> Bound {
    let from = value.data_type.clone();
    if from == *to {
        return value;
    }
    let expr = match (&from, to) {
        (DataType::Int64, to) if to.is_integer() => wrapping_narrow(value.expr.clone(), to),
        _ => match casts::cast(value.expr.clone(), &from, to, Otherwise::Fail) {
            Some(expr) => expr,
            None => return value.implicit_cast(to),
        },
    };
    Bound { expr, data_type: to.clone(), ..value }
}
