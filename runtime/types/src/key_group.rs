//! Key groups: the unit in which keyed state is routed, stored and moved.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// One slice of the key space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyGroup(u16);

impl KeyGroup {
    /// Wraps an index below the job's [`KeyGroupCount`].
    pub const fn new(index: u16) -> Self {
        Self(index)
    }

    /// The index.
    pub const fn index(self) -> u16 {
        self.0
    }
}

impl fmt::Display for KeyGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How many key groups a job has: a power of two from 1 to 32,768, fixed at its first start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct KeyGroupCount(u16);

/// A count that is not a power of two from 1 to 32,768.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} key groups: expected a power of two from 1 to 32768")]
pub struct InvalidKeyGroupCount(pub u32);

impl KeyGroupCount {
    /// What a job gets that does not say: 1,024.
    pub const DEFAULT: Self = Self(1024);

    /// Checks the count.
    pub const fn new(count: u32) -> Result<Self, InvalidKeyGroupCount> {
        if count.is_power_of_two() && count <= 32_768 {
            Ok(Self(count as u16))
        } else {
            Err(InvalidKeyGroupCount(count))
        }
    }

    /// The count.
    pub const fn get(self) -> u32 {
        self.0 as u32
    }

    /// The key group of a key hash: its top bits.
    #[inline]
    pub const fn group_of(self, hash: u64) -> KeyGroup {
        // The widening keeps a count of 1 from shifting by 64.
        KeyGroup(((hash as u128 * self.0 as u128) >> 64) as u16)
    }

    /// All key groups.
    pub const fn full_range(self) -> KeyGroupRange {
        KeyGroupRange { start: 0, end: self.0 }
    }

    /// The contiguous range that subtask `index` of `parallelism` owns.
    ///
    /// The ranges of all subtasks are disjoint, cover every group and differ by at most one in
    /// size. `parallelism` must not be above the count, `index` must be below `parallelism`.
    pub const fn range_of(self, index: u32, parallelism: u32) -> KeyGroupRange {
        assert!(parallelism >= 1 && parallelism <= self.0 as u32 && index < parallelism);
        let count = self.0 as u64;
        let start = count * index as u64 / parallelism as u64;
        let end = count * (index as u64 + 1) / parallelism as u64;
        KeyGroupRange { start: start as u16, end: end as u16 }
    }

    /// The subtask that owns `group`: the inverse of [`Self::range_of`].
    #[inline]
    pub const fn owner_of(self, group: KeyGroup, parallelism: u32) -> u32 {
        let p = parallelism as u64;
        ((p * (group.0 as u64 + 1) - 1) / self.0 as u64) as u32
    }
}

impl TryFrom<u32> for KeyGroupCount {
    type Error = InvalidKeyGroupCount;
    fn try_from(count: u32) -> Result<Self, InvalidKeyGroupCount> {
        Self::new(count)
    }
}

impl From<KeyGroupCount> for u32 {
    fn from(count: KeyGroupCount) -> u32 {
        count.get()
    }
}

impl fmt::Display for KeyGroupCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A half-open range of key groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct KeyGroupRange {
    start: u16,
    end: u16,
}

impl KeyGroupRange {
    /// The groups from `start` up to and without `end`; empty when `end <= start`.
    pub const fn new(start: u16, end: u16) -> Self {
        Self { start, end }
    }

    /// The first group's index.
    pub const fn start(self) -> u16 {
        self.start
    }

    /// One past the last group's index.
    pub const fn end(self) -> u16 {
        self.end
    }

    /// Whether the range holds no group.
    pub const fn is_empty(self) -> bool {
        self.end <= self.start
    }

    /// Whether `group` lies in the range.
    pub const fn contains(self, group: KeyGroup) -> bool {
        self.start <= group.0 && group.0 < self.end
    }

    /// The groups that lie in both ranges.
    #[must_use]
    pub fn intersect(self, other: Self) -> Self {
        Self { start: self.start.max(other.start), end: self.end.min(other.end) }
    }

    /// The groups' indexes.
    pub const fn indexes(self) -> Range<u16> {
        self.start..self.end
    }
}

impl fmt::Display for KeyGroupRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_has_one_owner_and_the_ranges_agree_with_it() {
        for count in [1, 2, 8, 128, 1024, 32_768] {
            let count = KeyGroupCount::new(count).unwrap();
            for parallelism in 1..=count.get().min(37) {
                for group in 0..count.get() as u16 {
                    let group = KeyGroup::new(group);
                    let owner = count.owner_of(group, parallelism);
                    assert!(count.range_of(owner, parallelism).contains(group));
                }
            }
        }
    }

    #[test]
    fn groups_are_the_top_bits_of_the_hash() {
        let count = KeyGroupCount::DEFAULT;
        assert_eq!(count.group_of(0).index(), 0);
        assert_eq!(count.group_of(u64::MAX).index(), 1023);
        assert_eq!(count.group_of(0x0040_0000_0000_0000).index(), 1);
        assert_eq!(KeyGroupCount::new(1).unwrap().group_of(u64::MAX).index(), 0);
    }

    #[test]
    fn counts_that_are_no_power_of_two_are_refused() {
        for bad in [0, 3, 1000, 65_536] {
            assert!(KeyGroupCount::new(bad).is_err());
        }
    }
}
