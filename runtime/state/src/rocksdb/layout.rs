//! How rows lie in the database: state (2 bytes) | namespace (8, sign flipped) | key group (2) |
//! key, all numbers big-endian, so that the database's order is that of the contract.

use std::ops::Range;

use sabot_core::state::{FILTERED_KEY_BYTES, Namespace, Place, StateHandle};
use sabot_types::KeyGroup;

/// Rows with the same first bytes are found through a filter.
pub(super) const FILTERED_BYTES: usize = Prefix::key_bytes(FILTERED_KEY_BYTES);

const PREFIX_BYTES: usize = 10;
const SIGN: u64 = 1 << 63;

/// What all rows of a namespace begin with.
#[derive(Clone, Copy)]
pub(super) struct Prefix {
    state: u16,
    namespace: u64,
}

impl Prefix {
    pub(super) fn new(state: StateHandle, namespace: Namespace) -> Self {
        Self { state: state.0, namespace: namespace.0 as u64 ^ SIGN }
    }

    /// The lowest key that a row of the namespace can have.
    pub(super) fn start(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(PREFIX_BYTES);
        self.write(&mut out);
        out
    }

    /// The lowest key above all rows of the namespace.
    pub(super) fn end(self) -> Vec<u8> {
        match self.namespace.checked_add(1) {
            Some(namespace) => Self { namespace, ..self }.start(),
            None => state_end(self.state),
        }
    }

    /// How long the whole key is of a row whose key has `bytes` bytes.
    pub(super) const fn key_bytes(bytes: usize) -> usize {
        PREFIX_BYTES + 2 + bytes
    }

    /// Appends a row's whole key.
    pub(super) fn write_key(self, group: KeyGroup, key: &[u8], out: &mut Vec<u8>) {
        self.write(out);
        out.extend_from_slice(&group.index().to_be_bytes());
        out.extend_from_slice(key);
    }

    fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.state.to_be_bytes());
        out.extend_from_slice(&self.namespace.to_be_bytes());
    }
}

/// The keys that rows of `state` can have.
pub(super) fn state_bounds(state: StateHandle) -> Range<Vec<u8>> {
    state.0.to_be_bytes().to_vec()..state_end(state.0)
}

fn state_end(state: u16) -> Vec<u8> {
    (u32::from(state) + 1).to_be_bytes()[2..].to_vec()
}

/// The number of the state that a whole key is of.
pub(super) fn state_of(key: &[u8]) -> u16 {
    u16::from_be_bytes([key[0], key[1]])
}

/// A row's key, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RowKey<'a> {
    pub(super) namespace: Namespace,
    pub(super) group: KeyGroup,
    pub(super) key: &'a [u8],
}

impl<'a> RowKey<'a> {
    /// Where the row is, as rows are ordered.
    pub(super) fn place(&self) -> Place<'a> {
        (self.namespace, self.group, self.key)
    }
}

/// Whether a key of the database is one of a row: ends of ranges may be shorter.
pub(super) fn is_row(bytes: &[u8]) -> bool {
    bytes.len() >= PREFIX_BYTES + 2
}

/// Takes a key apart that [`Prefix::write_key`] wrote.
pub(super) fn split(bytes: &[u8]) -> RowKey<'_> {
    let (fixed, key) = bytes.split_at(PREFIX_BYTES + 2);
    let namespace: [u8; 8] = fixed[2..PREFIX_BYTES].try_into().expect("the range has 8 bytes");
    let group = u16::from_be_bytes([fixed[PREFIX_BYTES], fixed[PREFIX_BYTES + 1]]);
    RowKey {
        namespace: Namespace((u64::from_be_bytes(namespace) ^ SIGN) as i64),
        group: KeyGroup::new(group),
        key,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(state: u16, namespace: i64, group: u16, key: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let prefix = Prefix::new(StateHandle(state), Namespace(namespace));
        prefix.write_key(KeyGroup::new(group), key, &mut out);
        out
    }

    #[test]
    fn bytes_are_ordered_by_state_namespace_group_and_key() {
        let ascending = [
            key(0, i64::MIN, 0, b""),
            key(0, -1, 9, b"z"),
            key(0, 0, 0, b""),
            key(0, 0, 0, b"a"),
            key(0, 0, 256, b""),
            key(0, i64::MAX, 1023, b"z"),
            key(1, i64::MIN, 0, b""),
        ];
        assert!(ascending.is_sorted());
    }

    #[test]
    fn a_prefix_covers_its_namespace_and_nothing_else() {
        for namespace in [i64::MIN, -1, 0, 1, i64::MAX] {
            let prefix = Prefix::new(StateHandle(3), Namespace(namespace));
            let inside = key(3, namespace, u16::MAX, &[0xff; 40]);
            assert!(prefix.start() <= inside && inside < prefix.end());
            assert!(key(4, i64::MIN, 0, b"") >= prefix.end());
            if let Some(next) = namespace.checked_add(1) {
                assert!(key(3, next, 0, b"") >= prefix.end());
            }
        }
    }

    #[test]
    fn a_key_comes_apart_as_it_was_written() {
        let bytes = key(7, -42, 513, b"key");
        let row = split(&bytes);
        let expected = RowKey { namespace: Namespace(-42), group: KeyGroup::new(513), key: b"key" };
        assert_eq!(row, expected);
    }
}
