//! `OVER` beside `GROUP BY`: functions over the groups of a SELECT, whose arguments and windows may be
//! aggregates.
//!
//! The groups become a query of their own, in which every value that the SELECT list computes with is
//! a column; the list, over these, is that of a SELECT without `GROUP BY`.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, GroupByExpr, Ident, Select, SelectItem, Spanned as _, VisitMut as _, VisitorMut,
};

use super::has_over;
use crate::expr::has_part;
use crate::select_list::output_name;

/// A SELECT in two.
pub(crate) struct BesideGroups {
    /// The groups, with a column for each value.
    pub(crate) groups: Select,
    /// The list, over these columns.
    pub(crate) over: Select,
}

/// The two parts of a SELECT that groups and has `OVER`; none where it has not.
pub(crate) fn beside_groups(select: &Select) -> Option<BesideGroups> {
    if !has_over(select) {
        return None;
    }
    let mut over = select.clone();
    for (index, item) in over.projection.iter_mut().enumerate() {
        if let SelectItem::UnnamedExpr(expr) = item {
            let alias = Ident::with_span(expr.span(), output_name(expr, index));
            *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
        }
    }
    let mut values = Values::default();
    let _ = over.projection.visit(&mut values);
    let _ = over.named_window.visit(&mut values);
    over.from.clear();
    over.selection = None;
    over.group_by = GroupByExpr::Expressions(Vec::new(), Vec::new());
    over.having = None;
    let mut groups = select.clone();
    groups.distinct = None;
    groups.named_window = Vec::new();
    let column = |(index, expr)| SelectItem::ExprWithAlias { expr, alias: name(index) };
    groups.projection = values.found.into_iter().enumerate().map(column).collect();
    Some(BesideGroups { groups, over })
}

fn name(index: usize) -> Ident {
    Ident::new(format!("$group{index}"))
}

/// Puts columns in the place of values that are of groups alone.
#[derive(Default)]
struct Values {
    found: Vec<Expr>,
}

impl VisitorMut for Values {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if has_part(
            expr,
            |expr| matches!(expr, Expr::Function(function) if function.over.is_some()),
        ) || !has_part(expr, reads)
        {
            return ControlFlow::Continue(());
        }
        let known = self.found.iter().position(|other| other == expr);
        let index = known.unwrap_or_else(|| {
            self.found.push(expr.clone());
            self.found.len() - 1
        });
        *expr = Expr::Identifier(Ident { span: expr.span(), ..name(index) });
        ControlFlow::Continue(())
    }
}

/// Whether an expression is not the same for all groups.
fn reads(expr: &Expr) -> bool {
    matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Function(_))
}
