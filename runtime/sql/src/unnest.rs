//! `UNNEST(array)` in FROM: a row for each element of an ARRAY or a MULTISET, or each entry of a MAP, of
//! the tables before it.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field as ArrowField};
use datafusion_common::DFSchemaRef;
use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, Join, JoinConstraint, JoinOperator, Spanned,
    TableAlias, TableFactor, TableFunctionArgs, Value,
};

use crate::ambient;
use crate::columns::Columns;
use crate::error::{Position, Result, SqlError, start_of};
use crate::expr::{Binder, Bound, boolean, place_of, quoted};
use crate::functions::collections;
use crate::join::{conjuncts, hold, natural};
use crate::relation::{Base, Feed, Field, Relation, WindowSpec, both, columns_schema, inlined};
use crate::types::{entries_of, flink_name};

/// The rows of a relation, each once for every element of a value that it has.
#[derive(Debug, Clone)]
pub(crate) struct UnnestNode {
    pub feed: Feed,
    /// The column of the feed that has the elements.
    pub column: usize,
    /// The columns of an element, and which part of it each is; none: the element itself.
    pub parts: Vec<(String, Option<usize>)>,
    /// The column of the elements' numbers.
    pub number: String,
    /// Whether a row without elements stays.
    pub outer: bool,
    /// Which elements a row that stays has, over `schema`; none: all.
    pub condition: Option<Bound>,
    /// The feed's columns, those of an element, its number.
    pub schema: DFSchemaRef,
}

/// `UNNEST(value) [WITH ORDINALITY] [AS alias (columns)]`.
pub(crate) struct Call<'e> {
    arguments: &'e TableFunctionArgs,
    with_ordinality: bool,
    alias: Option<&'e TableAlias>,
}

impl<'e> Call<'e> {
    /// The call that a factor of FROM is.
    pub(crate) fn of(factor: &'e TableFactor) -> Option<Self> {
        let TableFactor::Table { name, alias, args: Some(arguments), with_ordinality, .. } = factor
        else {
            return None;
        };
        let [part] = name.0.as_slice() else { return None };
        let name = part.as_ident()?;
        let is_unnest = name.quote_style.is_none() && name.value.eq_ignore_ascii_case("UNNEST");
        let (with_ordinality, alias) = (*with_ordinality, alias.as_ref());
        is_unnest.then_some(Self { arguments, with_ordinality, alias })
    }

    fn argument(&self, at: Position) -> Result<&'e Expr> {
        match self.arguments.args.as_slice() {
            [FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))] => Ok(argument),
            _ => Err(SqlError::new(at, "UNNEST takes one ARRAY, MAP or MULTISET")),
        }
    }

    /// A MULTISET as an ARRAY of its values. It is kept as a MAP, and is taken for one where two
    /// columns are named that are no parts of a value.
    fn listed(&self, value: Bound) -> Bound {
        let Some(listed) = collections::listed_values(&value) else { return value };
        let parts = match &listed.data_type {
            DataType::List(item) => match item.data_type() {
                DataType::Struct(fields) => fields.len(),
                _ => 1,
            },
            _ => 1,
        };
        let named = self.alias.map_or(0, |alias| alias.columns.len());
        let is_map = named == 2 + usize::from(self.with_ordinality) && parts != 2;
        if is_map { value } else { listed }
    }
}

/// `left JOIN UNNEST(...)`.
pub(crate) fn join(
    left: Relation,
    call: &Call<'_>,
    operator: &JoinOperator,
    at: Position,
) -> Result<Relation> {
    use JoinOperator as J;
    let width = left.fields.len();
    match operator {
        J::CrossJoin(_) => unnest(left, call, false, at),
        J::Join(JoinConstraint::Natural) | J::Inner(JoinConstraint::Natural) => {
            let mut joined = unnest(left, call, false, at)?;
            for equal in natural(&mut joined, width, at)? {
                hold(&mut joined, equal);
            }
            Ok(joined)
        }
        J::Join(constraint) | J::Inner(constraint) => {
            let mut joined = unnest(left, call, false, at)?;
            for part in conditions(constraint, at)? {
                let place = place_of(part, at);
                let bound = boolean(Binder::new(&joined, place).bind(part)?, "ON", place)?;
                ambient::refuse(&bound, "ON", place)?;
                hold(&mut joined, bound);
            }
            Ok(joined)
        }
        J::Left(constraint) | J::LeftOuter(constraint) => {
            let mut joined = unnest(left, call, true, at)?;
            let parts = conditions(constraint, at)?;
            for part in parts.into_iter().filter(|part| !is_true(part)) {
                let place = place_of(part, at);
                let bound = boolean(Binder::new(&joined, place).bind(part)?, "ON", place)?;
                ambient::refuse(&bound, "ON", place)?;
                if let Base::Unnest(node) = &mut joined.base {
                    Arc::make_mut(node).also(bound);
                }
            }
            Ok(joined)
        }
        _ => Err(SqlError::new(
            at,
            "UNNEST is of each row of the left side: rows of its own are not there",
        )
        .hint("CROSS JOIN UNNEST(...) and LEFT JOIN UNNEST(...) ON ... are, in Flink as well")),
    }
}

fn conditions(constraint: &JoinConstraint, at: Position) -> Result<Vec<&Expr>> {
    match constraint {
        JoinConstraint::On(condition) => Ok(conjuncts(condition)),
        _ => Err(SqlError::new(at, "JOIN UNNEST needs ON")
            .hint("write CROSS JOIN UNNEST(...), or JOIN UNNEST(...) ON TRUE")),
    }
}

/// Whether a condition of ON is `TRUE`.
pub(crate) fn is_true(condition: &Expr) -> bool {
    matches!(condition, Expr::Value(value) if value.value == Value::Boolean(true))
}

/// `left, UNNEST(...)`, before it is joined with others.
pub(crate) fn cross(
    left: Relation,
    call: &Call<'_>,
    joins: &[Join],
    at: Position,
) -> Result<Relation> {
    use JoinOperator as J;
    // These would have to keep rows beside what is only a part of the rows before the comma.
    let pads = |join: &&Join| {
        matches!(join.join_operator, J::Right(_) | J::RightOuter(_) | J::FullOuter(_))
    };
    if let Some(join) = joins.iter().find(pads) {
        let place = start_of(join.relation.span()).unwrap_or(at);
        return Err(SqlError::new(place, "RIGHT JOIN and FULL JOIN of UNNEST are not supported")
            .hint("put the rows of UNNEST into a subquery"));
    }
    unnest(left, call, false, at)
}

/// The rows of `left`, each as often as `array` has elements.
pub(crate) fn repeated(left: Relation, array: &Bound, at: Position) -> Result<Relation> {
    let width = left.fields.len();
    let (mut rows, ..) = with_elements(left, array, false, at)?;
    rows.fields.truncate(width);
    Ok(rows)
}

/// The rows of `left`, each once for every element.
fn unnest(left: Relation, call: &Call<'_>, outer: bool, at: Position) -> Result<Relation> {
    let argument = call.argument(at)?;
    let place = place_of(argument, at);
    let left = left.expanded(at)?;
    let array = call.listed(Binder::new(&left, place).bind(argument)?.plain());
    let width = left.fields.len();
    let (mut rows, number) = with_elements(left, &array, outer, place)?;
    if call.with_ordinality {
        rows.fields.push(number);
    }
    name_columns(&mut rows.fields[width..], call.alias, at)?;
    Ok(rows)
}

/// The rows of `left` with the columns of each element behind them, and the column of its number.
pub(crate) fn with_elements(
    left: Relation,
    array: &Bound,
    outer: bool,
    at: Position,
) -> Result<(Relation, Field)> {
    let elements = elements(array, outer, at)?;
    let mut columns = Columns::default();
    let column = columns.take(array);
    let window = left.window.map(|window| {
        let index = columns.take(&window.row_time);
        (index, window)
    });
    let mut fields = Vec::new();
    for field in left.fields {
        let index = columns.take(&field.value);
        let value = Bound { meaning: field.value.meaning, ..columns.column(index) };
        fields.push(Field { value, ..field });
    }
    let mut arrow = columns.fields();
    let mut add = |name: &str, data_type: &DataType, nullable: bool| {
        let mut name = name.to_owned();
        while arrow.iter().any(|field| *field.name() == name) {
            name.push('\'');
        }
        arrow.push(ArrowField::new(&name, data_type.clone(), nullable));
        name
    };
    let text = format!("UNNEST({})", array.text);
    let (mut parts, mut new) = (Vec::new(), Vec::new());
    for (index, element) in elements.iter().enumerate() {
        let name = match elements.as_slice() {
            [only] if only.is_whole => text.clone(),
            _ => format!("{text}.{}", quoted(&element.name)),
        };
        let name = add(&name, &element.data_type, element.nullable);
        let value = Bound::column(&name, name.clone(), element.data_type.clone(), element.nullable);
        parts.push((name, (!element.is_whole).then_some(index)));
        new.push(Field { qualifier: None, name: element.name.clone(), value, at: None });
    }
    let number = add(&format!("{text}.{ORDINALITY}"), &DataType::Int32, outer);
    let value = Bound::column(&number, number.clone(), DataType::Int32, outer);
    let numbers = Field { qualifier: None, name: ORDINALITY.to_owned(), value, at: None };
    fields.extend(new);
    let schema = columns_schema(arrow, at)?;
    let window = window.map(|(index, window)| {
        let row_time = Bound { meaning: window.row_time.meaning, ..columns.column(index) };
        WindowSpec { row_time, ..window }
    });
    let feed = Feed { base: left.base, filter: left.filter, columns: columns.columns };
    let node = UnnestNode { feed, column, parts, number, outer, condition: None, schema };
    let rows = Relation { base: Base::Unnest(Arc::new(node)), filter: None, fields, window };
    Ok((rows, numbers))
}

/// The column of the elements' numbers.
const ORDINALITY: &str = "ORDINALITY";

/// A column of an element.
struct Element {
    name: String,
    data_type: DataType,
    nullable: bool,
    /// Whether it is the element itself.
    is_whole: bool,
}

fn elements(array: &Bound, outer: bool, at: Position) -> Result<Vec<Element>> {
    let of = |name: &str, field: &ArrowField, nullable: bool, is_whole| Element {
        name: name.to_owned(),
        data_type: field.data_type().clone(),
        nullable: nullable || field.is_nullable(),
        is_whole,
    };
    match &array.data_type {
        DataType::List(item) => match item.data_type() {
            DataType::Struct(fields) => {
                let nullable = outer || item.is_nullable();
                Ok(fields.iter().map(|field| of(field.name(), field, nullable, false)).collect())
            }
            _ => Ok(vec![of("EXPR$0", item, outer, true)]),
        },
        DataType::Map(..) => {
            let entries = entries_of(&array.data_type).into_iter().flatten();
            let names = ["KEY", "VALUE"].into_iter().zip(entries);
            Ok(names.map(|(name, field)| of(name, field, outer, false)).collect())
        }
        other => {
            let message = format!(
                "UNNEST needs an ARRAY, a MAP or a MULTISET, {} is {}",
                array.text,
                flink_name(other)
            );
            Err(SqlError::new(at, message))
        }
    }
}

fn name_columns(fields: &mut [Field], alias: Option<&TableAlias>, at: Position) -> Result<()> {
    let Some(alias) = alias else { return Ok(()) };
    let at = start_of(alias.name.span).unwrap_or(at);
    let names: Vec<&Ident> = alias.columns.iter().map(|column| &column.name).collect();
    if !names.is_empty() && names.len() != fields.len() {
        let given: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
        let message = format!(
            "\"{}\" names {} columns, UNNEST gives {}",
            alias.name.value,
            names.len(),
            fields.len()
        );
        return Err(SqlError::new(at, message).hint(format!("it gives {}", given.join(", "))));
    }
    // The one column of a table without names has the table's, as in Flink.
    let names = if names.is_empty() && fields.len() == 1 { vec![&alias.name] } else { names };
    for (field, name) in fields.iter_mut().zip(names) {
        field.name.clone_from(&name.value);
    }
    for field in fields {
        field.qualifier = Some(alias.name.value.clone());
    }
    Ok(())
}

impl UnnestNode {
    /// Keeps only elements for which a condition is true; the rows stay.
    fn also(&mut self, condition: Bound) {
        self.condition = Some(match self.condition.take() {
            None => condition,
            Some(first) => both(first, condition),
        });
    }

    /// Whether a column is read, where these are behind it.
    pub(crate) fn reads(&self, used: &BTreeSet<String>, name: &str) -> bool {
        let refs = self.condition.iter().flat_map(|condition| condition.expr.column_refs());
        used.contains(name) || refs.into_iter().any(|column| column.name == name)
    }

    /// Keeps only rows of the feed, if the condition is about nothing else; the condition again if
    /// not.
    pub(crate) fn hold(&mut self, condition: Bound) -> Option<Bound> {
        let of_feed = |name: &str| self.feed.columns.iter().any(|(column, _)| column == name);
        if !condition.expr.column_refs().iter().all(|column| of_feed(&column.name)) {
            return Some(condition);
        }
        let expr = inlined(&condition.expr, &self.feed.columns);
        let condition = Bound { expr, ..condition };
        self.feed.filter = Some(match self.feed.filter.take() {
            None => condition,
            Some(first) => both(first, condition),
        });
        None
    }
}
