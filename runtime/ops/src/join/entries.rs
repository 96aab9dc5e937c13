//! Rows of a side as entries of its state: the join's key and a number, to how often the row is there,
//! how many partners it has where that is kept, and the row.

use std::io::Write as _;

use arrow::array::{Array, BinaryArray, BinaryBuilder};
use sabot_core::metrics::OperatorMetrics;
use sabot_core::state::{Namespace, StateHandle, push_number, take_number};
use sabot_core::{Cx, Result};
use sabot_types::KeyGroup;

use crate::multiset::{COUNT_BYTES, value_of};

/// An entry's value.
#[derive(Clone, Copy)]
pub(super) struct Entry<'r> {
    pub(super) count: i64,
    /// None where partners are not kept.
    pub(super) partners: Option<i64>,
    pub(super) row: &'r [u8],
}

impl<'r> Entry<'r> {
    /// That of a state's value; `tracked`: with the number of partners.
    pub(super) fn read(value: &'r [u8], tracked: bool) -> Self {
        let (count, row) = take_number(value).unwrap_or((0, &[]));
        if !tracked {
            return Self { count, partners: None, row };
        }
        let (partners, row) = take_number(row).unwrap_or((0, &[]));
        Self { count, partners: Some(partners), row }
    }
}

/// Entries that are written together.
#[derive(Default)]
pub(super) struct Entries {
    groups: Vec<KeyGroup>,
    keys: BinaryBuilder,
    values: BinaryBuilder,
    /// Those in front of a row.
    numbers: Vec<u8>,
}

impl Entries {
    /// With room for these rows, whose keys are of about this size.
    pub(super) fn with_room(rows: &BinaryArray, key_bytes: usize) -> Self {
        let (count, bytes) = (rows.len(), rows.values().len());
        Self {
            groups: Vec::with_capacity(count),
            keys: BinaryBuilder::with_capacity(count, count * (key_bytes + COUNT_BYTES)),
            values: BinaryBuilder::with_capacity(count, bytes + count * COUNT_BYTES),
            numbers: Vec::new(),
        }
    }

    /// Writes the row of a number; none: it goes.
    pub(super) fn push(
        &mut self,
        (group, key): (KeyGroup, &[u8]),
        number: i64,
        entry: Option<Entry<'_>>,
    ) {
        let Self { groups, keys, values, numbers } = self;
        groups.push(group);
        append(keys, [key, &value_of(number)]);
        let Some(Entry { count, partners, row }) = entry else { return values.append_null() };
        numbers.clear();
        push_number(numbers, count);
        if let Some(partners) = partners {
            push_number(numbers, partners);
        }
        append(values, [numbers, row]);
    }

    /// Puts them into the state, if there are any.
    pub(super) fn put(
        mut self,
        state: StateHandle,
        namespace: Namespace,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        if self.groups.is_empty() {
            return Ok(());
        }
        let (keys, values) = (self.keys.finish(), self.values.finish());
        cx.state.put(state, namespace, &self.groups, &keys, &values)?;
        OperatorMetrics::add(&cx.metrics.state_writes, self.groups.len());
        Ok(())
    }
}

/// Appends a value that is made of these parts.
fn append<const N: usize>(to: &mut BinaryBuilder, parts: [&[u8]; N]) {
    for part in parts {
        // Memory takes all of it.
        let _ = to.write_all(part);
    }
    to.append_value(b"");
}
