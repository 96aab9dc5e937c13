//! The trait of keyed state backends; `sabot-state` has the implementations and their contract.
//!
//! Keyed state is rows `(namespace, key group, key) -> value` in named states of operators. The
//! trait works in batches of bytes: keys and values are Arrow binary arrays (row-encoded by the
//! operator), so that one call serves thousands of rows. A namespace is a number that the
//! operator chooses, for windows their end in milliseconds; a whole namespace is scanned or
//! dropped at once.

mod changes;

use std::ops::ControlFlow;

use arrow::array::BinaryArray;
use sabot_types::{KeyGroup, OperatorUid};
use serde::{Deserialize, Serialize};

use crate::Result;

pub use changes::{ChangeLog, StateChange, StateChanges};

/// Names a state and describes its rows; written to manifests and checked at restore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StateSpec {
    /// The operator that owns it.
    pub operator: OperatorUid,
    /// The state's name within the operator, such as `window`.
    pub name: String,
    /// The key's columns, in order.
    pub key: Vec<StateField>,
    /// The value's columns, in order.
    pub value: Vec<StateField>,
    /// What namespaces mean, such as `window-end tumble(10000,0)`; must not change.
    pub namespace: String,
}

/// A column of a state's key or value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StateField {
    /// Its name; values are found again by it (an aggregate's `SUM(price)`).
    pub name: String,
    /// Its Arrow type as text.
    pub data_type: String,
}

/// Stands for an opened state of one backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StateHandle(pub u16);

/// A part of a state that is scanned and dropped as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Namespace(pub i64);

impl Namespace {
    /// The namespace of a state that needs no more than one.
    pub const ONLY: Self = Self(0);
}

/// Rows of one namespace; all columns have the same length. A null value stands for a row that is
/// removed.
#[derive(Debug, Clone)]
pub struct StateRows {
    /// The namespace.
    pub namespace: Namespace,
    /// The rows' key groups.
    pub groups: Vec<KeyGroup>,
    /// The rows' keys.
    pub keys: BinaryArray,
    /// The rows' values.
    pub values: BinaryArray,
}

/// One row while a frozen state is visited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateRow<'a> {
    /// The namespace.
    pub namespace: Namespace,
    /// The key group.
    pub group: KeyGroup,
    /// The encoded key.
    pub key: &'a [u8],
    /// The encoded value.
    pub value: &'a [u8],
}

/// What [`StateBackend::scan_prefixes`] calls for each row.
pub type PrefixVisitor<'a> = &'a mut dyn FnMut(usize, &[u8], &[u8]) -> Result<ControlFlow<()>>;

/// Keyed state of one slot. Not shared between threads, so without locks.
pub trait StateBackend: Send {
    /// Opens a state, empty unless rows were put before under the same operator and name.
    fn open(&mut self, spec: &StateSpec) -> Result<StateHandle>;

    /// Reads the values of `keys` (`groups[i]` is the key group of `keys[i]`); null where there
    /// is none.
    fn get(
        &mut self,
        state: StateHandle,
        namespace: Namespace,
        groups: &[KeyGroup],
        keys: &BinaryArray,
    ) -> Result<BinaryArray>;

    /// Writes rows; a null value deletes its key. A later row of the same key wins.
    fn put(
        &mut self,
        state: StateHandle,
        namespace: Namespace,
        groups: &[KeyGroup],
        keys: &BinaryArray,
        values: &BinaryArray,
    ) -> Result<()>;

    /// The namespaces that hold rows, in ascending order.
    fn namespaces(&mut self, state: StateHandle) -> Result<Vec<Namespace>>;

    /// Visits all rows of a namespace in the order of key group and key, in batches of at most
    /// `max_rows`.
    fn scan(
        &mut self,
        state: StateHandle,
        namespace: Namespace,
        max_rows: usize,
        visit: &mut dyn FnMut(StateRows) -> Result<()>,
    ) -> Result<()>;

    /// Visits the rows of a namespace whose keys begin with each of `prefixes` (`groups[i]` is the
    /// key group of `prefixes[i]`), those of one prefix after the other in the order of keys:
    /// the prefix's index, what follows the prefix in the key, the value. A visitor that breaks
    /// goes on with the next prefix.
    fn scan_prefixes(
        &mut self,
        state: StateHandle,
        namespace: Namespace,
        groups: &[KeyGroup],
        prefixes: &BinaryArray,
        visit: PrefixVisitor<'_>,
    ) -> Result<()>;

    /// Removes all rows of a namespace.
    fn drop_namespace(&mut self, state: StateHandle, namespace: Namespace) -> Result<()>;

    /// The state as it is now, to be encoded by another thread while this one goes on. Takes
    /// microseconds: no copy of the rows.
    fn freeze(&mut self, state: StateHandle) -> Result<Box<dyn FrozenState>>;

    /// Bytes that the state takes, roughly, in memory and on disk.
    fn size_bytes(&self) -> u64;

    /// The backend's name as in `spec.state.backend`.
    fn name(&self) -> &'static str;
}

/// A state as it was at a barrier.
pub trait FrozenState: Send {
    /// What was frozen.
    fn spec(&self) -> &StateSpec;

    /// Takes what changed since the state was frozen before; none when that is not known: at the
    /// first freeze, or when it was too much to keep.
    fn changes(&mut self) -> Option<StateChanges>;

    /// Visits all rows in the order of (namespace, key group, key).
    fn visit(self: Box<Self>, visit: &mut dyn FnMut(StateRow<'_>) -> Result<()>) -> Result<()>;
}
