//! The world as planning sees it: a product of finite enums, so that a test can enumerate it.

/// The focus is the set that the operation's step is about: the old one until it is stopped, the
/// new one from then on, the current one without operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Observed {
    /// The focus' objects.
    pub set: SetSeen,
    /// Whether the focus' StatefulSet has or wants pods.
    pub has_pods: bool,
    /// The focus' pods.
    pub pods: PodsSeen,
    /// What the focus' coordinator says.
    pub api: ApiSeen,
    /// The operation's savepoint; asked for in the step that takes it only.
    pub savepoint: SavepointSeen,
    /// The operation's Job; looked at in the steps that have one only.
    pub task: TaskSeen,
    /// How long the step has taken.
    pub clock: Clock,
    /// Whether pods are stuck on an unreachable node.
    pub lost_pods: bool,
    /// Whether there are objects of sets or tasks that nothing needs.
    pub leftovers: bool,
}

/// A set's objects: ConfigMap, Service, StatefulSet, pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SetSeen {
    /// None of them but perhaps a ConfigMap.
    Absent,
    /// Some of them.
    Partial,
    /// All of them.
    Complete,
    /// No StatefulSet, or one that is being deleted, and pods that are going.
    Terminating,
}

/// A set's pods, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PodsSeen {
    /// An image cannot be pulled.
    ImageFailure,
    /// A container exited because of what is configured.
    ConfigurationError,
    /// A container exits again and again.
    CrashLoop,
    /// Not all of them are there and ready.
    Starting,
    /// All are ready.
    Ready,
}

/// What a coordinator says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ApiSeen {
    /// Nothing.
    Unreachable,
    /// It reads the job's record.
    Starting,
    /// It waits to be told to take over.
    Standby,
    /// It owns the job, and workers register or restore.
    Restoring,
    /// It processes.
    Running,
    /// It processes and has completed a checkpoint since (or takes none).
    Proven,
    /// This operation parked it.
    ParkedByUs,
    /// Another operation parked it.
    ParkedByOther,
    /// The input has ended.
    Finished,
    /// It cannot go on.
    Failed,
}

/// How an operation's savepoint fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SavepointSeen {
    /// Nobody answers.
    Unknown,
    /// It was not asked for.
    NotAsked,
    /// It is being written.
    InProgress,
    /// It is durable.
    Completed,
    /// It was given up.
    Failed,
}

/// How a Job fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TaskSeen {
    /// It was not made.
    Absent,
    /// It runs.
    Running,
    /// It says yes.
    Succeeded,
    /// It says no.
    Refused,
    /// It ended without saying anything.
    Broken,
}

/// How long a step has taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Clock {
    /// Not even the probation is over.
    Early,
    /// The probation would be over.
    ProbationOver,
    /// The step's deadline has passed.
    DeadlinePassed,
}
