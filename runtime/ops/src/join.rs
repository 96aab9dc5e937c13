//! Inner join by keys. Each side keeps its rows; a row that comes meets those of the other side
//! that are there.
//!
//! A side's state: key, then the row, to how often it is there. So the rows of a key are read in
//! one go, and a row that goes is found by itself.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BinaryBuilder, BooleanArray, Int8Array, RecordBatch,
    UInt32Array,
};
use arrow::compute::{filter_record_batch, take};
use arrow::datatypes::SchemaRef;
use sabot_core::metrics::OperatorMetrics;
use sabot_core::plan::{JoinDesc, PlanNode};
use sabot_core::row_kind::{self, RowKind};
use sabot_core::state::{StateBackend, StateHandle, StateSpec};
use sabot_core::{Cx, Evaluator, Operator, OperatorSnapshot, Result};
use sabot_types::{KeyGroup, OperatorUid};

use crate::OperatorConfig;
use crate::codec::RowCodec;
use crate::group::emit_in_parts;
use crate::keyed::{Keys, UniqueKeys, state_fields};
use crate::multiset::{self, SPACE, count_of};

/// The states' names, by port.
const STATE_NAMES: [&str; 2] = ["left", "right"];
/// Pairs that are made before they are emitted.
const PAIRS: usize = 8192;

pub(crate) struct Join {
    sides: [Side; 2],
    condition: Option<Arc<dyn Evaluator>>,
    max_batch_rows: usize,
    schema: SchemaRef,
    /// The output's columns without the row kind, for the condition.
    values: SchemaRef,
}

struct Side {
    keys: Keys,
    key_columns: Vec<usize>,
    codec: RowCodec,
    state: StateHandle,
}

/// Rows of the other side that the keys of a batch meet.
struct Found {
    rows: BinaryArray,
    /// How often each is there.
    counts: Vec<i64>,
    /// Where the rows of each key begin and end.
    of_key: Vec<std::ops::Range<usize>>,
}

/// The states of both sides.
pub(crate) fn state_specs(
    operator: &OperatorUid,
    desc: &JoinDesc,
    inputs: &[SchemaRef],
) -> Vec<StateSpec> {
    let sides = STATE_NAMES.into_iter().zip(&desc.keys).zip(inputs);
    let spec = |((name, keys), input): ((&str, &Vec<usize>), &SchemaRef)| {
        let mut key = state_fields(input, keys.iter().copied());
        key.extend(state_fields(input, 0..row_kind::width(input)));
        StateSpec {
            operator: operator.clone(),
            name: name.to_owned(),
            key,
            value: multiset::value_fields(),
            namespace: "none".to_owned(),
        }
    };
    sides.map(spec).collect()
}

impl Join {
    pub(crate) fn new(
        node: &PlanNode,
        desc: &JoinDesc,
        inputs: &[SchemaRef],
        config: &OperatorConfig,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        let specs = state_specs(&node.uid, desc, inputs);
        let mut side = |port: usize| -> Result<Side> {
            let values = row_kind::without(&inputs[port]);
            Ok(Side {
                keys: Keys::new(node, &desc.keys[port], &inputs[port], config)?,
                key_columns: desc.keys[port].clone(),
                codec: RowCodec::new(values.fields().iter().map(|f| f.data_type().clone()))?,
                state: state.open(&specs[port])?,
            })
        };
        Ok(Self {
            sides: [side(0)?, side(1)?],
            condition: desc.condition.clone(),
            max_batch_rows: config.max_batch_rows.max(1),
            schema: Arc::clone(&node.schema),
            values: Arc::new(row_kind::without(&node.schema)),
        })
    }

    /// Emits pairs of rows of the batch with rows that were found.
    fn emit(
        &self,
        port: usize,
        batch: &RecordBatch,
        pairs: (Vec<u32>, Vec<u32>),
        found: &[ArrayRef],
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let (ours, theirs) = (UInt32Array::from(pairs.0), UInt32Array::from(pairs.1));
        let pick = |columns: &[ArrayRef], rows: &UInt32Array| {
            columns.iter().map(|c| take(c, rows, None)).collect::<Result<Vec<_>, _>>()
        };
        let (mine, other) = (pick(row_kind::values(batch), &ours)?, pick(found, &theirs)?);
        let (left, right) = if port == 0 { (mine, other) } else { (other, mine) };
        let mut columns = left;
        columns.extend(right);
        let mut pairs = RecordBatch::try_new(Arc::clone(&self.values), columns)?;
        let mut mask = None;
        if let Some(condition) = &self.condition {
            let kept = condition.evaluate(&pairs)?.as_boolean().clone();
            pairs = filter_record_batch(&pairs, &kept)?;
            mask = Some(kept);
        }
        let mut columns = pairs.columns().to_vec();
        if row_kind::is_updating(&self.schema) {
            columns.push(self.kinds_of(batch, &ours, mask.as_ref())?);
        }
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        emit_in_parts(&batch, self.max_batch_rows, cx);
        Ok(())
    }

    /// The kinds of the batch's rows for pairs.
    fn kinds_of(
        &self,
        batch: &RecordBatch,
        rows: &UInt32Array,
        mask: Option<&BooleanArray>,
    ) -> Result<ArrayRef> {
        let kinds: ArrayRef = match row_kind::kinds(batch) {
            Some(kinds) => take(kinds, rows, None)?,
            None => Arc::new(Int8Array::from(vec![RowKind::Insert as i8; rows.len()])),
        };
        Ok(match mask {
            Some(mask) => arrow::compute::filter(&kinds, mask)?,
            None => kinds,
        })
    }
}

impl Side {
    /// The rows whose keys are all there: a null is equal to nothing.
    fn with_keys(&self, batch: RecordBatch) -> Result<RecordBatch> {
        let mut mask: Option<BooleanArray> = None;
        for column in &self.key_columns {
            let column = batch.column(*column);
            if column.logical_null_count() > 0 {
                let valid = arrow::compute::is_not_null(column)?;
                mask = Some(match mask {
                    Some(mask) => arrow::compute::and(&mask, &valid)?,
                    None => valid,
                });
            }
        }
        Ok(match mask {
            Some(mask) => filter_record_batch(&batch, &mask)?,
            None => batch,
        })
    }

    /// The rows of these keys.
    fn find(&self, keys: &UniqueKeys, cx: &mut Cx<'_>) -> Result<Found> {
        let mut rows = BinaryBuilder::new();
        let mut counts = Vec::new();
        let mut of_key = vec![0..0; keys.len()];
        cx.state.scan_prefixes(
            self.state,
            SPACE,
            &keys.groups,
            &keys.bytes,
            &mut |key, row, n| {
                if of_key[key].is_empty() {
                    of_key[key] = counts.len()..counts.len();
                }
                rows.append_value(row);
                counts.push(count_of(n));
                of_key[key].end += 1;
                Ok(ControlFlow::Continue(()))
            },
        )?;
        OperatorMetrics::add(&cx.metrics.state_reads, counts.len());
        Ok(Found { rows: rows.finish(), counts, of_key })
    }

    /// Notes rows that come and go.
    fn note(&self, keys: &UniqueKeys, batch: &RecordBatch, cx: &mut Cx<'_>) -> Result<()> {
        let rows = self.codec.encode(row_kind::values(batch), batch.num_rows())?;
        let weights = row_kind::weights(batch);
        let mut changes: BTreeMap<Vec<u8>, (KeyGroup, i64)> = BTreeMap::new();
        for (row, key) in keys.of_row.iter().enumerate() {
            let bytes = [keys.bytes.value(*key), rows.value(row)].concat();
            let weight = weights.as_ref().map_or(1, |weights| weights[row]);
            changes.entry(bytes).or_insert((keys.groups[*key], 0)).1 += weight;
        }
        changes.retain(|_, (_, change)| *change != 0);
        let groups: Vec<KeyGroup> = changes.values().map(|(group, _)| *group).collect();
        let bytes = BinaryArray::from_iter_values(changes.keys());
        let changes: Vec<i64> = changes.values().map(|(_, change)| *change).collect();
        multiset::add(self.state, &groups, &bytes, &changes, cx)?;
        Ok(())
    }
}

impl Operator for Join {
    fn process(&mut self, port: usize, batch: RecordBatch, cx: &mut Cx<'_>) -> Result<()> {
        let batch = self.sides[port].with_keys(batch)?;
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let keys = self.sides[port].keys.of(&batch)?;
        self.sides[port].note(&keys, &batch, cx)?;
        let found = self.sides[1 - port].find(&keys, cx)?;
        if found.counts.is_empty() {
            return Ok(());
        }
        let rows = self.sides[1 - port].codec.decode(&found.rows)?;
        let mut pairs = (Vec::new(), Vec::new());
        for (row, key) in keys.of_row.iter().enumerate() {
            for other in found.of_key[*key].clone() {
                for _ in 0..found.counts[other] {
                    pairs.0.push(row as u32);
                    pairs.1.push(other as u32);
                }
                if pairs.0.len() >= PAIRS {
                    self.emit(port, &batch, std::mem::take(&mut pairs), &rows, cx)?;
                }
            }
        }
        if pairs.0.is_empty() { Ok(()) } else { self.emit(port, &batch, pairs, &rows, cx) }
    }

    fn snapshot(&mut self, cx: &mut Cx<'_>) -> Result<OperatorSnapshot> {
        let keyed = self.sides.iter().map(|side| cx.state.freeze(side.state));
        Ok(OperatorSnapshot { keyed: keyed.collect::<Result<_>>()?, watermark: None })
    }
}
