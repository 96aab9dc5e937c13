//! Rows of few bytes: whole numbers without their leading zeros, texts behind their lengths.
//!
//! A number of 4, 8 or 16 bytes begins with 0 where it is null, else with 2 and how many bytes it
//! has, zigzag, the lowest first. One that needs 8 begins with 1, as [`number::encode`] has it. A
//! text begins with one more than its length, 7 bits a byte, the lowest first; 0: it is null.
//! Everything else is a row of Arrow's row format behind its length.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayData, ArrayRef, AsArray, BinaryArray, GenericByteArray, make_array,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowNativeType, BinaryType, ByteArrayType, DataType, IntervalUnit, Utf8Type,
};
use arrow_row::{RowConverter, Rows, SortField};

use crate::state::number;
use crate::{Error, Result};

/// Stands for a null.
const NULL: u8 = 0;
/// Stands for the 8 bytes of [`number::encode`].
const WHOLE: u8 = 1;
/// What a number of no bytes begins with.
const SHORT: u8 = 2;

/// Encodes columns, and decodes them.
pub(super) struct Compact {
    columns: Vec<Column>,
}

struct Column {
    data_type: DataType,
    form: Form,
}

enum Form {
    /// Numbers of 4 bytes.
    Int,
    /// Numbers of 8 bytes.
    Long,
    /// The same, as [`number::encode`] has them whatever they are.
    WholeLong,
    /// Numbers of 16 bytes.
    Decimal,
    Text,
    Bytes,
    Other(RowConverter),
}

/// The values of a column that is encoded.
enum Cells {
    Int(ScalarBuffer<i32>),
    Long(ScalarBuffer<i64>),
    WholeLong(ScalarBuffer<i64>),
    Decimal(ScalarBuffer<i128>),
    Bytes(OffsetBuffer<i32>, Buffer),
    Other(Rows),
}

impl Compact {
    pub(super) fn new(types: impl IntoIterator<Item = DataType>) -> Result<Self> {
        let column = |data_type: DataType| {
            let form = match &data_type {
                DataType::Int32
                | DataType::UInt32
                | DataType::Float32
                | DataType::Date32
                | DataType::Time32(_)
                | DataType::Interval(IntervalUnit::YearMonth) => Form::Int,
                DataType::Int64
                | DataType::UInt64
                | DataType::Float64
                | DataType::Date64
                | DataType::Time64(_)
                | DataType::Timestamp(..)
                | DataType::Duration(_) => Form::Long,
                DataType::Decimal128(..) => Form::Decimal,
                DataType::Utf8 => Form::Text,
                DataType::Binary => Form::Bytes,
                other => Form::Other(RowConverter::new(vec![SortField::new(other.clone())])?),
            };
            Ok(Column { data_type, form })
        };
        Ok(Self { columns: types.into_iter().map(column).collect::<Result<_>>()? })
    }

    /// Has the numbers of a column take all of their bytes.
    pub(super) fn keep_whole(&mut self, column: usize) {
        let form = &mut self.columns[column].form;
        if matches!(form, Form::Long) {
            *form = Form::WholeLong;
        }
    }

    pub(super) fn encode(&self, columns: &[ArrayRef], rows: usize) -> Result<BinaryArray> {
        let mut pairs = self.columns.iter().zip(columns);
        let are_of_types = pairs.all(|(column, array)| {
            // Names and nulls within a type make no difference, as in Arrow's row format.
            column.data_type.equals_datatype(array.data_type())
        });
        if columns.len() != self.columns.len() || !are_of_types {
            return Err(wrong("encoding", "the columns have other types"));
        }
        let cells = self.columns.iter().zip(columns);
        let cells = cells.map(|(column, array)| {
            Ok((column.form.cells(array)?, array.nulls().filter(|nulls| nulls.null_count() > 0)))
        });
        let cells: Vec<_> = cells.collect::<Result<_>>()?;
        let sizes = cells.iter().map(|(cells, _)| cells.about_bytes(rows));
        let mut bytes = Vec::with_capacity(sizes.sum());
        let mut ends = Vec::with_capacity(rows + 1);
        ends.push(0);
        for row in 0..rows {
            for (cells, nulls) in &cells {
                match nulls.is_some_and(|nulls| nulls.is_null(row)) {
                    // What is no number and no text says itself that it is null.
                    true if !matches!(cells, Cells::Other(_)) => bytes.push(NULL),
                    _ => cells.push(row, &mut bytes),
                }
            }
            let end = i32::try_from(bytes.len());
            ends.push(end.map_err(|_| wrong("encoding", "rows of 2 GiB"))?);
        }
        let ends = OffsetBuffer::new(ends.into());
        Ok(BinaryArray::try_new(ends, Buffer::from_vec(bytes), None)?)
    }

    pub(super) fn decode<'r>(&self, rows: impl Iterator<Item = &'r [u8]>) -> Result<Vec<ArrayRef>> {
        let mut rests: Vec<&[u8]> = rows.collect();
        let columns = self.columns.iter().map(|column| column.decode(&mut rests));
        let columns = columns.collect::<Result<_>>()?;
        match rests.iter().all(|rest| rest.is_empty()) {
            true => Ok(columns),
            false => Err(wrong("decoding", "bytes are left behind a row")),
        }
    }
}

fn wrong(action: &str, what: &str) -> Error {
    Error::state(format!("{action} rows of state failed"), what.to_owned())
}

impl Form {
    fn cells(&self, array: &ArrayRef) -> Result<Cells> {
        let data = || array.to_data();
        Ok(match self {
            Self::Int => Cells::Int(values(&data())),
            Self::Long => Cells::Long(values(&data())),
            Self::WholeLong => Cells::WholeLong(values(&data())),
            Self::Decimal => Cells::Decimal(values(&data())),
            Self::Text => bytes_of(array.as_string::<i32>()),
            Self::Bytes => bytes_of(array.as_binary::<i32>()),
            Self::Other(converter) => {
                Cells::Other(converter.convert_columns(&[Arc::clone(array)])?)
            }
        })
    }
}

fn values<T: ArrowNativeType>(data: &ArrayData) -> ScalarBuffer<T> {
    ScalarBuffer::new(data.buffers()[0].clone(), data.offset(), data.len())
}

fn bytes_of<T: ByteArrayType<Offset = i32>>(array: &GenericByteArray<T>) -> Cells {
    Cells::Bytes(array.offsets().clone(), array.values().clone())
}

impl Cells {
    /// How many bytes so many rows take, roughly.
    fn about_bytes(&self, rows: usize) -> usize {
        match self {
            Self::Int(_) => rows * 6,
            Self::Long(_) | Self::WholeLong(_) => rows * number::BYTES,
            Self::Decimal(_) => rows * 17,
            Self::Bytes(ends, _) => rows * 2 + (ends[rows] - ends[0]) as usize,
            Self::Other(cells) => cells.size(),
        }
    }

    fn push(&self, row: usize, to: &mut Vec<u8>) {
        match self {
            Self::Int(values) => push_number(to, i64::from(values[row])),
            Self::Long(values) => push_number(to, values[row]),
            Self::WholeLong(values) => to.extend_from_slice(&number::encode(values[row])),
            Self::Decimal(values) => push_decimal(to, values[row]),
            Self::Bytes(ends, values) => {
                let value = &values[ends[row] as usize..ends[row + 1] as usize];
                push_length(to, value.len() + 1);
                to.extend_from_slice(value);
            }
            Self::Other(rows) => {
                let value = rows.row(row);
                push_length(to, value.data().len());
                to.extend_from_slice(value.data());
            }
        }
    }
}

/// Appends a number as a column of a compact row.
pub fn push_number(to: &mut Vec<u8>, number: i64) {
    let zigzag = ((number << 1) ^ (number >> 63)) as u64;
    let length = (u64::BITS - zigzag.leading_zeros()).div_ceil(8) as u8;
    if length == 8 {
        return to.extend_from_slice(&number::encode(number));
    }
    let mut cell = [SHORT + length; 9];
    cell[1..].copy_from_slice(&zigzag.to_le_bytes());
    let end = to.len() + 1 + usize::from(length);
    // All of it, because a known length is no call.
    to.extend_from_slice(&cell);
    to.truncate(end);
}

fn push_decimal(to: &mut Vec<u8>, number: i128) {
    let zigzag = ((number << 1) ^ (number >> 127)) as u128;
    let length = (u128::BITS - zigzag.leading_zeros()).div_ceil(8) as usize;
    to.push(SHORT + length as u8);
    to.extend_from_slice(&zigzag.to_le_bytes()[..length]);
}

fn push_length(to: &mut Vec<u8>, mut length: usize) {
    while length >= 0x80 {
        to.push(length as u8 | 0x80);
        length >>= 7;
    }
    to.push(length as u8);
}

/// Bytes that are no row.
#[derive(Debug)]
struct Malformed;

/// Takes a number off the front of a compact row; none where it is null or there is none.
pub fn take_number(row: &[u8]) -> Option<(i64, &[u8])> {
    let mut rest = row;
    let number = take_long(&mut rest).ok()??;
    Some((number, rest))
}

/// Takes some bytes off the front.
fn take_bytes<'r>(rest: &mut &'r [u8], length: usize) -> Result<&'r [u8], Malformed> {
    let (bytes, behind) = rest.split_at_checked(length).ok_or(Malformed)?;
    *rest = behind;
    Ok(bytes)
}

fn take_long(rest: &mut &[u8]) -> Result<Option<i64>, Malformed> {
    let (first, behind) = rest.split_first().ok_or(Malformed)?;
    let length = match *first {
        WHOLE => return Ok(Some(number::decode(take_bytes(rest, number::BYTES)?))),
        NULL => {
            *rest = behind;
            return Ok(None);
        }
        length => usize::from(length - SHORT),
    };
    if length >= 8 {
        return Err(Malformed);
    }
    *rest = behind;
    let zigzag = match behind.first_chunk::<8>() {
        // The bytes behind it are read with it, because a known length is no call.
        Some(bytes) => {
            *rest = &behind[length..];
            u64::from_le_bytes(*bytes) & ((1 << (8 * length)) - 1)
        }
        None => {
            let bytes = take_bytes(rest, length)?.iter().rev();
            bytes.fold(0, |number, byte| (number << 8) | u64::from(*byte))
        }
    };
    Ok(Some((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64)))
}

fn take_int(rest: &mut &[u8]) -> Result<Option<i32>, Malformed> {
    take_long(rest)?.map(|number| i32::try_from(number).map_err(|_| Malformed)).transpose()
}

fn take_decimal(rest: &mut &[u8]) -> Result<Option<i128>, Malformed> {
    let first = take_bytes(rest, 1)?[0];
    if first == NULL {
        return Ok(None);
    }
    let length = usize::from(first.checked_sub(SHORT).ok_or(Malformed)?);
    let mut zigzag = [0; 16];
    let to = zigzag.get_mut(..length).ok_or(Malformed)?;
    to.copy_from_slice(take_bytes(rest, length)?);
    let zigzag = u128::from_le_bytes(zigzag);
    Ok(Some((zigzag >> 1) as i128 ^ -((zigzag & 1) as i128)))
}

fn take_length(rest: &mut &[u8]) -> Result<usize, Malformed> {
    let mut length = 0;
    for (at, byte) in rest.iter().enumerate().take(5) {
        length |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            *rest = &rest[at + 1..];
            return Ok(length);
        }
    }
    Err(Malformed)
}

impl From<Malformed> for Error {
    fn from(_: Malformed) -> Self {
        wrong("decoding", "bytes that are no row")
    }
}

impl Column {
    /// The column's values, which are taken off the fronts of rows.
    fn decode(&self, rests: &mut [&[u8]]) -> Result<ArrayRef> {
        match &self.form {
            Form::Int => self.numbers(rests, take_int),
            Form::Long | Form::WholeLong => self.numbers(rests, take_long),
            Form::Decimal => self.numbers(rests, take_decimal),
            Form::Text => Ok(Arc::new(texts::<Utf8Type>(rests)?)),
            Form::Bytes => Ok(Arc::new(texts::<BinaryType>(rests)?)),
            Form::Other(converter) => {
                let parser = converter.parser();
                let mut rows = Vec::with_capacity(rests.len());
                for rest in rests {
                    let length = take_length(rest)?;
                    rows.push(parser.parse(take_bytes(rest, length)?));
                }
                Ok(converter.convert_rows(rows)?.swap_remove(0))
            }
        }
    }

    fn numbers<T: ArrowNativeType>(
        &self,
        rests: &mut [&[u8]],
        take: impl Fn(&mut &[u8]) -> Result<Option<T>, Malformed>,
    ) -> Result<ArrayRef> {
        let mut numbers = Vec::with_capacity(rests.len());
        let mut nulls = Vec::new();
        for (row, rest) in rests.iter_mut().enumerate() {
            let number = take(rest)?;
            if number.is_none() {
                nulls.push(row);
            }
            numbers.push(number.unwrap_or_default());
        }
        let data = ArrayData::builder(self.data_type.clone())
            .len(numbers.len())
            .nulls(nulls_at(&nulls, numbers.len()))
            .add_buffer(Buffer::from_vec(numbers));
        Ok(make_array(data.build()?))
    }
}

fn texts<T: ByteArrayType<Offset = i32>>(rests: &mut [&[u8]]) -> Result<GenericByteArray<T>> {
    let (mut values, mut nulls) = (Vec::with_capacity(rests.len()), Vec::new());
    let (mut bytes, mut ends) = (0, Vec::with_capacity(rests.len() + 1));
    ends.push(0);
    for (row, rest) in rests.iter_mut().enumerate() {
        let length = take_length(rest)?;
        if length == 0 {
            nulls.push(row);
        }
        let value = take_bytes(rest, length.saturating_sub(1))?;
        bytes += value.len();
        values.push(value);
        ends.push(i32::try_from(bytes).map_err(|_| wrong("decoding", "texts of 2 GiB"))?);
    }
    let ends = OffsetBuffer::new(ends.into());
    let nulls = nulls_at(&nulls, rests.len());
    Ok(GenericByteArray::try_new(ends, Buffer::from_vec(values.concat()), nulls)?)
}

/// None where nothing is null.
fn nulls_at(nulls: &[usize], rows: usize) -> Option<NullBuffer> {
    (!nulls.is_empty()).then(|| {
        let mut is_there = vec![true; rows];
        for row in nulls {
            is_there[*row] = false;
        }
        NullBuffer::from(is_there)
    })
}

#[cfg(test)]
mod tests;
