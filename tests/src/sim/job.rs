//! The jobs that are simulated.

use std::path::PathBuf;
use std::sync::Arc;

use sabot_core::plan::JobPlan;
use sabot_types::KeyGroupCount;

use super::env::SimFile;

/// Rows of a batch when nothing else is said.
const MAX_BATCH_ROWS: usize = 50;

/// A job and where it writes.
#[derive(Debug, Clone)]
pub struct SimJob {
    /// Its plan.
    pub plan: Arc<JobPlan>,
    /// The folders of its filesystem sinks.
    pub sinks: Vec<String>,
    /// What its filesystem sources read.
    pub files: Vec<SimFile>,
    /// Rows of a batch at most.
    pub max_batch_rows: usize,
    /// Where RocksDB keeps its files; none: state is in memory.
    pub local_dir: Option<PathBuf>,
    /// The pods of its first set, by their slots.
    pub pods: Vec<u32>,
}

impl SimJob {
    /// A job of these statements, whose filesystem sinks write to these folders.
    pub fn new(sql: &str, sinks: &[&str]) -> Result<Self, String> {
        let options = sabot_sql::PlanOptions { key_groups: KeyGroupCount::DEFAULT };
        let plan = sabot_sql::plan(sql, &options).map_err(|error| error.to_string())?.plan;
        let sinks = sinks.iter().map(ToString::to_string).collect();
        Ok(Self {
            plan: Arc::new(plan),
            sinks,
            files: Vec::new(),
            max_batch_rows: MAX_BATCH_ROWS,
            local_dir: None,
            pods: vec![1, 1],
        })
    }

    /// The same job with files to read. The fewer rows a batch has, the longer that takes.
    #[must_use]
    pub fn reading(self, files: Vec<SimFile>, max_batch_rows: usize) -> Self {
        Self { files, max_batch_rows, ..self }
    }

    /// The same job with its state in RocksDB below a folder.
    #[must_use]
    pub fn in_rocksdb(self, dir: PathBuf) -> Self {
        Self { local_dir: Some(dir), ..self }
    }

    /// The same job on one slot, which takes rows in their order.
    #[must_use]
    pub fn on_one_slot(self) -> Self {
        Self { pods: vec![1], ..self }
    }

    /// Counts and sums Nexmark's bids by auction in windows of ten seconds, for about six seconds.
    pub fn counts() -> Self {
        let sql = format!(
            "CREATE TABLE bids (auction BIGINT, price BIGINT, dateTime TIMESTAMP(3), \
               WATERMARK FOR dateTime AS dateTime - INTERVAL '1' SECOND) \
             WITH ('connector' = 'nexmark', 'nexmark.table' = 'bid', 'number-of-rows' = '12000', \
               'rows-per-second' = '2000', 'nexmark.first-event.base-time' = '1700000000000'); \
             CREATE TABLE results (auction BIGINT, start_ms BIGINT, cnt BIGINT, total BIGINT) \
             WITH ('connector' = 'filesystem', 'path' = '{COUNTS}', 'format' = 'json'); \
             INSERT INTO results SELECT auction, \
               CAST(EXTRACT(EPOCH FROM window_start) AS BIGINT) * 1000, COUNT(*), SUM(price) \
             FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(dateTime), INTERVAL '10' SECOND)) \
             GROUP BY auction, window_start, window_end;"
        );
        Self::new(&sql, &[COUNTS]).expect("the simulated job is valid")
    }
}

/// Where [`SimJob::counts`] writes.
const COUNTS: &str = "s3://out/results";
