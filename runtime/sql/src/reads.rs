//! What a job reads of a table: which columns, which fields of a ROW, which rows.
//!
//! What nothing reads is not asked for. Rows are left out only where the connector promises it and
//! one column says which: by `event_type = 2` Nexmark's generator makes nothing but bids, and every
//! expression over the table may take that for granted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion_common::ScalarValue;
use datafusion_common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion_expr::expr::InList;
use datafusion_expr::utils::split_conjunction;
use datafusion_expr::{BinaryExpr, Expr, Operator, lit};
use sabot_core::SourceFilter;
use sabot_core::plan::{NodeKind, PlanNode};

use crate::catalog::{Table, TableColumn};
use crate::expr::{Bound, column_path};
use crate::settings::Settings;

/// The connectors that leave out rows, and the INT column by which they do.
///
/// The watermark then follows the rows that are left. That must not make others late, so that only
/// connectors are here whose rows come in the order of their times.
const FILTERS: &[(&str, &str)] = &[("nexmark", "event_type")];

/// What the readers of one table say about it.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    /// Everything that is computed from a row.
    exprs: Vec<Expr>,
    /// The filter of each reader; none: it reads all rows.
    filters: Vec<Option<Expr>>,
}

/// A table with only what is read.
#[derive(Debug)]
pub(crate) struct ReadTable {
    /// The columns that anything reads, in the table's order.
    pub columns: Vec<TableColumn>,
    /// The physical columns that those are computed from.
    pub physical: Vec<TableColumn>,
    /// The rows.
    pub filter: Option<Arc<SourceFilter>>,
}

impl Reads {
    /// Adds a reader: its filter and what it computes.
    pub(crate) fn add<'b>(
        &mut self,
        filter: Option<&'b Bound>,
        exprs: impl Iterator<Item = &'b Bound>,
    ) {
        self.filters.push(filter.map(|bound| bound.expr.clone()));
        self.exprs.extend(filter.into_iter().chain(exprs).map(|bound| bound.expr.clone()));
    }

    /// The table as it is read. Without readers it is read for its rows alone.
    /// The settings say what the source is told of it.
    pub(crate) fn of(&self, table: &Table, settings: &Settings) -> ReadTable {
        let pushdown = settings.pushdown;
        let filter = if pushdown.filters { self.filter(table) } else { None };
        let known = Known(filter.clone());
        let mut paths = Paths::default();
        for expr in &self.exprs {
            paths.add(&known.in_expr(expr));
        }
        if let Some(watermark) = &table.watermark {
            paths.add(&watermark.expression.expr);
            paths.whole(&watermark.column);
        }
        if table.keeps_last_rows(settings) {
            for column in &table.primary_key {
                paths.whole(column);
            }
        }
        let mut columns: Vec<TableColumn> =
            table.columns.iter().filter(|c| paths.0.contains_key(&c.name)).cloned().collect();
        for column in &mut columns {
            if let Some(computed) = &mut column.computed {
                computed.expr = known.in_expr(&computed.expr);
                paths.add(&computed.expr);
            }
        }
        if !pushdown.projections {
            table.physical().for_each(|column| paths.whole(&column.name));
        }
        let mut physical: Vec<TableColumn> =
            table.physical().filter(|c| paths.0.contains_key(&c.name)).cloned().collect();
        if physical.is_empty() {
            // A batch without columns would lose its number of rows.
            physical.extend(table.physical().take(1).cloned());
        }
        for column in &mut physical {
            column.data_type = paths.prune(column);
        }
        for column in columns.iter_mut().filter(|column| column.computed.is_none()) {
            column.data_type = paths.prune(column);
        }
        if columns.is_empty() {
            columns.extend(physical.first().cloned());
        }
        ReadTable { columns, physical, filter }
    }

    /// The rows that any reader wants, when all of them say so by the connector's column.
    fn filter(&self, table: &Table) -> Option<Arc<SourceFilter>> {
        let connector = table.options.get("connector")?;
        let (_, name) = FILTERS.iter().find(|(filtering, _)| filtering == connector)?;
        table.physical().find(|c| c.name == *name && c.data_type == DataType::Int32)?;
        let mut values = BTreeSet::new();
        for filter in &self.filters {
            values.extend(values_of(filter.as_ref()?, name)?);
        }
        if self.filters.is_empty() {
            return None;
        }
        let values = values.into_iter().collect();
        Some(Arc::new(SourceFilter { column: (*name).to_owned(), values }))
    }
}

/// The values that `column` has in rows for which `filter` is true; none: any.
fn values_of(filter: &Expr, column: &str) -> Option<BTreeSet<i64>> {
    let of_conjunct = |conjunct: &Expr| match conjunct {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            let (left, right) = (values_of(left, column)?, values_of(right, column)?);
            Some(left.union(&right).copied().collect())
        }
        Expr::InList(InList { expr, list, negated: false }) if is_column(expr, column) => {
            list.iter().map(int).collect()
        }
        other => equals(other, column).map(|value| BTreeSet::from([value])),
    };
    split_conjunction(filter)
        .into_iter()
        .filter_map(of_conjunct)
        .reduce(|all, more| all.intersection(&more).copied().collect())
}

/// The value, if `expr` is `column = value`.
fn equals(expr: &Expr, column: &str) -> Option<i64> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
            match (is_column(left, column), is_column(right, column)) {
                (true, false) => int(right),
                (false, true) => int(left),
                _ => None,
            }
        }
        _ => None,
    }
}

fn is_column(expr: &Expr, name: &str) -> bool {
    matches!(expr, Expr::Column(column) if column.name == name)
}

fn int(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Literal(ScalarValue::Int32(Some(value)), _) => Some(i64::from(*value)),
        _ => None,
    }
}

/// What is known about the rows of a node: the values that one column of the source has.
#[derive(Debug, Clone)]
pub(crate) struct Known(Option<Arc<SourceFilter>>);

impl Known {
    /// What a source's filter makes sure of.
    pub(crate) fn of(node: &PlanNode) -> Self {
        match &node.kind {
            NodeKind::Source(source) => Self(source.filter.clone()),
            _ => Self(None),
        }
    }

    /// What the filter of a table that is read makes sure of.
    pub(crate) fn of_read(read: &ReadTable) -> Self {
        Self(read.filter.clone())
    }

    /// The same value as `bound` for these rows.
    pub(crate) fn in_bound(&self, bound: &Bound) -> Bound {
        Bound { expr: self.in_expr(&bound.expr), ..bound.clone() }
    }

    fn in_expr(&self, expr: &Expr) -> Expr {
        let Some(SourceFilter { column, values }) = self.0.as_deref() else { return expr.clone() };
        let only = match values.as_slice() {
            [value] => i32::try_from(*value).ok(),
            _ => None,
        };
        let replaced = expr.clone().transform_up(|expr| {
            if let Some(value) = equals(&expr, column) {
                let (is_possible, is_certain) = (values.contains(&value), only.is_some());
                if !is_possible || is_certain {
                    return Ok(Transformed::yes(lit(is_possible)));
                }
            }
            Ok(simpler(expr))
        });
        let simple = replaced.map_or_else(|_| expr.clone(), |replaced| replaced.data);
        let replaced = simple.clone().transform_up(|expr| {
            Ok(match only {
                Some(value) if is_column(&expr, column) => Transformed::yes(lit(value)),
                _ => Transformed::no(expr),
            })
        });
        replaced.map_or(simple, |replaced| replaced.data)
    }
}

/// AND, OR, NOT and CASE without what constants decide. The library's simplification needs a
/// schema, which here would have to be that of a table with columns that are not read.
fn simpler(expr: Expr) -> Transformed<Expr> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::And | Operator::Or), right }) => {
            // What decides, and what has no say.
            let (strong, weak) = (op == Operator::Or, op == Operator::And);
            match (constant(&left), constant(&right)) {
                (Some(value), _) | (_, Some(value)) if value == strong => {
                    Transformed::yes(lit(strong))
                }
                (Some(value), _) if value == weak => Transformed::yes(*right),
                (_, Some(value)) if value == weak => Transformed::yes(*left),
                _ => Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })),
            }
        }
        Expr::Not(inner) => match constant(&inner) {
            Some(value) => Transformed::yes(lit(!value)),
            None => Transformed::no(Expr::Not(inner)),
        },
        Expr::Case(mut case) if case.expr.is_none() => {
            let before = case.when_then_expr.len();
            case.when_then_expr.retain(|(when, _)| constant(when) != Some(false));
            let certain =
                case.when_then_expr.iter().position(|(when, _)| constant(when) == Some(true));
            if let Some(index) = certain {
                let (_, then) = case.when_then_expr.swap_remove(index);
                case.when_then_expr.truncate(index);
                case.else_expr = Some(then);
            }
            match (case.when_then_expr.is_empty(), case.else_expr.take()) {
                (true, Some(otherwise)) => Transformed::yes(*otherwise),
                (true, None) => Transformed::yes(Expr::Literal(ScalarValue::Null, None)),
                (false, otherwise) => {
                    case.else_expr = otherwise;
                    let changed = before != case.when_then_expr.len();
                    Transformed::new(Expr::Case(case), changed, TreeNodeRecursion::Continue)
                }
            }
        }
        other => Transformed::no(other),
    }
}

fn constant(expr: &Expr) -> Option<bool> {
    match expr {
        Expr::Literal(ScalarValue::Boolean(value), _) => *value,
        _ => None,
    }
}

/// Columns, with the fields of a ROW that are read; no fields: the whole value is.
#[derive(Debug, Default)]
struct Paths(BTreeMap<String, Option<Paths>>);

impl Paths {
    fn add(&mut self, expr: &Expr) {
        // The closure never fails.
        let _ = expr.apply(|expr| {
            let Some((column, path)) = column_path(expr) else {
                return Ok(TreeNodeRecursion::Continue);
            };
            self.path(column, &path);
            Ok(TreeNodeRecursion::Jump)
        });
    }

    fn path(&mut self, name: &str, rest: &[&str]) {
        let Some((field, rest)) = rest.split_first() else { return self.whole(name) };
        let fields = self.0.entry(name.to_owned()).or_insert_with(|| Some(Self::default()));
        if let Some(fields) = fields {
            fields.path(field, rest);
        }
    }

    fn whole(&mut self, name: &str) {
        self.0.insert(name.to_owned(), None);
    }

    /// The type of a column without the fields that are not read.
    fn prune(&self, column: &TableColumn) -> DataType {
        self.prune_field(&column.name, &column.data_type)
    }

    fn prune_field(&self, name: &str, data_type: &DataType) -> DataType {
        match (self.0.get(name), data_type) {
            (Some(Some(read)), DataType::Struct(fields)) => {
                let kept = fields.iter().filter(|field| read.0.contains_key(field.name()));
                let pruned = |field: &Arc<Field>| {
                    let data_type = read.prune_field(field.name(), field.data_type());
                    field.as_ref().clone().with_data_type(data_type)
                };
                DataType::Struct(kept.map(pruned).collect())
            }
            _ => data_type.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
