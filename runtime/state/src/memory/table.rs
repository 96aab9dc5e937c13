//! The rows of a namespace in a hash table.

use std::hint::black_box;
use std::ops::Range;

use arrow::array::{Array, BinaryArray, BinaryBuilder, BooleanBufferBuilder};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};
use sabot_core::Result;
use sabot_core::state::PrefixVisitor;
use sabot_types::KeyGroup;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::beginnings::Beginnings;
use super::index::{Hash, Index};
use super::pages::{LINE_BYTES, Overwrite, Pages, Place, ROW_HEADER_BYTES, Row, SharedPage, rows};

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
    /// Once rows were looked for by what their keys begin with.
    beginnings: Option<Box<Beginnings>>,
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

pub(super) fn hash_of(group: KeyGroup, key: &[u8]) -> Hash {
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
        let beginnings = self.beginnings.as_ref().map_or(0, |beginnings| beginnings.bytes());
        self.bytes + self.len() as u64 * ROW_OVERHEAD_BYTES + beginnings as u64
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
        let mut write = |table: &mut Self, row: usize, hash, candidate| {
            let (group, key) = (groups[row], keys.value(row));
            let value = values.is_valid(row).then(|| values.value(row));
            match value {
                Some(value) => table.insert(Row { group, key, value }, hash, candidate),
                None => table.remove(group, key, hash),
            }
            changed(group, key, value);
        };
        if let [group] = groups {
            let hash = hash_of(*group, keys.value(0));
            let candidate = self.candidate(hash);
            write(self, 0, hash, candidate);
        } else {
            let mut together = Together::default();
            for start in (0..groups.len()).step_by(TOGETHER) {
                let rows = start..groups.len().min(start + TOGETHER);
                self.look_for(rows.clone(), groups, keys, &mut together);
                for (at, row) in rows.enumerate() {
                    write(self, row, together.hashes[at], together.candidates[at]);
                }
            }
        }
        self.empty_sparse_pages();
    }

    /// Removes the rows whose values are `expired` from some pages, beginning with `page`, which
    /// becomes the next one; whether all were swept.
    pub(super) fn sweep(&mut self, page: &mut usize, expired: &dyn Fn(&[u8]) -> bool) -> bool {
        let pages = self.pages.iter();
        let end = pages.len().min(*page + SWEPT_PAGES.max(pages.len() / SWEEPS));
        let start = (*page).min(end);
        let is_done = end == pages.len();
        let swept = pages.skip(start).take(end - start).flat_map(rows);
        let over = swept.filter(|(_, row)| expired(row.value));
        let over: Vec<_> = over.map(|(_, row)| (row.group, row.key.to_vec())).collect();
        *page = end;
        for (group, key) in over {
            self.remove(group, &key, hash_of(group, &key));
        }
        self.empty_sparse_pages();
        is_done
    }

    /// The rows as they are now.
    pub(super) fn freeze(&mut self) -> Vec<SharedPage> {
        self.pages.share()
    }

    /// Visits the rows in the order of key group and key.
    pub(super) fn visit(&self, visit: impl FnMut(Row<'_>) -> Result<()>) -> Result<()> {
        visit_sorted(self.pages.iter(), visit)
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

    /// Has rows be found by their keys without the last `suffix_bytes`.
    pub(super) fn keep_beginnings(&mut self, suffix_bytes: usize) {
        if self.beginnings.is_none() {
            let mut beginnings = Beginnings::new(suffix_bytes);
            for (_, row) in self.pages.iter().flat_map(rows) {
                beginnings.add(row.group, row.key);
            }
            self.beginnings = Some(Box::new(beginnings));
        }
    }

    /// Visits rows by what their keys begin with, as `StateBackend::scan_prefixes` does.
    pub(super) fn scan_beginnings(
        &self,
        groups: &[KeyGroup],
        prefixes: &BinaryArray,
        visit: PrefixVisitor<'_>,
    ) -> Result<()> {
        let Some(beginnings) = &self.beginnings else { return Ok(()) };
        let mut wanted = Wanted::default();
        for (index, group) in groups.iter().enumerate() {
            let prefix = prefixes.value(index);
            for suffix in beginnings.suffixes(*group, prefix).iter() {
                wanted.push(index, *group, prefix, suffix);
                if wanted.groups.len() == Wanted::ROWS {
                    self.visit_wanted(&mut wanted, visit)?;
                    if wanted.done == Some(index) {
                        break;
                    }
                }
            }
        }
        self.visit_wanted(&mut wanted, visit)
    }

    fn visit_wanted(&self, wanted: &mut Wanted, visit: PrefixVisitor<'_>) -> Result<()> {
        let mut together = Together::default();
        let keys = std::mem::take(&mut wanted.keys).finish();
        for start in (0..keys.len()).step_by(TOGETHER) {
            let rows = start..keys.len().min(start + TOGETHER);
            self.look_for(rows.clone(), &wanted.groups, &keys, &mut together);
            for (at, row) in rows.enumerate() {
                let (index, suffix) = wanted.of[row];
                if wanted.done == Some(index) {
                    continue;
                }
                let (hash, candidate) = (together.hashes[at], together.candidates[at]);
                let key = keys.value(row);
                // What is not there any more may still be known by its beginning.
                let found = self.confirmed(hash, candidate, wanted.groups[row], key);
                let Some(value) = found else { continue };
                if visit(index, &key[suffix..], value)?.is_break() {
                    wanted.done = Some(index);
                }
            }
        }
        wanted.groups.clear();
        wanted.of.clear();
        Ok(())
    }

    /// Writes a row, which is at `candidate` if it is anywhere, nearly always.
    fn insert(&mut self, row: Row<'_>, hash: Hash, candidate: Option<Place>) {
        self.bytes += row.value.len() as u64;
        if candidate.is_some_and(|place| self.overwrite(row, hash, place)) {
            return;
        }
        let is_row = |place| self.pages.value(place, row.group, row.key).is_some();
        if self.index.find(hash, is_row).is_some_and(|place| self.overwrite(row, hash, place)) {
            return;
        }
        self.bytes += row.key.len() as u64;
        let place = self.pages.append(row);
        self.index.insert(hash, place);
        if let Some(beginnings) = &mut self.beginnings {
            beginnings.add(row.group, row.key);
        }
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
        self.bytes -= before as u64;
        true
    }

    fn remove(&mut self, group: KeyGroup, key: &[u8], hash: Hash) {
        let Self { index, pages, beginnings, bytes, .. } = self;
        let mut value_len = 0;
        let found = index.find(hash, |place| {
            let value = pages.value(place, group, key);
            value_len = value.map_or(0, <[u8]>::len);
            value.is_some()
        });
        let Some(place) = found else { return };
        *bytes -= (key.len() + value_len) as u64;
        index.remove(hash, place);
        pages.remove(place);
        if let Some(beginnings) = beginnings {
            beginnings.remove(group, key, |key| {
                let is_row = |place| pages.value(place, group, key).is_some();
                index.find(hash_of(group, key), is_row).is_some()
            });
        }
    }

    fn empty_sparse_pages(&mut self) {
        let Self { index, pages, .. } = self;
        while pages.empty_one(|row, from, to| {
            index.replace(hash_of(row.group, row.key), from, to);
        }) {}
    }
}

/// Rows to be visited.
#[derive(Default)]
struct Wanted {
    groups: Vec<KeyGroup>,
    keys: BinaryBuilder,
    /// Which beginning each is of, and where in its key that ends.
    of: Vec<(usize, usize)>,
    /// The beginning of which no more rows are wanted.
    done: Option<usize>,
    /// Room for a key.
    key: Vec<u8>,
}

impl Wanted {
    /// How many there are at once.
    const ROWS: usize = 8 * TOGETHER;

    fn push(&mut self, index: usize, group: KeyGroup, prefix: &[u8], suffix: &[u8]) {
        self.key.clear();
        self.key.extend_from_slice(prefix);
        self.key.extend_from_slice(suffix);
        self.groups.push(group);
        self.keys.append_value(&self.key);
        self.of.push((index, prefix.len()));
    }
}

/// Visits the rows of `pages` in the order of key group and key.
pub(super) fn visit_sorted<'a>(
    pages: impl Iterator<Item = &'a [u8]>,
    mut visit: impl FnMut(Row<'_>) -> Result<()>,
) -> Result<()> {
    let mut sorted: Vec<_> = pages
        .flat_map(rows)
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
mod tests;
