//! Suspend, resume, delete with a last savepoint, and a new job that goes on from it.

use sabot_crds::StreamJob;
use sabot_snapshot::savepoint::list_savepoints;
use serde_json::json;

use super::Verdict;
use crate::check::{self, output_after, seconds};
use crate::failure::{Outcome, ensure, fail};
use crate::manifest::{JobShape, state_folder};
use crate::orphans::look_after_delete;
use crate::scene::{PATIENCE, Scene, holds};
use crate::wait::{Seen, until};
use crate::world::now_ms;

const JOB: &str = "counts";
const HEIR: &str = "heir";

pub(crate) async fn run(scene: &Scene<'_>) -> Outcome<Verdict> {
    let shape = JobShape { parallelism: 2, backend: "memory", ..JobShape::new(JOB) };
    let load = scene.start(&shape, 100).await?;
    scene.wait_settled(JOB).await?;
    output_after(scene, now_ms()).await?;

    let from = now_ms();
    scene.patch(JOB, &json!({ "spec": { "desiredState": "Suspended" } })).await?;
    scene
        .wait_job(JOB, "the suspension", |_, status| {
            (holds(status, "Suspended") && status.operation.is_none()).then_some(())
        })
        .await?;
    no_pods(scene).await?;
    scene.note(format_args!("suspended after {}", seconds(now_ms() - from)));
    scene.wait_produced(&load, 200).await?;
    let resumed = now_ms();
    scene.patch(JOB, &json!({ "spec": { "desiredState": "Running" } })).await?;
    scene.wait_settled(JOB).await?;
    scene.wait_available(JOB).await?;
    let first = output_after(scene, resumed).await?;
    scene.note(format_args!("first output {} after resuming", seconds(first - resumed)));
    check::state_is_right(scene, JOB, None).await?;

    let location = delete_with_a_savepoint(scene).await?;
    let summary = crate::savepoint::check(&scene.world.stores, &location, None).await?;
    scene.note(format_args!("the last savepoint: {} open cells, each right", summary.cells));

    let heir = JobShape { restore_from: Some(location), ..JobShape::new(HEIR) };
    scene.apply(&heir).await?;
    scene.wait_available(HEIR).await?;
    scene.wait_settled(HEIR).await?;
    check::finish(scene, HEIR, load).await?;
    Ok(Verdict::Passed)
}

async fn no_pods(scene: &Scene<'_>) -> Outcome {
    until("the pods to go", PATIENCE, || async {
        let pods = scene.pods(JOB).await?.len();
        Ok(if pods == 0 { Seen::Done(()) } else { Seen::NotYet(format!("{pods} are there")) })
    })
    .await
}

/// Deletes the job as a user would; the location of the savepoint that this takes.
async fn delete_with_a_savepoint(scene: &Scene<'_>) -> Outcome<String> {
    let state = scene.world.folder(&state_folder(&scene.place, JOB)).await?;
    let before = list_savepoints(&state).await?.len();
    let ns = scene.place.namespace.as_str();
    scene.world.kubectl(&["-n", ns, "delete", "streamjob", JOB, "--timeout=80s"]).await?;
    let gone = scene.api::<StreamJob>().get_opt(JOB).await?.is_none();
    ensure(gone, || "the job is still there".to_owned())?;
    let store = &state;
    until("the job's objects to go", PATIENCE, || look_after_delete(store)).await?;
    let mut savepoints = list_savepoints(&state).await?;
    ensure(savepoints.len() == before + 1, || {
        format!("{before} savepoints before the deletion, {} after", savepoints.len())
    })?;
    savepoints.sort_by_key(|savepoint| savepoint.epoch);
    match savepoints.pop() {
        Some(last) => Ok(last.location),
        None => fail("no savepoint is there"),
    }
}
