//! What of a state is at hand: something for each key that was used lately.

use std::ops::{Index, IndexMut};

use arrow::array::BinaryArray;
use hashbrown::HashTable;
use sabot_types::{KeyGroup, key_hash};

/// What is at hand of one state at most, in bytes: with more, keys that were not used lately are
/// forgotten.
const BYTES_MAX: usize = 64 << 20;

/// What is at hand, by key. An index is good until keys are forgotten.
pub(crate) struct Recent<V> {
    /// Indexes of `entries` by their keys' hashes.
    index: HashTable<u32>,
    entries: Vec<Entry<V>>,
    /// What all of it takes, roughly; who changes a value keeps it up to date.
    pub(crate) bytes: usize,
    /// Counts how often keys were forgotten.
    age: u32,
}

/// A key and what is at hand for it.
pub(crate) struct Entry<V> {
    hash: u64,
    /// The age at which it was used last.
    used: u32,
    pub(crate) group: KeyGroup,
    pub(crate) key: Box<[u8]>,
    pub(crate) value: V,
}

/// Something that is at hand.
pub(crate) trait AtHand: Default {
    /// Bytes that it holds, besides its own size.
    fn held_bytes(&self) -> usize;
}

impl<V: AtHand> Recent<V> {
    /// What a key takes besides its bytes and what its value holds: also a place in the index and
    /// the allocation of the key.
    const ENTRY_BYTES: usize = size_of::<Entry<V>>() + 32;

    pub(crate) fn new() -> Self {
        Self { index: HashTable::new(), entries: Vec::new(), bytes: 0, age: 0 }
    }

    /// Whether keys should be forgotten before more are begun.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes > BYTES_MAX
    }

    /// The indexes of different keys, and which of the keys were not at hand: they are begun.
    pub(crate) fn find_all(
        &mut self,
        groups: &[KeyGroup],
        keys: &BinaryArray,
    ) -> (Vec<u32>, Vec<usize>) {
        let mut missing = Vec::new();
        let slot = |(row, group): (usize, &KeyGroup)| {
            let key = keys.value(row);
            self.find(key).unwrap_or_else(|| {
                missing.push(row);
                self.begin(*group, key)
            })
        };
        (groups.iter().enumerate().map(slot).collect(), missing)
    }

    /// The index of a key, if it is at hand.
    pub(crate) fn find(&mut self, key: &[u8]) -> Option<u32> {
        let is_it = |at: &u32| *self.entries[*at as usize].key == *key;
        let at = *self.index.find(key_hash::of_bytes(key), is_it)?;
        self.entries[at as usize].used = self.age;
        Some(at)
    }

    /// The index of a key that was not at hand.
    pub(crate) fn begin(&mut self, group: KeyGroup, key: &[u8]) -> u32 {
        let at = self.entries.len() as u32;
        let hash = key_hash::of_bytes(key);
        self.bytes += Self::ENTRY_BYTES + key.len();
        let (used, value) = (self.age, V::default());
        self.entries.push(Entry { hash, used, group, key: key.into(), value });
        self.index.insert_unique(hash, at, |at| self.entries[*at as usize].hash);
        at
    }

    /// All keys.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Entry<V>> {
        self.entries.iter_mut()
    }

    /// Forgets the keys that were not used since the last time, or all if that leaves more than
    /// half of what may be at hand.
    pub(crate) fn forget(&mut self) {
        self.forget_to(BYTES_MAX / 2);
    }

    /// The same, with another limit.
    pub(crate) fn forget_to(&mut self, bytes: usize) {
        let age = self.age;
        self.entries.retain(|entry| entry.used == age);
        self.bytes = self.entries.iter().map(Entry::bytes).sum();
        if self.bytes > bytes {
            self.entries.clear();
            self.bytes = 0;
        }
        self.age += 1;
        self.index.clear();
        for (at, entry) in self.entries.iter().enumerate() {
            let hash_of = |at: &u32| self.entries[*at as usize].hash;
            self.index.insert_unique(entry.hash, at as u32, hash_of);
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

impl<V> Index<u32> for Recent<V> {
    type Output = Entry<V>;

    fn index(&self, at: u32) -> &Entry<V> {
        &self.entries[at as usize]
    }
}

impl<V> IndexMut<u32> for Recent<V> {
    fn index_mut(&mut self, at: u32) -> &mut Entry<V> {
        &mut self.entries[at as usize]
    }
}

impl<V: AtHand> Entry<V> {
    /// What it takes, roughly.
    pub(crate) fn bytes(&self) -> usize {
        Recent::<V>::ENTRY_BYTES + self.key.len() + self.value.held_bytes()
    }
}
