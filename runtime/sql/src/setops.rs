//! `INTERSECT` and `EXCEPT`, also with `ALL`: the rows of both queries are counted by where they come
//! from, as in Flink.

use arrow::datatypes::DataType;
use sqlparser::ast::{BinaryOperator, SetOperator, SetQuantifier};

use crate::aggregate::{GroupScope, Times};
use crate::error::{Position, Result, SqlError};
use crate::expr::{Binder, Bound, Meaning, binary, integer, null, precedence};
use crate::functions;
use crate::grouping::check_key;
use crate::relation::{Field, Relation, both};
use crate::union::union_all;
use crate::unnest;

/// The rows of the first query that the other has too, or has not: each once, or with `ALL` as often
/// as both have it, or as the first has it more often.
pub(crate) fn members(
    [left, right]: [Relation; 2],
    operator: SetOperator,
    quantifier: SetQuantifier,
    at: Position,
) -> Result<Relation> {
    let name = if operator == SetOperator::Intersect { "INTERSECT" } else { "EXCEPT" };
    let all = match quantifier {
        SetQuantifier::None | SetQuantifier::Distinct => false,
        SetQuantifier::All => true,
        other => return Err(SqlError::new(at, format!("{name} {other} is not supported"))),
    };
    let (left, right) = (left.expanded(at)?, right.expanded(at)?);
    let width = left.fields.len();
    let rows = union_all(marked(left, true), marked(right, false), at)?;
    let rows = Relation { window: None, ..rows };
    let grouped: Vec<Bound> =
        rows.fields[..width].iter().map(|field| field.value.clone().plain()).collect();
    grouped.iter().try_for_each(|key| check_key(key, at))?;
    let scope = GroupScope::new(&rows, grouped, at)?;
    let count = |index: usize| scope.count(Some(rows.fields[index].value.clone()), false, None);
    let counts = [count(width), count(width + 1)];
    let fields = rows.fields[..width].iter().map(|field| {
        let plain = field.value.clone().plain();
        Field { value: scope.key(&plain).unwrap_or(plain), ..field.clone() }
    });
    let fields: Vec<Field> = fields.collect();
    if all {
        let copies = copies(counts, name == "INTERSECT");
        let base = scope.into_base(Times::default(), at)?;
        return unnest::repeated(
            Relation { base, filter: None, fields, window: None },
            &copies,
            at,
        );
    }
    let wanted = [
        BinaryOperator::Gt,
        if name == "EXCEPT" { BinaryOperator::Eq } else { BinaryOperator::Gt },
    ];
    let binder = Binder::new(&scope, at);
    let mut conditions = Vec::new();
    for (count, wanted) in counts.into_iter().zip(wanted) {
        conditions.push(binary(&binder, count, &wanted, integer(0), at)?);
    }
    let filter = conditions.into_iter().reduce(both);
    Ok(Relation { base: scope.into_base(Times::default(), at)?, filter, fields, window: None })
}

/// A list of as many elements as there are of a row.
fn copies([left, right]: [Bound; 2], common: bool) -> Bound {
    let text = format!("COPIES({}, {})", left.text, right.text);
    let expr = functions::collections::copies(left.expr, right.expr, common);
    let data_type = functions::collections::copies_type();
    let (precedence, meaning) = (precedence::ATOM, Meaning::Plain);
    Bound { expr, data_type, nullable: false, text, precedence, meaning }
}

/// The rows with a column for each side, which is NULL for the other.
fn marked(mut rows: Relation, left: bool) -> Relation {
    for (name, mine) in [("$left", left), ("$right", !left)] {
        let value = if mine { integer(1) } else { null().implicit_cast(&DataType::Int32) };
        rows.fields.push(Field { qualifier: None, name: name.to_owned(), value, at: None });
    }
    rows
}
