//! Brings the hot tables into the state backend, for a snapshot.

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray};
use arrow::compute::{filter, is_not_null};
use sabot_core::metrics::OperatorMetrics;
use sabot_core::state::Namespace;
use sabot_core::{Cx, Result};

use super::WindowAggregate;
use super::table::Partials;
use crate::codec::slice_all;
use crate::hot::expect_rows;

/// Rows that one write brings.
pub(super) const CHUNK_ROWS: usize = 8192;

impl WindowAggregate {
    /// Afterwards the backend has everything, and the tables are gone.
    pub(super) fn flush(&mut self, cx: &mut Cx<'_>) -> Result<()> {
        let ends: Vec<i64> = self.open.keys().copied().collect();
        for end in ends {
            let Some(slice) = self.open.get_mut(&end) else { continue };
            slice.seal(&mut self.scratch)?;
            let Some(partials) = slice.sealed.take() else { continue };
            let stored = std::mem::replace(&mut slice.stored, true);
            self.flush_slice(Namespace(end), &partials, stored, cx)?;
        }
        Ok(())
    }

    fn flush_slice(
        &self,
        namespace: Namespace,
        Partials { keys, values, rows }: &Partials,
        stored: bool,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let all_rows = *rows;
        for offset in (0..all_rows).step_by(CHUNK_ROWS) {
            let rows = CHUNK_ROWS.min(all_rows - offset);
            let keys = slice_all(keys, offset, rows);
            let mut partials = slice_all(values, offset, rows);
            let groups = self.owner.groups_of(self.shape.keys(), &keys, rows)?;
            let encoded = self.key_codec.encode(&keys, rows)?;
            if stored {
                let before = cx.state.get(self.state, namespace, &groups, &encoded)?;
                OperatorMetrics::add(&cx.metrics.state_reads, rows);
                if before.null_count() < rows {
                    partials = self.merge_before(&partials, &before)?;
                }
            }
            let values = self.value_codec.encode(&partials, rows)?;
            if offset == 0 {
                expect_rows(self.state, all_rows, (&encoded, &values), cx);
            }
            cx.state.put(self.state, namespace, &groups, &encoded, &values)?;
            OperatorMetrics::add(&cx.metrics.state_writes, rows);
        }
        Ok(())
    }

    /// Merges what the state already has (null where it has nothing) into partial results.
    fn merge_before(&self, partials: &[ArrayRef], before: &BinaryArray) -> Result<Vec<ArrayRef>> {
        let of: Vec<usize> = (0..before.len()).filter(|row| before.is_valid(*row)).collect();
        let found = filter(before, &is_not_null(before)?)?;
        let more = self.value_codec.decode(found.as_binary::<i32>())?;
        let all: Vec<usize> = (0..before.len()).collect();
        self.shape.merged(before.len(), &[(partials, &all), (&more, &of)])
    }
}
