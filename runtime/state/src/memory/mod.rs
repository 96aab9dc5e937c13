//! State on the heap.
//!
//! The rows of a namespace are in a hash table whose pages frozen states share, or, once a state
//! was asked for any beginnings of keys, in an ordered map that is persistent. Freezing copies no
//! rows in either; writes after it copy the pages, or nodes, that they touch while the frozen state
//! is there. Where an operator says which beginnings it will ask for, the hash table stays, with
//! what follows each of them beside it.

mod beginnings;
mod bytes;
mod index;
mod ordered;
mod pages;
mod table;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use arrow::array::{Array, BinaryArray};
use sabot_core::Result;
use sabot_core::state::{
    ChangeLog, FrozenState, Namespace, PrefixVisitor, StateBackend, StateChanges, StateHandle,
    StateRow, StateRows, StateSpec,
};
use sabot_types::KeyGroup;

use self::ordered::Ordered;
use self::pages::{Row, SharedPage};
use self::table::{Table, visit_sorted};
use crate::rows::{RowCollector, check_keys, find_open, handle_of, not_open};

/// A [`StateBackend`] on the heap.
#[derive(Default)]
pub struct MemoryBackend {
    states: Vec<MemoryState>,
}

struct MemoryState {
    spec: Arc<StateSpec>,
    spaces: BTreeMap<Namespace, Space>,
    /// What stands behind the beginnings of keys that are asked for, if that is known.
    suffix_bytes: Option<usize>,
    /// Whether rows are kept in order: since the first scan of any other prefixes.
    ordered: bool,
    /// Where the next sweep begins.
    sweep_at: SweepAt,
    log: ChangeLog,
}

/// The rows of one namespace.
enum Space {
    Hashed(Table),
    Ordered(Ordered),
}

/// Up to where a state is swept.
#[derive(Default)]
struct SweepAt {
    namespace: Option<Namespace>,
    page: usize,
    row_key: Vec<u8>,
}

struct MemoryFrozen {
    spec: Arc<StateSpec>,
    spaces: Vec<(Namespace, FrozenSpace)>,
    changes: Option<StateChanges>,
}

enum FrozenSpace {
    Hashed(Vec<SharedPage>),
    Ordered(Ordered),
}

impl MemoryBackend {
    fn state(&self, state: StateHandle) -> Result<&MemoryState> {
        self.states.get(usize::from(state.0)).ok_or_else(|| not_open(state))
    }

    fn state_mut(&mut self, state: StateHandle) -> Result<&mut MemoryState> {
        self.states.get_mut(usize::from(state.0)).ok_or_else(|| not_open(state))
    }
}

impl StateBackend for MemoryBackend {
    fn open(&mut self, spec: &StateSpec) -> Result<StateHandle> {
        let spec = Arc::new(spec.clone());
        if let Some(found) = find_open(self.states.iter().map(|s| &*s.spec), &spec) {
            self.state_mut(found)?.spec = spec;
            return Ok(found);
        }
        self.states.push(MemoryState {
            spec,
            spaces: BTreeMap::new(),
            suffix_bytes: None,
            ordered: false,
            sweep_at: SweepAt::default(),
            log: ChangeLog::default(),
        });
        Ok(handle_of(self.states.len() - 1))
    }

    fn get(
        &mut self,
        state: StateHandle,
        namespace: Namespace,
        groups: &[KeyGroup],
        keys: &BinaryArray,
    ) -> Result<BinaryArray> {
        check_keys(groups, keys);
        match self.state_mut(state)?.spaces.get_mut(&namespace) {
            Some(Space::Hashed(table)) => Ok(table.get(groups, keys)),
            Some(Space::Ordered(rows)) => Ok(rows.get(groups, keys)),
            None => Ok(BinaryArray::new_null(keys.len())),
        }
    }

    fn put(
        &mut self,
        state: StateHandle,
        namespace: Namespace,
        groups: &[KeyGroup],
        keys: &BinaryArray,
        values: &BinaryArray,
    ) -> Result<()> {
        check_keys(groups, keys);
        assert_eq!(keys.len(), values.len(), "each key has a value");
        let MemoryState { spaces, log, ordered, .. } = self.state_mut(state)?;
        if keys.is_empty() {
            return Ok(());
        }
        let space = spaces.entry(namespace).or_insert_with(|| Space::new(*ordered));
        let changed = |group, key: &[u8], value: Option<&[u8]>| {
            log.put(namespace, group, key, value);
        };
        space.put(groups, keys, values, changed);
        if space.is_empty() {
            spaces.remove(&namespace);
        }
        Ok(())
    }

    fn namespaces(&mut self, state: StateHandle) -> Result<Vec<Namespace>> {
        Ok(self.state(state)?.spaces.keys().copied().collect())
    }

    fn scan(
        &mut self,
        state: StateHandle,
        namespace: Namespace,
        max_rows: usize,
        visit: &mut dyn FnMut(StateRows) -> Result<()>,
    ) -> Result<()> {
        let Some(space) = self.state(state)?.spaces.get(&namespace) else { return Ok(()) };
        let mut collector = RowCollector::new(namespace, max_rows);
        space.visit(|row| collector.push(row.group, row.key, row.value, visit))?;
        collector.finish(visit)
    }

    fn scan_prefixes(
        &mut self,
        state: StateHandle,
        namespace: Namespace,
        groups: &[KeyGroup],
        prefixes: &BinaryArray,
        visit: PrefixVisitor<'_>,
    ) -> Result<()> {
        check_keys(groups, prefixes);
        let state = self.state_mut(state)?;
        if state.suffix_bytes.is_none() {
            state.keep_ordered()?;
        }
        match (state.spaces.get_mut(&namespace), state.suffix_bytes) {
            (Some(Space::Ordered(rows)), _) => rows.scan_prefixes(groups, prefixes, visit),
            (Some(Space::Hashed(table)), Some(suffix_bytes)) => {
                table.keep_beginnings(suffix_bytes);
                table.scan_beginnings(groups, prefixes, visit)
            }
            (Some(Space::Hashed(_)), None) | (None, _) => Ok(()),
        }
    }

    fn expect_prefixes(&mut self, state: StateHandle, suffix_bytes: usize) {
        if let Some(state) = self.states.get_mut(usize::from(state.0)) {
            state.suffix_bytes = Some(suffix_bytes);
        }
    }

    fn expect_rows(&mut self, state: StateHandle, rows: usize, bytes: usize) {
        if let Some(state) = self.states.get_mut(usize::from(state.0)) {
            state.log.reserve(rows, bytes);
        }
    }

    fn drop_namespace(&mut self, state: StateHandle, namespace: Namespace) -> Result<()> {
        let state = self.state_mut(state)?;
        if state.spaces.remove(&namespace).is_some() {
            state.log.drop_namespace(namespace);
        }
        Ok(())
    }

    fn freeze(&mut self, state: StateHandle) -> Result<Box<dyn FrozenState>> {
        let bytes = self.size_bytes();
        let MemoryState { spec, spaces, log, .. } = self.state_mut(state)?;
        let spaces = spaces.iter_mut().map(|(namespace, space)| (*namespace, space.freeze()));
        let (spec, spaces) = (Arc::clone(spec), spaces.collect());
        Ok(Box::new(MemoryFrozen { spec, spaces, changes: log.freeze(bytes) }))
    }

    fn sweep(&mut self, state: StateHandle, expired: &dyn Fn(&[u8]) -> bool) -> Result<()> {
        let MemoryState { spaces, sweep_at, .. } = self.state_mut(state)?;
        let from = sweep_at.namespace.map_or(Bound::Unbounded, Bound::Included);
        let Some((namespace, space)) = spaces.range_mut((from, Bound::Unbounded)).next() else {
            *sweep_at = SweepAt::default();
            return Ok(());
        };
        let namespace = *namespace;
        if sweep_at.namespace != Some(namespace) {
            *sweep_at = SweepAt { namespace: Some(namespace), ..SweepAt::default() };
        }
        let is_done = match space {
            Space::Hashed(table) => table.sweep(&mut sweep_at.page, expired),
            Space::Ordered(rows) => rows.sweep(&mut sweep_at.row_key, expired),
        };
        if space.is_empty() {
            spaces.remove(&namespace);
        }
        if is_done {
            let next = (Bound::Excluded(namespace), Bound::Unbounded);
            let next = spaces.range(next).next().map(|(namespace, _)| *namespace);
            *sweep_at = SweepAt { namespace: next, ..SweepAt::default() };
        }
        Ok(())
    }

    fn size_bytes(&self) -> u64 {
        self.states.iter().flat_map(|s| s.spaces.values()).map(Space::bytes).sum()
    }

    fn name(&self) -> &'static str {
        "memory"
    }
}

impl FrozenState for MemoryFrozen {
    fn spec(&self) -> &StateSpec {
        &self.spec
    }

    fn changes(&mut self) -> Option<StateChanges> {
        self.changes.take()
    }

    fn visit(self: Box<Self>, visit: &mut dyn FnMut(StateRow<'_>) -> Result<()>) -> Result<()> {
        for (namespace, space) in self.spaces {
            space.visit(|Row { group, key, value }| {
                visit(StateRow { namespace, group, key, value })
            })?;
        }
        Ok(())
    }
}

impl MemoryState {
    /// Keeps rows in order from now on.
    fn keep_ordered(&mut self) -> Result<()> {
        if self.ordered {
            return Ok(());
        }
        self.ordered = true;
        for space in self.spaces.values_mut() {
            let (mut rows, mut row_key) = (Ordered::default(), Vec::new());
            space.visit(|Row { group, key, value }| {
                rows.put(group, key, Some(value), &mut row_key);
                Ok(())
            })?;
            *space = Space::Ordered(rows);
        }
        Ok(())
    }
}

impl Space {
    fn new(ordered: bool) -> Self {
        if ordered { Self::Ordered(Ordered::default()) } else { Self::Hashed(Table::default()) }
    }

    fn put(
        &mut self,
        groups: &[KeyGroup],
        keys: &BinaryArray,
        values: &BinaryArray,
        mut changed: impl FnMut(KeyGroup, &[u8], Option<&[u8]>),
    ) {
        let rows = match self {
            Self::Hashed(table) => return table.put(groups, keys, values, changed),
            Self::Ordered(rows) => rows,
        };
        let mut row_key = Vec::new();
        for (row, group) in groups.iter().enumerate() {
            let (key, value) = (keys.value(row), values.is_valid(row).then(|| values.value(row)));
            rows.put(*group, key, value, &mut row_key);
            changed(*group, key, value);
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Hashed(table) => table.len() == 0,
            Self::Ordered(rows) => rows.is_empty(),
        }
    }

    fn bytes(&self) -> u64 {
        match self {
            Self::Hashed(table) => table.bytes(),
            Self::Ordered(rows) => rows.bytes(),
        }
    }

    /// Visits the rows in the order of key group and key.
    fn visit(&self, visit: impl FnMut(Row<'_>) -> Result<()>) -> Result<()> {
        match self {
            Self::Hashed(table) => table.visit(visit),
            Self::Ordered(rows) => rows.visit(visit),
        }
    }

    fn freeze(&mut self) -> FrozenSpace {
        match self {
            Self::Hashed(table) => FrozenSpace::Hashed(table.freeze()),
            Self::Ordered(rows) => FrozenSpace::Ordered(rows.clone()),
        }
    }
}

impl FrozenSpace {
    /// Visits the rows in the order of key group and key.
    fn visit(&self, visit: impl FnMut(Row<'_>) -> Result<()>) -> Result<()> {
        match self {
            Self::Hashed(pages) => visit_sorted(pages.iter().map(|page| &page[..]), visit),
            Self::Ordered(rows) => rows.visit(visit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract;

    #[test]
    fn memory_keeps_the_contract() {
        contract::run(&|| Box::new(MemoryBackend::default()));
    }
}
