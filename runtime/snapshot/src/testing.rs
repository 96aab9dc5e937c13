//! What the tests of this crate share.

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use sabot_core::state::{
    FrozenState, Namespace, StateChanges, StateField, StateRow, StateSpec, ValueEncoding,
};
use sabot_core::store::ObjectStore;
use sabot_core::{Clock, Committable, Env, SeededRandom, TokioTasks};
use sabot_types::{Attempt, Epoch, JobUid, KeyGroup, KeyGroupCount, OperatorUid};

use crate::segment::{Give, encode, upload_segment};
use crate::store::{Call, Fault, Faults, FaultyStore, MemoryStore, MemoryStores, Outcome};
use crate::{
    Encoded, Manifest, ManifestHeader, OperatorState, SegmentError, SlotSnapshot, assemble,
};

pub(crate) fn uid(text: &str) -> OperatorUid {
    OperatorUid::new(text).unwrap()
}

pub(crate) fn header(parallelism: u32, attempt: u64, epoch: u64) -> ManifestHeader {
    ManifestHeader {
        job_uid: JobUid::new("job").unwrap(),
        attempt: Attempt::new(attempt),
        epoch: Epoch::new(epoch),
        created_at_ms: 1_700_000_000_000,
        key_groups: KeyGroupCount::new(16).unwrap(),
        parallelism,
    }
}

pub(crate) fn committable(epoch: u64) -> Committable {
    Committable {
        uid: uid("sink"),
        connector: "filesystem".to_owned(),
        epoch: Epoch::new(epoch),
        payload: serde_json::json!({ "object": format!("out-{epoch}") }),
    }
}

/// A clock that never waits.
pub(crate) struct Instantly;

impl Clock for Instantly {
    fn now_ms(&self) -> i64 {
        0
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::task::yield_now())
    }
}

pub(crate) fn instantly() -> Arc<dyn Clock> {
    Arc::new(Instantly)
}

/// Rows (namespace, group, key, value) as a frozen state.
pub(crate) struct Rows {
    pub(crate) spec: StateSpec,
    pub(crate) rows: Vec<(i64, u16, Vec<u8>, Vec<u8>)>,
}

impl FrozenState for Rows {
    fn spec(&self) -> &StateSpec {
        &self.spec
    }

    fn changes(&mut self) -> Option<StateChanges> {
        None
    }

    fn visit(
        self: Box<Self>,
        visit: &mut dyn FnMut(StateRow<'_>) -> sabot_core::Result<()>,
    ) -> sabot_core::Result<()> {
        for (namespace, group, key, value) in &self.rows {
            visit(StateRow {
                namespace: Namespace(*namespace),
                group: KeyGroup::new(*group),
                key,
                value,
            })?;
        }
        Ok(())
    }
}

pub(crate) fn spec(operator: &str, name: &str) -> StateSpec {
    let field = |name: &str, data_type: &str| StateField {
        name: name.to_owned(),
        data_type: data_type.to_owned(),
    };
    StateSpec {
        operator: uid(operator),
        name: name.to_owned(),
        key: vec![field("user", "Int64")],
        value: vec![field("COUNT(*)", "Int64")],
        namespace: "window-end".to_owned(),
        ttl_ms: None,
        encoding: ValueEncoding::Sortable,
    }
}

/// An [`Env`] whose clock never waits; each has its own random numbers.
pub(crate) fn env(seed: u64) -> Env {
    Env {
        clock: instantly(),
        random: Arc::new(SeededRandom::new(seed)),
        tasks: Arc::new(TokioTasks::current()),
        stores: Arc::new(MemoryStores::default()),
        local_dir: std::path::PathBuf::new(),
    }
}

pub(crate) fn memory(root: &str) -> Arc<dyn ObjectStore> {
    Arc::new(MemoryStore::new(root))
}

/// Gives the calls of one kind these outcomes in turn; all others work.
pub(crate) struct Script {
    call: Call,
    outcomes: Mutex<VecDeque<Outcome>>,
}

impl Faults for Script {
    fn next(&self, call: Call, _key: &str) -> Fault {
        let next = (call == self.call).then(|| self.outcomes.lock().unwrap().pop_front()).flatten();
        Fault { outcome: next.unwrap_or(Outcome::Works), ..Fault::NONE }
    }
}

/// `inner`, whose calls of one kind end so, in turn.
pub(crate) fn faulty(
    inner: &Arc<dyn ObjectStore>,
    call: Call,
    outcomes: impl IntoIterator<Item = Outcome>,
) -> Arc<dyn ObjectStore> {
    let plan = Script { call, outcomes: Mutex::new(outcomes.into_iter().collect()) };
    Arc::new(FaultyStore::new(
        Arc::clone(inner),
        Arc::new(plan),
        instantly(),
        Arc::new(TokioTasks::current()),
    ))
}

/// The one segment that `encode` makes.
pub(crate) fn one_segment(
    encode: impl FnOnce(Give<'_>) -> Result<(), SegmentError>,
) -> Result<Option<Encoded>, SegmentError> {
    let segments = Mutex::new(Vec::new());
    encode(&|segment| {
        segments.lock().unwrap().push(segment);
        ControlFlow::Continue(())
    })?;
    let mut segments = segments.into_inner().unwrap();
    assert!(segments.len() <= 1);
    Ok(segments.pop())
}

/// Writes a checkpoint of one slot with `rows` in state `window`/`rows`; the manifest is not
/// published.
pub(crate) async fn checkpoint(
    store: &Arc<dyn ObjectStore>,
    attempt: u64,
    epoch: u64,
    rows: Vec<(i64, u16, Vec<u8>, Vec<u8>)>,
) -> Manifest {
    let spec = spec("window", "rows");
    let state = Rows { spec: spec.clone(), rows };
    let encoded = one_segment(|give| encode(vec![Box::new(state)], give)).unwrap();
    let (of, at) = (Attempt::new(attempt), Epoch::new(epoch));
    let mut segments = Vec::new();
    if let Some(encoded) = encoded {
        let segment = upload_segment(store.as_ref(), &Instantly, of, at, (0, 0), &encoded);
        segments.push(segment.await.unwrap());
    }
    let state = OperatorState { states: vec![spec], ..OperatorState::default() };
    let slot = SlotSnapshot {
        slot: 0,
        operators: BTreeMap::from([(uid("window"), state)]),
        segments,
        committables: Vec::new(),
        finished: false,
    };
    assemble(header(1, attempt, epoch), vec![slot], Vec::new()).unwrap()
}

/// Some rows over all 16 key groups and two namespaces, in order.
pub(crate) fn some_rows() -> Vec<(i64, u16, Vec<u8>, Vec<u8>)> {
    let mut rows = Vec::new();
    for namespace in [1_000, 2_000] {
        for group in 0..16 {
            for key in 0..3_u8 {
                rows.push((namespace, group, vec![group as u8, key], vec![key; 5]));
            }
        }
    }
    rows
}

pub(crate) async fn keys(store: &Arc<dyn ObjectStore>) -> Vec<String> {
    store.list("").await.unwrap().into_iter().map(|object| object.key).collect()
}
