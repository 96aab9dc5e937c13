//! The rows of a namespace in a hash table.

use arrow::array::{Array, BinaryArray, BooleanBufferBuilder};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};
use hashbrown::HashTable;
use sabot_core::Result;
use sabot_types::KeyGroup;
use smallvec::SmallVec;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::pages::{Pages, Place, Row, Shared, rows};

/// Rows that are looked for together: enough for the waits for memory to overlap, few enough to
/// stay in the cache.
const TOGETHER: usize = 128;
/// A sweep looks at so many pages, or at this share of all, whatever is more.
const SWEPT_PAGES: usize = 16;
const SWEEPS: usize = 64;
/// What a row takes besides its bytes, roughly.
const ROW_OVERHEAD_BYTES: u64 = 32;

/// Rows by key group and key.
#[derive(Default)]
pub(super) struct Table {
    index: HashTable<Entry>,
    pages: Pages,
    bytes: u64,
}

#[derive(Clone, Copy)]
struct Entry {
    hash: u32,
    place: Place,
}

impl Entry {
    /// What the index hashes by: it takes its tags from the top bits.
    fn spread(&self) -> u64 {
        spread(self.hash)
    }
}

fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn hash_of(group: KeyGroup, key: &[u8]) -> u32 {
    xxh3_64_with_seed(key, u64::from(group.index())) as u32
}

fn is_row(row: Row<'_>, group: KeyGroup, key: &[u8]) -> bool {
    row.group == group && row.key == key
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes + self.len() as u64 * ROW_OVERHEAD_BYTES
    }

    /// The values of `keys`; null where there is none.
    pub(super) fn get(&self, groups: &[KeyGroup], keys: &BinaryArray) -> BinaryArray {
        let mut offsets = Vec::with_capacity(groups.len() + 1);
        offsets.push(0);
        let mut values = Vec::new();
        let mut missing = Vec::new();
        let mut places: SmallVec<[_; TOGETHER]> = SmallVec::new();
        for start in (0..groups.len()).step_by(TOGETHER) {
            let part = start..groups.len().min(start + TOGETHER);
            places.clear();
            places.extend(part.clone().map(|row| {
                let hash = hash_of(groups[row], keys.value(row));
                (hash, self.candidate(hash))
            }));
            for (row, (hash, place)) in part.zip(&places) {
                let value = self.confirmed(*hash, *place, groups[row], keys.value(row));
                match value {
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

    /// Writes rows; a null value removes its key. `changed` is told each row.
    pub(super) fn put(
        &mut self,
        groups: &[KeyGroup],
        keys: &BinaryArray,
        values: &BinaryArray,
        mut changed: impl FnMut(KeyGroup, &[u8], Option<&[u8]>),
    ) {
        let mut hashes: SmallVec<[_; TOGETHER]> = SmallVec::new();
        for start in (0..groups.len()).step_by(TOGETHER) {
            let part = start..groups.len().min(start + TOGETHER);
            hashes.clear();
            hashes.extend(part.clone().map(|row| hash_of(groups[row], keys.value(row))));
            // Waits for all rows' memory at once, so that the writes below need not.
            let there = part.clone().zip(&hashes).filter(|(row, hash)| {
                let place = self.candidate(**hash);
                self.confirmed(**hash, place, groups[*row], keys.value(*row)).is_some()
            });
            let new = part.len() - there.count();
            self.index.reserve(new, Entry::spread);
            for (row, hash) in part.zip(&hashes) {
                let (group, key) = (groups[row], keys.value(row));
                let value = values.is_valid(row).then(|| values.value(row));
                match value {
                    Some(value) => self.insert(Row { group, key, value }, *hash),
                    None => self.remove(group, key, *hash),
                }
                changed(group, key, value);
            }
        }
        self.empty_sparse_pages();
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
        for (group, key) in over {
            self.remove(group, &key, hash_of(group, &key));
        }
        self.empty_sparse_pages();
        is_done
    }

    /// The rows as they are now.
    pub(super) fn freeze(&self) -> Shared {
        self.pages.share()
    }

    /// The first row with a key's hash, which is nearly always the key's, if any is.
    fn candidate(&self, hash: u32) -> Option<Place> {
        self.index.find(spread(hash), |entry| entry.hash == hash).map(|entry| entry.place)
    }

    fn confirmed(
        &self,
        hash: u32,
        candidate: Option<Place>,
        group: KeyGroup,
        key: &[u8],
    ) -> Option<&[u8]> {
        let row = self.pages.row(candidate?);
        if is_row(row, group, key) {
            return Some(row.value);
        }
        let Self { index, pages, .. } = self;
        let entry = index.find(spread(hash), |entry| {
            entry.hash == hash && is_row(pages.row(entry.place), group, key)
        });
        entry.map(|entry| pages.row(entry.place).value)
    }

    fn insert(&mut self, row: Row<'_>, hash: u32) {
        let Self { index, pages, bytes } = self;
        let found = index.find_mut(spread(hash), |entry| {
            entry.hash == hash && is_row(pages.row(entry.place), row.group, row.key)
        });
        *bytes += row.value.len() as u64;
        let Some(entry) = found else {
            *bytes += row.key.len() as u64;
            let place = pages.append(row);
            index.insert_unique(spread(hash), Entry { hash, place }, Entry::spread);
            return;
        };
        let before = entry.place;
        *bytes -= pages.row(before).value.len() as u64;
        if !pages.overwrite(before, row.value) {
            entry.place = pages.append(row);
            pages.remove(before);
        }
    }

    fn remove(&mut self, group: KeyGroup, key: &[u8], hash: u32) {
        let Self { index, pages, bytes } = self;
        let found = index.find_entry(spread(hash), |entry| {
            entry.hash == hash && is_row(pages.row(entry.place), group, key)
        });
        let Ok(entry) = found else { return };
        let (Entry { place, .. }, _) = entry.remove();
        let row = pages.row(place);
        *bytes -= (row.key.len() + row.value.len()) as u64;
        pages.remove(place);
    }

    fn empty_sparse_pages(&mut self) {
        let Self { index, pages, .. } = self;
        while pages.empty_one(|row, from, to| {
            let hash = hash_of(row.group, row.key);
            let entry = index.find_mut(spread(hash), |entry| entry.place == from);
            entry.expect("each row is in the index").place = to;
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
