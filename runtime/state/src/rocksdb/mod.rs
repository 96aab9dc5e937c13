//! State in a RocksDB database on the local disk, one for each slot.
//!
//! The database is a cache of what checkpoints hold, so it has no write-ahead log, is never
//! opened again, and starts empty.

mod directory;
mod error;
mod expiry;
mod frozen;
mod layout;
mod options;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ::rocksdb::{ColumnFamilyDescriptor, DB, WriteBatch, WriteOptions};
use arrow::array::{Array, BinaryArray, BinaryBuilder};
use sabot_core::state::{
    ChangeLog, ChangedRows, FrozenState, Namespace, PrefixVisitor, StateBackend, StateChange,
    StateHandle, StateRows, StateSpec,
};
use sabot_core::{Error, Result};
use sabot_types::KeyGroup;

use self::directory::DatabaseDir;
use self::expiry::Expiry;
use self::frozen::Frozen;
use self::layout::{FILTERED_BYTES, Prefix};
use crate::rows::{RowCollector, check_keys, find_open, handle_of, not_open};

/// The one column family.
const FAMILY: &str = "default";
/// Keys that one `MultiGet` looks for.
const GET_CHUNK_ROWS: usize = 1024;
/// A write batch is written at this size.
const WRITE_BATCH_BYTES: usize = 64 << 10;
/// So much of what was frozen is written between two batches.
const CATCH_UP_BYTES: usize = 128 << 10;
/// Rows of all states wait to be written together up to this size.
const WAITING_BYTES_MAX: usize = 8 << 20;

/// A [`StateBackend`] on the local disk.
pub struct RocksDbBackend {
    database: Arc<Database>,
    expiry: Arc<Expiry>,
    states: Vec<State>,
    write_options: WriteOptions,
    /// What the rows take that wait.
    waiting_bytes: usize,
    /// From this size on they are written.
    waiting_bytes_max: usize,
}

struct State {
    spec: Arc<StateSpec>,
    log: ChangeLog,
    /// What was put and is not in the database yet: rows are written together where nobody reads
    /// in between.
    waiting: ChangedRows,
    /// What waits since before, which frozen states and the log share.
    sealed: VecDeque<Sealed>,
}

/// Rows that wait and to which none is added any more.
struct Sealed {
    rows: Arc<ChangedRows>,
    /// How many of them are in the database, as they are sorted.
    written: usize,
}

impl State {
    /// Nothing is added any more to what waits; it, if there is anything.
    fn seal(&mut self) -> Option<Arc<ChangedRows>> {
        if self.waiting.is_empty() {
            return None;
        }
        let next = self.waiting.empty_alike();
        let mut rows = std::mem::replace(&mut self.waiting, next);
        rows.shrink();
        let rows = Arc::new(rows);
        self.sealed.push_back(Sealed { rows: Arc::clone(&rows), written: 0 });
        Some(rows)
    }
}

/// The database; frozen states hold it too. The fields drop in order: first it is closed, then
/// its directory goes, and then it counts no more.
struct Database {
    db: DB,
    dir: DatabaseDir,
    _open: OpenDatabase,
}

/// How many databases this process has open.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// Counts a database for as long as it is open.
struct OpenDatabase;

impl OpenDatabase {
    fn new() -> Self {
        OPEN.fetch_add(1, Ordering::AcqRel);
        Self
    }
}

impl Drop for OpenDatabase {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Waits until every database of this process is closed, at most for `timeout`; whether they all
/// are. A process must not end before: what the library keeps for all databases goes then, and
/// threads that close one would crash.
pub fn wait_until_closed(timeout: Duration) -> bool {
    let began = Instant::now();
    while OPEN.load(Ordering::Acquire) > 0 {
        if began.elapsed() >= timeout {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    true
}

impl RocksDbBackend {
    /// Opens an empty database in a directory below `dir`, and removes those that earlier
    /// backends left there.
    pub fn open(dir: &Path, cache_size_mb: u64) -> Result<Self> {
        let open = OpenDatabase::new();
        let dir = DatabaseDir::create(dir)?;
        let expiry = Arc::new(Expiry::default());
        let mut options = options::database(cache_size_mb)?;
        expiry::install(&expiry, &mut options);
        let family = ColumnFamilyDescriptor::new(FAMILY, options.clone());
        let db = DB::open_cf_descriptors(&options, dir.path(), [family])
            .map_err(|e| error::state("opening the database", dir.path(), e))?;
        let mut write_options = WriteOptions::default();
        write_options.disable_wal(true);
        let database = Arc::new(Database { db, dir, _open: open });
        Ok(Self {
            database,
            expiry,
            states: Vec::new(),
            write_options,
            waiting_bytes: 0,
            waiting_bytes_max: WAITING_BYTES_MAX.min((cache_size_mb as usize) << 14),
        })
    }

    /// Writes what waits of an opened state. Neighbours find their places in the database faster than
    /// rows in any order.
    fn settle(&mut self, state: StateHandle) -> Result<()> {
        self.check(state)?;
        let of = &mut self.states[usize::from(state.0)];
        if let Some(rows) = of.seal() {
            of.log.push(&rows);
        }
        while self.write_sealed(state)? > 0 {}
        Ok(())
    }

    /// Writes a batch of what is sealed; its size.
    fn write_sealed(&mut self, state: StateHandle) -> Result<usize> {
        let of = &mut self.states[usize::from(state.0)];
        let Some(Sealed { rows, written }) = of.sealed.front_mut() else { return Ok(0) };
        let mut batch = WriteBatch::default();
        let mut row_key = Vec::new();
        let mut rest = rows.sorted_from(*written);
        for StateChange { namespace, group, key, value } in rest.by_ref() {
            row_key.clear();
            Prefix::new(state, namespace).write_key(group, key, &mut row_key);
            match value {
                Some(value) => batch.put(&row_key, value),
                None => batch.delete(&row_key),
            }
            if batch.size_in_bytes() >= WRITE_BATCH_BYTES {
                break;
            }
        }
        let (size, is_last) = (batch.size_in_bytes(), rest.len() == 0);
        drop(rest);
        *written += batch.len();
        self.database.write(batch, &self.write_options)?;
        if is_last {
            self.waiting_bytes -= rows.size();
            of.sealed.pop_front();
        }
        Ok(size)
    }

    fn check(&self, state: StateHandle) -> Result<()> {
        if usize::from(state.0) < self.states.len() { Ok(()) } else { Err(not_open(state)) }
    }
}

impl Database {
    fn write(&self, batch: WriteBatch, options: &WriteOptions) -> Result<()> {
        self.db.write_opt(batch, options).map_err(|e| self.error("writing state", e))
    }

    fn error(&self, action: &str, error: ::rocksdb::Error) -> Error {
        error::state(action, self.path(), error)
    }

    fn path(&self) -> &PathBuf {
        self.dir.path()
    }
}

impl StateBackend for RocksDbBackend {
    fn open(&mut self, spec: &StateSpec) -> Result<StateHandle> {
        let spec = Arc::new(spec.clone());
        if let Some(found) = find_open(self.states.iter().map(|s| &*s.spec), &spec) {
            self.expiry.set(found, spec.ttl_ms);
            self.states[usize::from(found.0)].spec = spec;
            return Ok(found);
        }
        let handle = handle_of(self.states.len());
        self.expiry.set(handle, spec.ttl_ms);
        self.states.push(State {
            spec,
            log: ChangeLog::default(),
            waiting: ChangedRows::default(),
            sealed: VecDeque::new(),
        });
        Ok(handle)
    }

    fn get(
        &mut self,
        state: StateHandle,
        namespace: Namespace,
        groups: &[KeyGroup],
        keys: &BinaryArray,
    ) -> Result<BinaryArray> {
        self.settle(state)?;
        check_keys(groups, keys);
        let prefix = Prefix::new(state, namespace);
        let family = self.database.db.cf_handle(FAMILY).expect("the database has its family");
        let mut values = BinaryBuilder::new();
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for (chunk, groups) in groups.chunks(GET_CHUNK_ROWS).enumerate() {
            bytes.clear();
            ends.clear();
            for (row, group) in (chunk * GET_CHUNK_ROWS..).zip(groups) {
                prefix.write_key(*group, keys.value(row), &mut bytes);
                ends.push(bytes.len());
            }
            let starts = std::iter::once(0).chain(ends.iter().copied());
            let wanted = starts.zip(&ends).map(|(start, end)| &bytes[start..*end]);
            for value in self.database.db.batched_multi_get_cf(family, wanted, false) {
                let value = value.map_err(|e| self.database.error("reading state", e))?;
                values.append_option(value);
            }
        }
        Ok(values.finish())
    }

    fn put(
        &mut self,
        state: StateHandle,
        namespace: Namespace,
        groups: &[KeyGroup],
        keys: &BinaryArray,
        values: &BinaryArray,
    ) -> Result<()> {
        self.check(state)?;
        check_keys(groups, keys);
        assert_eq!(keys.len(), values.len(), "each key has a value");
        let waiting = &mut self.states[usize::from(state.0)].waiting;
        let before = waiting.size();
        for (row, group) in groups.iter().enumerate() {
            let value = values.is_valid(row).then(|| values.value(row));
            waiting.put(namespace, *group, keys.value(row), value);
        }
        self.waiting_bytes += waiting.size() - before;
        if self.waiting_bytes >= self.waiting_bytes_max {
            (0..self.states.len()).try_for_each(|state| self.settle(handle_of(state)))?;
        }
        Ok(())
    }

    fn namespaces(&mut self, state: StateHandle) -> Result<Vec<Namespace>> {
        self.settle(state)?;
        let all = layout::state_bounds(state);
        let mut iterator = self.database.db.raw_iterator_opt(options::range(all.end));
        let mut found = Vec::new();
        iterator.seek(all.start);
        while let Some(key) = iterator.key() {
            let namespace = layout::split(key).namespace;
            found.push(namespace);
            iterator.seek(Prefix::new(state, namespace).end());
        }
        iterator.status().map_err(|e| self.database.error("listing windows of state", e))?;
        Ok(found)
    }

    fn scan(
        &mut self,
        state: StateHandle,
        namespace: Namespace,
        max_rows: usize,
        visit: &mut dyn FnMut(StateRows) -> Result<()>,
    ) -> Result<()> {
        self.settle(state)?;
        let prefix = Prefix::new(state, namespace);
        let mut options = options::range(prefix.end());
        // A window is read once, when it fires: it must not push out what point reads need.
        options.fill_cache(false);
        let mut iterator = self.database.db.raw_iterator_opt(options);
        let mut collector = RowCollector::new(namespace, max_rows);
        iterator.seek(prefix.start());
        while let Some((key, value)) = iterator.item() {
            let row = layout::split(key);
            collector.push(row.group, row.key, value, visit)?;
            iterator.next();
        }
        iterator.status().map_err(|e| self.database.error("scanning state", e))?;
        collector.finish(visit)
    }

    fn scan_prefixes(
        &mut self,
        state: StateHandle,
        namespace: Namespace,
        groups: &[KeyGroup],
        prefixes: &BinaryArray,
        visit: PrefixVisitor<'_>,
    ) -> Result<()> {
        self.settle(state)?;
        check_keys(groups, prefixes);
        let space = Prefix::new(state, namespace);
        let shortest = (0..prefixes.len()).map(|index| prefixes.value(index).len()).min();
        let filtered = shortest.is_some_and(|bytes| Prefix::key_bytes(bytes) >= FILTERED_BYTES);
        let options = options::prefixes(space.end(), filtered);
        let mut iterator = self.database.db.raw_iterator_opt(options);
        let mut prefix = Vec::new();
        for (index, group) in groups.iter().enumerate() {
            prefix.clear();
            space.write_key(*group, prefixes.value(index), &mut prefix);
            iterator.seek(&prefix);
            while let Some((key, value)) = iterator.item() {
                let Some(rest) = key.strip_prefix(prefix.as_slice()) else { break };
                if visit(index, rest, value)?.is_break() {
                    break;
                }
                iterator.next();
            }
            iterator.status().map_err(|e| self.database.error("scanning state", e))?;
        }
        Ok(())
    }

    fn drop_namespace(&mut self, state: StateHandle, namespace: Namespace) -> Result<()> {
        self.settle(state)?;
        let prefix = Prefix::new(state, namespace);
        let mut batch = WriteBatch::default();
        batch.delete_range(prefix.start(), prefix.end());
        self.database.write(batch, &self.write_options)?;
        self.states[usize::from(state.0)].log.drop_namespace(namespace);
        Ok(())
    }

    fn freeze(&mut self, state: StateHandle) -> Result<Box<dyn FrozenState>> {
        self.check(state)?;
        let of = &mut self.states[usize::from(state.0)];
        if let Some(rows) = of.seal() {
            of.log.share(&rows);
        }
        let (database, spec) = (Arc::clone(&self.database), Arc::clone(&of.spec));
        let waiting = of.sealed.iter().map(|sealed| Arc::clone(&sealed.rows)).collect();
        let frozen = Frozen { spec, waiting, changes: of.log.freeze() };
        Ok(Box::new(frozen::freeze(database, state, frozen)?))
    }

    fn catch_up(&mut self) -> Result<()> {
        let mut written = 0;
        for state in 0..self.states.len() {
            while written < CATCH_UP_BYTES {
                match self.write_sealed(handle_of(state))? {
                    0 => break,
                    bytes => written += bytes,
                }
            }
        }
        Ok(())
    }

    fn set_now(&mut self, now_ms: i64) {
        self.expiry.set_now(now_ms);
    }

    fn size_bytes(&self) -> u64 {
        ["rocksdb.total-sst-files-size", "rocksdb.cur-size-all-mem-tables"]
            .into_iter()
            .filter_map(|name| self.database.db.property_int_value(name).ok().flatten())
            .sum()
    }

    fn name(&self) -> &'static str {
        "rocksdb"
    }
}

#[cfg(test)]
mod tests;
