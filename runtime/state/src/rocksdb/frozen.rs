//! A state as it was at a barrier, read by another thread.

use std::cmp::Ordering;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use ::rocksdb::{DB, SnapshotWithThreadMode};
use sabot_core::state::{FrozenState, StateChange, StateChanges, StateHandle, StateRow, StateSpec};
use sabot_core::{Error, Result, stand_back};

use super::waiting::SealedRows;
use super::{Database, layout, options};

/// Rows go over in chunks of this size.
const CHUNK_BYTES: usize = 256 << 10;
/// Chunks that may wait for the reader.
const CHUNKS_AHEAD: usize = 2;
const READ_AHEAD_BYTES: usize = 1 << 20;

pub(super) struct RocksDbFrozen {
    frozen: Frozen,
    snapshot: Snapshot,
    state: StateHandle,
}

type Taken<'d> = SnapshotWithThreadMode<'d, DB>;

self_cell::self_cell!(
    /// A snapshot with the database that it borrows.
    struct Snapshot {
        owner: Arc<Database>,
        #[not_covariant]
        dependent: Taken,
    }
);

/// What is frozen besides the database.
pub(super) struct Frozen {
    pub(super) spec: Arc<StateSpec>,
    /// Rows that are not in the database yet.
    pub(super) waiting: SealedRows,
    pub(super) changes: Option<StateChanges>,
}

/// A state of which nothing is in the database.
pub(super) struct AllWaiting(pub(super) Frozen);

/// Rows as (length of key, length of value), their bytes one after the other.
#[derive(Default)]
struct Chunk {
    lengths: Vec<(u32, u32)>,
    bytes: Vec<u8>,
}

/// Takes a snapshot of `state`, as it is when this returns.
pub(super) fn freeze(database: Arc<Database>, state: StateHandle, frozen: Frozen) -> RocksDbFrozen {
    let snapshot = Snapshot::new(database, |database| database.db.snapshot());
    RocksDbFrozen { frozen, snapshot, state }
}

impl FrozenState for RocksDbFrozen {
    fn spec(&self) -> &StateSpec {
        &self.frozen.spec
    }

    fn changes(&mut self) -> Option<StateChanges> {
        self.frozen.changes.take()
    }

    /// One thread reads, and this one has the rows visited.
    fn visit(self: Box<Self>, visit: &mut dyn FnMut(StateRow<'_>) -> Result<()>) -> Result<()> {
        let Self { frozen, snapshot, state } = &*self;
        let (send, chunks) = sync_channel(CHUNKS_AHEAD);
        thread::scope(|scope| {
            let read = || {
                stand_back();
                snapshot.with_dependent(|_, taken| read(taken, *state, &frozen.waiting, &send));
                drop(send);
            };
            let action = "starting the thread that reads frozen state failed";
            let thread = thread::Builder::new().name("frozen-state".to_owned());
            let thread = thread.spawn_scoped(scope, read).map_err(|e| Error::state(action, e))?;
            let error = |e| snapshot.borrow_owner().error("reading frozen state", e);
            let visited =
                chunks.into_iter().try_for_each(|chunk| chunk.map_err(error)?.visit(visit));
            let ended = thread.join().map_err(|_| {
                let action = format!("reading the frozen state of {}", frozen.spec.operator);
                Error::state(action, "its thread panicked".to_owned())
            });
            visited.and(ended)
        })
    }
}

impl FrozenState for AllWaiting {
    fn spec(&self) -> &StateSpec {
        &self.0.spec
    }

    fn changes(&mut self) -> Option<StateChanges> {
        self.0.changes.take()
    }

    fn visit(self: Box<Self>, visit: &mut dyn FnMut(StateRow<'_>) -> Result<()>) -> Result<()> {
        self.0.waiting.merge().try_for_each(|StateChange { namespace, group, key, value }| {
            value.map_or(Ok(()), |value| visit(StateRow { namespace, group, key, value }))
        })
    }
}

impl Chunk {
    fn push(&mut self, key: &[u8], value: &[u8]) {
        // RocksDB itself refuses keys and values of 4 GiB.
        self.lengths.push((key.len() as u32, value.len() as u32));
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value);
    }

    fn visit(&self, visit: &mut dyn FnMut(StateRow<'_>) -> Result<()>) -> Result<()> {
        let mut rest = self.bytes.as_slice();
        for (key_bytes, value_bytes) in &self.lengths {
            let (key, after) = rest.split_at(*key_bytes as usize);
            let (value, after) = after.split_at(*value_bytes as usize);
            rest = after;
            let row = layout::split(key);
            visit(StateRow { namespace: row.namespace, group: row.group, key: row.key, value })?;
        }
        Ok(())
    }
}

/// Sends all rows, those that wait in their places; stops when nobody takes them.
fn read(
    snapshot: &SnapshotWithThreadMode<'_, DB>,
    state: StateHandle,
    waiting: &SealedRows,
    send: &SyncSender<Result<Chunk, ::rocksdb::Error>>,
) {
    let all = layout::state_bounds(state);
    let mut options = options::range(all.end);
    options.fill_cache(false);
    options.set_readahead_size(READ_AHEAD_BYTES);
    let mut iterator = snapshot.raw_iterator_opt(options);
    let mut waiting = waiting.merge().peekable();
    let mut row_key = Vec::new();
    let mut chunk = Chunk::default();
    iterator.seek(all.start);
    loop {
        let stored = iterator.item();
        let order = match (waiting.peek(), &stored) {
            (None, None) => break,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(row), Some((key, _))) => row.place().cmp(&layout::split(key).place()),
        };
        if order.is_gt() {
            let Some((key, value)) = stored else { break };
            chunk.push(key, value);
        } else if let Some(StateChange { namespace, group, key, value }) = waiting.next() {
            row_key.clear();
            layout::Prefix::new(state, namespace).write_key(group, key, &mut row_key);
            // One that was removed has no value.
            value.inspect(|value| chunk.push(&row_key, value));
        }
        if chunk.bytes.len() >= CHUNK_BYTES && send.send(Ok(std::mem::take(&mut chunk))).is_err() {
            return;
        }
        if order.is_ge() {
            iterator.next();
        }
    }
    // A reader that has gone away does not want the last chunk either.
    let _ = send.send(iterator.status().map(|()| chunk));
}
