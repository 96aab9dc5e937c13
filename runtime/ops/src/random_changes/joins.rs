//! Joins of every kind, with and without a condition and keys; a sixth of the keys is null.

use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use sabot_core::plan::{JoinDesc, JoinKind, NodeKind, PlanNode};
use sabot_core::row_kind;

use super::{Row, Rows, cells, check, count, input, null_or};
use crate::testing::{computed, node};

const SIDES: [&str; 2] = ["l", "r"];

#[derive(Debug, Clone, Copy)]
struct Case {
    kind: JoinKind,
    /// Whether rows have to be equal in their values.
    keys: bool,
    /// Whether [`condition`] has to hold.
    condition: bool,
}

/// What the condition is true for: rows of different keys, or texts in order. Where the left
/// row's key is 3 it is null.
fn condition(l: &Row, r: &Row) -> Option<bool> {
    (l.0 != 3).then_some(l.0 != r.0 || l.2 < r.2)
}

fn conditions(batch: &RecordBatch) -> BooleanArray {
    let key = |column: usize| batch.column(column).as_primitive::<Int64Type>();
    let (l, r) = (key(0), key(3));
    let texts = (batch.column(2).as_string::<i32>(), batch.column(5).as_string::<i32>());
    let kept = (0..batch.num_rows()).map(|row| {
        let differ = l.value(row) != r.value(row) || texts.0.value(row) < texts.1.value(row);
        (l.value(row) != 3).then_some(differ)
    });
    kept.collect()
}

fn plan(case: Case, updating: bool) -> PlanNode {
    let Case { kind, keys, condition } = case;
    let mut fields: Vec<Field> = Vec::new();
    for (port, side) in SIDES.into_iter().enumerate() {
        if port == 1 && kind.is_left_only() {
            continue;
        }
        for field in row_kind::without(&input(updating)).fields() {
            let named = field.as_ref().clone().with_name(side.to_owned() + field.name());
            fields.push(if kind.pads(port) { named.with_nullable(true) } else { named });
        }
    }
    fields.extend((updating || kind.retracts()).then(row_kind::field));
    let evaluator = computed(DataType::Boolean, |batch| Arc::new(conditions(batch)));
    let keys = if keys { [vec![1], vec![1]] } else { [vec![], vec![]] };
    let (condition, ttl_ms, until) = (condition.then_some(evaluator), [None; 2], [None; 2]);
    let desc = JoinDesc { kind, keys, condition, ttl_ms, until, first: None };
    node(NodeKind::Join(desc), Arc::new(Schema::new(fields)))
}

fn expected(case: Case, there: &[Vec<Row>]) -> Rows {
    let partners = |l: &Row, r: &Row| {
        (!case.keys || l.1.is_some() && l.1 == r.1)
            && (!case.condition || condition(l, r) == Some(true))
    };
    let row = |row: &Row| cells(&[&row.0, &null_or(row.1), &row.2]);
    let nulls = || vec!["NULL".to_owned(); 3];
    let alone = |row: &Row, other: &[Row], left: bool| {
        !other.iter().any(|o| if left { partners(row, o) } else { partners(o, row) })
    };
    let (left, right) = (&there[0], &there[1]);
    let mut rows: Vec<Vec<String>> = Vec::new();
    if case.kind.is_left_only() {
        let wanted = case.kind == JoinKind::LeftAnti;
        let kept = left.iter().filter(|l| alone(l, right, true) == wanted);
        return count(kept.map(row));
    }
    for l in left {
        let met = right.iter().filter(|r| partners(l, r));
        rows.extend(met.map(|r| [row(l), row(r)].concat()));
        if case.kind.tracks(0) && alone(l, right, true) {
            rows.push([row(l), nulls()].concat());
        }
    }
    for r in right {
        if case.kind.tracks(1) && alone(r, left, false) {
            rows.push([nulls(), row(r)].concat());
        }
    }
    count(rows.into_iter())
}

fn check_kind(kind: JoinKind) {
    for (keys, condition) in [(true, false), (true, true), (false, true)] {
        let case = Case { kind, keys, condition };
        check(2, |updating| plan(case, updating), |there| expected(case, there));
    }
}

#[test]
fn pairs_are_those_of_the_rows_that_are_left() {
    check_kind(JoinKind::Inner);
}

#[test]
fn a_left_row_without_a_partner_stands_beside_nulls() {
    check_kind(JoinKind::Left);
}

#[test]
fn a_right_row_without_a_partner_stands_beside_nulls() {
    check_kind(JoinKind::Right);
}

#[test]
fn rows_of_both_sides_without_a_partner_stand_beside_nulls() {
    check_kind(JoinKind::Full);
}

#[test]
fn a_semi_join_has_the_left_rows_with_a_partner_once() {
    check_kind(JoinKind::LeftSemi);
}

#[test]
fn an_anti_join_has_the_left_rows_without_a_partner() {
    check_kind(JoinKind::LeftAnti);
}
