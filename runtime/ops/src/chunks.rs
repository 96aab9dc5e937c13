//! A list that grows without a copy of what is there: a doubling of some tens of megabytes would hold up
//! the rows behind it.

use std::ops::{Index, IndexMut};

/// Elements of a chunk.
const CHUNK: usize = 1024;

/// Elements in chunks of the same length, all but the last one full.
pub(crate) struct Chunks<T>(Vec<Vec<T>>);

impl<T> Chunks<T> {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn len(&self) -> usize {
        match self.0.split_last() {
            Some((last, full)) => full.len() * CHUNK + last.len(),
            None => 0,
        }
    }

    pub(crate) fn push(&mut self, element: T) {
        match self.0.last_mut() {
            Some(last) if last.len() < CHUNK => last.push(element),
            _ => {
                // The first one grows: most lists are short.
                let room = if self.0.is_empty() { 1 } else { CHUNK };
                let mut next = Vec::with_capacity(room);
                next.push(element);
                self.0.push(next);
            }
        }
    }

    pub(crate) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        self.0.get_mut(at / CHUNK)?.get_mut(at % CHUNK)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flatten()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut().flatten()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Keeps the elements of which `keep` says so, in their order.
    pub(crate) fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        let before = std::mem::take(&mut self.0);
        before.into_iter().flatten().filter(keep).for_each(|element| self.push(element));
    }
}

impl<T> Index<usize> for Chunks<T> {
    type Output = T;

    fn index(&self, at: usize) -> &T {
        &self.0[at / CHUNK][at % CHUNK]
    }
}

impl<T> IndexMut<usize> for Chunks<T> {
    fn index_mut(&mut self, at: usize) -> &mut T {
        &mut self.0[at / CHUNK][at % CHUNK]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_where_they_were_put_and_keep_their_order() {
        let mut chunks = Chunks::new();
        assert_eq!((chunks.len(), chunks.iter().count()), (0, 0));
        let count = 3 * CHUNK + 5;
        for n in 0..count {
            chunks.push(n);
            assert_eq!((chunks.len(), chunks[n]), (n + 1, n));
        }
        assert!(chunks.iter().copied().eq(0..count));
        assert!(chunks.get_mut(count).is_none() && chunks.get_mut(4 * CHUNK).is_none());
        chunks.iter_mut().for_each(|n| *n *= 2);
        chunks[CHUNK] = 1;
        assert_eq!(chunks.get_mut(CHUNK), Some(&mut 1));
        chunks.retain(|n| n % 4 == 0);
        assert!(chunks.iter().copied().eq((0..2 * count).step_by(4).filter(|n| *n != 2 * CHUNK)));
        chunks.push(7);
        assert_eq!(chunks[chunks.len() - 1], 7);
        chunks.clear();
        assert_eq!(chunks.len(), 0);
    }
}
