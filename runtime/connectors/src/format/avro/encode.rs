//! Encodes batches as records.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow_avro::reader::ReaderBuilder;
use arrow_avro::schema::{
    AvroSchema, Fingerprint, FingerprintAlgorithm, SCHEMA_METADATA_KEY, SchemaStore,
};
use arrow_avro::writer::format::AvroBinaryFormat;
use arrow_avro::writer::{Encoder, WriterBuilder};
use sabot_core::{Error, Result};

use super::AvroOptions;
use super::convert::{self, to_field};
use super::decode::PREFIX;
use super::resolve::resolve;

/// Encodes rows of one table.
#[derive(Debug)]
pub(crate) struct RowEncoder {
    /// Or why the schema cannot be written.
    writing: Result<Writing, String>,
    /// What stands before each record.
    prefix: Vec<u8>,
}

#[derive(Debug)]
struct Writing {
    /// The types that the library below has for the schema.
    types: SchemaRef,
    encoder: Mutex<Encoder>,
}

impl RowEncoder {
    /// An encoder of rows of `schema`, whose columns were checked and whose own schema is registered.
    pub(crate) fn new(schema: &SchemaRef, options: &AvroOptions) -> Self {
        let mut prefix = Vec::with_capacity(PREFIX);
        if let Some(id) = options.id {
            prefix.push(0);
            prefix.extend_from_slice(&id.to_be_bytes());
        }
        let writing = options.writer_schema(schema).and_then(|own| Writing::of(&own, schema));
        Self { writing, prefix }
    }

    /// Appends every row, each followed by `end_row` on what is written so far.
    pub(crate) fn encode(
        &self,
        batch: &RecordBatch,
        out: &mut Vec<u8>,
        mut end_row: impl FnMut(&mut Vec<u8>),
    ) -> Result<()> {
        let Writing { types, encoder } =
            self.writing.as_ref().map_err(|reason| Error::user(reason.clone()))?;
        let made = columns(batch, types).map_err(Error::user)?;
        let mut encoder = encoder.lock().unwrap_or_else(PoisonError::into_inner);
        encoder.encode(&made).map_err(|error| Error::external("writing records of Avro", error))?;
        let rows = encoder.flush();
        for row in rows.offsets().windows(2) {
            out.extend_from_slice(&self.prefix);
            out.extend_from_slice(&rows.bytes()[row[0]..row[1]]);
            end_row(out);
        }
        Ok(())
    }
}

impl Writing {
    fn of(own: &str, schema: &SchemaRef) -> Result<Self, String> {
        let resolved = resolve(own, &[])?;
        let json = resolved.writer.to_string();
        let build = || {
            let types = types(&json)?;
            let own = [(SCHEMA_METADATA_KEY.to_owned(), json.clone())];
            let types = Schema::new_with_metadata(types.fields().clone(), own.into());
            let encoder = WriterBuilder::new(types.clone()).build_encoder::<AvroBinaryFormat>()?;
            Ok((types, encoder))
        };
        let (types, encoder) = build().map_err(|error: arrow::error::ArrowError| {
            format!("its schema cannot be written: {}", convert::reason(&error))
        })?;
        let writing = Self { types: Arc::new(types), encoder: Mutex::new(encoder) };
        // Says now what would be wrong with every row.
        columns(&RecordBatch::new_empty(Arc::clone(schema)), &writing.types)?;
        Ok(writing)
    }
}

/// The types of a record's fields, of which the library says what they are when it reads them.
fn types(schema: &str) -> Result<SchemaRef, arrow::error::ArrowError> {
    let mut store = SchemaStore::new_with_type(FingerprintAlgorithm::Id);
    store.set(Fingerprint::Id(1), AvroSchema::new(schema.to_owned()))?;
    Ok(ReaderBuilder::new().with_writer_schema_store(store).build_decoder()?.schema())
}

/// The values of a record's fields.
fn columns(batch: &RecordBatch, types: &SchemaRef) -> Result<RecordBatch, String> {
    let column = |field: &Arc<Field>| -> Result<ArrayRef, String> {
        let name = field.name();
        let column = batch.column_by_name(name).ok_or_else(|| {
            format!("field '{name}' of the schema is no column of the table, which has to have it")
        })?;
        to_field(&format!("column '{name}'"), column, field)
    };
    let columns = types.fields().iter().map(column).collect::<Result<Vec<_>, _>>()?;
    let count = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(types), columns, &count)
        .map_err(|error| convert::reason(&error))
}
