//! Encodes frozen states; computes for long, so it is run off the engine's threads.

use std::ops::ControlFlow;

use bytes::Bytes;
use sabot_core::state::{FrozenState, Namespace, StateChange, StateChanges, StateSpec};
use sabot_types::KeyGroup;

use super::block::Rows;
use super::index::{Entry, Index};
use super::{Encoded, MAGIC, SegmentError, VERSION};
use crate::content::{self, Content};

/// Bytes of a block before compression, from which on it is ended.
const BLOCK_BYTES: usize = 256 << 10;

/// Bytes of a segment as stored, from which on it is ended and the rest goes into another one:
/// large state is uploaded while it is encoded, and only a part of it is held in memory.
const PART_BYTES: usize = 16 << 20;

/// The largest key and value together.
const ROW_BYTES_MAX: usize = 1 << 30;

/// Takes one segment after the other; breaks when it wants no more.
pub type Give<'a> = &'a mut dyn FnMut(Encoded) -> ControlFlow<()>;

/// Takes the rows of a state.
type Push<'a> = &'a mut dyn FnMut(StateChange<'_>) -> sabot_core::Result<()>;

/// Encodes the rows of `frozen` as segments; none where there is no row. Blocks; see
/// `Tasks::spawn_blocking`.
pub fn encode(frozen: Vec<Box<dyn FrozenState>>, give: Give<'_>) -> Result<(), SegmentError> {
    let mut writer = Writer::new(give);
    for state in frozen {
        let spec = state.spec().clone();
        writer.announce(&spec)?;
        writer.rows(&spec, |push| {
            state.visit(&mut |row| {
                let (namespace, group, key) = (row.namespace, row.group, row.key);
                push(StateChange { namespace, group, key, value: Some(row.value) })
            })
        })?;
    }
    writer.finish();
    Ok(())
}

/// Encodes what changed since the slot's segments before; none where nothing changed. Blocks; see
/// `Tasks::spawn_blocking`.
pub fn encode_changes(
    changes: Vec<(StateSpec, StateChanges)>,
    give: Give<'_>,
) -> Result<(), SegmentError> {
    let mut writer = Writer::new(give);
    // All of it in the first segment: what is dropped are rows of segments before this one.
    for (spec, changes) in &changes {
        let state = writer.announce(spec)?;
        writer.index.dropped.extend(changes.dropped().map(|namespace| (state, namespace)));
    }
    for (spec, changes) in changes {
        writer.rows(&spec, |push| changes.visit(push))?;
    }
    writer.finish();
    Ok(())
}

struct Writer<'a> {
    give: Give<'a>,
    /// The states so far.
    known: Vec<StateSpec>,
    /// Nobody wants more.
    stopped: bool,
    out: Vec<u8>,
    index: Index,
    /// Of the rows that are collected: the index of their state in this segment, the namespace.
    of: Option<(u32, Namespace)>,
    rows: Rows,
    raw: Vec<u8>,
    written: u64,
    content: Content,
}

impl<'a> Writer<'a> {
    fn new(give: Give<'a>) -> Self {
        Self {
            give,
            known: Vec::new(),
            stopped: false,
            out: header(),
            index: Index::default(),
            of: None,
            rows: Rows::default(),
            raw: Vec::new(),
            written: 0,
            content: Content::default(),
        }
    }

    /// A state whose rows may follow; its index in this segment.
    fn announce(&mut self, spec: &StateSpec) -> Result<u32, SegmentError> {
        let same = |known: &StateSpec| known.operator == spec.operator && known.name == spec.name;
        if self.known.iter().any(same) {
            return Err(SegmentError::StateTwice {
                operator: spec.operator.clone(),
                state: spec.name.clone(),
            });
        }
        self.known.push(spec.clone());
        Ok(self.index.state(spec))
    }

    /// Writes the rows of a state.
    fn rows(
        &mut self,
        spec: &StateSpec,
        rows: impl FnOnce(Push<'_>) -> sabot_core::Result<()>,
    ) -> Result<(), SegmentError> {
        let mut too_large = None;
        let written = rows(&mut |row| {
            let bytes = row.key.len() + row.value.map_or(0, <[u8]>::len);
            if bytes > ROW_BYTES_MAX {
                too_large = Some(bytes);
                return Err(sabot_core::Error::user("a row is too large"));
            }
            self.push(spec, row);
            if self.stopped {
                return Err(sabot_core::Error::user("nobody wants more"));
            }
            Ok(())
        });
        let (operator, state) = (spec.operator.clone(), spec.name.clone());
        if let Some(bytes) = too_large {
            return Err(SegmentError::RowTooLarge { operator, state, bytes });
        }
        if !self.stopped {
            written.map_err(|source| SegmentError::Visit { operator, state, source })?;
        }
        self.end_block();
        Ok(())
    }

    fn push(&mut self, spec: &StateSpec, row: StateChange<'_>) {
        let bytes = row.key.len() + row.value.map_or(0, <[u8]>::len);
        let full = self.rows.bytes() + bytes > BLOCK_BYTES;
        if full || self.of.is_none_or(|(_, namespace)| namespace != row.namespace) {
            self.end_block();
            if self.out.len() >= PART_BYTES {
                self.end_segment();
            }
            self.of = Some((self.index.state(spec), row.namespace));
        }
        self.rows.push(row.group, row.key, row.value);
    }

    fn end_block(&mut self) {
        let of = self.of.take();
        let groups = &self.rows.groups;
        let (Some((state, namespace)), Some(first), Some(last)) =
            (of, groups.iter().min(), groups.iter().max())
        else {
            return;
        };
        self.rows.lay_out(&mut self.raw);
        let start = self.out.len();
        self.out.resize(start + lz4_flex::block::get_maximum_output_size(self.raw.len()), 0);
        // Fails only where there is less room than that.
        let stored_bytes = lz4_flex::block::compress_into(&self.raw, &mut self.out[start..])
            .expect("there is room for the largest output");
        self.out.truncate(start + stored_bytes);
        let stored = &self.out[start..];
        self.index.entries.push(Entry {
            state,
            namespace,
            first: KeyGroup::new(*first),
            last: KeyGroup::new(*last),
            rows: groups.len() as u32,
            offset: start as u64,
            stored_bytes: stored_bytes as u32,
            raw_bytes: self.raw.len() as u32,
            crc32: crc32fast::hash(stored),
        });
        self.written += groups.len() as u64;
        let mut rows = content::Rows::default();
        for (group, key, value) in self.rows.iter() {
            rows.push(group, key, value);
        }
        self.content.add(&self.index.specs[state as usize], namespace, &rows);
        self.rows.clear();
    }

    fn end_segment(&mut self) {
        let (mut out, index) =
            (std::mem::replace(&mut self.out, header()), std::mem::take(&mut self.index));
        index.write(&mut out);
        let bytes = Bytes::from(out);
        let crc32 = crc32fast::hash(&bytes);
        let (rows, content) =
            (std::mem::take(&mut self.written), std::mem::take(&mut self.content));
        let encoded = Encoded { bytes, crc32, rows, content };
        self.stopped |= (self.give)(encoded).is_break();
    }

    fn finish(mut self) {
        self.end_block();
        let says_nothing = self.index.entries.is_empty() && self.index.dropped.is_empty();
        if !self.stopped && !says_nothing {
            self.end_segment();
        }
    }
}

fn header() -> Vec<u8> {
    // What is not used of it is never touched; growing it would copy what is there again and again.
    let mut out = Vec::with_capacity(PART_BYTES + 4 * BLOCK_BYTES);
    out.extend(MAGIC);
    out.extend(VERSION.to_le_bytes());
    out
}
