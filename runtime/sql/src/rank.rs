//! `ROW_NUMBER() OVER (PARTITION BY ... ORDER BY ...)` with a limit on it: Top-N.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion_common::DFSchemaRef;
use datafusion_expr::{Expr as Value, Operator, binary_expr, lit};
use sabot_core::plan::{Frame, OverFunction, OverTime};
use sqlparser::ast::{BinaryOperator, Expr};

use crate::error::{Position, Result, SqlError};
use crate::expr::{Binder, Bound, Meaning, precedence};
use crate::over::{Order, OverAggregate, OverNode, RANK};
use crate::relation::{Base, Feed, Relation, both};
use crate::union::UnionNode;
use crate::window::of_ends;

/// The first rows of a relation by key.
#[derive(Debug, Clone)]
pub(crate) struct RankNode {
    pub feed: Feed,
    /// Columns of the feed, by index.
    pub keys: Vec<usize>,
    pub order: Vec<Order>,
    /// The last rank that is wanted.
    pub limit: usize,
    /// The column of the windows' ends in the feed, where the keys tell windows apart: their first
    /// rows are known once they are over.
    pub window_end: Option<usize>,
    /// Whether those windows are of instants.
    pub of_instants: bool,
    /// The feed's columns, then the rank.
    pub schema: DFSchemaRef,
}

impl RankNode {
    /// Whether the first rows change. Without an order they are those that come first, and stay.
    pub(crate) fn is_updating(&self) -> bool {
        let comes_first = self.order.is_empty() && !self.feed.base.is_updating();
        self.window_end.is_none() && !comes_first
    }
}

impl Relation {
    /// The same rows, where they are the first ones by event time alone, as such that only come: each
    /// once the watermark has passed its time.
    pub(crate) fn settled(self) -> Self {
        let (base, filter) = settled(self.base, self.filter);
        Self { base, filter, ..self }
    }
}

fn settled(base: Base, filter: Option<Bound>) -> (Base, Option<Bound>) {
    match &base {
        Base::Rank(node) => match node.by_time() {
            Some((over, first)) => {
                let filter = filter.into_iter().fold(first, both);
                (Base::Over(Arc::new(over)), Some(filter))
            }
            None => (base, filter),
        },
        Base::Union(node) => {
            let feeds = node.feeds.iter().map(|feed| {
                let (base, filter) = settled(feed.base.clone(), feed.filter.clone());
                Feed { base, filter, columns: feed.columns.clone() }
            });
            let node = UnionNode { feeds: feeds.collect(), schema: Arc::clone(&node.schema) };
            (Base::Union(Arc::new(node)), filter)
        }
        _ => (base, filter),
    }
}

impl RankNode {
    /// Whether rows are ordered as they come: those that only come, by processing time.
    fn is_by_arrival(&self) -> bool {
        let by_time = |order: &Order| {
            !order.descending && self.feed.columns[order.column].1.meaning == Meaning::ProcTime
        };
        let is_ordered_so = matches!(self.order.as_slice(), [order] if by_time(order));
        is_ordered_so && self.window_end.is_none() && !self.feed.base.is_updating()
    }

    /// The rows' numbers in the order of time, and which of them are wanted, where that is the order.
    fn by_time(&self) -> Option<(OverNode, Bound)> {
        let [Order { column, descending: false, .. }] = self.order[..] else { return None };
        let is_time =
            matches!(self.feed.columns[column].1.meaning, Meaning::RowTime | Meaning::WindowTime);
        if !is_time || self.window_end.is_some() || self.feed.base.is_updating() {
            return None;
        }
        let numbers = OverAggregate {
            column: RANK.to_owned(),
            name: "ROW_NUMBER()".to_owned(),
            function: OverFunction::RowNumber,
            argument: None,
            distinct: false,
            data_type: DataType::Int64,
            nullable: false,
        };
        let over = OverNode {
            feed: self.feed.clone(),
            keys: self.keys.clone(),
            order: self.order.clone(),
            time: Some(OverTime::Event(column)),
            window: None,
            frame: Frame::Rows(None),
            aggregates: vec![numbers],
            schema: Arc::clone(&self.schema),
        };
        let number = Bound::column(RANK, RANK.to_owned(), DataType::Int64, false);
        let limit = i64::try_from(self.limit).ok()?;
        let first = Bound {
            expr: binary_expr(number.expr, Operator::LtEq, lit(limit)),
            data_type: DataType::Boolean,
            nullable: false,
            text: format!("{RANK} <= {limit}"),
            precedence: precedence::COMPARISON,
            meaning: Meaning::Plain,
        };
        Some((over, first))
    }
}

/// Takes `rank <= n` out of a condition over rows with their numbers: whether it was one.
pub(crate) fn take_limit(relation: &mut Relation, condition: &Expr, at: Position) -> Result<bool> {
    let (before, window) = match &relation.base {
        Base::Over(node) if node.is_row_number() => {
            let ranks = RankNode {
                feed: node.feed.clone(),
                keys: node.keys.clone(),
                order: node.order.clone(),
                limit: usize::MAX,
                window_end: node.window.and_then(|_| window_end(&node.feed, &node.keys)),
                of_instants: node.window.is_some_and(|window| window.of_instants),
                schema: Arc::clone(&node.schema),
            };
            (ranks, node.window)
        }
        Base::Rank(node) => (node.as_ref().clone(), None),
        _ => return Ok(false),
    };
    let Some(limit) = limit_of(relation, condition) else { return Ok(false) };
    let limit = usize::try_from(limit).unwrap_or(0);
    if limit == 0 {
        return Err(SqlError::new(at, "ranks begin at 1: this keeps nothing"));
    }
    let mut node = RankNode { limit: limit.min(before.limit), ..before };
    if node.limit == 1 && node.is_by_arrival() {
        node.order.clear();
    }
    let end = node.window_end.map(|column| {
        let (name, end) = &node.feed.columns[column];
        Bound::column(name, end.text.clone(), end.data_type.clone(), end.nullable)
    });
    relation.base = Base::Rank(Arc::new(node));
    if let Some(end) = end {
        // Rows come when their windows are over.
        for field in &mut relation.fields {
            if field.value.meaning == Meaning::RowTime {
                field.value.meaning = Meaning::Plain;
            }
        }
        if let Some(window) = window {
            relation.window = of_ends(&relation.base, &end, window);
        }
    }
    Ok(true)
}

/// The column of the windows' ends, where the keys tell windows of rows apart that only come.
fn window_end(feed: &Feed, keys: &[usize]) -> Option<usize> {
    let find = |meaning| keys.iter().copied().find(|key| feed.columns[*key].1.meaning == meaning);
    find(Meaning::WindowStart)?;
    find(Meaning::WindowEnd).filter(|_| !feed.base.is_updating())
}

fn limit_of(relation: &Relation, condition: &Expr) -> Option<i64> {
    let Expr::BinaryOp { left, op, right } = condition else { return None };
    let binder = Binder::new(relation, Position { line: 1, column: 1 });
    let is_rank = |bound: &Bound| matches!(&bound.expr, Value::Column(c) if c.name == RANK);
    let (Ok(l), Ok(r)) = (binder.bind(left), binder.bind(right)) else { return None };
    match op {
        BinaryOperator::LtEq if is_rank(&l) => r.literal_integer(),
        BinaryOperator::Lt if is_rank(&l) => r.literal_integer().map(|n| n - 1),
        BinaryOperator::GtEq if is_rank(&r) => l.literal_integer(),
        BinaryOperator::Gt if is_rank(&r) => l.literal_integer().map(|n| n - 1),
        BinaryOperator::Eq if is_rank(&l) => r.literal_integer().filter(|n| *n == 1),
        BinaryOperator::Eq if is_rank(&r) => l.literal_integer().filter(|n| *n == 1),
        _ => None,
    }
}
