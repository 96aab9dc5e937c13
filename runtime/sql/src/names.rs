//! Texts of columns: they tell columns apart, so that none may have that of another, nor one that
//! can be put together from those of others.

use datafusion_expr::Expr;

use crate::expr::{Bound, is_aggregate, precedence, quoted};
use crate::relation::Field;
use crate::window::WINDOW_COLUMNS;

/// The column of a key: never the name of a window column or an aggregate.
pub(crate) fn key_column(text: &str) -> String {
    let reserved = WINDOW_COLUMNS.contains(&text)
        || text.split_once('(').is_some_and(|(name, _)| is_aggregate(name));
    if reserved { format!("key {text}") } else { text.to_owned() }
}

/// The text of a key behind its aggregation: what was counted before is not what it counts.
pub(crate) fn key_text(text: &str) -> String {
    let mut calls = text.match_indices('(').map(|(end, _)| {
        text[..end].rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_').next()
    });
    if calls.any(|name| name.is_some_and(is_aggregate)) {
        format!("({text})'")
    } else {
        text.to_owned()
    }
}

/// The text of a column of a union, behind those `before` it. That of the left one is kept where the
/// right one cannot make it wrong: where it is a name that no other column has.
pub(crate) fn union_text(left: &Bound, before: &[Field]) -> String {
    let is_name = matches!(left.expr, Expr::Column(_))
        && left.text.split('.').all(|part| quoted(part) == part);
    if is_name && before.iter().all(|field| field.value.text != left.text) {
        left.text.clone()
    } else {
        format!("#{}", before.len() + 1)
    }
}

/// A text that is in none of the fields': there it says the same of other rows.
pub(crate) fn new_text(fields: &[Field], mut text: String) -> String {
    while fields.iter().any(|field| field.value.text.contains(&text)) {
        text.push('\'');
    }
    text
}

/// The columns of an earlier window have other texts than those of the next.
pub(crate) fn rename_windows(fields: &mut [Field]) {
    for field in fields {
        if WINDOW_COLUMNS.iter().any(|name| field.value.text.contains(name)) {
            field.value.text = format!("({})'", field.value.text);
            field.value.precedence = precedence::ATOM;
        }
    }
}
