//! The object stores, and opening them by URI.

mod faulty;
mod local;
mod memory;
mod prefix;
mod probe;
mod retry;
mod s3;

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use sabot_core::Stores;
use sabot_core::store::{ObjectStore, StoreError};
use tokio::sync::Mutex;

pub use faulty::{Call, Fault, Faults, FaultyStore, FaultyStores, Outcome};
pub(crate) use local::DIRECT_BYTES;
pub use local::LocalStore;
pub use memory::{MemoryStore, MemoryStores};
pub use prefix::PrefixStore;
pub use probe::check_conditional_writes;
pub(crate) use retry::{PutOnceError, RETRIES, backoff, put_once};
pub use s3::S3Store;

/// How S3 is reached. Credentials come from the environment (variables, a mounted web identity,
/// a profile, the instance).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct S3Config {
    /// Another server than Amazon's, such as `http://minio:9000`.
    pub endpoint: Option<String>,
    /// The region; `AWS_REGION` or else `us-east-1` when it is not given.
    pub region: Option<String>,
    /// Whether the bucket is a part of the path and not of the host's name.
    pub force_path_style: bool,
}

/// Opens `s3://bucket/prefix`, `file:///dir` and plain paths; the same store for the same URI.
#[derive(Debug)]
pub struct UriStores {
    s3: S3Config,
    opened: Mutex<Opened>,
}

#[derive(Debug, Default)]
struct Opened {
    s3: Option<aws_sdk_s3::Client>,
    stores: HashMap<String, Arc<dyn ObjectStore>>,
}

impl UriStores {
    /// Opens buckets as `s3` says.
    pub fn new(s3: S3Config) -> Self {
        Self { s3, opened: Mutex::default() }
    }
}

#[async_trait]
impl Stores for UriStores {
    async fn open(&self, uri: &str) -> Result<Arc<dyn ObjectStore>, StoreError> {
        let location = Location::parse(uri)?;
        let mut opened = self.opened.lock().await;
        if let Some(store) = opened.stores.get(uri) {
            return Ok(Arc::clone(store));
        }
        let store: Arc<dyn ObjectStore> = match location {
            Location::Directory(path) => Arc::new(LocalStore::new(&path)?),
            Location::Bucket { bucket, prefix } => {
                let client = match &opened.s3 {
                    Some(client) => client.clone(),
                    None => opened.s3.insert(s3::connect(&self.s3).await).clone(),
                };
                Arc::new(S3Store::new(client, bucket, prefix))
            }
        };
        opened.stores.insert(uri.to_owned(), Arc::clone(&store));
        Ok(store)
    }
}

/// The URI of an object, for messages.
pub fn object_uri(store: &dyn ObjectStore, key: &str) -> String {
    format!("{}/{key}", store.root())
}

#[derive(Debug, PartialEq, Eq)]
enum Location {
    Bucket { bucket: String, prefix: String },
    Directory(String),
}

impl Location {
    fn parse(uri: &str) -> Result<Self, StoreError> {
        let refused = |why: &str| StoreError::Unsupported {
            what: format!(
                "invalid location {uri:?}: {why}; expected s3://bucket/prefix, file:///directory \
                 or a path"
            ),
        };
        if let Some(rest) = uri.strip_prefix("s3://").or_else(|| uri.strip_prefix("s3a://")) {
            let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            if bucket.is_empty() {
                return Err(refused("it names no bucket"));
            }
            let prefix = prefix.trim_matches('/').to_owned();
            return Ok(Self::Bucket { bucket: bucket.to_owned(), prefix });
        }
        if let Some(path) = uri.strip_prefix("file://") {
            if !path.starts_with('/') {
                return Err(refused("after file:// an absolute path has to follow"));
            }
            return Ok(Self::Directory(path.to_owned()));
        }
        match uri.split_once("://") {
            Some((scheme, _)) => Err(refused(&format!("scheme {scheme:?} is not known"))),
            None if uri.is_empty() => Err(refused("it is empty")),
            None => Ok(Self::Directory(uri.to_owned())),
        }
    }
}

#[cfg(test)]
mod contract;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_read_and_wrong_ones_refused_with_the_remedy() {
        let bucket = |b: &str, p: &str| Location::Bucket { bucket: b.into(), prefix: p.into() };
        assert_eq!(Location::parse("s3://b").unwrap(), bucket("b", ""));
        assert_eq!(Location::parse("s3://b/x/y/").unwrap(), bucket("b", "x/y"));
        assert_eq!(Location::parse("file:///d").unwrap(), Location::Directory("/d".into()));
        assert_eq!(Location::parse("out/x").unwrap(), Location::Directory("out/x".into()));
        for bad in ["", "s3://", "s3:///x", "file://x", "gs://b/x"] {
            let error = Location::parse(bad).unwrap_err().to_string();
            assert!(error.contains("expected s3://bucket/prefix"), "{bad}: {error}");
        }
    }

    #[tokio::test]
    async fn the_same_uri_opens_the_same_store() {
        let stores = UriStores::new(S3Config::default());
        let one = stores.open("/tmp/x").await.unwrap();
        let two = stores.open("/tmp/x").await.unwrap();
        assert!(Arc::ptr_eq(&one, &two));
        assert_eq!(one.root(), "file:///tmp/x");
    }
}
