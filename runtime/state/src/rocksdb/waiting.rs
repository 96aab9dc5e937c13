//! Rows of a state that were put and are not in the database yet: they are written together, in the
//! order of their keys.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use ::rocksdb::WriteBatch;
use sabot_core::state::{ChangedRows, Namespace, Place, StateChange, StateHandle, merge};
use sabot_types::KeyGroup;

use super::index::{Index, RowAt};
use super::layout::Prefix;

/// Room for the first rows: every growth from little to much takes memory that is new to the process,
/// which holds up a barrier that hands over many.
const BEGUN_ROWS: usize = 8 << 10;
const BEGUN_BYTES: usize = 1 << 20;

/// Rows that wait.
#[derive(Default)]
pub(super) struct Waiting {
    open: ChangedRows,
    /// What waits since before, which frozen states and the log share; the older ones first.
    sealed: VecDeque<Sealed>,
    sealed_bytes: usize,
    /// Where rows are by their keys, and by the beginnings of their keys; each from the first time
    /// that some are looked for.
    by_key: Option<Index>,
    by_beginning: Option<Index>,
    /// How many parts went: the number of the first one.
    gone: u32,
    /// Namespaces that were dropped: their rows in parts before these are gone.
    dropped: Dropped,
}

/// By namespace that was dropped, the first part whose rows came after that.
#[derive(Default, Clone)]
struct Dropped(BTreeMap<Namespace, u32>);

impl Dropped {
    /// Whether the rows that a part has of a namespace are gone.
    fn has(&self, part: u32, namespace: Namespace) -> bool {
        self.0.get(&namespace).is_some_and(|first| part < *first)
    }
}

/// The sealed rows at a moment, those of dropped namespaces left out.
#[derive(Default)]
pub(super) struct SealedRows {
    /// The older ones first.
    parts: Vec<Arc<ChangedRows>>,
    first_part: u32,
    dropped: Dropped,
}

impl SealedRows {
    /// Each row as it was left, in the order of (namespace, key group, key); those from a place on, if
    /// there is one.
    pub(super) fn merge(&self, from: Option<Place<'_>>) -> impl Iterator<Item = StateChange<'_>> {
        merge(&self.parts, from, |part, row| {
            !self.dropped.has(self.first_part + part as u32, row.namespace)
        })
    }
}

/// Rows to which none is added any more.
struct Sealed {
    rows: Arc<ChangedRows>,
    /// How many of them are in the database, as they are sorted.
    written: usize,
}

impl Waiting {
    /// A row is put, or removed where `value` is none.
    pub(super) fn put(
        &mut self,
        namespace: Namespace,
        group: KeyGroup,
        key: &[u8],
        value: Option<&[u8]>,
    ) {
        if self.open.is_empty() {
            self.open.reserve(BEGUN_ROWS, BEGUN_BYTES);
        }
        for index in self.by_key.iter_mut().chain(&mut self.by_beginning) {
            index.push(namespace, group, key);
        }
        self.open.put(namespace, group, key, value);
    }

    /// Makes room for so many rows that are put, as far as they take at most so many bytes.
    pub(super) fn reserve(&mut self, most_bytes: usize, rows: usize, bytes: usize) {
        self.open.reserve_up_to(most_bytes, rows, bytes);
    }

    /// Has rows be found by their keys.
    pub(super) fn keep_by_key(&mut self) {
        if self.by_key.is_none() {
            self.by_key = Some(self.new_index(0));
        }
    }

    /// Has rows be found by the beginnings of their keys, behind which so many bytes follow.
    pub(super) fn keep_by_beginning(&mut self, suffix_bytes: usize) {
        if self.by_beginning.is_none() {
            self.by_beginning = Some(self.new_index(suffix_bytes));
        }
    }

    fn new_index(&self, suffix_bytes: usize) -> Index {
        let mut index = Index::new(suffix_bytes, self.gone);
        for sealed in &self.sealed {
            sealed.rows.iter().for_each(|row| index.push(row.namespace, row.group, row.key));
            index.seal();
        }
        self.open.iter().for_each(|row| index.push(row.namespace, row.group, row.key));
        index
    }

    /// The namespaces of the rows; none: some rows were removed, so that it is not known.
    pub(super) fn namespaces(&self) -> Option<BTreeSet<Namespace>> {
        let open = (self.gone + self.sealed.len() as u32, &self.open);
        let mut found = BTreeSet::new();
        let mut last = None;
        for (part, rows) in self.numbered().chain([open]) {
            for StateChange { namespace, value, .. } in rows.iter() {
                if self.dropped.has(part, namespace) {
                    continue;
                }
                value?;
                if last.replace(namespace) != Some(namespace) {
                    found.insert(namespace);
                }
            }
        }
        Some(found)
    }

    /// What the rows take, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let indexes = self.by_key.iter().chain(&self.by_beginning);
        self.open.size() + self.sealed_bytes + indexes.map(Index::bytes).sum::<usize>()
    }

    /// What those take that are not sealed.
    pub(super) fn open_bytes(&self) -> usize {
        self.open.size()
    }

    /// Seals all rows; those that were not, if there are any.
    pub(super) fn seal(&mut self) -> Option<Arc<ChangedRows>> {
        if self.open.is_empty() {
            return None;
        }
        let next = self.open.empty_alike();
        let mut rows = std::mem::replace(&mut self.open, next);
        rows.shrink();
        let rows = Arc::new(rows);
        self.sealed_bytes += rows.size();
        self.sealed.push_back(Sealed { rows: Arc::clone(&rows), written: 0 });
        for index in self.by_key.iter_mut().chain(&mut self.by_beginning) {
            index.seal();
        }
        Some(rows)
    }

    /// The sealed rows.
    pub(super) fn sealed(&self) -> SealedRows {
        let parts = self.sealed.iter().map(|sealed| Arc::clone(&sealed.rows)).collect();
        SealedRows { parts, first_part: self.gone, dropped: self.dropped.clone() }
    }

    /// Removes the rows of a namespace that are sealed, which all are.
    pub(super) fn drop_namespace(&mut self, namespace: Namespace) {
        if self.sealed.is_empty() {
            return;
        }
        self.dropped.0.insert(namespace, self.gone + self.sealed.len() as u32);
        while let Some(Sealed { rows, .. }) = self.sealed.front()
            && rows.iter().all(|row| self.dropped.has(self.gone, row.namespace))
        {
            self.forget_first();
        }
    }

    /// Lets the first part go.
    fn forget_first(&mut self) {
        let Some(Sealed { rows, .. }) = self.sealed.pop_front() else { return };
        self.sealed_bytes -= rows.size();
        self.gone += 1;
        self.dropped.0.retain(|_, first| *first > self.gone);
        for index in self.by_key.iter_mut().chain(&mut self.by_beginning) {
            index.forget();
        }
    }

    /// A row as it was left, of those that are found by their keys; its value is none where it was
    /// removed.
    pub(super) fn find(
        &self,
        namespace: Namespace,
        group: KeyGroup,
        key: &[u8],
    ) -> Option<StateChange<'_>> {
        let found = self.by_key.as_ref()?.find(namespace, group, key);
        let mut found = found.map(|at| (at.part, self.row(at)));
        let (part, row) = found.find(|(_, row)| row.place() == (namespace, group, key))?;
        (!self.dropped.has(part, namespace)).then_some(row)
    }

    /// The sealed parts by their numbers.
    fn numbered(&self) -> impl DoubleEndedIterator<Item = (u32, &ChangedRows)> {
        let parts = self.sealed.iter().enumerate();
        parts.map(|(at, sealed)| (self.gone + at as u32, &*sealed.rows))
    }

    /// The rows whose keys begin with `prefix` as they were left, by the rest of the key, of those
    /// that are sealed or in an index of beginnings; without a value where they were removed.
    pub(super) fn with_prefix<'a>(
        &'a self,
        namespace: Namespace,
        group: KeyGroup,
        prefix: &'a [u8],
    ) -> BTreeMap<&'a [u8], Option<&'a [u8]>> {
        let mut found = BTreeMap::new();
        match &self.by_beginning {
            Some(index) => {
                let rows = index.find(namespace, group, prefix);
                for at in rows.take_while(|at| !self.dropped.has(at.part, namespace)) {
                    let row = self.row(at);
                    if (row.namespace, row.group) == (namespace, group)
                        && let Some(rest) = row.key.strip_prefix(prefix)
                    {
                        found.entry(rest).or_insert(row.value);
                    }
                }
            }
            None => {
                let parts = self.numbered().filter(|(part, _)| !self.dropped.has(*part, namespace));
                let rows = parts.flat_map(|(_, part)| part.with_prefix(namespace, group, prefix));
                found.extend(rows.map(|row| (&row.key[prefix.len()..], row.value)));
            }
        }
        found
    }

    fn row(&self, RowAt { part, row }: RowAt) -> StateChange<'_> {
        let sealed = self.sealed.get((part - self.gone) as usize);
        sealed.map_or(&self.open, |sealed| &*sealed.rows).row(row)
    }

    /// Takes the next rows to be written out of those that are sealed, of about so many bytes; notes
    /// their namespaces. None: there are none.
    pub(super) fn next_batch(
        &mut self,
        state: StateHandle,
        bytes: usize,
        stored: &mut BTreeSet<Namespace>,
    ) -> Option<WriteBatch> {
        let Self { sealed, dropped, gone, .. } = self;
        let Sealed { rows, written } = sealed.front_mut()?;
        let mut batch = WriteBatch::default();
        let mut row_key = Vec::new();
        let mut last = None;
        let mut rest = rows.sorted_from(*written);
        let before = rest.len();
        for StateChange { namespace, group, key, value } in rest.by_ref() {
            if dropped.has(*gone, namespace) {
                continue;
            }
            if last.replace(namespace) != Some(namespace) {
                stored.insert(namespace);
            }
            row_key.clear();
            Prefix::new(state, namespace).write_key(group, key, &mut row_key);
            match value {
                Some(value) => batch.put(&row_key, value),
                None => batch.delete(&row_key),
            }
            if batch.size_in_bytes() >= bytes {
                break;
            }
        }
        let left = rest.len();
        drop(rest);
        *written += before - left;
        if left == 0 {
            self.forget_first();
        }
        Some(batch)
    }
}
