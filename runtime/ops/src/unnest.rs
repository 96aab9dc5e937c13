//! A row for each element of an ARRAY, or for each entry of a MAP. It has no state: what becomes
//! of the elements is what becomes of their row.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int32Array, Int32Builder, RecordBatch, StructArray, UInt32Array,
    UInt32Builder,
};
use arrow::buffer::NullBuffer;
use arrow::compute::{take, take_arrays};
use arrow::datatypes::{DataType, SchemaRef};
use sabot_core::plan::{ElementColumns, PlanNode, UnnestDesc};
use sabot_core::{Cx, Element, Error, Evaluator, Operator, Result, row_kind};

use crate::OperatorConfig;

pub(crate) struct Unnest {
    desc: UnnestDesc,
    /// The input's columns that are repeated: those that are kept, and the kind.
    repeated: Vec<usize>,
    max_batch_rows: usize,
    schema: SchemaRef,
}

impl Unnest {
    pub(crate) fn new(
        node: &PlanNode,
        desc: &UnnestDesc,
        input: &SchemaRef,
        config: &OperatorConfig,
    ) -> Result<Self> {
        let wrong = |what: &str| Error::user(format!("operator {}: {what}", node.name));
        let width = input.fields().len();
        if desc.column >= width || desc.kept.iter().any(|column| *column >= width) {
            return Err(wrong("the input has no such column"));
        }
        let parts = match input.field(desc.column).data_type() {
            DataType::List(item) => match item.data_type() {
                DataType::Struct(fields) => fields.len(),
                _ => 0,
            },
            DataType::Map(..) => 2,
            _ => return Err(wrong("only an ARRAY or a MAP has elements")),
        };
        if let ElementColumns::Parts(wanted) = &desc.element
            && wanted.iter().any(|part| *part >= parts)
        {
            return Err(wrong("an element has no such part"));
        }
        let kind = row_kind::is_updating(input).then_some(width - 1);
        Ok(Self {
            repeated: desc.kept.iter().copied().chain(kind).collect(),
            desc: desc.clone(),
            max_batch_rows: config.max_batch_rows.max(1),
            schema: Arc::clone(&node.schema),
        })
    }
}

/// The elements of a batch's rows.
struct Elements<'a> {
    offsets: &'a [i32],
    /// The rows that have no elements whatever their offsets say.
    nulls: Option<&'a NullBuffer>,
    /// The columns that become those of the output.
    columns: Vec<&'a ArrayRef>,
    /// The elements that are there, if some are NULL as a whole: such a ROW is no row, as in Flink.
    present: Option<&'a NullBuffer>,
}

impl<'a> Elements<'a> {
    fn of(column: &'a ArrayRef, wanted: &ElementColumns) -> Self {
        let parts = |row: &'a StructArray, wanted: &[usize]| -> Vec<&'a ArrayRef> {
            wanted.iter().map(|part| row.column(*part)).collect()
        };
        if let Some(map) = column.as_map_opt() {
            let columns = match wanted {
                ElementColumns::Whole => Vec::new(),
                ElementColumns::Parts(wanted) => parts(map.entries(), wanted),
            };
            return Self {
                offsets: map.value_offsets(),
                nulls: map.nulls(),
                columns,
                present: None,
            };
        }
        let list = column.as_list::<i32>();
        let (columns, present) = match (wanted, list.values().as_struct_opt()) {
            (ElementColumns::Whole, _) => (vec![list.values()], None),
            (ElementColumns::Parts(wanted), Some(row)) => (parts(row, wanted), row.nulls()),
            (ElementColumns::Parts(_), None) => (Vec::new(), None),
        };
        Self { offsets: list.value_offsets(), nulls: list.nulls(), columns, present }
    }

    /// The places of a row's elements, and their numbers.
    fn of_row(&self, row: usize) -> impl Iterator<Item = (u32, i32)> {
        let is_there = self.nulls.is_none_or(|nulls| nulls.is_valid(row));
        let begin = self.offsets[row];
        let end = if is_there { self.offsets[row + 1] } else { begin };
        let present = self.present;
        let is_present = move |place: &i32| present.is_none_or(|p| p.is_valid(*place as usize));
        (begin..end).filter(is_present).map(move |place| (place as u32, place - begin + 1))
    }
}

/// The rows of one batch of the output, by the places of what they are made of.
struct Output {
    rows: Vec<u32>,
    places: UInt32Builder,
    numbers: Int32Builder,
}

impl Output {
    fn new(rows: usize) -> Self {
        Self {
            rows: Vec::with_capacity(rows),
            places: UInt32Builder::with_capacity(rows),
            numbers: Int32Builder::with_capacity(rows),
        }
    }

    fn push(&mut self, row: usize, place: Option<u32>, number: Option<i32>) {
        self.rows.push(row as u32);
        self.places.append_option(place);
        self.numbers.append_option(number);
    }
}

impl Unnest {
    fn emit(
        &self,
        batch: &RecordBatch,
        elements: &Elements<'_>,
        output: &mut Output,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let rows = UInt32Array::from(std::mem::take(&mut output.rows));
        let (places, numbers) = (output.places.finish(), output.numbers.finish());
        if !rows.is_empty() {
            cx.emit(Element::Batch(self.made(batch, elements, &rows, &places, &numbers)?));
        }
        Ok(())
    }

    /// The output's columns, of these rows of the input and these elements.
    fn made(
        &self,
        batch: &RecordBatch,
        elements: &Elements<'_>,
        rows: &UInt32Array,
        places: &UInt32Array,
        numbers: &Int32Array,
    ) -> Result<RecordBatch> {
        let repeated: Vec<ArrayRef> =
            self.repeated.iter().map(|column| Arc::clone(batch.column(*column))).collect();
        let mut columns = take_arrays(&repeated, rows, None)?;
        let kind = columns.split_off(self.desc.kept.len());
        for column in &elements.columns {
            columns.push(take(column, places, None)?);
        }
        if self.desc.ordinality {
            columns.push(Arc::new(numbers.clone()));
        }
        columns.extend(kind);
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }

    /// Emits the elements that meet a condition, and the rows that have none of them if those stay.
    fn meeting(
        &self,
        condition: &dyn Evaluator,
        batch: &RecordBatch,
        elements: &Elements<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let mut output = Output::new(batch.num_rows());
        let mut first = 0;
        while first < batch.num_rows() {
            // The condition is asked of the elements of some rows, each with all of its own.
            let (mut rows, mut places, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
            let mut end = first;
            while end < batch.num_rows() && rows.len() < self.max_batch_rows {
                for (place, number) in elements.of_row(end) {
                    rows.push(end as u32);
                    places.push(place);
                    numbers.push(number);
                }
                end += 1;
            }
            let columns = (UInt32Array::from(rows), UInt32Array::from(places));
            let numbers = Int32Array::from(numbers);
            let made = self.made(batch, elements, &columns.0, &columns.1, &numbers)?;
            let met = condition.evaluate(&made)?;
            let met = met.as_boolean();
            let mut next = 0;
            for row in first..end {
                let mut any = false;
                while next < made.num_rows() && columns.0.value(next) == row as u32 {
                    if met.is_valid(next) && met.value(next) {
                        any = true;
                        let place = columns.1.value(next);
                        output.push(row, Some(place), Some(numbers.value(next)));
                        if output.rows.len() == self.max_batch_rows {
                            self.emit(batch, elements, &mut output, cx)?;
                        }
                    }
                    next += 1;
                }
                if self.desc.outer && !any {
                    output.push(row, None, None);
                }
                if output.rows.len() == self.max_batch_rows {
                    self.emit(batch, elements, &mut output, cx)?;
                }
            }
            first = end;
        }
        self.emit(batch, elements, &mut output, cx)
    }
}

impl Operator for Unnest {
    fn process(&mut self, _port: usize, batch: RecordBatch, cx: &mut Cx<'_>) -> Result<()> {
        let elements = Elements::of(batch.column(self.desc.column), &self.desc.element);
        if let Some(condition) = &self.desc.condition {
            return self.meeting(&**condition, &batch, &elements, cx);
        }
        let mut output = Output::new(batch.num_rows());
        for row in 0..batch.num_rows() {
            let mut any = false;
            for (place, number) in elements.of_row(row) {
                any = true;
                output.push(row, Some(place), Some(number));
                if output.rows.len() == self.max_batch_rows {
                    self.emit(&batch, &elements, &mut output, cx)?;
                }
            }
            if self.desc.outer && !any {
                output.push(row, None, None);
            }
            if output.rows.len() == self.max_batch_rows {
                self.emit(&batch, &elements, &mut output, cx)?;
            }
        }
        self.emit(&batch, &elements, &mut output, cx)
    }
}

#[cfg(test)]
mod tests;
