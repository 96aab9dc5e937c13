//! `(a, b) IN (SELECT x, y ...)` within an expression.
//!
//! Where a value can be NULL it is not told whether a row without an equal one has none, or an unknown
//! one: as a condition both are the same, and as a value it is refused, as by Flink.

use sqlparser::ast::{BinaryOperator, Expr};

use super::correlated::Dependent;
use super::values::{beside, bind, computed, grouped};
use super::{Membership, values_of};
use crate::error::{Position, Result, SqlError};
use crate::expr::Bound;
use crate::query::Queries;
use crate::relation::Relation;

/// Marks such conditions where a NULL is as good as FALSE.
pub(super) fn ask(condition: &mut Expr) {
    match condition {
        Expr::Nested(inner) => ask(inner),
        Expr::BinaryOp { left, op: BinaryOperator::And | BinaryOperator::Or, right } => {
            ask(left);
            ask(right);
        }
        Expr::InSubquery { expr, negated: false, .. } if is_tuple(expr) => {
            *condition = Expr::IsTrue(Box::new(condition.clone()));
        }
        _ => {}
    }
}

/// The condition that a marked one is.
pub(super) fn asked(expr: &Expr) -> Option<&Expr> {
    let Expr::IsTrue(inner) = expr else { return None };
    let mut inner = inner.as_ref();
    while let Expr::Nested(nested) = inner {
        inner = nested;
    }
    match inner {
        Expr::InSubquery { expr, .. } if is_tuple(expr) => Some(inner),
        _ => None,
    }
}

/// What is compared with a subquery's rows: it can have subqueries itself.
pub(super) fn tested_of(expr: &mut Expr) -> Option<&mut Expr> {
    match expr {
        Expr::IsTrue(inner) | Expr::Nested(inner) => tested_of(inner),
        Expr::InSubquery { expr: tested, .. }
        | Expr::AnyOp { left: tested, .. }
        | Expr::AllOp { left: tested, .. } => Some(tested),
        _ => None,
    }
}

/// Whether several values are compared.
pub(super) fn is_tuple(tested: &Expr) -> bool {
    values_of(tested).len() > 1
}

impl Queries<'_> {
    /// Whether the subquery has a row with the values; `known` says that it is not asked for a NULL.
    pub(super) fn contains_pairs(
        &self,
        around: &Relation,
        rows: &mut Relation,
        found: &Membership<'_>,
        known: bool,
        at: Position,
    ) -> Result<Bound> {
        let Dependent { relation, keys, .. } = self.dependent(found.query, around, at)?;
        let own = relation.fields.len() - keys.len();
        let tested = found.tested(own, at)?;
        let mut nullable = relation.fields[..own].iter().any(|field| field.value.nullable);
        for value in &tested {
            nullable |= bind(rows, value, at)?.nullable;
        }
        if nullable && (!known || found.negated) {
            let what = "IN with several columns that can be NULL, as a value,";
            return Err(SqlError::new(at, format!("{what} is not supported yet")).hint(
                "write it as a condition: in WHERE, in CASE WHEN, or with IS TRUE behind it",
            ));
        }
        let hits = grouped(&relation, &relation.fields, at, |scope| {
            Ok(vec![scope.count(None, false, None)])
        })?;
        let by: Vec<Expr> = tested.into_iter().chain(&keys).cloned().collect();
        let hits = beside(rows, hits, &by, at)?.swap_remove(0);
        let condition = if found.negated { "COALESCE(n, 0) = 0" } else { "COALESCE(n, 0) > 0" };
        computed(rows, &[("n", hits)], condition, at)
    }
}
