//! The StatefulSet of a set, and what its pods have in common with the pods of tasks.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetSpec, StatefulSetUpdateStrategy};
use k8s_openapi::api::core::v1::{
    Capabilities, ConfigMapVolumeSource, Container, ContainerPort, EmptyDirVolumeSource,
    EnvFromSource, EnvVar, EnvVarSource, HTTPGetAction, ObjectFieldSelector, PodSecurityContext,
    PodSpec, PodTemplateSpec, Probe, SeccompProfile, SecretEnvSource, SecurityContext, Toleration,
    Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::ResourceExt;
use sabot_crds::spec::{PodTemplate, PodTemplateMetadata, Storage};

use super::SetPlan;
use crate::job::names::{CONTAINER, labels, owned_meta};

const USER: i64 = 65532;
/// How long pods stay on a node that does not answer, before they are moved.
const UNREACHABLE_SECONDS: i64 = 5;

/// The set's StatefulSet. Its template is never changed: another version is another set.
pub fn stateful_set(plan: &SetPlan<'_>) -> StatefulSet {
    let mut selector = labels(&plan.job_name(), Some(plan.set.number), None);
    selector.retain(|key, _| key.starts_with("sabot.dev/"));
    StatefulSet {
        metadata: owned_meta(plan.job, plan.name(), plan.labels(), plan.operation),
        spec: Some(StatefulSetSpec {
            replicas: Some(plan.spec.pods(plan.set.parallelism)),
            pod_management_policy: Some("Parallel".to_owned()),
            update_strategy: Some(StatefulSetUpdateStrategy {
                type_: Some("OnDelete".to_owned()),
                rolling_update: None,
            }),
            service_name: Some(plan.name()),
            revision_history_limit: Some(1),
            selector: LabelSelector { match_labels: Some(selector), match_expressions: None },
            template: worker_template(plan),
            ..StatefulSetSpec::default()
        }),
        status: None,
    }
}

fn worker_template(plan: &SetPlan<'_>) -> PodTemplateSpec {
    let mut container = container(plan, &["worker", "--job", MANIFEST]);
    let port = |name: &str, number: u16| ContainerPort {
        name: Some(name.to_owned()),
        container_port: i32::from(number),
        ..ContainerPort::default()
    };
    container.ports =
        Some(vec![port("http", sabot_api::HTTP_PORT), port("data", sabot_api::DATA_PORT)]);
    // A pod that dies restarts by itself: the probe is for one that hangs.
    container.liveness_probe = Some(probe("/healthz", 5, 6));
    container.readiness_probe = Some(probe("/readyz", 1, 3));
    let mut pod = pod_spec(plan, container);
    pod.termination_grace_period_seconds = Some(10);
    let mut annotations = BTreeMap::from([
        ("prometheus.io/scrape".to_owned(), "true".to_owned()),
        ("prometheus.io/port".to_owned(), sabot_api::HTTP_PORT.to_string()),
        ("prometheus.io/path".to_owned(), "/metrics".to_owned()),
    ]);
    let mut pod_labels = plan.labels();
    if let Some(PodTemplateMetadata { labels, annotations: own }) =
        plan.spec.workers.pod_template.as_ref().and_then(|template| template.metadata.as_ref())
    {
        pod_labels.extend(labels.clone());
        annotations.extend(own.clone());
    }
    PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(pod_labels),
            annotations: Some(annotations),
            ..ObjectMeta::default()
        }),
        spec: Some(pod),
    }
}

/// Where the manifest is mounted.
pub(super) const MANIFEST: &str = "/etc/sabot/job.yaml";

/// The container, without ports and probes.
pub(super) fn container(plan: &SetPlan<'_>, arguments: &[&str]) -> Container {
    let mount = |name: &str, path: &str, read_only: bool| VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        read_only: Some(read_only),
        ..VolumeMount::default()
    };
    let mut command = vec!["sabot".to_owned()];
    command.extend(arguments.iter().map(|&argument| argument.to_owned()));
    Container {
        name: CONTAINER.to_owned(),
        image: Some(plan.image()),
        image_pull_policy: Some("IfNotPresent".to_owned()),
        command: Some(command),
        env: Some(environment(plan)),
        env_from: credentials(plan),
        resources: plan.spec.workers.resources.clone(),
        termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            read_only_root_filesystem: Some(true),
            run_as_non_root: Some(true),
            capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None }),
            ..SecurityContext::default()
        }),
        volume_mounts: Some(vec![
            mount("job", "/etc/sabot", true),
            mount("state", "/var/lib/sabot", false),
            mount("tmp", "/tmp", false),
        ]),
        ..Container::default()
    }
}

/// The pod around the container.
pub(super) fn pod_spec(plan: &SetPlan<'_>, container: Container) -> PodSpec {
    let empty = |name: &str| Volume {
        name: name.to_owned(),
        empty_dir: Some(EmptyDirVolumeSource::default()),
        ..Volume::default()
    };
    let template = plan.spec.workers.pod_template.clone().unwrap_or_default();
    let PodTemplate { metadata: _, node_selector, tolerations, env: _ } = template;
    PodSpec {
        containers: vec![container],
        service_account_name: plan.spec.service_account_name.clone(),
        // Pods never talk to the API server.
        automount_service_account_token: plan.spec.service_account_name.is_none().then_some(false),
        enable_service_links: Some(false),
        node_selector: (!node_selector.is_empty()).then_some(node_selector),
        tolerations: Some(with_lost_nodes(tolerations)),
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(USER),
            run_as_group: Some(USER),
            fs_group: Some(USER),
            seccomp_profile: Some(SeccompProfile {
                type_: "RuntimeDefault".to_owned(),
                localhost_profile: None,
            }),
            ..PodSecurityContext::default()
        }),
        volumes: Some(vec![
            Volume {
                name: "job".to_owned(),
                config_map: Some(ConfigMapVolumeSource {
                    name: plan.name(),
                    ..ConfigMapVolumeSource::default()
                }),
                ..Volume::default()
            },
            empty("state"),
            empty("tmp"),
        ]),
        ..PodSpec::default()
    }
}

/// Kubernetes' own toleration of a lost node is five minutes; attempts are fenced, so that
/// nothing is gained by waiting for a node that might come back.
fn with_lost_nodes(mut tolerations: Vec<Toleration>) -> Vec<Toleration> {
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        if tolerations.iter().all(|toleration| toleration.key.as_deref() != Some(key)) {
            tolerations.push(Toleration {
                key: Some(key.to_owned()),
                operator: Some("Exists".to_owned()),
                effect: Some("NoExecute".to_owned()),
                toleration_seconds: Some(UNREACHABLE_SECONDS),
                value: None,
            });
        }
    }
    tolerations
}

fn environment(plan: &SetPlan<'_>) -> Vec<EnvVar> {
    let namespace = plan.job.namespace().unwrap_or_default();
    let name = plan.name();
    let text = |name: &str, value: String| EnvVar {
        name: name.to_owned(),
        value: Some(value),
        value_from: None,
    };
    let start = if plan.starts_fresh() { "fresh" } else { "standby" };
    let mut variables = vec![
        text("SABOT_JOB_UID", plan.job.uid().unwrap_or_default()),
        text("SABOT_JOB_NAME", plan.job_name()),
        text("SABOT_NAMESPACE", namespace.clone()),
        text("SABOT_SET", plan.set.number.to_string()),
        EnvVar {
            name: "SABOT_POD_NAME".to_owned(),
            value: None,
            value_from: Some(EnvVarSource {
                field_ref: Some(ObjectFieldSelector {
                    field_path: "metadata.name".to_owned(),
                    api_version: None,
                }),
                ..EnvVarSource::default()
            }),
        },
        text("SABOT_PEERS_DOMAIN", format!("{name}.{namespace}.svc")),
        text("SABOT_PARALLELISM", plan.set.parallelism.to_string()),
        text("SABOT_SLOTS_PER_POD", plan.spec.workers.slots_per_pod.to_string()),
        text("SABOT_LOG_FORMAT", "json".to_owned()),
        text("SABOT_START", start.to_owned()),
    ];
    if let Some(template) = &plan.spec.workers.pod_template {
        variables.extend(template.env.clone());
    }
    variables
}

fn credentials(plan: &SetPlan<'_>) -> Option<Vec<EnvFromSource>> {
    let Some(Storage { s3: Some(s3), .. }) = &plan.spec.state.storage else { return None };
    let secret = &s3.auth.as_ref()?.secret_ref;
    Some(vec![EnvFromSource {
        secret_ref: Some(SecretEnvSource { name: secret.name.clone(), optional: None }),
        ..EnvFromSource::default()
    }])
}

fn probe(path: &str, period_seconds: i32, failures: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::String("http".to_owned()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(period_seconds),
        timeout_seconds: Some(2),
        failure_threshold: Some(failures),
        ..Probe::default()
    }
}
