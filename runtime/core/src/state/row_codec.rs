//! Columns as bytes, one value a row, for keys and values of state.

mod compact;

use std::str::FromStr;

use arrow::array::{Array, ArrayRef, BinaryArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::DataType;
use arrow_row::{RowConverter, SortField};

use self::compact::Compact;
use super::{StateField, StateSpec, ValueEncoding};
use crate::{Error, Result};

pub use compact::{push_number, take_number};

/// Encodes rows of columns with given types, each row for itself, and decodes them.
pub struct RowCodec {
    format: Format,
}

enum Format {
    /// Arrow's row format of no columns, which it refuses: every row is empty.
    Empty,
    Sortable(RowConverter),
    Compact(Compact),
}

impl RowCodec {
    /// Rows in whose bytes' order rows are, as Arrow's row format has them.
    pub fn new(types: impl IntoIterator<Item = DataType>) -> Result<Self> {
        let fields: Vec<_> = types.into_iter().map(SortField::new).collect();
        let format = match fields.is_empty() {
            true => Format::Empty,
            false => Format::Sortable(RowConverter::new(fields)?),
        };
        Ok(Self { format })
    }

    /// Rows of few bytes, whose order means nothing: equal rows have equal bytes, and the rows of
    /// some columns followed by those of others are the rows of all.
    pub fn compact(types: impl IntoIterator<Item = DataType>) -> Result<Self> {
        Ok(Self { format: Format::Compact(Compact::new(types)?) })
    }

    /// The rows that keys of a state are.
    pub fn of_keys(spec: &StateSpec) -> Result<Self> {
        Self::new(types(spec, &spec.key)?)
    }

    /// The rows that values of a state are, with the time at which they were written where that is
    /// kept.
    pub fn of_values(spec: &StateSpec) -> Result<Self> {
        let types = types(spec, &spec.value)?;
        match spec.encoding {
            ValueEncoding::Sortable => Self::new(types),
            ValueEncoding::Compact => {
                let mut compact = Compact::new(types)?;
                if let Some(at) = spec.value.iter().position(|f| f.name == StateField::WRITTEN) {
                    compact.keep_whole(at);
                }
                Ok(Self { format: Format::Compact(compact) })
            }
        }
    }

    /// Encodes `rows` rows.
    pub fn encode(&self, columns: &[ArrayRef], rows: usize) -> Result<BinaryArray> {
        match &self.format {
            Format::Sortable(converter) => {
                Ok(converter.convert_columns(columns)?.try_into_binary()?)
            }
            Format::Compact(compact) => compact.encode(columns, rows),
            Format::Empty => {
                Ok(BinaryArray::new(OffsetBuffer::new_zeroed(rows), Vec::<u8>::new().into(), None))
            }
        }
    }

    /// Decodes what [`Self::encode`] wrote; no row may be null.
    pub fn decode(&self, rows: &BinaryArray) -> Result<Vec<ArrayRef>> {
        if rows.null_count() > 0 {
            return Err(Error::state(
                "decoding rows of state failed",
                "a row is missing".to_string(),
            ));
        }
        self.decode_rows(rows.iter().flatten())
    }

    /// Decodes rows that [`Self::encode`] wrote. Bytes that it did not write may panic where they are
    /// taken for rows of Arrow's row format, which is not checked; elsewhere they are an error.
    pub fn decode_rows<'r>(&self, rows: impl Iterator<Item = &'r [u8]>) -> Result<Vec<ArrayRef>> {
        match &self.format {
            Format::Sortable(converter) => {
                let parser = converter.parser();
                Ok(converter.convert_rows(rows.map(|row| parser.parse(row)))?)
            }
            Format::Compact(compact) => compact.decode(rows),
            Format::Empty => Ok(Vec::new()),
        }
    }
}

fn types(spec: &StateSpec, fields: &[StateField]) -> Result<Vec<DataType>> {
    let types = fields.iter().map(|field| {
        DataType::from_str(&field.data_type).map_err(|e| {
            let what = format!("operator {}: reading the type of {}", spec.operator, field.name);
            Error::state(what, e)
        })
    });
    types.collect()
}
