//! Which slice a row lies in, and which windows a slice lies in.

use std::collections::BTreeMap;

use arrow::array::TimestampMillisecondArray;
use arrow::compute::{max, min};
use sabot_core::plan::{Steps, Window};
use sabot_core::{Error, Result};
use sabot_types::EventTime;

/// Times and window sizes beyond this (some 36 million years) are refused, so that no sum of
/// them overflows.
pub(super) const TIME_MAX_MS: i64 = 1 << 60;

/// Windows made of slices. A row lies in one slice, a slice in one window or in several; both
/// are known by their end, the first millisecond after them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slices {
    /// A slice's length.
    step: i64,
    /// The longest window's length.
    size: i64,
    offset: i64,
    sharing: Sharing,
}

/// Which windows a slice lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sharing {
    /// The one that ends with it and is as long as the longest.
    Alone,
    /// As [`Self::Alone`], but the window begins where the windows' size begins anew.
    AloneFromBegin,
    /// Those of the same size that end with it or later.
    Overlapping,
    /// Those with the same begin that end with it or later.
    Growing,
}

/// The rows of a batch by their slices; late rows are left out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Split {
    /// Rows of the batch, those of a slice next to each other and in their order.
    pub(super) rows: Vec<u32>,
    /// Ends of slices with their number of rows, in the order of `rows`.
    pub(super) slices: Vec<(i64, usize)>,
    pub(super) late_rows: usize,
}

/// Whether the watermark has passed the window: it has fired, and its rows are late.
pub(super) fn is_over(end: i64, watermark: EventTime) -> bool {
    end.saturating_sub(1) <= watermark.millis()
}

/// What namespaces of windows mean, in a state's description.
pub(super) fn namespace_of(window: Window) -> String {
    let named = |of: &str, name: &str, Steps { step_ms, size_ms, offset_ms }: Steps| {
        format!("{of} {name}({step_ms},{size_ms},{offset_ms})")
    };
    match window {
        Window::Tumble { size_ms, offset_ms } => {
            format!("window-end tumble({size_ms},{offset_ms})")
        }
        Window::Hop(steps) => named("slice-end", "hop", steps),
        Window::Cumulate(steps) => named("slice-end", "cumulate", steps),
        Window::HopResults(steps) => named("window-end", "hop", steps),
        Window::CumulateResults(steps) => named("window-end", "cumulate", steps),
        Window::Session { gap_ms } => format!("session({gap_ms})"),
    }
}

/// The first and the last of some times without null, at least one; or a time that is out of
/// range.
pub(crate) fn range_of(times: &TimestampMillisecondArray) -> Result<(i64, i64), i64> {
    let first = min(times).unwrap_or(0);
    let last = max(times).unwrap_or(0);
    match [first, last].into_iter().find(|time| time.abs_diff(0) > TIME_MAX_MS as u64) {
        Some(time) => Err(time),
        None => Ok((first, last)),
    }
}

/// The error of a row time that is out of range.
pub(crate) fn out_of_range(operator: &str, time: i64) -> Error {
    Error::user(format!(
        "operator {operator}: the row time {time} ms is out of range: it must lie within {} years \
         of 1970",
        TIME_MAX_MS / (365 * 24 * 3_600_000)
    ))
}

impl Slices {
    pub(super) fn new(operator: &str, window: Window) -> Result<Self> {
        let (steps, sharing) = match window {
            Window::Tumble { size_ms, offset_ms } => {
                (Steps { step_ms: size_ms, size_ms, offset_ms }, Sharing::Alone)
            }
            Window::Hop(steps) => (steps, Sharing::Overlapping),
            Window::Cumulate(steps) => (steps, Sharing::Growing),
            Window::HopResults(steps) => (steps, Sharing::Alone),
            Window::CumulateResults(steps) => (steps, Sharing::AloneFromBegin),
            Window::Session { .. } => {
                return Err(Error::user(format!("operator {operator}: sessions have no slices")));
            }
        };
        let Steps { step_ms, size_ms, offset_ms } = steps;
        if !(1..=TIME_MAX_MS).contains(&size_ms) || !(0..size_ms.max(step_ms)).contains(&offset_ms)
        {
            return Err(Error::user(format!(
                "operator {operator}: windows of {size_ms} ms with offset {offset_ms} ms: the \
                 size must be at least 1 ms, and the offset from 0 to below the size"
            )));
        }
        // Of results each slice ends with its only window.
        if step_ms < 1 || (sharing != Sharing::Alone && size_ms % step_ms != 0) {
            return Err(Error::user(format!(
                "operator {operator}: windows of {size_ms} ms with a step of {step_ms} ms: the \
                 size must be a multiple of the step"
            )));
        }
        Ok(Self { step: step_ms, size: size_ms, offset: offset_ms, sharing })
    }

    /// Which windows a slice lies in.
    pub(super) fn sharing(self) -> Sharing {
        self.sharing
    }

    /// From the end of a window to that of the next.
    pub(super) fn step(self) -> i64 {
        self.step
    }

    /// The end of the slice that `time` lies in.
    pub(super) fn end_of(self, time: i64) -> i64 {
        time - (time - self.offset).rem_euclid(self.step) + self.step
    }

    /// The end of the last slice that is over at `time`.
    pub(super) fn last_over(self, time: i64) -> i64 {
        self.end_of(time) - self.step
    }

    /// The first millisecond of the window that ends at `end`.
    pub(super) fn start_of(self, end: i64) -> i64 {
        match self.sharing {
            Sharing::Alone | Sharing::Overlapping => end - self.size,
            Sharing::AloneFromBegin | Sharing::Growing => {
                end - 1 - (end - 1 - self.offset).rem_euclid(self.size)
            }
        }
    }

    /// The end of the first slice of the window that ends at `end`.
    pub(super) fn first_slice_of(self, end: i64) -> i64 {
        self.start_of(end) + self.step
    }

    /// The end of the last window that the slice lies in: afterwards its rows are late.
    pub(super) fn last_window_of(self, slice: i64) -> i64 {
        match self.sharing {
            Sharing::Alone | Sharing::AloneFromBegin => slice,
            Sharing::Overlapping => slice - self.step + self.size,
            Sharing::Growing => self.start_of(slice) + self.size,
        }
    }

    /// Whether all windows of a slice have fired.
    pub(super) fn is_late(self, slice: i64, watermark: EventTime) -> bool {
        is_over(self.last_window_of(slice), watermark)
    }

    /// The end of the first window of a slice that has not fired at `watermark`, provided that
    /// there is one.
    pub(super) fn next_window_of(self, slice: i64, watermark: EventTime) -> i64 {
        match self.sharing {
            Sharing::Alone | Sharing::AloneFromBegin => slice,
            Sharing::Overlapping | Sharing::Growing => {
                let bound = 2 * TIME_MAX_MS;
                slice.max(self.end_of(watermark.millis().clamp(-bound, bound) + 1))
            }
        }
    }

    /// The ends of the first and the last slice of some times without null, at least one; or
    /// a time that is out of range.
    pub(super) fn ends(self, times: &TimestampMillisecondArray) -> Result<(i64, i64), i64> {
        let (first, last) = range_of(times)?;
        Ok((self.end_of(first), self.end_of(last)))
    }

    /// Sorts rows into slices by counting.
    pub(super) fn split(self, times: &[i64], watermark: EventTime) -> Split {
        let mut known = BTreeMap::new();
        let mut slices: Vec<(i64, usize)> = Vec::new();
        // Neighbours mostly lie in the same slice: look up only when it changes.
        let mut current = 0;
        let mut slice_of = Vec::with_capacity(times.len());
        for time in times {
            let in_current =
                slices.get(current).is_some_and(|(end, _)| (*end - self.step..*end).contains(time));
            if !in_current {
                let end = self.end_of(*time);
                current = *known.entry(end).or_insert_with(|| {
                    slices.push((end, 0));
                    slices.len() - 1
                });
            }
            slices[current].1 += 1;
            slice_of.push(current);
        }
        let mut late_rows = 0;
        let mut kept = 0;
        // Where the next row of each slice goes; none when its windows are over.
        let mut next: Vec<Option<usize>> = Vec::with_capacity(slices.len());
        for (end, count) in &slices {
            if self.is_late(*end, watermark) {
                late_rows += count;
                next.push(None);
            } else {
                next.push(Some(kept));
                kept += count;
            }
        }
        let mut rows = vec![0; kept];
        for (row, slice) in (0_u32..).zip(slice_of) {
            if let Some(place) = &mut next[slice] {
                rows[*place] = row;
                *place += 1;
            }
        }
        slices.retain(|(end, _)| !self.is_late(*end, watermark));
        Split { rows, slices, late_rows }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tumbling(size_ms: i64, offset_ms: i64) -> Slices {
        Slices::new("op", Window::Tumble { size_ms, offset_ms }).unwrap()
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
        assert_eq!(split.slices, [(20, 3), (30, 1)]);
        assert_eq!(split.rows, [1, 4, 5, 2]);
    }

    fn steps(step_ms: i64, size_ms: i64, offset_ms: i64) -> Steps {
        Steps { step_ms, size_ms, offset_ms }
    }

    #[test]
    fn overlapping_windows_share_slices() {
        let hop = Slices::new("op", Window::Hop(steps(2, 6, 1))).unwrap();
        assert_eq!((hop.end_of(1), hop.end_of(2), hop.end_of(3)), (3, 3, 5));
        assert_eq!((hop.start_of(5), hop.first_slice_of(5)), (-1, 1));
        assert_eq!(hop.last_window_of(3), 7);
        assert!(!hop.is_late(3, EventTime::from_millis(5)));
        assert!(hop.is_late(3, EventTime::from_millis(6)));
        for (watermark, next) in [(i64::MIN, 3), (1, 3), (2, 5), (3, 5), (4, 7)] {
            assert_eq!(hop.next_window_of(3, EventTime::from_millis(watermark)), next);
        }
    }

    #[test]
    fn growing_windows_share_their_begin() {
        let cumulate = Slices::new("op", Window::Cumulate(steps(2, 6, 1))).unwrap();
        for end in [3, 5, 7] {
            assert_eq!((cumulate.start_of(end), cumulate.first_slice_of(end)), (1, 3));
            assert_eq!(cumulate.last_window_of(end), 7);
        }
        assert_eq!((cumulate.start_of(9), cumulate.start_of(1)), (7, -5));
        assert_eq!(cumulate.next_window_of(3, EventTime::from_millis(4)), 7);
        let results = Slices::new("op", Window::CumulateResults(steps(2, 6, 1))).unwrap();
        assert_eq!((results.end_of(4), results.start_of(5), results.last_window_of(5)), (5, 1, 5));
        let results = Slices::new("op", Window::HopResults(steps(2, 6, 1))).unwrap();
        assert_eq!((results.end_of(4), results.start_of(5), results.last_window_of(5)), (5, -1, 5));
        // With gaps: the windows 0 to 2, 5 to 7.
        let results = Slices::new("op", Window::HopResults(steps(5, 2, 2))).unwrap();
        assert_eq!((results.end_of(1), results.start_of(2), results.end_of(6)), (2, 0, 7));
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
            assert!(Slices::new("op", Window::Tumble { size_ms, offset_ms }).is_err());
        }
        for wrong in [steps(0, 10, 0), steps(3, 10, 0), steps(20, 10, 0), steps(-5, 10, 0)] {
            assert!(Slices::new("op", Window::Hop(wrong)).is_err());
            assert!(Slices::new("op", Window::Cumulate(wrong)).is_err());
        }
    }
}
