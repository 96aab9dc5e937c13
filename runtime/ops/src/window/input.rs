//! The columns of a batch that a window aggregate reads: each is cast once, and taken once when
//! the batch is split.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::array::{TimestampMillisecondArray, UInt32Array};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, SchemaRef};
use sabot_core::plan::{WindowAggregateDesc, WindowTime};
use sabot_core::{Error, Result};

use super::aggregate::Aggregate;
use super::collected;
use crate::clock::Clock;
use crate::numbers::Numbers;
use crate::times::{check_row_time, row_times};

/// Which columns are read, and for what.
pub(super) struct WindowInput {
    time: WindowTime,
    /// In whose times windows are cut.
    pub(super) clock: Clock,
    /// The columns that are read, each once.
    columns: Vec<Read>,
    /// Which of them are keys.
    keys: Vec<usize>,
    arguments: Vec<ArgumentOf>,
}

/// A column of the batch, cast when it has to be.
#[derive(PartialEq)]
struct Read {
    column: usize,
    cast_to: Option<DataType>,
    /// Whether its values stand beside the numbers of their rows.
    numbered: bool,
}

/// What an aggregate reads, as indexes of columns that are read.
struct ArgumentOf {
    value: Option<usize>,
    filter: Option<usize>,
}

/// Rows of one window.
pub(super) struct WindowRows {
    pub(super) rows: usize,
    pub(super) keys: Vec<ArrayRef>,
    /// For each aggregate, its argument and filter.
    pub(super) arguments: Vec<(ArrayRef, Option<BooleanArray>)>,
}

impl WindowInput {
    pub(super) fn new(
        operator: &str,
        desc: &WindowAggregateDesc,
        clock: Clock,
        aggregates: &[Aggregate],
        input: &SchemaRef,
    ) -> Result<Self> {
        if let WindowTime::Row(column) = desc.time {
            check_row_time(operator, input, column)?;
        }
        let mut columns = Vec::new();
        let plain = |column: usize| Read { column, cast_to: None, numbered: false };
        let keys = desc.keys.iter().map(|key| read(&mut columns, plain(*key))).collect();
        let mut arguments = Vec::new();
        for (desc, aggregate) in desc.aggregates.iter().zip(aggregates) {
            let value = desc.argument.map(|column| {
                let is = input.field(column).data_type();
                let cast_to = aggregate.argument_type().filter(|wanted| *wanted != is).cloned();
                let numbered = aggregate.is_ordered();
                read(&mut columns, Read { column, cast_to, numbered })
            });
            let filter = desc.filter.map(|column| read(&mut columns, plain(column)));
            if let Some(column) = desc.filter
                && *input.field(column).data_type() != DataType::Boolean
            {
                return Err(Error::user(format!(
                    "operator {operator}: the filter of {} must be a boolean",
                    desc.name
                )));
            }
            arguments.push(ArgumentOf { value, filter });
        }
        Ok(Self { time: desc.time, clock, columns, keys, arguments })
    }

    /// Whether windows are those of processing time.
    pub(super) fn is_processing(&self) -> bool {
        self.time == WindowTime::Processing
    }

    /// The times at which rows lie in windows, none of them null: by the row-time column, or `now_ms`,
    /// which is such a time.
    pub(super) fn times(
        &self,
        batch: &RecordBatch,
        now_ms: i64,
    ) -> Result<TimestampMillisecondArray> {
        match self.time {
            WindowTime::Row(column) => Ok(self.clock.times(row_times(batch, column)?)),
            WindowTime::Processing => {
                Ok(TimestampMillisecondArray::from_value(now_ms, batch.num_rows()))
            }
        }
    }

    /// The columns that are read, those of rows that are numbered with the numbers.
    pub(super) fn columns(
        &self,
        batch: &RecordBatch,
        numbers: Option<&mut Numbers>,
    ) -> Result<Vec<ArrayRef>> {
        let numbers = numbers.map(|numbers| numbers.take(batch.num_rows()));
        let read = |Read { column, cast_to, numbered }: &Read| {
            let column = batch.column(*column);
            let values = match cast_to {
                Some(data_type) => cast(column, data_type)?,
                None => Arc::clone(column),
            };
            match &numbers {
                Some(numbers) if *numbered => collected::beside(numbers, values),
                _ => Ok(values),
            }
        };
        self.columns.iter().map(read).collect()
    }

    /// Tells apart what [`Self::columns`] gave, for `rows` rows.
    pub(super) fn rows(&self, columns: &[ArrayRef], rows: usize) -> WindowRows {
        let arguments = self.arguments.iter().map(|argument| {
            let value = match argument.value {
                Some(column) => Arc::clone(&columns[column]),
                // COUNT(*) counts rows: any column without nulls.
                None => Arc::new(BooleanArray::new(BooleanBuffer::new_unset(rows), None)),
            };
            (value, argument.filter.map(|column| columns[column].as_boolean().clone()))
        });
        WindowRows {
            rows,
            keys: self.keys.iter().map(|column| Arc::clone(&columns[*column])).collect(),
            arguments: arguments.collect(),
        }
    }
}

/// The index of a column among those that are read, which it joins.
fn read(columns: &mut Vec<Read>, wanted: Read) -> usize {
    columns.iter().position(|known| *known == wanted).unwrap_or_else(|| {
        columns.push(wanted);
        columns.len() - 1
    })
}

/// The rows of a batch but these.
pub(super) fn without(batch: &RecordBatch, rows: &[u32]) -> Result<RecordBatch> {
    let mut others = vec![true; batch.num_rows()];
    for row in rows {
        others[*row as usize] = false;
    }
    Ok(filter_record_batch(batch, &BooleanArray::from(others))?)
}

/// The given rows of each column.
pub(super) fn take(columns: &[ArrayRef], rows: &[u32]) -> Result<Vec<ArrayRef>> {
    let rows = UInt32Array::from(rows.to_vec());
    Ok(arrow::compute::take_arrays(columns, &rows, None)?)
}
