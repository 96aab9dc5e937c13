//! Row times: read from batches, as bytes of a state's key, and in slices.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, RecordBatch, TimestampMillisecondArray};
use arrow::datatypes::{DataType, SchemaRef, TimeUnit, TimestampMillisecondType};
use sabot_core::{Error, Result};

use crate::codec::RowCodec;

/// The row times of a batch, none of them null.
pub(crate) fn row_times(batch: &RecordBatch, column: usize) -> Result<&TimestampMillisecondArray> {
    let times = batch.column(column).as_primitive::<TimestampMillisecondType>();
    if times.null_count() > 0 {
        let name = batch.schema_ref().field(column).name();
        return Err(Error::user(format!(
            "row-time column {name} holds a null: every row must have an event time; filter such \
             rows out with WHERE {name} IS NOT NULL"
        )));
    }
    Ok(times)
}

/// Checks that a column holds row times.
pub(crate) fn check_row_time(operator: &str, input: &SchemaRef, column: usize) -> Result<()> {
    let time = input.field(column);
    if matches!(time.data_type(), DataType::Timestamp(TimeUnit::Millisecond, _)) {
        return Ok(());
    }
    Err(Error::user(format!(
        "operator {operator}: row-time column {} is of type {}: it must be a TIMESTAMP(3)",
        time.name(),
        time.data_type()
    )))
}

/// The length of slices in milliseconds of which so many cover `reach_ms`, unless they were shorter than
/// a second.
pub(crate) fn slice_ms(reach_ms: i64, slices: i64) -> i64 {
    (reach_ms / slices).max(1000)
}

/// The end of the slice that a time lies in, of slices of `length` milliseconds.
pub(crate) fn slice_end(time: i64, length: i64) -> i64 {
    (time.div_euclid(length)).saturating_add(1).saturating_mul(length)
}

/// Row times as the last column of a state's key.
pub(crate) struct TimeCodec {
    codec: RowCodec,
    data_type: DataType,
}

impl TimeCodec {
    pub(crate) fn new(input: &SchemaRef, column: usize) -> Result<Self> {
        let data_type = input.field(column).data_type().clone();
        Ok(Self { codec: RowCodec::new([data_type.clone()])?, data_type })
    }

    pub(crate) fn encode(&self, times: impl IntoIterator<Item = i64>) -> Result<BinaryArray> {
        let times = TimestampMillisecondArray::from_iter_values(times);
        let rows = times.len();
        let times: ArrayRef = Arc::new(times.with_data_type(self.data_type.clone()));
        self.codec.encode(&[times], rows)
    }

    pub(crate) fn decode(&self, times: &BinaryArray) -> Result<Vec<i64>> {
        let times = self.codec.decode(times)?.swap_remove(0);
        Ok(times.as_primitive::<TimestampMillisecondType>().values().to_vec())
    }
}
