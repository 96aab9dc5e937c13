//! What changed in a state since it was frozen last: the content of an incremental segment.

use std::collections::BTreeMap;

use sabot_types::KeyGroup;

use super::Namespace;
use crate::Result;

/// Above this size the changes of one state are not kept: the next checkpoint holds all rows.
const KEPT_BYTES_MAX: usize = 128 << 20;
/// Stands for the length of a value that was removed.
const REMOVED: u32 = u32::MAX;

/// A row that was put, or removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateChange<'a> {
    /// The namespace.
    pub namespace: Namespace,
    /// The key group.
    pub group: KeyGroup,
    /// The encoded key.
    pub key: &'a [u8],
    /// The encoded value; none where the row was removed.
    pub value: Option<&'a [u8]>,
}

/// The changes of one state between two freezes, in the order in which they were made.
#[derive(Debug, Default)]
pub struct StateChanges {
    rows: Vec<Row>,
    /// Keys and values one after the other.
    bytes: Vec<u8>,
    /// For each namespace that was dropped, how many of `rows` were there at its last drop.
    dropped: BTreeMap<Namespace, usize>,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    namespace: Namespace,
    start: usize,
    key_bytes: u32,
    value_bytes: u32,
    group: KeyGroup,
}

impl StateChanges {
    /// The namespaces that were dropped. What earlier segments hold of them is gone; rows that
    /// were put after the drop are among the changed ones.
    pub fn dropped(&self) -> impl Iterator<Item = Namespace> {
        self.dropped.keys().copied()
    }

    /// Visits the changed rows in the order of (namespace, key group, key), each as it was left.
    pub fn visit(&self, visit: &mut dyn FnMut(StateChange<'_>) -> Result<()>) -> Result<()> {
        let rows = (0..self.rows.len()).filter(|row| self.is_kept(*row));
        let mut order: Vec<_> = rows.map(|row| (self.start_of(row), row)).collect();
        // Most places differ where they start, which is compared without a look at the rows.
        order.sort_by(|(a_start, a), (b_start, b)| {
            a_start.cmp(b_start).then_with(|| self.place(*a).cmp(&self.place(*b)))
        });
        for (at, (_, row)) in order.iter().enumerate() {
            let place = self.place(*row);
            // The sort keeps the order of equal places: the last one is what was left.
            if order.get(at + 1).is_some_and(|(_, next)| self.place(*next) == place) {
                continue;
            }
            let (namespace, group, key) = place;
            visit(StateChange { namespace, group, key, value: self.value(*row) })?;
        }
        Ok(())
    }

    /// How a row's place starts, ordered as places are: the namespace, then the key group and the
    /// first bytes of the key.
    fn start_of(&self, row: usize) -> (Namespace, u128) {
        const KEY_BYTES: usize = 14;
        let (namespace, group, key) = self.place(row);
        let mut start = [0; 2 + KEY_BYTES];
        start[..2].copy_from_slice(&group.index().to_be_bytes());
        let bytes = key.len().min(KEY_BYTES);
        start[2..2 + bytes].copy_from_slice(&key[..bytes]);
        (namespace, u128::from_be_bytes(start))
    }

    fn is_kept(&self, row: usize) -> bool {
        let dropped = self.dropped.get(&self.rows[row].namespace);
        dropped.is_none_or(|rows_before| *rows_before <= row)
    }

    fn place(&self, row: usize) -> (Namespace, KeyGroup, &[u8]) {
        let Row { namespace, start, key_bytes, group, .. } = self.rows[row];
        (namespace, group, &self.bytes[start..start + key_bytes as usize])
    }

    fn value(&self, row: usize) -> Option<&[u8]> {
        let Row { start, key_bytes, value_bytes, .. } = self.rows[row];
        let start = start + key_bytes as usize;
        (value_bytes != REMOVED).then(|| &self.bytes[start..start + value_bytes as usize])
    }

    /// None, with room for as many as these: intervals between freezes are alike.
    fn empty_alike(&self) -> Self {
        Self {
            rows: Vec::with_capacity(self.rows.len()),
            bytes: Vec::with_capacity(self.bytes.len()),
            dropped: BTreeMap::new(),
        }
    }

    /// Takes a row in.
    pub fn put(&mut self, namespace: Namespace, group: KeyGroup, key: &[u8], value: Option<&[u8]>) {
        self.rows.push(Row {
            namespace,
            start: self.bytes.len(),
            // Longer rows than these fit no segment, which refuses them.
            key_bytes: key.len() as u32,
            value_bytes: value.map_or(REMOVED, |value| value.len() as u32),
            group,
        });
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value.unwrap_or_default());
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.dropped.is_empty()
    }

    /// Forgets all, and keeps the room.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.bytes.clear();
        self.dropped.clear();
    }

    /// What it takes, in bytes.
    pub fn size(&self) -> usize {
        self.bytes.len() + self.rows.len() * size_of::<Row>() + self.dropped.len() * 32
    }
}

/// Keeps the changes of one state while a backend makes them.
#[derive(Debug, Default)]
pub struct ChangeLog {
    /// None before the first freeze, and when there were too many to keep.
    changes: Option<StateChanges>,
}

impl ChangeLog {
    /// A row is put, or removed where `value` is none.
    pub fn put(&mut self, namespace: Namespace, group: KeyGroup, key: &[u8], value: Option<&[u8]>) {
        let Some(changes) = &mut self.changes else { return };
        changes.put(namespace, group, key, value);
        if changes.size() > KEPT_BYTES_MAX {
            self.changes = None;
        }
    }

    /// A namespace is dropped.
    pub fn drop_namespace(&mut self, namespace: Namespace) {
        if let Some(changes) = &mut self.changes {
            changes.dropped.insert(namespace, changes.rows.len());
        }
    }

    /// The state is frozen: what changed since the last time, if that is known.
    pub fn freeze(&mut self) -> Option<StateChanges> {
        let next = self.changes.as_ref().map(StateChanges::empty_alike).unwrap_or_default();
        self.changes.replace(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
