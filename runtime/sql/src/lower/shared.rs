//! What is taken or computed once for every row before a calculation filters: calls that its filter
//! makes for every row and that stand in it or in a column once more, and the fields of rows of which
//! nothing else is read, so that only these are filtered.

use arrow::datatypes::SchemaRef;
use datafusion_common::DFSchema;
use datafusion_common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion_expr::expr::InList;
use datafusion_expr::{Between, BinaryExpr, Cast, Expr, ExprSchemable, Like, Operator, TryCast};
use sabot_core::plan::CalcDesc;

use crate::error::{Result, SqlError};
use crate::expr::{Bound, Meaning, column_expr, compile, fields_read, precedence};
use crate::zone::Zone;

/// Filters by `filter` and makes `columns`, all over the columns of `input`; local times are those of
/// `zone`.
pub(super) fn calc(
    mut filter: Option<Bound>,
    mut columns: Vec<Bound>,
    input: &SchemaRef,
    zone: Zone,
) -> Result<CalcDesc> {
    let mut shared = Vec::new();
    if let Some(of) = &filter {
        let text = of.text.clone();
        let calls = repeated(of, &columns);
        share(&calls, &text, input, (&mut filter, &mut columns), &mut shared)?;
        let fields = fields_read(columns.iter().map(|column| &column.expr));
        let fields: Vec<Expr> = fields.into_iter().cloned().collect();
        share(&fields, &text, input, (&mut filter, &mut columns), &mut shared)?;
    }
    let schema = CalcDesc::with_shared(input, shared.iter().map(|call| &call.data_type));
    Ok(CalcDesc {
        shared: shared.iter().map(|call| compile(call, input, zone)).collect::<Result<_>>()?,
        filter: filter.map(|filter| compile(&filter, &schema, zone)).transpose()?,
        columns: columns
            .iter()
            .map(|column| compile(column, &schema, zone))
            .collect::<Result<_>>()?,
    })
}

/// Shares calls: columns stand in their places in the filter, which `text` is, and in the columns.
fn share(
    calls: &[Expr],
    text: &str,
    input: &SchemaRef,
    (filter, columns): (&mut Option<Bound>, &mut Vec<Bound>),
    shared: &mut Vec<Bound>,
) -> Result<()> {
    for call in calls {
        let column = CalcDesc::shared_name(shared.len());
        for bound in filter.iter_mut().chain(&mut *columns) {
            bound.expr = with_column(&bound.expr, &identity(call), &column);
        }
        shared.push(bound(call.clone(), text, input)?);
    }
    Ok(())
}

/// A call over the columns of `input`; what fails in it is said to fail in `text`.
fn bound(call: Expr, text: &str, input: &SchemaRef) -> Result<Bound> {
    let failed = |error: datafusion_common::DataFusionError| {
        SqlError::new(None, format!("cannot compile {text}: {}", error.strip_backtrace()))
    };
    let schema = DFSchema::try_from(input.as_ref().clone()).map_err(failed)?;
    Ok(Bound {
        data_type: call.get_type(&schema).map_err(failed)?,
        expr: call,
        nullable: true,
        text: text.to_owned(),
        precedence: precedence::ATOM,
        meaning: Meaning::Plain,
    })
}

/// The calls that `filter` makes for every row and that stand there or in `columns` once more.
fn repeated(filter: &Bound, columns: &[Bound]) -> Vec<Expr> {
    let all = || std::iter::once(filter).chain(columns).map(|bound| &bound.expr);
    let is_repeated = |call: &str| all().map(|expr| places(expr, call)).sum::<usize>() > 1;
    let mut calls = Vec::new();
    collect(&filter.expr, &is_repeated, &mut calls);
    calls.into_iter().cloned().collect()
}

/// Collects calls that `expr` makes for every row, outer ones before what is in them.
fn collect<'e>(expr: &'e Expr, is_repeated: &impl Fn(&str) -> bool, calls: &mut Vec<&'e Expr>) {
    let mut within = |expr| collect(expr, is_repeated, calls);
    match expr {
        // What is on the right may depend on what is on the left.
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And | Operator::Or, .. }) => within(left),
        Expr::BinaryExpr(BinaryExpr { left, right, .. }) => {
            within(left);
            within(right);
        }
        Expr::Like(Like { expr, pattern, .. }) => {
            within(expr);
            within(pattern);
        }
        Expr::Between(Between { expr, low, high, .. }) => {
            within(expr);
            within(low);
            within(high);
        }
        Expr::InList(InList { expr, .. })
        | Expr::Cast(Cast { expr, .. })
        | Expr::TryCast(TryCast { expr, .. })
        | Expr::Not(expr)
        | Expr::IsNull(expr)
        | Expr::IsNotNull(expr)
        | Expr::IsTrue(expr)
        | Expr::IsFalse(expr)
        | Expr::IsNotTrue(expr)
        | Expr::IsNotFalse(expr)
        | Expr::IsUnknown(expr)
        | Expr::IsNotUnknown(expr)
        | Expr::Negative(expr) => within(expr),
        Expr::ScalarFunction(call) => {
            let reads_columns = !expr.column_refs().is_empty();
            let is_fixed = !expr.is_volatile();
            let call_identity = identity(expr);
            if reads_columns && is_fixed && is_repeated(&call_identity) {
                if !calls.iter().any(|other| is_call(other, &call_identity)) {
                    calls.push(expr);
                }
            } else if !call.func.short_circuits() {
                call.args.iter().for_each(within);
            }
        }
        _ => {}
    }
}

/// What two calls have in common that are the same. Functions of our own are told by their names
/// (see `functions::own::call`), and are not equal where they were made twice.
fn identity(call: &Expr) -> String {
    format!("{call:?}")
}

fn is_call(expr: &Expr, call: &str) -> bool {
    matches!(expr, Expr::ScalarFunction(_)) && identity(expr) == call
}

/// In how many places a call stands.
fn places(expr: &Expr, call: &str) -> usize {
    let mut found = 0;
    let counted = expr.apply(|expr| {
        found += usize::from(is_call(expr, call));
        Ok(TreeNodeRecursion::Continue)
    });
    counted.map_or(0, |_| found)
}

/// The expression with a column in the places of a call.
fn with_column(expr: &Expr, call: &str, column: &str) -> Expr {
    let replaced = expr.clone().transform_down(|expr| {
        Ok(if is_call(&expr, call) {
            Transformed::yes(column_expr(column))
        } else {
            Transformed::no(expr)
        })
    });
    replaced.map_or_else(|_| expr.clone(), |done| done.data)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
    use sabot_core::plan::NodeKind;

    use super::*;
    use crate::{PlanOptions, plan};

    /// The calculation of a query over the texts `a` and `b`.
    fn planned(query: &str) -> CalcDesc {
        planned_over("a STRING, b STRING", "x STRING", query)
    }

    /// The same over a table `t` with these columns, into a sink with those.
    fn planned_over(columns: &str, sink: &str, query: &str) -> CalcDesc {
        let sql = format!(
            "CREATE TABLE t ({columns}) WITH ('connector' = 'datagen');
             CREATE TABLE result ({sink}) WITH ('connector' = 'print');
             INSERT INTO result {query};"
        );
        let planned = plan(&sql, &PlanOptions::default()).unwrap();
        let calcs = planned.plan.nodes.into_iter().filter_map(|node| match node.kind {
            NodeKind::Calc(calc) => Some(calc),
            _ => None,
        });
        calcs.last().unwrap()
    }

    #[test]
    fn calls_that_the_filter_makes_for_every_row_are_shared() {
        let of = "FROM t WHERE";
        for (query, shared) in [
            (format!("SELECT UPPER(a) {of} UPPER(a) = 'X'"), 1),
            (format!("SELECT a {of} UPPER(a) <> 'X' AND UPPER(a) <> 'Y'"), 1),
            (format!("SELECT IF(b = 'y', LTRIM(a), b) {of} LTRIM(a) IS NOT NULL OR b = 'x'"), 1),
            (format!("SELECT UPPER(LTRIM(a)) {of} UPPER(LTRIM(a)) = LTRIM(b)"), 1),
            (format!("SELECT LTRIM(a) {of} UPPER(LTRIM(a)) = LTRIM(b)"), 1),
            (format!("SELECT UPPER(a) || LTRIM(b) {of} UPPER(a) = LTRIM(b)"), 2),
            (format!("SELECT a {of} SPLIT_INDEX(a, ',', 0) = SPLIT_INDEX(a, ',', 0)"), 1),
            (format!("SELECT SPLIT_INDEX(a, ',', 0) {of} SPLIT_INDEX(a, ',', 0) = 'x'"), 1),
            (format!("SELECT SPLIT_INDEX(a, ',', 1) {of} SPLIT_INDEX(a, ',', 0) = 'x'"), 0),
            (format!("SELECT CONCAT(a, 'x\"), Utf8(\"y') {of} CONCAT(a, 'x', 'y') = b"), 0),
            // Of another text, only there, or made where something else is true first.
            (format!("SELECT UPPER(b) {of} UPPER(a) = 'X'"), 0),
            (format!("SELECT b {of} UPPER(a) = 'X'"), 0),
            (format!("SELECT UPPER(a) {of} b = 'x' AND UPPER(a) = 'X'"), 0),
            (format!("SELECT UPPER(a) {of} CASE WHEN b = 'x' THEN UPPER(a) = 'X' END"), 0),
            ("SELECT UPPER(a) || UPPER(a) FROM t".to_owned(), 0),
        ] {
            assert_eq!(planned(&query).shared.len(), shared, "{query}");
        }
    }

    #[test]
    fn fields_are_filtered_by_themselves_where_nothing_else_is_read_of_their_rows() {
        for (query, sink, shared) in [
            ("SELECT r.a FROM t WHERE x = 'y'", "a STRING", 1),
            ("SELECT r.a || r.s.c, UPPER(r.a) FROM t WHERE r.b = 'y'", "a STRING, b STRING", 2),
            ("SELECT r.a FROM t WHERE r.a = 'y'", "a STRING", 1),
            ("SELECT r.s, r.s.c FROM t WHERE x = 'y'", "s ROW<c STRING>, c STRING", 2),
            ("SELECT r.a, CARDINALITY(l) FROM t WHERE l[1].a = 'y'", "a STRING, n INT", 1),
            ("SELECT x FROM t WHERE r.a = 'y'", "x STRING", 0),
            ("SELECT r.a FROM t", "a STRING", 0),
            ("SELECT r.a, CAST(r AS STRING) FROM t WHERE x = 'y'", "a STRING, r STRING", 0),
        ] {
            let table =
                "x STRING, r ROW<a STRING, b STRING, s ROW<c STRING>>, l ARRAY<ROW<a STRING>>";
            assert_eq!(planned_over(table, sink, query).shared.len(), shared, "{query}");
        }
    }

    #[test]
    fn what_is_shared_stands_for_the_call() {
        let calc = planned("SELECT UPPER(LTRIM(a)) FROM t WHERE LTRIM(a) <> 'x'");
        let a: ArrayRef = Arc::new(StringArray::from(vec![Some("  ab"), Some(" x"), None]));
        let input = RecordBatch::try_from_iter([("a", a)]).unwrap();
        let trimmed = calc.shared[0].evaluate(&input).unwrap();
        let types = calc.shared.iter().map(|call| call.data_type());
        let schema = CalcDesc::with_shared(input.schema_ref(), types);
        // Where the text is not read any more.
        let columns = vec![Arc::new(StringArray::from(vec![None::<&str>; 3])) as ArrayRef, trimmed];
        let batch = RecordBatch::try_new(schema, columns).unwrap();
        let kept = calc.filter.unwrap().evaluate(&batch).unwrap();
        let kept: Vec<_> = kept.as_boolean().iter().collect();
        assert_eq!(kept, [Some(true), Some(false), None]);
        let upper = calc.columns[0].evaluate(&batch).unwrap();
        let upper: Vec<_> = upper.as_string::<i32>().iter().collect();
        assert_eq!(upper, [Some("AB"), Some("X"), None]);
    }
}
