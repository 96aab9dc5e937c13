//! The controller dies before and after each effect of an upgrade, and the upgrade ends right.

use std::time::{Duration, Instant};

use sabot_crds::OperationResult;
use serde_json::json;

use super::Verdict;
use crate::check::{self, output_after};
use crate::failure::{Outcome, ensure, fail};
use crate::install;
use crate::manifest::JobShape;
use crate::scene::{Scene, holds};
use crate::world::now_ms;

const JOB: &str = "counts";
/// Upgrades in each of which the remaining failpoints are tried in their order.
const ROUNDS: u32 = 6;
/// For one upgrade whose controller dies again and again.
const ROUND: Duration = Duration::from_secs(240);
/// Effects without which there is no upgrade: these must have been tried.
const ESSENTIAL: [&str; 6] =
    ["begin-upgrade", "request-savepoint", "remove-set", "create-set", "activate", "conclude"];

pub(crate) async fn run(scene: &Scene<'_>) -> Outcome<Verdict> {
    let load = scene.start(&JobShape { parallelism: 2, ..JobShape::new(JOB) }, 100).await?;
    scene.wait_settled(JOB).await?;
    output_after(scene, now_ms()).await?;
    let effects = install::upgrade_effects(scene.world).await?;
    ensure(!effects.is_empty(), || "the controller lists no effects".to_owned())?;
    // In separate upgrades, so that none stands still for too long.
    let with = |moment: &str| effects.iter().map(|e| format!("{e}:{moment}")).collect();
    let mut left: Vec<Vec<String>> = vec![with("before"), with("after")];
    let mut fired = Vec::new();
    for round in 1..=ROUNDS {
        let Some(points) = left.first_mut() else { break };
        let from = now_ms();
        let passed = upgrade_with(scene, round, points).await?;
        scene.disturbed(
            format!("upgrade in which the controller died {} times", passed.len()),
            from,
        );
        if passed.is_empty() && !points.is_empty() {
            // The first one is never reached: on with the others.
            let unreached = points.remove(0);
            scene.note(format_args!("{unreached} was not reached"));
        }
        fired.extend(passed);
        if points.is_empty() {
            left.remove(0);
        }
    }
    install::arm(scene.world, None).await?;
    scene.note(format_args!("the controller died at {}", fired.join(", ")));
    for effect in ESSENTIAL {
        for moment in ["before", "after"] {
            let name = format!("{effect}:{moment}");
            ensure(fired.contains(&name), || format!("the controller never died at {name}"))?;
        }
    }
    install::wait_ready(scene.world).await?;
    check::finish(scene, JOB, load).await?;
    Ok(Verdict::Passed)
}

/// One upgrade; the failpoints that fired, which are taken out of `points`.
async fn upgrade_with(
    scene: &Scene<'_>,
    round: u32,
    points: &mut Vec<String>,
) -> Outcome<Vec<String>> {
    install::arm(scene.world, points.first().map(String::as_str)).await?;
    scene.patch(JOB, &json!({ "spec": { "restartedAt": format!("round-{round}") } })).await?;
    let began = Instant::now();
    let mut fired = Vec::new();
    loop {
        if let Some(point) = points.first()
            && install::has_fired(scene.world, point).await?
        {
            fired.push(points.remove(0));
            install::arm(scene.world, points.first().map(String::as_str)).await?;
            continue;
        }
        let job: sabot_crds::StreamJob = scene.api().get(JOB).await?;
        let status = job.status.unwrap_or_default();
        let current = status.observed_generation == job.metadata.generation;
        if current && status.operation.is_none() && holds(&status, "Ready") {
            let Some(record) = status.last_operations.first() else {
                return fail("no operation is noted");
            };
            ensure(record.result == OperationResult::Succeeded, || format!("{record:?}"))?;
            // What comes after the end is not an effect of the upgrade.
            if points.first().is_none_or(|point| !point.starts_with("conclude")) {
                return Ok(fired);
            }
            if began.elapsed() > ROUND / 4 {
                return Ok(fired);
            }
        }
        if began.elapsed() > ROUND {
            return fail(format!(
                "the upgrade does not end; died at {fired:?}, armed {:?}",
                points.first()
            ));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
