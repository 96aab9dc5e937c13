//! What standard SQL has and the parser does not know: `POSITION(a IN b FROM n)`, `(a - b) DAY`,
//! `BINARY VARYING`.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{is_keyword, is_word};

/// The function that `POSITION(a IN b FROM n)` becomes.
pub(crate) const POSITION_FROM: &str = "$POSITION_FROM";

/// The function that `(a - b) DAY TO SECOND` becomes: its arguments are both times and the unit.
pub(crate) const DIFFERENCE: &str = "$DIFFERENCE";

/// Rewrites what the parser does not know.
pub(super) fn with_standard(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut out: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    // The places of the parentheses that are open.
    let mut open: Vec<usize> = Vec::new();
    let mut rest = tokens.into_iter().peekable();
    while let Some(token) = rest.next() {
        let varying = [("CHAR", "VARCHAR"), ("CHARACTER", "VARCHAR"), ("BINARY", "VARBINARY")];
        let wider = varying.iter().find(|(name, _)| is_word(&token, name));
        if let Some((_, wider)) = wider
            && rest.next_if(|next| is_word(next, "VARYING")).is_some()
        {
            out.push(TokenWithSpan { token: Token::make_keyword(wider), span: token.span });
            continue;
        }
        let closes = token.token == Token::RParen;
        if token.token == Token::LParen {
            open.push(out.len());
        }
        out.push(token);
        if closes && let Some(begin) = open.pop() {
            position(&mut out, begin);
            let unit = rest.peek().filter(|next| is_unit(next)).cloned();
            if let Some(unit) = unit
                && difference(&mut out, begin, &unit)
            {
                rest.next();
                qualifier(&mut rest);
            }
        }
    }
    out
}

/// The places within the last parentheses, without those that are in others.
fn within(tokens: &[TokenWithSpan], begin: usize) -> Vec<usize> {
    let mut open = 0_usize;
    let mut places = Vec::new();
    for (place, token) in tokens.iter().enumerate().skip(begin + 1).take(tokens.len() - begin - 2) {
        match token.token {
            Token::LParen | Token::LBracket => open += 1,
            Token::RParen | Token::RBracket => open = open.saturating_sub(1),
            _ if open == 0 => places.push(place),
            _ => {}
        }
    }
    places
}

/// `POSITION(a IN b FROM n)` that ends here as a call.
fn position(out: &mut [TokenWithSpan], begin: usize) {
    if begin == 0 || !is_word(&out[begin - 1], "POSITION") {
        return;
    }
    let places = within(out, begin);
    let of = |keyword| places.iter().copied().find(|place| is_keyword(&out[*place], keyword));
    let (Some(inside), Some(from)) = (of(Keyword::IN), of(Keyword::FROM)) else { return };
    out[begin - 1].token = Token::make_word(POSITION_FROM, None);
    out[inside].token = Token::Comma;
    out[from].token = Token::Comma;
}

fn is_unit(token: &TokenWithSpan) -> bool {
    ["YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND"]
        .iter()
        .any(|unit| is_word(token, unit))
}

/// `(a - b)` that ends here as a call; false where something else is in the parentheses, or they are those
/// of a call.
fn difference(out: &mut Vec<TokenWithSpan>, begin: usize, unit: &TokenWithSpan) -> bool {
    let is_call = begin.checked_sub(1).is_some_and(|name| match &out[name].token {
        Token::Word(word) => word.quote_style.is_some() || word.keyword == Keyword::NoKeyword,
        _ => false,
    });
    let places = within(out, begin);
    let minus = places.iter().rev().copied().find(|place| out[*place].token == Token::Minus);
    let has_comma = places.iter().any(|place| out[*place].token == Token::Comma);
    let Some(minus) = minus.filter(|minus| !is_call && !has_comma && *minus > begin + 1) else {
        return false;
    };
    out[minus].token = Token::Comma;
    let name = Token::make_word(DIFFERENCE, None);
    out.insert(begin, TokenWithSpan { token: name, span: out[begin].span });
    let Some(end) = out.pop() else { return false };
    let text = Token::SingleQuotedString(unit.token.to_string().to_ascii_uppercase());
    out.push(TokenWithSpan { token: Token::Comma, span: unit.span });
    out.push(TokenWithSpan { token: text, span: unit.span });
    out.push(end);
    true
}

/// Passes over a precision and `TO SECOND(3)`, which change nothing of an interval's length.
fn qualifier(rest: &mut std::iter::Peekable<std::vec::IntoIter<TokenWithSpan>>) {
    precision(rest);
    if rest.next_if(|next| is_keyword(next, Keyword::TO)).is_some() {
        rest.next_if(is_unit);
        precision(rest);
    }
}

fn precision(rest: &mut std::iter::Peekable<std::vec::IntoIter<TokenWithSpan>>) {
    if rest.next_if(|next| next.token == Token::LParen).is_some() {
        while rest.next().is_some_and(|next| next.token != Token::RParen) {}
    }
}
