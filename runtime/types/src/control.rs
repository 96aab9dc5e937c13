//! The attempt rules: every legal change of a job's `control.json`, as pure functions.
//!
//! The record is one object, changed only by compare-and-set, and `seq` grows with each write.
//! So taking over, publishing, parking, resuming, activating and finishing are totally ordered:
//! each function here takes the record as read and gives the record to write, or says why not.
//! Reading, writing and telling one's own lost reply from a rival's write is the caller's part.

use serde::{Deserialize, Serialize};

use crate::{Attempt, Epoch, JobUid, OperationId, SetNumber};

/// What the job is doing, as far as the record tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "camelCase")]
pub enum Phase {
    /// The named attempt owns the job.
    Running,
    /// Stopped with a last checkpoint by `operation`; a resume or an activation goes on.
    Parked {
        /// Who parked it.
        operation: OperationId,
        /// After how many seconds the set that is parked resumes by itself; 0: never.
        lease_seconds: u32,
    },
    /// The input has ended and everything is committed.
    Finished,
}

/// Names a manifest that a job can be restored from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum ManifestRef {
    /// `chk/<attempt>/<epoch>/manifest` of this job.
    Checkpoint {
        /// The attempt that wrote it.
        attempt: Attempt,
        /// Its epoch.
        epoch: Epoch,
    },
    /// `<location>/manifest`, self-contained; `location` is a URI, or relative to the job's root.
    Savepoint {
        /// The savepoint's folder.
        location: String,
        /// The epoch at which it was taken.
        epoch: Epoch,
    },
}

impl ManifestRef {
    /// The epoch that the manifest describes.
    pub fn epoch(&self) -> Epoch {
        match self {
            Self::Checkpoint { epoch, .. } | Self::Savepoint { epoch, .. } => *epoch,
        }
    }
}

/// The content of `control.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ControlRecord {
    /// The job that the prefix belongs to.
    pub job_uid: JobUid,
    /// Grows with every write, so that no content ever repeats.
    pub seq: u64,
    /// The set that runs, or ran last.
    pub set: SetNumber,
    /// The attempt that runs, or ran last.
    pub attempt: Attempt,
    /// What the job is doing.
    pub phase: Phase,
    /// The checkpoint that a new attempt restores; none before the first.
    pub latest: Option<ManifestRef>,
    /// The highest epoch that was ever published, also when `latest` went back (a rollback).
    pub epoch_high: Epoch,
}

/// Who wants to own the job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The job that the coordinator was started for.
    pub job_uid: JobUid,
    /// The set that the coordinator belongs to.
    pub set: SetNumber,
}

/// What a coordinator that has just read the record may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// Write this record; the attempt is then ours.
    Claim(ControlRecord),
    /// The job is parked by this operation: wait for resume, or for its lease to end.
    Parked {
        /// Who parked it.
        operation: OperationId,
        /// The lease; 0: none.
        lease_seconds: u32,
    },
    /// The record belongs to an older set: wait for `activate`.
    Standby,
    /// The job is done; run nothing.
    Finished,
    /// A newer set owns the job: exit.
    Superseded(SetNumber),
    /// The prefix belongs to another job: refuse to touch it.
    ForeignJob(JobUid),
}

/// Why an activation was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActivateRefused {
    /// The prefix belongs to another job.
    #[error("the prefix belongs to job {0}")]
    ForeignJob(JobUid),
    /// A newer set owns the job.
    #[error("set {0} owns the job")]
    Superseded(SetNumber),
    /// The old job runs on: it was resumed, or parked by somebody else.
    #[error("the job is not parked by operation {expected}")]
    NotParkedBy {
        /// The operation that should have parked it.
        expected: OperationId,
    },
    /// The job has finished.
    #[error("the job has finished")]
    Finished,
}

/// The writer no longer owns the job: it must stop without touching anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("attempt {writer} no longer owns the job: attempt {owner} of set {set} does")]
pub struct StaleWriter {
    /// The attempt that tried to write.
    pub writer: Attempt,
    /// The attempt that the record names.
    pub owner: Attempt,
    /// The set that the record names.
    pub set: SetNumber,
}

impl ControlRecord {
    /// The first record of a job, to be created only where none exists.
    pub fn first(me: &Identity, restore: Option<ManifestRef>) -> Self {
        Self {
            job_uid: me.job_uid.clone(),
            seq: 1,
            set: me.set,
            attempt: Attempt::new(1),
            phase: Phase::Running,
            epoch_high: restore.as_ref().map_or(Epoch::new(0), ManifestRef::epoch),
            latest: restore,
        }
    }

    /// What a coordinator with this identity may do with the record that it has read.
    pub fn claim(&self, me: &Identity) -> ClaimOutcome {
        if self.job_uid != me.job_uid {
            return ClaimOutcome::ForeignJob(self.job_uid.clone());
        }
        if me.set < self.set {
            return ClaimOutcome::Superseded(self.set);
        }
        if me.set > self.set {
            return ClaimOutcome::Standby;
        }
        match &self.phase {
            Phase::Running => {
                ClaimOutcome::Claim(self.changed(|r| r.attempt = self.attempt.next()))
            }
            Phase::Parked { operation, lease_seconds } => {
                ClaimOutcome::Parked { operation: operation.clone(), lease_seconds: *lease_seconds }
            }
            Phase::Finished => ClaimOutcome::Finished,
        }
    }

    /// The claim of a newer set that was told to take over.
    ///
    /// With `parked_by` the job must be parked by just that operation (an upgrade's claim); without
    /// it a running attempt is fenced off (a rollback, or a set that lost its pods). `restore`
    /// replaces `latest` where it is given.
    pub fn activate(
        &self,
        me: &Identity,
        parked_by: Option<&OperationId>,
        restore: Option<ManifestRef>,
    ) -> Result<Self, ActivateRefused> {
        if self.job_uid != me.job_uid {
            return Err(ActivateRefused::ForeignJob(self.job_uid.clone()));
        }
        if me.set < self.set {
            return Err(ActivateRefused::Superseded(self.set));
        }
        match (&self.phase, parked_by) {
            (Phase::Finished, _) if restore.is_none() => return Err(ActivateRefused::Finished),
            (Phase::Parked { operation, .. }, Some(expected)) if operation == expected => {}
            (_, Some(expected)) => {
                return Err(ActivateRefused::NotParkedBy { expected: expected.clone() });
            }
            (_, None) => {}
        }
        Ok(self.changed(|r| {
            r.set = me.set;
            r.attempt = self.attempt.next();
            r.phase = Phase::Running;
            if let Some(restore) = restore {
                r.epoch_high = r.epoch_high.max(restore.epoch());
                r.latest = Some(restore);
            }
        }))
    }

    /// Makes `epoch` of `attempt` the latest checkpoint.
    pub fn publish(&self, attempt: Attempt, epoch: Epoch) -> Result<Self, StaleWriter> {
        self.owned_by(attempt)?;
        Ok(self.changed(|r| {
            r.latest = Some(ManifestRef::Checkpoint { attempt, epoch });
            r.epoch_high = r.epoch_high.max(epoch);
        }))
    }

    /// Parks the job for `operation`, with a lease in seconds (0: none).
    pub fn park(
        &self,
        attempt: Attempt,
        operation: OperationId,
        lease_seconds: u32,
    ) -> Result<Self, StaleWriter> {
        self.owned_by(attempt)?;
        Ok(self.changed(|r| r.phase = Phase::Parked { operation, lease_seconds }))
    }

    /// The same attempt of the same set goes on after `operation` parked it.
    pub fn resume(&self, attempt: Attempt, operation: &OperationId) -> Result<Self, StaleWriter> {
        match &self.phase {
            Phase::Parked { operation: by, .. } if by == operation && self.attempt == attempt => {
                Ok(self.changed(|r| r.phase = Phase::Running))
            }
            _ => Err(self.stale(attempt)),
        }
    }

    /// The input has ended and everything is committed.
    pub fn finish(&self, attempt: Attempt) -> Result<Self, StaleWriter> {
        self.owned_by(attempt)?;
        Ok(self.changed(|r| r.phase = Phase::Finished))
    }

    /// Whether `attempt` runs the job.
    pub fn owned_by(&self, attempt: Attempt) -> Result<(), StaleWriter> {
        if self.attempt == attempt && self.phase == Phase::Running {
            Ok(())
        } else {
            Err(self.stale(attempt))
        }
    }

    fn stale(&self, writer: Attempt) -> StaleWriter {
        StaleWriter { writer, owner: self.attempt, set: self.set }
    }

    fn changed(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut next = self.clone();
        next.seq += 1;
        change(&mut next);
        next
    }
}

#[cfg(test)]
mod tests;
