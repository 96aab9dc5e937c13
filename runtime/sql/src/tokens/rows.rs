//! `VALUES 1, 2`: rows of one column, which the parser knows only in parentheses.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::is_keyword;

/// Words that end a list of rows where no parenthesis is open.
const ENDS: [Keyword; 8] = [
    Keyword::UNION,
    Keyword::EXCEPT,
    Keyword::INTERSECT,
    Keyword::ORDER,
    Keyword::LIMIT,
    Keyword::OFFSET,
    Keyword::FETCH,
    Keyword::END,
];

/// Puts the rows of `VALUES` into parentheses that have none.
pub(super) fn in_parentheses(tokens: &[TokenWithSpan]) -> Vec<TokenWithSpan> {
    let mut out: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut rest = tokens;
    while let [token, behind @ ..] = rest {
        out.push(token.clone());
        rest = behind;
        let mut is_listed = is_keyword(token, Keyword::VALUES);
        while is_listed {
            let (row, behind) = rest.split_at(length(rest));
            push(&mut out, row);
            is_listed = behind.first().is_some_and(|next| next.token == Token::Comma);
            out.extend(behind.iter().take(usize::from(is_listed)).cloned());
            rest = &behind[usize::from(is_listed)..];
        }
    }
    out
}

/// How many tokens the first row has.
fn length(tokens: &[TokenWithSpan]) -> usize {
    let (mut open, mut cases) = (0_usize, 0_usize);
    for (index, token) in tokens.iter().enumerate() {
        match &token.token {
            Token::LParen | Token::LBracket => open += 1,
            Token::RParen | Token::RBracket if open > 0 => open -= 1,
            Token::RParen | Token::RBracket | Token::SemiColon => return index,
            Token::Comma if open == 0 => return index,
            _ if is_keyword(token, Keyword::CASE) => cases += 1,
            _ if cases > 0 && is_keyword(token, Keyword::END) => cases -= 1,
            _ if open == 0 && ENDS.iter().any(|end| is_keyword(token, *end)) => return index,
            _ => {}
        }
    }
    tokens.len()
}

/// A row with its rows of `VALUES` within it, in parentheses.
fn push(out: &mut Vec<TokenWithSpan>, row: &[TokenWithSpan]) {
    let (Some(first), false) = (row.first(), is_in_parentheses(row)) else {
        return out.extend(in_parentheses(row));
    };
    let sign = |token| TokenWithSpan { token, span: first.span };
    out.push(sign(Token::LParen));
    out.extend(in_parentheses(row));
    out.push(sign(Token::RParen));
}

/// Whether a row is all of what stands in its first parentheses, with `ROW` before them or without.
fn is_in_parentheses(row: &[TokenWithSpan]) -> bool {
    let row = match row {
        [first, rest @ ..] if is_keyword(first, Keyword::ROW) => rest,
        _ => row,
    };
    if row.first().is_none_or(|first| first.token != Token::LParen) {
        return false;
    }
    let mut open = 0_usize;
    let closes = row.iter().position(|token| {
        match token.token {
            Token::LParen => open += 1,
            Token::RParen => open -= 1,
            _ => {}
        }
        open == 0
    });
    // What is not closed is left to the parser.
    closes.is_none_or(|closes| closes + 1 == row.len())
}
