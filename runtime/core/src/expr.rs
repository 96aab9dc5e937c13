//! Expressions over batches, without naming who evaluates them.

use std::fmt;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::DataType;

use crate::Result;
use crate::ambient::AmbientReads;

/// A scalar expression, compiled against one input schema.
pub trait Evaluator: fmt::Debug + Send + Sync {
    /// Evaluates the expression for every row: one array of `batch.num_rows()` values.
    fn evaluate(&self, batch: &RecordBatch) -> Result<ArrayRef>;

    /// The type of the result.
    fn data_type(&self) -> &DataType;

    /// The expression as SQL, for `sabot explain`.
    fn sql(&self) -> &str;

    /// Which of the columns of [`crate::ambient`] it reads, which then have to stand behind the input's.
    fn ambient(&self) -> AmbientReads {
        AmbientReads::default()
    }

    /// The indexes of the input's columns that it reads; none: any may be read. What stands in place of
    /// the others does not matter, nor its type.
    fn columns(&self) -> Option<Vec<usize>> {
        self.as_column().map(|column| vec![column])
    }

    /// The input column's index when the expression is just a column.
    fn as_column(&self) -> Option<usize> {
        None
    }
}
