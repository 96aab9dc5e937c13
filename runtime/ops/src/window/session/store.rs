//! Sessions as rows: those that end are emitted, a snapshot writes those that were added to.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Int64Array, RecordBatch,
    TimestampMillisecondArray,
};
use arrow::compute::{filter, is_not_null};
use sabot_core::metrics::OperatorMetrics;
use sabot_core::state::Namespace;
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
    stored: Stored,
}

/// The rows of some sessions in the backend.
#[derive(Default)]
struct Stored {
    /// The rows' sessions, as their places, and starts.
    rows: Vec<(u32, i64)>,
    groups: Vec<KeyGroup>,
    keys: Option<BinaryArray>,
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
            self.delete(&stored, |_, _| true, cx)?;
            let results = self.shape.results(&partials)?;
            let times: [fn(&&Session) -> i64; 3] = [|s| s.start, |s| s.end, |s| s.end - 1];
            let times = times.iter().enumerate().map(|(index, time)| {
                let column = TimestampMillisecondArray::from_iter_values(ended.iter().map(time));
                let field = self.schema.field(keys.len() + index);
                Arc::new(column.with_data_type(field.data_type().clone())) as ArrayRef
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
    fn merge_fragments(&mut self) -> Result<()> {
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
            self.write(&sessions.iter().collect::<Vec<_>>(), cx)?;
        }
        self.fragments.reset(Vec::new(), 0);
        Ok(())
    }

    fn write(&mut self, sessions: &[&Session], cx: &mut Cx<'_>) -> Result<()> {
        if sessions.is_empty() {
            return Ok(());
        }
        let rows = sessions.len();
        let Read { mut keys, partials, stored } = self.read(sessions, cx)?;
        self.delete(&stored, |session, start| sessions[session].start != start, cx)?;
        let groups = self.owner.groups_of(self.shape.keys(), &keys, rows)?;
        let bound = |of: fn(&&Session) -> i64| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(sessions.iter().map(of)))
        };
        keys.push(bound(|session| session.start));
        let keys = self.row_key_codec.encode(&keys, rows)?;
        let values: Vec<ArrayRef> =
            std::iter::once(bound(|session| session.end)).chain(partials).collect();
        let values = self.value_codec.encode(&values, rows)?;
        cx.state.put(self.state, Namespace::ONLY, &groups, &keys, &values)?;
        OperatorMetrics::add(&cx.metrics.state_writes, rows);
        Ok(())
    }

    /// Reads all that sessions have.
    fn read(&mut self, sessions: &[&Session], cx: &mut Cx<'_>) -> Result<Read> {
        let rows = sessions.len();
        let keys = BinaryArray::from_iter_values(sessions.iter().map(|session| &*session.key));
        let keys = self.key_codec.decode(&keys)?;
        let newest: Vec<u32> = sessions.iter().map(|session| session.fragment).collect();
        let gathered = self.fragments.gather(&newest)?;
        let stored = self.stored(sessions, &keys)?;
        if stored.rows.is_empty() && gathered.of.len() == rows {
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

    /// Where the backend has rows of sessions.
    fn stored(&self, sessions: &[&Session], keys: &[ArrayRef]) -> Result<Stored> {
        let rows = (0_u32..).zip(sessions);
        let rows = rows.flat_map(|(place, s)| s.stored.iter().map(move |start| (place, *start)));
        let rows: Vec<(u32, i64)> = rows.collect();
        if rows.is_empty() {
            return Ok(Stored::default());
        }
        let (places, starts): (Vec<u32>, Vec<i64>) = rows.iter().copied().unzip();
        let mut keys = take(keys, &places)?;
        let groups = self.owner.groups_of(self.shape.keys(), &keys, rows.len())?;
        keys.push(Arc::new(Int64Array::from(starts)));
        let keys = Some(self.row_key_codec.encode(&keys, rows.len())?);
        Ok(Stored { rows, groups, keys })
    }

    /// The partial results in the backend.
    fn get(&self, stored: &Stored, cx: &mut Cx<'_>) -> Result<Option<Gathered>> {
        let Some(keys) = &stored.keys else { return Ok(None) };
        let values = cx.state.get(self.state, Namespace::ONLY, &stored.groups, keys)?;
        OperatorMetrics::add(&cx.metrics.state_reads, values.len());
        let rows = stored.rows.iter().enumerate().filter(|(row, _)| values.is_valid(*row));
        let of = rows.map(|(_, (place, _))| *place as usize).collect();
        let values = filter(&values, &is_not_null(&values)?)?;
        let mut values = self.value_codec.decode(values.as_binary::<i32>())?;
        // The session in memory knows its end.
        values.remove(0);
        Ok(Some(Gathered { values, of }))
    }

    /// Deletes those rows in the backend that are gone, by their sessions' places and starts.
    fn delete(
        &self,
        stored: &Stored,
        is_gone: impl Fn(usize, i64) -> bool,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let Some(keys) = &stored.keys else { return Ok(()) };
        let gone = stored.rows.iter().map(|(place, start)| is_gone(*place as usize, *start));
        let gone: Vec<bool> = gone.collect();
        let groups = stored.groups.iter().zip(&gone).filter(|(_, gone)| **gone);
        let groups: Vec<KeyGroup> = groups.map(|(group, _)| *group).collect();
        let keys = filter(keys, &BooleanArray::from(gone))?;
        let nothing = BinaryArray::new_null(groups.len());
        cx.state.put(self.state, Namespace::ONLY, &groups, keys.as_binary::<i32>(), &nothing)
    }
}
