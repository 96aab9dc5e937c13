//! A store in memory, for tests and simulation.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use sabot_core::Stores;
use sabot_core::store::{Object, ObjectMeta, ObjectStore, PutCondition, StoreError, Version};
use xxhash_rust::xxh3::xxh3_64;

use super::PrefixStore;

/// Objects in memory. A version is made of the content alone, as an `ETag` is.
#[derive(Debug)]
pub struct MemoryStore {
    root: String,
    objects: Mutex<Objects>,
}

#[derive(Debug, Default)]
struct Objects {
    writes: i64,
    by_key: BTreeMap<String, Stored>,
}

#[derive(Debug, Clone)]
struct Stored {
    bytes: Bytes,
    written: i64,
}

impl MemoryStore {
    /// An empty store; `root` is its URI.
    pub fn new(root: impl Into<String>) -> Self {
        Self { root: root.into(), objects: Mutex::default() }
    }

    fn objects(&self) -> MutexGuard<'_, Objects> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn version_of(bytes: &[u8]) -> Version {
    Version(format!("{:016x}-{}", xxh3_64(bytes), bytes.len()))
}

impl Objects {
    fn find(&self, key: &str) -> Result<&Stored, StoreError> {
        self.by_key.get(key).ok_or_else(|| StoreError::NotFound { key: key.to_owned() })
    }

    fn write(&mut self, key: &str, bytes: Bytes) {
        // Times come from a counter: they order writes and are the same in every run.
        self.writes += 1;
        let stored = Stored { bytes, written: self.writes };
        match self.by_key.entry(key.to_owned()) {
            Entry::Vacant(entry) => {
                entry.insert(stored);
            }
            Entry::Occupied(mut entry) => *entry.get_mut() = stored,
        }
    }
}

#[async_trait]
impl ObjectStore for MemoryStore {
    async fn get(&self, key: &str) -> Result<Object, StoreError> {
        let bytes = self.objects().find(key)?.bytes.clone();
        Ok(Object { version: version_of(&bytes), bytes })
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, StoreError> {
        let bytes = self.objects().find(key)?.bytes.clone();
        if range.start > range.end || range.end > bytes.len() as u64 {
            return Err(StoreError::Unavailable {
                action: "reading",
                key: key.to_owned(),
                source: format!("range {range:?} is outside of {} bytes", bytes.len()).into(),
            });
        }
        Ok(bytes.slice(range.start as usize..range.end as usize))
    }

    async fn put(
        &self,
        key: &str,
        bytes: Bytes,
        condition: PutCondition,
    ) -> Result<Version, StoreError> {
        let mut objects = self.objects();
        let current = objects.by_key.get(key).map(|stored| version_of(&stored.bytes));
        let met = match condition {
            PutCondition::Always => true,
            PutCondition::IfAbsent => current.is_none(),
            PutCondition::IfMatch(version) => current == Some(version),
        };
        if !met {
            return Err(StoreError::Precondition { key: key.to_owned() });
        }
        let version = version_of(&bytes);
        objects.write(key, bytes);
        Ok(version)
    }

    async fn copy(&self, from: &str, to: &str) -> Result<(), StoreError> {
        let mut objects = self.objects();
        let bytes = objects.find(from)?.bytes.clone();
        objects.write(to, bytes);
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.objects().by_key.remove(key);
        Ok(())
    }

    async fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>, StoreError> {
        Ok(self
            .objects()
            .by_key
            .range(prefix.to_owned()..)
            .take_while(|(key, _)| key.starts_with(prefix))
            .map(|(key, stored)| ObjectMeta {
                key: key.clone(),
                size: stored.bytes.len() as u64,
                modified_ms: stored.written,
            })
            .collect())
    }

    fn root(&self) -> &str {
        &self.root
    }
}

/// Opens any URI `scheme://bucket/prefix` in memory; what lies in one bucket is seen through
/// every prefix of it.
#[derive(Debug, Default)]
pub struct MemoryStores {
    buckets: Mutex<BTreeMap<String, Arc<dyn ObjectStore>>>,
}

#[async_trait]
impl Stores for MemoryStores {
    async fn open(&self, uri: &str) -> Result<Arc<dyn ObjectStore>, StoreError> {
        let (scheme, path) = uri.split_once("://").unwrap_or(("mem", uri));
        let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
        let root = format!("{scheme}://{bucket}");
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let store = buckets.entry(root.clone()).or_insert_with(|| Arc::new(MemoryStore::new(root)));
        Ok(PrefixStore::within(store, prefix))
    }
}
