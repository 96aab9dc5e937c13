//! `(begin, end) OVERLAPS (begin, end)`; an end can be an interval behind its begin.

use datafusion_expr::when;
use sqlparser::ast::{self, BinaryOperator};

use super::bind::Binder;
use super::bound::{Bound, precedence};
use super::{intervals, operator};
use crate::error::{Position, Result, SqlError};

/// Whether two periods have a moment in common, their ends included.
pub(super) fn overlaps(
    binder: &Binder<'_>,
    [left, right]: [&ast::Expr; 2],
    at: Position,
) -> Result<Bound> {
    let (left, right) = (Period::of(binder, left, at)?, Period::of(binder, right, at)?);
    let text = format!("{} OVERLAPS {}", left.text, right.text);
    let reaches = |end, begin| operator::binary(binder, end, &BinaryOperator::GtEq, begin, at);
    let (of_left, of_right) = (reaches(left.end, right.begin)?, reaches(right.end, left.begin)?);
    let both = operator::binary(binder, of_left, &BinaryOperator::And, of_right, at)?;
    Ok(Bound { text, precedence: precedence::COMPARISON, ..both })
}

/// Between two moments.
struct Period {
    /// The earlier one.
    begin: Bound,
    /// The later one.
    end: Bound,
    text: String,
}

impl Period {
    fn of(binder: &Binder<'_>, expr: &ast::Expr, at: Position) -> Result<Self> {
        let ast::Expr::Tuple(ends) = expr else { return Err(no_period(at)) };
        let [first, second] = ends.as_slice() else { return Err(no_period(at)) };
        let (first, mut second) = (binder.bind(first)?.plain(), binder.bind(second)?.plain());
        let text = format!("({}, {})", first.text, second.text);
        if intervals::is_one(&second.data_type) {
            second = operator::binary(binder, first.clone(), &BinaryOperator::Plus, second, at)?;
        }
        if first.data_type != second.data_type || !first.data_type.is_temporal() {
            return Err(no_period(at));
        }
        let [one, other] = [first.clone(), second.clone()];
        let in_order = operator::binary(binder, one, &BinaryOperator::LtEq, other, at)?;
        let chosen = |then: &Bound, other: &Bound| -> Result<Bound> {
            let expr = when(in_order.expr.clone(), then.expr.clone()).otherwise(other.expr.clone());
            let expr = expr.map_err(|_| no_period(at))?;
            Ok(Bound { expr, nullable: first.nullable || second.nullable, ..then.clone() })
        };
        Ok(Self { begin: chosen(&first, &second)?, end: chosen(&second, &first)?, text })
    }
}

fn no_period(at: Position) -> SqlError {
    SqlError::new(at, "OVERLAPS is between two periods")
        .hint("write (begin, end) OVERLAPS (begin, INTERVAL '1' DAY), of times of one type")
}
