//! The Jobs that look into the store, or clean it, in the name of the controller.

use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::SetPlan;
use super::stateful_set::{MANIFEST, container, pod_spec};
use crate::job::names::{SET_LABEL, TASK_LABEL, owned_meta};

/// What a Job is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// The new image checks the live state.
    Preflight,
    /// The job's objects in the store are removed; savepoints belong to the user and stay.
    Cleanup,
}

impl Task {
    fn name(self) -> &'static str {
        match self {
            Self::Preflight => "preflight",
            Self::Cleanup => "cleanup",
        }
    }

    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Preflight => &["preflight", "--job", MANIFEST],
            Self::Cleanup => &["cleanup", "--job", MANIFEST, "--keep-savepoints"],
        }
    }
}

/// The name of the Job that carries out `task` with the manifest of `set`.
pub fn task_name(job: &str, set: i64, task: Task) -> String {
    format!("{job}-{set}-{}", task.name())
}

/// The Job that carries out `task` with the manifest of the planned set.
pub fn task_job(plan: &SetPlan<'_>, task: Task) -> Job {
    let mut labels = plan.labels();
    labels.insert(TASK_LABEL.to_owned(), task.name().to_owned());
    // Not one of the set's workers.
    let mut pod_labels = labels.clone();
    pod_labels.remove(SET_LABEL);
    let mut container = container(plan, task.arguments());
    container.termination_message_policy = Some("File".to_owned());
    let mut pod = pod_spec(plan, container);
    pod.restart_policy = Some("Never".to_owned());
    pod.termination_grace_period_seconds = Some(1);
    let name = task_name(&plan.job_name(), plan.set.number, task);
    Job {
        metadata: owned_meta(plan.job, name, labels, plan.operation),
        spec: Some(JobSpec {
            // The removal is tried again: it is repeatable and its store may be away for a while.
            backoff_limit: Some(if task == Task::Cleanup { 3 } else { 0 }),
            active_deadline_seconds: Some(300),
            ttl_seconds_after_finished: Some(600),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta { labels: Some(pod_labels), ..ObjectMeta::default() }),
                spec: Some(pod),
            },
            ..JobSpec::default()
        }),
        status: None,
    }
}
