//! Where rows are that wait, by their keys or by what their keys begin with.

use std::collections::VecDeque;

use hashbrown::HashTable;
use sabot_core::state::Namespace;
use sabot_types::{KeyGroup, key_hash};

/// A row that waits: its part, counted from the first there ever was, and its place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RowAt {
    pub(super) part: u32,
    pub(super) row: u32,
}

impl RowAt {
    /// Stands for no row: parts are far smaller.
    const NONE: Self = Self { part: 0, row: u32::MAX };
}

/// Chains of the rows whose keys, or beginnings of keys, have the same hash: the latest first.
#[derive(Debug)]
pub(super) struct Index {
    /// What stands behind the beginning of a key; 0: whole keys are looked for.
    suffix_bytes: usize,
    /// The latest row of each hash. Some are of parts that are gone.
    latest: HashTable<Latest>,
    /// By part and row: the row of the same hash before it.
    before: VecDeque<Vec<RowAt>>,
    /// The number of the first part.
    first_part: u32,
    /// How many rows there are in all parts.
    rows: usize,
    /// Rows of parts that are gone, since the table was cleaned last.
    gone: usize,
}

#[derive(Debug, Clone, Copy)]
struct Latest {
    hash: u32,
    at: RowAt,
}

impl Index {
    /// Of rows whose keys end with so many bytes that do not count, of one part without rows.
    pub(super) fn new(suffix_bytes: usize, first_part: u32) -> Self {
        let before = VecDeque::from([Vec::new()]);
        Self { suffix_bytes, latest: HashTable::new(), before, first_part, rows: 0, gone: 0 }
    }

    /// A row came behind all others, with a whole key.
    pub(super) fn push(&mut self, namespace: Namespace, group: KeyGroup, key: &[u8]) {
        let beginning = &key[..key.len().saturating_sub(self.suffix_bytes)];
        let hash = hash_of(namespace, group, beginning);
        let part = self.first_part + (self.before.len() - 1) as u32;
        let Some(open) = self.before.back_mut() else { return };
        let at = RowAt { part, row: open.len() as u32 };
        let before =
            match self.latest.find_mut(key_hash::spread(hash), |latest| latest.hash == hash) {
                Some(latest) => std::mem::replace(&mut latest.at, at),
                None => {
                    let latest = Latest { hash, at };
                    self.latest.insert_unique(key_hash::spread(hash), latest, |latest| {
                        key_hash::spread(latest.hash)
                    });
                    RowAt::NONE
                }
            };
        open.push(before);
        self.rows += 1;
    }

    /// The rows whose keys without what does not count may be this, the latest first.
    pub(super) fn find(
        &self,
        namespace: Namespace,
        group: KeyGroup,
        beginning: &[u8],
    ) -> impl Iterator<Item = RowAt> {
        let hash = hash_of(namespace, group, beginning);
        let latest = self.latest.find(key_hash::spread(hash), |latest| latest.hash == hash);
        let latest = latest.map(|latest| latest.at).filter(|at| self.part(*at).is_some());
        std::iter::successors(latest, |at| {
            let before = *self.part(*at)?.get(at.row as usize)?;
            (before != RowAt::NONE && self.part(before).is_some()).then_some(before)
        })
    }

    /// The chains through the rows of a part, unless that is gone.
    fn part(&self, at: RowAt) -> Option<&Vec<RowAt>> {
        self.before.get(at.part.checked_sub(self.first_part)? as usize)
    }

    /// Rows that come from now on are of the next part.
    pub(super) fn seal(&mut self) {
        let rows = self.before.back().map_or(0, Vec::len);
        self.before.push_back(Vec::with_capacity(rows + rows / 4));
    }

    /// The first part is gone.
    pub(super) fn forget(&mut self) {
        let rows = self.before.pop_front().unwrap_or_default();
        self.first_part += 1;
        self.rows -= rows.len();
        self.gone += rows.len();
        if self.gone > self.latest.len() / 2 {
            self.gone = 0;
            self.latest.retain(|latest| latest.at.part >= self.first_part);
            self.latest.shrink_to(self.latest.len() * 2, |latest| key_hash::spread(latest.hash));
        }
    }

    /// What it takes, in bytes, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.rows * size_of::<RowAt>() + self.latest.len() * 2 * size_of::<Latest>()
    }
}

fn hash_of(namespace: Namespace, group: KeyGroup, beginning: &[u8]) -> u32 {
    let place = (namespace.0 as u64).rotate_left(16) ^ u64::from(group.index());
    let hash = key_hash::of_bytes(beginning) ^ place.wrapping_mul(key_hash::NULL);
    (hash ^ (hash >> 32)) as u32
}
