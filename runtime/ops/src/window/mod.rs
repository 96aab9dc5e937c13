//! Aggregation by key and window, of event time or of processing time.
//!
//! Rows are aggregated in a hot table for each slice: a window, or where windows overlap the
//! part that no window's bound cuts. A snapshot moves what the tables hold to the state backend,
//! merged with what earlier snapshots brought there, under the slice's end as namespace; a
//! window that fires merges both, of all its slices. So the backend is not touched for each row,
//! and a window that begins and ends between two snapshots never reaches it.

pub(crate) mod aggregate;
mod collected;
mod early;
mod fire;
mod flush;
mod gone;
mod input;
mod processing;
pub(crate) mod progress;
mod session;
pub(crate) mod slices;
mod table;
mod updates;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, TimestampMillisecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use sabot_core::metrics::OperatorMetrics;
use sabot_core::plan::{AggregateDesc, PlanNode, Window, WindowAggregateDesc, WindowTime};
use sabot_core::row_kind;
use sabot_core::state::{StateBackend, StateField, StateHandle, StateSpec, ValueEncoding};
use sabot_core::{Cx, Element, Error, Operator, OperatorSnapshot, Result};
use sabot_types::{EventTime, OperatorUid};

use self::aggregate::Aggregate;
use self::early::Early;
use self::input::WindowInput;
use self::progress::Progress;
use self::session::SessionAggregate;
use self::slices::Slices;
use self::table::{Partials, Table, TableShape};
use self::updates::Updates;
use crate::OperatorConfig;
use crate::clock::Clock;
use crate::codec::{RowCodec, slice_all};
use crate::keyed::{Owner, state_fields};
use crate::numbers::{self, Numbers};

/// The state's name within the operator.
const STATE_NAME: &str = "window";

pub(crate) struct WindowAggregate {
    owner: Owner,
    input: WindowInput,
    slices: Slices,
    shape: TableShape,
    key_codec: RowCodec,
    value_codec: RowCodec,
    state: StateHandle,
    /// The slices of open windows by their ends.
    open: BTreeMap<i64, Slice>,
    /// Up to where windows have fired, in their times.
    watermark: EventTime,
    /// What was passed on.
    passed_on: EventTime,
    /// For windows that share slices, or whose results can change.
    progress: Option<Progress>,
    /// For windows whose results can change.
    updates: Option<Updates>,
    /// For windows that give results before they fire.
    early: Option<Early>,
    /// For aggregates to which the order of rows makes a difference.
    numbers: Option<Numbers>,
    max_batch_rows: usize,
    schema: SchemaRef,
    /// Group numbers of a batch's rows, kept for its memory.
    scratch: Vec<usize>,
}

/// One slice of open windows.
#[derive(Default)]
struct Slice {
    /// What came since the last snapshot, and since a window of the slice fired.
    hot: Option<Table>,
    /// What came since the last snapshot and a window that fired has read; later ones read it
    /// again.
    sealed: Option<Partials>,
    /// Whether the backend has rows of the slice.
    stored: bool,
}

/// Describes the states of a window aggregate.
pub(crate) fn state_specs(
    operator: &OperatorUid,
    desc: &WindowAggregateDesc,
    input: &SchemaRef,
) -> Vec<StateSpec> {
    let progress = progress::state_spec(operator, desc);
    let updates = updates::state_specs(operator, desc, input);
    let numbers = numbers_spec(operator, desc);
    let all = std::iter::once(state_spec(operator, desc, input)).chain(progress);
    all.chain(updates).chain(numbers).collect()
}

/// Describes the numbers of rows; none where their order makes no difference.
fn numbers_spec(operator: &OperatorUid, desc: &WindowAggregateDesc) -> Option<StateSpec> {
    let ordered = desc.aggregates.iter().any(|aggregate| aggregate.function.is_ordered());
    ordered.then(|| numbers::state_spec(operator))
}

/// The numbers of rows; none where their order makes no difference.
fn numbers_of(
    operator: &OperatorUid,
    desc: &WindowAggregateDesc,
    config: &OperatorConfig,
    state: &mut dyn StateBackend,
) -> Result<Option<Numbers>> {
    let spec = numbers_spec(operator, desc);
    spec.map(|spec| Numbers::open(&spec, config.key_range, state)).transpose()
}

fn state_spec(operator: &OperatorUid, desc: &WindowAggregateDesc, input: &SchemaRef) -> StateSpec {
    if let Window::Session { gap_ms } = desc.window {
        return session::state_spec(operator, desc, gap_ms, input);
    }
    let value = desc.aggregates.iter().map(|aggregate| value_of(aggregate, input));
    StateSpec {
        operator: operator.clone(),
        name: STATE_NAME.to_string(),
        key: state_fields(input, desc.keys.iter().copied()),
        value: value.collect(),
        namespace: slices::namespace_of(desc.window),
        ttl_ms: None,
        encoding: ValueEncoding::Sortable,
    }
}

/// An aggregate's partial result in the state.
fn value_of(aggregate: &AggregateDesc, input: &SchemaRef) -> StateField {
    StateField {
        name: aggregate.name.clone(),
        data_type: aggregate::partial_type(aggregate, input).to_string(),
    }
}

/// Builds the operator of a descriptor's windows.
pub(crate) fn build(
    node: &PlanNode,
    desc: &WindowAggregateDesc,
    input: &SchemaRef,
    config: &OperatorConfig,
    state: &mut dyn StateBackend,
) -> Result<Box<dyn Operator>> {
    if desc.time == WindowTime::Processing && desc.lateness_ms.is_some_and(|ms| ms > 0) {
        return Err(Error::user(format!(
            "operator {}: windows of processing time that have fired cannot change",
            node.name
        )));
    }
    if desc.early_ms.is_some() && desc.lateness_ms.is_none() {
        return Err(Error::user(format!("operator {}: early results change", node.name)));
    }
    match desc.window {
        Window::Session { gap_ms } => {
            Ok(Box::new(SessionAggregate::new(node, desc, gap_ms, input, config, state)?))
        }
        _ => Ok(Box::new(WindowAggregate::new(node, desc, input, config, state)?)),
    }
}

/// The configuration of an operator whose windows are cut in the times of `clock`, with the restored
/// watermark as such a time; and the watermark itself, as it was passed on.
fn in_window_times(clock: &Clock, config: &OperatorConfig) -> (OperatorConfig, EventTime) {
    let passed_on = config.restored_watermark.unwrap_or(EventTime::MIN);
    let restored_watermark = config.restored_watermark.map(|restored| clock.passed(restored));
    (OperatorConfig { restored_watermark, ..*config }, passed_on)
}

/// The key columns of an aggregate's input.
fn keys_of(desc: &WindowAggregateDesc, input: &SchemaRef) -> SchemaRef {
    let keys = desc.keys.iter().map(|key| Arc::clone(&input.fields()[*key]));
    Arc::new(Schema::new(keys.collect::<Vec<_>>()))
}

impl WindowAggregate {
    fn new(
        node: &PlanNode,
        desc: &WindowAggregateDesc,
        input: &SchemaRef,
        config: &OperatorConfig,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        let clock = Clock::new(desc.local_times.as_ref());
        let (config, passed_on) = &in_window_times(&clock, config);
        let keys = keys_of(desc, input);
        let aggregates = desc.aggregates.iter().map(|a| Aggregate::new(&node.name, a, input));
        let aggregates = aggregates.collect::<Result<Vec<_>>>()?;
        check_output(node, &keys, &aggregates)?;
        let key_codec = RowCodec::new(keys.fields().iter().map(|f| f.data_type().clone()))?;
        let value_codec = RowCodec::new(aggregates.iter().map(|a| a.state_type().clone()))?;
        let handle = state.open(&state_spec(&node.uid, desc, input))?;
        let stored = state.namespaces(handle)?;
        let open =
            stored.into_iter().map(|end| (end.0, Slice { stored: true, ..Slice::default() }));
        let progress = progress::state_spec(&node.uid, desc)
            .map(|spec| Progress::open(&spec, config.key_range, state))
            .transpose()?;
        let updates = match (desc.lateness_ms, &progress) {
            (Some(lateness), Some(progress)) => {
                let specs = updates::state_specs(&node.uid, desc, input);
                Some(Updates::open(&specs, lateness, progress, config, state)?)
            }
            _ => None,
        };
        let open: BTreeMap<_, _> = open.collect();
        Ok(Self {
            early: desc.early_ms.map(|delay_ms| Early::new(delay_ms, !open.is_empty())),
            owner: Owner::new(node, config),
            input: WindowInput::new(&node.name, desc, clock, &aggregates, input)?,
            slices: Slices::new(&node.name, desc.window)?,
            shape: TableShape::new(keys, aggregates),
            key_codec,
            value_codec,
            state: handle,
            open,
            watermark: config.restored_watermark.unwrap_or(EventTime::MIN),
            passed_on: *passed_on,
            progress,
            updates,
            numbers: numbers_of(&node.uid, desc, config, state)?,
            max_batch_rows: config.max_batch_rows.max(1),
            schema: Arc::clone(&node.schema),
            scratch: Vec::new(),
        })
    }

    /// Fires the windows that are over at `time`, and passes on a watermark.
    fn advance(&mut self, time: EventTime, watermark: EventTime, cx: &mut Cx<'_>) -> Result<()> {
        if let Some(updates) = &mut self.updates {
            updates.advance(time);
        }
        self.fire_due(time, cx)?;
        if let Some(updates) = &mut self.updates {
            updates.forget(cx)?;
        }
        self.watermark = self.watermark.max(time);
        self.passed_on = self.passed_on.max(watermark);
        cx.emit(Element::Watermark(watermark));
        Ok(())
    }

    /// Adds rows that all lie in the slice that ends at `end`.
    fn update(&mut self, end: i64, columns: &[ArrayRef], rows: usize) -> Result<()> {
        let slice = self.open.entry(end).or_default();
        let table = match &mut slice.hot {
            Some(table) => table,
            hot => hot.insert(self.shape.table()?),
        };
        table.update(&self.input.rows(columns, rows), &mut self.scratch)
    }

    /// Splits rows among the slices that they lie in.
    fn update_split(
        &mut self,
        times: &TimestampMillisecondArray,
        batch: &RecordBatch,
        columns: &[ArrayRef],
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let split = self.slices.split(times.values(), self.watermark);
        OperatorMetrics::add(&cx.metrics.rows_late, split.late_rows);
        if split.late_rows > 0 && cx.keeps_late() {
            cx.late(input::without(batch, &split.rows)?);
        }
        let columns = input::take(columns, &split.rows)?;
        let mut offset = 0;
        for (end, rows) in split.slices {
            self.update(end, &slice_all(&columns, offset, rows), rows)?;
            offset += rows;
        }
        Ok(())
    }

    fn take_in(&mut self, batch: RecordBatch, cx: &mut Cx<'_>) -> Result<()> {
        let rows = batch.num_rows();
        let fired = self.progress.as_ref().map_or(EventTime::MIN, Progress::newest);
        let now = self.input.clock.passed(EventTime::from_millis(cx.now_ms));
        let now_ms = processing::after(now.millis(), self.watermark.max(fired));
        let times = self.input.times(&batch, now_ms)?;
        let (first, last) = self
            .slices
            .ends(&times)
            .map_err(|time| slices::out_of_range(&self.owner.operator, time))?;
        let columns = self.input.columns(&batch, self.numbers.as_mut())?;
        if self.updates.is_some() && slices::is_over(first, self.watermark.max(fired)) {
            return self.update_late(&times, &batch, &columns, cx);
        }
        if first < last {
            return self.update_split(&times, &batch, &columns, cx);
        }
        if self.slices.is_late(last, self.watermark) {
            OperatorMetrics::add(&cx.metrics.rows_late, rows);
            cx.late(batch);
            return Ok(());
        }
        self.update(last, &columns, rows)
    }
}

impl Operator for WindowAggregate {
    fn process(&mut self, _port: usize, batch: RecordBatch, cx: &mut Cx<'_>) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.take_in(batch, cx)?;
        self.expect_early(cx.now_ms);
        self.fire_early_due(cx)
    }

    fn watermark(&mut self, watermark: EventTime, cx: &mut Cx<'_>) -> Result<()> {
        if self.input.is_processing() && !processing::is_end(watermark) {
            return Ok(());
        }
        self.advance(self.input.clock.passed(watermark), watermark, cx)
    }

    fn idle(&mut self, cx: &mut Cx<'_>) -> Result<()> {
        if !self.input.is_processing() {
            cx.emit(Element::Idle);
        }
        Ok(())
    }

    fn processing_time(&mut self, cx: &mut Cx<'_>) -> Result<()> {
        self.fire_early_due(cx)?;
        if !self.input.is_processing() {
            return Ok(());
        }
        let now = self.input.clock.passed(EventTime::from_millis(cx.now_ms));
        let time = EventTime::from_millis(self.slices.last_over(now.millis()) - 1);
        if time <= self.watermark {
            return Ok(());
        }
        self.advance(time, self.input.clock.watermark(time), cx)
    }

    fn snapshot(&mut self, cx: &mut Cx<'_>) -> Result<OperatorSnapshot> {
        self.flush(cx)?;
        let mut keyed = vec![cx.state.freeze(self.state)?];
        if let Some(progress) = &mut self.progress {
            keyed.push(progress.snapshot(self.watermark, cx)?);
        }
        if let Some(updates) = &mut self.updates {
            keyed.extend(updates.snapshot(cx)?);
        }
        if let Some(numbers) = &mut self.numbers {
            keyed.push(numbers.snapshot(cx)?);
        }
        Ok(OperatorSnapshot {
            keyed,
            watermark: (self.passed_on > EventTime::MIN).then_some(self.passed_on),
        })
    }
}

/// Checks that the plan's output columns are what the operator makes.
fn check_output(node: &PlanNode, keys: &SchemaRef, aggregates: &[Aggregate]) -> Result<()> {
    let fields = &node.schema.fields()[..row_kind::width(&node.schema)];
    let expected = keys.fields().len() + 3 + aggregates.len();
    if fields.len() != expected {
        return Err(Error::user(format!(
            "operator {}: {} output columns are planned, it makes {expected}",
            node.name,
            fields.len()
        )));
    }
    let (key_fields, rest) = fields.split_at(keys.fields().len());
    let (times, results) = rest.split_at(3);
    let wrong = |field: &Field, made: String| {
        Error::user(format!(
            "operator {}: output column {} is planned as {}, the operator makes {made}",
            node.name,
            field.name(),
            field.data_type()
        ))
    };
    for (field, key) in key_fields.iter().zip(keys.fields()) {
        if field.data_type() != key.data_type() {
            return Err(wrong(field, key.data_type().to_string()));
        }
    }
    for field in times {
        if !matches!(field.data_type(), DataType::Timestamp(TimeUnit::Millisecond, _)) {
            return Err(wrong(field, "a timestamp in milliseconds".to_string()));
        }
    }
    for (field, aggregate) in results.iter().zip(aggregates) {
        if field.data_type() != aggregate.data_type() {
            return Err(wrong(field, aggregate.data_type().to_string()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
