//! State on the heap.
//!
//! A state is an ordered map from namespace to an ordered map of rows, both persistent: clones
//! share their nodes, so that freezing is one clone, and writes after it copy the nodes they
//! touch.

mod bytes;

use std::ops::Bound;
use std::sync::Arc;

use arrow::array::{Array, BinaryArray, BinaryBuilder};
use imbl::OrdMap;
use sabot_core::Result;
use sabot_core::state::{
    ChangeLog, FrozenState, Namespace, PrefixVisitor, StateBackend, StateChanges, StateHandle,
    StateRow, StateRows, StateSpec,
};
use sabot_types::KeyGroup;

use self::bytes::SmallBytes;
use crate::rows::{RowCollector, check_keys, find_open, handle_of, not_open};

/// What a row takes in the map besides its bytes, roughly.
const ROW_OVERHEAD_BYTES: u64 = 2 * size_of::<SmallBytes>() as u64;

/// A [`StateBackend`] on the heap.
#[derive(Default)]
pub struct MemoryBackend {
    states: Vec<MemoryState>,
}

struct MemoryState {
    spec: Arc<StateSpec>,
    spaces: OrdMap<Namespace, Space>,
    log: ChangeLog,
}

struct MemoryFrozen {
    spec: Arc<StateSpec>,
    spaces: OrdMap<Namespace, Space>,
    changes: Option<StateChanges>,
}

/// The rows of one namespace, by key group (big-endian) and key.
#[derive(Clone, Default)]
struct Space {
    rows: OrdMap<SmallBytes, SmallBytes>,
    bytes: u64,
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
        self.states.push(MemoryState { spec, spaces: OrdMap::new(), log: ChangeLog::default() });
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
        let Some(space) = self.state(state)?.spaces.get(&namespace) else {
            return Ok(BinaryArray::new_null(keys.len()));
        };
        let mut values = BinaryBuilder::new();
        let mut row_key = Vec::new();
        for (row, group) in groups.iter().enumerate() {
            write_row_key(*group, keys.value(row), &mut row_key);
            values.append_option(space.rows.get(row_key.as_slice()).map(SmallBytes::as_slice));
        }
        Ok(values.finish())
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
        let MemoryState { spaces, log, .. } = self.state_mut(state)?;
        if keys.is_empty() {
            return Ok(());
        }
        let space = spaces.entry(namespace).or_default();
        let mut row_key = Vec::new();
        for (row, group) in groups.iter().enumerate() {
            let (key, value) = (keys.value(row), values.is_valid(row).then(|| values.value(row)));
            write_row_key(*group, key, &mut row_key);
            match value {
                Some(value) => space.insert(&row_key, value),
                None => space.remove(&row_key),
            }
            log.put(namespace, *group, key, value);
        }
        if space.rows.is_empty() {
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
        for (row_key, value) in &space.rows {
            let (group, key) = split_row_key(row_key.as_slice());
            collector.push(group, key, value.as_slice(), visit)?;
        }
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
        let Some(space) = self.state(state)?.spaces.get(&namespace) else { return Ok(()) };
        let mut prefix = Vec::new();
        for (index, group) in groups.iter().enumerate() {
            write_row_key(*group, prefixes.value(index), &mut prefix);
            let from = (Bound::Included(prefix.as_slice()), Bound::Unbounded);
            for (row_key, value) in space.rows.range::<_, [u8]>(from) {
                let Some(rest) = row_key.as_slice().strip_prefix(prefix.as_slice()) else { break };
                if visit(index, rest, value.as_slice())?.is_break() {
                    break;
                }
            }
        }
        Ok(())
    }

    fn drop_namespace(&mut self, state: StateHandle, namespace: Namespace) -> Result<()> {
        let state = self.state_mut(state)?;
        if state.spaces.remove(&namespace).is_some() {
            state.log.drop_namespace(namespace);
        }
        Ok(())
    }

    fn freeze(&mut self, state: StateHandle) -> Result<Box<dyn FrozenState>> {
        let MemoryState { spec, spaces, log } = self.state_mut(state)?;
        let (spec, spaces) = (Arc::clone(spec), spaces.clone());
        Ok(Box::new(MemoryFrozen { spec, spaces, changes: log.freeze() }))
    }

    fn size_bytes(&self) -> u64 {
        self.states.iter().flat_map(|s| s.spaces.values()).map(|space| space.bytes).sum()
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
        for (namespace, space) in &self.spaces {
            for (row_key, value) in &space.rows {
                let (group, key) = split_row_key(row_key.as_slice());
                visit(StateRow { namespace: *namespace, group, key, value: value.as_slice() })?;
            }
        }
        Ok(())
    }
}

impl Space {
    fn insert(&mut self, row_key: &[u8], value: &[u8]) {
        self.bytes += value.len() as u64;
        match self.rows.insert(SmallBytes::new(row_key), SmallBytes::new(value)) {
            Some(before) => self.bytes -= before.as_slice().len() as u64,
            None => self.bytes += row_key.len() as u64 + ROW_OVERHEAD_BYTES,
        }
    }

    fn remove(&mut self, row_key: &[u8]) {
        if let Some(before) = self.rows.remove(row_key) {
            let bytes = row_key.len() + before.as_slice().len();
            self.bytes -= bytes as u64 + ROW_OVERHEAD_BYTES;
        }
    }
}

fn write_row_key(group: KeyGroup, key: &[u8], out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(&group.index().to_be_bytes());
    out.extend_from_slice(key);
}

fn split_row_key(row_key: &[u8]) -> (KeyGroup, &[u8]) {
    let (group, key) = row_key.split_at(2);
    (KeyGroup::new(u16::from_be_bytes([group[0], group[1]])), key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract;

    #[test]
    fn memory_keeps_the_contract() {
        contract::run(&|| Box::new(MemoryBackend::default()));
    }

    #[test]
    fn the_size_returns_to_zero_when_all_rows_are_gone() {
        let mut backend = MemoryBackend::default();
        let state = backend.open(&contract::spec("size")).unwrap();
        let groups = [KeyGroup::new(1), KeyGroup::new(2)];
        let keys = BinaryArray::from(vec![b"a".as_slice(), b"b"]);
        let long = [7; 100];
        for values in [[b"1".as_slice(), &long], [&long, b"2"]] {
            let values = BinaryArray::from(values.to_vec());
            backend.put(state, Namespace(3), &groups, &keys, &values).unwrap();
            assert_eq!(backend.size_bytes(), 2 * (3 + ROW_OVERHEAD_BYTES) + 101);
        }
        backend.put(state, Namespace(3), &groups, &keys, &BinaryArray::new_null(2)).unwrap();
        assert_eq!(backend.size_bytes(), 0);
    }
}
