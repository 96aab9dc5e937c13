//! Which rows there are whose keys begin with something: what follows it in their keys. The rows
//! themselves are then looked for by their whole keys.

use std::borrow::Cow;

use sabot_types::KeyGroup;

use super::index::{Hash, Index};
use super::pages::Place;
use super::table::hash_of;

/// Lists that lie together: all of them never move at once.
const CHUNK_LISTS: usize = 1024;
/// What is removed from a list of so many is looked for; longer ones are cleaned now and then.
const SHORT: usize = 32;

/// What follows the beginnings of keys.
pub(super) struct Beginnings {
    /// So many bytes follow.
    suffix_bytes: usize,
    /// The numbers of lists by the hashes of their beginnings.
    index: Index,
    lists: Vec<Vec<List>>,
    /// Numbers of lists that are not used.
    free: Vec<u64>,
    /// What the lists' bytes are together.
    bytes: usize,
}

/// Keys of one beginning.
#[derive(Default)]
struct List {
    group: u16,
    /// How many bytes the beginning has.
    beginning: u32,
    /// How many rows there are.
    rows: u32,
    /// The beginning, then what follows it in each key: in order as a rule, since most keys end in
    /// numbers that rise. A long list can have some of rows that are gone, or one twice.
    bytes: Vec<u8>,
}

/// What follows the beginning in keys, in order and each once.
pub(super) struct Suffixes<'a> {
    bytes: Cow<'a, [u8]>,
    each: usize,
}

impl Suffixes<'_> {
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.chunks_exact(self.each)
    }
}

impl List {
    fn is_of(&self, group: KeyGroup, beginning: &[u8]) -> bool {
        self.group == group.index() && self.beginning() == beginning
    }

    fn beginning(&self) -> &[u8] {
        &self.bytes[..self.beginning as usize]
    }

    fn suffixes(&self) -> &[u8] {
        &self.bytes[self.beginning as usize..]
    }

    /// Takes out what follows the beginning in the key of a row that is gone, or leaves it.
    fn forget(&mut self, suffix: &[u8]) {
        let each = suffix.len();
        let is_short = self.suffixes().len() <= SHORT * each;
        let looked_at = if is_short { SHORT } else { 1 };
        let mut last = self.suffixes().rchunks_exact(each).take(looked_at);
        if let Some(behind) = last.position(|other| other == suffix) {
            let end = self.bytes.len() - behind * each;
            self.bytes.drain(end - each..end);
        }
    }

    /// Whether so much is of rows that are gone that it should be cleaned.
    fn is_stale(&self, each: usize) -> bool {
        self.suffixes().len() / each > 2 * self.rows as usize + SHORT
    }
}

impl Beginnings {
    /// Of keys without their last `suffix_bytes`, at least one.
    pub(super) fn new(suffix_bytes: usize) -> Self {
        let index = Index::default();
        let suffix_bytes = suffix_bytes.max(1);
        Self { suffix_bytes, index, lists: Vec::new(), free: Vec::new(), bytes: 0 }
    }

    /// What they take, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.bytes + self.index.len() * (size_of::<List>() + 16)
    }

    /// A row came whose key was not there.
    pub(super) fn add(&mut self, group: KeyGroup, key: &[u8]) {
        let Some((beginning, suffix)) = self.split(key) else { return };
        let hash = hash_of(group, beginning);
        let number = self.find(hash, group, beginning).unwrap_or_else(|| {
            let number = self.begin(group, beginning);
            self.index.insert(hash, Place::from_number(number));
            number
        });
        let list = self.list_mut(number);
        list.rows += 1;
        list.bytes.extend_from_slice(suffix);
        self.bytes += suffix.len();
    }

    /// A row went; `is_there` tells whether a key of the same beginning still has one.
    pub(super) fn remove(&mut self, group: KeyGroup, key: &[u8], is_there: impl Fn(&[u8]) -> bool) {
        let Some((beginning, suffix)) = self.split(key) else { return };
        let hash = hash_of(group, beginning);
        let Some(number) = self.find(hash, group, beginning) else { return };
        let each = self.suffix_bytes;
        let list = self.list_mut(number);
        let before = list.bytes.len();
        list.rows -= 1;
        let is_empty = list.rows == 0;
        if is_empty {
            *list = List::default();
        } else {
            list.forget(suffix);
            if list.is_stale(each) {
                let mut key = beginning.to_vec();
                let mut bytes = beginning.to_vec();
                for suffix in ordered(list.suffixes(), each).chunks_exact(each) {
                    key.truncate(beginning.len());
                    key.extend_from_slice(suffix);
                    if is_there(&key) {
                        bytes.extend_from_slice(suffix);
                    }
                }
                list.bytes = bytes;
            }
        }
        let after = list.bytes.len();
        self.bytes -= before - after;
        if is_empty {
            self.index.remove(hash, Place::from_number(number));
            self.free.push(number);
        }
    }

    /// What follows a beginning in the keys of all its rows, and maybe of some that are gone.
    pub(super) fn suffixes(&self, group: KeyGroup, beginning: &[u8]) -> Suffixes<'_> {
        let found = self.find(hash_of(group, beginning), group, beginning);
        let bytes = found.map_or(&[][..], |number| self.list(number).suffixes());
        Suffixes { bytes: ordered(bytes, self.suffix_bytes), each: self.suffix_bytes }
    }

    /// The beginning of a key and what follows; none where the key is shorter than that.
    fn split<'k>(&self, key: &'k [u8]) -> Option<(&'k [u8], &'k [u8])> {
        key.split_at_checked(key.len().checked_sub(self.suffix_bytes)?)
    }

    fn find(&self, hash: Hash, group: KeyGroup, beginning: &[u8]) -> Option<u64> {
        let is_it = |place: Place| self.list(place.number()).is_of(group, beginning);
        self.index.find(hash, is_it).map(Place::number)
    }

    /// A list without rows; its number.
    fn begin(&mut self, group: KeyGroup, beginning: &[u8]) -> u64 {
        let number = self.free.pop().unwrap_or_else(|| {
            if self.lists.last().is_none_or(|chunk| chunk.len() == CHUNK_LISTS) {
                // Most tables are small, or have many chunks.
                let lists = if self.lists.is_empty() { 0 } else { CHUNK_LISTS };
                self.lists.push(Vec::with_capacity(lists));
            }
            let chunk = self.lists.len() - 1;
            self.lists[chunk].push(List::default());
            (chunk * CHUNK_LISTS + self.lists[chunk].len() - 1) as u64
        });
        self.bytes += beginning.len();
        let mut bytes = Vec::with_capacity(beginning.len() + self.suffix_bytes);
        bytes.extend_from_slice(beginning);
        let list = self.list_mut(number);
        list.group = group.index();
        list.beginning = beginning.len() as u32;
        list.bytes = bytes;
        number
    }

    fn list(&self, number: u64) -> &List {
        &self.lists[number as usize / CHUNK_LISTS][number as usize % CHUNK_LISTS]
    }

    fn list_mut(&mut self, number: u64) -> &mut List {
        &mut self.lists[number as usize / CHUNK_LISTS][number as usize % CHUNK_LISTS]
    }
}

/// Suffixes of so many bytes each, in order and each once.
fn ordered(suffixes: &[u8], each: usize) -> Cow<'_, [u8]> {
    if suffixes.chunks_exact(each).is_sorted_by(|one, next| one < next) {
        return Cow::Borrowed(suffixes);
    }
    let mut sorted: Vec<_> = suffixes.chunks_exact(each).collect();
    sorted.sort_unstable();
    sorted.dedup();
    Cow::Owned(sorted.concat())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use sabot_core::{Random, SeededRandom};

    use super::*;

    const EACH: usize = 4;

    #[test]
    fn what_follows_is_known_of_all_rows_and_of_few_that_are_gone() {
        let dice = SeededRandom::new(3);
        let next = |below: u64| dice.next_u64() % below;
        let mut beginnings = Beginnings::new(EACH);
        let mut expected: BTreeSet<(u16, Vec<u8>, [u8; EACH])> = BTreeSet::new();
        let key = |beginning: &[u8], number: [u8; EACH]| [beginning, &number].concat();
        for step in 0..60_000_u64 {
            // Few beginnings have many rows, many have few.
            let about = if next(2) == 0 { next(3) } else { next(1000) };
            let group = KeyGroup::new((about % 5) as u16);
            let beginning = vec![7; about as usize % 11]
                .into_iter()
                .chain(about.to_le_bytes())
                .collect::<Vec<_>>();
            let number = if next(8) == 0 { next(50) } else { step } as u32;
            let place = (group.index(), beginning.clone(), number.to_be_bytes());
            if next(3) > 0 {
                if expected.insert(place) {
                    beginnings.add(group, &key(&beginning, number.to_be_bytes()));
                }
                continue;
            }
            let from = (group.index(), beginning.clone(), [0; EACH]);
            let skipped = next(4) as usize;
            let Some(gone) = expected.range(from..).nth(skipped).cloned() else { continue };
            expected.remove(&gone);
            let group = KeyGroup::new(gone.0);
            beginnings.remove(group, &key(&gone.1, gone.2), |other| {
                let suffix = other[other.len() - EACH..].try_into().unwrap();
                expected.contains(&(gone.0, gone.1.clone(), suffix))
            });
        }
        let mut found = BTreeSet::new();
        let known: BTreeSet<_> = expected.iter().map(|(group, key, _)| (group, key)).collect();
        for (group, beginning) in known {
            let suffixes = beginnings.suffixes(KeyGroup::new(*group), beginning);
            let suffixes: Vec<[u8; EACH]> =
                suffixes.iter().map(|s| s.try_into().unwrap()).collect();
            assert!(suffixes.is_sorted_by(|one, next| one < next));
            let of = |suffix| (*group, beginning.clone(), suffix);
            let rows = suffixes.iter().filter(|suffix| expected.contains(&of(**suffix))).count();
            assert!(suffixes.len() <= 2 * rows + SHORT, "{} of {rows}", suffixes.len());
            found.extend(suffixes.into_iter().map(of).filter(|place| expected.contains(place)));
        }
        assert_eq!(found, expected);
        for (group, beginning, suffix) in std::mem::take(&mut expected) {
            beginnings.remove(KeyGroup::new(group), &key(&beginning, suffix), |_| true);
        }
        assert_eq!((beginnings.bytes(), beginnings.index.len()), (0, 0));
        assert!(beginnings.suffixes(KeyGroup::new(1), b"x").iter().next().is_none());
    }

    #[test]
    fn keys_that_are_too_short_have_no_beginning() {
        let mut beginnings = Beginnings::new(EACH);
        beginnings.add(KeyGroup::new(1), b"abc");
        beginnings.add(KeyGroup::new(1), b"abcd");
        let found = beginnings.suffixes(KeyGroup::new(1), b"");
        assert_eq!(found.iter().collect::<Vec<_>>(), [b"abcd"]);
        beginnings.remove(KeyGroup::new(1), b"abc", |_| true);
        assert_eq!(beginnings.bytes, EACH);
    }
}
