//! Rows of a state that were put and are not in the database yet: they are written together, in the
//! order of their keys.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use ::rocksdb::WriteBatch;
use sabot_core::state::{ChangedRows, Namespace, StateChange, StateHandle};
use sabot_types::KeyGroup;

use super::layout::Prefix;

/// Rows that wait.
#[derive(Default)]
pub(super) struct Waiting {
    open: ChangedRows,
    /// What waits since before, which frozen states and the log share; the older ones first.
    sealed: VecDeque<Sealed>,
    sealed_bytes: usize,
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
        self.open.put(namespace, group, key, value);
    }

    /// What the rows take, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.open.size() + self.sealed_bytes
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
        Some(rows)
    }

    /// The sealed rows, the older ones first.
    pub(super) fn sealed(&self) -> Vec<Arc<ChangedRows>> {
        self.sealed.iter().map(|sealed| Arc::clone(&sealed.rows)).collect()
    }

    /// A sealed row as it was left; its value is none where it was removed.
    pub(super) fn find(
        &self,
        namespace: Namespace,
        group: KeyGroup,
        key: &[u8],
    ) -> Option<StateChange<'_>> {
        self.sealed.iter().rev().find_map(|sealed| sealed.rows.find(namespace, group, key))
    }

    /// The sealed rows whose keys begin with `prefix` as they were left, by the rest of the key;
    /// without a value where they were removed.
    pub(super) fn with_prefix<'a>(
        &'a self,
        namespace: Namespace,
        group: KeyGroup,
        prefix: &'a [u8],
    ) -> BTreeMap<&'a [u8], Option<&'a [u8]>> {
        let parts = self.sealed.iter();
        let rows = parts.flat_map(|sealed| sealed.rows.with_prefix(namespace, group, prefix));
        rows.map(|row| (&row.key[prefix.len()..], row.value)).collect()
    }

    /// Takes the next rows to be written out of those that are sealed, of about so many bytes.
    pub(super) fn next_batch(&mut self, state: StateHandle, bytes: usize) -> Option<WriteBatch> {
        let Sealed { rows, written } = self.sealed.front_mut()?;
        let mut batch = WriteBatch::default();
        let mut row_key = Vec::new();
        let mut rest = rows.sorted_from(*written);
        for StateChange { namespace, group, key, value } in rest.by_ref() {
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
        let is_last = rest.len() == 0;
        drop(rest);
        *written += batch.len();
        if is_last {
            self.sealed_bytes -= rows.size();
            self.sealed.pop_front();
        }
        Some(batch)
    }
}
