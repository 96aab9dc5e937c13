//! Rows of keys that were answered before and that frames still reach: where they are from.

use std::ops::Range;

use arrow::array::{Array, ArrayBuilder, ArrayRef, BinaryArray, BinaryBuilder};
use sabot_core::Result;

use crate::codec::RowCodec;

/// Arguments of rows that were answered before, those of a key next to each other and in order.
pub(super) struct Past {
    of_key: Vec<Range<usize>>,
    rows: BinaryArray,
    /// The rows' times; empty where frames do not ask for them.
    times: Vec<i64>,
}

/// Collects [`Past`] key by key.
#[derive(Default)]
pub(super) struct PastBuilder {
    of_key: Vec<Range<usize>>,
    rows: BinaryBuilder,
    times: Vec<i64>,
}

impl PastBuilder {
    /// The next key's rows.
    pub(super) fn key<'r>(&mut self, rows: impl Iterator<Item = &'r [u8]>) {
        let begin = self.rows.len();
        rows.for_each(|row| self.rows.append_value(row));
        self.of_key.push(begin..self.rows.len());
    }

    /// The times of the rows of the key before.
    pub(super) fn times(&mut self, times: &[i64]) {
        self.times.extend_from_slice(times);
    }

    pub(super) fn finish(mut self) -> Past {
        Past { of_key: self.of_key, rows: self.rows.finish(), times: self.times }
    }
}

impl Past {
    /// None of any key.
    pub(super) fn none(keys: usize) -> Self {
        let rows = BinaryArray::from(Vec::<&[u8]>::new());
        Self { of_key: vec![0..0; keys], rows, times: Vec::new() }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Which of them are of a key.
    pub(super) fn of_key(&self, key: usize) -> Range<usize> {
        self.of_key[key].clone()
    }

    pub(super) fn row(&self, index: usize) -> &[u8] {
        self.rows.value(index)
    }

    /// The time of a row; 0 where nothing asks for it.
    pub(super) fn time(&self, index: usize) -> i64 {
        self.times.get(index).copied().unwrap_or(0)
    }

    /// The rows' columns.
    pub(super) fn columns(&self, codec: &RowCodec) -> Result<Vec<ArrayRef>> {
        codec.decode(&self.rows)
    }
}
