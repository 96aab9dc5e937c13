//! The end of every case: nothing lost, nothing twice, nothing late, nothing left over.

use std::time::Duration;

use kube::Api;
use kube::api::PostParams;
use sabot_crds::{SavepointPhase, StreamSavepoint};
use serde_json::json;

use crate::expect::tallies;
use crate::failure::{Outcome, ensure, fail};
use crate::manifest::{RETAINED, output_folder, state_folder};
use crate::orphans;
use crate::output::{Output, longest_gap_ms};
use crate::producer::Load;
use crate::savepoint;
use crate::scene::{PATIENCE, Scene};
use crate::wait::{Seen, until};
use crate::world::now_ms;

/// How long garbage may stay.
const GARBAGE: Duration = Duration::from_secs(20);

/// Ends the input and checks everything that `job` has made of it.
pub(crate) async fn finish(scene: &Scene<'_>, job: &str, load: Load) -> Outcome<Output> {
    let count = load.finish().await?;
    let output = output_is_right(scene, count).await?;
    let summary = state_is_right(scene, job, Some(count)).await?;
    scene.note(format_args!(
        "{} records in {} windows: each counted once; {} cell open in the last savepoint",
        count * 4,
        output.rows(),
        summary.cells
    ));
    nothing_was_late(scene).await?;
    nothing_is_left_over(scene, job).await?;
    for disturbance in scene.disturbances() {
        let gap = longest_gap_ms(&scene.output_times(), disturbance.from_ms, disturbance.to_ms);
        let gap = gap.map_or_else(|| "not seen".to_owned(), seconds);
        scene.note(format_args!("gap in the output, {}: {gap}", disturbance.what));
    }
    Ok(output)
}

/// Milliseconds as seconds, for people.
pub(crate) fn seconds(ms: i64) -> String {
    format!("{}.{} s", ms / 1000, (ms % 1000) / 100)
}

/// Waits until all windows are there, and compares each with what was produced.
pub(crate) async fn output_is_right(scene: &Scene<'_>, count: u64) -> Outcome<Output> {
    let expected = tallies(&[count; 4]);
    let mut output = Output::new(scene.world.folder(&output_folder(&scene.place)).await?);
    let began = std::time::Instant::now();
    // Rows that are twice or extra end the wait as well: they are told by the comparison.
    while output.refresh().await? < expected.len() {
        if began.elapsed() > PATIENCE {
            output.compare(&expected)?;
            return fail("the output never became complete");
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    output.compare(&expected)?;
    Ok(output)
}

/// Asks for a savepoint, as a user, and compares the state in it with what was produced.
pub(crate) async fn state_is_right(
    scene: &Scene<'_>,
    job: &str,
    count: Option<u64>,
) -> Outcome<savepoint::StateSummary> {
    let location = take_savepoint(scene, job).await?;
    savepoint::check(&scene.world.stores, &location, count).await
}

/// Asks for a savepoint and waits for it; its location.
pub(crate) async fn take_savepoint(scene: &Scene<'_>, job: &str) -> Outcome<String> {
    let api: Api<StreamSavepoint> = scene.api();
    let name = format!("{job}-{}", now_ms());
    let wanted: StreamSavepoint = serde_json::from_value(json!({
        "apiVersion": sabot_crds::API_VERSION,
        "kind": "StreamSavepoint",
        "metadata": { "name": name, "namespace": scene.place.namespace },
        "spec": { "jobRef": { "name": job }, "timeout": "60s" },
    }))?;
    api.create(&PostParams::default(), &wanted).await?;
    let (api, name) = (&api, name.as_str());
    until("the savepoint", PATIENCE, || async move {
        let status = api.get(name).await?.status.unwrap_or_default();
        Ok(match (status.phase, status.location) {
            (Some(SavepointPhase::Completed), Some(location)) => Seen::Done(location),
            (phase, _) => Seen::NotYet(format!("it is {phase:?}: {:?}", status.message)),
        })
    })
    .await
}

/// The count of late rows, over all pods that the case ever had, is there and is 0.
async fn nothing_was_late(scene: &Scene<'_>) -> Outcome {
    if scene.world.settings.prometheus.is_none() {
        scene.note("late rows are not looked at: there is no Prometheus");
        return Ok(());
    }
    let ns = &scene.place.namespace;
    let query = format!(
        "sum(max_over_time(sabot_events_processed_total{{namespace=\"{ns}\",status=\"late\"}}[1h]))"
    );
    let query = query.as_str();
    let late = until("the count of late rows", Duration::from_secs(30), || async move {
        let found = scene.world.query(query).await?;
        Ok(match found.first() {
            Some((_, late)) => Seen::Done(*late),
            None => Seen::NotYet("Prometheus has no such samples".to_owned()),
        })
    })
    .await?;
    ensure(late == 0.0, || format!("{late} rows were dropped as late"))
}

/// The job's folder holds only what its live checkpoints need, and no hidden output.
pub(crate) async fn nothing_is_left_over(scene: &Scene<'_>, job: &str) -> Outcome {
    let state = scene.world.folder(&state_folder(&scene.place, job)).await?;
    let state = &state;
    until("garbage to be collected", GARBAGE, || orphans::look(state, RETAINED)).await?;
    let output = scene.world.folder(&output_folder(&scene.place)).await?;
    let output = &output;
    until("hidden output to go", GARBAGE, || orphans::look_for_pending(output)).await
}

/// Waits until an object becomes visible after `since_ms`; its time.
pub(crate) async fn output_after(scene: &Scene<'_>, since_ms: i64) -> Outcome<i64> {
    until("new output", PATIENCE, || async move {
        let times = scene.output_times();
        Ok(match times.iter().find(|time| **time > since_ms) {
            Some(time) => Seen::Done(*time),
            None => Seen::NotYet(format!("{} objects are visible", times.len())),
        })
    })
    .await
}
