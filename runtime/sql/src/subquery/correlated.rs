//! Subqueries that name columns of the query around them, as queries of their own: what they are
//! asked by becomes columns of theirs, by which they are joined to the query around them.

use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Expr, GroupByExpr, Ident, LimitClause, ObjectName, Query, Select, SelectItem,
    SetExpr, Spanned, TableFactor, TableWithJoins, UnaryOperator, Value, VisitMut, VisitorMut,
    WindowType,
};
use sqlparser::tokenizer::Span;

use super::in_from::without_with;
use super::values::has_values;
use crate::error::{Position, Result, SqlError};
use crate::expr::{Binder, has_part, place_of};
use crate::grouping::{aggregates, distinct, group_by};
use crate::join::{conjuncts, equality, hold_on, pair};
use crate::over::has_over;
use crate::query::{Queries, unsupported};
use crate::relation::{Field, Relation};
use crate::sort::{FirstOfEach, is_sorted};
use sabot_core::plan::JoinKind;

/// The name that the values of the query around a subquery have in it.
const OUTER: &str = "$outer";

/// A subquery, resolved for all rows of the query around it.
pub(crate) struct Dependent {
    /// The subquery's columns, then those that have to be equal to `keys`.
    pub relation: Relation,
    /// Over the query around it.
    pub keys: Vec<Expr>,
    /// Whether there is one row for each of the query around it, also where it finds none: it
    /// aggregates without GROUP BY.
    pub is_whole: bool,
}

impl Dependent {
    /// How many columns the subquery has itself.
    pub(crate) fn width(&self) -> usize {
        self.relation.fields.len() - self.keys.len()
    }
}

impl Queries<'_> {
    /// A subquery, which may name columns of `outer`.
    pub(crate) fn dependent(
        &self,
        query: &Query,
        outer: &Relation,
        at: Position,
    ) -> Result<Dependent> {
        match self.query(query) {
            Ok(relation) => {
                let is_whole =
                    select_of(query).is_some_and(|select| is_whole(select, at)) && !limits(query);
                Ok(Dependent { relation, keys: Vec::new(), is_whole })
            }
            Err(error) => self.correlated(query, outer, error, at),
        }
    }

    /// A subquery that cannot be resolved by itself, because of `error`.
    pub(crate) fn correlated(
        &self,
        query: &Query,
        outer: &Relation,
        error: SqlError,
        at: Position,
    ) -> Result<Dependent> {
        if let Some((queries, query)) = self.without_with(query) {
            return queries.correlated(&query, outer, error, at);
        }
        if query.with.is_some() {
            return self.correlated(&without_with(query), outer, error, at);
        }
        let query = without_parentheses(query);
        let Some(select) = select_of(query) else { return Err(error) };
        let first = FirstOfEach::of(query, at)?.filter(|_| select.distinct.is_none());
        let ordered = first.as_ref().map(|first| first.ordered(select));
        let select = ordered.as_ref().unwrap_or(select);
        let mut found = match self.beside_from(select, outer, at)? {
            Some(beside) => beside.resolve(outer, at)?,
            None => match self.by_keys(select, outer, at) {
                Some(found) => found,
                None => self.by_rows(select, outer, error, at)?,
            },
        };
        if let Some(first) = &first {
            found.relation = first.rows(found.relation.expanded(at)?, found.keys.len())?;
        } else if limits(query) {
            let what = "LIMIT without ORDER BY in a subquery that names columns around it";
            return Err(unsupported(what, at)
                .hint("number its rows with ROW_NUMBER() OVER (PARTITION BY ...) and join them"));
        }
        let by_nothing = group_by(&select.group_by, at)?.0.is_empty();
        if let Some(having) = select.having.as_ref().filter(|_| by_nothing) {
            // It can be true of no rows, of which there is no group.
            let what = "HAVING without GROUP BY in a subquery that names columns around it";
            return Err(unsupported(what, place_of(having, at))
                .hint("compare the subquery's value: (SELECT COUNT(*) FROM ...) > 1"));
        }
        if has_over(select) && (first.is_some() || !select.named_window.is_empty()) {
            let what = "a named window, or ORDER BY beside OVER, in a subquery that names columns around it";
            return Err(unsupported(what, at).hint(
                "write the window behind OVER, or join the rows and use OVER around the join",
            ));
        }
        Ok(found)
    }

    /// A query without its WITH, and what resolves it; none where it has none, or one that names columns
    /// around it.
    fn without_with(&self, query: &Query) -> Option<(Self, Query)> {
        let queries = self.with_tables(query).ok().flatten()?;
        Some((queries, Query { with: None, ..query.clone() }))
    }

    /// A subquery in which only equalities of WHERE name columns of `outer`.
    pub(super) fn by_keys(
        &self,
        select: &Select,
        outer: &Relation,
        at: Position,
    ) -> Option<Dependent> {
        let conditions = select.selection.as_ref().map(conjuncts)?;
        let ttl = self.ttl_of(select).ok()?;
        let rows = self.tables(&select.from, &mut conditions.clone(), &ttl, at).ok()?;
        let (mut own, mut columns, mut keys) = (Vec::new(), Vec::new(), Vec::new());
        for condition in conditions {
            if has_values(condition) || is_of(&rows, condition, at) {
                own.push(condition.clone());
                continue;
            }
            let (column, key) = sides(condition, &rows, outer, at)?;
            columns.push(column.clone());
            keys.push(key.clone());
        }
        if keys.is_empty() {
            return None;
        }
        let select_by_keys = keyed(Select { selection: all(own), ..select.clone() }, &columns, at);
        let relation = self.select(&select_by_keys).ok()?;
        Some(Dependent { relation, keys, is_whole: is_whole(select, at) })
    }

    /// A subquery beside each of the different values of `outer` that it names.
    pub(super) fn by_rows(
        &self,
        select: &Select,
        outer: &Relation,
        error: SqlError,
        at: Position,
    ) -> Result<Dependent> {
        let ttl = self.ttl_of(select)?;
        let rows = self.tables(&select.from, &mut Vec::new(), &ttl, at).ok();
        let mut inner = select.clone();
        let mut named = Named::new(rows.as_ref(), outer, at);
        let from = std::mem::take(&mut inner.from);
        let _ = inner.visit(&mut named);
        let keys = named.columns;
        inner.from = from;
        if let Some(wrong) = named.wrong {
            return Err(wrong);
        }
        if keys.is_empty() {
            return Err(error);
        }
        if let Some(wrong) = selected(&inner).find(|expr| is_whole(select, at) && names_outer(expr))
        {
            // Where it finds nothing there is no group to take the value from.
            let what = "a column around a subquery beside its aggregates";
            return Err(
                unsupported(what, place_of(wrong, at)).hint("use it outside of the subquery")
            );
        }
        let around = outer.clone().expanded(at)?;
        let mut fields = Vec::new();
        for (index, key) in keys.iter().enumerate() {
            let value = Binder::new(&around, place_of(key, at)).bind(key)?;
            fields.push(Field { qualifier: None, name: column_name(index), value, at: None });
        }
        if fields.iter().any(|field| field.value.nullable) {
            refuse_known(select.selection.as_ref(), inner.selection.as_ref(), at)?;
            let mut others = inner.having.iter().chain(selected(&inner));
            if let Some(wrong) = others.find(|expr| names_outer(expr)) {
                let what = "a column around a subquery that can be NULL, outside of its WHERE,";
                return Err(
                    unsupported(what, place_of(wrong, at)).hint("use it outside of the subquery")
                );
            }
        }
        let values = distinct(Relation { fields, window: None, ..around }, None, at)?;
        let queries = self.with_named(OUTER, values);
        inner.from.insert(0, table(OUTER));
        let columns: Vec<Expr> =
            (0..keys.len()).map(|index| outer_column(Span::empty(), index)).collect();
        let relation = queries.select(&keyed(inner, &columns, at))?;
        Ok(Dependent { relation, keys, is_whole: is_whole(select, at) })
    }
}

/// Joins a subquery's rows to those that have its keys: the columns of `outer`, then its own.
pub(crate) fn attach(
    outer: Relation,
    relation: Relation,
    keys: &[Expr],
    kind: JoinKind,
    at: Position,
) -> Result<Relation> {
    let (width, own) = (outer.fields.len(), relation.fields.len() - keys.len());
    let mut joined = pair(outer, relation, kind, at)?;
    let columns = joined.fields.split_off(width + own);
    let mut scope = joined.clone();
    scope.fields.truncate(width);
    for (key, column) in keys.iter().zip(columns) {
        let place = place_of(key, at);
        let key = Binder::new(&scope, place).bind(key)?;
        let equal = equality(&scope, key, column.value, place)?;
        hold_on(&mut joined, equal);
    }
    Ok(joined)
}

/// The SELECT that a query is.
pub(super) fn select_of(query: &Query) -> Option<&Select> {
    match query.body.as_ref() {
        _ if query.with.is_some() => None,
        SetExpr::Select(select) => Some(select),
        SetExpr::Query(inner) if !is_sorted(query) => select_of(inner),
        _ => None,
    }
}

fn without_parentheses(query: &Query) -> &Query {
    match query.body.as_ref() {
        SetExpr::Query(inner) if query.with.is_none() && !is_sorted(query) => {
            without_parentheses(inner)
        }
        _ => query,
    }
}

/// A query for EXISTS without what OVER computes of its rows, which it has whatever that is; none where
/// there is no OVER, or one of the row that aggregates without GROUP BY have.
pub(super) fn without_over(query: &Query, at: Position) -> Option<Query> {
    let select = select_of(query).filter(|select| has_over(select) && select.qualify.is_none())?;
    let by_nothing = group_by(&select.group_by, at).ok()?.0.is_empty();
    if by_nothing && aggregates(select, at) {
        return None;
    }
    let one = Expr::Value(Value::Number("1".to_owned(), false).with_empty_span());
    let projection = vec![SelectItem::UnnamedExpr(one)];
    let select = Select { projection, named_window: Vec::new(), ..select.clone() };
    Some(Query { body: Box::new(SetExpr::Select(Box::new(select))), ..query.clone() })
}

/// A query for EXISTS, which neither an order nor a limit that lets a row through is anything to.
pub(super) fn unlimited(query: &Query) -> Query {
    let lets_one_through = match &query.limit_clause {
        None => true,
        Some(LimitClause::LimitOffset { limit, offset: None, .. }) => {
            limit.as_ref().is_none_or(|limit| limit.to_string() != "0")
        }
        Some(_) => false,
    };
    if !lets_one_through || query.fetch.is_some() {
        return query.clone();
    }
    Query { order_by: None, limit_clause: None, ..query.clone() }
}

fn limits(query: &Query) -> bool {
    query.limit_clause.is_some() || query.fetch.is_some()
}

/// The expressions of a SELECT list.
fn selected(select: &Select) -> impl Iterator<Item = &Expr> {
    select.projection.iter().filter_map(|item| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
        _ => None,
    })
}

/// Whether a SELECT has one row, whatever it reads.
pub(super) fn is_whole(select: &Select, at: Position) -> bool {
    let by_nothing = group_by(&select.group_by, at).is_ok_and(|(list, _)| list.is_empty());
    by_nothing && select.having.is_none() && aggregates(select, at)
}

fn is_of(scope: &Relation, expr: &Expr, at: Position) -> bool {
    Binder::new(scope, at).bind(expr).is_ok()
}

/// The sides of an equality: a value of `rows`, and one of `outer`.
fn sides<'e>(
    condition: &'e Expr,
    rows: &Relation,
    outer: &Relation,
    at: Position,
) -> Option<(&'e Expr, &'e Expr)> {
    let Expr::BinaryOp { left, op: BinaryOperator::Eq, right } = condition else {
        return None;
    };
    let fits = |own: &Expr, other: &Expr| {
        is_of(rows, own, at) && !is_of(rows, other, at) && is_of(outer, other, at)
    };
    if fits(left, right) { Some((left, right)) } else { fits(right, left).then_some((right, left)) }
}

/// All conditions as one.
pub(super) fn all(conditions: impl IntoIterator<Item = Expr>) -> Option<Expr> {
    conditions.into_iter().reduce(|left, right| Expr::BinaryOp {
        left: Box::new(Expr::Nested(Box::new(left))),
        op: BinaryOperator::And,
        right: Box::new(Expr::Nested(Box::new(right))),
    })
}

/// A SELECT with columns behind its own, and by them.
pub(super) fn keyed(mut select: Select, columns: &[Expr], at: Position) -> Select {
    let grouped = aggregates(&select, at)
        || group_by(&select.group_by, at).is_ok_and(|(list, _)| !list.is_empty());
    for (index, column) in columns.iter().enumerate() {
        let alias = Ident::new(format!("$key{index}"));
        select.projection.push(SelectItem::ExprWithAlias { expr: column.clone(), alias });
    }
    // What OVER computes is of the rows of one row of the query around it as well.
    let _ = select.projection.visit(&mut Partitioned(columns));
    if grouped && let GroupByExpr::Expressions(list, _) = &mut select.group_by {
        list.extend_from_slice(columns);
    }
    select
}

/// Puts columns behind those that windows are partitioned by.
struct Partitioned<'a>(&'a [Expr]);

impl VisitorMut for Partitioned<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr
            && let Some(WindowType::WindowSpec(spec)) = &mut function.over
        {
            spec.partition_by.extend_from_slice(self.0);
        }
        ControlFlow::Continue(())
    }
}

/// A table of this name, as FROM has it.
pub(super) fn table(name: &str) -> TableWithJoins {
    let relation = TableFactor::Table {
        name: ObjectName::from(vec![Ident::new(name)]),
        alias: None,
        args: None,
        with_hints: Vec::new(),
        version: None,
        with_ordinality: false,
        partitions: Vec::new(),
        json_path: None,
        sample: None,
        index_hints: Vec::new(),
    };
    TableWithJoins { relation, joins: Vec::new() }
}

fn column_name(index: usize) -> String {
    format!("$column{index}")
}

/// A column of [`OUTER`], in the place of another.
fn outer_column(place: Span, index: usize) -> Expr {
    let part = |name: &str| Ident::with_span(place, name);
    Expr::CompoundIdentifier(vec![part(OUTER), part(&column_name(index))])
}

/// Puts columns of [`OUTER`] in the place of those of the query around a subquery.
struct Named<'a> {
    /// What the subquery reads, if that can be told without the query around it.
    rows: Option<&'a Relation>,
    outer: &'a Relation,
    at: Position,
    columns: Vec<Expr>,
    /// Of how many further subqueries it is within.
    depth: usize,
    /// What is wrong with a column of a table of the query around it.
    wrong: Option<SqlError>,
}

impl<'a> Named<'a> {
    fn new(rows: Option<&'a Relation>, outer: &'a Relation, at: Position) -> Self {
        Self { rows, outer, at, columns: Vec::new(), depth: 0, wrong: None }
    }

    fn is_outer(&mut self, column: &Expr) -> bool {
        if self.rows.is_some_and(|rows| is_of(rows, column, self.at)) {
            return false;
        }
        let by_table = match column {
            Expr::CompoundIdentifier(parts) => parts.first().is_some_and(|table| {
                let has = |rows: &Relation| {
                    rows.fields.iter().any(|field| field.qualifier.as_ref() == Some(&table.value))
                };
                has(self.outer) && !self.rows.is_some_and(has)
            }),
            _ => false,
        };
        // Further subqueries have tables of their own, which a name alone may be a column of.
        if !by_table && (self.depth > 0 || self.rows.is_none()) {
            return false;
        }
        match Binder::new(self.outer, place_of(column, self.at)).bind(column) {
            Ok(_) => true,
            Err(error) => {
                if by_table && self.depth == 0 {
                    self.wrong.get_or_insert(error);
                }
                false
            }
        }
    }
}

impl VisitorMut for Named<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let is_column = matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
        if is_column && self.is_outer(expr) {
            let known = self.columns.iter().position(|column| column == expr);
            let index = known.unwrap_or_else(|| {
                self.columns.push(expr.clone());
                self.columns.len() - 1
            });
            *expr = outer_column(expr.span(), index);
        }
        ControlFlow::Continue(())
    }
}

/// Refuses conditions that can be true for a NULL of the query around a subquery, since no equality
/// would find the rows for it again.
fn refuse_known(written: Option<&Expr>, named: Option<&Expr>, at: Position) -> Result<()> {
    let (Some(written), Some(named)) = (written, named) else { return Ok(()) };
    let parts = conjuncts(written).into_iter().zip(conjuncts(named));
    let wrong = parts.into_iter().find(|(written, named)| written != named && !rejects_null(named));
    match wrong {
        None => Ok(()),
        Some((written, _)) => {
            let place = place_of(written, at);
            Err(unsupported("a condition that may be true for a NULL of the query around it", place)
                .hint("compare its columns with =, <, > and their like, or add IS NOT NULL around the subquery"))
        }
    }
}

/// Whether a condition is not true where a column of [`OUTER`] is NULL.
fn rejects_null(condition: &Expr) -> bool {
    let Expr::Exists { subquery, negated: false } = condition else { return is_strict(condition) };
    let Some(select) = select_of(subquery) else { return false };
    let has = |condition: &&Expr| names_outer(condition);
    let conditions = select.selection.as_ref().map(conjuncts).unwrap_or_default();
    let mut naming = conditions.into_iter().filter(has).peekable();
    naming.peek().is_some()
        && naming.all(is_strict)
        && !is_whole(select, Position { line: 1, column: 1 })
}

/// Whether an expression is NULL where a column is.
fn is_strict(expr: &Expr) -> bool {
    use BinaryOperator as B;
    match expr {
        Expr::BinaryOp { left, op, right } => {
            !matches!(op, B::And | B::Or | B::Xor | B::Spaceship)
                && is_strict(left)
                && is_strict(right)
        }
        Expr::UnaryOp { op, expr } => {
            matches!(op, UnaryOperator::Plus | UnaryOperator::Minus | UnaryOperator::Not)
                && is_strict(expr)
        }
        Expr::Between { expr, low, high, .. } => {
            [expr, low, high].into_iter().all(|e| is_strict(e))
        }
        Expr::Like { expr, pattern, .. } => is_strict(expr) && is_strict(pattern),
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => is_strict(inner),
        Expr::Identifier(_)
        | Expr::CompoundIdentifier(_)
        | Expr::Value(_)
        | Expr::Interval(_)
        | Expr::TypedString(_) => true,
        // What calls and further subqueries make of a NULL is not known.
        _ => !names_outer(expr),
    }
}

fn names_outer(expr: &Expr) -> bool {
    has_part(
        expr,
        |expr| matches!(expr, Expr::CompoundIdentifier(parts) if parts.first().is_some_and(|p| p.value == OUTER)),
    )
}
