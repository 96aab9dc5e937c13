//! Subqueries. `IN (SELECT ...)` and `EXISTS (SELECT ...)` in WHERE are semi and anti joins.
//!
//! Conditions of a plain SELECT that name columns of the query around it become those of the join;
//! any other subquery that does so is made one that does not (`correlated`). Subqueries as values
//! become columns (`values`), those in FROM are joined (`lateral`).

mod beside_groups;
mod correlated;
mod having;
mod in_from;
mod lateral;
mod pairs;
mod values;

use datafusion_common::DFSchemaRef;
use datafusion_expr::Operator;
use sabot_core::plan::JoinKind;
use sqlparser::ast::{
    BinaryOperator, Expr, Ident, Query, Select, SelectItem, SetExpr, Spanned, UnaryOperator,
};

use crate::ambient;
use crate::error::{Position, Result, SqlError, start_of};
use crate::expr::{Binder, Bound, Scope, boolean, place_of, precedence};
use crate::grouping::{aggregates, group_by};
use crate::join::{conjuncts, equality, hold_on, pair};
use crate::over::has_over;
use crate::query::{Queries, keep};
use crate::relation::{Field, Relation};
use crate::select_list::select_list;
use crate::sort::is_sorted;

use correlated::{Dependent, attach, without_over};
pub(crate) use lateral::Lateral;
pub(crate) use values::{Known, has_values, without_subqueries};

/// A condition that rows with, or without, partners in a subquery fulfil.
pub(crate) struct Membership<'e> {
    negated: bool,
    /// What has to be equal to the subquery's columns; none for EXISTS.
    tested: Option<&'e Expr>,
    query: &'e Query,
}

/// The condition, if it is one over a subquery.
pub(crate) fn membership(condition: &Expr) -> Option<Membership<'_>> {
    match condition {
        Expr::Nested(inner) => membership(inner),
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => {
            membership(expr).map(|found| Membership { negated: !found.negated, ..found })
        }
        Expr::Exists { subquery, negated } => {
            Some(Membership { negated: *negated, tested: None, query: subquery })
        }
        Expr::InSubquery { expr, subquery, negated } => {
            Some(Membership { negated: *negated, tested: Some(expr), query: subquery })
        }
        Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, .. } => match right.as_ref() {
            Expr::Subquery(query) => Some(Membership { negated: false, tested: Some(left), query }),
            _ => None,
        },
        Expr::AllOp { left, compare_op: BinaryOperator::NotEq, right } => match right.as_ref() {
            Expr::Subquery(query) => Some(Membership { negated: true, tested: Some(left), query }),
            _ => None,
        },
        _ => None,
    }
}

/// A subquery, as far as it is resolved without the query around it.
struct Inner<'e> {
    relation: Relation,
    /// Its columns.
    selected: Vec<Field>,
    /// Its conditions that need the query around it.
    correlated: Vec<&'e Expr>,
    /// A SELECT list that is of no interest, but has to be right.
    listed: &'e [SelectItem],
}

impl Queries<'_> {
    /// The rows of `outer` for which the condition is true.
    pub(crate) fn keep_members(
        &self,
        mut outer: Relation,
        condition: &Membership<'_>,
        at: Position,
    ) -> Result<Relation> {
        if let Some(tested) = condition.tested.filter(|tested| has_values(tested)) {
            let mut tested = tested.clone();
            self.take_values(&mut outer, &mut tested, &mut Known::default(), at)?;
            let condition = Membership { tested: Some(&tested), ..*condition };
            return self.keep_members(outer, &condition, at);
        }
        if condition.tested.is_none()
            && let Some(query) = without_over(condition.query, at)
        {
            return self.keep_members(outer, &Membership { query: &query, ..*condition }, at);
        }
        let at = start_of(condition.query.span()).unwrap_or(at);
        match self.members(&outer, condition, at) {
            Err(error) => self.dependent_members(outer, condition, error, at),
            found => found,
        }
    }

    /// The same, where only conditions of a subquery that does nothing else name columns around it.
    fn members(
        &self,
        outer: &Relation,
        condition: &Membership<'_>,
        at: Position,
    ) -> Result<Relation> {
        let Membership { negated, tested, query } = condition;
        let Inner { mut relation, selected, correlated, listed } =
            self.inner(query, tested.is_some(), at)?;
        let tested = condition.tested(selected.len(), at)?;
        let (outer_fields, inner_fields) = (outer.fields.len(), relation.fields.len());
        relation.fields.extend(selected);
        let mut joined = pair(outer.clone(), relation, condition.kind(), at)?;
        let selected = joined.fields.split_off(outer_fields + inner_fields);
        let inner = Relation { fields: joined.fields.split_off(outer_fields), ..joined.clone() };
        let scope = Correlated { inner, outer: joined.clone() };
        hold_equal(&mut joined, tested, selected, *negated, at)?;
        for condition in correlated {
            let place = place_of(condition, at);
            let bound = boolean(Binder::new(&scope, place).bind(condition)?, "WHERE", place)?;
            ambient::refuse(&bound, "a condition of EXISTS and IN", place)?;
            hold_on(&mut joined, bound);
        }
        select_list(listed, &scope, Some(&scope.inner.fields), at)?;
        Ok(joined)
    }

    /// The same, where that is not all, because of `error`.
    fn dependent_members(
        &self,
        outer: Relation,
        condition: &Membership<'_>,
        error: SqlError,
        at: Position,
    ) -> Result<Relation> {
        if having::is_of_all(condition.query, at)
            && (condition.tested.is_none() || !condition.negated)
        {
            // Without a group there is no row, and nothing is equal to it.
            return self.keep_by_values(outer, &condition.of_one_row(), &mut Known::default(), at);
        }
        let query = match condition.tested {
            None => correlated::unlimited(condition.query),
            Some(_) => condition.query.clone(),
        };
        let dependent = self.correlated(&query, &outer, error, at)?;
        if dependent.is_whole {
            return self.keep_by_values(outer, &condition.of_one_row(), &mut Known::default(), at);
        }
        let width = outer.fields.len();
        let tested = condition.tested(dependent.width(), at)?;
        let Dependent { relation, keys, .. } = dependent;
        let mut joined = attach(outer, relation, &keys, condition.kind(), at)?;
        let selected = joined.fields.split_off(width);
        hold_equal(&mut joined, tested, selected, condition.negated, at)?;
        Ok(joined)
    }

    fn inner<'e>(&self, query: &'e Query, is_in: bool, at: Position) -> Result<Inner<'e>> {
        let Some(select) = plain_select(query, at)? else {
            let relation = self.query(query)?;
            let selected = if is_in { relation.fields.clone() } else { Vec::new() };
            return Ok(Inner { relation, selected, correlated: Vec::new(), listed: &[] });
        };
        let (relation, correlated) = self.chosen(query, select, at)?;
        if !is_in {
            let listed = &select.projection;
            return Ok(Inner { relation, selected: Vec::new(), correlated, listed });
        }
        let selected = select_list(&select.projection, &relation, Some(&relation.fields), at)?;
        Ok(Inner { relation, selected, correlated, listed: &[] })
    }

    /// The rows of a plain SELECT, and its conditions that need the query around it.
    fn chosen<'e>(
        &self,
        query: &Query,
        select: &'e Select,
        at: Position,
    ) -> Result<(Relation, Vec<&'e Expr>)> {
        Self::refuse_clauses(query, at)?;
        let mut conditions = select.selection.as_ref().map(conjuncts).unwrap_or_default();
        let ttl = self.ttl_of(select)?;
        let mut relation = self.tables(&select.from, &mut conditions, &ttl, at)?;
        ttl.check_used(&relation)?;
        let mut correlated = Vec::new();
        for condition in &conditions {
            if membership(condition).is_some() {
                continue;
            }
            if has_values(condition) {
                relation = self.keep_by_values(relation, condition, &mut Known::default(), at)?;
            } else if keep(&mut relation, condition, at).is_err() {
                correlated.push(*condition);
            }
        }
        for membership in conditions.into_iter().filter_map(membership) {
            relation = self.keep_members(relation, &membership, at)?;
        }
        Ok((relation, correlated))
    }
}

impl<'e> Membership<'e> {
    fn kind(&self) -> JoinKind {
        if self.negated { JoinKind::LeftAnti } else { JoinKind::LeftSemi }
    }

    /// What is compared with so many columns.
    fn tested(&self, columns: usize, at: Position) -> Result<Vec<&'e Expr>> {
        let Some(tested) = self.tested else { return Ok(Vec::new()) };
        let tested = values_of(tested);
        if columns != tested.len() {
            let message = format!(
                "the subquery of IN has {columns} columns where {} are compared",
                tested.len()
            );
            return Err(SqlError::new(at, message));
        }
        Ok(tested)
    }

    /// The condition, where the subquery has one row.
    fn of_one_row(&self) -> Expr {
        let Some(tested) = self.tested else {
            let (subquery, negated) = (Box::new(self.query.clone()), self.negated);
            return Expr::Exists { subquery, negated };
        };
        Expr::BinaryOp {
            left: Box::new(tested.clone()),
            op: if self.negated { BinaryOperator::NotEq } else { BinaryOperator::Eq },
            right: Box::new(Expr::Subquery(Box::new(self.query.clone()))),
        }
    }
}

/// Says of rows that they are partners where the values are equal, or may be.
fn hold_equal(
    joined: &mut Relation,
    tested: Vec<&Expr>,
    selected: Vec<Field>,
    negated: bool,
    at: Position,
) -> Result<()> {
    let scope = joined.clone();
    for (tested, field) in tested.into_iter().zip(selected) {
        let place = place_of(tested, at);
        let tested = Binder::new(&scope, place).bind(tested)?;
        let equal = equality(&scope, tested.clone(), field.value.clone(), place)?;
        let partners = if negated { not_different(equal, &[tested, field.value]) } else { equal };
        hold_on(joined, partners);
    }
    Ok(())
}

/// The SELECT that a query is, if all it does is to choose rows.
fn plain_select(query: &Query, at: Position) -> Result<Option<&Select>> {
    let SetExpr::Select(select) = query.body.as_ref() else { return Ok(None) };
    let plain = query.with.is_none()
        && !is_sorted(query)
        && select.qualify.is_none()
        && select.named_window.is_empty()
        && group_by(&select.group_by, at)?.0.is_empty()
        && !aggregates(select, at)
        && !has_over(select);
    Ok(plain.then_some(select))
}

/// What is compared: `a`, or `(a, b)`.
fn values_of(tested: &Expr) -> Vec<&Expr> {
    match tested {
        Expr::Tuple(values) => values.iter().collect(),
        Expr::Nested(inner) => values_of(inner),
        other => vec![other],
    }
}

/// Whether values are not known to differ: for `NOT IN`, a null is a partner of everything.
fn not_different(equal: Bound, values: &[Bound]) -> Bound {
    values.iter().filter(|value| value.nullable).fold(equal, |condition, value| Bound {
        text: format!(
            "{} OR {} IS NULL",
            condition.text_within(precedence::OR),
            value.text_within(precedence::COMPARISON + 1)
        ),
        expr: datafusion_expr::binary_expr(
            condition.expr,
            Operator::Or,
            value.expr.clone().is_null(),
        ),
        precedence: precedence::OR,
        ..condition
    })
}

/// Names inside a subquery: its own, then those of the query around it.
struct Correlated {
    inner: Relation,
    outer: Relation,
}

impl Scope for Correlated {
    fn column(&self, qualifier: Option<&Ident>, name: &Ident, at: Position) -> Result<Bound> {
        self.inner.column(qualifier, name, at).or_else(|error| {
            let known = self.inner.fields.iter().any(|field| field.name == name.value);
            if known && qualifier.is_none() {
                return Err(error);
            }
            let of_outer = |table: &Ident| {
                let table = Some(table.value.as_str());
                self.outer.fields.iter().any(|field| field.qualifier.as_deref() == table)
            };
            self.outer
                .column(qualifier, name, at)
                .map_err(|unknown| if qualifier.is_some_and(of_outer) { unknown } else { error })
        })
    }

    fn schema(&self) -> DFSchemaRef {
        self.outer.schema()
    }
}
