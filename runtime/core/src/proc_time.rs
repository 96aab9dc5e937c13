//! Processing time as a column: what `PROCTIME()` reads.
//!
//! Expressions have no clock. An operator with one that reads the time appends this column, with
//! the time of its turn, to the batch before it evaluates them.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, TimestampMillisecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::Result;

/// The name of the column. No table can declare a column of that name.
pub const PROC_TIME: &str = "$proc_time";

/// `TIMESTAMP_LTZ(3)`.
pub fn data_type() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, Some(Arc::from("UTC")))
}

/// The schema with the column behind its others.
pub fn with_column(schema: &Schema) -> SchemaRef {
    let time = Arc::new(Field::new(PROC_TIME, data_type(), false));
    Arc::new(Schema::new(schema.fields().iter().cloned().chain([time]).collect::<Vec<_>>()))
}

/// The batch with the column behind its others: `now_ms`, milliseconds since the Unix epoch, in
/// every row.
pub fn append(batch: &RecordBatch, now_ms: i64) -> Result<RecordBatch> {
    let rows = batch.num_rows();
    let times = TimestampMillisecondArray::from_value(now_ms, rows).with_data_type(data_type());
    let mut columns = batch.columns().to_vec();
    columns.push(Arc::new(times) as ArrayRef);
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let schema = with_column(batch.schema_ref());
    Ok(RecordBatch::try_new_with_options(schema, columns, &options)?)
}
