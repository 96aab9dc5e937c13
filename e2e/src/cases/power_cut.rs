//! A node loses power with pods of the job on it.

use std::collections::BTreeSet;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::Api;
use kube::api::ListParams;

use super::Verdict;
use crate::check::{self, output_after, seconds};
use crate::failure::{Failure, Outcome};
use crate::manifest::JobShape;
use crate::scene::Scene;
use crate::wait::{Seen, until};
use crate::world::now_ms;

const JOB: &str = "counts";

pub(crate) async fn run(scene: &Scene<'_>) -> Outcome<Verdict> {
    if !scene.world.has_levers() {
        return Ok(Verdict::Skipped("SABOT_E2E_CLUSTER is not set".to_owned()));
    }
    let nodes: Api<Node> = Api::all(scene.world.client.clone());
    let count = nodes.list(&ListParams::default()).await?.items.len();
    if count < 2 {
        return Ok(Verdict::Skipped(format!("the cluster has {count} node, it takes 2")));
    }
    let shape = JobShape { parallelism: 3, ..JobShape::new(JOB) };
    let load = scene.start(&shape, 100).await?;
    scene.wait_settled(JOB).await?;
    output_after(scene, now_ms()).await?;
    let before = scene.status(JOB).await?.attempt.unwrap_or_default();
    let pods = scene.pods(JOB).await?;
    let used: BTreeSet<String> = pods.iter().filter_map(node_of).collect();
    scene.note(format_args!("{} pods on {used:?}", pods.len()));
    let victim = scene.pod(JOB, 0).await?;
    let victim = node_of(&victim).ok_or_else(|| Failure("pod 0 is on no node".to_owned()))?;
    let from = now_ms();
    scene.world.lever(&["node", "down", &victim]).await?;
    let recovered = async {
        scene.wait_recovered(JOB, before).await?;
        let running = now_ms();
        output_after(scene, running).await?;
        Ok::<i64, Failure>(running)
    }
    .await;
    // Whatever happened, the next case needs the node.
    scene.world.lever(&["node", "up", &victim]).await?;
    wait_node(&nodes, &victim).await?;
    let running = recovered?;
    scene.note(format_args!("power cut of {victim}: runs again after {}", seconds(running - from)));
    scene.disturbed("power cut of a node", from);
    crate::install::wait_ready(scene.world).await?;
    scene.wait_settled(JOB).await?;
    check::finish(scene, JOB, load).await?;
    Ok(Verdict::Passed)
}

fn node_of(pod: &Pod) -> Option<String> {
    pod.spec.as_ref()?.node_name.clone()
}

async fn wait_node(nodes: &Api<Node>, name: &str) -> Outcome {
    until("the node to be ready", Duration::from_secs(90), || async move {
        let status = nodes.get(name).await?.status.unwrap_or_default();
        let conditions = status.conditions.unwrap_or_default();
        let ready = conditions.iter().any(|c| c.type_ == "Ready" && c.status == "True");
        Ok(if ready { Seen::Done(()) } else { Seen::NotYet("it is not".to_owned()) })
    })
    .await
}
