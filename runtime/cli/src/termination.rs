//! The pod's termination log: what `kubectl describe` shows of a container that ended, and what
//! the controller reads of a task's result.

use std::path::Path;

use sabot_api::TaskResult;

use crate::exit::Exit;

const LOG: &str = "/dev/termination-log";
/// Kubernetes keeps no more.
const BYTES_MAX: usize = 4096;

/// Writes the message where Kubernetes looks for it; does nothing outside of a pod.
pub fn write(message: &str) {
    write_to(Path::new(LOG), message);
}

/// Prints a task's result, and leaves it in the termination log.
pub fn finish(ok: bool, message: String) -> Exit {
    let mut result = TaskResult { ok, message };
    let json = |result: &TaskResult| serde_json::to_string(result).unwrap_or_default();
    let excess = json(&result).len().saturating_sub(BYTES_MAX);
    if excess > 0 {
        // Cut inside of the text, so that it stays readable as JSON.
        let keep = result.message.len().saturating_sub(2 * excess);
        result.message = truncated(&result.message, keep).to_owned();
    }
    let json = json(&result);
    println!("{json}");
    write(&json);
    if ok { Exit::Success } else { Exit::Refused }
}

fn write_to(log: &Path, message: &str) {
    if !log.exists() {
        return;
    }
    if let Err(error) = std::fs::write(log, truncated(message, BYTES_MAX)) {
        tracing::warn!(%error, "the termination log could not be written");
    }
}

fn truncated(text: &str, bytes_max: usize) -> &str {
    let mut end = bytes_max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        write_to(&log, "nobody looks");
        assert!(!log.exists());
        std::fs::write(&log, "").unwrap();
        write_to(&log, &format!("{}ä", "x".repeat(BYTES_MAX - 1)));
        assert_eq!(std::fs::read_to_string(&log).unwrap(), "x".repeat(BYTES_MAX - 1));
    }
}
