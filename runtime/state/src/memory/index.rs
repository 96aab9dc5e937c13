//! Where rows are, by the hashes of their keys: an extendible hash table whose lines are those of
//! the processor's cache.
//!
//! A directory by the first bits of a hash tells a segment, and all bits together a line of it, so
//! that a search waits for memory once as a rule. A segment that is full grows, and from a size on
//! splits in two: no insert moves more than one segment's entries, whatever the table holds.

use super::pages::Place;

/// Entries of a line.
const SLOTS: usize = 7;
/// A segment is full from so many of its slots on.
const FULL: (usize, usize) = (3, 4);
/// A segment of so many lines splits when it is full: 64 KiB.
const SPLIT_LINES: usize = 1024;
/// A segment does not split below this share of the rows that it would have were they spread
/// evenly: keys of equal hashes cannot be told apart by splitting.
const UNEVEN_BITS: u32 = 6;

/// The hash of a key group and a key. Its last byte is never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Hash(u32);

impl Hash {
    const BITS: u32 = u32::BITS;
    const TAG_BITS: u32 = u8::BITS;

    pub(super) fn new(bits: u32) -> Self {
        Self(if bits as u8 == 0 { bits | 1 } else { bits })
    }

    /// Its last byte.
    fn tag(self) -> u8 {
        self.0 as u8
    }

    /// What the tag leaves out.
    fn rest(self) -> u32 {
        self.0 >> Self::TAG_BITS
    }

    /// The first `bits` of it.
    fn first(self, bits: u32) -> usize {
        (u64::from(self.0) >> (Self::BITS - bits)) as usize
    }
}

/// The places of rows.
#[derive(Default)]
pub(super) struct Index {
    /// Which segment has the hashes that begin with these bits.
    directory: Vec<u32>,
    /// How many bits these are.
    depth: u32,
    segments: Vec<Segment>,
    len: usize,
}

#[derive(Default)]
struct Segment {
    lines: Vec<Line>,
    /// How many first bits its hashes share.
    depth: u32,
    len: usize,
}

/// As long as a line of the processor's cache.
#[derive(Clone)]
#[repr(align(64))]
pub(super) struct Line {
    /// A byte for each entry: its hash's tag, or 0 where there is no entry. The last one counts the
    /// entries that found no room on their way from here or across here to a later line; from 255
    /// on it stays as it is.
    tags: [u8; SLOTS + 1],
    /// The rest of the hash and the place.
    entries: [u64; SLOTS],
}

#[derive(Clone, Copy)]
struct Entry {
    hash: Hash,
    place: Place,
}

/// Where an entry is.
#[derive(Clone, Copy)]
struct At {
    line: usize,
    slot: usize,
}

/// Slots of a line, the first one first: the highest bit of each one's byte.
struct SlotSet(u64);

impl Iterator for SlotSet {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let slot = self.0.trailing_zeros() / u8::BITS;
        self.0 &= self.0 - 1;
        Some(slot as usize)
    }
}

impl Line {
    const EMPTY: Self = Self { tags: [0; SLOTS + 1], entries: [0; SLOTS] };

    /// Reads some of it, so that it is in the cache.
    pub(super) fn touch(&self) -> u8 {
        self.tags[0]
    }

    /// The slots with this tag.
    fn slots(&self, tag: u8) -> SlotSet {
        const LOW: u64 = u64::from_le_bytes([0x7f; 8]);
        const SLOT_BITS: u64 = u64::from_le_bytes([0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0]);
        let differences = u64::from_le_bytes(self.tags) ^ u64::from_le_bytes([tag; 8]);
        // The highest bit of each byte is set unless all bits of the byte are 0.
        let differ = ((differences & LOW) + LOW) | differences;
        SlotSet(!differ & SLOT_BITS)
    }

    fn is_passed(&self) -> bool {
        self.tags[SLOTS] != 0
    }

    fn passed(&mut self) -> &mut u8 {
        &mut self.tags[SLOTS]
    }

    fn get(&self, slot: usize) -> Entry {
        let rest = (self.entries[slot] >> Place::BITS) as u32;
        let hash = Hash(rest << Hash::TAG_BITS | u32::from(self.tags[slot]));
        Entry { hash, place: Place::from_number(self.entries[slot] & Place::MAX) }
    }

    fn set(&mut self, slot: usize, Entry { hash, place }: Entry) {
        self.tags[slot] = hash.tag();
        self.entries[slot] = u64::from(hash.rest()) << Place::BITS | place.number();
    }

    /// The entry of this hash whose place `is`.
    fn find(&self, hash: Hash, mut is: impl FnMut(Place) -> bool) -> Option<(usize, Place)> {
        self.slots(hash.tag()).find_map(|slot| {
            let entry = self.get(slot);
            (entry.hash == hash && is(entry.place)).then_some((slot, entry.place))
        })
    }

    fn entries(&self) -> impl Iterator<Item = Entry> {
        (0..SLOTS).filter(|slot| self.tags[*slot] != 0).map(|slot| self.get(slot))
    }
}

impl Segment {
    fn new(lines: usize, depth: u32) -> Self {
        Self { lines: vec![Line::EMPTY; lines], depth, len: 0 }
    }

    /// The line where a search for a hash begins.
    fn home(&self, hash: Hash) -> usize {
        // The first bits are those of the segment: these depend on all.
        let spread = hash.0.wrapping_mul(0x9e37_79b1);
        ((u64::from(spread) * self.lines.len() as u64) >> u32::BITS) as usize
    }

    fn next(&self, line: usize) -> usize {
        if line + 1 == self.lines.len() { 0 } else { line + 1 }
    }

    fn is_full(&self) -> bool {
        self.len * FULL.1 >= self.lines.len() * SLOTS * FULL.0
    }

    /// The first entry of this hash whose place `is`.
    fn find(&self, hash: Hash, mut is: impl FnMut(Place) -> bool) -> Option<(At, Place)> {
        let home = self.home(hash);
        let mut at = home;
        loop {
            let line = &self.lines[at];
            if let Some((slot, place)) = line.find(hash, &mut is) {
                return Some((At { line: at, slot }, place));
            }
            at = self.next(at);
            // Few lines are passed 255 times; if all are, one round is enough.
            if !line.is_passed() || at == home {
                return None;
            }
        }
    }

    /// Takes in an entry that is not there; there is room.
    fn insert(&mut self, entry: Entry) {
        let mut at = self.home(entry.hash);
        loop {
            let line = &mut self.lines[at];
            if let Some(slot) = line.slots(0).next() {
                line.set(slot, entry);
                self.len += 1;
                return;
            }
            *line.passed() = line.passed().saturating_add(1);
            at = self.next(at);
        }
    }

    fn remove(&mut self, hash: Hash, At { line: last, slot }: At) {
        self.lines[last].tags[slot] = 0;
        self.len -= 1;
        let mut at = self.home(hash);
        while at != last {
            let passed = self.lines[at].passed();
            if *passed < u8::MAX {
                *passed -= 1;
            }
            at = self.next(at);
        }
    }

    /// The same with so many lines.
    fn with_lines(&self, lines: usize) -> Self {
        let mut other = Self::new(lines, self.depth);
        self.entries().for_each(|entry| other.insert(entry));
        other
    }

    fn entries(&self) -> impl Iterator<Item = Entry> {
        self.lines.iter().flat_map(Line::entries)
    }
}

impl Index {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    fn segment_of(&self, hash: Hash) -> Option<usize> {
        self.directory.get(hash.first(self.depth)).map(|segment| *segment as usize)
    }

    /// The line where a search for a hash begins; none: there are no rows.
    pub(super) fn home(&self, hash: Hash) -> Option<&Line> {
        let segment = &self.segments[self.segment_of(hash)?];
        Some(&segment.lines[segment.home(hash)])
    }

    /// The first row of this hash, where `home` is the line of its home.
    pub(super) fn first(&self, home: &Line, hash: Hash) -> Option<Place> {
        match home.find(hash, |_| true) {
            Some((_, place)) => Some(place),
            None if home.is_passed() => self.find(hash, |_| true),
            None => None,
        }
    }

    /// The first row of this hash that `is`.
    pub(super) fn find(&self, hash: Hash, is: impl FnMut(Place) -> bool) -> Option<Place> {
        let segment = &self.segments[self.segment_of(hash)?];
        segment.find(hash, is).map(|(_, place)| place)
    }

    /// Takes in a row that is not there.
    pub(super) fn insert(&mut self, hash: Hash, place: Place) {
        if self.directory.is_empty() {
            self.directory.push(0);
            self.segments.push(Segment::new(1, 0));
        }
        self.len += 1;
        loop {
            let at = self.segment_of(hash).expect("the directory has all first bits");
            if !self.segments[at].is_full() {
                self.segments[at].insert(Entry { hash, place });
                return;
            }
            self.make_room(at, hash);
        }
    }

    /// A row has another place.
    pub(super) fn replace(&mut self, hash: Hash, from: Place, to: Place) {
        let (segment, At { line, slot }) = self.entry_at(hash, from);
        segment.lines[line].set(slot, Entry { hash, place: to });
    }

    pub(super) fn remove(&mut self, hash: Hash, place: Place) {
        let (segment, at) = self.entry_at(hash, place);
        segment.remove(hash, at);
        self.len -= 1;
    }

    fn entry_at(&mut self, hash: Hash, place: Place) -> (&mut Segment, At) {
        let segment = self.segment_of(hash).expect("the directory has all first bits");
        let segment = &mut self.segments[segment];
        let found = segment.find(hash, |there| there == place);
        let (at, _) = found.expect("each row is in the index");
        (segment, at)
    }

    /// Makes room in a full segment, which is the one of this hash.
    fn make_room(&mut self, at: usize, hash: Hash) {
        let Segment { lines, depth, len } = &self.segments[at];
        let lines = lines.len();
        let is_even = self.len >> depth << UNEVEN_BITS >= *len;
        if lines >= SPLIT_LINES && is_even && *depth < Hash::BITS {
            return self.split(at, hash);
        }
        self.segments[at] = self.segments[at].with_lines(lines * 2);
    }

    /// Makes two of a segment, which is the one of this hash.
    fn split(&mut self, at: usize, hash: Hash) {
        let depth = self.segments[at].depth + 1;
        if depth > self.depth {
            self.directory = self.directory.iter().flat_map(|segment| [*segment; 2]).collect();
            self.depth = depth;
        }
        let mut halves = [0, 1].map(|_| Segment::new(SPLIT_LINES, depth));
        for entry in std::mem::take(&mut self.segments[at]).entries() {
            let half = &mut halves[entry.hash.first(depth) & 1];
            if half.is_full() {
                // Only if the hashes are spread unevenly.
                *half = half.with_lines(half.lines.len() * 2);
            }
            half.insert(entry);
        }
        let [zero, one] = halves;
        self.segments[at] = zero;
        // The directory's part that had the segment: the second half of it has the new one.
        let places = 1 << (self.depth - depth);
        let start = (hash.first(depth) | 1) * places;
        self.directory[start..][..places].fill(self.segments.len() as u32);
        self.segments.push(one);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// Numbers that look random.
    fn mixed(number: u32) -> u32 {
        let number = (number ^ (number >> 16)).wrapping_mul(0x85eb_ca6b);
        let number = (number ^ (number >> 13)).wrapping_mul(0xc2b2_ae35);
        number ^ (number >> 16)
    }

    fn place(number: u32) -> Place {
        Place::from_number(u64::from(number) << 8)
    }

    fn found(index: &Index, hash: Hash, place: Place) -> bool {
        index.find(hash, |there| there == place) == Some(place)
    }

    fn check(index: &Index, expected: &HashMap<u32, (Hash, Place)>) {
        assert_eq!(index.len(), expected.len());
        let entries: usize = index.segments.iter().map(|segment| segment.len).sum();
        assert_eq!(entries, expected.len());
        for (hash, place) in expected.values() {
            assert!(found(index, *hash, *place));
            assert!(index.first(index.home(*hash).unwrap(), *hash).is_some());
        }
        let passed = |line: &Line| usize::from(line.tags[SLOTS]);
        let passed: usize = index.segments.iter().flat_map(|s| &s.lines).map(passed).sum();
        let away = |segment: &Segment, (at, line): (usize, &Line)| -> usize {
            let lines = segment.lines.len();
            line.entries().map(|entry| (at + lines - segment.home(entry.hash)) % lines).sum()
        };
        let of =
            |segment| Segment::enumerated(segment).map(|line| away(segment, line)).sum::<usize>();
        let away: usize = index.segments.iter().map(of).sum();
        assert_eq!(passed, away, "each entry is counted on its way");
    }

    impl Segment {
        fn enumerated(&self) -> impl Iterator<Item = (usize, &Line)> {
            self.lines.iter().enumerate()
        }
    }

    #[test]
    fn random_changes_match_a_map() {
        let (mut index, mut expected) = (Index::default(), HashMap::new());
        for step in 0..200_000_u32 {
            let number = mixed(step) % 60_000;
            // A few thousand are of the same hash as another one.
            let hash = Hash::new(mixed(number % 55_000 + 7));
            match expected.get_mut(&number) {
                None => {
                    index.insert(hash, place(number));
                    expected.insert(number, (hash, place(number)));
                }
                Some((hash, from)) if step % 3 == 0 => {
                    let to = place(number + 1_000_000 + step);
                    index.replace(*hash, *from, to);
                    *from = to;
                }
                Some((hash, place)) => {
                    index.remove(*hash, *place);
                    assert!(!found(&index, *hash, *place));
                    expected.remove(&number);
                }
            }
            if step % 20_000 == 0 {
                check(&index, &expected);
            }
        }
        check(&index, &expected);
        assert!(index.segments.len() > 4, "{} segments", index.segments.len());
        for (_, (hash, place)) in expected.drain() {
            index.remove(hash, place);
        }
        check(&index, &expected);
    }

    #[test]
    fn a_segment_is_told_by_the_first_bits_of_its_hashes() {
        let mut index = Index::default();
        (0..300_000).for_each(|n| index.insert(Hash::new(mixed(n)), place(n)));
        assert_eq!(index.directory.len(), 1 << index.depth);
        for (first, segment) in index.directory.iter().enumerate() {
            let segment = &index.segments[*segment as usize];
            let of = first >> (index.depth - segment.depth);
            assert!(segment.entries().all(|entry| entry.hash.first(segment.depth) == of));
        }
    }

    #[test]
    fn equal_hashes_do_not_split_a_segment_for_ever() {
        let mut index = Index::default();
        let hash = Hash::new(7);
        let same = || (0..8_000).map(place);
        same().for_each(|place| index.insert(hash, place));
        assert!(index.directory.len() <= 2 << UNEVEN_BITS, "{} places", index.directory.len());
        assert!(same().all(|place| found(&index, hash, place)));
        same().for_each(|place| index.remove(hash, place));
        assert_eq!(index.find(hash, |_| true), None);
    }

    #[test]
    fn an_entry_has_all_bits_of_its_hash_and_place() {
        let mut line = Line::EMPTY;
        for (slot, bits) in [0, 1, 255, 256, u32::MAX, 1 << 31].into_iter().enumerate() {
            let hash = Hash::new(bits);
            for number in [0, 1, Place::MAX] {
                line.set(slot, Entry { hash, place: Place::from_number(number) });
                assert_eq!((line.get(slot).hash, line.get(slot).place.number()), (hash, number));
            }
        }
        assert_eq!(line.slots(0).collect::<Vec<_>>(), [6]);
        assert_eq!(line.slots(255).collect::<Vec<_>>(), [2, 4]);
    }
}
