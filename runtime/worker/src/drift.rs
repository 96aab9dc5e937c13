//! Watermark alignment: a source that is too far ahead of the others of its group is not read until
//! they have come near.
//!
//! Sources of the same pod see each other's watermarks at once; those of other pods come by way of
//! the coordinator.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use sabot_core::Doorbell;
use sabot_core::plan::{AlignmentDesc, JobPlan, NodeKind};
use sabot_types::{EventTime, OperatorUid};

/// The groups of an attempt, as far as they are in this pod.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    groups: BTreeMap<String, Arc<Group>>,
    update_interval: Option<Duration>,
}

/// All sources of one group in this pod, a place for every subtask.
#[derive(Debug)]
struct Group {
    places: Vec<Place>,
    /// The lowest watermark of other pods' sources.
    elsewhere: AtomicI64,
}

#[derive(Debug)]
struct Place {
    uid: OperatorUid,
    slot: u32,
    max_drift_ms: i64,
    bell: Doorbell,
    /// [`EventTime::MAX`] where nobody has to wait for it.
    watermark: AtomicI64,
    waits: AtomicBool,
}

/// One subtask of an aligned source.
#[derive(Debug)]
pub(crate) struct Member {
    group: Arc<Group>,
    index: usize,
}

impl Groups {
    /// The groups of `plan` in the slots with these bells; `is_alone`: there are no other pods.
    pub(crate) fn new(plan: &JobPlan, bells: &BTreeMap<u32, Doorbell>, is_alone: bool) -> Self {
        let mut places: BTreeMap<String, Vec<Place>> = BTreeMap::new();
        let mut update_interval = None;
        for node in &plan.nodes {
            let NodeKind::Source(source) = &node.kind else { continue };
            let alignment = source.watermark.as_ref().and_then(|w| w.alignment.as_ref());
            let Some(AlignmentDesc { group, max_drift_ms, update_interval_ms }) = alignment else {
                continue;
            };
            let interval = Duration::from_millis(*update_interval_ms);
            update_interval = Some(update_interval.unwrap_or(interval).min(interval));
            let members = bells.iter().map(|(slot, bell)| Place {
                uid: node.uid.clone(),
                slot: *slot,
                max_drift_ms: *max_drift_ms,
                bell: bell.clone(),
                watermark: AtomicI64::new(i64::MIN),
                waits: AtomicBool::new(false),
            });
            places.entry(group.clone()).or_default().extend(members);
        }
        // Of other pods nothing is known yet: they may be at the beginning.
        let elsewhere = if is_alone { i64::MAX } else { i64::MIN };
        let group = |places| Arc::new(Group { places, elsewhere: AtomicI64::new(elsewhere) });
        let groups = places.into_iter().map(|(name, places)| (name, group(places))).collect();
        Self { groups, update_interval }
    }

    /// How often other pods are told the watermarks, at least; none: there are no groups.
    pub(crate) fn update_interval(&self) -> Option<Duration> {
        self.update_interval
    }

    /// The place of a source's subtask in `slot`.
    pub(crate) fn member(&self, group: &str, uid: &OperatorUid, slot: u32) -> Option<Member> {
        let group = self.groups.get(group)?;
        let index = group.places.iter().position(|p| p.uid == *uid && p.slot == slot)?;
        Some(Member { group: Arc::clone(group), index })
    }

    /// Of each group the lowest watermark of its sources in this pod, milliseconds; none where
    /// nobody has to wait for them.
    pub(crate) fn lowest_here(&self) -> BTreeMap<String, Option<i64>> {
        let lowest = |group: &Group| Some(group.lowest_here()).filter(|ms| *ms < i64::MAX);
        self.groups.iter().map(|(name, group)| (name.clone(), lowest(group))).collect()
    }

    /// Takes note of the lowest watermarks of other pods.
    pub(crate) fn heard(&self, elsewhere: &BTreeMap<String, Option<i64>>) {
        for (name, lowest) in elsewhere {
            if let Some(group) = self.groups.get(name) {
                group.elsewhere.store(lowest.unwrap_or(i64::MAX), Ordering::SeqCst);
                group.wake();
            }
        }
    }
}

impl Group {
    fn lowest_here(&self) -> i64 {
        let watermarks = self.places.iter().map(|place| place.watermark.load(Ordering::SeqCst));
        watermarks.min().unwrap_or(i64::MAX)
    }

    fn lowest(&self) -> i64 {
        self.lowest_here().min(self.elsewhere.load(Ordering::SeqCst))
    }

    /// Wakes those that no longer have to wait.
    fn wake(&self) {
        let mut waiting = self.places.iter().filter(|p| p.waits.load(Ordering::SeqCst)).peekable();
        if waiting.peek().is_none() {
            return;
        }
        let lowest = self.lowest();
        for place in waiting {
            let limit = lowest.saturating_add(place.max_drift_ms);
            if place.watermark.load(Ordering::SeqCst) <= limit {
                place.waits.store(false, Ordering::SeqCst);
                place.bell.ring();
            }
        }
    }
}

impl Member {
    fn place(&self) -> &Place {
        &self.group.places[self.index]
    }

    /// Says how far the subtask is; none: nobody has to wait for it.
    pub(crate) fn advance(&self, watermark: Option<EventTime>) {
        let millis = watermark.map_or(i64::MAX, EventTime::millis);
        if self.place().watermark.swap(millis, Ordering::SeqCst) != millis {
            self.group.wake();
        }
    }

    /// The highest watermark with which a split may be read on.
    pub(crate) fn limit(&self) -> EventTime {
        EventTime::from_millis(self.group.lowest().saturating_add(self.place().max_drift_ms))
    }

    /// Whether the subtask has to wait; if so its slot's bell rings when that is over.
    pub(crate) fn must_wait(&self) -> bool {
        let place = self.place();
        let millis = place.watermark.load(Ordering::SeqCst);
        let is_ahead = || millis < i64::MAX && millis > self.limit().millis();
        if !is_ahead() {
            return false;
        }
        // The others may have come near before they could see that it waits.
        place.waits.store(true, Ordering::SeqCst);
        is_ahead()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(places: u32, elsewhere: i64) -> Vec<Member> {
        let place = |slot| Place {
            uid: OperatorUid::new("bids").expect("the uid is valid"),
            slot,
            max_drift_ms: 10,
            bell: Doorbell::new(),
            watermark: AtomicI64::new(i64::MIN),
            waits: AtomicBool::new(false),
        };
        let places = (0..places).map(place).collect();
        let group = Arc::new(Group { places, elsewhere: AtomicI64::new(elsewhere) });
        let members = 0..group.places.len();
        members.map(|index| Member { group: Arc::clone(&group), index }).collect()
    }

    fn at(member: &Member, millis: i64) {
        member.advance(Some(EventTime::from_millis(millis)));
    }

    fn has_rung(member: &Member) -> bool {
        !member.place().waits.load(Ordering::SeqCst)
    }

    #[test]
    fn who_is_too_far_ahead_waits_until_the_last_has_come_near() {
        let members = group(3, i64::MAX);
        assert!(!members[0].must_wait(), "nobody is ahead of sources that have given nothing");
        at(&members[0], 5);
        assert!(members[0].must_wait(), "the others may be anywhere");
        at(&members[1], 0);
        at(&members[2], 2);
        assert!(has_rung(&members[0]) && !members[0].must_wait());
        at(&members[0], 11);
        assert!(members[0].must_wait());
        at(&members[2], 9);
        assert!(members[0].must_wait() && !has_rung(&members[0]), "the last is still at 0");
        at(&members[1], 1);
        assert!(has_rung(&members[0]) && !members[0].must_wait());
        assert_eq!(members[2].limit(), EventTime::from_millis(11));
    }

    #[test]
    fn nobody_waits_for_one_that_is_idle_or_has_ended() {
        let members = group(2, i64::MAX);
        at(&members[0], 100);
        assert!(members[0].must_wait());
        members[1].advance(None);
        assert!(has_rung(&members[0]) && !members[0].must_wait());
        assert!(!members[1].must_wait());
        members[0].advance(None);
        assert!(!members[0].must_wait());
    }

    #[test]
    fn other_pods_count_too() {
        let members = group(1, i64::MIN);
        at(&members[0], 50);
        assert!(members[0].must_wait(), "nothing is known of the other pods");
        let group = Arc::clone(&members[0].group);
        let groups = BTreeMap::from([("a".to_owned(), group)]);
        let groups = Groups { groups, update_interval: None };
        groups.heard(&BTreeMap::from([("a".to_owned(), Some(39)), ("b".to_owned(), Some(1))]));
        assert!(members[0].must_wait());
        groups.heard(&BTreeMap::from([("a".to_owned(), Some(40))]));
        assert!(has_rung(&members[0]) && !members[0].must_wait());
        assert_eq!(groups.lowest_here(), BTreeMap::from([("a".to_owned(), Some(50))]));
        at(&members[0], 60);
        assert!(members[0].must_wait());
        groups.heard(&BTreeMap::from([("a".to_owned(), None)]));
        assert!(!members[0].must_wait());
        members[0].advance(None);
        assert_eq!(groups.lowest_here(), BTreeMap::from([("a".to_owned(), None)]));
    }
}
