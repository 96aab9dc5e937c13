//! A revision as a `ControllerRevision`: what a roll-back builds its set from.

use k8s_openapi::api::apps::v1::ControllerRevision;
use k8s_openapi::apimachinery::pkg::runtime::RawExtension;
use kube::ResourceExt;
use sabot_crds::StreamJob;

use crate::job::names::{REVISION_LABEL, labels, owned_meta};
use crate::job::target::RevisionContent;

/// The `ControllerRevision` of `revision`, the `number`th of the job.
pub fn controller_revision(
    job: &StreamJob,
    revision: &str,
    content: &RevisionContent,
    number: i64,
) -> ControllerRevision {
    let name = job.name_any();
    let labels = labels(&name, None, Some(revision));
    ControllerRevision {
        metadata: owned_meta(job, format!("{name}-{revision}"), labels, "revision"),
        data: Some(RawExtension(serde_json::json!({ "spec": content.value() }))),
        revision: number,
    }
}

/// The revision's name and content, if `object` holds one.
pub fn read_revision(object: &ControllerRevision) -> Option<(String, RevisionContent)> {
    let revision = object.labels().get(REVISION_LABEL)?.clone();
    let spec = object.data.as_ref()?.0.get("spec")?.clone();
    Some((revision, RevisionContent::from_value(spec)))
}
