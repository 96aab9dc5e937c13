//! Hints: `/*+ STATE_TTL('o' = '1d') */` behind SELECT, `/*+ OPTIONS('k' = 'v') */` behind a table.
//!
//! They are taken out of the text before it is parsed and known by the place of the word that they
//! stand behind, where the resolver asks for them. One that nobody asks for stands where it has no
//! meaning, and is refused.

mod parse;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use sqlparser::tokenizer::Span;

use crate::error::{Position, Result, SqlError, start_of};
use crate::relation::{Base, Relation};
use crate::settings::duration_ms;

pub(crate) use parse::Hint;

const OPTIONS: &str = "OPTIONS";
const STATE_TTL: &str = "STATE_TTL";

/// Hints of a SELECT that change nothing here, and why.
const WITHOUT_EFFECT: [(&str, &str); 6] = [
    ("BROADCAST", OF_BATCHES),
    ("SHUFFLE_HASH", OF_BATCHES),
    ("SHUFFLE_MERGE", OF_BATCHES),
    ("NEST_LOOP", OF_BATCHES),
    ("MULTI_JOIN", "tables are joined one after the other"),
    ("LOOKUP", "a lookup join reads its table whole, and asks nobody for a row"),
];
const OF_BATCHES: &str = "it is about joins of tables that end";

/// Keys with values and their places, as an `OPTIONS` hint has them.
pub(crate) type Options = Vec<(String, String, Position)>;

/// The hints of a text.
#[derive(Debug, Default)]
pub(crate) struct Hints {
    /// By the place of the word that they stand behind.
    behind: BTreeMap<Position, Vec<Hint>>,
    /// The places that were asked for.
    asked: RefCell<BTreeSet<Position>>,
    warnings: RefCell<Vec<String>>,
}

impl Hints {
    /// Adds the hints of a comment, whose text begins with `+`, behind the word at a place.
    pub(crate) fn add(&mut self, behind: Position, comment: &str, at: Position) -> Result<()> {
        let hints = parse::hints(comment, at)?;
        self.behind.entry(behind).or_default().extend(hints);
        Ok(())
    }

    fn of(&self, span: Span) -> &[Hint] {
        let Some((place, hints)) =
            start_of(span).and_then(|place| Some((place, self.behind.get(&place)?)))
        else {
            return &[];
        };
        self.asked.borrow_mut().insert(place);
        hints
    }

    /// The options that a table is to have at this place; none without a hint.
    pub(crate) fn options(&self, table: Span) -> Result<Option<Options>> {
        let mut options: Option<Options> = None;
        for hint in self.of(table) {
            if hint.name != OPTIONS {
                let message = format!("{} cannot stand behind a table", hint.name);
                return Err(SqlError::new(hint.at, message).hint("it stands behind SELECT"));
            }
            let options = options.get_or_insert_default();
            for (key, value, at) in hint.pairs()? {
                options.retain(|(known, ..)| *known != key);
                options.push((key, value, at));
            }
        }
        Ok(options)
    }

    /// The hints of a SELECT.
    pub(crate) fn select(&self, select: Span) -> Result<StateTtl> {
        let mut ttl = StateTtl::default();
        for hint in self.of(select) {
            if let Some((_, why)) = WITHOUT_EFFECT.iter().find(|(name, _)| *name == hint.name) {
                self.warn(hint.at, &format!("{} has no effect: {why}", hint.name));
                continue;
            }
            match hint.name.as_str() {
                STATE_TTL => ttl.add(hint)?,
                OPTIONS => {
                    return Err(SqlError::new(hint.at, "OPTIONS cannot stand behind SELECT")
                        .hint("write FROM <table> /*+ OPTIONS('key' = 'value') */"));
                }
                name => {
                    let known = WITHOUT_EFFECT.iter().map(|(name, _)| *name);
                    return Err(SqlError::new(hint.at, format!("unknown hint {name}")).suggest(
                        name,
                        "hints",
                        known.chain([STATE_TTL, OPTIONS]),
                    ));
                }
            }
        }
        Ok(ttl)
    }

    /// Tells of something without an effect.
    pub(crate) fn warn(&self, at: Position, what: &str) {
        let warning = format!("{at}: {what}");
        let mut warnings = self.warnings.borrow_mut();
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }

    /// Refuses hints that nobody has asked for.
    pub(crate) fn check_all_asked(&self) -> Result<()> {
        let asked = self.asked.borrow();
        let mut left = self.behind.iter().filter(|(place, _)| !asked.contains(place));
        let Some(hint) = left.find_map(|(_, hints)| hints.first()) else { return Ok(()) };
        Err(SqlError::new(hint.at, format!("the hint {} cannot stand here", hint.name))
            .hint("hints stand behind SELECT, and OPTIONS behind a table's name, before its alias"))
    }

    /// What was said without an effect.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.warnings.borrow().clone()
    }
}

/// How long the states of a SELECT are kept: by the inputs' names, in milliseconds, 0 for ever.
#[derive(Debug, Default)]
pub(crate) struct StateTtl {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    name: String,
    ttl_ms: u64,
    at: Position,
    used: RefCell<bool>,
}

impl StateTtl {
    /// As in Flink the last of several values in one hint counts, and of several hints the first.
    fn add(&mut self, hint: &Hint) -> Result<()> {
        let mut entries: Vec<Entry> = Vec::new();
        for (name, value, at) in hint.pairs()? {
            let ttl_ms = duration_ms(&value, &name, at)?;
            entries.retain(|known| known.name != name);
            entries.push(Entry { name, ttl_ms, at, used: RefCell::new(false) });
        }
        for entry in entries {
            if self.entries.iter().all(|known| known.name != entry.name) {
                self.entries.push(entry);
            }
        }
        Ok(())
    }

    /// What is said of the rows of an input.
    pub(crate) fn of(&self, input: &Relation) -> Option<u64> {
        let name = input.single_name()?;
        let entry = self.entries.iter().find(|entry| entry.name == name)?;
        *entry.used.borrow_mut() = true;
        Some(entry.ttl_ms)
    }

    /// What is said of both inputs of a join.
    pub(crate) fn of_both(&self, left: &Relation, right: &Relation) -> [Option<u64>; 2] {
        [self.of(left), self.of(right)]
    }

    /// Refuses names that are those of no input of a join or an aggregation.
    pub(crate) fn check_used(&self, input: &Relation) -> Result<()> {
        let Some(entry) = self.entries.iter().find(|entry| !*entry.used.borrow()) else {
            return Ok(());
        };
        let message = format!("STATE_TTL: \"{}\" is no input of this query", entry.name);
        let error = SqlError::new(entry.at, message);
        if input.single_name() == Some(entry.name.as_str()) {
            return Err(error.hint("it is for joins and GROUP BY, and the query has neither"));
        }
        let known: BTreeSet<&str> =
            input.fields.iter().filter_map(|field| field.qualifier.as_deref()).collect();
        Err(error.suggest(&entry.name, "inputs", known))
    }
}

impl Relation {
    /// The table's name or alias, where the rows are those of one.
    fn single_name(&self) -> Option<&str> {
        let first = self.fields.first()?.qualifier.as_deref()?;
        let same = |field: &crate::relation::Field| field.qualifier.as_deref() == Some(first);
        self.fields.iter().all(same).then_some(first)
    }

    /// Says how long a join keeps the rows of its sides.
    pub(crate) fn keep_for(&mut self, ttls: [Option<u64>; 2]) {
        if let Base::Join(node) = &mut self.base {
            std::sync::Arc::make_mut(node).ttls = ttls;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Position = Position { line: 3, column: 10 };

    fn span() -> Span {
        let place = sqlparser::tokenizer::Location { line: 3, column: 10 };
        Span { start: place, end: place }
    }

    #[test]
    fn of_one_hint_the_last_value_counts_and_of_several_the_first() {
        let mut hints = Hints::default();
        let text = "+ STATE_TTL('a' = '1 d', 'a' = '2 s'), state_ttl(a = '3 s', b = '0') ";
        hints.add(AT, text, AT).unwrap();
        let ttl = hints.select(span()).unwrap();
        let found = ttl.entries.iter().map(|entry| (entry.name.as_str(), entry.ttl_ms));
        assert_eq!(found.collect::<Vec<_>>(), [("a", 2000), ("b", 0)]);
        assert!(hints.check_all_asked().is_ok());
    }

    #[test]
    fn what_changes_nothing_is_told() {
        let mut hints = Hints::default();
        hints.add(AT, "+ BROADCAST(a), LOOKUP('table'='b', 'async'='true')", AT).unwrap();
        hints.select(span()).unwrap();
        let warnings = hints.warnings();
        assert_eq!(warnings.len(), 2);
        assert!(
            warnings[0].starts_with("line 3, column 14: BROADCAST has no effect"),
            "{warnings:?}"
        );
    }

    #[test]
    fn a_hint_that_nobody_asks_for_is_refused() {
        let mut hints = Hints::default();
        hints.add(AT, "+ OPTIONS('a' = 'b')", AT).unwrap();
        let error = hints.check_all_asked().unwrap_err().to_string();
        assert!(error.contains("the hint OPTIONS cannot stand here"), "{error}");
    }

    #[test]
    fn options_are_merged_and_stand_behind_tables() {
        let mut hints = Hints::default();
        hints.add(AT, "+ OPTIONS('a.b' = 'c', 'd' = 'e')", AT).unwrap();
        hints.add(AT, "+ OPTIONS('d' = 'f')", AT).unwrap();
        let options = hints.options(span()).unwrap().unwrap();
        let pairs: Vec<_> = options.iter().map(|(k, v, _)| (k.as_str(), v.as_str())).collect();
        assert_eq!(pairs, [("a.b", "c"), ("d", "f")]);
        let error = hints.select(span()).unwrap_err().to_string();
        assert!(error.contains("cannot stand behind SELECT"), "{error}");
    }
}
