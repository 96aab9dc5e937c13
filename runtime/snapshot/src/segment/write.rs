//! Encodes frozen states; computes for long, so it is run off the engine's threads.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread;

use sabot_core::state::{FrozenState, Namespace, StateChange, StateChanges, StateSpec};
use sabot_types::KeyGroup;

use super::block::{Packer, Rows};
use super::buffers::{Buffer, Buffers, InUse};
use super::index::{Entry, Index};
use super::{Encoded, MAGIC, SegmentError, VERSION};
use crate::content::{self, Content};

/// Bytes of a block before compression, from which on it is ended.
const BLOCK_BYTES: usize = 256 << 10;

/// Bytes of a segment as stored, from which on it is ended and the rest goes into another one:
/// large state is uploaded while it is encoded, and only a part of it is held in memory.
const PART_BYTES: usize = 16 << 20;

/// For the segments of all slots, from one checkpoint to the next: one is filled while one or two are
/// uploaded.
static BUFFERS: LazyLock<Buffers> =
    LazyLock::new(|| Buffers::new(PART_BYTES + 4 * BLOCK_BYTES, KEPT_BUFFERS));
const KEPT_BUFFERS: usize = 3;

/// Threads that help to encode a large state: one reads and compresses about half as fast as disks
/// write, and waits for them now and then.
const HELPERS: usize = 2;

/// The largest key and value together.
const ROW_BYTES_MAX: usize = 1 << 30;

/// Takes one segment after the other, those of a large state from several threads; breaks when it wants no
/// more.
pub type Give<'a> = &'a (dyn Fn(Encoded) -> ControlFlow<()> + Sync);

/// Takes the rows of a state.
type Push<'a> = &'a mut dyn FnMut(StateChange<'_>) -> sabot_core::Result<()>;

/// Encodes the rows of `frozen` as segments; none where there is no row. Blocks; see
/// `Tasks::spawn_blocking`. Where a state is large other threads help.
pub fn encode(frozen: Vec<Box<dyn FrozenState>>, give: Give<'_>) -> Result<(), SegmentError> {
    let shared = Shared::new(give);
    let mut writer = Writer::new(&shared);
    let states = frozen.len();
    let mut queue = VecDeque::with_capacity(states);
    for mut state in frozen {
        writer.announce(state.spec())?;
        let parts = state.split().map_err(|source| visit_error(state.spec(), source))?;
        queue.push_back(state);
        queue.extend(parts);
    }
    let is_large = queue.len() > states;
    let queue = Mutex::new(queue);
    let helpers = if is_large { HELPERS } else { 0 };
    thread::scope(|scope| {
        let help = || Writer::new(&shared).states(&queue);
        let thread = || thread::Builder::new().name("encode segments".to_owned());
        // Where there is no thread to be had, those that are there do all of it.
        let helpers: Vec<_> =
            (0..helpers).flat_map(|_| thread().spawn_scoped(scope, help)).collect();
        let encoded = writer.states(&queue);
        helpers.into_iter().fold(encoded, |encoded, helper| match helper.join() {
            Ok(helped) => encoded.and(helped),
            Err(panic) => std::panic::resume_unwind(panic),
        })
    })
}

/// Encodes what changed since the slot's segments before; none where nothing changed. Blocks; see
/// `Tasks::spawn_blocking`.
pub fn encode_changes(
    changes: Vec<(StateSpec, StateChanges)>,
    give: Give<'_>,
) -> Result<(), SegmentError> {
    let shared = Shared::new(give);
    let mut writer = Writer::new(&shared);
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

fn visit_error(spec: &StateSpec, source: sabot_core::Error) -> SegmentError {
    let (operator, state) = (spec.operator.clone(), spec.name.clone());
    SegmentError::Visit { operator, state, source }
}

/// What the writers of a slot's segments share.
struct Shared<'a> {
    give: Give<'a>,
    /// Nobody wants more.
    stopped: AtomicBool,
    _buffers: InUse,
}

impl<'a> Shared<'a> {
    fn new(give: Give<'a>) -> Self {
        Self { give, stopped: AtomicBool::new(false), _buffers: BUFFERS.in_use() }
    }

    fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

struct Writer<'a> {
    shared: &'a Shared<'a>,
    /// The states so far.
    known: Vec<StateSpec>,
    out: Buffer,
    index: Index,
    /// Of the rows that are collected: the index of their state in this segment, the namespace.
    of: Option<(u32, Namespace)>,
    rows: Rows,
    packer: Packer,
    written: u64,
    content: Content,
}

impl<'a> Writer<'a> {
    fn new(shared: &'a Shared<'a>) -> Self {
        Self {
            shared,
            known: Vec::new(),
            out: header(),
            index: Index::default(),
            of: None,
            rows: Rows::default(),
            packer: Packer::default(),
            written: 0,
            content: Content::default(),
        }
    }

    /// Writes one state, or part of one, after the other until there are none left.
    fn states(mut self, queue: &Mutex<VecDeque<Box<dyn FrozenState>>>) -> Result<(), SegmentError> {
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        while let Some(state) = next() {
            let spec = state.spec().clone();
            self.rows(&spec, |push| {
                state.visit(&mut |row| {
                    let (namespace, group, key) = (row.namespace, row.group, row.key);
                    push(StateChange { namespace, group, key, value: Some(row.value) })
                })
            })
            .inspect_err(|_| self.shared.stop())?;
        }
        self.finish();
        Ok(())
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
        self.packer.try_again();
        let mut too_large = None;
        let written = rows(&mut |row| {
            let bytes = row.key.len() + row.value.map_or(0, <[u8]>::len);
            if bytes > ROW_BYTES_MAX {
                too_large = Some(bytes);
                return Err(sabot_core::Error::user("a row is too large"));
            }
            self.push(spec, row);
            if self.shared.is_stopped() {
                return Err(sabot_core::Error::user("nobody wants more"));
            }
            Ok(())
        });
        if let Some(bytes) = too_large {
            let (operator, state) = (spec.operator.clone(), spec.name.clone());
            return Err(SegmentError::RowTooLarge { operator, state, bytes });
        }
        if !self.shared.is_stopped() {
            written.map_err(|source| visit_error(spec, source))?;
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
        let start = self.out.len();
        let raw_bytes = self.packer.pack(&self.rows, self.out.end());
        let stored = &self.out.as_ref()[start..];
        self.index.entries.push(Entry {
            state,
            namespace,
            first: KeyGroup::new(*first),
            last: KeyGroup::new(*last),
            rows: groups.len() as u32,
            offset: start as u64,
            stored_bytes: stored.len() as u32,
            raw_bytes: raw_bytes as u32,
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
        let give = self.shared.give;
        let (mut out, index) =
            (std::mem::replace(&mut self.out, header()), std::mem::take(&mut self.index));
        index.write(out.end());
        let bytes = BUFFERS.freeze(out);
        let crc32 = crc32fast::hash(&bytes);
        let (rows, content) =
            (std::mem::take(&mut self.written), std::mem::take(&mut self.content));
        if give(Encoded { bytes, crc32, rows, content }).is_break() {
            self.shared.stop();
        }
    }

    fn finish(mut self) {
        self.end_block();
        let says_nothing = self.index.entries.is_empty() && self.index.dropped.is_empty();
        if !self.shared.is_stopped() && !says_nothing {
            self.end_segment();
        }
    }
}

fn header() -> Buffer {
    let mut out = BUFFERS.take();
    out.end().extend(MAGIC);
    out.end().extend(VERSION.to_le_bytes());
    out
}
