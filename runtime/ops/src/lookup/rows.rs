//! The rows of a table by their keys.
//!
//! They lie in parts, each with an index of its own and more than twice as large as the next one: rows
//! that come are a new part, which takes the smaller ones in, so that a row is indexed again only as
//! often as the parts double. A version shares the parts with the one before it; what has gone of
//! them is told beside.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch};
use hashbrown::HashMap;
use sabot_core::Result;

use super::{Shape, columns_of};
use crate::keyed::with_all;

/// One version of all rows.
#[derive(Default)]
pub(super) struct Rows {
    parts: Vec<Part>,
}

/// Some of the rows.
#[derive(Clone)]
pub(super) struct Part {
    index: Arc<Index>,
    /// For each row whether it has gone since, 64 a word; none: no row has.
    gone: Option<Arc<[u64]>>,
    /// How many have not.
    left: usize,
}

/// Rows that are found by their keys.
struct Index {
    /// As the shape's schema is.
    all: RecordBatch,
    /// How many columns the join reads.
    width: usize,
    /// For each key the place of its rows in `of_key`, and how many they are.
    places: HashMap<Box<[u8]>, (u32, u32)>,
    /// Rows, those of a key next to each other.
    of_key: Vec<u32>,
    /// The row of each of the table's own keys, where rows change.
    of_own: HashMap<Box<[u8]>, u32>,
}

impl Rows {
    /// The parts, which have no row in common.
    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The version that has `rows` too, and no longer those of the table's own keys in `replaced`.
    pub(super) fn with(
        &self,
        shape: &Shape,
        rows: RecordBatch,
        replaced: &[Box<[u8]>],
    ) -> Result<Self> {
        let rows = with_all(&shape.keys, rows)?;
        let mut groups: Vec<Group> = Vec::with_capacity(self.parts.len() + 1);
        for part in &self.parts {
            let part = part.without(replaced);
            push(&mut groups, Group { count: part.left, parts: vec![part], rows: None });
        }
        let count = rows.num_rows();
        push(&mut groups, Group { count, parts: Vec::new(), rows: Some(rows) });
        let parts = groups.into_iter().map(|group| group.into_part(shape));
        Ok(Self { parts: parts.collect::<Result<_>>()? })
    }
}

/// What becomes one part.
struct Group {
    parts: Vec<Part>,
    /// Rows that have no index yet.
    rows: Option<RecordBatch>,
    count: usize,
}

/// Adds a group, and takes in those before it that are not large enough to stand alone.
fn push(groups: &mut Vec<Group>, mut group: Group) {
    while let Some(before) = groups.pop_if(|before| before.count <= 2 * group.count) {
        group = Group {
            parts: before.parts.into_iter().chain(group.parts).collect(),
            count: before.count + group.count,
            ..group
        };
    }
    if group.count > 0 {
        groups.push(group);
    }
}

impl Group {
    fn into_part(self, shape: &Shape) -> Result<Part> {
        if let ([part], None) = (self.parts.as_slice(), &self.rows)
            && part.index.all.num_rows() <= 2 * part.left
        {
            return Ok(part.clone());
        }
        let mut all = self.parts.iter().map(Part::rows).collect::<Result<Vec<_>>>()?;
        all.extend(self.rows);
        Part::new(shape, concat_batches(&shape.schema, &all)?)
    }
}

impl Part {
    fn new(shape: &Shape, all: RecordBatch) -> Result<Self> {
        let (left, index) = (all.num_rows(), Index::new(shape, all)?);
        Ok(Self { index: Arc::new(index), gone: None, left })
    }

    /// The columns that the join reads.
    pub(super) fn columns(&self) -> &[ArrayRef] {
        &self.index.all.columns()[..self.index.width]
    }

    /// The rows of a key.
    pub(super) fn of(&self, key: &[u8]) -> impl Iterator<Item = u32> {
        let rows = match self.index.places.get(key) {
            Some((first, rows)) => &self.index.of_key[*first as usize..][..*rows as usize],
            None => &[],
        };
        rows.iter().copied().filter(|row| self.is_there(*row))
    }

    fn is_there(&self, row: u32) -> bool {
        self.gone.as_ref().is_none_or(|gone| gone[row as usize / 64] & (1 << (row % 64)) == 0)
    }

    /// It without the rows of these keys of the table's own.
    fn without(&self, keys: &[Box<[u8]>]) -> Self {
        let found = keys.iter().filter_map(|key| self.index.of_own.get(key).copied());
        let found: Vec<u32> = found.filter(|row| self.is_there(*row)).collect();
        if found.is_empty() {
            return self.clone();
        }
        let mut gone = match &self.gone {
            Some(gone) => gone.to_vec(),
            None => vec![0; self.index.all.num_rows().div_ceil(64)],
        };
        for row in &found {
            gone[*row as usize / 64] |= 1 << (row % 64);
        }
        let left = self.left - found.len();
        Self { index: Arc::clone(&self.index), gone: Some(gone.into()), left }
    }

    /// Those that have not gone.
    fn rows(&self) -> Result<RecordBatch> {
        if self.gone.is_none() {
            return Ok(self.index.all.clone());
        }
        let rows = 0..self.index.all.num_rows() as u32;
        let mask: BooleanArray = rows.map(|row| Some(self.is_there(row))).collect();
        Ok(filter_record_batch(&self.index.all, &mask)?)
    }
}

impl Index {
    fn new(shape: &Shape, all: RecordBatch) -> Result<Self> {
        let keys = shape.codec.encode(&columns_of(&all, &shape.keys), all.num_rows())?;
        let mut rows_of: HashMap<&[u8], Vec<u32>> = HashMap::new();
        for (row, key) in (0_u32..).zip(keys.iter().flatten()) {
            rows_of.entry(key).or_default().push(row);
        }
        let mut places = HashMap::with_capacity(rows_of.len());
        let mut of_key = Vec::with_capacity(all.num_rows());
        for (key, rows) in rows_of {
            places.insert(Box::from(key), (of_key.len() as u32, rows.len() as u32));
            of_key.extend(rows);
        }
        let (mut width, mut of_own) = (all.num_columns(), HashMap::new());
        if let Some(last) = &shape.last {
            width -= last.keys.len();
            let own = last.codec.encode(&all.columns()[width..], all.num_rows())?;
            of_own.extend(
                (0_u32..).zip(own.iter().flatten()).map(|(row, key)| (Box::from(key), row)),
            );
        }
        Ok(Self { all, width, places, of_key, of_own })
    }
}

#[cfg(test)]
impl Rows {
    /// For each part what tells its index from others, and how many rows are left of it.
    pub(super) fn sizes(&self) -> Vec<(usize, usize)> {
        self.parts.iter().map(|part| (Arc::as_ptr(&part.index) as usize, part.left)).collect()
    }
}
