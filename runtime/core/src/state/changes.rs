//! What changed in a state since it was frozen last: the content of an incremental segment.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use sabot_types::KeyGroup;

use super::Namespace;
use super::changed_rows::{ChangedRows, StateChange, merged};
use crate::Result;

/// Above this size the changes of one state are not kept: the next checkpoint holds all rows.
const KEPT_BYTES_MAX: usize = 128 << 20;
/// From this size on rows are a part of their own: more do not move those that are there.
const PART_BYTES: usize = 4 << 20;
/// Rows of this size and more are not copied when they are taken in together.
const SHARED_BYTES_MIN: usize = 256 << 10;

/// The changes of one state between two freezes.
#[derive(Debug, Default)]
pub struct StateChanges {
    /// In the order in which they were made.
    parts: Vec<Arc<ChangedRows>>,
    /// How many rows there are in the parts before each.
    rows_before: Vec<usize>,
    rows: usize,
    bytes: usize,
    /// For each namespace that was dropped, how many rows were there at its last drop.
    dropped: BTreeMap<Namespace, usize>,
}

impl StateChanges {
    /// The namespaces that were dropped. What earlier segments hold of them is gone; rows that
    /// were put after the drop are among the changed ones.
    pub fn dropped(&self) -> impl Iterator<Item = Namespace> {
        self.dropped.keys().copied()
    }

    /// Visits the changed rows in the order of (namespace, key group, key), each as it was left.
    pub fn visit(&self, visit: &mut dyn FnMut(StateChange<'_>) -> Result<()>) -> Result<()> {
        let is_kept = |part: usize, row: u32| {
            let number = self.rows_before[part] + row as usize;
            let namespace = self.parts[part].namespace(row);
            self.dropped.get(&namespace).is_none_or(|rows_before| *rows_before <= number)
        };
        merged(&self.parts, is_kept).try_for_each(visit)
    }

    /// What they take, in bytes.
    fn size(&self) -> usize {
        self.bytes + self.dropped.len() * 32
    }

    fn push(&mut self, part: Arc<ChangedRows>) {
        self.rows_before.push(self.rows);
        self.rows += part.len();
        self.bytes += part.size();
        self.parts.push(part);
    }
}

/// Keeps the changes of one state while a backend makes them.
#[derive(Debug, Default)]
pub struct ChangeLog {
    /// None before the first freeze, and when there were too many to keep.
    changes: Option<StateChanges>,
    /// The last of the changes.
    open: ChangedRows,
}

impl ChangeLog {
    /// A row is put, or removed where `value` is none.
    pub fn put(&mut self, namespace: Namespace, group: KeyGroup, key: &[u8], value: Option<&[u8]>) {
        if self.changes.is_none() {
            return;
        }
        self.open.put(namespace, group, key, value);
        if self.open.size() >= PART_BYTES {
            self.end_part();
        }
    }

    /// Rows are put, or removed, one after the other. They are copied where that takes much less
    /// room than to share them: few rows, or many of the same places.
    pub fn push(&mut self, rows: &Arc<ChangedRows>) {
        if self.changes.is_none() {
            return;
        }
        if rows.size() < SHARED_BYTES_MIN || has_many_of_the_same(rows) {
            for StateChange { namespace, group, key, value } in rows.sorted() {
                self.put(namespace, group, key, value);
            }
            return;
        }
        self.share(rows);
    }

    /// The same in no time: they are shared in any case.
    pub fn share(&mut self, rows: &Arc<ChangedRows>) {
        self.end_part();
        if let Some(changes) = &mut self.changes {
            changes.push(Arc::clone(rows));
        }
        self.give_up_too_many();
    }

    /// A namespace is dropped.
    pub fn drop_namespace(&mut self, namespace: Namespace) {
        if let Some(changes) = &mut self.changes {
            changes.dropped.insert(namespace, changes.rows + self.open.len());
        }
    }

    /// The state is frozen: what changed since the last time, if that is known.
    pub fn freeze(&mut self) -> Option<StateChanges> {
        self.end_part();
        self.changes.replace(StateChanges::default())
    }

    fn end_part(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let next = self.open.empty_alike();
        let part = std::mem::replace(&mut self.open, next);
        if let Some(changes) = &mut self.changes {
            changes.push(Arc::new(part));
        }
        self.give_up_too_many();
    }

    fn give_up_too_many(&mut self) {
        let is_too_much = |changes: &StateChanges| changes.size() > KEPT_BYTES_MAX;
        if self.changes.as_ref().is_some_and(is_too_much) {
            self.changes = None;
        }
    }
}

/// Whether many rows are of the same places, judged by some of them: to sort them all would hold up the
/// caller.
fn has_many_of_the_same(rows: &ChangedRows) -> bool {
    const SAMPLE: usize = 1024;
    const SAME_MAX: usize = 8;
    let step = rows.len().div_ceil(SAMPLE).max(1);
    let sample = rows.iter().step_by(step);
    let looked_at = sample.len();
    let different: HashSet<_> = sample.map(|row| row.place()).collect();
    looked_at - different.len() > SAME_MAX
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Random, SeededRandom};

    type Left = Vec<(i64, u16, Vec<u8>, Option<Vec<u8>>)>;

    fn left(changes: &StateChanges) -> Left {
        let mut rows = Vec::new();
        let visited = changes.visit(&mut |change| {
            let (group, key) = (change.group.index(), change.key.to_vec());
            rows.push((change.namespace.0, group, key, change.value.map(<[u8]>::to_vec)));
            Ok(())
        });
        visited.unwrap();
        rows
    }

    fn put(log: &mut ChangeLog, namespace: i64, group: u16, key: &[u8], value: Option<&[u8]>) {
        log.put(Namespace(namespace), KeyGroup::new(group), key, value);
    }

    #[test]
    fn nothing_is_known_before_the_first_freeze() {
        let mut log = ChangeLog::default();
        put(&mut log, 1, 1, b"a", Some(b"1"));
        assert!(log.freeze().is_none());
        assert_eq!(left(&log.freeze().unwrap()), []);
    }

    #[test]
    fn of_each_row_the_last_change_is_left() {
        let mut log = ChangeLog::default();
        log.freeze();
        put(&mut log, 2, 1, b"b", Some(b"1"));
        put(&mut log, 1, 7, b"a", Some(b"2"));
        put(&mut log, 1, 3, b"z", Some(b""));
        put(&mut log, 1, 7, b"a", None);
        put(&mut log, 2, 1, b"b", Some(b"3"));
        let changes = log.freeze().unwrap();
        let expected = vec![
            (1, 3, b"z".to_vec(), Some(Vec::new())),
            (1, 7, b"a".to_vec(), None),
            (2, 1, b"b".to_vec(), Some(b"3".to_vec())),
        ];
        assert_eq!(left(&changes), expected);
        assert_eq!(left(&log.freeze().unwrap()), [], "each freeze begins anew");
    }

    #[test]
    fn a_drop_takes_the_rows_before_it() {
        let mut log = ChangeLog::default();
        log.freeze();
        put(&mut log, 1, 1, b"before", Some(b"1"));
        put(&mut log, 2, 1, b"other", Some(b"1"));
        log.drop_namespace(Namespace(1));
        put(&mut log, 1, 1, b"after", Some(b"1"));
        let changes = log.freeze().unwrap();
        assert_eq!(changes.dropped().collect::<Vec<_>>(), [Namespace(1)]);
        let keys: Vec<_> = left(&changes).into_iter().map(|row| row.2).collect();
        assert_eq!(keys, [b"after".to_vec(), b"other".to_vec()]);
    }

    #[test]
    fn rows_that_are_taken_in_together_are_as_those_one_by_one() {
        let dice = SeededRandom::new(7);
        let next = |below: u64| dice.next_u64() % below;
        let (mut single, mut together) = (ChangeLog::default(), ChangeLog::default());
        assert!(single.freeze().is_none() && together.freeze().is_none());
        for rows in [10, 4000, 3, 0, 5000, 6000, 20] {
            let mut part = ChangedRows::default();
            for _ in 0..rows {
                let (namespace, group) = (Namespace(next(3) as i64), KeyGroup::new(next(4) as u16));
                // Many of one part are of the same place, few of another.
                let key = [(next(if rows == 5000 { 50 } else { 60_000 }) as u16).to_be_bytes(); 15];
                let key = key.as_flattened();
                let value = (next(4) > 0).then(|| vec![next(256) as u8; 60]);
                part.put(namespace, group, key, value.as_deref());
                single.put(namespace, group, key, value.as_deref());
            }
            together.push(&Arc::new(part));
            let namespace = Namespace(next(3) as i64);
            single.drop_namespace(namespace);
            together.drop_namespace(namespace);
        }
        let (single, together) = (single.freeze().unwrap(), together.freeze().unwrap());
        let parts: Vec<_> = together.parts.iter().map(|part| part.len()).collect();
        assert!(parts.contains(&4000) && parts.contains(&6000), "shared: {parts:?}");
        assert!(!parts.contains(&5000), "copied: {parts:?}");
        assert_eq!(left(&single), left(&together));
        assert!(!left(&single).is_empty());
    }

    #[test]
    fn too_many_changes_are_given_up_until_the_next_freeze() {
        let mut log = ChangeLog::default();
        log.freeze();
        let value = vec![1; 1 << 20];
        for _ in 0..200 {
            put(&mut log, 1, 1, b"key", Some(&value));
        }
        assert!(log.freeze().is_none());
        put(&mut log, 1, 1, b"key", Some(b"1"));
        assert_eq!(left(&log.freeze().unwrap()).len(), 1);
    }
}
