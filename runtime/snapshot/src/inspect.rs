//! Shows what is in a checkpoint or savepoint: a summary, and the rows as columns.

mod decode;

use std::collections::BTreeMap;
use std::io::Write;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use arrow::json::WriterBuilder;
use arrow::json::writer::LineDelimited;
use sabot_core::SplitState;
use sabot_core::state::{StateField, StateSpec};
use sabot_types::{Attempt, Epoch, EventTime, JobUid, OperatorUid};
use serde::Serialize;

use crate::chain::{self, Chain};
use crate::manifest::ManifestKind;
use crate::restore::{LoadedManifest, RestoreError};
use crate::segment::StateSize;

use decode::Decoder;

/// A summary, made to be printed or written as JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Inspection {
    /// Where it lies.
    pub location: String,
    /// Who owns it.
    pub kind: ManifestKind,
    /// The job that wrote it.
    pub job_uid: JobUid,
    /// The attempt that wrote it.
    pub attempt: Attempt,
    /// Its epoch.
    pub epoch: Epoch,
    /// When it was assembled, milliseconds since the Unix epoch.
    pub created_at_ms: i64,
    /// The version of Sabot that wrote it.
    pub sabot_version: String,
    /// The job's key groups.
    pub key_groups: u32,
    /// How many slots wrote it.
    pub parallelism: u32,
    /// Whether the input had ended.
    pub finished: bool,
    /// Output that was not yet confirmed as committed.
    pub committables: usize,
    /// Bytes of all segments.
    pub size_bytes: u64,
    /// The operators with state.
    pub operators: Vec<OperatorInspection>,
}

/// What an operator has.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OperatorInspection {
    /// Its stable name.
    pub uid: OperatorUid,
    /// Its watermark.
    pub watermark: Option<EventTime>,
    /// How far its splits have been read.
    pub splits: Vec<SplitState>,
    /// Its keyed states.
    pub states: Vec<StateInspection>,
}

/// What a keyed state has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StateInspection {
    /// Its name within the operator.
    pub name: String,
    /// What its namespaces mean.
    pub namespace: String,
    /// The key's columns.
    pub key: Vec<StateField>,
    /// The value's columns.
    pub value: Vec<StateField>,
    /// Rows as stored: one that changed counts once for each of a slot's segments that has it.
    pub rows: u64,
    /// Bytes before compression.
    pub bytes: u64,
    /// Bytes as stored.
    pub stored_bytes: u64,
}

/// Why rows were not shown.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// The rows could not be read.
    #[error("the state could not be read")]
    Restore(#[from] RestoreError),
    /// A row does not have the columns that its state describes.
    #[error("rows of state {state:?} of operator {operator} do not fit their description: {what}")]
    Decode {
        /// The operator.
        operator: OperatorUid,
        /// The state.
        state: String,
        /// What does not fit.
        what: String,
    },
    /// What was read could not be written.
    #[error("writing the rows failed")]
    Write(#[from] ArrowError),
}

/// Summarises a checkpoint or savepoint. Reads the segments' indexes, not the rows.
pub async fn inspect(loaded: &LoadedManifest) -> Result<Inspection, RestoreError> {
    let sizes = state_sizes(loaded).await?;
    let manifest = &loaded.manifest;
    let states = |specs: &[StateSpec]| {
        specs
            .iter()
            .map(|spec| {
                let at = (spec.operator.clone(), spec.name.clone());
                let size = sizes.get(&at).copied().unwrap_or_default();
                StateInspection {
                    name: spec.name.clone(),
                    namespace: spec.namespace.clone(),
                    key: spec.key.clone(),
                    value: spec.value.clone(),
                    rows: size.rows,
                    bytes: size.raw_bytes,
                    stored_bytes: size.stored_bytes,
                }
            })
            .collect()
    };
    Ok(Inspection {
        location: loaded.root.root().to_owned(),
        kind: manifest.kind,
        job_uid: manifest.job_uid.clone(),
        attempt: manifest.attempt,
        epoch: manifest.epoch,
        created_at_ms: manifest.created_at_ms,
        sabot_version: manifest.sabot_version.clone(),
        key_groups: manifest.key_groups.get(),
        parallelism: manifest.parallelism,
        finished: manifest.finished,
        committables: manifest.committables.len(),
        size_bytes: manifest.size_bytes(),
        operators: manifest
            .operators
            .iter()
            .map(|(uid, operator)| OperatorInspection {
                uid: uid.clone(),
                watermark: operator.watermark,
                splits: operator.splits.clone(),
                states: states(&operator.states),
            })
            .collect(),
    })
}

/// Visits all rows of the states that `wanted` picks, decoded: columns `operator`, `state`,
/// `namespace`, `keyGroup`, then `key.<name>` and `value.<name>` for each column of key and value.
/// A batch holds rows of one state.
pub async fn dump(
    loaded: &LoadedManifest,
    wanted: impl Fn(&StateSpec) -> bool + Send + Sync,
    mut visit: impl FnMut(RecordBatch) -> Result<(), ArrowError> + Send,
) -> Result<(), InspectError> {
    let mut decoder = Decoder::default();
    let mut failure = None;
    let range = loaded.manifest.key_groups.full_range();
    for segments in chain::by_slot(&loaded.manifest) {
        let chain = Chain::open(&loaded.root, &segments).await.map_err(RestoreError::from)?;
        let result = chain
            .read_merged(range, &wanted, &mut |spec, rows| {
                let result = decoder.batch(spec, &rows).and_then(|batch| Ok(visit(batch)?));
                result.map_err(|error| {
                    failure = Some(error);
                    sabot_core::Error::user("the dump was stopped")
                })
            })
            .await;
        if let Some(failure) = failure.take() {
            return Err(failure);
        }
        result?;
    }
    Ok(())
}

/// Writes a batch as JSON lines, NULLs included.
pub fn write_json_lines(batch: &RecordBatch, out: &mut impl Write) -> Result<(), ArrowError> {
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(out);
    writer.write(batch)?;
    writer.finish()
}

async fn state_sizes(
    loaded: &LoadedManifest,
) -> Result<BTreeMap<(OperatorUid, String), StateSize>, RestoreError> {
    let mut sizes = BTreeMap::<_, StateSize>::new();
    for segments in chain::by_slot(&loaded.manifest) {
        for (spec, size) in Chain::open(&loaded.root, &segments).await?.sizes() {
            let sum = sizes.entry((spec.operator.clone(), spec.name.clone())).or_default();
            sum.rows += size.rows;
            sum.raw_bytes += size.raw_bytes;
            sum.stored_bytes += size.stored_bytes;
        }
    }
    Ok(sizes)
}

#[cfg(test)]
mod tests;
