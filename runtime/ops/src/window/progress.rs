//! Up to where windows that share slices have fired, for each key group.
//!
//! A window of its own leaves nothing behind when it has fired; a slice that other windows share
//! stays, and so does a result that rows can still change. Subtasks do not fire alike: with idle inputs one can be ahead of the other when their
//! barriers come, and a restore starts at the lowest of their watermarks. Without this record the
//! windows in between would fire again for those that were ahead.

use arrow::array::BooleanArray;
use sabot_core::plan::{Window, WindowAggregateDesc};
use sabot_core::state::{FrozenState, StateBackend, StateSpec};
use sabot_core::{Cx, Result};
use sabot_types::{EventTime, KeyGroup, KeyGroupRange, OperatorUid};

use super::slices;
use crate::group_record::{self, GroupRecord};

/// The state's name within the operator.
const STATE_NAME: &str = "fired";

pub(crate) struct Progress {
    record: GroupRecord,
    range: KeyGroupRange,
    /// The watermark that a key group had when it was stored, from the range's first group on.
    restored: Vec<i64>,
    /// The highest of them.
    newest: i64,
    /// What the backend has.
    written: EventTime,
}

/// Describes the state; none for windows that need none.
pub(super) fn state_spec(operator: &OperatorUid, desc: &WindowAggregateDesc) -> Option<StateSpec> {
    let leaves = matches!(desc.window, Window::Hop(_) | Window::Cumulate(_));
    // A session that has ended is known by the result that is kept of it.
    let changes = desc.lateness_ms.is_some() && !matches!(desc.window, Window::Session { .. });
    (leaves || changes).then(|| spec(operator, slices::namespace_of(desc.window)))
}

/// Describes the state of an operator whose namespaces mean this.
pub(crate) fn spec(operator: &OperatorUid, namespace: String) -> StateSpec {
    group_record::state_spec(operator, STATE_NAME, "watermark", namespace)
}

impl Progress {
    pub(crate) fn open(
        spec: &StateSpec,
        range: KeyGroupRange,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        let record = GroupRecord::open(spec, range, state)?;
        let restored = record.read(state)?.into_iter();
        let restored: Vec<i64> = restored.map(|stored| stored.unwrap_or(i64::MIN)).collect();
        let newest = restored.iter().copied().max().unwrap_or(i64::MIN);
        Ok(Self { record, range, restored, newest, written: EventTime::MIN })
    }

    /// Up to where windows have fired for any key group.
    pub(super) fn newest(&self) -> EventTime {
        EventTime::from_millis(self.newest)
    }

    /// Up to where windows have fired for a key group.
    pub(super) fn watermark_of(&self, group: KeyGroup) -> EventTime {
        EventTime::from_millis(self.restored[usize::from(group.index() - self.range.start())])
    }

    /// Whether the window that ends at `end` had fired for any key group.
    pub(super) fn concerns(&self, end: i64) -> bool {
        slices::is_over(end, EventTime::from_millis(self.newest))
    }

    /// Which rows, in these key groups, the window that ends at `end` has still to give.
    pub(super) fn remaining(&self, end: i64, groups: &[KeyGroup]) -> BooleanArray {
        let open = groups.iter().map(|group| !slices::is_over(end, self.watermark_of(*group)));
        open.collect::<Vec<_>>().into()
    }

    /// Whether any key group was beyond `time`.
    pub(crate) fn is_past(&self, time: i64) -> bool {
        time <= self.newest
    }

    /// Whether this key group was beyond `time`.
    pub(crate) fn is_past_for(&self, time: i64, group: KeyGroup) -> bool {
        time <= self.restored[usize::from(group.index() - self.range.start())]
    }

    /// Brings the watermark to the backend.
    pub(crate) fn snapshot(
        &mut self,
        watermark: EventTime,
        cx: &mut Cx<'_>,
    ) -> Result<Box<dyn FrozenState>> {
        if self.written != watermark {
            let values = self.restored.iter().map(|restored| (*restored).max(watermark.millis()));
            self.record.write(values.collect(), cx)?;
            self.written = watermark;
        }
        self.record.freeze(cx)
    }
}
