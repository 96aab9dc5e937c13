//! An image that does not exist: refused by the check beforehand, and without that check rolled
//! back with the state kept.

use sabot_crds::OperationResult;
use serde_json::json;

use super::Verdict;
use crate::check::{self, output_after, seconds};
use crate::failure::{Outcome, ensure};
use crate::manifest::JobShape;
use crate::scene::{Scene, why};
use crate::world::now_ms;

const JOB: &str = "counts";

pub(crate) async fn run(scene: &Scene<'_>) -> Outcome<Verdict> {
    let load = scene.start(&JobShape { parallelism: 2, ..JobShape::new(JOB) }, 100).await?;
    scene.wait_settled(JOB).await?;
    output_after(scene, now_ms()).await?;
    let before = scene.status(JOB).await?;

    // Where nothing listens, so that the pull fails at once.
    let bad = |tag: &str| format!("127.0.0.1:1/runtime:{tag}");
    scene.patch(JOB, &json!({ "spec": { "image": bad("blocked") } })).await?;
    let (reason, message) = outcome(scene, "UpgradeBlocked").await?;
    scene.note(format_args!("with preflight: UpgradeBlocked, {reason}: {message}"));
    let now = scene.status(JOB).await?;
    ensure(now.attempt == before.attempt, || "the old job was touched".to_owned())?;

    let from = now_ms();
    scene
        .patch(
            JOB,
            &json!({ "spec": {
                "image": bad("rolled-back"),
                "upgrade": { "preflight": "Skip" },
                "rollout": { "progressDeadline": "20s" },
            } }),
        )
        .await?;
    let (reason, message) = outcome(scene, "RolledBack").await?;
    output_after(scene, now_ms()).await?;
    scene.disturbed("roll-back", from);
    scene.note(format_args!("without preflight: RolledBack, {reason}: {message}"));
    let now = scene.status(JOB).await?;
    ensure(now.current_revision == before.current_revision, || {
        "the old revision does not run".to_owned()
    })?;
    let record = now.last_operations.first();
    ensure(record.is_some_and(|record| record.result == OperationResult::RolledBack), || {
        format!("the operation is noted as {record:?}")
    })?;
    let downtime = record.and_then(|record| record.downtime_ms);
    scene.note(format_args!("downtime {}", downtime.map_or("unknown".to_owned(), seconds)));
    let ns = scene.place.namespace.as_str();
    let told = scene.world.kubectl(&["-n", ns, "describe", "streamjob", JOB]).await?;
    ensure(told.contains("RolledBack") && told.contains("ImagePullFailed"), || {
        format!("kubectl describe does not tell why:\n{told}")
    })?;
    let summary = check::state_is_right(scene, JOB, None).await?;
    scene.note(format_args!("state after the roll-back: {} open cells, each right", summary.cells));
    check::finish(scene, JOB, load).await?;
    Ok(Verdict::Passed)
}

/// Waits for the end of the operation that the last change began, as this condition.
async fn outcome(scene: &Scene<'_>, condition: &str) -> Outcome<(String, String)> {
    scene
        .wait_job(JOB, &format!("condition {condition}"), |seen, status| {
            let current = status.observed_generation == seen.metadata.generation;
            let ended = current && status.operation.is_none();
            ended.then(|| why(status, condition)).flatten()
        })
        .await
}
