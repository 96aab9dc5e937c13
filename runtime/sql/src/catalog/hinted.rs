//! Tables with the options that a hint gives them.

use std::sync::Arc;

use sqlparser::ast::Ident;

use super::{Catalog, Entry, Table, build_table};
use crate::error::{Position, Result, SqlError};
use crate::hints::Options;
use crate::relation::Relation;
use crate::settings::DYNAMIC_OPTIONS;

/// The refusal of options for something else.
pub(crate) fn only_tables(name: &Ident, at: Position) -> SqlError {
    SqlError::new(at, format!("\"{}\" is no table, and takes no OPTIONS", name.value))
        .hint("put the hint behind the table that its query reads")
}

impl Catalog {
    /// What a FROM sees under the name of a table that is read with other options.
    pub(crate) fn hinted_relation(
        &self,
        name: &Ident,
        options: Options,
        at: Position,
    ) -> Result<Relation> {
        match self.entries.get(&name.value) {
            Some(Entry::View(_)) => Err(only_tables(name, at)),
            _ => self.hinted(name, options, at).map(|table| table.relation()),
        }
    }

    /// The table that an INSERT writes, with the options of its hint.
    pub(crate) fn hinted_sink(&self, name: &Ident, at: Position) -> Result<Arc<Table>> {
        let sink = self.sink(name, at)?;
        match self.hints.options(name.span)? {
            None => Ok(sink),
            Some(options) => self.hinted(name, options, at),
        }
    }

    fn hinted(&self, name: &Ident, options: Options, at: Position) -> Result<Arc<Table>> {
        let Some(mut create) = self.declared.get(&name.value).cloned() else {
            return Err(self.no_table(name, at));
        };
        if self.refuses_options {
            let message = format!("'{DYNAMIC_OPTIONS}' is 'false': hints give no options");
            return Err(SqlError::new(at, message).hint("set it to 'true', or take out the hint"));
        }
        let mut text: Vec<String> = Vec::new();
        for (key, value, place) in options {
            if key.eq_ignore_ascii_case("connector") {
                return Err(SqlError::new(place, "a hint cannot change a table's connector")
                    .hint("declare another table"));
            }
            text.push(format!("{key}={value}"));
            create.options.retain(|(known, ..)| !known.eq_ignore_ascii_case(&key));
            create.options.push((key, value, place));
        }
        text.sort();
        let table = build_table(create)?;
        let key = format!("{}/options({})", table.name, text.join(","));
        Ok(Arc::new(Table { key, ..table }))
    }
}
