//! Runs by their first rows, the earliest first.
//!
//! Which of two runs with the same first row comes first decides which match is found. It is as in
//! Flink, whose queues are those of Java: so this is a heap that moves its elements as that one does.

use super::runs::Run;

/// A heap; its runs lie in the order in which Flink visits them.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Queue(Vec<Run>);

impl Queue {
    pub(super) fn as_slice(&self) -> &[Run] {
        &self.0
    }

    /// The one with the earliest first row.
    pub(super) fn first(&self) -> Option<&Run> {
        self.0.first()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn push(&mut self, run: Run) {
        self.0.push(run);
        let mut at = self.0.len() - 1;
        while at > 0 {
            let parent = (at - 1) / 2;
            if run.start >= self.0[parent].start {
                break;
            }
            self.0.swap(at, parent);
            at = parent;
        }
    }

    pub(super) fn pop(&mut self) -> Option<Run> {
        let last = self.0.pop()?;
        let Some(first) = self.0.first().copied() else { return Some(last) };
        self.0[0] = last;
        self.sink(0);
        Some(first)
    }

    /// Keeps only some runs.
    pub(super) fn retain(&mut self, keep: impl Fn(&Run) -> bool) {
        let before = self.0.len();
        self.0.retain(keep);
        if self.0.len() < before {
            (0..self.0.len() / 2).rev().for_each(|at| self.sink(at));
        }
    }

    fn sink(&mut self, mut at: usize) {
        let half = self.0.len() / 2;
        while at < half {
            let (left, right) = (2 * at + 1, 2 * at + 2);
            let is_right = right < self.0.len() && self.0[left].start > self.0[right].start;
            let child = if is_right { right } else { left };
            if self.0[at].start <= self.0[child].start {
                break;
            }
            self.0.swap(at, child);
            at = child;
        }
    }
}
