//! Types of several values: `ROW<...>`, `ARRAY<...>`, `MAP<..., ...>`.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use sqlparser::ast;
use sqlparser::keywords::Keyword;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use super::parse_nested;
use crate::error::{Position, Result, SqlError, start_of};
use crate::statement::identifier;
use crate::tokens::is_word;

/// An ARRAY.
pub(crate) fn array_of(element: DataType, nullable: bool) -> DataType {
    DataType::List(Arc::new(Field::new("item", element, nullable)))
}

/// A MAP. Its keys are never NULL.
pub(crate) fn map_of(key: DataType, value: DataType, nullable: bool) -> DataType {
    let fields = vec![Field::new("key", key, false), Field::new("value", value, nullable)];
    let entries = Field::new("entries", DataType::Struct(fields.into()), false);
    DataType::Map(Arc::new(entries), false)
}

/// The fields of a MAP's keys and values.
pub(crate) fn entries_of(data_type: &DataType) -> Option<[&Arc<Field>; 2]> {
    let DataType::Map(entries, _) = data_type else { return None };
    match entries.data_type() {
        DataType::Struct(fields) => fields.iter().collect::<Vec<_>>().try_into().ok(),
        _ => None,
    }
}

/// A type of the parser as a text that [`super::type_of_text`] reads.
pub(crate) fn text_of(data_type: &ast::DataType) -> String {
    match data_type {
        ast::DataType::Array(ast::ArrayElemTypeDef::AngleBracket(element)) => {
            format!("ARRAY<{}>", text_of(element))
        }
        ast::DataType::Map(key, value) => format!("MAP<{}, {}>", text_of(key), text_of(value)),
        // A type with a ROW comes as one name.
        ast::DataType::Custom(name, modifiers) if modifiers.is_empty() => match name.0.as_slice() {
            [ast::ObjectNamePart::Identifier(name)] if name.value.contains(['<', ' ']) => {
                name.value.clone()
            }
            _ => data_type.to_string(),
        },
        other => other.to_string(),
    }
}

/// The `>` that have been read too early: `>>` is one token and ends two types.
#[derive(Debug, Default)]
pub(super) struct Brackets {
    pub(super) closed: u8,
}

impl Brackets {
    /// Whether the type ends here; its `>` is read.
    fn close(&mut self, parser: &mut Parser<'_>) -> bool {
        if self.closed > 0 {
            self.closed -= 1;
            return true;
        }
        if parser.consume_token(&Token::ShiftRight) {
            self.closed += 1;
            return true;
        }
        parser.consume_token(&Token::Gt)
    }

    fn end(&mut self, parser: &mut Parser<'_>, what: &str, end: Position) -> Result<()> {
        if self.close(parser) {
            return Ok(());
        }
        let token = parser.next_token();
        let at = start_of(token.span).unwrap_or(end);
        Err(SqlError::new(
            at,
            format!("expected > at the end of the {what}, found: {}", token.token),
        ))
    }
}

/// Reads `<name type [NOT NULL] [[COMMENT] '...'], ...>` or the same in parentheses.
pub(super) fn parse_row(
    parser: &mut Parser<'_>,
    at: Position,
    end: Position,
    brackets: &mut Brackets,
) -> Result<DataType> {
    let in_parentheses = parser.consume_token(&Token::LParen);
    if !in_parentheses && !parser.consume_token(&Token::Lt) {
        return Err(SqlError::new(at, "ROW has no fields").hint("write ROW<a INT, b STRING>"));
    }
    let mut fields: Vec<Field> = Vec::new();
    loop {
        let name = identifier(parser, end)?;
        if fields.iter().any(|field| *field.name() == name.value) {
            let message = format!("the ROW has two fields \"{}\"", name.value);
            return Err(SqlError::new(start_of(name.span).unwrap_or(at), message));
        }
        let (data_type, nullable) = part(parser, end, brackets)?;
        // The word may be left out.
        let is_said = parser.parse_keyword(Keyword::COMMENT);
        if is_said || matches!(parser.peek_token_ref().token, Token::SingleQuotedString(_)) {
            parser.next_token();
        }
        fields.push(Field::new(name.value, data_type, nullable));
        if !in_parentheses && brackets.close(parser) {
            break;
        }
        let token = parser.next_token();
        match token.token {
            Token::Comma => {}
            Token::RParen if in_parentheses => break,
            ref other => {
                return Err(SqlError::new(
                    start_of(token.span).unwrap_or(end),
                    format!("expected , or the end of the ROW, found: {other}"),
                ));
            }
        }
    }
    Ok(DataType::Struct(fields.into()))
}

/// The type of which there are several when `ARRAY` or `MULTISET` stands behind it.
pub(super) fn parse_several(
    parser: &mut Parser<'_>,
    mut data_type: DataType,
    at: Position,
    brackets: &Brackets,
) -> Result<DataType> {
    // Behind `>>`, which is one token, nothing of this type can follow.
    if brackets.closed > 0 {
        return Ok(data_type);
    }
    loop {
        data_type = match parser.peek_token_ref() {
            word if is_word(word, "ARRAY") => array_of(data_type, true),
            word if is_word(word, "MULTISET") => multiset_of(data_type, at)?,
            _ => return Ok(data_type),
        };
        parser.next_token();
    }
}

/// Reads `<type [NOT NULL]>`.
pub(super) fn parse_array(
    parser: &mut Parser<'_>,
    at: Position,
    end: Position,
    brackets: &mut Brackets,
) -> Result<DataType> {
    open(parser, at, "ARRAY has no type of its elements", "write ARRAY<INT>")?;
    let (element, nullable) = part(parser, end, brackets)?;
    brackets.end(parser, "ARRAY", end)?;
    Ok(array_of(element, nullable))
}

/// Reads `<type [NOT NULL], type [NOT NULL]>`.
pub(super) fn parse_map(
    parser: &mut Parser<'_>,
    at: Position,
    end: Position,
    brackets: &mut Brackets,
) -> Result<DataType> {
    let hint = "write MAP<STRING, INT>";
    open(parser, at, "MAP has no types of its keys and values", hint)?;
    let (key, _) = part(parser, end, brackets)?;
    if brackets.closed > 0 || !parser.consume_token(&Token::Comma) {
        return Err(SqlError::new(at, "MAP has no type of its values").hint(hint));
    }
    if entries_of(&key).is_some() {
        return Err(SqlError::new(at, "a MAP cannot be the key of a MAP"));
    }
    let (value, nullable) = part(parser, end, brackets)?;
    brackets.end(parser, "MAP", end)?;
    Ok(map_of(key, value, nullable))
}

/// Reads `<type>`. A MULTISET is a MAP of its values to how often each is there.
pub(super) fn parse_multiset(
    parser: &mut Parser<'_>,
    at: Position,
    end: Position,
    brackets: &mut Brackets,
) -> Result<DataType> {
    open(parser, at, "MULTISET has no type of its values", "write MULTISET<STRING>")?;
    let (value, _) = part(parser, end, brackets)?;
    let multiset = multiset_of(value, at)?;
    brackets.end(parser, "MULTISET", end)?;
    Ok(multiset)
}

fn multiset_of(value: DataType, at: Position) -> Result<DataType> {
    if entries_of(&value).is_some() {
        return Err(SqlError::new(at, "a MULTISET of MAPs is not supported"));
    }
    Ok(map_of(value, DataType::Int32, false))
}

/// Reads the `<` in front of the types that a type has.
fn open(parser: &mut Parser<'_>, at: Position, without: &str, hint: &str) -> Result<()> {
    if parser.consume_token(&Token::Lt) {
        return Ok(());
    }
    Err(SqlError::new(at, without).hint(hint))
}

/// A type within another one, and whether its values can be null.
fn part(
    parser: &mut Parser<'_>,
    end: Position,
    brackets: &mut Brackets,
) -> Result<(DataType, bool)> {
    let data_type = parse_nested(parser, end, brackets)?;
    let nullable = !parser.parse_keywords(&[Keyword::NOT, Keyword::NULL]);
    // `NULL` says what is so anyway.
    let _ = nullable && parser.parse_keyword(Keyword::NULL);
    Ok((data_type, nullable))
}
