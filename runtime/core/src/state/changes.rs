//! What changed in a state since it was frozen last: the content of an incremental segment.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use sabot_types::KeyGroup;
use tracing::warn;

use super::Namespace;
use super::changed_rows::{ChangedRows, StateChange, merged};
use super::spilled::Run;
use crate::Result;

/// Changes of this size are kept, however little the state itself takes.
const KEPT_BYTES_MIN: u64 = 128 << 20;
/// From this size on rows are a part of their own: more do not move those that are there.
const PART_BYTES: usize = 4 << 20;
/// Rows of this size and more are not copied when they are taken in together.
const SHARED_BYTES_MIN: usize = 256 << 10;

/// The changes of one state between two freezes.
#[derive(Debug, Default)]
pub struct StateChanges {
    /// Those that are in files, the older ones first.
    runs: Vec<Run>,
    /// Those since then, in the order in which they were made.
    parts: Vec<Arc<ChangedRows>>,
    /// How many rows there were before each part.
    rows_before: Vec<usize>,
    rows: usize,
    /// What the parts take.
    bytes: usize,
    /// What the parts took that went into files.
    spilled_bytes: usize,
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
    /// Fails where those that are in files cannot be written or read.
    pub fn visit(self, visit: &mut dyn FnMut(StateChange<'_>) -> Result<()>) -> Result<()> {
        let Self { runs, parts, rows_before, dropped, .. } = self;
        let is_kept = |namespace, number: u64| is_kept(&dropped, namespace, number);
        let mut in_files: Vec<_> =
            runs.into_iter().map(|run| run.read(is_kept)).collect::<Result<_>>()?;
        let rows = numbered(&parts, &rows_before, &dropped);
        let mut in_memory = rows.map(|(_, row)| row).peekable();
        loop {
            // Of equal places the newest is the one that counts.
            let mut newest = None;
            for (at, run) in in_files.iter().enumerate() {
                let Some(place) = run.place() else { continue };
                if newest.is_none_or(|(_, least)| place <= least) {
                    newest = Some((at, place));
                }
            }
            let Some((newest, place)) = newest else { break };
            let is_less = |row: &StateChange<'_>| row.place() < place;
            if let Some(row) = in_memory.next_if(is_less) {
                visit(row)?;
                continue;
            }
            let is_changed_since = in_memory.peek().is_some_and(|row| row.place() == place);
            if !is_changed_since && let Some(row) = in_files[newest].row() {
                visit(row)?;
            }
            let (older, newer) = in_files.split_at_mut(newest);
            for run in older {
                if run.place() == newer[0].place() {
                    run.advance()?;
                }
            }
            newer[0].advance()?;
        }
        in_memory.try_for_each(visit)
    }

    fn push(&mut self, part: Arc<ChangedRows>) {
        self.rows_before.push(self.rows);
        self.rows += part.len();
        self.bytes += part.size();
        self.parts.push(part);
    }

    /// Whether no file is being written.
    fn is_idle(&self) -> bool {
        self.runs.last().is_none_or(Run::is_written)
    }

    /// Has what is in memory written to a file.
    fn spill(&mut self, to: &Spill) -> Result<()> {
        let (parts, rows_before) =
            (std::mem::take(&mut self.parts), std::mem::take(&mut self.rows_before));
        let dropped = self.dropped.clone();
        self.runs.push(Run::write(&to.dir, move |push| {
            numbered(&parts, &rows_before, &dropped).try_for_each(|(number, row)| push(number, row))
        })?);
        self.spilled_bytes += std::mem::take(&mut self.bytes);
        Ok(())
    }
}

/// The rows of parts as [`StateChanges::visit`] gives them, each with how many there were before it.
fn numbered<'a>(
    parts: &'a [Arc<ChangedRows>],
    rows_before: &'a [usize],
    dropped: &'a BTreeMap<Namespace, usize>,
) -> impl Iterator<Item = (u64, StateChange<'a>)> {
    let number = |part: usize, row: u32| rows_before[part] as u64 + u64::from(row);
    let rows = merged(parts, None, move |part, row| {
        is_kept(dropped, parts[part].namespace(row), number(part, row))
    });
    rows.map(move |(part, row, change)| (number(part, row), change))
}

/// Whether a row's namespace was not dropped after it.
fn is_kept(dropped: &BTreeMap<Namespace, usize>, namespace: Namespace, number: u64) -> bool {
    dropped.get(&namespace).is_none_or(|rows_before| *rows_before as u64 <= number)
}

/// Where changes go that are too many for memory.
#[derive(Debug)]
pub struct Spill {
    /// A directory for files without names.
    pub dir: PathBuf,
    /// From this size on, in bytes.
    pub from_bytes: usize,
}

/// Keeps the changes of one state while a backend makes them.
#[derive(Debug, Default)]
pub struct ChangeLog {
    /// None before the first freeze, and when there were too many to keep.
    changes: Option<StateChanges>,
    /// The last of the changes.
    open: ChangedRows,
    /// None: they stay in memory.
    spill: Option<Spill>,
    /// What the state took when it was frozen last: where much more changed, all of it is written with
    /// less work.
    state_bytes: u64,
}

impl ChangeLog {
    /// One whose changes go to files where there are many.
    pub fn with_spill(spill: Spill) -> Self {
        Self { spill: Some(spill), ..Self::default() }
    }

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

    /// Makes room for so many more rows of so many bytes together, but no more than for a part.
    pub fn reserve(&mut self, rows: usize, bytes: usize) {
        if self.changes.is_some() {
            self.open.reserve_up_to(PART_BYTES, rows, bytes);
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
        self.make_room();
    }

    /// A namespace is dropped.
    pub fn drop_namespace(&mut self, namespace: Namespace) {
        if let Some(changes) = &mut self.changes {
            changes.dropped.insert(namespace, changes.rows + self.open.len());
        }
    }

    /// The state, which takes so many bytes, is frozen: what changed since the last time, if that is
    /// known.
    pub fn freeze(&mut self, state_bytes: u64) -> Option<StateChanges> {
        self.end_part();
        self.state_bytes = state_bytes;
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
        self.make_room();
    }

    /// Has changes written to a file where there are many, and gives them up where there are too many.
    fn make_room(&mut self) {
        let Some(changes) = &mut self.changes else { return };
        let spilled = match &self.spill {
            Some(spill) if changes.bytes >= spill.from_bytes && changes.is_idle() => {
                changes.spill(spill)
            }
            _ => Ok(()),
        };
        let kept_max = KEPT_BYTES_MIN.max(self.state_bytes / 2);
        let (in_memory_max, all_max) = match &self.spill {
            // A file that is not written as fast as changes come is not waited for.
            Some(spill) => {
                (spill.from_bytes as u64 + KEPT_BYTES_MIN, kept_max.max(2 * self.state_bytes))
            }
            None => (kept_max, kept_max),
        };
        let in_memory = changes.bytes as u64 + changes.dropped.len() as u64 * 32;
        let all = in_memory + changes.spilled_bytes as u64;
        if let Err(error) = &spilled {
            warn!(%error, "the next checkpoint holds all state, since what changed is not kept");
        }
        if spilled.is_err() || in_memory > in_memory_max || all > all_max {
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

    fn left(changes: StateChanges) -> Left {
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
        assert!(log.freeze(0).is_none());
        assert_eq!(left(log.freeze(0).unwrap()), []);
    }

    #[test]
    fn of_each_row_the_last_change_is_left() {
        let mut log = ChangeLog::default();
        log.freeze(0);
        put(&mut log, 2, 1, b"b", Some(b"1"));
        put(&mut log, 1, 7, b"a", Some(b"2"));
        put(&mut log, 1, 3, b"z", Some(b""));
        put(&mut log, 1, 7, b"a", None);
        put(&mut log, 2, 1, b"b", Some(b"3"));
        let changes = log.freeze(0).unwrap();
        let expected = vec![
            (1, 3, b"z".to_vec(), Some(Vec::new())),
            (1, 7, b"a".to_vec(), None),
            (2, 1, b"b".to_vec(), Some(b"3".to_vec())),
        ];
        assert_eq!(left(changes), expected);
        assert_eq!(left(log.freeze(0).unwrap()), [], "each freeze begins anew");
    }

    #[test]
    fn a_drop_takes_the_rows_before_it() {
        let mut log = ChangeLog::default();
        log.freeze(0);
        put(&mut log, 1, 1, b"before", Some(b"1"));
        put(&mut log, 2, 1, b"other", Some(b"1"));
        log.drop_namespace(Namespace(1));
        put(&mut log, 1, 1, b"after", Some(b"1"));
        let changes = log.freeze(0).unwrap();
        assert_eq!(changes.dropped().collect::<Vec<_>>(), [Namespace(1)]);
        let keys: Vec<_> = left(changes).into_iter().map(|row| row.2).collect();
        assert_eq!(keys, [b"after".to_vec(), b"other".to_vec()]);
    }

    #[test]
    fn rows_that_are_taken_in_together_are_as_those_one_by_one() {
        let dice = SeededRandom::new(7);
        let next = |below: u64| dice.next_u64() % below;
        let (mut single, mut together) = (ChangeLog::default(), ChangeLog::default());
        assert!(single.freeze(0).is_none() && together.freeze(0).is_none());
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
        let (single, together) = (single.freeze(0).unwrap(), together.freeze(0).unwrap());
        let parts: Vec<_> = together.parts.iter().map(|part| part.len()).collect();
        assert!(parts.contains(&4000) && parts.contains(&6000), "shared: {parts:?}");
        assert!(!parts.contains(&5000), "copied: {parts:?}");
        let single = left(single);
        assert_eq!(single, left(together));
        assert!(!single.is_empty());
    }

    #[test]
    fn rows_in_files_are_as_those_in_memory() {
        let dir = tempfile::tempdir().unwrap();
        let dice = SeededRandom::new(11);
        let next = |below: u64| dice.next_u64() % below;
        for from_bytes in [1, 100_000, 1_000_000] {
            let spill = Spill { dir: dir.path().to_owned(), from_bytes };
            let (mut memory, mut files) = (ChangeLog::default(), ChangeLog::with_spill(spill));
            for freeze in 0..4 {
                assert_eq!(memory.freeze(0).is_none(), freeze == 0);
                assert_eq!(files.freeze(0).is_none(), freeze == 0);
                for _ in 0..next(12) {
                    let mut part = ChangedRows::default();
                    for _ in 0..3000 {
                        let (namespace, group) = (Namespace(next(3) as i64), next(4) as u16);
                        let key = [(next(20_000) as u16).to_be_bytes(); 15];
                        let value = (next(4) > 0).then(|| vec![next(256) as u8; next(90) as usize]);
                        part.put(
                            namespace,
                            KeyGroup::new(group),
                            key.as_flattened(),
                            value.as_deref(),
                        );
                    }
                    let part = Arc::new(part);
                    memory.share(&part);
                    files.share(&part);
                    if next(2) == 0 {
                        let namespace = Namespace(next(3) as i64);
                        memory.drop_namespace(namespace);
                        files.drop_namespace(namespace);
                    }
                    // Else all goes into the first file that is being written for long.
                    while next(3) > 0 && !files.changes.as_ref().unwrap().is_idle() {
                        std::thread::yield_now();
                    }
                }
                let (memory, files) = (memory.freeze(0).unwrap(), files.freeze(0).unwrap());
                assert!(from_bytes > 1 || memory.rows == 0 || !files.runs.is_empty());
                assert!(memory.dropped().eq(files.dropped()));
                assert_eq!(left(memory), left(files));
            }
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "files have no names");
    }

    #[test]
    fn without_room_for_a_file_changes_are_given_up() {
        let dir = std::path::PathBuf::from("/nowhere/at/all");
        let mut log = ChangeLog::with_spill(Spill { dir, from_bytes: 1 });
        log.freeze(0);
        let mut part = ChangedRows::default();
        part.put(Namespace(1), KeyGroup::new(1), b"key", Some(b"value"));
        log.share(&Arc::new(part));
        assert!(log.freeze(0).is_none());
        assert_eq!(left(log.freeze(0).unwrap()), []);
    }

    #[test]
    fn too_many_changes_are_given_up_until_the_next_freeze() {
        let mut log = ChangeLog::default();
        log.freeze(0);
        let value = vec![1; 1 << 20];
        let many =
            |log: &mut ChangeLog| (0..200).for_each(|_| put(log, 1, 1, b"key", Some(&value)));
        many(&mut log);
        assert!(log.freeze(0).is_none());
        put(&mut log, 1, 1, b"key", Some(b"1"));
        assert_eq!(left(log.freeze(1 << 30).unwrap()).len(), 1);
        // Beside a large state they are not.
        many(&mut log);
        assert_eq!(left(log.freeze(0).unwrap()).len(), 1);
    }
}
