//! From a manifest to what a process needs to know of its job.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sabot_crds::spec::{self, LogLevel, RestoreMode};
use sabot_crds::{DurationText, StreamJob, parse_stream_job};
use sabot_snapshot::S3Config;
use sabot_types::{JobUid, KeyGroupCount};
use sabot_worker::StateBackendConfig;

use crate::exit::CliError;

/// Memory for a pod's state caches when the manifest does not say.
const CACHE_MB_DEFAULT: i32 = 512;
/// A cache below this is of no use.
const CACHE_MB_MIN: u64 = 8;

/// Everything about a job that its manifest says, checked and with defaults filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct JobConfig {
    /// The job's name.
    pub name: String,
    /// The job for its whole life; `local-<name>` unless the environment says more.
    pub job_uid: JobUid,
    /// The statements.
    pub sql: String,
    /// Where the statements stand, for messages.
    pub sql_origin: String,
    /// Slots over all pods.
    pub parallelism: u32,
    /// Slices of the key space.
    pub key_groups: KeyGroupCount,
    /// The state backend of each slot.
    pub backend: StateBackendConfig,
    /// The job's root.
    pub storage: Storage,
    /// How S3 is reached.
    pub s3: S3Config,
    /// A savepoint to start from when the job has no state yet.
    pub restore_from: Option<String>,
    /// Whether state that no operator wants any more may be left behind.
    pub acknowledge_state_loss: bool,
    /// Time between checkpoints; none: only savepoints.
    pub checkpoint_interval: Option<Duration>,
    /// After how long a checkpoint is given up.
    pub checkpoint_timeout: Duration,
    /// Time between a checkpoint's end and the next trigger, at least.
    pub min_pause: Duration,
    /// Checkpoints that are kept.
    pub retained: usize,
    /// Rows a batch at most.
    pub max_batch_rows: usize,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub log_level: String,
    /// A directory for local state, emptied at will.
    pub scratch_dir: PathBuf,
    local_path: Option<PathBuf>,
}

/// Where a job's objects lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Storage {
    /// A directory of this machine.
    Local(PathBuf),
    /// A folder in a bucket.
    S3 {
        /// The bucket.
        bucket: String,
        /// The folder.
        prefix: String,
    },
}

impl Storage {
    /// The root as a URI or path.
    pub fn uri(&self) -> String {
        match self {
            Self::Local(path) => path.display().to_string(),
            Self::S3 { bucket, prefix } => {
                format!("s3://{bucket}/{prefix}").trim_end_matches('/').to_owned()
            }
        }
    }
}

impl JobConfig {
    /// Reads a manifest for running it in this process, with other slots than it says.
    pub fn for_run(manifest: &Path, parallelism: Option<u32>) -> Result<Self, CliError> {
        let mut config = Self::read(manifest)?;
        if let Some(parallelism) = parallelism {
            config.parallelism = parallelism;
        }
        let slots = u64::from(config.parallelism);
        config.share_cache(slots);
        config.check_parallelism()?;
        Ok(config)
    }

    /// Reads the manifest that the controller mounted into a pod.
    pub fn for_worker(manifest: &Path) -> Result<Self, CliError> {
        Self::read(manifest)
    }

    /// The directory for a job that runs in this process: the manifest's, or `.sabot/<name>`.
    pub fn local_dir(&self) -> PathBuf {
        self.local_path.clone().unwrap_or_else(|| Path::new(".sabot").join(&self.name))
    }

    fn read(manifest: &Path) -> Result<Self, CliError> {
        let job = read_manifest(manifest)?;
        Self::from_job(&job, manifest)
    }

    fn from_job(job: &StreamJob, manifest: &Path) -> Result<Self, CliError> {
        let at = |field: &str, problem: &str| {
            CliError::config(format!("{}: {field}: {problem}", manifest.display()))
        };
        let spec = &job.spec;
        let name = job.metadata.name.clone().unwrap_or_default();
        let job_uid = JobUid::new(format!("local-{name}"))
            .map_err(|error| at("metadata.name", &error.to_string()))?;
        let sql = spec.program.sql.inline.clone().ok_or_else(|| {
            at(
                "spec.program.sql.configMapRef",
                "only a cluster has ConfigMaps: put the text into spec.program.sql.inline to use \
                 it here",
            )
        })?;
        let duration = |field: &str, text: &DurationText| {
            text.parse().map_err(|error| at(field, &error.to_string()))
        };
        let checkpoint = &spec.checkpoint;
        let interval = duration("spec.checkpoint.interval", &checkpoint.interval)?;
        let (s3, storage, local_path) = storage(job, &name);
        let scratch_dir = local_path
            .clone()
            .unwrap_or_else(|| Path::new(".sabot").join(&name))
            .with_extension("work");
        let mut config = Self {
            job_uid,
            sql,
            sql_origin: format!("{}: spec.program.sql.inline", manifest.display()),
            parallelism: u32::try_from(spec.parallelism).unwrap_or(1).max(1),
            key_groups: KeyGroupCount::new(u32::try_from(spec.key_groups).unwrap_or(0))
                .map_err(|error| at("spec.keyGroups", &error.to_string()))?,
            backend: backend(&spec.state),
            storage,
            s3,
            restore_from: spec
                .restore
                .as_ref()
                .filter(|restore| restore.mode == RestoreMode::Savepoint)
                .and_then(|restore| restore.from.clone()),
            acknowledge_state_loss: spec.acknowledge_state_loss,
            checkpoint_interval: checkpoint.enabled.then_some(interval),
            checkpoint_timeout: duration("spec.checkpoint.timeout", &checkpoint.timeout)?,
            min_pause: duration("spec.checkpoint.minPause", &checkpoint.min_pause)?,
            retained: usize::try_from(checkpoint.retained).unwrap_or(1).max(1),
            max_batch_rows: usize::try_from(spec.performance.max_batch_size).unwrap_or(1).max(1),
            log_level: level(spec.monitoring.log_level).to_owned(),
            scratch_dir,
            local_path,
            name,
        };
        config.share_cache(u64::try_from(spec.workers.slots_per_pod).unwrap_or(1).max(1));
        Ok(config)
    }

    /// The manifest's cache is one pod's; each slot gets its share.
    fn share_cache(&mut self, slots: u64) {
        if let StateBackendConfig::RocksDb { cache_size_mb } = &mut self.backend {
            *cache_size_mb = (*cache_size_mb / slots.max(1)).max(CACHE_MB_MIN);
        }
    }

    fn check_parallelism(&self) -> Result<(), CliError> {
        if (1..=self.key_groups.get()).contains(&self.parallelism) {
            return Ok(());
        }
        Err(CliError::config(format!(
            "parallelism {} is out of range: use 1 to {}, the job's key groups",
            self.parallelism, self.key_groups
        )))
    }
}

/// Reads and checks a manifest file.
pub fn read_manifest(manifest: &Path) -> Result<StreamJob, CliError> {
    let text = std::fs::read_to_string(manifest).map_err(|error| {
        CliError::config(format!("reading the manifest {}: {error}", manifest.display()))
    })?;
    parse_stream_job(&text).map_err(|error| {
        let lines: Vec<String> = error
            .to_string()
            .lines()
            .map(|line| format!("{}: {line}", manifest.display()))
            .collect();
        CliError::config(lines.join("\n"))
    })
}

fn storage(job: &StreamJob, name: &str) -> (S3Config, Storage, Option<PathBuf>) {
    let storage = job.spec.state.storage.as_ref();
    if let Some(s3) = storage.and_then(|storage| storage.s3.as_ref()) {
        let namespace = job.metadata.namespace.as_deref().unwrap_or("default");
        let prefix = s3.prefix.clone().unwrap_or_else(|| format!("{namespace}/{name}"));
        let config = S3Config {
            endpoint: s3.endpoint.clone(),
            region: s3.region.clone(),
            force_path_style: s3.force_path_style,
        };
        let prefix = prefix.trim_matches('/').to_owned();
        return (config, Storage::S3 { bucket: s3.bucket.clone(), prefix }, None);
    }
    let path = storage.and_then(|storage| storage.local.as_ref()).map(|l| PathBuf::from(&l.path));
    let root = path.clone().unwrap_or_else(|| Path::new(".sabot").join(name));
    (S3Config::default(), Storage::Local(root), path)
}

/// With the cache of a whole pod.
fn backend(state: &spec::StateSpec) -> StateBackendConfig {
    match state.backend {
        spec::Backend::Memory => StateBackendConfig::Memory,
        spec::Backend::Rocksdb => StateBackendConfig::RocksDb {
            cache_size_mb: u64::try_from(state.cache_size_mb.unwrap_or(CACHE_MB_DEFAULT))
                .unwrap_or(CACHE_MB_MIN),
        },
    }
}

fn level(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    }
}

#[cfg(test)]
mod tests;
