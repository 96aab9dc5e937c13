//! Whether `sabot run` can go on with the state that it would start from; on a cluster the
//! controller has the preflight for that.

use std::sync::Arc;

use sabot_core::Env;
use sabot_core::plan::JobPlan;
use sabot_core::store::ObjectStore;
use sabot_snapshot::restore::check_key_groups;
use sabot_snapshot::{LoadedManifest, control, load_manifest};
use sabot_types::{ControlRecord, Epoch, ManifestRef, OperatorUid, Phase};

use crate::exit::{CliError, chain};
use crate::job_config::JobConfig;
use crate::preflight::check_states;

/// Refuses a savepoint that is not there, and state that the job would silently leave behind.
pub(crate) async fn check(
    config: &JobConfig,
    plan: &JobPlan,
    env: &Env,
    store: &Arc<dyn ObjectStore>,
) -> Result<(), CliError> {
    // What cannot be read is told by the coordinator, which also knows when to try again.
    let Ok(record) = control::read(store.as_ref()).await else { return Ok(()) };
    let manifest = match record {
        Some(loaded) => match own_checkpoint(&loaded.record, config) {
            Some(latest) => load_manifest(store, env.stores.as_ref(), latest).await.ok(),
            None => None,
        },
        // Before there is a record: it would name a wrong savepoint in every later run.
        None => match &config.restore_from {
            Some(location) => Some(load_first(location, env, store).await?),
            None => None,
        },
    };
    manifest.map_or(Ok(()), |manifest| check_fit(config, plan, &manifest))
}

/// What the record has the job go on from, if it is this job's and not done.
fn own_checkpoint<'a>(record: &'a ControlRecord, config: &JobConfig) -> Option<&'a ManifestRef> {
    let goes_on = record.job_uid == config.job_uid && record.phase != Phase::Finished;
    record.latest.as_ref().filter(|_| goes_on)
}

async fn load_first(
    location: &str,
    env: &Env,
    store: &Arc<dyn ObjectStore>,
) -> Result<LoadedManifest, CliError> {
    let savepoint = ManifestRef::Savepoint { location: location.to_owned(), epoch: Epoch::new(0) };
    load_manifest(store, env.stores.as_ref(), &savepoint).await.map_err(|error| {
        let message = format!("starting from savepoint {location}: {}", chain(&error));
        if error.is_lasting() { CliError::config(message) } else { CliError::failed(message) }
    })
}

fn check_fit(config: &JobConfig, plan: &JobPlan, loaded: &LoadedManifest) -> Result<(), CliError> {
    check_key_groups(loaded, config.key_groups).map_err(|error| CliError::config(chain(&error)))?;
    let manifest = &loaded.manifest;
    let of = if manifest.job_uid == config.job_uid {
        String::new()
    } else {
        format!(" of job {}", manifest.job_uid)
    };
    let unfit = |why: &str| {
        let root = loaded.root.root();
        CliError::config(format!("{root} holds state{of} that the job cannot go on with: {why}"))
    };
    let known = |uid: &OperatorUid| plan.nodes.iter().any(|node| &node.uid == uid);
    if !manifest.operators.is_empty()
        && !manifest.operators.keys().any(known)
        && !config.acknowledge_state_loss
    {
        return Err(unfit(
            "it has none of its operators; name a savepoint of this job, or set \
             spec.acknowledgeStateLoss to true to start from nothing",
        ));
    }
    check_states(loaded, plan, config.acknowledge_state_loss)
        .map_err(|error| unfit(&error.to_string()))
}
