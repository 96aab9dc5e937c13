//! Queries in FROM and WITH of a subquery that name columns of the query around it:
//! `x IN (SELECT y FROM (SELECT ... WHERE k = outer.k) ...)`.
//!
//! What they are asked by becomes hidden columns of theirs, as of the subquery itself. A join passes
//! such columns on from the sides whose rows it keeps; where it would fill them with NULLs, as of the
//! right side of a LEFT JOIN, the query is refused.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Cte, Expr, Ident, JoinOperator, ObjectName, Query, Select, Spanned, TableAlias, TableFactor,
    TableWithJoins, VisitMut, VisitorMut,
};

use super::correlated::{Dependent, is_whole, keyed, table};
use crate::error::{Position, Result, start_of};
use crate::query::{Queries, unsupported};
use crate::relation::{Field, Relation};

/// A SELECT whose FROM no longer names columns of the query around it.
pub(super) struct Beside<'c> {
    pub(super) queries: Queries<'c>,
    pub(super) select: Select,
    /// Columns that have to be equal to `keys`.
    pub(super) columns: Vec<Expr>,
    /// Over the query around it.
    pub(super) keys: Vec<Expr>,
}

impl<'c> Queries<'c> {
    /// The SELECT, if queries in its FROM name columns of `outer`.
    pub(super) fn beside_from(
        &self,
        select: &Select,
        outer: &Relation,
        at: Position,
    ) -> Result<Option<Beside<'c>>> {
        let mut beside = Beside {
            queries: self.within(),
            select: select.clone(),
            columns: Vec::new(),
            keys: Vec::new(),
        };
        let mut from = std::mem::take(&mut beside.select.from);
        for factors in &mut from {
            beside.take(factors, outer, at)?;
        }
        beside.select.from = from;
        Ok((!beside.keys.is_empty()).then_some(beside))
    }
}

impl Beside<'_> {
    pub(super) fn resolve(self, outer: &Relation, at: Position) -> Result<Dependent> {
        let Self { queries, select, columns, mut keys } = self;
        let is_whole = is_whole(&select, at);
        let select = keyed(select, &columns, at);
        let error = match queries.select(&select) {
            Ok(relation) => return Ok(Dependent { relation, keys, is_whole }),
            Err(error) => error,
        };
        let found = match queries.by_keys(&select, outer, at) {
            Some(found) => found,
            None if is_whole => return Err(error),
            None => queries.by_rows(&select, outer, error, at)?,
        };
        keys.extend(found.keys);
        Ok(Dependent { relation: found.relation, keys, is_whole })
    }

    fn take(&mut self, from: &mut TableWithJoins, outer: &Relation, at: Position) -> Result<()> {
        let known = self.keys.len();
        self.take_factor(&mut from.relation, outer, at)?;
        for join in &mut from.joins {
            let place = start_of(join.relation.span()).unwrap_or(at);
            let (keeps_left, keeps_right) = kept(&join.join_operator);
            let before = self.keys.len();
            self.take_factor(&mut join.relation, outer, place)?;
            if (before > known && !keeps_left) || (self.keys.len() > before && !keeps_right) {
                let what = "a query that names columns around a subquery, on the side of an outer \
                            join that can be missing,";
                return Err(unsupported(what, place)
                    .hint("ask the condition behind the join, in WHERE of the subquery"));
            }
        }
        Ok(())
    }

    fn take_factor(
        &mut self,
        factor: &mut TableFactor,
        outer: &Relation,
        at: Position,
    ) -> Result<()> {
        let (subquery, alias) = match factor {
            TableFactor::Derived { lateral: false, subquery, alias, .. } => (subquery, alias),
            TableFactor::NestedJoin { table_with_joins, alias: None } => {
                return self.take(table_with_joins, outer, at);
            }
            _ => return Ok(()),
        };
        let Err(error) = self.queries.query(subquery) else { return Ok(()) };
        let Dependent { mut relation, keys, is_whole } =
            self.queries.correlated(subquery, outer, error, at)?;
        if is_whole {
            let what = "an aggregate without GROUP BY of rows that are asked for by columns around a \
                        subquery, in its FROM,";
            return Err(unsupported(what, at).hint("group the rows by what they are asked by"));
        }
        let name = format!("$from{}", self.keys.len());
        let own = relation.fields.len() - keys.len();
        let hidden = relation.fields.split_off(own);
        for field in &mut relation.fields {
            field.qualifier = None;
        }
        self.queries.alias(&mut relation, alias.as_ref())?;
        for (field, key) in hidden.into_iter().zip(keys) {
            let column = format!("{}_of_from{}", Field::HIDDEN, self.keys.len());
            self.columns.push(Expr::Identifier(Ident::new(&column)));
            self.keys.push(key);
            relation.fields.push(Field { qualifier: None, name: column, ..field });
        }
        let qualifier = alias.as_ref().map_or(&name, |alias| &alias.name.value).clone();
        self.queries = self.queries.with_named(&name, relation);
        let mut named = table(&name).relation;
        if let TableFactor::Table { alias, .. } = &mut named {
            let name = Ident::new(qualifier);
            *alias = Some(TableAlias { explicit: true, name, columns: Vec::new(), at: None });
        }
        *factor = named;
        Ok(())
    }
}

/// Whether a join has only rows of its left side, and only rows of its right side.
fn kept(operator: &JoinOperator) -> (bool, bool) {
    use JoinOperator as J;
    match operator {
        J::Join(_) | J::Inner(_) | J::CrossJoin(_) => (true, true),
        J::Left(_) | J::LeftOuter(_) => (true, false),
        J::Right(_) | J::RightOuter(_) => (false, true),
        _ => (false, false),
    }
}

/// A query with the queries of its WITH in the place of their names.
pub(super) fn without_with(query: &Query) -> Query {
    let mut query = query.clone();
    let Some(with) = query.with.take() else { return query };
    let mut known: Vec<Cte> = Vec::new();
    for mut cte in with.cte_tables {
        let _ = cte.query.visit(&mut Naming { known: &known });
        known.push(cte);
    }
    let _ = query.visit(&mut Naming { known: &known });
    query
}

struct Naming<'a> {
    known: &'a [Cte],
}

impl VisitorMut for Naming<'_> {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        let TableFactor::Table { name, alias, args: None, .. } = factor else {
            return ControlFlow::Continue(());
        };
        let Some(cte) = self.known.iter().rev().find(|cte| is_name(name, &cte.alias.name)) else {
            return ControlFlow::Continue(());
        };
        let mut alias = alias.take().unwrap_or_else(|| cte.alias.clone());
        if alias.columns.is_empty() {
            alias.columns.clone_from(&cte.alias.columns);
        }
        *factor = TableFactor::Derived {
            lateral: false,
            subquery: cte.query.clone(),
            alias: Some(alias),
            sample: None,
        };
        ControlFlow::Continue(())
    }
}

fn is_name(name: &ObjectName, of: &Ident) -> bool {
    matches!(name.0.as_slice(), [part] if part.as_ident().is_some_and(|part| part.value == of.value))
}
