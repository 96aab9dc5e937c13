//! A folder of a store as a store.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use sabot_core::store::{Object, ObjectMeta, ObjectStore, PutCondition, StoreError, Version};

/// What lies below one prefix of another store.
#[derive(Debug)]
pub struct PrefixStore {
    inner: Arc<dyn ObjectStore>,
    prefix: String,
    root: String,
}

impl PrefixStore {
    /// The folder `prefix` of `inner`; `inner` itself when it is empty.
    pub fn within(inner: &Arc<dyn ObjectStore>, prefix: &str) -> Arc<dyn ObjectStore> {
        let prefix = prefix.trim_matches('/');
        if prefix.is_empty() {
            return Arc::clone(inner);
        }
        Arc::new(Self {
            inner: Arc::clone(inner),
            prefix: format!("{prefix}/"),
            root: format!("{}/{prefix}", inner.root()),
        })
    }

    fn key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }
}

#[async_trait]
impl ObjectStore for PrefixStore {
    async fn get(&self, key: &str) -> Result<Object, StoreError> {
        self.inner.get(&self.key(key)).await
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.inner.get_range(&self.key(key), range).await
    }

    async fn put(
        &self,
        key: &str,
        bytes: Bytes,
        condition: PutCondition,
    ) -> Result<Version, StoreError> {
        self.inner.put(&self.key(key), bytes, condition).await
    }

    async fn copy(&self, from: &str, to: &str) -> Result<(), StoreError> {
        self.inner.copy(&self.key(from), &self.key(to)).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.inner.delete(&self.key(key)).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>, StoreError> {
        let mut objects = self.inner.list(&self.key(prefix)).await?;
        for object in &mut objects {
            object.key.drain(..self.prefix.len());
        }
        Ok(objects)
    }

    fn root(&self) -> &str {
        &self.root
    }
}
