//! What the parser does not know of `MATCH_RECOGNIZE`: `WITHIN`, `SKIP TO v`, and a query in
//! parentheses in front of it.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{is_keyword, is_word, opening};
use crate::error::{Result, SqlError, start_of};

/// The variable that `WITHIN INTERVAL ...` becomes the definition of.
pub(crate) const WITHIN: &str = "$WITHIN";

/// The function that a query in front of `MATCH_RECOGNIZE` becomes the argument of.
pub(crate) const ROWS: &str = "$ROWS";

/// Rewrites what the parser does not know.
pub(super) fn with_patterns(tokens: Vec<TokenWithSpan>) -> Result<Vec<TokenWithSpan>> {
    if !tokens.iter().any(|token| is_word(token, "MATCH_RECOGNIZE")) {
        return Ok(tokens);
    }
    let is_exclusion =
        |pair: &&[TokenWithSpan]| pair[0].token == Token::LBrace && pair[1].token == Token::Minus;
    if let Some(found) = tokens.windows(2).find(is_exclusion) {
        return Err(SqlError::new(start_of(found[0].span), "PATTERN cannot have {- -}")
            .hint("all rows of a match stand one right after the other, and are part of it"));
    }
    let mut out: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut within: Vec<TokenWithSpan> = Vec::new();
    let mut rest = tokens.into_iter().peekable();
    while let Some(token) = rest.next() {
        let span = token.span;
        let sign = |token| TokenWithSpan { token, span };
        if is_word(&token, "MATCH_RECOGNIZE")
            && out.last().is_some_and(|before| before.token == Token::RParen)
        {
            wrap_query(&mut out);
        }
        let behind_pattern = out.last().is_some_and(|before| before.token == Token::RParen);
        if behind_pattern
            && is_word(&token, "WITHIN")
            && rest.peek().is_some_and(|next| is_keyword(next, Keyword::INTERVAL))
        {
            within.push(token);
            while let Some(next) = rest.next_if(|next| !is_keyword(next, Keyword::DEFINE)) {
                within.push(next);
            }
            continue;
        }
        let begins_definitions = is_keyword(&token, Keyword::DEFINE) && !within.is_empty();
        let skips_to = is_keyword(&token, Keyword::TO)
            && out.last().is_some_and(|before| is_word(before, "SKIP"));
        out.push(token);
        if begins_definitions {
            let first = within[0].span;
            let sign = |token| TokenWithSpan { token, span: first };
            out.push(sign(Token::make_word(WITHIN, None)));
            out.push(sign(Token::make_keyword("AS")));
            out.extend(within.drain(..).skip(1));
            out.push(sign(Token::Comma));
        }
        if skips_to
            && rest.peek().is_some_and(|next| {
                let is_kind = ["NEXT", "FIRST", "LAST"].iter().any(|word| is_word(next, word));
                !is_kind && matches!(next.token, Token::Word(_))
            })
        {
            out.push(sign(Token::make_keyword("LAST")));
        }
    }
    // Without DEFINE they stay where they were, to be refused there.
    out.extend(within);
    Ok(out)
}

/// Puts the query in parentheses that ends here into a call.
fn wrap_query(out: &mut Vec<TokenWithSpan>) {
    let begin = opening(out);
    let is_query = out.get(begin + 1).is_some_and(|first| {
        is_keyword(first, Keyword::SELECT)
            || is_keyword(first, Keyword::WITH)
            || first.token == Token::LParen
    });
    let is_call = begin.checked_sub(1).is_some_and(
        |name| matches!(&out[name].token, Token::Word(word) if word.keyword == Keyword::NoKeyword),
    );
    if !is_query || is_call {
        return;
    }
    let (first, last) = (out[begin].span, out[out.len() - 1].span);
    let sign = |token, span| TokenWithSpan { token, span };
    let name = sign(Token::make_word(ROWS, None), first);
    out.splice(begin..begin, [name, sign(Token::LParen, first)]);
    out.push(sign(Token::RParen, last));
}
