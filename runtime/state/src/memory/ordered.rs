//! The rows of a namespace in order, for states that are looked up by the beginnings of keys.

use std::ops::{Bound, ControlFlow};

use arrow::array::{BinaryArray, BinaryBuilder};
use imbl::OrdMap;
use sabot_core::Result;
use sabot_core::state::PrefixVisitor;
use sabot_types::KeyGroup;

use super::bytes::SmallBytes;
use super::pages::Row;

/// A sweep looks at so many rows, or at this share of all, whatever is more.
const SWEPT_ROWS: usize = 4096;
const SWEEPS: usize = 64;
/// What a row takes in the map besides its bytes, roughly.
const ROW_OVERHEAD_BYTES: u64 = 2 * size_of::<SmallBytes>() as u64;

/// Rows by key group (big-endian) and key. A persistent map: clones share their nodes, and writes
/// copy those that they touch.
#[derive(Clone, Default)]
pub(super) struct Ordered {
    rows: OrdMap<SmallBytes, SmallBytes>,
    bytes: u64,
}

impl Ordered {
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn get(&self, groups: &[KeyGroup], keys: &BinaryArray) -> BinaryArray {
        let mut values = BinaryBuilder::new();
        let mut row_key = Vec::new();
        for (row, group) in groups.iter().enumerate() {
            write_row_key(*group, keys.value(row), &mut row_key);
            values.append_option(self.rows.get(row_key.as_slice()).map(SmallBytes::as_slice));
        }
        values.finish()
    }

    /// Writes a row, or removes it where `value` is none; `row_key` is for its key.
    pub(super) fn put(
        &mut self,
        group: KeyGroup,
        key: &[u8],
        value: Option<&[u8]>,
        row_key: &mut Vec<u8>,
    ) {
        write_row_key(group, key, row_key);
        let key_bytes = row_key.len() as u64 + ROW_OVERHEAD_BYTES;
        let before = match value {
            Some(value) => {
                self.bytes += value.len() as u64 + key_bytes;
                self.rows.insert(SmallBytes::new(row_key), SmallBytes::new(value))
            }
            None => self.rows.remove(row_key.as_slice()),
        };
        if let Some(before) = before {
            self.bytes -= before.as_slice().len() as u64 + key_bytes;
        }
    }

    pub(super) fn visit(&self, mut visit: impl FnMut(Row<'_>) -> Result<()>) -> Result<()> {
        self.rows.iter().try_for_each(|(row_key, value)| {
            let (group, key) = split_row_key(row_key.as_slice());
            visit(Row { group, key, value: value.as_slice() })
        })
    }

    /// Removes some rows whose values are `expired`, beginning with the key `from`, which becomes
    /// the next one; whether all were swept.
    pub(super) fn sweep(&mut self, from: &mut Vec<u8>, expired: &dyn Fn(&[u8]) -> bool) -> bool {
        let mut left = SWEPT_ROWS.max(self.rows.len() / SWEEPS);
        let (mut gone, mut next) = (Vec::new(), None);
        let range = (Bound::Included(from.as_slice()), Bound::Unbounded);
        for (row_key, value) in self.rows.range::<_, [u8]>(range) {
            if left == 0 {
                next = Some(row_key.as_slice().to_vec());
                break;
            }
            left -= 1;
            if expired(value.as_slice()) {
                gone.push(row_key.clone());
            }
        }
        let mut scratch = Vec::new();
        for row_key in gone {
            let (group, key) = split_row_key(row_key.as_slice());
            self.put(group, key, None, &mut scratch);
        }
        let is_done = next.is_none();
        *from = next.unwrap_or_default();
        is_done
    }

    pub(super) fn scan_prefixes(
        &self,
        groups: &[KeyGroup],
        prefixes: &BinaryArray,
        visit: PrefixVisitor<'_>,
    ) -> Result<()> {
        let mut prefix = Vec::new();
        for (index, group) in groups.iter().enumerate() {
            write_row_key(*group, prefixes.value(index), &mut prefix);
            let from = (Bound::Included(prefix.as_slice()), Bound::Unbounded);
            for (row_key, value) in self.rows.range::<_, [u8]>(from) {
                let Some(rest) = row_key.as_slice().strip_prefix(prefix.as_slice()) else { break };
                if let ControlFlow::Break(()) = visit(index, rest, value.as_slice())? {
                    break;
                }
            }
        }
        Ok(())
    }
}

fn write_row_key(group: KeyGroup, key: &[u8], out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(&group.index().to_be_bytes());
    out.extend_from_slice(key);
}

fn split_row_key(row_key: &[u8]) -> (KeyGroup, &[u8]) {
    let (group, key) = row_key.split_at(2);
    (KeyGroup::new(u16::from_be_bytes([group[0], group[1]])), key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_is_that_of_the_rows_that_are_there() {
        let (mut rows, mut row_key) = (Ordered::default(), Vec::new());
        let long = [7; 100];
        for (key, value) in [(b"a", &b"1"[..]), (b"b", &long), (b"a", &long), (b"b", b"2")] {
            rows.put(KeyGroup::new(1), key, Some(value), &mut row_key);
        }
        assert_eq!(rows.bytes(), 2 * (3 + ROW_OVERHEAD_BYTES) + 101);
        for key in [b"a", b"b", b"c"] {
            rows.put(KeyGroup::new(1), key, None, &mut row_key);
        }
        assert_eq!(rows.bytes(), 0);
    }
}
