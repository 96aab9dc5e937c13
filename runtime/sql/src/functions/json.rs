//! Functions of JSON in texts.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    Array, AsArray, BooleanArray, Float64Array, Int32Array, ListBuilder, StringArray, StringBuilder,
};
use arrow::datatypes::{DataType, Field};
use datafusion_common::{ScalarValue, exec_err};
use datafusion_expr::Expr;
use serde_json::Value;

use super::json_path::{Found, Path};
use super::own::{Kernel, call, types};
use super::{Call, Entry, strings};
use crate::error::{Result, SqlError};

/// The functions of this file.
pub(super) const FUNCTIONS: &[Entry] = &[
    ("JSON_VALUE", 2, 2, |c| value(c, &DataType::Utf8, Instead::Null, Instead::Null)),
    ("JSON_QUERY", 2, 2, |c| query(c, false, Wrapper::Without, Instead::Null, Instead::Null)),
    ("JSON_EXISTS", 2, 2, |c| exists(c, Instead::Value(false))),
];

/// `x IS JSON OBJECT`: whether a text is JSON, of this kind if one is asked for.
pub(crate) fn is_json(text: Expr, kind: &str) -> Expr {
    let wanted = kind.to_owned();
    let kernel: Kernel = Arc::new(move |arrays| {
        let is = |text: Option<&str>| {
            let json = text.and_then(|text| serde_json::from_str::<Value>(text).ok());
            json.is_some_and(|json| match wanted.as_str() {
                "OBJECT" => json.is_object(),
                "ARRAY" => json.is_array(),
                "SCALAR" => !json.is_object() && !json.is_array(),
                _ => true,
            })
        };
        let all = arrays[0].as_string::<i32>().iter().map(|text| Some(is(text)));
        Ok(Arc::new(all.collect::<BooleanArray>()))
    });
    call(&format!("IS_JSON_{kind}"), types("t"), DataType::Boolean, kernel, vec![text])
}

/// What is given for what is not found or wrong.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Instead<T> {
    Null,
    Error,
    Value(T),
}

impl<T: Clone> Instead<T> {
    fn get(&self, path: &str, what: &str) -> datafusion_common::Result<Option<T>> {
        match self {
            Self::Null => Ok(None),
            Self::Value(value) => Ok(Some(value.clone())),
            Self::Error => exec_err!("{what} at '{path}' in a JSON text"),
        }
    }
}

/// Whether a result is put into an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrapper {
    Without,
    /// Unless it is one.
    Conditional,
    Always,
}

/// What a row's value becomes.
struct Answers<T> {
    path: String,
    on_empty: Instead<T>,
    on_error: Instead<T>,
}

impl<T: Clone> Answers<T> {
    fn answer(
        &self,
        found: Found<'_>,
        value: impl FnOnce(&Value) -> datafusion_common::Result<T>,
    ) -> datafusion_common::Result<Option<T>> {
        match found {
            Found::Value(found) => value(&found).map(Some),
            Found::Nothing => self.on_empty.get(&self.path, "there is nothing"),
            Found::Wrong => self.on_error.get(&self.path, "there is nothing that fits"),
        }
    }
}

/// Calls a kernel of texts of JSON; none of what is none.
fn over_json<T: 'static, A: Array + FromIterator<Option<T>> + 'static>(
    name: &str,
    (text, to): (Expr, DataType),
    answer: impl Fn(Option<&Value>) -> datafusion_common::Result<Option<T>> + Send + Sync + 'static,
) -> Expr {
    let kernel: Kernel = Arc::new(move |arrays| {
        let texts = arrays[0].as_string::<i32>().iter();
        let answers = texts.map(|text| match text {
            None => Ok(None),
            Some(text) => answer(serde_json::from_str(text).ok().as_ref()),
        });
        Ok(Arc::new(answers.collect::<datafusion_common::Result<A>>()?))
    });
    call(name, types("t"), to, kernel, vec![text])
}

/// `JSON_VALUE(text, path RETURNING type ... ON EMPTY ... ON ERROR)`, of the type of the values that
/// are given instead.
pub(crate) fn value(
    call_: &Call<'_>,
    to: &DataType,
    on_empty: Instead<ScalarValue>,
    on_error: Instead<ScalarValue>,
) -> Result<Expr> {
    let (name, path) = checked(call_)?;
    let name = format!("{name}_{to}_{on_empty:?}_{on_error:?}");
    let input = (call_.expr(0), to.clone());
    let of_path = call_.literal(1, "the path")?.to_owned();
    let is_scalar = |value: &Value| !value.is_array() && !value.is_object();
    macro_rules! values {
        ($array:ty, $variant:ident, $convert:expr) => {{
            let get = |instead| match instead {
                Instead::Value(ScalarValue::$variant(Some(value))) => Instead::Value(value),
                Instead::Error => Instead::Error,
                Instead::Null | Instead::Value(_) => Instead::Null,
            };
            let answers =
                Answers { path: of_path, on_empty: get(on_empty), on_error: get(on_error) };
            over_json::<_, $array>(&name, input, move |json| {
                answers.answer(path.find(json).that(is_scalar, &path), $convert)
            })
        }};
    }
    Ok(match to {
        DataType::Int32 => values!(Int32Array, Int32, move |value: &Value| {
            let number = value.as_i64().and_then(|number| i32::try_from(number).ok());
            number.map_or_else(|| wrong(value, "INT"), Ok)
        }),
        DataType::Float64 => values!(Float64Array, Float64, move |value: &Value| {
            let number = value.as_f64().filter(|_| value.is_f64());
            number.map_or_else(|| wrong(value, "DOUBLE, which has a point"), Ok)
        }),
        DataType::Boolean => values!(BooleanArray, Boolean, move |value: &Value| {
            value.as_bool().map_or_else(|| wrong(value, "BOOLEAN"), Ok)
        }),
        _ => values!(StringArray, Utf8, |value: &Value| Ok(text_of(value))),
    })
}

fn wrong<T>(value: &Value, to: &str) -> datafusion_common::Result<T> {
    exec_err!("JSON_VALUE: {value} is no {to}")
}

/// `JSON_QUERY(text, path ... WRAPPER ... ON EMPTY ... ON ERROR)`, as a text of JSON or as the texts
/// of an array.
pub(crate) fn query(
    call_: &Call<'_>,
    as_array: bool,
    wrapper: Wrapper,
    on_empty: Instead<Value>,
    on_error: Instead<Value>,
) -> Result<Expr> {
    let (name, path) = checked(call_)?;
    let name = format!("{name}_{as_array}_{wrapper:?}_{on_empty:?}_{on_error:?}");
    let answers = Answers { path: call_.literal(1, "the path")?.to_owned(), on_empty, on_error };
    let found = move |json: Option<&Value>| -> datafusion_common::Result<Option<Value>> {
        let found = match path.find(json) {
            Found::Value(value) => {
                let wraps = match wrapper {
                    Wrapper::Without => false,
                    Wrapper::Conditional => !value.is_array(),
                    Wrapper::Always => true,
                };
                let value = value.into_owned();
                let value = if wraps { Value::Array(vec![value]) } else { value };
                let fits = value.is_array() || value.is_object() && !as_array;
                if fits { Found::Value(Cow::Owned(value)) } else { path.without() }
            }
            found => found,
        };
        answers.answer(found, |value| Ok(value.clone()))
    };
    let text = call_.expr(0);
    if !as_array {
        let text_of = move |json: Option<&Value>| Ok(found(json)?.map(|value| value.to_string()));
        return Ok(over_json::<_, StringArray>(&name, (text, DataType::Utf8), text_of));
    }
    let kernel: Kernel = Arc::new(move |arrays| {
        let mut lists = ListBuilder::new(StringBuilder::new());
        for text in arrays[0].as_string::<i32>() {
            let found = match text {
                None => None,
                Some(text) => found(serde_json::from_str(text).ok().as_ref())?,
            };
            let elements = found.as_ref().and_then(Value::as_array);
            for element in elements.into_iter().flatten() {
                match element {
                    Value::Null => lists.values().append_null(),
                    element => lists.values().append_value(text_of(element)),
                }
            }
            lists.append(elements.is_some());
        }
        Ok(Arc::new(lists.finish()))
    });
    let to = DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)));
    Ok(call(&name, types("t"), to, kernel, vec![text]))
}

/// `JSON_EXISTS(text, path ... ON ERROR)`.
pub(crate) fn exists(call_: &Call<'_>, on_error: Instead<bool>) -> Result<Expr> {
    let (name, path) = checked(call_)?;
    let name = format!("{name}_{on_error:?}");
    let of_path = call_.literal(1, "the path")?.to_owned();
    let answers = Answers { path: of_path, on_empty: Instead::Value(false), on_error };
    let to = (call_.expr(0), DataType::Boolean);
    Ok(over_json::<_, BooleanArray>(&name, to, move |json| {
        answers.answer(path.find(json), |_| Ok(true))
    }))
}

fn checked(call: &Call<'_>) -> Result<(String, Path)> {
    strings(call, &[0, 1])?;
    let path = call.literal(1, "the path")?;
    let parsed = Path::parse(path).ok_or_else(|| {
        SqlError::new(call.at, format!("the path '{path}' is not supported"))
            .hint("a path is written as '$.name[0]', '$[''a name'']' or '$.list[*].name'")
    })?;
    Ok((format!("{}_{path}", call.name), parsed))
}

/// A value as a text: texts without quotes, others as JSON.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
