//! What backends share: collecting rows into batches, and the checks of what callers hand in.

use arrow::array::{Array, BinaryArray, BinaryBuilder};
use sabot_core::state::{Namespace, StateHandle, StateRows, StateSpec};
use sabot_core::{Error, Result};
use sabot_types::KeyGroup;

/// A batch is handed on at this size, however few its rows are: Arrow's offsets end at 2 GiB.
const BATCH_BYTES_MAX: usize = 64 << 20;

/// Collects the rows of one namespace and hands them on in batches.
pub(crate) struct RowCollector {
    namespace: Namespace,
    max_rows: usize,
    bytes: usize,
    groups: Vec<KeyGroup>,
    keys: BinaryBuilder,
    values: BinaryBuilder,
}

impl RowCollector {
    pub(crate) fn new(namespace: Namespace, max_rows: usize) -> Self {
        Self {
            namespace,
            max_rows: max_rows.max(1),
            bytes: 0,
            groups: Vec::new(),
            keys: BinaryBuilder::new(),
            values: BinaryBuilder::new(),
        }
    }

    /// Adds a row; calls `visit` when a batch is full.
    pub(crate) fn push(
        &mut self,
        group: KeyGroup,
        key: &[u8],
        value: &[u8],
        visit: &mut dyn FnMut(StateRows) -> Result<()>,
    ) -> Result<()> {
        self.groups.push(group);
        self.keys.append_value(key);
        self.values.append_value(value);
        self.bytes += key.len() + value.len();
        if self.groups.len() >= self.max_rows || self.bytes >= BATCH_BYTES_MAX {
            self.finish(visit)?;
        }
        Ok(())
    }

    /// Hands on what is left.
    pub(crate) fn finish(&mut self, visit: &mut dyn FnMut(StateRows) -> Result<()>) -> Result<()> {
        if self.groups.is_empty() {
            return Ok(());
        }
        self.bytes = 0;
        visit(StateRows {
            namespace: self.namespace,
            groups: std::mem::take(&mut self.groups),
            keys: self.keys.finish(),
            values: self.values.finish(),
        })
    }
}

/// Asserts that each key has its group and none is null.
pub(crate) fn check_keys(groups: &[KeyGroup], keys: &BinaryArray) {
    assert_eq!(groups.len(), keys.len(), "each key has a key group");
    assert_eq!(keys.null_count(), 0, "keys of state are never null");
}

/// Why a handle cannot be used.
pub(crate) fn not_open(state: StateHandle) -> Error {
    Error::state(
        format!("using state {} failed", state.0),
        "it was not opened in this backend".to_string(),
    )
}

/// The handle of the state that `spec` names among those opened before.
pub(crate) fn find_open<'a>(
    mut specs: impl Iterator<Item = &'a StateSpec>,
    spec: &StateSpec,
) -> Option<StateHandle> {
    let found = specs.position(|s| s.operator == spec.operator && s.name == spec.name)?;
    Some(handle_of(found))
}

/// The handle of the state at `index`.
pub(crate) fn handle_of(index: usize) -> StateHandle {
    StateHandle(u16::try_from(index).expect("a slot has far fewer than 65,536 states"))
}
