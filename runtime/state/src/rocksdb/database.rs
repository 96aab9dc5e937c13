//! The database of a slot, for as long as somebody reads it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
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
    pub(super) _open: OpenDatabase,
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

    pub(super) fn error(&self, action: &str, error: ::rocksdb::Error) -> Error {
        error::state(action, self.path(), error)
    }

    pub(super) fn path(&self) -> &PathBuf {
        self.dir.path()
    }
}
