//! The statements change: what the state allows is upgraded with it, what it lacks is refused.

use sabot_crds::OperationResult;
use serde_json::json;

use super::Verdict;
use crate::check::{self, output_after, seconds};
use crate::failure::{Outcome, ensure, fail};
use crate::manifest::{JobShape, Version, statements};
use crate::scene::{Scene, why};
use crate::world::now_ms;

const JOB: &str = "counts";

pub(crate) async fn run(scene: &Scene<'_>) -> Outcome<Verdict> {
    let shape = JobShape { parallelism: 2, ..JobShape::new(JOB) };
    let load = scene.start(&shape, 100).await?;
    scene.wait_settled(JOB).await?;
    output_after(scene, now_ms()).await?;
    let before = scene.status(JOB).await?;

    let from = now_ms();
    change(scene, Version::WithMean).await?;
    let Some(record) = scene.wait_settled(JOB).await? else { return fail("no operation is noted") };
    ensure(record.result == OperationResult::Succeeded, || format!("{record:?}"))?;
    output_after(scene, now_ms()).await?;
    scene.disturbed("upgrade", from);
    let downtime = record.downtime_ms.map_or_else(|| "unknown".to_owned(), seconds);
    scene.note(format_args!("upgrade with a savepoint: downtime {downtime}"));
    let after = scene.status(JOB).await?;
    ensure(after.current_revision != before.current_revision, || {
        "no new revision runs".to_owned()
    })?;
    let summary = check::state_is_right(scene, JOB, None).await?;
    scene.note(format_args!("state after the upgrade: {} open cells, each right", summary.cells));

    refused_by_name(scene).await?;
    // Back to what runs: the refused version must not be in the way.
    change(scene, Version::WithMean).await?;
    scene.wait_settled(JOB).await?;
    let output = check::finish(scene, JOB, load).await?;
    ensure(output.rows_with_mean() > 0 && output.rows_with_mean() < output.rows(), || {
        format!("{} of {} rows have the new column", output.rows_with_mean(), output.rows())
    })?;
    Ok(Verdict::Passed)
}

async fn refused_by_name(scene: &Scene<'_>) -> Outcome {
    let before = scene.status(JOB).await?;
    change(scene, Version::WithMax).await?;
    let (reason, message) = scene
        .wait_job(JOB, "the change to be refused", |seen, status| {
            let current = status.observed_generation == seen.metadata.generation;
            let blocked = current && status.operation.is_none();
            blocked.then(|| why(status, "UpgradeBlocked")).flatten()
        })
        .await?;
    ensure(message.contains("MAX("), || format!("the message does not name MAX: {message}"))?;
    scene.note(format_args!("an added MAX is refused: {reason}: {message}"));
    let after = scene.status(JOB).await?;
    ensure(before.attempt == after.attempt && before.current == after.current, || {
        format!("the job was touched: {:?} before, {:?} after", before.current, after.current)
    })?;
    output_after(scene, now_ms()).await?;
    Ok(())
}

async fn change(scene: &Scene<'_>, version: Version) -> Outcome {
    let text = statements(&scene.world.settings, &scene.place, version);
    scene.patch(JOB, &json!({ "spec": { "program": { "sql": { "inline": text } } } })).await
}
