//! The StreamJob manifests of the cases, as a user would write them.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::expect::PARTITIONS;
use crate::settings::Settings;

/// Which version of the statements a job runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// A count and a sum.
    First,
    /// And the mean, which both already determine.
    WithMean,
    /// And the largest value, which the state does not have.
    WithMax,
}

/// What differs between the cases' jobs.
#[derive(Debug, Clone)]
pub(crate) struct JobShape {
    /// The job's name.
    pub(crate) name: String,
    /// The statements.
    pub(crate) version: Version,
    /// Slots; each pod has one.
    pub(crate) parallelism: u32,
    /// The state backend.
    pub(crate) backend: &'static str,
    /// Where it starts from, if not with nothing.
    pub(crate) restore_from: Option<String>,
    /// Whether it also keeps a count and a sum of each of [`LARGE_KEYS`] keys, in one window that
    /// stays open until the input ends.
    pub(crate) large: bool,
}

impl JobShape {
    /// A job of one pod.
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: Version::First,
            parallelism: 1,
            backend: "rocksdb",
            restore_from: None,
            large: false,
        }
    }
}

/// Where a case keeps its things.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Its namespace.
    pub(crate) namespace: String,
    /// Its topic.
    pub(crate) topic: String,
    /// Its folder in the bucket.
    pub(crate) folder: String,
}

/// Keys of the large state.
pub(crate) const LARGE_KEYS: u64 = 1_000_000;
/// How many completed checkpoints the jobs keep.
pub(crate) const RETAINED: usize = 3;
/// The Secret with the credentials of the bucket.
pub(crate) const SECRET: &str = "s3-credentials";

/// The folder of a job's state, relative to the bucket.
pub(crate) fn state_folder(place: &Place, job: &str) -> String {
    format!("{}/state/{job}", place.folder)
}

/// The folder of the visible output, relative to the bucket.
pub(crate) fn output_folder(place: &Place) -> String {
    format!("{}/out", place.folder)
}

/// The manifest.
pub(crate) fn stream_job(settings: &Settings, place: &Place, shape: &JobShape) -> Value {
    let JobShape { name, version: _, parallelism, backend, restore_from, large: _ } = shape;
    let mut job = json!({
        "apiVersion": sabot_crds::API_VERSION,
        "kind": "StreamJob",
        "metadata": { "name": name, "namespace": place.namespace },
        "spec": {
            "image": settings.runtime_image,
            "program": { "sql": { "inline": statements_of(settings, place, shape) } },
            "parallelism": parallelism,
            "keyGroups": 128,
            "workers": {
                "slotsPerPod": 1,
                "resources": { "requests": { "cpu": "50m", "memory": "64Mi" } },
            },
            "state": {
                "backend": backend,
                "storage": { "s3": {
                    "bucket": settings.bucket,
                    "prefix": state_folder(place, name),
                    "endpoint": settings.s3_endpoint,
                    "region": "us-east-1",
                    "forcePathStyle": true,
                    "auth": { "secretRef": { "name": SECRET } },
                } },
            },
            "checkpoint": { "interval": "1s", "timeout": "30s", "retained": RETAINED },
            "upgrade": { "savepointTimeout": "60s" },
            "rollout": { "progressDeadline": "60s", "probation": "2s" },
        },
    });
    if let Some(from) = restore_from {
        job["spec"]["restore"] = json!({ "requestId": "1", "mode": "Savepoint", "from": from });
    }
    job
}

/// The folder of the large state's output, relative to the bucket.
pub(crate) fn large_folder(place: &Place) -> String {
    format!("{}/large", place.folder)
}

/// The statements of a job of this shape.
pub(crate) fn statements_of(settings: &Settings, place: &Place, shape: &JobShape) -> String {
    let mut text = statements(settings, place, shape.version);
    if shape.large {
        let output = format!("s3://{}/{}", settings.bucket, large_folder(place));
        let _ = write!(
            text,
            "CREATE VIEW numbered AS
SELECT MOD(`id` * {PARTITIONS} + `part`, {LARGE_KEYS}) AS `number`, `value`, `ts` FROM events;
CREATE TABLE large (
  `number` BIGINT,
  cnt BIGINT,
  total BIGINT
) WITH (
  'connector' = 'filesystem',
  'path' = '{output}',
  'format' = 'json'
);
INSERT INTO large
SELECT `number`, COUNT(*) AS cnt, SUM(`value`) AS total
FROM TABLE(TUMBLE(TABLE numbered, DESCRIPTOR(`ts`), INTERVAL '90' DAY))
GROUP BY `number`, window_start, window_end;
"
        );
    }
    text
}

/// The statements of a version.
pub(crate) fn statements(settings: &Settings, place: &Place, version: Version) -> String {
    let (column, expression) = match version {
        Version::First => ("", ""),
        Version::WithMean => (",\n  mean BIGINT", ", AVG(`value`) AS mean"),
        Version::WithMax => (",\n  largest BIGINT", ", MAX(`value`) AS largest"),
    };
    let Place { topic, .. } = place;
    let output = format!("s3://{}/{}", settings.bucket, output_folder(place));
    let brokers = &settings.kafka;
    let behind = crate::expect::OUT_OF_ORDER_MS / 1000;
    let window = crate::expect::WINDOW_MS / 1000;
    format!(
        "CREATE TABLE events (
  `id` BIGINT,
  `part` INT,
  `key` BIGINT,
  `value` BIGINT,
  `ts` TIMESTAMP(3),
  WATERMARK FOR `ts` AS `ts` - INTERVAL '{behind}' SECOND
) WITH (
  'connector' = 'kafka',
  'topic' = '{topic}',
  'properties.bootstrap.servers' = '{brokers}',
  'scan.startup.mode' = 'earliest-offset',
  'format' = 'json'
);
CREATE TABLE results (
  `key` BIGINT,
  window_start TIMESTAMP(3),
  window_end TIMESTAMP(3),
  cnt BIGINT,
  total BIGINT{column}
) WITH (
  'connector' = 'filesystem',
  'path' = '{output}',
  'format' = 'json'
);
INSERT INTO results
SELECT `key`, window_start, window_end, COUNT(`value`) AS cnt, SUM(`value`) AS total{expression}
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(`ts`), INTERVAL '{window}' SECOND))
GROUP BY `key`, window_start, window_end;
"
    )
}
