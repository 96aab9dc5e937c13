//! `JSON_QUOTE` and `JSON_UNQUOTE`: a text as a text of JSON, and back.

use std::fmt::Write;

use super::own::text_of;
use super::{Call, Entry, strings};
use crate::error::Result;
use datafusion_expr::Expr;

/// The functions of this file.
pub(super) const FUNCTIONS: &[Entry] =
    &[("JSON_QUOTE", 1, 1, |c| of(c, quoted)), ("JSON_UNQUOTE", 1, 1, |c| of(c, unquoted))];

fn of(call: &Call<'_>, made: fn(&str) -> String) -> Result<Expr> {
    strings(call, &[0])?;
    Ok(text_of(call.name, "t", call.exprs(), move |a, row| Some(made(a.text(0, row)?))))
}

/// What stands behind a backslash for a letter.
const ESCAPES: [(char, char); 8] = [
    ('"', '"'),
    ('\\', '\\'),
    ('/', '/'),
    ('b', '\u{8}'),
    ('f', '\u{c}'),
    ('n', '\n'),
    ('r', '\r'),
    ('t', '\t'),
];

/// As in Flink a letter of four bytes is written as its number and, behind it, its second half.
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        // Writing to a String cannot fail.
        match ESCAPES.iter().find(|(_, letter)| *letter == c) {
            Some((name, _)) => out.extend(['\\', *name]),
            None if c.is_ascii() => out.push(c),
            None => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
                let mut units = [0; 2];
                if let [_, low] = c.encode_utf16(&mut units) {
                    let _ = write!(out, "\\u{low:04x}");
                }
            }
        }
    }
    out.push('"');
    out
}

/// A text that is not quoted, or has what cannot be read, stays as it is.
fn unquoted(text: &str) -> String {
    let inside = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    inside.and_then(letters).unwrap_or_else(|| text.to_owned())
}

fn letters(inside: &str) -> Option<String> {
    let mut units: Vec<u16> = Vec::with_capacity(inside.len());
    let mut rest = inside.chars();
    while let Some(c) = rest.next() {
        let letter = match c {
            '\\' => match rest.next()? {
                'u' => {
                    let digits = rest.as_str().get(..4)?;
                    units.push(u16::from_str_radix(digits, 16).ok()?);
                    rest = rest.as_str()[4..].chars();
                    continue;
                }
                name => ESCAPES.iter().find(|(known, _)| *known == name)?.1,
            },
            letter => letter,
        };
        units.extend(letter.encode_utf16(&mut [0; 2]).iter());
    }
    // Half a letter is written as a question mark.
    Some(char::decode_utf16(units).map(|letter| letter.unwrap_or('?')).collect())
}
