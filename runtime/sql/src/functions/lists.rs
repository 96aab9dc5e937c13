//! What functions of ARRAYs have in common: each makes lists of elements of its arguments, which
//! are picked by place from one pool, a batch at a time.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, NullBufferBuilder, UInt32Array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{concat, take};
use arrow::datatypes::DataType;
use arrow::row::{Row, RowConverter, Rows, SortField};
use datafusion_common::{Result, exec_datafusion_err, exec_err};

use super::floats;

/// The elements of all arguments that are lists of them, or one of them a row.
pub(super) struct Pool<'a> {
    arguments: &'a [ArrayRef],
    elements: ArrayRef,
    /// Where each argument's elements begin.
    starts: Vec<usize>,
    /// The elements by their values.
    rows: Option<Rows>,
}

impl<'a> Pool<'a> {
    /// The elements of these arguments, the first `lists` of which are lists of them. All are of one
    /// type.
    pub(super) fn of(arguments: &'a [ArrayRef], lists: usize) -> Result<Self> {
        let elements = |(index, array): (usize, &'a ArrayRef)| {
            if index < lists { array.as_list::<i32>().values() } else { array }
        };
        let parts: Vec<&ArrayRef> = arguments.iter().enumerate().map(elements).collect();
        let mut starts = Vec::with_capacity(parts.len());
        let mut end = 0;
        for part in &parts {
            starts.push(end);
            end += part.len();
        }
        let elements = match parts.as_slice() {
            [only] => Arc::clone(only),
            parts => concat(&parts.iter().map(AsRef::as_ref).collect::<Vec<&dyn Array>>())?,
        };
        Ok(Self { arguments, elements, starts, rows: None })
    }

    /// The same, to be told apart by their values: 0 has no sign.
    pub(super) fn compared(arguments: &'a [ArrayRef], lists: usize) -> Result<Self> {
        Self::of(arguments, lists)?.with_values(floats::with_one_zero)
    }

    /// The same, to be put in an order.
    pub(super) fn ordered(arguments: &'a [ArrayRef], lists: usize) -> Result<Self> {
        Self::of(arguments, lists)?.with_values(floats::with_one_nan)
    }

    fn with_values(self, values: fn(&ArrayRef) -> ArrayRef) -> Result<Self> {
        let converter = RowConverter::new(vec![SortField::new(self.elements.data_type().clone())])?;
        let rows = converter.convert_columns(&[values(&self.elements)])?;
        Ok(Self { rows: Some(rows), ..self })
    }

    /// The number of rows.
    pub(super) fn len(&self) -> usize {
        self.arguments.first().map_or(0, Array::len)
    }

    /// The places of a list's elements; none for NULL.
    pub(super) fn list(&self, argument: usize, row: usize) -> Option<Range<usize>> {
        let list = self.arguments[argument].as_list::<i32>();
        let start = self.starts[argument];
        range(list, row).map(|range| range.start + start..range.end + start)
    }

    /// The place of an argument that is an element.
    pub(super) fn element(&self, argument: usize, row: usize) -> usize {
        self.starts[argument] + row
    }

    pub(super) fn is_null(&self, place: usize) -> bool {
        self.elements.is_null(place)
    }

    /// An element's value, of a pool that is compared; NULL is a value, the first of all.
    pub(super) fn value(&self, place: usize) -> Option<Row<'_>> {
        self.rows.as_ref().map(|rows| rows.row(place))
    }

    /// The elements at these places.
    pub(super) fn take(&self, places: impl IntoIterator<Item = Option<usize>>) -> Result<ArrayRef> {
        let places: UInt32Array =
            places.into_iter().map(|place| place.map(|place| place as u32)).collect();
        Ok(take(&self.elements, &places, None)?)
    }
}

/// The places of a row's elements; none for NULL.
pub(super) fn range(list: &ListArray, row: usize) -> Option<Range<usize>> {
    let offsets = list.value_offsets();
    list.is_valid(row).then(|| offsets[row] as usize..offsets[row + 1] as usize)
}

/// Lists by the places of their elements, row by row.
pub(super) struct Picked {
    places: Vec<u32>,
    ends: Vec<usize>,
    valid: NullBufferBuilder,
}

impl Picked {
    pub(super) fn with_capacity(rows: usize) -> Self {
        Self {
            places: Vec::with_capacity(rows),
            ends: Vec::with_capacity(rows),
            valid: NullBufferBuilder::new(rows),
        }
    }

    /// Adds an element to the list that is not yet ended.
    pub(super) fn push(&mut self, place: usize) {
        self.places.push(place as u32);
    }

    /// Adds elements to the list that is not yet ended.
    pub(super) fn extend(&mut self, places: impl IntoIterator<Item = usize>) {
        self.places.extend(places.into_iter().map(|place| place as u32));
    }

    /// Where the list that is not yet ended begins.
    pub(super) fn list_mut(&mut self) -> &mut [u32] {
        let begin = self.ends.last().copied().unwrap_or_default();
        &mut self.places[begin..]
    }

    /// Ends a list.
    pub(super) fn end(&mut self) {
        self.ends.push(self.places.len());
        self.valid.append_non_null();
    }

    /// A row without a list.
    pub(super) fn null(&mut self) {
        self.ends.push(self.places.len());
        self.valid.append_null();
    }

    /// The lists, as an array of the type `to`.
    pub(super) fn of(self, pool: &Pool<'_>, to: &DataType) -> Result<ArrayRef> {
        let elements = take(&pool.elements, &UInt32Array::from(self.places), None)?;
        list_of(elements, &self.ends, self.valid, to)
    }
}

/// Lists of the type `to` that end at these elements.
pub(super) fn list_of(
    elements: ArrayRef,
    ends: &[usize],
    mut valid: NullBufferBuilder,
    to: &DataType,
) -> Result<ArrayRef> {
    let DataType::List(item) = to else { return exec_err!("{to} is no type of lists") };
    let offsets = offsets(ends)?;
    Ok(Arc::new(ListArray::try_new(Arc::clone(item), offsets, elements, valid.finish())?))
}

/// The offsets of lists that end at these elements, the first of which begins at 0.
pub(super) fn offsets(ends: &[usize]) -> Result<OffsetBuffer<i32>> {
    let all = std::iter::once(&0).chain(ends).map(|end| i32::try_from(*end));
    let all: std::result::Result<Vec<i32>, _> = all.collect();
    let all =
        all.map_err(|_| exec_datafusion_err!("the arrays of a batch have too many elements"))?;
    Ok(OffsetBuffer::new(all.into()))
}
