//! Where a job's state lives.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How working state is kept in a pod.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// In memory: the fastest, for state that fits.
    #[default]
    Memory,
    /// In RocksDB on the pod's disk, for state larger than memory.
    Rocksdb,
}

/// Where state lives.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct StateSpec {
    /// How working state is kept in a pod.
    #[serde(default)]
    pub backend: Backend,
    /// Memory for the backend's caches in each pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 8, max = 1_048_576))]
    pub cache_size_mb: Option<i32>,
    /// Where checkpoints and savepoints go. A job on a cluster needs `s3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<Storage>,
}

/// Where checkpoints and savepoints go: exactly one of the two.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, KubeSchema)]
#[x_kube(validation = Rule::new("has(self.s3) != has(self.local)")
    .message("give exactly one of s3 and local"))]
#[serde(rename_all = "camelCase")]
pub struct Storage {
    /// A bucket of an S3 service with conditional writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3: Option<S3Storage>,
    /// A directory of this machine, for `sabot run` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<LocalStorage>,
}

/// A bucket of an S3 service with conditional writes.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct S3Storage {
    /// The bucket.
    #[schemars(length(min = 3, max = 63))]
    pub bucket: String,
    /// The job's folder in the bucket, its own alone; `<namespace>/<name>` without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub prefix: Option<String>,
    /// The service's URL; Amazon's without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub endpoint: Option<String>,
    /// The region; what the environment says without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub region: Option<String>,
    /// Put the bucket into the path and not the host name, as most own services need it.
    #[serde(default)]
    pub force_path_style: bool,
    /// Where the credentials come from; the pods' service account without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<S3Auth>,
}

/// Where credentials come from.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct S3Auth {
    /// A Secret with the keys AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; pods get it as
    /// environment, the controller never reads it.
    pub secret_ref: SecretRef,
}

/// A Secret in the job's namespace.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// A directory of this machine.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct LocalStorage {
    /// Its path.
    #[schemars(length(min = 1, max = 4096))]
    pub path: String,
}
