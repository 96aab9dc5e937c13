//! Rows in their order, key by key, and which of them each answer is over.

use std::ops::Range;

use sabot_core::plan::Frame;

/// The rows of one key, which lie next to each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeyRows {
    /// Its first row that is answered; those before it are only there to be looked at.
    pub(super) first: usize,
    /// All its rows.
    pub(super) all: Range<usize>,
}

impl KeyRows {
    /// The rows that are answered.
    pub(super) fn answered(&self) -> Range<usize> {
        self.first..self.all.end
    }
}

/// The frame of each row that is answered, key by key.
#[derive(Debug)]
pub(super) struct Frames {
    pub(super) keys: Vec<KeyRows>,
    bounds: Vec<Range<usize>>,
}

impl Frames {
    /// The frames of rows whose places in the order are `order`: equal for rows that are equal in
    /// it, and milliseconds where the frame reaches back by time.
    pub(super) fn new(frame: Frame, keys: Vec<KeyRows>, order: &[i64]) -> Self {
        let mut bounds = Vec::new();
        for key in &keys {
            let (mut start, mut end) = (key.all.start, key.first);
            for row in key.answered() {
                if end <= row {
                    end = row + 1;
                    let has_peers = matches!(frame, Frame::Range(_));
                    while has_peers && end < key.all.end && order[end] == order[row] {
                        end += 1;
                    }
                }
                match frame {
                    // What comes before is in the results that are carried on.
                    Frame::Rows(None) | Frame::Range(None) => start = key.first,
                    Frame::Rows(Some(before)) => {
                        start = start.max(row.saturating_sub(before));
                    }
                    Frame::Range(Some(ms)) => {
                        while order[start] < order[row].saturating_sub(ms) {
                            start += 1;
                        }
                    }
                }
                bounds.push(start..end);
            }
        }
        Self { keys, bounds }
    }

    /// How many rows are answered.
    pub(super) fn len(&self) -> usize {
        self.bounds.len()
    }

    /// For each key its rows, and the frames of those that are answered; neither begin nor end of
    /// a frame lies before that of the row before.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&KeyRows, &[Range<usize>])> {
        let mut at = 0;
        self.keys.iter().map(move |key| {
            let frames = &self.bounds[at..at + key.answered().len()];
            at += frames.len();
            (key, frames)
        })
    }

    /// For each key the number of its last answer, among all.
    pub(super) fn last_answers(&self) -> impl Iterator<Item = Option<u32>> {
        let mut end = 0;
        self.keys.iter().map(move |key| {
            let count = key.answered().len();
            end += count;
            (count > 0).then(|| end as u32 - 1)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(frame: Frame) -> Vec<Range<usize>> {
        // Two keys; the first has two rows that were answered before.
        let keys = vec![KeyRows { first: 2, all: 0..6 }, KeyRows { first: 6, all: 6..8 }];
        Frames::new(frame, keys, &[1, 4, 5, 5, 7, 9, 5, 5]).bounds
    }

    #[test]
    fn frames_by_rows_end_with_the_row() {
        assert_eq!(bounds(Frame::Rows(Some(2))), [0..3, 1..4, 2..5, 3..6, 6..7, 6..8]);
        assert_eq!(bounds(Frame::Rows(Some(0))), [2..3, 3..4, 4..5, 5..6, 6..7, 7..8]);
        assert_eq!(bounds(Frame::Rows(None)), [2..3, 2..4, 2..5, 2..6, 6..7, 6..8]);
    }

    #[test]
    fn frames_by_range_end_with_the_rows_peers() {
        assert_eq!(bounds(Frame::Range(Some(2))), [1..4, 1..4, 2..5, 4..6, 6..8, 6..8]);
        assert_eq!(bounds(Frame::Range(Some(1))), [1..4, 1..4, 4..5, 5..6, 6..8, 6..8]);
        assert_eq!(bounds(Frame::Range(None)), [2..4, 2..4, 2..5, 2..6, 6..8, 6..8]);
    }
}
