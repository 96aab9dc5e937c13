//! Cuts the text into tokens that the parser understands, each with its place in the original.

mod patterns;
mod rows;
mod standard;

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, Whitespace};

use crate::dialect::FlinkDialect;
use crate::error::{Position, Result, SqlError, start_of};
use crate::hints::Hints;

pub(crate) use patterns::{ROWS, WITHIN};
pub(crate) use standard::{DIFFERENCE, POSITION_FROM};

/// The text's tokens, without comments and white space, and with the `TABLE` of
/// `TUMBLE(TABLE t, ...)` taken out.
pub(crate) struct Tokens {
    /// The tokens.
    pub list: Vec<TokenWithSpan>,
    /// The place of the last character, for errors at the end.
    pub end: Position,
    /// What comments ask for.
    pub hints: Hints,
}

/// Keeps a chain of operators, which becomes a tree as deep as it is long, within the stack.
const TOKENS_MAX: usize = 50_000;

/// Cuts `sql` into tokens.
pub(crate) fn tokenize(sql: &str) -> Result<Tokens> {
    let all = Tokenizer::new(&FlinkDialect, sql).tokenize_with_location()?;
    let mut tokens: Vec<TokenWithSpan> = Vec::with_capacity(all.len());
    let mut hints = Hints::default();
    for token in all {
        match &token.token {
            Token::Whitespace(Whitespace::MultiLineComment(comment))
                if comment.starts_with('+') =>
            {
                let place = |token: &TokenWithSpan| {
                    start_of(token.span).unwrap_or(Position { line: 1, column: 1 })
                };
                let at = place(&token);
                let behind = tokens.last().map_or(at, place);
                hints.add(behind, comment, at)?;
            }
            Token::Whitespace(_) | Token::EOF => {}
            Token::DoubleQuotedString(text) => {
                return Err(SqlError::new(
                    start_of(token.span),
                    format!("double quotes around \"{text}\" are not supported"),
                )
                .hint(format!("write `{text}` for a name or '{text}' for a string")));
            }
            _ => tokens.push(token),
        }
    }
    if tokens.len() > TOKENS_MAX {
        let at = start_of(tokens[TOKENS_MAX].span);
        return Err(SqlError::new(at, "the statements are too long")
            .hint(format!("at most {TOKENS_MAX} words and signs are planned as one job")));
    }
    let end = tokens.last().map_or(Position { line: 1, column: 1 }, |token| Position {
        line: token.span.end.line.max(1),
        column: token.span.end.column.max(1),
    });
    let tokens = patterns::with_patterns(without_inner_table(tokens))?;
    let tokens = standard::with_standard(tokens);
    let tokens = with_map_calls(with_row_types(&tokens));
    let tokens = rows::in_parentheses(&with_trimmed_spaces(tokens));
    Ok(Tokens { list: with_json_keys(tokens)?, end, hints })
}

/// The function that `MAP[k, v]` becomes, which the parser does not know.
pub(crate) const MAP: &str = "$MAP";

/// `AS ROW<...>`, and types of such, as one name in backticks: the parser does not know them.
fn with_row_types(tokens: &[TokenWithSpan]) -> Vec<TokenWithSpan> {
    let mut out: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        let behind_as = out.last().is_some_and(|before| is_keyword(before, Keyword::AS));
        let zoned = if behind_as { zoned_length(&tokens[at..]) } else { 0 };
        let length = if behind_as { type_length(&tokens[at..]).max(zoned) } else { 0 };
        let words = &tokens[at..at + length];
        if zoned > 0 || words.iter().any(|token| is_keyword(token, Keyword::ROW)) {
            let text: Vec<String> = words.iter().map(|token| token.token.to_string()).collect();
            let token = Token::make_word(&text.join(" "), Some('`'));
            out.push(TokenWithSpan { token, span: tokens[at].span });
            at += length;
        } else {
            out.push(tokens[at].clone());
            at += 1;
        }
    }
    out
}

/// How many tokens a type with `<...>` has; 0 where there is none.
fn type_length(tokens: &[TokenWithSpan]) -> usize {
    let names = [Keyword::ROW, Keyword::ARRAY, Keyword::MAP, Keyword::MULTISET];
    let begins = tokens.first().is_some_and(|t| names.iter().any(|name| is_keyword(t, *name)))
        && tokens.get(1).is_some_and(|next| next.token == Token::Lt);
    if !begins {
        return 0;
    }
    let mut open: i64 = 0;
    for (index, token) in tokens.iter().enumerate() {
        match token.token {
            Token::Lt => open += 1,
            Token::Gt => open -= 1,
            Token::ShiftRight => open -= 2,
            Token::SemiColon => return 0,
            _ => {}
        }
        if index > 0 && open <= 0 {
            return index + 1;
        }
    }
    0
}

/// How many tokens `TIMESTAMP(3) WITH LOCAL TIME ZONE` has; 0 where it is not there.
fn zoned_length(tokens: &[TokenWithSpan]) -> usize {
    let is = |at: usize, word: &str| tokens.get(at).is_some_and(|token| is_word(token, word));
    let is_open = tokens.get(1).is_some_and(|next| next.token == Token::LParen);
    let begin = if is_open { 4 } else { 1 };
    let words = ["WITH", "LOCAL", "TIME", "ZONE"];
    let all = is(0, "TIMESTAMP") && (words.iter().enumerate()).all(|(n, word)| is(begin + n, word));
    if all { begin + words.len() } else { 0 }
}

/// `TRIM(LEADING FROM s)` with the space that it trims, without which the parser does not know it.
fn with_trimmed_spaces(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut out: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    for token in tokens {
        if is_keyword(&token, Keyword::FROM)
            && let [.., trim, parenthesis, side] = out.as_slice()
            && is_word(trim, "TRIM")
            && parenthesis.token == Token::LParen
            && ["LEADING", "TRAILING", "BOTH"].iter().any(|word| is_word(side, word))
        {
            let space = Token::SingleQuotedString(" ".to_owned());
            out.push(TokenWithSpan { token: space, span: token.span });
        }
        out.push(token);
    }
    out
}

/// The function that `IS JSON` becomes: its arguments are the value and the kind of JSON.
pub(crate) const IS_JSON: &str = "$IS_JSON";

/// The keys of `JSON_OBJECT('k' VALUE v, KEY 'k' VALUE v, 'k': v)` as arguments before their values.
fn with_json_keys(tokens: Vec<TokenWithSpan>) -> Result<Vec<TokenWithSpan>> {
    let mut out: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    // The parentheses and brackets that are open, and whether they are those of a JSON_OBJECT.
    let mut open: Vec<bool> = Vec::new();
    let mut rest = tokens.into_iter().peekable();
    while let Some(token) = rest.next() {
        match token.token {
            Token::LParen | Token::LBracket => {
                open.push(out.last().is_some_and(|before| is_word(before, "JSON_OBJECT")));
            }
            Token::RParen | Token::RBracket => drop(open.pop()),
            _ => {}
        }
        let begins_pair = matches!(token.token, Token::LParen | Token::Comma);
        out.push(token);
        if !begins_pair || open.last() != Some(&true) {
            continue;
        }
        rest.next_if(|next| is_word(next, "KEY"));
        let Some(key) = rest.next_if(|next| matches!(next.token, Token::SingleQuotedString(_)))
        else {
            continue;
        };
        out.push(key);
        let ends_key = |next: &TokenWithSpan| next.token == Token::Colon || is_word(next, "VALUE");
        if let Some(sign) = rest.next_if(ends_key) {
            out.push(TokenWithSpan { token: Token::Comma, ..sign });
            // What follows is a value, whatever it looks like.
            let is_text = |next: &TokenWithSpan| matches!(next.token, Token::SingleQuotedString(_));
            out.extend(rest.next_if(is_text));
            continue;
        }
        let ends = |next: &TokenWithSpan| matches!(next.token, Token::Comma | Token::RParen);
        if let (Some(key), Some(_)) = (out.last(), rest.next_if(ends)) {
            let message = format!("JSON_OBJECT: the key {} has no value", key.token);
            return Err(SqlError::new(start_of(key.span), message)
                .hint("write JSON_OBJECT('key' VALUE value, ...), or 'key': value"));
        }
    }
    Ok(out)
}

/// `MAP[k, v]` as a call.
fn with_map_calls(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    // The brackets that are open, and whether they are those of a MAP.
    let mut open: Vec<bool> = Vec::new();
    for index in 0..tokens.len() {
        match tokens[index].token {
            Token::LBracket => {
                let is_map = index > 0 && is_keyword(&tokens[index - 1], Keyword::MAP);
                if is_map {
                    tokens[index - 1].token = Token::make_word(MAP, None);
                    tokens[index].token = Token::LParen;
                }
                open.push(is_map);
            }
            Token::RBracket if open.pop() == Some(true) => tokens[index].token = Token::RParen,
            _ => {}
        }
    }
    tokens
}

/// The function that `t PARTITION BY a` becomes, which the parser does not know: its arguments are
/// the table or the query, and the columns.
pub(crate) const PARTITION: &str = "$PARTITION";

/// Drops `TABLE` where it stands for a table argument: after `(` of a call, `,` or `=>` and before a
/// name. Where `TABLE t` is a query it becomes `SELECT * FROM t`: the parser takes more than that.
fn without_inner_table(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut out: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut rest = tokens.into_iter().peekable();
    while let Some(token) = rest.next() {
        let names_one = is_keyword(&token, Keyword::TABLE)
            && rest.peek().is_some_and(|next| matches!(next.token, Token::Word(_)));
        let is_argument = names_one && begins_argument(&out);
        let mut begin = out.len();
        if is_argument {
            out.extend(rest.next());
        } else if names_one && begins_query(&out) {
            let words = [Token::make_keyword("SELECT"), Token::Mul, Token::make_keyword("FROM")];
            out.extend(words.map(|word| TokenWithSpan { token: word, span: token.span }));
            continue;
        } else if token.token == Token::RParen {
            out.push(token);
            begin = opening(&out);
        } else {
            out.push(token);
            continue;
        }
        if rest.peek().is_some_and(|next| is_keyword(next, Keyword::PARTITION))
            && begins_argument(&out[..begin])
        {
            let table = out.split_off(begin);
            partition(&mut out, table, &mut rest);
        }
    }
    out
}

/// Words that a parenthesis stands behind which is not that of a call.
const NO_CALLS: [Keyword; 12] = [
    Keyword::FROM,
    Keyword::JOIN,
    Keyword::LATERAL,
    Keyword::IN,
    Keyword::EXISTS,
    Keyword::AS,
    Keyword::UNION,
    Keyword::ALL,
    Keyword::DISTINCT,
    Keyword::EXCEPT,
    Keyword::INTERSECT,
    Keyword::SELECT,
];

/// Whether what comes behind these tokens is an argument of a call.
fn begins_argument(before: &[TokenWithSpan]) -> bool {
    match before {
        [.., last] if matches!(last.token, Token::Comma | Token::RArrow) => true,
        [.., name, last] if last.token == Token::LParen => {
            matches!(name.token, Token::Word(_)) && !NO_CALLS.iter().any(|no| is_keyword(name, *no))
        }
        _ => false,
    }
}

/// Whether `TABLE` behind these tokens begins a query.
fn begins_query(before: &[TokenWithSpan]) -> bool {
    let words = [
        Keyword::UNION,
        Keyword::ALL,
        Keyword::DISTINCT,
        Keyword::EXCEPT,
        Keyword::INTERSECT,
        Keyword::AS,
    ];
    match before {
        [.., last] if words.iter().any(|word| is_keyword(last, *word)) => true,
        [.., name, last] if last.token == Token::LParen => {
            !matches!(name.token, Token::Word(_)) || NO_CALLS.iter().any(|no| is_keyword(name, *no))
        }
        [.., into, _] => is_keyword(into, Keyword::INTO),
        _ => false,
    }
}

/// The place of the parenthesis that the last one closes.
fn opening(tokens: &[TokenWithSpan]) -> usize {
    let mut open = 0_usize;
    let opens = tokens.iter().rposition(|token| {
        match token.token {
            Token::RParen => open += 1,
            Token::LParen => open = open.saturating_sub(1),
            _ => {}
        }
        open == 0
    });
    opens.unwrap_or_default()
}

/// `t PARTITION BY a` or `t PARTITION BY (a, b)` as a call, also of a query in parentheses. What is
/// wrong with it is left to the parser.
fn partition(
    out: &mut Vec<TokenWithSpan>,
    table: Vec<TokenWithSpan>,
    rest: &mut std::iter::Peekable<std::vec::IntoIter<TokenWithSpan>>,
) {
    let Some(keyword) = rest.next() else { return out.extend(table) };
    let span = keyword.span;
    let sign = |token| TokenWithSpan { token, span };
    out.extend([sign(Token::make_word(PARTITION, None)), sign(Token::LParen)]);
    out.extend(table);
    rest.next_if(|next| is_keyword(next, Keyword::BY));
    out.push(sign(Token::Comma));
    let listed = rest.next_if(|next| next.token == Token::LParen).is_some();
    if !listed {
        out.extend(rest.next());
        out.push(sign(Token::RParen));
        return;
    }
    for token in rest.by_ref() {
        let ends = token.token == Token::RParen;
        out.push(token);
        if ends {
            return;
        }
    }
}

/// Whether the token is this unquoted keyword.
pub(crate) fn is_keyword(token: &TokenWithSpan, keyword: Keyword) -> bool {
    matches!(&token.token, Token::Word(w) if w.quote_style.is_none() && w.keyword == keyword)
}

/// Whether the token is this unquoted word, in any case.
pub(crate) fn is_word(token: &TokenWithSpan, text: &str) -> bool {
    matches!(&token.token, Token::Word(w) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tokens as they are written, with spaces between them.
    fn words(sql: &str) -> String {
        let tokens = tokenize(sql).unwrap().list;
        let text: Vec<String> = tokens.iter().map(|token| token.token.to_string()).collect();
        text.join(" ")
    }

    #[test]
    fn the_inner_table_goes_and_places_stay() {
        let tokens = tokenize("SELECT 1\n FROM TABLE(TUMBLE(TABLE bids, x)) -- ;\n").unwrap();
        let text: Vec<String> = tokens.list.iter().map(|t| t.token.to_string()).collect();
        assert_eq!(text.join(" "), "SELECT 1 FROM TABLE ( TUMBLE ( bids , x ) )");
        let bids = &tokens.list[7];
        assert_eq!((bids.span.start.line, bids.span.start.column), (2, 26));
    }

    #[test]
    fn partitions_of_tables_become_calls() {
        for (sql, expected) in [
            ("SESSION(TABLE t PARTITION BY a, x)", "SESSION ( $PARTITION ( t , a ) , x )"),
            ("SESSION(TABLE t PARTITION BY (a, b), x)", "SESSION ( $PARTITION ( t , a , b ) , x )"),
            ("DATA => TABLE t PARTITION BY a", "DATA => $PARTITION ( t , a )"),
            (
                "SESSION((SELECT f(a) FROM t) PARTITION BY a, x)",
                "SESSION ( $PARTITION ( ( SELECT f ( a ) FROM t ) , a ) , x )",
            ),
            ("(PARTITION BY a, TABLE)", "( PARTITION BY a , TABLE )"),
            ("FROM (TABLE t) AS x", "FROM ( SELECT * FROM t ) AS x"),
            ("INTO a TABLE t; CREATE TABLE u", "INTO a SELECT * FROM t ; CREATE TABLE u"),
            ("AS TABLE t UNION TABLE u", "AS SELECT * FROM t UNION SELECT * FROM u"),
        ] {
            assert_eq!(words(sql), expected);
        }
    }

    #[test]
    fn clauses_of_patterns_become_what_the_parser_knows() {
        for (sql, expected) in [
            (
                "t MATCH_RECOGNIZE (PATTERN (A) WITHIN INTERVAL '1' DAY DEFINE A AS a > 1)",
                "t MATCH_RECOGNIZE ( PATTERN ( A ) DEFINE $WITHIN AS INTERVAL '1' DAY , A AS a > 1 )",
            ),
            (
                "(SELECT a FROM t) MATCH_RECOGNIZE (AFTER MATCH SKIP TO B)",
                "$ROWS ( ( SELECT a FROM t ) ) MATCH_RECOGNIZE ( AFTER MATCH SKIP TO LAST B )",
            ),
            (
                "t AS x MATCH_RECOGNIZE (SKIP TO NEXT ROW, SKIP TO FIRST A)",
                "t AS x MATCH_RECOGNIZE ( SKIP TO NEXT ROW , SKIP TO FIRST A )",
            ),
        ] {
            assert_eq!(words(sql), expected);
        }
    }

    #[test]
    fn maps_become_calls() {
        for (sql, expected) in [
            ("MAP['a', ARRAY[1][1]]['a']", "$MAP ( 'a' , ARRAY [ 1 ] [ 1 ] ) [ 'a' ]"),
            ("map[1, MAP[2, 3]]", "$MAP ( 1 , $MAP ( 2 , 3 ) )"),
            ("m MAP<INT, INT>, `map`[1]", "m MAP < INT , INT > , `map` [ 1 ]"),
            ("MAP[1, 2", "$MAP ( 1 , 2"),
            ("]] MAP[", "] ] $MAP ("),
        ] {
            assert_eq!(words(sql), expected);
        }
    }

    #[test]
    fn what_standard_sql_has_becomes_what_the_parser_knows() {
        for (sql, expected) in [
            ("POSITION('a' IN f(b) FROM 2)", "$POSITION_FROM ( 'a' , f ( b ) , 2 )"),
            ("POSITION('a' IN (b))", "POSITION ( 'a' IN ( b ) )"),
            ("AS CHARACTER VARYING(3)), BINARY VARYING", "AS VARCHAR ( 3 ) ) , VARBINARY"),
            ("SELECT (a - f(b - c)) DAY", "SELECT $DIFFERENCE ( a , f ( b - c ) , 'DAY' )"),
            ("a + (b - c) day(3) to second(3) > 1", "a + $DIFFERENCE ( b , c , 'DAY' ) > 1"),
            ("f(a - b) DAY, (a + b) DAY", "f ( a - b ) DAY , ( a + b ) DAY"),
            ("(-a) DAY, (a, b - c) DAY", "( - a ) DAY , ( a , b - c ) DAY"),
        ] {
            assert_eq!(words(sql), expected);
        }
    }

    #[test]
    fn rows_of_one_column_get_parentheses() {
        for (sql, expected) in [
            ("VALUES 1, -2, f(3, 4); VALUES", "VALUES ( 1 ) , ( - 2 ) , ( f ( 3 , 4 ) ) ; VALUES"),
            ("VALUES (1, 2), ROW(3, 4)", "VALUES ( 1 , 2 ) , ROW ( 3 , 4 )"),
            ("VALUES (1) + 2, (3)) AS t", "VALUES ( ( 1 ) + 2 ) , ( 3 ) ) AS t"),
            ("VALUES 1 UNION VALUES ARRAY[1, 2]", "VALUES ( 1 ) UNION VALUES ( ARRAY [ 1 , 2 ] )"),
            ("VALUES (SELECT * FROM (VALUES 1))", "VALUES ( SELECT * FROM ( VALUES ( 1 ) ) )"),
            ("CASE WHEN a THEN 1 END, VALUES (1", "CASE WHEN a THEN 1 END , VALUES ( 1"),
            ("VALUES CASE a WHEN 1 THEN 2 END, 3", "VALUES ( CASE a WHEN 1 THEN 2 END ) , ( 3 )"),
        ] {
            assert_eq!(words(sql), expected);
        }
    }

    #[test]
    fn types_of_rows_become_names() {
        for (sql, expected) in [
            (
                "CAST(a AS ROW<b INT, c ROW<d INT>>)",
                "CAST ( a AS `ROW < b INT , c ROW < d INT >>` )",
            ),
            ("AS ARRAY<ROW<`b c` INT>>.d", "AS `ARRAY < ROW < `b c` INT >>` . d"),
            ("AS ARRAY<INT> AS ROW", "AS ARRAY < INT > AS ROW"),
            ("a ROW<b INT>, AS ROW<b", "a ROW < b INT > , AS ROW < b"),
        ] {
            assert_eq!(words(sql), expected);
        }
    }

    #[test]
    fn keys_of_json_objects_become_arguments() {
        for (sql, expected) in [
            (
                "JSON_OBJECT(KEY 'a' VALUE value, 'b': 'c')",
                "JSON_OBJECT ( 'a' , value , 'b' , 'c' )",
            ),
            ("json_object('a' VALUE f(1, 'x' VALUE))", "json_object ( 'a' , f ( 1 , 'x' VALUE ) )"),
            ("JSON_OBJECT('a' VALUE 1 NULL ON NULL)", "JSON_OBJECT ( 'a' , 1 NULL ON NULL )"),
            ("JSON_OBJECT('a' VALUE", "JSON_OBJECT ( 'a' ,"),
        ] {
            assert_eq!(words(sql), expected);
        }
    }

    #[test]
    fn a_semicolon_in_a_string_is_no_separator() {
        let tokens = tokenize("SET 'a;b' = ';'; /* ; */").unwrap();
        assert_eq!(tokens.list.iter().filter(|t| t.token == Token::SemiColon).count(), 1);
    }

    #[test]
    fn double_quotes_are_refused_with_their_place() {
        let error = tokenize("SELECT\n  \"a\"").err().unwrap();
        assert!(error.to_string().starts_with("line 2, column 3: double quotes"), "{error}");
    }
}
