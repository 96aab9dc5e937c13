//! What expressions read beside the columns of their rows: the time, the watermark, random bits.
//!
//! Expressions have neither a clock nor dice. An operator with one that reads such a thing appends
//! these columns to the batch before it evaluates them.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, FixedSizeBinaryArray, NullArray, RecordBatch, RecordBatchOptions,
    TimestampMillisecondArray,
};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use sabot_types::EventTime;
use sabot_types::key_hash::mixed;

use crate::{Evaluator, Random, Result};

/// The name of the column of processing time, `TIMESTAMP_LTZ(3)`. No table can declare a column of
/// these names.
pub const PROC_TIME: &str = "$proc_time";
/// The name of the column of the watermark, `TIMESTAMP(3)`; NULL before the first one.
pub const WATERMARK: &str = "$watermark";
/// The name of the column of [`RANDOM_BYTES`] random bytes, other ones in each row.
pub const RANDOM: &str = "$random";

/// Their names in the order in which they stand.
pub const NAMES: [&str; 3] = [PROC_TIME, WATERMARK, RANDOM];

/// The names of the same as columns that rows which change were given: they are kept with these.
pub const REMEMBERED: [&str; 3] =
    ["$remembered_proc_time", "$remembered_watermark", "$remembered_random"];

/// Random bytes of a row.
pub const RANDOM_BYTES: usize = 16;

/// Which of the columns are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AmbientReads {
    /// [`PROC_TIME`].
    pub proc_time: bool,
    /// [`WATERMARK`].
    pub watermark: bool,
    /// [`RANDOM`].
    pub random: bool,
}

impl AmbientReads {
    /// What any of these reads.
    pub fn of<'e>(values: impl IntoIterator<Item = &'e Arc<dyn Evaluator>>) -> Self {
        values.into_iter().map(|value| value.ambient()).fold(Self::default(), Self::or)
    }

    /// What the one or the other reads.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            proc_time: self.proc_time || other.proc_time,
            watermark: self.watermark || other.watermark,
            random: self.random || other.random,
        }
    }

    /// Whether nothing is read.
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }

    /// Whether each is read, in the order of [`NAMES`].
    pub fn each(self) -> [bool; 3] {
        [self.proc_time, self.watermark, self.random]
    }

    /// The columns of [`REMEMBERED`] that are read.
    pub fn remembered(self) -> impl Iterator<Item = Field> {
        let fields = columns().into_iter().zip(REMEMBERED).zip(self.each());
        fields.filter(|(_, read)| *read).map(|((field, name), _)| field.with_name(name))
    }
}

/// What an operator knows in its turn.
#[derive(Clone, Copy)]
pub struct Ambient<'a> {
    /// Processing time, milliseconds since the Unix epoch.
    pub now_ms: i64,
    /// The watermark that the rows come behind, if one has come.
    pub watermark: Option<EventTime>,
    /// Where random bits come from.
    pub random: &'a dyn Random,
}

impl fmt::Debug for Ambient<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ambient").field("now_ms", &self.now_ms).finish_non_exhaustive()
    }
}

/// `TIMESTAMP_LTZ(3)`, the type of [`PROC_TIME`].
pub fn proc_time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, Some(Arc::from("UTC")))
}

/// The columns, in the order of [`NAMES`].
fn columns() -> [Field; 3] {
    [
        Field::new(PROC_TIME, proc_time_type(), false),
        Field::new(WATERMARK, DataType::Timestamp(TimeUnit::Millisecond, None), true),
        Field::new(RANDOM, DataType::FixedSizeBinary(RANDOM_BYTES as i32), false),
    ]
}

/// The schema with the columns behind its others.
pub fn with_columns(schema: &Schema) -> SchemaRef {
    let columns = columns().into_iter().map(Arc::new);
    Arc::new(Schema::new(schema.fields().iter().cloned().chain(columns).collect::<Vec<_>>()))
}

impl Ambient<'_> {
    /// The batch with the columns behind its others, or as it is where none is read. Those that are not
    /// read are there for their places alone, and of no type.
    pub fn append<'b>(
        &self,
        batch: &'b RecordBatch,
        reads: AmbientReads,
    ) -> Result<Cow<'b, RecordBatch>> {
        if reads.is_nothing() {
            return Ok(Cow::Borrowed(batch));
        }
        let rows = batch.num_rows();
        let absent = || Arc::new(NullArray::new(rows)) as ArrayRef;
        let added = self.columns(reads, rows)?.map(|column| column.unwrap_or_else(absent));
        let mut fields = batch.schema_ref().fields().to_vec();
        let field = |(name, column): (&str, &ArrayRef)| {
            Arc::new(Field::new(name, column.data_type().clone(), true))
        };
        fields.extend(NAMES.into_iter().zip(&added).map(field));
        let columns = batch.columns().iter().cloned().chain(added).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let schema = Arc::new(Schema::new(fields));
        Ok(Cow::Owned(RecordBatch::try_new_with_options(schema, columns, &options)?))
    }

    /// The columns that are read, in the order of [`NAMES`], for so many rows.
    pub fn columns(&self, reads: AmbientReads, rows: usize) -> Result<[Option<ArrayRef>; 3]> {
        let random = || random_bytes(self.random, rows);
        Ok([
            reads.proc_time.then(|| self.proc_times(rows)),
            reads.watermark.then(|| self.watermarks(rows)),
            reads.random.then(random).transpose()?,
        ])
    }

    fn proc_times(&self, rows: usize) -> ArrayRef {
        let times = TimestampMillisecondArray::from_value(self.now_ms, rows);
        Arc::new(times.with_data_type(proc_time_type()))
    }

    fn watermarks(&self, rows: usize) -> ArrayRef {
        let watermark = self.watermark.map(EventTime::millis);
        Arc::new(match watermark {
            Some(watermark) => TimestampMillisecondArray::from_value(watermark, rows),
            None => TimestampMillisecondArray::new_null(rows),
        })
    }
}

/// Bytes for each row, by two numbers that are drawn for all of them.
fn random_bytes(random: &dyn Random, rows: usize) -> Result<ArrayRef> {
    let mut halves = [random.next_u64(), random.next_u64()];
    let mut bytes = Vec::with_capacity(rows * RANDOM_BYTES);
    for _ in 0..rows {
        for half in &mut halves {
            *half = half.wrapping_add(0x9e37_79b9_7f4a_7c15);
            bytes.extend_from_slice(&mixed(*half).to_le_bytes());
        }
    }
    let (size, bytes) = (RANDOM_BYTES as i32, Buffer::from_vec(bytes));
    Ok(Arc::new(FixedSizeBinaryArray::try_new(size, bytes, None)?))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use arrow::array::{Array, AsArray, Int64Array};

    use super::*;
    use crate::SeededRandom;

    #[test]
    fn columns_that_are_read_stand_behind_the_others_at_fixed_places() {
        let numbers = Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef;
        let batch = RecordBatch::try_from_iter([("n", numbers)]).unwrap();
        let random = SeededRandom::new(1);
        let ambient =
            Ambient { now_ms: 7, watermark: Some(EventTime::from_millis(5)), random: &random };
        let all = AmbientReads { proc_time: true, watermark: true, random: true };
        let wide = ambient.append(&batch, all).unwrap();
        let types = |schema: &Schema| -> Vec<(String, DataType)> {
            schema.fields().iter().map(|f| (f.name().clone(), f.data_type().clone())).collect()
        };
        assert_eq!(types(wide.schema_ref()), types(&with_columns(batch.schema_ref())));
        assert_eq!(wide.column(1).null_count(), 0);
        let none = Ambient { watermark: None, ..ambient }.append(&batch, all).unwrap();
        assert_eq!(none.column(2).null_count(), 3);

        let reads = AmbientReads { random: true, ..AmbientReads::default() };
        let wide = ambient.append(&batch, reads).unwrap();
        assert_eq!(wide.column(1).data_type(), &DataType::Null);
        let bytes = wide.column(3).as_fixed_size_binary();
        let distinct: HashSet<_> = bytes.iter().flatten().collect();
        assert_eq!(distinct.len(), 3);
    }
}
