//! Batches with only those columns that expressions read: the others are not made.

use std::sync::Arc;

use arrow::array::{ArrayRef, NullArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use sabot_core::{Evaluator, Result};

/// Which columns of an input expressions read.
pub(crate) struct ReadColumns {
    is_read: Vec<bool>,
    /// The input's, with nulls in place of columns that are not read.
    schema: SchemaRef,
}

impl ReadColumns {
    /// Those of `input` that any of these reads.
    pub(crate) fn of<'e>(
        readers: impl IntoIterator<Item = &'e dyn Evaluator>,
        input: &Schema,
    ) -> Self {
        let mut is_read = vec![false; input.fields().len()];
        for reader in readers {
            match reader.columns() {
                Some(columns) => {
                    for (at, is_read) in is_read.iter_mut().enumerate() {
                        *is_read |= columns.contains(&at);
                    }
                }
                None => is_read.fill(true),
            }
        }
        let field = |(field, is_read): (&Arc<Field>, &bool)| match is_read {
            true => Arc::clone(field),
            false => Arc::new(Field::new(field.name(), DataType::Null, true)),
        };
        let fields: Vec<_> = input.fields().iter().zip(&is_read).map(field).collect();
        Self { is_read, schema: Arc::new(Schema::new(fields)) }
    }

    /// A batch of so many rows: those columns that are read, made by index.
    pub(crate) fn batch(
        &self,
        rows: usize,
        mut column: impl FnMut(usize) -> Result<ArrayRef>,
    ) -> Result<RecordBatch> {
        let column = |(index, is_read): (usize, &bool)| match is_read {
            true => column(index),
            false => Ok(Arc::new(NullArray::new(rows)) as ArrayRef),
        };
        let columns = self.is_read.iter().enumerate().map(column).collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?)
    }
}
