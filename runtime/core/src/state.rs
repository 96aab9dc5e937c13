//! The trait of keyed state backends; `sabot-state` has the implementations and their contract.
//!
//! Keyed state is rows `(namespace, key group, key) -> value` in named states of operators. The
//! trait works in batches of bytes: keys and values are Arrow binary arrays (row-encoded by the
//! operator), so that one call serves thousands of rows. A namespace is a number that the
//! operator chooses, for windows their end in milliseconds; a whole namespace is scanned or
//! dropped at once.

mod changed_rows;
mod changes;
pub mod number;
mod row_codec;
mod row_filter;
mod spilled;

use std::ops::ControlFlow;

use arrow::array::BinaryArray;
use arrow::datatypes::DataType;
use sabot_types::{KeyGroup, OperatorUid};
use serde::{Deserialize, Serialize};

use crate::Result;

pub use changed_rows::{ChangedRows, Place, StateChange, first_bytes, merge};
pub use changes::{ChangeLog, Spill, StateChanges};
pub use row_codec::{RowCodec, push_number, take_number};
pub use row_filter::FILTERED_KEY_BYTES;

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
    /// Rows that were not written for so many milliseconds are not there any more; none: rows
    /// stay. The last column of the value is then [`StateField::WRITTEN`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_ms: Option<u64>,
    /// How values are bytes; checkpoints that do not say it are of the first kind.
    #[serde(default, skip_serializing_if = "ValueEncoding::is_sortable")]
    pub encoding: ValueEncoding,
}

/// How the values of a state are bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ValueEncoding {
    /// As [`RowCodec::new`] has them: their lengths change little, so that one may be written over
    /// another.
    #[default]
    Sortable,
    /// As [`RowCodec::compact`] has them.
    Compact,
}

impl ValueEncoding {
    /// Whether it need not be written.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    fn is_sortable(&self) -> bool {
        *self == Self::Sortable
    }
}

impl StateSpec {
    /// The same state, whose rows are kept for a time after they were written.
    #[must_use]
    pub fn with_ttl(mut self, ttl_ms: Option<u64>) -> Self {
        if self.ttl_ms.is_none() && ttl_ms.is_some() {
            let name = StateField::WRITTEN.to_owned();
            self.value.push(StateField { name, data_type: DataType::Int64.to_string() });
        }
        self.ttl_ms = ttl_ms;
        self
    }
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

impl StateField {
    /// The name of the column that says when a row was written, in milliseconds since the Unix
    /// epoch; its bytes are those of [`number::encode`].
    pub const WRITTEN: &str = "$written";
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

    /// Writes rows as [`FrozenState::visit`] gave them.
    fn restore(&mut self, state: StateHandle, rows: &StateRows) -> Result<()> {
        self.put(state, rows.namespace, &rows.groups, &rows.keys, &rows.values)
    }

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

    /// [`scan_prefixes`](Self::scan_prefixes) will ask for whole keys of this state without their
    /// last `suffix_bytes`, and for nothing shorter.
    fn expect_prefixes(&mut self, state: StateHandle, suffix_bytes: usize) {
        let _ = (state, suffix_bytes);
    }

    /// About so many rows of so many bytes together are put next: room for them need not grow, which
    /// copies rows and takes memory that is new to the process.
    fn expect_rows(&mut self, state: StateHandle, rows: usize, bytes: usize) {
        let _ = (state, rows, bytes);
    }

    /// Removes all rows of a namespace.
    fn drop_namespace(&mut self, state: StateHandle, namespace: Namespace) -> Result<()>;

    /// The state as it is now, to be encoded by another thread while this one goes on. Takes
    /// microseconds: no copy of the rows.
    fn freeze(&mut self, state: StateHandle) -> Result<Box<dyn FrozenState>>;

    /// Processing time is now `now_ms`, milliseconds since the Unix epoch: what [`StateSpec::ttl_ms`]
    /// is measured by.
    fn set_now(&mut self, now_ms: i64) {
        let _ = now_ms;
    }

    /// [`StateSpec::ttl_ms`] of an opened state.
    fn ttl_ms(&self, state: StateHandle) -> Option<u64> {
        let _ = state;
        None
    }

    /// Removes some of the rows whose values are `expired`, where that does not happen in the
    /// background: calls go on from each other until all rows were looked at, then begin again.
    fn sweep(&mut self, state: StateHandle, expired: &dyn Fn(&[u8]) -> bool) -> Result<()> {
        let _ = (state, expired);
        Ok(())
    }

    /// Does some of what was put off, for less than a few milliseconds; called between batches.
    fn catch_up(&mut self) -> Result<()> {
        Ok(())
    }

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

    /// Takes off what can be visited by itself, where there are many rows: several parts, whose rows
    /// come after those that are left and after each other. Reads nothing of the rows.
    fn split(&mut self) -> Result<Vec<Box<dyn FrozenState>>> {
        Ok(Vec::new())
    }

    /// Visits all rows in the order of (namespace, key group, key).
    fn visit(self: Box<Self>, visit: &mut dyn FnMut(StateRow<'_>) -> Result<()>) -> Result<()>;
}
