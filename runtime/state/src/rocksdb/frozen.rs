//! A state as it was at a barrier, read by other threads, a part of its keys each.

use std::cmp::Ordering;
use std::sync::{Arc, OnceLock};

use ::rocksdb::{DB, SnapshotWithThreadMode};
use sabot_core::Result;
use sabot_core::state::{FrozenState, StateChange, StateChanges, StateHandle, StateRow, StateSpec};

use super::database::MergesWait;
use super::waiting::SealedRows;
use super::{Database, layout, options};

const READ_AHEAD_BYTES: usize = 1 << 20;
/// What a part has in the database at least.
const PART_BYTES: usize = 64 << 20;
/// Parts of a state at most.
const PARTS_MAX: usize = 64;

pub(super) struct RocksDbFrozen {
    shared: Arc<Shared>,
    changes: Option<StateChanges>,
    bounds: Bounds,
}

/// What the parts of a state share.
struct Shared {
    spec: Arc<StateSpec>,
    waiting: SealedRows,
    snapshot: Snapshot,
    state: StateHandle,
    /// While there are parts.
    merges_wait: OnceLock<MergesWait>,
}

/// Which keys a part has; none: all from the first one, or up to the last one.
#[derive(Default)]
struct Bounds {
    /// The first key that it may have.
    start: Option<Vec<u8>>,
    /// The first one that it does not.
    end: Option<Vec<u8>>,
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

/// Takes a snapshot of `state`, as it is when this returns.
pub(super) fn freeze(database: Arc<Database>, state: StateHandle, frozen: Frozen) -> RocksDbFrozen {
    let snapshot = Snapshot::new(database, |database| database.db.snapshot());
    let Frozen { spec, waiting, changes } = frozen;
    let shared = Arc::new(Shared { spec, waiting, snapshot, state, merges_wait: OnceLock::new() });
    RocksDbFrozen { shared, changes, bounds: Bounds::default() }
}

impl FrozenState for RocksDbFrozen {
    fn spec(&self) -> &StateSpec {
        &self.shared.spec
    }

    fn changes(&mut self) -> Option<StateChanges> {
        self.changes.take()
    }

    /// Between files of about the same size together.
    fn split(&mut self) -> Result<Vec<Box<dyn FrozenState>>> {
        let database = self.shared.snapshot.borrow_owner();
        let all = layout::state_bounds(self.shared.state);
        let files = database.db.live_files().map_err(|e| database.error("listing files of", e))?;
        // Those of the first level reach over all keys.
        let below = files.into_iter().filter(|file| file.level > 0);
        let files: Vec<_> = below
            .filter_map(|file| Some((file.end_key?, file.size)))
            .filter(|(end, _)| all.contains(end) && layout::is_row(end))
            .collect();
        let starts = starts(files);
        if !starts.is_empty() {
            self.shared.merges_wait.get_or_init(|| MergesWait::begin(Arc::clone(database)));
        }
        Ok(self.split_at(starts))
    }

    fn visit(self: Box<Self>, visit: &mut dyn FnMut(StateRow<'_>) -> Result<()>) -> Result<()> {
        let Self { shared, bounds, .. } = &*self;
        if let Some(merges_wait) = shared.merges_wait.get() {
            merges_wait.check();
        }
        shared.snapshot.with_dependent(|database, taken| {
            let failed = |e| database.error("reading frozen state", e);
            read(taken, shared, bounds, visit, failed)
        })
    }
}

impl RocksDbFrozen {
    /// Takes off the parts that begin with each of these keys of rows, which are in order.
    fn split_at(&mut self, starts: Vec<Vec<u8>>) -> Vec<Box<dyn FrozenState>> {
        let mut end = self.bounds.end.take();
        let mut parts: Vec<Box<dyn FrozenState>> = Vec::with_capacity(starts.len());
        for start in starts.into_iter().rev() {
            let bounds = Bounds { start: Some(start.clone()), end: end.replace(start) };
            let shared = Arc::clone(&self.shared);
            parts.push(Box::new(Self { shared, changes: None, bounds }));
        }
        self.bounds.end = end;
        parts.reverse();
        parts
    }
}

/// Where parts begin, by the ends of files and their sizes.
fn starts(mut files: Vec<(Vec<u8>, usize)>) -> Vec<Vec<u8>> {
    files.sort_unstable();
    let bytes: usize = files.iter().map(|(_, size)| size).sum();
    let parts = (bytes / PART_BYTES).clamp(1, PARTS_MAX);
    let (mut before, mut starts) = (0, Vec::new());
    for (end, size) in files {
        before += size;
        let next = starts.len() + 1;
        let is_new = starts.last().is_none_or(|last| *last < end);
        if is_new && next < parts && before * parts >= next * bytes {
            starts.push(end);
        }
    }
    starts
}

impl FrozenState for AllWaiting {
    fn spec(&self) -> &StateSpec {
        &self.0.spec
    }

    fn changes(&mut self) -> Option<StateChanges> {
        self.0.changes.take()
    }

    fn visit(self: Box<Self>, visit: &mut dyn FnMut(StateRow<'_>) -> Result<()>) -> Result<()> {
        self.0.waiting.merge(None).try_for_each(|StateChange { namespace, group, key, value }| {
            value.map_or(Ok(()), |value| visit(StateRow { namespace, group, key, value }))
        })
    }
}

/// Visits the rows of a part, those that wait in their places.
fn read(
    snapshot: &SnapshotWithThreadMode<'_, DB>,
    Shared { waiting, state, .. }: &Shared,
    Bounds { start, end }: &Bounds,
    visit: &mut dyn FnMut(StateRow<'_>) -> Result<()>,
    failed: impl Fn(::rocksdb::Error) -> sabot_core::Error,
) -> Result<()> {
    let all = layout::state_bounds(*state);
    let mut options = options::range(end.clone().unwrap_or(all.end));
    options.fill_cache(false);
    options.set_readahead_size(READ_AHEAD_BYTES);
    let mut iterator = snapshot.raw_iterator_opt(options);
    let first = start.as_deref().map(|key| layout::split(key).place());
    let behind = end.as_deref().map(|key| layout::split(key).place());
    let waiting = waiting.merge(first);
    let mut waiting =
        waiting.take_while(|row| behind.is_none_or(|behind| row.place() < behind)).peekable();
    iterator.seek(start.as_ref().unwrap_or(&all.start));
    loop {
        let stored = iterator.item().map(|(key, value)| {
            let layout::RowKey { namespace, group, key } = layout::split(key);
            StateRow { namespace, group, key, value }
        });
        let order = match (waiting.peek(), &stored) {
            (None, None) => return iterator.status().map_err(failed),
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(row), Some(stored)) => {
                row.place().cmp(&(stored.namespace, stored.group, stored.key))
            }
        };
        if order.is_gt() {
            stored.map_or(Ok(()), &mut *visit)?;
        } else if let Some(StateChange { namespace, group, key, value }) = waiting.next() {
            // One that was removed has no value.
            value.map_or(Ok(()), |value| visit(StateRow { namespace, group, key, value }))?;
        }
        if order.is_ge() {
            iterator.next();
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, BinaryArray};
    use sabot_core::state::{Namespace, StateBackend};
    use sabot_types::KeyGroup;
    use tempfile::TempDir;

    use super::*;
    use crate::RocksDbBackend;
    use crate::contract::spec;

    #[test]
    fn parts_begin_between_files_of_about_the_same_size_together() {
        let file = |end: u8, share: usize| (vec![end], PART_BYTES / 4 * share);
        assert!(starts(Vec::new()).is_empty());
        assert!(starts(vec![file(1, 3), file(2, 4)]).is_empty(), "too small");
        let files = vec![file(9, 2), file(1, 2), file(3, 1), file(3, 3), file(2, 4)];
        assert_eq!(starts(files), [[2], [3]]);
        // All of it is in one file.
        assert_eq!(starts(vec![file(7, 400)]), [[7]]);
        let many = (0..255).map(|end| file(end, 8)).collect();
        assert_eq!(starts(many).len(), PARTS_MAX - 1);
    }

    type Row = (i64, u16, Vec<u8>, Vec<u8>);

    fn visited(frozen: Box<dyn FrozenState>) -> Vec<Row> {
        let mut rows = Vec::new();
        let visit = &mut |StateRow { namespace, group, key, value }: StateRow<'_>| {
            rows.push((namespace.0, group.index(), key.to_vec(), value.to_vec()));
            Ok(())
        };
        frozen.visit(visit).unwrap();
        rows
    }

    #[test]
    fn parts_have_all_rows_once_those_that_wait_too() {
        let dir = TempDir::new().unwrap();
        let mut backend = RocksDbBackend::open(dir.path(), 8).unwrap();
        let state = StateBackend::open(&mut backend, &spec("parts")).unwrap();
        let put = |backend: &mut RocksDbBackend, step: usize, value: Option<&[u8]>| {
            let keys = (0..1000_u32).step_by(step).map(u32::to_be_bytes);
            let keys = BinaryArray::from_iter_values(keys);
            for namespace in [-1, 3] {
                let groups: Vec<_> = (0..keys.len()).map(|n| KeyGroup::new(n as u16 % 5)).collect();
                let values: BinaryArray = (0..keys.len()).map(|_| value).collect();
                backend.put(state, Namespace(namespace), &groups, &keys, &values).unwrap();
            }
        };
        put(&mut backend, 1, Some(b"stored"));
        backend.settle(state).unwrap();
        backend.database.db.flush().unwrap();
        // Some rows wait: changed ones, removed ones, and ones of other groups.
        put(&mut backend, 15, Some(b"waits"));
        put(&mut backend, 35, None);
        put(&mut backend, 4, Some(b"moved"));
        let mut frozen = || {
            let frozen = StateBackend::freeze(&mut backend, state).unwrap();
            assert!(visited(frozen).len() > 2000);
            let of = &mut backend.states[0];
            let (spec, waiting) = (Arc::clone(&of.spec), of.waiting.sealed());
            let frozen = Frozen { spec, waiting, changes: None };
            freeze(Arc::clone(&backend.database), state, frozen)
        };
        let all = visited(Box::new(frozen()));
        let key = |namespace, group, key: u32| {
            let mut out = Vec::new();
            let prefix = layout::Prefix::new(state, Namespace(namespace));
            prefix.write_key(KeyGroup::new(group), &key.to_be_bytes(), &mut out);
            out
        };
        // A row that is stored, one that is removed, none at all.
        let starts = vec![key(-1, 0, 0), key(-1, 0, 35), key(-1, 2, 1), key(0, 0, 0), key(3, 4, 9)];
        let mut first = frozen();
        let rest = first.split_at(starts.clone());
        assert_eq!(rest.len(), starts.len());
        let parts = std::iter::once(Box::new(first) as Box<dyn FrozenState>).chain(rest);
        let parts: Vec<_> = parts.map(visited).collect();
        let sizes: Vec<_> = parts.iter().map(Vec::len).collect();
        assert!(sizes[0] == 0 && sizes[1..].iter().all(|size| *size > 0), "{sizes:?}");
        assert_eq!(parts.concat(), all);
    }
}
