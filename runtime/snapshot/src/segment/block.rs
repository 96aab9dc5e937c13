//! A block: rows of one state and namespace, column by column.
//!
//! First the key groups (2 bytes a row), the keys' lengths, the values' lengths (4 bytes a row each)
//! and the keys, compressed: how many bytes they have uncompressed and compressed (4 bytes each), then
//! these. Then the values, compressed where that saves an eighth. A row that was removed has a length
//! instead that no value has. Up to version 2 all of it was compressed as one.

use arrow::array::{Array, BinaryArray};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use sabot_types::KeyGroup;

/// Stands for the length of the value of a row that was removed.
const REMOVED: u32 = u32::MAX;

/// Rows that are being collected.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) groups: Vec<u16>,
    key_lengths: Vec<u32>,
    value_lengths: Vec<u32>,
    keys: Vec<u8>,
    values: Vec<u8>,
}

impl Rows {
    pub(super) fn push(&mut self, group: KeyGroup, key: &[u8], value: Option<&[u8]>) {
        self.groups.push(group.index());
        self.key_lengths.push(key.len() as u32);
        self.value_lengths.push(value.map_or(REMOVED, |value| value.len() as u32));
        self.keys.extend_from_slice(key);
        self.values.extend_from_slice(value.unwrap_or_default());
    }

    /// The rows in order: key group, key, value; none where it was removed.
    pub(super) fn iter(&self) -> impl Iterator<Item = (KeyGroup, &[u8], Option<&[u8]>)> {
        let lengths = self.key_lengths.iter().zip(&self.value_lengths);
        let (mut keys, mut values) = (&self.keys[..], &self.values[..]);
        self.groups.iter().zip(lengths).map(move |(group, (key_bytes, value_bytes))| {
            let (key, rest) = keys.split_at(*key_bytes as usize);
            keys = rest;
            let value = (*value_bytes != REMOVED).then(|| {
                let (value, rest) = values.split_at(*value_bytes as usize);
                values = rest;
                value
            });
            (KeyGroup::new(*group), key, value)
        })
    }

    pub(super) fn bytes(&self) -> usize {
        self.groups.len() * 10 + self.keys.len() + self.values.len()
    }

    pub(super) fn clear(&mut self) {
        self.groups.clear();
        self.key_lengths.clear();
        self.value_lengths.clear();
        self.keys.clear();
        self.values.clear();
    }
}

/// Compresses blocks.
#[derive(Debug, Default)]
pub(super) struct Packer {
    raw: Vec<u8>,
    packed: Vec<u8>,
    /// How many blocks follow whose values are not tried: those before them could not be compressed.
    untried: u32,
}

/// Blocks of the same state that are not tried after one that could not be compressed: texts of
/// which nothing comes twice take as long as others.
const UNTRIED: u32 = 7;

impl Packer {
    /// Blocks of another state follow.
    pub(super) fn try_again(&mut self) {
        self.untried = 0;
    }

    /// Appends a block; how many bytes it has uncompressed.
    pub(super) fn pack(&mut self, rows: &Rows, out: &mut Vec<u8>) -> usize {
        let Self { raw, packed, untried } = self;
        raw.clear();
        raw.extend(rows.groups.iter().flat_map(|group| group.to_le_bytes()));
        raw.extend(rows.key_lengths.iter().flat_map(|length| length.to_le_bytes()));
        raw.extend(rows.value_lengths.iter().flat_map(|length| length.to_le_bytes()));
        raw.extend_from_slice(&rows.keys);
        let head = compress(raw, packed);
        out.extend((raw.len() as u32).to_le_bytes());
        out.extend((head.len() as u32).to_le_bytes());
        out.extend_from_slice(head);
        let values = &rows.values;
        let tried = match untried.checked_sub(1) {
            Some(left) => {
                *untried = left;
                None
            }
            None => Some(compress(values, packed)),
        };
        match tried {
            Some(packed) if packed.len() < values.len() - values.len() / 8 => {
                out.extend_from_slice(packed);
            }
            tried => {
                if tried.is_some() && !values.is_empty() {
                    *untried = UNTRIED;
                }
                out.extend_from_slice(values);
            }
        }
        raw.len() + values.len()
    }
}

fn compress<'p>(raw: &[u8], packed: &'p mut Vec<u8>) -> &'p [u8] {
    let most = lz4_flex::block::get_maximum_output_size(raw.len());
    packed.resize(packed.len().max(most), 0);
    // Fails only where there is less room than that.
    let bytes =
        lz4_flex::block::compress_into(raw, packed).expect("there is room for the largest output");
    &packed[..bytes]
}

/// A block as read.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) groups: Vec<KeyGroup>,
    pub(super) keys: BinaryArray,
    pub(super) values: BinaryArray,
}

/// Reads a block of `rows` rows, which was written by a version; the error says what does not fit.
pub(super) fn decode(
    version: u32,
    stored: &[u8],
    raw_bytes: usize,
    rows: usize,
) -> Result<Block, String> {
    let raw = match version {
        ..=2 => {
            lz4_flex::block::decompress(stored, raw_bytes).map_err(|error| error.to_string())?
        }
        _ => unpack(stored, raw_bytes)?,
    };
    let fixed = rows.checked_mul(10).filter(|fixed| *fixed <= raw.len());
    let (Some(fixed), true) = (fixed, raw.len() == raw_bytes) else {
        return Err(format!("a block of {} bytes cannot hold {rows} rows", raw.len()));
    };
    let groups = raw[..rows * 2]
        .as_chunks::<2>()
        .0
        .iter()
        .map(|bytes| KeyGroup::new(u16::from_le_bytes(*bytes)))
        .collect();
    let keys = offsets(&raw[rows * 2..rows * 6])?;
    let lengths = &raw[rows * 6..fixed];
    let removed: Vec<_> = lengths
        .as_chunks::<4>()
        .0
        .iter()
        .map(|bytes| u32::from_le_bytes(*bytes) == REMOVED)
        .collect();
    let nulls = removed
        .contains(&true)
        .then(|| removed.iter().map(|removed| !removed).collect::<NullBuffer>());
    let values = offsets(lengths)?;
    let key_bytes = keys[rows] as usize;
    if fixed + key_bytes + values[rows] as usize != raw.len() {
        return Err("the lengths of a block's rows do not add up".to_owned());
    }
    let buffer = Buffer::from_vec(raw);
    let column = |offsets: Vec<i32>, start: usize, length: usize, nulls: Option<NullBuffer>| {
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        BinaryArray::try_new(offsets, buffer.slice_with_length(start, length), nulls)
            .map_err(|error| error.to_string())
    };
    let value_bytes = values[rows] as usize;
    let keys = column(keys, fixed, key_bytes, None)?;
    let values = column(values, fixed + key_bytes, value_bytes, nulls)?;
    debug_assert_eq!(keys.len(), values.len());
    Ok(Block { groups, keys, values })
}

fn unpack(stored: &[u8], raw_bytes: usize) -> Result<Vec<u8>, String> {
    let wrong = || "the parts of a block do not fit it".to_owned();
    let (sizes, parts) = stored.split_first_chunk::<8>().ok_or_else(wrong)?;
    let size = |at: usize| {
        u32::from_le_bytes([sizes[at], sizes[at + 1], sizes[at + 2], sizes[at + 3]]) as usize
    };
    let (head, values) = parts.split_at_checked(size(4)).ok_or_else(wrong)?;
    let mut raw = vec![0; raw_bytes];
    let (raw_head, raw_values) = raw.split_at_mut_checked(size(0)).ok_or_else(wrong)?;
    let decompress = |packed: &[u8], raw: &mut [u8]| {
        let bytes = lz4_flex::block::decompress_into(packed, raw).map_err(|e| e.to_string())?;
        if bytes == raw.len() { Ok(()) } else { Err(wrong()) }
    };
    decompress(head, raw_head)?;
    if values.len() == raw_values.len() {
        raw_values.copy_from_slice(values);
    } else {
        decompress(values, raw_values)?;
    }
    Ok(raw)
}

fn offsets(lengths: &[u8]) -> Result<Vec<i32>, String> {
    let mut end = 0_i32;
    let mut offsets = Vec::with_capacity(lengths.len() / 4 + 1);
    offsets.push(0);
    for bytes in lengths.as_chunks::<4>().0 {
        let length = u32::from_le_bytes(*bytes);
        end = i32::try_from(if length == REMOVED { 0 } else { length })
            .ok()
            .and_then(|length| end.checked_add(length))
            .ok_or("the lengths of a block's rows are too large")?;
        offsets.push(end);
    }
    Ok(offsets)
}

#[cfg(test)]
mod tests {
    use arrow::array::Array;

    use super::*;

    fn rows(value: impl Fn(u32) -> Option<Vec<u8>>) -> Rows {
        let mut rows = Rows::default();
        for n in 0..1000_u32 {
            rows.push(KeyGroup::new(3), &n.to_be_bytes(), value(n).as_deref());
        }
        rows
    }

    fn random(n: u32) -> Option<Vec<u8>> {
        (!n.is_multiple_of(7))
            .then(|| xxhash_rust::xxh3::xxh3_128(&n.to_le_bytes()).to_le_bytes().to_vec())
    }

    fn check(stored: &[u8], raw_bytes: usize, rows: &Rows) {
        let block = decode(3, stored, raw_bytes, 1000).unwrap();
        let read = (0..1000).map(|row| {
            let value = block.values.is_valid(row).then(|| block.values.value(row));
            (block.groups[row], block.keys.value(row), value)
        });
        assert!(read.eq(rows.iter()));
    }

    #[test]
    fn values_that_do_not_compress_are_stored_as_they_are_and_not_always_tried() {
        let (random, alike) = (rows(random), rows(|_| Some(vec![7; 16])));
        let mut packer = Packer::default();
        let mut pack = |rows: &Rows| {
            let mut stored = Vec::new();
            let raw_bytes = packer.pack(rows, &mut stored);
            check(&stored, raw_bytes, rows);
            stored.len()
        };
        assert!(pack(&alike) < 10_000, "keys and values");
        let plain = pack(&random);
        assert!((random.values.len()..random.values.len() + 10_000).contains(&plain));
        // The next ones are not tried, for some time.
        let tries: Vec<bool> = (0..10).map(|_| pack(&alike) < 10_000).collect();
        assert_eq!(tries.iter().position(|tried| *tried), Some(UNTRIED as usize));
        assert_eq!(pack(&random), plain);
        packer.try_again();
        let mut stored = Vec::new();
        packer.pack(&alike, &mut stored);
        assert!(stored.len() < 10_000);
    }

    #[test]
    fn rows_without_values_are_rows() {
        for rows in [rows(|_| None), rows(|_| Some(Vec::new()))] {
            let mut stored = Vec::new();
            let raw_bytes = Packer::default().pack(&rows, &mut stored);
            check(&stored, raw_bytes, &rows);
        }
    }

    #[test]
    fn blocks_of_version_2_are_read() {
        let rows = rows(random);
        let mut raw: Vec<u8> = rows.groups.iter().flat_map(|group| group.to_le_bytes()).collect();
        for lengths in [&rows.key_lengths, &rows.value_lengths] {
            raw.extend(lengths.iter().flat_map(|length| length.to_le_bytes()));
        }
        raw.extend([&rows.keys[..], &rows.values].concat());
        let stored = lz4_flex::block::compress(&raw);
        let block = decode(2, &stored, raw.len(), 1000).unwrap();
        assert_eq!(block.keys.value(999), 999_u32.to_be_bytes());
        assert!(decode(3, &stored, raw.len(), 1000).is_err());
    }

    #[test]
    fn parts_that_do_not_fit_are_errors() {
        let rows = rows(random);
        let mut stored = Vec::new();
        let raw_bytes = Packer::default().pack(&rows, &mut stored);
        for end in [0, 7, 8, 100, stored.len() - 1] {
            assert!(decode(3, &stored[..end], raw_bytes, 1000).is_err(), "{end}");
        }
        for wrong in [0, 8, raw_bytes - 1, raw_bytes + 1] {
            assert!(decode(3, &stored, wrong, 1000).is_err(), "{wrong}");
        }
        for at in [0, 4] {
            let mut bad = stored.clone();
            bad[at + 3] = 0xFF;
            assert!(decode(3, &bad, raw_bytes, 1000).is_err());
        }
    }
}
