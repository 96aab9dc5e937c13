//! Lists of rows as values of a state: each row behind its length.

use arrow::array::{Array, AsArray, BinaryArray};
use sabot_core::Result;

use crate::codec::RowCodec;

/// Appends a row to a list.
pub(crate) fn push(list: &mut Vec<u8>, row: &[u8]) {
    list.extend_from_slice(&(row.len() as u32).to_le_bytes());
    list.extend_from_slice(row);
}

/// The first row of a list, and the rest of it.
pub(crate) fn take(list: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = list.split_first_chunk::<4>()?;
    let length = (u32::from_le_bytes(*length) as usize).min(rest.len());
    Some(rest.split_at(length))
}

/// The rows of a list.
pub(crate) fn rows(mut list: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (row, rest) = take(list)?;
        list = rest;
        Some(row)
    })
}

/// The lists that are there, each of which is the one column of a value.
pub(crate) fn decode(values: &BinaryArray, wrapper: &RowCodec) -> Result<BinaryArray> {
    let lists = wrapper.decode_rows(values.iter().flatten())?.swap_remove(0);
    Ok(lists.as_binary::<i32>().clone())
}

/// The rows of each of `values`, of which `lists` are those that are there; the others have none.
pub(crate) fn read<'l>(values: &BinaryArray, lists: &'l BinaryArray) -> Vec<Vec<&'l [u8]>> {
    let mut next = 0;
    let list = |row| {
        if values.is_null(row) {
            return Vec::new();
        }
        next += 1;
        rows(lists.value(next - 1)).collect()
    };
    (0..values.len()).map(list).collect()
}
