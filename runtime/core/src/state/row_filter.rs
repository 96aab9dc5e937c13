//! Which rows may be among some, told by a few bits each.

use sabot_types::KeyGroup;

use super::Namespace;

/// Rows are told apart by so many first bytes of their keys before they are looked for: enough for a
/// BIGINT as the first part of a key.
pub const FILTERED_KEY_BYTES: usize = 9;
/// Bits for each row; two of them are set. Of rows that are not there one in eighty passes.
const BITS_PER_ROW: usize = 16;

/// The beginnings of rows' places.
#[derive(Debug)]
pub(super) struct RowFilter {
    words: Vec<u64>,
}

impl RowFilter {
    /// Of rows by their namespaces, key groups and keys.
    pub(super) fn new<'a>(
        rows: impl ExactSizeIterator<Item = (Namespace, KeyGroup, &'a [u8])>,
    ) -> Self {
        let words = (rows.len() * BITS_PER_ROW).div_ceil(64).next_power_of_two();
        let mut filter = Self { words: vec![0; words] };
        for place in rows {
            for bit in filter.bits(place) {
                filter.words[bit / 64] |= 1 << (bit % 64);
            }
        }
        filter
    }

    /// Whether there may be a row of this place, or one whose key has the same first
    /// [`FILTERED_KEY_BYTES`].
    pub(super) fn may_have(&self, place: (Namespace, KeyGroup, &[u8])) -> bool {
        self.bits(place).into_iter().all(|bit| self.words[bit / 64] >> (bit % 64) & 1 == 1)
    }

    fn bits(&self, (namespace, group, key): (Namespace, KeyGroup, &[u8])) -> [usize; 2] {
        let mut bytes = [0; 16];
        let counted = key.len().min(FILTERED_KEY_BYTES);
        bytes[..counted].copy_from_slice(&key[..counted]);
        // The group stands behind the key's bytes.
        let number = u128::from_le_bytes(bytes) ^ (u128::from(group.index()) << 80);
        let folded = (number as u64) ^ ((number >> 64) as u64).rotate_left(29) ^ namespace.0 as u64;
        let mut hash = folded.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        hash = (hash ^ (hash >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        hash ^= hash >> 32;
        let mask = self.words.len() * 64 - 1;
        [hash as usize & mask, (hash >> 32) as usize & mask]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_passes_and_little_else_does() {
        let key = |n: u64| [&[1][..], &n.to_be_bytes(), b"more"].concat();
        let keys: Vec<_> = (0..1000).map(key).collect();
        let place = (Namespace(3), KeyGroup::new(7));
        let filter = RowFilter::new(keys.iter().map(|key| (place.0, place.1, &key[..])));
        let passes = |(namespace, group), key: &[u8]| filter.may_have((namespace, group, key));
        assert!(
            keys.iter().all(|key| passes(place, key) && passes(place, &key[..FILTERED_KEY_BYTES]))
        );
        let others = (1000..11_000).filter(|n| passes(place, &key(*n))).count();
        assert!(others < 400, "{others} of 10,000");
        for elsewhere in [(Namespace(4), place.1), (place.0, KeyGroup::new(8))] {
            assert!(keys.iter().filter(|key| passes(elsewhere, key)).count() < 60);
        }
    }
}
