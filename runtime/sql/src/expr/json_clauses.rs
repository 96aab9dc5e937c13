//! What `JSON_VALUE`, `JSON_QUERY` and `JSON_EXISTS` say behind their path.

use arrow::datatypes::DataType;
use datafusion_common::ScalarValue;
use datafusion_expr::Expr;
use serde_json::Value;
use sqlparser::ast::{Function, FunctionArg, FunctionArgExpr, FunctionArguments};

use super::bind::{Binder, function_arguments, place_of};
use super::bound::{Bound, precedence};
use crate::error::{Position, Result, SqlError, start_of};
use crate::functions::json::{self, Instead, Wrapper};
use crate::functions::{self, Call};
use crate::json_syntax::{
    DEFAULT_ON_EMPTY, DEFAULT_ON_ERROR, ON_EMPTY, ON_ERROR, RETURNING, WRAPPER, WRAPPERS,
};
use crate::types::{flink_name, type_of_text};

/// A clause, by the name under which it is an argument.
struct Clause {
    name: String,
    value: Bound,
    at: Position,
}

/// The clauses of a call, in their order.
struct Clauses {
    function: String,
    list: Vec<Clause>,
}

/// Resolves such a call; none where it has no clauses.
pub(super) fn call(
    binder: &Binder<'_>,
    function: &Function,
    name: &str,
    at: Position,
) -> Result<Option<Bound>> {
    let mut plain = function.clone();
    let mut list = Vec::new();
    if let FunctionArguments::List(arguments) = &mut plain.args {
        let (named, values) = std::mem::take(&mut arguments.args)
            .into_iter()
            .partition(|argument| matches!(argument, FunctionArg::Named { .. }));
        arguments.args = values;
        for argument in named {
            if let FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), .. } = argument {
                let begin = start_of(name.span).unwrap_or(at);
                list.push(Clause {
                    name: name.value,
                    value: binder.bind(&value)?,
                    at: place_of(&value, begin),
                });
            }
        }
    }
    if list.is_empty() {
        return Ok(None);
    }
    let clauses = Clauses { function: name.to_owned(), list };
    let arguments = function_arguments(&plain, name, at)?;
    let arguments =
        arguments.into_iter().map(|argument| binder.bind(argument)).collect::<Result<Vec<_>>>()?;
    let call = Call { name, arguments: &arguments, at };
    // Of a wrong number of arguments it says what is wrong.
    functions::build(&call)?;
    let expr = match name {
        "JSON_VALUE" => clauses.value(&call)?,
        "JSON_QUERY" => clauses.query(&call)?,
        _ => clauses.exists(&call)?,
    };
    let texts: Vec<&str> = arguments.iter().map(|argument| argument.text.as_str()).collect();
    let said = clauses.list.iter().fold(String::new(), |said, clause| {
        format!("{said} {} {}", clause.name, clause.value.text)
    });
    let text = (format!("{name}({}{said})", texts.join(", ")), precedence::ATOM);
    binder.finish(expr, true, text, || functions::wrong_arguments(name, &arguments, at)).map(Some)
}

impl Clauses {
    /// The last clause of one of these names.
    fn last(&self, names: &[&str]) -> Option<&Clause> {
        self.list.iter().rev().find(|clause| names.contains(&clause.name.as_str()))
    }

    /// Refuses clauses of other names.
    fn only(&self, known: &[&str]) -> Result<()> {
        match self.list.iter().find(|clause| !known.contains(&clause.name.as_str())) {
            None => Ok(()),
            Some(clause) => {
                let message = format!("{} takes no {}", self.function, clause.name);
                Err(SqlError::new(clause.at, message))
            }
        }
    }

    fn returning(&self, types: &[DataType], names: &str) -> Result<DataType> {
        let Some(clause) = self.last(&[RETURNING]) else { return Ok(DataType::Utf8) };
        let name = clause.value.literal_text().unwrap_or_default();
        let returned = type_of_text(name, clause.at)?;
        if types.contains(&returned) {
            return Ok(returned);
        }
        let message = format!("{} does not return {}", self.function, flink_name(&returned));
        Err(SqlError::new(clause.at, message)
            .hint(format!("it returns {names}: use CAST for others")))
    }

    /// What is given instead: of words, and of a literal behind DEFAULT.
    fn instead<T>(
        &self,
        (words, default): (&str, &str),
        of_words: impl Fn(&str) -> Option<Instead<T>>,
        of_default: impl Fn(&Bound) -> Option<T>,
    ) -> Result<Option<Instead<T>>> {
        let Some(clause) = self.last(&[words, default]) else { return Ok(None) };
        let found = if clause.name == words {
            clause.value.literal_text().and_then(of_words)
        } else {
            of_default(&clause.value).map(Instead::Value)
        };
        found.map(Some).ok_or_else(|| {
            let message = if clause.name == words {
                let text = clause.value.literal_text().unwrap_or_default();
                format!("{} takes no {text} {words}", self.function)
            } else {
                let text = &clause.value.text;
                format!("{}: {text} cannot stand behind DEFAULT", self.function)
            };
            SqlError::new(clause.at, message).hint(match self.function.as_str() {
                "JSON_VALUE" => "it takes NULL, ERROR, and DEFAULT with a literal of the type that it returns",
                "JSON_QUERY" => "it takes NULL, ERROR, EMPTY ARRAY and EMPTY OBJECT; an ARRAY that it returns is no OBJECT",
                _ => "it takes TRUE, FALSE, UNKNOWN and ERROR",
            })
        })
    }

    fn value(&self, call: &Call<'_>) -> Result<Expr> {
        self.only(&[RETURNING, ON_EMPTY, ON_ERROR, DEFAULT_ON_EMPTY, DEFAULT_ON_ERROR])?;
        let types = [DataType::Utf8, DataType::Int32, DataType::Float64, DataType::Boolean];
        let to = self.returning(&types, "STRING, INT, DOUBLE and BOOLEAN")?;
        let of_words = |words: &str| match words {
            "NULL" => Some(Instead::Null),
            "ERROR" => Some(Instead::Error),
            _ => None,
        };
        let of_default = |value: &Bound| literal(value, &to);
        let instead = |names| -> Result<Instead<ScalarValue>> {
            let found = self.instead(names, of_words, of_default)?;
            Ok(found.unwrap_or(Instead::Null))
        };
        let on_empty = instead((ON_EMPTY, DEFAULT_ON_EMPTY))?;
        json::value(call, &to, on_empty, instead((ON_ERROR, DEFAULT_ON_ERROR))?)
    }

    fn query(&self, call: &Call<'_>) -> Result<Expr> {
        self.only(&[RETURNING, WRAPPER, ON_EMPTY, ON_ERROR])?;
        let texts = type_of_text("ARRAY<STRING>", call.at)?;
        let to = self.returning(&[DataType::Utf8, texts], "STRING and ARRAY<STRING>")?;
        let as_array = to.is_nested();
        let wrapper = match self.last(&[WRAPPER]).and_then(|clause| clause.value.literal_text()) {
            Some(word) if word == WRAPPERS[1] => Wrapper::Conditional,
            Some(word) if word == WRAPPERS[2] => Wrapper::Always,
            _ => Wrapper::Without,
        };
        let of_words = |words: &str| match words {
            "NULL" => Some(Instead::Null),
            "ERROR" => Some(Instead::Error),
            "EMPTY ARRAY" => Some(Instead::Value(Value::Array(Vec::new()))),
            "EMPTY OBJECT" if !as_array => {
                Some(Instead::Value(Value::Object(serde_json::Map::new())))
            }
            _ => None,
        };
        let instead = |words| -> Result<Instead<Value>> {
            let found = self.instead((words, ""), of_words, |_| None)?;
            Ok(found.unwrap_or(Instead::Null))
        };
        json::query(call, as_array, wrapper, instead(ON_EMPTY)?, instead(ON_ERROR)?)
    }

    fn exists(&self, call: &Call<'_>) -> Result<Expr> {
        self.only(&[ON_ERROR])?;
        let of_words = |words: &str| match words {
            "TRUE" => Some(Instead::Value(true)),
            "FALSE" => Some(Instead::Value(false)),
            "UNKNOWN" => Some(Instead::Null),
            "ERROR" => Some(Instead::Error),
            _ => None,
        };
        let on_error = self.instead((ON_ERROR, ""), of_words, |_| None)?;
        json::exists(call, on_error.unwrap_or(Instead::Value(false)))
    }
}

/// The literal as a value of this type: as a text whole numbers and truth values too.
fn literal(value: &Bound, to: &DataType) -> Option<ScalarValue> {
    let Expr::Literal(scalar, _) = &value.expr else { return None };
    match (scalar, to) {
        (scalar, _) if scalar.is_null() => None,
        (scalar, to) if scalar.data_type() == *to => Some(scalar.clone()),
        (
            ScalarValue::Int32(_) | ScalarValue::Int64(_) | ScalarValue::Boolean(_),
            DataType::Utf8,
        ) => Some(ScalarValue::Utf8(Some(scalar.to_string()))),
        _ => None,
    }
}

/// Whether a function has clauses of JSON behind its path.
pub(super) fn is_one(name: &str) -> bool {
    crate::json_syntax::FUNCTIONS.contains(&name)
}
