//! Whether a store keeps the conditions of conditional writes.

use bytes::Bytes;
use sabot_core::Random;
use sabot_core::store::{ObjectStore, PutCondition, StoreError, Version};

use crate::layout;

/// Tries conditional writes on a probe object, and refuses a store that ignores a condition:
/// on it two attempts could both believe that the job is theirs.
pub async fn check_conditional_writes(
    store: &dyn ObjectStore,
    random: &dyn Random,
) -> Result<(), StoreError> {
    let key = format!("{}{:016x}", layout::PROBES, random.next_u64());
    let result = probe(store, &key).await;
    let deleted = store.delete(&key).await;
    result.and(deleted)
}

async fn probe(store: &dyn ObjectStore, key: &str) -> Result<(), StoreError> {
    let put = |text: &'static str, condition| {
        store.put(key, Bytes::from_static(text.as_bytes()), condition)
    };
    let first = match put("first", PutCondition::IfAbsent).await {
        Ok(version) => version,
        // The key is random: what is there is our own write, whose reply was lost.
        Err(StoreError::Precondition { .. }) => store.get(key).await?.version,
        Err(error) => return Err(error),
    };
    refused(store, put("second", PutCondition::IfAbsent).await, "If-None-Match: *")?;
    match put("third", PutCondition::IfMatch(first.clone())).await {
        Ok(_) | Err(StoreError::Precondition { .. }) => {}
        Err(error) => return Err(error),
    }
    if store.get(key).await?.bytes != "third" {
        return Err(unsupported(store, "refuses a write whose If-Match holds"));
    }
    refused(store, put("fourth", PutCondition::IfMatch(first)).await, "If-Match")
}

fn refused(
    store: &dyn ObjectStore,
    result: Result<Version, StoreError>,
    condition: &str,
) -> Result<(), StoreError> {
    match result {
        Err(StoreError::Precondition { .. }) => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Err(unsupported(store, &format!("ignores the condition {condition}"))),
    }
}

fn unsupported(store: &dyn ObjectStore, what: &str) -> StoreError {
    StoreError::Unsupported {
        what: format!(
            "{} {what}: Sabot needs conditional writes to keep two attempts of a job apart; use a \
             store that has them, such as Amazon S3, MinIO, Ceph or versitygw in a current version",
            store.root()
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use async_trait::async_trait;
    use sabot_core::SeededRandom;
    use sabot_core::store::{Object, ObjectMeta};

    use super::*;
    use crate::store::MemoryStore;

    /// Ignores one kind of condition.
    #[derive(Debug)]
    struct Careless {
        inner: MemoryStore,
        ignores_absent: bool,
    }

    #[async_trait]
    impl ObjectStore for Careless {
        async fn get(&self, key: &str) -> Result<Object, StoreError> {
            self.inner.get(key).await
        }
        async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, StoreError> {
            self.inner.get_range(key, range).await
        }
        async fn put(
            &self,
            key: &str,
            bytes: Bytes,
            condition: PutCondition,
        ) -> Result<Version, StoreError> {
            let ignored = matches!(condition, PutCondition::IfAbsent) == self.ignores_absent;
            let condition = if ignored { PutCondition::Always } else { condition };
            self.inner.put(key, bytes, condition).await
        }
        async fn copy(&self, from: &str, to: &str) -> Result<(), StoreError> {
            self.inner.copy(from, to).await
        }
        async fn delete(&self, key: &str) -> Result<(), StoreError> {
            self.inner.delete(key).await
        }
        async fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>, StoreError> {
            self.inner.list(prefix).await
        }
        fn root(&self) -> &str {
            self.inner.root()
        }
    }

    #[tokio::test]
    async fn a_store_that_ignores_conditions_is_refused_and_the_probe_removed() {
        for ignores_absent in [true, false] {
            let store = Careless { inner: MemoryStore::new("mem://careless"), ignores_absent };
            let error = check_conditional_writes(&store, &SeededRandom::new(1)).await.unwrap_err();
            assert!(matches!(error, StoreError::Unsupported { .. }), "{error}");
            assert!(error.to_string().contains("mem://careless"), "{error}");
            assert_eq!(store.list("").await.unwrap(), []);
        }
    }

    #[tokio::test]
    async fn a_store_that_keeps_conditions_is_accepted() {
        let store = MemoryStore::new("mem://good");
        check_conditional_writes(&store, &SeededRandom::new(1)).await.unwrap();
        assert_eq!(store.list("").await.unwrap(), []);
    }
}
