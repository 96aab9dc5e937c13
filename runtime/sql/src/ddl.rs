//! Parses `CREATE TABLE` with Flink's computed columns, watermark and options.

pub(crate) mod declared;
pub(crate) mod like;
pub(crate) mod selected;

use arrow::datatypes::DataType;
use sqlparser::ast::{Expr, Ident, Query};
use sqlparser::keywords::Keyword;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::error::{Position, Result, SqlError, start_of};
use crate::statement::{identifier, name};
use crate::tokens::is_word;
use crate::types::parse_type;

pub(crate) use like::Like;

/// A `CREATE TABLE` as written.
#[derive(Debug, Clone)]
pub(crate) struct CreateTable {
    pub name: Ident,
    pub if_not_exists: bool,
    pub columns: Vec<ColumnDef>,
    pub watermark: Option<(Ident, Expr)>,
    pub primary_key: Vec<Ident>,
    /// `PARTITIONED BY`, as written.
    pub partitions: Vec<Ident>,
    /// Keys as written, with their places.
    pub options: Vec<(String, String, Position)>,
    /// The table that it takes the rest of.
    pub like: Option<Like>,
    /// The query that it has its columns and rows of.
    pub query: Option<Box<Query>>,
    /// Columns of the query by their names alone, in another order.
    pub listed: Vec<Ident>,
    /// The table's name.
    pub at: Position,
}

/// One column.
#[derive(Debug, Clone)]
pub(crate) struct ColumnDef {
    pub name: Ident,
    pub kind: ColumnDefKind,
    /// The type's tokens; none for a column of a query.
    pub written: Vec<TokenWithSpan>,
}

/// Where a column's values come from.
#[derive(Debug, Clone)]
pub(crate) enum ColumnDefKind {
    /// From the connector.
    Physical { data_type: DataType, nullable: bool },
    /// From the connector, beside the row.
    Metadata {
        data_type: DataType,
        nullable: bool,
        /// The connector's name of it.
        key: String,
        /// Whether it is only read.
        is_virtual: bool,
    },
    /// From other columns.
    Computed(Box<Expr>),
}

/// Parses after `CREATE TABLE`.
pub(crate) fn create_table(parser: &mut Parser<'_>, end: Position) -> Result<CreateTable> {
    let if_not_exists = parser.parse_keywords(&[Keyword::IF, Keyword::NOT, Keyword::EXISTS]);
    let name = name(parser, end)?;
    let at = start_of(name.span).unwrap_or(end);
    let mut table = CreateTable {
        name,
        if_not_exists,
        columns: Vec::new(),
        watermark: None,
        primary_key: Vec::new(),
        partitions: Vec::new(),
        options: Vec::new(),
        like: None,
        query: None,
        listed: Vec::new(),
        at,
    };
    let mut ddl = Ddl { parser, end, table: &mut table };
    if ddl.parser.peek_token_ref().token == Token::LParen {
        ddl.elements()?;
    }
    ddl.clauses()?;
    if let (Some(column), None) = (table.listed.first(), &table.query) {
        let message = format!("column \"{}\" has no type", column.value);
        return Err(SqlError::new(start_of(column.span).unwrap_or(at), message));
    }
    if table.columns.is_empty() && table.like.is_none() && table.query.is_none() {
        return Err(SqlError::new(at, format!("table \"{}\" has no columns", table.name.value)));
    }
    Ok(table)
}

struct Ddl<'p, 'd> {
    parser: &'p mut Parser<'d>,
    end: Position,
    table: &'p mut CreateTable,
}

impl Ddl<'_, '_> {
    fn elements(&mut self) -> Result<()> {
        self.expect_token(&Token::LParen)?;
        loop {
            self.element()?;
            let token = self.parser.next_token();
            match token.token {
                Token::Comma => {}
                Token::RParen => return Ok(()),
                ref other => {
                    return Err(SqlError::new(
                        self.place_of(&token),
                        format!("expected , or ) after the column, found: {other}"),
                    ));
                }
            }
        }
    }

    fn element(&mut self) -> Result<()> {
        let is = |parser: &Parser<'_>, n: usize, text| is_word(parser.peek_nth_token_ref(n), text);
        if is(self.parser, 0, "WATERMARK") && is(self.parser, 1, "FOR") {
            return self.watermark();
        }
        if is(self.parser, 0, "CONSTRAINT") {
            self.parser.next_token();
            identifier(self.parser, self.end)?;
        }
        if is(self.parser, 0, "PRIMARY") && is(self.parser, 1, "KEY") {
            return self.primary_key();
        }
        self.column()
    }

    fn column(&mut self) -> Result<()> {
        let name = identifier(self.parser, self.end)?;
        let at = start_of(name.span).unwrap_or(self.end);
        let names = self.table.columns.iter().map(|column| &column.name).chain(&self.table.listed);
        if names.into_iter().any(|known| known.value == name.value) {
            let message = format!("column \"{}\" is declared twice", name.value);
            return Err(SqlError::new(at, message));
        }
        if matches!(self.parser.peek_token_ref().token, Token::Comma | Token::RParen) {
            self.table.listed.push(name);
            return Ok(());
        }
        let mut written = Vec::new();
        let kind = if self.parser.parse_keyword(Keyword::AS) {
            ColumnDefKind::Computed(Box::new(self.expression()?))
        } else {
            let begin = self.parser.index();
            let data_type = parse_type(self.parser, self.end)?;
            let tokens = begin..self.parser.index();
            written.extend(tokens.map(|at| self.parser.token_at(at).clone()));
            let nullable = !self.parser.parse_keywords(&[Keyword::NOT, Keyword::NULL]);
            // `NULL` says what is so anyway.
            let _ = nullable && self.parser.parse_keyword(Keyword::NULL);
            if is_word(self.parser.peek_token_ref(), "METADATA") {
                self.metadata(&name, data_type, nullable)?
            } else {
                ColumnDefKind::Physical { data_type, nullable }
            }
        };
        if self.parser.parse_keywords(&[Keyword::PRIMARY, Keyword::KEY]) {
            self.not_enforced(at)?;
            self.table.primary_key.push(name.clone());
        }
        self.comment()?;
        self.table.columns.push(ColumnDef { name, kind, written });
        Ok(())
    }

    /// `METADATA [FROM 'key'] [VIRTUAL]`.
    fn metadata(
        &mut self,
        name: &Ident,
        data_type: DataType,
        nullable: bool,
    ) -> Result<ColumnDefKind> {
        self.parser.next_token();
        let key = if self.parser.parse_keyword(Keyword::FROM) {
            self.string("a metadata key")?.0
        } else {
            name.value.clone()
        };
        let is_virtual = self.parser.parse_keyword(Keyword::VIRTUAL);
        Ok(ColumnDefKind::Metadata { data_type, nullable, key, is_virtual })
    }

    fn watermark(&mut self) -> Result<()> {
        let at = self.place_of(&self.parser.peek_token());
        self.parser.next_token();
        self.parser.next_token();
        let column = identifier(self.parser, self.end)?;
        if self.parser.peek_token_ref().token == Token::Period {
            return Err(SqlError::new(at, "a nested column cannot carry the watermark"));
        }
        self.expect(Keyword::AS)?;
        let expression = self.expression()?;
        if self.table.watermark.replace((column, expression)).is_some() {
            return Err(SqlError::new(at, "a table has only one watermark"));
        }
        Ok(())
    }

    fn primary_key(&mut self) -> Result<()> {
        let at = self.place_of(&self.parser.peek_token());
        self.parser.next_token();
        self.parser.next_token();
        let columns = self.names()?;
        self.table.primary_key.extend(columns);
        self.not_enforced(at)
    }

    /// `(name, ...)`.
    fn names(&mut self) -> Result<Vec<Ident>> {
        self.expect_token(&Token::LParen)?;
        let mut names = Vec::new();
        loop {
            names.push(identifier(self.parser, self.end)?);
            if !self.parser.consume_token(&Token::Comma) {
                break;
            }
        }
        self.expect_token(&Token::RParen)?;
        Ok(names)
    }

    fn not_enforced(&mut self, at: Position) -> Result<()> {
        if self.parser.parse_keyword(Keyword::NOT)
            && is_word(self.parser.peek_token_ref(), "ENFORCED")
        {
            self.parser.next_token();
            return Ok(());
        }
        Err(SqlError::new(at, "a primary key cannot be enforced on a stream")
            .hint("add NOT ENFORCED"))
    }

    fn clauses(&mut self) -> Result<()> {
        self.comment()?;
        if is_word(self.parser.peek_token_ref(), "PARTITIONED") {
            self.parser.next_token();
            self.expect(Keyword::BY)?;
            self.table.partitions = self.names()?;
        }
        if is_word(self.parser.peek_token_ref(), "DISTRIBUTED") {
            return Err(self.refuse("DISTRIBUTED BY"));
        }
        if self.parser.parse_keyword(Keyword::WITH) {
            self.options()?;
        }
        if self.parser.parse_keyword(Keyword::AS) {
            let query = self.parser.parse_query();
            self.table.query = Some(query.map_err(|e| SqlError::from_parser(e, self.end))?);
            return Ok(());
        }
        if self.parser.parse_keyword(Keyword::LIKE) {
            self.table.like = Some(like::parse(self.parser, self.end)?);
        }
        Ok(())
    }

    fn options(&mut self) -> Result<()> {
        self.expect_token(&Token::LParen)?;
        loop {
            let (key, at) = self.string("an option's key")?;
            self.expect_token(&Token::Eq)?;
            let (value, _) = self.string("an option's value")?;
            // As in Flink the last value counts.
            self.table.options.retain(|(known, ..)| !known.eq_ignore_ascii_case(&key));
            self.table.options.push((key, value, at));
            if !self.parser.consume_token(&Token::Comma) {
                break;
            }
        }
        self.expect_token(&Token::RParen)
    }

    fn comment(&mut self) -> Result<()> {
        if self.parser.parse_keyword(Keyword::COMMENT) {
            self.string("a comment")?;
        }
        Ok(())
    }

    fn string(&mut self, what: &str) -> Result<(String, Position)> {
        let token = self.parser.next_token();
        let at = self.place_of(&token);
        match token.token {
            Token::SingleQuotedString(text) => Ok((text, at)),
            other => {
                Err(SqlError::new(at, format!("expected {what} in single quotes, found: {other}")))
            }
        }
    }

    fn expression(&mut self) -> Result<Expr> {
        self.parser.parse_expr().map_err(|error| SqlError::from_parser(error, self.end))
    }

    fn expect(&mut self, keyword: Keyword) -> Result<()> {
        self.parser
            .expect_keyword_is(keyword)
            .map_err(|error| SqlError::from_parser(error, self.end))
    }

    fn expect_token(&mut self, token: &Token) -> Result<()> {
        self.parser
            .expect_token(token)
            .map(|_| ())
            .map_err(|error| SqlError::from_parser(error, self.end))
    }

    fn refuse(&self, what: &str) -> SqlError {
        let at = self.place_of(self.parser.peek_token_ref());
        SqlError::new(at, format!("{what} is not supported yet"))
    }

    fn place_of(&self, token: &TokenWithSpan) -> Position {
        start_of(token.span).unwrap_or(self.end)
    }
}
