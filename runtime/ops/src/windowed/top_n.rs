//! The first rows of each key of a window, in some order.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::SchemaRef;
use sabot_core::plan::{PlanNode, WindowTopNDesc};
use sabot_core::state::{StateBackend, StateSpec};
use sabot_core::{Cx, Element, Operator, OperatorSnapshot, Result};
use sabot_types::{EventTime, OperatorUid};

use super::buffer::{self, BufferDesc, WindowBuffer};
use crate::OperatorConfig;
use crate::emit::emit_in_parts;
use crate::keyed::Keys;
use crate::ordered::OrderedRows;

/// The state's name.
const STATE_NAME: &str = "rows";

pub(crate) struct WindowTopN {
    keys: Keys,
    ordered: OrderedRows,
    limit: usize,
    rank: bool,
    rows: WindowBuffer,
    watermark: EventTime,
    max_batch_rows: usize,
    schema: SchemaRef,
}

fn described<'a>(operator: &'a OperatorUid, desc: &'a WindowTopNDesc) -> BufferDesc<'a> {
    BufferDesc { operator, name: STATE_NAME, keys: &desc.keys, ends: desc.window_end }
}

/// The states of the operator.
pub(crate) fn state_specs(
    operator: &OperatorUid,
    desc: &WindowTopNDesc,
    input: &SchemaRef,
) -> Vec<StateSpec> {
    vec![buffer::state_spec(described(operator, desc), input)]
}

impl WindowTopN {
    pub(crate) fn new(
        node: &PlanNode,
        desc: &WindowTopNDesc,
        input: &SchemaRef,
        config: &OperatorConfig,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        Ok(Self {
            keys: Keys::new(node, &desc.keys, input, config)?,
            ordered: OrderedRows::new(&desc.order, input)?,
            limit: desc.limit,
            rank: desc.rank,
            rows: WindowBuffer::open(&node.name, described(&node.uid, desc), input, state)?,
            watermark: config.restored_watermark.unwrap_or(EventTime::MIN),
            max_batch_rows: config.max_batch_rows.max(1),
            schema: Arc::clone(&node.schema),
        })
    }

    fn flush(&mut self, cx: &mut Cx<'_>) -> Result<()> {
        let Self { keys, ordered, limit, rows, .. } = self;
        let reduce = |rows: RecordBatch| first(&rows, keys, ordered, *limit).map(|(rows, _)| rows);
        rows.flush(keys, reduce, cx)
    }
}

/// The first rows of each key, with their ranks.
fn first(
    rows: &RecordBatch,
    keys: &Keys,
    ordered: &OrderedRows,
    limit: usize,
) -> Result<(RecordBatch, Vec<i64>)> {
    let unique = keys.of(rows)?;
    let places = ordered.places(rows)?;
    let mut order: Vec<usize> = (0..rows.num_rows()).collect();
    order.sort_unstable_by_key(|row| (unique.of_row[*row], places.row(*row)));
    let (mut kept, mut ranks) = (Vec::new(), Vec::new());
    for of_key in order.chunk_by(|a, b| unique.of_row[*a] == unique.of_row[*b]) {
        let count = of_key.len().min(limit);
        kept.extend(of_key[..count].iter().map(|row| *row as u32));
        ranks.extend(1..=count as i64);
    }
    Ok((take_record_batch(rows, &UInt32Array::from(kept))?, ranks))
}

impl Operator for WindowTopN {
    fn process(&mut self, _port: usize, batch: RecordBatch, cx: &mut Cx<'_>) -> Result<()> {
        self.rows.add(&batch, self.watermark, cx)?;
        if self.rows.is_full() { self.flush(cx) } else { Ok(()) }
    }

    fn watermark(&mut self, watermark: EventTime, cx: &mut Cx<'_>) -> Result<()> {
        while let Some(end) = self.rows.due(watermark) {
            let rows = self.rows.take(end, cx)?;
            let (rows, ranks) = first(&rows, &self.keys, &self.ordered, self.limit)?;
            let mut columns = rows.columns().to_vec();
            if self.rank {
                columns.push(Arc::new(Int64Array::from(ranks)) as ArrayRef);
            }
            let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
            emit_in_parts(&batch, self.max_batch_rows, cx);
        }
        self.watermark = self.watermark.max(watermark);
        cx.emit(Element::Watermark(watermark));
        Ok(())
    }

    fn snapshot(&mut self, cx: &mut Cx<'_>) -> Result<OperatorSnapshot> {
        self.flush(cx)?;
        Ok(OperatorSnapshot::behind(self.watermark, vec![self.rows.freeze(cx)?]))
    }
}
