//! Subqueries as values in WHERE: `price > (SELECT AVG(price) FROM bids)`. Their one row is joined to
//! all others, by one subtask; where it is missing its value is NULL.

use std::ops::ControlFlow;

use datafusion_common::DFSchemaRef;
use sabot_core::plan::JoinKind;
use sqlparser::ast::{Expr, Ident, Query, Spanned, visit_expressions};

use crate::error::{Position, Result, SqlError, start_of};
use crate::expr::{Binder, Bound, Scope, boolean, place_of};
use crate::join::{hold, pair};
use crate::query::Queries;
use crate::relation::{Base, Relation};

/// Whether a condition has a subquery as a value.
pub(crate) fn has_scalar(condition: &Expr) -> bool {
    !scalars(condition).is_empty()
}

fn scalars(condition: &Expr) -> Vec<Query> {
    let mut found: Vec<Query> = Vec::new();
    let _ = visit_expressions(condition, |expr: &Expr| {
        if let Expr::Subquery(query) = expr
            && !found.contains(query)
        {
            found.push((**query).clone());
        }
        ControlFlow::<()>::Continue(())
    });
    found
}

impl Queries<'_> {
    /// The rows for which a condition with subqueries as values is true.
    pub(crate) fn keep_by_scalars(
        &self,
        input: Relation,
        condition: &Expr,
        at: Position,
    ) -> Result<Relation> {
        let columns = input.fields.len();
        let mut joined = input;
        let queries = scalars(condition);
        for query in &queries {
            let place = start_of(query.span()).unwrap_or(at);
            let value = self.query(query)?;
            if value.fields.len() != 1 {
                let message = "a subquery as a value has one column";
                return Err(SqlError::new(place, message));
            }
            if !has_one_row(&value.base) {
                let message = "a subquery as a value has to have one row at most";
                return Err(SqlError::new(place, message)
                    .hint(
                        "write (SELECT MAX(x) FROM t), without GROUP BY, or LIMIT 1; IN takes many rows",
                    ));
            }
            joined = pair(joined, value, JoinKind::Left, place)?;
        }
        let place = place_of(condition, at);
        let scope = WithScalars { joined: &joined, queries: &queries, columns };
        let bound = boolean(Binder::new(&scope, place).bind(condition)?, "WHERE", place)?;
        hold(&mut joined, bound);
        joined.fields.truncate(columns);
        Ok(joined)
    }
}

fn has_one_row(base: &Base) -> bool {
    match base {
        Base::Group(node) => node.keys.is_empty(),
        Base::Rank(node) => node.keys.is_empty() && node.limit == 1,
        _ => false,
    }
}

/// The columns of a relation, and behind them the values of subqueries.
struct WithScalars<'a> {
    joined: &'a Relation,
    queries: &'a [Query],
    /// How many columns there are without the values.
    columns: usize,
}

impl Scope for WithScalars<'_> {
    fn column(&self, qualifier: Option<&Ident>, name: &Ident, at: Position) -> Result<Bound> {
        let mut relation = self.joined.clone();
        relation.fields.truncate(self.columns);
        relation.column(qualifier, name, at)
    }

    fn schema(&self) -> DFSchemaRef {
        self.joined.schema()
    }

    fn whole(&self, expr: &Expr, _at: Position) -> Result<Option<Bound>> {
        let Expr::Subquery(query) = expr else { return Ok(None) };
        let place = self.queries.iter().position(|known| *known == **query);
        Ok(place.map(|place| self.joined.fields[self.columns + place].value.clone()))
    }
}
