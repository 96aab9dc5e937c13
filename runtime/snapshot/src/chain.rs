//! A slot's segments in a manifest: those of the first epoch hold all its rows, those of each
//! later one what changed since the one before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array, BinaryArray};
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use sabot_core::state::{Namespace, StateRows, StateSpec};
use sabot_core::store::ObjectStore;
use sabot_types::{KeyGroup, KeyGroupRange, OperatorUid};

use crate::manifest::{Manifest, SegmentRef};
use crate::restore::RestoreError;
use crate::segment::{BATCH_ROWS, SegmentError, SegmentReader, StateSize};

/// Indexes that are read at a time.
const OPENED: usize = 16;

/// The segments of one slot, in the order in which they were written.
pub(crate) struct Chain {
    links: Vec<Link>,
}

struct Link {
    reader: SegmentReader,
    /// What later segments say is gone.
    gone: Dropped,
}

/// Namespaces by state.
type Dropped = BTreeMap<(OperatorUid, String), BTreeSet<Namespace>>;

/// The rows of one state by (namespace, key group, key).
type Rows = BTreeMap<(Namespace, KeyGroup, Vec<u8>), Vec<u8>>;

/// The segments of each slot, in the order in which they were written.
pub(crate) fn by_slot(manifest: &Manifest) -> Vec<Vec<&SegmentRef>> {
    let mut slots = BTreeMap::<u32, Vec<&SegmentRef>>::new();
    for segment in &manifest.segments {
        slots.entry(segment.slot).or_default().push(segment);
    }
    for segments in slots.values_mut() {
        segments.sort_by_key(|segment| (segment.epoch, segment.part));
    }
    slots.into_values().collect()
}

impl Chain {
    /// Reads the indexes of a slot's segments.
    pub(crate) async fn open(
        root: &Arc<dyn ObjectStore>,
        segments: &[&SegmentRef],
    ) -> Result<Self, SegmentError> {
        // Boxed one by one: the compiler cannot tell that a lazily made future is Send.
        let opening: Vec<_> = segments
            .iter()
            .map(|segment| SegmentReader::open(Arc::clone(root), segment).boxed())
            .collect();
        let mut readers: Vec<_> = stream::iter(opening).buffered(OPENED).try_collect().await?;
        let mut links = Vec::new();
        let mut gone = Dropped::new();
        for of_epoch in segments.chunk_by(|a, b| a.epoch == b.epoch).rev() {
            let later = gone.clone();
            for reader in readers.split_off(readers.len() - of_epoch.len()).into_iter().rev() {
                for (spec, namespace) in reader.dropped() {
                    let state = gone.entry((spec.operator.clone(), spec.name.clone())).or_default();
                    state.insert(namespace);
                }
                links.push(Link { reader, gone: later.clone() });
            }
        }
        links.reverse();
        Ok(Self { links })
    }

    /// Visits the rows whose key groups lie in `range`, segment by segment: a later row of the
    /// same key wins, one with a null value is gone.
    pub(crate) async fn read(
        &self,
        range: KeyGroupRange,
        visit: &mut (dyn FnMut(&StateSpec, StateRows) -> sabot_core::Result<()> + Send),
    ) -> Result<(), RestoreError> {
        for link in &self.links {
            link.reader.read(range, |spec, namespace| link.has(spec, namespace), visit).await?;
        }
        Ok(())
    }

    /// Visits each row of the states that `wanted` picks once, as it was left. Holds the rows of a
    /// part of the key groups at a time where there is more than one segment.
    pub(crate) async fn read_merged(
        &self,
        range: KeyGroupRange,
        wanted: &(dyn Fn(&StateSpec) -> bool + Sync),
        visit: &mut (dyn FnMut(&StateSpec, StateRows) -> sabot_core::Result<()> + Send),
    ) -> Result<(), RestoreError> {
        if let [only] = self.links.as_slice() {
            return only.reader.read(range, |spec, _| wanted(spec), visit).await;
        }
        for part in self.parts(range) {
            let mut merged = Vec::<(StateSpec, Rows)>::new();
            for link in &self.links {
                let picks = |spec: &StateSpec, namespace| wanted(spec) && link.has(spec, namespace);
                link.reader
                    .read(part, picks, &mut |spec, rows| {
                        merge(&mut merged, spec, &rows);
                        Ok(())
                    })
                    .await?;
            }
            for (spec, rows) in &merged {
                emit(spec, rows, visit).map_err(|source| RestoreError::Visit {
                    uri: self.links.last().map_or("", |link| link.reader.uri()).to_owned(),
                    source,
                })?;
            }
        }
        Ok(())
    }

    /// How much of each state is stored. A row that changed counts once for each segment that has
    /// it.
    pub(crate) fn sizes(&self) -> Vec<(&StateSpec, StateSize)> {
        let of = |link: &'_ Link| link.reader.sizes(|spec, namespace| link.has(spec, namespace));
        self.links.iter().flat_map(|link| link.reader.states().iter().zip(of(link))).collect()
    }

    /// Parts of `range` of which the rows of each may be held in memory.
    fn parts(&self, range: KeyGroupRange) -> Vec<KeyGroupRange> {
        const PART_BYTES: u64 = 64 << 20;
        let bytes: u64 = self.sizes().iter().map(|(_, size)| size.raw_bytes).sum();
        let groups = u64::from(range.end() - range.start());
        let step = groups.div_ceil(bytes / PART_BYTES + 1).max(1) as u16;
        (range.start()..range.end())
            .step_by(step.into())
            .map(|start| KeyGroupRange::new(start, range.end().min(start.saturating_add(step))))
            .collect()
    }
}

impl Link {
    /// Whether no later segment says that the namespace was dropped.
    fn has(&self, spec: &StateSpec, namespace: Namespace) -> bool {
        if self.gone.is_empty() {
            return true;
        }
        let gone = self.gone.get(&(spec.operator.clone(), spec.name.clone()));
        gone.is_none_or(|gone| !gone.contains(&namespace))
    }
}

fn merge(merged: &mut Vec<(StateSpec, Rows)>, spec: &StateSpec, rows: &StateRows) {
    let at = merged.iter().position(|(known, _)| known == spec).unwrap_or_else(|| {
        merged.push((spec.clone(), Rows::new()));
        merged.len() - 1
    });
    let state = &mut merged[at].1;
    for (row, group) in rows.groups.iter().enumerate() {
        let place = (rows.namespace, *group, rows.keys.value(row).to_vec());
        if rows.values.is_null(row) {
            state.remove(&place);
        } else {
            state.insert(place, rows.values.value(row).to_vec());
        }
    }
}

fn emit(
    spec: &StateSpec,
    rows: &Rows,
    visit: &mut dyn FnMut(&StateSpec, StateRows) -> sabot_core::Result<()>,
) -> sabot_core::Result<()> {
    let rows: Vec<_> = rows.iter().collect();
    for rows in rows.chunk_by(|a, b| a.0.0 == b.0.0).flat_map(|rows| rows.chunks(BATCH_ROWS)) {
        visit(
            spec,
            StateRows {
                namespace: rows[0].0.0,
                groups: rows.iter().map(|(place, _)| place.1).collect(),
                keys: BinaryArray::from_iter_values(rows.iter().map(|(place, _)| &place.2)),
                values: BinaryArray::from_iter_values(rows.iter().map(|(_, value)| value)),
            },
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
