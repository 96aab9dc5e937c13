//! Conditions of paths into JSON, `(@.a > 1 && @.b == 'x')`: comparisons of values of one kind, and
//! whether something is there.

use std::cmp::Ordering;

use serde_json::Value;

use super::json_path::{Step, follow, steps};

/// A condition on a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Filter {
    Any(Vec<Filter>),
    All(Vec<Filter>),
    Not(Box<Filter>),
    Is(Operand),
    Compared(Operand, Comparison, Operand),
}

/// `@.a.b`, or a literal.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operand {
    At(Vec<Step>),
    Literal(Value),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    NotMore,
    More,
    NotLess,
}

const COMPARISONS: [(&str, Comparison); 6] = [
    ("==", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("<=", Comparison::NotMore),
    (">=", Comparison::NotLess),
    ("<", Comparison::Less),
    (">", Comparison::More),
];

impl Filter {
    pub(super) fn is_true(&self, of: &Value) -> bool {
        match self {
            Self::Any(parts) => parts.iter().any(|part| part.is_true(of)),
            Self::All(parts) => parts.iter().all(|part| part.is_true(of)),
            Self::Not(part) => !part.is_true(of),
            Self::Is(Operand::At(path)) => follow(of, path).is_some(),
            Self::Is(Operand::Literal(value)) => *value == Value::Bool(true),
            Self::Compared(left, comparison, right) => {
                let [left, right] = [left, right].map(|side| side.of(of));
                let order = match (left, right) {
                    (Some(left), Some(right)) => order(left, right),
                    _ => None,
                };
                match comparison {
                    Comparison::Equal => order.is_some_and(Ordering::is_eq),
                    Comparison::NotEqual => !order.is_some_and(Ordering::is_eq),
                    Comparison::Less => order.is_some_and(Ordering::is_lt),
                    Comparison::NotMore => order.is_some_and(Ordering::is_le),
                    Comparison::More => order.is_some_and(Ordering::is_gt),
                    Comparison::NotLess => order.is_some_and(Ordering::is_ge),
                }
            }
        }
    }
}

impl Operand {
    fn of<'v>(&'v self, value: &'v Value) -> Option<&'v Value> {
        match self {
            Self::At(path) => follow(value, path),
            Self::Literal(literal) => Some(literal),
        }
    }
}

/// How values of one kind stand to each other; none of others.
fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.as_f64()?.partial_cmp(&right.as_f64()?),
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        (left, right) => (left == right).then_some(Ordering::Equal),
    }
}

/// Reads a condition in parentheses, and gives what follows.
pub(super) fn parse(text: &str) -> Option<(Filter, &str)> {
    let (filter, rest) = any(text.trim_start().strip_prefix('(')?)?;
    Some((filter, rest.trim_start().strip_prefix(')')?))
}

fn any(text: &str) -> Option<(Filter, &str)> {
    list(text, "||", all, Filter::Any)
}

fn all(text: &str) -> Option<(Filter, &str)> {
    list(text, "&&", one, Filter::All)
}

fn list<'t>(
    text: &'t str,
    between: &str,
    part: fn(&'t str) -> Option<(Filter, &'t str)>,
    whole: fn(Vec<Filter>) -> Filter,
) -> Option<(Filter, &'t str)> {
    let (first, mut rest) = part(text)?;
    let mut parts = vec![first];
    while let Some(after) = rest.trim_start().strip_prefix(between) {
        let (next, after) = part(after)?;
        parts.push(next);
        rest = after;
    }
    Some((if parts.len() == 1 { parts.remove(0) } else { whole(parts) }, rest))
}

fn one(text: &str) -> Option<(Filter, &str)> {
    let text = text.trim_start();
    if text.starts_with('(') {
        return parse(text);
    }
    if let Some(after) = text.strip_prefix('!') {
        let (part, rest) = one(after)?;
        return Some((Filter::Not(Box::new(part)), rest));
    }
    let (left, rest) = operand(text)?;
    let rest = rest.trim_start();
    let known = COMPARISONS.iter().find_map(|(sign, is)| Some((*is, rest.strip_prefix(sign)?)));
    match known {
        Some((comparison, after)) => {
            let (right, rest) = operand(after.trim_start())?;
            Some((Filter::Compared(left, comparison, right), rest))
        }
        None => Some((Filter::Is(left), rest)),
    }
}

fn operand(text: &str) -> Option<(Operand, &str)> {
    if let Some(quote) = text.chars().next().filter(|c| matches!(c, '\'' | '"')) {
        let (inside, rest) = text[1..].split_once(quote)?;
        return Some((Operand::Literal(Value::String(inside.to_owned())), rest));
    }
    let ends = |c: char| c.is_whitespace() || "()=!<>&|".contains(c);
    let (word, rest) = text.split_at(text.find(ends).unwrap_or(text.len()));
    let operand = match word.strip_prefix('@') {
        Some(path) => {
            let path = steps(path)?;
            let is_one = |step: &Step| matches!(step, Step::Field(_) | Step::Element(_));
            Operand::At(path.iter().all(is_one).then_some(path)?)
        }
        None => {
            let value: Value = serde_json::from_str(word).ok()?;
            Operand::Literal(value)
        }
    };
    Some((operand, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_bind_and_before_or() {
        let is = |filter: &str, json: &str| {
            let (filter, rest) = parse(filter).unwrap_or_else(|| panic!("{filter}"));
            assert_eq!(rest, "]");
            filter.is_true(&serde_json::from_str(json).unwrap())
        };
        let json = r#"{"a": 1, "b": "x", "c": null}"#;
        assert!(is("(@.a == 2 || @.a == 1 && @.b == 'x')]", json));
        assert!(is("((@.a == 2 || @.a >= 1) && !(@.b != \"x\"))]", json));
        assert!(is("(@.c && @.c == null && !@.d)]", json));
        assert!(!is("(@.b > 1)]", json));
        for wrong in ["@.a", "(@.a", "(@.a ==)", "(@[*] == 1)", "(@.a =~ /x/)"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
