//! Decodes records into batches.
//!
//! Records that follow each other with the same schema are decoded at once; only when that fails are they
//! decoded one by one, to find the one at fault.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, SchemaRef};
use arrow_avro::reader::{Decoder, ReaderBuilder};
use arrow_avro::schema::{AvroSchema, Fingerprint, FingerprintAlgorithm, SchemaStore};
use sabot_core::{Env, Result};
use serde_json::{Value, json};

use super::AvroOptions;
use super::convert::{self, absent, to_field};
use super::registry::Registry;
use super::resolve::{Resolved, resolve};
use crate::format::{Decoded, Malformed};

/// What stands before each record for the library below, which knows its one schema under this id.
const FRAME: [u8; 5] = [0, 0, 0, 0, 1];
/// Bytes before a record of the Confluent format: a zero and the schema's id.
pub(super) const PREFIX: usize = 5;
/// More rows than a batch has.
const ROWS_MAX: usize = 1 << 40;

/// Decodes records of one table.
#[derive(Debug)]
pub(crate) struct RowDecoder {
    schema: SchemaRef,
    ignore_parse_errors: bool,
    /// How a record is read that does not name its schema.
    own: Option<Result<Arc<Reading>, String>>,
    registry: Option<Result<Registry, String>>,
    /// By the schemas' ids in the registry: how records are read, or why they cannot.
    known: Mutex<HashMap<u32, Result<Arc<Reading>, String>>>,
}

/// How records of one schema are read.
#[derive(Debug)]
struct Reading {
    resolved: Resolved,
    /// None while it is used, and after an error.
    decoder: Mutex<Option<Decoder>>,
    /// Whether a decoder that has given a batch can be used again: the library goes on counting the
    /// values of a union where the batch before has ended.
    is_lasting: bool,
}

impl RowDecoder {
    /// A decoder of rows of `schema`, whose columns were checked.
    pub(crate) fn new(schema: SchemaRef, options: &AvroOptions, env: &Env) -> Self {
        let registry = options.registry.as_ref();
        let registry =
            registry.map(|options| Registry::new(options, env).map_err(|error| error.chain()));
        let own = || options.writer_schema(&schema).and_then(|own| Reading::of(&own, &schema));
        Self {
            own: registry.is_none().then(own),
            ignore_parse_errors: options.ignore_parse_errors,
            registry,
            known: Mutex::default(),
            schema,
        }
    }

    /// Asks the registry for the schemas of these records. Blocks until it answers.
    pub(crate) fn prepare<'r>(&self, records: impl Iterator<Item = &'r [u8]>) -> Result<()> {
        let Some(registry) = &self.registry else { return Ok(()) };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut last = None;
        for (id, _) in records.filter_map(|record| split(record).ok()) {
            // Most have the schema of the one before.
            if last.replace(id) == Some(id) || known.contains_key(&id) {
                continue;
            }
            let registry =
                registry.as_ref().map_err(|reason| sabot_core::Error::user(reason.clone()))?;
            let found = registry.schema_blocking(id)?;
            known.insert(id, found.and_then(|found| Reading::of(&found, &self.schema)));
        }
        Ok(())
    }

    /// Decodes records, each of which was seen by [`Self::prepare`].
    pub(crate) fn decode(&self, records: &[&[u8]]) -> Result<Decoded, Malformed> {
        let mut rows = Rows { batches: Vec::new(), records: Vec::new(), malformed: 0 };
        let mut first = 0;
        while first < records.len() {
            let (reading, body) = match self.reading(records[first]) {
                Ok(found) => found,
                Err(reason) => {
                    self.skip(&mut rows, first, reason)?;
                    first += 1;
                    continue;
                }
            };
            // Those that follow with the same id before them have the same schema.
            let frame = &records[first][..records[first].len() - body.len()];
            let same = records[first + 1..].iter().map_while(|record| record.strip_prefix(frame));
            let bodies: Vec<&[u8]> = std::iter::once(body).chain(same).collect();
            self.decode_run(&reading, &bodies, first, &mut rows)?;
            first += bodies.len();
        }
        let all = rows.batches.iter();
        let batch = match rows.batches.as_slice() {
            [one] => Ok(one.clone()),
            _ => concat(&self.schema, all),
        };
        let batch = batch.map_err(|reason| Malformed { record: 0, reason })?;
        let of_rows = Some(rows.records).filter(|of_rows| of_rows.len() < records.len());
        Ok(Decoded { rows: batch, records: of_rows, malformed: rows.malformed, beside: Vec::new() })
    }

    /// Decodes records of one schema, of which the first has the index `first`.
    fn decode_run(
        &self,
        reading: &Reading,
        bodies: &[&[u8]],
        first: usize,
        rows: &mut Rows,
    ) -> Result<(), Malformed> {
        if let Ok(batch) = reading.attempt(bodies, &self.schema) {
            rows.batches.push(batch);
            rows.records.extend(first..first + bodies.len());
            return Ok(());
        }
        for (record, body) in (first..).zip(bodies) {
            match reading.attempt(&[body], &self.schema) {
                Ok(batch) => {
                    rows.batches.push(batch);
                    rows.records.push(record);
                }
                Err(reason) => {
                    let reason = reading.fault(body).unwrap_or(reason);
                    self.skip(rows, record, reason)?;
                }
            }
        }
        Ok(())
    }

    fn skip(&self, rows: &mut Rows, record: usize, reason: String) -> Result<(), Malformed> {
        if !self.ignore_parse_errors {
            return Err(Malformed { record, reason });
        }
        rows.malformed += 1;
        Ok(())
    }

    /// How a record is read, and what of it.
    fn reading<'r>(&self, record: &'r [u8]) -> Result<(Arc<Reading>, &'r [u8]), String> {
        if let Some(own) = &self.own {
            return own.clone().map(|reading| (reading, record));
        }
        let (id, body) = split(record)?;
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.get(&id) {
            Some(Ok(reading)) => Ok((Arc::clone(reading), body)),
            Some(Err(reason)) => Err(format!("its schema {id}: {reason}")),
            None => Err(format!("its schema {id} was not asked for")),
        }
    }
}

/// What came of some records.
struct Rows {
    batches: Vec<RecordBatch>,
    /// Of each row its record.
    records: Vec<usize>,
    malformed: usize,
}

/// The id of a record's schema, and the record behind it.
fn split(record: &[u8]) -> Result<(u32, &[u8]), String> {
    match record {
        [0, a, b, c, d, body @ ..] => Ok((u32::from_be_bytes([*a, *b, *c, *d]), body)),
        [0, ..] => Err(format!(
            "it has {} bytes: expected a zero, the four bytes of its schema's id and a record",
            record.len()
        )),
        [first, ..] => Err(format!(
            "its first byte is {first}: expected 0, which stands before the id of its schema"
        )),
        [] => Err("it is empty".to_owned()),
    }
}

fn concat<'b>(
    schema: &SchemaRef,
    batches: impl Iterator<Item = &'b RecordBatch> + Clone,
) -> Result<RecordBatch, String> {
    let rows: usize = batches.clone().map(RecordBatch::num_rows).sum();
    let made = if schema.fields().is_empty() {
        let count = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(schema), Vec::new(), &count)
    } else {
        concat_batches(schema, batches)
    };
    made.map_err(|error| convert::reason(&error))
}

impl Reading {
    /// How records with this schema become rows of `wanted`.
    fn of(schema: &str, wanted: &SchemaRef) -> Result<Arc<Self>, String> {
        let resolved = resolve(schema, wanted.fields())?;
        let decoder = decoder(&resolved.writer, &resolved.reader)?;
        for field in wanted.fields() {
            if decoder.schema().column_with_name(field.name()).is_none() {
                absent(field, 0)?;
            }
        }
        let fields = decoder.schema();
        let is_lasting = !fields.fields().iter().any(|field| has_union(field.data_type()));
        Ok(Arc::new(Self { resolved, decoder: Mutex::new(Some(decoder)), is_lasting }))
    }

    /// The rows of records.
    fn attempt(&self, bodies: &[&[u8]], wanted: &SchemaRef) -> Result<RecordBatch, String> {
        let free = self.decoder.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut decoder = match free {
            Some(decoder) => decoder,
            None => decoder(&self.resolved.writer, &self.resolved.reader)?,
        };
        for body in bodies {
            feed(&mut decoder, body)?;
        }
        let read = decoder.flush().map_err(|error| convert::reason(&error.into()))?;
        let read = read.ok_or("there is no record")?;
        let decoder = Some(decoder).filter(|_| self.is_lasting);
        *self.decoder.lock().unwrap_or_else(PoisonError::into_inner) = decoder;
        let column = |field: &Arc<Field>| match read.column_by_name(field.name()) {
            Some(column) => to_field(&format!("field '{}'", field.name()), column, field),
            None => absent(field, read.num_rows()),
        };
        let columns = wanted.fields().iter().map(column).collect::<Result<Vec<_>, _>>()?;
        let count = RecordBatchOptions::new().with_row_count(Some(read.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(wanted), columns, &count)
            .map_err(|error| convert::reason(&error))
    }

    /// The field at which the bytes of a record are none of its schema, and how; none if they are.
    fn fault(&self, body: &[u8]) -> Option<String> {
        let fields = self.resolved.writer["fields"].as_array()?;
        let record = |fields: &[Value]| json!({"type": "record", "name": "r", "fields": fields});
        fields.iter().enumerate().find_map(|(index, field)| {
            let mut skipping = decoder(&record(&fields[..=index]), &record(&[])).ok()?;
            let name = field["name"].as_str().unwrap_or_default();
            match start(&mut skipping, body) {
                Ok(Found::Whole | Found::Part) => None,
                Ok(Found::Less) => Some(format!("it ends before the end of field '{name}'")),
                Err(reason) => Some(format!("field '{name}': {reason}")),
            }
        })
    }
}

fn has_union(data_type: &DataType) -> bool {
    match data_type {
        DataType::Union(..) => true,
        DataType::List(part) | DataType::Map(part, _) => has_union(part.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| has_union(field.data_type())),
        _ => false,
    }
}

fn decoder(writer: &Value, reader: &Value) -> Result<Decoder, String> {
    let [.., id] = FRAME;
    let build = || {
        let mut store = SchemaStore::new_with_type(FingerprintAlgorithm::Id);
        store.set(Fingerprint::Id(id.into()), AvroSchema::new(writer.to_string()))?;
        ReaderBuilder::new()
            .with_batch_size(ROWS_MAX)
            .with_writer_schema_store(store)
            .with_reader_schema(AvroSchema::new(reader.to_string()))
            .build_decoder()
    };
    build().map_err(|error| format!("its schema cannot be read: {}", convert::reason(&error)))
}

/// Decodes a record, which has to be all of `body`.
fn feed(decoder: &mut Decoder, body: &[u8]) -> Result<(), String> {
    match start(decoder, body)? {
        Found::Whole => Ok(()),
        Found::Part => Err("it has more bytes than a record of its schema".to_owned()),
        Found::Less => Err("it ends too early".to_owned()),
    }
}

/// What some bytes are.
enum Found {
    /// A record.
    Whole,
    /// A record and more.
    Part,
    /// Less than a record.
    Less,
}

/// Decodes the record with which `body` begins.
fn start(decoder: &mut Decoder, body: &[u8]) -> Result<Found, String> {
    let failed = |error: arrow_avro::errors::AvroError| convert::reason(&error.into());
    decoder.decode(&FRAME).map_err(failed)?;
    let before = decoder.capacity();
    // What follows a record is read as the next one's frame.
    let decoded = decoder.decode(body);
    match (before - decoder.capacity(), decoded) {
        (1, Ok(length)) if length == body.len() => Ok(Found::Whole),
        (1.., _) => Ok(Found::Part),
        (0, Ok(_)) => Ok(Found::Less),
        (0, Err(error)) => Err(failed(error)),
    }
}
