//! The command line of Sabot.

use std::time::Duration;

use clap::{Parser, Subcommand};
use sabot_cli::exit::{CliError, Exit};
use sabot_cli::job_config::JobConfig;
use sabot_cli::{
    cleanup, explain, logging, preflight, run, savepoint, termination, validate, worker,
};

/// The engine allocates small rows on many threads, for which the system's allocator is slow.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Stateful stream processing with exactly-once semantics.
#[derive(Debug, Parser)]
#[command(name = "sabot", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::RunArgs),
    Validate(validate::ValidateArgs),
    Explain(explain::ExplainArgs),
    Savepoint(savepoint::SavepointArgs),
    #[command(hide = true)]
    Worker(worker::WorkerArgs),
    #[command(hide = true)]
    Preflight(preflight::PreflightArgs),
    #[command(hide = true)]
    Cleanup(cleanup::CleanupArgs),
}

/// For what is under way when a command is done: uploads, and closing databases.
const PATIENCE: Duration = Duration::from_secs(5);

fn main() -> std::process::ExitCode {
    let command = Cli::parse().command;
    logging::init(&log_level(&command));
    // Every TLS client of this process uses it; false only when one is there already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: the operating system gives no threads: {error}");
            return std::process::ExitCode::FAILURE;
        }
    };
    let exit = match runtime.block_on(dispatch(command)) {
        Ok(exit) => exit.into(),
        Err(error) => {
            eprintln!("error: {error}");
            termination::write(&error.to_string());
            error.exit_code().into()
        }
    };
    runtime.shutdown_timeout(PATIENCE);
    if !sabot_state::wait_until_closed(PATIENCE) {
        tracing::warn!("the state's databases are still open");
    }
    exit
}

async fn dispatch(command: Command) -> Result<Exit, CliError> {
    match command {
        Command::Run(args) => run::run(args).await,
        Command::Validate(args) => validate::validate(&args),
        Command::Explain(args) => explain::explain(&args).await,
        Command::Savepoint(args) => savepoint::savepoint(args).await,
        Command::Worker(args) => worker::worker(args).await,
        Command::Preflight(args) => preflight::preflight(&args).await,
        Command::Cleanup(args) => cleanup::cleanup(&args).await,
    }
}

/// A terminal is for results and progress; pods log what the manifest says.
fn log_level(command: &Command) -> String {
    match command {
        Command::Worker(args) => {
            JobConfig::for_worker(&args.job).map_or_else(|_| "info".into(), |c| c.log_level)
        }
        Command::Preflight(_) | Command::Cleanup(_) => "info".into(),
        Command::Run(_) | Command::Validate(_) | Command::Explain(_) | Command::Savepoint(_) => {
            "warn".into()
        }
    }
}
