//! Paths into JSON, as Flink has them of the library Jayway: `lax $.a[0]['b c']`, and those that
//! give all that they find as an array: `$.a[*]`, `$.*`, `$..b`, `$.a[1:3]`, `$.a[?(@.b > 1)]`.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::json_filter::{self, Filter};

/// One step of a path.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    Field(String),
    /// The last step only: an object of these fields.
    Fields(Vec<String>),
    /// From 0, or below it from the end.
    Element(i64),
    Elements(Vec<i64>),
    /// From the first to before the second.
    Range(Option<i64>, Option<i64>),
    /// All values of an object or an array.
    All,
    /// All values at any depth, in which the next step is taken.
    Deep,
    Where(Filter),
}

/// A path, and how strictly it is followed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Path {
    steps: Vec<Step>,
    /// `lax`: what is not there is nothing found, and not an error.
    is_lax: bool,
}

/// What is at the end of a path.
pub(super) enum Found<'v> {
    Value(Cow<'v, Value>),
    Nothing,
    Wrong,
}

impl Found<'_> {
    /// What does not fit is as good as not there.
    pub(super) fn that(self, fits: impl FnOnce(&Value) -> bool, path: &Path) -> Self {
        match self {
            Self::Value(value) if !fits(&value) => path.without(),
            found => found,
        }
    }
}

impl Path {
    /// Reads a path; none for what is none, or has functions.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let word = text.split_whitespace().next()?;
        let is = |mode: &str| word.eq_ignore_ascii_case(mode) && word.len() < text.len();
        let (is_lax, is_strict) = (is("lax"), is("strict"));
        // As in Flink, a path is strict that does not say what it is, and may begin with a name.
        let path = if is_lax || is_strict { text[word.len()..].trim_start() } else { text };
        let steps = match path.strip_prefix('$') {
            Some(rest) => steps(rest)?,
            None => steps(&format!(".{path}"))?,
        };
        Some(Self { steps, is_lax })
    }

    /// What is not there, or is not of the kind that is asked for.
    pub(super) fn without(&self) -> Found<'static> {
        if self.is_lax { Found::Nothing } else { Found::Wrong }
    }

    /// A value that is no NULL, or all values that a path with choices leads to.
    pub(super) fn find<'v>(&self, json: Option<&'v Value>) -> Found<'v> {
        let Some(json) = json else { return self.without() };
        let is_one = |step: &Step| matches!(step, Step::Field(_) | Step::Element(_));
        let single = self.steps.iter().take_while(|step| is_one(step)).count();
        let (single, rest) = self.steps.split_at(single);
        let value = follow(json, single);
        match (value, rest) {
            (None | Some(Value::Null), []) => self.without(),
            (Some(value), []) => Found::Value(Cow::Borrowed(value)),
            (Some(Value::Object(fields)), [Step::Fields(names)]) => {
                let of = |name: &String| Some((name.clone(), fields.get(name)?.clone()));
                let chosen: Map<String, Value> = names.iter().filter_map(of).collect();
                Found::Value(Cow::Owned(Value::Object(chosen)))
            }
            (_, [Step::Fields(_)]) => self.without(),
            (None, _) if self.is_lax => Found::Value(Cow::Owned(Value::Array(Vec::new()))),
            (None, _) => Found::Wrong,
            (Some(value), rest) => {
                let mut all = Vec::new();
                collect(value, rest, &mut all);
                Found::Value(Cow::Owned(Value::Array(all)))
            }
        }
    }
}

/// The value behind steps that each lead to one; none when there is none.
pub(super) fn follow<'v>(json: &'v Value, steps: &[Step]) -> Option<&'v Value> {
    steps.iter().try_fold(json, |value, step| match step {
        Step::Field(name) => value.get(name),
        Step::Element(index) => element(value.as_array()?, *index),
        _ => None,
    })
}

fn element(values: &[Value], index: i64) -> Option<&Value> {
    let from_end = || usize::try_from(values.len() as i64 + index).ok();
    values.get(usize::try_from(index).ok().or_else(from_end)?)
}

/// Adds all values that steps lead to; where a step does not lead on, nothing.
fn collect(value: &Value, steps: &[Step], all: &mut Vec<Value>) {
    let Some((step, rest)) = steps.split_first() else {
        all.push(value.clone());
        return;
    };
    let mut on = |value: &Value| collect(value, rest, all);
    match step {
        Step::Field(_) | Step::Element(_) => {
            follow(value, std::slice::from_ref(step)).into_iter().for_each(on);
        }
        Step::Fields(names) => {
            let Value::Object(fields) = value else { return };
            let of = |name: &String| Some((name.clone(), fields.get(name)?.clone()));
            on(&Value::Object(names.iter().filter_map(of).collect()));
        }
        Step::Elements(indexes) => {
            let Value::Array(values) = value else { return };
            indexes.iter().filter_map(|index| element(values, *index)).for_each(on);
        }
        Step::Range(from, to) => {
            let Value::Array(values) = value else { return };
            let length = values.len() as i64;
            let place = |index: i64| if index < 0 { length + index } else { index };
            let bound = |index: Option<i64>, otherwise| {
                index.map_or(otherwise, place).clamp(0, length) as usize
            };
            let (from, to) = (bound(*from, 0), bound(*to, length));
            values.get(from..to).into_iter().flatten().for_each(on);
        }
        Step::All => children(value).for_each(on),
        Step::Deep => {
            collect(value, rest, all);
            children(value).for_each(|child| collect(child, steps, all));
        }
        Step::Where(filter) => match value {
            Value::Array(values) => {
                values.iter().filter(|value| filter.is_true(value)).for_each(on);
            }
            Value::Object(_) if filter.is_true(value) => on(value),
            _ => {}
        },
    }
}

fn children(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::Array(values) => Box::new(values.iter()),
        Value::Object(fields) => Box::new(fields.values()),
        _ => Box::new(std::iter::empty()),
    }
}

/// The steps behind `$`.
pub(super) fn steps(mut rest: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    while !rest.is_empty() {
        // An object of several fields leads no further here.
        if matches!(steps.last(), Some(Step::Fields(_))) {
            return None;
        }
        if let Some(after) = rest.strip_prefix("..") {
            steps.push(Step::Deep);
            // Filters would be asked of each value, and of those in arrays again.
            if after.starts_with("[?") || after.is_empty() || after.starts_with('.') {
                return None;
            }
            rest = after;
            if !rest.starts_with('[') {
                (steps, rest) = named(steps, rest)?;
            }
            continue;
        }
        let after_dot = rest.strip_prefix('.');
        if let Some(inner) = after_dot.unwrap_or(rest).strip_prefix('[') {
            let (step, after) = bracket(inner)?;
            steps.push(step);
            rest = after;
            continue;
        }
        (steps, rest) = named(steps, after_dot?)?;
    }
    Some(steps)
}

/// A name, or `*`, and what follows.
fn named(mut steps: Vec<Step>, rest: &str) -> Option<(Vec<Step>, &str)> {
    let end = rest.find(['.', '[']).unwrap_or(rest.len());
    let (name, after) = rest.split_at(end);
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '$');
    steps.push(match name {
        "*" => Step::All,
        name if !name.is_empty() && name.chars().all(plain) => Step::Field(name.to_owned()),
        _ => return None,
    });
    Some((steps, after))
}

/// What stands in brackets, of which the first is read, and what follows.
fn bracket(inner: &str) -> Option<(Step, &str)> {
    let inner = inner.trim_start();
    if let Some(condition) = inner.strip_prefix('?') {
        let (filter, after) = json_filter::parse(condition)?;
        return Some((Step::Where(filter), after.trim_start().strip_prefix(']')?));
    }
    if inner.starts_with(['\'', '"']) {
        let mut names = Vec::new();
        let mut rest = inner;
        loop {
            let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
            let (name, after) = rest[1..].split_once(quote)?;
            names.push(name.to_owned());
            rest = after.trim_start();
            match rest.strip_prefix(',') {
                Some(more) => rest = more.trim_start(),
                None => break,
            }
        }
        let step =
            if names.len() == 1 { Step::Field(names.remove(0)) } else { Step::Fields(names) };
        return Some((step, rest.strip_prefix(']')?));
    }
    let (inside, after) = inner.split_once(']')?;
    Some((numbers(inside.trim())?, after))
}

fn numbers(inside: &str) -> Option<Step> {
    if inside == "*" {
        return Some(Step::All);
    }
    if let Some((from, to)) = inside.split_once(':') {
        let bound = |text: &str| match text.trim() {
            "" => Some(None),
            number => number.parse().ok().map(Some),
        };
        return Some(Step::Range(bound(from)?, bound(to)?));
    }
    let indexes = inside.split(',').map(|index| index.trim().parse().ok());
    let mut indexes = indexes.collect::<Option<Vec<i64>>>()?;
    Some(if indexes.len() == 1 {
        Step::Element(indexes.remove(0))
    } else {
        Step::Elements(indexes)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_step_by_step() {
        let field = |name: &str| Step::Field(name.to_owned());
        let path = |is_lax, steps| Some(Path { steps, is_lax });
        assert_eq!(Path::parse("$"), path(false, vec![]));
        assert_eq!(
            Path::parse("$.a.b[2]"),
            path(false, vec![field("a"), field("b"), Step::Element(2)])
        );
        let quoted = vec![field("a b"), field("c.d")];
        assert_eq!(Path::parse("lax $['a b'][\"c.d\"]"), path(true, quoted));
        assert_eq!(Path::parse("strict $.['a b']"), path(false, vec![field("a b")]));
        assert_eq!(Path::parse("LAX a"), path(true, vec![field("a")]));
        let found = vec![Step::Deep, field("a"), Step::All, Step::Range(Some(-2), None)];
        assert_eq!(Path::parse("$..a[*][-2:]"), path(false, found));
        for wrong in ["", "$a", "$.", "$.a...b", "$.a[", "$.a ? (@ > 1)", "$.a[x]", "$.length()"] {
            assert_eq!(Path::parse(wrong), None, "{wrong}");
        }
    }
}
