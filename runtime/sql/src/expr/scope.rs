//! What names mean at a place of a statement.

use datafusion_common::DFSchemaRef;
use sqlparser::ast::{self, Ident};

use super::Bound;
use crate::error::{Position, Result, SqlError};

/// What names mean at a place of a statement.
pub(crate) trait Scope {
    /// The column of this name, of the table `qualifier` if one is given.
    fn column(&self, qualifier: Option<&Ident>, name: &Ident, at: Position) -> Result<Bound>;

    /// The base's columns, as far as they are known by now.
    fn schema(&self) -> DFSchemaRef;

    /// Gives a whole expression a meaning of its own (a grouping key, an aggregate).
    fn whole(&self, _expr: &ast::Expr, _at: Position) -> Result<Option<Bound>> {
        Ok(None)
    }

    /// The error for an aggregate function here.
    fn refuse_aggregate(&self, name: &str, at: Position) -> SqlError {
        SqlError::new(at, format!("the aggregate function {name} cannot stand here"))
            .hint("aggregates stand in SELECT and HAVING")
    }
}

/// What is written by keys alone: a row that goes is told by its key, so that its other values may
/// change by themselves.
pub(crate) struct WrittenByKey<'a>(pub &'a dyn Scope);

impl Scope for WrittenByKey<'_> {
    fn column(&self, qualifier: Option<&Ident>, name: &Ident, at: Position) -> Result<Bound> {
        self.0.column(qualifier, name, at)
    }

    fn schema(&self) -> DFSchemaRef {
        self.0.schema()
    }

    fn whole(&self, expr: &ast::Expr, at: Position) -> Result<Option<Bound>> {
        self.0.whole(expr, at)
    }

    fn refuse_aggregate(&self, name: &str, at: Position) -> SqlError {
        self.0.refuse_aggregate(name, at)
    }
}
