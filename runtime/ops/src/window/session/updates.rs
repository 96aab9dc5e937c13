//! Sessions that have ended and can still change: rows behind the watermark, but not further than
//! the allowed lateness, update their results.
//!
//! Such a session stays open, with what its rows add up to in the state. Beside that the state has
//! what it had added up to when its result was emitted, under the start that it had. A row that
//! makes it longer, or makes several sessions one, takes their results back when the new one is
//! emitted: at once if it has ended as well, else when it ends.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, BooleanArray, RecordBatch, UInt32Array};
use arrow::compute::{concat, filter, is_not_null, or, take, take_arrays};
use arrow::datatypes::Int64Type;
use sabot_core::metrics::OperatorMetrics;
use sabot_core::row_kind::{self, RowKind};
use sabot_core::state::{FrozenState, Namespace, StateBackend, StateHandle, StateSpec};
use sabot_core::{Cx, Error, Result};
use sabot_types::EventTime;

use super::super::gone::Gone;
use super::SessionAggregate;
use super::sessions::Session;
use super::store::Rows;
use crate::OperatorConfig;
use crate::group::differ;

/// The sessions of an operator that have ended and can still change.
pub(super) struct Updates {
    pub(super) gone: Gone,
    results: StateHandle,
    /// The slots of sessions that a batch added to when they had ended.
    pub(super) late: Vec<u32>,
}

/// Results that were emitted before.
struct Emitted {
    /// The sessions that have them now, as places.
    of: Vec<usize>,
    starts: Vec<i64>,
    ends: Vec<i64>,
    results: Vec<ArrayRef>,
}

/// Rows of results, those that were emitted before, then the new ones.
#[derive(Default)]
struct Changes {
    kinds: Vec<RowKind>,
    sessions: Vec<u32>,
    versions: Vec<u32>,
}

impl Updates {
    pub(super) fn open(
        specs: &[StateSpec],
        lateness_ms: i64,
        config: &OperatorConfig,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        let [results, gone] = specs else {
            return Err(Error::user("sessions that change have two more states".to_owned()));
        };
        let results = state.open(results)?;
        let gone = Gone::open(gone, lateness_ms, |_| EventTime::MIN, config, state)?;
        Ok(Self { gone, results, late: Vec::new() })
    }

    pub(super) fn snapshot(&mut self, cx: &mut Cx<'_>) -> Result<[Box<dyn FrozenState>; 2]> {
        Ok([cx.state.freeze(self.results)?, self.gone.snapshot(cx)?])
    }
}

impl SessionAggregate {
    /// Tells open sessions which results of theirs the backend has.
    pub(super) fn load_emitted(&mut self, state: &mut dyn StateBackend) -> Result<()> {
        let Self { key_codec, row_key_codec, value_codec, sessions, max_batch_rows, .. } = self;
        let Some(updates) = &self.updates else { return Ok(()) };
        state.scan(updates.results, Namespace::ONLY, *max_batch_rows, &mut |rows| {
            let mut keys = row_key_codec.decode(&rows.keys)?;
            let starts = keys.pop().expect("a row's key ends with the session's start");
            let starts = starts.as_primitive::<Int64Type>();
            let values = value_codec.decode(&rows.values)?;
            let ends = values[0].as_primitive::<Int64Type>();
            let keys = key_codec.encode(&keys, starts.len())?;
            for row in 0..starts.len() {
                sessions.note_emitted(keys.value(row), starts.value(row), ends.value(row));
            }
            Ok(())
        })
    }

    /// Up to where a row's session would be gone, by the row's number among these.
    pub(super) fn gone_for(
        &self,
        keys: &[ArrayRef],
        rows: usize,
    ) -> Result<Box<dyn Fn(u32) -> EventTime>> {
        let watermark = self.watermark;
        let Some(Updates { gone, .. }) = &self.updates else {
            return Ok(Box::new(move |_| watermark));
        };
        let until = gone.until();
        if gone.is_alike() {
            return Ok(Box::new(move |_| until));
        }
        // After a restore some key groups can be ahead of the others.
        let groups = self.owner.groups_of(self.shape.keys(), keys, rows)?;
        let until: Vec<EventTime> = groups.iter().map(|group| gone.until_for(*group)).collect();
        Ok(Box::new(move |row| until[row as usize]))
    }

    /// Emits how the results of sessions that have ended change; they stay open.
    pub(super) fn update_results(&mut self, slots: &[u32], cx: &mut Cx<'_>) -> Result<()> {
        let Some(state) = self.updates.as_ref().map(|updates| updates.results) else {
            return Ok(());
        };
        self.fragments.seal(&self.shape)?;
        for slots in slots.chunks(self.max_batch_rows) {
            let mut sessions: Vec<Session> = Vec::with_capacity(slots.len());
            for slot in slots {
                if let Some(session) = self.sessions.get_mut(*slot) {
                    let emitted = std::mem::replace(&mut session.emitted, vec![session.start]);
                    let mut taken = session.take();
                    taken.emitted = emitted;
                    sessions.push(taken);
                }
            }
            let sessions: Vec<&Session> = sessions.iter().collect();
            let written = self.write(&sessions, cx)?;
            let results = self.shape.results(&written.partials)?;
            let rows = self.rows_of(&sessions, &written.columns, |session| &session.emitted)?;
            let emitted = self.emitted(&rows, state, cx)?;
            self.delete(&rows, |place, start| sessions[place].start != start, state, cx)?;
            cx.state.put(
                state,
                Namespace::ONLY,
                &written.groups,
                &written.keys,
                &written.values,
            )?;
            OperatorMetrics::add(&cx.metrics.state_writes, sessions.len());
            self.emit_changes(&sessions, &written.columns, &emitted, &results, cx)?;
        }
        if self.fragments.are_many(self.sessions.len()) {
            self.merge_fragments()?;
        }
        Ok(())
    }

    /// Emits changes of the results of sessions that a batch added to when they had ended.
    pub(super) fn update_late(&mut self, cx: &mut Cx<'_>) -> Result<()> {
        let Some(updates) = &mut self.updates else { return Ok(()) };
        let mut late = std::mem::take(&mut updates.late);
        late.sort_unstable();
        late.dedup();
        // Another row may have joined a session to one that has not ended.
        let Self { sessions, watermark, .. } = self;
        late.retain(|slot| sessions.has_ended(*slot, *watermark));
        if late.is_empty() { Ok(()) } else { self.update_results(&late, cx) }
    }

    /// Forgets sessions that can no longer change.
    pub(super) fn forget(&mut self, cx: &mut Cx<'_>) -> Result<()> {
        let Some(updates) = &self.updates else { return Ok(()) };
        let (until, state) = (updates.gone.until(), updates.results);
        let slots = self.sessions.gone(until);
        for slots in slots.chunks(self.max_batch_rows) {
            let gone: Vec<Session> =
                slots.iter().filter_map(|slot| self.sessions.remove(*slot)).collect();
            let gone: Vec<&Session> = gone.iter().collect();
            let keys = BinaryArray::from_iter_values(gone.iter().map(|session| &*session.key));
            let keys = self.key_codec.decode(&keys)?;
            let stored = self.rows_of(&gone, &keys, |session| &session.stored)?;
            self.delete(&stored, |_, _| true, self.state, cx)?;
            let emitted = self.rows_of(&gone, &keys, |session| &session.emitted)?;
            self.delete(&emitted, |_, _| true, state, cx)?;
        }
        Ok(())
    }

    /// Reads results that were emitted.
    fn emitted(&self, rows: &Rows, state: StateHandle, cx: &mut Cx<'_>) -> Result<Emitted> {
        let Some(keys) = &rows.keys else {
            let (of, starts, ends) = (Vec::new(), Vec::new(), Vec::new());
            return Ok(Emitted { of, starts, ends, results: Vec::new() });
        };
        let values = cx.state.get(state, Namespace::ONLY, &rows.groups, keys)?;
        OperatorMetrics::add(&cx.metrics.state_reads, values.len());
        let found = rows.of.iter().enumerate().filter(|(row, _)| values.is_valid(*row));
        let (of, starts) = found.map(|(_, (place, start))| (*place as usize, *start)).unzip();
        let values = filter(&values, &is_not_null(&values)?)?;
        let mut values = self.value_codec.decode(values.as_binary::<i32>())?;
        let ends = values.remove(0).as_primitive::<Int64Type>().values().to_vec();
        Ok(Emitted { of, starts, ends, results: self.shape.results(&values)? })
    }

    fn emit_changes(
        &self,
        sessions: &[&Session],
        keys: &[ArrayRef],
        emitted: &Emitted,
        results: &[ArrayRef],
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let Changes { kinds, sessions: of, versions } = changes(sessions, emitted, results)?;
        if kinds.is_empty() {
            return Ok(());
        }
        let bounds = |old: &[i64], new: fn(&&Session) -> i64| {
            let all: Vec<i64> = old.iter().copied().chain(sessions.iter().map(new)).collect();
            versions.iter().map(|version| all[*version as usize]).collect::<Vec<i64>>()
        };
        let starts = bounds(&emitted.starts, |session| session.start);
        let ends = bounds(&emitted.ends, |session| session.end);
        let last: Vec<i64> = ends.iter().map(|end| end - 1).collect();
        let times = [starts, ends, last].into_iter().enumerate().map(|(index, times)| {
            let field = self.schema.field(keys.len() + index);
            self.input.clock.column(times.into_iter(), field)
        });
        let times: Vec<ArrayRef> = times.collect();
        let keys = take_arrays(keys, &UInt32Array::from(of), None)?;
        let versions = UInt32Array::from(versions);
        let mut columns: Vec<ArrayRef> = keys.into_iter().chain(times).collect();
        for (index, new) in results.iter().enumerate() {
            let both = match emitted.results.get(index) {
                Some(old) => concat(&[old.as_ref(), new.as_ref()])?,
                None => Arc::clone(new),
            };
            columns.push(take(&both, &versions, None)?);
        }
        columns.push(row_kind::column(kinds));
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        crate::emit::emit_in_parts(&batch, self.max_batch_rows, cx);
        Ok(())
    }
}

/// How the results of sessions change.
fn changes(sessions: &[&Session], emitted: &Emitted, results: &[ArrayRef]) -> Result<Changes> {
    let mut before: Vec<Vec<usize>> = vec![Vec::new(); sessions.len()];
    for (row, place) in emitted.of.iter().enumerate() {
        before[*place].push(row);
    }
    let places = UInt32Array::from_iter_values(emitted.of.iter().map(|place| *place as u32));
    let mut differs = BooleanArray::from(vec![false; emitted.of.len()]);
    for (old, new) in emitted.results.iter().zip(results) {
        differs = or(&differs, &differ(old, &take(new, &places, None)?)?)?;
    }
    let mut changes = Changes::default();
    for (place, (session, old)) in sessions.iter().zip(before).enumerate() {
        let mut push = |kind, version: usize| {
            changes.kinds.push(kind);
            changes.sessions.push(place as u32);
            changes.versions.push(version as u32);
        };
        let new = emitted.of.len() + place;
        let same =
            |row: usize| (emitted.starts[row], emitted.ends[row]) == (session.start, session.end);
        match old.as_slice() {
            [row] if same(*row) && !differs.value(*row) => {}
            [row] if same(*row) => {
                push(RowKind::UpdateBefore, *row);
                push(RowKind::UpdateAfter, new);
            }
            rows => {
                for row in rows {
                    push(RowKind::Delete, *row);
                }
                push(RowKind::Insert, new);
            }
        }
    }
    Ok(changes)
}
