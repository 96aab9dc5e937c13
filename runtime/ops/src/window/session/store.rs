//! Sessions as rows: those that end are emitted, a snapshot writes those that were added to.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Int64Array, RecordBatch};
use arrow::compute::{filter, is_not_null};
use sabot_core::metrics::OperatorMetrics;
use sabot_core::state::{Namespace, StateHandle};
use sabot_core::{Cx, Element, Result};
use sabot_types::KeyGroup;

use super::super::input::take;
use super::SessionAggregate;
use super::fragments::Gathered;
use super::sessions::{NONE, Session};

/// Sessions that are written at once.
const CHUNK_SESSIONS: usize = 8192;

/// What some sessions have in fragments and in the backend.
struct Read {
    /// The sessions' keys, as columns.
    keys: Vec<ArrayRef>,
    partials: Vec<ArrayRef>,
    stored: Rows,
}

/// Rows of some sessions in a state of the backend.
#[derive(Default)]
pub(super) struct Rows {
    /// The rows' sessions, as their places, and starts.
    pub(super) of: Vec<(u32, i64)>,
    pub(super) groups: Vec<KeyGroup>,
    pub(super) keys: Option<BinaryArray>,
}

/// What was written of sessions.
pub(super) struct Written {
    /// The sessions' keys, as columns.
    pub(super) columns: Vec<ArrayRef>,
    pub(super) partials: Vec<ArrayRef>,
    pub(super) groups: Vec<KeyGroup>,
    /// As they are stored, with the sessions' starts.
    pub(super) keys: BinaryArray,
    pub(super) values: BinaryArray,
}

impl SessionAggregate {
    /// Emits sessions and closes them.
    pub(super) fn fire(&mut self, slots: &[u32], cx: &mut Cx<'_>) -> Result<()> {
        self.fragments.seal(&self.shape)?;
        for slots in slots.chunks(self.max_batch_rows) {
            let ended: Vec<Session> =
                slots.iter().filter_map(|slot| self.sessions.remove(*slot)).collect();
            let ended: Vec<&Session> = ended.iter().collect();
            let Read { keys, partials, stored } = self.read(&ended, cx)?;
            self.delete(&stored, |_, _| true, self.state, cx)?;
            let results = self.shape.results(&partials)?;
            let times: [fn(&&Session) -> i64; 3] = [|s| s.start, |s| s.end, |s| s.end - 1];
            let times = times.iter().enumerate().map(|(index, time)| {
                let field = self.schema.field(keys.len() + index);
                self.input.clock.column(ended.iter().map(time), field)
            });
            let times: Vec<_> = times.collect();
            let columns = keys.into_iter().chain(times).chain(results).collect();
            cx.emit(Element::Batch(RecordBatch::try_new(Arc::clone(&self.schema), columns)?));
        }
        if self.fragments.are_many(self.sessions.len()) {
            self.merge_fragments()?;
        }
        Ok(())
    }

    /// Leaves one fragment to each session that has any.
    pub(super) fn merge_fragments(&mut self) -> Result<()> {
        let (mut slots, mut newest) = (Vec::new(), Vec::new());
        for slot in self.sessions.open().collect::<Vec<_>>() {
            if let Some(session) = self.sessions.get_mut(slot).filter(|s| s.fragment != NONE) {
                slots.push(slot);
                newest.push(session.fragment);
            }
        }
        let gathered = self.fragments.gather(&newest)?;
        let merged = self.shape.merged(slots.len(), &[(&gathered.values, &gathered.of)])?;
        self.fragments.reset(merged, slots.len());
        for (fragment, slot) in (0_u32..).zip(&slots) {
            if let Some(session) = self.sessions.get_mut(*slot) {
                session.fragment = fragment;
            }
        }
        self.touched = slots;
        Ok(())
    }

    /// Afterwards the backend has everything, and the fragments are gone.
    pub(super) fn flush(&mut self, cx: &mut Cx<'_>) -> Result<()> {
        self.fragments.seal(&self.shape)?;
        let touched = std::mem::take(&mut self.touched);
        for slots in touched.chunks(CHUNK_SESSIONS) {
            // A slot may be named twice, and its session may have ended.
            let mut sessions = Vec::with_capacity(slots.len());
            for slot in slots {
                if let Some(session) = self.sessions.get_mut(*slot).filter(|s| s.fragment != NONE) {
                    sessions.push(session.take());
                }
            }
            if !sessions.is_empty() {
                self.write(&sessions.iter().collect::<Vec<_>>(), cx)?;
            }
        }
        self.fragments.reset(Vec::new(), 0);
        Ok(())
    }

    /// Writes what sessions have, all of it, under their starts.
    pub(super) fn write(&mut self, sessions: &[&Session], cx: &mut Cx<'_>) -> Result<Written> {
        let rows = sessions.len();
        let Read { keys: columns, partials, stored } = self.read(sessions, cx)?;
        self.delete(&stored, |place, start| sessions[place].start != start, self.state, cx)?;
        let groups = self.owner.groups_of(self.shape.keys(), &columns, rows)?;
        let bound = |of: fn(&&Session) -> i64| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(sessions.iter().map(of)))
        };
        let mut keys = columns.clone();
        keys.push(bound(|session| session.start));
        let keys = self.row_key_codec.encode(&keys, rows)?;
        let values: Vec<ArrayRef> =
            std::iter::once(bound(|session| session.end)).chain(partials.iter().cloned()).collect();
        let values = self.value_codec.encode(&values, rows)?;
        cx.state.put(self.state, Namespace::ONLY, &groups, &keys, &values)?;
        OperatorMetrics::add(&cx.metrics.state_writes, rows);
        Ok(Written { columns, partials, groups, keys, values })
    }

    /// Reads all that sessions have.
    fn read(&mut self, sessions: &[&Session], cx: &mut Cx<'_>) -> Result<Read> {
        let rows = sessions.len();
        let keys = BinaryArray::from_iter_values(sessions.iter().map(|session| &*session.key));
        let keys = self.key_codec.decode(&keys)?;
        let newest: Vec<u32> = sessions.iter().map(|session| session.fragment).collect();
        let gathered = self.fragments.gather(&newest)?;
        let stored = self.rows_of(sessions, &keys, |session| &session.stored)?;
        if stored.of.is_empty() && gathered.of.len() == rows {
            // Each has one fragment.
            return Ok(Read { keys, partials: gathered.values, stored });
        }
        let parts = match self.get(&stored, cx)? {
            None => gathered,
            Some(stored) => gathered.and(stored)?,
        };
        let partials = self.shape.merged(rows, &[(&parts.values, &parts.of)])?;
        Ok(Read { keys, partials, stored })
    }

    /// The rows of sessions under these of their starts.
    pub(super) fn rows_of(
        &self,
        sessions: &[&Session],
        keys: &[ArrayRef],
        starts: fn(&Session) -> &Vec<i64>,
    ) -> Result<Rows> {
        let of = (0_u32..).zip(sessions);
        let of = of.flat_map(|(place, s)| starts(s).iter().map(move |start| (place, *start)));
        let of: Vec<(u32, i64)> = of.collect();
        if of.is_empty() {
            return Ok(Rows::default());
        }
        let (places, starts): (Vec<u32>, Vec<i64>) = of.iter().copied().unzip();
        let mut keys = take(keys, &places)?;
        let groups = self.owner.groups_of(self.shape.keys(), &keys, of.len())?;
        keys.push(Arc::new(Int64Array::from(starts)));
        let keys = Some(self.row_key_codec.encode(&keys, of.len())?);
        Ok(Rows { of, groups, keys })
    }

    /// The partial results in the backend.
    fn get(&self, stored: &Rows, cx: &mut Cx<'_>) -> Result<Option<Gathered>> {
        let Some(keys) = &stored.keys else { return Ok(None) };
        let values = cx.state.get(self.state, Namespace::ONLY, &stored.groups, keys)?;
        OperatorMetrics::add(&cx.metrics.state_reads, values.len());
        let rows = stored.of.iter().enumerate().filter(|(row, _)| values.is_valid(*row));
        let of = rows.map(|(_, (place, _))| *place as usize).collect();
        let values = filter(&values, &is_not_null(&values)?)?;
        let mut values = self.value_codec.decode(values.as_binary::<i32>())?;
        // The session in memory knows its end.
        values.remove(0);
        Ok(Some(Gathered { values, of }))
    }

    /// Deletes those rows in the backend that are gone, by their sessions' places and starts.
    pub(super) fn delete(
        &self,
        stored: &Rows,
        is_gone: impl Fn(usize, i64) -> bool,
        state: StateHandle,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let Some(keys) = &stored.keys else { return Ok(()) };
        let gone = stored.of.iter().map(|(place, start)| is_gone(*place as usize, *start));
        let gone: Vec<bool> = gone.collect();
        let groups = stored.groups.iter().zip(&gone).filter(|(_, gone)| **gone);
        let groups: Vec<KeyGroup> = groups.map(|(group, _)| *group).collect();
        let keys = filter(keys, &BooleanArray::from(gone))?;
        let nothing = BinaryArray::new_null(groups.len());
        cx.state.put(state, Namespace::ONLY, &groups, keys.as_binary::<i32>(), &nothing)
    }
}
