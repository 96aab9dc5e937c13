//! Subqueries as values: `price > (SELECT AVG(price) FROM bids)`, `a OR EXISTS (...)`,
//! `id IN (SELECT ...) AS known`, `x >= ALL (SELECT ...)`.
//!
//! Each becomes a column behind those of the rows that it is asked for: what it gives is aggregated,
//! by what it is asked by if it names columns around it, and joined to the rows. Where it is
//! missing it is NULL, and a count 0.

use std::borrow::Cow;
use std::ops::ControlFlow;

use datafusion_expr::{lit, when};
use sabot_core::plan::{AggregateFunction, JoinKind};
use sqlparser::ast::{
    BinaryOperator, Expr, GroupByExpr, Ident, JoinConstraint, JoinOperator, Query, Select,
    SelectItem, Spanned, Value, VisitMut, VisitorMut,
};
use sqlparser::parser::Parser;

use super::correlated::{Dependent, all, attach, unlimited, without_over};
use super::{Membership, having, membership, pairs};
use crate::aggregate::{GroupScope, Times};
use crate::dialect::FlinkDialect;
use crate::error::{Position, Result, SqlError, start_of};
use crate::expr::{Binder, Bound, Meaning, has_part, integer, place_of, precedence};
use crate::functions::only;
use crate::grouping::check_key;
use crate::join::conjuncts;
use crate::query::{Queries, keep};
use crate::relation::{Base, Field, Relation, inlined};
use crate::select_list::output_name;
use crate::sums::check_extreme;

/// Subqueries that are columns of rows by now.
#[derive(Default)]
pub(crate) struct Known {
    /// With the columns' names.
    columns: Vec<(Expr, String)>,
    /// The rows without these columns: what subqueries are asked by is looked for there.
    around: Option<Relation>,
}

/// Whether an expression has a subquery as a value.
pub(crate) fn has_values(expr: &Expr) -> bool {
    has_part(expr, is_value)
}

/// Whether a column of a SELECT has a subquery as a value.
pub(super) fn selects_values(item: &SelectItem) -> bool {
    match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => has_values(expr),
        _ => false,
    }
}

/// An inner join without those of its conditions that have subqueries, and these: they are asked of
/// its rows.
pub(crate) fn without_subqueries(operator: &JoinOperator) -> (Cow<'_, JoinOperator>, Vec<&Expr>) {
    let (JoinOperator::Join(JoinConstraint::On(condition))
    | JoinOperator::Inner(JoinConstraint::On(condition))) = operator
    else {
        return (Cow::Borrowed(operator), Vec::new());
    };
    let (with, without): (Vec<&Expr>, Vec<&Expr>) =
        conjuncts(condition).into_iter().partition(|condition| has_values(condition));
    if with.is_empty() {
        return (Cow::Borrowed(operator), with);
    }
    let constraint = match all(without.into_iter().cloned()) {
        Some(condition) => JoinConstraint::On(condition),
        None => JoinConstraint::On(Expr::Value(Value::Boolean(true).with_empty_span())),
    };
    (Cow::Owned(JoinOperator::Inner(constraint)), with)
}

pub(super) fn is_value(expr: &Expr) -> bool {
    match expr {
        Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. } => true,
        Expr::IsTrue(_) => pairs::asked(expr).is_some(),
        Expr::AnyOp { right, .. } | Expr::AllOp { right, .. } => {
            matches!(right.as_ref(), Expr::Subquery(_))
        }
        _ => false,
    }
}

/// Gives a column of a SELECT the name that it has without its subqueries' columns.
pub(super) fn keep_name(item: &mut SelectItem, index: usize) {
    if let SelectItem::UnnamedExpr(expr) = item
        && has_values(expr)
    {
        let alias = Ident::with_span(expr.span(), output_name(expr, index));
        *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
    }
}

impl Queries<'_> {
    /// Makes the subqueries of an expression columns of `rows`, and names these instead.
    pub(crate) fn take_values(
        &self,
        rows: &mut Relation,
        expr: &mut impl VisitMut,
        known: &mut Known,
        at: Position,
    ) -> Result<()> {
        match expr.visit(&mut Taking { queries: self, rows, known, at }) {
            ControlFlow::Break(error) => Err(error),
            ControlFlow::Continue(()) => Ok(()),
        }
    }

    /// The rows for which a condition with subqueries as values is true.
    pub(crate) fn keep_by_values(
        &self,
        mut rows: Relation,
        condition: &Expr,
        known: &mut Known,
        at: Position,
    ) -> Result<Relation> {
        let mut condition = condition.clone();
        pairs::ask(&mut condition);
        self.take_values(&mut rows, &mut condition, known, at)?;
        keep(&mut rows, &condition, at)?;
        Ok(rows)
    }

    /// A SELECT whose subqueries as values are columns of `rows`.
    pub(crate) fn select_values<'s>(
        &self,
        select: &'s Select,
        rows: &mut Relation,
        known: &mut Known,
        at: Position,
    ) -> Result<Cow<'s, Select>> {
        let in_groups = matches!(&select.group_by,
            GroupByExpr::Expressions(list, _) if list.iter().any(has_values));
        if !in_groups && !select.projection.iter().any(selects_values) {
            return Ok(Cow::Borrowed(select));
        }
        let mut select = select.clone();
        for (index, item) in select.projection.iter_mut().enumerate() {
            keep_name(item, index);
            self.take_values(rows, item, known, at)?;
        }
        self.take_values(rows, &mut select.group_by, known, at)?;
        Ok(Cow::Owned(select))
    }

    /// The value of a subquery, over the columns that `rows` have then.
    fn value(
        &self,
        around: &Relation,
        rows: &mut Relation,
        expr: &Expr,
        at: Position,
    ) -> Result<Bound> {
        if let Some(found) = pairs::asked(expr).and_then(membership) {
            return self.contains_pairs(around, rows, &found, true, at);
        }
        if let Some(found) = membership(expr) {
            return match &found.tested {
                Some(tested) if pairs::is_tuple(tested) => {
                    self.contains_pairs(around, rows, &found, false, at)
                }
                None => self.exists(around, rows, &found, at),
                Some(tested) => self.contained(around, rows, tested, &found, at),
            };
        }
        match expr {
            Expr::Subquery(query) => self.scalar(around, rows, query, at),
            Expr::AnyOp { left, compare_op, right, .. } => {
                self.compared(around, rows, (left, compare_op, right), at)
            }
            Expr::AllOp { left, compare_op, right } => {
                let other = opposite(compare_op).ok_or_else(|| {
                    SqlError::new(at, format!("{compare_op} cannot stand before ALL"))
                })?;
                let any = self.compared(around, rows, (left, &other, right), at)?;
                computed(rows, &[("any", any)], "NOT `any`", at)
            }
            other => Err(SqlError::new(at, format!("{other} is no subquery"))),
        }
    }

    fn scalar(
        &self,
        around: &Relation,
        rows: &mut Relation,
        query: &Query,
        at: Position,
    ) -> Result<Bound> {
        if let Some(query) = having::or_null(query, at)
            && self.query(&query).is_err()
        {
            return self.scalar(around, rows, &query, at);
        }
        let dependent = self.dependent(query, around, at)?;
        if dependent.width() != 1 {
            return Err(SqlError::new(at, "a subquery as a value has one column"));
        }
        if dependent.is_whole && !dependent.keys.is_empty() {
            return whole(rows, dependent, at);
        }
        let Dependent { relation, keys, .. } = dependent;
        if keys.is_empty() && has_one_row(&relation.base) {
            return Ok(beside(rows, relation, &keys, at)?.swap_remove(0));
        }
        let value = relation.fields[0].value.clone().plain();
        let relation = grouped(&relation, &relation.fields[1..], at, |scope| {
            let nullable = value.nullable;
            let data_type = (value.data_type.clone(), nullable);
            // Rows that go are known to the least value alone.
            let function = match relation.base.is_updating() {
                true => check_extreme(&value, at).map(|()| AggregateFunction::Min)?,
                false => AggregateFunction::First,
            };
            let first = scope.register(function, Some((value, false)), None, data_type);
            Ok(vec![only(&first, &scope.count(None, false, None))])
        })?;
        Ok(beside(rows, relation, &keys, at)?.swap_remove(0))
    }

    fn exists(
        &self,
        around: &Relation,
        rows: &mut Relation,
        found: &Membership<'_>,
        at: Position,
    ) -> Result<Bound> {
        if let Some(query) = having::as_value(found.query, at)
            && self.query(&query).is_err()
        {
            let value = self.scalar(around, rows, &query, at)?;
            let condition = if found.negated { "`value` IS NOT TRUE" } else { "`value` IS TRUE" };
            return computed(rows, &[("value", value)], condition, at);
        }
        let query = without_over(found.query, at);
        let query = unlimited(query.as_ref().unwrap_or(found.query));
        let dependent = self.dependent(&query, around, at)?;
        let own = dependent.width();
        let Dependent { relation, keys, is_whole } = dependent;
        let condition = if found.negated { "COALESCE(n, 0) = 0" } else { "COALESCE(n, 0) > 0" };
        if is_whole {
            return computed(rows, &[("n", integer(1))], condition, at);
        }
        let counted = grouped(&relation, &relation.fields[own..], at, |scope| {
            Ok(vec![scope.count(None, false, None)])
        })?;
        let n = beside(rows, counted, &keys, at)?.swap_remove(0);
        computed(rows, &[("n", n)], condition, at)
    }

    /// `x IN (SELECT y ...)`: whether a row has this value, and else whether one has none.
    fn contained(
        &self,
        around: &Relation,
        rows: &mut Relation,
        tested: &Expr,
        found: &Membership<'_>,
        at: Position,
    ) -> Result<Bound> {
        let dependent = self.dependent(found.query, around, at)?;
        if dependent.width() != 1 {
            return Err(SqlError::new(at, "a subquery of IN with one value has one column"));
        }
        let Dependent { relation, keys, .. } = dependent;
        let hits = grouped(&relation, &relation.fields, at, |scope| {
            Ok(vec![scope.count(None, false, None)])
        })?;
        let by: Vec<Expr> = std::iter::once(tested.clone()).chain(keys.iter().cloned()).collect();
        let hits = beside(rows, hits, &by, at)?.swap_remove(0);
        let mut columns = Vec::new();
        let nullable = relation.fields[0].value.nullable || bind(rows, tested, at)?.nullable;
        let condition = if nullable {
            let value = relation.fields[0].value.clone().plain();
            let counted = grouped(&relation, &relation.fields[1..], at, |scope| {
                Ok(vec![
                    scope.count(None, false, None),
                    scope.count(Some(value.clone()), false, None),
                ])
            })?;
            // A column of the rows meanwhile, so that it is one of the join too.
            rows.fields.push(hidden(Field::HIDDEN, hits));
            let counts = beside(rows, counted, &keys, at)?;
            columns.extend(rows.fields.pop().map(|hits| ("hits", hits.value)));
            columns.extend(["n", "known"].into_iter().zip(counts));
            columns.push(("x", bind(rows, tested, at)?));
            "CASE WHEN hits > 0 THEN TRUE WHEN n > 0 AND (x IS NULL OR known < n) THEN \
             CAST(NULL AS BOOLEAN) ELSE FALSE END"
        } else {
            columns.push(("hits", hits));
            "COALESCE(hits, 0) > 0"
        };
        let value = computed(rows, &columns, condition, at)?;
        if found.negated {
            computed(rows, &[("value", value)], "NOT `value`", at)
        } else {
            Ok(value)
        }
    }

    /// `x < ANY (SELECT y ...)`: by the least and the greatest value.
    fn compared(
        &self,
        around: &Relation,
        rows: &mut Relation,
        (left, operator, right): (&Expr, &BinaryOperator, &Expr),
        at: Position,
    ) -> Result<Bound> {
        let Expr::Subquery(query) = right else {
            return Err(SqlError::new(at, "ANY and ALL take a subquery"));
        };
        let comparison = match operator {
            BinaryOperator::Lt => "x < high",
            BinaryOperator::LtEq => "x <= high",
            BinaryOperator::Gt => "x > low",
            BinaryOperator::GtEq => "x >= low",
            BinaryOperator::NotEq => "(x <> low OR x <> high)",
            other => return Err(SqlError::new(at, format!("{other} cannot stand before ANY"))),
        };
        let dependent = self.dependent(query, around, at)?;
        if dependent.width() != 1 {
            return Err(SqlError::new(at, "a subquery of ANY or ALL has one column"));
        }
        let Dependent { relation, keys, .. } = dependent;
        let value = relation.fields[0].value.clone().plain();
        check_extreme(&value, at)?;
        let counted = grouped(&relation, &relation.fields[1..], at, |scope| {
            let extreme = |function| {
                let data_type = (value.data_type.clone(), value.nullable);
                scope.register(function, Some((value.clone(), false)), None, data_type)
            };
            Ok(vec![
                scope.count(None, false, None),
                scope.count(Some(value.clone()), false, None),
                extreme(AggregateFunction::Min),
                extreme(AggregateFunction::Max),
            ])
        })?;
        let found = beside(rows, counted, &keys, at)?;
        let mut columns: Vec<(&str, Bound)> =
            ["n", "known", "low", "high"].into_iter().zip(found).collect();
        columns.push(("x", bind(rows, left, at)?));
        let condition = format!(
            "CASE WHEN COALESCE(n, 0) = 0 THEN FALSE WHEN {comparison} THEN TRUE \
             WHEN x IS NULL OR known < n THEN CAST(NULL AS BOOLEAN) ELSE FALSE END"
        );
        computed(rows, &columns, &condition, at)
    }
}

/// The value of a subquery that has one row for each of `rows`, also where it finds none.
fn whole(rows: &mut Relation, dependent: Dependent, at: Position) -> Result<Bound> {
    let Dependent { mut relation, keys, .. } = dependent;
    let value = relation.fields.remove(0).value;
    let Base::Group(node) = relation.base.clone() else {
        return Err(SqlError::new(at, "windows cannot stand in a subquery as a value"));
    };
    let mut names: Vec<String> =
        value.expr.column_refs().into_iter().map(|column| column.name.clone()).collect();
    names.sort_unstable();
    let of_group = |name: &String| {
        let field = node.schema.field_with_unqualified_name(name);
        let field = field.map_err(|error| SqlError::new(at, error.strip_backtrace()))?;
        let (data_type, nullable) = (field.data_type().clone(), field.is_nullable());
        let value = Bound::column(name, name.clone(), data_type, nullable);
        Ok(hidden(name, value))
    };
    let columns = names.iter().map(of_group).collect::<Result<Vec<Field>>>()?;
    relation.fields.splice(0..0, columns);
    let found = beside(rows, relation, &keys, at)?;
    let is_count = |name: &String| {
        let mut aggregates = node.aggregates.iter();
        aggregates.any(|a| a.name == *name && a.function == AggregateFunction::Count)
    };
    let mut columns: Vec<(String, Bound)> = Vec::new();
    for (name, mut column) in names.into_iter().zip(found) {
        if is_count(&name) {
            column.expr = when(column.expr.clone().is_not_null(), column.expr)
                .otherwise(lit(0_i64))
                .map_err(|error| SqlError::new(at, error.strip_backtrace()))?;
        }
        columns.push((name, column));
    }
    let expr = inlined(&value.expr, &columns);
    let text = format!("R.{}", value.text_within(precedence::ATOM));
    let (precedence, meaning) = (precedence::ATOM, Meaning::Plain);
    Ok(Bound { expr, text, precedence, meaning, nullable: true, ..value })
}

fn has_one_row(base: &Base) -> bool {
    match base {
        Base::Group(node) => node.keys.is_empty(),
        Base::Rank(node) => node.keys.is_empty() && node.limit == 1,
        _ => false,
    }
}

/// Aggregates of a relation by some of its columns: the aggregates, then these columns.
pub(super) fn grouped(
    input: &Relation,
    keys: &[Field],
    at: Position,
    aggregates: impl FnOnce(&GroupScope<'_>) -> Result<Vec<Bound>>,
) -> Result<Relation> {
    input.refuse_expanded(at)?;
    let input = Relation { window: None, ..input.clone() };
    let by: Vec<Bound> = keys.iter().map(|field| field.value.clone().plain()).collect();
    by.iter().try_for_each(|key| check_key(key, at))?;
    let scope = GroupScope::new(&input, by, at)?;
    let values = aggregates(&scope)?.into_iter();
    let mut fields: Vec<Field> = values.map(|value| hidden("$aggregate", value)).collect();
    fields.extend(keys.iter().map(|field| {
        let plain = field.value.clone().plain();
        Field { value: scope.key(&plain).unwrap_or(plain), ..field.clone() }
    }));
    Ok(Relation {
        base: scope.into_base(Times::default(), at)?,
        filter: None,
        fields,
        window: None,
    })
}

/// Joins the rows of a subquery to `rows`, if there are some: its columns then.
pub(super) fn beside(
    rows: &mut Relation,
    relation: Relation,
    keys: &[Expr],
    at: Position,
) -> Result<Vec<Bound>> {
    let width = rows.fields.len();
    let mut joined = attach(rows.clone(), relation, keys, JoinKind::Left, at)?;
    let columns = joined.fields.split_off(width);
    *rows = joined;
    Ok(columns.into_iter().map(|field| field.value).collect())
}

/// A column of no table.
fn hidden(name: &str, value: Bound) -> Field {
    Field { qualifier: None, name: name.to_owned(), value, at: None }
}

pub(super) fn bind(rows: &Relation, expr: &Expr, at: Position) -> Result<Bound> {
    Binder::new(rows, place_of(expr, at)).bind(expr)
}

/// An expression over columns of `rows` by other names.
pub(super) fn computed(
    rows: &Relation,
    columns: &[(&str, Bound)],
    expression: &str,
    at: Position,
) -> Result<Bound> {
    let columns = columns.iter().map(|(name, value)| hidden(name, value.clone()));
    let scope = Relation { fields: columns.collect(), ..rows.clone() };
    let expr = Parser::new(&FlinkDialect)
        .try_with_sql(expression)
        .and_then(|mut parser| parser.parse_expr())
        .map_err(|error| SqlError::from_parser(error, at))?;
    Binder::new(&scope, at).bind(&expr)
}

/// The comparison that is true where another is false.
fn opposite(operator: &BinaryOperator) -> Option<BinaryOperator> {
    Some(match operator {
        BinaryOperator::Eq => BinaryOperator::NotEq,
        BinaryOperator::NotEq => BinaryOperator::Eq,
        BinaryOperator::Lt => BinaryOperator::GtEq,
        BinaryOperator::LtEq => BinaryOperator::Gt,
        BinaryOperator::Gt => BinaryOperator::LtEq,
        BinaryOperator::GtEq => BinaryOperator::Lt,
        _ => return None,
    })
}

struct Taking<'a, 'c> {
    queries: &'a Queries<'c>,
    rows: &'a mut Relation,
    known: &'a mut Known,
    at: Position,
}

impl VisitorMut for Taking<'_, '_> {
    type Break = SqlError;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<SqlError> {
        if let Expr::Case { operand: None, conditions, .. } = expr {
            for when in conditions {
                pairs::ask(&mut when.condition);
            }
        }
        if !is_value(expr) {
            return ControlFlow::Continue(());
        }
        if let Some(tested) = pairs::tested_of(expr) {
            tested.visit(self)?;
        }
        let known = self.known.columns.iter().find(|(known, _)| known == expr);
        let name = match known {
            Some((_, name)) => name.clone(),
            None => {
                let around = self.known.around.get_or_insert_with(|| self.rows.clone()).clone();
                let place = start_of(expr.span()).unwrap_or(self.at);
                let value = match self.queries.value(&around, self.rows, expr, place) {
                    Ok(value) => value,
                    Err(error) => return ControlFlow::Break(error),
                };
                let others = self.rows.fields.iter().filter(|field| field.is_hidden()).count();
                let name = format!("{}{others}", Field::HIDDEN);
                self.rows.fields.push(hidden(&name, value));
                self.known.columns.push((expr.clone(), name.clone()));
                name
            }
        };
        *expr = Expr::Identifier(Ident::with_span(expr.span(), name));
        ControlFlow::Continue(())
    }
}
