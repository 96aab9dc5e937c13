//! Subqueries beside GROUP BY: `SELECT k, COUNT(*) ... HAVING COUNT(*) > (SELECT ...)`.
//!
//! They are asked for groups and not for rows, so the SELECT becomes two: one of the groups, with all
//! that it says of them as columns, and around it one with the subqueries.

use std::ops::ControlFlow;

use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    Expr, GroupByExpr, Ident, Query, Select, SelectItem, Spanned, VisitMut, VisitorMut,
};

use super::correlated::table;
use super::values::{has_values, keep_name, selects_values};
use crate::error::{Position, Result};
use crate::expr::{function_name, is_aggregate};
use crate::query::Queries;
use crate::relation::Relation;

/// The name of the groups.
const GROUPS: &str = "$groups";

impl Queries<'_> {
    /// The rows of a SELECT with groups, if it has subqueries beside them.
    pub(crate) fn beside_groups(&self, select: &Select, at: Position) -> Option<Result<Relation>> {
        let GroupByExpr::Expressions(keys, _) = &select.group_by else { return None };
        if !select.projection.iter().any(selects_values)
            && !select.having.as_ref().is_some_and(has_values)
        {
            return None;
        }
        let mut hiding = Hiding { keys, at, columns: Vec::new(), depth: 0 };
        let mut outer = select.clone();
        for (index, item) in outer.projection.iter_mut().enumerate() {
            keep_name(item, index);
            let _ = item.visit(&mut hiding);
        }
        let _ = outer.having.visit(&mut hiding);
        if !outer.projection.iter().any(selects_values)
            && !outer.having.as_ref().is_some_and(has_values)
        {
            return None;
        }
        let column = |(expr, alias): (Expr, String)| SelectItem::ExprWithAlias {
            expr,
            alias: Ident::new(alias),
        };
        let projection = hiding.columns.into_iter().map(column).collect();
        let inner = Select { projection, having: None, distinct: None, ..select.clone() };
        outer.select_token = AttachedToken::empty();
        outer.from = vec![table(GROUPS)];
        outer.selection = outer.having.take();
        outer.group_by = GroupByExpr::Expressions(Vec::new(), Vec::new());
        Some(self.select(&inner).and_then(|groups| self.with_named(GROUPS, groups).select(&outer)))
    }
}

/// Puts columns of the groups in the place of what is said of them.
struct Hiding<'a> {
    keys: &'a [Expr],
    at: Position,
    columns: Vec<(Expr, String)>,
    /// Of how many subqueries it is within.
    depth: usize,
}

impl Hiding<'_> {
    fn is_of_group(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => true,
            Expr::Function(function) => {
                let name = function_name(&function.name, self.at).unwrap_or_default();
                let name = name.to_ascii_uppercase();
                is_aggregate(&name)
                    || name.starts_with("GROUPING")
                    || ["TUMBLE_", "HOP_", "SESSION_"].iter().any(|kind| name.starts_with(kind))
            }
            _ => false,
        }
    }

    fn name(&self, expr: &Expr) -> String {
        let own = match expr {
            Expr::Identifier(name) => Some(&name.value),
            Expr::CompoundIdentifier(parts) => parts.last().map(|name| &name.value),
            _ => None,
        };
        // A subquery that names a key finds it by its own name.
        match own.filter(|own| !self.columns.iter().any(|(_, name)| name == *own)) {
            Some(own) => own.clone(),
            None => format!("$group{}", self.columns.len()),
        }
    }
}

impl VisitorMut for Hiding<'_> {
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
        if self.depth > 0 || !(self.keys.contains(expr) || self.is_of_group(expr)) {
            return ControlFlow::Continue(());
        }
        let known = self.columns.iter().find(|(known, _)| known == expr);
        let name = match known {
            Some((_, name)) => name.clone(),
            None => {
                let name = self.name(expr);
                self.columns.push((expr.clone(), name.clone()));
                name
            }
        };
        *expr = Expr::Identifier(Ident::with_span(expr.span(), name));
        ControlFlow::Continue(())
    }
}
