use sabot_core::state::{ChangeLog, Namespace, StateChanges, StateRow, StateSpec};
use sabot_types::KeyGroup;

use super::*;
use crate::store::{Call, Outcome};
use crate::testing::{Rows, env, faulty, memory, spec};

/// A state that logs its changes, as backends do.
#[derive(Default)]
struct State {
    rows: Vec<(i64, u16, Vec<u8>, Vec<u8>)>,
    log: ChangeLog,
}

struct Frozen {
    rows: Rows,
    changes: Option<StateChanges>,
}

impl State {
    fn add(&mut self, rows: u32) {
        for _ in 0..rows {
            let number = self.rows.len() as u32;
            let (key, value) = (number.to_be_bytes().to_vec(), vec![number as u8; 16]);
            self.log.put(Namespace(1), KeyGroup::new(0), &key, Some(&value));
            self.rows.push((1, 0, key, value));
        }
    }

    fn freeze(&mut self) -> Vec<Box<dyn FrozenState>> {
        let rows = Rows { spec: spec("window", "rows"), rows: self.rows.clone() };
        vec![Box::new(Frozen { rows, changes: self.log.freeze(0) })]
    }
}

impl FrozenState for Frozen {
    fn spec(&self) -> &StateSpec {
        &self.rows.spec
    }

    fn changes(&mut self) -> Option<StateChanges> {
        self.changes.take()
    }

    fn visit(
        self: Box<Self>,
        visit: &mut dyn FnMut(StateRow<'_>) -> sabot_core::Result<()>,
    ) -> sabot_core::Result<()> {
        Box::new(self.rows).visit(visit)
    }
}

fn at(epoch: u64) -> SlotAt {
    SlotAt { attempt: Attempt::new(1), epoch: Epoch::new(epoch), slot: 0 }
}

fn rows(saved: &Saved) -> Vec<(u64, u64)> {
    saved.segments.iter().map(|segment| (segment.epoch.get(), segment.rows)).collect()
}

#[tokio::test]
async fn what_changed_follows_on_all_rows_and_nothing_makes_no_segment() {
    let (store, env, mut state) = (memory("mem://job"), env(1), State::default());
    state.add(100);
    let first = save(&env, &store, at(1), state.freeze(), None).await.unwrap();
    assert_eq!(rows(&first), [(1, 100)]);
    state.add(3);
    let second = save(&env, &store, at(2), state.freeze(), Some(first)).await.unwrap();
    assert_eq!(rows(&second), [(1, 100), (2, 3)]);
    let third = save(&env, &store, at(3), state.freeze(), Some(second.clone())).await.unwrap();
    assert_eq!(third.segments, second.segments);
}

#[tokio::test]
async fn after_a_failed_upload_all_rows_are_written() {
    let (store, env, mut state) = (memory("mem://job"), env(1), State::default());
    state.add(100);
    let first = save(&env, &store, at(1), state.freeze(), None).await.unwrap();
    state.add(3);
    let away = faulty(&store, Call::Put, [Outcome::FailsBefore; 64]);
    save(&env, &away, at(2), state.freeze(), Some(first)).await.unwrap_err();
    state.add(2);
    // The worker does not know the segments of a state whose upload failed.
    let third = save(&env, &store, at(3), state.freeze(), None).await.unwrap();
    assert_eq!(rows(&third), [(3, 105)]);
}

#[tokio::test]
async fn all_rows_are_written_again_after_many_small_segments() {
    let (store, env, mut state) = (memory("mem://job"), env(1), State::default());
    let mut known = None;
    for epoch in 1..=CHANGED_EPOCHS_MAX_SMALL as u64 + 2 {
        state.add(1);
        known = Some(save(&env, &store, at(epoch), state.freeze(), known).await.unwrap());
    }
    let all = CHANGED_EPOCHS_MAX_SMALL as u64 + 2;
    assert_eq!(rows(&known.unwrap()), [(all, all)]);
}

#[test]
fn segments_may_hold_as_much_that_is_gone_as_is_there() {
    let segment = |epoch, size| SegmentRef {
        key: String::new(),
        size,
        crc32: 0,
        slot: 0,
        epoch: Epoch::new(epoch),
        part: 0,
        rows: 1,
    };
    let spec = spec("window", "rows");
    let content = |keys: std::ops::Range<u32>| {
        let (mut rows, mut content) = (crate::content::Rows::default(), Content::default());
        for key in keys {
            rows.push(KeyGroup::new(0), &key.to_be_bytes(), Some(b"value"));
        }
        content.add(&spec, Namespace(1), &rows);
        content
    };
    let gib = 1 << 30;
    let mut saved = Saved::default();
    assert!(saved.takes_changes());
    // A state that only grows is never written again, one whose rows are written again is.
    for epoch in 1..10 {
        saved.segments.push(segment(epoch, gib));
        saved.content.merge(&content(epoch as u32 * 1000..(epoch as u32 + 1) * 1000));
        assert!(saved.takes_changes());
    }
    for epoch in 10..22 {
        saved.segments.push(segment(epoch, gib));
        saved.content.merge(&content(1000..2000));
        assert!(saved.takes_changes() || epoch > 16, "{epoch}");
    }
    assert!(!saved.takes_changes());
    // Little is.
    let mut small = Saved::default();
    for epoch in 1..10 {
        small.segments.push(segment(epoch, STALE_BYTES_MIN / 12));
        small.content.merge(&content(0..1000));
        assert!(small.takes_changes());
    }
    small.segments.push(segment(10, 2 * STALE_BYTES_MIN));
    small.content.drop_namespace(&spec, Namespace(1));
    assert!(!small.takes_changes());
}
