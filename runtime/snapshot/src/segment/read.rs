//! Reads a segment by ranges: its index, then only the blocks that hold wanted key groups.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::array::{BinaryArray, BooleanArray};
use arrow::compute::filter;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use sabot_core::state::{Namespace, StateRows, StateSpec};
use sabot_core::store::{ObjectStore, StoreError};
use sabot_types::KeyGroupRange;

use super::block::{self, Block};
use super::index::{Entry, Index, Trailer};
use super::{HEADER_BYTES, SegmentError, TRAILER_BYTES, VERSIONS};
use crate::manifest::SegmentRef;
use crate::restore::RestoreError;
use crate::store::object_uri;

/// Rows of a batch at most.
pub const BATCH_ROWS: usize = 4096;

/// What is read of the end at first; most indexes fit.
const TAIL_BYTES: u64 = 64 << 10;
/// Neighbouring blocks are read together up to this size.
const READ_BYTES: u64 = 8 << 20;
/// Reads under way at a time.
const READS: usize = 4;

/// A segment whose index has been read.
#[derive(Debug)]
pub struct SegmentReader {
    store: Arc<dyn ObjectStore>,
    key: String,
    uri: String,
    index: Index,
    /// By which it was written.
    version: u32,
}

/// How much of a state is in a segment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StateSize {
    /// Rows.
    pub rows: u64,
    /// Bytes as stored.
    pub stored_bytes: u64,
    /// Bytes before compression.
    pub raw_bytes: u64,
}

impl SegmentReader {
    /// Reads and checks the index of `segment`, which lies below `root`.
    pub async fn open(
        root: Arc<dyn ObjectStore>,
        segment: &SegmentRef,
    ) -> Result<Self, SegmentError> {
        let uri = object_uri(root.as_ref(), &segment.key);
        let (index, version) = read_index(root.as_ref(), segment, &uri).await?;
        Ok(Self { store: root, key: segment.key.clone(), uri, index, version })
    }

    /// The states in the segment, also those without rows.
    pub fn states(&self) -> &[StateSpec] {
        &self.index.specs
    }

    /// The segment's URI.
    pub(crate) fn uri(&self) -> &str {
        &self.uri
    }

    /// The namespaces of which nothing is left of what the slot's earlier segments hold.
    pub fn dropped(&self) -> impl Iterator<Item = (&StateSpec, Namespace)> {
        let dropped = self.index.dropped.iter();
        dropped.map(|(state, namespace)| (&self.index.specs[*state as usize], *namespace))
    }

    /// How much of each state there is in the namespaces that `wanted` picks, in the order of
    /// [`Self::states`].
    pub fn sizes(&self, wanted: impl Fn(&StateSpec, Namespace) -> bool) -> Vec<StateSize> {
        let mut sizes = BTreeMap::<u32, StateSize>::new();
        for entry in &self.index.entries {
            if !wanted(&self.index.specs[entry.state as usize], entry.namespace) {
                continue;
            }
            let size = sizes.entry(entry.state).or_default();
            size.rows += u64::from(entry.rows);
            size.stored_bytes += u64::from(entry.stored_bytes);
            size.raw_bytes += u64::from(entry.raw_bytes);
        }
        (0..self.index.specs.len() as u32)
            .map(|state| sizes.get(&state).copied().unwrap_or_default())
            .collect()
    }

    /// Visits the rows whose key groups lie in `range`, in the namespaces that `wanted` picks, in
    /// the segment's order, in batches of at most [`BATCH_ROWS`].
    pub async fn read(
        &self,
        range: KeyGroupRange,
        wanted: impl Fn(&StateSpec, Namespace) -> bool,
        visit: &mut (dyn FnMut(&StateSpec, StateRows) -> sabot_core::Result<()> + Send),
    ) -> Result<(), RestoreError> {
        let is_wanted = |entry: &Entry| {
            entry.meets(range) && wanted(&self.index.specs[entry.state as usize], entry.namespace)
        };
        let wanted: Vec<_> = self.index.entries.iter().copied().filter(is_wanted).collect();
        let mut reads = stream::iter(runs(&wanted))
            .map(|run| async move { self.fetch(&run).await.map(|bytes| (run, bytes)) })
            .buffered(READS);
        while let Some((run, bytes)) = reads.try_next().await? {
            for entry in &run {
                let block = self.decode(entry, &run, &bytes)?;
                let spec = &self.index.specs[entry.state as usize];
                emit(entry, block, range, &mut |rows| visit(spec, rows))
                    .map_err(|source| RestoreError::Visit { uri: self.uri.clone(), source })?;
            }
        }
        Ok(())
    }

    async fn fetch(&self, run: &[Entry]) -> Result<Bytes, SegmentError> {
        self.store
            .get_range(&self.key, span(run))
            .await
            .map_err(|error| store_error(error, &self.uri))
    }

    fn decode(&self, entry: &Entry, run: &[Entry], bytes: &[u8]) -> Result<Block, SegmentError> {
        let corrupt = |what| SegmentError::Corrupt { uri: self.uri.clone(), what };
        let start = (entry.offset - run[0].offset) as usize;
        let stored = bytes
            .get(start..start + entry.stored_bytes as usize)
            .ok_or_else(|| corrupt("it is too short".to_owned()))?;
        if crc32fast::hash(stored) != entry.crc32 {
            let what = format!("the checksum of the block at byte {} does not match", entry.offset);
            return Err(corrupt(what));
        }
        block::decode(self.version, stored, entry.raw_bytes as usize, entry.rows as usize)
            .map_err(corrupt)
    }
}

async fn read_index(
    store: &dyn ObjectStore,
    segment: &SegmentRef,
    uri: &str,
) -> Result<(Index, u32), SegmentError> {
    let corrupt = |what: &str| SegmentError::Corrupt { uri: uri.to_owned(), what: what.to_owned() };
    let fetch = |range| async move {
        store.get_range(&segment.key, range).await.map_err(|error| store_error(error, uri))
    };
    let size = segment.size;
    if size < (HEADER_BYTES + TRAILER_BYTES) as u64 {
        return Err(corrupt("it is too short"));
    }
    let tail = fetch(size.saturating_sub(TAIL_BYTES)..size).await?;
    let trailer = Trailer::read(&tail).ok_or_else(|| corrupt("it has no trailer"))?;
    if !VERSIONS.contains(&trailer.version) {
        return Err(SegmentError::FormatVersion { uri: uri.to_owned(), found: trailer.version });
    }
    let end = size - TRAILER_BYTES as u64;
    let start = end
        .checked_sub(u64::from(trailer.index_bytes))
        .filter(|start| *start >= HEADER_BYTES as u64)
        .ok_or_else(|| corrupt("its trailer does not fit its size"))?;
    let tail_end = tail.len() - TRAILER_BYTES;
    let bytes = match tail_end.checked_sub(trailer.index_bytes as usize) {
        Some(at) => tail.slice(at..tail_end),
        None => fetch(start..end).await?,
    };
    if crc32fast::hash(&bytes) != trailer.index_crc32 {
        return Err(corrupt("the checksum of its index does not match"));
    }
    let index = Index::read(&bytes, start).map_err(|what| corrupt(&what))?;
    Ok((index, trailer.version))
}

/// Joins neighbours into reads of up to [`READ_BYTES`].
fn runs(entries: &[Entry]) -> Vec<Vec<Entry>> {
    let mut runs: Vec<Vec<Entry>> = Vec::new();
    for entry in entries {
        let end = entry.offset + u64::from(entry.stored_bytes);
        match runs.last_mut() {
            Some(run) if span(run).end == entry.offset && end - run[0].offset <= READ_BYTES => {
                run.push(*entry);
            }
            _ => runs.push(vec![*entry]),
        }
    }
    runs
}

/// The bytes of neighbouring blocks.
fn span(run: &[Entry]) -> Range<u64> {
    let last = run[run.len() - 1];
    run[0].offset..last.offset + u64::from(last.stored_bytes)
}

fn emit(
    entry: &Entry,
    block: Block,
    range: KeyGroupRange,
    visit: &mut dyn FnMut(StateRows) -> sabot_core::Result<()>,
) -> sabot_core::Result<()> {
    let Block { mut groups, mut keys, mut values } = block;
    if !(range.contains(entry.first) && range.contains(entry.last)) {
        let mask: BooleanArray = groups.iter().map(|group| Some(range.contains(*group))).collect();
        let only = |column: &BinaryArray| -> sabot_core::Result<BinaryArray> {
            Ok(filter(column, &mask)?.as_binary::<i32>().clone())
        };
        (keys, values) = (only(&keys)?, only(&values)?);
        groups.retain(|group| range.contains(*group));
    }
    for start in (0..groups.len()).step_by(BATCH_ROWS) {
        let rows = BATCH_ROWS.min(groups.len() - start);
        visit(StateRows {
            namespace: entry.namespace,
            groups: groups[start..start + rows].to_vec(),
            keys: keys.slice(start, rows),
            values: values.slice(start, rows),
        })?;
    }
    Ok(())
}

fn store_error(error: StoreError, uri: &str) -> SegmentError {
    match error {
        StoreError::NotFound { .. } => SegmentError::Missing { uri: uri.to_owned() },
        source => SegmentError::Store { action: "reading", uri: uri.to_owned(), source },
    }
}
