//! `sabot worker`: a pod of a job on Kubernetes.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use clap::Args;
use sabot_api::{DATA_PORT, HTTP_PORT, JobState};
use sabot_coordinator::{CoordinatorHandle, ExitReason, Start, api};
use sabot_types::{Identity, JobUid, SetNumber};

use crate::exit::{CliError, Exit};
use crate::http::{self, Health};
use crate::job_config::JobConfig;
use crate::pod::{Pod, PodConfig, Reach};
use crate::program::Program;
use crate::run::{StopSignals, open};

/// Runs one pod of a job; the controller starts it.
#[derive(Debug, Args)]
pub struct WorkerArgs {
    /// The resolved StreamJob manifest.
    #[arg(long)]
    pub job: PathBuf,
    /// The job's uid.
    #[arg(long, env = "SABOT_JOB_UID")]
    pub job_uid: String,
    /// The number of the set that the pod belongs to.
    #[arg(long, env = "SABOT_SET")]
    pub set: u64,
    /// The pod's name; its ordinal is what follows the last '-'.
    #[arg(long, env = "SABOT_POD_NAME")]
    pub pod_name: String,
    /// The domain of the set's headless Service.
    #[arg(long, env = "SABOT_PEERS_DOMAIN")]
    pub peers_domain: String,
    /// Slots of the job in total.
    #[arg(long, env = "SABOT_PARALLELISM")]
    pub parallelism: u32,
    /// Slots of a pod, at most.
    #[arg(long, env = "SABOT_SLOTS_PER_POD", default_value_t = 1)]
    pub slots_per_pod: u32,
    /// `fresh` for a job's first set, `standby` for every later one.
    #[arg(long, env = "SABOT_START", default_value = "standby")]
    pub start: String,
    /// Directory for local state.
    #[arg(long, env = "SABOT_LOCAL_DIR", default_value = "/var/lib/sabot")]
    pub local_dir: PathBuf,
}

/// Runs until a signal, or until a newer set owns the job.
pub async fn worker(args: WorkerArgs) -> Result<Exit, CliError> {
    let mut config = JobConfig::for_worker(&args.job)?;
    config.parallelism = args.parallelism;
    config.scratch_dir.clone_from(&args.local_dir);
    config.job_uid = JobUid::new(args.job_uid.as_str())
        .map_err(|error| CliError::config(format!("SABOT_JOB_UID: {error}")))?;
    let program = Program::compile(&config)?;
    let (env, store) = open(&config).await?;
    let ordinal = ordinal(&args.pod_name)?;
    let pods = pods(args.parallelism, args.slots_per_pod)?;
    let set_name = args.pod_name.rsplit_once('-').map_or("", |(set, _)| set);
    let host = |ordinal: u32| format!("{set_name}-{ordinal}.{}:{DATA_PORT}", args.peers_domain);
    let pod = Pod::start(PodConfig {
        identity: Identity { job_uid: config.job_uid.clone(), set: SetNumber::new(args.set) },
        start: match args.start.as_str() {
            "fresh" => Start::Fresh { restore: config.restore_from.clone() },
            _ => Start::Standby,
        },
        pods,
        ordinal,
        plan: Arc::clone(&program.plan),
        plan_fingerprint: program.fingerprint.clone(),
        store,
        backend: config.backend,
        checkpoint_interval: config.checkpoint_interval,
        checkpoint_timeout: config.checkpoint_timeout,
        min_pause: config.min_pause,
        retained: config.retained,
        max_batch_rows: config.max_batch_rows,
        stop_on_user_error: false,
        reach: Some(Reach {
            bind: SocketAddr::from((Ipv4Addr::UNSPECIFIED, DATA_PORT)),
            data_addr: host(ordinal),
            coordinator_addr: host(0),
        }),
        env: env.clone(),
    })
    .await
    .map_err(|error| CliError::failed(error.chain()))?;
    serve(&pod, &env, program.plan.nodes.len() as u64).await?;
    wait(pod).await
}

async fn serve(pod: &Pod, env: &sabot_core::Env, operators: u64) -> Result<(), CliError> {
    let metrics = Arc::clone(&pod.metrics);
    let clock = Arc::clone(&env.clock);
    let coordinator = pod.coordinator.clone();
    let page = {
        let coordinator = coordinator.clone();
        move || {
            let now = clock.now_ms();
            let mut families = metrics.families(now);
            if let Some(view) = coordinator.as_ref().and_then(CoordinatorHandle::view) {
                families.extend(sabot_coordinator::metrics::families(&view, now));
            }
            sabot_coordinator::metrics::page(&families)
        }
    };
    let metrics = Arc::clone(&pod.metrics);
    let for_health = coordinator.clone();
    let health = move || {
        let status = metrics.status();
        let failed = for_health
            .as_ref()
            .and_then(CoordinatorHandle::view)
            .is_some_and(|view| matches!(view.state, JobState::Failed { .. }));
        Health {
            healthy: !failed,
            // A standby is ready: it can be activated.
            ready: true,
            active_agents: status.active_agents.min(operators),
            events_processed: status.rows_read,
        }
    };
    let mut routes: Router = http::routes(page, health);
    if let Some(coordinator) = coordinator {
        routes = routes.merge(api::routes(coordinator));
    }
    let addr = SocketAddr::from((Ipv4Addr::UNSPECIFIED, HTTP_PORT));
    let listener = tokio::net::TcpListener::bind(addr)
        .await
        .map_err(|error| CliError::failed(format!("listening on {addr}: {error}")))?;
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, routes).await {
            tracing::error!(%error, "the http port failed");
        }
    });
    Ok(())
}

/// How long a process that lost the job stays before it ends: Kubernetes removes it by then, and
/// a restart at once would only lose again.
const AFTER_LOSS: Duration = Duration::from_secs(20);

async fn wait(pod: Pod) -> Result<Exit, CliError> {
    let mut signals = StopSignals::new()?;
    let Pod { coordinator, left, .. } = pod;
    let lost = async {
        match coordinator {
            None => std::future::pending().await,
            Some(mut coordinator) => match coordinator.exit().await {
                Some(ExitReason::Failed(message)) => Err(CliError::config(message)),
                Some(ExitReason::Superseded) => {
                    tracing::info!("another process owns the job; leaving");
                    tokio::time::sleep(AFTER_LOSS).await;
                    Ok(Exit::Success)
                }
                // Finished: the controller asks for the state until it takes the set down.
                _ => std::future::pending().await,
            },
        }
    };
    tokio::select! {
        // Kubernetes stops a pod: the job goes on from its last checkpoint.
        () = signals.next() => Ok(Exit::Success),
        // The sender is only dropped with the whole process.
        _ = left => Ok(Exit::Success),
        outcome = lost => outcome,
    }
}

fn ordinal(pod_name: &str) -> Result<u32, CliError> {
    pod_name.rsplit_once('-').and_then(|(_, ordinal)| ordinal.parse().ok()).ok_or_else(|| {
        CliError::config(format!(
            "SABOT_POD_NAME {pod_name:?} does not end in an ordinal, such as \"job-1-0\""
        ))
    })
}

/// The slots of each pod: all full but the last.
fn pods(parallelism: u32, slots_per_pod: u32) -> Result<Vec<u32>, CliError> {
    if parallelism == 0 || slots_per_pod == 0 {
        return Err(CliError::config("parallelism and slots per pod must be at least 1".into()));
    }
    let count = parallelism.div_ceil(slots_per_pod);
    Ok((0..count).map(|i| slots_per_pod.min(parallelism - i * slots_per_pod)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_pod_takes_what_is_left() {
        assert_eq!(pods(5, 2).unwrap(), [2, 2, 1]);
        assert_eq!(pods(1, 4).unwrap(), [1]);
        assert!(pods(0, 1).is_err());
    }

    #[test]
    fn a_pods_ordinal_is_the_end_of_its_name() {
        assert_eq!(ordinal("my-job-12-3").unwrap(), 3);
        assert!(ordinal("job").is_err());
    }
}
