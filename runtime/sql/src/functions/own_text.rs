//! Functions of texts that the library lacks or defines otherwise than Flink.

use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, Int64Array, StringBuilder};
use arrow::datatypes::DataType;
use datafusion_expr::Expr;
use memchr::memchr_iter;
use regex::Regex;

use super::own::{Arguments, Kernel, call, text_of, types};

/// The `index`th part, from 0, of a text that is cut at a separator; null when there is none. An
/// empty text has no parts.
pub(super) fn split_index(arguments: Vec<Expr>) -> Expr {
    let kernel: Kernel = Arc::new(|arrays| {
        let (texts, separators) = (arrays[0].as_string::<i32>(), arrays[1].as_string::<i32>());
        let indexes: &Int64Array = arrays[2].as_primitive();
        let mut out = StringBuilder::with_capacity(texts.len(), texts.len() * 8);
        for row in 0..texts.len() {
            let valid = texts.is_valid(row) && separators.is_valid(row) && indexes.is_valid(row);
            let index = valid.then(|| usize::try_from(indexes.value(row)).ok()).flatten();
            let part = |index| part_of(texts.value(row), separators.value(row), index);
            out.append_option(index.and_then(part));
        }
        Ok(Arc::new(out.finish()))
    });
    call("split_index", types("ttn"), DataType::Utf8, kernel, arguments)
}

fn part_of<'t>(text: &'t str, separator: &str, index: usize) -> Option<&'t str> {
    if text.is_empty() {
        return None;
    }
    if separator.is_empty() {
        return (index == 0).then_some(text);
    }
    match separator.as_bytes() {
        // One byte is searched for several times as fast as a text.
        [byte] => {
            let mut ends = memchr_iter(*byte, text.as_bytes()).chain([text.len()]);
            let begin = match index.checked_sub(1) {
                Some(before) => ends.nth(before).filter(|end| *end < text.len())? + 1,
                None => 0,
            };
            ends.next().map(|end| &text[begin..end])
        }
        _ => text.split(separator).nth(index),
    }
}

/// The part of a text from a position, from 1, with a length if one is given.
pub(super) fn substring(arguments: Vec<Expr>) -> Expr {
    let kinds = if arguments.len() == 2 { "tn" } else { "tnn" };
    text_of("substring", kinds, arguments, move |a, row| {
        let length = if kinds == "tn" { i64::MAX } else { a.number(2, row)? };
        substring_of(a.text(0, row)?, a.number(1, row)?, length)
    })
}

fn substring_of(text: &str, position: i64, length: i64) -> Option<String> {
    let length = usize::try_from(length).ok()?;
    let skipped = match position {
        1.. => position - 1,
        0 => 0,
        _ => text.chars().count() as i64 + position,
    };
    let Ok(skipped) = usize::try_from(skipped) else { return Some(String::new()) };
    Some(text.chars().skip(skipped).take(length).collect())
}

/// The side on which a text is filled up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// A text that is filled up, or cut, to a length; null for one below 0 and for nothing to fill up
/// with. As in Java a letter beyond the first 65,536 counts as two.
pub(super) fn padded(arguments: Vec<Expr>, side: Side) -> Expr {
    text_of(&format!("padded_{side:?}"), "tnt", arguments, move |a, row| {
        let (text, with) = (a.text(0, row)?, a.text(2, row)?);
        let length = usize::try_from(a.number(1, row)?).ok().filter(|_| !with.is_empty())?;
        let mut units: Vec<u16> = text.encode_utf16().take(length).collect();
        let missing = length - units.len();
        let filling = with.encode_utf16().cycle().take(missing);
        match side {
            Side::Left => units.splice(0..0, filling).for_each(drop),
            Side::Right => units.extend(filling),
        }
        Some(String::from_utf16_lossy(&units))
    })
}

/// Replaces each occurrence; nothing stands before each letter and at the end.
pub(super) fn replace(arguments: Vec<Expr>) -> Expr {
    text_of("replaced", "ttt", arguments, |a, row| {
        Some(a.text(0, row)?.replace(a.text(1, row)?, a.text(2, row)?))
    })
}

/// Words with a capital first; as in Flink they consist of Latin letters and digits only.
pub(super) fn initcap(arguments: Vec<Expr>) -> Expr {
    text_of("capitals", "t", arguments, |a, row| {
        let mut within = false;
        let letter = |c: char| {
            let first = !within;
            within = c.is_ascii_alphanumeric();
            match (within, first) {
                (true, true) => c.to_ascii_uppercase(),
                (true, false) => c.to_ascii_lowercase(),
                (false, _) => c,
            }
        };
        Some(a.text(0, row)?.chars().map(letter).collect::<String>())
    })
}

/// The first byte of a text, with its sign as in Java; 0 of an empty one.
pub(super) fn ascii(arguments: Vec<Expr>) -> Expr {
    let kernel: Kernel = Arc::new(|arrays| {
        let first =
            |text: Option<&str>| Some(text?.bytes().next().map_or(0, |b| i32::from(b as i8)));
        let values = arrays[0].as_string::<i32>().iter().map(first);
        Ok(Arc::new(values.collect::<arrow::array::Int32Array>()))
    });
    call("first_byte", types("t"), DataType::Int32, kernel, arguments)
}

/// `OVERLAY(text PLACING other FROM position FOR length)`.
pub(super) fn overlay(arguments: Vec<Expr>) -> Expr {
    let kinds = if arguments.len() == 3 { "ttn" } else { "ttnn" };
    text_of("overlay", kinds, arguments, move |a, row| {
        let (text, other) = (a.text(0, row)?, a.text(1, row)?);
        let length = if kinds == "ttn" { None } else { Some(a.number(3, row)?) };
        Some(overlay_of(text, other, a.number(2, row)?, length))
    })
}

fn overlay_of(text: &str, other: &str, position: i64, length: Option<i64>) -> String {
    let letters = text.chars().count() as i64;
    if position <= 0 || position > letters {
        return text.to_owned();
    }
    let length = length.unwrap_or(other.chars().count() as i64);
    let mut out: String = text.chars().take(position as usize - 1).collect();
    out.push_str(other);
    // In Flink nothing follows when nothing is to be replaced.
    if length > 0 && position.saturating_add(length) <= letters {
        out.extend(text.chars().skip((position - 1 + length) as usize));
    }
    out
}

/// The place, from 1, of the first text within the second, from a place on; 0 when it is not there.
pub(super) fn locate(arguments: Vec<Expr>) -> Expr {
    let kernel: Kernel = Arc::new(|arrays| {
        let (wanted, texts) = (arrays[0].as_string::<i32>(), arrays[1].as_string::<i32>());
        let from: &Int64Array = arrays[2].as_primitive();
        let place = |row: usize| {
            arrays.iter().all(|array| array.is_valid(row)).then(|| {
                let (wanted, text) = (wanted.value(row), texts.value(row));
                if wanted.is_empty() {
                    return 1;
                }
                let skipped = usize::try_from(from.value(row) - 1).unwrap_or(0);
                let begin = text.char_indices().nth(skipped).map_or(text.len(), |(at, _)| at);
                let found = text[begin..].find(wanted);
                found.map_or(0, |at| text[..begin + at].chars().count() as i32 + 1)
            })
        };
        Ok(Arc::new((0..texts.len()).map(place).collect::<arrow::array::Int32Array>()))
    });
    call("locate", types("ttn"), DataType::Int32, kernel, arguments)
}

/// The place of the `n`th time that a text is within another, from 1: counted from a place on, or
/// from one before the end backwards. 0 when it is not there so often.
pub(super) fn instr(arguments: Vec<Expr>) -> Expr {
    let kernel: Kernel = Arc::new(|arrays| {
        let arguments = Arguments::of(arrays);
        let place = |row: usize| {
            let (text, wanted) = (arguments.text(0, row)?, arguments.text(1, row)?);
            Some(nth_place(text, wanted, arguments.number(2, row)?, arguments.number(3, row)?))
        };
        let rows = arrays[0].len();
        Ok(Arc::new((0..rows).map(place).collect::<arrow::array::Int32Array>()))
    });
    call("instr", types("ttnn"), DataType::Int32, kernel, arguments)
}

fn nth_place(text: &str, wanted: &str, from: i64, nth: i64) -> i32 {
    let (Some(nth), false) = (usize::try_from(nth - 1).ok(), from == 0) else { return 0 };
    let is_there = |(_, at): &(usize, usize)| text[*at..].starts_with(wanted);
    let letters = text.char_indices().map(|(at, _)| at).enumerate();
    let skipped = usize::try_from(from.unsigned_abs() - 1).unwrap_or(usize::MAX);
    let found = match from > 0 {
        true => letters.skip(skipped).filter(is_there).nth(nth),
        false => {
            let letters: Vec<(usize, usize)> = letters.collect();
            letters.into_iter().rev().skip(skipped).filter(is_there).nth(nth)
        }
    };
    found.map_or(0, |(place, _)| place as i32 + 1)
}

/// Whether the whole text fits a pattern of `SIMILAR TO`.
pub(super) fn similar(
    value: Expr,
    pattern: &str,
    escape: Option<char>,
    regex: &str,
) -> Result<Expr, regex::Error> {
    let regex = Regex::new(regex)?;
    let kernel: Kernel = Arc::new(move |arrays| {
        let fits = |text: Option<&str>| text.map(|text| regex.is_match(text));
        Ok(Arc::new(arrays[0].as_string::<i32>().iter().map(fits).collect::<BooleanArray>()))
    });
    let name = match escape {
        None => format!("similar_{pattern}"),
        Some(escape) => format!("similar_{pattern}_escape_{escape}"),
    };
    Ok(call(&name, types("t"), DataType::Boolean, kernel, vec![value]))
}

/// SQL's regular expressions have `%` and `_`, and no `^` and `$` but that of `[^a]`; `.` is any
/// letter in Flink. None where something is escaped that has no meaning of its own.
pub(super) fn similar_pattern(pattern: &str, escape: Option<char>) -> Option<String> {
    let mut out = String::from("(?s)^(?:");
    let mut before = None;
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        match letter {
            sign if Some(sign) == escape => {
                let escaped = letters.next()?;
                if escaped != sign && !"[]()|^-+*_%?{}".contains(escaped) {
                    return None;
                }
                out.push_str(&regex::escape(&escaped.to_string()));
            }
            '%' => out.push_str(".*"),
            '_' => out.push('.'),
            '^' if before == Some('[') => out.push('^'),
            '^' | '$' | '\\' => out.extend(['\\', letter]),
            other => out.push(other),
        }
        before = Some(letter);
    }
    out.push_str(")$");
    Some(out)
}

/// How often a letter of one byte is in a text, as the Nexmark project's `count_char` counts it;
/// 0 for null.
pub(super) fn count_char(arguments: Vec<Expr>) -> Expr {
    let kernel: Kernel = Arc::new(|arrays| {
        let (texts, letters) = (arrays[0].as_string::<i32>(), arrays[1].as_string::<i32>());
        let count = |row: usize| {
            let letter = letters.is_valid(row).then(|| letters.value(row).as_bytes().first());
            match (texts.is_valid(row), letter.flatten()) {
                (true, Some(letter)) => {
                    texts.value(row).bytes().filter(|byte| byte == letter).count() as i64
                }
                _ => 0,
            }
        };
        Ok(Arc::new(Int64Array::from_iter_values((0..texts.len()).map(count))))
    });
    call("count_char", types("tt"), DataType::Int64, kernel, arguments)
}

/// What is asked of two values of bytes; null if one of them is.
pub(super) fn of_two_bytes(name: &str, both: Vec<Expr>, is: fn(&[u8], &[u8]) -> bool) -> Expr {
    let kernel: Kernel = Arc::new(move |arrays| {
        let pairs = arrays[0].as_binary::<i32>().iter().zip(arrays[1].as_binary::<i32>());
        let whether = pairs.map(|(a, b)| Some(is(a?, b?)));
        Ok(Arc::new(whether.collect::<BooleanArray>()))
    });
    let bytes = vec![DataType::Binary, DataType::Binary];
    call(&format!("{name}_of_bytes"), bytes, DataType::Boolean, kernel, both)
}

/// Whether a text is not empty and all its letters are of a kind; FALSE for null.
pub(super) fn consists_of(name: &str, value: Expr, is: fn(&str) -> bool) -> Expr {
    let kernel: Kernel = Arc::new(move |arrays| {
        let whether = |text: Option<&str>| Some(text.is_some_and(|t| !t.is_empty() && is(t)));
        Ok(Arc::new(arrays[0].as_string::<i32>().iter().map(whether).collect::<BooleanArray>()))
    });
    call(name, types("t"), DataType::Boolean, kernel, vec![value])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_similar_to_are_translated() {
        assert_eq!(similar_pattern("a%(b|c)_d.e", None).unwrap(), "(?s)^(?:a.*(b|c).d.e)$");
        assert_eq!(similar_pattern("[^a]^", None).unwrap(), "(?s)^(?:[^a]\\^)$");
    }

    #[test]
    fn parts_are_found_by_separators_of_any_length() {
        assert_eq!(part_of("a::b::", "::", 1), Some("b"));
        assert_eq!(part_of("a::b::", "::", 2), Some(""));
        assert_eq!(part_of("a€b", "€", 1), Some("b"));
        for (index, part) in [(0, Some("")), (1, Some("bc")), (2, Some("")), (3, None), (9, None)] {
            assert_eq!(part_of(",bc,", ",", index), part, "{index}");
            assert_eq!(part_of("::bc::", "::", index), part, "{index}");
        }
        assert_eq!(part_of("ä", ",", 0), Some("ä"));
        assert_eq!(part_of("ä", ",", 1), None);
        assert_eq!(part_of("", ",", 0), None);
        assert_eq!(part_of("ab", "", 0), Some("ab"));
        assert_eq!(part_of("ab", "", 1), None);
    }
}
