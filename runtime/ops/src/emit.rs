//! How operators emit what a batch or a watermark gives.

use arrow::array::RecordBatch;
use sabot_core::{Cx, Element};

/// Emits a batch in parts of at most `max_rows`, from 1.
pub(crate) fn emit_in_parts(batch: &RecordBatch, max_rows: usize, cx: &mut Cx<'_>) {
    for offset in (0..batch.num_rows()).step_by(max_rows) {
        let rows = max_rows.min(batch.num_rows() - offset);
        cx.emit(Element::Batch(batch.slice(offset, rows)));
    }
}
