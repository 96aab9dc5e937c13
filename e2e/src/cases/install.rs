//! Helm install, apply, Available, right output; Prometheus scrapes everything; an upgrade of the
//! controller restarts no job.

use std::time::Duration;

use kube::ResourceExt;

use super::Verdict;
use crate::check::{self, output_after, seconds};
use crate::failure::{Outcome, ensure};
use crate::install;
use crate::manifest::JobShape;
use crate::process;
use crate::scene::Scene;
use crate::wait::{Seen, until};
use crate::world::now_ms;

const JOB: &str = "counts";

pub(crate) async fn run(scene: &Scene<'_>) -> Outcome<Verdict> {
    let shape = JobShape { parallelism: 2, ..JobShape::new(JOB) };
    let load = scene.produce(100)?;
    // So that a window is complete when the job comes up, as with a topic that is in use.
    scene.wait_produced(&load, 150).await?;
    let applied = now_ms();
    scene.apply(&shape).await?;
    scene.wait_available(JOB).await?;
    scene.note(format_args!("apply to Available: {}", seconds(now_ms() - applied)));
    let first = output_after(scene, applied).await?;
    scene.note(format_args!("apply to first output: {}", seconds(first - applied)));
    scene.wait_settled(JOB).await?;
    let location = check::take_savepoint(scene, JOB).await?;
    let summary = crate::savepoint::check(&scene.world.stores, &location, None).await?;
    scene.note(format_args!(
        "a savepoint of {} records under load: {} open cells, each right",
        summary.records, summary.cells
    ));
    inspect_with_the_command(scene, &location).await?;
    prometheus_scrapes(scene).await?;
    controller_upgrade_restarts_nothing(scene).await?;
    check::finish(scene, JOB, load).await?;
    Ok(Verdict::Passed)
}

async fn inspect_with_the_command(scene: &Scene<'_>, location: &str) -> Outcome {
    let Some(sabot) = &scene.world.settings.sabot else { return Ok(()) };
    let endpoint = &scene.world.settings.s3_endpoint;
    let args = ["savepoint", "inspect", "--dump", location, "--endpoint", endpoint];
    let text = process::run(sabot, &args, Duration::from_secs(30)).await?;
    ensure(text.contains("COUNT("), || format!("sabot savepoint inspect --dump prints {text:?}"))
}

async fn prometheus_scrapes(scene: &Scene<'_>) -> Outcome {
    if scene.world.settings.prometheus.is_none() {
        scene.note("metrics are not looked at: there is no Prometheus");
        return Ok(());
    }
    let ns = &scene.place.namespace;
    let controller = install::NAMESPACE;
    for query in [
        format!("sum(sabot_events_processed_total{{namespace=\"{ns}\",status=\"ok\"}})"),
        format!("max(sabot_checkpoint_duration_seconds{{namespace=\"{ns}\"}})"),
        format!("sum(sabot_active_agents{{namespace=\"{ns}\"}})"),
        format!("sum(sabot_reconcile_duration_seconds_count{{namespace=\"{controller}\"}})"),
        format!("sum(sabot_operations_total{{namespace=\"{controller}\"}})"),
    ] {
        let query = query.as_str();
        let value = until(query, Duration::from_secs(30), || async move {
            let found = scene.world.query(query).await?;
            Ok(match found.first() {
                Some((_, value)) if *value > 0.0 => Seen::Done(*value),
                other => Seen::NotYet(format!("Prometheus has {other:?}")),
            })
        })
        .await?;
        scene.note(format_args!("Prometheus: {query} = {value}"));
    }
    Ok(())
}

async fn controller_upgrade_restarts_nothing(scene: &Scene<'_>) -> Outcome {
    let before = pods(scene).await?;
    let attempt = scene.status(JOB).await?.attempt;
    let old = install::controller_pod(scene.world).await?.name_any();
    install::install(scene.world, "debug").await?;
    let world = scene.world;
    let old = old.as_str();
    until("the new controller", Duration::from_secs(60), || async move {
        let now = install::controller_pod(world).await?.name_any();
        Ok(if now == old { Seen::NotYet(format!("{now} runs")) } else { Seen::Done(()) })
    })
    .await?;
    install::wait_ready(scene.world).await?;
    // The new controller has looked at the job when it carries out a change of its own.
    check::take_savepoint(scene, JOB).await?;
    let after = pods(scene).await?;
    ensure(before == after, || format!("pods were {before:?} and are {after:?}"))?;
    let now = scene.status(JOB).await?.attempt;
    ensure(attempt == now, || format!("the attempt was {attempt:?} and is {now:?}"))?;
    scene.note("an upgrade of the controller restarted nothing");
    Ok(())
}

/// Name, uid and restarts of each pod.
async fn pods(scene: &Scene<'_>) -> Outcome<Vec<(String, Option<String>, i32)>> {
    let pods = scene.pods(JOB).await?;
    let restarts = |pod: &k8s_openapi::api::core::v1::Pod| {
        let status = pod.status.clone().unwrap_or_default();
        let containers = status.container_statuses.unwrap_or_default();
        containers.iter().map(|container| container.restart_count).sum()
    };
    Ok(pods.iter().map(|pod| (pod.name_any(), pod.uid(), restarts(pod))).collect())
}
