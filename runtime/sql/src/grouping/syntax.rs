//! `ROLLUP`, `CUBE` and `GROUPING SETS` as sets of GROUPING SETS, where the parser knows only lists of
//! expressions.

use sqlparser::ast::Expr;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use crate::tokens::is_keyword;

/// What sets become.
type Build = fn(Vec<Vec<Expr>>) -> Expr;

/// Parses such groupings, if there are any.
pub(crate) fn groupings(parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
    let opens = |n| parser.peek_nth_token_ref(n).token == Token::LParen;
    let is = |n, word| is_keyword(parser.peek_nth_token_ref(n), word);
    let (words, build): (usize, Build) =
        if is(0, Keyword::GROUPING) && is(1, Keyword::SETS) && opens(2) {
            (2, Expr::GroupingSets)
        } else if is(0, Keyword::ROLLUP) && opens(1) {
            (1, Expr::Rollup)
        } else if is(0, Keyword::CUBE) && opens(1) {
            (1, Expr::Cube)
        } else {
            return None;
        };
    (0..=words).for_each(|_| drop(parser.next_token()));
    let sets = parser.parse_comma_separated(set);
    Some(sets.and_then(|sets| {
        parser.expect_token(&Token::RParen)?;
        Ok(build(sets))
    }))
}

/// `a`, `(a, b)` or `()`.
fn set(parser: &mut Parser<'_>) -> Result<Vec<Expr>, ParserError> {
    if !parser.consume_token(&Token::LParen) {
        return Ok(vec![parser.parse_expr()?]);
    }
    if parser.consume_token(&Token::RParen) {
        return Ok(Vec::new());
    }
    let set = parser.parse_comma_separated(Parser::parse_expr)?;
    parser.expect_token(&Token::RParen)?;
    Ok(set)
}
