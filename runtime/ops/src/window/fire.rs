//! Fires the windows that the watermark has passed.
//!
//! A slice that lies in one window is given up as it is. One that lies in several is sealed: its
//! table becomes columns that each window merges. Of windows that grow, one takes over what its
//! predecessor has merged, under their first slice, so that each slice is merged once.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::filter;
use sabot_core::metrics::OperatorMetrics;
use sabot_core::state::Namespace;
use sabot_core::{Cx, Result};
use sabot_types::EventTime;

use super::slices::{Sharing, is_over};
use super::table::{Partials, Table};
use super::{Slice, WindowAggregate};
use crate::emit::emit_in_parts;

impl Slice {
    /// Turns the hot table into columns.
    pub(super) fn seal(&mut self, scratch: &mut Vec<usize>) -> Result<()> {
        let Some(mut table) = self.hot.take() else { return Ok(()) };
        if let Some(before) = self.sealed.take() {
            table.merge(&before.keys, &before.values, before.rows, scratch)?;
        }
        self.sealed = Some(table.partials()?);
        Ok(())
    }
}

impl WindowAggregate {
    /// Fires windows in the order of their ends, up to the watermark.
    pub(super) fn fire_due(&mut self, watermark: EventTime, cx: &mut Cx<'_>) -> Result<()> {
        if self.early.is_some() {
            return self.fire_what_came(Some(watermark), cx);
        }
        let mut fired = self.watermark;
        while let Some((first, _)) = self.open.first_key_value() {
            // Of all slices the first has the first window.
            let end = self.slices.next_window_of(*first, fired);
            if !is_over(end, watermark) {
                break;
            }
            match self.slices.sharing() {
                Sharing::Alone | Sharing::AloneFromBegin => self.fire_alone(end, cx)?,
                Sharing::Overlapping | Sharing::Growing => self.fire_shared(end, cx)?,
            }
            fired = EventTime::from_millis(end - 1);
        }
        Ok(())
    }

    /// Fires the window that has the slice that ends at `end` for itself.
    fn fire_alone(&mut self, end: i64, cx: &mut Cx<'_>) -> Result<()> {
        let Some(table) = self.take_slice(end, cx)? else { return Ok(()) };
        if self.updates.is_some() {
            return self.emit_remaining(end, table.partials()?, cx);
        }
        let rows = table.len();
        let (keys, results) = table.results(&self.shape)?;
        self.emit(end, rows, keys, results, None, cx)
    }

    /// What a slice holds, in memory and in the backend, which have it no longer.
    pub(super) fn take_slice(&mut self, end: i64, cx: &mut Cx<'_>) -> Result<Option<Table>> {
        let Some(slice) = self.open.remove(&end) else { return Ok(None) };
        let mut table = match slice.hot {
            Some(table) => table,
            None => self.shape.table()?,
        };
        if let Some(sealed) = slice.sealed {
            table.merge(&sealed.keys, &sealed.values, sealed.rows, &mut self.scratch)?;
        }
        if slice.stored {
            self.merge_stored(end, &mut table, cx)?;
            cx.state.drop_namespace(self.state, Namespace(end))?;
        }
        Ok(Some(table))
    }

    /// Fires a window of slices that lie in other windows too.
    fn fire_shared(&mut self, end: i64, cx: &mut Cx<'_>) -> Result<()> {
        let growing = self.slices.sharing() == Sharing::Growing;
        let mut table = self.shape.table()?;
        let slices: Vec<i64> = self.open.range(..=end).map(|(slice, _)| *slice).collect();
        for slice_end in slices {
            let Some(slice) = self.open.get_mut(&slice_end) else { continue };
            slice.seal(&mut self.scratch)?;
            if let Some(sealed) = &slice.sealed {
                table.merge(&sealed.keys, &sealed.values, sealed.rows, &mut self.scratch)?;
            }
            let stored = slice.stored;
            if stored {
                self.merge_stored(slice_end, &mut table, cx)?;
            }
            if growing || self.slices.last_window_of(slice_end) <= end {
                self.open.remove(&slice_end);
                if stored {
                    cx.state.drop_namespace(self.state, Namespace(slice_end))?;
                }
            }
        }
        let partials = table.partials()?;
        self.emit_remaining(end, partials.clone(), cx)?;
        if growing && end < self.slices.last_window_of(end) {
            let first = self.slices.first_slice_of(end);
            let merged = Slice { sealed: Some(partials), ..Slice::default() };
            self.open.insert(first, merged);
        }
        Ok(())
    }

    /// Emits what a window gives, but for key groups for which it had fired before a restore.
    pub(super) fn emit_remaining(
        &mut self,
        end: i64,
        partials: Partials,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let Partials { mut keys, mut values, mut rows } = partials;
        if let Some(progress) = self.progress.as_ref().filter(|p| p.concerns(end)) {
            let groups = self.owner.groups_of(self.shape.keys(), &keys, rows)?;
            let remaining = progress.remaining(end, &groups);
            for column in keys.iter_mut().chain(&mut values) {
                *column = filter(column, &remaining)?;
            }
            rows = remaining.true_count();
        }
        if self.updates.is_some() {
            return self.add_to_fired(end, &Partials { keys, values, rows }, cx);
        }
        let results = self.shape.results(&values)?;
        self.emit(end, rows, keys, results, None, cx)
    }

    /// Emits results of a window, as changes where they are of these kinds.
    pub(super) fn emit(
        &self,
        end: i64,
        rows: usize,
        keys: Vec<ArrayRef>,
        results: Vec<ArrayRef>,
        kinds: Option<ArrayRef>,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        if rows == 0 {
            return Ok(());
        }
        let times = [self.slices.start_of(end), end, end - 1];
        let times = times.iter().enumerate().map(|(index, time)| {
            let field = self.schema.field(keys.len() + index);
            self.input.clock.column(std::iter::repeat_n(*time, rows), field)
        });
        let times: Vec<_> = times.collect();
        let columns = keys.into_iter().chain(times).chain(results).chain(kinds).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        emit_in_parts(&batch, self.max_batch_rows, cx);
        Ok(())
    }

    /// Merges what earlier snapshots brought to the backend.
    fn merge_stored(&mut self, end: i64, table: &mut Table, cx: &mut Cx<'_>) -> Result<()> {
        let Self { key_codec, value_codec, scratch, state, max_batch_rows, .. } = self;
        let mut read = 0;
        cx.state.scan(*state, Namespace(end), *max_batch_rows, &mut |rows| {
            read += rows.groups.len();
            let keys = key_codec.decode(&rows.keys)?;
            let values = value_codec.decode(&rows.values)?;
            table.merge(&keys, &values, rows.groups.len(), scratch)
        })?;
        OperatorMetrics::add(&cx.metrics.state_reads, read);
        Ok(())
    }
}
