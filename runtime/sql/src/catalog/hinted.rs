//! Tables that are other ones with something changed: with the options of a hint, or by `LIKE`.

use std::collections::BTreeMap;
use std::sync::Arc;

use sabot_core::options::is_secret;
use sqlparser::ast::Ident;
use xxhash_rust::xxh3::xxh3_64;

use super::{Catalog, Entry, Table, build_table};
use crate::ddl::CreateTable;
use crate::ddl::like::merged;
use crate::error::{Position, Result, SqlError, start_of};
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

    /// The table with what `LIKE` takes of another.
    pub(super) fn completed(&self, create: CreateTable) -> Result<CreateTable> {
        let Some(like) = create.like.clone() else { return Ok(create) };
        let at = start_of(like.table.span).unwrap_or(create.at);
        match (self.declared.get(&like.table.value), self.entries.get(&like.table.value)) {
            (Some(base), _) => merged(&create, &like, base),
            (None, Some(_)) => {
                let message = format!("\"{}\" is a view: LIKE names a table", like.table.value);
                Err(SqlError::new(at, message))
            }
            (None, None) => Err(self.no_table(&like.table, at)),
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
        let mut changed: BTreeMap<String, String> = BTreeMap::new();
        for (key, value, place) in options {
            let name = key.to_ascii_lowercase();
            if name == "connector" {
                return Err(SqlError::new(place, "a hint cannot change a table's connector")
                    .hint("declare another table"));
            }
            let same = |(known, ..): &&(String, String, Position)| known.eq_ignore_ascii_case(&key);
            // Of an option that is declared twice the last value counts.
            if create.options.iter().rfind(same).is_none_or(|(_, declared, _)| *declared != value) {
                changed.insert(name, value.clone());
            }
            create.options.retain(|(known, ..)| !known.eq_ignore_ascii_case(&key));
            create.options.push((key, value, place));
        }
        let table = build_table(create)?;
        if changed.is_empty() {
            return Ok(Arc::new(table));
        }
        let key = format!("{}/options({changed:?})", table.name);
        let uid_name = uid_name(&table.name, &changed);
        Ok(Arc::new(Table { key, uid_name, ..table }))
    }
}

/// The name of a table in uids when it is read with other options than its own: a hash tells these
/// apart without showing them. What gives access counts for nothing, so that it can be changed
/// while the state stays.
fn uid_name(table: &str, changed: &BTreeMap<String, String>) -> String {
    let shown = changed.iter().filter(|(key, _)| !is_secret(key));
    let text = shown.fold(String::new(), |text, (key, value)| format!("{text}{key}\0{value}\0"));
    if text.is_empty() {
        return table.to_owned();
    }
    format!("{table}/options({:016x})", xxh3_64(text.as_bytes()))
}
