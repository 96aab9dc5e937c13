//! Columns as bytes, one value a row, for keys and values of state.

use arrow::array::{Array, ArrayRef, BinaryArray, UInt32Array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::take_arrays;
use arrow::datatypes::DataType;
use arrow_row::{RowConverter, SortField};
use sabot_core::{Error, Result};

/// Encodes rows of columns with given types, each row for itself, and decodes them.
pub(crate) struct RowCodec {
    /// None when there are no columns: every row is empty.
    converter: Option<RowConverter>,
}

impl RowCodec {
    pub(crate) fn new(types: impl IntoIterator<Item = DataType>) -> Result<Self> {
        let fields: Vec<_> = types.into_iter().map(SortField::new).collect();
        let converter = if fields.is_empty() { None } else { Some(RowConverter::new(fields)?) };
        Ok(Self { converter })
    }

    /// Encodes `rows` rows.
    pub(crate) fn encode(&self, columns: &[ArrayRef], rows: usize) -> Result<BinaryArray> {
        match &self.converter {
            Some(converter) => Ok(converter.convert_columns(columns)?.try_into_binary()?),
            None => {
                Ok(BinaryArray::new(OffsetBuffer::new_zeroed(rows), Vec::<u8>::new().into(), None))
            }
        }
    }

    /// Decodes what [`Self::encode`] wrote; no row may be null.
    pub(crate) fn decode(&self, rows: &BinaryArray) -> Result<Vec<ArrayRef>> {
        if rows.null_count() > 0 {
            return Err(Error::state(
                "decoding rows of state failed",
                "a row is missing".to_string(),
            ));
        }
        self.decode_rows(rows.iter().flatten())
    }

    /// Decodes rows that [`Self::encode`] wrote.
    pub(crate) fn decode_rows<'r>(
        &self,
        rows: impl Iterator<Item = &'r [u8]>,
    ) -> Result<Vec<ArrayRef>> {
        let Some(converter) = &self.converter else { return Ok(Vec::new()) };
        let parser = converter.parser();
        Ok(converter.convert_rows(rows.map(|row| parser.parse(row)))?)
    }
}

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
