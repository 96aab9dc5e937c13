//! Functions of texts. A null argument makes the result null, as everywhere in Flink.

use arrow::datatypes::DataType;
use datafusion_expr::{Expr, Operator, binary_expr, cast, lit};
use datafusion_functions::{regex, string, unicode};

use super::own;
use super::{Call, Entry, wrong_arguments};
use crate::error::{Result, SqlError};

/// The functions of this file.
pub(super) const FUNCTIONS: &[Entry] = &[
    ("UPPER", 1, 1, |c| strings(c, &[0]).map(|()| string::upper().call(c.exprs()))),
    ("LOWER", 1, 1, |c| strings(c, &[0]).map(|()| string::lower().call(c.exprs()))),
    ("CHAR_LENGTH", 1, 1, char_length),
    ("CHARACTER_LENGTH", 1, 1, char_length),
    ("OCTET_LENGTH", 1, 1, |c| strings(c, &[0]).map(|()| string::octet_length().call(c.exprs()))),
    ("CONCAT", 1, usize::MAX, concat),
    ("CONCAT_WS", 2, usize::MAX, |c| Ok(string::concat_ws().call(c.exprs()))),
    ("SUBSTRING", 2, 3, substring),
    ("SUBSTR", 2, 3, substring),
    ("TRIM", 1, 2, |c| strings(c, &[0]).map(|()| string::btrim().call(c.exprs()))),
    ("BTRIM", 1, 2, |c| strings(c, &[0]).map(|()| string::btrim().call(c.exprs()))),
    ("LTRIM", 1, 2, |c| strings(c, &[0]).map(|()| string::ltrim().call(c.exprs()))),
    ("RTRIM", 1, 2, |c| strings(c, &[0]).map(|()| string::rtrim().call(c.exprs()))),
    ("REPLACE", 3, 3, |c| strings(c, &[0, 1, 2]).map(|()| string::replace().call(c.exprs()))),
    ("POSITION", 2, 2, |c| {
        strings(c, &[0, 1]).map(|()| unicode::strpos().call(vec![c.expr(1), c.expr(0)]))
    }),
    ("INSTR", 2, 2, |c| strings(c, &[0, 1]).map(|()| unicode::strpos().call(c.exprs()))),
    ("LOCATE", 2, 2, |c| {
        strings(c, &[0, 1]).map(|()| unicode::strpos().call(vec![c.expr(1), c.expr(0)]))
    }),
    ("LPAD", 3, 3, |c| strings(c, &[0, 2]).map(|()| unicode::lpad().call(c.exprs()))),
    ("RPAD", 3, 3, |c| strings(c, &[0, 2]).map(|()| unicode::rpad().call(c.exprs()))),
    ("REPEAT", 2, 2, |c| strings(c, &[0]).map(|()| string::repeat().call(c.exprs()))),
    ("REVERSE", 1, 1, |c| strings(c, &[0]).map(|()| unicode::reverse().call(c.exprs()))),
    ("LEFT", 2, 2, |c| strings(c, &[0]).map(|()| unicode::left().call(c.exprs()))),
    ("RIGHT", 2, 2, |c| strings(c, &[0]).map(|()| unicode::right().call(c.exprs()))),
    ("INITCAP", 1, 1, |c| strings(c, &[0]).map(|()| unicode::initcap().call(c.exprs()))),
    ("ASCII", 1, 1, |c| strings(c, &[0]).map(|()| string::ascii().call(c.exprs()))),
    ("STARTSWITH", 2, 2, |c| strings(c, &[0, 1]).map(|()| string::starts_with().call(c.exprs()))),
    ("ENDSWITH", 2, 2, |c| strings(c, &[0, 1]).map(|()| string::ends_with().call(c.exprs()))),
    ("SPLIT_INDEX", 3, 3, split_index),
    ("REGEXP", 2, 2, |c| strings(c, &[0, 1]).map(|()| regex::regexp_like().call(c.exprs()))),
    ("REGEXP_REPLACE", 3, 3, regexp_replace),
    ("REGEXP_EXTRACT", 2, 3, regexp_extract),
];

/// Checks that these arguments are texts.
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

fn char_length(call: &Call<'_>) -> Result<Expr> {
    strings(call, &[0])?;
    Ok(cast(unicode::character_length().call(call.exprs()), DataType::Int32))
}

/// Unlike the library's `concat`, which skips nulls.
fn concat(call: &Call<'_>) -> Result<Expr> {
    let all: Vec<usize> = (0..call.arguments.len()).collect();
    strings(call, &all)?;
    let first = cast(call.expr(0), DataType::Utf8);
    Ok((1..call.arguments.len())
        .fold(first, |left, i| binary_expr(left, Operator::StringConcat, call.expr(i))))
}

/// Positions count from 1; one below 1 counts from the end, and 0 is taken as 1.
fn substring(call: &Call<'_>) -> Result<Expr> {
    strings(call, &[0])?;
    for argument in &call.arguments[1..] {
        if !argument.data_type.is_integer() {
            return Err(wrong_arguments(call.name, call.arguments, call.at));
        }
    }
    Ok(own::substring(call.exprs()))
}

/// Flink counts the parts from 0, the library from 1; a part that is not there is null.
fn split_index(call: &Call<'_>) -> Result<Expr> {
    strings(call, &[0, 1])?;
    if !call.arguments[2].data_type.is_integer() {
        return Err(wrong_arguments(call.name, call.arguments, call.at));
    }
    Ok(own::split_index(call.expr(0), call.expr(1), call.expr(2)))
}

fn regexp_replace(call: &Call<'_>) -> Result<Expr> {
    strings(call, &[0, 1, 2])?;
    let mut arguments = call.exprs();
    arguments.push(lit("g"));
    Ok(regex::regexp_replace().call(arguments))
}

fn regexp_extract(call: &Call<'_>) -> Result<Expr> {
    strings(call, &[0])?;
    let pattern = call.literal(1, "the pattern")?;
    let group = match call.arguments.get(2) {
        None => 0,
        Some(index) => {
            index.literal_integer().and_then(|n| usize::try_from(n).ok()).ok_or_else(|| {
                SqlError::new(call.at, "REGEXP_EXTRACT: the group must be a number from 0")
            })?
        }
    };
    own::regexp_extract(call.expr(0), pattern, group)
        .map_err(|why| SqlError::new(call.at, format!("'{pattern}' is no pattern: {why}")))
}
