//! Immutable bytes that cost no allocation while they are short.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::sync::Arc;

/// What fits beside the length byte and the tag in the size of an `Arc<[u8]>` and a word.
const INLINE_MAX: usize = 22;

/// Bytes that are cheap to clone; ordered as slices are.
#[derive(Clone)]
pub(super) enum SmallBytes {
    Inline { len: u8, bytes: [u8; INLINE_MAX] },
    Shared(Arc<[u8]>),
}

impl SmallBytes {
    pub(super) fn new(from: &[u8]) -> Self {
        if from.len() > INLINE_MAX {
            return Self::Shared(from.into());
        }
        let mut bytes = [0; INLINE_MAX];
        bytes[..from.len()].copy_from_slice(from);
        Self::Inline { len: from.len() as u8, bytes }
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Inline { len, bytes } => &bytes[..usize::from(*len)],
            Self::Shared(bytes) => bytes,
        }
    }
}

impl Borrow<[u8]> for SmallBytes {
    fn borrow(&self) -> &[u8] {
        self.as_slice()
    }
}

impl PartialEq for SmallBytes {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for SmallBytes {}

impl PartialOrd for SmallBytes {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SmallBytes {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_slice().cmp(other.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_bytes_are_ordered_as_slices() {
        let all: Vec<Vec<u8>> = (0..40).map(|n| vec![b'x'; n]).collect();
        for a in &all {
            for b in &all {
                assert_eq!(SmallBytes::new(a).cmp(&SmallBytes::new(b)), a.cmp(b));
            }
            assert_eq!(SmallBytes::new(a).as_slice(), a);
        }
    }

    #[test]
    fn a_handle_takes_three_words() {
        assert_eq!(size_of::<SmallBytes>(), 24);
    }
}
