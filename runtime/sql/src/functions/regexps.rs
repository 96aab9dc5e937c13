//! Functions of regular expressions. A pattern that is a literal is compiled, and refused if it is
//! none, when the statement is planned; others as rows bring them.

use std::collections::HashMap;
use std::sync::Arc;

use ::regex::{self as patterns, NoExpand, Regex};
use arrow::array::{Array, ArrayRef, AsArray, Int32Array, Int64Array, ListBuilder, StringBuilder};
use arrow::datatypes::{DataType, Int64Type};
use datafusion_common::{Result as Computed, exec_datafusion_err};
use datafusion_expr::{Expr, cast, lit, when};
use datafusion_functions::regex;

use super::own::{Kernel, call, types};
use super::{Call, Entry, own_maps, strings, wrong_arguments};
use crate::error::{Position, Result, SqlError};
use crate::expr::Bound;
use crate::types::{array_of, map_of};

/// The functions of this file.
pub(super) const FUNCTIONS: &[Entry] = &[
    ("REGEXP", 2, 2, regexp),
    ("REGEXP_REPLACE", 3, 3, replace),
    ("REGEXP_EXTRACT", 2, 3, extract),
    ("REGEXP_EXTRACT_ALL", 2, 3, extract_all),
    ("REGEXP_COUNT", 2, 2, |c| number(c, |regex, text| regex.find_iter(text).count())),
    ("REGEXP_INSTR", 2, 2, |c| {
        // Places count Java's letters, of two bytes each.
        let place = |text: &str, at: usize| text[..at].encode_utf16().count() + 1;
        number(c, move |regex, text| regex.find(text).map_or(0, |found| place(text, found.start())))
    }),
    ("REGEXP_SUBSTR", 2, 2, |c| {
        let pattern = Pattern::of(c)?;
        let kernel: Kernel = Arc::new(move |arrays| {
            let mut out = StringBuilder::new();
            pattern.each(arrays, |_, found| {
                out.append_option(found.and_then(|(regex, text)| Some(regex.find(text)?.as_str())));
            })?;
            Ok(Arc::new(out.finish()))
        });
        Ok(call(&name(c), types("tt"), DataType::Utf8, kernel, c.exprs()))
    }),
    ("STR_TO_MAP", 1, 3, map),
];

/// The pattern of a call.
struct Pattern {
    /// That of all rows, if it is a literal.
    fixed: Option<Regex>,
}

impl Pattern {
    /// The second argument.
    fn of(call: &Call<'_>) -> Result<Self> {
        strings(call, &[0, 1])?;
        let Some(pattern) = call.arguments[1].literal_text() else {
            return Ok(Self { fixed: None });
        };
        let fixed = Regex::new(pattern).map_err(|why| no_pattern(pattern, &why, call.at))?;
        Ok(Self { fixed: Some(fixed) })
    }

    /// Gives the pattern and the text of each row, none where one is NULL.
    fn each<'a>(
        &self,
        arrays: &'a [ArrayRef],
        mut with: impl FnMut(usize, Option<(&Regex, &'a str)>),
    ) -> Computed<()> {
        let [texts, patterns] = [0, 1].map(|index| arrays[index].as_string::<i32>());
        let mut last: Option<Regex> = None;
        for row in 0..texts.len() {
            if texts.is_null(row) || patterns.is_null(row) {
                with(row, None);
                continue;
            }
            let pattern = patterns.value(row);
            if self.fixed.is_none() && last.as_ref().is_none_or(|regex| regex.as_str() != pattern) {
                let compiled = Regex::new(pattern);
                last = Some(compiled.map_err(|why| exec_datafusion_err!("{why}"))?);
            }
            let regex = self.fixed.as_ref().or(last.as_ref());
            with(row, regex.map(|regex| (regex, texts.value(row))));
        }
        Ok(())
    }
}

/// A call's name with its pattern, since two calls of one name are one function.
fn name(call: &Call<'_>) -> String {
    let pattern = call.arguments[1].literal_text().unwrap_or_default();
    format!("{}_{pattern}", call.name)
}

/// The error for a text that is no pattern.
pub(super) fn no_pattern(pattern: &str, why: &patterns::Error, at: Position) -> SqlError {
    SqlError::new(at, format!("'{pattern}' is no pattern: {why}"))
}

/// An empty pattern matches nothing, as in Flink.
fn regexp(call: &Call<'_>) -> Result<Expr> {
    strings(call, &[0, 1])?;
    let matches = regex::regexp_like().call(call.exprs());
    let empty = call.expr(1).eq(lit("")).and(call.expr(0).is_not_null());
    when(empty, lit(false))
        .otherwise(matches)
        .map_err(|_| wrong_arguments(call.name, call.arguments, call.at))
}

/// Replaces everything that a pattern matches. The other text stands for itself: in Flink `$1` is
/// no group.
fn replace(call_: &Call<'_>) -> Result<Expr> {
    strings(call_, &[2])?;
    let pattern = Pattern::of(call_)?;
    let kernel: Kernel = Arc::new(move |arrays| {
        let by = arrays[2].as_string::<i32>();
        let mut out = StringBuilder::new();
        pattern.each(arrays, |row, found| {
            let found = found.filter(|_| by.is_valid(row));
            let replaced =
                found.map(|(regex, text)| regex.replace_all(text, NoExpand(by.value(row))));
            out.append_option(replaced);
        })?;
        Ok(Arc::new(out.finish()))
    });
    Ok(call(&name(call_), types("ttt"), DataType::Utf8, kernel, call_.exprs()))
}

/// The group that is asked for, as BIGINT.
fn group(call: &Call<'_>, otherwise: i64) -> Result<Expr> {
    match call.arguments.get(2) {
        None => Ok(lit(otherwise)),
        Some(group) if group.data_type.is_integer() || group.data_type == DataType::Null => {
            Ok(cast(group.expr.clone(), DataType::Int64))
        }
        Some(_) => Err(wrong_arguments(call.name, call.arguments, call.at)),
    }
}

/// The group of a row that a pattern has, if it is one; the whole is 0.
fn group_of(groups: &Int64Array, row: usize, regex: &Regex) -> Option<usize> {
    let group = groups.is_valid(row).then(|| usize::try_from(groups.value(row)).ok()).flatten()?;
    (group < regex.captures_len()).then_some(group)
}

/// The text that a group of a pattern matches first; null when nothing does.
fn extract(call_: &Call<'_>) -> Result<Expr> {
    let (pattern, group) = (Pattern::of(call_)?, group(call_, 0)?);
    let kernel: Kernel = Arc::new(move |arrays| {
        let groups = arrays[2].as_primitive::<Int64Type>();
        let mut places = pattern.fixed.as_ref().map(Regex::capture_locations);
        let mut out = StringBuilder::with_capacity(arrays[0].len(), arrays[0].len() * 8);
        pattern.each(arrays, |row, found| {
            let part = found.and_then(|(regex, text)| {
                let group = group_of(groups, row, regex)?;
                let mut own = None;
                let places = match &mut places {
                    Some(places) => places,
                    None => own.insert(regex.capture_locations()),
                };
                regex.captures_read(places, text)?;
                places.get(group).map(|(from, to)| &text[from..to])
            });
            out.append_option(part);
        })?;
        Ok(Arc::new(out.finish()))
    });
    let [text, of] = [call_.expr(0), call_.expr(1)];
    Ok(call(&name(call_), types("ttn"), DataType::Utf8, kernel, vec![text, of, group]))
}

/// What a group matches each time, NULL among it where it takes no part; the first group if none is
/// asked for.
fn extract_all(call_: &Call<'_>) -> Result<Expr> {
    let (pattern, group) = (Pattern::of(call_)?, group(call_, 1)?);
    let kernel: Kernel = Arc::new(move |arrays| {
        let groups = arrays[2].as_primitive::<Int64Type>();
        let mut out = ListBuilder::new(StringBuilder::new());
        pattern.each(arrays, |row, found| {
            let found = found.and_then(|(regex, text)| {
                Some((group_of(groups, row, regex)?, regex.captures_iter(text)))
            });
            let is_there = found.is_some();
            for (group, captures) in found
                .into_iter()
                .flat_map(|(group, all)| all.map(move |captures| (group, captures)))
            {
                out.values().append_option(captures.get(group).map(|part| part.as_str()));
            }
            out.append(is_there);
        })?;
        Ok(Arc::new(out.finish()))
    });
    let [text, of] = [call_.expr(0), call_.expr(1)];
    let to = array_of(DataType::Utf8, true);
    Ok(call(&name(call_), types("ttn"), to, kernel, vec![text, of, group]))
}

/// A number that a pattern has in a text, as INT.
fn number(
    call_: &Call<'_>,
    of: impl Fn(&Regex, &str) -> usize + Send + Sync + 'static,
) -> Result<Expr> {
    let pattern = Pattern::of(call_)?;
    let kernel: Kernel = Arc::new(move |arrays| {
        let mut out = Vec::with_capacity(arrays[0].len());
        pattern.each(arrays, |_, found| {
            out.push(found.and_then(|(regex, text)| i32::try_from(of(regex, text)).ok()));
        })?;
        Ok(Arc::new(Int32Array::from(out)))
    });
    Ok(call(&name(call_), types("tt"), DataType::Int32, kernel, call_.exprs()))
}

/// A MAP of a text's parts: patterns stand between entries, and between a key and its value.
fn map(call_: &Call<'_>) -> Result<Expr> {
    strings(call_, &[0, 1, 2])?;
    if call_.arguments.len() == 2 {
        return Err(SqlError::new(call_.at, "STR_TO_MAP takes a text, and no or both patterns"));
    }
    let mut arguments = vec![call_.expr(0)];
    for (place, otherwise) in [(1, ","), (2, "=")] {
        let pattern = call_.arguments.get(place);
        if let Some(pattern) = pattern.and_then(Bound::literal_text) {
            Regex::new(pattern).map_err(|why| no_pattern(pattern, &why, call_.at))?;
        }
        arguments.push(pattern.map_or_else(|| lit(otherwise), |pattern| pattern.expr.clone()));
    }
    let to = map_of(DataType::Utf8, DataType::Utf8, true);
    let result = to.clone();
    let kernel: Kernel = Arc::new(move |arrays| {
        let [texts, between, within] = [0, 1, 2].map(|index| arrays[index].as_string::<i32>());
        let [mut keys, mut values] = [(), ()].map(|()| ListBuilder::new(StringBuilder::new()));
        let mut patterns = HashMap::new();
        for row in 0..texts.len() {
            let is_there = arrays.iter().all(|array| array.is_valid(row));
            if is_there && !texts.value(row).is_empty() {
                for pattern in [between.value(row), within.value(row)] {
                    if !patterns.contains_key(pattern) {
                        let regex = Regex::new(pattern);
                        let regex = regex.map_err(|why| exec_datafusion_err!("{why}"))?;
                        patterns.insert(pattern, regex);
                    }
                }
                let within = &patterns[within.value(row)];
                for entry in split(&patterns[between.value(row)], texts.value(row), usize::MAX) {
                    let parts = split(within, entry, 2);
                    keys.values().append_option(parts.first());
                    values.values().append_option(parts.get(1));
                }
            }
            keys.append(is_there);
            values.append(is_there);
        }
        let lists: [ArrayRef; 2] = [Arc::new(keys.finish()), Arc::new(values.finish())];
        own_maps::of_arrays(&lists, &result)
    });
    Ok(call("STR_TO_MAP", types("ttt"), to, kernel, arguments))
}

/// The parts of a text as Java's `split` has them: an empty match before all is none, and of parts
/// without a limit the last ones are not empty.
fn split<'t>(pattern: &Regex, text: &'t str, parts_max: usize) -> Vec<&'t str> {
    let mut parts = Vec::new();
    let mut begin = 0;
    for found in pattern.find_iter(text) {
        if parts.len() + 1 == parts_max {
            break;
        }
        if found.end() > 0 {
            parts.push(&text[begin..found.start()]);
            begin = found.end();
        }
    }
    parts.push(&text[begin..]);
    while parts_max == usize::MAX && parts.len() > 1 && parts.last().is_some_and(|p| p.is_empty()) {
        parts.pop();
    }
    parts
}
