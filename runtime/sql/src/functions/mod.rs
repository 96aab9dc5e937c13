//! Flink's scalar functions, each built from the library's functions or our own.

mod bounded;
mod by_itself;
pub(crate) mod cast_nested;
mod cast_texts;
pub(crate) mod casts;
mod charsets;
pub(crate) mod collections;
mod conditional;
pub(crate) mod decimals;
mod encode;
pub(crate) mod floats;
mod formats;
mod formats_read;
mod formatted;
pub(crate) mod json;
mod json_filter;
pub(crate) mod json_listed;
pub(crate) mod json_made;
mod json_path;
mod json_quoted;
pub(crate) mod library;
mod lists;
mod math;
mod moved_times;
mod one_row;
mod own;
mod own_arrays;
mod own_maps;
mod own_math;
mod own_text;
mod own_time;
mod printf;
mod regexps;
pub(crate) mod rows;
mod text;
mod time;
mod time_zones;
mod urls;
pub(crate) mod whole_keys;
pub(crate) mod wholes;

use arrow::datatypes::DataType;
use datafusion_expr::Expr;

use crate::error::{Position, Result, SqlError};
use crate::expr::{AGGREGATES, Bound, is_aggregate};
use crate::types::flink_name;

pub(crate) use by_itself::{is_never_null, text_of};
pub(crate) use casts::CAST;
pub(crate) use one_row::only;
pub(crate) use own::{call as kernel, listed, wrapping_narrow};
pub(crate) use own_time::interval_text;
pub(crate) use text::{similar, with_backslashes};

/// A call of a scalar function.
pub(crate) struct Call<'a> {
    /// Its name in upper case.
    pub name: &'a str,
    /// Its arguments.
    pub arguments: &'a [Bound],
    /// Where it stands.
    pub at: Position,
}

impl Call<'_> {
    /// The arguments' expressions.
    fn exprs(&self) -> Vec<Expr> {
        self.arguments.iter().map(|a| a.expr.clone()).collect()
    }

    /// The argument at `index`, whose presence the arity has checked.
    fn expr(&self, index: usize) -> Expr {
        self.arguments[index].expr.clone()
    }

    /// The literal text at `index`.
    fn literal(&self, index: usize, what: &str) -> Result<&str> {
        self.arguments[index].literal_text().ok_or_else(|| {
            SqlError::new(self.at, format!("{}: {what} must be a text in single quotes", self.name))
        })
    }
}

/// A function: its name, the least and the most arguments, how it is built.
type Entry = (&'static str, usize, usize, fn(&Call<'_>) -> Result<Expr>);

/// The functions by what they are about.
const GROUPS: [(&str, &[Entry]); 15] = [
    ("Conditions", conditional::FUNCTIONS),
    ("Numbers", math::FUNCTIONS),
    ("Texts", text::FUNCTIONS),
    ("Texts by a format", printf::FUNCTIONS),
    ("Patterns", regexps::FUNCTIONS),
    ("URLs", urls::FUNCTIONS),
    ("Codes and digests", encode::FUNCTIONS),
    ("Character sets", charsets::FUNCTIONS),
    ("Times", time::FUNCTIONS),
    ("Time zones", time_zones::FUNCTIONS),
    ("What changes by itself", by_itself::FUNCTIONS),
    ("JSON", json::FUNCTIONS),
    ("JSON of values", json_made::FUNCTIONS),
    ("Quoted JSON", json_quoted::FUNCTIONS),
    ("ARRAYs and MAPs", collections::FUNCTIONS),
];

fn entries() -> impl Iterator<Item = &'static Entry> {
    GROUPS.iter().flat_map(|(_, functions)| *functions)
}

/// The groups of functions, each with its functions' names and the least and the most arguments.
pub(crate) fn groups()
-> impl Iterator<Item = (&'static str, impl Iterator<Item = (&'static str, usize, usize)>)> {
    GROUPS.iter().map(|(group, functions)| {
        (*group, functions.iter().map(|(name, least, most, _)| (*name, *least, *most)))
    })
}

/// Checks that these arguments, as far as they are there, are texts.
fn strings(call: &Call<'_>, indexes: &[usize]) -> Result<()> {
    let text = |i: &usize| {
        let argument = call.arguments.get(*i);
        argument.is_none_or(|a| matches!(a.data_type, DataType::Utf8 | DataType::Null))
    };
    if indexes.iter().all(text) {
        return Ok(());
    }
    Err(wrong_arguments(call.name, call.arguments, call.at)
        .hint("use CAST(<value> AS STRING) for what is no text"))
}

/// Builds a call; types are checked afterwards, when they are coerced.
pub(crate) fn build(call: &Call<'_>) -> Result<Expr> {
    let Some((_, least, most, build)) = entries().find(|(name, ..)| *name == call.name) else {
        return library::build(call)?.ok_or_else(|| unknown(call.name, call.at));
    };
    let count = call.arguments.len();
    if count < *least || count > *most {
        let takes = match (least, most) {
            (a, b) if a == b => format!("{a}"),
            (a, b) if *b == usize::MAX => format!("at least {a}"),
            (a, b) => format!("{a} to {b}"),
        };
        let noun = if takes == "1" { "argument" } else { "arguments" };
        let message = format!("{} takes {takes} {noun}, not {count}", call.name);
        let error = SqlError::new(call.at, message);
        return Err(match call.name {
            "RAND" | "RAND_INTEGER" => error.hint(
                "numbers are drawn without a seed, other ones in each run: those of a seed would depend on \
                 the order in which rows come",
            ),
            _ => error,
        });
    }
    build(call)
}

/// Refuses a name that no function has, before its arguments are looked at.
pub(crate) fn check_known(name: &str, at: Position) -> Result<()> {
    let is_known =
        entries().any(|(known, ..)| *known == name) || library::names().any(|known| known == name);
    if is_known { Ok(()) } else { Err(unknown(name, at)) }
}

/// How many arguments a function has whose first is a unit of time.
pub(crate) fn takes_unit(name: &str) -> Option<usize> {
    matches!(name, "TIMESTAMPDIFF" | "TIMESTAMPADD").then_some(3)
}

/// `EXTRACT(unit FROM value)`, `FLOOR(value TO unit)`, `CEIL(value TO unit)`.
pub(crate) fn with_unit(name: &str, unit: &str, value: &Bound, at: Position) -> Result<Expr> {
    match name {
        "EXTRACT" => time::extract(unit, value, at),
        _ => time::round_to(name, unit, value, at),
    }
}

/// The error for arguments of the wrong types.
pub(crate) fn wrong_arguments(name: &str, arguments: &[Bound], at: Position) -> SqlError {
    let types: Vec<String> = arguments.iter().map(|a| flink_name(&a.data_type)).collect();
    SqlError::new(at, format!("{name} cannot be applied to ({})", types.join(", ")))
}

fn unknown(name: &str, at: Position) -> SqlError {
    match name {
        "TUMBLE_START" | "TUMBLE_END" | "TUMBLE_ROWTIME" | "HOP" | "SESSION" | "TUMBLE" => {
            SqlError::new(at, format!("the group window function {name} is not supported"))
                .hint("use TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND))")
        }
        "PARSE_JSON" | "TRY_PARSE_JSON" => {
            SqlError::new(at, format!("{name} gives a VARIANT, a type that is not there")).hint(
                "keep JSON as a STRING, and read it by JSON_VALUE, JSON_QUERY and JSON_EXISTS",
            )
        }
        "SOURCE_WATERMARK" => {
            let message =
                "SOURCE_WATERMARK() needs a connector that tells watermarks itself, and none does";
            SqlError::new(at, message).hint("write WATERMARK FOR ts AS ts - INTERVAL '5' SECOND")
        }
        _ if is_aggregate(name) => {
            SqlError::new(at, format!("the aggregate function {name} cannot stand here"))
        }
        _ => {
            let names = entries().map(|(name, ..)| *name).chain(library::names());
            let names: Vec<&str> = names.chain(AGGREGATES).collect();
            SqlError::new(at, format!("unknown function {name}")).suggest(name, "functions", names)
        }
    }
}
