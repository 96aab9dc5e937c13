//! The connector `filesystem`: lines of JSON, CSV or single values in a local directory or a bucket.
//!
//! A table may be `PARTITIONED BY` columns, whose values are then in the folders' names; see
//! `partitions.rs`. As a source it reads the files that are there when the job starts, then ends; names that
//! start with `.` or `_` are hidden. The files must not change, and none may be added, while a
//! job starts. As a sink it is exactly once: see `sink.rs`.

mod commit;
mod partitions;
mod path;
mod reader;
mod sink;
mod source;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use sabot_core::store::StoreError;
use sabot_core::{
    Committable, Committer, Env, Error, Result, Sink, SinkContext, Source, SourceContext,
};
use sabot_types::{Attempt, OperatorUid};

use crate::format::json::{self, beside};
use crate::format::{Format, csv, raw};
use crate::metadata::{Columns, Kind, MetadataKey};
use crate::options::{OptionError, Options, Role};
use crate::registry::{Connector, KnownOptions};
use partitions::Partitions;

const NAME: &str = "filesystem";
const PATH: &str = "path";
/// Not one of Flink's for this connector; named as its generators name it.
const RATE: &str = "rows-per-second";
const PATH_EXPECTED: &str = "a directory or file: a local path, file:///... or s3://bucket/prefix";

/// What is known of the file that a row is in.
const METADATA: &[MetadataKey] = &[
    MetadataKey { name: FILE_PATH, kind: Kind::Text },
    MetadataKey { name: FILE_NAME, kind: Kind::Text },
    MetadataKey { name: FILE_SIZE, kind: Kind::BigInt },
    MetadataKey { name: FILE_TIME, kind: Kind::Time },
];
const FILE_PATH: &str = "file.path";
const FILE_NAME: &str = "file.name";
const FILE_SIZE: &str = "file.size";
const FILE_TIME: &str = "file.modification-time";

#[derive(Debug)]
pub(crate) struct Filesystem;

fn path<'a>(options: &Options<'a>) -> Result<&'a str, OptionError> {
    let path = options.required(PATH, PATH_EXPECTED)?;
    match path.split_once("://") {
        None => Ok(path),
        // `mem` is what simulations use.
        Some(("file" | "s3" | "s3a" | "mem", rest)) if !rest.is_empty() => Ok(path),
        Some(_) => Err(options.bad(PATH, PATH_EXPECTED)),
    }
}

fn format(options: &Options<'_>) -> Result<Format, OptionError> {
    match Format::read(options, "format", "")? {
        Format::Avro(_) => Err(options.bad(
            "format",
            "'json', 'debezium-json', 'csv' or 'raw': files of Avro are not supported",
        )),
        format => Ok(format),
    }
}

#[async_trait]
impl Connector for Filesystem {
    fn name(&self) -> &'static str {
        NAME
    }

    fn options(&self, role: Role) -> Option<KnownOptions> {
        let names: &'static [&'static [&'static str]] = match role {
            Role::Source => {
                &[&[PATH, RATE], json::SOURCE_OPTIONS, csv::SOURCE_OPTIONS, raw::OPTIONS]
            }
            Role::Sink => &[&[PATH], json::SINK_OPTIONS, csv::SINK_OPTIONS, raw::OPTIONS],
        };
        Some(KnownOptions { names, prefix: None })
    }

    fn check(&self, _: Role, options: &Options<'_>, schema: &SchemaRef) -> Result<(), OptionError> {
        path(options)?;
        options.number(RATE)?;
        partitions::check(options, schema)?;
        format(options)?.check_columns(options, schema)
    }

    fn without_effect(&self) -> &'static [(&'static str, &'static str)] {
        const WITH_CHECKPOINTS: &str = "a file ends with its checkpoint";
        &[
            ("sink.rolling-policy.file-size", WITH_CHECKPOINTS),
            ("sink.rolling-policy.rollover-interval", WITH_CHECKPOINTS),
            ("sink.rolling-policy.check-interval", WITH_CHECKPOINTS),
        ]
    }

    fn takes_partitions(&self) -> bool {
        true
    }

    fn metadata(&self, role: Role, options: &Options<'_>) -> Vec<MetadataKey> {
        match role {
            Role::Source if self.gives_changes(options) => [METADATA, beside::METADATA].concat(),
            Role::Source => METADATA.to_vec(),
            Role::Sink => Vec::new(),
        }
    }

    fn gives_changes(&self, options: &Options<'_>) -> bool {
        format(options).is_ok_and(|format| format.is_debezium())
    }

    fn takes_changes(&self, options: &Options<'_>) -> bool {
        format(options).is_ok_and(|format| format.is_debezium())
    }

    fn is_bounded(&self, _: &Options<'_>) -> bool {
        true
    }

    async fn open_source(&self, ctx: SourceContext) -> Result<Box<dyn Source>> {
        let options = Options { table: &ctx.table, map: &ctx.options };
        let found = path::find_files(&ctx.env, path(&options)?).await?;
        let format = format(&options)?;
        let rate = options.number(RATE)?.filter(|rate| *rate > 0);
        let metadata = Columns::new(&ctx.schema);
        let partitions = Partitions::new(&metadata.rows(), &options.partitions());
        Ok(Box::new(source::FileSource::open(&ctx, found, (partitions, metadata), &format, rate)?))
    }

    async fn open_sink(&self, ctx: SinkContext) -> Result<Box<dyn Sink>> {
        let options = Options { table: &ctx.table, map: &ctx.options };
        let store = open(&ctx.env, path(&options)?).await?;
        let partitions = Partitions::new(&ctx.schema, &options.partitions());
        Ok(Box::new(sink::FileSink::new(&ctx, store, partitions, &format(&options)?)))
    }

    fn committer(&self, env: &Env) -> Option<Box<dyn Committer>> {
        Some(Box::new(commit::FileCommitter::new(env.clone())))
    }

    async fn remove_abandoned(
        &self,
        options: &Options<'_>,
        uid: &OperatorUid,
        committables: &[Committable],
        attempt: Attempt,
        env: &Env,
    ) -> Result<usize> {
        let store = open(env, path(options)?).await?;
        commit::remove_abandoned(store.as_ref(), uid, committables, attempt).await
    }
}

async fn open(env: &Env, uri: &str) -> Result<std::sync::Arc<dyn sabot_core::store::ObjectStore>> {
    env.stores.open(uri).await.map_err(|error| store_error(format!("opening {uri}"), error))
}

/// A store's failure: what a restart cannot help is the user's to correct.
fn store_error(what: String, error: StoreError) -> Error {
    let is_lasting = error.is_lasting();
    let error = Error::external(what, error);
    if is_lasting { Error::user(error.chain()) } else { error }
}

#[cfg(test)]
mod tests;
