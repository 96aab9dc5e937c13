//! Rows that are shown by whether they have partners: of outer, semi and anti joins.
//!
//! A batch is answered as a whole: a row of the other side that had no partner before the batch
//! and has one after it loses its row without a partner in front of all pairs; one that had some
//! and has none gets it behind them. So a row never stands beside nulls and beside a partner at
//! once, and nothing goes before it came.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBufferBuilder, RecordBatch, RecordBatchOptions, UInt32Array, new_null_array,
};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{take, take_arrays};
use sabot_core::plan::JoinKind;
use sabot_core::row_kind::{self, RowKind};
use sabot_core::{Cx, Result};

use super::Join;
use super::pairs::{Meeting, Pairs, each_part, kinds_of};
use super::side::Found;
use crate::emit::emit_in_parts;
use crate::keyed::UniqueKeys;

/// Who is whose partner.
struct Partners {
    /// How many each row of the batch has.
    of_batch: Vec<i64>,
    /// By how much the number changes of each row that was found.
    changes: Vec<i64>,
    /// Which of all pairs the condition keeps; none: all.
    kept: Option<BooleanBuffer>,
}

/// Rows that were found, by index, each as often as it is there.
#[derive(Default)]
struct Turned {
    /// That have partners now and had none.
    matched: Vec<u32>,
    /// That have no partners any more.
    alone: Vec<u32>,
}

impl Join {
    /// Emits what the rows of a batch change.
    pub(super) fn meet_and_track(
        &mut self,
        port: usize,
        batch: &RecordBatch,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let side = &self.sides[port];
        if self.shows_alone(port)
            && let Some(alone) = side.without_keys(batch)?
        {
            self.emit_side(port, row_kind::values(&alone), kinds_of(&alone), cx)?;
        }
        let batch = side.with_keys(batch.clone())?;
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let keys = side.keys.of(&batch)?;
        let found = self.sides[1 - port].find(&keys, cx)?;
        let meeting = Meeting { port, batch: &batch, rows: &found.columns };
        let partners = self.partners(meeting, &keys, &found)?;
        self.sides[port].note(&keys, &batch, &partners.of_batch, &mut self.numbers, cx)?;
        let mut turned = Turned::default();
        if self.sides[1 - port].tracked {
            self.sides[1 - port].add_partners(&found, &partners.changes, cx)?;
            turned = turned_by(&found, &partners.changes);
        }
        match self.kind {
            JoinKind::LeftSemi | JoinKind::LeftAnti => {
                self.emit_left(meeting, &partners, turned, cx)
            }
            _ => self.emit_outer(meeting, (&keys, &found, &partners), turned, cx),
        }
    }

    /// Whether rows of a side without a partner are shown.
    fn shows_alone(&self, port: usize) -> bool {
        self.sides[port].tracked && self.kind != JoinKind::LeftSemi
    }

    fn partners(&self, meeting: Meeting<'_>, keys: &UniqueKeys, found: &Found) -> Result<Partners> {
        let weights = row_kind::weights(meeting.batch);
        let weight = |row: usize| weights.as_ref().map_or(1, |weights| weights[row]);
        let mut changes = vec![0; found.counts.len()];
        let Some(condition) = &self.condition else {
            let of_key = |key: &usize| found.counts[found.of_key[*key].clone()].iter().sum();
            let of_batch = keys.of_row.iter().map(of_key).collect();
            let mut of_keys = vec![0; keys.len()];
            for (row, key) in keys.of_row.iter().enumerate() {
                of_keys[*key] += weight(row);
            }
            for (rows, change) in found.of_key.iter().zip(of_keys) {
                changes[rows.clone()].fill(change);
            }
            return Ok(Partners { of_batch, changes, kept: None });
        };
        let mut of_batch = vec![0; keys.of_row.len()];
        let mut kept = BooleanBufferBuilder::new(0);
        each_part(keys, found, |pairs| {
            let places: Vec<(usize, usize)> = pairs.iter().collect();
            let (ours, theirs) = (UInt32Array::from(pairs.ours), UInt32Array::from(pairs.theirs));
            let holds = condition.holds(meeting, self.left_columns(), (&ours, &theirs))?;
            for ((ours, theirs), holds) in places.into_iter().zip(&holds) {
                let holds = holds == Some(true);
                kept.append(holds);
                if holds {
                    of_batch[ours] += found.counts[theirs];
                    changes[theirs] += weight(ours);
                }
            }
            Ok(())
        })?;
        Ok(Partners { of_batch, changes, kept: Some(kept.finish()) })
    }

    /// Emits what a batch changes of an outer join's rows.
    fn emit_outer(
        &self,
        meeting: Meeting<'_>,
        (keys, found, partners): (&UniqueKeys, &Found, &Partners),
        turned: Turned,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let Meeting { port, rows, .. } = meeting;
        self.emit_found(1 - port, rows, turned.matched, RowKind::Delete, cx)?;
        if self.shows_alone(port) {
            self.emit_batch_rows(meeting, partners, false, cx)?;
        }
        let mut place = 0;
        let mut kept = Pairs::default();
        each_part(keys, found, |pairs| {
            for (ours, theirs) in pairs.iter() {
                if partners.kept.as_ref().is_none_or(|kept| kept.value(place)) {
                    for _ in 0..found.counts[theirs] {
                        kept.push(ours, theirs);
                    }
                }
                place += 1;
            }
            match kept.take_full() {
                Some(full) => self.emit_pairs(meeting, full, cx),
                None => Ok(()),
            }
        })?;
        self.emit_pairs(meeting, kept, cx)?;
        self.emit_found(1 - port, rows, turned.alone, RowKind::Insert, cx)
    }

    /// Emits what a batch changes of a semi or anti join's rows.
    fn emit_left(
        &self,
        meeting: Meeting<'_>,
        partners: &Partners,
        turned: Turned,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let semi = self.kind == JoinKind::LeftSemi;
        if meeting.port == 0 {
            return self.emit_batch_rows(meeting, partners, semi, cx);
        }
        let Turned { matched, alone } = turned;
        let (gone, come) = if semi { (alone, matched) } else { (matched, alone) };
        self.emit_found(0, meeting.rows, gone, RowKind::Delete, cx)?;
        self.emit_found(0, meeting.rows, come, RowKind::Insert, cx)
    }

    /// Emits the rows of the batch that have partners, or those that have none.
    fn emit_batch_rows(
        &self,
        meeting: Meeting<'_>,
        partners: &Partners,
        matched: bool,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let rows = partners.of_batch.iter().enumerate();
        let rows = rows.filter(|(_, count)| (**count > 0) == matched).map(|(row, _)| row as u32);
        let rows = UInt32Array::from_iter_values(rows);
        let columns = take_arrays(row_kind::values(meeting.batch), &rows, None)?;
        let kinds = take(&kinds_of(meeting.batch), &rows, None)?;
        self.emit_side(meeting.port, &columns, kinds, cx)
    }

    /// Emits rows of a side that were found.
    fn emit_found(
        &self,
        side: usize,
        columns: &[ArrayRef],
        rows: Vec<u32>,
        kind: RowKind,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let kinds = row_kind::column(rows.iter().map(|_| kind));
        let columns = take_arrays(columns, &UInt32Array::from(rows), None)?;
        self.emit_side(side, &columns, kinds, cx)
    }

    /// Emits rows of a side, beside nulls if the output has columns of the other one.
    fn emit_side(
        &self,
        side: usize,
        columns: &[ArrayRef],
        kinds: ArrayRef,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let rows = kinds.len();
        if rows == 0 {
            return Ok(());
        }
        let mut all = columns.to_vec();
        if !self.kind.is_left_only() {
            let fields = self.schema.fields();
            let width = row_kind::width(&self.schema);
            let nulls = if side == 0 { columns.len()..width } else { 0..width - columns.len() };
            let nulls = fields[nulls].iter().map(|field| new_null_array(field.data_type(), rows));
            let at = if side == 0 { all.len() } else { 0 };
            all.splice(at..at, nulls);
        }
        if row_kind::is_updating(&self.schema) {
            all.push(kinds);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), all, &options)?;
        emit_in_parts(&batch, self.max_batch_rows, cx);
        Ok(())
    }
}

/// The rows that were found whose having partners changed.
fn turned_by(found: &Found, changes: &[i64]) -> Turned {
    let mut turned = Turned::default();
    for (row, (before, change)) in found.partners.iter().zip(changes).enumerate() {
        let rows = match (*before > 0, before + change > 0) {
            (false, true) => &mut turned.matched,
            (true, false) => &mut turned.alone,
            _ => continue,
        };
        rows.extend((0..found.counts[row]).map(|_| row as u32));
    }
    turned
}
