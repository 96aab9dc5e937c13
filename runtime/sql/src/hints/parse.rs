//! Reads the text of hints: `NAME`, `NAME(a, b)` or `NAME('key' = 'value', ...)`, by commas.

use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use crate::dialect::FlinkDialect;
use crate::error::{Position, Result, SqlError, start_of};

/// A hint as written.
#[derive(Debug)]
pub(crate) struct Hint {
    /// In upper case.
    pub(crate) name: String,
    /// What stands in its parentheses: names, or keys with values.
    options: Vec<(String, Option<String>, Position)>,
    pub(crate) at: Position,
}

impl Hint {
    /// Its options, which are keys with values.
    pub(super) fn pairs(&self) -> Result<Vec<(String, String, Position)>> {
        let wrong = |at: Position| {
            SqlError::new(at, format!("{} takes keys with values", self.name))
                .hint(format!("write {}('key' = 'value')", self.name))
        };
        if self.options.is_empty() {
            return Err(wrong(self.at));
        }
        let pair = |(key, value, at): &(String, Option<String>, Position)| match value {
            Some(value) => Ok((key.clone(), value.clone(), *at)),
            None => Err(wrong(*at)),
        };
        self.options.iter().map(pair).collect()
    }
}

/// The hints of a comment, whose text begins with `+` and stands at a place.
pub(super) fn hints(comment: &str, at: Position) -> Result<Vec<Hint>> {
    let text = comment.strip_prefix('+').unwrap_or(comment);
    let tokens = Tokenizer::new(&FlinkDialect, text).tokenize_with_location()?;
    let tokens = tokens.into_iter().filter(|t| !matches!(t.token, Token::Whitespace(_)));
    let mut reader = Reader { tokens: tokens.rev().collect(), at };
    let mut hints = Vec::new();
    while reader.peek().is_some() {
        hints.push(reader.hint()?);
        reader.take(&Token::Comma);
    }
    if hints.is_empty() {
        return Err(SqlError::new(at, "a hint has a name").hint(FORM));
    }
    Ok(hints)
}

const FORM: &str = "write /*+ STATE_TTL('table' = '1 d') */ or /*+ OPTIONS('key' = 'value') */";

struct Reader {
    /// The tokens that are left, the next one last.
    tokens: Vec<TokenWithSpan>,
    /// Where the comment begins.
    at: Position,
}

impl Reader {
    fn peek(&self) -> Option<&Token> {
        self.tokens.last().map(|token| &token.token)
    }

    /// Takes the next token if it is this one.
    fn take(&mut self, token: &Token) -> bool {
        let is = self.peek() == Some(token);
        if is {
            self.tokens.pop();
        }
        is
    }

    /// The place of the next token in the whole text.
    fn place(&self) -> Position {
        // `/*+` stands before the first line.
        match self.tokens.last().and_then(|token| start_of(token.span)) {
            Some(Position { line: 1, column }) => {
                Position { line: self.at.line, column: self.at.column + 2 + column }
            }
            Some(Position { line, column }) => Position { line: self.at.line + line - 1, column },
            None => self.at,
        }
    }

    fn hint(&mut self) -> Result<Hint> {
        let at = self.place();
        let name = match self.tokens.pop().map(|token| token.token) {
            Some(Token::Word(word)) => word.value.to_ascii_uppercase(),
            _ => return Err(SqlError::new(at, "a hint has a name").hint(FORM)),
        };
        let mut options = Vec::new();
        if self.take(&Token::LParen) {
            while !self.take(&Token::RParen) {
                options.push(self.option()?);
                if !self.take(&Token::Comma) && self.peek() != Some(&Token::RParen) {
                    let message = format!("expected , or ) in the hint {name}");
                    return Err(SqlError::new(self.place(), message).hint(FORM));
                }
            }
        }
        Ok(Hint { name, options, at })
    }

    fn option(&mut self) -> Result<(String, Option<String>, Position)> {
        let at = self.place();
        let key = self.value()?;
        let value = if self.take(&Token::Eq) { Some(self.value()?) } else { None };
        Ok((key, value, at))
    }

    /// A text in single quotes, a number or a name, which may have points.
    fn value(&mut self) -> Result<String> {
        let at = self.place();
        let mut text = match self.tokens.pop().map(|token| token.token) {
            Some(Token::SingleQuotedString(text) | Token::Number(text, _)) => return Ok(text),
            Some(Token::Word(word)) => word.value,
            _ => {
                return Err(
                    SqlError::new(at, "expected a name or a text in single quotes").hint(FORM)
                );
            }
        };
        while self.take(&Token::Period) {
            text = format!("{text}.{}", self.value()?);
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_hint_is_refused_with_its_place() {
        for (text, place) in
            [("+ STATE_TTL('a' = )", 21), ("+STATE_TTL('a' '1')", 18), ("+", 1), ("+ 'a'", 5)]
        {
            let error = hints(text, Position { line: 1, column: 1 }).unwrap_err();
            assert_eq!(error.column(), Some(place), "{text}: {error}");
        }
        let error = hints("+ A,\n B(", Position { line: 4, column: 9 }).unwrap_err();
        assert_eq!(error.line(), Some(4), "{error}");
    }

    #[test]
    fn hints_have_names_keys_and_values() {
        let found =
            hints("+ a(t1, db.t2) B('k' = '1 d', x.y = 5), C ", Position { line: 1, column: 1 });
        let found: Vec<String> = found
            .unwrap()
            .iter()
            .map(|h| {
                format!(
                    "{} {:?}",
                    h.name,
                    h.options.iter().map(|(k, v, _)| (k, v)).collect::<Vec<_>>()
                )
            })
            .collect();
        assert_eq!(
            found,
            [
                r#"A [("t1", None), ("db.t2", None)]"#,
                r#"B [("k", Some("1 d")), ("x.y", Some("5"))]"#,
                "C []"
            ]
        );
    }
}
