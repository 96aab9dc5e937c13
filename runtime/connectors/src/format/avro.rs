//! Avro: one record a message in the binary encoding, as Flink's formats `avro` and `avro-confluent`.
//!
//! A record of `avro` is written with the schema that Flink derives of the table's columns. One of
//! `avro-confluent` begins with a zero and the id of its schema, which a schema registry has; it is read
//! by that schema, and fields are found by the columns' names. With `ignore-parse-errors`, which Flink
//! does not have, a record that cannot be decoded is skipped and counted.
//!
//! Files of Avro (object containers) and the JSON encoding are not there.

mod convert;
mod declared;
mod decode;
mod encode;
pub(crate) mod registry;
mod resolve;
mod schema;

use arrow::datatypes::{FieldRef, SchemaRef};
use sabot_core::{Env, Result};

pub(crate) use decode::RowDecoder;
pub(crate) use encode::RowEncoder;

use crate::options::{OptionError, Options};
use registry::{Registry, RegistryOptions};

/// The format of records alone.
pub(crate) const NAME: &str = "avro";
/// The format of records that name their schema.
pub(crate) const CONFLUENT: &str = "avro-confluent";

/// The options behind a prefix.
macro_rules! options {
    ($prefix:literal) => {
        &[
            concat!($prefix, "avro.encoding"),
            concat!($prefix, "avro.timestamp_mapping.legacy"),
            concat!($prefix, "avro.ignore-parse-errors"),
            concat!($prefix, "avro-confluent.url"),
            concat!($prefix, "avro-confluent.schema-registry.url"),
            concat!($prefix, "avro-confluent.subject"),
            concat!($prefix, "avro-confluent.schema-registry.subject"),
            concat!($prefix, "avro-confluent.schema"),
            concat!($prefix, "avro-confluent.schema-registry.schema"),
            concat!($prefix, "avro-confluent.ssl.keystore.location"),
            concat!($prefix, "avro-confluent.ssl.keystore.password"),
            concat!($prefix, "avro-confluent.ssl.truststore.location"),
            concat!($prefix, "avro-confluent.ssl.truststore.password"),
            concat!($prefix, "avro-confluent.basic-auth.credentials-source"),
            concat!($prefix, "avro-confluent.basic-auth.user-info"),
            concat!($prefix, "avro-confluent.bearer-auth.credentials-source"),
            concat!($prefix, "avro-confluent.bearer-auth.token"),
            concat!($prefix, "avro-confluent.ignore-parse-errors"),
        ]
    };
}

/// The options of messages without keys.
pub(crate) const OPTIONS: &[&str] = options!("");
/// Those of values, and of keys.
pub(crate) const VALUE_OPTIONS: &[&str] = options!("value.");
pub(crate) const KEY_OPTIONS: &[&str] = options!("key.");

/// The format's options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AvroOptions {
    pub(crate) ignore_parse_errors: bool,
    /// How TIMESTAMP is written.
    timestamps: Timestamps,
    /// The fields of a record, in its order, also those that nothing reads; none: the columns of the
    /// table.
    columns: Vec<FieldRef>,
    /// Where the schemas are; none: a record has the schema of the table.
    registry: Option<Box<RegistryOptions>>,
    /// The id under which the registry has the schema that is written.
    id: Option<u32>,
}

/// What the Avro type of a TIMESTAMP is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Timestamps {
    /// `timestamp-millis`, as in Flink before 1.19.
    Legacy,
    /// `local-timestamp-millis` or `local-timestamp-micros`.
    Local,
}

impl AvroOptions {
    /// Reads the options of `avro`, whose names begin with `prefix`, such as `value.avro.`.
    pub(crate) fn read(options: &Options<'_>, prefix: &str) -> Result<Self, OptionError> {
        let name = |option: &str| format!("{prefix}{option}");
        let encoding = name("encoding");
        if options.one_of(&encoding, &[("binary", true), ("json", false)])? == Some(false) {
            return Err(options.bad(&encoding, "'binary': the JSON encoding is not supported"));
        }
        let legacy = options.boolean(&name("timestamp_mapping.legacy"))?.unwrap_or(true);
        let timestamps = if legacy { Timestamps::Legacy } else { Timestamps::Local };
        Self::of(options, prefix, timestamps, None)
    }

    /// Reads the options of `avro-confluent`, whose names begin with `prefix`.
    pub(crate) fn read_confluent(options: &Options<'_>, prefix: &str) -> Result<Self, OptionError> {
        let registry = RegistryOptions::read(options, prefix)?;
        Self::of(options, prefix, Timestamps::Legacy, Some(Box::new(registry)))
    }

    fn of(
        options: &Options<'_>,
        prefix: &str,
        timestamps: Timestamps,
        registry: Option<Box<RegistryOptions>>,
    ) -> Result<Self, OptionError> {
        let ignore = options.boolean(&format!("{prefix}ignore-parse-errors"))?;
        let columns = declared::fields(options)?;
        let ignore_parse_errors = ignore.unwrap_or_default();
        Ok(Self { ignore_parse_errors, timestamps, columns, registry, id: None })
    }

    /// The format's name.
    pub(crate) fn format(&self) -> &'static str {
        if self.registry.is_some() { CONFLUENT } else { NAME }
    }

    /// The same for records that have these columns, under these names.
    pub(crate) fn pick(&mut self, picked: &[(String, String)]) {
        let field = |(column, name): &(String, String)| {
            let field = self.columns.iter().find(|field| field.name() == column)?;
            Some(FieldRef::new(field.as_ref().clone().with_name(name)))
        };
        self.columns = picked.iter().filter_map(field).collect();
    }

    /// The names of the fields.
    pub(crate) fn names(&self) -> Vec<String> {
        self.columns.iter().map(|field| field.name().clone()).collect()
    }

    /// The schema that records are written with, for a table of which `schema` has the columns.
    pub(super) fn writer_schema(&self, schema: &SchemaRef) -> Result<String, String> {
        if let Some(own) = self.registry.as_ref().and_then(|registry| registry.schema.as_ref()) {
            return Ok(own.clone());
        }
        let fields: &[FieldRef] =
            if self.columns.is_empty() { schema.fields() } else { &self.columns };
        schema::of_record(fields, self.timestamps).map(|schema| schema.to_string())
    }

    /// Has the registry know the schema of a sink's records.
    ///
    /// `subject` is the one under which it is when the options name none.
    pub(crate) async fn register(
        &mut self,
        env: &Env,
        subject: &str,
        schema: &SchemaRef,
    ) -> Result<()> {
        let Some(options) = &self.registry else { return Ok(()) };
        let writer = self.writer_schema(schema).map_err(sabot_core::Error::user)?;
        let subject = options.subject.as_deref().unwrap_or(subject);
        let registry = Registry::new(options, env)?;
        self.id = Some(registry.register(subject, &writer).await?);
        Ok(())
    }
}

/// Refuses columns that Avro cannot carry.
pub(crate) fn check_columns(
    avro: &AvroOptions,
    options: &Options<'_>,
    columns: &SchemaRef,
) -> Result<(), OptionError> {
    let all: &[FieldRef] = if avro.columns.is_empty() { columns.fields() } else { &avro.columns };
    let checked = all.iter().map(|field| (field, schema::of_field(field, avro.timestamps)));
    for (field, schema) in checked {
        schema.map_err(|problem| options.column(field.name(), problem))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
