//! Splits the text into statements. Queries and expressions are left to the parser's crate, the
//! statements around them are Flink's own and parsed here.

use sqlparser::ast::{Expr, Ident, Query};
use sqlparser::keywords::Keyword;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::ddl::{self, CreateTable};
use crate::dialect::FlinkDialect;
use crate::error::{Position, Result, SqlError, start_of};
use crate::hints::Hints;
use crate::tokens::{Tokens, is_keyword, is_word, tokenize};

/// One statement.
#[derive(Debug)]
pub(crate) enum Statement {
    /// `CREATE TABLE`.
    CreateTable(Box<CreateTable>),
    /// `CREATE VIEW name [(columns)] AS query`.
    CreateView { name: Ident, columns: Vec<Ident>, if_not_exists: bool, query: Box<Query> },
    /// `INSERT INTO table [PARTITION (column = value, ...)] [(columns)] query`.
    Insert {
        table: Ident,
        partition: Vec<(Ident, Expr)>,
        columns: Vec<Ident>,
        query: Box<Query>,
        at: Position,
    },
    /// `DROP TABLE IF EXISTS name`.
    Drop { name: Ident, at: Position },
    /// `SET 'key' = 'value'`.
    Set { key: String, value: String, at: Position },
    /// `EXPLAIN [details]` with what is explained: `INSERT INTO` one or several times, or a query.
    Explain { explained: Vec<Statement>, query: Option<Box<Query>>, at: Position },
}

/// What EXPLAIN can be asked for.
const DETAILS: [&str; 4] =
    ["ESTIMATED_COST", "CHANGELOG_MODE", "PLAN_ADVICE", "JSON_EXECUTION_PLAN"];

/// What can be written, for messages.
const SUPPORTED: &str =
    "supported are CREATE TABLE, CREATE VIEW, INSERT INTO, EXECUTE STATEMENT SET, SET and EXPLAIN";

/// Statements of Flink for sessions and catalogs, and what a job has instead.
const INSTEAD: [(&str, &str); 17] = [
    ("SHOW", "sabot explain <manifest> prints the plan of a job with its tables and columns"),
    ("DESCRIBE", "sabot explain <manifest> prints the plan of a job with its tables and columns"),
    ("DESC", "sabot explain <manifest> prints the plan of a job with its tables and columns"),
    ("ALTER", "the statements of a job declare its tables: write CREATE TABLE as it has to be"),
    ("RESET", "what is SET counts for all statements of the job: take the SET out"),
    ("UPDATE", "INSERT INTO a table with PRIMARY KEY changes the rows of its keys"),
    (
        "DELETE",
        "a row goes from a table with PRIMARY KEY when it goes from the query of INSERT INTO",
    ),
    ("TRUNCATE", "INSERT INTO a table with PRIMARY KEY changes the rows of its keys"),
    ("MERGE", "INSERT INTO a table with PRIMARY KEY changes the rows of its keys"),
    ("ANALYZE", "plans are made without statistics"),
    ("CALL", "there are no procedures"),
    ("ADD", "there are no JARs: connectors and functions are part of sabot"),
    ("REMOVE", "there are no JARs: connectors and functions are part of sabot"),
    ("LOAD", "there are no modules: all functions are there"),
    ("UNLOAD", "there are no modules: all functions are there"),
    ("STOP", "spec.desiredState of a StreamJob suspends it, and deleting it ends it"),
    ("COMPILE", "sabot explain <manifest> prints the plan of a job"),
];

/// Parses all statements of a text, beside its hints.
pub(crate) fn parse(sql: &str) -> Result<(Vec<Statement>, Hints)> {
    let Tokens { list, end, hints } = tokenize(sql)?;
    let parser = Parser::new(&FlinkDialect).with_tokens_with_locations(list);
    Ok((Statements { parser, end, parsed: Vec::new() }.parse()?, hints))
}

struct Statements<'a> {
    parser: Parser<'a>,
    end: Position,
    parsed: Vec<Statement>,
}

impl Statements<'_> {
    fn parse(mut self) -> Result<Vec<Statement>> {
        loop {
            while self.parser.consume_token(&Token::SemiColon) {}
            if self.parser.peek_token_ref().token == Token::EOF {
                return Ok(self.parsed);
            }
            if self.begins_statement_set() {
                self.statement_set()?;
            } else if self.parser.parse_keyword(Keyword::USE) {
                self.use_default()?;
            } else {
                let statement = self.statement()?;
                self.parsed.push(statement);
            }
            self.end_of_statement()?;
        }
    }

    fn statement(&mut self) -> Result<Statement> {
        let token = self.parser.next_token();
        let at = self.place_of(&token);
        if is_keyword(&token, Keyword::CREATE) {
            return self.create(at);
        }
        let executes = is_word(&token, "EXECUTE") && self.parser.parse_keyword(Keyword::INSERT);
        if executes || is_keyword(&token, Keyword::INSERT) {
            return self.insert(at);
        }
        if is_keyword(&token, Keyword::DROP) {
            return self.drop_unknown(at);
        }
        if is_keyword(&token, Keyword::SET) {
            return self.set(at);
        }
        if is_keyword(&token, Keyword::EXPLAIN) {
            return self.explain(at);
        }
        let error = match token.token.to_string().to_ascii_uppercase().as_str() {
            "SELECT" | "WITH" | "VALUES" => {
                SqlError::new(at, "a query alone has nowhere to write its rows")
                    .hint("write INSERT INTO <table> SELECT ...")
            }
            word if let Some((_, instead)) = INSTEAD.iter().find(|(known, _)| *known == word) => {
                SqlError::new(at, format!("{word} is no statement of a job")).hint(*instead)
            }
            _ => SqlError::new(at, format!("expected a statement, found: {}", token.token))
                .hint(SUPPORTED),
        };
        Err(error)
    }

    /// `USE` of the one catalog and the one database.
    fn use_default(&mut self) -> Result<()> {
        let only = if is_word(self.parser.peek_token_ref(), "CATALOG") {
            self.parser.next_token();
            CATALOG
        } else {
            DATABASE
        };
        let mut name = identifier(&mut self.parser, self.end)?;
        if name.value == CATALOG && self.parser.consume_token(&Token::Period) {
            name = identifier(&mut self.parser, self.end)?;
        }
        if name.value == only {
            return Ok(());
        }
        let message = format!("\"{}\" cannot be used: there is only {only}", name.value);
        Err(SqlError::new(start_of(name.span).unwrap_or(self.end), message)
            .hint("tables are declared by the statements of the job"))
    }

    /// `DROP [TEMPORARY] TABLE | VIEW IF EXISTS name`, of what is not there.
    fn drop_unknown(&mut self, at: Position) -> Result<Statement> {
        let _ = self.parser.parse_keyword(Keyword::TEMPORARY);
        let known = [Keyword::TABLE, Keyword::VIEW];
        if self.parser.parse_one_of_keywords(&known).is_some()
            && self.parser.parse_keywords(&[Keyword::IF, Keyword::EXISTS])
        {
            return Ok(Statement::Drop { name: name(&mut self.parser, self.end)?, at });
        }
        Err(SqlError::new(at, "DROP is not supported")
            .hint("what the job does not use does no harm; DROP TABLE IF EXISTS is taken where there is none"))
    }

    fn create(&mut self, at: Position) -> Result<Statement> {
        let temporary = self.parser.parse_keyword(Keyword::TEMPORARY);
        let token = self.parser.next_token();
        if is_keyword(&token, Keyword::TABLE) {
            let table = ddl::create_table(&mut self.parser, self.end)?;
            if temporary && table.query.is_some() {
                return Err(SqlError::new(at, "CREATE TEMPORARY TABLE takes no AS SELECT")
                    .hint("write CREATE TABLE ... AS SELECT, or a TEMPORARY VIEW"));
            }
            return Ok(Statement::CreateTable(Box::new(table)));
        }
        if is_keyword(&token, Keyword::VIEW) {
            return self.create_view();
        }
        let what = format!("CREATE {}{}", if temporary { "TEMPORARY " } else { "" }, token.token);
        Err(SqlError::new(at, format!("{what} is not supported")).hint(SUPPORTED))
    }

    fn create_view(&mut self) -> Result<Statement> {
        let if_not_exists =
            self.parser.parse_keywords(&[Keyword::IF, Keyword::NOT, Keyword::EXISTS]);
        let name = name(&mut self.parser, self.end)?;
        let columns = self.column_list()?;
        if self.parser.parse_keyword(Keyword::COMMENT) {
            self.parser.next_token();
        }
        self.expect(Keyword::AS)?;
        Ok(Statement::CreateView { name, columns, if_not_exists, query: self.query()? })
    }

    fn insert(&mut self, at: Position) -> Result<Statement> {
        if self.parser.parse_keyword(Keyword::OVERWRITE) {
            return Err(SqlError::new(at, "INSERT OVERWRITE is for queries that end")
                .hint("a stream has no end at which what it writes could take the place of what was there, in Flink neither: write INSERT INTO"));
        }
        self.expect(Keyword::INTO)?;
        let table = name(&mut self.parser, self.end)?;
        let partition = match self.parser.parse_keyword(Keyword::PARTITION) {
            true => self.partition()?,
            false => Vec::new(),
        };
        let begins_query = |token: &Token| {
            matches!(token, Token::Word(w) if matches!(w.keyword, Keyword::SELECT | Keyword::WITH | Keyword::VALUES))
                || *token == Token::LParen
        };
        // `(` begins a list of columns, or a query in parentheses.
        let columns = match self.parser.peek_token_ref().token {
            Token::LParen if begins_query(&self.parser.peek_nth_token_ref(1).token) => Vec::new(),
            _ => self.column_list()?,
        };
        Ok(Statement::Insert { table, partition, columns, query: self.query()?, at })
    }

    /// The columns in `PARTITION (a = 1, b)` that have a value there; the query gives the others.
    fn partition(&mut self) -> Result<Vec<(Ident, Expr)>> {
        let end = self.end;
        let parsed = self.parser.parse_parenthesized(|parser| {
            parser.parse_comma_separated(|parser| {
                let column = parser.parse_identifier()?;
                let value = parser.consume_token(&Token::Eq).then(|| parser.parse_expr());
                Ok(value.transpose()?.map(|value| (column, value)))
            })
        });
        let columns = parsed.map_err(|error| SqlError::from_parser(error, end))?;
        Ok(columns.into_iter().flatten().collect())
    }

    fn set(&mut self, at: Position) -> Result<Statement> {
        let string = |parser: &mut Parser<'_>| {
            let token = parser.next_token();
            match token.token {
                Token::SingleQuotedString(text) => Ok((text, start_of(token.span).unwrap_or(at))),
                other => Err(SqlError::new(
                    start_of(token.span).unwrap_or(at),
                    format!("expected a quoted text, found: {other}"),
                )
                .hint("write SET 'key' = 'value'")),
            }
        };
        let (key, at) = string(&mut self.parser)?;
        if !self.parser.consume_token(&Token::Eq) {
            return Err(SqlError::new(at, "SET needs a value").hint("write SET 'key' = 'value'"));
        }
        let (value, _) = string(&mut self.parser)?;
        Ok(Statement::Set { key, value, at })
    }

    /// `EXPLAIN [PLAN FOR | details] INSERT ... | SELECT ... | STATEMENT SET BEGIN ... END`.
    fn explain(&mut self, at: Position) -> Result<Statement> {
        if is_word(self.parser.peek_token_ref(), "PLAN") {
            self.parser.next_token();
            self.expect(Keyword::FOR)?;
        } else {
            self.details()?;
        }
        let before = self.parsed.len();
        let next =
            |parser: &Parser<'_>, n: usize, text| is_word(parser.peek_nth_token_ref(n), text);
        let is_set = next(&self.parser, 0, "STATEMENT") && next(&self.parser, 1, "SET");
        if is_set {
            self.parser.next_token();
            self.parser.next_token();
            self.expect(Keyword::BEGIN)?;
            self.inserts(at)?;
        } else if self.begins_statement_set() {
            self.statement_set()?;
        } else if self.parser.parse_keyword(Keyword::INSERT) {
            let insert = self.insert(at)?;
            self.parsed.push(insert);
        } else {
            let query = Some(self.query()?);
            return Ok(Statement::Explain { explained: Vec::new(), query, at });
        }
        let explained = self.parsed.split_off(before);
        Ok(Statement::Explain { explained, query: None, at })
    }

    /// What EXPLAIN is asked for. The changes are always shown, and there are no estimates.
    fn details(&mut self) -> Result<()> {
        let in_parentheses = self.parser.peek_token_ref().token == Token::LParen
            && matches!(&self.parser.peek_nth_token_ref(1).token, Token::Word(w) if DETAILS.contains(&w.value.to_ascii_uppercase().as_str()));
        if in_parentheses {
            self.parser.next_token();
        }
        loop {
            let token = self.parser.peek_token();
            let Token::Word(word) = &token.token else { return Ok(()) };
            match word.value.to_ascii_uppercase().as_str() {
                "JSON_EXECUTION_PLAN" => {
                    let at = self.place_of(&token);
                    return Err(SqlError::new(at, "EXPLAIN JSON_EXECUTION_PLAN is not supported"));
                }
                name if DETAILS.contains(&name) => {}
                _ => return Ok(()),
            }
            self.parser.next_token();
            if self.parser.consume_token(&Token::Comma) {
                continue;
            }
            if in_parentheses {
                let end = self.end;
                let closed = self.parser.expect_token(&Token::RParen);
                closed.map_err(|error| SqlError::from_parser(error, end))?;
            }
            return Ok(());
        }
    }

    /// `EXECUTE STATEMENT SET BEGIN` or `BEGIN STATEMENT SET`.
    fn begins_statement_set(&self) -> bool {
        let is = |index: usize, text: &str| is_word(self.parser.peek_nth_token_ref(index), text);
        (is(0, "EXECUTE") || is(0, "BEGIN")) && is(1, "STATEMENT") && is(2, "SET")
    }

    fn statement_set(&mut self) -> Result<()> {
        let first = self.parser.next_token();
        let at = self.place_of(&first);
        self.parser.next_token();
        self.parser.next_token();
        if is_word(&first, "EXECUTE") {
            if !self.parser.parse_keyword(Keyword::BEGIN) {
                return Err(SqlError::new(at, "EXECUTE STATEMENT SET needs BEGIN ... END"));
            }
        } else if !self.parser.consume_token(&Token::SemiColon) {
            return Err(SqlError::new(at, "BEGIN STATEMENT SET is followed by a semicolon"));
        }
        self.inserts(at)
    }

    /// `INSERT INTO ...; ... END`.
    fn inserts(&mut self, at: Position) -> Result<()> {
        loop {
            while self.parser.consume_token(&Token::SemiColon) {}
            let token = self.parser.next_token();
            let place = self.place_of(&token);
            if is_keyword(&token, Keyword::END) {
                return Ok(());
            }
            if token.token == Token::EOF {
                return Err(SqlError::new(at, "the statement set has no END"));
            }
            if !is_keyword(&token, Keyword::INSERT) {
                return Err(SqlError::new(place, "a statement set holds only INSERT INTO")
                    .hint("move other statements before it"));
            }
            let insert = self.insert(place)?;
            self.parsed.push(insert);
            self.end_of_statement()?;
        }
    }

    fn end_of_statement(&mut self) -> Result<()> {
        let token = self.parser.next_token();
        match token.token {
            Token::SemiColon | Token::EOF => Ok(()),
            _ if is_keyword(&token, Keyword::ON)
                && is_word(self.parser.peek_token_ref(), "CONFLICT") =>
            {
                Err(SqlError::new(self.place_of(&token), "ON CONFLICT is not supported")
                    .hint("INSERT INTO a table with PRIMARY KEY changes the rows of its keys"))
            }
            ref other => Err(SqlError::new(
                self.place_of(&token),
                format!("expected the end of the statement, found: {other}"),
            )
            .hint("statements are separated by semicolons")),
        }
    }

    fn query(&mut self) -> Result<Box<Query>> {
        self.parser.parse_query().map_err(|e| SqlError::from_parser(e, self.end))
    }

    fn column_list(&mut self) -> Result<Vec<Ident>> {
        let mut columns = Vec::new();
        if !self.parser.consume_token(&Token::LParen) {
            return Ok(columns);
        }
        loop {
            columns.push(identifier(&mut self.parser, self.end)?);
            if self.parser.parse_keyword(Keyword::COMMENT) {
                self.parser.next_token();
            }
            let token = self.parser.next_token();
            match token.token {
                Token::Comma => {}
                Token::RParen => return Ok(columns),
                ref other => {
                    return Err(SqlError::new(
                        self.place_of(&token),
                        format!("expected , or ) in the list of columns, found: {other}"),
                    ));
                }
            }
        }
    }

    fn expect(&mut self, keyword: Keyword) -> Result<()> {
        let end = self.end;
        self.parser.expect_keyword_is(keyword).map_err(|error| SqlError::from_parser(error, end))
    }

    fn place_of(&self, token: &TokenWithSpan) -> Position {
        start_of(token.span).unwrap_or(self.end)
    }
}

/// A column's name.
pub(crate) fn identifier(parser: &mut Parser<'_>, end: Position) -> Result<Ident> {
    parser.parse_identifier().map_err(|error| SqlError::from_parser(error, end))
}

/// A table's name.
pub(crate) fn name(parser: &mut Parser<'_>, end: Position) -> Result<Ident> {
    let mut parts = vec![identifier(parser, end)?];
    while parser.consume_token(&Token::Period) {
        parts.push(identifier(parser, end)?);
    }
    unqualified(&parts.iter().collect::<Vec<_>>()).cloned()
}

/// The one catalog and the one database, as they are called in Flink.
const CATALOG: &str = "default_catalog";
pub(crate) const DATABASE: &str = "default_database";

/// Whether a name is that of the catalog or the database that all tables are in.
pub(crate) fn is_database(name: &Ident) -> bool {
    name.value == CATALOG || name.value == DATABASE
}

/// A table's name without catalog and database.
pub(crate) fn unqualified<'n>(parts: &[&'n Ident]) -> Result<&'n Ident> {
    let first = match parts {
        [name] => return Ok(name),
        [database, name] if database.value == DATABASE => return Ok(name),
        [catalog, database, name] if catalog.value == CATALOG && database.value == DATABASE => {
            return Ok(name);
        }
        [catalog, database, _] if catalog.value == CATALOG => database,
        [first, ..] => first,
        [] => return Err(SqlError::new(None, "expected a table")),
    };
    let message = format!("\"{}\" is a catalog or database, of which there are none", first.value);
    Err(SqlError::new(start_of(first.span), message)
        .hint(format!("name the table alone, or behind {CATALOG}.{DATABASE}")))
}
