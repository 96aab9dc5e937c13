//! The lock that makes this process the only one to replace versions in a directory.

use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use sabot_core::store::StoreError;

use super::{OWN, files, with_remedy};

/// A directory, shared by all stores of the process that have it as their root.
#[derive(Debug)]
pub(super) struct Directory {
    pub(super) path: PathBuf,
    /// The lock file, once it is locked.
    held: Mutex<Option<File>>,
}

/// Every directory that was opened. They stay: the lock is held for the process's life.
static DIRECTORIES: LazyLock<Mutex<HashMap<PathBuf, Arc<Directory>>>> =
    LazyLock::new(Mutex::default);

impl Directory {
    pub(super) fn shared(path: PathBuf) -> Arc<Self> {
        let mut known = DIRECTORIES.lock().unwrap_or_else(PoisonError::into_inner);
        let directory = known
            .entry(path.clone())
            .or_insert_with(|| Arc::new(Self { path, held: Mutex::default() }));
        Arc::clone(directory)
    }

    /// One writer at a time: of all processes by the lock file, of this one by the mutex.
    pub(super) fn exclusive(&self, uri: &str) -> Result<Turn<'_>, StoreError> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_none() {
            *held = Some(take(&self.path, uri)?);
        }
        Ok(Turn { _held: held })
    }
}

/// The right to read and then replace.
pub(super) struct Turn<'a> {
    _held: MutexGuard<'a, Option<File>>,
}

fn take(directory: &Path, uri: &str) -> Result<File, StoreError> {
    let unavailable = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
            StoreError::Denied { subject: uri.to_owned(), source: source.into() }
        }
        std::io::ErrorKind::Unsupported => StoreError::Unsupported {
            what: format!("the file system of {uri} has no file locks: use a local disk"),
        },
        _ => StoreError::Unavailable {
            action: "locking",
            key: uri.to_owned(),
            source: with_remedy(source),
        },
    };
    std::fs::create_dir_all(directory).map_err(unavailable)?;
    let path = directory.join(format!("{OWN}lock"));
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(unavailable)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(in_use(&mut file, uri)),
        Err(TryLockError::Error(source)) => return Err(unavailable(source)),
    }
    // The process id is only for the message that another process gets.
    let note = file
        .set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| write!(file, "{}", std::process::id()));
    note.map_err(unavailable)?;
    files::remove_leftovers(directory);
    Ok(file)
}

fn in_use(file: &mut File, uri: &str) -> StoreError {
    let mut owner = String::new();
    let owner = match file.read_to_string(&mut owner) {
        Ok(_) if !owner.trim().is_empty() => format!("another process (pid {})", owner.trim()),
        _ => "another process".to_owned(),
    };
    StoreError::Unsupported {
        what: format!("{owner} uses directory {uri}: stop it first, or choose another directory"),
    }
}
