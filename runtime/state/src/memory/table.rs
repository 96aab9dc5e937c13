//! The rows of a namespace in a hash table.

use std::hint::black_box;
use std::ops::Range;

use arrow::array::{Array, BinaryArray, BooleanBufferBuilder};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};
use sabot_core::Result;
use sabot_types::KeyGroup;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::index::{Hash, Index};
use super::pages::{
    LINE_BYTES, Overwrite, Pages, Place, ROW_HEADER_BYTES, Row, Shared, Writer, rows,
};

/// Rows that are looked for together: enough for the waits for memory to overlap, few enough to
/// stay in the cache.
const TOGETHER: usize = 64;
/// So many lines of a row are read ahead at the most.
const LINES_AHEAD: usize = 4;
/// A sweep looks at so many pages, or at this share of all, whatever is more.
const SWEPT_PAGES: usize = 16;
const SWEEPS: usize = 64;
/// What a row takes besides its bytes, roughly.
const ROW_OVERHEAD_BYTES: u64 = 32;

/// Rows by key group and key.
#[derive(Default)]
pub(super) struct Table {
    index: Index,
    pages: Pages,
    bytes: u64,
    /// The offsets of the last answer of one row: the next one is as long, as a rule.
    offsets_of_one: OffsetBuffer<i32>,
}

/// Rows that are looked for together.
struct Together {
    hashes: [Hash; TOGETHER],
    /// As [`Table::candidate`] says.
    candidates: [Option<Place>; TOGETHER],
}

impl Default for Together {
    fn default() -> Self {
        Self { hashes: [Hash::default(); TOGETHER], candidates: [None; TOGETHER] }
    }
}

fn hash_of(group: KeyGroup, key: &[u8]) -> Hash {
    Hash::new(xxh3_64_with_seed(key, u64::from(group.index())) as u32)
}

/// Reads the first lines from `start` on, so that they are in the cache.
fn touch(start: &[u8], lines: usize) -> u8 {
    let of = |line: usize| start.get(line * LINE_BYTES).copied().unwrap_or_default();
    (0..lines).fold(0, |read, line| read | of(line))
}

/// The same of many, with a loop for each number of lines.
fn touch_all<const LINES: usize>(starts: &[&[u8]]) -> u8 {
    starts.iter().fold(0, |read, start| read | touch(start, LINES))
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes + self.len() as u64 * ROW_OVERHEAD_BYTES
    }

    /// The values of `keys`; null where there is none.
    pub(super) fn get(&mut self, groups: &[KeyGroup], keys: &BinaryArray) -> BinaryArray {
        match groups {
            [group] => self.get_one(*group, keys.value(0)),
            _ => self.get_many(groups, keys),
        }
    }

    fn get_one(&mut self, group: KeyGroup, key: &[u8]) -> BinaryArray {
        let hash = hash_of(group, key);
        let candidate = self.candidate(hash);
        let Some(value) = self.confirmed(hash, candidate, group, key) else {
            return BinaryArray::new_null(1);
        };
        let value = value.to_vec();
        let offsets = [0, i32::try_from(value.len()).expect("a value is below 2 GiB")];
        if *self.offsets_of_one != offsets {
            self.offsets_of_one = OffsetBuffer::new(offsets.to_vec().into());
        }
        BinaryArray::new(self.offsets_of_one.clone(), Buffer::from_vec(value), None)
    }

    fn get_many(&self, groups: &[KeyGroup], keys: &BinaryArray) -> BinaryArray {
        let mut offsets = Vec::with_capacity(groups.len() + 1);
        offsets.push(0);
        let mut values = Vec::new();
        let mut missing = Vec::new();
        let mut together = Together::default();
        for start in (0..groups.len()).step_by(TOGETHER) {
            let rows = start..groups.len().min(start + TOGETHER);
            self.look_for(rows.clone(), groups, keys, &mut together);
            for (at, row) in rows.enumerate() {
                let (hash, candidate) = (together.hashes[at], together.candidates[at]);
                match self.confirmed(hash, candidate, groups[row], keys.value(row)) {
                    Some(value) => values.extend_from_slice(value),
                    None => missing.push(row),
                }
                offsets
                    .push(i32::try_from(values.len()).expect("a batch of values is below 2 GiB"));
            }
            if start == 0 {
                // The others are as long as these, for all that is known.
                values.reserve(values.len() * (groups.len() / TOGETHER));
            }
        }
        let found = (!missing.is_empty()).then(|| {
            let mut found = BooleanBufferBuilder::new(groups.len());
            found.append_n(groups.len(), true);
            for row in missing {
                found.set_bit(row, false);
            }
            NullBuffer::new(found.finish())
        });
        BinaryArray::new(OffsetBuffer::new(offsets.into()), Buffer::from_vec(values), found)
    }

    /// How many lines of a row are worth reading ahead.
    fn row_lines(&self) -> usize {
        let row_bytes = ROW_HEADER_BYTES + self.bytes as usize / self.len().max(1);
        row_bytes.div_ceil(LINE_BYTES).min(LINES_AHEAD)
    }

    /// The first row with a hash, which is nearly always the one of the key, if any is.
    fn candidate(&self, hash: Hash) -> Option<Place> {
        let candidate = self.index.first(self.index.home(hash)?, hash)?;
        // The row's lines at once: where its value is would be known only from the first one.
        black_box(touch(self.pages.from(candidate), self.row_lines()));
        Some(candidate)
    }

    /// Looks for rows, and reads them, so that they are in the cache. Each loop waits for memory
    /// for all its rows at once: the shorter it is, the more of them the processor has begun while
    /// it waits for the first one.
    fn look_for(
        &self,
        rows: Range<usize>,
        groups: &[KeyGroup],
        keys: &BinaryArray,
        together: &mut Together,
    ) {
        let Together { hashes, candidates } = together;
        let (hashes, candidates) = (&mut hashes[..rows.len()], &mut candidates[..rows.len()]);
        for (hash, row) in hashes.iter_mut().zip(rows) {
            *hash = hash_of(groups[row], keys.value(row));
        }
        let mut homes = [None; TOGETHER];
        for (home, hash) in homes.iter_mut().zip(&*hashes) {
            *home = self.index.home(*hash);
        }
        let homes = &homes[..hashes.len()];
        black_box(homes.iter().flatten().fold(0, |read, home| read | home.touch()));
        let mut starts: [&[u8]; TOGETHER] = [&[]; TOGETHER];
        for (((hash, home), candidate), start) in
            hashes.iter().zip(homes).zip(&mut *candidates).zip(&mut starts)
        {
            *candidate = home.and_then(|home| self.index.first(home, *hash));
            if let Some(place) = *candidate {
                *start = self.pages.from(place);
            }
        }
        let starts = &starts[..hashes.len()];
        black_box(match self.row_lines() {
            0 | 1 => touch_all::<1>(starts),
            2 => touch_all::<2>(starts),
            3 => touch_all::<3>(starts),
            _ => touch_all::<LINES_AHEAD>(starts),
        });
    }

    /// Writes rows; a null value removes its key. `changed` is told each row.
    pub(super) fn put(
        &mut self,
        groups: &[KeyGroup],
        keys: &BinaryArray,
        values: &BinaryArray,
        mut changed: impl FnMut(KeyGroup, &[u8], Option<&[u8]>),
    ) {
        let mut write = |change: &mut Change<'_>, row: usize, hash, candidate| {
            let (group, key) = (groups[row], keys.value(row));
            let value = values.is_valid(row).then(|| values.value(row));
            match value {
                Some(value) => change.insert(Row { group, key, value }, hash, candidate),
                None => change.remove(group, key, hash),
            }
            changed(group, key, value);
        };
        if let [group] = groups {
            let hash = hash_of(*group, keys.value(0));
            let candidate = self.candidate(hash);
            write(&mut self.change(), 0, hash, candidate);
        } else {
            let mut together = Together::default();
            for start in (0..groups.len()).step_by(TOGETHER) {
                let rows = start..groups.len().min(start + TOGETHER);
                self.look_for(rows.clone(), groups, keys, &mut together);
                let mut change = self.change();
                for (at, row) in rows.enumerate() {
                    write(&mut change, row, together.hashes[at], together.candidates[at]);
                }
            }
        }
        self.change().empty_sparse_pages();
    }

    /// Removes the rows whose values are `expired` from some pages, beginning with `page`, which
    /// becomes the next one; whether all were swept.
    pub(super) fn sweep(&mut self, page: &mut usize, expired: &dyn Fn(&[u8]) -> bool) -> bool {
        let pages = self.pages.share();
        let end = pages.len().min(*page + SWEPT_PAGES.max(pages.len() / SWEEPS));
        let swept = pages[(*page).min(end)..end].iter().flat_map(|page| rows(page));
        let over = swept.filter(|(_, row)| expired(row.value));
        let over: Vec<_> = over.map(|(_, row)| (row.group, row.key.to_vec())).collect();
        *page = end;
        let is_done = end == pages.len();
        // Pages that are shared would be copied.
        drop(pages);
        let mut change = self.change();
        for (group, key) in over {
            change.remove(group, &key, hash_of(group, &key));
        }
        change.empty_sparse_pages();
        is_done
    }

    /// The rows as they are now.
    pub(super) fn freeze(&self) -> Shared {
        self.pages.share()
    }

    fn confirmed(
        &self,
        hash: Hash,
        candidate: Option<Place>,
        group: KeyGroup,
        key: &[u8],
    ) -> Option<&[u8]> {
        let value = self.pages.value(candidate?, group, key);
        if value.is_some() {
            return value;
        }
        let mut value = None;
        self.index.find(hash, |place| {
            value = self.pages.value(place, group, key);
            value.is_some()
        });
        value
    }

    fn change(&mut self) -> Change<'_> {
        let Self { index, pages, bytes, .. } = self;
        Change { index, pages: pages.write(), bytes }
    }
}

/// A table while rows are written.
struct Change<'a> {
    index: &'a mut Index,
    pages: Writer<'a>,
    bytes: &'a mut u64,
}

impl Change<'_> {
    /// Writes a row, which is at `candidate` if it is anywhere, nearly always.
    fn insert(&mut self, row: Row<'_>, hash: Hash, candidate: Option<Place>) {
        *self.bytes += row.value.len() as u64;
        if candidate.is_some_and(|place| self.overwrite(row, hash, place)) {
            return;
        }
        let is_row = |place| self.pages.value_len(place, row.group, row.key).is_some();
        if self.index.find(hash, is_row).is_some_and(|place| self.overwrite(row, hash, place)) {
            return;
        }
        *self.bytes += row.key.len() as u64;
        let place = self.pages.append(row);
        self.index.insert(hash, place);
    }

    /// Writes a row that is at `place` as it seems; whether it is.
    fn overwrite(&mut self, row: Row<'_>, hash: Hash, place: Place) -> bool {
        let before = match self.pages.overwrite(place, row) {
            Overwrite::Done { before } => before,
            Overwrite::NoRoom { before } => {
                let to = self.pages.append(row);
                self.index.replace(hash, place, to);
                self.pages.remove(place);
                before
            }
            Overwrite::OtherRow => return false,
        };
        *self.bytes -= before as u64;
        true
    }

    fn remove(&mut self, group: KeyGroup, key: &[u8], hash: Hash) {
        let mut value_len = 0;
        let found = self.index.find(hash, |place| {
            let found = self.pages.value_len(place, group, key);
            value_len = found.unwrap_or_default();
            found.is_some()
        });
        let Some(place) = found else { return };
        *self.bytes -= (key.len() + value_len) as u64;
        self.index.remove(hash, place);
        self.pages.remove(place);
    }

    fn empty_sparse_pages(&mut self) {
        let Self { index, pages, .. } = self;
        while pages.empty_one(|row, from, to| {
            index.replace(hash_of(row.group, row.key), from, to);
        }) {}
    }
}

/// Visits the rows of `pages` in the order of key group and key.
pub(super) fn visit_sorted(
    pages: &Shared,
    mut visit: impl FnMut(Row<'_>) -> Result<()>,
) -> Result<()> {
    let mut sorted: Vec<_> = pages
        .iter()
        .flat_map(|page| rows(page))
        .map(|(_, row)| ((row.group.index(), beginning(row.key)), row))
        .collect();
    sorted
        .sort_unstable_by(|(a, row_a), (b, row_b)| a.cmp(b).then_with(|| row_a.key.cmp(row_b.key)));
    sorted.into_iter().try_for_each(|(_, row)| visit(row))
}

/// The first bytes of a key as a number that orders as they do: most comparisons need no more.
fn beginning(key: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    let len = key.len().min(8);
    bytes[..len].copy_from_slice(&key[..len]);
    u64::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use sabot_core::{Random, SeededRandom};

    use super::*;

    fn put(table: &mut Table, numbers: std::ops::Range<u32>, value: Option<&[u8]>) {
        let groups: Vec<_> = numbers.clone().map(|n| KeyGroup::new((n % 7) as u16)).collect();
        let keys = BinaryArray::from_iter_values(numbers.clone().map(u32::to_be_bytes));
        let values: BinaryArray = numbers.map(|_| value).collect();
        table.put(&groups, &keys, &values, |_, _, _| ());
    }

    fn held(table: &Table) -> usize {
        table.pages.share().iter().map(|page| page.len()).sum()
    }

    #[test]
    fn pages_of_rows_that_are_gone_are_used_again() {
        let mut table = Table::default();
        put(&mut table, 0..10_000, Some(&[1; 100]));
        let full = held(&table);
        for round in 1..20 {
            put(&mut table, (round - 1) * 10_000..round * 10_000, None);
            put(&mut table, round * 10_000..(round + 1) * 10_000, Some(&[2; 100]));
        }
        assert_eq!(table.len(), 10_000);
        assert!(held(&table) < full * 2, "{} of {full} bytes", held(&table));
    }

    #[test]
    fn a_few_rows_that_stay_keep_no_pages() {
        let mut table = Table::default();
        for round in 0..100 {
            put(&mut table, round * 1000..(round + 1) * 1000, Some(&[1; 100]));
            put(&mut table, round * 1000 + 1..(round + 1) * 1000, None);
        }
        assert_eq!(table.len(), 100);
        assert!(held(&table) < 3 * (64 << 10), "{} bytes", held(&table));
    }

    #[test]
    fn values_that_grow_leave_no_more_than_half_a_page_unused() {
        let mut table = Table::default();
        for len in 1..40 {
            put(&mut table, 0..5_000, Some(&vec![3; len * 10]));
        }
        let rows = table.len() * (14 + 4 + 390);
        assert!(held(&table) <= rows * 2 + (64 << 10), "{} of {rows} bytes", held(&table));
        let keys = BinaryArray::from_iter_values([7_u32.to_be_bytes()]);
        assert_eq!(table.get(&[KeyGroup::new(0)], &keys).value(0), vec![3; 390]);
    }

    #[test]
    fn the_size_is_that_of_the_rows_that_are_there() {
        let mut table = Table::default();
        put(&mut table, 0..2, Some(b"1"));
        put(&mut table, 1..2, Some(&[7; 100]));
        put(&mut table, 0..1, Some(&[7; 100]));
        put(&mut table, 0..1, Some(b""));
        assert_eq!(table.bytes(), 2 * (4 + ROW_OVERHEAD_BYTES) + 100);
        put(&mut table, 0..2, None);
        assert_eq!(table.bytes(), 0);
    }

    #[test]
    fn random_rows_match_a_map_while_states_are_frozen() {
        let dice = SeededRandom::new(5);
        let next = |below: u64| dice.next_u64() % below;
        let mut table = Table::default();
        let (mut expected, mut frozen) = (Model::new(), Vec::new());
        for round in 0..120_u64 {
            let mut rows = Vec::new();
            for _ in 0..next(2000) {
                let number = next(30_000);
                let key = [&number.to_le_bytes()[..], &vec![7; number as usize % 50]].concat();
                // Some rows are larger than a page.
                let len = if next(2000) == 0 { 70_000 } else { next(200) };
                let value = (next(4) > 0).then(|| vec![round as u8; len as usize]);
                rows.push(((number % 3) as u16, key, value));
            }
            let groups: Vec<_> = rows.iter().map(|row| KeyGroup::new(row.0)).collect();
            let keys = BinaryArray::from_iter_values(rows.iter().map(|row| &row.1));
            let values: BinaryArray = rows.iter().map(|row| row.2.as_deref()).collect();
            table.put(&groups, &keys, &values, |_, _, _| ());
            for (group, key, value) in rows {
                match value {
                    Some(value) => expected.insert((group, key), value),
                    None => expected.remove(&(group, key)),
                };
            }
            let found = table.get(&groups, &keys);
            for ((group, key), found) in groups.iter().zip(&keys).zip(&found) {
                let place = (group.index(), key.unwrap().to_vec());
                assert_eq!(found, expected.get(&place).map(Vec::as_slice));
                let one = BinaryArray::from_iter_values(key);
                assert_eq!(table.get(&[*group], &one).iter().next().unwrap(), found);
            }
            let bytes = |((_, key), value): (&(u16, Vec<u8>), &Vec<u8>)| key.len() + value.len();
            assert_eq!(table.bytes, expected.iter().map(bytes).sum::<usize>() as u64);
            if round % 7 == 0 {
                frozen.push((table.freeze(), expected.clone()));
            }
            if round % 10 == 9 {
                check_frozen(&frozen.swap_remove(next(frozen.len() as u64) as usize));
            }
        }
        assert!(table.len() > 10_000, "{} rows", table.len());
        frozen.push((table.freeze(), expected));
        frozen.iter().for_each(check_frozen);
    }

    /// Values by key group and key.
    type Model = BTreeMap<(u16, Vec<u8>), Vec<u8>>;

    fn check_frozen((pages, expected): &(Shared, Model)) {
        let mut expected = expected.iter();
        let visited = visit_sorted(pages, |Row { group, key, value }| {
            let ((expected_group, expected_key), expected_value) = expected.next().unwrap();
            assert_eq!((group.index(), key), (*expected_group, &expected_key[..]));
            assert_eq!(value, expected_value);
            Ok(())
        });
        visited.unwrap();
        assert!(expected.next().is_none());
    }

    #[test]
    fn keys_of_one_hash_are_told_apart() {
        // 300,000 keys have about ten pairs whose 32 bits of hash are equal.
        let mut table = Table::default();
        for start in (0..300_000).step_by(1000) {
            put(&mut table, start..start + 1000, Some(&start.to_be_bytes()));
        }
        assert_eq!(table.len(), 300_000);
        let groups: Vec<_> = (0..300_000).map(|n| KeyGroup::new((n % 7) as u16)).collect();
        let keys = BinaryArray::from_iter_values((0..300_000_u32).map(u32::to_be_bytes));
        let values = table.get(&groups, &keys);
        for (n, value) in values.iter().enumerate() {
            assert_eq!(value.unwrap(), (n as u32 / 1000 * 1000).to_be_bytes());
        }
    }
}
