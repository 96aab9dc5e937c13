//! Aggregates over rows that come and go in an order that is not that of their coming.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use sabot_core::plan::{
    AggregateFunction, Frame, NodeKind, OrderBy, OverAggregateDesc, OverDesc, OverFunction,
    PlanNode,
};
use sabot_core::row_kind;

use super::{Row, Rows, cells, check, count, input, null_or};
use crate::testing::node;

fn plan(frame: Frame, numbers: bool, updating: bool) -> PlanNode {
    let aggregate = |name: &str, function, argument| OverAggregateDesc {
        name: name.to_owned(),
        function,
        argument,
        distinct: name.contains("DISTINCT"),
        data_type: if argument == Some(2) { DataType::Utf8 } else { DataType::Int64 },
    };
    let mut aggregates = vec![
        aggregate("SUM(v)", OverFunction::Aggregate(AggregateFunction::Sum), Some(1)),
        aggregate("COUNT(DISTINCT v)", OverFunction::Aggregate(AggregateFunction::Count), Some(1)),
        aggregate("SUM(DISTINCT v)", OverFunction::Aggregate(AggregateFunction::Sum), Some(1)),
        aggregate("MAX(t)", OverFunction::Aggregate(AggregateFunction::Max), Some(2)),
        aggregate("LAG(v)", OverFunction::Lag(1), Some(1)),
    ];
    if numbers {
        aggregates.push(aggregate("ROW_NUMBER()", OverFunction::RowNumber, None));
    }
    let mut fields: Vec<Field> =
        row_kind::without(&input(updating)).fields().iter().map(|f| f.as_ref().clone()).collect();
    fields.extend(aggregates.iter().map(|a| Field::new(&a.name, a.data_type.clone(), true)));
    fields.push(row_kind::field());
    let order = vec![OrderBy { column: 1, descending: true, nulls_first: false }];
    let desc = OverDesc { keys: vec![0], order, time: None, frame, aggregates, ttl_ms: None };
    node(NodeKind::Over(desc), Arc::new(Schema::new(fields)))
}

fn expected(frame: Frame, numbers: bool, there: &[Row]) -> Rows {
    let mut keys: BTreeMap<i64, Vec<Row>> = BTreeMap::new();
    for row in there {
        keys.entry(row.0).or_default().push(*row);
    }
    let mut all = Vec::new();
    for rows in keys.values_mut() {
        // Nulls are lower than everything, and descending comes last.
        rows.sort_by_key(|row| (std::cmp::Reverse(row.1), row.2));
        for (at, row) in rows.iter().enumerate() {
            let is_in = |(other, o): &(usize, &Row)| match frame {
                Frame::Rows(before) => *other <= at && before.is_none_or(|n| at - *other <= n),
                Frame::Range(_) => *other <= at || o.1 == row.1,
            };
            let end = rows.iter().enumerate().rposition(|row| is_in(&row));
            let frame: Vec<&Row> =
                rows.iter().enumerate().filter(is_in).map(|(_, row)| row).collect();
            let values: Vec<i64> = frame.iter().filter_map(|row| row.1).collect();
            let sum = (!values.is_empty()).then(|| values.iter().sum());
            let text = frame.iter().map(|row| row.2).max().unwrap();
            let lag = end.and_then(|end| end.checked_sub(1)).and_then(|row| rows[row].1);
            let different: BTreeSet<i64> = values.iter().copied().collect();
            let total = (!different.is_empty()).then(|| different.iter().sum());
            let mut cells = cells(&[
                &row.0,
                &null_or(row.1),
                &row.2,
                &null_or(sum),
                &different.len(),
                &null_or(total),
                &text,
                &null_or(lag),
            ]);
            cells.extend(numbers.then(|| (at + 1).to_string()));
            all.push(cells);
        }
    }
    count(all.into_iter())
}

#[test]
fn answers_are_those_of_the_rows_that_are_left() {
    for (frame, numbers) in [
        (Frame::Rows(Some(2)), false),
        (Frame::Rows(Some(0)), true),
        (Frame::Rows(None), true),
        (Frame::Range(None), false),
    ] {
        check(
            1,
            |updating| plan(frame, numbers, updating),
            |there| expected(frame, numbers, &there[0]),
        );
    }
}
