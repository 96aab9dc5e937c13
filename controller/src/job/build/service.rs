//! The headless Service of a set: how its pods find each other.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::SetPlan;
use crate::job::names::{labels, owned_meta};

/// The set's Service. Pods need each other before they are ready.
pub fn service(plan: &SetPlan<'_>) -> Service {
    let port = |name: &str, number: u16| ServicePort {
        name: Some(name.to_owned()),
        port: i32::from(number),
        target_port: Some(IntOrString::String(name.to_owned())),
        ..ServicePort::default()
    };
    let mut selector = labels(&plan.job_name(), Some(plan.set.number), None);
    selector.retain(|key, _| key.starts_with("sabot.dev/"));
    Service {
        metadata: owned_meta(plan.job, plan.name(), plan.labels(), plan.operation),
        spec: Some(ServiceSpec {
            cluster_ip: Some("None".to_owned()),
            publish_not_ready_addresses: Some(true),
            selector: Some(selector),
            ports: Some(vec![
                port("http", sabot_api::HTTP_PORT),
                port("data", sabot_api::DATA_PORT),
            ]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}
