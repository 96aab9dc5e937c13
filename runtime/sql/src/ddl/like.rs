//! `CREATE TABLE b (...) LIKE a (INCLUDING ... EXCLUDING ... OVERWRITING ...)`: what a table has of
//! another, by Flink's rules.

use sqlparser::ast::Ident;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use super::{ColumnDef, ColumnDefKind, CreateTable};
use crate::error::{Position, Result, SqlError, start_of};
use crate::statement::name;
use crate::tokens::is_word;

/// `LIKE`.
#[derive(Debug, Clone)]
pub(crate) struct Like {
    pub table: Ident,
    /// By the places of [`FEATURES`].
    strategies: [Strategy; FEATURES.len()],
}

/// What is taken of the other table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strategy {
    /// All, which the table itself must not have.
    Including,
    /// Nothing.
    Excluding,
    /// What the table itself does not have.
    Overwriting,
}

const STRATEGIES: [(&str, Strategy); 3] = [
    ("INCLUDING", Strategy::Including),
    ("EXCLUDING", Strategy::Excluding),
    ("OVERWRITING", Strategy::Overwriting),
];

/// What can be taken, how it is without being named, and whether it can be overwritten.
const FEATURES: [(&str, Strategy, bool); 6] = [
    ("CONSTRAINTS", Strategy::Including, false),
    ("GENERATED", Strategy::Including, true),
    ("METADATA", Strategy::Including, true),
    ("OPTIONS", Strategy::Overwriting, true),
    ("PARTITIONS", Strategy::Including, false),
    ("WATERMARKS", Strategy::Including, true),
];
const ALL: &str = "ALL";

/// Parses after `LIKE`.
pub(super) fn parse(parser: &mut Parser<'_>, end: Position) -> Result<Like> {
    let table = name(parser, end)?;
    let mut said: Vec<(String, Strategy)> = Vec::new();
    if parser.consume_token(&Token::LParen) {
        while said.is_empty() || !parser.consume_token(&Token::RParen) {
            let token = parser.next_token();
            let at = start_of(token.span).unwrap_or(end);
            let strategy = STRATEGIES.iter().find(|(word, _)| is_word(&token, word));
            let Some((word, strategy)) = strategy else {
                let message =
                    format!("expected INCLUDING, EXCLUDING or OVERWRITING, found: {}", token.token);
                return Err(SqlError::new(at, message));
            };
            let token = parser.next_token();
            let at = start_of(token.span).unwrap_or(at);
            let known = FEATURES.iter().map(|(feature, ..)| *feature).chain([ALL]);
            let Some(feature) = known.clone().find(|feature| is_word(&token, feature)) else {
                let found = token.token.to_string();
                let message = format!("{word} {found} is nothing that a table has");
                return Err(SqlError::new(at, message).suggest(&found, "words", known));
            };
            let is_fixed = FEATURES.iter().all(|(other, _, open)| *other != feature || !open);
            if *strategy == Strategy::Overwriting && is_fixed {
                return Err(SqlError::new(at, format!("{feature} cannot be overwritten"))
                    .hint(format!("write EXCLUDING {feature}")));
            }
            if said.iter().any(|(other, _)| other == feature) {
                return Err(SqlError::new(at, format!("{feature} is named twice")));
            }
            said.push((feature.to_owned(), *strategy));
        }
    }
    let of = |name: &str| said.iter().find(|(feature, _)| feature == name).map(|(_, s)| *s);
    let strategies =
        FEATURES.map(|(feature, default, _)| of(feature).or(of(ALL)).unwrap_or(default));
    Ok(Like { table, strategies })
}

/// The table with what it has of `base`.
pub(crate) fn merged(create: &CreateTable, like: &Like, base: &CreateTable) -> Result<CreateTable> {
    let [constraints, generated, metadata, options, partitions, watermarks] = like.strategies;
    let at = create.at;
    let twice = |what: &str, feature: &str, at: Position| {
        SqlError::new(at, format!("table \"{}\" has {what} already", base.name.value))
            .hint(format!("write LIKE {} (EXCLUDING {feature})", base.name.value))
    };
    let mut merged = CreateTable { columns: Vec::new(), like: None, ..create.clone() };
    check_key(create, base)?;
    merged.columns = columns(&create.columns, base, [generated, metadata])?;
    if constraints == Strategy::Including && !base.primary_key.is_empty() {
        if let Some(key) = create.primary_key.first() {
            let place = start_of(key.span).unwrap_or(at);
            return Err(twice("a primary key", "CONSTRAINTS", place));
        }
        merged.primary_key.clone_from(&base.primary_key);
    }
    if partitions == Strategy::Including && !base.partitions.is_empty() {
        if let Some(column) = create.partitions.first() {
            let place = start_of(column.span).unwrap_or(at);
            return Err(twice("partitions", "PARTITIONS", place));
        }
        merged.partitions.clone_from(&base.partitions);
    }
    match (&base.watermark, &create.watermark) {
        (Some(_), Some((column, _))) if watermarks == Strategy::Including => {
            let place = start_of(column.span).unwrap_or(at);
            return Err(twice("a watermark", "WATERMARKS", place));
        }
        (Some(_), None) if watermarks != Strategy::Excluding => {
            merged.watermark.clone_from(&base.watermark);
        }
        _ => {}
    }
    if options != Strategy::Excluding {
        for (key, value, place) in &base.options {
            let own = create.options.iter().find(|(own, ..)| own.eq_ignore_ascii_case(key));
            match own {
                None => merged.options.push((key.clone(), value.clone(), *place)),
                Some((key, _, place)) if options == Strategy::Including => {
                    return Err(twice(&format!("the option '{key}'"), "OPTIONS", *place));
                }
                Some(_) => {}
            }
        }
    }
    Ok(merged)
}

/// Refuses a key of columns of `base` that can be NULL. Its own columns are not NULL by being a key.
fn check_key(create: &CreateTable, base: &CreateTable) -> Result<()> {
    for key in &create.primary_key {
        let of_base = base.columns.iter().find(|column| column.name.value == key.value);
        if of_base.is_some_and(|column| can_be_null(column, base)) {
            let message = format!("column \"{}\" can be NULL and so be no key", key.value);
            let hint = format!("declare it NOT NULL in table \"{}\"", base.name.value);
            return Err(SqlError::new(start_of(key.span), message).hint(hint));
        }
    }
    Ok(())
}

/// Whether a physical column can be NULL, which one of a key cannot.
fn can_be_null(column: &ColumnDef, table: &CreateTable) -> bool {
    matches!(column.kind, ColumnDefKind::Physical { nullable: true, .. })
        && !table.primary_key.iter().any(|key| key.value == column.name.value)
}

/// The columns of both, those of `base` first: without its key, too, they are not NULL.
fn columns(
    own: &[ColumnDef],
    base: &CreateTable,
    [generated, metadata]: [Strategy; 2],
) -> Result<Vec<ColumnDef>> {
    let strategy = |column: &ColumnDef| match column.kind {
        ColumnDefKind::Physical { .. } => (Strategy::Including, ""),
        ColumnDefKind::Metadata { .. } => (metadata, "METADATA"),
        ColumnDefKind::Computed(_) => (generated, "GENERATED"),
    };
    let kept = base.columns.iter().filter(|column| strategy(column).0 != Strategy::Excluding);
    let mut columns: Vec<ColumnDef> = kept.cloned().collect();
    for column in &mut columns {
        let can_be_null = can_be_null(column, base);
        if let ColumnDefKind::Physical { nullable, .. } = &mut column.kind {
            *nullable = can_be_null;
        }
    }
    for column in own {
        let name = &column.name.value;
        let Some(known) = columns.iter_mut().find(|known| known.name.value == *name) else {
            columns.push(column.clone());
            continue;
        };
        let ((how, feature), (_, other)) = (strategy(column), strategy(known));
        if how == Strategy::Overwriting && feature == other {
            known.kind = column.kind.clone();
            continue;
        }
        let message = format!("table \"{}\" has a column \"{name}\" already", base.name.value);
        let error = SqlError::new(start_of(column.name.span), message);
        return Err(match feature == other && !feature.is_empty() {
            true => error.hint(format!("write LIKE {} (OVERWRITING {feature})", base.name.value)),
            false => error.hint("give one of them another name"),
        });
    }
    Ok(columns)
}
