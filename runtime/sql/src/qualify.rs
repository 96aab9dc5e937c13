//! `QUALIFY`: the rows for which a condition on `OVER` functions is true.
//!
//! It is the `WHERE` of a query around the SELECT, which computes what the condition needs behind
//! its own columns.

use std::ops::ControlFlow;

use sqlparser::ast::{Expr, Ident, Select, SelectItem, Spanned as _, VisitMut as _, VisitorMut};

use crate::error::{Position, Result, SqlError};
use crate::expr::place_of;
use crate::select_list::output_name;

/// A SELECT without its QUALIFY.
pub(crate) struct Qualified {
    /// With hidden columns behind its own.
    pub(crate) select: Select,
    /// Over the hidden columns.
    pub(crate) condition: Expr,
    /// How many columns are hidden.
    pub(crate) hidden: usize,
}

/// Takes QUALIFY out of a SELECT; none where it has none.
pub(crate) fn qualified(select: &Select, at: Position) -> Result<Option<Qualified>> {
    let Some(condition) = &select.qualify else { return Ok(None) };
    let mut condition = condition.clone();
    let place = place_of(&condition, at);
    let mut hiding = Hiding { select, hidden: Vec::new(), has_over: false };
    let _ = condition.visit(&mut hiding);
    if !hiding.has_over {
        return Err(SqlError::new(place, "QUALIFY needs a function with OVER")
            .hint("write conditions on other values behind WHERE"));
    }
    let mut without = Select { qualify: None, distinct: None, ..select.clone() };
    let hidden = hiding.hidden.len();
    for (index, expr) in hiding.hidden.into_iter().enumerate() {
        without.projection.push(SelectItem::ExprWithAlias { expr, alias: name(index) });
    }
    Ok(Some(Qualified { select: without, condition, hidden }))
}

fn name(index: usize) -> Ident {
    Ident::new(format!("$qualify{index}"))
}

/// Puts hidden columns in the place of columns and of functions with OVER.
struct Hiding<'a> {
    select: &'a Select,
    hidden: Vec<Expr>,
    has_over: bool,
}

impl Hiding<'_> {
    /// What a name of the SELECT list stands for.
    fn named(&self, name: &Ident) -> Option<&Expr> {
        self.select.projection.iter().enumerate().find_map(|(index, item)| match item {
            SelectItem::ExprWithAlias { expr, alias } if alias.value == name.value => Some(expr),
            SelectItem::UnnamedExpr(expr) if output_name(expr, index) == name.value => Some(expr),
            _ => None,
        })
    }
}

impl VisitorMut for Hiding<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let hidden = match expr {
            Expr::Function(function) if function.over.is_some() => expr.clone(),
            Expr::Identifier(name) => self.named(name).unwrap_or(expr).clone(),
            Expr::CompoundIdentifier(_) => expr.clone(),
            _ => return ControlFlow::Continue(()),
        };
        self.has_over |= matches!(&hidden, Expr::Function(function) if function.over.is_some());
        let column = Ident { span: expr.span(), ..name(self.hidden.len()) };
        self.hidden.push(hidden);
        *expr = Expr::Identifier(column);
        ControlFlow::Continue(())
    }
}
