//! `sabot savepoint`: looks into savepoints and checkpoints.

mod show;

use std::io::Write;

use clap::{Args, Subcommand};
use sabot_core::Stores;
use sabot_snapshot::inspect::{dump, inspect, write_json_lines};
use sabot_snapshot::restore::load_savepoint;
use sabot_snapshot::{LoadedManifest, S3Config, UriStores, control, load_manifest};

use crate::exit::{CliError, Exit, chain};

/// Looks into savepoints.
#[derive(Debug, Args)]
pub struct SavepointArgs {
    #[command(subcommand)]
    command: SavepointCommand,
}

#[derive(Debug, Subcommand)]
enum SavepointCommand {
    Inspect(InspectArgs),
}

/// Shows what a savepoint holds: operators, source positions, states and their sizes.
#[derive(Debug, Args)]
struct InspectArgs {
    /// The savepoint's folder: `s3://bucket/...` or a directory. The folder of a whole job stands
    /// for its latest checkpoint.
    location: String,
    /// Prints every row of the state as a line of JSON instead.
    #[arg(long)]
    dump: bool,
    /// Prints the summary as JSON.
    #[arg(long, conflicts_with = "dump")]
    json: bool,
    /// With --dump, only the state of this operator uid.
    #[arg(long, requires = "dump", value_name = "UID")]
    operator: Option<String>,
    /// The S3 service's URL, where it is not Amazon's.
    #[arg(long, env = "AWS_ENDPOINT_URL")]
    endpoint: Option<String>,
    /// The bucket's region.
    #[arg(long, env = "AWS_REGION")]
    region: Option<String>,
    /// Puts the bucket into the path and not the host name; the default with --endpoint.
    #[arg(long)]
    path_style: Option<bool>,
}

/// Runs the subcommand.
pub async fn savepoint(args: SavepointArgs) -> Result<Exit, CliError> {
    match args.command {
        SavepointCommand::Inspect(args) => show_savepoint(&args).await,
    }
}

async fn show_savepoint(args: &InspectArgs) -> Result<Exit, CliError> {
    let stores = UriStores::new(S3Config {
        endpoint: args.endpoint.clone(),
        region: args.region.clone(),
        force_path_style: args.path_style.unwrap_or(args.endpoint.is_some()),
    });
    let loaded = load(&stores, &args.location).await?;
    let mut out = std::io::stdout();
    if args.dump {
        let wanted = |spec: &sabot_core::state::StateSpec| {
            args.operator.as_ref().is_none_or(|uid| uid == spec.operator.as_str())
        };
        let mut lines = Vec::new();
        dump(&loaded, wanted, |rows| {
            write_json_lines(&rows, &mut lines)?;
            out.write_all(&lines)?;
            lines.clear();
            Ok(())
        })
        .await
        .map_err(|error| failed(args, &error))?;
        return Ok(Exit::Success);
    }
    let inspection = inspect(&loaded).await.map_err(|error| failed(args, &error))?;
    let text = if args.json {
        serde_json::to_string_pretty(&inspection).map_err(|error| failed(args, &error))? + "\n"
    } else {
        show::text(&inspection)
    };
    out.write_all(text.as_bytes()).map_err(|error| failed(args, &error))?;
    Ok(Exit::Success)
}

/// The manifest at `location`, or the latest of the job at `location`.
pub(crate) async fn load(stores: &UriStores, location: &str) -> Result<LoadedManifest, CliError> {
    let missing = |error: &dyn std::error::Error| {
        CliError::config(format!(
            "{location} holds no savepoint that can be read: {}",
            chain(error)
        ))
    };
    let store = stores.open(location).await.map_err(|error| CliError::store(location, &error))?;
    let record = match control::read(store.as_ref()).await {
        Ok(loaded) => loaded.map(|loaded| loaded.record),
        Err(error) => return Err(missing(&error)),
    };
    let Some(record) = record else {
        return load_savepoint(stores, location).await.map_err(|error| missing(&error));
    };
    let Some(latest) = record.latest else {
        return Err(CliError::config(format!(
            "job {} in {location} has not completed a checkpoint yet",
            record.job_uid
        )));
    };
    load_manifest(&store, stores, &latest).await.map_err(|error| missing(&error))
}

fn failed(args: &InspectArgs, error: &dyn std::error::Error) -> CliError {
    CliError::failed(format!("inspecting {} failed: {}", args.location, chain(error)))
}
