//! From a job's SQL to a checked plan.

use std::collections::BTreeSet;
use std::sync::Arc;

use sabot_connectors::{Role, validate, without_effect};
use sabot_core::plan::{JobPlan, NodeKind};
use sabot_sql::{PlanOptions, Planned, Position};

use crate::exit::CliError;
use crate::job_config::JobConfig;

/// A compiled job.
pub struct Program {
    /// What the SQL front end gave, for `explain`.
    pub planned: Planned,
    /// The plan.
    pub plan: Arc<JobPlan>,
    /// The same for the same statement and the same Sabot; all pods must agree.
    pub fingerprint: String,
}

impl Program {
    /// Plans the job's SQL and checks its tables against their connectors.
    pub fn compile(config: &JobConfig) -> Result<Self, CliError> {
        let options = PlanOptions { key_groups: config.key_groups };
        let mut planned = sabot_sql::plan(&config.sql, &options)
            .map_err(|error| CliError::sql(&config.sql_origin, &error.to_string()))?;
        check(config, &mut planned)?;
        for warning in &planned.warnings {
            tracing::warn!(origin = config.sql_origin, warning, "a setting has no effect");
        }
        let plan = Arc::new(planned.plan.clone());
        let fingerprint = fingerprint(&sabot_sql::explain(&planned, 1));
        Ok(Self { planned, plan, fingerprint })
    }
}

/// Plans what the `EXPLAIN` statements of the job's SQL are about, each with its place.
pub fn explained(config: &JobConfig) -> Result<Vec<(Position, Planned)>, CliError> {
    let options = PlanOptions { key_groups: config.key_groups };
    let mut explained = sabot_sql::plan_explained(&config.sql, &options)
        .map_err(|error| CliError::sql(&config.sql_origin, &error.to_string()))?;
    for (_, planned) in &mut explained {
        check(config, planned)?;
    }
    Ok(explained)
}

/// Checks the tables of a plan against their connectors, and warns of what means nothing to these.
fn check(config: &JobConfig, planned: &mut Planned) -> Result<(), CliError> {
    let mut ignored = BTreeSet::new();
    for node in &planned.plan.nodes {
        let (table, role, options, schema) = match (node.kind.table_read(), &node.kind) {
            (Some(desc), _) => (&desc.table, Role::Source, &desc.options, &desc.physical_schema),
            (None, NodeKind::Sink(desc)) => (&desc.table, Role::Sink, &desc.options, &node.schema),
            _ => continue,
        };
        validate(table, role, options, schema).map_err(|error| {
            CliError::sql(&config.sql_origin, &located(planned, &node.kind, &error))
        })?;
        ignored.extend(without_effect(table, options));
    }
    planned.warnings.extend(ignored);
    Ok(())
}

/// Puts the position of the table's CREATE TABLE before the message.
fn located(planned: &Planned, kind: &NodeKind, error: &sabot_connectors::OptionError) -> String {
    let name = match (kind.table_read(), kind) {
        (Some(desc), _) => &desc.table,
        (None, NodeKind::Sink(desc)) => &desc.table,
        _ => return error.to_string(),
    };
    match planned.tables.iter().find(|table| &table.name == name) {
        Some(table) => {
            format!("line {}, column {}: {error}", table.position.line, table.position.column)
        }
        None => error.to_string(),
    }
}

fn fingerprint(text: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let hash = sabot_types::key_hash::of_bytes(format!("{version}\n{text}").as_bytes());
    format!("{hash:016x}")
}
