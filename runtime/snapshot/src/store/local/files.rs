//! Files that appear whole and stay: write aside, sync, then rename or link.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use sabot_core::store::ObjectMeta;

use super::OWN;

/// Objects that lie at a multiple of this in memory are written past the page cache: it would have
/// to find new pages for all of it, and push out what is read.
pub(crate) const DIRECT_BYTES: usize = 4096;

/// Smaller objects are left to the page cache.
const DIRECT_BYTES_MIN: usize = 1 << 20;

/// How often a write is tried whose folder vanishes, because the last object in it was deleted.
const TRIES: u32 = 64;

/// Writes `path`, in place of what is there.
pub(super) fn replace(root: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    in_folder(root, path, |aside| {
        write_synced(aside, bytes)?;
        fs::rename(aside, path)
    })
}

/// Writes `path`; [`ErrorKind::AlreadyExists`] when it exists.
pub(super) fn create(root: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    // A look before the work; the link below is what decides.
    if path.try_exists()? {
        return Err(ErrorKind::AlreadyExists.into());
    }
    in_folder(root, path, |aside| {
        write_synced(aside, bytes)?;
        fs::hard_link(aside, path)
    })
}

/// Copies `source` to `target`. A file never changes once it has its name, so that a second name
/// for it is a copy.
pub(super) fn copy(root: &Path, source: &Path, target: &Path) -> io::Result<()> {
    fs::metadata(source)?;
    in_folder(root, target, |aside| {
        if fs::hard_link(source, aside).is_err() {
            fs::copy(source, aside)?;
            File::open(aside)?.sync_all()?;
        }
        fs::rename(aside, target)
    })
}

/// Removes `path` and the folders that are then empty; what does not exist is fine.
pub(super) fn remove(root: &Path, path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(());
        }
        Err(error) => return Err(error),
    }
    for folder in path.ancestors().skip(1).take_while(|folder| *folder != root) {
        if fs::remove_dir(folder).is_err() {
            sync_folder(folder)?;
            return Ok(());
        }
    }
    sync_folder(root)
}

/// Reads a part; an error when the file is too short.
pub(super) fn read_range(path: &Path, range: Range<u64>) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let length = range.end.checked_sub(range.start).ok_or(ErrorKind::InvalidInput)?;
    if range.end > file.metadata()?.len() {
        return Err(io::Error::new(ErrorKind::UnexpectedEof, "the range is outside of the file"));
    }
    file.seek(SeekFrom::Start(range.start))?;
    let mut bytes = vec![0; length as usize];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// All files below `root` whose relative path starts with `prefix`, in order.
pub(super) fn list(root: &Path, prefix: &str) -> io::Result<Vec<ObjectMeta>> {
    fs::metadata(root)?;
    let folder = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut found = Vec::new();
    walk(&root.join(folder), folder, &mut |key, entry| {
        // One that vanished meanwhile was deleted: not listed.
        let Ok(meta) = entry.metadata() else { return };
        if key.starts_with(prefix) {
            let modified_ms = meta.modified().map_or(0, millis);
            found.push(ObjectMeta { key, size: meta.len(), modified_ms });
        }
    })?;
    found.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(found)
}

/// Removes what a killed process was just writing. Only for the holder of the lock.
pub(super) fn remove_leftovers(root: &Path) {
    let ours = aside_prefix();
    let Ok(entries) = fs::read_dir(root) else { return };
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let Some(name) = name.to_str() else { continue };
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_leftovers(&path);
        } else if name.starts_with(&format!("{OWN}tmp-")) && !name.starts_with(ours) {
            // A leftover that stays does no harm.
            drop(fs::remove_file(path));
        }
    }
}

fn walk(folder: &Path, key: &str, visit: &mut impl FnMut(String, &fs::DirEntry)) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        // A name that is no text cannot have been written by us.
        let Some(name) = name.to_str().filter(|name| !name.starts_with(OWN)) else { continue };
        let key = if key.is_empty() { name.to_owned() } else { format!("{key}/{name}") };
        // Follows links: a link to a file is read as the file, a link to a folder as the folder.
        let Ok(meta) = fs::metadata(entry.path()) else { continue };
        if meta.is_dir() {
            walk(&entry.path(), &key, visit)?;
        } else {
            visit(key, &entry);
        }
    }
    Ok(())
}

/// Runs `write` with the path of a file beside `path`, which is gone afterwards.
fn in_folder(root: &Path, path: &Path, write: impl Fn(&Path) -> io::Result<()>) -> io::Result<()> {
    let folder = path.parent().unwrap_or(root);
    let aside = aside(folder);
    let mut tries = 0;
    loop {
        let result = create_folder(root, folder).and_then(|()| write(&aside));
        // Also after a success: renaming onto another name of the same file leaves both.
        drop(fs::remove_file(&aside));
        tries += 1;
        match result {
            Ok(()) => return sync_folder(folder),
            Err(error) if error.kind() == ErrorKind::NotFound && tries < TRIES => {}
            Err(error) => return Err(error),
        }
    }
}

fn create_folder(root: &Path, folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    for above in folder.ancestors().skip(1) {
        sync_folder(above)?;
        if above == root {
            break;
        }
    }
    Ok(())
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let is_aligned = bytes.as_ptr().align_offset(DIRECT_BYTES) == 0;
    let direct = if is_aligned && bytes.len() >= DIRECT_BYTES_MIN {
        bytes.len() - bytes.len() % DIRECT_BYTES
    } else {
        0
    };
    let (direct, rest) = bytes.split_at(direct);
    let mut file = match write_direct(path, direct) {
        Ok(file) => file,
        // Not every file system can.
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => {
            drop(fs::remove_file(path));
            let mut file = File::create_new(path)?;
            file.write_all(direct)?;
            file
        }
        Err(error) => return Err(error),
    };
    file.write_all(rest)?;
    file.sync_all()
}

/// Writes whole pages to a new file past the page cache; where more of it is written as usual.
fn write_direct(path: &Path, pages: &[u8]) -> io::Result<File> {
    if pages.is_empty() {
        return File::create_new(path);
    }
    let mut options = File::options();
    options.write(true).create_new(true).custom_flags(libc::O_DIRECT);
    options.open(path)?.write_all(pages)?;
    File::options().append(true).open(path)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder) {
        Ok(file) => file.sync_all(),
        // Removed with its last object meanwhile, or not ours to read.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) => {
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Of this process alone. Process ids repeat (in a container everyone is 1), so it is random.
fn aside_prefix() -> &'static str {
    static PREFIX: LazyLock<String> =
        LazyLock::new(|| format!("{OWN}tmp-{:016x}-", RandomState::new().hash_one(0)));
    &PREFIX
}

fn aside(folder: &Path) -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    folder.join(format!("{}{}", aside_prefix(), NEXT.fetch_add(1, Ordering::Relaxed)))
}

fn millis(time: SystemTime) -> i64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
