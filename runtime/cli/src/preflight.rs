//! `sabot preflight`: a new version checks the live job's state before anything is stopped.

use std::path::PathBuf;

use clap::Args;
use sabot_core::Stores;
use sabot_core::plan::JobPlan;
use sabot_core::state::StateSpec;
use sabot_snapshot::restore::check_key_groups;
use sabot_snapshot::{
    ControlError, LoadedManifest, RestoreError, UriStores, control, load_manifest,
};
use sabot_state::{Severity, compatibility};
use sabot_types::JobUid;

use crate::exit::{CliError, Exit, chain};
use crate::job_config::JobConfig;
use crate::program::Program;
use crate::termination::finish;

/// Checks whether a manifest can go on with its job's latest state; the controller starts it.
#[derive(Debug, Args)]
pub struct PreflightArgs {
    /// The resolved StreamJob manifest.
    #[arg(long)]
    pub job: PathBuf,
    /// The job's uid.
    #[arg(long, env = "SABOT_JOB_UID")]
    pub job_uid: String,
}

/// Writes a task result: ok, or what is in the way. An error means that there is no answer.
pub async fn preflight(args: &PreflightArgs) -> Result<Exit, CliError> {
    match check(args).await {
        Ok(message) => Ok(finish(true, message)),
        Err(CliError::Config(message)) => Ok(finish(false, message)),
        Err(failed) => Err(failed),
    }
}

async fn check(args: &PreflightArgs) -> Result<String, CliError> {
    let config = JobConfig::for_worker(&args.job)?;
    let uid = JobUid::new(args.job_uid.as_str())
        .map_err(|error| CliError::config(format!("SABOT_JOB_UID: {error}")))?;
    let program = Program::compile(&config)?;
    let uri = config.storage.uri();
    let stores = UriStores::new(config.s3.clone());
    let store = stores.open(&uri).await.map_err(|error| CliError::store(&uri, &error))?;
    let Some(loaded) = control::read(store.as_ref()).await.map_err(|e| unreadable(&e))? else {
        return Ok(format!("the job has no state in {uri} yet"));
    };
    if loaded.record.job_uid != uid {
        return Err(CliError::config(format!(
            "{uri} belongs to job {}, not to {uid}: give the job a prefix of its own",
            loaded.record.job_uid
        )));
    }
    let Some(latest) = loaded.record.latest else {
        return Ok("the job has completed no checkpoint yet".to_owned());
    };
    let manifest = load_manifest(&store, &stores, &latest).await.map_err(|e| unrestorable(&e))?;
    check_key_groups(&manifest, config.key_groups).map_err(|e| unrestorable(&e))?;
    check_states(&manifest, &program.plan, config.acknowledge_state_loss)?;
    Ok(format!("the state of epoch {} fits", latest.epoch()))
}

/// Refuses a plan that cannot go on with the states of `manifest`, or would leave some behind.
pub(crate) fn check_states(
    manifest: &LoadedManifest,
    plan: &JobPlan,
    acknowledge_state_loss: bool,
) -> Result<(), CliError> {
    let stored: Vec<StateSpec> =
        manifest.manifest.operators.values().flat_map(|o| o.states.clone()).collect();
    refusal(&stored, &sabot_ops::states_of(plan).collect::<Vec<_>>(), acknowledge_state_loss)
        .map_or(Ok(()), |message| Err(CliError::config(message)))
}

/// Why the plan cannot go on with `stored`; none when it can.
fn refusal(
    stored: &[StateSpec],
    wanted: &[StateSpec],
    acknowledge_state_loss: bool,
) -> Option<String> {
    let found = compatibility(stored, wanted).err()?;
    let lines: Vec<String> = found
        .iter()
        .filter_map(|found| match found.severity() {
            Severity::Refused => Some(found.to_string()),
            Severity::Dropped if acknowledge_state_loss => None,
            Severity::Dropped => Some(format!(
                "{found}: bring the operator back, or set spec.acknowledgeStateLoss to true"
            )),
        })
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// Whether trying again can help is told by the store's own error at the end of the chain.
fn unreadable(error: &ControlError) -> CliError {
    CliError::failed(chain(error))
}

fn unrestorable(error: &RestoreError) -> CliError {
    match error {
        RestoreError::KeyGroups { .. }
        | RestoreError::HashVersion { .. }
        | RestoreError::OtherEpoch { .. } => CliError::config(chain(error)),
        RestoreError::Manifest(_)
        | RestoreError::Segment(_)
        | RestoreError::Open { .. }
        | RestoreError::Visit { .. } => CliError::failed(chain(error)),
    }
}

#[cfg(test)]
mod tests {
    use sabot_core::state::{StateField, ValueEncoding};
    use sabot_types::OperatorUid;

    use super::*;

    fn state(operator: &str, values: &[&str]) -> StateSpec {
        let field = |name: &&str| StateField { name: (*name).into(), data_type: "Int64".into() };
        StateSpec {
            operator: OperatorUid::new(operator).unwrap(),
            name: "window".into(),
            key: vec![field(&"k")],
            value: values.iter().map(field).collect(),
            namespace: "window-end tumble(1000,0)".into(),
            ttl_ms: None,
            encoding: ValueEncoding::Sortable,
        }
    }

    #[test]
    fn an_added_aggregate_is_refused_by_name() {
        let (stored, wanted) = (state("agg", &["SUM(a)"]), state("agg", &["SUM(a)", "MAX(b)"]));
        let text = refusal(&[stored], &[wanted], true).unwrap();
        assert!(text.contains("MAX(b)"), "{text}");
    }

    #[test]
    fn state_is_left_behind_only_when_that_is_acknowledged() {
        let stored = [state("agg", &["SUM(a)"])];
        let text = refusal(&stored, &[], false).unwrap();
        assert!(text.contains("agg") && text.contains("acknowledgeStateLoss"), "{text}");
        assert_eq!(refusal(&stored, &[], true), None);
        assert_eq!(refusal(&stored, &stored, false), None);
    }
}
