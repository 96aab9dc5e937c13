//! Memory of segments, used again for the next ones: what is new to the process has to be cleared
//! first, which takes longer than to fill it.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::store::DIRECT_BYTES;

/// Buffers of one size that nobody uses.
#[derive(Debug, Clone)]
pub(super) struct Buffers {
    free: Arc<Mutex<Vec<Vec<u8>>>>,
    capacity: usize,
}

/// A buffer that is being filled.
#[derive(Debug)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    /// Where its content starts: at a multiple of [`DIRECT_BYTES`] in memory, as long as it is not
    /// larger than expected.
    start: usize,
}

/// A buffer that was filled, and where it belongs to.
struct Lent {
    buffer: Buffer,
    home: Buffers,
}

impl Buffers {
    /// Buffers in which there is room for so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        Self { free: Arc::default(), capacity: bytes + DIRECT_BYTES }
    }

    /// An empty buffer.
    pub(super) fn take(&self) -> Buffer {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut bytes = free.unwrap_or_else(|| Vec::with_capacity(self.capacity));
        let start = bytes.as_ptr().align_offset(DIRECT_BYTES).min(DIRECT_BYTES);
        bytes.clear();
        bytes.resize(start, 0);
        Buffer { bytes, start }
    }

    /// What is in a buffer, whose memory is used again when nobody has it any more.
    pub(super) fn freeze(&self, buffer: Buffer) -> Bytes {
        Bytes::from_owner(Lent { buffer, home: self.clone() })
    }
}

impl Buffer {
    /// How much is in it.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// Where more is appended.
    pub(super) fn end(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer.bytes[self.buffer.start..]
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.buffer.bytes);
        // One that had to grow is larger than others will need.
        if bytes.capacity() <= self.home.capacity {
            self.home.free.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_used_again_when_nobody_has_it_any_more() {
        let buffers = Buffers::new(100);
        let filled = |byte: u8, bytes: usize| {
            let mut buffer = buffers.take();
            buffer.end().extend(std::iter::repeat_n(byte, bytes));
            assert_eq!(buffer.len(), bytes);
            buffers.freeze(buffer)
        };
        let (one, two) = (filled(1, 100), filled(2, 3));
        assert_eq!(one.as_ptr().align_offset(DIRECT_BYTES), 0);
        assert_ne!(one.as_ptr(), two.as_ptr());
        let (place, copy) = (one.as_ptr(), one.clone());
        drop(one);
        assert_ne!(filled(3, 1).as_ptr(), place, "somebody still has it");
        assert_eq!(copy, vec![1; 100]);
        drop(copy);
        assert_eq!(filled(4, 7), vec![4; 7]);
        let free: Vec<_> = std::iter::repeat_with(|| filled(5, 1)).take(3).collect();
        assert!(free.iter().any(|bytes| bytes.as_ptr() == place));
        // One that is larger than expected is whole too.
        assert_eq!(filled(6, 2 * DIRECT_BYTES), vec![6; 2 * DIRECT_BYTES]);
    }
}
