//! Pairs of rows that meet: how they are made, kept by the condition and emitted.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Int8Array, RecordBatch, UInt32Array};
use arrow::compute::{filter, filter_record_batch, take, take_arrays};
use sabot_core::row_kind::{self, RowKind};
use sabot_core::{Cx, Evaluator, Result};

use super::Join;
use super::side::Found;
use crate::emit::emit_in_parts;
use crate::keyed::UniqueKeys;

/// Pairs that are made before they are used.
const PAIRS: usize = 8192;

/// Pairs of rows: of a batch, and of those that were found.
#[derive(Default)]
pub(super) struct Pairs {
    pub(super) ours: Vec<u32>,
    pub(super) theirs: Vec<u32>,
}

impl Pairs {
    pub(super) fn push(&mut self, ours: usize, theirs: usize) {
        self.ours.push(ours as u32);
        self.theirs.push(theirs as u32);
    }

    pub(super) fn len(&self) -> usize {
        self.ours.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, usize)> {
        self.ours.iter().zip(&self.theirs).map(|(ours, theirs)| (*ours as usize, *theirs as usize))
    }

    /// Takes them if there are so many that they should be used.
    pub(super) fn take_full(&mut self) -> Option<Self> {
        (self.len() >= PAIRS).then(|| std::mem::take(self))
    }
}

/// Calls `each` with all pairs of the rows of each key, a part of them at a time.
pub(super) fn each_part(
    keys: &UniqueKeys,
    found: &Found,
    mut each: impl FnMut(Pairs) -> Result<()>,
) -> Result<()> {
    let mut pairs = Pairs::default();
    for (row, key) in keys.of_row.iter().enumerate() {
        for other in found.of_key[*key].clone() {
            pairs.push(row, other);
            if let Some(full) = pairs.take_full() {
                each(full)?;
            }
        }
    }
    if pairs.len() > 0 { each(pairs) } else { Ok(()) }
}

/// Whose pairs they are: the batch of a side, and the columns of the rows that were found.
#[derive(Clone, Copy)]
pub(super) struct Meeting<'a> {
    pub(super) port: usize,
    pub(super) batch: &'a RecordBatch,
    pub(super) rows: &'a [ArrayRef],
}

impl Join {
    /// Inner join: emits the pairs of a batch's rows with those of the other side.
    pub(super) fn meet(&mut self, port: usize, batch: RecordBatch, cx: &mut Cx<'_>) -> Result<()> {
        let batch = self.sides[port].with_keys(batch)?;
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let keys = self.sides[port].keys.of(&batch)?;
        self.sides[port].note(&keys, &batch, &[], &mut self.numbers, cx)?;
        let found = self.sides[1 - port].find(&keys, cx)?;
        if found.counts.is_empty() {
            return Ok(());
        }
        let meeting = Meeting { port, batch: &batch, rows: &found.columns };
        let condition = self.condition.as_deref();
        let mut pairs = Pairs::default();
        for (row, key) in keys.of_row.iter().enumerate() {
            for other in found.of_key[*key].clone() {
                for _ in 0..found.counts[other] {
                    pairs.push(row, other);
                }
                if let Some(full) = pairs.take_full() {
                    self.emit_pairs(meeting, full, condition, cx)?;
                }
            }
        }
        self.emit_pairs(meeting, pairs, condition, cx)
    }

    /// For each pair whether the condition is true.
    pub(super) fn holds(
        &self,
        meeting: Meeting<'_>,
        pairs: Pairs,
        condition: &dyn Evaluator,
    ) -> Result<BooleanArray> {
        let (ours, theirs) = (UInt32Array::from(pairs.ours), UInt32Array::from(pairs.theirs));
        Ok(condition.evaluate(&self.columns_of(meeting, &ours, &theirs)?)?.as_boolean().clone())
    }

    /// Emits pairs for which the condition is true.
    pub(super) fn emit_pairs(
        &self,
        meeting: Meeting<'_>,
        pairs: Pairs,
        condition: Option<&dyn Evaluator>,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        if pairs.len() == 0 {
            return Ok(());
        }
        let (ours, theirs) = (UInt32Array::from(pairs.ours), UInt32Array::from(pairs.theirs));
        let mut pairs = self.columns_of(meeting, &ours, &theirs)?;
        let mut mask = None;
        if let Some(condition) = condition {
            let kept = condition.evaluate(&pairs)?.as_boolean().clone();
            pairs = filter_record_batch(&pairs, &kept)?;
            mask = Some(kept);
        }
        let mut columns = pairs.columns().to_vec();
        if row_kind::is_updating(&self.schema) {
            let kinds = take(&kinds_of(meeting.batch), &ours, None)?;
            columns.push(match mask {
                Some(mask) => filter(&kinds, &mask)?,
                None => kinds,
            });
        }
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        emit_in_parts(&batch, self.max_batch_rows, cx);
        Ok(())
    }

    /// The columns of pairs, the left side's first.
    fn columns_of(
        &self,
        meeting: Meeting<'_>,
        ours: &UInt32Array,
        theirs: &UInt32Array,
    ) -> Result<RecordBatch> {
        let mine = take_arrays(row_kind::values(meeting.batch), ours, None)?;
        let other = take_arrays(meeting.rows, theirs, None)?;
        let (mut columns, right) = if meeting.port == 0 { (mine, other) } else { (other, mine) };
        columns.extend(right);
        Ok(RecordBatch::try_new(Arc::clone(&self.pairs), columns)?)
    }
}

/// The kinds of a batch's rows.
pub(super) fn kinds_of(batch: &RecordBatch) -> ArrayRef {
    match row_kind::kinds(batch) {
        Some(kinds) => Arc::new(kinds.clone()),
        None => Arc::new(Int8Array::from(vec![RowKind::Insert as i8; batch.num_rows()])),
    }
}
