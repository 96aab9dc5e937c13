//! The connector `upsert-kafka`: a topic that says of each key what it has now.
//!
//! A message's key is the primary key, its value the row; a message without a value deletes the
//! key's row. A source reads whole partitions from their beginning and says only what is now: the
//! plan keeps the last row of each key and makes changes of it. A sink writes each new version of a
//! row, and nothing of old ones; it is *at least once*, as that of `kafka`.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use rdkafka::Message as _;
use rdkafka::message::BorrowedMessage;
use sabot_core::row_kind::{self, RowKind};
use sabot_core::{Error, Result, Sink, SinkContext, Source, SourceContext, partitions};

use super::reader::Rows;
use super::{BOUNDED, PROPERTIES, SERVERS, Settings, Start, metadata, read_bounded, sink, source};
use crate::format::json::{self, JsonOptions, RowDecoder, RowEncoder};
use crate::format::{Decoded, Encoder, Format};
use crate::metadata::{Columns, MetadataKey};
use crate::options::{OptionError, Options, Role};
use crate::registry::{Connector, KnownOptions, TableRead};

const NAME: &str = "upsert-kafka";
const KEY_FORMAT: &str = "key.format";
const VALUE_FORMAT: &str = "value.format";
const INCLUDE: &str = "value.fields-include";
const PREFIX: &str = "key.fields-prefix";

const COMMON_OPTIONS: &[&str] = &["topic", SERVERS, KEY_FORMAT, VALUE_FORMAT, INCLUDE, PREFIX];
const SOURCE_OPTIONS: &[&str] = &[
    BOUNDED,
    "properties.group.id",
    "key.json.ignore-parse-errors",
    "key.json.fail-on-missing-field",
    "key.json.timestamp-format.standard",
    "value.json.ignore-parse-errors",
    "value.json.fail-on-missing-field",
    "value.json.timestamp-format.standard",
];
const SINK_OPTIONS: &[&str] =
    &["key.json.timestamp-format.standard", "value.json.timestamp-format.standard"];

#[derive(Debug)]
pub(crate) struct UpsertKafka;

/// How rows are divided into keys and values.
#[derive(Debug, Clone)]
pub(super) struct Upserts {
    /// The columns of the primary key.
    key: Vec<String>,
    /// What the names of these columns begin with, and the key's fields do not.
    prefix: String,
    /// Whether the value has the key's columns as well.
    whole_value: bool,
    key_json: JsonOptions,
    value_json: JsonOptions,
}

impl Upserts {
    fn read(options: &Options<'_>) -> Result<Self, OptionError> {
        let format = |option: &str, prefix: &str| {
            let json = JsonOptions::read_named(options, option, prefix)?;
            if json.is_debezium() { Err(options.bad(option, "'json'")) } else { Ok(json) }
        };
        let include = options.one_of(INCLUDE, &[("ALL", true), ("EXCEPT_KEY", false)])?;
        let read = Self {
            key: partitions::primary_key(options.map),
            prefix: options.get(PREFIX).unwrap_or_default().to_owned(),
            whole_value: include.unwrap_or(true),
            key_json: format(KEY_FORMAT, "key.json.")?,
            value_json: format(VALUE_FORMAT, "value.json.")?,
        };
        if read.whole_value && !read.prefix.is_empty() {
            return Err(options.bad(PREFIX, format!("'{INCLUDE}' = 'EXCEPT_KEY' beside it")));
        }
        if let Some(column) = read.key.iter().find(|column| !column.starts_with(&read.prefix)) {
            let problem = format!("is in the primary key: its name has to begin with '{PREFIX}'");
            return Err(options.column(column, problem));
        }
        Ok(read)
    }

    fn settings(&self, options: &Options<'_>) -> Result<Settings, OptionError> {
        Settings::of(options, Format::Json(self.value_json), "value.json.".to_owned())
    }

    /// How rows are made of messages.
    fn rows(&self) -> impl FnOnce(&Columns) -> Rows + '_ {
        |columns| Rows::Upserts(UpsertDecoder::new(columns.rows(), self))
    }

    /// Indexes of the columns of the key and of those of the value, in `schema`.
    fn columns(&self, schema: &Schema) -> (Vec<usize>, Vec<usize>) {
        let key: Vec<usize> = self.key.iter().filter_map(|n| schema.index_of(n).ok()).collect();
        let all = 0..row_kind::width(schema);
        let value = all.filter(|index| self.whole_value || !key.contains(index)).collect();
        (key, value)
    }

    /// The fields of a message's key.
    fn key_schema(&self, schema: &Schema, columns: &[usize]) -> SchemaRef {
        let field = |index: &usize| {
            let field = schema.field(*index).clone();
            let name = field.name().strip_prefix(&self.prefix).unwrap_or(field.name()).to_owned();
            field.with_name(name)
        };
        Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
    }
}

fn part(schema: &Schema, columns: &[usize]) -> SchemaRef {
    let fields = columns.iter().map(|index| Arc::clone(&schema.fields()[*index]));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Decodes messages with their keys.
pub(super) struct UpsertDecoder {
    schema: SchemaRef,
    /// Where the columns of a key are.
    key_columns: Vec<usize>,
    /// Where the other columns are, those of a value.
    value_columns: Vec<usize>,
    key: RowDecoder,
    value: RowDecoder,
    /// Whether a message without a key is skipped.
    ignores_errors: bool,
}

/// Rows, with the index of each one's message, and the messages that were skipped.
pub(super) struct DecodedMessages {
    pub(super) rows: RecordBatch,
    pub(super) messages: Vec<usize>,
    pub(super) malformed: usize,
    /// What the values have beside the rows, by keys.
    pub(super) beside: Vec<(&'static str, ArrayRef)>,
}

/// A message that cannot be decoded.
pub(super) struct MalformedMessage {
    pub(super) message: usize,
    pub(super) reason: String,
    /// The option that would skip it.
    pub(super) option: String,
}

const IGNORE_KEYS: &str = "key.json.ignore-parse-errors";
const IGNORE_VALUES: &str = "value.json.ignore-parse-errors";

impl UpsertDecoder {
    /// A decoder of rows of `schema`, which has the key's columns and the rows' kinds.
    pub(super) fn new(schema: SchemaRef, upserts: &Upserts) -> Self {
        // The key's columns are the key's, whatever the value says of them.
        let (key_columns, _) = upserts.columns(&schema);
        let value_columns: Vec<usize> =
            (0..row_kind::width(&schema)).filter(|column| !key_columns.contains(column)).collect();
        Self {
            key: RowDecoder::new(upserts.key_schema(&schema, &key_columns), upserts.key_json),
            value: RowDecoder::new(part(&schema, &value_columns), upserts.value_json),
            ignores_errors: upserts.key_json.ignore_parse_errors,
            schema,
            key_columns,
            value_columns,
        }
    }

    pub(super) fn decode(
        &self,
        messages: &[&BorrowedMessage<'_>],
    ) -> Result<DecodedMessages, MalformedMessage> {
        let (keyed, keyless): (Vec<usize>, Vec<usize>) =
            (0..messages.len()).partition(|index| messages[*index].key().is_some());
        if let (false, Some(message)) = (self.ignores_errors, keyless.first()) {
            let reason = "it has no key".to_owned();
            return Err(MalformedMessage {
                message: *message,
                reason,
                option: IGNORE_KEYS.to_owned(),
            });
        }
        let keys: Vec<&[u8]> = keyed.iter().filter_map(|index| messages[*index].key()).collect();
        let keys = self.key.decode(&keys).map_err(|fault| MalformedMessage {
            message: keyed[fault.record],
            reason: format!("its key: {}", fault.reason),
            option: IGNORE_KEYS.to_owned(),
        })?;
        let valued: Vec<usize> =
            (0..messages.len()).filter(|index| messages[*index].payload().is_some()).collect();
        let values: Vec<&[u8]> =
            valued.iter().filter_map(|index| messages[*index].payload()).collect();
        let values = self.value.decode(&values).map_err(|fault| MalformedMessage {
            message: valued[fault.record],
            reason: fault.reason,
            option: IGNORE_VALUES.to_owned(),
        })?;
        let malformed = keys.malformed + values.malformed + keyless.len();
        let (key_rows, value_rows) = (
            rows_by_message(&keys, &keyed, messages.len()),
            rows_by_message(&values, &valued, messages.len()),
        );
        let is_row = |index: &usize| {
            key_rows[*index].is_some()
                && (messages[*index].payload().is_none() || value_rows[*index].is_some())
        };
        let kept: Vec<usize> = (0..messages.len()).filter(is_row).collect();
        let of_kept = |rows: &[Option<u32>]| kept.iter().map(|index| rows[*index]).collect();
        let (key_rows, value_rows): (UInt32Array, UInt32Array) =
            (of_kept(&key_rows), of_kept(&value_rows));
        let rows = self.rows(&keys.rows, &key_rows, &values.rows, &value_rows);
        let rows = rows.map_err(|error| MalformedMessage {
            message: 0,
            reason: error.to_string(),
            option: IGNORE_VALUES.to_owned(),
        })?;
        Ok(DecodedMessages { rows, messages: kept, malformed, beside: Vec::new() })
    }

    fn rows(
        &self,
        keys: &RecordBatch,
        key_rows: &UInt32Array,
        values: &RecordBatch,
        value_rows: &UInt32Array,
    ) -> Result<RecordBatch, arrow::error::ArrowError> {
        let mut columns: Vec<Option<ArrayRef>> = vec![None; row_kind::width(&self.schema)];
        for (column, key) in self.key_columns.iter().zip(keys.columns()) {
            columns[*column] = Some(take(key, key_rows, None)?);
        }
        for (column, value) in self.value_columns.iter().zip(values.columns()) {
            columns[*column] = Some(take(value, value_rows, None)?);
        }
        let mut columns: Vec<ArrayRef> = columns.into_iter().flatten().collect();
        let kind = |value: Option<u32>| value.map_or(RowKind::Delete, |_| RowKind::Insert);
        columns.push(row_kind::column(value_rows.iter().map(kind)));
        let count = RecordBatchOptions::new().with_row_count(Some(key_rows.len()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &count)
    }
}

/// Of each message, the row that was made of its record; `messages` are those that had one.
fn rows_by_message(decoded: &Decoded, messages: &[usize], count: usize) -> Vec<Option<u32>> {
    let mut rows = vec![None; count];
    for row in 0..decoded.rows.num_rows() {
        rows[messages[decoded.record(row)]] = Some(row as u32);
    }
    rows
}

/// Encodes rows as messages.
pub(super) struct UpsertEncoder {
    key_columns: Vec<usize>,
    value_columns: Vec<usize>,
    key: Encoder,
    value: Encoder,
}

/// Bytes of several rows, and where each one's end.
#[derive(Default)]
pub(super) struct Encoded {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Encoded {
    pub(super) fn encode(encoder: &Encoder, rows: &RecordBatch) -> Result<Self> {
        let mut encoded = Self::default();
        let Self { bytes, ends } = &mut encoded;
        encoder.encode(rows, bytes, |out| ends.push(out.len()))?;
        Ok(encoded)
    }

    pub(super) fn row(&self, row: usize) -> &[u8] {
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[row]]
    }
}

impl UpsertEncoder {
    fn new(schema: &SchemaRef, upserts: &Upserts) -> Self {
        let (key_columns, value_columns) = upserts.columns(schema);
        let encoder = |schema: &SchemaRef, json| Encoder::Json(RowEncoder::new(schema, json));
        Self {
            key: encoder(&upserts.key_schema(schema, &key_columns), upserts.key_json),
            value: encoder(&part(schema, &value_columns), upserts.value_json),
            key_columns,
            value_columns,
        }
    }

    /// The keys and values of rows.
    pub(super) fn encode(&self, rows: &RecordBatch) -> Result<(Encoded, Encoded)> {
        let failed = |error| Error::external("writing rows", error);
        let keys = rows.project(&self.key_columns).map_err(failed)?;
        let values = rows.project(&self.value_columns).map_err(failed)?;
        Ok((Encoded::encode(&self.key, &keys)?, Encoded::encode(&self.value, &values)?))
    }
}

#[async_trait]
impl Connector for UpsertKafka {
    fn name(&self) -> &'static str {
        NAME
    }

    fn options(&self, role: Role) -> Option<KnownOptions> {
        let names: &'static [&'static [&'static str]] = match role {
            Role::Source => &[COMMON_OPTIONS, SOURCE_OPTIONS],
            Role::Sink => &[COMMON_OPTIONS, SINK_OPTIONS],
        };
        Some(KnownOptions { names, prefix: Some(PROPERTIES) })
    }

    fn check(&self, _: Role, options: &Options<'_>, schema: &SchemaRef) -> Result<(), OptionError> {
        let settings = Upserts::read(options)?.settings(options)?;
        read_bounded(options)?;
        json::check_columns(options, schema)?;
        super::client::check_properties(options, &settings)
    }

    fn gives_changes(&self, _: &Options<'_>) -> bool {
        true
    }

    fn takes_changes(&self, _: &Options<'_>) -> bool {
        true
    }

    fn metadata(&self, role: Role, _: &Options<'_>) -> Vec<MetadataKey> {
        metadata::keys(role).to_vec()
    }

    fn missing_metadata(&self) -> &'static [(&'static str, &'static str)] {
        metadata::MISSING
    }

    fn is_bounded(&self, options: &Options<'_>) -> bool {
        read_bounded(options).unwrap_or_default()
    }

    async fn open_source(&self, ctx: SourceContext) -> Result<Box<dyn Source>> {
        let options = Options { table: &ctx.table, map: &ctx.options };
        let (upserts, bounded) = (Upserts::read(&options)?, read_bounded(&options)?);
        let settings = upserts.settings(&options)?;
        let rows = upserts.rows();
        let opened =
            source::KafkaSource::open(&ctx, settings, Start::Earliest, bounded, rows).await?;
        Ok(Box::new(opened))
    }

    async fn open_table(&self, ctx: SourceContext) -> Result<TableRead> {
        let options = Options { table: &ctx.table, map: &ctx.options };
        let upserts = Upserts::read(&options)?;
        let settings = upserts.settings(&options)?;
        let rows = upserts.rows();
        source::KafkaSource::open_table(&ctx, settings, rows).await
    }

    async fn open_sink(&self, ctx: SinkContext) -> Result<Box<dyn Sink>> {
        let options = Options { table: &ctx.table, map: &ctx.options };
        let upserts = Upserts::read(&options)?;
        let settings = upserts.settings(&options)?;
        let encoder =
            |schema: &SchemaRef| sink::Encoder::Upserts(UpsertEncoder::new(schema, &upserts));
        Ok(Box::new(sink::KafkaSink::open(&ctx, settings, encoder).await?))
    }
}

#[cfg(test)]
mod tests;
