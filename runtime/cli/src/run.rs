//! `sabot run`: a whole job in this process, with state and checkpoints in a local directory.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use sabot_coordinator::{CoordinatorHandle, ExitReason, Start};
use sabot_core::store::ObjectStore;
use sabot_core::{Env, SeededRandom, SystemClock, TokioTasks};
use sabot_snapshot::{UriStores, check_conditional_writes};
use sabot_types::{Identity, SetNumber};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::{CliError, Exit};
use crate::job_config::{JobConfig, Storage};
use crate::pod::{Pod, PodConfig};
use crate::program::Program;
use crate::run_progress::Progress;
use crate::starting_state;

/// How often the progress is drawn.
const DRAW_EVERY: Duration = Duration::from_millis(200);

/// Runs a StreamJob manifest in this process.
///
/// Goes on where the last run of the same job stopped. Ctrl-C takes a last checkpoint first; a
/// second Ctrl-C leaves at once, and the next run goes on from the last completed checkpoint.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The manifest: the same file that `kubectl apply` takes.
    pub manifest: PathBuf,
    /// Where state and checkpoints are kept [default: spec.state.storage.local.path, or
    /// .sabot/<name>].
    #[arg(long)]
    pub state_dir: Option<PathBuf>,
    /// Uses the S3 storage of the manifest instead of a local directory.
    #[arg(long, conflicts_with = "state_dir")]
    pub remote_storage: bool,
    /// Slots, instead of spec.parallelism.
    #[arg(long)]
    pub parallelism: Option<u32>,
    /// Forgets all state of earlier runs of this job in the local directory.
    #[arg(long)]
    pub fresh: bool,
    /// Starts from this savepoint when the job has no state yet.
    #[arg(long, value_name = "LOCATION")]
    pub from_savepoint: Option<String>,
    /// Prints no progress, only results and errors.
    #[arg(long, short)]
    pub quiet: bool,
}

/// Runs the job until it ends or is stopped.
pub async fn run(args: RunArgs) -> Result<Exit, CliError> {
    let mut config = JobConfig::for_run(&args.manifest, args.parallelism)?;
    if !args.remote_storage {
        let dir = args.state_dir.clone().unwrap_or_else(|| config.local_dir());
        if args.fresh {
            forget(&dir)?;
        }
        config.storage = Storage::Local(dir);
    }
    if let Some(location) = &args.from_savepoint {
        config.restore_from = Some(location.clone());
    }
    let program = Program::compile(&config)?;
    let (env, store) = open(&config).await?;
    starting_state::check(&config, &program.plan, &env, &store).await?;
    let plan = Arc::clone(&program.plan);
    let progress = Progress::start(&config.name, args.quiet);
    let pod = Pod::start(PodConfig {
        identity: Identity { job_uid: config.job_uid.clone(), set: SetNumber::new(1) },
        start: Start::Fresh { restore: config.restore_from.clone() },
        pods: vec![config.parallelism],
        ordinal: 0,
        plan_fingerprint: program.fingerprint.clone(),
        plan,
        store,
        backend: config.backend,
        checkpoint_interval: config.checkpoint_interval,
        checkpoint_timeout: config.checkpoint_timeout,
        min_pause: config.min_pause,
        retained: config.retained,
        max_batch_rows: config.max_batch_rows,
        stop_on_user_error: true,
        reach: None,
        env,
    })
    .await
    .map_err(|error| CliError::failed(error.chain()))?;
    let coordinator = pod.coordinator.clone().expect("pod 0 has the coordinator");
    let exit = watch(&coordinator, &pod, &progress).await?;
    // A run ends with a checkpoint: without one it found the job finished.
    let had_finished = exit == Some(ExitReason::Finished)
        && coordinator.view().is_some_and(|view| view.checkpoints_completed == 0);
    if had_finished {
        progress.note(&format!(
            "{} finished in an earlier run: there is nothing to do. To run it again, remove its \
             output and run it with --fresh",
            config.name
        ));
    } else {
        progress.finish(&pod.metrics, exit.as_ref());
    }
    outcome(exit, &config)
}

async fn watch(
    coordinator: &CoordinatorHandle,
    pod: &Pod,
    progress: &Progress,
) -> Result<Option<ExitReason>, CliError> {
    let mut exit = coordinator.clone();
    let mut signals = StopSignals::new()?;
    let mut stopping = false;
    loop {
        tokio::select! {
            biased;
            reason = exit.exit() => return Ok(reason),
            () = signals.next() => {
                if stopping {
                    return Ok(Some(ExitReason::Stopped { complete: false }));
                }
                stopping = true;
                progress.note("stopping: taking a last checkpoint (Ctrl-C again to leave at once)");
                coordinator.stop();
            }
            () = tokio::time::sleep(DRAW_EVERY) => {
                if let Some(view) = coordinator.view() {
                    progress.draw(&pod.metrics, &view);
                }
            }
        }
    }
}

/// Ctrl-C and SIGTERM.
pub(crate) struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    /// Listens from now on.
    pub(crate) fn new() -> Result<Self, CliError> {
        let listen = |kind| {
            signal(kind)
                .map_err(|error| CliError::failed(format!("listening for signals: {error}")))
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// The next one.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// The world of this process, and the job's root in its store.
pub(crate) async fn open(config: &JobConfig) -> Result<(Env, Arc<dyn ObjectStore>), CliError> {
    let uri = config.storage.uri();
    let env = Env {
        clock: Arc::new(SystemClock::default()),
        random: Arc::new(SeededRandom::from_os()),
        tasks: Arc::new(TokioTasks::current()),
        stores: Arc::new(UriStores::new(config.s3.clone())),
        local_dir: config.scratch_dir.clone(),
    };
    let store = env.stores.open(&uri).await.map_err(|error| CliError::store(&uri, &error))?;
    check_conditional_writes(store.as_ref(), env.random.as_ref())
        .await
        .map_err(|error| CliError::store(&uri, &error))?;
    Ok((env, store))
}

fn forget(dir: &std::path::Path) -> Result<(), CliError> {
    match std::fs::remove_dir_all(dir) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => {
            Err(CliError::failed(format!("removing the state in {}: {error}", dir.display())))
        }
    }
}

fn outcome(exit: Option<ExitReason>, config: &JobConfig) -> Result<Exit, CliError> {
    match exit {
        Some(ExitReason::Finished | ExitReason::Stopped { complete: true }) => Ok(Exit::Success),
        Some(ExitReason::Stopped { complete: false }) => {
            eprintln!(
                "stopped without a last checkpoint: the next run goes on from the last one that \
                 completed"
            );
            Ok(Exit::Interrupted)
        }
        Some(ExitReason::Superseded) => Err(CliError::failed(format!(
            "another process took over the job in {}: run it in one place at a time, or give each \
             job a prefix of its own",
            config.storage.uri()
        ))),
        Some(ExitReason::Failed(message)) => Err(CliError::failed(message)),
        None => Err(CliError::failed("the coordinator stopped unexpectedly".to_string())),
    }
}
