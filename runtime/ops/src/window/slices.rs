//! Which window a row lies in.

use std::collections::BTreeMap;

use arrow::array::TimestampMillisecondArray;
use arrow::compute::{max, min};
use sabot_core::plan::Window;
use sabot_core::{Error, Result};
use sabot_types::EventTime;

/// Times and window sizes beyond this (some 36 million years) are refused, so that no sum of
/// them overflows.
pub(super) const TIME_MAX_MS: i64 = 1 << 60;

/// Tumbling windows. A window is known by its end, the first millisecond after it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tumbling {
    size: i64,
    offset: i64,
}

/// The rows of a batch by their windows; late rows are left out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Split {
    /// Rows of the batch, those of a window next to each other and in their order.
    pub(super) rows: Vec<u32>,
    /// Ends of windows with their number of rows, in the order of `rows`.
    pub(super) windows: Vec<(i64, usize)>,
    pub(super) late_rows: usize,
}

/// Whether the watermark has passed the window: it has fired, and its rows are late.
pub(super) fn is_over(end: i64, watermark: EventTime) -> bool {
    end.saturating_sub(1) <= watermark.millis()
}

impl Tumbling {
    pub(super) fn new(operator: &str, window: Window) -> Result<Self> {
        let Window::Tumble { size_ms, offset_ms } = window;
        if !(1..=TIME_MAX_MS).contains(&size_ms) || !(0..size_ms).contains(&offset_ms) {
            return Err(Error::user(format!(
                "operator {operator}: windows of {size_ms} ms with offset {offset_ms} ms: the \
                 size must be at least 1 ms, and the offset from 0 to below the size"
            )));
        }
        Ok(Self { size: size_ms, offset: offset_ms })
    }

    /// The end of the window that `time` lies in.
    pub(super) fn end_of(self, time: i64) -> i64 {
        time - (time - self.offset).rem_euclid(self.size) + self.size
    }

    /// The first millisecond of the window that ends at `end`.
    pub(super) fn start_of(self, end: i64) -> i64 {
        end - self.size
    }

    /// The ends of the first and the last window of some times without null, at least one; or
    /// a time that is out of range.
    pub(super) fn ends(self, times: &TimestampMillisecondArray) -> Result<(i64, i64), i64> {
        let first = min(times).unwrap_or(0);
        let last = max(times).unwrap_or(0);
        match [first, last].into_iter().find(|time| time.abs_diff(0) > TIME_MAX_MS as u64) {
            Some(time) => Err(time),
            None => Ok((self.end_of(first), self.end_of(last))),
        }
    }

    /// Sorts rows into windows by counting.
    pub(super) fn split(self, times: &[i64], watermark: EventTime) -> Split {
        let mut known = BTreeMap::new();
        let mut windows: Vec<(i64, usize)> = Vec::new();
        // Neighbours mostly lie in the same window: look up only when it changes.
        let mut current = 0;
        let mut window_of = Vec::with_capacity(times.len());
        for time in times {
            let in_current = windows.get(current).is_some_and(|(end, _)| {
                let start = self.start_of(*end);
                (start..*end).contains(time)
            });
            if !in_current {
                let end = self.end_of(*time);
                current = *known.entry(end).or_insert_with(|| {
                    windows.push((end, 0));
                    windows.len() - 1
                });
            }
            windows[current].1 += 1;
            window_of.push(current);
        }
        let mut late_rows = 0;
        let mut kept = 0;
        // Where the next row of each window goes; none when the window is over.
        let mut next: Vec<Option<usize>> = Vec::with_capacity(windows.len());
        for (end, count) in &windows {
            if is_over(*end, watermark) {
                late_rows += count;
                next.push(None);
            } else {
                next.push(Some(kept));
                kept += count;
            }
        }
        let mut rows = vec![0; kept];
        for (row, window) in (0_u32..).zip(window_of) {
            if let Some(place) = &mut next[window] {
                rows[*place] = row;
                *place += 1;
            }
        }
        windows.retain(|(end, _)| !is_over(*end, watermark));
        Split { rows, windows, late_rows }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tumbling(size_ms: i64, offset_ms: i64) -> Tumbling {
        Tumbling::new("op", Window::Tumble { size_ms, offset_ms }).unwrap()
    }

    #[test]
    fn windows_begin_at_the_offset_and_hold_their_start_but_not_their_end() {
        let windows = tumbling(10, 3);
        for (time, end) in [(3, 13), (12, 13), (13, 23), (2, 3), (0, 3), (-7, 3), (-8, -7)] {
            assert_eq!(windows.end_of(time), end, "{time}");
            assert!((windows.start_of(end)..end).contains(&time));
        }
    }

    #[test]
    fn a_window_is_over_when_the_watermark_reaches_its_last_millisecond() {
        assert!(!is_over(10, EventTime::from_millis(8)));
        assert!(is_over(10, EventTime::from_millis(9)));
        assert!(!is_over(10, EventTime::MIN));
        assert!(is_over(i64::MIN + 1, EventTime::MIN));
        assert!(is_over(10, EventTime::MAX));
    }

    #[test]
    fn rows_are_grouped_by_window_in_their_order_without_the_late() {
        let split = tumbling(10, 0).split(&[5, 15, 25, 6, 16, 17, 5], EventTime::from_millis(9));
        assert_eq!(split.late_rows, 3);
        assert_eq!(split.windows, [(20, 3), (30, 1)]);
        assert_eq!(split.rows, [1, 4, 5, 2]);
    }

    #[test]
    fn times_out_of_range_are_told() {
        let windows = tumbling(10, 0);
        for time in [i64::MIN, i64::MAX, TIME_MAX_MS + 1] {
            let times = TimestampMillisecondArray::from(vec![0, time]);
            assert_eq!(windows.ends(&times), Err(time));
        }
        let times = TimestampMillisecondArray::from(vec![-TIME_MAX_MS, TIME_MAX_MS]);
        assert!(tumbling(TIME_MAX_MS, TIME_MAX_MS - 1).ends(&times).is_ok());
    }

    #[test]
    fn impossible_windows_are_refused() {
        for (size_ms, offset_ms) in [(0, 0), (-5, 0), (10, 10), (10, -1), (i64::MAX, 0)] {
            assert!(Tumbling::new("op", Window::Tumble { size_ms, offset_ms }).is_err());
        }
    }
}
