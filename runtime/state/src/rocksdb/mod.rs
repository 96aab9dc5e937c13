//! State in a RocksDB database on the local disk, one for each slot.
//!
//! The database is a cache of what checkpoints hold, so it has no write-ahead log, is never
//! opened again, and starts empty.

mod database;
mod directory;
mod error;
mod expiry;
mod frozen;
mod index;
mod layout;
mod options;
mod waiting;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use ::rocksdb::{ColumnFamilyDescriptor, DB, WriteBatch, WriteOptions};
use arrow::array::{Array, BinaryArray, BinaryBuilder};
use sabot_core::Result;
use sabot_core::state::{
    ChangeLog, FrozenState, Namespace, PrefixVisitor, Spill, StateBackend, StateHandle, StateRows,
    StateSpec,
};
use sabot_types::KeyGroup;

pub use self::database::wait_until_closed;
use self::database::{Database, OpenDatabase};
use self::directory::DatabaseDir;
use self::expiry::Expiry;
use self::frozen::{AllWaiting, Frozen};
use self::layout::{FILTERED_BYTES, Prefix};
use self::waiting::Waiting;
use crate::rows::{RowCollector, check_keys, find_open, handle_of, not_open};

/// The one column family.
const FAMILY: &str = "default";
/// Keys that one `MultiGet` looks for.
const GET_CHUNK_ROWS: usize = 1024;

/// A [`StateBackend`] on the local disk.
pub struct RocksDbBackend {
    database: Arc<Database>,
    expiry: Arc<Expiry>,
    states: Vec<State>,
    write_options: WriteOptions,
    sizes: Sizes,
}

/// The part of what waits that a read has written where it does not have all of it written.
const SETTLED_SHARE: usize = 8;

/// How much waits to be written and is written at a time, in bytes.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    /// So much of all states waits at most.
    waiting_max: usize,
    /// Rows are sealed at this size.
    sealed: usize,
    /// A read has what waits written first; where it is more than this, it looks among it instead.
    settled_max: usize,
    /// It then has so much more written than came since, at least, so that what is read regularly
    /// does not wait for long.
    settled_more: usize,
    /// So much of what is sealed is written between two batches.
    catch_up: usize,
    /// A write batch.
    batch: usize,
    /// What changed in a state since the last checkpoint goes to files from this size on.
    spilled: usize,
}

impl Sizes {
    /// Out of so much memory.
    fn of(cache_size_mb: u64) -> Self {
        let waiting_max = options::waiting_bytes_max(cache_size_mb);
        Self {
            waiting_max,
            sealed: 8 << 20,
            settled_max: 8 << 20,
            settled_more: 1 << 20,
            catch_up: 128 << 10,
            batch: 64 << 10,
            // What waits is in memory anyway.
            spilled: waiting_max.max(32 << 20),
        }
    }
}

struct State {
    spec: Arc<StateSpec>,
    log: ChangeLog,
    /// What was put and is not in the database yet.
    waiting: Waiting,
    /// The namespaces of which rows were written to the database.
    stored: BTreeSet<Namespace>,
    /// What stands behind the beginnings of keys that are asked for, if that is known.
    suffix_bytes: Option<usize>,
    /// Whether rows are asked for in the order of their keys, so that those that wait are in the way.
    read_in_order: bool,
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
        let database =
            Arc::new(Database { db, dir, merges_waited_for: AtomicUsize::new(0), _open: open });
        Ok(Self {
            database,
            expiry,
            states: Vec::new(),
            write_options,
            sizes: Sizes::of(cache_size_mb),
        })
    }

    /// Writes what waits of an opened state. Neighbours find their places in the database faster than
    /// rows in any order.
    fn settle(&mut self, state: StateHandle) -> Result<()> {
        self.check(state)?;
        let of = &mut self.states[usize::from(state.0)];
        of.read_in_order = true;
        of.seal();
        self.write_sealed(state, usize::MAX)
    }

    /// Has a state's rows in the database or sealed, so that they can be read in order.
    fn make_readable(&mut self, state: StateHandle) -> Result<()> {
        self.check(state)?;
        let of = &mut self.states[usize::from(state.0)];
        of.read_in_order = true;
        let due = if of.waiting.bytes() <= self.sizes.settled_max {
            usize::MAX
        } else {
            let more = self.sizes.settled_more.max(of.waiting.bytes() / SETTLED_SHARE);
            of.waiting.open_bytes() + more
        };
        of.seal();
        self.write_sealed(state, due)
    }

    /// Writes rows of those states of which most wait until there is room for more.
    fn make_room(&mut self) -> Result<()> {
        loop {
            let waiting = || self.states.iter().map(|of| of.waiting.bytes());
            if waiting().sum::<usize>() < self.sizes.waiting_max {
                return Ok(());
            }
            let fullest = waiting().enumerate().max_by_key(|(_, bytes)| *bytes);
            let Some((fullest, before)) = fullest else { return Ok(()) };
            self.states[fullest].seal();
            while self.states[fullest].waiting.bytes() == before {
                if self.write_batch(handle_of(fullest))? == 0 {
                    return Ok(());
                }
            }
        }
    }

    /// Writes so many bytes of what is sealed.
    fn write_sealed(&mut self, state: StateHandle, due: usize) -> Result<()> {
        let mut written = 0;
        while written < due {
            match self.write_batch(state)? {
                0 => break,
                bytes => written += bytes,
            }
        }
        Ok(())
    }

    /// Writes a batch of what is sealed; its size.
    fn write_batch(&mut self, state: StateHandle) -> Result<usize> {
        let of = &mut self.states[usize::from(state.0)];
        let batch = of.waiting.next_batch(state, self.sizes.batch, &mut of.stored);
        let Some(batch) = batch else { return Ok(0) };
        let size = batch.size_in_bytes();
        if !batch.is_empty() {
            self.database.write(batch, &self.write_options)?;
        }
        Ok(size)
    }

    fn check(&self, state: StateHandle) -> Result<()> {
        if usize::from(state.0) < self.states.len() { Ok(()) } else { Err(not_open(state)) }
    }
}

impl State {
    /// Adds nothing more to what waits.
    fn seal(&mut self) {
        if let Some(rows) = self.waiting.seal() {
            self.log.push(&rows);
        }
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
        let (dir, from_bytes) = (self.database.dir.path().clone(), self.sizes.spilled);
        self.states.push(State {
            spec,
            log: ChangeLog::with_spill(Spill { dir, from_bytes }),
            waiting: Waiting::default(),
            stored: BTreeSet::new(),
            suffix_bytes: None,
            read_in_order: false,
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
        check_keys(groups, keys);
        self.check(state)?;
        let State { waiting, stored, .. } = &mut self.states[usize::from(state.0)];
        waiting.keep_by_key();
        let is_stored = stored.contains(&namespace);
        let prefix = Prefix::new(state, namespace);
        let family = self.database.db.cf_handle(FAMILY).expect("the database has its family");
        let mut values = BinaryBuilder::new();
        let (mut bytes, mut ends, mut found) = (Vec::new(), Vec::new(), Vec::new());
        for (chunk, groups) in groups.chunks(GET_CHUNK_ROWS).enumerate() {
            bytes.clear();
            ends.clear();
            found.clear();
            for (row, group) in (chunk * GET_CHUNK_ROWS..).zip(groups) {
                let key = keys.value(row);
                let row = waiting.find(namespace, *group, key);
                if row.is_none() && is_stored {
                    prefix.write_key(*group, key, &mut bytes);
                    ends.push(bytes.len());
                }
                found.push(row);
            }
            let stored = match ends[..] {
                // What a `MultiGet` sets up takes a tenth of one read.
                [_] => vec![self.database.db.get_pinned_cf(family, &bytes)],
                _ => {
                    let starts = std::iter::once(0).chain(ends.iter().copied());
                    let wanted = starts.zip(&ends).map(|(start, end)| &bytes[start..*end]);
                    self.database.db.batched_multi_get_cf(family, wanted, false)
                }
            };
            let mut stored = stored.into_iter();
            for row in &found {
                match row {
                    Some(row) => values.append_option(row.value),
                    None if !is_stored => values.append_null(),
                    None => {
                        let value =
                            stored.next().expect("each key that was asked for has an answer");
                        let value = value.map_err(|e| self.database.error("reading state", e))?;
                        values.append_option(value);
                    }
                }
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
        let of = &mut self.states[usize::from(state.0)];
        for (row, group) in groups.iter().enumerate() {
            let value = values.is_valid(row).then(|| values.value(row));
            of.waiting.put(namespace, *group, keys.value(row), value);
        }
        if of.waiting.open_bytes() >= self.sizes.sealed {
            of.seal();
        }
        self.make_room()
    }

    fn namespaces(&mut self, state: StateHandle) -> Result<Vec<Namespace>> {
        self.check(state)?;
        let waiting = self.states[usize::from(state.0)].waiting.namespaces();
        if waiting.is_none() {
            self.settle(state)?;
        }
        let mut found = waiting.unwrap_or_default();
        if self.states[usize::from(state.0)].stored.is_empty() {
            return Ok(found.into_iter().collect());
        }
        let all = layout::state_bounds(state);
        let mut iterator = self.database.db.raw_iterator_opt(options::range(all.end));
        iterator.seek(all.start);
        while let Some(key) = iterator.key() {
            let namespace = layout::split(key).namespace;
            found.insert(namespace);
            iterator.seek(Prefix::new(state, namespace).end());
        }
        iterator.status().map_err(|e| self.database.error("listing windows of state", e))?;
        Ok(found.into_iter().collect())
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
        check_keys(groups, prefixes);
        self.check(state)?;
        let of = &mut self.states[usize::from(state.0)];
        match of.suffix_bytes {
            Some(suffix_bytes) => of.waiting.keep_by_beginning(suffix_bytes),
            None => self.make_readable(state)?,
        }
        let State { waiting, stored, .. } = &self.states[usize::from(state.0)];
        let is_stored = stored.contains(&namespace);
        let space = Prefix::new(state, namespace);
        let shortest = (0..prefixes.len()).map(|index| prefixes.value(index).len()).min();
        let filtered = shortest.is_some_and(|bytes| Prefix::key_bytes(bytes) >= FILTERED_BYTES);
        let options = options::prefixes(space.end(), filtered);
        let mut iterator = is_stored.then(|| self.database.db.raw_iterator_opt(options));
        let mut prefix = Vec::new();
        for (index, group) in groups.iter().enumerate() {
            if let Some(iterator) = &mut iterator {
                prefix.clear();
                space.write_key(*group, prefixes.value(index), &mut prefix);
                iterator.seek(&prefix);
            }
            let waiting = waiting.with_prefix(namespace, *group, prefixes.value(index));
            let mut waiting = waiting.into_iter().peekable();
            loop {
                let stored = iterator.as_ref().and_then(|iterator| iterator.item());
                let stored =
                    stored.and_then(|(key, value)| Some((key.strip_prefix(&*prefix)?, value)));
                // What waits is newer, and may stand for one that is removed.
                let row = match (stored, waiting.peek()) {
                    (Some((key, _)), Some((next, _))) if *next <= key => waiting.next(),
                    (None, Some(_)) => waiting.next(),
                    (Some(_), _) => None,
                    (None, None) => break,
                };
                let is_stored_taken =
                    stored.is_some_and(|(key, _)| row.is_none_or(|row| row.0 == key));
                let row = row.or(stored.map(|(key, value)| (key, Some(value))));
                if let Some((key, Some(value))) = row
                    && visit(index, key, value)?.is_break()
                {
                    break;
                }
                if is_stored_taken && let Some(iterator) = &mut iterator {
                    iterator.next();
                }
            }
            if let Some(iterator) = &iterator {
                iterator.status().map_err(|e| self.database.error("scanning state", e))?;
            }
        }
        Ok(())
    }

    fn expect_prefixes(&mut self, state: StateHandle, suffix_bytes: usize) {
        if let Some(of) = self.states.get_mut(usize::from(state.0)) {
            of.suffix_bytes = Some(suffix_bytes);
        }
    }

    fn expect_rows(&mut self, state: StateHandle, rows: usize, bytes: usize) {
        if let Some(of) = self.states.get_mut(usize::from(state.0)) {
            of.waiting.reserve(self.sizes.sealed, rows, bytes);
        }
    }

    fn drop_namespace(&mut self, state: StateHandle, namespace: Namespace) -> Result<()> {
        self.check(state)?;
        let of = &mut self.states[usize::from(state.0)];
        of.seal();
        of.waiting.drop_namespace(namespace);
        of.log.drop_namespace(namespace);
        if of.stored.remove(&namespace) {
            let prefix = Prefix::new(state, namespace);
            let mut batch = WriteBatch::default();
            batch.delete_range(prefix.start(), prefix.end());
            self.database.write(batch, &self.write_options)?;
        }
        Ok(())
    }

    fn freeze(&mut self, state: StateHandle) -> Result<Box<dyn FrozenState>> {
        self.check(state)?;
        let bytes = self.size_bytes();
        let of = &mut self.states[usize::from(state.0)];
        if let Some(rows) = of.waiting.seal() {
            of.log.share(&rows);
        }
        let (spec, waiting) = (Arc::clone(&of.spec), of.waiting.sealed());
        let changes = of.log.freeze(bytes);
        let frozen = Frozen { spec, waiting, changes };
        if of.stored.is_empty() {
            return Ok(Box::new(AllWaiting(frozen)));
        }
        Ok(Box::new(frozen::freeze(Arc::clone(&self.database), state, frozen)))
    }

    fn catch_up(&mut self) -> Result<()> {
        let mut written = 0;
        let waiting: usize = self.states.iter().map(|of| of.waiting.bytes()).sum();
        let is_much = waiting > self.sizes.waiting_max / 2;
        for state in 0..self.states.len() {
            // What is found where it waits need not be written before there is much of it.
            if !self.states[state].read_in_order && !is_much {
                continue;
            }
            while written < self.sizes.catch_up {
                match self.write_batch(handle_of(state))? {
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
        let waiting = self.states.iter().map(|of| of.waiting.bytes() as u64);
        let stored = ["rocksdb.total-sst-files-size", "rocksdb.cur-size-all-mem-tables"]
            .into_iter()
            .filter_map(|name| self.database.db.property_int_value(name).ok().flatten());
        stored.chain(waiting).sum()
    }

    fn name(&self) -> &'static str {
        "rocksdb"
    }
}

#[cfg(test)]
mod tests;
