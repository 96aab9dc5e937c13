//! Decodes records into batches, column by column.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::filter;
use arrow::datatypes::{Field, SchemaRef};

use super::CsvOptions;
use super::reading::{Reading, Texts};
use super::scan::Piece;
use crate::format::{Decoded, Malformed};

/// Decodes records of one table.
#[derive(Debug)]
pub(crate) struct RowDecoder {
    schema: SchemaRef,
    options: CsvOptions,
    /// Of each column the place of its field in a record.
    places: Vec<usize>,
    /// How many fields a record has.
    width: usize,
}

/// The fields of some records.
#[derive(Default)]
struct Cells {
    text: Vec<u8>,
    /// Where each field ends.
    ends: Vec<usize>,
    /// Of each row its fields.
    rows: Vec<Range<usize>>,
    /// Of each row its record.
    records: Vec<usize>,
    /// Which rows have fields that cannot be parsed.
    wrong: Vec<bool>,
}

impl RowDecoder {
    /// A decoder of rows of `schema`, whose columns were checked.
    pub(crate) fn new(schema: SchemaRef, options: CsvOptions) -> Self {
        let place = |(index, field): (usize, &Arc<Field>)| {
            options.columns.iter().position(|name| name == field.name()).unwrap_or(index)
        };
        let places = schema.fields().iter().enumerate().map(place).collect();
        let width = match options.columns.len() {
            0 => schema.fields().len(),
            width => width,
        };
        Self { schema, options, places, width }
    }

    /// How many bytes the first record has with its line's end; none: the bytes end before.
    pub(crate) fn record_end(&self, bytes: &[u8]) -> Option<usize> {
        self.options.characters.scan(bytes, |_| {}).length
    }

    /// Decodes records, each one row or a comment.
    pub(crate) fn decode(&self, records: &[&[u8]]) -> Result<Decoded, Malformed> {
        let mut cells = Cells::default();
        let mut skipped = 0;
        let rows = (0..).zip(records);
        for (record, bytes) in rows.filter(|(_, r)| !self.options.characters.is_comment(r)) {
            match self.read(bytes, &mut cells) {
                Ok(is_short) => {
                    cells.records.push(record);
                    cells.wrong.push(is_short);
                }
                Err(_) if self.options.ignore_parse_errors => skipped += 1,
                Err(reason) => return Err(Malformed { record, reason }),
            }
        }
        let mut columns = Vec::with_capacity(self.places.len());
        for (index, field) in self.schema.fields().iter().enumerate() {
            columns.push(self.column(field, self.places[index], &mut cells)?);
        }
        let malformed = skipped + cells.wrong.iter().filter(|wrong| **wrong).count();
        let build = || -> Result<RecordBatch, arrow::error::ArrowError> {
            let columns = self.with_values(columns, &mut cells.records)?;
            let count = RecordBatchOptions::new().with_row_count(Some(cells.records.len()));
            RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &count)
        };
        let rows = build().map_err(|error| Malformed { record: 0, reason: error.to_string() })?;
        let records = Some(cells.records).filter(|of_rows| of_rows.len() < records.len());
        Ok(Decoded { rows, records, malformed, beside: Vec::new() })
    }

    /// Adds a record's fields; whether there are too few of them. Nothing is added by one that is no
    /// row.
    fn read(&self, record: &[u8], cells: &mut Cells) -> Result<bool, String> {
        let (before, first) = (cells.text.len(), cells.ends.len());
        let read = self.read_fields(record, cells);
        if read.is_ok() {
            cells.rows.push(first..cells.ends.len());
        } else {
            cells.text.truncate(before);
            cells.ends.truncate(first);
        }
        read
    }

    fn read_fields(&self, record: &[u8], cells: &mut Cells) -> Result<bool, String> {
        if std::str::from_utf8(record).is_err() {
            return Err("it is no UTF-8".to_owned());
        }
        let first = cells.ends.len();
        let scanned = self.options.characters.scan(record, |piece| match piece {
            Piece::Byte(byte) => cells.text.push(byte),
            Piece::End => cells.ends.push(cells.text.len()),
        });
        if let Some(fault) = scanned.fault {
            return Err(fault.reason().to_owned());
        }
        if scanned.length.is_some_and(|length| length < record.len()) {
            return Err("there is more than one line in it".to_owned());
        }
        let found = cells.ends.len() - first;
        let is_short = found < self.width;
        if found > self.width || (is_short && !self.options.ignore_parse_errors) {
            return Err(format!("it has {found} fields: expected {}", self.width));
        }
        Ok(is_short)
    }

    /// The rows that have all the values that must be there; others are left out, as parse errors
    /// that are ignored.
    fn with_values(
        &self,
        columns: Vec<ArrayRef>,
        records: &mut Vec<usize>,
    ) -> Result<Vec<ArrayRef>, arrow::error::ArrowError> {
        let required = self.schema.fields().iter().zip(&columns);
        let required = required.filter(|(field, _)| !field.is_nullable()).map(|(_, c)| c);
        let required: Vec<&ArrayRef> = required.filter(|c| c.null_count() > 0).collect();
        if required.is_empty() {
            return Ok(columns);
        }
        let has_all = |row: usize| required.iter().all(|column| column.is_valid(row));
        let mask: BooleanArray = (0..records.len()).map(|row| Some(has_all(row))).collect();
        let mut kept = mask.values().iter();
        records.retain(|_| kept.next().unwrap_or_default());
        columns.iter().map(|column| filter(column, &mask)).collect()
    }

    /// The values of a column, whose field is at this place of each record.
    fn column(
        &self,
        field: &Field,
        place: usize,
        cells: &mut Cells,
    ) -> Result<ArrayRef, Malformed> {
        let Cells { text, ends, rows, records, wrong } = cells;
        let field_of = |fields: &Range<usize>| {
            let index = fields.start + place;
            // One that is not there is NULL; its row was found to be short.
            let end = Some(index).filter(|index| *index < fields.end).map(|index| ends[index])?;
            let start = index.checked_sub(1).map_or(0, |before| ends[before]);
            // Every record was found to be UTF-8.
            Some(std::str::from_utf8(&text[start..end]).unwrap_or_default())
        };
        let texts = Texts { texts: rows.iter().map(field_of).collect(), rows: None };
        let options = &self.options;
        let mut reading = Reading { options, name: field.name(), place, records, wrong };
        reading.array(field.data_type(), field.is_nullable(), texts)
    }
}
