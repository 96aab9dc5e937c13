//! Makes one manifest of what the slots report; pure.

use std::collections::{BTreeMap, BTreeSet};

use sabot_core::Committable;
use sabot_core::state::StateSpec;
use sabot_types::{Attempt, Epoch, JobUid, KeyGroupCount, OperatorUid, key_hash};
use serde::{Deserialize, Serialize};

use super::{FORMAT_VERSION, Manifest, ManifestKind, OperatorState, SegmentRef};

/// What a manifest says besides the slots' reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestHeader {
    /// The job.
    pub job_uid: JobUid,
    /// The attempt that writes.
    pub attempt: Attempt,
    /// The checkpoint's number.
    pub epoch: Epoch,
    /// Now, milliseconds since the Unix epoch.
    pub created_at_ms: i64,
    /// The job's key groups.
    pub key_groups: KeyGroupCount,
    /// How many slots the job has; each reports once.
    pub parallelism: u32,
}

/// What one slot contributes to a checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SlotSnapshot {
    /// The slot, below the job's parallelism.
    pub slot: u32,
    /// Its subtasks' states.
    pub operators: BTreeMap<OperatorUid, OperatorState>,
    /// Its keyed rows: a segment with all of them, then those with what changed, in order.
    pub segments: Vec<SegmentRef>,
    /// What its sinks prepared.
    pub committables: Vec<Committable>,
    /// Whether its input has ended.
    pub finished: bool,
}

/// The slots' reports do not make one checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssembleError {
    /// A slot is missing, reported twice or does not exist.
    #[error("slots {reported:?} reported epoch {epoch}, expected each of 0..{parallelism} once")]
    Slots {
        /// The epoch.
        epoch: Epoch,
        /// Who reported.
        reported: Vec<u32>,
        /// How many should have.
        parallelism: u32,
    },
    /// Two subtasks read the same split.
    #[error("split {split:?} of operator {operator} was reported by two subtasks")]
    SplitTwice {
        /// The source.
        operator: OperatorUid,
        /// The split.
        split: String,
    },
    /// Two subtasks describe a state differently.
    #[error("state {state:?} of operator {operator} is described differently by two subtasks")]
    StateDiffers {
        /// The operator.
        operator: OperatorUid,
        /// The state.
        state: String,
    },
}

/// Makes the manifest of a checkpoint.
///
/// An operator's watermark is the minimum over the slots that have the operator (none where one
/// of them has none), splits come together sorted by name, the states' descriptions are merged.
/// `carried` are the earlier epochs' committables that are not yet confirmed; the new ones follow.
/// The input has ended when it has in every slot.
pub fn assemble(
    header: ManifestHeader,
    mut slots: Vec<SlotSnapshot>,
    carried: Vec<Committable>,
) -> Result<Manifest, AssembleError> {
    slots.sort_by_key(|slot| slot.slot);
    if !slots.iter().map(|slot| slot.slot).eq(0..header.parallelism) {
        return Err(AssembleError::Slots {
            epoch: header.epoch,
            reported: slots.iter().map(|slot| slot.slot).collect(),
            parallelism: header.parallelism,
        });
    }
    let finished = slots.iter().all(|slot| slot.finished);
    let mut operators = BTreeMap::new();
    let mut segments = Vec::new();
    let mut committables = carried;
    for slot in slots {
        for (uid, state) in slot.operators {
            merge(&mut operators, uid, state)?;
        }
        segments.extend(slot.segments);
        committables.extend(slot.committables);
    }
    for (uid, operator) in &mut operators {
        sort_splits(uid, operator)?;
    }
    Ok(Manifest {
        format_version: FORMAT_VERSION,
        job_uid: header.job_uid,
        attempt: header.attempt,
        epoch: header.epoch,
        created_at_ms: header.created_at_ms,
        kind: ManifestKind::Checkpoint,
        key_groups: header.key_groups,
        hash_version: key_hash::VERSION,
        parallelism: header.parallelism,
        sabot_version: env!("CARGO_PKG_VERSION").to_owned(),
        operators,
        segments,
        committables,
        finished,
    })
}

fn merge(
    operators: &mut BTreeMap<OperatorUid, OperatorState>,
    uid: OperatorUid,
    state: OperatorState,
) -> Result<(), AssembleError> {
    let Some(merged) = operators.get_mut(&uid) else {
        operators.insert(uid, state);
        return Ok(());
    };
    // `None` is below every time: one subtask that knows no watermark leaves none.
    merged.watermark = merged.watermark.min(state.watermark);
    merged.splits.extend(state.splits);
    for spec in state.states {
        merge_spec(&mut merged.states, spec)?;
    }
    Ok(())
}

fn merge_spec(states: &mut Vec<StateSpec>, spec: StateSpec) -> Result<(), AssembleError> {
    match states.iter().find(|known| known.operator == spec.operator && known.name == spec.name) {
        None => states.push(spec),
        Some(known) if *known == spec => {}
        Some(_) => {
            return Err(AssembleError::StateDiffers { operator: spec.operator, state: spec.name });
        }
    }
    Ok(())
}

fn sort_splits(uid: &OperatorUid, operator: &mut OperatorState) -> Result<(), AssembleError> {
    operator.splits.sort_by(|a, b| a.split.cmp(&b.split));
    let mut seen = BTreeSet::new();
    match operator.splits.iter().find(|split| !seen.insert(&split.split)) {
        None => Ok(()),
        Some(twice) => {
            Err(AssembleError::SplitTwice { operator: uid.clone(), split: twice.split.clone() })
        }
    }
}
