//! Resolves queries: `SELECT ... FROM ... WHERE ... GROUP BY ... HAVING`.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, Ident, Join, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, SetOperator, SetQuantifier, Spanned, TableAlias,
    TableFactor, TableWithJoins, visit_expressions,
};

use crate::aggregate::GroupScope;
use crate::catalog::Catalog;
use crate::error::{Position, Result, SqlError, start_of};
use crate::expr::{Binder, Bound, Scope, boolean, function_name, is_aggregate, place_of};
use crate::join::{conjuncts, cross, hold, join};
use crate::over::{OverScope, has_over};
use crate::rank::take_limit;
use crate::relation::{Base, Field, Relation};
use crate::scalar::has_scalar;
use crate::subquery::membership;
use crate::temporal::{as_of, temporal_join};
use crate::types::flink_name;
use crate::union::union_all;
use crate::unnest;
use crate::window;

/// Resolves queries against a catalog.
pub(crate) struct Queries<'a> {
    catalog: &'a Catalog,
    /// `WITH name AS (...)`, the innermost last.
    named: Vec<(String, Relation)>,
    /// The place of the statement, where the parser kept none.
    at: Position,
}

impl<'a> Queries<'a> {
    /// Resolves queries of the statement at `at`.
    pub(crate) fn new(catalog: &'a Catalog, at: Position) -> Self {
        Self { catalog, named: Vec::new(), at }
    }

    /// What a name in FROM stands for.
    pub(crate) fn named(&self, name: &Ident, at: Position) -> Result<Relation> {
        match self.named.iter().rev().find(|(n, _)| *n == name.value) {
            Some((_, relation)) => Ok(relation.clone()),
            None => self.catalog.relation(name, at),
        }
    }

    /// Resolves a query.
    pub(crate) fn query(&self, query: &Query) -> Result<Relation> {
        let at = start_of(query.body.span()).unwrap_or(self.at);
        let mut inner = Self { catalog: self.catalog, named: self.named.clone(), at };
        if let Some(with) = &query.with {
            if with.recursive {
                return Err(unsupported("WITH RECURSIVE", at));
            }
            for cte in &with.cte_tables {
                let mut relation = inner.query(&cte.query)?;
                inner.alias(&mut relation, Some(&cte.alias))?;
                inner.named.push((cte.alias.name.value.clone(), relation));
            }
        }
        Self::refuse_clauses(query, at)?;
        inner.body(&query.body, at)
    }

    pub(crate) fn refuse_clauses(query: &Query, at: Position) -> Result<()> {
        if let Some(order) = &query.order_by {
            let place = start_of(order.span()).unwrap_or(at);
            return Err(unsupported("ORDER BY", place)
                .hint("a stream has no end at which it could be sorted"));
        }
        if let Some(limit) = &query.limit_clause {
            return Err(unsupported("LIMIT", start_of(limit.span()).unwrap_or(at)));
        }
        if query.fetch.is_some() {
            return Err(unsupported("FETCH", at));
        }
        Ok(())
    }

    fn body(&self, body: &SetExpr, at: Position) -> Result<Relation> {
        match body {
            SetExpr::Select(select) => self.select(select),
            SetExpr::Query(query) => self.query(query),
            SetExpr::SetOperation { op, left, right, set_quantifier } => {
                let place = start_of(right.span()).unwrap_or(at);
                match op {
                    SetOperator::Union => {}
                    SetOperator::Intersect => return Err(unsupported("INTERSECT", place)),
                    SetOperator::Except | SetOperator::Minus => {
                        return Err(unsupported("EXCEPT", place));
                    }
                }
                let rows = union_all(self.body(left, at)?, self.body(right, place)?, place)?;
                match set_quantifier {
                    SetQuantifier::All => Ok(rows),
                    SetQuantifier::None | SetQuantifier::Distinct => distinct(rows, place),
                    _ => Err(unsupported("UNION BY NAME", place)),
                }
            }
            SetExpr::Values(_) => Err(unsupported("VALUES", at)),
            _ => Err(SqlError::new(at, "expected SELECT")),
        }
    }

    fn select(&self, select: &Select) -> Result<Relation> {
        let at = start_of(select.select_token.0.span).unwrap_or(self.at);
        let is_distinct = match &select.distinct {
            None | Some(Distinct::All) => false,
            Some(Distinct::Distinct) => true,
            Some(Distinct::On(_)) => return Err(unsupported("DISTINCT ON", at)),
        };
        if select.qualify.is_some() {
            return Err(unsupported("QUALIFY", at));
        }
        let input = self.from(&select.from, select.selection.as_ref(), at)?;
        let (group_by, group_at) = group_by(&select.group_by, at)?;
        let relation = if !group_by.is_empty() || aggregates(select, at) {
            if has_over(select) {
                return Err(unsupported("OVER beside GROUP BY", group_at)
                    .hint("put the aggregation into a subquery"));
            }
            aggregate(select, &input, group_by, self.catalog.lateness_ms, group_at)?
        } else {
            project(select, input, at)?
        };
        if is_distinct { distinct(relation, at) } else { Ok(relation) }
    }

    /// The rows of FROM for which WHERE is true.
    fn from(
        &self,
        from: &[TableWithJoins],
        selection: Option<&Expr>,
        at: Position,
    ) -> Result<Relation> {
        let mut conditions = selection.map(conjuncts).unwrap_or_default();
        let mut input = self.tables(from, &mut conditions, at)?;
        let (scalar, plain): (Vec<&Expr>, Vec<&Expr>) = conditions
            .iter()
            .filter(|condition| membership(condition).is_none())
            .partition(|condition| has_scalar(condition));
        for condition in plain {
            keep(&mut input, condition, at)?;
        }
        for condition in scalar {
            input = self.keep_by_scalars(input, condition, at)?;
        }
        // Last, since fewer rows have to be looked for then.
        for membership in conditions.into_iter().filter_map(membership) {
            input = self.keep_members(input, &membership, at)?;
        }
        Ok(input)
    }

    /// The rows of FROM. Takes those of the `conditions` that join a list of tables.
    pub(crate) fn tables(
        &self,
        from: &[TableWithJoins],
        conditions: &mut Vec<&Expr>,
        at: Position,
    ) -> Result<Relation> {
        let mut tables = from.iter();
        let Some(first) = tables.next() else {
            return Err(SqlError::new(at, "SELECT without FROM is not supported"));
        };
        let mut input = self.table(first, at)?;
        for table in tables {
            let place = start_of(table.relation.span()).unwrap_or(at);
            if let Some(call) = unnest::Call::of(&table.relation) {
                input = unnest::cross(input, &call, &table.joins, place)?;
                input = self.joins(input, &table.joins, place)?;
                continue;
            }
            input = cross(input, self.table(table, place)?, place)?;
            // Of a list of tables, WHERE says what joins them.
            conditions.retain(|condition| {
                let place = place_of(condition, at);
                let bound = Binder::new(&input, place).bind(condition);
                match bound.and_then(|bound| boolean(bound, "WHERE", place)) {
                    Ok(bound) => {
                        hold(&mut input, bound);
                        false
                    }
                    Err(_) => true,
                }
            });
        }
        Ok(input)
    }

    fn table(&self, table: &TableWithJoins, at: Position) -> Result<Relation> {
        self.joins(self.factor(&table.relation, at)?, &table.joins, at)
    }

    /// The rows of `input`, joined as FROM says.
    fn joins(&self, mut input: Relation, joins: &[Join], at: Position) -> Result<Relation> {
        for joined in joins {
            let place = start_of(joined.relation.span()).unwrap_or(at);
            if let Some(call) = unnest::Call::of(&joined.relation) {
                input = unnest::join(input, &call, &joined.join_operator, place)?;
                continue;
            }
            input = match as_of(&joined.relation, place)? {
                None => {
                    let right = self.factor(&joined.relation, place)?;
                    join(input, right, &joined.join_operator, place)?
                }
                Some(time) => {
                    let right = self.versions(&joined.relation, place)?;
                    temporal_join(input, right, time, &joined.join_operator, place)?
                }
            };
        }
        Ok(input)
    }

    fn factor(&self, factor: &TableFactor, at: Position) -> Result<Relation> {
        if as_of(factor, at)?.is_some() {
            return Err(SqlError::new(at, "FOR SYSTEM_TIME AS OF cannot stand here").hint(
                "it stands behind the right table of a JOIN, and names a time of the left one",
            ));
        }
        self.versions(factor, at)
    }

    /// What a factor of FROM names, whichever versions are asked for.
    fn versions(&self, factor: &TableFactor, at: Position) -> Result<Relation> {
        let place = start_of(factor.span()).unwrap_or(at);
        match factor {
            TableFactor::Table { name, alias, args: None, .. } => {
                let [part] = name.0.as_slice() else {
                    let first = name.0.first().and_then(|p| p.as_ident());
                    return Err(first.map_or_else(
                        || SqlError::new(place, "expected a table"),
                        crate::statement::qualified,
                    ));
                };
                let ident =
                    part.as_ident().ok_or_else(|| SqlError::new(place, "expected a table"))?;
                let mut relation = self.named(ident, place)?;
                relation.qualify(&ident.value);
                self.alias(&mut relation, alias.as_ref())?;
                Ok(relation)
            }
            TableFactor::Derived { lateral: false, subquery, alias, .. } => {
                let mut relation = self.query(subquery)?;
                for field in &mut relation.fields {
                    field.qualifier = None;
                }
                self.alias(&mut relation, alias.as_ref())?;
                Ok(relation)
            }
            TableFactor::TableFunction { expr: Expr::Function(function), alias } => {
                let place = start_of(function.span()).unwrap_or(place);
                let mut relation = window::table_function(self, function, place)?;
                self.alias(&mut relation, alias.as_ref())?;
                Ok(relation)
            }
            TableFactor::NestedJoin { table_with_joins, .. } => self.table(table_with_joins, place),
            factor if unnest::Call::of(factor).is_some() => Err(unnest::refuse_first(place)),
            TableFactor::Table { name, .. } => {
                Err(SqlError::new(place, format!("{name}(...) in FROM is not supported"))
                    .hint("write TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND))"))
            }
            TableFactor::MatchRecognize { .. } => Err(unsupported("MATCH_RECOGNIZE", place)),
            other => Err(SqlError::new(place, format!("FROM {other} is not supported"))),
        }
    }

    fn alias(&self, relation: &mut Relation, alias: Option<&TableAlias>) -> Result<()> {
        let Some(alias) = alias else { return Ok(()) };
        let at = start_of(alias.name.span).unwrap_or(self.at);
        let names: Vec<Ident> = alias.columns.iter().map(|c| c.name.clone()).collect();
        relation.rename(&names, &format!("\"{}\"", alias.name.value), at)?;
        relation.qualify(&alias.name.value);
        Ok(())
    }
}

/// Keeps only rows for which a condition of WHERE is true.
pub(crate) fn keep(input: &mut Relation, condition: &Expr, at: Position) -> Result<()> {
    let place = place_of(condition, at);
    if take_limit(input, condition, place)? {
        return Ok(());
    }
    let bound = boolean(Binder::new(input, place).bind(condition)?, "WHERE", place)?;
    hold(input, bound);
    Ok(())
}

/// The list of `GROUP BY` and its place.
pub(crate) fn group_by(group_by: &GroupByExpr, at: Position) -> Result<(&[Expr], Position)> {
    match group_by {
        GroupByExpr::Expressions(list, modifiers) => {
            let place = list.first().map_or(at, |expr| place_of(expr, at));
            if !modifiers.is_empty() {
                return Err(unsupported("GROUP BY ... WITH", place));
            }
            Ok((list, place))
        }
        GroupByExpr::All(_) => Err(unsupported("GROUP BY ALL", at)),
    }
}

/// Whether a SELECT without GROUP BY aggregates.
pub(crate) fn aggregates(select: &Select, at: Position) -> bool {
    let find = |expr: &Expr| match expr {
        Expr::Function(f)
            if f.over.is_none() && function_name(&f.name, at).is_ok_and(is_aggregate) =>
        {
            ControlFlow::Break(())
        }
        _ => ControlFlow::Continue(()),
    };
    select.having.is_some() || visit_expressions(&select.projection, find).is_break()
}

/// Each row once.
fn distinct(input: Relation, at: Position) -> Result<Relation> {
    input.refuse_expanded(at)?;
    let grouped: Vec<Bound> = input.fields.iter().map(|field| field.value.clone()).collect();
    for key in &grouped {
        check_key(key, at)?;
    }
    let fields = input.fields.clone();
    let input = Relation { window: None, ..input };
    let scope = GroupScope::new(&input, grouped, at)?;
    let columns = fields.into_iter().map(|field| {
        let value = scope.key(&field.value).unwrap_or_else(|| field.value.clone());
        Field { value, ..field }
    });
    let fields = columns.collect();
    Ok(Relation { base: scope.into_base(None, at)?, filter: None, fields, window: None })
}

fn aggregate(
    select: &Select,
    input: &Relation,
    group_by: &[Expr],
    lateness_ms: Option<i64>,
    at: Position,
) -> Result<Relation> {
    let windowed = window::group::window_of(input, group_by, at)?;
    let input = windowed.as_ref().map_or(input, |(_, relation)| relation);
    let binder = Binder::new(input, at);
    let mut grouped = Vec::new();
    for (index, expr) in group_by.iter().enumerate() {
        match expr {
            _ if windowed.as_ref().is_some_and(|(window, _)| *window == index) => {
                grouped.extend(window::group::bounds(input));
            }
            Expr::GroupingSets(_) | Expr::Cube(_) | Expr::Rollup(_) => {
                return Err(unsupported("GROUPING SETS", place_of(expr, at)));
            }
            Expr::Value(_) => {
                return Err(SqlError::new(
                    place_of(expr, at),
                    "GROUP BY needs columns, not a constant",
                ));
            }
            _ => {
                let key = binder.bind(expr)?;
                check_key(&key, place_of(expr, at))?;
                grouped.push(key);
            }
        }
    }
    let scope = GroupScope::new(input, grouped, at)?;
    let fields = select_list(&select.projection, &scope, None, at)?;
    let having = match &select.having {
        None => None,
        Some(having) => {
            let place = place_of(having, at);
            Some(boolean(Binder::new(&scope, place).bind(having)?, "HAVING", place)?)
        }
    };
    let base = scope.into_base(lateness_ms, at)?;
    let window = match &base {
        Base::Window(node) => window::of_aggregation(node),
        _ => None,
    };
    Ok(Relation { base, filter: having, fields, window })
}

/// Rows are sent by the hash of their keys, which not every type has.
pub(crate) fn check_key(key: &Bound, at: Position) -> Result<()> {
    use arrow::datatypes::DataType::{Duration, Interval, Null, Time32};
    if key.data_type.is_nested()
        || matches!(key.data_type, Duration(_) | Interval(_) | Null | Time32(_))
    {
        let message = format!("{} is {}", key.text, flink_name(&key.data_type));
        return Err(SqlError::new(at, message).hint("this type cannot be grouped by"));
    }
    Ok(())
}

fn project(select: &Select, input: Relation, at: Position) -> Result<Relation> {
    if has_over(select) {
        let input = input.expanded(at)?;
        let scope = OverScope::new(select, &input, at)?;
        let fields = select_list(&select.projection, &scope, Some(scope.fields()), at)?;
        return Ok(Relation { base: scope.into_base()?, filter: None, fields, window: None });
    }
    let fields = select_list(&select.projection, &input, Some(&input.fields), at)?;
    Ok(Relation { fields, ..input })
}

/// Resolves a SELECT list; `all` are the columns of `*`.
pub(crate) fn select_list(
    items: &[SelectItem],
    scope: &dyn Scope,
    all: Option<&[Field]>,
    at: Position,
) -> Result<Vec<Field>> {
    let mut fields = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let place = start_of(item.span()).unwrap_or(at);
        let binder = Binder::new(scope, place);
        match item {
            SelectItem::UnnamedExpr(expr) => {
                let name = output_name(expr, index);
                fields.push(field(name, binder.bind(expr)?, place));
            }
            SelectItem::ExprWithAlias { expr, alias } => {
                fields.push(field(alias.value.clone(), binder.bind(expr)?, place));
            }
            SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => {
                let Some(all) = all else {
                    return Err(SqlError::new(place, "* cannot stand beside GROUP BY")
                        .hint("name the columns and aggregates"));
                };
                let qualifier = wildcard_qualifier(item, place)?;
                let chosen: Vec<Field> = all
                    .iter()
                    .filter(|f| qualifier.is_none() || f.qualifier.as_deref() == qualifier)
                    .map(|f| field(f.name.clone(), f.value.clone(), place))
                    .collect();
                if chosen.is_empty() {
                    let name = qualifier.unwrap_or_default();
                    return Err(SqlError::new(
                        place,
                        format!("\"{name}\" is no table of this query"),
                    ));
                }
                fields.extend(chosen);
            }
            SelectItem::ExprWithAliases { .. } => {
                return Err(SqlError::new(place, "several aliases are not supported"));
            }
        }
    }
    Ok(fields)
}

fn wildcard_qualifier(item: &SelectItem, at: Position) -> Result<Option<&str>> {
    match item {
        SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
            match name.0.as_slice() {
                [part] => Ok(part.as_ident().map(|ident| ident.value.as_str())),
                _ => Err(SqlError::new(at, format!("\"{name}\" is no table of this query"))),
            }
        }
        _ => Ok(None),
    }
}

fn field(name: String, value: Bound, at: Position) -> Field {
    Field { qualifier: None, name, value, at: Some(at) }
}

/// The name of a column without alias, as Flink gives it.
fn output_name(expr: &Expr, index: usize) -> String {
    match expr {
        Expr::Identifier(name) => name.value.clone(),
        Expr::CompoundIdentifier(parts) => {
            parts.last().map(|name| name.value.clone()).unwrap_or_default()
        }
        Expr::Nested(inner) => output_name(inner, index),
        _ => format!("EXPR${index}"),
    }
}

/// The error for a construct that is known but not there yet.
fn unsupported(what: &str, at: Position) -> SqlError {
    SqlError::new(at, format!("{what} is not supported yet"))
}
