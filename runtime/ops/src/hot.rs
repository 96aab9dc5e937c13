//! The hot layer in front of a state that is read and written by its keys: what a batch changes
//! reaches the backend only with the next snapshot, and what was touched lately is not read again.

use arrow::array::{Array, BinaryArray, BinaryBuilder};
use sabot_core::metrics::OperatorMetrics;
use sabot_core::state::{Namespace, StateBackend, StateHandle};
use sabot_core::{Cx, Result};
use sabot_types::KeyGroup;

use crate::recent::{AtHand, Recent};

/// Rows that are written at once: few enough that the allocator has their memory at hand.
pub(crate) const WRITE_ROWS: usize = 1024;

/// The hot rows of one state.
pub(crate) struct Hot {
    state: StateHandle,
    recent: Recent<Value>,
    /// Rows of which the backend has others: to look for them among all would hold up a barrier.
    dirty: Vec<u32>,
    /// Whether the backend can have rows that are not here.
    has_cold: bool,
    /// How long a row is there after it was written.
    ttl_ms: Option<u64>,
    /// When keys were found last.
    now_ms: i64,
}

/// The value of a key.
#[derive(Default)]
struct Value {
    /// None when there is no such row.
    bytes: Option<Box<[u8]>>,
    /// Whether the backend has another one.
    is_dirty: bool,
    /// When it was read or written last, where rows have a time to live.
    since_ms: i64,
}

/// Keys of a batch in the layer; good until the layer is written out.
pub(crate) struct Slots(Vec<u32>);

impl Slots {
    /// Those of some keys, by index.
    pub(crate) fn pick(&self, keys: &[usize]) -> Self {
        Self(keys.iter().map(|key| self.0[*key]).collect())
    }
}

impl Hot {
    /// The layer of an opened state.
    pub(crate) fn new(state: StateHandle, backend: &mut dyn StateBackend) -> Result<Self> {
        let has_cold = !backend.namespaces(state)?.is_empty();
        Ok(Self {
            state,
            recent: Recent::new(),
            dirty: Vec::new(),
            has_cold,
            ttl_ms: backend.ttl_ms(state),
            now_ms: 0,
        })
    }

    /// The state's handle.
    pub(crate) fn state(&self) -> StateHandle {
        self.state
    }

    /// Brings the rows of different keys into the layer.
    pub(crate) fn find(
        &mut self,
        groups: &[KeyGroup],
        keys: &BinaryArray,
        cx: &mut Cx<'_>,
    ) -> Result<Slots> {
        if self.recent.is_full() {
            self.flush(cx)?;
            self.recent.forget();
            self.has_cold = true;
        }
        let (slots, missing) = self.recent.find_all(groups, keys);
        self.now_ms = cx.now_ms;
        if let Some(ttl_ms) = self.ttl_ms {
            self.expire(&slots, &missing, ttl_ms);
        }
        if self.has_cold && !missing.is_empty() {
            self.fetch(&missing, &slots, groups, keys, cx)?;
        }
        Ok(Slots(slots))
    }

    /// Takes the values away that were not written for their time; `new` rows begin it.
    fn expire(&mut self, slots: &[u32], new: &[usize], ttl_ms: u64) {
        for row in new {
            self.recent[slots[*row]].value.since_ms = self.now_ms;
        }
        for slot in slots {
            let value = &mut self.recent[*slot].value;
            if value.since_ms <= self.now_ms.saturating_sub_unsigned(ttl_ms)
                && let Some(bytes) = value.bytes.take()
            {
                self.recent.bytes -= bytes.len();
            }
        }
    }

    fn fetch(
        &mut self,
        missing: &[usize],
        slots: &[u32],
        groups: &[KeyGroup],
        keys: &BinaryArray,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let cold: Vec<KeyGroup> = missing.iter().map(|row| groups[*row]).collect();
        let wanted = BinaryArray::from_iter_values(missing.iter().map(|row| keys.value(*row)));
        let values = cx.state.get(self.state, Namespace::ONLY, &cold, &wanted)?;
        OperatorMetrics::add(&cx.metrics.state_reads, cold.len());
        for (row, value) in missing.iter().zip(values.iter()) {
            if let Some(value) = value {
                self.recent.bytes += value.len();
                self.recent[slots[*row]].value.bytes = Some(value.into());
            }
        }
        Ok(())
    }

    /// The value of each key; none where there is no row.
    pub(crate) fn values<'h>(&'h self, slots: &'h Slots) -> impl Iterator<Item = Option<&'h [u8]>> {
        slots.0.iter().map(|slot| self.recent[*slot].value.bytes.as_deref())
    }

    /// The values as a column.
    pub(crate) fn column(&self, slots: &Slots) -> BinaryArray {
        let mut column = BinaryBuilder::new();
        self.values(slots).for_each(|value| column.append_option(value));
        column.finish()
    }

    /// Sets the value of each key; none removes the row.
    pub(crate) fn set<'v>(
        &mut self,
        slots: &Slots,
        values: impl Iterator<Item = Option<&'v [u8]>>,
    ) {
        let (mut grown, mut shrunk) = (0, 0);
        for (slot, value) in slots.0.iter().zip(values) {
            let Value { bytes, is_dirty, since_ms } = &mut self.recent[*slot].value;
            match (bytes, value) {
                (None, None) => continue,
                (Some(before), Some(value)) if before.len() == value.len() => {
                    if **before == *value {
                        continue;
                    }
                    before.copy_from_slice(value);
                }
                (before, value) => {
                    grown += value.map_or(0, <[u8]>::len);
                    shrunk += before.as_ref().map_or(0, |before| before.len());
                    *before = value.map(Into::into);
                }
            }
            if !std::mem::replace(is_dirty, true) {
                self.dirty.push(*slot);
            }
            *since_ms = self.now_ms;
        }
        self.recent.bytes = self.recent.bytes + grown - shrunk;
    }

    /// Writes what the backend does not have.
    pub(crate) fn flush(&mut self, cx: &mut Cx<'_>) -> Result<()> {
        for (at, slots) in self.dirty.chunks(WRITE_ROWS).enumerate() {
            let mut groups = Vec::with_capacity(slots.len());
            let (mut keys, mut values) = (BinaryBuilder::new(), BinaryBuilder::new());
            for slot in slots {
                let (group, key, value) = self.recent.keyed_mut(*slot);
                value.is_dirty = false;
                groups.push(group);
                keys.append_value(key);
                values.append_option(value.bytes.as_deref());
            }
            let (keys, values) = (keys.finish(), values.finish());
            if at == 0 {
                expect_rows(self.state, self.dirty.len(), (&keys, &values), cx);
            }
            cx.state.put(self.state, Namespace::ONLY, &groups, &keys, &values)?;
            OperatorMetrics::add(&cx.metrics.state_writes, groups.len());
        }
        self.dirty.clear();
        Ok(())
    }
}

/// Tells the backend that so many rows are put that begin with these keys and values.
pub(crate) fn expect_rows(
    state: StateHandle,
    rows: usize,
    (keys, values): (&BinaryArray, &BinaryArray),
    cx: &mut Cx<'_>,
) {
    let bytes = keys.value_data().len() + values.value_data().len();
    if rows > keys.len() && !keys.is_empty() {
        cx.state.expect_rows(state, rows, bytes * rows.div_ceil(keys.len()));
    }
}

impl AtHand for Value {
    fn held_bytes(&self) -> usize {
        self.bytes.as_ref().map_or(0, |bytes| bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use sabot_core::metrics::OperatorMetrics;
    use sabot_core::state::{StateField, StateSpec, ValueEncoding};
    use sabot_state::{Backend, open};
    use sabot_types::OperatorUid;

    use super::*;

    fn spec() -> StateSpec {
        let field = StateField { name: "k".to_owned(), data_type: "Binary".to_owned() };
        StateSpec {
            operator: OperatorUid::new("op").unwrap(),
            name: "hot".to_owned(),
            key: vec![field.clone()],
            value: vec![field],
            namespace: "none".to_owned(),
            ttl_ms: None,
            encoding: ValueEncoding::Sortable,
        }
    }

    fn keys(keys: &[&str]) -> (Vec<KeyGroup>, BinaryArray) {
        let bytes = keys.iter().map(|key| key.as_bytes());
        (vec![KeyGroup::new(3); keys.len()], BinaryArray::from_iter_values(bytes))
    }

    /// As before keys are looked for when the layer is full.
    fn forget(hot: &mut Hot, bytes: usize, cx: &mut Cx<'_>) {
        hot.flush(cx).unwrap();
        hot.recent.forget_to(bytes);
        hot.has_cold = true;
    }

    fn texts(hot: &Hot, slots: &Slots) -> Vec<Option<String>> {
        hot.values(slots).map(|v| v.map(|v| String::from_utf8(v.to_vec()).unwrap())).collect()
    }

    #[test]
    fn rows_are_written_behind_and_found_again_when_they_were_forgotten() {
        let mut backend = open(Backend::Memory).unwrap();
        let state = backend.open(&spec()).unwrap();
        let mut hot = Hot::new(state, &mut *backend).unwrap();
        let (metrics, mut out) = (OperatorMetrics::default(), Vec::new());
        let mut cx = Cx::new(&mut out, &mut *backend, &metrics, 0);
        let (groups, abc) = keys(&["a", "b", "c"]);
        let slots = hot.find(&groups, &abc, &mut cx).unwrap();
        hot.set(&slots, [Some(b"1".as_slice()), Some(b"22"), None].into_iter());
        let stored = |cx: &mut Cx<'_>| {
            cx.state.get(state, Namespace::ONLY, &groups, &abc).unwrap().iter().flatten().count()
        };
        assert_eq!(stored(&mut cx), 0);
        hot.flush(&mut cx).unwrap();
        assert_eq!(stored(&mut cx), 2);

        let slots = hot.find(&groups, &abc, &mut cx).unwrap();
        hot.set(&slots, [None, Some(b"23".as_slice()), Some(b"4")].into_iter());
        forget(&mut hot, 0, &mut cx);
        assert_eq!((hot.recent.len(), hot.recent.bytes), (0, 0));
        let (groups, other) = keys(&["c", "d", "b", "a"]);
        let slots = hot.find(&groups, &other, &mut cx).unwrap();
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(texts(&hot, &slots), [text("4"), None, text("23"), None]);
    }

    #[test]
    fn what_was_used_since_the_last_time_is_not_forgotten() {
        let mut backend = open(Backend::Memory).unwrap();
        let state = backend.open(&spec()).unwrap();
        let mut hot = Hot::new(state, &mut *backend).unwrap();
        let (metrics, mut out) = (OperatorMetrics::default(), Vec::new());
        let mut cx = Cx::new(&mut out, &mut *backend, &metrics, 0);
        let text = |text: &str| Some(text.to_owned());
        let (groups, ab) = keys(&["a", "b"]);
        let slots = hot.find(&groups, &ab, &mut cx).unwrap();
        hot.set(&slots, [Some(b"1".as_slice()), Some(b"2")].into_iter());
        forget(&mut hot, usize::MAX, &mut cx);
        let (group, b) = keys(&["b"]);
        let slots = hot.find(&group, &b, &mut cx).unwrap();
        assert_eq!(texts(&hot, &slots), [text("2")]);
        forget(&mut hot, usize::MAX, &mut cx);
        assert_eq!(hot.recent.len(), 1, "only b was used");
        assert_eq!(hot.recent.bytes, hot.recent[0].bytes());
        let slots = hot.find(&groups, &ab, &mut cx).unwrap();
        assert_eq!(texts(&hot, &slots), [text("1"), text("2")]);
        assert_eq!(OperatorMetrics::get(&metrics.state_reads), 1, "a is read again");
    }

    #[test]
    fn a_value_that_was_not_written_for_its_time_is_gone() {
        let mut backend = open(Backend::Memory).unwrap();
        let state = backend.open(&spec().with_ttl(Some(1000))).unwrap();
        let mut hot = Hot::new(state, &mut *backend).unwrap();
        let (metrics, mut out) = (OperatorMetrics::default(), Vec::new());
        let (groups, ab) = keys(&["a", "b"]);
        let mut seen = Vec::new();
        for (now_ms, written) in [(0, "ab"), (900, "b"), (1000, ""), (1899, ""), (1900, "")] {
            backend.set_now(now_ms);
            let mut cx = Cx::new(&mut out, &mut *backend, &metrics, now_ms);
            let slots = hot.find(&groups, &ab, &mut cx).unwrap();
            let found = texts(&hot, &slots);
            seen.push(found.iter().map(Option::is_some).collect::<Vec<_>>());
            let now = now_ms.to_string();
            let stored = hot.column(&slots);
            let values: Vec<Option<Vec<u8>>> = ["a", "b"]
                .iter()
                .zip(&stored)
                .map(|(key, value)| {
                    let new = written.contains(key).then(|| now.clone().into_bytes());
                    new.or_else(|| value.map(<[u8]>::to_vec))
                })
                .collect();
            hot.set(&slots, values.iter().map(Option::as_deref));
            if now_ms == 900 {
                hot.flush(&mut cx).unwrap();
            }
        }
        let (none, both, b) = (vec![false, false], vec![true, true], vec![false, true]);
        assert_eq!(seen, [none.clone(), both, b.clone(), b, none]);
        let mut cx = Cx::new(&mut out, &mut *backend, &metrics, 1900);
        forget(&mut hot, 0, &mut cx);
        let slots = hot.find(&groups, &ab, &mut cx).unwrap();
        assert_eq!(texts(&hot, &slots), [None, None]);
    }

    #[test]
    fn what_is_not_changed_is_not_written() {
        let mut backend = open(Backend::Memory).unwrap();
        let state = backend.open(&spec()).unwrap();
        let mut hot = Hot::new(state, &mut *backend).unwrap();
        let (metrics, mut out) = (OperatorMetrics::default(), Vec::new());
        let mut cx = Cx::new(&mut out, &mut *backend, &metrics, 0);
        let (groups, ab) = keys(&["a", "b"]);
        for _ in 0..3 {
            let slots = hot.find(&groups, &ab, &mut cx).unwrap();
            hot.set(&slots, [Some(b"1".as_slice()), None].into_iter());
            hot.flush(&mut cx).unwrap();
        }
        assert_eq!(OperatorMetrics::get(&metrics.state_writes), 1);
        assert_eq!(OperatorMetrics::get(&metrics.state_reads), 0);
    }
}
