//! The controller: installed once a run by Helm, upgraded where a case asks for it.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::json;

use crate::failure::{Failure, Outcome, fail};
use crate::wait::{Seen, until};
use crate::world::World;

/// The controller's namespace.
pub(crate) const NAMESPACE: &str = "sabot-system";
/// Selects the controller's pods.
pub(crate) const SELECTOR: &str = "app.kubernetes.io/name=sabot-controller";
const RELEASE: &str = "sabot";
/// The ConfigMap in which a failpoint is armed.
const FAILPOINTS: &str = "sabot-failpoints";

/// Installs the chart, or upgrades it; `log_level` makes one release differ from the next.
pub(crate) async fn install(world: &World, log_level: &str) -> Outcome {
    let namespace = json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": { "name": NAMESPACE,
                      "labels": { "pod-security.kubernetes.io/enforce": "restricted" } },
    });
    world.kubectl_with(&["apply", "-f", "-"], &namespace.to_string()).await?;
    // It lies where the controller looks for it, whoever arms it.
    let failpoints = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": FAILPOINTS, "namespace": NAMESPACE },
    });
    world.kubectl_with(&["apply", "-f", "-"], &failpoints.to_string()).await?;
    let settings = &world.settings;
    let mut args = vec![
        "upgrade".to_owned(),
        "--install".to_owned(),
        RELEASE.to_owned(),
        settings.chart.clone(),
        "--namespace".to_owned(),
        NAMESPACE.to_owned(),
        "--wait".to_owned(),
        "--timeout".to_owned(),
        "120s".to_owned(),
    ];
    let (controller, controller_tag) = reference(&settings.controller_image)?;
    let (runtime, runtime_tag) = reference(&settings.runtime_image)?;
    for value in [
        format!("controller.image.repository={controller}"),
        format!("controller.image.tag={controller_tag}"),
        format!("runtime.image.repository={runtime}"),
        format!("runtime.image.tag={runtime_tag}"),
        format!("logLevel={log_level}"),
        "failpoints=true".to_owned(),
    ] {
        args.extend(["--set-string".to_owned(), value]);
    }
    // A text would fit neither the schema nor the template's test.
    let last = args.len() - 2;
    "--set".clone_into(&mut args[last]);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    world.helm(&args).await.map_err(|failure| failure.during("installing the controller"))?;
    Ok(())
}

/// Removes the release. The definitions of the resources stay, as Helm leaves them.
pub(crate) async fn uninstall(world: &World) -> Outcome {
    world.helm(&["uninstall", RELEASE, "--namespace", NAMESPACE, "--wait"]).await?;
    world.kubectl(&["delete", "namespace", NAMESPACE, "--wait=false"]).await?;
    Ok(())
}

fn reference(image: &str) -> Outcome<(&str, &str)> {
    image.rsplit_once(':').ok_or_else(|| Failure(format!("image {image:?} has no tag")))
}

/// The one pod of the controller that is not going.
pub(crate) async fn controller_pod(world: &World) -> Outcome<Pod> {
    let pods: Api<Pod> = Api::namespaced(world.client.clone(), NAMESPACE);
    let all = pods.list(&ListParams::default().labels(SELECTOR)).await?;
    let mut staying = all.into_iter().filter(|pod| pod.metadata.deletion_timestamp.is_none());
    match (staying.next(), staying.next()) {
        (Some(pod), None) => Ok(pod),
        (None, _) => fail("the controller has no pod"),
        (Some(_), Some(_)) => fail("the controller has several pods"),
    }
}

/// Waits until the controller is ready.
pub(crate) async fn wait_ready(world: &World) -> Outcome {
    let deployments: Api<Deployment> = Api::namespaced(world.client.clone(), NAMESPACE);
    until("the controller to be ready", Duration::from_secs(90), || async {
        let all = deployments.list(&ListParams::default()).await?;
        let ready = all.iter().all(|deployment| {
            let status = deployment.status.clone().unwrap_or_default();
            status.ready_replicas.unwrap_or(0) >= 1
                && status.observed_generation == deployment.metadata.generation
        });
        Ok(match ready && !all.items.is_empty() {
            true => Seen::Done(()),
            false => Seen::NotYet(format!("{} deployments are there", all.items.len())),
        })
    })
    .await
}

/// Arms a failpoint; none disarms.
pub(crate) async fn arm(world: &World, failpoint: Option<&str>) -> Outcome {
    let patch = json!({ "data": { "armed": failpoint, "fired": null } });
    let maps: Api<ConfigMap> = Api::namespaced(world.client.clone(), NAMESPACE);
    maps.patch(FAILPOINTS, &PatchParams::default(), &Patch::Merge(&patch)).await?;
    Ok(())
}

/// Whether this failpoint has ended the controller.
pub(crate) async fn has_fired(world: &World, failpoint: &str) -> Outcome<bool> {
    let maps: Api<ConfigMap> = Api::namespaced(world.client.clone(), NAMESPACE);
    let data = maps.get(FAILPOINTS).await?.data.unwrap_or_default();
    Ok(data.get("fired").is_some_and(|fired| fired == failpoint))
}

/// The names of the effects of an upgrade, in order, as the controller itself lists them.
pub(crate) async fn upgrade_effects(world: &World) -> Outcome<Vec<String>> {
    let pod = controller_pod(world).await?.name_any();
    let command = ["sabot-controller", "effects", "--operation", "upgrade"];
    let args = [["-n", NAMESPACE, "exec", &pod, "--"].as_slice(), command.as_slice()].concat();
    let text = world.kubectl(&args).await?;
    Ok(text.lines().map(str::to_owned).collect())
}
