//! `ORDER BY`, `LIMIT`, `OFFSET` and `FETCH` of a query.
//!
//! The first rows of a stream change with it, as a rank without keys does; without an order they are
//! those that come first. All rows in an order are there only by event time: each is given once, when
//! the watermark has passed it.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field as ArrowField};
use sabot_core::plan::{Frame, OverTime};
use sqlparser::ast::{
    BinaryOperator, Expr, Ident, LimitClause, OrderBy, OrderByExpr, OrderByKind, Query, Select,
    SelectItem, SetExpr, Spanned, Value, visit_expressions_mut,
};

use crate::columns::Columns;
use crate::error::{Position, Result, SqlError, start_of};
use crate::expr::{Binder, Bound, Meaning, binary, integer, place_of, precedence};
use crate::over::{Order, OverNode, RANK};
use crate::query::{Queries, unsupported};
use crate::rank::RankNode;
use crate::relation::{Base, Feed, Field, Relation, columns_schema};
use crate::select_list::output_name;
use crate::types::flink_name;

/// Which of a query's rows are given.
#[derive(Debug, Clone, Copy)]
struct Slice {
    /// How many; none: all.
    limit: Option<usize>,
    /// How many before them are not.
    offset: usize,
    at: Position,
}

/// The first rows of a query within another, for each of the values that it is asked by.
pub(crate) struct FirstOfEach<'q> {
    order: &'q [OrderByExpr],
    slice: Slice,
    limit: usize,
}

impl<'q> FirstOfEach<'q> {
    /// What a query has behind its SELECT; none where it is nothing, or has no order.
    pub(crate) fn of(query: &'q Query, at: Position) -> Result<Option<Self>> {
        let slice = Slice::of(query, at)?;
        let order = query.order_by.as_ref().map_or(Ok(&[][..]), |order| keys(order, at))?;
        Ok(slice
            .limit
            .filter(|limit| *limit > 0 && slice.offset == 0 && !order.is_empty())
            .map(|limit| Self { order, slice, limit }))
    }

    /// A SELECT with what it is ordered by behind its columns.
    pub(crate) fn ordered(&self, select: &Select) -> Select {
        with_keys(select, self.order)
    }

    /// The first of the rows of such a SELECT that are equal in so many columns at their end.
    pub(crate) fn rows(&self, mut rows: Relation, keys: usize) -> Result<Relation> {
        let by = rows.fields.split_off(rows.fields.len() - keys);
        let hidden = self.order.iter().filter(|by| number(&by.expr).is_none()).count();
        let hidden = rows.fields.split_off(rows.fields.len() - hidden);
        let order = bound_keys(&rows, self.order, hidden, self.slice.at)?;
        rows.fields.extend(by);
        first(rows, keys, &order, self.limit, self.slice)
    }
}

/// A value that rows are ordered by.
struct Key<'q> {
    value: Bound,
    by: &'q OrderByExpr,
    at: Position,
}

/// Whether a query orders rows, or gives only some of them.
pub(crate) fn is_sorted(query: &Query) -> bool {
    query.order_by.is_some() || query.limit_clause.is_some() || query.fetch.is_some()
}

impl Queries<'_> {
    /// The rows of a query's body in its order, and no more than it says.
    pub(crate) fn sorted(
        &self,
        query: &Query,
        is_outermost: bool,
        at: Position,
    ) -> Result<Relation> {
        let slice = Slice::of(query, at)?;
        // As in Flink, the order of rows that others read is nothing to keep.
        let is_ignored = !is_outermost && slice.limit.is_none() && slice.offset == 0;
        let order = query.order_by.as_ref().map_or(Ok(&[][..]), |order| keys(order, at))?;
        let (mut rows, hidden) = match query.body.as_ref() {
            SetExpr::Select(select) if select.distinct.is_none() => {
                let select = with_keys(select, order);
                let rows = self.body(&SetExpr::Select(Box::new(select)), at)?;
                (rows, order.iter().filter(|by| number(&by.expr).is_none()).count())
            }
            body => (self.body(body, at)?, 0),
        };
        if !is_ignored {
            rows = rows.expanded(at)?;
        }
        let hidden = rows.fields.split_off(rows.fields.len() - hidden);
        let bound = bound_keys(&rows, order, hidden, at)?;
        if is_ignored {
            let place = bound.first().map_or(at, |key| key.at);
            let warning = "ORDER BY within another query has no effect without LIMIT";
            self.catalog.hints.warn(place, warning);
            return Ok(rows);
        }
        match (slice.limit, bound.first()) {
            (Some(0), _) => Ok(none_of(rows)),
            (Some(limit), _) => first(rows, 0, &bound, limit, slice),
            (None, Some(_)) if slice.offset == 0 => by_time(rows, &bound),
            _ => Err(SqlError::new(slice.at, "OFFSET needs a LIMIT")
                .hint("a stream has no end: add LIMIT <number>")),
        }
    }
}

/// What rows are ordered by: `hidden` are those that are no numbers of columns, if they are computed.
fn bound_keys<'q>(
    rows: &Relation,
    order: &'q [OrderByExpr],
    hidden: Vec<Field>,
    at: Position,
) -> Result<Vec<Key<'q>>> {
    let mut hidden = hidden.into_iter();
    let mut bound = Vec::new();
    for by in order {
        let place = place_of(&by.expr, at);
        let value = match number(&by.expr) {
            Some(number) => nth(rows, number, place)?,
            None => match hidden.next() {
                Some(field) => field.value,
                None => Binder::new(rows, place).bind(&by.expr)?,
            },
        };
        if value.data_type.is_nested() {
            let type_name = flink_name(&value.data_type);
            let message = format!("{} is {type_name}, which has no order", value.text);
            return Err(SqlError::new(place, message));
        }
        bound.push(Key { value, by, at: place });
    }
    Ok(bound)
}

impl Slice {
    fn of(query: &Query, at: Position) -> Result<Self> {
        let mut slice = Self { limit: None, offset: 0, at };
        match &query.limit_clause {
            None => {}
            Some(LimitClause::LimitOffset { limit, offset, limit_by }) => {
                if let Some(first) = limit_by.first() {
                    return Err(unsupported("LIMIT BY", place_of(first, at)));
                }
                if let Some(limit) = limit {
                    slice.set_limit(limit, "LIMIT", at)?;
                }
                if let Some(offset) = offset {
                    slice.at = place_of(&offset.value, at);
                    slice.offset = count(&offset.value, "OFFSET", at)?;
                }
            }
            Some(LimitClause::OffsetCommaLimit { offset, limit }) => {
                slice.set_limit(limit, "LIMIT", at)?;
                slice.offset = count(offset, "LIMIT", at)?;
            }
        }
        if let Some(fetch) = &query.fetch {
            if fetch.with_ties || fetch.percent {
                return Err(unsupported("FETCH with TIES or PERCENT", at)
                    .hint("write FETCH FIRST 10 ROWS ONLY"));
            }
            match &fetch.quantity {
                Some(quantity) => slice.set_limit(quantity, "FETCH", at)?,
                None => slice.limit = Some(1),
            }
        }
        Ok(slice)
    }

    fn set_limit(&mut self, limit: &Expr, what: &str, at: Position) -> Result<()> {
        self.limit = Some(count(limit, what, at)?);
        Ok(())
    }
}

fn count(value: &Expr, what: &str, at: Position) -> Result<usize> {
    number(value).and_then(|digits| digits.parse().ok()).ok_or_else(|| {
        SqlError::new(place_of(value, at), format!("{what} takes a whole number from 0"))
    })
}

/// The digits, if this is a number as it is written.
fn number(value: &Expr) -> Option<&str> {
    match value {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => Some(digits),
            _ => None,
        },
        _ => None,
    }
}

fn keys(order: &OrderBy, at: Position) -> Result<&[OrderByExpr]> {
    let place = start_of(order.span()).unwrap_or(at);
    match &order.kind {
        OrderByKind::Expressions(keys) if order.interpolate.is_none() => {
            match keys.iter().find(|key| key.with_fill.is_some()) {
                None => Ok(keys),
                Some(key) => Err(unsupported("WITH FILL", place_of(&key.expr, at))),
            }
        }
        OrderByKind::Expressions(_) => Err(unsupported("INTERPOLATE", place)),
        OrderByKind::All(_) => {
            Err(unsupported("ORDER BY ALL", place).hint("name the columns of the order"))
        }
    }
}

/// The column that a number in ORDER BY stands for.
fn nth(rows: &Relation, digits: &str, at: Position) -> Result<Bound> {
    let index = digits.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    let field = index.and_then(|index| rows.fields.get(index)).ok_or_else(|| {
        let message = format!("ORDER BY {digits}: the query has {} columns", rows.fields.len());
        SqlError::new(at, message).hint("a number in ORDER BY is that of a column, from 1")
    })?;
    Ok(field.value.clone())
}

/// A SELECT that computes what it is ordered by behind its own columns. As in Flink, the name of one
/// of these stands for it.
fn with_keys(select: &Select, order: &[OrderByExpr]) -> Select {
    let named = |name: &Ident| {
        select.projection.iter().enumerate().find_map(|(index, item)| match item {
            SelectItem::ExprWithAlias { expr, alias } if alias.value == name.value => Some(expr),
            SelectItem::UnnamedExpr(expr) if output_name(expr, index) == name.value => Some(expr),
            _ => None,
        })
    };
    let mut ordered = select.clone();
    for (index, by) in order.iter().enumerate().filter(|(_, by)| number(&by.expr).is_none()) {
        let mut key = by.expr.clone();
        // Children first: what is put in is not looked at again.
        let _ = visit_expressions_mut(&mut key, |expr: &mut Expr| {
            if let Expr::Identifier(name) = expr
                && let Some(named) = named(name)
            {
                *expr = Expr::Nested(Box::new(named.clone()));
            }
            ControlFlow::<()>::Continue(())
        });
        let alias = Ident::new(format!("$order{index}"));
        ordered.projection.push(SelectItem::ExprWithAlias { expr: key, alias });
    }
    ordered
}

/// The columns of `rows`, which of them each field is, and what they are ordered by; `rows` afterwards
/// has columns of a node.
fn feed(rows: &mut Relation, keys: &[Key<'_>]) -> (Columns, Vec<usize>, Vec<Order>) {
    let mut columns = Columns::default();
    let mut places = Vec::with_capacity(rows.fields.len());
    for field in &mut rows.fields {
        let index = columns.take(&field.value);
        places.push(index);
        let meaning = match field.value.meaning {
            Meaning::RowTime | Meaning::WindowTime => Meaning::RowTime,
            Meaning::ProcTime => Meaning::ProcTime,
            _ => Meaning::Plain,
        };
        field.value = Bound { meaning, ..columns.column(index) };
    }
    let order = keys.iter().map(|key| Order::by(columns.take(&key.value), key.by.options));
    let order = order.collect();
    (columns, places, order)
}

/// No rows, as `LIMIT 0` has it: they are read, and none is kept.
fn none_of(mut rows: Relation) -> Relation {
    let never = Bound {
        expr: datafusion_expr::lit(false),
        data_type: DataType::Boolean,
        nullable: false,
        text: "FALSE".to_owned(),
        precedence: precedence::ATOM,
        meaning: Meaning::Plain,
    };
    rows.filter_by(never);
    rows
}

/// The first rows, behind those that are left out, of all that are equal in so many columns at their
/// end.
fn first(
    mut rows: Relation,
    by: usize,
    order: &[Key<'_>],
    limit: usize,
    slice: Slice,
) -> Result<Relation> {
    let (columns, mut places, order) = feed(&mut rows, order);
    let keys = places.split_off(places.len() - by);
    let mut fields = columns.fields();
    fields.push(ArrowField::new(RANK, DataType::Int64, false));
    let node = RankNode {
        feed: Feed { base: rows.base, filter: rows.filter, columns: columns.columns },
        keys,
        order,
        limit: limit.saturating_add(slice.offset),
        window_end: None,
        of_instants: false,
        schema: columns_schema(fields, slice.at)?,
    };
    rows = Relation {
        base: Base::Rank(Arc::new(node)),
        filter: None,
        fields: rows.fields,
        window: None,
    };
    if slice.offset > 0 {
        let rank = Bound::column(RANK, RANK.to_owned(), DataType::Int64, false);
        let offset = integer(slice.offset as i64);
        let binder = Binder::new(&rows, slice.at);
        rows.filter = Some(binary(&binder, rank, &BinaryOperator::Gt, offset, slice.at)?);
    }
    Ok(rows)
}

/// All rows in the order of their time.
fn by_time(mut rows: Relation, keys: &[Key<'_>]) -> Result<Relation> {
    let key = &keys[0];
    let refused = |what: &str, hint: &str| Err(SqlError::new(key.at, what).hint(hint));
    let descending = key.by.options.asc == Some(false);
    match key.value.meaning {
        Meaning::RowTime | Meaning::WindowTime if !descending => {}
        // They come in this order.
        Meaning::ProcTime if !descending && keys.len() == 1 => return Ok(rows),
        _ => {
            return refused(
                &format!("ORDER BY {} needs a LIMIT", key.value.text),
                "a stream has no end at which it could be sorted: add LIMIT <number>, or order first \
                 by the event time, ascending",
            );
        }
    }
    if rows.base.is_updating() {
        return refused(
            "rows that change and go cannot be ordered by time",
            "add LIMIT <number>, or order before what updates",
        );
    }
    let (columns, _, order) = feed(&mut rows, keys);
    let node = OverNode {
        time: order.first().map(|order| OverTime::Event(order.column)),
        schema: columns_schema(columns.fields(), key.at)?,
        feed: Feed { base: rows.base, filter: rows.filter, columns: columns.columns },
        keys: Vec::new(),
        order,
        window: None,
        frame: Frame::Rows(Some(0)),
        aggregates: Vec::new(),
    };
    let base = Base::Over(Arc::new(node));
    Ok(Relation { base, filter: None, fields: rows.fields, window: None })
}
