//! `ROW_NUMBER() OVER (PARTITION BY ... ORDER BY ...)` with a limit on it: Top-N.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field as ArrowField};
use datafusion_common::DFSchemaRef;
use datafusion_expr::Expr as Value;
use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArguments, SelectItem, WindowSpec, WindowType,
};

use crate::error::{Position, Result, SqlError};
use crate::expr::{Binder, Bound, function_name, place_of};
use crate::relation::{Base, Feed, Field, Relation, columns_schema};

/// The column of the rank.
pub(crate) const RANK: &str = "$rank";

/// The rows of a relation, ranked.
#[derive(Debug, Clone)]
pub(crate) struct RankNode {
    pub feed: Feed,
    /// Columns of the feed, by index.
    pub keys: Vec<usize>,
    pub order: Vec<RankOrder>,
    /// The last rank that is wanted; none when nothing says so.
    pub limit: Option<usize>,
    /// The feed's columns, then the rank.
    pub schema: DFSchemaRef,
    /// Where the query names it.
    pub at: Position,
}

/// A column of the order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RankOrder {
    /// A column of the feed, by index.
    pub column: usize,
    pub descending: bool,
    pub nulls_first: bool,
}

/// The window of the one `ROW_NUMBER() OVER (...)` in a SELECT list; none without OVER.
pub(crate) fn over(items: &[SelectItem], at: Position) -> Result<Option<&WindowSpec>> {
    let mut found = None;
    for item in items {
        let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) = item else {
            continue;
        };
        let Some(function) = over_function(expr) else { continue };
        let place = place_of(expr, at);
        if found.is_some() {
            return Err(SqlError::new(place, "a second OVER in one SELECT is not supported yet"));
        }
        let name = function_name(&function.name, place)?;
        if !name.eq_ignore_ascii_case("ROW_NUMBER") {
            return Err(SqlError::new(place, format!("{name} OVER is not supported yet"))
                .hint("ROW_NUMBER() OVER (PARTITION BY ... ORDER BY ...) is"));
        }
        if !matches!(&function.args, FunctionArguments::List(list) if list.args.is_empty()) {
            return Err(SqlError::new(place, "ROW_NUMBER takes no arguments"));
        }
        match &function.over {
            Some(WindowType::WindowSpec(spec)) => found = Some(spec),
            _ => return Err(SqlError::new(place, "a named window is not supported yet")),
        }
    }
    Ok(found)
}

/// The function of an expression that is nothing but `f() OVER (...)`.
pub(crate) fn over_function(expr: &Expr) -> Option<&Function> {
    match expr {
        Expr::Function(function) if function.over.is_some() => Some(function),
        Expr::Nested(inner) => over_function(inner),
        _ => None,
    }
}

/// The rows of `input` with their ranks.
pub(crate) fn ranked(input: Relation, spec: &WindowSpec, at: Position) -> Result<Relation> {
    input.refuse_expanded(at)?;
    if spec.window_frame.is_some() {
        return Err(SqlError::new(at, "ROW_NUMBER takes no ROWS or RANGE"));
    }
    if spec.order_by.is_empty() {
        return Err(SqlError::new(at, "ROW_NUMBER needs ORDER BY")
            .hint("write ROW_NUMBER() OVER (PARTITION BY ... ORDER BY ...)"));
    }
    let mut columns = Columns::default();
    let mut fields = Vec::new();
    for field in &input.fields {
        let index = columns.take(&field.value);
        let value = Bound { meaning: field.value.meaning, ..columns.column(index) };
        fields.push(Field { value, ..field.clone() });
    }
    let binder = Binder::new(&input, at);
    let mut keys = Vec::new();
    for key in &spec.partition_by {
        keys.push(columns.take(&binder.bind(key)?));
    }
    let mut order = Vec::new();
    for by in &spec.order_by {
        let descending = by.options.asc == Some(false);
        order.push(RankOrder {
            column: columns.take(&binder.bind(&by.expr)?),
            descending,
            // Nulls are lower than everything, as in Flink.
            nulls_first: by.options.nulls_first.unwrap_or(!descending),
        });
    }
    let schema = columns.schema(at)?;
    let feed = Feed { base: input.base, filter: input.filter, columns: columns.columns };
    let node = RankNode { feed, keys, order, limit: None, schema, at };
    Ok(Relation { base: Base::Rank(Arc::new(node)), filter: None, fields, window: None })
}

/// The rank as a column.
pub(crate) fn rank_column() -> Bound {
    Bound::column(RANK, "ROW_NUMBER()".to_owned(), DataType::Int64, false)
}

/// Takes `rank <= n` out of a condition over ranked rows: whether it was one.
pub(crate) fn take_limit(relation: &mut Relation, condition: &Expr, at: Position) -> Result<bool> {
    let Base::Rank(node) = &relation.base else { return Ok(false) };
    let Some(limit) = limit_of(relation, condition) else { return Ok(false) };
    let limit = usize::try_from(limit).unwrap_or(0);
    if limit == 0 {
        return Err(SqlError::new(at, "ranks begin at 1: this keeps nothing"));
    }
    let limit = node.limit.map_or(limit, |before| before.min(limit));
    relation.base = Base::Rank(Arc::new(RankNode { limit: Some(limit), ..(**node).clone() }));
    Ok(true)
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

/// The columns in front of a rank, each expression once.
#[derive(Debug, Default)]
struct Columns {
    columns: Vec<(String, Bound)>,
}

impl Columns {
    fn take(&mut self, bound: &Bound) -> usize {
        if let Some(index) = self.columns.iter().position(|(_, b)| b.expr == bound.expr) {
            return index;
        }
        let mut name = bound.text.clone();
        while name == RANK || self.columns.iter().any(|(taken, _)| *taken == name) {
            name.push('\'');
        }
        self.columns.push((name, bound.clone()));
        self.columns.len() - 1
    }

    fn column(&self, index: usize) -> Bound {
        let (name, bound) = &self.columns[index];
        Bound::column(name, name.clone(), bound.data_type.clone(), bound.nullable)
    }

    fn schema(&self, at: Position) -> Result<DFSchemaRef> {
        let mut fields: Vec<ArrowField> = self
            .columns
            .iter()
            .map(|(name, bound)| ArrowField::new(name, bound.data_type.clone(), bound.nullable))
            .collect();
        fields.push(ArrowField::new(RANK, DataType::Int64, false));
        columns_schema(fields, at)
    }
}
