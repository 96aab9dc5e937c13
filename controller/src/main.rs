//! The binary `sabot-controller`.

use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use sabot_controller::run::{Options, run};
use sabot_crds::OperationType;
use tracing_subscriber::EnvFilter;

/// Runs streaming jobs on Kubernetes.
#[derive(Parser)]
#[command(name = "sabot-controller", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Subcommand)]
enum Command {
    /// Run the controller (the default).
    Run(RunArgs),
    /// Print the names of the controller's effects, for tests with failpoints.
    Effects {
        /// Only those of an undisturbed operation of this kind, in order.
        #[arg(long)]
        operation: Option<Kind>,
    },
}

#[derive(Args, Clone)]
struct RunArgs {
    /// Watch this namespace only.
    #[arg(long, env = "SABOT_WATCH_NAMESPACE")]
    namespace: Option<String>,
    /// The image of jobs that name none.
    #[arg(long, env = "SABOT_RUNTIME_IMAGE", default_value = concat!("sabot/runtime:", env!("CARGO_PKG_VERSION")))]
    runtime_image: String,
    /// Wait until no other controller leads.
    #[arg(long, env = "SABOT_LEADER_ELECT", default_value_t = true, action = clap::ArgAction::Set)]
    leader_elect: bool,
    /// The controller's own namespace.
    #[arg(long, env = "SABOT_OWN_NAMESPACE", default_value = "default")]
    own_namespace: String,
    /// The controller's name among its replicas.
    #[arg(long, env = "SABOT_POD_NAME", default_value = "sabot-controller")]
    identity: String,
    /// Where health and metrics are served.
    #[arg(long, env = "SABOT_LISTEN", default_value = "0.0.0.0:8080")]
    listen: SocketAddr,
    /// Let tests end the process at an effect, by the ConfigMap sabot-failpoints.
    #[arg(long, env = "SABOT_FAILPOINTS", default_value_t = false, action = clap::ArgAction::Set)]
    failpoints: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    Deploy,
    Upgrade,
    Rescale,
    Suspend,
    Resume,
    Restore,
    Delete,
}

impl From<Kind> for OperationType {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Deploy => Self::Deploy,
            Kind::Upgrade => Self::Upgrade,
            Kind::Rescale => Self::Rescale,
            Kind::Suspend => Self::Suspend,
            Kind::Resume => Self::Resume,
            Kind::Restore => Self::Restore,
            Kind::Delete => Self::Delete,
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let args = match cli.command {
        Some(Command::Effects { operation }) => return print_effects(operation),
        Some(Command::Run(args)) => args,
        None => cli.run,
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter).init();
    match run(args.into()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let source = std::error::Error::source(&error).map(ToString::to_string);
            tracing::error!(%error, cause = source, "the controller ends");
            ExitCode::FAILURE
        }
    }
}

fn print_effects(operation: Option<Kind>) -> ExitCode {
    let mut out = std::io::stdout().lock();
    for name in sabot_controller::effects::names(operation.map(OperationType::from)) {
        if writeln!(out, "{name}").is_err() {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

impl From<RunArgs> for Options {
    fn from(args: RunArgs) -> Self {
        let RunArgs {
            namespace,
            runtime_image,
            leader_elect,
            own_namespace,
            identity,
            listen,
            failpoints,
        } = args;
        Self {
            namespace: namespace.filter(|namespace| !namespace.is_empty()),
            runtime_image,
            leader_elect,
            own_namespace,
            identity,
            listen,
            failpoints,
        }
    }
}
