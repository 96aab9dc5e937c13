//! `sabot cleanup`: deletes what a job that is gone has left in its store.

use std::path::PathBuf;

use clap::Args;
use indicatif::HumanBytes;
use sabot_core::Stores;
use sabot_snapshot::UriStores;
use sabot_snapshot::cleanup::{CleanupError, Savepoints, delete_job};
use sabot_types::JobUid;

use crate::exit::{CliError, Exit, chain};
use crate::job_config::JobConfig;
use crate::termination::finish;

/// Deletes a job's checkpoints; the controller starts it once the job's pods are gone.
#[derive(Debug, Args)]
pub struct CleanupArgs {
    /// The resolved StreamJob manifest.
    #[arg(long)]
    pub job: PathBuf,
    /// The job's uid.
    #[arg(long, env = "SABOT_JOB_UID")]
    pub job_uid: String,
    /// Keeps the job's savepoints.
    #[arg(long)]
    pub keep_savepoints: bool,
}

/// Writes a task result: done, or why nothing may be deleted. An error may be gone next time.
pub async fn cleanup(args: &CleanupArgs) -> Result<Exit, CliError> {
    match delete(args).await {
        Ok(message) => Ok(finish(true, message)),
        Err(CliError::Config(message)) => Ok(finish(false, message)),
        Err(failed) => Err(failed),
    }
}

async fn delete(args: &CleanupArgs) -> Result<String, CliError> {
    let config = JobConfig::for_worker(&args.job)?;
    let uid = JobUid::new(args.job_uid.as_str())
        .map_err(|error| CliError::config(format!("SABOT_JOB_UID: {error}")))?;
    let uri = config.storage.uri();
    let stores = UriStores::new(config.s3.clone());
    let store = stores.open(&uri).await.map_err(|error| CliError::store(&uri, &error))?;
    let savepoints = if args.keep_savepoints { Savepoints::Keep } else { Savepoints::Delete };
    match delete_job(store.as_ref(), &uid, savepoints).await {
        Ok(done) if done.objects == 0 => Ok(format!("there was nothing in {uri}")),
        Ok(done) => {
            Ok(format!("deleted {} objects ({}) in {uri}", done.objects, HumanBytes(done.bytes)))
        }
        Err(error @ (CleanupError::ForeignJob { .. } | CleanupError::Ownerless { .. })) => {
            Err(CliError::config(chain(&error)))
        }
        Err(error) => Err(CliError::failed(chain(&error))),
    }
}
