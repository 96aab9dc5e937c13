//! Encodes frozen states; computes for long, so it is run off the engine's threads.

use bytes::Bytes;
use sabot_core::state::{FrozenState, Namespace, StateRow, StateSpec};
use sabot_types::KeyGroup;

use super::block::Rows;
use super::index::{Entry, Index};
use super::{Encoded, HEADER_BYTES, MAGIC, SegmentError, VERSION};

/// Bytes of a block before compression, from which on it is ended.
const BLOCK_BYTES: usize = 256 << 10;

/// The largest key and value together.
const ROW_BYTES_MAX: usize = 1 << 30;

/// Encodes the rows of `frozen` as one segment. Blocks; see `Tasks::spawn_blocking`.
pub fn encode(frozen: Vec<Box<dyn FrozenState>>) -> Result<Encoded, SegmentError> {
    let mut writer = Writer::new();
    for state in frozen {
        let spec = state.spec().clone();
        writer.begin(&spec)?;
        let mut too_large = None;
        let visited = state.visit(&mut |row| {
            let bytes = row.key.len() + row.value.len();
            if bytes > ROW_BYTES_MAX {
                too_large = Some(bytes);
                return Err(sabot_core::Error::user("a row is too large"));
            }
            writer.push(row);
            Ok(())
        });
        let StateSpec { operator, name: state, .. } = spec;
        if let Some(bytes) = too_large {
            return Err(SegmentError::RowTooLarge { operator, state, bytes });
        }
        visited.map_err(|source| SegmentError::Visit { operator, state, source })?;
        writer.end_block();
    }
    Ok(writer.finish())
}

struct Writer {
    out: Vec<u8>,
    index: Index,
    namespace: Option<Namespace>,
    rows: Rows,
    raw: Vec<u8>,
    written: u64,
}

impl Writer {
    fn new() -> Self {
        let mut out = Vec::with_capacity(HEADER_BYTES);
        out.extend(MAGIC);
        out.extend(VERSION.to_le_bytes());
        Self {
            out,
            index: Index::default(),
            namespace: None,
            rows: Rows::default(),
            raw: Vec::new(),
            written: 0,
        }
    }

    fn begin(&mut self, spec: &StateSpec) -> Result<(), SegmentError> {
        let same = |known: &StateSpec| known.operator == spec.operator && known.name == spec.name;
        if self.index.specs.iter().any(same) {
            return Err(SegmentError::StateTwice {
                operator: spec.operator.clone(),
                state: spec.name.clone(),
            });
        }
        self.index.specs.push(spec.clone());
        Ok(())
    }

    fn push(&mut self, row: StateRow<'_>) {
        let full = self.rows.bytes() + row.key.len() + row.value.len() > BLOCK_BYTES;
        if full || self.namespace != Some(row.namespace) {
            self.end_block();
            self.namespace = Some(row.namespace);
        }
        self.rows.push(row.group, row.key, row.value);
    }

    fn end_block(&mut self) {
        let namespace = self.namespace.take();
        let groups = &self.rows.groups;
        let (Some(namespace), Some(first), Some(last)) =
            (namespace, groups.iter().min(), groups.iter().max())
        else {
            return;
        };
        self.rows.lay_out(&mut self.raw);
        let stored = lz4_flex::block::compress(&self.raw);
        self.index.entries.push(Entry {
            state: self.index.specs.len() as u32 - 1,
            namespace,
            first: KeyGroup::new(*first),
            last: KeyGroup::new(*last),
            rows: groups.len() as u32,
            offset: self.out.len() as u64,
            stored_bytes: stored.len() as u32,
            raw_bytes: self.raw.len() as u32,
            crc32: crc32fast::hash(&stored),
        });
        self.written += groups.len() as u64;
        self.out.extend(stored);
        self.rows.clear();
    }

    fn finish(mut self) -> Encoded {
        self.index.write(&mut self.out);
        let bytes = Bytes::from(self.out);
        Encoded {
            crc32: crc32fast::hash(&bytes),
            bytes,
            rows: self.written,
            states: self.index.specs,
        }
    }
}
