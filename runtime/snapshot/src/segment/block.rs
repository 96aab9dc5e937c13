//! A block: rows of one state and namespace, column by column, compressed as one.
//!
//! Uncompressed: the key groups (2 bytes a row), the keys' lengths, the values' lengths (4 bytes a
//! row each), the keys, the values. A row that was removed has a length instead that no value has.

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

    /// The block's bytes before compression.
    pub(super) fn lay_out(&self, out: &mut Vec<u8>) {
        out.clear();
        out.reserve(self.bytes());
        out.extend(self.groups.iter().flat_map(|group| group.to_le_bytes()));
        out.extend(self.key_lengths.iter().flat_map(|length| length.to_le_bytes()));
        out.extend(self.value_lengths.iter().flat_map(|length| length.to_le_bytes()));
        out.extend_from_slice(&self.keys);
        out.extend_from_slice(&self.values);
    }
}

/// A block as read.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) groups: Vec<KeyGroup>,
    pub(super) keys: BinaryArray,
    pub(super) values: BinaryArray,
}

/// Reads a block of `rows` rows; the error says what does not fit.
pub(super) fn decode(stored: &[u8], raw_bytes: usize, rows: usize) -> Result<Block, String> {
    let raw = lz4_flex::block::decompress(stored, raw_bytes).map_err(|error| error.to_string())?;
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
