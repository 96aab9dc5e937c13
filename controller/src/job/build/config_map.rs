//! The ConfigMap of a set: the manifest that its pods run.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;
use sabot_crds::spec::Storage;
use sabot_crds::{StreamJob, to_manifest};

use super::SetPlan;
use crate::job::names::owned_meta;

/// The key of the manifest.
pub(super) const KEY: &str = "job.yaml";

/// The set's ConfigMap: a StreamJob manifest with the program's text in it, complete for the pods.
pub fn config_map(plan: &SetPlan<'_>) -> ConfigMap {
    ConfigMap {
        metadata: owned_meta(plan.job, plan.name(), plan.labels(), plan.operation),
        data: Some(BTreeMap::from([(KEY.to_owned(), manifest(plan))])),
        immutable: Some(true),
        ..ConfigMap::default()
    }
}

fn manifest(plan: &SetPlan<'_>) -> String {
    let mut spec = plan.spec.clone();
    spec.parallelism = plan.set.parallelism;
    // Later sets are told where their state comes from when they are activated.
    spec.restore = if plan.starts_fresh() { plan.job.spec.restore.clone() } else { None };
    spec.acknowledge_state_loss = plan.job.spec.acknowledge_state_loss;
    let namespace = plan.job.namespace().unwrap_or_default();
    if let Some(Storage { s3: Some(s3), .. }) = &mut spec.state.storage {
        s3.prefix.get_or_insert_with(|| format!("{namespace}/{}", plan.job_name()));
    }
    let mut manifest = StreamJob::new(&plan.job_name(), spec);
    manifest.metadata.namespace = Some(namespace);
    to_manifest(&manifest)
}
