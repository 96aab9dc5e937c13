//! Names and labels of everything that belongs to a job.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::{Resource, ResourceExt};
use sabot_crds::StreamJob;

/// The job's name, on everything that belongs to it.
pub const JOB_LABEL: &str = "sabot.dev/job";
/// The number of the set that an object belongs to.
pub const SET_LABEL: &str = "sabot.dev/set";
/// The revision of the set that an object belongs to.
pub const REVISION_LABEL: &str = "sabot.dev/revision";
/// What a Job is for: preflight or cleanup.
pub const TASK_LABEL: &str = "sabot.dev/task";
/// The operation that made an object.
pub const OPERATION_ANNOTATION: &str = "sabot.dev/operation";
/// The mark that keeps a StreamJob until its state is cleaned up.
pub const FINALIZER: &str = "sabot.dev/state";
/// The name of the pods' container.
pub const CONTAINER: &str = "sabot";

/// The name of a set's StatefulSet, Service and ConfigMap.
pub fn set_name(job: &str, set: i64) -> String {
    format!("{job}-{set}")
}

/// The labels that select everything of a job.
pub fn job_selector(job: &str) -> String {
    format!("{JOB_LABEL}={job}")
}

/// The labels of an object of a job.
pub fn labels(job: &str, set: Option<i64>, revision: Option<&str>) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::from([
        ("app.kubernetes.io/name".to_owned(), "sabot".to_owned()),
        ("app.kubernetes.io/managed-by".to_owned(), "sabot-controller".to_owned()),
        ("app.kubernetes.io/instance".to_owned(), job.to_owned()),
        (JOB_LABEL.to_owned(), job.to_owned()),
    ]);
    if let Some(set) = set {
        labels.insert(SET_LABEL.to_owned(), set.to_string());
    }
    if let Some(revision) = revision {
        labels.insert(REVISION_LABEL.to_owned(), revision.to_owned());
    }
    labels
}

/// The number of the set that an object belongs to.
pub fn set_of<K: Resource>(object: &K) -> Option<i64> {
    object.labels().get(SET_LABEL)?.parse().ok()
}

/// Metadata of an object that goes when the job goes.
pub fn owned_meta(
    job: &StreamJob,
    name: String,
    labels: BTreeMap<String, String>,
    operation: &str,
) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace: job.namespace(),
        labels: Some(labels),
        annotations: Some(BTreeMap::from([(
            OPERATION_ANNOTATION.to_owned(),
            operation.to_owned(),
        )])),
        owner_references: Some(vec![owner(job)]),
        ..ObjectMeta::default()
    }
}

fn owner(job: &StreamJob) -> OwnerReference {
    OwnerReference {
        api_version: StreamJob::api_version(&()).into_owned(),
        kind: StreamJob::kind(&()).into_owned(),
        name: job.name_any(),
        uid: job.uid().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: Some(false),
    }
}

/// Whether `object` belongs to just this StreamJob, and not to an earlier one of its name.
pub fn is_owned_by<K: Resource>(object: &K, job: &StreamJob) -> bool {
    let uid = job.uid().unwrap_or_default();
    object.owner_references().iter().any(|reference| reference.uid == uid)
}
