//! Looks at everything that belongs to a job: its objects, by labels, and its coordinator.

use futures::future::{join, try_join, try_join_all};
use k8s_openapi::api::apps::v1::{ControllerRevision, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Node, Pod, Service};
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use sabot_crds::{Operation, OperationStep, StreamJob};

use super::build::{Task, task_name};
use super::names::{is_owned_by, job_selector};
use super::world::{World, focus, node_of};
use crate::context::Context;

/// Looks at the world of `job`.
pub async fn observe(context: &Context, job: &StreamJob) -> Result<World, kube::Error> {
    let namespace = job.namespace().unwrap_or_default();
    let name = job.name_any();
    let client = || context.client.clone();
    let by_label = ListParams::default().labels(&job_selector(&name));
    let stateful_sets: Api<StatefulSet> = Api::namespaced(client(), &namespace);
    let services: Api<Service> = Api::namespaced(client(), &namespace);
    let config_maps: Api<ConfigMap> = Api::namespaced(client(), &namespace);
    let tasks: Api<Job> = Api::namespaced(client(), &namespace);
    let pods: Api<Pod> = Api::namespaced(client(), &namespace);
    let revisions: Api<ControllerRevision> = Api::namespaced(client(), &namespace);
    let ((stateful_sets, services, config_maps), (tasks, pods, revisions)) = try_join(
        futures::future::try_join3(
            stateful_sets.list(&by_label),
            services.list_metadata(&by_label),
            config_maps.list_metadata(&by_label),
        ),
        futures::future::try_join3(
            tasks.list(&by_label),
            pods.list(&by_label),
            revisions.list(&by_label),
        ),
    )
    .await?;
    let mut world = World {
        stateful_sets: stateful_sets.items,
        services: services.items,
        config_maps: config_maps.items,
        tasks: tasks.items,
        pods: pods.items,
        revisions: revisions.items,
        focus: focus(job),
        ..World::default()
    };
    world.stateful_sets.retain(|object| is_owned_by(object, job));
    world.services.retain(|object| is_owned_by(object, job));
    world.config_maps.retain(|object| is_owned_by(object, job));
    world.tasks.retain(|object| is_owned_by(object, job));
    world.revisions.retain(|object| is_owned_by(object, job));
    look_for_lost_nodes(context, &mut world).await?;
    ask_coordinator(context, job, &mut world).await;
    world.task_name = operation(job).and_then(|op| task_of(&name, op));
    Ok(world)
}

fn operation(job: &StreamJob) -> Option<&Operation> {
    job.status.as_ref()?.operation.as_ref()
}

/// The name of the Job that the operation's step waits for.
pub fn task_of(job: &str, op: &Operation) -> Option<String> {
    match op.step {
        OperationStep::Preflight => {
            op.to.as_ref().map(|set| task_name(job, set.number, Task::Preflight))
        }
        OperationStep::Cleanup => {
            op.from.as_ref().map(|set| task_name(job, set.number, Task::Cleanup))
        }
        _ => None,
    }
}

/// Nodes are read only when pods are going and have not gone: the controller watches no nodes.
async fn look_for_lost_nodes(context: &Context, world: &mut World) -> Result<(), kube::Error> {
    let nodes: std::collections::BTreeSet<String> = world
        .pods
        .iter()
        .filter(|pod| pod.metadata.deletion_timestamp.is_some())
        .filter_map(|pod| node_of(pod).map(str::to_owned))
        .collect();
    let api: Api<Node> = Api::all(context.client.clone());
    let found = try_join_all(nodes.iter().map(|node| api.get_opt(node))).await?;
    for (name, node) in nodes.into_iter().zip(found) {
        if node.as_ref().is_none_or(is_unreachable) {
            world.lost_nodes.insert(name);
        }
    }
    Ok(())
}

fn is_unreachable(node: &Node) -> bool {
    let conditions = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let mut ready = conditions.filter(|condition| condition.type_ == "Ready");
    // "False" is a kubelet that answers and says so: it will end its pods itself.
    ready.next().is_none_or(|condition| condition.status == "Unknown")
}

async fn ask_coordinator(context: &Context, job: &StreamJob, world: &mut World) {
    let Some(set) = world.focus else { return };
    let Some(ip) = world.coordinator_ip(&job.name_any(), set) else {
        world.view = Some(Err("pod 0 has no address yet".to_owned()));
        return;
    };
    let coordinator = context.coordinators.at(&ip);
    let quiescing = operation(job).filter(|op| op.step == OperationStep::Quiesce);
    let savepoint = async {
        match quiescing {
            Some(op) => Some(coordinator.savepoint(&op.id).await),
            None => None,
        }
    };
    let (view, savepoint) = join(coordinator.job(), savepoint).await;
    world.view = Some(view.map_err(|error| error.to_string()));
    world.savepoint = savepoint.map(|answer| answer.map_err(|error| error.to_string()));
}
