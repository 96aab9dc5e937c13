//! What is computed of the rows of matches, and of what matches have so far: many at once.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, TimestampMillisecondArray, UInt32Array, new_null_array};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use sabot_core::Result;
use sabot_core::plan::{AggregateDesc, MatchFunction, MatchValue};

use super::runs::Runs;
use crate::group::accumulate::{Accumulator, Rows, state_columns};

/// A way through rows that something is computed of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The key, by its place in what is answered.
    pub(super) key: usize,
    /// The last node of the way; none of an empty one.
    pub(super) node: u32,
    /// A row that would come next, and the variable that it would be one of.
    pub(super) next: Option<(u32, usize)>,
    /// The time at which it is looked at.
    pub(super) time: i64,
}

/// Something that is computed.
pub(super) struct Value {
    variable: Option<usize>,
    /// Among the columns that are kept of rows.
    column: Option<usize>,
    function: Function,
    data_type: DataType,
}

enum Function {
    First(usize),
    Last(usize),
    Aggregate(Accumulator, Vec<DataType>),
    Time,
}

impl Value {
    /// One over the columns of `input` with these indexes.
    pub(super) fn new(
        operator: &str,
        value: &MatchValue,
        input: &SchemaRef,
        kept: &[usize],
    ) -> Result<Self> {
        let column = value.column.and_then(|column| kept.iter().position(|k| *k == column));
        let function = match value.function {
            MatchFunction::First(offset) => Function::First(offset),
            MatchFunction::Last(offset) => Function::Last(offset),
            MatchFunction::Time => Function::Time,
            MatchFunction::Aggregate(function) => {
                let desc = AggregateDesc {
                    name: value.name.clone(),
                    function,
                    argument: value.column,
                    distinct: false,
                    filter: None,
                    data_type: value.data_type.clone(),
                };
                let input: &Schema = input;
                let states = state_columns(&desc, input).map(|(_, data_type)| data_type).collect();
                Function::Aggregate(Accumulator::new(operator, &desc, input)?, states)
            }
        };
        let data_type = value.data_type.clone();
        Ok(Self { variable: value.variable, column, function, data_type })
    }

    /// Its values at places, over the columns that are kept of rows.
    pub(super) fn at(
        &self,
        places: &[Place],
        runs: &[Runs],
        columns: &[ArrayRef],
    ) -> Result<ArrayRef> {
        let column = self.column.map(|column| &columns[column]);
        match &self.function {
            Function::Time => {
                let times = places.iter().map(|place| place.time);
                let times: ArrayRef = Arc::new(TimestampMillisecondArray::from_iter_values(times));
                Ok(cast(&times, &self.data_type)?)
            }
            Function::First(offset) => self.chosen(column, places, |place| {
                let (count, next) = self.count(place, runs);
                match *offset < count {
                    true => {
                        let back = count - 1 - offset;
                        runs[place.key].row_before(place.node, self.variable, back)
                    }
                    false => next.filter(|_| *offset == count),
                }
            }),
            Function::Last(offset) => self.chosen(column, places, |place| {
                let (_, next) = self.count(place, runs);
                match (next, *offset) {
                    (Some(next), 0) => Some(next),
                    (next, offset) => {
                        let back = offset - usize::from(next.is_some());
                        runs[place.key].row_before(place.node, self.variable, back)
                    }
                }
            }),
            Function::Aggregate(accumulator, states) => {
                let (mut rows, mut groups) = (Vec::new(), Vec::new());
                for (group, place) in places.iter().enumerate() {
                    runs[place.key].rows(place.node, self.variable, &mut rows);
                    rows.extend(self.next(place));
                    groups.resize(rows.len(), group);
                }
                let rows = UInt32Array::from(rows);
                let values = column.map(|column| take(column, &rows, None)).transpose()?;
                let before: Vec<ArrayRef> =
                    states.iter().map(|state| new_null_array(state, places.len())).collect();
                let rows =
                    Rows { values: values.as_ref(), groups: &groups, weights: None, filter: None };
                accumulator.result(&accumulator.add(&before, &rows)?)
            }
        }
    }

    /// The value of one row at each place.
    fn chosen(
        &self,
        column: Option<&ArrayRef>,
        places: &[Place],
        row: impl Fn(&Place) -> Option<u32>,
    ) -> Result<ArrayRef> {
        match column {
            None => Ok(new_null_array(&self.data_type, places.len())),
            Some(column) => {
                Ok(take(column, &places.iter().map(row).collect::<UInt32Array>(), None)?)
            }
        }
    }

    /// The row that would come next, if it would be one of the variable.
    fn next(&self, place: &Place) -> Option<u32> {
        let (row, variable) = place.next?;
        self.variable.is_none_or(|own| own == variable).then_some(row)
    }

    /// How many rows there are without the next one, and the next one.
    fn count(&self, place: &Place, runs: &[Runs]) -> (usize, Option<u32>) {
        (runs[place.key].count(place.node, self.variable), self.next(place))
    }
}

/// The values of a boolean column; NULL is false.
pub(super) fn truths(values: &ArrayRef) -> impl Iterator<Item = bool> + '_ {
    use arrow::array::AsArray;
    let values = values.as_boolean();
    (0..values.len()).map(|row| values.is_valid(row) && values.value(row))
}
