//! The connector `kafka`: topics of JSON objects, CSV rows, records of Avro or single values.
//!
//! As a source it assigns partitions itself, without a consumer group's rebalancing: partition p
//! belongs to subtask p modulo the parallelism, and how far it was read lies in the job's
//! checkpoints alone. Offsets are not committed to the group. As a sink it is *at least once*:
//! a checkpoint waits until the brokers have every message, and after a failure the messages
//! since the last checkpoint are sent again; or, by transactions, *exactly once*.

mod client;
mod headers;
mod metadata;
mod parts;
mod properties;
mod reader;
mod sink;
mod source;
mod transactions;
mod upsert;
mod wire;

use std::collections::BTreeMap;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use sabot_core::{
    Committable, Committer, Env, Result, Sink, SinkContext, Source, SourceContext, partitions,
};
use sabot_types::{Attempt, OperatorUid};

use self::parts::{INCLUDE, KEY_FORMAT, PREFIX, Parts, PartsEncoder};

use crate::format::json::{self, beside};
use crate::format::{Format, avro, csv, raw};
use crate::metadata::{Columns, MetadataKey};
use crate::options::{OptionError, Options, Role};
use crate::registry::{Connector, KnownOptions, TableRead};

pub(crate) use upsert::UpsertKafka;

const NAME: &str = "kafka";
const PROPERTIES: &str = "properties.";
const SERVERS: &str = "properties.bootstrap.servers";
const START: &str = "scan.startup.mode";
const START_TIMESTAMP: &str = "scan.startup.timestamp-millis";
const START_OFFSETS: &str = "scan.startup.specific-offsets";
const BOUNDED: &str = "scan.bounded.mode";
const BOUNDED_TIMESTAMP: &str = "scan.bounded.timestamp-millis";
const BOUNDED_OFFSETS: &str = "scan.bounded.specific-offsets";
const GROUP: &str = "properties.group.id";
const KEY_FIELDS: &str = "key.fields";
const PARTITIONER: &str = "sink.partitioner";
const GUARANTEE: &str = "sink.delivery-guarantee";
const TRANSACTIONS: &str = "sink.transactional-id-prefix";
const SECURITY: &str = "properties.security.protocol";

const COMMON_OPTIONS: &[&str] =
    &["topic", SERVERS, "format", "value.format", KEY_FORMAT, KEY_FIELDS, PREFIX, INCLUDE];
const BOUND_OPTIONS: &[&str] = &[BOUNDED, BOUNDED_TIMESTAMP, BOUNDED_OFFSETS];
const SOURCE_OPTIONS: &[&str] = &[
    START,
    START_TIMESTAMP,
    START_OFFSETS,
    GROUP,
    "key.json.ignore-parse-errors",
    "key.json.fail-on-missing-field",
    "key.json.timestamp-format.standard",
    "value.json.ignore-parse-errors",
    "value.json.fail-on-missing-field",
    "value.json.timestamp-format.standard",
    "value.debezium-json.ignore-parse-errors",
    "value.debezium-json.schema-include",
    "value.debezium-json.timestamp-format.standard",
];
const SINK_OPTIONS: &[&str] = &[
    PARTITIONER,
    GUARANTEE,
    TRANSACTIONS,
    "key.json.timestamp-format.standard",
    "value.json.timestamp-format.standard",
    "value.debezium-json.timestamp-format.standard",
];

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
    partitioner: Partitioner,
    /// What the ids of transactions begin with, where the sink is exactly once.
    transactions: Option<String>,
}

/// Which partition a sink's messages go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Partitioner {
    /// The one that Kafka's own client chooses: by the key, or without one by turns.
    Default,
    /// One for each subtask.
    Fixed,
}

/// Where the reading of a partition without a position in the checkpoint begins, or ends.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Earliest,
    Latest,
    /// Where the group has committed.
    Group,
    /// At the first message of this time or later.
    TimestampMs(i64),
    /// At these offsets, by partition; at the earliest ones of others.
    Offsets(BTreeMap<i32, i64>),
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
        Ok(Self {
            topic: topic.to_owned(),
            brokers: options.required(SERVERS, "the brokers: 'host:port,host:port'")?.to_owned(),
            option_prefix: prefix,
            format,
            properties: properties::of_library(options)?,
            partitioner: read_partitioner(options)?,
            transactions: read_guarantee(options)?,
        })
    }
}

fn read_partitioner(options: &Options<'_>) -> Result<Partitioner, OptionError> {
    const ROUND_ROBIN: &str = "round-robin";
    let by_turns = Partitioner::Default;
    let all = [("default", by_turns), ("fixed", Partitioner::Fixed), (ROUND_ROBIN, by_turns)];
    let read = options.one_of(PARTITIONER, &all)?;
    let is_by_turns = options.get(PARTITIONER).is_some_and(|p| p.eq_ignore_ascii_case(ROUND_ROBIN));
    if is_by_turns && options.get(KEY_FORMAT).is_some() {
        return Err(options.bad(PARTITIONER, "'default' or 'fixed' where messages have keys"));
    }
    Ok(read.unwrap_or(by_turns))
}

/// The key of messages and the rest; none where they have no key.
fn read_parts(options: &Options<'_>, format: &Format) -> Result<Option<Parts>, OptionError> {
    if options.get(KEY_FORMAT).is_none() {
        let alone = [KEY_FIELDS, PREFIX].into_iter().find(|name| options.get(name).is_some());
        let except = options.get(INCLUDE).filter(|which| !which.eq_ignore_ascii_case("all"));
        return match alone.or(except.map(|_| INCLUDE)) {
            Some(name) => {
                Err(options.bad(name, format!("'{KEY_FORMAT}' and '{KEY_FIELDS}' beside it")))
            }
            None => Ok(None),
        };
    }
    let fields = options.required(KEY_FIELDS, "the columns of messages' keys: 'a;b'")?;
    let fields: Vec<String> = fields.split(';').map(|field| field.trim().to_owned()).collect();
    let physical = partitions::physical_columns(options.map);
    if let Some(other) = fields.iter().find(|field| !physical.contains(field)) {
        let expected = format!("physical columns of the table, which '{other}' is not");
        return Err(options.bad(KEY_FIELDS, expected));
    }
    Parts::read(options, (fields, "'key.fields'"), format.clone(), false).map(Some)
}

/// Checks the columns of messages, and of which of them keys are made.
fn check_columns(
    format: &Format,
    parts: Option<&Parts>,
    options: &Options<'_>,
    schema: &SchemaRef,
) -> Result<(), OptionError> {
    match parts {
        Some(parts) => parts.check_columns(options, schema),
        None => format.check_columns(options, schema),
    }
}

fn read_start(options: &Options<'_>) -> Result<Place, OptionError> {
    type Read = fn(&Options<'_>) -> Result<Place, OptionError>;
    let of_group: Read = |options| {
        let expected = "the group whose offsets are read, or set 'scan.startup.mode' to \
                        'earliest-offset', 'latest-offset', 'timestamp' or 'specific-offsets' (its \
                        default is 'group-offsets')";
        read_group(options, expected)
    };
    let modes: [(&str, Read); 5] = [
        ("earliest-offset", |_| Ok(Place::Earliest)),
        ("latest-offset", |_| Ok(Place::Latest)),
        ("group-offsets", of_group),
        ("timestamp", |options| read_timestamp(options, START_TIMESTAMP)),
        ("specific-offsets", |options| read_offsets(options, START_OFFSETS)),
    ];
    let read = options.one_of(START, &modes)?.unwrap_or(of_group);
    match options.get(partitions::READ_WHOLE) {
        Some(_) => Ok(Place::Earliest),
        None => read(options),
    }
}

/// Where a bounded job ends; none: nowhere.
fn read_bound(options: &Options<'_>) -> Result<Option<Place>, OptionError> {
    type Read = fn(&Options<'_>) -> Result<Option<Place>, OptionError>;
    let modes: [(&str, Read); 5] = [
        ("unbounded", |_| Ok(None)),
        ("latest-offset", |_| Ok(Some(Place::Latest))),
        ("group-offsets", |options| {
            read_group(options, "the group at whose offsets the job ends").map(Some)
        }),
        ("timestamp", |options| read_timestamp(options, BOUNDED_TIMESTAMP).map(Some)),
        ("specific-offsets", |options| read_offsets(options, BOUNDED_OFFSETS).map(Some)),
    ];
    let read = options.one_of(BOUNDED, &modes)?;
    read.map_or(Ok(None), |read| read(options))
}

/// The place of the group, which has to be named.
fn read_group(options: &Options<'_>, expected: &str) -> Result<Place, OptionError> {
    match options.get(GROUP) {
        Some(_) => Ok(Place::Group),
        None => Err(options.missing(GROUP, expected)),
    }
}

fn read_timestamp(options: &Options<'_>, option: &str) -> Result<Place, OptionError> {
    let expected = "milliseconds since the Unix epoch";
    options.required(option, expected)?;
    let millis = options.number(option)?.unwrap_or_default();
    let millis = i64::try_from(millis).map_err(|_| options.bad(option, expected));
    Ok(Place::TimestampMs(millis?))
}

/// Offsets as Flink writes them: `partition:0,offset:42;partition:1,offset:300`.
fn read_offsets(options: &Options<'_>, option: &str) -> Result<Place, OptionError> {
    let expected = "offsets by partitions: 'partition:0,offset:42;partition:1,offset:300'";
    let text = options.required(option, expected)?;
    let offset_of = |part: &str| -> Option<(i32, i64)> {
        let (partition, offset) = part.split_once(',')?;
        let partition: i32 = partition.trim().strip_prefix("partition:")?.trim().parse().ok()?;
        let offset: i64 = offset.trim().strip_prefix("offset:")?.trim().parse().ok()?;
        (partition >= 0 && offset >= 0).then_some((partition, offset))
    };
    let parts: Vec<&str> = text.trim_end_matches(';').split(';').collect();
    let offsets: Option<BTreeMap<i32, i64>> = parts.iter().map(|part| offset_of(part)).collect();
    let offsets = offsets.filter(|offsets| offsets.len() == parts.len());
    offsets.map(Place::Offsets).ok_or_else(|| options.bad(option, expected))
}

/// What the ids of transactions begin with; none where the sink is at least once.
fn read_guarantee(options: &Options<'_>) -> Result<Option<String>, OptionError> {
    // At least once is more than nothing.
    let all = [("at-least-once", false), ("none", false), ("exactly-once", true)];
    if !options.one_of(GUARANTEE, &all)?.unwrap_or_default() {
        return Ok(None);
    }
    if options.get(SECURITY).is_some_and(|protocol| !protocol.eq_ignore_ascii_case("plaintext")) {
        return Err(
            options.bad(SECURITY, format!("'PLAINTEXT' where '{GUARANTEE}' is 'exactly-once'"))
        );
    }
    let expected = "what the ids of its transactions begin with, which no other job may use";
    Ok(Some(options.required(TRANSACTIONS, expected)?.to_owned()))
}

impl Kafka {
    /// The settings of a source, and how its rows, and what is beside them, are made of messages.
    fn read_rows(
        options: &Options<'_>,
        env: &Env,
    ) -> Result<(Settings, impl FnOnce(&Columns) -> reader::Rows + use<>), OptionError> {
        let settings = Settings::read(options)?;
        let parts = read_parts(options, &settings.format)?.filter(Parts::reads_key);
        let (format, env) = (settings.format.clone(), env.clone());
        let rows = move |columns: &Columns| match parts {
            Some(parts) => parts.rows(&env)(columns),
            None => {
                let keys = beside::keys_of(columns, beside::VALUE);
                reader::Rows::Values(format.decoder(columns.rows(), keys, &env))
            }
        };
        Ok((settings, rows))
    }
}

#[async_trait]
impl Connector for Kafka {
    fn name(&self) -> &'static str {
        NAME
    }

    fn options(&self, role: Role) -> Option<KnownOptions> {
        let names: &'static [&'static [&'static str]] = match role {
            Role::Source => &[
                COMMON_OPTIONS,
                BOUND_OPTIONS,
                SOURCE_OPTIONS,
                json::SOURCE_OPTIONS,
                csv::SOURCE_OPTIONS,
                csv::KEY_SOURCE_OPTIONS,
                csv::VALUE_SOURCE_OPTIONS,
                avro::OPTIONS,
                avro::KEY_OPTIONS,
                avro::VALUE_OPTIONS,
                raw::OPTIONS,
                raw::KEY_OPTIONS,
                raw::VALUE_OPTIONS,
            ],
            Role::Sink => &[
                COMMON_OPTIONS,
                SINK_OPTIONS,
                json::SINK_OPTIONS,
                csv::SINK_OPTIONS,
                csv::KEY_SINK_OPTIONS,
                csv::VALUE_SINK_OPTIONS,
                avro::OPTIONS,
                avro::KEY_OPTIONS,
                avro::VALUE_OPTIONS,
                raw::OPTIONS,
                raw::KEY_OPTIONS,
                raw::VALUE_OPTIONS,
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
        let parts = read_parts(options, &settings.format)?;
        if role == Role::Source {
            read_start(options)?;
            read_bound(options)?;
        }
        check_columns(&settings.format, parts.as_ref(), options, schema)?;
        client::check_properties(options, &settings)
    }

    fn without_effect(&self) -> &'static [(&'static str, &'static str)] {
        properties::WITHOUT_EFFECT
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
        read_bound(options).is_ok_and(|bound| bound.is_some())
    }

    async fn open_source(&self, ctx: SourceContext) -> Result<Box<dyn Source>> {
        let options = Options { table: &ctx.table, map: &ctx.options };
        let (settings, rows) = Self::read_rows(&options, &ctx.env)?;
        let (start, bound) = (read_start(&options)?, read_bound(&options)?);
        Ok(Box::new(source::KafkaSource::open(&ctx, settings, start, bound, rows).await?))
    }

    async fn open_table(&self, ctx: SourceContext) -> Result<TableRead> {
        let options = Options { table: &ctx.table, map: &ctx.options };
        let (settings, rows) = Self::read_rows(&options, &ctx.env)?;
        source::KafkaSource::open_table(&ctx, settings, rows).await
    }

    async fn open_sink(&self, ctx: SinkContext) -> Result<Box<dyn Sink>> {
        let options = Options { table: &ctx.table, map: &ctx.options };
        let settings = Settings::read(&options)?;
        let mut format = settings.format.clone();
        let mut parts = read_parts(&options, &format)?;
        let rows = Columns::new(&ctx.schema).rows();
        match &mut parts {
            Some(parts) => parts.register(&ctx.env, &settings.topic, &rows).await?,
            None => {
                format.register(&ctx.env, &format!("{}-value", settings.topic), &rows).await?;
            }
        }
        let encoder = |schema: &SchemaRef| match &parts {
            Some(parts) => sink::Encoder::Parts(PartsEncoder::new(schema, parts)),
            None => sink::Encoder::Values(format.encoder(schema)),
        };
        open_sink(&ctx, settings, encoder).await
    }

    fn committer(&self, env: &Env) -> Option<Box<dyn Committer>> {
        Some(Box::new(transactions::KafkaCommitter { env: env.clone() }))
    }

    async fn remove_abandoned(
        &self,
        options: &Options<'_>,
        uid: &OperatorUid,
        _: &[Committable],
        attempt: Attempt,
        env: &Env,
    ) -> Result<usize> {
        abort_abandoned(Settings::read(options)?, uid, attempt, env).await
    }
}

/// Opens a sink that gives the guarantee that is wanted.
async fn open_sink(
    ctx: &SinkContext,
    settings: Settings,
    encoder: impl FnOnce(&SchemaRef) -> sink::Encoder,
) -> Result<Box<dyn Sink>> {
    Ok(match settings.transactions.clone() {
        Some(prefix) => {
            let open = transactions::TransactionalSink::open(ctx, settings, &prefix, encoder);
            Box::new(open.await?)
        }
        None => Box::new(sink::KafkaSink::open(ctx, settings, encoder).await?),
    })
}

/// Aborts the transactions that earlier attempts have left open; how many.
async fn abort_abandoned(
    settings: Settings,
    uid: &OperatorUid,
    attempt: Attempt,
    env: &Env,
) -> Result<usize> {
    match settings.transactions.clone() {
        Some(prefix) => transactions::abort_abandoned(settings, &prefix, uid, attempt, env).await,
        None => Ok(0),
    }
}

#[cfg(test)]
mod tests;
