//! The connector `kafka`: topics of JSON objects or CSV rows.
//!
//! As a source it assigns partitions itself, without a consumer group's rebalancing: partition p
//! belongs to subtask p modulo the parallelism, and how far it was read lies in the job's
//! checkpoints alone. Offsets are not committed to the group. As a sink it is *at least once*:
//! a checkpoint waits until the brokers have every message, and after a failure the messages
//! since the last checkpoint are sent again.

mod client;
mod headers;
mod metadata;
mod reader;
mod sink;
mod source;
mod upsert;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use sabot_core::{Result, Sink, SinkContext, Source, SourceContext, partitions};

use crate::format::json::{self, beside};
use crate::format::{Format, csv};
use crate::metadata::{Columns, MetadataKey};
use crate::options::{OptionError, Options, Role};
use crate::registry::{Connector, KnownOptions, TableRead};

pub(crate) use upsert::UpsertKafka;

const PROPERTIES: &str = "properties.";
const SERVERS: &str = "properties.bootstrap.servers";
const START: &str = "scan.startup.mode";
const START_TIMESTAMP: &str = "scan.startup.timestamp-millis";
const BOUNDED: &str = "scan.bounded.mode";

const COMMON_OPTIONS: &[&str] = &["topic", SERVERS, "format", "value.format"];
const SOURCE_OPTIONS: &[&str] = &[
    START,
    START_TIMESTAMP,
    BOUNDED,
    "properties.group.id",
    "value.json.ignore-parse-errors",
    "value.json.fail-on-missing-field",
    "value.json.timestamp-format.standard",
    "value.debezium-json.ignore-parse-errors",
    "value.debezium-json.schema-include",
    "value.debezium-json.timestamp-format.standard",
];
const SINK_OPTIONS: &[&str] =
    &["value.json.timestamp-format.standard", "value.debezium-json.timestamp-format.standard"];

#[derive(Debug)]
pub(crate) struct Kafka;

/// The options, read.
#[derive(Debug, Clone)]
struct Settings {
    topic: String,
    brokers: String,
    format: Format,
    /// The prefix of the format's options.
    option_prefix: String,
    /// What `properties.*` gives to the client library.
    properties: Vec<(String, String)>,
}

/// Where a partition without a position in the checkpoint starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    Earliest,
    Latest,
    /// Where the group has committed.
    Group,
    /// At the first message of this time or later.
    TimestampMs(i64),
}

impl Settings {
    fn read(options: &Options<'_>) -> Result<Self, OptionError> {
        let (format, prefix) = if options.get("value.format").is_some() {
            ("value.format", "value.")
        } else {
            ("format", "")
        };
        if format == "value.format" && options.get("format").is_some() {
            return Err(options.bad("format", "it to be left out when 'value.format' is set"));
        }
        let format = Format::read(options, format, prefix)?;
        let prefix = format!("{prefix}{}.", format.name());
        Self::of(options, format, prefix)
    }

    /// The settings of a table whose values have this format.
    fn of(options: &Options<'_>, format: Format, prefix: String) -> Result<Self, OptionError> {
        let topic = options.required("topic", "the name of one topic")?;
        if topic.contains([',', ';']) {
            return Err(options.bad("topic", "the name of one topic; lists are not supported"));
        }
        let properties = options.map.iter().filter_map(|(option, value)| {
            Some((option.strip_prefix(PROPERTIES)?.to_owned(), value.clone()))
        });
        Ok(Self {
            topic: topic.to_owned(),
            brokers: options.required(SERVERS, "the brokers: 'host:port,host:port'")?.to_owned(),
            option_prefix: prefix,
            format,
            properties: properties.collect(),
        })
    }
}

fn read_start(options: &Options<'_>) -> Result<Start, OptionError> {
    let modes = [
        ("earliest-offset", Start::Earliest),
        ("latest-offset", Start::Latest),
        ("group-offsets", Start::Group),
        ("timestamp", Start::TimestampMs(0)),
    ];
    let mode = options.one_of(START, &modes)?;
    if options.get(partitions::READ_WHOLE).is_some() {
        return Ok(Start::Earliest);
    }
    match mode.unwrap_or(Start::Group) {
        Start::Group if options.get("properties.group.id").is_none() => Err(options.missing(
            "properties.group.id",
            "the group whose offsets are read, or set 'scan.startup.mode' to 'earliest-offset', \
             'latest-offset' or 'timestamp' (its default is 'group-offsets')",
        )),
        Start::TimestampMs(_) => {
            let expected = "milliseconds since the Unix epoch";
            options.required(START_TIMESTAMP, expected)?;
            let millis = options.number(START_TIMESTAMP)?.unwrap_or_default();
            let millis = i64::try_from(millis).map_err(|_| options.bad(START_TIMESTAMP, expected));
            Ok(Start::TimestampMs(millis?))
        }
        other => Ok(other),
    }
}

fn read_bounded(options: &Options<'_>) -> Result<bool, OptionError> {
    let modes = [("unbounded", false), ("latest-offset", true)];
    Ok(options.one_of(BOUNDED, &modes)?.unwrap_or_default())
}

/// How the rows of a table, and what is beside them, are made of messages' values.
fn values(format: Format) -> impl FnOnce(&Columns) -> reader::Rows {
    move |columns| {
        let keys = beside::keys_of(columns, beside::VALUE);
        reader::Rows::Values(format.decoder(columns.rows(), keys))
    }
}

#[async_trait]
impl Connector for Kafka {
    fn name(&self) -> &'static str {
        "kafka"
    }

    fn options(&self, role: Role) -> Option<KnownOptions> {
        let names: &'static [&'static [&'static str]] = match role {
            Role::Source => &[
                COMMON_OPTIONS,
                SOURCE_OPTIONS,
                json::SOURCE_OPTIONS,
                csv::SOURCE_OPTIONS,
                csv::VALUE_SOURCE_OPTIONS,
            ],
            Role::Sink => &[
                COMMON_OPTIONS,
                SINK_OPTIONS,
                json::SINK_OPTIONS,
                csv::SINK_OPTIONS,
                csv::VALUE_SINK_OPTIONS,
            ],
        };
        Some(KnownOptions { names, prefix: Some(PROPERTIES) })
    }

    fn check(
        &self,
        role: Role,
        options: &Options<'_>,
        schema: &SchemaRef,
    ) -> Result<(), OptionError> {
        let settings = Settings::read(options)?;
        if role == Role::Source {
            read_start(options)?;
            read_bounded(options)?;
        }
        settings.format.check_columns(options, schema)?;
        client::check_properties(options, &settings)
    }

    fn gives_changes(&self, options: &Options<'_>) -> bool {
        Settings::read(options).is_ok_and(|settings| settings.format.is_debezium())
    }

    fn takes_changes(&self, options: &Options<'_>) -> bool {
        Settings::read(options).is_ok_and(|settings| settings.format.is_debezium())
    }

    fn metadata(&self, role: Role, options: &Options<'_>) -> Vec<MetadataKey> {
        let mut keys = metadata::keys(role).to_vec();
        if role == Role::Source && self.gives_changes(options) {
            keys.extend(beside::VALUE_METADATA);
        }
        keys
    }

    fn missing_metadata(&self) -> &'static [(&'static str, &'static str)] {
        metadata::MISSING
    }

    fn is_bounded(&self, options: &Options<'_>) -> bool {
        read_bounded(options).unwrap_or_default()
    }

    async fn open_source(&self, ctx: SourceContext) -> Result<Box<dyn Source>> {
        let options = Options { table: &ctx.table, map: &ctx.options };
        let settings = Settings::read(&options)?;
        let (start, bounded) = (read_start(&options)?, read_bounded(&options)?);
        let rows = values(settings.format.clone());
        Ok(Box::new(source::KafkaSource::open(&ctx, settings, start, bounded, rows).await?))
    }

    async fn open_table(&self, ctx: SourceContext) -> Result<TableRead> {
        let settings = Settings::read(&Options { table: &ctx.table, map: &ctx.options })?;
        let rows = values(settings.format.clone());
        source::KafkaSource::open_table(&ctx, settings, rows).await
    }

    async fn open_sink(&self, ctx: SinkContext) -> Result<Box<dyn Sink>> {
        let options = Options { table: &ctx.table, map: &ctx.options };
        let settings = Settings::read(&options)?;
        let format = settings.format.clone();
        let encoder = |schema: &SchemaRef| sink::Encoder::Values(format.encoder(schema));
        Ok(Box::new(sink::KafkaSink::open(&ctx, settings, encoder).await?))
    }
}

#[cfg(test)]
mod tests;
