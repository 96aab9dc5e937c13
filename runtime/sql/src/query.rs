//! Resolves queries: `SELECT ... FROM ... WHERE ... GROUP BY ... HAVING`.

use sqlparser::ast::{
    Distinct, Expr, Ident, Join, JoinConstraint, JoinOperator, Query, Select, SetExpr, SetOperator,
    SetQuantifier, Spanned, TableAlias, TableFactor, TableWithJoins,
};

use crate::aggregate::Times;
use crate::catalog::{Catalog, hinted};
use crate::clauses;
use crate::error::{Position, Result, SqlError, start_of};
use crate::expr::{Binder, boolean, place_of};
use crate::grouping::{aggregate, aggregates, distinct, group_by};
use crate::hints::StateTtl;
use crate::join::{conjuncts, cross, hold, join};
use crate::over::{BesideGroups, OverScope, beside_groups, has_over};
use crate::qualify::qualified;
use crate::rank::take_limit;
use crate::relation::{Base, Relation};
use crate::select_list::{expr_of, written_list};
use crate::setops;
use crate::sort::is_sorted;
use crate::statement::unqualified;
use crate::subquery::{Known, Lateral, has_values, membership, without_subqueries};
use crate::temporal::{as_of, temporal_join};
use crate::union::union_all;
use crate::unnest;
use crate::values;
use crate::window;

/// Resolves queries against a catalog.
pub(crate) struct Queries<'a> {
    pub(crate) catalog: &'a Catalog,
    /// `WITH name AS (...)`, the innermost last.
    named: Vec<(String, Relation)>,
    /// The place of the statement, where the parser kept none.
    at: Position,
    /// Whether the rows of the query are written by their keys.
    by_key: bool,
    /// Whether the first rows of queries by time are given once, when the watermark has passed them.
    settled: bool,
}

impl<'a> Queries<'a> {
    /// Resolves queries of the statement at `at`.
    pub(crate) fn new(catalog: &'a Catalog, at: Position) -> Self {
        Self { catalog, named: Vec::new(), at, by_key: false, settled: false }
    }

    /// What a name in FROM stands for.
    pub(crate) fn named(&self, name: &Ident, at: Position) -> Result<Relation> {
        let rows = self.found(name, at)?;
        Ok(if self.settled { rows.settled() } else { rows })
    }

    fn found(&self, name: &Ident, at: Position) -> Result<Relation> {
        let options = self.catalog.hints.options(name.span)?;
        match (self.named.iter().rev().find(|(n, _)| *n == name.value), options) {
            (Some((_, relation)), None) => Ok(relation.clone()),
            (Some(_), Some(_)) => Err(hinted::only_tables(name, at)),
            (None, None) => self.catalog.relation(name, at),
            (None, Some(options)) => self.catalog.hinted_relation(name, options, at),
        }
    }

    /// The same, with a relation that a query can name.
    pub(crate) fn with_named(&self, name: &str, relation: Relation) -> Self {
        let mut named = self.named.clone();
        named.push((name.to_owned(), relation));
        Self { named, by_key: false, ..*self }
    }

    /// The same, for queries within another.
    pub(crate) fn within(&self) -> Self {
        Self { named: self.named.clone(), by_key: false, ..*self }
    }

    /// Says whether the rows of the outermost query are written by their keys.
    pub(crate) fn written(self, by_key: bool) -> Self {
        Self { by_key, ..self }
    }

    /// Resolves the query of a statement.
    pub(crate) fn outermost(&self, query: &Query) -> Result<Relation> {
        self.settling(|queries| queries.resolve(query, true))
    }

    /// The rows of the query of a statement, if they only come where the first rows by time are given
    /// once.
    pub(crate) fn outermost_settled(&self, query: &Query) -> Option<Relation> {
        let settled = Self { named: self.named.clone(), settled: true, ..*self };
        settled.resolve(query, true).ok().filter(|rows| !rows.base.is_updating())
    }

    /// Resolves the query of a view.
    pub(crate) fn view(&self, query: &Query) -> Result<Relation> {
        self.settling(|queries| queries.resolve(query, false))
    }

    /// Resolves a query within another: an order without a limit has no effect.
    pub(crate) fn query(&self, query: &Query) -> Result<Relation> {
        let rows = self.resolve(query, false)?;
        Ok(if self.settled { rows.settled() } else { rows })
    }

    /// What can only be resolved over rows that only come, such as windows, is tried with first rows
    /// that are given once. They come later than those that change, and their state has other uids.
    fn settling(&self, resolve: impl Fn(&Self) -> Result<Relation>) -> Result<Relation> {
        resolve(self).or_else(|error| {
            let settled = Self { named: self.named.clone(), settled: true, ..*self };
            resolve(&settled).map_err(|_| error)
        })
    }

    fn resolve(&self, query: &Query, is_outermost: bool) -> Result<Relation> {
        let at = start_of(query.body.span()).unwrap_or(self.at);
        let is_written = is_outermost
            && !is_sorted(query)
            && matches!(query.body.as_ref(), SetExpr::Select(_) | SetExpr::Query(_));
        let by_key = self.by_key && is_written;
        let named = match self.with_tables(query)? {
            Some(inner) => inner.named,
            None => self.named.clone(),
        };
        let inner = Self { named, at, by_key, ..*self };
        Self::refuse_clauses(query, at)?;
        if is_sorted(query) {
            return inner.sorted(query, is_outermost, at);
        }
        match query.body.as_ref() {
            SetExpr::Query(query) => inner.resolve(query, is_outermost),
            body => inner.body(body, at),
        }
    }

    /// What resolves a query behind its WITH; none where it has none.
    pub(crate) fn with_tables(&self, query: &Query) -> Result<Option<Self>> {
        let Some(with) = &query.with else { return Ok(None) };
        let at = start_of(query.body.span()).unwrap_or(self.at);
        if with.recursive {
            return Err(unsupported("WITH RECURSIVE", at));
        }
        let mut inner = Self { named: self.named.clone(), at, by_key: false, ..*self };
        for cte in &with.cte_tables {
            let mut relation = inner.query(&cte.query)?;
            inner.alias(&mut relation, Some(&cte.alias))?;
            inner.named.push((cte.alias.name.value.clone(), relation));
        }
        Ok(Some(inner))
    }

    pub(crate) fn refuse_clauses(query: &Query, at: Position) -> Result<()> {
        if !query.locks.is_empty() || query.for_clause.is_some() {
            return Err(unsupported("FOR", at));
        }
        Ok(())
    }

    /// The rows of a query without its order and limit.
    pub(crate) fn body(&self, body: &SetExpr, at: Position) -> Result<Relation> {
        match body {
            SetExpr::Select(select) => self.select(select),
            SetExpr::Query(query) => self.query(query),
            SetExpr::SetOperation { op, left, right, set_quantifier } => {
                let place = start_of(right.span()).unwrap_or(at);
                let sides = [self.body(left, at)?, self.body(right, place)?];
                if *op != SetOperator::Union {
                    return setops::members(sides, *op, *set_quantifier, place);
                }
                let [left, right] = sides;
                let rows = union_all(left, right, place)?;
                match set_quantifier {
                    SetQuantifier::All => Ok(rows),
                    SetQuantifier::None | SetQuantifier::Distinct => distinct(rows, None, place),
                    _ => Err(unsupported("UNION BY NAME", place)),
                }
            }
            SetExpr::Values(rows) => values::rows(rows, self.catalog.zone, at),
            SetExpr::Table(table) => {
                let parts = [&table.schema_name, &table.table_name].into_iter().flatten();
                let parts: Vec<Ident> = parts.map(Ident::new).collect();
                self.named(unqualified(&parts.iter().collect::<Vec<_>>())?, at)
            }
            _ => Err(SqlError::new(at, "expected SELECT")),
        }
    }

    pub(crate) fn select(&self, select: &Select) -> Result<Relation> {
        let at = start_of(select.select_token.0.span).unwrap_or(self.at);
        let is_distinct = match &select.distinct {
            None | Some(Distinct::All) => false,
            Some(Distinct::Distinct) => true,
            Some(Distinct::On(_)) => return Err(unsupported("DISTINCT ON", at)),
        };
        clauses::refuse_foreign(select, at)?;
        if let Some(qualified) = qualified(select, at)? {
            let within = Self { named: self.named.clone(), by_key: false, ..*self };
            let mut rows = within.select(&qualified.select)?;
            for condition in conjuncts(&qualified.condition) {
                keep(&mut rows, condition, at)?;
            }
            rows.fields.truncate(rows.fields.len() - qualified.hidden);
            return if is_distinct { distinct(rows, None, at) } else { Ok(rows) };
        }
        let groups = !group_by(&select.group_by, at)?.0.is_empty() || aggregates(select, at);
        if groups && let Some(rows) = self.beside_groups(select, at) {
            return rows;
        }
        let ttl = self.ttl_of(select)?;
        let mut known = Known::default();
        let selection = select.selection.as_ref();
        let mut input = self.from(&select.from, selection, &ttl, &mut known, at)?;
        let select = &*self.select_values(select, &mut input, &mut known, at)?;
        let (group_by, group_at) = group_by(&select.group_by, at)?;
        let by_key = self.by_key && !is_distinct;
        let ttl_ms = if groups || is_distinct { ttl.of(&input) } else { None };
        ttl.check_used(&input)?;
        if !groups {
            let relation = project(select, input, by_key, at)?;
            return if is_distinct { distinct(relation, ttl_ms, at) } else { Ok(relation) };
        }
        let (lateness, early) = (self.catalog.lateness_ms, self.catalog.early_ms);
        let times = Times { lateness, early, ttl: ttl_ms };
        let kept = |by_key| (times, by_key);
        let relation = match beside_groups(select) {
            None => aggregate(select, &input, group_by, kept(by_key), group_at)?,
            Some(BesideGroups { groups, over }) => {
                let rows = aggregate(&groups, &input, group_by, kept(false), group_at)?;
                project(&over, rows, by_key, at)?
            }
        };
        if matches!(relation.base, Base::Window(_)) && ttl_ms.is_some() {
            let warning = "STATE_TTL has no effect on windows, whose states go with them";
            self.catalog.hints.warn(at, warning);
        }
        if is_distinct { distinct(relation, None, at) } else { Ok(relation) }
    }

    /// How long the hints of a SELECT say that states are kept.
    pub(crate) fn ttl_of(&self, select: &Select) -> Result<StateTtl> {
        self.catalog.hints.select(select.select_token.0.span)
    }

    /// The rows of FROM for which WHERE is true.
    fn from(
        &self,
        from: &[TableWithJoins],
        selection: Option<&Expr>,
        ttl: &StateTtl,
        known: &mut Known,
        at: Position,
    ) -> Result<Relation> {
        let mut conditions = selection.map(conjuncts).unwrap_or_default();
        let mut input = self.tables(from, &mut conditions, ttl, at)?;
        let (by_values, plain): (Vec<&Expr>, Vec<&Expr>) = conditions
            .iter()
            .filter(|condition| membership(condition).is_none())
            .partition(|condition| has_values(condition));
        for condition in plain {
            keep(&mut input, condition, at)?;
        }
        for condition in by_values {
            input = self.keep_by_values(input, condition, known, at)?;
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
        ttl: &StateTtl,
        at: Position,
    ) -> Result<Relation> {
        let mut tables = from.iter();
        let Some(first) = tables.next() else {
            return values::one_row(at);
        };
        let mut input = match unnest::Call::of(&first.relation) {
            None => self.table(first, ttl, at)?,
            Some(call) => {
                let place = start_of(first.relation.span()).unwrap_or(at);
                let rows = unnest::join(values::one_row(at)?, &call, &comma(), place)?;
                self.joins(rows, &first.joins, ttl, at)?
            }
        };
        for table in tables {
            let place = start_of(table.relation.span()).unwrap_or(at);
            if let Some(lateral) = Lateral::of(&table.relation) {
                input = self.lateral(input, &lateral, &comma(), place)?;
                input = self.joins(input, &table.joins, ttl, place)?;
                continue;
            }
            if let Some(call) = unnest::Call::of(&table.relation) {
                input = unnest::cross(input, &call, &table.joins, place)?;
                input = self.joins(input, &table.joins, ttl, place)?;
                continue;
            }
            let right = self.table(table, ttl, place)?;
            let ttls = ttl.of_both(&input, &right);
            input = cross(input, right, place)?;
            input.keep_for(ttls);
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

    fn table(&self, table: &TableWithJoins, ttl: &StateTtl, at: Position) -> Result<Relation> {
        self.joins(self.factor(&table.relation, ttl, at)?, &table.joins, ttl, at)
    }

    /// The rows of `input`, joined as FROM says.
    fn joins(
        &self,
        mut input: Relation,
        joins: &[Join],
        ttl: &StateTtl,
        at: Position,
    ) -> Result<Relation> {
        for joined in joins {
            let place = start_of(joined.relation.span()).unwrap_or(at);
            if let Some(lateral) = Lateral::of(&joined.relation) {
                input = self.lateral(input, &lateral, &joined.join_operator, place)?;
                continue;
            }
            if let Some(call) = unnest::Call::of(&joined.relation) {
                input = unnest::join(input, &call, &joined.join_operator, place)?;
                continue;
            }
            input = match as_of(&joined.relation, place)? {
                None => {
                    let right = self.factor(&joined.relation, ttl, place)?;
                    let ttls = ttl.of_both(&input, &right);
                    let (operator, by_subqueries) = without_subqueries(&joined.join_operator);
                    let mut rows = join(input, right, &operator, place)?;
                    rows.keep_for(ttls);
                    for condition in by_subqueries {
                        rows = match membership(condition) {
                            Some(found) => self.keep_members(rows, &found, place)?,
                            None => {
                                self.keep_by_values(rows, condition, &mut Known::default(), place)?
                            }
                        };
                    }
                    rows
                }
                Some(time) => {
                    let right = self.versions(&joined.relation, ttl, place)?;
                    temporal_join(input, right, time, &joined.join_operator, place)?
                }
            };
        }
        Ok(input)
    }

    fn factor(&self, factor: &TableFactor, ttl: &StateTtl, at: Position) -> Result<Relation> {
        if as_of(factor, at)?.is_some() {
            return Err(SqlError::new(at, "FOR SYSTEM_TIME AS OF cannot stand here").hint(
                "it stands behind the right table of a JOIN, and names a time of the left one",
            ));
        }
        self.versions(factor, ttl, at)
    }

    /// What a factor of FROM names, whichever versions are asked for.
    pub(crate) fn versions(
        &self,
        factor: &TableFactor,
        ttl: &StateTtl,
        at: Position,
    ) -> Result<Relation> {
        let place = start_of(factor.span()).unwrap_or(at);
        clauses::refuse_sample(factor, place)?;
        match factor {
            TableFactor::Table { name, alias, args: None, .. } => {
                let parts: Option<Vec<&Ident>> = name.0.iter().map(|p| p.as_ident()).collect();
                let parts = parts.ok_or_else(|| SqlError::new(place, "expected a table"))?;
                let ident = unqualified(&parts)?;
                let mut relation = self.named(ident, place)?;
                relation.qualify(&ident.value);
                self.alias(&mut relation, alias.as_ref())?;
                Ok(relation)
            }
            TableFactor::Derived { subquery, alias, .. } => {
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
            TableFactor::NestedJoin { table_with_joins, .. } => {
                self.table(table_with_joins, ttl, place)
            }
            TableFactor::Table { name, alias, args: Some(arguments), .. } => {
                let function = window::call_of(name, arguments);
                let mut relation = window::table_function(self, &function, place)?;
                self.alias(&mut relation, alias.as_ref())?;
                Ok(relation)
            }
            TableFactor::MatchRecognize { .. } => self.matches(factor, ttl, place),
            other => Err(SqlError::new(place, format!("FROM {other} is not supported"))),
        }
    }

    pub(crate) fn alias(&self, relation: &mut Relation, alias: Option<&TableAlias>) -> Result<()> {
        let Some(alias) = alias else { return Ok(()) };
        let at = start_of(alias.name.span).unwrap_or(self.at);
        let names: Vec<Ident> = alias.columns.iter().map(|c| c.name.clone()).collect();
        relation.rename(&names, &format!("\"{}\"", alias.name.value), at)?;
        relation.qualify(&alias.name.value);
        Ok(())
    }
}

/// What a comma in FROM stands for.
fn comma() -> JoinOperator {
    JoinOperator::CrossJoin(JoinConstraint::None)
}

/// Keeps only rows for which a condition of WHERE is true.
pub(crate) fn keep(input: &mut Relation, condition: &Expr, at: Position) -> Result<()> {
    let place = place_of(condition, at);
    if take_limit(input, condition, place)? {
        return Ok(());
    }
    input.expand_for(&[condition], place)?;
    let bound = boolean(Binder::new(input, place).bind(condition)?, "WHERE", place)?;
    if let Some(bound) = input.hold_behind_sessions(bound) {
        hold(input, bound);
    }
    Ok(())
}

/// The values of a SELECT that groups nothing; `by_key`: they are written by their keys.
fn project(select: &Select, mut input: Relation, by_key: bool, at: Position) -> Result<Relation> {
    if has_over(select) {
        let input = input.expanded(at)?;
        let scope = OverScope::new(select, &input, at)?;
        let fields = written_list(select, &scope, Some(scope.fields()), by_key, at)?;
        return Ok(Relation { base: scope.into_base()?, filter: None, fields, window: None });
    }
    let exprs: Vec<&Expr> = select.projection.iter().filter_map(expr_of).collect();
    input.expand_for(&exprs, at)?;
    let fields = written_list(select, &input, Some(&input.fields), by_key, at)?;
    Ok(Relation { fields, ..input })
}

/// The error for a construct that is known but not there yet.
pub(crate) fn unsupported(what: &str, at: Position) -> SqlError {
    SqlError::new(at, format!("{what} is not supported yet"))
}
