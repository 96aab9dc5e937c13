//! Functions of JSON in texts, with the simple paths of SQL: `$.a.b[0]['c d']`.

use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, StringArray};
use arrow::datatypes::DataType;
use datafusion_expr::Expr;
use serde_json::Value;

use super::own::{Kernel, call, types};
use super::{Call, Entry, strings};
use crate::error::{Result, SqlError};

/// The functions of this file.
pub(super) const FUNCTIONS: &[Entry] = &[
    ("JSON_VALUE", 2, 2, |c| text(c, scalar)),
    ("JSON_QUERY", 2, 2, |c| text(c, structure)),
    ("JSON_EXISTS", 2, 2, exists),
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

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Field(String),
    Element(usize),
}

fn text(call_: &Call<'_>, found: fn(&Value) -> Option<String>) -> Result<Expr> {
    let (name, path) = checked(call_)?;
    let kernel: Kernel = Arc::new(move |arrays| {
        let value = |text: Option<&str>| {
            let json: Value = serde_json::from_str(text?).ok()?;
            follow(&json, &path).and_then(found)
        };
        Ok(Arc::new(arrays[0].as_string::<i32>().iter().map(value).collect::<StringArray>()))
    });
    Ok(call(&name, types("t"), DataType::Utf8, kernel, vec![call_.expr(0)]))
}

fn exists(call_: &Call<'_>) -> Result<Expr> {
    let (name, path) = checked(call_)?;
    let kernel: Kernel = Arc::new(move |arrays| {
        let whether = |text: Option<&str>| {
            let json: Option<Value> = serde_json::from_str(text?).ok();
            // In Flink a null is not there.
            Some(json.is_some_and(|json| follow(&json, &path).is_some_and(|v| !v.is_null())))
        };
        Ok(Arc::new(arrays[0].as_string::<i32>().iter().map(whether).collect::<BooleanArray>()))
    });
    Ok(call(&name, types("t"), DataType::Boolean, kernel, vec![call_.expr(0)]))
}

fn checked(call: &Call<'_>) -> Result<(String, Vec<Step>)> {
    strings(call, &[0, 1])?;
    let path = call.literal(1, "the path")?;
    let steps = parse(path).ok_or_else(|| {
        SqlError::new(call.at, format!("the path '{path}' is not supported"))
            .hint("a path is written as '$.name[0]' or '$[''a name'']'")
    })?;
    Ok((format!("{}_{path}", call.name), steps))
}

/// The value at the end of a path; none when there is none.
fn follow<'v>(json: &'v Value, path: &[Step]) -> Option<&'v Value> {
    path.iter().try_fold(json, |value, step| match step {
        Step::Field(name) => value.get(name),
        Step::Element(index) => value.get(index),
    })
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn structure(value: &Value) -> Option<String> {
    matches!(value, Value::Array(_) | Value::Object(_)).then(|| value.to_string())
}

fn parse(path: &str) -> Option<Vec<Step>> {
    let path = path.trim();
    // Whether the path is lax or strict matters only to ON ERROR.
    let path = path.strip_prefix("lax").or(path.strip_prefix("strict")).unwrap_or(path);
    let mut rest = path.trim_start().strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let after_dot = rest.strip_prefix('.');
        if let Some(inner) = after_dot.unwrap_or(rest).strip_prefix('[') {
            let (step, after) = bracket(inner)?;
            steps.push(step);
            rest = after;
            continue;
        }
        let name = after_dot?;
        let end = name.find(['.', '[']).unwrap_or(name.len());
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '$');
        if end == 0 || !name[..end].chars().all(plain) {
            return None;
        }
        steps.push(Step::Field(name[..end].to_owned()));
        rest = &name[end..];
    }
    Some(steps)
}

/// `0]` or `'name']`, and what follows.
fn bracket(inner: &str) -> Option<(Step, &str)> {
    for quote in ['\'', '"'] {
        if let Some(name) = inner.strip_prefix(quote) {
            let (name, rest) = name.split_once(quote)?;
            return Some((Step::Field(name.to_owned()), rest.strip_prefix(']')?));
        }
    }
    let (index, rest) = inner.split_once(']')?;
    Some((Step::Element(index.trim().parse().ok()?), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_step_by_step() {
        let field = |name: &str| Step::Field(name.to_owned());
        assert_eq!(parse("$"), Some(vec![]));
        assert_eq!(parse("$.a.b[2]"), Some(vec![field("a"), field("b"), Step::Element(2)]));
        assert_eq!(parse("lax $['a b'][\"c.d\"]"), Some(vec![field("a b"), field("c.d")]));
        assert_eq!(parse("strict $.['a b']"), Some(vec![field("a b")]));
        for wrong in ["a", "$a", "$.", "$.a..b", "$[*]", "$.a[", "$.a ? (@ > 1)"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
