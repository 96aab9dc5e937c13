//! Up to where windows whose results can change are gone, also for key groups of others.
//!
//! It is stored for each key group: after a restore with a longer lateness, or with the first,
//! windows of which nothing is kept do not begin again.

use sabot_core::state::{FrozenState, StateBackend, StateSpec};
use sabot_core::{Cx, Result};
use sabot_types::{EventTime, KeyGroup, KeyGroupRange, OperatorUid};

use crate::OperatorConfig;
use crate::group_record::{self, GroupRecord};

/// The state's name within the operator.
const STATE_NAME: &str = "gone";

pub(super) struct Gone {
    lateness_ms: i64,
    record: GroupRecord,
    range: KeyGroupRange,
    /// Up to where a key group's windows were gone when that was stored, from the range's first
    /// group on.
    restored: Vec<i64>,
    /// The highest of them.
    newest: i64,
    /// Up to where windows are gone.
    until: EventTime,
    /// What the backend has of that.
    written: Option<EventTime>,
}

/// Describes the state.
pub(super) fn state_spec(operator: &OperatorUid, namespace: String) -> StateSpec {
    group_record::state_spec(operator, STATE_NAME, "watermark", namespace)
}

impl Gone {
    /// Reads what is stored; `fired` tells up to where windows of a key group had fired of which
    /// nothing else is known.
    pub(super) fn open(
        spec: &StateSpec,
        lateness_ms: i64,
        fired: impl Fn(KeyGroup) -> EventTime,
        config: &OperatorConfig,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        let range = config.key_range;
        let record = GroupRecord::open(spec, range, state)?;
        let watermark = config.restored_watermark.unwrap_or(EventTime::MIN);
        let groups = (range.start()..range.end()).map(KeyGroup::new);
        // Of a group for which nothing is stored, no result was kept.
        let restored =
            record.read(state)?.into_iter().zip(groups).map(|(stored, group)| {
                stored.unwrap_or_else(|| watermark.max(fired(group)).millis())
            });
        let restored: Vec<i64> = restored.collect();
        let newest = restored.iter().copied().max().unwrap_or(i64::MIN);
        let (until, written) = (EventTime::MIN, None);
        let mut gone = Self { lateness_ms, record, range, restored, newest, until, written };
        gone.advance(watermark);
        Ok(gone)
    }

    /// Goes on to a watermark.
    pub(super) fn advance(&mut self, watermark: EventTime) {
        let until = match watermark {
            EventTime::MAX => watermark,
            _ => EventTime::from_millis(watermark.millis().saturating_sub(self.lateness_ms)),
        };
        self.until = self.until.max(until);
    }

    /// Up to where windows are gone.
    pub(super) fn until(&self) -> EventTime {
        self.until
    }

    /// Whether that is so for all key groups alike.
    pub(super) fn is_alike(&self) -> bool {
        EventTime::from_millis(self.newest) <= self.until
    }

    /// Up to where windows are gone for a key group.
    pub(super) fn until_for(&self, group: KeyGroup) -> EventTime {
        let restored = self.restored[usize::from(group.index() - self.range.start())];
        self.until.max(EventTime::from_millis(restored))
    }

    pub(super) fn snapshot(&mut self, cx: &mut Cx<'_>) -> Result<Box<dyn FrozenState>> {
        if self.written != Some(self.until) {
            let values = self.restored.iter().map(|restored| (*restored).max(self.until.millis()));
            self.record.write(values.collect(), cx)?;
            self.written = Some(self.until);
        }
        self.record.freeze(cx)
    }
}
