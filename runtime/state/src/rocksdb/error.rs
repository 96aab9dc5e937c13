//! Errors of the disk, each with the directory and what to do about it.

use std::io;
use std::path::Path;

use sabot_core::Error;

/// A failure of the database in `dir`.
pub(super) fn state(action: &str, dir: &Path, error: ::rocksdb::Error) -> Error {
    let remedy = remedy(error.as_ref());
    Error::state(format!("{action} in {} failed{remedy}", dir.display()), error)
}

/// A failure of the file system at `dir`.
pub(super) fn io(action: &str, dir: &Path, error: io::Error) -> Error {
    let remedy = remedy(&error.to_string());
    Error::state(format!("{action} {} failed{remedy}", dir.display()), error)
}

/// What helps; the database tells its causes only as text, with the words of the system.
fn remedy(cause: &str) -> &'static str {
    let any = |words: &[&str]| words.iter().any(|word| cause.contains(word));
    if any(&["No space left on device", "Disk quota exceeded"]) {
        " (the disk is full: free some room, or give workers a larger spec.workers.localStorage)"
    } else if any(&["Permission denied", "Operation not permitted", "Read-only file system"]) {
        " (the process may not write there: change the owner of the directory, or choose another)"
    } else if any(&["Not a directory", "File exists"]) {
        " (there is a file where a directory should be: remove it, or choose another directory)"
    } else if any(&["Too many open files"]) {
        " (raise the limit of open files of the process)"
    } else if any(&["Corruption"]) {
        " (local state is damaged: restart the job, its state is restored from the checkpoint)"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_disk_name_directory_and_remedy() {
        let full = io::Error::from_raw_os_error(28);
        let error = io("making the state directory", Path::new("/data/slot-0"), full);
        let text = error.chain();
        assert!(text.contains("/data/slot-0") && text.contains("free some room"), "{text}");

        let denied = io::Error::from_raw_os_error(13);
        let error = io("making the state directory", Path::new("/data/slot-0"), denied);
        assert!(error.to_string().contains("may not write there"), "{error}");
    }
}
