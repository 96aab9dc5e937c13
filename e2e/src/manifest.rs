//! The StreamJob manifests of the cases, as a user would write them.

use serde_json::{Value, json};

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
    let JobShape { name, version, parallelism, backend, restore_from } = shape;
    let mut job = json!({
        "apiVersion": sabot_crds::API_VERSION,
        "kind": "StreamJob",
        "metadata": { "name": name, "namespace": place.namespace },
        "spec": {
            "image": settings.runtime_image,
            "program": { "sql": { "inline": statements(settings, place, *version) } },
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
