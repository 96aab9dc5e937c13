//! Helpers around rows that are encoded for state.

use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::take_arrays;
use sabot_core::Result;
pub(crate) use sabot_core::state::RowCodec;

/// Columns of the rows that are there, with nulls for those that are not.
pub(crate) fn spread(
    columns: &[ArrayRef],
    is_there: impl IntoIterator<Item = bool>,
) -> Result<Vec<ArrayRef>> {
    let mut next = 0;
    let rows = is_there.into_iter().map(|is_there| {
        is_there.then(|| {
            next += 1;
            next - 1
        })
    });
    Ok(take_arrays(columns, &rows.collect::<UInt32Array>(), None)?)
}

/// The same rows of each column, without a copy.
pub(crate) fn slice_all(columns: &[ArrayRef], offset: usize, rows: usize) -> Vec<ArrayRef> {
    columns.iter().map(|column| column.slice(offset, rows)).collect()
}
