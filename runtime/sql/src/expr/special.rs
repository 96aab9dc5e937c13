//! Calls whose arguments are more than a list of values.

use sqlparser::ast::{self, Function, FunctionArgumentClause, FunctionArguments, JsonNullClause};

use super::bind::{Binder, function_arguments, function_name};
use super::bound::{Bound, precedence};
use super::{intervals, json_clauses, rows};
use crate::error::{Position, Result, SqlError};
use crate::functions::json_made::{self, Nulls, Part};
use crate::functions::{self, json};
use crate::tokens::{DIFFERENCE, IS_JSON, MAP, POSITION_FROM};
use crate::types::flink_name;

/// Resolves such a call; none for others.
pub(super) fn call(
    binder: &Binder<'_>,
    function: &Function,
    name: &str,
    at: Position,
) -> Result<Option<Bound>> {
    let made = match name {
        MAP => {
            let pairs = values(binder, function, "MAP", at)?;
            let expr = functions::collections::map_of_pairs(&pairs, at)?;
            binder.constructed("MAP", expr, &pairs, at)
        }
        "ROW" => {
            let values = values(binder, function, name, at)?;
            rows::of_values(binder, &values, at)
        }
        IS_JSON => is_json(binder, function, at),
        POSITION_FROM => {
            let [what, text, from] = three(values(binder, function, "POSITION", at)?, at)?;
            binder.call_bound("LOCATE", &[what, text, from], at)
        }
        DIFFERENCE => {
            let [end, begin, unit] = three(values(binder, function, "-", at)?, at)?;
            intervals::difference(binder, [end, begin], &unit, at)
        }
        "JSON_OBJECT" | "JSON_ARRAY" => made(binder, function, name, at),
        name if json_clauses::is_one(name) => {
            return json_clauses::call(binder, function, name, at);
        }
        _ => return Ok(None),
    };
    made.map(Some)
}

fn three(values: Vec<Bound>, at: Position) -> Result<[Bound; 3]> {
    values.try_into().map_err(|_| SqlError::new(at, "this is no expression"))
}

fn values(
    binder: &Binder<'_>,
    function: &Function,
    name: &str,
    at: Position,
) -> Result<Vec<Bound>> {
    let arguments = function_arguments(function, name, at)?;
    arguments.into_iter().map(|argument| binder.bind(argument)).collect()
}

fn is_json(binder: &Binder<'_>, function: &Function, at: Position) -> Result<Bound> {
    let arguments = values(binder, function, "IS JSON", at)?;
    let [value, kind] = arguments.as_slice() else {
        return Err(SqlError::new(at, "IS JSON needs a value"));
    };
    let kind = kind.literal_text().unwrap_or_default();
    let wrong = || {
        let message =
            format!("IS JSON needs STRING, {} is {}", value.text, flink_name(&value.data_type));
        SqlError::new(at, message).hint("use CAST(<value> AS STRING)")
    };
    if value.data_type != arrow::datatypes::DataType::Utf8 {
        return Err(wrong());
    }
    let text = format!("{} IS JSON {kind}", value.text_within(precedence::COMPARISON + 1));
    let text = (text.trim_end().to_owned(), precedence::COMPARISON);
    binder.finish(json::is_json(value.expr.clone(), kind), false, text, wrong)
}

/// `JSON_OBJECT`, `JSON_ARRAY`; what is made by them within them is JSON, and no text.
fn made(binder: &Binder<'_>, function: &Function, name: &str, at: Position) -> Result<Bound> {
    let mut plain = function.clone();
    let mut nulls = None;
    if let FunctionArguments::List(list) = &mut plain.args {
        for clause in std::mem::take(&mut list.clauses) {
            nulls = Some(match clause {
                FunctionArgumentClause::JsonNullClause(JsonNullClause::NullOnNull) => {
                    Nulls::Written
                }
                FunctionArgumentClause::JsonNullClause(JsonNullClause::AbsentOnNull) => {
                    Nulls::LeftOut
                }
                other => {
                    return Err(SqlError::new(at, format!("{name} does not take {other}")));
                }
            });
        }
    }
    let mut parts = Vec::new();
    for argument in function_arguments(&plain, name, at)? {
        parts.push(Part { value: binder.bind(argument)?, is_json: is_made(argument) });
    }
    let (expr, said) = match name {
        "JSON_OBJECT" => {
            let nulls = nulls.unwrap_or(Nulls::Written);
            let said = if nulls == Nulls::LeftOut { " ABSENT ON NULL" } else { "" };
            (json_made::object(&parts, nulls, at)?, said)
        }
        _ => {
            let nulls = nulls.unwrap_or(Nulls::LeftOut);
            let said = if nulls == Nulls::Written { " NULL ON NULL" } else { "" };
            (json_made::array(&parts, nulls, at)?, said)
        }
    };
    let texts: Vec<&str> = parts.iter().map(|part| part.value.text.as_str()).collect();
    let text = (format!("{name}({}{said})", texts.join(", ")), precedence::ATOM);
    let values: Vec<Bound> = parts.into_iter().map(|part| part.value).collect();
    binder.finish(expr, false, text, || functions::wrong_arguments(name, &values, at))
}

/// Whether an expression is a call that makes JSON.
pub(crate) fn is_made(expr: &ast::Expr) -> bool {
    match expr {
        ast::Expr::Nested(inner) => is_made(inner),
        ast::Expr::Function(function) => {
            function_name(&function.name, Position { line: 1, column: 1 }).is_ok_and(|name| {
                ["JSON_OBJECT", "JSON_ARRAY"].iter().any(|made| made.eq_ignore_ascii_case(name))
            })
        }
        _ => false,
    }
}
