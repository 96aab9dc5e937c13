//! What a statement got wrong, where, and what would be right.

use std::fmt;

use sqlparser::parser::ParserError;
use sqlparser::tokenizer::{Location, Span, TokenizerError};

/// The result of planning.
pub type Result<T, E = SqlError> = std::result::Result<T, E>;

/// A place in the SQL text, both numbers from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line.
    pub line: u64,
    /// The column, in characters.
    pub column: u64,
}

/// A statement that cannot be planned.
///
/// It is shown as `line 3, column 12: table "bidz" does not exist; did you mean "bids"?`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlError {
    /// What is wrong.
    pub message: String,
    /// Where; none when the whole text is meant.
    pub position: Option<Position>,
    /// What would be right.
    pub hint: Option<String>,
}

impl std::error::Error for SqlError {}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(position) = self.position {
            write!(f, "{position}: ")?;
        }
        f.write_str(&self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, "; {hint}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

impl SqlError {
    /// An error at a place.
    pub fn new(at: impl Into<Option<Position>>, message: impl Into<String>) -> Self {
        Self { message: message.into(), position: at.into(), hint: None }
    }

    /// Adds what would be right.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The line, when known.
    pub fn line(&self) -> Option<u64> {
        self.position.map(|p| p.line)
    }

    /// The column, when known.
    pub fn column(&self) -> Option<u64> {
        self.position.map(|p| p.column)
    }

    /// Adds `did you mean "x"?` when one of `names` is close to `wrong`, else lists them.
    #[must_use]
    pub(crate) fn suggest<'a>(
        self,
        wrong: &str,
        what: &str,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let names: Vec<&str> = names.into_iter().collect();
        let best = names.iter().map(|name| (distance(wrong, name), *name)).min();
        let near = best.filter(|(edits, name)| *edits <= edits_max(wrong, name));
        match near.map(|(_, name)| name).or_else(|| longer(wrong, &names)) {
            Some(name) => self.hint(format!("did you mean \"{name}\"?")),
            None if !names.is_empty() && names.len() <= 20 => {
                self.hint(format!("{what}: {}", names.join(", ")))
            }
            _ => self,
        }
    }

    /// A parser's error; `end` is where the text ends, since an early end has no place.
    pub(crate) fn from_parser(error: ParserError, end: Position) -> Self {
        match error {
            ParserError::TokenizerError(message) | ParserError::ParserError(message) => {
                let (message, position) = split_location(&message);
                let message = message.replace("found: EOF", "found the end of the text");
                Self::new(position.unwrap_or(end), lower_first(&message))
            }
            ParserError::RecursionLimitExceeded => {
                Self::new(None, "the statement is nested too deeply")
            }
        }
    }
}

impl From<TokenizerError> for SqlError {
    fn from(error: TokenizerError) -> Self {
        Self::new(position(error.location), lower_first(&error.message))
    }
}

/// The place as we show it; none for the empty location.
pub(crate) fn position(location: Location) -> Option<Position> {
    (location.line > 0).then_some(Position { line: location.line, column: location.column })
}

/// Where a span begins.
pub(crate) fn start_of(span: Span) -> Option<Position> {
    position(span.start)
}

/// Splits the parser's ` at Line: 3, Column: 12` off its message.
fn split_location(message: &str) -> (&str, Option<Position>) {
    let Some(index) = message.rfind(" at Line: ") else { return (message, None) };
    let mut numbers =
        message[index..].split(|c: char| !c.is_ascii_digit()).filter(|n| !n.is_empty());
    let mut number = || numbers.next().and_then(|n| n.parse().ok());
    match (number(), number()) {
        (Some(line), Some(column)) => (&message[..index], Some(Position { line, column })),
        _ => (message, None),
    }
}

fn lower_first(text: &str) -> String {
    let text = text.strip_prefix("sql parser error: ").unwrap_or(text);
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => String::new(),
    }
}

/// The shortest name that begins with a long enough part of it.
fn longer<'n>(part: &str, names: &[&'n str]) -> Option<&'n str> {
    let begins =
        |name: &&&str| name.get(..part.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(part));
    let longer = names.iter().filter(|_| part.len() >= 4).filter(begins);
    longer.min_by_key(|name| name.len()).copied()
}

/// How far off a name may be to be taken for `name`: a third, and for short ones only its case.
fn edits_max(wrong: &str, name: &str) -> usize {
    let third = wrong.chars().count() / 3;
    if wrong.eq_ignore_ascii_case(name) { third.max(1) } else { third }
}

/// How many insertions, deletions and replacements lie between two names; differences in case
/// count as one.
fn distance(left: &str, right: &str) -> usize {
    if left != right && left.eq_ignore_ascii_case(right) {
        return 1;
    }
    let right: Vec<char> = right.chars().map(|c| c.to_ascii_lowercase()).collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.chars().map(|c| c.to_ascii_lowercase()).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, r) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(l != *r);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_is_suggested_and_far_names_are_listed() {
        let error = SqlError::new(None, "x").suggest("bidz", "tables", ["auctions", "bids"]);
        assert_eq!(error.hint.as_deref(), Some("did you mean \"bids\"?"));
        let error = SqlError::new(None, "x").suggest("people", "tables", ["auctions", "bids"]);
        assert_eq!(error.hint.as_deref(), Some("tables: auctions, bids"));
    }

    #[test]
    fn the_parsers_location_becomes_ours() {
        let error = ParserError::ParserError("Expected: X, found: Y at Line: 3, Column: 12".into());
        let error = SqlError::from_parser(error, Position { line: 9, column: 9 });
        assert_eq!(error.to_string(), "line 3, column 12: expected: X, found: Y");
    }
}
