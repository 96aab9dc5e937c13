//! The connector `upsert-kafka`: a topic that says of each key what it has now.
//!
//! A message's key is the primary key, its value the row; a message without a value deletes the
//! key's row. A source reads whole partitions from their beginning and says only what is now: the
//! plan keeps the last row of each key and makes changes of it. A sink writes each new version of a
//! row, and nothing of old ones; it is *at least once* or *exactly once*, as that of `kafka`.

use std::sync::LazyLock;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use sabot_core::{Committable, Env, Result, Sink, SinkContext, Source, SourceContext, partitions};
use sabot_types::{Attempt, OperatorUid};

use super::parts::{INCLUDE, KEY_FORMAT, PREFIX, Parts, PartsEncoder, VALUE_FORMAT};
use super::{
    GUARANTEE, PROPERTIES, Place, SERVERS, Settings, TRANSACTIONS, metadata, read_bound, sink,
    source,
};
use crate::format::{Format, OF_ROWS, avro, csv, raw};
use crate::metadata::{Columns, MetadataKey};
use crate::options::{OptionError, Options, Role};
use crate::registry::{Connector, KnownOptions, TableRead};

const NAME: &str = "upsert-kafka";
const COMMON_OPTIONS: &[&str] = &["topic", SERVERS, KEY_FORMAT, VALUE_FORMAT, INCLUDE, PREFIX];
const SOURCE_OPTIONS: &[&str] = &[
    "properties.group.id",
    "key.json.ignore-parse-errors",
    "key.json.fail-on-missing-field",
    "key.json.timestamp-format.standard",
    "value.json.ignore-parse-errors",
    "value.json.fail-on-missing-field",
    "value.json.timestamp-format.standard",
];
const SINK_OPTIONS: &[&str] = &[
    GUARANTEE,
    TRANSACTIONS,
    "key.json.timestamp-format.standard",
    "value.json.timestamp-format.standard",
];

#[derive(Debug)]
pub(crate) struct UpsertKafka;

/// How rows are divided, and the settings.
fn read(options: &Options<'_>) -> Result<(Parts, Settings), OptionError> {
    let format = Format::read(options, VALUE_FORMAT, "value.")?;
    if format.is_debezium() {
        return Err(options.bad(VALUE_FORMAT, OF_ROWS));
    }
    let prefix = format!("value.{}.", format.name());
    let key = (partitions::primary_key(options.map), "the primary key");
    let parts = Parts::read(options, key, format.clone(), true)?;
    Ok((parts, Settings::of(options, format, prefix)?))
}

#[async_trait]
impl Connector for UpsertKafka {
    fn name(&self) -> &'static str {
        NAME
    }

    fn options(&self, role: Role) -> Option<KnownOptions> {
        let names: &'static [&'static [&'static str]] = match role {
            Role::Source => &[
                COMMON_OPTIONS,
                super::BOUND_OPTIONS,
                SOURCE_OPTIONS,
                csv::KEY_SOURCE_OPTIONS,
                csv::VALUE_SOURCE_OPTIONS,
                avro::KEY_OPTIONS,
                avro::VALUE_OPTIONS,
                raw::KEY_OPTIONS,
                raw::VALUE_OPTIONS,
            ],
            Role::Sink => &[
                COMMON_OPTIONS,
                SINK_OPTIONS,
                csv::KEY_SINK_OPTIONS,
                csv::VALUE_SINK_OPTIONS,
                avro::KEY_OPTIONS,
                avro::VALUE_OPTIONS,
                raw::KEY_OPTIONS,
                raw::VALUE_OPTIONS,
            ],
        };
        Some(KnownOptions { names, prefix: Some(PROPERTIES) })
    }

    fn check(&self, _: Role, options: &Options<'_>, schema: &SchemaRef) -> Result<(), OptionError> {
        let (parts, settings) = read(options)?;
        read_bound(options)?;
        super::check_columns(&settings.format, Some(&parts), options, schema)?;
        super::client::check_properties(options, &settings)
    }

    fn without_effect(&self) -> &'static [(&'static str, &'static str)] {
        const AT_ONCE: &str = "new versions of rows are written as they come, batch by batch";
        static ALL: LazyLock<Vec<(&str, &str)>> = LazyLock::new(|| {
            let own = ["sink.buffer-flush.max-rows", "sink.buffer-flush.interval"];
            let own = own.map(|option| (option, AT_ONCE));
            own.into_iter().chain(super::properties::WITHOUT_EFFECT.iter().copied()).collect()
        });
        &ALL
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
        read_bound(options).is_ok_and(|bound| bound.is_some())
    }

    async fn open_source(&self, ctx: SourceContext) -> Result<Box<dyn Source>> {
        let options = Options { table: &ctx.table, map: &ctx.options };
        let ((parts, settings), bound) = (read(&options)?, read_bound(&options)?);
        let opened =
            source::KafkaSource::open(&ctx, settings, Place::Earliest, bound, parts.rows(&ctx.env))
                .await?;
        Ok(Box::new(opened))
    }

    async fn open_table(&self, ctx: SourceContext) -> Result<TableRead> {
        let (parts, settings) = read(&Options { table: &ctx.table, map: &ctx.options })?;
        source::KafkaSource::open_table(&ctx, settings, parts.rows(&ctx.env)).await
    }

    async fn open_sink(&self, ctx: SinkContext) -> Result<Box<dyn Sink>> {
        let (mut parts, settings) = read(&Options { table: &ctx.table, map: &ctx.options })?;
        parts.register(&ctx.env, &settings.topic, &Columns::new(&ctx.schema).rows()).await?;
        let encoder = |schema: &SchemaRef| sink::Encoder::Parts(PartsEncoder::new(schema, &parts));
        super::open_sink(&ctx, settings, encoder).await
    }

    async fn remove_abandoned(
        &self,
        options: &Options<'_>,
        uid: &OperatorUid,
        _: &[Committable],
        attempt: Attempt,
        env: &Env,
    ) -> Result<usize> {
        super::abort_abandoned(read(options)?.1, uid, attempt, env).await
    }
}

#[cfg(test)]
mod tests;
