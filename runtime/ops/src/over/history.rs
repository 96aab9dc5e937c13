//! Rows that were answered and that frames reach back to by time: each slice of time is dropped
//! once no frame reaches it.

use arrow::array::BinaryArray;
use arrow::datatypes::SchemaRef;
use sabot_core::plan::{Frame, OverDesc};
use sabot_core::state::{FrozenState, StateBackend, StateSpec};
use sabot_core::{Cx, Result};
use sabot_types::{EventTime, OperatorUid};

use super::arguments;
use super::past::{Past, PastBuilder};
use crate::keyed::UniqueKeys;
use crate::timed::{self, TimedDesc, TimedRows, Written};
use crate::times::{slice_end, slice_ms};

/// The state's name.
const STATE_NAME: &str = "past";
/// Slices that a frame reaches over, at most, beside the first.
const SLICES: i64 = 8;

pub(super) struct History {
    rows: TimedRows,
    /// How far frames reach back, in milliseconds.
    reach_ms: i64,
    slice_ms: i64,
}

/// How far frames reach back by time, in milliseconds, and the time's column; none where they do not.
fn reach(desc: &OverDesc) -> Option<(i64, usize)> {
    match desc.frame {
        Frame::Range(Some(reach_ms)) => desc.time.map(|time| (reach_ms, time.column())),
        Frame::Range(None) | Frame::Rows(_) => None,
    }
}

/// The state, if there is one.
fn described<T>(
    operator: &OperatorUid,
    desc: &OverDesc,
    then: impl FnOnce(&TimedDesc<'_>, i64) -> T,
) -> Option<T> {
    let (reach_ms, row_time) = reach(desc)?;
    let columns = arguments(desc);
    let described = TimedDesc {
        operator,
        name: STATE_NAME,
        keys: &desc.keys,
        row_time,
        columns: &columns,
        mark: "",
        slice_ms: slice_ms(reach_ms, SLICES),
    };
    Some(then(&described, reach_ms))
}

/// Describes the state; none where frames do not reach back by time.
pub(super) fn state_spec(
    operator: &OperatorUid,
    desc: &OverDesc,
    input: &SchemaRef,
) -> Option<StateSpec> {
    described(operator, desc, |desc, _| timed::state_spec(desc, input))
}

impl History {
    /// None where frames do not reach back by time.
    pub(super) fn open(
        operator: &OperatorUid,
        desc: &OverDesc,
        input: &SchemaRef,
        state: &mut dyn StateBackend,
    ) -> Result<Option<Self>> {
        let open = |desc: &TimedDesc<'_>, reach_ms| {
            let rows = TimedRows::open(desc, input, state)?;
            Ok(Self { rows, reach_ms, slice_ms: desc.slice_ms })
        };
        described(operator, desc, open).transpose()
    }

    /// The rows that frames of keys reach, whose first rows have these times.
    pub(super) fn past(&self, keys: &UniqueKeys, firsts: &[i64], cx: &mut Cx<'_>) -> Result<Past> {
        let first = firsts.iter().copied().min().unwrap_or(i64::MAX);
        let last = firsts.iter().copied().max().unwrap_or(i64::MIN);
        let from = first.saturating_sub(self.reach_ms);
        let found = self.rows.find(keys, from, last, cx)?;
        let mut past = PastBuilder::default();
        for (rows, first) in found.of_key.iter().zip(firsts) {
            let times = &found.times[rows.clone()];
            let out_of_reach = times.partition_point(|t| *t < first.saturating_sub(self.reach_ms));
            let rows = rows.start + out_of_reach..rows.end;
            past.key(rows.clone().map(|row| found.rows.value(row)));
            past.times(&found.times[rows]);
        }
        Ok(past.finish())
    }

    /// Keeps rows that have been answered, if a frame can reach them after `watermark`.
    pub(super) fn keep(
        &mut self,
        keys: &UniqueKeys,
        times: &[i64],
        rows: &BinaryArray,
        watermark: EventTime,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let reached = |row: &usize| !self.is_over(slice_end(times[*row], self.slice_ms), watermark);
        let which = (0..times.len()).filter(reached).collect();
        self.rows.append(Written { keys, times, rows }, which, cx)
    }

    /// Drops what no frame reaches after `watermark`.
    pub(super) fn expire(&mut self, watermark: EventTime, cx: &mut Cx<'_>) -> Result<()> {
        while let Some(end) = self.rows.first_slice().filter(|e| self.is_over(*e, watermark)) {
            self.rows.drop_slice(end, cx)?;
        }
        Ok(())
    }

    /// Whether rows of the slice are out of reach for all rows later than `watermark`.
    fn is_over(&self, end: i64, watermark: EventTime) -> bool {
        end.saturating_add(self.reach_ms) <= watermark.millis().saturating_add(1)
    }

    pub(super) fn freeze(&self, cx: &mut Cx<'_>) -> Result<Box<dyn FrozenState>> {
        self.rows.freeze(cx)
    }
}
