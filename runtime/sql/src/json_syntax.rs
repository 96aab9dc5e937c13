//! `JSON_VALUE`, `JSON_QUERY` and `JSON_EXISTS`, whose clauses the parser does not know: they become
//! arguments with names. And `JSON_OBJECTAGG(KEY k VALUE v)`, which it does not know either.

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgOperator, FunctionArgumentClause,
    FunctionArgumentList, FunctionArguments, Ident, JsonNullClause, ObjectName, Value,
};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::tokens::is_word;
use crate::types::text_of;

/// The functions.
pub(crate) const FUNCTIONS: [&str; 3] = ["JSON_VALUE", "JSON_QUERY", "JSON_EXISTS"];

const OBJECTAGG: &str = "JSON_OBJECTAGG";

/// The type of the result, as a text.
pub(crate) const RETURNING: &str = "RETURNING";
/// Whether the result is put into an array, a word of [`WRAPPERS`].
pub(crate) const WRAPPER: &str = "WRAPPER";
/// What is given when nothing is found, as words.
pub(crate) const ON_EMPTY: &str = "ON EMPTY";
/// What is given when something is wrong, as words.
pub(crate) const ON_ERROR: &str = "ON ERROR";
/// The value that is given when nothing is found.
pub(crate) const DEFAULT_ON_EMPTY: &str = "DEFAULT ON EMPTY";
/// The value that is given when something is wrong.
pub(crate) const DEFAULT_ON_ERROR: &str = "DEFAULT ON ERROR";

/// The words of [`WRAPPER`].
pub(crate) const WRAPPERS: [&str; 3] = ["WITHOUT", "CONDITIONAL", "UNCONDITIONAL"];

/// Parses such a call, if there is one.
pub(crate) fn call(parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
    if parser.peek_nth_token_ref(1).token != Token::LParen {
        return None;
    }
    let name = parser.peek_token_ref();
    if is_word(name, OBJECTAGG) {
        return Some(object_aggregate(parser));
    }
    FUNCTIONS.iter().any(|function| is_word(name, function)).then(|| parse(parser))
}

/// `JSON_OBJECTAGG([KEY] k VALUE v [NULL | ABSENT ON NULL])`.
fn object_aggregate(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    let name = parser.next_token();
    parser.next_token();
    // A column can have that name.
    if !is_word(parser.peek_nth_token_ref(1), "VALUE") {
        take(parser, "KEY");
    }
    let key = parser.parse_expr()?;
    if !parser.consume_token(&Token::Colon) {
        expect(parser, "VALUE")?;
    }
    let value = parser.parse_expr()?;
    let nulls = match ["NULL", "ABSENT"].into_iter().find(|word| take(parser, word)) {
        None => None,
        Some(word) => {
            expect(parser, "ON")?;
            expect(parser, "NULL")?;
            let clause = match word {
                "NULL" => JsonNullClause::NullOnNull,
                _ => JsonNullClause::AbsentOnNull,
            };
            Some(FunctionArgumentClause::JsonNullClause(clause))
        }
    };
    parser.expect_token(&Token::RParen)?;
    let arg = |expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr));
    Ok(function(&name, vec![arg(key), arg(value)], nulls.into_iter().collect()))
}

fn parse(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    let name = parser.next_token();
    parser.next_token();
    let mut args = Vec::new();
    if parser.peek_token_ref().token != Token::RParen {
        loop {
            args.push(FunctionArg::Unnamed(FunctionArgExpr::Expr(parser.parse_expr()?)));
            if !parser.consume_token(&Token::Comma) {
                break;
            }
        }
    }
    while !parser.consume_token(&Token::RParen) {
        args.push(clause(parser)?);
    }
    Ok(function(&name, args, Vec::new()))
}

fn function(
    name: &TokenWithSpan,
    args: Vec<FunctionArg>,
    clauses: Vec<FunctionArgumentClause>,
) -> Expr {
    let list = FunctionArgumentList { duplicate_treatment: None, args, clauses };
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::with_span(name.span, name.token.to_string())]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(list),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

fn clause(parser: &mut Parser<'_>) -> Result<FunctionArg, ParserError> {
    let begin = parser.peek_token_ref().span;
    let named = |name: &str, value: Expr| FunctionArg::Named {
        name: Ident::with_span(begin, name),
        arg: FunctionArgExpr::Expr(value),
        operator: FunctionArgOperator::RightArrow,
    };
    let words =
        |words: &str| Expr::Value(Value::SingleQuotedString(words.to_owned()).with_span(begin));
    if take(parser, "RETURNING") {
        let data_type = parser.parse_data_type()?;
        return Ok(named(RETURNING, words(&text_of(&data_type))));
    }
    if take(parser, "WITHOUT") {
        take(parser, "ARRAY");
        expect(parser, "WRAPPER")?;
        return Ok(named(WRAPPER, words(WRAPPERS[0])));
    }
    if take(parser, "WITH") {
        let is_conditional = take(parser, WRAPPERS[1]);
        let _ = !is_conditional && take(parser, WRAPPERS[2]);
        take(parser, "ARRAY");
        expect(parser, "WRAPPER")?;
        return Ok(named(WRAPPER, words(WRAPPERS[if is_conditional { 1 } else { 2 }])));
    }
    if parser.parse_keyword(Keyword::DEFAULT) {
        let value = parser.parse_expr()?;
        let is_empty = on_empty(parser)?;
        return Ok(named(if is_empty { DEFAULT_ON_EMPTY } else { DEFAULT_ON_ERROR }, value));
    }
    let kinds = ["NULL", "ERROR", "TRUE", "FALSE", "UNKNOWN"];
    let kind = match kinds.into_iter().find(|kind| take(parser, kind)) {
        Some(kind) => kind,
        None if take(parser, "EMPTY") && take(parser, "ARRAY") => "EMPTY ARRAY",
        None if take(parser, "OBJECT") => "EMPTY OBJECT",
        None => return parser.expected_ref("a clause of JSON, or )", parser.peek_token_ref()),
    };
    let is_empty = on_empty(parser)?;
    Ok(named(if is_empty { ON_EMPTY } else { ON_ERROR }, words(kind)))
}

/// `ON EMPTY`, and not `ON ERROR`.
fn on_empty(parser: &mut Parser<'_>) -> Result<bool, ParserError> {
    expect(parser, "ON")?;
    if take(parser, "EMPTY") {
        return Ok(true);
    }
    expect(parser, "ERROR").map(|()| false)
}

fn take(parser: &mut Parser<'_>, word: &str) -> bool {
    let is_there = is_word(parser.peek_token_ref(), word);
    if is_there {
        parser.next_token();
    }
    is_there
}

fn expect(parser: &mut Parser<'_>, word: &str) -> Result<(), ParserError> {
    if take(parser, word) {
        return Ok(());
    }
    parser.expected_ref(word, parser.peek_token_ref())
}
