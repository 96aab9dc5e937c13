//! `sabot explain`: shows what a manifest's SQL becomes.

use std::path::PathBuf;

use clap::Args;

use crate::against::against;
use crate::exit::{CliError, Exit};
use crate::job_config::JobConfig;
use crate::program::{Program, explained};

/// Shows the operators of a StreamJob: uids, keys, parallelism, state.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The manifest.
    pub manifest: PathBuf,
    /// Slots, instead of spec.parallelism.
    #[arg(long)]
    pub parallelism: Option<u32>,
    /// Also shows what of a savepoint's state the job would keep: `s3://bucket/...` or a directory.
    /// The folder of a whole job stands for its latest checkpoint. Fails when the job could not go
    /// on with it.
    #[arg(long, value_name = "SAVEPOINT")]
    pub against: Option<String>,
}

/// Prints the plans that `EXPLAIN` statements ask for, or without any that of the job.
pub async fn explain(args: &ExplainArgs) -> Result<Exit, CliError> {
    let config = JobConfig::for_run(&args.manifest, args.parallelism)?;
    let explained = explained(&config)?;
    for (at, planned) in &explained {
        let text = sabot_sql::explain(planned, config.parallelism);
        println!("EXPLAIN of line {}: {text}", at.line);
    }
    if !explained.is_empty() && args.against.is_none() {
        return Ok(Exit::Success);
    }
    let program = Program::compile(&config)?;
    print!("{}", sabot_sql::explain(&program.planned, config.parallelism));
    match &args.against {
        Some(location) => against(location, &config, &program.plan).await,
        None => Ok(Exit::Success),
    }
}
