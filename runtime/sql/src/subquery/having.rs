//! `HAVING` without `GROUP BY` in a subquery that names columns around it: it can be true of no rows,
//! of which there is no group that could be joined. It becomes a value of the one row that there is
//! without it.

use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{CaseWhen, Expr, Query, Select, SelectItem, SetExpr};

use super::correlated::select_of;
use crate::error::Position;
use crate::grouping::group_by;

/// Whether a query has it.
pub(super) fn is_of_all(query: &Query, at: Position) -> bool {
    of_all(query, at).is_some()
}

/// The query whose one row is NULL where HAVING is not true, so that the query itself has no row.
pub(super) fn or_null(query: &Query, at: Position) -> Option<Query> {
    let (select, having) = of_all(query, at)?;
    let [SelectItem::UnnamedExpr(value) | SelectItem::ExprWithAlias { expr: value, .. }] =
        select.projection.as_slice()
    else {
        return None;
    };
    let value = Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen { condition: having.clone(), result: value.clone() }],
        else_result: None,
    };
    Some(with_value(query, select, value))
}

/// The query whose one row is what HAVING is.
pub(super) fn as_value(query: &Query, at: Position) -> Option<Query> {
    let (select, having) = of_all(query, at)?;
    Some(with_value(query, select, having.clone()))
}

fn of_all(query: &Query, at: Position) -> Option<(&Select, &Expr)> {
    let select = select_of(query).filter(|_| query.limit_clause.is_none() && query.fetch.is_none());
    let select = select?;
    let by_nothing = group_by(&select.group_by, at).is_ok_and(|(list, _)| list.is_empty());
    select.having.as_ref().filter(|_| by_nothing).map(|having| (select, having))
}

fn with_value(query: &Query, select: &Select, value: Expr) -> Query {
    let projection = vec![SelectItem::UnnamedExpr(value)];
    let select = Select { projection, having: None, ..select.clone() };
    Query { order_by: None, body: Box::new(SetExpr::Select(Box::new(select))), ..query.clone() }
}
