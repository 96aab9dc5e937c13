//! What tests of operators share: evaluators, and a driver that plays the tasklet.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BinaryArray, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use sabot_core::metrics::OperatorMetrics;
use sabot_core::plan::{NodeId, NodeKind, PlanNode};
use sabot_core::state::{FrozenState, StateBackend, StateRows};
use sabot_core::{Cx, Element, Evaluator, Operator, OperatorSnapshot, Result};
use sabot_state::{Backend, open};
use sabot_types::{KeyGroupCount, OperatorUid};
use tempfile::TempDir;

use crate::OperatorConfig;

/// An evaluator made of a function.
pub(crate) struct Computed {
    compute: fn(&RecordBatch) -> ArrayRef,
    data_type: DataType,
}

impl std::fmt::Debug for Computed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Computed")
    }
}

impl Evaluator for Computed {
    fn evaluate(&self, batch: &RecordBatch) -> Result<ArrayRef> {
        Ok((self.compute)(batch))
    }

    fn data_type(&self) -> &DataType {
        &self.data_type
    }

    fn sql(&self) -> &'static str {
        "computed"
    }
}

pub(crate) fn computed(
    data_type: DataType,
    compute: fn(&RecordBatch) -> ArrayRef,
) -> Arc<dyn Evaluator> {
    Arc::new(Computed { compute, data_type })
}

/// An evaluator that is an input column.
#[derive(Debug)]
struct ColumnAt(usize, DataType);

impl Evaluator for ColumnAt {
    fn evaluate(&self, batch: &RecordBatch) -> Result<ArrayRef> {
        Ok(Arc::clone(batch.column(self.0)))
    }

    fn data_type(&self) -> &DataType {
        &self.1
    }

    fn sql(&self) -> &'static str {
        "column"
    }

    fn as_column(&self) -> Option<usize> {
        Some(self.0)
    }
}

pub(crate) fn column(index: usize, data_type: DataType) -> Arc<dyn Evaluator> {
    Arc::new(ColumnAt(index, data_type))
}

pub(crate) fn node(kind: NodeKind, schema: SchemaRef) -> PlanNode {
    PlanNode {
        id: NodeId(1),
        uid: OperatorUid::new("test").unwrap(),
        name: "test".to_string(),
        kind,
        inputs: Vec::new(),
        schema,
    }
}

pub(crate) fn config() -> OperatorConfig {
    OperatorConfig {
        key_groups: KeyGroupCount::DEFAULT,
        key_range: KeyGroupCount::DEFAULT.full_range(),
        restored_watermark: None,
        max_batch_rows: 1000,
        seed: 1,
    }
}

/// An operator with its backend and what it emitted.
pub(crate) struct Driver {
    pub(crate) operator: Box<dyn Operator>,
    pub(crate) backend: Box<dyn StateBackend>,
    pub(crate) metrics: OperatorMetrics,
    pub(crate) out: Vec<Element>,
    /// What its clock shows.
    pub(crate) now_ms: i64,
}

impl Driver {
    pub(crate) fn new(
        node: &PlanNode,
        input: &SchemaRef,
        config: &OperatorConfig,
        backend: Box<dyn StateBackend>,
    ) -> Self {
        Self::with_inputs(node, std::slice::from_ref(input), config, backend)
    }

    /// An operator that goes on from a snapshot of another one, in an empty backend.
    pub(crate) fn restored(
        node: &PlanNode,
        input: &SchemaRef,
        snapshot: OperatorSnapshot,
        mut backend: Box<dyn StateBackend>,
    ) -> Self {
        load_all(snapshot.keyed, &mut *backend);
        let config = OperatorConfig { restored_watermark: snapshot.watermark, ..config() };
        Self::new(node, input, &config, backend)
    }

    pub(crate) fn with_inputs(
        node: &PlanNode,
        inputs: &[SchemaRef],
        config: &OperatorConfig,
        mut backend: Box<dyn StateBackend>,
    ) -> Self {
        let operator = crate::build(node, inputs, config, &mut *backend).unwrap();
        Self { operator, backend, metrics: OperatorMetrics::default(), out: Vec::new(), now_ms: 0 }
    }

    pub(crate) fn process(&mut self, batch: RecordBatch) -> Result<()> {
        self.process_from(0, batch)
    }

    pub(crate) fn process_from(&mut self, port: usize, batch: RecordBatch) -> Result<()> {
        let mut cx = Cx::new(&mut self.out, &mut *self.backend, &self.metrics, self.now_ms);
        self.operator.process(port, batch, &mut cx)
    }

    /// The clock goes on to `now_ms`, in a new turn.
    pub(crate) fn clock(&mut self, now_ms: i64) {
        self.now_ms = now_ms;
        self.backend.set_now(now_ms);
        let mut cx = Cx::new(&mut self.out, &mut *self.backend, &self.metrics, now_ms);
        self.operator.processing_time(&mut cx).unwrap();
    }

    pub(crate) fn watermark(&mut self, millis: i64) {
        let mut cx = Cx::new(&mut self.out, &mut *self.backend, &self.metrics, self.now_ms);
        let watermark = sabot_types::EventTime::from_millis(millis);
        self.operator.watermark(watermark, &mut cx).unwrap();
    }

    pub(crate) fn snapshot(&mut self) -> OperatorSnapshot {
        let mut cx = Cx::new(&mut self.out, &mut *self.backend, &self.metrics, self.now_ms);
        self.operator.snapshot(&mut cx).unwrap()
    }

    pub(crate) fn batches(&self) -> impl Iterator<Item = &RecordBatch> {
        self.out.iter().filter_map(|element| match element {
            Element::Batch(batch) => Some(batch),
            _ => None,
        })
    }
}

/// Makes backends of one kind.
pub(crate) struct Backends(Option<TempDir>);

impl Backends {
    /// Of each kind.
    pub(crate) fn all() -> [Self; 2] {
        [Self(None), Self(Some(TempDir::new().unwrap()))]
    }

    pub(crate) fn make(&self) -> Box<dyn StateBackend> {
        let backend = match &self.0 {
            None => Backend::Memory,
            Some(dir) => {
                // An old operator is alive while its successor is restored.
                let dir = tempfile::tempdir_in(dir).unwrap().keep();
                Backend::RocksDb { dir, cache_size_mb: 8 }
            }
        };
        open(backend).unwrap()
    }
}

/// Writes all frozen states to a backend.
pub(crate) fn load_all(keyed: Vec<Box<dyn FrozenState>>, backend: &mut dyn StateBackend) {
    for frozen in keyed {
        load(frozen, backend);
    }
}

/// Writes frozen rows to a backend, as a restore does.
pub(crate) fn load(frozen: Box<dyn FrozenState>, backend: &mut dyn StateBackend) {
    let state = backend.open(frozen.spec()).unwrap();
    frozen
        .visit(&mut |row| {
            let keys = BinaryArray::from(vec![row.key]);
            let values = BinaryArray::from(vec![row.value]);
            assert_eq!(keys.len(), 1);
            let (namespace, groups) = (row.namespace, vec![row.group]);
            backend.restore(state, &StateRows { namespace, groups, keys, values })
        })
        .unwrap();
}
