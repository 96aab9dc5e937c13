//! Functions of texts. A null argument makes the result null, as everywhere in Flink.

use arrow::datatypes::DataType;
use datafusion_expr::{Expr, Operator, ScalarUDF, binary_expr, cast, lit, when};
use datafusion_functions::{core, string, unicode};

use super::own_text::{self, Side};
use super::{Call, Entry, cast_texts, regexps, strings, wrong_arguments};
use crate::error::{Position, Result, SqlError};
use crate::statement::DATABASE;

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
    ("REPLACE", 3, 3, |c| strings(c, &[0, 1, 2]).map(|()| own_text::replace(c.exprs()))),
    ("POSITION", 2, 2, |c| {
        strings(c, &[0, 1]).map(|()| unicode::strpos().call(vec![c.expr(1), c.expr(0)]))
    }),
    ("INSTR", 2, 4, instr),
    ("LOCATE", 2, 3, locate),
    ("LPAD", 3, 3, |c| padded(c, Side::Left)),
    ("RPAD", 3, 3, |c| padded(c, Side::Right)),
    ("REPEAT", 2, 2, |c| strings(c, &[0]).map(|()| string::repeat().call(c.exprs()))),
    ("REVERSE", 1, 1, |c| strings(c, &[0]).map(|()| unicode::reverse().call(c.exprs()))),
    ("LEFT", 2, 2, |c| side(c, &unicode::left())),
    ("RIGHT", 2, 2, |c| side(c, &unicode::right())),
    ("INITCAP", 1, 1, |c| strings(c, &[0]).map(|()| own_text::initcap(c.exprs()))),
    ("ASCII", 1, 1, |c| strings(c, &[0]).map(|()| own_text::ascii(c.exprs()))),
    ("STARTSWITH", 2, 2, |c| end(c, &string::starts_with(), <[u8]>::starts_with)),
    ("ENDSWITH", 2, 2, |c| end(c, &string::ends_with(), <[u8]>::ends_with)),
    ("SPLIT_INDEX", 3, 3, split_index),
    ("OVERLAY", 3, 4, overlay),
    ("TRANSLATE", 3, 3, translate),
    ("IS_ALPHA", 1, 1, |c| letters(c, |t| t.chars().all(char::is_alphabetic), |_| false)),
    ("IS_DIGIT", 1, 1, |c| letters(c, |t| t.chars().all(char::is_numeric), DataType::is_integer)),
    ("IS_DECIMAL", 1, 1, |c| {
        // As in Flink, which forgets DECIMAL.
        let is = |number: &DataType| number.is_integer() || number.is_floating();
        letters(c, |t| cast_texts::float::<f64>(t).is_some(), is)
    }),
    ("CURRENT_DATABASE", 0, 0, |_| Ok(lit(DATABASE))),
    ("COUNT_CHAR", 2, 2, |c| strings(c, &[0, 1]).map(|()| own_text::count_char(c.exprs()))),
];

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
    Ok(own_text::substring(call.exprs()))
}

/// Whether a text, or bytes, begin or end so.
fn end(call: &Call<'_>, texts: &ScalarUDF, bytes: fn(&[u8], &[u8]) -> bool) -> Result<Expr> {
    if call.arguments.iter().all(|argument| argument.data_type == DataType::Binary) {
        return Ok(own_text::of_two_bytes(&call.name.to_ascii_lowercase(), call.exprs(), bytes));
    }
    strings(call, &[0, 1])?;
    Ok(texts.call(call.exprs()))
}

/// Flink counts the parts from 0, the library from 1; a part that is not there is null. A separator can
/// be the number of a letter up to 255.
fn split_index(call: &Call<'_>) -> Result<Expr> {
    strings(call, &[0])?;
    numbers(call, &[2])?;
    let mut arguments = call.exprs();
    if call.arguments[1].data_type.is_integer() {
        let number = cast(call.expr(1), DataType::Int64);
        let letter = string::chr().call(vec![number.clone()]);
        let is_letter = number.between(lit(1_i64), lit(255_i64));
        arguments[1] = chosen(call, when(is_letter, letter).end())?;
    } else {
        strings(call, &[1])?;
    }
    Ok(own_text::split_index(arguments))
}

/// Whether these arguments are whole numbers, too.
fn numbers(call: &Call<'_>, indexes: &[usize]) -> Result<()> {
    let number = |i: &usize| call.arguments.get(*i).is_none_or(|a| a.data_type.is_integer());
    if indexes.iter().all(number) {
        return Ok(());
    }
    Err(wrong_arguments(call.name, call.arguments, call.at))
}

fn locate(call: &Call<'_>) -> Result<Expr> {
    strings(call, &[0, 1])?;
    numbers(call, &[2])?;
    match call.exprs().as_slice() {
        [wanted, text] => Ok(unicode::strpos().call(vec![text.clone(), wanted.clone()])),
        all => Ok(own_text::locate(all.to_vec())),
    }
}

/// The place of a text in another: from a place on, or before it from the end for one below 0.
fn instr(call: &Call<'_>) -> Result<Expr> {
    strings(call, &[0, 1])?;
    numbers(call, &[2, 3])?;
    if call.arguments.len() == 2 {
        return Ok(unicode::strpos().call(call.exprs()));
    }
    let mut arguments = call.exprs();
    if arguments.len() == 3 {
        arguments.push(lit(1_i64));
    }
    Ok(own_text::instr(arguments))
}

fn padded(call: &Call<'_>, side: Side) -> Result<Expr> {
    strings(call, &[0, 2])?;
    numbers(call, &[1])?;
    Ok(own_text::padded(call.exprs(), side))
}

/// Without letters to replace, which NULL is as well, the text stays.
fn translate(call: &Call<'_>) -> Result<Expr> {
    strings(call, &[0, 1, 2])?;
    let letters = core::coalesce().call(vec![call.expr(1), lit("")]);
    Ok(unicode::translate().call(vec![call.expr(0), letters, call.expr(2)]))
}

/// Empty for a length below 0, where the library leaves letters out from the other end.
fn side(call: &Call<'_>, side: &ScalarUDF) -> Result<Expr> {
    strings(call, &[0])?;
    numbers(call, &[1])?;
    let negative = call.expr(1).lt(lit(0_i64)).and(call.expr(0).is_not_null());
    chosen(call, when(negative, lit("")).otherwise(side.call(call.exprs())))
}

fn chosen(call: &Call<'_>, expr: datafusion_common::Result<Expr>) -> Result<Expr> {
    expr.map_err(|_| wrong_arguments(call.name, call.arguments, call.at))
}

fn overlay(call: &Call<'_>) -> Result<Expr> {
    strings(call, &[0, 1])?;
    numbers(call, &[2, 3])?;
    Ok(own_text::overlay(call.exprs()))
}

/// Whether a text is made of such letters; of numbers their type tells.
fn letters(call: &Call<'_>, are: fn(&str) -> bool, is: fn(&DataType) -> bool) -> Result<Expr> {
    let data_type = &call.arguments[0].data_type;
    if data_type.is_numeric() {
        return Ok(lit(is(data_type)));
    }
    strings(call, &[0])?;
    Ok(own_text::consists_of(&call.name.to_ascii_lowercase(), call.expr(0), are))
}

/// `value SIMILAR TO 'pattern'`.
pub(crate) fn similar(
    value: Expr,
    pattern: &str,
    escape: Option<char>,
    at: Position,
) -> Result<Expr> {
    let Some(translated) = own_text::similar_pattern(pattern, escape) else {
        let sign = escape.unwrap_or_default();
        return Err(SqlError::new(
            at,
            format!("SIMILAR TO: '{pattern}' escapes what needs no {sign}"),
        )
        .hint(format!("behind {sign} stands one of % _ [ ] ( ) {{ }} | ^ - + * ? or {sign}")));
    };
    own_text::similar(value, pattern, escape, &translated)
        .map_err(|why| regexps::no_pattern(pattern, &why, at))
}

/// The library's patterns are escaped by backslashes only.
pub(crate) fn with_backslashes(pattern: &str, escape: char) -> String {
    let mut out = String::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if c == escape {
            out.push('\\');
            out.extend(chars.next());
        } else if c == '\\' {
            out.push_str("\\\\");
        } else {
            out.push(c);
        }
    }
    out
}
