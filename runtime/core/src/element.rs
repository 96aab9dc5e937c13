//! What flows between operators.

use arrow::array::{Array, ArrayData, RecordBatch};
use arrow::buffer::Buffer;
use sabot_types::{Epoch, EventTime};

/// One element of a stream between operators, in order.
#[derive(Debug, Clone)]
pub enum Element {
    /// Rows; 1 to a few thousand.
    Batch(RecordBatch),
    /// No row with an earlier event time follows (those that do are late).
    Watermark(EventTime),
    /// This input sends nothing for now and does not hold back the watermark, until its next
    /// batch or watermark.
    Idle,
    /// The rows before it were there for their source at this time, microseconds since the Unix
    /// epoch: tells sinks how long rows take. It changes nothing and may be left out.
    Marker(i64),
    /// Everything before belongs to the checkpoint `epoch`, everything after does not.
    Barrier(Epoch),
    /// Nothing follows. The last watermark before it says whether the input ended
    /// ([`EventTime::MAX`]).
    End,
}

impl Element {
    /// The memory that the element holds, in bytes, for bounded queues.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Batch(batch) => batch.columns().iter().map(|c| array_bytes(&c.to_data())).sum(),
            Self::Watermark(_) | Self::Idle | Self::Marker(_) | Self::Barrier(_) | Self::End => 16,
        }
    }
}

/// What the array refers to, slices by their own length: the columns of a batch that came over
/// the network share one allocation, which must not be counted once a column.
fn array_bytes(array: &ArrayData) -> usize {
    let buffers: usize = array.buffers().iter().map(Buffer::len).sum();
    let nulls = array.nulls().map_or(0, |nulls| nulls.len().div_ceil(8));
    buffers + nulls + array.child_data().iter().map(array_bytes).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray};

    use super::*;

    #[test]
    fn a_slice_counts_its_own_rows_only() {
        let column = |rows: i64| Arc::new(Int64Array::from_iter_values(0..rows)) as ArrayRef;
        let batch = RecordBatch::try_from_iter([("a", column(1000)), ("b", column(1000))]).unwrap();
        assert_eq!(Element::Batch(batch.slice(10, 100)).bytes(), 1600);
        let texts = Arc::new(StringArray::from(vec!["abc", "de"])) as ArrayRef;
        let batch = RecordBatch::try_from_iter([("t", texts)]).unwrap();
        assert_eq!(Element::Batch(batch).bytes(), 3 * 4 + 5);
    }
}
