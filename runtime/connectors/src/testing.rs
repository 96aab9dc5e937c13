//! What the tests of this crate share.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use async_trait::async_trait;
use bytes::Bytes;
use futures::future::BoxFuture;
use sabot_core::metrics::OperatorMetrics;
use sabot_core::store::{Object, ObjectMeta, ObjectStore, PutCondition, StoreError, Version};
use sabot_core::{
    Clock, Doorbell, Env, Result, SeededRandom, SinkContext, Source, SourceContext, SourcePoll,
    SplitState, Stores, TokioTasks,
};
use sabot_types::{Attempt, OperatorUid};
use tokio::runtime::Runtime;

/// A clock that the test moves.
#[derive(Debug, Default)]
pub(crate) struct TestClock(pub(crate) AtomicU64);

impl TestClock {
    pub(crate) fn advance(&self, duration: Duration) {
        self.0.fetch_add(duration.as_nanos() as u64, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now_ms(&self) -> i64 {
        self.monotonic().as_millis() as i64
    }

    fn monotonic(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.advance(duration);
        Box::pin(tokio::task::yield_now())
    }
}

/// What a [`TestStore`] does to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It does nothing and fails.
    Refused,
    /// It does it, and the reply is lost.
    ReplyLost,
}

type Objects = BTreeMap<String, Bytes>;

/// Objects in memory, by their whole URI; the next call of a kind fails as told.
#[derive(Debug, Clone, Default)]
pub(crate) struct TestStores {
    objects: Arc<Mutex<Objects>>,
    faults: Arc<Mutex<Vec<(&'static str, Fault)>>>,
}

impl TestStores {
    pub(crate) fn put(&self, uri: &str, text: &str) {
        self.objects.lock().unwrap().insert(uri.to_owned(), text.to_owned().into());
    }

    pub(crate) fn remove(&self, uri: &str) {
        self.objects.lock().unwrap().remove(uri);
    }

    pub(crate) fn all(&self) -> BTreeMap<String, String> {
        let objects = self.objects.lock().unwrap();
        let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap();
        objects.iter().map(|(key, bytes)| (key.clone(), text(bytes))).collect()
    }

    pub(crate) fn fail_next(&self, call: &'static str, fault: Fault) {
        self.faults.lock().unwrap().push((call, fault));
    }
}

#[async_trait]
impl Stores for TestStores {
    async fn open(&self, uri: &str) -> Result<Arc<dyn ObjectStore>, StoreError> {
        let root = uri.trim_end_matches('/').to_owned();
        Ok(Arc::new(TestStore { root, stores: self.clone() }))
    }
}

#[derive(Debug)]
struct TestStore {
    root: String,
    stores: TestStores,
}

impl TestStore {
    fn call<T>(
        &self,
        name: &'static str,
        key: &str,
        work: impl FnOnce(&mut Objects, String) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let lost = || StoreError::Unavailable { action: name, key: key.into(), source: "x".into() };
        let mut faults = self.stores.faults.lock().unwrap();
        let fault = faults.iter().position(|(call, _)| *call == name).map(|i| faults.remove(i).1);
        if fault == Some(Fault::Refused) {
            return Err(lost());
        }
        let full = format!("{}/{key}", self.root);
        let done = work(&mut self.stores.objects.lock().unwrap(), full)?;
        if fault.is_some() { Err(lost()) } else { Ok(done) }
    }
}

fn find(objects: &Objects, key: &str) -> Result<Bytes, StoreError> {
    objects.get(key).cloned().ok_or_else(|| StoreError::NotFound { key: key.to_owned() })
}

#[async_trait]
impl ObjectStore for TestStore {
    async fn get(&self, key: &str) -> Result<Object, StoreError> {
        self.call("get", key, |objects, key| {
            Ok(Object { bytes: find(objects, &key)?, version: Version(String::new()) })
        })
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.call("get_range", key, |objects, key| {
            Ok(find(objects, &key)?.slice(range.start as usize..range.end as usize))
        })
    }

    async fn put(&self, key: &str, bytes: Bytes, _: PutCondition) -> Result<Version, StoreError> {
        self.call("put", key, |objects, key| {
            objects.insert(key, bytes);
            Ok(Version(String::new()))
        })
    }

    async fn copy(&self, from: &str, to: &str) -> Result<(), StoreError> {
        self.call("copy", to, |objects, key| {
            let bytes = find(objects, &format!("{}/{from}", self.root))?;
            objects.insert(key, bytes);
            Ok(())
        })
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.call("delete", key, |objects, key| {
            objects.remove(&key);
            Ok(())
        })
    }

    async fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>, StoreError> {
        let root = format!("{}/", self.root);
        self.call("list", prefix, |objects, prefix| {
            let found = objects.iter().filter(|(key, _)| key.starts_with(&prefix));
            let meta = |(key, bytes): (&String, &Bytes)| ObjectMeta {
                key: key[root.len()..].to_owned(),
                size: bytes.len() as u64,
                modified_ms: 0,
            };
            Ok(found.map(meta).collect())
        })
    }

    fn root(&self) -> &str {
        &self.root
    }
}

/// The world of a test.
pub(crate) struct World {
    pub(crate) clock: Arc<TestClock>,
    pub(crate) stores: TestStores,
    pub(crate) env: Env,
}

/// A world whose randomness starts from `seed`; must be called within a runtime.
pub(crate) fn world(seed: u64) -> World {
    let (clock, stores) = (Arc::new(TestClock::default()), TestStores::default());
    let env = Env {
        clock: clock.clone(),
        random: Arc::new(SeededRandom::new(seed)),
        tasks: Arc::new(TokioTasks::current()),
        stores: Arc::new(stores.clone()),
        local_dir: PathBuf::from("/nonexistent"),
    };
    World { clock, stores, env }
}

/// A runtime for tests that block.
pub(crate) static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// The environment of a test outside a runtime; its tasks run within [`RUNTIME`].
pub(crate) fn env() -> Env {
    let _within = RUNTIME.enter();
    world(1).env
}

pub(crate) fn options(pairs: &[(&str, &str)]) -> Arc<BTreeMap<String, String>> {
    Arc::new(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
}

pub(crate) fn schema(columns: &[(&str, DataType)]) -> SchemaRef {
    let field = |(name, data_type): &(&str, DataType)| Field::new(*name, data_type.clone(), true);
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

pub(crate) fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, None)
}

pub(crate) fn source_context(
    env: &Env,
    pairs: &[(&str, &str)],
    schema: SchemaRef,
) -> SourceContext {
    SourceContext {
        uid: OperatorUid::new("source:t").unwrap(),
        table: "t".to_owned(),
        options: options(pairs),
        schema,
        filter: None,
        subtask: 0,
        parallelism: 1,
        restored: Arc::default(),
        max_batch_rows: 100,
        doorbell: Doorbell::new(),
        metrics: Arc::new(OperatorMetrics::default()),
        env: env.clone(),
    }
}

pub(crate) fn sink_context(env: &Env, pairs: &[(&str, &str)], schema: SchemaRef) -> SinkContext {
    SinkContext {
        uid: OperatorUid::new("sink:t").unwrap(),
        table: "t".to_owned(),
        options: options(pairs),
        schema,
        subtask: 0,
        parallelism: 1,
        attempt: Attempt::new(1),
        doorbell: Doorbell::new(),
        metrics: Arc::new(OperatorMetrics::default()),
        env: env.clone(),
    }
}

/// Polls until the source has ended or emitted `rows` rows; the batches with their split.
pub(crate) async fn read_some(
    source: &mut dyn Source,
    max_rows: usize,
    rows: usize,
) -> Result<Vec<(String, RecordBatch)>> {
    let mut read = Vec::new();
    let mut count = 0;
    while count < rows {
        match source.poll(max_rows)? {
            SourcePoll::Batch { split, rows } => {
                assert!(rows.num_rows() <= max_rows && rows.num_rows() > 0);
                count += rows.num_rows();
                read.push((source.splits()[split].clone(), rows));
            }
            SourcePoll::SplitFinished(_) => {}
            SourcePoll::Pending => tokio::task::yield_now().await,
            SourcePoll::Finished => break,
        }
    }
    Ok(read)
}

/// All rows of some subtasks' reading as one batch.
pub(crate) fn concat(schema: &SchemaRef, read: &[(String, RecordBatch)]) -> RecordBatch {
    concat_batches(schema, read.iter().map(|(_, rows)| rows)).unwrap()
}

/// Reads a bounded table: `parallelism` subtasks read at least `first` rows each, then a
/// checkpoint is restored at `then` subtasks, which read to the end. Gives all rows.
pub(crate) async fn read_with_rescale(
    ctx: &SourceContext,
    parallelism: u32,
    first: usize,
    then: u32,
) -> Result<RecordBatch> {
    let mut read = Vec::new();
    let mut states: Vec<SplitState> = Vec::new();
    for subtask in 0..parallelism {
        let ctx = SourceContext { subtask, parallelism, ..ctx.clone() };
        let mut source = crate::open_source(ctx).await?;
        read.extend(read_some(source.as_mut(), 7, first).await?);
        states.extend(source.positions());
    }
    let restored = Arc::new(states);
    for subtask in 0..then {
        let restored = Arc::clone(&restored);
        let ctx = SourceContext { subtask, parallelism: then, restored, ..ctx.clone() };
        let mut source = crate::open_source(ctx).await?;
        read.extend(read_some(source.as_mut(), 64, usize::MAX).await?);
        assert!(source.positions().iter().all(|split| split.finished));
    }
    Ok(concat(&ctx.schema, &read))
}
