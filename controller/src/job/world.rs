//! What is there: a job's objects and its coordinator's answers, and what they mean for planning.
//!
//! Everything is found by labels and asked anew; nothing is remembered between two looks.

use std::collections::BTreeSet;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{ControllerRevision, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, ContainerStatus, Pod, Service};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use kube::core::PartialObjectMeta;
use sabot_api::{JobState, JobView, SavepointView, TaskResult};
use sabot_crds::{Operation, OperationStep, StreamJob};

use super::names::{CONTAINER, set_name, set_of};
use super::seen::{ApiSeen, Clock, Observed, PodsSeen, SavepointSeen, SetSeen, TaskSeen};
use crate::reason::Reason;

/// The exit status of a worker that no restart can help.
const EXIT_CONFIGURATION: i32 = 78;
/// Restarts of a container that make a crash loop.
const CRASH_LOOP_RESTARTS: i32 = 3;
const PREFLIGHT_DEADLINE: Duration = Duration::from_mins(2);
const UNPARK_DEADLINE: Duration = Duration::from_mins(1);
const CLEANUP_DEADLINE: Duration = Duration::from_mins(4);
/// The coordinator's own deadline comes first, so that it says what went wrong.
const SAVEPOINT_GRACE: Duration = Duration::from_secs(10);

/// What is there.
#[derive(Debug, Default)]
pub struct World {
    /// The job's `StatefulSets`.
    pub stateful_sets: Vec<StatefulSet>,
    /// Its Services.
    pub services: Vec<PartialObjectMeta<Service>>,
    /// Its `ConfigMaps`.
    pub config_maps: Vec<PartialObjectMeta<ConfigMap>>,
    /// Its Jobs.
    pub tasks: Vec<Job>,
    /// Its pods, those of Jobs too.
    pub pods: Vec<Pod>,
    /// Its revisions.
    pub revisions: Vec<ControllerRevision>,
    /// Nodes that are gone or do not answer, of those that terminating pods are on.
    pub lost_nodes: BTreeSet<String>,
    /// The set that the operation's step is about.
    pub focus: Option<i64>,
    /// What the focus' coordinator says; the error when it says nothing.
    pub view: Option<Result<JobView, String>>,
    /// How the operation's savepoint fares, in the step that takes it; none was asked for.
    pub savepoint: Option<Result<Option<SavepointView>, String>>,
    /// The name of the operation's Job, in the steps that have one.
    pub task_name: Option<String>,
}

/// The set that the job's next step is about.
pub fn focus(job: &StreamJob) -> Option<i64> {
    let status = job.status.as_ref()?;
    let Some(op) = &status.operation else {
        return status.current.as_ref().map(|set| set.number);
    };
    let set = match op.step {
        OperationStep::Preflight
        | OperationStep::Quiesce
        | OperationStep::Unpark
        | OperationStep::Stop => op.from.as_ref(),
        OperationStep::Provision
        | OperationStep::Activate
        | OperationStep::Start
        | OperationStep::Probation
        | OperationStep::RollbackStop
        | OperationStep::RollbackProvision
        | OperationStep::RollbackActivate
        | OperationStep::RollbackStart => op.to.as_ref(),
        OperationStep::Cleanup | OperationStep::Finish => op.to.as_ref().or(op.from.as_ref()),
    };
    set.map(|set| set.number)
}

impl World {
    /// The world as planning sees it.
    pub fn seen(&self, job: &StreamJob, now: Timestamp) -> Observed {
        let operation = job.status.as_ref().and_then(|status| status.operation.as_ref());
        Observed {
            set: self.focus.map_or(SetSeen::Absent, |set| self.set_seen(set)),
            has_pods: self.focus.is_some_and(|set| self.has_pods(set)),
            pods: self.focus.map_or(PodsSeen::Starting, |set| self.pods_seen(set).0),
            api: self.api_seen(job, operation),
            savepoint: self.savepoint_seen(),
            task: self.task_seen(),
            clock: operation.map_or(Clock::Early, |op| clock(job, op, now)),
            lost_pods: self.lost_pods().next().is_some(),
            leftovers: self.has_leftovers(job),
        }
    }

    /// The StatefulSet of a set.
    pub fn stateful_set(&self, set: i64) -> Option<&StatefulSet> {
        self.stateful_sets.iter().find(|object| set_of(*object) == Some(set))
    }

    /// The workers of a set.
    pub fn workers(&self, set: i64) -> impl Iterator<Item = &Pod> {
        self.pods.iter().filter(move |pod| set_of(*pod) == Some(set))
    }

    fn set_seen(&self, set: i64) -> SetSeen {
        let service = self.services.iter().any(|object| set_of(object) == Some(set));
        let config_map = self.config_maps.iter().any(|object| set_of(object) == Some(set));
        match self.stateful_set(set) {
            Some(object) if object.metadata.deletion_timestamp.is_some() => SetSeen::Terminating,
            Some(_) if service && config_map => SetSeen::Complete,
            Some(_) => SetSeen::Partial,
            None => {
                let mut pods = self.workers(set).peekable();
                if pods.peek().is_none() {
                    return if service { SetSeen::Partial } else { SetSeen::Absent };
                }
                if !service && pods.all(|pod| pod.metadata.deletion_timestamp.is_some()) {
                    SetSeen::Terminating
                } else {
                    SetSeen::Partial
                }
            }
        }
    }

    fn has_pods(&self, set: i64) -> bool {
        let wanted = self
            .stateful_set(set)
            .and_then(|object| object.spec.as_ref()?.replicas)
            .is_some_and(|replicas| replicas > 0);
        wanted || self.workers(set).next().is_some()
    }

    /// The state of a set's pods, and what the worst of them says.
    fn pods_seen(&self, set: i64) -> (PodsSeen, Option<String>) {
        let wanted = self
            .stateful_set(set)
            .and_then(|object| object.spec.as_ref()?.replicas)
            .unwrap_or(1)
            .max(0);
        let mut worst = (PodsSeen::Ready, None);
        let mut count = 0;
        for pod in self.workers(set) {
            count += 1;
            let (seen, message) = pod_seen(pod);
            if rank(seen) < rank(worst.0) {
                let name = pod.name_any();
                worst = (seen, message.map(|message| format!("pod {name}: {message}")));
            }
        }
        if count < wanted && rank(PodsSeen::Starting) < rank(worst.0) {
            return (PodsSeen::Starting, None);
        }
        worst
    }

    fn api_seen(&self, job: &StreamJob, operation: Option<&Operation>) -> ApiSeen {
        let Some(Ok(view)) = &self.view else { return ApiSeen::Unreachable };
        match &view.state {
            JobState::Starting => ApiSeen::Starting,
            JobState::Standby => ApiSeen::Standby,
            JobState::WaitingForWorkers { .. } | JobState::Restoring => ApiSeen::Restoring,
            JobState::Running if view.checkpoints_completed > 0 || !job.spec.checkpoint.enabled => {
                ApiSeen::Proven
            }
            JobState::Running => ApiSeen::Running,
            JobState::Parked { operation: by }
                if operation.is_some_and(|op| op.id == by.as_str()) =>
            {
                ApiSeen::ParkedByUs
            }
            JobState::Parked { .. } => ApiSeen::ParkedByOther,
            JobState::Finished => ApiSeen::Finished,
            JobState::Failed { .. } => ApiSeen::Failed,
        }
    }

    fn savepoint_seen(&self) -> SavepointSeen {
        match &self.savepoint {
            None | Some(Err(_)) => SavepointSeen::Unknown,
            Some(Ok(None)) => SavepointSeen::NotAsked,
            Some(Ok(Some(SavepointView::InProgress))) => SavepointSeen::InProgress,
            Some(Ok(Some(SavepointView::Completed { .. }))) => SavepointSeen::Completed,
            Some(Ok(Some(SavepointView::Failed { .. }))) => SavepointSeen::Failed,
        }
    }

    fn task(&self) -> Option<&Job> {
        let name = self.task_name.as_ref()?;
        self.tasks.iter().find(|task| task.name_any() == *name)
    }

    fn task_seen(&self) -> TaskSeen {
        let Some(task) = self.task() else { return TaskSeen::Absent };
        let ended = |kind: &str| {
            let conditions =
                task.status.iter().flat_map(|status| status.conditions.iter().flatten());
            conditions
                .clone()
                .any(|condition| condition.type_ == kind && condition.status == "True")
        };
        match self.task_result() {
            // A refusal is an answer; a repeatable task that fails is tried again by its Job.
            Some(TaskResult { ok: true, .. }) => TaskSeen::Succeeded,
            Some(TaskResult { ok: false, .. }) if ended("Failed") => TaskSeen::Refused,
            Some(TaskResult { ok: false, .. }) if ended("Complete") => TaskSeen::Refused,
            _ if ended("Complete") => TaskSeen::Succeeded,
            _ if ended("Failed") => TaskSeen::Broken,
            Some(TaskResult { ok: false, .. }) | None => {
                let image = self.task_pods().any(|pod| pod_seen(pod).0 == PodsSeen::ImageFailure);
                let configuration =
                    self.task_pods().any(|pod| pod_seen(pod).0 == PodsSeen::ConfigurationError);
                if image || configuration { TaskSeen::Broken } else { TaskSeen::Running }
            }
        }
    }

    fn task_pods(&self) -> impl Iterator<Item = &Pod> {
        let name = self.task_name.clone().unwrap_or_default();
        self.pods.iter().filter(move |pod| {
            pod.labels().get("batch.kubernetes.io/job-name").is_some_and(|job| *job == name)
        })
    }

    /// What the operation's Job wrote when it ended: the newest answer of its pods.
    fn task_result(&self) -> Option<TaskResult> {
        let mut pods: Vec<&Pod> = self.task_pods().collect();
        pods.sort_by_key(|pod| pod.creation_timestamp());
        pods.iter().rev().find_map(|pod| {
            let terminated = container(pod)?.state.as_ref()?.terminated.as_ref()?;
            serde_json::from_str(terminated.message.as_ref()?.trim()).ok()
        })
    }

    /// Worker pods that hang on a lost node.
    pub fn lost_pods(&self) -> impl Iterator<Item = &Pod> {
        self.pods.iter().filter(|pod| {
            pod.metadata.deletion_timestamp.is_some()
                && node_of(pod).is_some_and(|node| self.lost_nodes.contains(node))
        })
    }

    /// The sets that the job needs now.
    pub fn needed_sets(&self, job: &StreamJob) -> BTreeSet<i64> {
        let Some(status) = &job.status else { return BTreeSet::new() };
        let number = |set: &Option<sabot_crds::CurrentSet>| set.as_ref().map(|set| set.number);
        let needed: Vec<Option<i64>> = match &status.operation {
            Some(op) if op.step == OperationStep::Finish => {
                let to = number(&op.to).filter(|&set| self.stateful_set(set).is_some());
                let suspended = op.kind == sabot_crds::OperationType::Suspend
                    && op.outcome.as_ref().is_some_and(|outcome| {
                        outcome.result == sabot_crds::OperationResult::Succeeded
                    });
                match (to, suspended) {
                    (Some(to), _) => vec![Some(to)],
                    (None, true) => vec![],
                    (None, false) => vec![number(&op.from), number(&status.current)],
                }
            }
            Some(op) => vec![number(&op.from), number(&op.to), number(&status.current)],
            None if status.suspended_by.is_some() => vec![],
            None => vec![number(&status.current)],
        };
        needed.into_iter().flatten().collect()
    }

    fn has_leftovers(&self, job: &StreamJob) -> bool {
        let needed = self.needed_sets(job);
        let stale = |set: Option<i64>, meta: &kube::api::ObjectMeta| {
            set.is_some_and(|set| !needed.contains(&set)) && meta.deletion_timestamp.is_none()
        };
        let busy = job
            .status
            .as_ref()
            .and_then(|status| status.operation.as_ref())
            .is_some_and(|op| op.step != OperationStep::Finish);
        self.stateful_sets.iter().any(|object| stale(set_of(object), &object.metadata))
            || self.services.iter().any(|object| stale(set_of(object), &object.metadata))
            || self.config_maps.iter().any(|object| stale(set_of(object), &object.metadata))
            || self.pods.iter().any(|pod| stale(set_of(pod), &pod.metadata))
            || (!busy && self.tasks.iter().any(|task| task.metadata.deletion_timestamp.is_none()))
    }

    /// What is known about `reason` beyond its sentence.
    pub fn explain(&self, reason: Reason) -> Option<String> {
        match reason {
            Reason::ImagePullFailed | Reason::ConfigurationError | Reason::CrashLoop => {
                self.pods_seen(self.focus?).1
            }
            Reason::JobFailed => match self.view.as_ref()?.as_ref().ok()?.state.clone() {
                JobState::Failed { message } => Some(message),
                _ => None,
            },
            Reason::SavepointFailed => match self.savepoint.as_ref()?.as_ref().ok()? {
                Some(SavepointView::Failed { message }) => Some(message.clone()),
                _ => None,
            },
            Reason::PreflightRefused | Reason::CleanupIncomplete => {
                self.task_result().map(|result| result.message)
            }
            Reason::PreflightFailed => {
                self.task_pods().find_map(|pod| pod_seen(pod).1).or_else(|| {
                    Some("the Job ended without an answer; its log may tell why".to_owned())
                })
            }
            Reason::ProgressDeadlineExceeded => {
                let pods = self.focus.and_then(|set| self.pods_seen(set).1);
                let api = match self.view.as_ref() {
                    Some(Ok(view)) => view.last_failure.clone(),
                    Some(Err(error)) => Some(error.clone()),
                    None => None,
                };
                pods.or_else(|| self.focus.and_then(|set| self.unscheduled(set))).or(api)
            }
            _ => None,
        }
    }

    fn unscheduled(&self, set: i64) -> Option<String> {
        self.workers(set).find_map(|pod| {
            let conditions = pod.status.as_ref()?.conditions.as_ref()?;
            let scheduled =
                conditions.iter().find(|condition| condition.type_ == "PodScheduled")?;
            (scheduled.status == "False").then(|| scheduled.message.clone())?
        })
    }

    /// The address of a set's pod 0, if it has one.
    pub fn coordinator_ip(&self, job: &str, set: i64) -> Option<String> {
        let name = format!("{}-0", set_name(job, set));
        let pod = self.workers(set).find(|pod| pod.name_any() == name)?;
        pod.status.as_ref()?.pod_ip.clone()
    }
}

/// The node that a pod is on.
pub fn node_of(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref()?.node_name.as_deref()
}

fn rank(seen: PodsSeen) -> u8 {
    match seen {
        PodsSeen::ImageFailure => 0,
        PodsSeen::ConfigurationError => 1,
        PodsSeen::CrashLoop => 2,
        PodsSeen::Starting => 3,
        PodsSeen::Ready => 4,
    }
}

fn container(pod: &Pod) -> Option<&ContainerStatus> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    statuses.iter().find(|status| status.name == CONTAINER)
}

fn pod_seen(pod: &Pod) -> (PodsSeen, Option<String>) {
    let Some(status) = container(pod) else { return (PodsSeen::Starting, None) };
    let state = status.state.clone().unwrap_or_default();
    let last = status.last_state.as_ref().and_then(|last| last.terminated.clone());
    if let Some(waiting) = &state.waiting {
        let reason = waiting.reason.as_deref().unwrap_or_default();
        let message = || Some(waiting.message.clone().unwrap_or_else(|| reason.to_owned()));
        match reason {
            "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull" => {
                return (PodsSeen::ImageFailure, message());
            }
            "CreateContainerConfigError" => return (PodsSeen::ConfigurationError, message()),
            _ => {}
        }
    }
    let ended = state.terminated.or(last);
    if status.ready {
        return (PodsSeen::Ready, None);
    }
    let message = |ended: &k8s_openapi::api::core::v1::ContainerStateTerminated| {
        let text = ended.message.clone().unwrap_or_default();
        Some(format!("exit status {}: {}", ended.exit_code, text.trim()))
    };
    match ended {
        Some(ended) if ended.exit_code == EXIT_CONFIGURATION => {
            (PodsSeen::ConfigurationError, message(&ended))
        }
        Some(ended) if status.restart_count >= CRASH_LOOP_RESTARTS => {
            (PodsSeen::CrashLoop, message(&ended))
        }
        Some(_) | None => (PodsSeen::Starting, None),
    }
}

fn clock(job: &StreamJob, op: &Operation, now: Timestamp) -> Clock {
    let rollout = &job.spec.rollout;
    let progress = rollout.progress_deadline.or(Duration::from_mins(5));
    let probation = rollout.probation.or(Duration::from_secs(10));
    let savepoint = job.spec.upgrade.savepoint_timeout.or(Duration::from_mins(2));
    let checkpoint = job.spec.checkpoint.interval.or(Duration::from_secs(10));
    let (early, deadline) = match op.step {
        OperationStep::Preflight => (PREFLIGHT_DEADLINE, PREFLIGHT_DEADLINE),
        OperationStep::Quiesce => (savepoint, savepoint + SAVEPOINT_GRACE),
        OperationStep::Unpark => (UNPARK_DEADLINE, UNPARK_DEADLINE),
        OperationStep::Probation => (probation, probation + progress + 2 * checkpoint),
        OperationStep::Cleanup => (CLEANUP_DEADLINE, CLEANUP_DEADLINE),
        OperationStep::Provision
        | OperationStep::Activate
        | OperationStep::Start
        | OperationStep::RollbackProvision
        | OperationStep::RollbackActivate
        | OperationStep::RollbackStart
        | OperationStep::Stop
        | OperationStep::RollbackStop
        | OperationStep::Finish => (progress, progress),
    };
    let elapsed = now.as_millisecond() - op.step_started_at.0.as_millisecond();
    let elapsed = Duration::from_millis(u64::try_from(elapsed).unwrap_or(0));
    if elapsed >= deadline {
        Clock::DeadlinePassed
    } else if elapsed >= early {
        Clock::ProbationOver
    } else {
        Clock::Early
    }
}
