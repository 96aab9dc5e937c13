//! The keys of a job's objects, relative to the job's root.
//!
//! Numbers are padded with zeros to 20 digits, so that a listing is in the order of attempts
//! and epochs.

use sabot_types::{Attempt, Epoch};

/// The one object that orders everything.
pub const CONTROL: &str = "control.json";

/// Prefix of the manifests of checkpoints.
pub const CHECKPOINTS: &str = "chk/";

/// Prefix of the segments of checkpoints.
pub const SEGMENTS: &str = "seg/";

/// Prefix of savepoints.
pub const SAVEPOINTS: &str = "savepoints/";

/// Prefix of the short-lived objects that try out what a store can do.
pub const PROBES: &str = "probe/";

/// The manifest's name within a savepoint's folder.
pub const MANIFEST: &str = "manifest";

/// The manifest of a checkpoint.
pub fn checkpoint_manifest(attempt: Attempt, epoch: Epoch) -> String {
    format!("{CHECKPOINTS}{:020}/{:020}/{MANIFEST}", attempt.get(), epoch.get())
}

/// A segment that `slot` wrote for an epoch: the one with this number.
pub fn segment(attempt: Attempt, epoch: Epoch, slot: u32, part: u32) -> String {
    format!("{SEGMENTS}{:020}/{:020}-{slot:05}-{part:05}", attempt.get(), epoch.get())
}

/// The folder of a savepoint, without a slash at the end.
pub fn savepoint(id: &str) -> String {
    format!("{SAVEPOINTS}{id}")
}

/// Where a checkpoint's segment goes within a savepoint's folder.
///
/// One flat folder; attempt, epoch and slot stay in the name, so that segments of several epochs
/// never meet.
pub fn savepoint_segment(segment_key: &str) -> String {
    let name = segment_key.strip_prefix(SEGMENTS).unwrap_or(segment_key);
    format!("{SEGMENTS}{}", name.replace('/', "-"))
}

/// What an object is, by its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectKind {
    /// The manifest of a checkpoint.
    Manifest {
        /// The attempt that wrote it.
        attempt: Attempt,
        /// Its epoch.
        epoch: Epoch,
    },
    /// A segment of a checkpoint.
    Segment {
        /// The attempt that wrote it.
        attempt: Attempt,
        /// Its epoch.
        epoch: Epoch,
    },
    /// A part of a savepoint, the control record, a probe, or nothing of ours.
    Other,
}

/// Reads a key.
pub fn parse(key: &str) -> ObjectKind {
    parse_checkpoint(key).or_else(|| parse_segment(key)).unwrap_or(ObjectKind::Other)
}

fn parse_checkpoint(key: &str) -> Option<ObjectKind> {
    let (attempt, rest) = key.strip_prefix(CHECKPOINTS)?.split_once('/')?;
    let (epoch, name) = rest.split_once('/')?;
    (name == MANIFEST).then_some(())?;
    Some(ObjectKind::Manifest {
        attempt: Attempt::new(number(attempt)?),
        epoch: Epoch::new(number(epoch)?),
    })
}

fn parse_segment(key: &str) -> Option<ObjectKind> {
    let (attempt, rest) = key.strip_prefix(SEGMENTS)?.split_once('/')?;
    let (epoch, rest) = rest.split_once('-')?;
    let (slot, part) = rest.split_once('-')?;
    slot.parse::<u32>().ok()?;
    part.parse::<u32>().ok()?;
    Some(ObjectKind::Segment {
        attempt: Attempt::new(number(attempt)?),
        epoch: Epoch::new(number(epoch)?),
    })
}

fn number(text: &str) -> Option<u64> {
    (text.len() == 20).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_back_as_what_they_are() {
        let (attempt, epoch) = (Attempt::new(3), Epoch::new(70));
        assert_eq!(
            parse(&checkpoint_manifest(attempt, epoch)),
            ObjectKind::Manifest { attempt, epoch }
        );
        assert_eq!(parse(&segment(attempt, epoch, 4, 0)), ObjectKind::Segment { attempt, epoch });
        for other in ["control.json", "savepoints/a/manifest", "chk/1/2/manifest", "seg/x", "mine"]
        {
            assert_eq!(parse(other), ObjectKind::Other, "{other}");
        }
    }

    #[test]
    fn a_listing_is_in_the_order_of_attempts_and_epochs() {
        let key = |a, e| checkpoint_manifest(Attempt::new(a), Epoch::new(e));
        assert!(key(9, 1) < key(10, 1));
        assert!(key(1, 99) < key(1, 100));
        assert!(key(1, 100) < key(2, 3));
    }

    #[test]
    fn segments_of_different_attempts_do_not_meet_in_a_savepoint() {
        let one = savepoint_segment(&segment(Attempt::new(1), Epoch::new(2), 0, 0));
        let other = savepoint_segment(&segment(Attempt::new(2), Epoch::new(2), 0, 0));
        assert_ne!(one, other);
        assert_eq!(one.matches('/').count(), 1);
    }
}
