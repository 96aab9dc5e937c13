//! Rows that are gone some time after they were written: in front of a backend, for the states
//! that ask for it. The backend's values end with the time, which is taken from the engine's clock.
//!
//! A row that is over is not given out any more. It goes from the backend when it is swept or
//! compacted, or with the next write of its key.

use arrow::array::{Array, BinaryArray, BinaryBuilder};
use sabot_core::Result;
use sabot_core::state::{
    FrozenState, Namespace, PrefixVisitor, StateBackend, StateHandle, StateRows, StateSpec, number,
};
use sabot_types::KeyGroup;

/// A backend whose states can have a time to live.
pub(crate) struct Expiring {
    inner: Box<dyn StateBackend>,
    /// By handle.
    ttl_ms: Vec<Option<u64>>,
    now_ms: i64,
}

/// Which rows are over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    /// Those that were written at this time or before.
    written_ms: i64,
}

impl Deadline {
    pub(crate) fn new(ttl_ms: u64, now_ms: i64) -> Self {
        Self { written_ms: now_ms.saturating_sub_unsigned(ttl_ms) }
    }

    /// Whether a row with this value, as the backend has it, is over.
    pub(crate) fn is_over(self, value: &[u8]) -> bool {
        number::decode(split(value).1) <= self.written_ms
    }
}

/// The operator's value, and the time.
fn split(value: &[u8]) -> (&[u8], &[u8]) {
    value.split_at(value.len().saturating_sub(number::BYTES))
}

impl Expiring {
    pub(crate) fn new(inner: Box<dyn StateBackend>) -> Self {
        Self { inner, ttl_ms: Vec::new(), now_ms: 0 }
    }

    fn deadline(&self, state: StateHandle) -> Option<Deadline> {
        self.ttl_ms(state).map(|ttl_ms| Deadline::new(ttl_ms, self.now_ms))
    }
}

/// The operator's values of rows that are not over; null for others.
fn live(values: &BinaryArray, deadline: Deadline) -> BinaryArray {
    values.iter().map(|value| value.filter(|v| !deadline.is_over(v)).map(|v| split(v).0)).collect()
}

/// The values with the time behind each.
fn stamped(values: &BinaryArray, now_ms: i64) -> BinaryArray {
    let bytes = values.value_data().len() + values.len() * number::BYTES;
    let (now, mut stamped) = (number::encode(now_ms), Vec::new());
    let mut out = BinaryBuilder::with_capacity(values.len(), bytes);
    for value in values {
        let Some(value) = value else {
            out.append_null();
            continue;
        };
        stamped.clear();
        stamped.extend_from_slice(value);
        stamped.extend_from_slice(&now);
        out.append_value(&stamped);
    }
    out.finish()
}

impl StateBackend for Expiring {
    fn open(&mut self, spec: &StateSpec) -> Result<StateHandle> {
        let handle = self.inner.open(spec)?;
        let index = usize::from(handle.0);
        self.ttl_ms.resize(self.ttl_ms.len().max(index + 1), None);
        self.ttl_ms[index] = spec.ttl_ms;
        Ok(handle)
    }

    fn get(
        &mut self,
        state: StateHandle,
        namespace: Namespace,
        groups: &[KeyGroup],
        keys: &BinaryArray,
    ) -> Result<BinaryArray> {
        let Some(deadline) = self.deadline(state) else {
            return self.inner.get(state, namespace, groups, keys);
        };
        Ok(live(&self.inner.get(state, namespace, groups, keys)?, deadline))
    }

    fn put(
        &mut self,
        state: StateHandle,
        namespace: Namespace,
        groups: &[KeyGroup],
        keys: &BinaryArray,
        values: &BinaryArray,
    ) -> Result<()> {
        if self.ttl_ms(state).is_none() {
            return self.inner.put(state, namespace, groups, keys, values);
        }
        self.inner.put(state, namespace, groups, keys, &stamped(values, self.now_ms))
    }

    fn restore(&mut self, state: StateHandle, rows: &StateRows) -> Result<()> {
        self.inner.restore(state, rows)
    }

    fn namespaces(&mut self, state: StateHandle) -> Result<Vec<Namespace>> {
        self.inner.namespaces(state)
    }

    fn scan(
        &mut self,
        state: StateHandle,
        namespace: Namespace,
        max_rows: usize,
        visit: &mut dyn FnMut(StateRows) -> Result<()>,
    ) -> Result<()> {
        let Some(deadline) = self.deadline(state) else {
            return self.inner.scan(state, namespace, max_rows, visit);
        };
        self.inner.scan(state, namespace, max_rows, &mut |rows| {
            let rows = without_those_that_are_over(rows, deadline);
            if rows.groups.is_empty() { Ok(()) } else { visit(rows) }
        })
    }

    fn scan_prefixes(
        &mut self,
        state: StateHandle,
        namespace: Namespace,
        groups: &[KeyGroup],
        prefixes: &BinaryArray,
        visit: PrefixVisitor<'_>,
    ) -> Result<()> {
        let Some(deadline) = self.deadline(state) else {
            return self.inner.scan_prefixes(state, namespace, groups, prefixes, visit);
        };
        self.inner.scan_prefixes(state, namespace, groups, prefixes, &mut |at, rest, value| {
            if deadline.is_over(value) {
                return Ok(std::ops::ControlFlow::Continue(()));
            }
            visit(at, rest, split(value).0)
        })
    }

    fn expect_prefixes(&mut self, state: StateHandle, suffix_bytes: usize) {
        self.inner.expect_prefixes(state, suffix_bytes);
    }

    fn expect_rows(&mut self, state: StateHandle, rows: usize, bytes: usize) {
        self.inner.expect_rows(state, rows, bytes);
    }

    fn drop_namespace(&mut self, state: StateHandle, namespace: Namespace) -> Result<()> {
        self.inner.drop_namespace(state, namespace)
    }

    fn freeze(&mut self, state: StateHandle) -> Result<Box<dyn FrozenState>> {
        if let Some(deadline) = self.deadline(state) {
            self.inner.sweep(state, &|value| deadline.is_over(value))?;
        }
        self.inner.freeze(state)
    }

    fn set_now(&mut self, now_ms: i64) {
        self.now_ms = now_ms;
        self.inner.set_now(now_ms);
    }

    fn ttl_ms(&self, state: StateHandle) -> Option<u64> {
        self.ttl_ms.get(usize::from(state.0)).copied().flatten()
    }

    fn catch_up(&mut self) -> Result<()> {
        self.inner.catch_up()
    }

    fn size_bytes(&self) -> u64 {
        self.inner.size_bytes()
    }

    fn name(&self) -> &'static str {
        self.inner.name()
    }
}

fn without_those_that_are_over(rows: StateRows, deadline: Deadline) -> StateRows {
    let StateRows { namespace, mut groups, keys, values } = rows;
    let values = live(&values, deadline);
    if values.null_count() == 0 {
        return StateRows { namespace, groups, keys, values };
    }
    let there: Vec<bool> = (0..values.len()).map(|row| values.is_valid(row)).collect();
    let mut next = there.iter();
    groups.retain(|_| next.next() == Some(&true));
    let keys = keys.iter().flatten().zip(&there).filter(|(_, there)| **there).map(|(key, _)| key);
    let keys = BinaryArray::from_iter_values(keys);
    let values = BinaryArray::from_iter_values(values.iter().flatten());
    StateRows { namespace, groups, keys, values }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;
    use crate::{Backend, contract, open};

    const TTL_MS: u64 = 1000;

    fn each_backend(test: impl Fn(&mut dyn StateBackend, StateHandle)) {
        let dir = tempfile::tempdir().unwrap();
        let rocks = Backend::RocksDb { dir: dir.path().to_owned(), cache_size_mb: 8 };
        for backend in [Backend::Memory, rocks] {
            let mut backend = open(backend).unwrap();
            let spec = contract::spec("expiring").with_ttl(Some(TTL_MS));
            let state = backend.open(&spec).unwrap();
            test(&mut *backend, state);
        }
    }

    fn keys(keys: &[&str]) -> (Vec<KeyGroup>, BinaryArray) {
        let bytes = keys.iter().map(|key| key.as_bytes());
        (vec![KeyGroup::new(3); keys.len()], BinaryArray::from_iter_values(bytes))
    }

    fn put(backend: &mut dyn StateBackend, state: StateHandle, now_ms: i64, names: &[&str]) {
        backend.set_now(now_ms);
        let (groups, keys) = keys(names);
        backend.put(state, Namespace::ONLY, &groups, &keys, &keys).unwrap();
    }

    fn get(backend: &mut dyn StateBackend, state: StateHandle, names: &[&str]) -> Vec<String> {
        let (groups, keys) = keys(names);
        let values = backend.get(state, Namespace::ONLY, &groups, &keys).unwrap();
        texts(values.iter().flatten())
    }

    fn texts<'v>(values: impl Iterator<Item = &'v [u8]>) -> Vec<String> {
        values.map(|value| String::from_utf8(value.to_vec()).unwrap()).collect()
    }

    #[test]
    fn a_row_is_there_until_it_was_not_written_for_its_time() {
        each_backend(|backend, state| {
            put(backend, state, 10_000, &["aa", "ab", "b"]);
            put(backend, state, 10_900, &["ab"]);
            backend.set_now(10_999);
            assert_eq!(get(backend, state, &["aa", "ab", "b"]), ["aa", "ab", "b"]);
            backend.set_now(11_000);
            assert_eq!(get(backend, state, &["aa", "ab", "b"]), ["ab"]);
            let mut scanned = Vec::new();
            let visit = &mut |rows: StateRows| {
                assert_eq!(rows.keys, rows.values);
                assert_eq!(rows.groups.len(), rows.keys.len());
                scanned.extend(texts(rows.values.iter().flatten()));
                Ok(())
            };
            backend.scan(state, Namespace::ONLY, 10, visit).unwrap();
            assert_eq!(scanned, ["ab"]);
            let mut found = Vec::new();
            let (groups, a) = keys(&["a"]);
            let visit: PrefixVisitor<'_> = &mut |_, rest, value| {
                found.push((rest.to_vec(), value.to_vec()));
                Ok(ControlFlow::Continue(()))
            };
            backend.scan_prefixes(state, Namespace::ONLY, &groups, &a, visit).unwrap();
            assert_eq!(found, [(b"b".to_vec(), b"ab".to_vec())]);
            // As if it had never been there.
            put(backend, state, 11_500, &["aa"]);
            assert_eq!(get(backend, state, &["aa"]), ["aa"]);
        });
    }

    #[test]
    fn rows_are_restored_with_the_times_at_which_they_were_written() {
        each_backend(|backend, state| {
            put(backend, state, 10_000, &["old"]);
            put(backend, state, 10_600, &["new"]);
            let frozen = backend.freeze(state).unwrap();
            let spec = frozen.spec().clone();
            assert_eq!(spec.value.last().unwrap().name, "$written");
            let mut restored = open(Backend::Memory).unwrap();
            let again = restored.open(&spec).unwrap();
            let visit = &mut |row: sabot_core::state::StateRow<'_>| {
                let rows = StateRows {
                    namespace: row.namespace,
                    groups: vec![row.group],
                    keys: BinaryArray::from_iter_values([row.key]),
                    values: BinaryArray::from_iter_values([row.value]),
                };
                restored.restore(again, &rows)
            };
            frozen.visit(visit).unwrap();
            restored.set_now(11_200);
            assert_eq!(get(&mut *restored, again, &["old", "new"]), ["new"]);
        });
    }

    #[test]
    fn rows_that_are_over_leave_the_memory() {
        for ordered in [false, true] {
            let mut backend = open(Backend::Memory).unwrap();
            let spec = contract::spec("expiring").with_ttl(Some(TTL_MS));
            let state = backend.open(&spec).unwrap();
            if ordered {
                let (groups, a) = keys(&["a"]);
                let visit: PrefixVisitor<'_> = &mut |_, _, _| Ok(ControlFlow::Continue(()));
                backend.scan_prefixes(state, Namespace::ONLY, &groups, &a, visit).unwrap();
            }
            let names: Vec<String> = (0..5000).map(|n| format!("key {n}")).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            put(&mut *backend, state, 10_000, &names);
            put(&mut *backend, state, 10_500, &["key 7"]);
            let full = backend.size_bytes();
            backend.set_now(11_100);
            for _ in 0..100 {
                drop(backend.freeze(state).unwrap());
            }
            assert!(backend.size_bytes() < full / 1000, "{} of {full}", backend.size_bytes());
            assert_eq!(get(&mut *backend, state, &["key 7", "key 8"]), ["key 7"]);
        }
    }

    #[test]
    fn other_states_have_no_times() {
        let mut backend = open(Backend::Memory).unwrap();
        let state = backend.open(&contract::spec("for ever")).unwrap();
        put(&mut *backend, state, 0, &["a"]);
        backend.set_now(i64::MAX);
        assert_eq!(get(&mut *backend, state, &["a"]), ["a"]);
    }

    #[test]
    fn a_backend_with_times_keeps_the_contract() {
        contract::run(&|| open(Backend::Memory).unwrap());
    }
}
