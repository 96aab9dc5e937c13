//! Pairs of rows that meet: how they are made, kept by the condition and emitted.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Int8Array, RecordBatch, UInt32Array};
use arrow::compute::{filter, take};
use sabot_core::row_kind::{self, RowKind};
use sabot_core::{Cx, Result};

use super::side::Found;
use super::{Condition, Join};
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

impl Meeting<'_> {
    /// A column of pairs, of which the left side has the first `left` ones.
    fn column(
        &self,
        left: usize,
        at: usize,
        (ours, theirs): (&UInt32Array, &UInt32Array),
    ) -> Result<ArrayRef> {
        let (side, at) = if at < left { (0, at) } else { (1, at - left) };
        Ok(if side == self.port {
            take(row_kind::values(self.batch)[at].as_ref(), ours, None)?
        } else {
            take(self.rows[at].as_ref(), theirs, None)?
        })
    }
}

impl Condition {
    /// For each pair whether it is true.
    pub(super) fn holds(
        &self,
        meeting: Meeting<'_>,
        left: usize,
        (ours, theirs): (&UInt32Array, &UInt32Array),
    ) -> Result<BooleanArray> {
        let column = |at| meeting.column(left, at, (ours, theirs));
        let pairs = self.read.batch(ours.len(), column)?;
        Ok(self.is_kept.evaluate(&pairs)?.as_boolean().clone())
    }
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
        let mut pairs = Pairs::default();
        for (row, key) in keys.of_row.iter().enumerate() {
            for other in found.of_key[*key].clone() {
                for _ in 0..found.counts[other] {
                    pairs.push(row, other);
                }
                if let Some(full) = pairs.take_full() {
                    self.emit_wanted(meeting, full, cx)?;
                }
            }
        }
        self.emit_wanted(meeting, pairs, cx)
    }

    /// How many columns the left side has.
    pub(super) fn left_columns(&self) -> usize {
        self.sides[0].columns
    }

    /// Emits those pairs for which the condition is true and that are wanted. Only then the others'
    /// columns are made, of which most may be long.
    fn emit_wanted(&self, meeting: Meeting<'_>, pairs: Pairs, cx: &mut Cx<'_>) -> Result<()> {
        let (mut ours, mut theirs) =
            (UInt32Array::from(pairs.ours), UInt32Array::from(pairs.theirs));
        let left = self.left_columns();
        if let Some(condition) = &self.condition {
            let kept = condition.holds(meeting, left, (&ours, &theirs))?;
            if kept.true_count() < kept.len() {
                ours = filter(&ours, &kept)?.as_primitive().clone();
                theirs = filter(&theirs, &kept)?.as_primitive().clone();
            }
        }
        if let Some(candidates) = &self.candidates {
            let column = |at| meeting.column(left, at, (&ours, &theirs));
            if let Some(kept) = candidates.of(ours.len(), column)? {
                let kept = UInt32Array::from(kept);
                ours = take(&ours, &kept, None)?.as_primitive().clone();
                theirs = take(&theirs, &kept, None)?.as_primitive().clone();
            }
        }
        self.emit_all(meeting, (&ours, &theirs), cx)
    }

    /// Emits pairs.
    pub(super) fn emit_pairs(
        &self,
        meeting: Meeting<'_>,
        pairs: Pairs,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let (ours, theirs) = (UInt32Array::from(pairs.ours), UInt32Array::from(pairs.theirs));
        self.emit_all(meeting, (&ours, &theirs), cx)
    }

    fn emit_all(
        &self,
        meeting: Meeting<'_>,
        (ours, theirs): (&UInt32Array, &UInt32Array),
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        if ours.is_empty() {
            return Ok(());
        }
        let column = |at| meeting.column(self.left_columns(), at, (ours, theirs));
        let mut columns = (0..self.pairs.fields().len()).map(column).collect::<Result<Vec<_>>>()?;
        if row_kind::is_updating(&self.schema) {
            columns.push(take(&kinds_of(meeting.batch), ours, None)?);
        }
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        emit_in_parts(&batch, self.max_batch_rows, cx);
        Ok(())
    }
}

/// The kinds of a batch's rows.
pub(super) fn kinds_of(batch: &RecordBatch) -> ArrayRef {
    match row_kind::kinds(batch) {
        Some(kinds) => Arc::new(kinds.clone()),
        None => Arc::new(Int8Array::from(vec![RowKind::Insert as i8; batch.num_rows()])),
    }
}
