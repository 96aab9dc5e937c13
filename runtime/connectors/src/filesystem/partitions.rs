//! `PARTITIONED BY`: columns whose values are in the folders' names instead of in the files, as
//! Hive and Flink write them: `dt=2024-01-01/hm=12%3A30/part-...`.
//!
//! NULL and the empty text are [`NULL`]. What a path cannot hold is written as `%` and two hex
//! digits.

use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, StringArray, UInt32Array,
};
use arrow::compute::{CastOptions, cast, cast_with_options, partition, take};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::error::ArrowError;
use sabot_core::{Error, Result};

use crate::options::{OptionError, Options};

/// The name of NULL.
const NULL: &str = "__DEFAULT_PARTITION__";

/// The columns of a table, by where they are stored.
#[derive(Debug)]
pub(super) struct Partitions {
    /// Outermost first; with the index in the schema, of those that the job reads or writes.
    columns: Vec<(String, Option<usize>)>,
    /// Indexes of the columns in the files.
    rest: Vec<usize>,
    schema: SchemaRef,
}

/// Refuses columns that cannot be in a folder's name.
pub(super) fn check(options: &Options<'_>, schema: &Schema) -> Result<(), OptionError> {
    for name in options.partitions() {
        if name.starts_with(['.', '_']) {
            let problem = "cannot partition the table: names that start with '.' or '_' are hidden";
            return Err(options.column(&name, problem));
        }
        // A column that is not read is not in the schema.
        let Ok(field) = schema.field_with_name(&name) else { continue };
        let is_supported = match field.data_type() {
            DataType::Boolean
            | DataType::Utf8
            | DataType::LargeUtf8
            | DataType::Utf8View
            | DataType::Date32 => true,
            other => other.is_signed_integer(),
        };
        if !is_supported {
            let problem = format!(
                "has the type {}, by which a table cannot be partitioned: use STRING, BOOLEAN, \
                 TINYINT, SMALLINT, INT, BIGINT or DATE",
                field.data_type()
            );
            return Err(options.column(&name, problem));
        }
    }
    Ok(())
}

impl Partitions {
    /// The partitions of rows of `schema` by these columns, which were checked; without columns
    /// all rows lie in one partition without a folder.
    pub(super) fn new(schema: &SchemaRef, columns: &[String]) -> Self {
        let index = |name: &String| schema.index_of(name).ok();
        let columns: Vec<_> = columns.iter().map(|name| (name.clone(), index(name))).collect();
        let is_rest = |i: &usize| columns.iter().all(|(_, index)| *index != Some(*i));
        let rest = (0..schema.fields().len()).filter(is_rest).collect();
        Self { columns, rest, schema: Arc::clone(schema) }
    }

    /// The columns in the files.
    pub(super) fn file_schema(&self) -> SchemaRef {
        let fields = self.rest.iter().map(|index| Arc::clone(&self.schema.fields()[*index]));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    /// Rows by their folders, which end with `/`; a folder may come several times. Rows that lie
    /// side by side stay together.
    pub(super) fn split(&self, batch: &RecordBatch) -> Result<Vec<(String, RecordBatch)>> {
        if self.columns.is_empty() {
            return Ok(vec![(String::new(), batch.clone())]);
        }
        let failed = |error: ArrowError| Error::external("partitioning rows", error);
        let written = self.columns.iter().filter_map(|(_, index)| *index);
        let values = written.map(|index| cast(batch.column(index), &DataType::Utf8));
        let values: Vec<ArrayRef> = values.collect::<Result<_, _>>().map_err(failed)?;
        let runs: Vec<Range<usize>> = partition(&values).map_err(failed)?.ranges();
        let rows = batch.project(&self.rest).map_err(failed)?;
        let run =
            |run: Range<usize>| (self.folder(&values, run.start), rows.slice(run.start, run.len()));
        Ok(runs.into_iter().map(run).collect())
    }

    fn folder(&self, values: &[ArrayRef], row: usize) -> String {
        let mut folder = String::new();
        for ((name, _), values) in self.columns.iter().zip(values) {
            let values = values.as_string::<i32>();
            let value = if values.is_valid(row) { values.value(row) } else { "" };
            escape(&mut folder, name);
            folder.push('=');
            escape(&mut folder, if value.is_empty() { NULL } else { value });
            folder.push('/');
        }
        folder
    }

    /// Adds the columns that the name `key` of a file of `root` holds to rows of that file.
    pub(super) fn join(&self, root: &str, key: &str, rows: RecordBatch) -> Result<RecordBatch> {
        if self.columns.is_empty() {
            return Ok(rows);
        }
        let mut columns: Vec<Option<ArrayRef>> = vec![None; self.schema.fields().len()];
        for (index, column) in self.rest.iter().zip(rows.columns()) {
            columns[*index] = Some(Arc::clone(column));
        }
        let mut parts = key.split('/');
        for (name, index) in &self.columns {
            let part = parts.next().and_then(|part| part.split_once('='));
            let value = part.and_then(|(key, value)| (unescape(key) == *name).then_some(value));
            let value = value.ok_or_else(|| self.misplaced(root, key))?;
            let Some(index) = *index else { continue };
            let field = self.schema.field(index);
            let text = (value != NULL).then(|| unescape(value));
            let column = repeated(text, field.data_type(), rows.num_rows()).map_err(|error| {
                Error::user(format!(
                    "the folder {name}={value} of {root}/{key} holds no {}: {error}",
                    field.data_type()
                ))
            })?;
            columns[index] = Some(column);
        }
        let columns = columns.into_iter().flatten().collect();
        let count = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &count)
            .map_err(|error| Error::user(format!("the folders of {root}/{key}: {error}")))
    }

    fn misplaced(&self, root: &str, key: &str) -> Error {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| name.as_str()).collect();
        Error::user(format!(
            "the file {root}/{key} does not lie in {root}/{}=.../ as it should in a table that \
             is PARTITIONED BY ({}): move it, or leave PARTITIONED BY out",
            names.join("=.../"),
            names.join(", ")
        ))
    }
}

/// A column of one value.
fn repeated(text: Option<String>, to: &DataType, rows: usize) -> Result<ArrayRef, ArrowError> {
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let value = cast_with_options(&StringArray::from(vec![text]), to, &strict)?;
    take(&value, &UInt32Array::from(vec![0; rows]), None)
}

fn escape(out: &mut String, text: &str) {
    for character in text.chars() {
        if character.is_ascii_control() || "\"#%'*/:=?\\{[]^".contains(character) {
            // Writing to a text cannot fail.
            let _ = write!(out, "%{:02X}", u32::from(character));
        } else {
            out.push(character);
        }
    }
}

fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let code = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        // A `%` that no digits follow stands for itself.
        out.push(code.map_or('%', char::from));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    out + rest
}

#[cfg(test)]
mod tests;
