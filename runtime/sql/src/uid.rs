//! The stable names of operators: state is found again by them after a statement has changed.
//!
//! A uid says what an operator is for: the table that it reads or writes, the window, the keys.
//! It says nothing of its place in the plan, of filters, projections or aggregates, so that
//! these can change while the state stays.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use sabot_types::OperatorUid;
use xxhash_rust::xxh3::xxh3_64;

use crate::error::{Result, SqlError};
use crate::expr::Bound;
use crate::join::JoinKey;
use crate::relation::WindowSpec;

/// The uids and names that a plan has given away.
#[derive(Debug, Default)]
pub(crate) struct Uids {
    uids: BTreeSet<String>,
    names: BTreeSet<String>,
}

/// Longer uids are cut and get a hash.
const LENGTH_MAX: usize = 400;

impl Uids {
    /// `source:bids`; read with other options than the table's `source:bids/options(<hash>)`.
    pub(crate) fn source(&mut self, table: &str) -> Result<OperatorUid> {
        self.take(&format!("source:{table}"))
    }

    /// `source:bids/last/by(auction)`.
    pub(crate) fn last_row(&mut self, table: &str, keys: &[String]) -> Result<OperatorUid> {
        self.take(&format!("source:{table}/last/by({})", keys.join(",")))
    }

    /// `sink:results`; a second INSERT into the table adds what it reads.
    pub(crate) fn sink(&mut self, table: &str, from: &[&str]) -> Result<OperatorUid> {
        let plain = format!("sink:{table}");
        if self.uids.contains(&plain) {
            return self.take(&format!("{plain}/from({})", from.join(",")));
        }
        self.take(&plain)
    }

    /// `sink:results/tumble(bids.ts,10000,0)/by(auction)`; with early results, whose states are of other
    /// kinds, `early-tumble`.
    pub(crate) fn window(
        &mut self,
        sink: &str,
        window: &WindowSpec,
        keys: &[Bound],
        is_early: bool,
    ) -> Result<OperatorUid> {
        let keys: Vec<&str> = keys.iter().map(|key| key.text.as_str()).collect();
        let early = if is_early { "early-" } else { "" };
        self.take(&format!("sink:{sink}/{early}{}/by({})", window.name(), keys.join(",")))
    }

    /// `sink:results/group/by(auction)`.
    pub(crate) fn group(&mut self, sink: &str, keys: &[Bound]) -> Result<OperatorUid> {
        let keys: Vec<&str> = keys.iter().map(|key| key.text.as_str()).collect();
        self.take(&format!("sink:{sink}/group/by({})", keys.join(",")))
    }

    /// `sink:results/join(auction,bid)/by(L.id = R.auction)`; of another kind `left-join`.
    pub(crate) fn join(
        &mut self,
        sink: &str,
        kind: &str,
        [left, right]: [&[&str]; 2],
        keys: &[JoinKey],
    ) -> Result<OperatorUid> {
        let mut keys: Vec<&str> = keys.iter().map(|key| key.text.as_str()).collect();
        keys.sort_unstable();
        let (left, right) = (left.join("+"), right.join("+"));
        let kind = kind.replace(' ', "-");
        self.take(&format!("sink:{sink}/{kind}({left},{right})/by({})", keys.join(",")))
    }

    /// `sink:results/union(auction,bid)`.
    pub(crate) fn union(&mut self, sink: &str, tables: &[&str]) -> Result<OperatorUid> {
        self.take(&format!("sink:{sink}/union({})", tables.join(",")))
    }

    /// `sink:results/rank/by(auction)`.
    pub(crate) fn rank(&mut self, sink: &str, keys: &[&str]) -> Result<OperatorUid> {
        self.take(&format!("sink:{sink}/rank/by({})", keys.join(",")))
    }

    /// `sink:results/expand(hop(bids.ts,2000,10000,0))`: it has no state.
    pub(crate) fn expand(&mut self, sink: &str, window: &str) -> Result<OperatorUid> {
        self.take(&format!("sink:{sink}/expand({window})"))
    }

    /// `sink:results/unnest(items)`: it has no state.
    pub(crate) fn unnest(&mut self, sink: &str, value: &str) -> Result<OperatorUid> {
        self.take(&format!("sink:{sink}/unnest({value})"))
    }

    /// `sink:results/over(ts)/by(auction)`.
    pub(crate) fn over(
        &mut self,
        sink: &str,
        order: &[&str],
        keys: &[&str],
    ) -> Result<OperatorUid> {
        self.take(&format!("sink:{sink}/over({})/by({})", order.join(","), keys.join(",")))
    }

    /// `sink:results/match(A B+ C)/by(auction)`.
    pub(crate) fn pattern(
        &mut self,
        sink: &str,
        pattern: &str,
        keys: &[&str],
    ) -> Result<OperatorUid> {
        self.take(&format!("sink:{sink}/match({pattern})/by({})", keys.join(",")))
    }

    /// `sink:results/sort(ts,price)`.
    pub(crate) fn sort(&mut self, sink: &str, order: &[&str]) -> Result<OperatorUid> {
        self.take(&format!("sink:{sink}/sort({})", order.join(",")))
    }

    /// `sink:results/tumble(bids.ts,10000,0)/by(auction)/late`.
    pub(crate) fn late(&mut self, window: &OperatorUid) -> Result<OperatorUid> {
        self.take(&format!("{window}/late"))
    }

    /// `sink:results/tumble(bids.ts,10000,0)/by(auction)/changes`.
    pub(crate) fn changes(&mut self, window: &OperatorUid) -> Result<OperatorUid> {
        self.take(&format!("{window}/changes"))
    }

    /// `sink:results/materialize/by(auction)`.
    pub(crate) fn materialized(
        &mut self,
        sink: &OperatorUid,
        keys: &[String],
    ) -> Result<OperatorUid> {
        self.take(&format!("{sink}/materialize/by({})", keys.join(",")))
    }

    /// `sink:results/group/by(auction)/remember`.
    pub(crate) fn remembered(&mut self, reader: &OperatorUid) -> Result<OperatorUid> {
        self.take(&format!("{reader}/remember"))
    }

    /// The uid of an operator without state that feeds another.
    pub(crate) fn input_of(&mut self, uid: &OperatorUid) -> Result<OperatorUid> {
        self.take(&format!("{uid}/input"))
    }

    /// A name for people, made unique.
    pub(crate) fn name(&mut self, name: &str) -> String {
        unique(&mut self.names, name)
    }

    fn take(&mut self, uid: &str) -> Result<OperatorUid> {
        let mut clean: String = uid.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        if clean.len() > LENGTH_MAX {
            let cut = clean.char_indices().map(|(i, _)| i).take_while(|i| *i <= LENGTH_MAX).last();
            clean.truncate(cut.unwrap_or(0));
            // Writing to a String cannot fail.
            let _ = write!(clean, "~{:016x}", xxh3_64(uid.as_bytes()));
        }
        OperatorUid::new(unique(&mut self.uids, &clean))
            .map_err(|error| SqlError::new(None, error.to_string()))
    }
}

fn unique(taken: &mut BTreeSet<String>, name: &str) -> String {
    let mut candidate = name.to_owned();
    let mut number = 2;
    while !taken.insert(candidate.clone()) {
        candidate = format!("{name}#{number}");
        number += 1;
    }
    candidate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uids_are_unique_and_within_bounds() {
        let mut uids = Uids::default();
        assert_eq!(uids.sink("r", &["a"]).unwrap().as_str(), "sink:r");
        assert_eq!(uids.sink("r", &["a", "b"]).unwrap().as_str(), "sink:r/from(a,b)");
        assert_eq!(uids.sink("r", &["a", "b"]).unwrap().as_str(), "sink:r/from(a,b)#2");
        let long = "ä".repeat(600);
        let first = uids.source(&format!("{long}1")).unwrap();
        let second = uids.source(&format!("{long}2")).unwrap();
        assert_ne!(first, second);
        assert!(uids.source("a\nb").is_ok());
    }
}
