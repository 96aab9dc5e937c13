//! `LATERAL (SELECT ...)` in FROM: for each row of the tables before it the rows of a subquery that
//! may name their columns.

use sabot_core::plan::JoinKind;
use sqlparser::ast::{JoinConstraint, JoinOperator, Query, Spanned, TableAlias, TableFactor};

use super::correlated::attach;
use super::{Correlated, plain_select};
use crate::ambient;
use crate::error::{Position, Result, SqlError, start_of};
use crate::expr::{Binder, boolean, place_of};
use crate::join::{conjuncts, hold_on, natural, pair};
use crate::query::Queries;
use crate::relation::{Field, Relation};
use crate::select_list::select_list;
use crate::unnest::is_true;

/// A subquery that may name columns of the tables before it.
pub(crate) struct Lateral<'e> {
    query: &'e Query,
    alias: Option<&'e TableAlias>,
}

impl<'e> Lateral<'e> {
    /// The subquery that a factor of FROM is.
    pub(crate) fn of(factor: &'e TableFactor) -> Option<Self> {
        match factor {
            TableFactor::Derived { lateral: true, subquery, alias, .. } => {
                Some(Self { query: subquery, alias: alias.as_ref() })
            }
            _ => None,
        }
    }
}

impl Queries<'_> {
    /// The rows of `left`, each beside those of the subquery.
    pub(crate) fn lateral(
        &self,
        left: Relation,
        lateral: &Lateral<'_>,
        operator: &JoinOperator,
        at: Position,
    ) -> Result<Relation> {
        use JoinOperator as J;
        let (kind, constraint) = match operator {
            J::CrossJoin(_) => (JoinKind::Inner, None),
            J::Join(constraint) | J::Inner(constraint) => (JoinKind::Inner, Some(constraint)),
            J::Left(constraint) | J::LeftOuter(constraint) => (JoinKind::Left, Some(constraint)),
            _ => {
                let message =
                    "LATERAL is of each row of the left side: rows of its own are not there";
                return Err(SqlError::new(at, message)
                    .hint("JOIN, LEFT JOIN and CROSS JOIN LATERAL (...) are, in Flink as well"));
            }
        };
        let conditions = match constraint {
            None | Some(JoinConstraint::Natural) => Vec::new(),
            Some(JoinConstraint::On(condition)) => conjuncts(condition),
            Some(_) => {
                return Err(SqlError::new(at, "JOIN LATERAL needs ON").hint("write ON TRUE"));
            }
        };
        let width = left.fields.len();
        let at = start_of(lateral.query.span()).unwrap_or(at);
        let mut joined = self.rows_beside(left, lateral.query, kind, at)?;
        let mut right = Relation { fields: joined.fields.split_off(width), ..joined.clone() };
        for field in &mut right.fields {
            field.qualifier = None;
        }
        self.alias(&mut right, lateral.alias)?;
        joined.fields.append(&mut right.fields);
        if matches!(constraint, Some(JoinConstraint::Natural)) {
            for equal in natural(&mut joined, width, at)? {
                hold_on(&mut joined, equal);
            }
        }
        for condition in conditions.into_iter().filter(|condition| !is_true(condition)) {
            let place = place_of(condition, at);
            let bound = boolean(Binder::new(&joined, place).bind(condition)?, "ON", place)?;
            ambient::refuse(&bound, "ON", place)?;
            hold_on(&mut joined, bound);
        }
        Ok(joined)
    }

    fn rows_beside(
        &self,
        left: Relation,
        query: &Query,
        kind: JoinKind,
        at: Position,
    ) -> Result<Relation> {
        let error = match self.query(query) {
            Ok(right) => return pair(left, right, kind, at),
            Err(error) => error,
        };
        if let Ok(Some(joined)) = self.chosen_beside(&left, query, kind, at) {
            return Ok(joined);
        }
        let dependent = self.correlated(query, &left, error, at)?;
        attach(left, dependent.relation, &dependent.keys, kind, at)
    }

    /// The same, where only conditions and columns of a subquery that does nothing else name columns
    /// of `left`.
    fn chosen_beside(
        &self,
        left: &Relation,
        query: &Query,
        kind: JoinKind,
        at: Position,
    ) -> Result<Option<Relation>> {
        let Some(select) = plain_select(query, at)? else { return Ok(None) };
        let (mut right, correlated) = self.chosen(query, select, at)?;
        let own = select_list(&select.projection, &right, Some(&right.fields), at).ok();
        if own.is_none() && kind != JoinKind::Inner {
            // A value of both sides would be there for rows without a partner.
            return Ok(None);
        }
        let (width, read) = (left.fields.len(), right.fields.len());
        right.fields.extend(own.iter().flatten().cloned());
        let mut joined = pair(left.clone(), right, kind, at)?;
        let own = own.map(|_| joined.fields.split_off(width + read));
        let inner = Relation { fields: joined.fields.split_off(width), ..joined.clone() };
        let scope = Correlated { inner, outer: joined.clone() };
        for condition in correlated {
            let place = place_of(condition, at);
            let bound = boolean(Binder::new(&scope, place).bind(condition)?, "WHERE", place)?;
            ambient::refuse(&bound, "a condition of LATERAL", place)?;
            hold_on(&mut joined, bound);
        }
        let columns: Vec<Field> = match own {
            Some(own) => own,
            None => select_list(&select.projection, &scope, Some(&scope.inner.fields), at)?,
        };
        joined.fields.extend(columns);
        Ok(Some(joined))
    }
}
