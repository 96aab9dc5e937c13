//! Joins by keys and times. Each side keeps its rows as long as a partner can come; a row that
//! comes meets those of the other side that are there.
//!
//! A row that is late is not dropped: it meets what is still there, and so do rows of outer joins
//! that come too late for any partner.
//!
//! By processing time a row's time is that of its arrival, and the clock stands for the watermark.

mod side;

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, UInt32Array,
    new_null_array,
};
use arrow::compute::{filter_record_batch, take_arrays, take_record_batch};
use arrow::datatypes::SchemaRef;
use sabot_core::plan::{IntervalJoinDesc, JoinKind, PlanNode, TimeBounds};
use sabot_core::state::{StateBackend, StateSpec};
use sabot_core::{Cx, Element, Error, Evaluator, Operator, OperatorSnapshot, Result};
use sabot_types::{EventTime, OperatorUid};

use self::side::{Candidates, Side};
use crate::OperatorConfig;
use crate::emit::emit_in_parts;
use crate::keyed::UniqueKeys;
use crate::times::row_times;

/// Pairs that are made before they are used.
const PAIRS: usize = 8192;

pub(crate) struct IntervalJoin {
    sides: [Side; 2],
    bounds: TimeBounds,
    condition: Option<Arc<dyn Evaluator>>,
    /// Whether times are those of arrivals.
    by_processing_time: bool,
    /// The time that has passed: rows that come with one up to it are late.
    passed: EventTime,
    /// How much later watermarks come.
    delay_ms: i64,
    max_batch_rows: usize,
    schema: SchemaRef,
}

/// The states of both sides.
pub(crate) fn state_specs(
    operator: &OperatorUid,
    desc: &IntervalJoinDesc,
    inputs: &[SchemaRef],
) -> Vec<StateSpec> {
    let sides = inputs.iter().enumerate();
    sides.map(|(port, input)| side::state_spec(operator, desc, port, input)).collect()
}

/// How much later watermarks come: a row is emitted at most so long after its time has passed.
fn delay_ms(desc: &IntervalJoinDesc) -> i64 {
    let reach = desc.bounds.reach_ms(0).max(desc.bounds.reach_ms(1)).max(0);
    // Rows without a partner are emitted by the slice.
    let slice = match desc.kind {
        JoinKind::Inner => 0,
        _ => side::slice_ms(desc),
    };
    reach.saturating_add(slice)
}

impl IntervalJoin {
    pub(crate) fn new(
        node: &PlanNode,
        desc: &IntervalJoinDesc,
        inputs: &[SchemaRef],
        config: &OperatorConfig,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        if desc.kind.is_left_only() || desc.bounds.from_ms > desc.bounds.to_ms {
            return Err(Error::user(format!(
                "operator {}: a {} by times cannot be made",
                node.name,
                desc.kind.title()
            )));
        }
        let mut side = |port| Side::open(node, desc, port, &inputs[port], config, state);
        Ok(Self {
            sides: [side(0)?, side(1)?],
            bounds: desc.bounds,
            condition: desc.condition.clone(),
            by_processing_time: desc.by_processing_time,
            passed: config.restored_watermark.unwrap_or(EventTime::MIN),
            delay_ms: delay_ms(desc),
            max_batch_rows: config.max_batch_rows.max(1),
            schema: Arc::clone(&node.schema),
        })
    }

    /// The clock has gone on.
    fn go_on(&mut self, now_ms: i64, cx: &mut Cx<'_>) -> Result<()> {
        self.pass(EventTime::from_millis(now_ms.saturating_sub(1)), cx)
    }

    /// Emits and drops the rows for which no partner comes after `time`.
    fn pass(&mut self, time: EventTime, cx: &mut Cx<'_>) -> Result<()> {
        if time <= self.passed {
            return Ok(());
        }
        let Self { sides, schema, max_batch_rows, .. } = self;
        for (port, side) in sides.iter_mut().enumerate() {
            side.expire(time, cx, |columns, cx| {
                emit_alone(schema, port, &columns, *max_batch_rows, cx)
            })?;
        }
        self.passed = time;
        Ok(())
    }

    /// Emits the pairs of a batch's rows with candidates; which rows of both are in one.
    fn meet(
        &self,
        port: usize,
        batch: &RecordBatch,
        (keys, times): (&UniqueKeys, &[i64]),
        candidates: &Candidates,
        cx: &mut Cx<'_>,
    ) -> Result<[Vec<bool>; 2]> {
        let rows = self.sides[1 - port].codec.decode(&candidates.rows)?;
        let mut matched = [vec![false; times.len()], candidates.had_partner.clone()];
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        let mut emit = |ours: Vec<u32>, theirs: Vec<u32>| {
            let kept = self.emit_pairs(port, batch, &rows, [&ours, &theirs], cx)?;
            for at in (0..ours.len()).filter(|at| kept.as_ref().is_none_or(|k| k.value(*at))) {
                matched[0][ours[at] as usize] = true;
                if let Some(matched) = matched[1].get_mut(theirs[at] as usize) {
                    *matched = true;
                }
            }
            Ok::<_, Error>(())
        };
        for (row, key) in keys.of_row.iter().enumerate() {
            let (from, to) = self.bounds.partners(port, times[row]);
            let of_key = candidates.found.of_key[*key].clone();
            let near = &candidates.found.times[of_key.clone()];
            let first = near.partition_point(|time| *time < from);
            let last = near.partition_point(|time| *time <= to);
            for other in of_key.start + first..of_key.start + last {
                ours.push(row as u32);
                theirs.push(other as u32);
                if ours.len() >= PAIRS {
                    emit(std::mem::take(&mut ours), std::mem::take(&mut theirs))?;
                }
            }
        }
        if !ours.is_empty() {
            emit(ours, theirs)?;
        }
        Ok(matched)
    }

    /// Emits the pairs for which the condition is true; which these are, unless all are.
    fn emit_pairs(
        &self,
        port: usize,
        batch: &RecordBatch,
        rows: &[ArrayRef],
        [ours, theirs]: [&[u32]; 2],
        cx: &mut Cx<'_>,
    ) -> Result<Option<BooleanArray>> {
        let mine = take_arrays(batch.columns(), &UInt32Array::from(ours.to_vec()), None)?;
        let other = take_arrays(rows, &UInt32Array::from(theirs.to_vec()), None)?;
        let (mut columns, right) = if port == 0 { (mine, other) } else { (other, mine) };
        columns.extend(right);
        let mut pairs = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        let mut kept = None;
        if let Some(condition) = &self.condition {
            let mask = condition.evaluate(&pairs)?;
            let mask = mask.as_boolean();
            let mask = match mask.nulls() {
                Some(nulls) => BooleanArray::new(mask.values() & nulls.inner(), None),
                None => mask.clone(),
            };
            pairs = filter_record_batch(&pairs, &mask)?;
            kept = Some(mask);
        }
        emit_in_parts(&pairs, self.max_batch_rows, cx);
        Ok(kept)
    }
}

/// Emits rows of a side beside nulls.
fn emit_alone(
    schema: &SchemaRef,
    port: usize,
    columns: &[ArrayRef],
    max_batch_rows: usize,
    cx: &mut Cx<'_>,
) -> Result<()> {
    let rows = columns.first().map_or(0, Array::len);
    if rows == 0 {
        return Ok(());
    }
    let fields = schema.fields();
    let nulls = match port {
        0 => columns.len()..fields.len(),
        _ => 0..fields.len() - columns.len(),
    };
    let nulls = fields[nulls].iter().map(|field| new_null_array(field.data_type(), rows));
    let mut all = columns.to_vec();
    let at = if port == 0 { all.len() } else { 0 };
    all.splice(at..at, nulls);
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let batch = RecordBatch::try_new_with_options(Arc::clone(schema), all, &options)?;
    emit_in_parts(&batch, max_batch_rows, cx);
    Ok(())
}

impl Operator for IntervalJoin {
    fn process(&mut self, port: usize, batch: RecordBatch, cx: &mut Cx<'_>) -> Result<()> {
        let tracked = self.sides[port].tracked;
        let (batch, without_keys) = self.sides[port].by_keys(batch)?;
        if let Some(alone) = without_keys.filter(|_| tracked) {
            emit_alone(&self.schema, port, alone.columns(), self.max_batch_rows, cx)?;
        }
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let arrivals: Vec<i64>;
        let times: &[i64] = if self.by_processing_time {
            self.go_on(cx.now_ms, cx)?;
            arrivals = vec![self.passed.millis().saturating_add(1); batch.num_rows()];
            &arrivals
        } else {
            row_times(&batch, self.sides[port].row_time)?.values()
        };
        let keys = self.sides[port].keys.of(&batch)?;
        let first = times.iter().copied().min().unwrap_or(0);
        let last = times.iter().copied().max().unwrap_or(0);
        let range = (self.bounds.partners(port, first).0, self.bounds.partners(port, last).1);
        let candidates = self.sides[1 - port].find(&keys, range, cx)?;
        let [matched, theirs] = self.meet(port, &batch, (&keys, times), &candidates, cx)?;
        if self.sides[1 - port].tracked {
            self.sides[1 - port].note(&keys, &candidates, &theirs, cx)?;
        }
        let passed = self.passed.millis();
        let reach = self.sides[port].reach_ms;
        let (kept, over): (Vec<usize>, Vec<usize>) =
            (0..times.len()).partition(|row| passed < times[*row].saturating_add(reach));
        self.sides[port].keep(&keys, times, &batch, &matched, kept, cx)?;
        if tracked {
            let over = over.into_iter().filter(|row| !matched[*row]).map(|row| row as u32);
            let alone = take_record_batch(&batch, &UInt32Array::from_iter_values(over))?;
            emit_alone(&self.schema, port, alone.columns(), self.max_batch_rows, cx)?;
        }
        Ok(())
    }

    fn watermark(&mut self, watermark: EventTime, cx: &mut Cx<'_>) -> Result<()> {
        // When the input ends no partner comes, whatever the clock says.
        if !self.by_processing_time || watermark == EventTime::MAX {
            self.pass(watermark, cx)?;
        }
        let behind = match watermark {
            EventTime::MAX => watermark,
            _ if self.by_processing_time => watermark,
            _ => EventTime::from_millis(watermark.millis().saturating_sub(self.delay_ms)),
        };
        cx.emit(Element::Watermark(behind));
        Ok(())
    }

    fn processing_time(&mut self, cx: &mut Cx<'_>) -> Result<()> {
        if self.by_processing_time { self.go_on(cx.now_ms, cx) } else { Ok(()) }
    }

    fn snapshot(&mut self, cx: &mut Cx<'_>) -> Result<OperatorSnapshot> {
        let keyed = self.sides.iter().map(|side| side.freeze(cx));
        let keyed = keyed.collect::<Result<_>>()?;
        // The clock goes on by itself.
        let behind = if self.by_processing_time { EventTime::MIN } else { self.passed };
        Ok(OperatorSnapshot::behind(behind, keyed))
    }
}

#[cfg(test)]
mod tests;
