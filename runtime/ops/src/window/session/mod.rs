//! Aggregation by key and session: windows that end when no row of the key came for a gap.
//!
//! Keys and bounds of open sessions are in memory; what their rows add up to is gathered there
//! too and brought to the state backend by a snapshot, a row for each key and session start. A
//! session that ends takes what both have, or stays while its result can change.

mod fragments;
mod sessions;
mod store;
mod updates;

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BinaryArray, RecordBatch};
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use sabot_core::metrics::OperatorMetrics;
use sabot_core::plan::{PlanNode, Window, WindowAggregateDesc};
use sabot_core::state::{
    Namespace, StateBackend, StateField, StateHandle, StateSpec, ValueEncoding,
};
use sabot_core::{Cx, Element, Error, Operator, OperatorSnapshot, Result};
use sabot_types::{EventTime, OperatorUid};

use self::fragments::Fragments;
use self::sessions::Sessions;
use self::updates::Updates;
use super::aggregate::Aggregate;
use super::input::{self, WindowInput};
use super::processing;
use super::slices::{self, TIME_MAX_MS};
use super::table::TableShape;
use crate::OperatorConfig;
use crate::clock::Clock;
use crate::codec::RowCodec;
use crate::keyed::{Owner, state_fields};
use crate::numbers::Numbers;

/// The state's name within the operator.
const STATE_NAME: &str = "session";

pub(crate) struct SessionAggregate {
    owner: Owner,
    input: WindowInput,
    shape: TableShape,
    key_codec: RowCodec,
    /// Keys and a session's start.
    row_key_codec: RowCodec,
    /// A session's end and partial results.
    value_codec: RowCodec,
    state: StateHandle,
    sessions: Sessions,
    fragments: Fragments,
    /// For aggregates to which the order of rows makes a difference.
    numbers: Option<Numbers>,
    /// For sessions whose results can change.
    updates: Option<Updates>,
    /// The slots of sessions that got their first fragment since the last snapshot; a session may
    /// have ended since.
    touched: Vec<u32>,
    watermark: EventTime,
    /// The last watermark that was passed on.
    passed_on: EventTime,
    max_batch_rows: usize,
    schema: SchemaRef,
}

/// Describes the state of a session aggregate.
pub(super) fn state_spec(
    operator: &OperatorUid,
    desc: &WindowAggregateDesc,
    gap_ms: i64,
    input: &SchemaRef,
) -> StateSpec {
    let bound =
        |name: &str| StateField { name: name.to_string(), data_type: DataType::Int64.to_string() };
    let mut key = state_fields(input, desc.keys.iter().copied());
    key.push(bound("window_start"));
    let value = desc.aggregates.iter().map(|aggregate| super::value_of(aggregate, input));
    StateSpec {
        operator: operator.clone(),
        name: STATE_NAME.to_string(),
        key,
        value: [bound("window_end")].into_iter().chain(value).collect(),
        namespace: slices::namespace_of(Window::Session { gap_ms }),
        ttl_ms: None,
        encoding: ValueEncoding::Sortable,
    }
}

impl SessionAggregate {
    pub(super) fn new(
        node: &PlanNode,
        desc: &WindowAggregateDesc,
        gap_ms: i64,
        input: &SchemaRef,
        config: &OperatorConfig,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        if !(1..=TIME_MAX_MS).contains(&gap_ms) {
            return Err(Error::user(format!(
                "operator {}: sessions with a gap of {gap_ms} ms: it must be at least 1 ms",
                node.name
            )));
        }
        let clock = Clock::new(desc.local_times.as_ref());
        let (config, passed_on) = &super::in_window_times(&clock, config);
        let keys = super::keys_of(desc, input);
        let aggregates = desc.aggregates.iter().map(|a| Aggregate::new(&node.name, a, input));
        let aggregates = aggregates.collect::<Result<Vec<_>>>()?;
        super::check_output(node, &keys, &aggregates)?;
        let key_types = || keys.fields().iter().map(|f| f.data_type().clone());
        let value_types = aggregates.iter().map(|a| a.state_type().clone());
        let key_codec = RowCodec::new(key_types())?;
        let row_key_codec = RowCodec::new(key_types().chain([DataType::Int64]))?;
        let value_codec = RowCodec::new([DataType::Int64].into_iter().chain(value_types))?;
        let input_columns = WindowInput::new(&node.name, desc, clock, &aggregates, input)?;
        let shape = TableShape::new(keys, aggregates);
        let updates = match desc.lateness_ms {
            Some(lateness) => {
                let specs = super::updates::state_specs(&node.uid, desc, input);
                Some(Updates::open(&specs, lateness, config, state)?)
            }
            None => None,
        };
        let mut operator = Self {
            updates,
            owner: Owner::new(node, config),
            input: input_columns,
            fragments: Fragments::new(&shape)?,
            shape,
            key_codec,
            row_key_codec,
            value_codec,
            state: state.open(&super::state_spec(&node.uid, desc, input))?,
            sessions: Sessions::new(gap_ms),
            numbers: super::numbers_of(&node.uid, desc, config, state)?,
            touched: Vec::new(),
            watermark: config.restored_watermark.unwrap_or(EventTime::MIN),
            passed_on: *passed_on,
            max_batch_rows: config.max_batch_rows.max(1),
            schema: Arc::clone(&node.schema),
        };
        operator.load(state)?;
        operator.load_emitted(state)?;
        Ok(operator)
    }

    /// Opens the sessions that the backend has.
    fn load(&mut self, state: &mut dyn StateBackend) -> Result<()> {
        let Self { key_codec, row_key_codec, value_codec, sessions, max_batch_rows, .. } = self;
        state.scan(self.state, Namespace::ONLY, *max_batch_rows, &mut |rows| {
            let mut keys = row_key_codec.decode(&rows.keys)?;
            let values = value_codec.decode(&rows.values)?;
            let starts = keys.pop().expect("a row's key ends with the session's start");
            let (starts, ends) =
                (starts.as_primitive::<Int64Type>(), values[0].as_primitive::<Int64Type>());
            let keys = key_codec.encode(&keys, starts.len())?;
            for row in 0..starts.len() {
                let start = starts.value(row);
                sessions.insert(keys.value(row), start, ends.value(row), vec![start]);
            }
            Ok(())
        })
    }

    /// Fires the sessions that have ended at `time`; whether there were any.
    fn fire_ended(&mut self, time: EventTime, cx: &mut Cx<'_>) -> Result<bool> {
        let ended = self.sessions.ended(time);
        if let Some(updates) = &mut self.updates {
            updates.gone.advance(time);
        }
        self.watermark = self.watermark.max(time);
        if self.updates.is_some() {
            self.update_results(&ended, cx)?;
            self.sessions.keep_ended(&ended);
            self.forget(cx)?;
        } else if !ended.is_empty() {
            self.fire(&ended, cx)?;
        }
        Ok(!ended.is_empty())
    }

    fn pass_on(&mut self, watermark: EventTime, cx: &mut Cx<'_>) {
        self.passed_on = self.passed_on.max(watermark);
        cx.emit(Element::Watermark(watermark));
    }

    /// Finds each row's group; gives the rows that are not late, unless all are.
    fn place(
        &mut self,
        keys: &BinaryArray,
        times: &[i64],
        gone: &dyn Fn(u32) -> EventTime,
    ) -> Option<Vec<u32>> {
        let Self { sessions, fragments, touched, watermark, updates, .. } = self;
        fragments.groups.clear();
        let mut kept: Option<Vec<u32>> = None;
        let mut merges = Vec::new();
        for (row, time) in (0_u32..).zip(times) {
            let key = keys.value(row as usize);
            let placed = sessions.place(key, *time, gone(row), &mut |merge| merges.push(merge));
            for merge in merges.drain(..) {
                if let Some(session) = sessions.get_mut(merge.into) {
                    if session.fragment == sessions::NONE && merge.fragment != sessions::NONE {
                        touched.push(merge.into);
                    }
                    session.fragment = fragments.join(session.fragment, merge.fragment);
                }
            }
            let Some((slot, session)) =
                placed.and_then(|slot| Some((slot, sessions.get_mut(slot)?)))
            else {
                kept.get_or_insert_with(|| (0..row).collect());
                continue;
            };
            if session.fragment == sessions::NONE {
                touched.push(slot);
            }
            let group = fragments.group_of(&mut session.fragment);
            fragments.groups.push(group);
            if let Some(updates) = updates {
                if sessions.has_ended(slot, *watermark) {
                    updates.late.push(slot);
                }
                sessions.wait_again(slot, *watermark);
            }
            if let Some(kept) = &mut kept {
                kept.push(row);
            }
        }
        kept
    }

    fn update(&mut self, batch: &RecordBatch, columns: &[ArrayRef], cx: &mut Cx<'_>) -> Result<()> {
        let rows = batch.num_rows();
        let now = self.input.clock.passed(EventTime::from_millis(cx.now_ms));
        let now_ms = processing::after(now.millis(), self.watermark);
        let times = self.input.times(batch, now_ms)?;
        slices::range_of(&times).map_err(|t| slices::out_of_range(&self.owner.operator, t))?;
        let keys = self.input.rows(columns, rows).keys;
        let gone = self.gone_for(&keys, rows)?;
        let keys = self.key_codec.encode(&keys, rows)?;
        let Some(kept) = self.place(&keys, times.values(), &gone) else {
            return self.fragments.update(&self.input.rows(columns, rows));
        };
        OperatorMetrics::add(&cx.metrics.rows_late, rows - kept.len());
        if cx.keeps_late() {
            cx.late(input::without(batch, &kept)?);
        }
        let columns = input::take(columns, &kept)?;
        self.fragments.update(&self.input.rows(&columns, kept.len()))
    }
}

impl Operator for SessionAggregate {
    fn process(&mut self, _port: usize, batch: RecordBatch, cx: &mut Cx<'_>) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let columns = self.input.columns(&batch, self.numbers.as_mut())?;
        self.update(&batch, &columns, cx)?;
        self.update_late(cx)
    }

    fn watermark(&mut self, watermark: EventTime, cx: &mut Cx<'_>) -> Result<()> {
        if self.input.is_processing() && !processing::is_end(watermark) {
            return Ok(());
        }
        self.fire_ended(self.input.clock.passed(watermark), cx)?;
        self.pass_on(watermark, cx);
        Ok(())
    }

    fn idle(&mut self, cx: &mut Cx<'_>) -> Result<()> {
        if !self.input.is_processing() {
            cx.emit(Element::Idle);
        }
        Ok(())
    }

    fn processing_time(&mut self, cx: &mut Cx<'_>) -> Result<()> {
        let watermark = EventTime::from_millis(cx.now_ms - 1);
        let time = self.input.clock.passed(watermark);
        if !self.input.is_processing() || time <= self.watermark {
            return Ok(());
        }
        let fired = self.fire_ended(time, cx)?;
        // Often enough for windows over the sessions, and not in every turn.
        let next = self.passed_on.millis().saturating_add(self.sessions.gap());
        if fired || watermark.millis() >= next {
            self.pass_on(watermark, cx);
        }
        Ok(())
    }

    fn snapshot(&mut self, cx: &mut Cx<'_>) -> Result<OperatorSnapshot> {
        self.flush(cx)?;
        let mut keyed = vec![cx.state.freeze(self.state)?];
        if let Some(updates) = &mut self.updates {
            keyed.extend(updates.snapshot(cx)?);
        }
        if let Some(numbers) = &mut self.numbers {
            keyed.push(numbers.snapshot(cx)?);
        }
        // Of processing time more has fired than was passed on.
        let fired = self.input.clock.watermark(self.watermark);
        Ok(OperatorSnapshot::behind(fired.max(self.passed_on), keyed))
    }
}
