//! The directory of one database: made new for each, so that a database that is still being
//! read by an older attempt is not in the way, and removed with it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::{fs, io, process};

use sabot_core::Result;
use tracing::warn;

use super::error;

/// What names of our directories begin with; nothing else below the slot's directory is touched.
const NAME_PREFIX: &str = "rocksdb-";

static NEXT: AtomicU64 = AtomicU64::new(0);

/// A directory that exists as long as this does.
pub(super) struct DatabaseDir(PathBuf);

impl DatabaseDir {
    /// Makes a new directory below `parent` and removes older ones.
    pub(super) fn create(parent: &Path) -> Result<Self> {
        let failed = |e| error::io("preparing the state directory", parent, e);
        fs::create_dir_all(parent).map_err(failed)?;
        for entry in fs::read_dir(parent).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.file_name().to_string_lossy().starts_with(NAME_PREFIX) {
                remove(&entry.path());
            }
        }
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = parent.join(format!("{NAME_PREFIX}{}-{number}", process::id()));
        match fs::create_dir(&dir) {
            Ok(()) => Ok(Self(dir)),
            Err(e) => Err(error::io("making the state directory", &dir, e)),
        }
    }

    pub(super) fn path(&self) -> &PathBuf {
        &self.0
    }
}

impl Drop for DatabaseDir {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

fn remove(dir: &Path) {
    match fs::remove_dir_all(dir) {
        Ok(()) => {}
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        // Only room on the disk is lost, and the next start tries again.
        Err(error) => warn!(dir = %dir.display(), %error, "old local state was not removed"),
    }
}
