//! The database of a slot, for as long as somebody reads it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ::rocksdb::{DB, WriteBatch, WriteOptions};
use sabot_core::{Error, Result};

use super::directory::DatabaseDir;
use super::error;

/// The database; frozen states hold it too. The fields drop in order: first it is closed, then
/// its directory goes, and then it counts no more.
pub(super) struct Database {
    pub(super) db: DB,
    pub(super) dir: DatabaseDir,
    /// How many read all of a state, so that merges wait.
    pub(super) merges_waited_for: AtomicUsize,
    pub(super) _open: OpenDatabase,
}

/// For how long merges wait at most.
const MERGES_WAIT_MAX: Duration = Duration::from_secs(30);
/// Nor do they wait with so many files that are not merged: with some more, writes would have to wait.
const UNMERGED_FILES_MAX: u64 = 16;

/// Has a database begin no merges for as long as it is there, and not for too long: they would take
/// the processor and the disk from who reads all of it.
pub(super) struct MergesWait {
    database: Arc<Database>,
    since: Instant,
    is_over: AtomicBool,
}

impl MergesWait {
    pub(super) fn begin(database: Arc<Database>) -> Self {
        let waiting = database.merges_waited_for.fetch_add(1, Ordering::AcqRel);
        if waiting == 0 {
            database.let_merge(false);
        }
        Self { database, since: Instant::now(), is_over: AtomicBool::new(false) }
    }

    /// Ends it where it has taken too long, or too much was written meanwhile.
    pub(super) fn check(&self) {
        let is_long = self.since.elapsed() >= MERGES_WAIT_MAX;
        if is_long || self.database.unmerged_files() >= UNMERGED_FILES_MAX {
            self.end();
        }
    }

    fn end(&self) {
        if self.is_over.swap(true, Ordering::AcqRel) {
            return;
        }
        let waiting = self.database.merges_waited_for.fetch_sub(1, Ordering::AcqRel);
        if waiting == 1 {
            self.database.let_merge(true);
        }
    }
}

impl Drop for MergesWait {
    fn drop(&mut self) {
        self.end();
    }
}

/// How many databases this process has open.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// Counts a database for as long as it is open.
pub(super) struct OpenDatabase;

impl OpenDatabase {
    pub(super) fn new() -> Self {
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

impl Database {
    pub(super) fn write(&self, batch: WriteBatch, options: &WriteOptions) -> Result<()> {
        self.db.write_opt(batch, options).map_err(|e| self.error("writing state", e))
    }

    /// Files of the first level.
    pub(super) fn unmerged_files(&self) -> u64 {
        let files = self.db.property_int_value("rocksdb.num-files-at-level0");
        files.ok().flatten().unwrap_or_default()
    }

    /// Has merges begin or not. Nothing but speed depends on it, so a failure is only told.
    fn let_merge(&self, may: bool) {
        let is_off = if may { "false" } else { "true" };
        if let Err(error) = self.db.set_options(&[("disable_auto_compactions", is_off)]) {
            let dir = self.path().display();
            tracing::warn!(%error, %dir, "the database's merges could not be held up or let go on");
        }
    }

    pub(super) fn error(&self, action: &str, error: ::rocksdb::Error) -> Error {
        error::state(action, self.path(), error)
    }

    pub(super) fn path(&self) -> &PathBuf {
        self.dir.path()
    }
}
