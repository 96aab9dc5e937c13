//! Up to where windows that share slices have fired, for each key group.
//!
//! A window of its own leaves nothing behind when it has fired; a slice that other windows share
//! stays. Subtasks do not fire alike: with idle inputs one can be ahead of the other when their
//! barriers come, and a restore starts at the lowest of their watermarks. Without this record the
//! windows in between would fire again for those that were ahead.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BinaryArray, BooleanArray, Int64Array};
use arrow::datatypes::{DataType, Int64Type};
use sabot_core::plan::{Window, WindowAggregateDesc};
use sabot_core::state::{FrozenState, Namespace, StateBackend, StateField, StateHandle, StateSpec};
use sabot_core::{Cx, Result};
use sabot_types::{EventTime, KeyGroup, KeyGroupRange, OperatorUid};

use super::slices;
use crate::codec::RowCodec;

/// The state's name within the operator.
const STATE_NAME: &str = "fired";

pub(crate) struct Progress {
    state: StateHandle,
    codec: RowCodec,
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
    matches!(desc.window, Window::Hop(_) | Window::Cumulate(_))
        .then(|| spec(operator, slices::namespace_of(desc.window)))
}

/// Describes the state of an operator whose namespaces mean this.
pub(crate) fn spec(operator: &OperatorUid, namespace: String) -> StateSpec {
    let watermark =
        StateField { name: "watermark".to_string(), data_type: DataType::Int64.to_string() };
    StateSpec {
        operator: operator.clone(),
        name: STATE_NAME.to_string(),
        key: Vec::new(),
        value: vec![watermark],
        namespace,
    }
}

impl Progress {
    pub(crate) fn open(
        spec: &StateSpec,
        range: KeyGroupRange,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        let handle = state.open(spec)?;
        let codec = RowCodec::new([DataType::Int64])?;
        let groups = usize::from(range.end().saturating_sub(range.start()));
        let mut restored = vec![i64::MIN; groups];
        state.scan(handle, Namespace::ONLY, groups.max(1), &mut |rows| {
            let values = codec.decode(&rows.values)?;
            for (group, value) in
                rows.groups.iter().zip(values[0].as_primitive::<Int64Type>().values())
            {
                if range.contains(*group) {
                    restored[usize::from(group.index() - range.start())] = *value;
                }
            }
            Ok(())
        })?;
        let newest = restored.iter().copied().max().unwrap_or(i64::MIN);
        Ok(Self { state: handle, codec, range, restored, newest, written: EventTime::MIN })
    }

    /// Up to where windows have fired for any key group.
    pub(super) fn newest(&self) -> EventTime {
        EventTime::from_millis(self.newest)
    }

    /// Whether the window that ends at `end` had fired for any key group.
    pub(super) fn concerns(&self, end: i64) -> bool {
        slices::is_over(end, EventTime::from_millis(self.newest))
    }

    /// Which rows, in these key groups, the window that ends at `end` has still to give.
    pub(super) fn remaining(&self, end: i64, groups: &[KeyGroup]) -> BooleanArray {
        let open = groups.iter().map(|group| {
            let restored = self.restored[usize::from(group.index() - self.range.start())];
            !slices::is_over(end, EventTime::from_millis(restored))
        });
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
            let groups: Vec<_> =
                (self.range.start()..self.range.end()).map(KeyGroup::new).collect();
            let values = self.restored.iter().map(|restored| (*restored).max(watermark.millis()));
            let values: ArrayRef = Arc::new(Int64Array::from_iter_values(values));
            let keys = BinaryArray::from_iter_values(groups.iter().map(|_| b""));
            let values = self.codec.encode(&[values], groups.len())?;
            cx.state.put(self.state, Namespace::ONLY, &groups, &keys, &values)?;
            self.written = watermark;
        }
        cx.state.freeze(self.state)
    }
}
