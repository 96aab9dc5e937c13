//! `UNION ALL`: the rows of two queries with the same columns.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field as ArrowField};
use datafusion_common::DFSchemaRef;

use crate::error::{Position, Result, SqlError};
use crate::expr::{Bound, Meaning};
use crate::functions::decimals;
use crate::names::union_text;
use crate::relation::{Base, Feed, Field, Relation, columns_schema};
use crate::types::{casts_implicitly, flink_name};

/// The rows of several relations.
#[derive(Debug)]
pub(crate) struct UnionNode {
    /// As many columns each, of the same types and under the same names.
    pub feeds: Vec<Feed>,
    pub schema: DFSchemaRef,
}

/// The rows of both, under the names of the left one.
pub(crate) fn union_all(left: Relation, right: Relation, at: Position) -> Result<Relation> {
    let (left, right) = (left.expanded(at)?, right.expanded(at)?);
    if left.fields.len() != right.fields.len() {
        let message = format!(
            "the queries of UNION have {} and {} columns",
            left.fields.len(),
            right.fields.len()
        );
        return Err(SqlError::new(at, message));
    }
    let (mut columns, mut sides) = (Vec::new(), [Vec::new(), Vec::new()]);
    for (index, (l, r)) in left.fields.iter().zip(&right.fields).enumerate() {
        let data_type = common_type(l, r, at)?;
        let name = format!("{index} {}", l.value.text);
        let nullable = l.value.nullable || r.value.nullable;
        let text = union_text(&l.value, &columns);
        let mut column = Bound::column(&name, text, data_type.clone(), nullable);
        let is_time =
            |field: &Field| matches!(field.value.meaning, Meaning::RowTime | Meaning::WindowTime);
        if is_time(l) && is_time(r) {
            column.meaning = Meaning::RowTime;
        } else if [l, r].iter().all(|field| field.value.meaning == Meaning::ProcTime) {
            column.meaning = Meaning::ProcTime;
        }
        for (side, field) in sides.iter_mut().zip([l, r]) {
            side.push((name.clone(), field.value.clone().implicit_cast(&data_type)));
        }
        columns.push(Field { qualifier: None, name: l.name.clone(), value: column, at: l.at });
    }
    let fields: Vec<ArrowField> = sides[0]
        .iter()
        .zip(&columns)
        .map(|((name, _), column)| {
            ArrowField::new(name, column.value.data_type.clone(), column.value.nullable)
        })
        .collect();
    let schema = columns_schema(fields, at)?;
    let feeds = [left, right].into_iter().zip(sides);
    let feeds = feeds.map(|(side, columns)| Feed { base: side.base, filter: side.filter, columns });
    let base = Base::Union(Arc::new(UnionNode { feeds: feeds.collect(), schema }));
    Ok(Relation { base, filter: None, fields: columns, window: None })
}

fn common_type(left: &Field, right: &Field, at: Position) -> Result<DataType> {
    let (l, r) = (&left.value.data_type, &right.value.data_type);
    // Neither need have room for the digits of the other.
    if let Some(decimal) = decimals::common([l, r]) {
        return Ok(decimal);
    }
    if l == r || casts_implicitly(r, l) {
        return Ok(l.clone());
    }
    if casts_implicitly(l, r) {
        return Ok(r.clone());
    }
    let message = format!(
        "column \"{}\" of UNION is {} in the first query and {} in the other",
        left.name,
        flink_name(l),
        flink_name(r)
    );
    Err(SqlError::new(right.at.unwrap_or(at), message).hint("use CAST in one of them"))
}
