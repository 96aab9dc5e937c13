//! Formats: rows to bytes and back, shared by connectors.

pub(crate) mod avro;
pub(crate) mod csv;
mod decimal;
pub(crate) mod json;
pub(crate) mod raw;
pub(crate) mod time;

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::buffer::NullBuffer;
use arrow::datatypes::SchemaRef;
use sabot_core::{Env, Error, Result};

use crate::options::{OptionError, Options};
use avro::AvroOptions;
use csv::CsvOptions;
use json::JsonOptions;
use raw::RawOptions;

/// What `format` may be.
const EXPECTED: &str = "'json', 'debezium-json', 'csv', 'avro', 'avro-confluent' or 'raw'";
/// What it may be where rows are no changes.
pub(crate) const OF_ROWS: &str = "'json', 'csv', 'avro', 'avro-confluent' or 'raw'";

/// The format of a table's rows, with its options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Format {
    Json(JsonOptions),
    Csv(CsvOptions),
    Avro(AvroOptions),
    Raw(RawOptions),
}

/// The formats by their names.
#[derive(Debug, Clone, Copy, Default)]
enum Name {
    #[default]
    Json,
    Csv,
    Avro,
    Confluent,
    Raw,
}

impl Format {
    /// Reads the format that `option` names; the names of its own options begin with `prefix`, such
    /// as `value.`.
    pub(crate) fn read(
        options: &Options<'_>,
        option: &str,
        prefix: &str,
    ) -> Result<Self, OptionError> {
        options.required(option, EXPECTED)?;
        let formats = [
            ("json", Name::Json),
            ("debezium-json", Name::Json),
            (csv::NAME, Name::Csv),
            (avro::NAME, Name::Avro),
            (avro::CONFLUENT, Name::Confluent),
            (raw::NAME, Name::Raw),
        ];
        let of = |format: &str| format!("{prefix}{format}.");
        Ok(match options.one_of(option, &formats)?.unwrap_or_default() {
            Name::Json => Self::Json(JsonOptions::read_named(options, option, &of("json"))?),
            Name::Csv => Self::Csv(CsvOptions::read(options, &of(csv::NAME))?),
            Name::Avro => Self::Avro(AvroOptions::read(options, &of(avro::NAME))?),
            Name::Confluent => {
                Self::Avro(AvroOptions::read_confluent(options, &of(avro::CONFLUENT))?)
            }
            Name::Raw => Self::Raw(RawOptions::read(options, &of(raw::NAME))?),
        })
    }

    /// Its name.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Json(json) => json.format(),
            Self::Csv(_) => csv::NAME,
            Self::Avro(avro) => avro.format(),
            Self::Raw(_) => raw::NAME,
        }
    }

    /// Whether its rows are changes.
    pub(crate) fn is_debezium(&self) -> bool {
        matches!(self, Self::Json(json) if json.is_debezium())
    }

    /// Whether records that cannot be parsed are skipped.
    pub(crate) fn ignores_errors(&self) -> bool {
        match self {
            Self::Json(json) => json.ignore_parse_errors,
            Self::Csv(csv) => csv.ignore_parse_errors,
            Self::Avro(avro) => avro.ignore_parse_errors,
            Self::Raw(raw) => raw.ignore_parse_errors,
        }
    }

    /// The same for records of some of the table's columns, each with its name in a record, where it
    /// knows the columns.
    pub(crate) fn of_columns(
        mut self,
        some: impl FnOnce(Vec<String>) -> Vec<(String, String)>,
    ) -> Self {
        match &mut self {
            Self::Csv(CsvOptions { columns, .. }) | Self::Raw(RawOptions { columns, .. }) => {
                if !columns.is_empty() {
                    let picked = some(std::mem::take(columns)).into_iter();
                    *columns = picked.map(|(_, name)| name).collect();
                }
            }
            Self::Avro(avro) => avro.pick(&some(avro.names())),
            Self::Json(_) => {}
        }
        self
    }

    /// How the names of files end.
    pub(crate) fn extension(&self) -> &'static str {
        match self {
            Self::Json(_) => "jsonl",
            Self::Csv(_) => "csv",
            Self::Avro(_) => "avro",
            Self::Raw(_) => "txt",
        }
    }

    /// Refuses columns that it cannot carry.
    pub(crate) fn check_columns(
        &self,
        options: &Options<'_>,
        schema: &SchemaRef,
    ) -> Result<(), OptionError> {
        match self {
            Self::Json(_) => json::check_columns(options, schema),
            Self::Csv(_) => csv::check_columns(options, schema),
            Self::Avro(avro) => avro::check_columns(avro, options, schema),
            Self::Raw(raw) => raw::check_columns(raw, options, schema),
        }
    }

    /// Prepares a sink of rows of `schema`: tells a schema registry of it, as `subject` unless the
    /// options have another.
    pub(crate) async fn register(
        &mut self,
        env: &Env,
        subject: &str,
        schema: &SchemaRef,
    ) -> Result<()> {
        match self {
            Self::Avro(avro) => avro.register(env, subject, schema).await,
            Self::Json(_) | Self::Csv(_) | Self::Raw(_) => Ok(()),
        }
    }

    /// A decoder of rows of `schema`, whose columns were checked. Of changes it gives the keys
    /// `beside` as well.
    pub(crate) fn decoder(
        &self,
        schema: SchemaRef,
        beside: Vec<&'static str>,
        env: &Env,
    ) -> Decoder {
        match self {
            Self::Json(json) => {
                Decoder::Json(json::RowDecoder::new(schema, *json).with_beside(beside))
            }
            Self::Csv(csv) => Decoder::Csv(csv::RowDecoder::new(schema, csv.clone())),
            Self::Avro(avro) => Decoder::Avro(Box::new(avro::RowDecoder::new(schema, avro, env))),
            Self::Raw(raw) => Decoder::Raw(raw::RowDecoder::new(schema, raw.clone())),
        }
    }

    /// An encoder of rows of `schema`, whose columns were checked, of a sink that was prepared.
    pub(crate) fn encoder(&self, schema: &SchemaRef) -> Encoder {
        match self {
            Self::Json(json) => Encoder::Json(json::RowEncoder::new(schema, *json)),
            Self::Csv(csv) => Encoder::Csv(csv::RowEncoder::new(schema, csv.clone())),
            Self::Avro(avro) => Encoder::Avro(Box::new(avro::RowEncoder::new(schema, avro))),
            Self::Raw(raw) => Encoder::Raw(raw::RowEncoder::new(raw.clone())),
        }
    }
}

/// Decodes records of one table.
#[derive(Debug)]
pub(crate) enum Decoder {
    Json(json::RowDecoder),
    Csv(csv::RowDecoder),
    Avro(Box<avro::RowDecoder>),
    Raw(raw::RowDecoder),
}

impl Decoder {
    /// Decodes records.
    pub(crate) fn decode(&self, records: &[&[u8]]) -> Result<Decoded, Malformed> {
        match self {
            Self::Json(json) => json.decode(records),
            Self::Csv(csv) => csv.decode(records),
            Self::Avro(avro) => avro.decode(records),
            Self::Raw(raw) => raw.decode(&records.iter().copied().map(Some).collect::<Vec<_>>()),
        }
    }

    /// Finds out what it has to know of records before it decodes them. Blocks.
    pub(crate) fn prepare<'r>(&self, records: impl Iterator<Item = &'r [u8]>) -> Result<()> {
        match self {
            Self::Avro(avro) => avro.prepare(records),
            Self::Json(_) | Self::Csv(_) | Self::Raw(_) => Ok(()),
        }
    }

    /// Whether what has no bytes is a record, NULL.
    pub(crate) fn takes_null(&self) -> bool {
        matches!(self, Self::Raw(_))
    }

    /// Whether an empty line of a file is a record.
    pub(crate) fn takes_empty(&self) -> bool {
        matches!(self, Self::Raw(_))
    }

    /// Decodes records of which some may have no bytes, for what [`Self::takes_null`].
    pub(crate) fn decode_optional(&self, records: &[Option<&[u8]>]) -> Result<Decoded, Malformed> {
        match self {
            Self::Raw(raw) => raw.decode(records),
            _ => self.decode(
                &records.iter().copied().map(Option::unwrap_or_default).collect::<Vec<_>>(),
            ),
        }
    }

    /// How many bytes the first record of a file has with its line's end; none: the bytes end
    /// before.
    pub(crate) fn record_end(&self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Json(_) | Self::Avro(_) | Self::Raw(_) => {
                memchr::memchr(b'\n', bytes).map(|newline| newline + 1)
            }
            Self::Csv(csv) => csv.record_end(bytes),
        }
    }

    /// A record without what does not count around it.
    pub(crate) fn trim<'r>(&self, record: &'r [u8]) -> &'r [u8] {
        match self {
            Self::Json(_) => record.trim_ascii(),
            Self::Csv(_) | Self::Avro(_) | Self::Raw(_) => {
                let line = record.strip_suffix(b"\n").unwrap_or(record);
                line.strip_suffix(b"\r").unwrap_or(line)
            }
        }
    }

    /// What a record is, for messages.
    pub(crate) fn record(&self) -> &'static str {
        match self {
            Self::Json(_) => "one JSON object a line",
            Self::Csv(_) => "one row a line, and every quote closed",
            Self::Avro(_) => "one record a line",
            Self::Raw(_) => "one value a line",
        }
    }

    /// The format's name, for messages.
    pub(crate) fn format(&self) -> &'static str {
        match self {
            Self::Json(_) => "JSON",
            Self::Csv(_) => "CSV",
            Self::Avro(_) => "Avro",
            Self::Raw(_) => "raw",
        }
    }

    /// The error of a record that may not be skipped.
    pub(crate) fn malformed(&self, place: &str, reason: &str, option: &str) -> Error {
        malformed_row(place, self.format(), reason, option)
    }
}

/// Encodes rows of one table.
#[derive(Debug)]
pub(crate) enum Encoder {
    Json(json::RowEncoder),
    Csv(csv::RowEncoder),
    Avro(Box<avro::RowEncoder>),
    Raw(raw::RowEncoder),
}

impl Encoder {
    /// Appends every row, each followed by `end_row` on what is written so far.
    pub(crate) fn encode(
        &self,
        batch: &RecordBatch,
        out: &mut Vec<u8>,
        end_row: impl FnMut(&mut Vec<u8>),
    ) -> Result<()> {
        match self {
            Self::Json(json) => json.encode(batch, out, end_row),
            Self::Csv(csv) => csv.encode(batch, out, end_row),
            Self::Avro(avro) => avro.encode(batch, out, end_row),
            Self::Raw(raw) => raw.encode(batch, out, end_row),
        }
    }

    /// Which rows have bytes, where some may have none; none: all have.
    pub(crate) fn values(&self, batch: &RecordBatch) -> Option<NullBuffer> {
        match self {
            Self::Raw(_) => raw::RowEncoder::values(batch),
            Self::Json(_) | Self::Csv(_) | Self::Avro(_) => None,
        }
    }
}

/// What became of some records.
#[derive(Debug)]
pub(crate) struct Decoded {
    /// The rows.
    pub(crate) rows: RecordBatch,
    /// Of every row, the index of its record. None when every record became one row.
    pub(crate) records: Option<Vec<usize>>,
    /// Records that were skipped, or had fields that became NULL, because of parse errors.
    pub(crate) malformed: usize,
    /// What changes have beside the rows, by keys.
    pub(crate) beside: Vec<(&'static str, ArrayRef)>,
}

impl Decoded {
    /// The index of the record of row `row`.
    pub(crate) fn record(&self, row: usize) -> usize {
        self.records.as_ref().map_or(row, |records| records[row])
    }
}

/// What there is under a key.
pub(crate) fn of_key(beside: &[(&'static str, ArrayRef)], key: &str) -> Option<ArrayRef> {
    beside.iter().find(|(name, _)| *name == key).map(|(_, column)| Arc::clone(column))
}

/// The first record that cannot be parsed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    /// Its index.
    pub(crate) record: usize,
    /// What is wrong with it.
    pub(crate) reason: String,
}

/// The truth that a text is, in letters of either case.
fn parse_boolean(text: &str) -> Option<bool> {
    match text.trim() {
        text if text.eq_ignore_ascii_case("true") => Some(true),
        text if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// The error of a record that may not be skipped.
pub(crate) fn malformed_row(place: &str, format: &str, reason: &str, option: &str) -> Error {
    Error::user(format!(
        "{place} is not a valid {format} row: {reason}; correct it, or set '{option}' = 'true' to \
         skip such rows"
    ))
}

#[cfg(test)]
mod tests;
