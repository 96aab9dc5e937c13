//! Rows that were put or removed, in the order in which that happened, and sorted when asked for.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::sync::{Arc, OnceLock};

use sabot_types::KeyGroup;

use super::Namespace;
use super::row_filter::{FILTERED_KEY_BYTES, RowFilter};

/// Stands for the length of a value that was removed.
pub(super) const REMOVED: u32 = u32::MAX;

/// A row that was put, or removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateChange<'a> {
    /// The namespace.
    pub namespace: Namespace,
    /// The key group.
    pub group: KeyGroup,
    /// The encoded key.
    pub key: &'a [u8],
    /// The encoded value; none where the row was removed.
    pub value: Option<&'a [u8]>,
}

impl<'a> StateChange<'a> {
    /// Where the row is, as rows are ordered.
    pub fn place(&self) -> Place<'a> {
        (self.namespace, self.group, self.key)
    }
}

/// Where a row is: its namespace, key group and key.
pub type Place<'a> = (Namespace, KeyGroup, &'a [u8]);

/// Rows that were put or removed one after the other.
#[derive(Debug, Default)]
pub struct ChangedRows {
    rows: Vec<Row>,
    /// Keys and values one after the other.
    bytes: Vec<u8>,
    /// The rows in the order of their places, the last of each place; once somebody asked.
    sorted: OnceLock<Vec<u32>>,
    /// What is among them; once somebody looked for one.
    filter: OnceLock<RowFilter>,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    namespace: Namespace,
    start: usize,
    key_bytes: u32,
    value_bytes: u32,
    group: KeyGroup,
}

/// How a row's place starts, ordered as places are: the namespace, then the key group and the first
/// bytes of the key. Most places differ in it, which is compared without a look at the rows.
type Start = (Namespace, u128);

const GROUP_BYTES: usize = size_of::<u16>();
/// The bytes of a key in [`Start`].
const START_KEY_BYTES: usize = size_of::<u128>() - GROUP_BYTES;

/// The first bytes of a key as a number that is ordered as they are, with zeros behind a shorter key.
pub fn first_bytes(key: &[u8]) -> u128 {
    match key.first_chunk() {
        Some(bytes) => u128::from_be_bytes(*bytes),
        None => {
            let mut bytes = [0; size_of::<u128>()];
            bytes[..key.len()].copy_from_slice(key);
            u128::from_be_bytes(bytes)
        }
    }
}

fn start_of((namespace, group, key): Place<'_>) -> Start {
    let group = u128::from(group.index()) << (8 * START_KEY_BYTES);
    (namespace, group | (first_bytes(key) >> (8 * GROUP_BYTES)))
}

impl ChangedRows {
    /// None, with room for some more than these: growth copies all of them.
    #[must_use]
    pub fn empty_alike(&self) -> Self {
        let more = |len: usize| len + len / 4;
        Self {
            rows: Vec::with_capacity(more(self.rows.len())),
            bytes: Vec::with_capacity(more(self.bytes.len())),
            sorted: OnceLock::new(),
            filter: OnceLock::new(),
        }
    }

    /// Makes room for so many more rows of so many bytes together.
    pub fn reserve(&mut self, rows: usize, bytes: usize) {
        self.rows.reserve(rows);
        self.bytes.reserve(bytes);
    }

    /// The same for as many of them as take at most so many bytes.
    pub fn reserve_up_to(&mut self, most_bytes: usize, rows: usize, bytes: usize) {
        let all = (bytes + rows * size_of::<Row>()).max(most_bytes);
        let share = |of: usize| (of as u128 * most_bytes as u128 / all.max(1) as u128) as usize;
        self.reserve(share(rows), share(bytes));
    }

    /// Gives back room that is not used, where that is much.
    pub fn shrink(&mut self) {
        if self.bytes.len() < self.bytes.capacity() / 2 {
            self.bytes.shrink_to_fit();
            self.rows.shrink_to_fit();
        }
    }

    /// Takes a row in.
    pub fn put(&mut self, namespace: Namespace, group: KeyGroup, key: &[u8], value: Option<&[u8]>) {
        self.rows.push(Row {
            namespace,
            start: self.bytes.len(),
            // Longer rows than these fit no segment, which refuses them.
            key_bytes: key.len() as u32,
            value_bytes: value.map_or(REMOVED, |value| value.len() as u32),
            group,
        });
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value.unwrap_or_default());
        self.sorted.take();
        self.filter.take();
    }

    /// How many there are, those of the same place counted each.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// What they take, in bytes.
    pub fn size(&self) -> usize {
        self.bytes.len() + self.rows.len() * size_of::<Row>()
    }

    /// All rows in the order in which they were put.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = StateChange<'_>> {
        (0..self.rows.len() as u32).map(|row| self.row(row))
    }

    /// Each row as it was left, in the order of (namespace, key group, key).
    pub fn sorted(&self) -> impl ExactSizeIterator<Item = StateChange<'_>> {
        self.sorted_from(0)
    }

    /// The same without the first `start` rows.
    pub fn sorted_from(&self, start: usize) -> impl ExactSizeIterator<Item = StateChange<'_>> {
        self.order()[start..].iter().map(|row| self.row(*row))
    }

    /// The rows whose keys begin with `prefix`, each as it was left, in the order of their keys.
    pub fn with_prefix<'a>(
        &'a self,
        namespace: Namespace,
        group: KeyGroup,
        prefix: &'a [u8],
    ) -> impl Iterator<Item = StateChange<'a>> {
        let place = (namespace, group, prefix);
        let is_filtered = prefix.len() >= FILTERED_KEY_BYTES;
        let start = if is_filtered && !self.filter().may_have(place) {
            self.order().len()
        } else {
            self.rows_before(place)
        };
        self.sorted_from(start).take_while(move |row| {
            row.namespace == namespace && row.group == group && row.key.starts_with(prefix)
        })
    }

    fn filter(&self) -> &RowFilter {
        let places = || (0..self.rows.len() as u32).map(|row| self.place(row));
        self.filter.get_or_init(|| RowFilter::new(places()))
    }

    /// How many rows lie before a place, as they are sorted.
    fn rows_before(&self, place: Place<'_>) -> usize {
        let start = start_of(place);
        self.order().partition_point(|row| {
            self.start_of(*row).cmp(&start).then_with(|| self.place(*row).cmp(&place)).is_lt()
        })
    }

    fn order(&self) -> &[u32] {
        self.sorted.get_or_init(|| {
            let rows = 0..self.rows.len() as u32;
            let mut order: Vec<_> = rows.map(|row| (self.start_of(row), row)).collect();
            order.sort_unstable();
            for same in order.chunk_by_mut(|a, b| a.0 == b.0) {
                self.sort_further(same, START_KEY_BYTES);
            }
            // Rows of one place are in the order in which they came: the last one is what was left.
            let is_last = |at: usize, (start, row): (Start, u32)| {
                let next = order.get(at + 1);
                next.is_none_or(|next| next.0 != start || self.place(next.1) != self.place(row))
            };
            let kept = order.iter().enumerate().filter(|(at, row)| is_last(*at, **row));
            kept.map(|(_, (_, row))| *row).collect()
        })
    }

    /// Sorts rows whose keys are the same up to `depth` by what follows: a few bytes of each at a
    /// time, which are looked at once and not at each comparison.
    fn sort_further(&self, rows: &mut [(Start, u32)], depth: usize) {
        const BYTES: usize = size_of::<u128>();
        /// Keys that are the same for longer are compared as a whole.
        const DEPTH_MAX: usize = 128;
        if rows.len() < 2 {
            return;
        }
        let key = |row: u32| self.place(row).2;
        if depth > DEPTH_MAX || rows.iter().all(|(_, row)| key(*row).len() <= depth) {
            rows.sort_unstable_by_key(|(_, row)| (key(*row), *row));
            return;
        }
        let rest = |row: u32| first_bytes(key(row).get(depth..).unwrap_or_default());
        let mut next: Vec<(u128, u32)> = rows.iter().map(|(_, row)| (rest(*row), *row)).collect();
        next.sort_unstable();
        for (row, next) in rows.iter_mut().zip(&next) {
            row.1 = next.1;
        }
        let mut at = 0;
        for same in next.chunk_by(|a, b| a.0 == b.0) {
            self.sort_further(&mut rows[at..at + same.len()], depth + BYTES);
            at += same.len();
        }
    }

    pub(super) fn namespace(&self, row: u32) -> Namespace {
        self.rows[row as usize].namespace
    }

    fn start_of(&self, row: u32) -> Start {
        start_of(self.place(row))
    }

    fn place(&self, row: u32) -> Place<'_> {
        let Row { namespace, start, key_bytes, group, .. } = self.rows[row as usize];
        (namespace, group, &self.bytes[start..start + key_bytes as usize])
    }

    /// The row that was put after so many others; panics where there are not so many.
    pub fn row(&self, row: u32) -> StateChange<'_> {
        let (namespace, group, key) = self.place(row);
        let Row { start, key_bytes, value_bytes, .. } = self.rows[row as usize];
        let start = start + key_bytes as usize;
        let value =
            (value_bytes != REMOVED).then(|| &self.bytes[start..start + value_bytes as usize]);
        StateChange { namespace, group, key, value }
    }
}

/// The rows of several parts, the older ones first, in the order of (namespace, key group, key):
/// each as the last part left it, with its part and its number there; those from a place on, if there
/// is one. Only rows count of which `counts` says so, by part and number.
pub(super) fn merged<'a, F>(
    parts: &'a [Arc<ChangedRows>],
    from: Option<Place<'_>>,
    counts: F,
) -> impl Iterator<Item = (usize, u32, StateChange<'a>)>
where
    F: Fn(usize, u32) -> bool + 'a,
{
    let parts = parts.iter().enumerate();
    let mut heap: BinaryHeap<Cursor<'a>> =
        parts.filter_map(|(at, part)| Cursor::new(at, part, from, &counts)).collect();
    std::iter::from_fn(move || {
        loop {
            let least = take_least(&mut heap, &counts)?;
            let place = least.2.place();
            if heap.peek().is_none_or(|next| next.change.place() != place) {
                return Some(least);
            }
        }
    })
}

/// The rows of several parts, the older ones first, in the order of (namespace, key group, key):
/// each as the last part left it; those from a place on, if there is one. Only rows count of which
/// `counts` says so, by the part's index.
pub fn merge<'a, F>(
    parts: &'a [Arc<ChangedRows>],
    from: Option<Place<'_>>,
    counts: F,
) -> impl Iterator<Item = StateChange<'a>>
where
    F: Fn(usize, StateChange<'a>) -> bool + 'a,
{
    let rows = merged(parts, from, move |part, row| counts(part, parts[part].row(row)));
    rows.map(|(_, _, change)| change)
}

fn take_least<'a>(
    heap: &mut BinaryHeap<Cursor<'a>>,
    counts: &impl Fn(usize, u32) -> bool,
) -> Option<(usize, u32, StateChange<'a>)> {
    let mut least = heap.peek_mut()?;
    let taken = (least.number, least.row, least.change);
    if !least.advance(counts) {
        PeekMut::pop(least);
    }
    Some(taken)
}

/// How many rows of a part are looked at together: they lie anywhere in it, so that one alone would
/// wait for memory twice.
const AHEAD: usize = 16;

/// Where the merge is in a part.
struct Cursor<'a> {
    part: &'a ChangedRows,
    /// The part's number: of equal places the least comes first.
    number: usize,
    rest: std::slice::Iter<'a, u32>,
    /// The rows that are next, the first one last.
    ahead: Vec<(Start, u32, StateChange<'a>)>,
    row: u32,
    start: Start,
    change: StateChange<'a>,
}

impl<'a> Cursor<'a> {
    fn new(
        number: usize,
        part: &'a ChangedRows,
        from: Option<Place<'_>>,
        counts: &impl Fn(usize, u32) -> bool,
    ) -> Option<Self> {
        let start = from.map_or(0, |place| part.rows_before(place));
        let mut rest = part.order()[start..].iter();
        let mut ahead = Vec::with_capacity(AHEAD);
        let (start, row, change) = next_ahead(part, number, &mut rest, &mut ahead, counts)?;
        Some(Self { part, number, rest, ahead, row, start, change })
    }

    /// Goes on to the next row; whether there is one.
    fn advance(&mut self, counts: &impl Fn(usize, u32) -> bool) -> bool {
        let Self { part, number, rest, ahead, .. } = self;
        let Some(next) = next_ahead(part, *number, rest, ahead, counts) else { return false };
        (self.start, self.row, self.change) = next;
        true
    }
}

/// The next row of a part that counts; looks at some more of them if none was looked at.
fn next_ahead<'a>(
    part: &'a ChangedRows,
    number: usize,
    rest: &mut std::slice::Iter<'a, u32>,
    ahead: &mut Vec<(Start, u32, StateChange<'a>)>,
    counts: &impl Fn(usize, u32) -> bool,
) -> Option<(Start, u32, StateChange<'a>)> {
    if ahead.is_empty() {
        let next = rest.by_ref().filter(|row| counts(number, **row)).take(AHEAD);
        ahead.extend(next.map(|row| {
            let change = part.row(*row);
            (start_of(change.place()), *row, change)
        }));
        ahead.reverse();
    }
    ahead.pop()
}

impl Ord for Cursor<'_> {
    /// The greatest is the one whose row comes first.
    fn cmp(&self, other: &Self) -> Ordering {
        let places = self.start.cmp(&other.start);
        let places = places.then_with(|| self.change.place().cmp(&other.change.place()));
        places.then(self.number.cmp(&other.number)).reverse()
    }
}

impl PartialOrd for Cursor<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Cursor<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Cursor<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Random, SeededRandom};

    #[test]
    fn rows_are_sorted_as_their_keys_are_and_the_last_of_each_is_left() {
        let dice = SeededRandom::new(3);
        let next = |below: u64| dice.next_u64() % below;
        let (mut rows, mut left) = (ChangedRows::default(), std::collections::BTreeMap::new());
        for number in 0..1000_u32 {
            let (namespace, group) = (Namespace(next(2) as i64 - 1), KeyGroup::new(next(2) as u16));
            // Alike for long, of all lengths, some with zeros at their ends.
            let mut key = vec![7; [0, 5, 14, 30, 46, 60, 200, 100_000][next(8) as usize]];
            key.extend((0..next(4)).map(|_| next(2) as u8));
            rows.put(namespace, group, &key, Some(&number.to_be_bytes()));
            left.insert((namespace, group, key), number);
        }
        for (namespace, group, key) in left.keys() {
            let mut found = rows.with_prefix(*namespace, *group, key);
            let found = found.find(|row| row.key == key).unwrap();
            assert_eq!(
                found.value,
                Some(&left[&(*namespace, *group, key.clone())].to_be_bytes()[..])
            );
            for prefix in [&key[..key.len() / 2], key] {
                let with_prefix = rows.with_prefix(*namespace, *group, prefix);
                let expected = left
                    .keys()
                    .filter(|(n, g, key)| (n, g) == (namespace, group) && key.starts_with(prefix));
                assert!(with_prefix.map(|row| row.key).eq(expected.map(|(_, _, key)| &key[..])));
            }
        }
        let mut longer = rows.with_prefix(Namespace(0), KeyGroup::new(1), &[7; 3]);
        assert!(!longer.any(|row| row.key == [7; 3]));
        assert!(rows.with_prefix(Namespace(9), KeyGroup::new(1), &[9]).next().is_none());
        let sorted: Vec<_> = rows.sorted().map(|row| (row.place(), row.value)).collect();
        let left: Vec<_> = left.iter().map(|(place, n)| (place, n.to_be_bytes())).collect();
        assert_eq!(sorted.len(), left.len());
        for ((place, value), (expected, number)) in sorted.into_iter().zip(&left) {
            assert_eq!(place, (expected.0, expected.1, expected.2.as_slice()));
            assert_eq!(value, Some(number.as_slice()));
        }
    }
}
