//! Joins of rows that lie in the same windows.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, UInt32Array,
};
use arrow::compute::take_arrays;
use arrow::datatypes::{Field, Schema, SchemaRef};
use sabot_core::plan::{JoinKind, PlanNode, WindowJoinDesc};
use sabot_core::state::{StateBackend, StateSpec};
use sabot_core::{Cx, Element, Evaluator, Operator, OperatorSnapshot, Result};
use sabot_types::{EventTime, OperatorUid};

use super::buffer::{self, BufferDesc, WindowBuffer};
use crate::OperatorConfig;
use crate::emit::emit_in_parts;
use crate::keyed::{Keys, UniqueKeys};

/// The states' names, by port.
const STATE_NAMES: [&str; 2] = ["left", "right"];
/// Pairs that are made before they are used.
const PAIRS: usize = 8192;

pub(crate) struct WindowJoin {
    kind: JoinKind,
    sides: [Side; 2],
    condition: Option<Arc<dyn Evaluator>>,
    watermark: EventTime,
    max_batch_rows: usize,
    schema: SchemaRef,
    /// The columns of both sides, for the condition.
    pairs: SchemaRef,
}

struct Side {
    keys: Keys,
    key_columns: Vec<usize>,
    rows: WindowBuffer,
}

/// All rows of a window of one side.
struct WindowRows {
    rows: RecordBatch,
    keys: UniqueKeys,
    /// Whether each row has all its keys: a null is equal to nothing.
    has_keys: Option<BooleanArray>,
}

fn described<'a>(
    operator: &'a OperatorUid,
    desc: &'a WindowJoinDesc,
    port: usize,
) -> BufferDesc<'a> {
    let ends = desc.window_ends[port];
    BufferDesc { operator, name: STATE_NAMES[port], keys: &desc.keys[port], ends }
}

/// The states of both sides.
pub(crate) fn state_specs(
    operator: &OperatorUid,
    desc: &WindowJoinDesc,
    inputs: &[SchemaRef],
) -> Vec<StateSpec> {
    let sides = inputs.iter().enumerate();
    sides.map(|(port, input)| buffer::state_spec(described(operator, desc, port), input)).collect()
}

impl WindowJoin {
    pub(crate) fn new(
        node: &PlanNode,
        desc: &WindowJoinDesc,
        inputs: &[SchemaRef],
        config: &OperatorConfig,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        let mut side = |port: usize| -> Result<Side> {
            let input = &inputs[port];
            let described = described(&node.uid, desc, port);
            Ok(Side {
                keys: Keys::new(node, &desc.keys[port], input, config)?,
                key_columns: desc.keys[port].clone(),
                rows: WindowBuffer::open(&node.name, described, input, state)?,
            })
        };
        let fields = inputs.iter().flat_map(|input| input.fields().iter());
        let fields = fields.map(|field| Field::clone(field).with_nullable(true));
        Ok(Self {
            kind: desc.kind,
            sides: [side(0)?, side(1)?],
            condition: desc.condition.clone(),
            watermark: config.restored_watermark.unwrap_or(EventTime::MIN),
            max_batch_rows: config.max_batch_rows.max(1),
            schema: Arc::clone(&node.schema),
            pairs: Arc::new(Schema::new(fields.collect::<Vec<_>>())),
        })
    }

    /// The first window of both sides that is over.
    fn due(&self, watermark: EventTime) -> Option<i64> {
        self.sides.iter().filter_map(|side| side.rows.due(watermark)).min()
    }

    fn fire(&mut self, end: i64, cx: &mut Cx<'_>) -> Result<()> {
        let [left, right] = &mut self.sides;
        let sides = [left.take(end, cx)?, right.take(end, cx)?];
        let matched = self.meet(&sides, cx)?;
        for (port, side) in sides.iter().enumerate() {
            let wanted = match self.kind {
                JoinKind::LeftSemi => port == 0,
                _ => self.kind.tracks(port),
            };
            if wanted {
                let with = self.kind == JoinKind::LeftSemi;
                let rows = matched[port].iter().enumerate().filter(|(_, m)| **m == with);
                let rows = UInt32Array::from_iter_values(rows.map(|(row, _)| row as u32));
                self.emit_side(port, side.rows.columns(), &rows, cx)?;
            }
        }
        Ok(())
    }

    /// Emits the pairs of a window, if they are asked for; which rows of both sides are in one.
    fn meet(&self, sides: &[WindowRows; 2], cx: &mut Cx<'_>) -> Result<[Vec<bool>; 2]> {
        let mut matched = [0, 1].map(|port: usize| vec![false; sides[port].rows.num_rows()]);
        let [left, right] = sides;
        let of_key = right.by_key();
        let numbers: HashMap<&[u8], usize> =
            right.keys.bytes.iter().flatten().enumerate().map(|(n, key)| (key, n)).collect();
        let of_left: Vec<Option<usize>> =
            left.keys.bytes.iter().map(|key| numbers.get(key?).copied()).collect();
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        let mut use_pairs = |ours: &mut Vec<u32>, theirs: &mut Vec<u32>| {
            let [l, r] = [std::mem::take(ours), std::mem::take(theirs)].map(UInt32Array::from);
            for at in self.emit_pairs(sides, &l, &r, cx)? {
                matched[0][l.value(at) as usize] = true;
                matched[1][r.value(at) as usize] = true;
            }
            Ok::<_, sabot_core::Error>(())
        };
        for (row, key) in left.keys.of_row.iter().enumerate() {
            let Some(key) = of_left[*key].filter(|_| left.has_keys(row)) else { continue };
            for other in &of_key[key] {
                ours.push(row as u32);
                theirs.push(*other);
                if ours.len() >= PAIRS {
                    use_pairs(&mut ours, &mut theirs)?;
                }
            }
        }
        if !ours.is_empty() {
            use_pairs(&mut ours, &mut theirs)?;
        }
        Ok(matched)
    }

    /// Emits the pairs for which the condition is true; which these are.
    fn emit_pairs(
        &self,
        [left, right]: &[WindowRows; 2],
        l: &UInt32Array,
        r: &UInt32Array,
        cx: &mut Cx<'_>,
    ) -> Result<Vec<usize>> {
        let all = || -> Result<Vec<ArrayRef>> {
            let mut columns = take_arrays(left.rows.columns(), l, None)?;
            columns.extend(take_arrays(right.rows.columns(), r, None)?);
            Ok(columns)
        };
        let kept: Vec<usize> = match &self.condition {
            None => (0..l.len()).collect(),
            Some(condition) => {
                let holds =
                    condition.evaluate(&RecordBatch::try_new(Arc::clone(&self.pairs), all()?)?)?;
                let holds = holds.as_boolean().iter().enumerate();
                holds.filter(|(_, holds)| *holds == Some(true)).map(|(at, _)| at).collect()
            }
        };
        if !self.kind.is_left_only() && !kept.is_empty() {
            let rows = UInt32Array::from_iter_values(kept.iter().map(|at| *at as u32));
            let columns = take_arrays(&all()?, &rows, None)?;
            let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
            emit_in_parts(&batch, self.max_batch_rows, cx);
        }
        Ok(kept)
    }

    /// Emits rows of a side, beside nulls if the output has columns of the other one.
    fn emit_side(
        &self,
        port: usize,
        columns: &[ArrayRef],
        rows: &UInt32Array,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut all = take_arrays(columns, rows, None)?;
        if !self.kind.is_left_only() {
            let fields = self.schema.fields();
            let nulls =
                if port == 0 { all.len()..fields.len() } else { 0..fields.len() - all.len() };
            let nulls = fields[nulls]
                .iter()
                .map(|field| arrow::array::new_null_array(field.data_type(), rows.len()));
            let at = if port == 0 { all.len() } else { 0 };
            all.splice(at..at, nulls);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), all, &options)?;
        emit_in_parts(&batch, self.max_batch_rows, cx);
        Ok(())
    }

    fn flush(&mut self, cx: &mut Cx<'_>) -> Result<()> {
        for side in &mut self.sides {
            side.rows.flush(&side.keys, Ok, cx)?;
        }
        Ok(())
    }
}

impl Side {
    fn take(&mut self, end: i64, cx: &mut Cx<'_>) -> Result<WindowRows> {
        let rows = self.rows.take(end, cx)?;
        let keys = self.keys.of(&rows)?;
        let mut has_keys: Option<BooleanArray> = None;
        for column in &self.key_columns {
            let column = rows.column(*column);
            if column.logical_null_count() > 0 {
                let valid = arrow::compute::is_not_null(column)?;
                has_keys = Some(match has_keys {
                    Some(mask) => arrow::compute::and(&mask, &valid)?,
                    None => valid,
                });
            }
        }
        Ok(WindowRows { rows, keys, has_keys })
    }
}

impl WindowRows {
    fn has_keys(&self, row: usize) -> bool {
        self.has_keys.as_ref().is_none_or(|mask| mask.value(row))
    }

    /// The rows of each key.
    fn by_key(&self) -> Vec<Vec<u32>> {
        let mut of_key = vec![Vec::new(); self.keys.len()];
        for (row, key) in self.keys.of_row.iter().enumerate() {
            if self.has_keys(row) {
                of_key[*key].push(row as u32);
            }
        }
        of_key
    }
}

impl Operator for WindowJoin {
    fn process(&mut self, port: usize, batch: RecordBatch, cx: &mut Cx<'_>) -> Result<()> {
        let rows = &mut self.sides[port].rows;
        rows.add(&batch, self.watermark, cx)?;
        if rows.is_full() { self.flush(cx) } else { Ok(()) }
    }

    fn watermark(&mut self, watermark: EventTime, cx: &mut Cx<'_>) -> Result<()> {
        while let Some(end) = self.due(watermark) {
            self.fire(end, cx)?;
        }
        self.watermark = self.watermark.max(watermark);
        cx.emit(Element::Watermark(watermark));
        Ok(())
    }

    fn snapshot(&mut self, cx: &mut Cx<'_>) -> Result<OperatorSnapshot> {
        self.flush(cx)?;
        let keyed = self.sides.iter().map(|side| side.rows.freeze(cx));
        Ok(OperatorSnapshot::behind(self.watermark, keyed.collect::<Result<_>>()?))
    }
}
