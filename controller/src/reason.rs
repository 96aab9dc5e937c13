//! Why something is so, or is done: the one list that conditions, events and records draw from.

use std::fmt;

use sabot_crds::{OperationStep, OperationType};

/// Why something is so, or is done. Conditions and events carry the variant's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The first set is being made.
    Deploying,
    /// Another revision is taking over.
    Upgrading,
    /// The parallelism is changing.
    Rescaling,
    /// A savepoint is taken, then the pods go.
    Suspending,
    /// The pods come back.
    Resuming,
    /// The job is put back to another state.
    Restoring,
    /// The job is being deleted.
    Deleting,
    /// The last good version comes back.
    RollingBack,
    /// The job runs as asked.
    Running,
    /// The job has no pods, as asked.
    Suspended,
    /// The input has ended and everything is committed.
    Finished,
    /// The job should run and does not at the moment.
    Recovering,
    /// Nothing is being done.
    Idle,
    /// `spec.paused` holds changes back.
    Paused,
    /// The spec is valid.
    Valid,
    /// A field of the spec is not right.
    InvalidSpec,
    /// The ConfigMap with the program, or its key, is not there.
    ProgramNotFound,
    /// The new version cannot go on from the live state.
    PreflightRefused,
    /// The check of the new version could not be made.
    PreflightFailed,
    /// The check of the new version took too long.
    PreflightTimedOut,
    /// The savepoint failed.
    SavepointFailed,
    /// The savepoint took too long, or the job did not answer.
    SavepointTimedOut,
    /// The image cannot be pulled.
    ImagePullFailed,
    /// The pods exit because of what is configured; a restart cannot help.
    ConfigurationError,
    /// The pods exit again and again.
    CrashLoop,
    /// The new set must not take over.
    ClaimRefused,
    /// The job says that it cannot go on.
    JobFailed,
    /// It did not come up in time.
    ProgressDeadlineExceeded,
    /// The operation did what was asked.
    Succeeded,
    /// The spec changed before the operation was done.
    Superseded,
    /// The last good version is back.
    RolledBack,
    /// Output that the failed version had committed may repeat.
    OutputMayRepeat,
    /// This version failed before; it waits for the spec to change.
    VersionFailed,
    /// A finished job cannot be changed.
    JobFinished,
    /// A node is gone; its pods are deleted by force.
    NodeLost,
    /// What is missing of the running set is made again.
    ObjectsMissing,
    /// The job was parked and is told to run on.
    Unparked,
    /// A savepoint is durable.
    SavepointCompleted,
    /// Objects in the store could not be removed.
    CleanupIncomplete,
    /// Checkpoints complete.
    CheckpointsCompleting,
    /// The last checkpoints failed.
    CheckpointsFailing,
    /// Checkpoints are switched off.
    CheckpointsDisabled,
    /// No checkpoint was seen yet.
    NoCheckpointYet,
    /// The condition does not hold.
    NotApplicable,
    /// The next step of an operation.
    StepDone,
    /// The controller's mark that keeps the object until its state is cleaned up.
    FinalizerMissing,
    /// What a past operation left over.
    Leftovers,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 47] = [
        Self::Deploying,
        Self::Upgrading,
        Self::Rescaling,
        Self::Suspending,
        Self::Resuming,
        Self::Restoring,
        Self::Deleting,
        Self::RollingBack,
        Self::Running,
        Self::Suspended,
        Self::Finished,
        Self::Recovering,
        Self::Idle,
        Self::Paused,
        Self::Valid,
        Self::InvalidSpec,
        Self::ProgramNotFound,
        Self::PreflightRefused,
        Self::PreflightFailed,
        Self::PreflightTimedOut,
        Self::SavepointFailed,
        Self::SavepointTimedOut,
        Self::ImagePullFailed,
        Self::ConfigurationError,
        Self::CrashLoop,
        Self::ClaimRefused,
        Self::JobFailed,
        Self::ProgressDeadlineExceeded,
        Self::Succeeded,
        Self::Superseded,
        Self::RolledBack,
        Self::OutputMayRepeat,
        Self::VersionFailed,
        Self::JobFinished,
        Self::NodeLost,
        Self::ObjectsMissing,
        Self::Unparked,
        Self::SavepointCompleted,
        Self::CleanupIncomplete,
        Self::CheckpointsCompleting,
        Self::CheckpointsFailing,
        Self::CheckpointsDisabled,
        Self::NoCheckpointYet,
        Self::NotApplicable,
        Self::StepDone,
        Self::FinalizerMissing,
        Self::Leftovers,
    ];

    /// The reason of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }

    /// The reason that an operation of this kind is in progress.
    pub fn of(kind: OperationType) -> Self {
        match kind {
            OperationType::Deploy => Self::Deploying,
            OperationType::Upgrade => Self::Upgrading,
            OperationType::Rescale => Self::Rescaling,
            OperationType::Suspend => Self::Suspending,
            OperationType::Resume => Self::Resuming,
            OperationType::Restore => Self::Restoring,
            OperationType::Delete => Self::Deleting,
        }
    }

    /// The name that conditions and events carry.
    pub fn name(self) -> String {
        format!("{self:?}")
    }

    /// A sentence for people, where nothing more is known.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Deploying => "the first pods are coming up",
            Self::Upgrading => "another revision is taking over",
            Self::Rescaling => "the parallelism is changing",
            Self::Suspending => "a savepoint is taken, then the pods go",
            Self::Resuming => "the pods are coming back",
            Self::Restoring => "the job is being put back to another state",
            Self::Deleting => "the job is being deleted",
            Self::RollingBack => "the last good version is coming back",
            Self::Running => "the job processes",
            Self::Suspended => "the job has no pods; its state is kept",
            Self::Finished => "the input has ended and everything is committed",
            Self::Recovering => "the job does not process at the moment",
            Self::Idle => "no operation is in progress",
            Self::Paused => "spec.paused holds changes back",
            Self::Valid => "the spec is valid",
            Self::InvalidSpec => "the spec is not valid",
            Self::ProgramNotFound => "the program's text was not found",
            Self::PreflightRefused => "the new version cannot go on from the live state",
            Self::PreflightFailed => "the check of the new version could not be made",
            Self::PreflightTimedOut => "the check of the new version took too long",
            Self::SavepointFailed => "the savepoint failed; the job runs on unchanged",
            Self::SavepointTimedOut => {
                "the savepoint took too long or the job did not answer; nothing was changed. To go \
                 on from the latest checkpoint, set upgrade.onSavepointFailure to UseCheckpoint"
            }
            Self::ImagePullFailed => "the image cannot be pulled",
            Self::ConfigurationError => "the pods exit because of what is configured",
            Self::CrashLoop => "the pods exit again and again",
            Self::ClaimRefused => "the new set was not allowed to take over",
            Self::JobFailed => "the job cannot go on",
            Self::ProgressDeadlineExceeded => "the pods did not come up in time",
            Self::Succeeded => "done as asked",
            Self::Superseded => "the spec changed before the operation was done",
            Self::RolledBack => "the last good version is back, with the state from before",
            Self::OutputMayRepeat => {
                "output that the failed version had committed may be written once more"
            }
            Self::VersionFailed => "this version failed; change the spec to try another",
            Self::JobFinished => {
                "the job has finished; to run it again, set restore or create it under a new name"
            }
            Self::NodeLost => "a node is unreachable; its pods are deleted by force",
            Self::ObjectsMissing => "what is missing of the running set is made again",
            Self::Unparked => "the job was parked and is told to run on",
            Self::SavepointCompleted => "the savepoint is durable",
            Self::CleanupIncomplete => "objects in the store could not be removed",
            Self::CheckpointsCompleting => "checkpoints complete",
            Self::CheckpointsFailing => "the last checkpoints failed",
            Self::CheckpointsDisabled => "checkpoints are switched off",
            Self::NoCheckpointYet => "no checkpoint was seen yet",
            Self::NotApplicable => "does not hold",
            Self::StepDone => "the next step of the operation",
            Self::FinalizerMissing => "the object is kept until its state is cleaned up",
            Self::Leftovers => "what a past operation left over is removed",
        }
    }

    /// Whether an event about it is a warning.
    pub fn is_warning(self) -> bool {
        matches!(
            self,
            Self::InvalidSpec
                | Self::ProgramNotFound
                | Self::PreflightRefused
                | Self::PreflightFailed
                | Self::PreflightTimedOut
                | Self::SavepointFailed
                | Self::SavepointTimedOut
                | Self::ImagePullFailed
                | Self::ConfigurationError
                | Self::CrashLoop
                | Self::ClaimRefused
                | Self::JobFailed
                | Self::ProgressDeadlineExceeded
                | Self::RolledBack
                | Self::RollingBack
                | Self::OutputMayRepeat
                | Self::JobFinished
                | Self::NodeLost
                | Self::CleanupIncomplete
                | Self::CheckpointsFailing
        )
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What an operation is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WaitingOn {
    /// Nothing: everything is as asked.
    Nothing,
    /// The preflight Job.
    PreflightTask,
    /// The clean-up Job.
    CleanupTask,
    /// The savepoint.
    Savepoint,
    /// The coordinator's answer.
    Coordinator,
    /// Pods of an old set that are going.
    PodsGone,
    /// Pods of a set that is being removed before it can be made again.
    SetGone,
    /// Workers that register and restore.
    Restore,
    /// A first checkpoint, and the end of the probation.
    Probation,
    /// A person, or a change of the spec.
    Person,
    /// The job to come back by itself.
    Recovery,
}

impl WaitingOn {
    /// A fragment for people.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::PreflightTask => "the check of the new version",
            Self::CleanupTask => "the removal of the job's objects from the store",
            Self::Savepoint => "the savepoint",
            Self::Coordinator => "pod 0 to answer",
            Self::PodsGone => "the old pods to go",
            Self::SetGone => "the old set to go",
            Self::Restore => "the workers to restore",
            Self::Probation => "a checkpoint and the end of the probation",
            Self::Person => "a change of the spec",
            Self::Recovery => "the job to come back",
        }
    }
}

/// A step's name as events and effects carry it.
pub fn step_name(step: OperationStep) -> &'static str {
    match step {
        OperationStep::Preflight => "preflight",
        OperationStep::Quiesce => "quiesce",
        OperationStep::Unpark => "unpark",
        OperationStep::Stop => "stop",
        OperationStep::Provision => "provision",
        OperationStep::Activate => "activate",
        OperationStep::Start => "start",
        OperationStep::Probation => "probation",
        OperationStep::RollbackStop => "rollback-stop",
        OperationStep::RollbackProvision => "rollback-provision",
        OperationStep::RollbackActivate => "rollback-activate",
        OperationStep::RollbackStart => "rollback-start",
        OperationStep::Cleanup => "cleanup",
        OperationStep::Finish => "finish",
    }
}
