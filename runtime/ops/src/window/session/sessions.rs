//! Which session a row belongs to: the open sessions by key, what merges them, and when they end.
//! Values and state are other files' part.
//!
//! A session `[start, end)` ends a gap after its last row. A row's own session is `[time, time +
//! gap)`; sessions of a key that overlap or touch are one, as in Flink.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use hashbrown::HashMap;
use sabot_types::EventTime;

use super::super::slices::is_over;

/// No session, no fragment.
pub(super) const NONE: u32 = u32::MAX;

/// An open session.
#[derive(Debug)]
pub(super) struct Session {
    /// The encoded key.
    pub(super) key: Arc<[u8]>,
    pub(super) start: i64,
    pub(super) end: i64,
    /// The starts under which the backend has rows of it, merged sessions' among them.
    pub(super) stored: Vec<i64>,
    /// The starts under which the backend has results of it that were emitted, merged sessions'
    /// among them.
    pub(super) emitted: Vec<i64>,
    /// The newest of its fragments; [`NONE`] when all it has is stored.
    pub(super) fragment: u32,
    /// Whether its end is waited for.
    waits: bool,
    /// The next session of the key.
    next: u32,
    /// Tells sessions apart that take one slot after the other.
    generation: u32,
}

impl Session {
    /// Takes what it has; it stays open, and is stored under its start from now on.
    pub(super) fn take(&mut self) -> Self {
        Self {
            key: Arc::clone(&self.key),
            stored: std::mem::replace(&mut self.stored, vec![self.start]),
            fragment: std::mem::replace(&mut self.fragment, NONE),
            emitted: Vec::new(),
            ..*self
        }
    }
}

/// The open sessions of a subtask. A session is known by its slot.
pub(super) struct Sessions {
    gap: i64,
    /// A key's first session.
    first: HashMap<Arc<[u8]>, u32>,
    slots: Vec<Option<Session>>,
    free: Vec<u32>,
    /// For each session a time up to which it cannot have ended, with slot and generation. A
    /// session that goes on is put back when its time has come, not with each row.
    due: BinaryHeap<Reverse<(i64, u32, u32)>>,
    /// The same for sessions that have ended, until they are gone.
    ended: BinaryHeap<Reverse<(i64, u32, u32)>>,
    generation: u32,
}

/// Two sessions that a row has made one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Merge {
    pub(super) into: u32,
    /// The newest fragment of the one that is gone.
    pub(super) fragment: u32,
}

impl Sessions {
    pub(super) fn new(gap: i64) -> Self {
        Self {
            gap,
            first: HashMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            due: BinaryHeap::new(),
            ended: BinaryHeap::new(),
            generation: 0,
        }
    }

    /// How long no row comes before a session ends, in milliseconds.
    pub(super) fn gap(&self) -> i64 {
        self.gap
    }

    /// The number of open sessions.
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// The slots of all open sessions.
    pub(super) fn open(&self) -> impl Iterator<Item = u32> {
        (0_u32..).zip(&self.slots).filter(|(_, slot)| slot.is_some()).map(|(slot, _)| slot)
    }

    /// The session in a slot.
    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut Session> {
        self.slots.get_mut(slot as usize).and_then(Option::as_mut)
    }

    fn get(&self, slot: u32) -> Option<&Session> {
        self.slots.get(slot as usize).and_then(Option::as_ref)
    }

    /// Opens a session; `stored` tells that the backend has it.
    pub(super) fn insert(&mut self, key: &[u8], start: i64, end: i64, stored: Vec<i64>) -> u32 {
        let known = self.first.get_key_value(key).map(|(key, first)| (Arc::clone(key), *first));
        let (key, next) = known.unwrap_or_else(|| (Arc::from(key), NONE));
        self.generation = self.generation.wrapping_add(1);
        let generation = self.generation;
        let session = Session {
            key: Arc::clone(&key),
            start,
            end,
            stored,
            emitted: Vec::new(),
            fragment: NONE,
            waits: true,
            next,
            generation,
        };
        let slot = if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = Some(session);
            slot
        } else {
            self.slots.push(Some(session));
            (self.slots.len() - 1) as u32
        };
        self.first.insert(key, slot);
        self.due.push(Reverse((end, slot, generation)));
        slot
    }

    /// Notes a result that was emitted with these bounds.
    pub(super) fn note_emitted(&mut self, key: &[u8], start: i64, end: i64) {
        let mut slot = self.first.get(key).copied().unwrap_or(NONE);
        while let Some(session) = self.get_mut(slot) {
            if session.start <= start && end <= session.end {
                session.emitted.push(start);
                return;
            }
            slot = session.next;
        }
    }

    /// Whether a session is there that has ended at `watermark`.
    pub(super) fn has_ended(&self, slot: u32, watermark: EventTime) -> bool {
        self.get(slot).is_some_and(|session| is_over(session.end, watermark))
    }

    /// The session of a row; none when the row is late: then its session would have ended at
    /// `gone`. Sessions that the row makes one are merged, and what is to be done for that
    /// is told.
    pub(super) fn place(
        &mut self,
        key: &[u8],
        time: i64,
        gone: EventTime,
        merge: &mut impl FnMut(Merge),
    ) -> Option<u32> {
        let end = time + self.gap;
        let mut found = NONE;
        let mut slot = self.first.get(key).copied().unwrap_or(NONE);
        while let Some(session) = self.get(slot) {
            let next = session.next;
            // At most two sessions are that near: one lies between any others.
            if session.start <= end && time <= session.end {
                if found == NONE {
                    found = slot;
                } else {
                    self.absorb(found, slot, merge);
                }
            }
            slot = next;
        }
        if let Some(session) = self.get_mut(found) {
            session.start = session.start.min(time);
            session.end = session.end.max(end);
            return Some(found);
        }
        if is_over(end, gone) {
            return None;
        }
        Some(self.insert(key, time, end, Vec::new()))
    }

    fn absorb(&mut self, into: u32, gone: u32, merge: &mut impl FnMut(Merge)) {
        let Some(gone) = self.remove(gone) else { return };
        merge(Merge { into, fragment: gone.fragment });
        let Some(session) = self.get_mut(into) else { return };
        session.start = session.start.min(gone.start);
        session.end = session.end.max(gone.end);
        session.stored.extend(gone.stored);
        session.emitted.extend(gone.emitted);
    }

    /// Closes a session.
    pub(super) fn remove(&mut self, slot: u32) -> Option<Session> {
        let session = self.slots.get_mut(slot as usize)?.take()?;
        self.free.push(slot);
        let mut at = self.first.get(&session.key).copied().unwrap_or(NONE);
        if at == slot {
            if session.next == NONE {
                self.first.remove(&session.key);
            } else {
                self.first.insert(Arc::clone(&session.key), session.next);
            }
            return Some(session);
        }
        while let Some(before) = self.get_mut(at) {
            if before.next == slot {
                before.next = session.next;
                break;
            }
            at = before.next;
        }
        Some(session)
    }

    /// Waits for a session's end again, if it has one that is to come.
    pub(super) fn wait_again(&mut self, slot: u32, watermark: EventTime) {
        let Some(session) = self.slots.get_mut(slot as usize).and_then(Option::as_mut) else {
            return;
        };
        if !session.waits && !is_over(session.end, watermark) {
            session.waits = true;
            self.due.push(Reverse((session.end, slot, session.generation)));
        }
    }

    /// Keeps sessions that have ended until they are gone.
    pub(super) fn keep_ended(&mut self, slots: &[u32]) {
        for slot in slots {
            if let Some(session) = self.slots.get_mut(*slot as usize).and_then(Option::as_mut) {
                session.waits = false;
                self.ended.push(Reverse((session.end, *slot, session.generation)));
            }
        }
    }

    /// The sessions among those kept that end at `gone`. They stay open.
    pub(super) fn gone(&mut self, gone: EventTime) -> Vec<u32> {
        let mut due = std::mem::take(&mut self.ended);
        let ended = self.over(&mut due, gone);
        self.ended = due;
        ended
    }

    /// The sessions that have ended at `watermark`, in the order of their ends. They stay open.
    pub(super) fn ended(&mut self, watermark: EventTime) -> Vec<u32> {
        let mut due = std::mem::take(&mut self.due);
        let ended = self.over(&mut due, watermark);
        self.due = due;
        ended
    }

    fn over(
        &self,
        due: &mut BinaryHeap<Reverse<(i64, u32, u32)>>,
        watermark: EventTime,
    ) -> Vec<u32> {
        let mut ended = Vec::new();
        while let Some(Reverse((time, slot, generation))) = due.peek().copied() {
            if !is_over(time, watermark) {
                break;
            }
            due.pop();
            match self.get(slot) {
                Some(session) if session.generation == generation => {
                    if is_over(session.end, watermark) {
                        ended.push((session.end, slot));
                    } else {
                        due.push(Reverse((session.end, slot, generation)));
                    }
                }
                _ => {}
            }
        }
        ended.sort_unstable();
        ended.dedup();
        ended.into_iter().map(|(_, slot)| slot).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(sessions: &mut Sessions, key: &[u8], time: i64) -> (Option<u32>, Vec<Merge>) {
        let mut merges = Vec::new();
        let at = EventTime::from_millis(100);
        let placed = sessions.place(key, time, at, &mut |merge| merges.push(merge));
        (placed, merges)
    }

    fn bounds(sessions: &Sessions, slot: u32) -> (i64, i64) {
        let session = sessions.get(slot).unwrap();
        (session.start, session.end)
    }

    #[test]
    fn rows_at_most_a_gap_apart_share_a_session() {
        let mut sessions = Sessions::new(10);
        let (first, _) = place(&mut sessions, b"a", 120);
        assert_eq!(place(&mut sessions, b"a", 130), (first, vec![]));
        assert_eq!(place(&mut sessions, b"a", 110), (first, vec![]));
        assert_eq!(bounds(&sessions, first.unwrap()), (110, 140));
        for (key, time) in [(b"a", 141), (b"a", 99), (b"b", 120)] {
            assert_ne!(place(&mut sessions, key, time).0, first);
        }
        assert_eq!(sessions.len(), 4);
    }

    #[test]
    fn a_row_between_two_sessions_makes_them_one() {
        let mut sessions = Sessions::new(10);
        let first = place(&mut sessions, b"a", 120).0.unwrap();
        let second = place(&mut sessions, b"a", 140).0.unwrap();
        let other = place(&mut sessions, b"a", 170).0.unwrap();
        sessions.get_mut(first).unwrap().stored.push(120);
        sessions.get_mut(second).unwrap().stored.push(140);
        let (placed, merges) = place(&mut sessions, b"a", 130);
        let placed = placed.unwrap();
        assert_eq!(merges, [Merge { into: placed, fragment: NONE }]);
        assert_eq!(bounds(&sessions, placed), (120, 150));
        assert_eq!(sessions.get(placed).unwrap().stored.len(), 2);
        assert_eq!(bounds(&sessions, other), (170, 180));
        assert_eq!(sessions.len(), 2);
    }

    #[test]
    fn a_row_is_late_unless_an_open_session_takes_it() {
        let mut sessions = Sessions::new(10);
        assert_eq!(place(&mut sessions, b"a", 91).0, None);
        let open = place(&mut sessions, b"a", 92).0;
        assert!(open.is_some());
        assert_eq!(place(&mut sessions, b"a", 82).0, open);
        assert_eq!(place(&mut sessions, b"b", 82).0, None);
    }

    #[test]
    fn sessions_end_by_their_last_row() {
        let mut sessions = Sessions::new(10);
        let first = place(&mut sessions, b"a", 120).0.unwrap();
        let second = place(&mut sessions, b"b", 121).0.unwrap();
        place(&mut sessions, b"a", 125);
        let mut ended = |millis| sessions.ended(EventTime::from_millis(millis));
        assert!(ended(129).is_empty());
        assert_eq!(ended(130), [second]);
        sessions.remove(second).unwrap();
        let mut ended = |millis| sessions.ended(EventTime::from_millis(millis));
        assert!(ended(133).is_empty());
        assert_eq!(ended(134), [first]);
        sessions.remove(first).unwrap();
        assert!(sessions.first.is_empty() && sessions.len() == 0);
        // The slot is used again, and has its own end.
        place(&mut sessions, b"c", 150);
        assert!(sessions.ended(EventTime::from_millis(158)).is_empty());
        assert_eq!(sessions.ended(EventTime::MAX).len(), 1);
    }
}
