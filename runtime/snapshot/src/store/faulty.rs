//! A store that fails as a plan says: late, before the effect, or after it with the reply lost.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::BoxFuture;
use sabot_core::store::{Object, ObjectMeta, ObjectStore, PutCondition, StoreError, Version};
use sabot_core::{Clock, Stores, Tasks};

/// Which call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Call {
    /// `get` or `get_range`.
    Get,
    /// `put`.
    Put,
    /// `copy`.
    Copy,
    /// `delete`.
    Delete,
    /// `list`.
    List,
}

impl Call {
    fn action(self) -> &'static str {
        match self {
            Self::Get => "reading",
            Self::Put => "writing",
            Self::Copy => "copying",
            Self::Delete => "deleting",
            Self::List => "listing",
        }
    }
}

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// How long the call waits before it has its effect.
    pub delay: Duration,
    /// How it ends.
    pub outcome: Outcome,
}

impl Fault {
    /// The call works at once.
    pub const NONE: Self = Self { delay: Duration::ZERO, outcome: Outcome::Works };
}

/// How a call ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It works.
    Works,
    /// It fails without an effect.
    FailsBefore,
    /// It has its effect, then it fails.
    LosesReply,
    /// It fails, and has its effect only after this time.
    LandsLate(Duration),
}

/// Says what happens to each call.
pub trait Faults: Send + Sync {
    /// What happens to the next call; `key` is the key or the prefix.
    fn next(&self, call: Call, key: &str) -> Fault;
}

/// A store whose calls fail as a plan says.
pub struct FaultyStore {
    inner: Arc<dyn ObjectStore>,
    plan: Arc<dyn Faults>,
    clock: Arc<dyn Clock>,
    tasks: Arc<dyn Tasks>,
}

impl FaultyStore {
    /// Lets the calls to `inner` fail as `plan` says.
    pub fn new(
        inner: Arc<dyn ObjectStore>,
        plan: Arc<dyn Faults>,
        clock: Arc<dyn Clock>,
        tasks: Arc<dyn Tasks>,
    ) -> Self {
        Self { inner, plan, clock, tasks }
    }

    async fn call<T: Send + 'static>(
        &self,
        call: Call,
        key: &str,
        effect: BoxFuture<'static, Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let fault = self.plan.next(call, key);
        if !fault.delay.is_zero() {
            self.clock.sleep(fault.delay).await;
        }
        match fault.outcome {
            Outcome::Works => return effect.await,
            Outcome::FailsBefore => {}
            // The reply is lost, whatever it says.
            Outcome::LosesReply => drop(effect.await),
            Outcome::LandsLate(after) => {
                let wait = self.clock.sleep(after);
                self.tasks.spawn(
                    "late effect",
                    Box::pin(async move {
                        wait.await;
                        drop(effect.await);
                    }),
                );
            }
        }
        Err(StoreError::Unavailable {
            action: call.action(),
            key: key.to_owned(),
            source: format!("injected fault: {:?}", fault.outcome).into(),
        })
    }
}

impl fmt::Debug for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyStore").field("inner", &self.inner).finish_non_exhaustive()
    }
}

#[async_trait]
impl ObjectStore for FaultyStore {
    async fn get(&self, key: &str) -> Result<Object, StoreError> {
        let (inner, owned) = (Arc::clone(&self.inner), key.to_owned());
        self.call(Call::Get, key, Box::pin(async move { inner.get(&owned).await })).await
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, StoreError> {
        let (inner, owned) = (Arc::clone(&self.inner), key.to_owned());
        self.call(Call::Get, key, Box::pin(async move { inner.get_range(&owned, range).await }))
            .await
    }

    async fn put(
        &self,
        key: &str,
        bytes: Bytes,
        condition: PutCondition,
    ) -> Result<Version, StoreError> {
        let (inner, owned) = (Arc::clone(&self.inner), key.to_owned());
        let effect = Box::pin(async move { inner.put(&owned, bytes, condition).await });
        self.call(Call::Put, key, effect).await
    }

    async fn copy(&self, from: &str, to: &str) -> Result<(), StoreError> {
        let (inner, source, target) = (Arc::clone(&self.inner), from.to_owned(), to.to_owned());
        self.call(Call::Copy, to, Box::pin(async move { inner.copy(&source, &target).await })).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let (inner, owned) = (Arc::clone(&self.inner), key.to_owned());
        self.call(Call::Delete, key, Box::pin(async move { inner.delete(&owned).await })).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>, StoreError> {
        let (inner, owned) = (Arc::clone(&self.inner), prefix.to_owned());
        self.call(Call::List, prefix, Box::pin(async move { inner.list(&owned).await })).await
    }

    fn root(&self) -> &str {
        self.inner.root()
    }
}

/// Opens stores whose calls fail as a plan says.
pub struct FaultyStores {
    /// Opens the stores below.
    pub inner: Arc<dyn Stores>,
    /// Says what fails.
    pub plan: Arc<dyn Faults>,
    /// Measures delays.
    pub clock: Arc<dyn Clock>,
    /// Runs effects that land late.
    pub tasks: Arc<dyn Tasks>,
}

#[async_trait]
impl Stores for FaultyStores {
    async fn open(&self, uri: &str) -> Result<Arc<dyn ObjectStore>, StoreError> {
        Ok(Arc::new(FaultyStore::new(
            self.inner.open(uri).await?,
            Arc::clone(&self.plan),
            Arc::clone(&self.clock),
            Arc::clone(&self.tasks),
        )))
    }
}
