//! What is in a slot's segments, and how much of it is still there, estimated while they are written.

use std::collections::BTreeMap;

use sabot_core::state::{Namespace, StateSpec};
use sabot_types::{KeyGroup, OperatorUid};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// What segments hold.
#[derive(Debug, Clone, Default)]
pub struct Content {
    states: BTreeMap<(OperatorUid, String), BTreeMap<Namespace, Rows>>,
    /// Of all rows, before compression.
    bytes: u64,
}

/// Rows of one namespace.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rows {
    written: u64,
    /// How many of them say that a row is gone.
    removed: u64,
    bytes: u64,
    different: Different,
}

impl Content {
    /// The rows of a namespace, to which more are added.
    pub(crate) fn add(&mut self, spec: &StateSpec, namespace: Namespace, rows: &Rows) {
        let state = self.states.entry((spec.operator.clone(), spec.name.clone())).or_default();
        state.entry(namespace).or_default().merge(rows);
        self.bytes += rows.bytes;
    }

    /// A namespace's rows are gone, though they still are in the segments.
    pub(crate) fn drop_namespace(&mut self, spec: &StateSpec, namespace: Namespace) {
        if let Some(state) = self.states.get_mut(&(spec.operator.clone(), spec.name.clone())) {
            state.remove(&namespace);
        }
    }

    /// What later segments hold.
    pub(crate) fn merge(&mut self, later: &Self) {
        for (state, namespaces) in &later.states {
            let state = self.states.entry(state.clone()).or_default();
            for (namespace, rows) in namespaces {
                state.entry(*namespace).or_default().merge(rows);
            }
        }
        self.bytes += later.bytes;
    }

    /// Of all bytes the part that is still there: neither written again, nor removed, nor dropped.
    /// From 0 to 1, some hundredths off.
    pub(crate) fn live_part(&self) -> f64 {
        if self.bytes == 0 {
            return 1.0;
        }
        let live: f64 = self.states.values().flat_map(BTreeMap::values).map(Rows::live_bytes).sum();
        (live / self.bytes as f64).min(1.0)
    }
}

impl Rows {
    pub(crate) fn push(&mut self, group: KeyGroup, key: &[u8], value: Option<&[u8]>) {
        self.written += 1;
        self.removed += u64::from(value.is_none());
        self.bytes += (key.len() + value.map_or(0, <[u8]>::len)) as u64;
        self.different.insert(xxh3_64_with_seed(key, u64::from(group.index())));
    }

    fn merge(&mut self, other: &Self) {
        self.written += other.written;
        self.removed += other.removed;
        self.bytes += other.bytes;
        self.different.merge(&other.different);
    }

    fn live_bytes(&self) -> f64 {
        let live = (self.different.estimate() - self.removed as f64).max(0.0);
        self.bytes as f64 * (live / self.written.max(1) as f64).min(1.0)
    }
}

/// How many of many things are different: a `HyperLogLog` (Flajolet et al., 2007) that counts by its
/// empty registers as long as there are some. Its standard error is 4.6 %.
#[derive(Debug, Clone)]
enum Different {
    /// The registers that are not empty, in order: there may be many namespaces with few rows each.
    Few(Vec<(u16, u8)>),
    Many(Box<[u8; REGISTERS]>),
}

const REGISTERS: usize = 512;
const FEW_MAX: usize = 64;

impl Default for Different {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Different {
    fn insert(&mut self, hash: u64) {
        let rank = (hash / REGISTERS as u64).trailing_zeros().min(u64::BITS - 1) as u8 + 1;
        self.raise((hash % REGISTERS as u64) as u16, rank);
    }

    fn merge(&mut self, other: &Self) {
        other.each(|register, rank| self.raise(register, rank));
    }

    /// The registers that are not empty.
    fn each(&self, mut visit: impl FnMut(u16, u8)) {
        match self {
            Self::Few(set) => {
                for (register, rank) in set {
                    visit(*register, *rank);
                }
            }
            Self::Many(ranks) => {
                for (register, rank) in (0..).zip(ranks.iter()).filter(|(_, rank)| **rank > 0) {
                    visit(register, *rank);
                }
            }
        }
    }

    fn raise(&mut self, register: u16, rank: u8) {
        match self {
            Self::Few(set) => {
                match set.binary_search_by_key(&register, |(register, _)| *register) {
                    Ok(at) => set[at].1 = set[at].1.max(rank),
                    Err(at) if set.len() < FEW_MAX => set.insert(at, (register, rank)),
                    Err(_) => {
                        let mut ranks = Box::new([0; REGISTERS]);
                        self.each(|register, rank| ranks[usize::from(register)] = rank);
                        *self = Self::Many(ranks);
                        self.raise(register, rank);
                    }
                }
            }
            Self::Many(ranks) => {
                let known = &mut ranks[usize::from(register)];
                *known = rank.max(*known);
            }
        }
    }

    fn estimate(&self) -> f64 {
        let all = REGISTERS as f64;
        let (mut sum, mut empty) = (all, all);
        self.each(|_, rank| {
            sum += (-f64::from(rank)).exp2() - 1.0;
            empty -= 1.0;
        });
        let raw = 0.7213 / (1.0 + 1.079 / all) * all * all / sum;
        if raw <= 2.5 * all && empty > 0.0 { all * (all / empty).ln() } else { raw }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::spec;

    fn rows(keys: std::ops::Range<u64>, value: Option<&[u8]>) -> Rows {
        let mut rows = Rows::default();
        for key in keys {
            rows.push(KeyGroup::new(7), &key.to_be_bytes(), value);
        }
        rows
    }

    #[test]
    fn different_rows_are_counted_roughly() {
        for count in [0, 1, 50, 100, 1000, 1300, 2000, 100_000, 1_000_000] {
            let mut rows = rows(0..count, Some(b"v"));
            let again = rows.clone();
            rows.merge(&again);
            let estimate = rows.different.estimate();
            assert!(
                (estimate - count as f64).abs() <= count as f64 * 0.08,
                "{estimate} of {count}"
            );
        }
    }

    #[test]
    fn what_is_written_again_removed_or_dropped_is_no_longer_there() {
        let (spec, other) = (spec("join", "left"), spec("join", "right"));
        let value = Some(&[0_u8; 92][..]);
        let live_part = |content: &Content, expected: f64| {
            let part = content.live_part();
            assert!((part - expected).abs() < 0.05, "{part} and not {expected}");
        };
        let mut content = Content::default();
        live_part(&content, 1.0);
        content.add(&spec, Namespace(1), &rows(0..10_000, value));
        live_part(&content, 1.0);
        content.add(&spec, Namespace(1), &rows(10_000..20_000, value));
        live_part(&content, 1.0);
        content.add(&spec, Namespace(1), &rows(0..20_000, value));
        live_part(&content, 0.5);
        content.add(&spec, Namespace(2), &rows(0..40_000, value));
        live_part(&content, 0.75);
        content.drop_namespace(&spec, Namespace(1));
        live_part(&content, 0.5);
        let mut later = Content::default();
        later.add(&other, Namespace(2), &rows(0..80_000, value));
        content.merge(&later);
        live_part(&content, 0.75);
        content.add(&other, Namespace(2), &rows(0..80_000, None));
        live_part(&content, 0.24);
    }
}
