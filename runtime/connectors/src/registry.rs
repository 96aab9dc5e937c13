//! The table of connectors, and what the rest of Sabot asks of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use sabot_core::{Committable, Committer, Sink, SinkContext};
use sabot_core::{Env, partitions, row_kind};
use sabot_core::{Error, Result};
use sabot_core::{Source, SourceContext};
use sabot_types::{Attempt, OperatorUid};

use crate::metadata::{self, MetadataKey};
use crate::options::{OptionError, Options, Role, did_you_mean};

/// Every connector, one line each, sorted by name.
static CONNECTORS: &[&dyn Connector] = &[
    &crate::blackhole::Blackhole,
    &crate::datagen::DataGen,
    &crate::filesystem::Filesystem,
    &crate::kafka::Kafka,
    &crate::nexmark::Nexmark,
    &crate::print::Print,
    &crate::kafka::UpsertKafka,
    &crate::values::Values,
];

/// Options that every connector knows.
const COMMON: &[&str] = &["connector"];
/// Options of Flink's connectors that mean nothing here, and why.
const WITHOUT_EFFECT: &[(&str, &str)] = &[
    ("scan.parallelism", "spec.parallelism of the StreamJob counts"),
    ("sink.parallelism", "spec.parallelism of the StreamJob counts"),
];

/// The options that a connector knows in one role.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct KnownOptions {
    /// By their whole name.
    pub(crate) names: &'static [&'static [&'static str]],
    /// Everything that starts with this is passed on to a library, which checks it.
    pub(crate) prefix: Option<&'static str>,
}

/// A table that a lookup join reads whole.
pub struct TableRead {
    /// Gives its rows, then ends.
    pub source: Box<dyn Source>,
    /// Whether they come after those that were read before, and not in their place.
    pub goes_on: bool,
}

/// What a folder of this crate implements.
#[async_trait]
pub(crate) trait Connector: Send + Sync {
    /// The value of the option `connector`.
    fn name(&self) -> &'static str;

    /// Whether only the planner makes such tables, and nobody declares them.
    fn is_internal(&self) -> bool {
        false
    }

    /// The options in this role; none when the connector cannot have it.
    fn options(&self, role: Role) -> Option<KnownOptions>;

    /// Options of Flink's connector that mean nothing here, and why.
    fn without_effect(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// Checks the options' values and the columns, without the metadata ones. Does no I/O.
    fn check(
        &self,
        role: Role,
        options: &Options<'_>,
        schema: &SchemaRef,
    ) -> Result<(), OptionError>;

    /// Whether rows of the source change and go, not only come.
    fn gives_changes(&self, _options: &Options<'_>) -> bool {
        false
    }

    /// Whether the sink can write rows that change and go, not only rows that come.
    fn takes_changes(&self, _options: &Options<'_>) -> bool {
        false
    }

    /// Whether the table may be `PARTITIONED BY` columns.
    fn takes_partitions(&self) -> bool {
        false
    }

    /// What it has beside rows in this role with these options, for `METADATA` columns.
    fn metadata(&self, _role: Role, _options: &Options<'_>) -> Vec<MetadataKey> {
        Vec::new()
    }

    /// Metadata of Flink's connector that it does not have, and why.
    fn missing_metadata(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// Whether the source ends by itself.
    fn is_bounded(&self, _options: &Options<'_>) -> bool {
        false
    }

    /// Whether a source produces only the rows that [`SourceContext::filter`] asks for.
    fn filters(&self) -> bool {
        false
    }

    /// Opens one subtask of a source whose options were checked.
    async fn open_source(&self, ctx: SourceContext) -> Result<Box<dyn Source>> {
        Err(wrong_role(&ctx.table, self.name(), Role::Source).into())
    }

    /// Opens a table that is read whole, from begin to end. `ctx.restored` is where the last reading
    /// of it ended; a connector that can goes on there.
    async fn open_table(&self, ctx: SourceContext) -> Result<TableRead> {
        let ctx = SourceContext { restored: Arc::default(), ..ctx };
        Ok(TableRead { source: self.open_source(ctx).await?, goes_on: false })
    }

    /// Opens one subtask of a sink whose options were checked.
    async fn open_sink(&self, ctx: SinkContext) -> Result<Box<dyn Sink>> {
        Err(wrong_role(&ctx.table, self.name(), Role::Sink).into())
    }

    /// What commits the sink's committables; none for sinks that make none.
    fn committer(&self, _env: &Env) -> Option<Box<dyn Committer>> {
        None
    }

    /// Removes hidden output of attempts below `attempt` that is not in `committables`; the
    /// number of objects removed.
    async fn remove_abandoned(
        &self,
        _options: &Options<'_>,
        _uid: &OperatorUid,
        _committables: &[Committable],
        _attempt: Attempt,
        _env: &Env,
    ) -> Result<usize> {
        Ok(0)
    }
}

/// The names of all connectors that a table can be declared with.
pub fn connector_names() -> Vec<&'static str> {
    let declared = CONNECTORS.iter().filter(|connector| !connector.is_internal());
    declared.map(|connector| connector.name()).collect()
}

/// Checks a table before anything starts: the connector, its options and the columns.
///
/// `schema` has the physical and the metadata columns (for a source: without computed ones), and the
/// row kind if the rows that are written can change and go.
pub fn validate(
    table: &str,
    role: Role,
    options: &BTreeMap<String, String>,
    schema: &SchemaRef,
) -> Result<(), OptionError> {
    let options = Options { table, map: options };
    let connector = find(&options)?;
    let known = connector.options(role).ok_or_else(|| wrong_role(table, connector.name(), role))?;
    if options.map.contains_key(partitions::PARTITIONED_BY) && !connector.takes_partitions() {
        let (table, name) = (table.to_owned(), connector.name());
        return Err(OptionError::Partitioned { table, name });
    }
    for option in options.map.keys().filter(|option| !partitions::is_declaration(option)) {
        check_known(&options, option, connector, role, known)?;
    }
    let (known, missing) = (connector.metadata(role, &options), connector.missing_metadata());
    metadata::check(&options, (connector.name(), role), &known, missing, schema)?;
    let is_updating = row_kind::is_updating(schema);
    if role == Role::Sink && is_updating && !connector.takes_changes(&options) {
        let (table, name) = (table.to_owned(), connector.name());
        return Err(OptionError::Changes { table, name });
    }
    let columns = sabot_core::metadata::without(&row_kind::without(schema));
    connector.check(role, &options, &Arc::new(columns))
}

/// What [`validate`] has let pass of a table's options and means nothing here.
pub fn without_effect(table: &str, options: &BTreeMap<String, String>) -> Vec<String> {
    let Ok(connector) = find(&Options { table, map: options }) else { return Vec::new() };
    let ignored = ignored(connector).filter(|(option, _)| options.contains_key(*option));
    ignored
        .map(|(option, why)| format!("table {table}: option '{option}' has no effect: {why}"))
        .collect()
}

fn ignored(
    connector: &dyn Connector,
) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    WITHOUT_EFFECT.iter().chain(connector.without_effect())
}

/// Whether a source with these options ends by itself. False also for options that
/// [`validate`] refuses.
pub fn is_bounded(options: &BTreeMap<String, String>) -> bool {
    let options = Options { table: "", map: options };
    find(&options).is_ok_and(|connector| connector.is_bounded(&options))
}

/// Opens one subtask of a source.
pub async fn open_source(ctx: SourceContext) -> Result<Box<dyn Source>> {
    source_of(&ctx)?.open_source(ctx.clone()).await
}

/// Opens a table that a lookup join reads whole, as one subtask. `ctx.restored` are the positions at
/// which its last reading ended; none: it was not read yet.
pub async fn open_table(ctx: SourceContext) -> Result<TableRead> {
    source_of(&ctx)?.open_table(ctx.clone()).await
}

/// The connector of a source, which agrees with what the plan says of it.
fn source_of(ctx: &SourceContext) -> Result<&'static dyn Connector> {
    validate(&ctx.table, Role::Source, &ctx.options, &ctx.schema)?;
    let connector = find(&Options { table: &ctx.table, map: &ctx.options })?;
    if let (Some(filter), false) = (&ctx.filter, connector.filters()) {
        // The plan relies on it: with all rows its results would be wrong.
        return Err(Error::user(format!(
            "table {}: connector '{}' cannot choose rows by column '{}'",
            ctx.table,
            connector.name(),
            filter.column
        )));
    }
    let options = Options { table: &ctx.table, map: &ctx.options };
    if connector.gives_changes(&options) != row_kind::is_updating(&ctx.schema) {
        return Err(Error::user(format!(
            "table {}: the plan and connector '{}' do not agree on whether its rows change",
            ctx.table,
            connector.name()
        )));
    }
    Ok(connector)
}

/// Opens one subtask of a sink.
pub async fn open_sink(ctx: SinkContext) -> Result<Box<dyn Sink>> {
    validate(&ctx.table, Role::Sink, &ctx.options, &ctx.schema)?;
    find(&Options { table: &ctx.table, map: &ctx.options })?.open_sink(ctx.clone()).await
}

/// What commits the committables of `connector` (see [`Committable::connector`]).
// Asynchronous because a connector may have to reach its system first.
pub async fn committer(connector: &str, env: &Env) -> Result<Box<dyn Committer>> {
    let found = CONNECTORS.iter().find(|candidate| candidate.name() == connector);
    found.and_then(|found| found.committer(env)).ok_or_else(|| {
        Error::user(format!(
            "the checkpoint holds output of connector '{connector}', which this version cannot \
             commit: run the version that wrote it"
        ))
    })
}

/// Removes a sink's hidden output that attempts below `attempt` left behind.
///
/// To be called after the job was restored and `committables`, all that the restored checkpoint
/// carries, were committed. Returns how many objects were removed.
pub async fn remove_abandoned(
    table: &str,
    options: &BTreeMap<String, String>,
    uid: &OperatorUid,
    committables: &[Committable],
    attempt: Attempt,
    env: &Env,
) -> Result<usize> {
    let options = Options { table, map: options };
    find(&options)?.remove_abandoned(&options, uid, committables, attempt, env).await
}

fn find(options: &Options<'_>) -> Result<&'static dyn Connector, OptionError> {
    let table = options.table.to_owned();
    let names = connector_names();
    let Some(name) = options.get("connector") else {
        return Err(OptionError::NoConnector { table, known: names.join(", ").into() });
    };
    CONNECTORS.iter().find(|connector| connector.name() == name).copied().ok_or_else(|| {
        OptionError::UnknownConnector {
            table,
            name: name.to_owned(),
            hint: did_you_mean(name, names.iter().copied()).into(),
            known: names.join(", ").into(),
        }
    })
}

fn wrong_role(table: &str, name: &str, role: Role) -> OptionError {
    let other = role.other();
    OptionError::WrongRole {
        table: table.to_owned(),
        name: name.to_owned(),
        role: role.name(),
        other: other.name(),
    }
}

fn check_known(
    options: &Options<'_>,
    option: &str,
    connector: &dyn Connector,
    role: Role,
    known: KnownOptions,
) -> Result<(), OptionError> {
    let mut names: Vec<&str> =
        known.names.iter().copied().flatten().chain(COMMON).copied().collect();
    // A table can be read and written: what one of both has to know does not disturb the other.
    let other = connector.options(role.other());
    let mut other = other.into_iter().flat_map(|other| other.names.iter().copied().flatten());
    let is_known = names.contains(&option)
        || other.any(|known| *known == option)
        || ignored(connector).any(|(ignored, _)| *ignored == option)
        || known.prefix.is_some_and(|prefix| option.starts_with(prefix));
    if is_known {
        return Ok(());
    }
    names.sort_unstable();
    let hint = match known.prefix.filter(|prefix| is_like_prefix(option, prefix)) {
        Some(prefix) => {
            let rest = option.split_once('.').map_or("", |(_, rest)| rest);
            format!(" (did you mean '{prefix}{rest}'?)")
        }
        None => did_you_mean(option, names.iter().copied()),
    };
    let mut list = names.join(", ");
    if let Some(prefix) = known.prefix {
        list = format!("{list}, {prefix}*");
    }
    Err(OptionError::UnknownOption {
        table: options.table.to_owned(),
        option: option.to_owned(),
        connector: connector.name(),
        role: role.name(),
        hint: hint.into(),
        known: list.into(),
    })
}

/// Whether the first word of an option is nearly that of a prefix, such as `properties.`.
fn is_like_prefix(option: &str, prefix: &str) -> bool {
    let first = option.split_once('.').map(|(first, _)| first);
    first.is_some_and(|first| !did_you_mean(first, [prefix.trim_end_matches('.')]).is_empty())
}

#[cfg(test)]
mod tests;
