//! What of a state is at hand: something for each key that was used lately.

use std::ops::{Index, IndexMut};

use arrow::array::{Array, BinaryArray};
use hashbrown::HashTable;
use sabot_types::bytes::is_equal;
use sabot_types::{KeyGroup, key_hash};

use crate::chunks::Chunks;

/// What is at hand of one state at most, in bytes, where operators say nothing else: with more, keys
/// that were not used lately are forgotten.
const BYTES_MAX: usize = 64 << 20;

/// What is at hand, by key. An index is good until keys are forgotten.
pub(crate) struct Recent<V> {
    /// Indexes of `entries`, each with a part of its key's hash, which tells other keys apart without
    /// a look at them.
    index: HashTable<(u32, u32)>,
    entries: Chunks<Entry<V>>,
    /// The keys one after the other.
    keys: Vec<u8>,
    /// What all of it takes, roughly; who changes a value keeps it up to date.
    pub(crate) bytes: usize,
    /// What may be at hand at most, in bytes.
    bytes_max: usize,
    /// Counts how often keys were forgotten.
    age: u32,
}

/// A key and what is at hand for it.
pub(crate) struct Entry<V> {
    hash: u32,
    /// The age at which it was used last.
    used: u32,
    key: Key,
    pub(crate) group: KeyGroup,
    pub(crate) value: V,
}

/// Where a key is among the keys.
#[derive(Clone, Copy)]
struct Key {
    start: u32,
    bytes: u32,
}

impl Key {
    fn of(self, keys: &[u8]) -> &[u8] {
        &keys[self.start as usize..][..self.bytes as usize]
    }

    fn push(keys: &mut Vec<u8>, key: &[u8]) -> Self {
        // What is at hand is far from 4 GiB.
        let (start, bytes) = (keys.len() as u32, key.len() as u32);
        keys.extend_from_slice(key);
        Self { start, bytes }
    }
}

/// Something that is at hand.
pub(crate) trait AtHand: Default {
    /// Bytes that it holds, besides its own size.
    fn held_bytes(&self) -> usize;
}

impl<V: AtHand> Recent<V> {
    /// What a key takes besides its bytes and what its value holds: also its place in the index.
    const ENTRY_BYTES: usize = size_of::<Entry<V>>() + 16;

    pub(crate) fn new() -> Self {
        Self::with_limit(BYTES_MAX)
    }

    /// The same with so many bytes at hand at most.
    pub(crate) fn with_limit(bytes_max: usize) -> Self {
        let (index, entries, keys) = (HashTable::new(), Chunks::new(), Vec::new());
        Self { index, entries, keys, bytes: 0, bytes_max, age: 0 }
    }

    /// Whether keys should be forgotten before more are begun.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes > self.bytes_max
    }

    /// The indexes of different keys, and which of the keys were not at hand: they are begun.
    pub(crate) fn find_all(
        &mut self,
        groups: &[KeyGroup],
        keys: &BinaryArray,
    ) -> (Vec<u32>, Vec<usize>) {
        // One step of all keys after the other: the processor fetches what is needed for many at a
        // time.
        let hashes: Vec<u32> = (0..keys.len()).map(|row| hash_of(keys.value(row))).collect();
        let first =
            |hash: &u32| self.index.find(key_hash::spread(*hash), |(other, _)| other == hash);
        let mut slots: Vec<u32> =
            hashes.iter().map(|hash| first(hash).map_or(u32::MAX, |(_, at)| *at)).collect();
        let mut missing = Vec::new();
        for (row, slot) in slots.iter_mut().enumerate() {
            let key = keys.value(row);
            let entry = self.entries.get_mut(*slot as usize);
            match entry.filter(|entry| is_equal(entry.key.of(&self.keys), key)) {
                Some(entry) => entry.used = self.age,
                None => {
                    *slot = self.find_hashed(hashes[row], key).unwrap_or_else(|| {
                        missing.push(row);
                        self.begin_hashed(hashes[row], groups[row], key)
                    });
                }
            }
        }
        (slots, missing)
    }

    /// The index of a key, if it is at hand.
    pub(crate) fn find(&mut self, key: &[u8]) -> Option<u32> {
        self.find_hashed(hash_of(key), key)
    }

    fn find_hashed(&mut self, hash: u32, key: &[u8]) -> Option<u32> {
        let is_it = |(other, at): &(u32, u32)| {
            *other == hash && is_equal(self.entries[*at as usize].key.of(&self.keys), key)
        };
        let (_, at) = *self.index.find(key_hash::spread(hash), is_it)?;
        self.entries[at as usize].used = self.age;
        Some(at)
    }

    /// The index of a key that was not at hand.
    pub(crate) fn begin(&mut self, group: KeyGroup, key: &[u8]) -> u32 {
        self.begin_hashed(hash_of(key), group, key)
    }

    fn begin_hashed(&mut self, hash: u32, group: KeyGroup, key: &[u8]) -> u32 {
        let at = self.entries.len() as u32;
        self.bytes += Self::ENTRY_BYTES + key.len();
        let (used, value) = (self.age, V::default());
        let key = Key::push(&mut self.keys, key);
        self.entries.push(Entry { hash, used, key, group, value });
        self.index
            .insert_unique(key_hash::spread(hash), (hash, at), |(hash, _)| key_hash::spread(*hash));
        at
    }

    /// A key with its group.
    pub(crate) fn keyed_mut(&mut self, at: u32) -> (KeyGroup, &[u8], &mut V) {
        let entry = &mut self.entries[at as usize];
        (entry.group, entry.key.of(&self.keys), &mut entry.value)
    }

    /// Forgets the keys that were not used since the last time, or all if that leaves more than
    /// half of what may be at hand.
    pub(crate) fn forget(&mut self) {
        self.forget_to(self.bytes_max / 2);
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
        let before = std::mem::take(&mut self.keys);
        for (at, entry) in self.entries.iter_mut().enumerate() {
            entry.key = Key::push(&mut self.keys, entry.key.of(&before));
            let place = (entry.hash, at as u32);
            self.index.insert_unique(key_hash::spread(entry.hash), place, |(hash, _)| {
                key_hash::spread(*hash)
            });
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

fn hash_of(key: &[u8]) -> u32 {
    key_hash::of_bytes(key) as u32
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
        Recent::<V>::ENTRY_BYTES + self.key.bytes as usize + self.value.held_bytes()
    }
}
