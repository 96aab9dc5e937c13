//! The index at the end of a segment: which states, and where the rows of which key groups are.

use sabot_core::state::{Namespace, StateSpec};
use sabot_types::{KeyGroup, KeyGroupRange};

use super::{HEADER_BYTES, MAGIC, TRAILER_BYTES, VERSION};

const ENTRY_BYTES: usize = 40;
const DROPPED_BYTES: usize = 12;

/// What the index says of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// Index into the specs.
    pub(super) state: u32,
    pub(super) namespace: Namespace,
    pub(super) first: KeyGroup,
    pub(super) last: KeyGroup,
    pub(super) rows: u32,
    pub(super) offset: u64,
    pub(super) stored_bytes: u32,
    pub(super) raw_bytes: u32,
    pub(super) crc32: u32,
}

impl Entry {
    pub(super) fn meets(&self, range: KeyGroupRange) -> bool {
        !range.is_empty() && self.first.index() < range.end() && range.start() <= self.last.index()
    }

    fn to_bytes(self) -> [u8; ENTRY_BYTES] {
        let mut bytes = [0; ENTRY_BYTES];
        bytes[0..4].copy_from_slice(&self.state.to_le_bytes());
        bytes[4..12].copy_from_slice(&self.namespace.0.to_le_bytes());
        bytes[12..14].copy_from_slice(&self.first.index().to_le_bytes());
        bytes[14..16].copy_from_slice(&self.last.index().to_le_bytes());
        bytes[16..20].copy_from_slice(&self.rows.to_le_bytes());
        bytes[20..28].copy_from_slice(&self.offset.to_le_bytes());
        bytes[28..32].copy_from_slice(&self.stored_bytes.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.raw_bytes.to_le_bytes());
        bytes[36..40].copy_from_slice(&self.crc32.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; ENTRY_BYTES]) -> Self {
        Self {
            state: u32_at(bytes, 0),
            namespace: Namespace(u64_at(bytes, 4) as i64),
            first: KeyGroup::new(u16::from_le_bytes([bytes[12], bytes[13]])),
            last: KeyGroup::new(u16::from_le_bytes([bytes[14], bytes[15]])),
            rows: u32_at(bytes, 16),
            offset: u64_at(bytes, 20),
            stored_bytes: u32_at(bytes, 28),
            raw_bytes: u32_at(bytes, 32),
            crc32: u32_at(bytes, 36),
        }
    }
}

/// The index.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) specs: Vec<StateSpec>,
    /// Which namespaces of earlier segments are gone: index into the specs, namespace.
    pub(super) dropped: Vec<(u32, Namespace)>,
    pub(super) entries: Vec<Entry>,
}

impl Index {
    /// The index of a state, which is in the segment from now on.
    pub(super) fn state(&mut self, spec: &StateSpec) -> u32 {
        let known = self.specs.iter().rposition(|known| known == spec);
        let at = known.unwrap_or_else(|| {
            self.specs.push(spec.clone());
            self.specs.len() - 1
        });
        at as u32
    }

    /// Appends index and trailer.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let specs = serde_json::to_vec(&self.specs).expect("specs are plain values");
        out.extend((specs.len() as u32).to_le_bytes());
        out.extend(specs);
        out.extend((self.dropped.len() as u32).to_le_bytes());
        for (state, namespace) in &self.dropped {
            out.extend(state.to_le_bytes());
            out.extend(namespace.0.to_le_bytes());
        }
        out.extend(self.entries.iter().flat_map(|entry| entry.to_bytes()));
        let (length, crc32) = (out.len() - start, crc32fast::hash(&out[start..]));
        out.extend((length as u32).to_le_bytes());
        out.extend(crc32.to_le_bytes());
        out.extend(VERSION.to_le_bytes());
        out.extend(MAGIC);
    }

    /// Reads an index that starts where the blocks end, at `end_of_blocks`.
    pub(super) fn read(bytes: &[u8], end_of_blocks: u64) -> Result<Self, String> {
        let (specs, rest) = counted(bytes, 1)?;
        let (dropped, entries) = counted(rest, DROPPED_BYTES)?;
        let specs: Vec<StateSpec> =
            serde_json::from_slice(specs).map_err(|error| error.to_string())?;
        let dropped = dropped.as_chunks::<DROPPED_BYTES>().0.iter();
        let dropped: Vec<_> =
            dropped.map(|bytes| (u32_at(bytes, 0), Namespace(u64_at(bytes, 4) as i64))).collect();
        let (entries, rest) = entries.as_chunks::<ENTRY_BYTES>();
        let entries: Vec<_> = entries.iter().map(Entry::from_bytes).collect();
        let fits = |entry: &Entry| {
            (entry.state as usize) < specs.len()
                && entry.offset >= HEADER_BYTES as u64
                && entry.offset.saturating_add(u64::from(entry.stored_bytes)) <= end_of_blocks
        };
        let known = |(state, _): &(u32, Namespace)| (*state as usize) < specs.len();
        if !rest.is_empty() || !entries.iter().all(fits) || !dropped.iter().all(known) {
            return Err("its index does not fit the blocks".to_owned());
        }
        Ok(Self { specs, dropped, entries })
    }
}

/// What the last bytes of a segment say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trailer {
    pub(super) index_bytes: u32,
    pub(super) index_crc32: u32,
    pub(super) version: u32,
}

impl Trailer {
    /// Reads the trailer; none when it is not one.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let at = bytes.len().checked_sub(TRAILER_BYTES)?;
        let bytes = &bytes[at..];
        (bytes[12..] == MAGIC).then(|| Self {
            index_bytes: u32_at(bytes, 0),
            index_crc32: u32_at(bytes, 4),
            version: u32_at(bytes, 8),
        })
    }
}

/// Splits off what a count announces: so many things of `size` bytes.
fn counted(bytes: &[u8], size: usize) -> Result<(&[u8], &[u8]), String> {
    let (count, rest) = bytes.split_at_checked(4).ok_or("its index is too short")?;
    let length = (u32_at(count, 0) as usize).checked_mul(size);
    let parts = length.and_then(|length| rest.split_at_checked(length));
    parts.ok_or_else(|| "its index is too short".to_owned())
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}
