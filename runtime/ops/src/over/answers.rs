//! Answers of rows that only come, each once: those that are due at a time, in their order, over what
//! is kept of the rows before them.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, BinaryBuilder, RecordBatch, UInt32Array};
use arrow::compute::{cast, concat, take};
use arrow::datatypes::SchemaRef;
use sabot_core::plan::{Frame, OverDesc, PlanNode};
use sabot_core::state::{FrozenState, StateBackend, StateSpec};
use sabot_core::{Cx, Result};
use sabot_types::{EventTime, OperatorUid};

use super::aggregate::OverAggregate;
use super::carried::{self, Before, Carried};
use super::frame::{Frames, KeyRows};
use super::history::{self, History};
use super::past::Past;
use super::seen::{self, Seen};
use super::{arguments, rows_back};
use crate::OperatorConfig;
use crate::codec::RowCodec;
use crate::due::Due;
use crate::emit::emit_in_parts;
use crate::lists;
use crate::times::check_row_time;

pub(super) struct Answers {
    frame: Frame,
    aggregates: Vec<OverAggregate>,
    /// For each aggregate the values that its keys have had, where that counts.
    seen: Vec<Option<Seen>>,
    /// The columns that aggregates are over, each once.
    arguments: Vec<usize>,
    argument_codec: RowCodec,
    rows_back: Option<usize>,
    carried: Option<Carried>,
    history: Option<History>,
    max_batch_rows: usize,
    schema: SchemaRef,
}

/// The states of answers.
pub(super) fn state_specs(
    operator: &OperatorUid,
    desc: &OverDesc,
    input: &SchemaRef,
) -> impl Iterator<Item = StateSpec> {
    let seen = |aggregate| seen::state_spec(operator, desc, aggregate, input);
    let seen: Vec<StateSpec> = desc.aggregates.iter().filter_map(seen).collect();
    let kept =
        [carried::state_spec(operator, desc, input), history::state_spec(operator, desc, input)];
    kept.into_iter().flatten().chain(seen)
}

impl Answers {
    pub(super) fn open(
        node: &PlanNode,
        desc: &OverDesc,
        time: usize,
        input: &SchemaRef,
        config: &OperatorConfig,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        check_row_time(&node.name, input, time)?;
        let aggregates = desc.aggregates.iter();
        let aggregates = aggregates.map(|a| OverAggregate::new(&node.name, a, input));
        let aggregates = aggregates.collect::<Result<Vec<_>>>()?;
        let seen = desc.aggregates.iter().zip(&aggregates).map(|(desc_of, aggregate)| {
            let spec = seen::state_spec(&node.uid, desc, desc_of, input);
            spec.map(|spec| Seen::open(&spec, aggregate.value_type(), state)).transpose()
        });
        let seen = seen.collect::<Result<_>>()?;
        let arguments = arguments(desc);
        let carried = carried::state_spec(&node.uid, desc, input)
            .map(|spec| Carried::open(&spec, desc, input, state))
            .transpose()?;
        Ok(Self {
            frame: desc.frame,
            aggregates,
            seen,
            argument_codec: RowCodec::new(
                arguments.iter().map(|column| input.field(*column).data_type().clone()),
            )?,
            arguments,
            rows_back: rows_back(desc),
            carried,
            history: History::open(&node.uid, desc, input, state)?,
            max_batch_rows: config.max_batch_rows.max(1),
            schema: Arc::clone(&node.schema),
        })
    }

    /// Emits the due rows with their answers; none that come later have a time up to `passed`.
    pub(super) fn answer(&mut self, due: &Due, passed: EventTime, cx: &mut Cx<'_>) -> Result<()> {
        let keys = due.keys.len();
        let mut before = match &mut self.carried {
            Some(carried) => Some(carried.before(&due.keys, cx)?),
            None => None,
        };
        let past = match (&self.history, &mut before) {
            (Some(history), _) => {
                let firsts: Vec<i64> =
                    due.begins[..keys].iter().map(|begin| due.times[*begin]).collect();
                history.past(&due.keys, &firsts, cx)?
            }
            (None, Some(before)) => std::mem::replace(&mut before.past, Past::none(0)),
            (None, None) => Past::none(keys),
        };
        let (frames, places) = self.frames(due, &past);
        let arguments = self.all_arguments(due, &past, &places)?;
        let mut carried: &[ArrayRef] = before.as_ref().map_or(&[], |before| &before.results);
        let (mut columns, mut carry_on) = (due.rows.columns().to_vec(), Vec::new());
        let lasts: UInt32Array = frames.last_answers().collect();
        for (aggregate, seen) in self.aggregates.iter().zip(&mut self.seen) {
            let values = aggregate.argument().and_then(|column| {
                self.arguments.iter().position(|c| *c == column).map(|at| &arguments[at])
            });
            let firsts = match (seen, values) {
                (Some(seen), Some(values)) => {
                    Some(seen.firsts(&due.keys, &frames, &aggregate.values(values)?, cx)?)
                }
                _ => None,
            };
            let values = firsts.as_ref().or(values);
            let own;
            (own, carried) = carried.split_at(aggregate.carried(self.frame).min(carried.len()));
            let answers = aggregate.answers(values, &frames, own)?;
            for answers in &answers[..own.len()] {
                carry_on.push(take(answers, &lasts, None)?);
            }
            let field = self.schema.field(columns.len());
            columns.push(cast(&aggregate.result(&answers)?, field.data_type())?);
        }
        self.remember(due, &past, before, carry_on, passed, cx)?;
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        emit_in_parts(&batch, self.max_batch_rows, cx);
        Ok(())
    }

    /// The frames of due rows among them and the past ones, and where each of all these is: of the
    /// past ones, or behind them of the due ones.
    fn frames(&self, due: &Due, past: &Past) -> (Frames, Vec<u32>) {
        let rows = due.times.len() + past.len();
        let (mut layout, mut order) = (Vec::new(), Vec::with_capacity(rows));
        let mut places = Vec::with_capacity(rows);
        for key in 0..due.keys.len() {
            let begin = order.len();
            for row in past.of_key(key) {
                order.push(past.time(row));
                places.push(row as u32);
            }
            let first = order.len();
            for row in due.begins[key]..due.begins[key + 1] {
                order.push(due.times[row]);
                places.push((past.len() + row) as u32);
            }
            layout.push(KeyRows { first, all: begin..order.len() });
        }
        (Frames::new(self.frame, layout, &order), places)
    }

    /// The columns that aggregates are over, of all rows of the frames.
    fn all_arguments(&self, due: &Due, past: &Past, places: &[u32]) -> Result<Vec<ArrayRef>> {
        let own = self.arguments.iter().map(|column| due.rows.column(*column));
        if past.len() == 0 {
            return Ok(own.cloned().collect());
        }
        let past = past.columns(&self.argument_codec)?;
        let places = UInt32Array::from(places.to_vec());
        let all = own
            .zip(&past)
            .map(|(own, past)| Ok(take(&concat(&[past.as_ref(), own.as_ref()])?, &places, None)?));
        all.collect()
    }

    /// Keeps what later answers need.
    fn remember(
        &mut self,
        due: &Due,
        past: &Past,
        before: Option<Before>,
        carry_on: Vec<ArrayRef>,
        passed: EventTime,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let keys = &due.keys;
        let own: Vec<ArrayRef> =
            self.arguments.iter().map(|column| Arc::clone(due.rows.column(*column))).collect();
        let encode = || self.argument_codec.encode(&own, due.times.len());
        if let Some(history) = &mut self.history {
            history.keep(keys, &due.times, &encode()?, passed, cx)?;
        }
        let (Some(carried), Some(before)) = (&mut self.carried, before) else { return Ok(()) };
        let last_rows = match self.rows_back {
            None => None,
            Some(count) => Some(last_rows(due, past, &encode()?, count)),
        };
        carried.set(&before, carry_on, last_rows, keys.len())
    }

    /// Drops what no row reaches whose time is later.
    pub(super) fn expire(&mut self, passed: EventTime, cx: &mut Cx<'_>) -> Result<()> {
        self.history.as_mut().map_or(Ok(()), |history| history.expire(passed, cx))
    }

    pub(super) fn snapshot(&mut self, cx: &mut Cx<'_>) -> Result<Vec<Box<dyn FrozenState>>> {
        let mut keyed = Vec::new();
        if let Some(carried) = &mut self.carried {
            keyed.push(carried.snapshot(cx)?);
        }
        if let Some(history) = &self.history {
            keyed.push(history.freeze(cx)?);
        }
        for seen in self.seen.iter_mut().flatten() {
            keyed.push(seen.snapshot(cx)?);
        }
        Ok(keyed)
    }
}

/// The lists of the last rows of each key, at most `count`.
fn last_rows(due: &Due, past: &Past, rows: &BinaryArray, count: usize) -> BinaryArray {
    let mut all = BinaryBuilder::new();
    for key in 0..due.keys.len() {
        let mut list = Vec::new();
        let own = due.begins[key]..due.begins[key + 1];
        let older = past.of_key(key);
        let wanted = count.saturating_sub(own.len()).min(older.len());
        for row in older.end - wanted..older.end {
            lists::push(&mut list, past.row(row));
        }
        for row in own.start.max(own.end.saturating_sub(count))..own.end {
            lists::push(&mut list, rows.value(row));
        }
        all.append_value(&list);
    }
    all.finish()
}
