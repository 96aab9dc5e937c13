//! Messages with a key and a value, of which each holds a part of the row.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::buffer::NullBuffer;
use arrow::compute::take;
use arrow::datatypes::{Schema, SchemaRef};
use rdkafka::Message as _;
use rdkafka::message::BorrowedMessage;
use sabot_core::row_kind::{self, RowKind};
use sabot_core::{Env, Error, Result};

use super::reader::Rows;
use crate::format::{Decoded, Decoder, Encoder, Format, OF_ROWS};
use crate::metadata::Columns;
use crate::options::{OptionError, Options};

pub(super) const KEY_FORMAT: &str = "key.format";
pub(super) const VALUE_FORMAT: &str = "value.format";
pub(super) const INCLUDE: &str = "value.fields-include";
pub(super) const PREFIX: &str = "key.fields-prefix";

/// How rows are divided into keys and values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parts {
    /// The columns of the key, in its order.
    key: Vec<String>,
    /// What the names of these columns begin with, and the key's fields do not.
    prefix: String,
    /// Whether the value has the key's columns as well.
    whole_value: bool,
    key_format: Format,
    value_format: Format,
    /// Whether a message is what its key has now: without a value it says that there is nothing.
    upserts: bool,
}

impl Parts {
    /// Reads how rows with this key, which is told by `key_from`, are divided.
    pub(super) fn read(
        options: &Options<'_>,
        (key, key_from): (Vec<String>, &str),
        value_format: Format,
        upserts: bool,
    ) -> Result<Self, OptionError> {
        let include = options.one_of(INCLUDE, &[("ALL", true), ("EXCEPT_KEY", false)])?;
        let key_format = Format::read(options, KEY_FORMAT, "key.")?;
        if key_format.is_debezium() {
            return Err(options.bad(KEY_FORMAT, OF_ROWS));
        }
        let read = Self {
            key,
            prefix: options.get(PREFIX).unwrap_or_default().to_owned(),
            whole_value: include.unwrap_or(true),
            key_format,
            value_format,
            upserts,
        };
        if read.whole_value && !read.prefix.is_empty() {
            return Err(options.bad(PREFIX, format!("'{INCLUDE}' = 'EXCEPT_KEY' beside it")));
        }
        if !read.whole_value && read.value_format.is_debezium() {
            return Err(options.bad(INCLUDE, "'ALL': a change has the whole row"));
        }
        if let Some(column) = read.key.iter().find(|column| !column.starts_with(&read.prefix)) {
            let problem = format!("is in {key_from}: its name has to begin with '{PREFIX}'");
            return Err(options.column(column, problem));
        }
        Ok(read)
    }

    /// Refuses columns that keys or values cannot carry.
    pub(super) fn check_columns(
        &self,
        options: &Options<'_>,
        schema: &SchemaRef,
    ) -> Result<(), OptionError> {
        let (key, value) = self.columns(schema);
        let value =
            if self.value_format.is_debezium() { Arc::clone(schema) } else { part(schema, &value) };
        self.format_of_values().check_columns(options, &value)?;
        self.format_of_keys().check_columns(options, &part(schema, &key))
    }

    /// Prepares a sink of rows of `schema`: tells schema registries of keys and values, whose subjects
    /// are by default those of the topic.
    pub(super) async fn register(
        &mut self,
        env: &Env,
        topic: &str,
        schema: &SchemaRef,
    ) -> Result<()> {
        let (key, value) = self.columns(schema);
        let (keys, values) = (self.key_schema(schema, &key), part(schema, &value));
        self.key_format = self.format_of_keys();
        self.key_format.register(env, &format!("{topic}-key"), &keys).await?;
        self.value_format = self.format_of_values();
        self.value_format.register(env, &format!("{topic}-value"), &values).await
    }

    /// Whether a source has to read the key.
    pub(super) fn reads_key(&self) -> bool {
        self.upserts || !self.whole_value
    }

    /// How rows are made of messages.
    pub(super) fn rows(&self, env: &Env) -> impl FnOnce(&Columns) -> Rows + use<'_> {
        let env = env.clone();
        move |columns| Rows::Parts(Box::new(PartsDecoder::new(columns.rows(), self, &env)))
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
            let name = self.key_field(field.name()).to_owned();
            field.with_name(name)
        };
        Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
    }

    /// What a column of the key is called in messages.
    fn key_field<'c>(&self, column: &'c str) -> &'c str {
        column.strip_prefix(&self.prefix).unwrap_or(column)
    }

    /// The key's format, by its own columns.
    fn format_of_keys(&self) -> Format {
        let named = |column: &String| (column.clone(), self.key_field(column).to_owned());
        self.key_format.clone().of_columns(|_| self.key.iter().map(named).collect())
    }

    /// The value's format, by its own columns.
    fn format_of_values(&self) -> Format {
        let is_of_value = |column: &String| self.whole_value || !self.key.contains(column);
        self.value_format.clone().of_columns(|all| {
            let own = all.into_iter().filter(is_of_value);
            own.map(|column| (column.clone(), column)).collect()
        })
    }

    fn ignore_option(part: &str, format: &Format) -> String {
        format!("{part}.{}.ignore-parse-errors", format.name())
    }
}

fn part(schema: &Schema, columns: &[usize]) -> SchemaRef {
    let fields = columns.iter().map(|index| Arc::clone(&schema.fields()[*index]));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Decodes messages with their keys.
pub(super) struct PartsDecoder {
    schema: SchemaRef,
    /// Where the columns of a key are.
    key_columns: Vec<usize>,
    /// Where the other columns are, those of a value.
    value_columns: Vec<usize>,
    key: Decoder,
    value: Decoder,
    /// Whether a message without a key is skipped.
    ignores_errors: bool,
    /// The options that skip messages with such keys and such values.
    ignore_keys: String,
    ignore_values: String,
    /// As of [`Parts`].
    pub(super) upserts: bool,
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
    /// What it should be.
    pub(super) format: &'static str,
    pub(super) reason: String,
    /// The option that would skip it.
    pub(super) option: String,
}

impl PartsDecoder {
    /// A decoder of rows of `schema`, which of upserts has the key's columns and the rows' kinds.
    pub(super) fn new(schema: SchemaRef, parts: &Parts, env: &Env) -> Self {
        // The key's columns are the key's, whatever the value says of them.
        let (key_columns, _) = parts.columns(&schema);
        let value_columns: Vec<usize> =
            (0..row_kind::width(&schema)).filter(|column| !key_columns.contains(column)).collect();
        let (keys, values) = (parts.format_of_keys(), parts.format_of_values());
        Self {
            key: keys.decoder(parts.key_schema(&schema, &key_columns), Vec::new(), env),
            value: values.decoder(part(&schema, &value_columns), Vec::new(), env),
            ignores_errors: keys.ignores_errors(),
            ignore_keys: Parts::ignore_option("key", &keys),
            ignore_values: Parts::ignore_option("value", &values),
            upserts: parts.upserts,
            schema,
            key_columns,
            value_columns,
        }
    }

    /// Finds out what it has to know of messages before it decodes them. Blocks.
    pub(super) fn prepare(&self, messages: &[&BorrowedMessage<'_>]) -> Result<()> {
        self.key.prepare(messages.iter().filter_map(|message| message.key()))?;
        self.value.prepare(messages.iter().filter_map(|message| message.payload()))
    }

    /// Whether a message without a value can become a row.
    pub(super) fn takes_null(&self) -> bool {
        self.upserts || self.value.takes_null()
    }

    pub(super) fn decode(
        &self,
        messages: &[&BorrowedMessage<'_>],
    ) -> Result<DecodedMessages, MalformedMessage> {
        let (keyed, keyless): (Vec<usize>, Vec<usize>) =
            (0..messages.len()).partition(|index| messages[*index].key().is_some());
        let may_lack = self.key.takes_null() && !self.upserts;
        if let (false, Some(message)) = (self.ignores_errors || may_lack, keyless.first()) {
            let reason = "it has no key".to_owned();
            return Err(self.malformed_key(*message, reason));
        }
        let keys: Vec<&[u8]> = keyed.iter().filter_map(|index| messages[*index].key()).collect();
        let keys = self.key.decode(&keys).map_err(|fault| {
            self.malformed_key(keyed[fault.record], format!("its key: {}", fault.reason))
        })?;
        let valued: Vec<usize> =
            (0..messages.len()).filter(|index| messages[*index].payload().is_some()).collect();
        let values: Vec<&[u8]> =
            valued.iter().filter_map(|index| messages[*index].payload()).collect();
        let malformed_value = |message: usize, reason: String| MalformedMessage {
            message,
            format: self.value.format(),
            reason,
            option: self.ignore_values.clone(),
        };
        let values = self
            .value
            .decode(&values)
            .map_err(|fault| malformed_value(valued[fault.record], fault.reason))?;
        let lacking = if may_lack { 0 } else { keyless.len() };
        let malformed = keys.malformed + values.malformed + lacking;
        let (key_rows, value_rows) = (
            rows_by_message(&keys, &keyed, messages.len()),
            rows_by_message(&values, &valued, messages.len()),
        );
        let is_row = |index: &usize| {
            (key_rows[*index].is_some() || (may_lack && messages[*index].key().is_none()))
                && (messages[*index].payload().is_none() || value_rows[*index].is_some())
        };
        let kept: Vec<usize> = (0..messages.len()).filter(is_row).collect();
        let of_kept = |rows: &[Option<u32>]| kept.iter().map(|index| rows[*index]).collect();
        let (key_rows, value_rows): (UInt32Array, UInt32Array) =
            (of_kept(&key_rows), of_kept(&value_rows));
        let rows = self.rows(&keys.rows, &key_rows, &values.rows, &value_rows);
        let rows = rows.map_err(|error| malformed_value(0, error.to_string()))?;
        Ok(DecodedMessages { rows, messages: kept, malformed, beside: Vec::new() })
    }

    fn malformed_key(&self, message: usize, reason: String) -> MalformedMessage {
        let (format, option) = (self.key.format(), self.ignore_keys.clone());
        MalformedMessage { message, format, reason, option }
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
        if self.upserts {
            let kind = |value: Option<u32>| value.map_or(RowKind::Delete, |_| RowKind::Insert);
            columns.push(row_kind::column(value_rows.iter().map(kind)));
        }
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
pub(super) struct PartsEncoder {
    key_columns: Vec<usize>,
    /// None: values have all columns, and the kinds of changes.
    value_columns: Option<Vec<usize>>,
    key: Encoder,
    value: Encoder,
    /// As of [`Parts`].
    pub(super) upserts: bool,
}

/// Bytes of several rows, and where each one's end.
#[derive(Default)]
pub(super) struct Encoded {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// Which rows have bytes; none: all have.
    values: Option<NullBuffer>,
}

impl Encoded {
    pub(super) fn encode(encoder: &Encoder, rows: &RecordBatch) -> Result<Self> {
        let mut encoded = Self { values: encoder.values(rows), ..Self::default() };
        let Self { bytes, ends, .. } = &mut encoded;
        encoder.encode(rows, bytes, |out| ends.push(out.len()))?;
        Ok(encoded)
    }

    /// The bytes of a row; none for one that is NULL.
    pub(super) fn row(&self, row: usize) -> Option<&[u8]> {
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        let is_there = self.values.as_ref().is_none_or(|values| values.is_valid(row));
        is_there.then(|| &self.bytes[start..self.ends[row]])
    }
}

impl PartsEncoder {
    pub(super) fn new(schema: &SchemaRef, parts: &Parts) -> Self {
        let (key_columns, value_columns) = parts.columns(schema);
        let (keys, values) = (parts.format_of_keys(), parts.format_of_values());
        let value_columns = Some(value_columns).filter(|_| !values.is_debezium());
        let value_schema =
            value_columns.as_ref().map_or(Arc::clone(schema), |columns| part(schema, columns));
        Self {
            key: keys.encoder(&parts.key_schema(schema, &key_columns)),
            value: values.encoder(&value_schema),
            key_columns,
            value_columns,
            upserts: parts.upserts,
        }
    }

    /// The keys and values of rows.
    pub(super) fn encode(&self, rows: &RecordBatch) -> Result<(Encoded, Encoded)> {
        let failed = |error| Error::external("writing rows", error);
        let keys = rows.project(&self.key_columns).map_err(failed)?;
        let values = self.value_columns.as_ref().map(|columns| rows.project(columns));
        let values = values.transpose().map_err(failed)?;
        let values = values.as_ref().unwrap_or(rows);
        Ok((Encoded::encode(&self.key, &keys)?, Encoded::encode(&self.value, values)?))
    }
}
