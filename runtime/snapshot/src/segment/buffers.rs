//! Memory of segments, used again for the next ones: what is new to the process has to be cleared
//! first, which takes longer than to fill it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::store::DIRECT_BYTES;

/// Buffers of one size that nobody uses.
#[derive(Debug, Clone)]
pub(super) struct Buffers {
    free: Arc<Mutex<Free>>,
    capacity: usize,
    /// How many are kept at most while no segments are made.
    kept: usize,
}

#[derive(Debug, Default)]
struct Free {
    buffers: Vec<Vec<u8>>,
    /// How many [`InUse`] there are.
    in_use: usize,
}

/// As long as it is there, all buffers are kept.
#[derive(Debug)]
pub(super) struct InUse(Buffers);

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
    /// Buffers in which there is room for so many bytes; so many are kept at most while none are in use.
    pub(super) fn new(bytes: usize, kept: usize) -> Self {
        Self { free: Arc::default(), capacity: bytes + DIRECT_BYTES, kept }
    }

    /// Segments are made from now on.
    pub(super) fn in_use(&self) -> InUse {
        self.free().in_use += 1;
        InUse(self.clone())
    }

    fn free(&self) -> MutexGuard<'_, Free> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An empty buffer.
    pub(super) fn take(&self) -> Buffer {
        let free = self.free().buffers.pop();
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

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        self.buffer.as_ref()
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        let mut free = self.0.free();
        free.in_use -= 1;
        if free.in_use == 0 {
            free.buffers.truncate(self.0.kept);
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.buffer.bytes);
        // One that had to grow is larger than others will need.
        let mut free = self.home.free();
        let is_kept = free.in_use > 0 || free.buffers.len() < self.home.kept;
        if bytes.capacity() <= self.home.capacity && is_kept {
            free.buffers.push(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_used_again_when_nobody_has_it_any_more() {
        let buffers = Buffers::new(100, 2);
        let in_use = buffers.in_use();
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
        drop(free);
        let kept = || buffers.free().buffers.len();
        assert_eq!(kept(), 3);
        let late = filled(5, 1);
        drop(in_use);
        drop(late);
        assert_eq!(kept(), 2, "no more are kept");
        // One that is larger than expected is whole too.
        assert_eq!(filled(6, 2 * DIRECT_BYTES), vec![6; 2 * DIRECT_BYTES]);
    }
}
