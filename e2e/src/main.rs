//! Sabot on a real cluster: each case applies a job, does something to it, and checks that every
//! record was counted exactly once. `docs/testing.md` says how to run it.

mod cases;
mod check;
mod expect;
mod failure;
mod install;
mod manifest;
mod orphans;
mod output;
mod process;
mod producer;
mod report;
mod run;
mod savepoint;
mod scene;
mod settings;
mod wait;
mod world;

use std::os::unix::process::CommandExt;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::Outcome;

/// Runs Sabot's cases on a real cluster.
#[derive(Parser)]
#[command(name = "sabot-e2e", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run cases; the exit code is not 0 when one fails.
    Run {
        /// Numbers with commas, `all`, or `rotate` for one that the commit decides.
        #[arg(long, default_value = "all")]
        cases: String,
        /// Leave the namespaces for a look.
        #[arg(long)]
        keep: bool,
    },
    /// List the cases.
    List,
    /// Write numbered records into a new topic and end its partitions.
    Produce {
        /// The topic.
        #[arg(long)]
        topic: String,
        /// Records of each partition.
        #[arg(long)]
        records: u64,
        /// Records a second and partition.
        #[arg(long, default_value_t = 100)]
        rate: u64,
    },
    /// Compare a job's visible output with what was produced.
    Check {
        /// The folder of the output, such as `s3://bucket/folder/out`.
        #[arg(long)]
        output: String,
        /// Records of each partition.
        #[arg(long)]
        records: u64,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    with_credentials();
    // Several crates bring a provider of cryptography: one has to be named.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            report::line(format_args!("error: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(carry_out(cli.command));
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            report::line(format_args!("error: {failure}"));
            ExitCode::from(2)
        }
    }
}

async fn carry_out(command: Command) -> Outcome<bool> {
    match command {
        Command::Run { cases, keep } => run::run(&cases, keep).await,
        Command::List => {
            for case in cases::ALL {
                let cases::Case { number, name, budget_seconds, .. } = case;
                report::line(format_args!("{number}  {name} ({budget_seconds} s)"));
            }
            Ok(true)
        }
        Command::Produce { topic, records, rate } => run::produce(&topic, records, rate).await,
        Command::Check { output, records } => run::check(&output, records).await,
    }
}

/// The store's client takes credentials from the environment under Amazon's names: starts this
/// program again with them when they are only there under ours.
fn with_credentials() {
    let have = std::env::var_os("AWS_ACCESS_KEY_ID").is_some();
    let key = std::env::var_os("SABOT_E2E_S3_ACCESS_KEY");
    let secret = std::env::var_os("SABOT_E2E_S3_SECRET_KEY");
    let (false, Some(key), Some(secret), Ok(program)) =
        (have, key, secret, std::env::current_exe())
    else {
        return;
    };
    let error = std::process::Command::new(program)
        .args(std::env::args_os().skip(1))
        .env("AWS_ACCESS_KEY_ID", key)
        .env("AWS_SECRET_ACCESS_KEY", secret)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .exec();
    report::line(format_args!("error: starting again with credentials failed: {error}"));
}
