//! `CORR`, `COVAR_POP`, `COVAR_SAMP` and `REGR_*` of DataFusion: computed from the count of pairs and
//! from sums of their values and products, so that rows can go as well. A pair with a NULL does not
//! count.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion_expr::{Operator, binary_expr, cast, when};
use sqlparser::ast::{DuplicateTreatment, Function, FunctionArguments};

use crate::aggregate::{GroupScope, with_filter};
use crate::error::{Position, Result, SqlError};
use crate::expr::{Binder, Bound, function_arguments, precedence};
use crate::functions::kernel;
use crate::spread::{Filtered, Sums};
use crate::types::flink_name;

/// What is computed of pairs of numbers: of the second, if only of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    Correlation,
    Covariance,
    SampleCovariance,
    Count,
    MeanX,
    MeanY,
    SpreadX,
    SpreadY,
    Products,
    Slope,
    Intercept,
    Determination,
}

impl Moment {
    /// What the function of this name computes.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "CORR" => Self::Correlation,
            "COVAR_POP" => Self::Covariance,
            "COVAR_SAMP" | "COVAR" => Self::SampleCovariance,
            "REGR_COUNT" => Self::Count,
            "REGR_AVGX" => Self::MeanX,
            "REGR_AVGY" => Self::MeanY,
            "REGR_SXX" => Self::SpreadX,
            "REGR_SYY" => Self::SpreadY,
            "REGR_SXY" => Self::Products,
            "REGR_SLOPE" => Self::Slope,
            "REGR_INTERCEPT" => Self::Intercept,
            "REGR_R2" => Self::Determination,
            _ => return None,
        })
    }

    /// What it is of some pairs, if it is anything.
    fn value(self, pairs: &Pairs) -> Option<f64> {
        let Pairs { count, mean_x, mean_y, xx, yy, xy } = *pairs;
        let least = match self {
            Self::Correlation
            | Self::SampleCovariance
            | Self::Slope
            | Self::Intercept
            | Self::Determination => 2.0,
            _ => 1.0,
        };
        let not_zero = |divisor: f64| (divisor != 0.0).then_some(divisor);
        if count < least {
            return None;
        }
        Some(match self {
            Self::Correlation => xy / not_zero(xx.sqrt() * yy.sqrt())?,
            Self::Covariance => xy / count,
            Self::SampleCovariance => xy / (count - 1.0),
            Self::Count => count,
            Self::MeanX => mean_x,
            Self::MeanY => mean_y,
            Self::SpreadX => xx,
            Self::SpreadY => yy,
            Self::Products => xy,
            Self::Slope => xy / not_zero(xx)?,
            Self::Intercept => mean_y - xy / not_zero(xx)? * mean_x,
            Self::Determination => xy * xy / not_zero(xx * yy)?,
        })
    }
}

/// Pairs of numbers: how many there are, their means, and the sums of products of how far they are
/// from those.
struct Pairs {
    count: f64,
    mean_x: f64,
    mean_y: f64,
    xx: f64,
    yy: f64,
    xy: f64,
}

impl Pairs {
    /// Of the sums of x, y, x * x, y * y and x * y.
    fn of(count: f64, [x, y, xx, yy, xy]: [f64; 5]) -> Self {
        // What is below the rounding of a sum is no spread: equal values have none.
        let around = |squares: f64, sum: f64| {
            let spread = squares - sum * sum / count;
            if spread <= squares * count * f64::EPSILON { 0.0 } else { spread }
        };
        Self {
            count,
            mean_x: x / count,
            mean_y: y / count,
            xx: around(xx, x),
            yy: around(yy, y),
            xy: xy - x * y / count,
        }
    }
}

impl GroupScope<'_> {
    /// A moment of a group's pairs.
    pub(crate) fn moment(
        &self,
        moment: Moment,
        function: &Function,
        name: &str,
        at: Position,
    ) -> Result<Bound> {
        let filter = self.filter(function, at)?;
        let pair = pair(&Binder::new(self.input, at), function, name, at)?;
        let text = with_filter(text_of(name, &pair), filter.as_ref());
        moment.compute(&Filtered { group: self, filter, distinct: false }, pair, text, at)
    }
}

/// The arguments of a function, which are numbers: y, then x.
pub(crate) fn pair(
    rows: &Binder<'_>,
    function: &Function,
    name: &str,
    at: Position,
) -> Result<[Bound; 2]> {
    let wrong = |what: &str| SqlError::new(at, format!("{name} {what}"));
    if let FunctionArguments::List(list) = &function.args
        && list.duplicate_treatment == Some(DuplicateTreatment::Distinct)
    {
        return Err(wrong("takes no DISTINCT")
            .hint("aggregate the results of SELECT DISTINCT in a subquery"));
    }
    let arguments = function_arguments(function, name, at)?;
    let [first, second] = arguments.as_slice() else {
        return Err(wrong("takes two arguments"));
    };
    let number = |expr| {
        let value = rows.bind(expr)?.plain();
        if !value.data_type.is_numeric() {
            let message = format!("{} is {}", value.text, flink_name(&value.data_type));
            return Err(SqlError::new(at, message).hint(format!("{name} needs numbers")));
        }
        Ok(value)
    };
    Ok([number(first)?, number(second)?])
}

/// The canonical text of a call.
pub(crate) fn text_of(name: &str, [y, x]: &[Bound; 2]) -> String {
    format!("{name}({}, {})", y.text, x.text)
}

impl Moment {
    /// From sums over rows.
    pub(crate) fn compute(
        self,
        sums: &dyn Sums,
        [y, x]: [Bound; 2],
        text: String,
        at: Position,
    ) -> Result<Bound> {
        let (y_of_all, x_of_all) = (as_double(y), as_double(x));
        let (y, x) = (beside(&y_of_all, &x_of_all), beside(&x_of_all, &y_of_all));
        let product = product(&x, &y);
        let count = sums.count_of(product.clone());
        let mut parts = vec![cast(count.expr.clone(), DataType::Int64)];
        for value in [x.clone(), y.clone(), square(&x), square(&y), product] {
            parts.push(sums.sum_of(value, at)?.expr);
        }
        let on_sums = move |arrays: &[ArrayRef]| {
            let counts = arrays[0].as_primitive::<Int64Type>();
            let of_row = |row: usize| {
                let count = counts.value(row);
                let mut each = [0.0; 5];
                for (value, sums) in each.iter_mut().zip(&arrays[1..]) {
                    let sums: &Float64Array = sums.as_primitive::<Float64Type>();
                    *value = if sums.is_valid(row) { sums.value(row) } else { 0.0 };
                }
                if self == Self::Count {
                    return Some(count as f64);
                }
                (count > 0).then(|| Pairs::of(count as f64, each)).and_then(|p| self.value(&p))
            };
            Ok(Arc::new((0..counts.len()).map(of_row).collect::<Float64Array>()) as ArrayRef)
        };
        if self == Self::Count {
            return Ok(Bound { text, precedence: precedence::ATOM, ..count });
        }
        let mut types = vec![DataType::Int64];
        types.extend(vec![DataType::Float64; 5]);
        let name = format!("moment_{self:?}");
        let expr = kernel(&name, types, DataType::Float64, Arc::new(on_sums), parts);
        Binder::new(sums.results(), at).finish(expr, true, (text, precedence::ATOM), || {
            SqlError::new(at, "a moment of pairs cannot be computed here")
        })
    }
}

/// A number as a DOUBLE. Its text shows that: an aggregate of the number itself is another.
pub(crate) fn as_double(value: Bound) -> Bound {
    if value.data_type == DataType::Float64 {
        return value;
    }
    let text = format!("CAST({} AS DOUBLE)", value.text);
    Bound { text, precedence: precedence::ATOM, ..value.implicit_cast(&DataType::Float64) }
}

/// A value, NULL where another one is.
fn beside(value: &Bound, other: &Bound) -> Bound {
    if !other.nullable {
        return value.clone();
    }
    let both = when(other.expr.clone().is_not_null(), value.expr.clone()).end();
    let text = format!("CASE WHEN {} IS NOT NULL THEN {} END", other.text, value.text);
    match both {
        Ok(expr) => {
            Bound { expr, nullable: true, text, precedence: precedence::ATOM, ..value.clone() }
        }
        Err(_) => value.clone(),
    }
}

fn product(left: &Bound, right: &Bound) -> Bound {
    let expr = binary_expr(left.expr.clone(), Operator::Multiply, right.expr.clone());
    let [first, second] = [left, right].map(|value| value.text_within(precedence::ATOM));
    let (text, nullable) = (format!("({first} * {second})"), left.nullable || right.nullable);
    Bound { expr, nullable, text, precedence: precedence::ATOM, ..left.clone() }
}

fn square(value: &Bound) -> Bound {
    product(value, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs_of(pairs: &[(f64, f64)]) -> Pairs {
        let sum = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>();
        let sums = [
            sum(|p| p.0),
            sum(|p| p.1),
            sum(|p| p.0 * p.0),
            sum(|p| p.1 * p.1),
            sum(|p| p.0 * p.1),
        ];
        Pairs::of(pairs.len() as f64, sums)
    }

    #[test]
    fn pairs_on_a_line_have_its_slope() {
        let line = pairs_of(&[(1.0, 5.0), (2.0, 7.0), (4.0, 11.0)]);
        for (moment, expected) in [
            (Moment::Slope, 2.0),
            (Moment::Intercept, 3.0),
            (Moment::Determination, 1.0),
            (Moment::Correlation, 1.0),
            (Moment::Covariance, 28.0 / 9.0),
            (Moment::SampleCovariance, 14.0 / 3.0),
        ] {
            let found = moment.value(&line).unwrap();
            assert!((found - expected).abs() < 1e-9, "{moment:?}: {found}");
        }
    }

    #[test]
    fn equal_values_have_no_slope() {
        let equal = pairs_of(&[(0.1, 1.0), (0.1, 2.0), (0.1, 3.0)]);
        for moment in [Moment::Slope, Moment::Intercept, Moment::Determination, Moment::Correlation]
        {
            assert_eq!(moment.value(&equal), None, "{moment:?}");
        }
        assert_eq!(Moment::SampleCovariance.value(&pairs_of(&[(1.0, 1.0)])), None);
    }
}
