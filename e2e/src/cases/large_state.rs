//! The figures: how long the output stays away in an upgrade, rescales and a kill, with a million
//! keys in the state and 20,000 records a second.

use std::collections::BTreeSet;
use std::time::Duration;

use kube::ResourceExt;
use sabot_crds::OperationResult;
use serde::Deserialize;
use serde_json::json;

use super::Verdict;
use super::kills::{JOB, disturb};
use crate::check::{self, output_after, seconds};
use crate::expect::PARTITIONS;
use crate::failure::{Outcome, ensure, fail};
use crate::manifest::{JobShape, LARGE_KEYS, Version, large_folder, statements_of};
use crate::output::visible;
use crate::scene::Scene;
use crate::wait::{Seen, until};
use crate::world::now_ms;

/// Records a second and partition until every key is there, then while something happens.
const FILL_RATE: u64 = 20_000;
const RATE: u64 = 5_000;
/// How long filling the topic and reading it may take.
const FILLED_WITHIN: Duration = Duration::from_secs(120);

pub(crate) async fn run(scene: &Scene<'_>) -> Outcome<Verdict> {
    let shape = JobShape { large: true, ..JobShape::new(JOB) };
    let load = scene.produce(FILL_RATE)?;
    let fill = LARGE_KEYS / u64::from(PARTITIONS);
    until("the topic to be filled", FILLED_WITHIN, || async {
        let produced = load.produced();
        Ok(if produced >= fill { Seen::Done(()) } else { Seen::NotYet(produced.to_string()) })
    })
    .await?;
    load.set_rate(RATE);
    let applied = now_ms();
    scene.apply(&shape).await?;
    let first = output_after(scene, applied).await?;
    scene.note(format_args!("apply to first output: {}", seconds(first - applied)));
    scene.wait_settled(JOB).await?;
    all_keys_are_in_the_state(scene, fill).await?;

    let shape = JobShape { version: Version::WithMean, ..shape };
    let text = statements_of(&scene.world.settings, &scene.place, &shape);
    let upgrade = json!({ "spec": { "program": { "sql": { "inline": text } } } });
    operation(scene, "upgrade with a savepoint", &upgrade).await?;
    for (from, to) in [(1, 2), (2, 1)] {
        let scale = json!({ "spec": { "parallelism": to } });
        operation(scene, &format!("rescale {from} to {to}"), &scale).await?;
    }
    if scene.world.has_levers() {
        let pod = scene.pod(JOB, 0).await?.name_any();
        let ns = scene.place.namespace.as_str();
        disturb(scene, "kill -9 of the pod", async {
            scene.world.lever(&["pod", "kill", ns, &pod]).await.map(drop)
        })
        .await?;
    }
    let output = check::finish(scene, JOB, load).await?;
    ensure(output.rows_with_mean() > 0, || "no row has the new column".to_owned())?;
    large_output_is_right(scene, output.records()).await?;
    Ok(Verdict::Passed)
}

/// Waits until a savepoint includes the records that bring every key: `fill` of each partition.
async fn all_keys_are_in_the_state(scene: &Scene<'_>, fill: u64) -> Outcome {
    until("all keys to be in the state", FILLED_WITHIN, || async {
        let summary = check::state_is_right(scene, JOB, None).await?;
        Ok(match summary.records_min >= fill {
            true => Seen::Done(()),
            false => Seen::NotYet(format!("{} of {fill} records are", summary.records_min)),
        })
    })
    .await?;
    let size = scene.status(JOB).await?.checkpoint.map_or(0, |checkpoint| checkpoint.size_bytes);
    scene.note(format_args!("{LARGE_KEYS} keys are in the state, {} MB", size / 1_000_000));
    Ok(())
}

async fn operation(scene: &Scene<'_>, what: &str, patch: &serde_json::Value) -> Outcome {
    let from = now_ms();
    scene.patch(JOB, patch).await?;
    let Some(record) = scene.wait_settled(JOB).await? else { return fail("no operation is noted") };
    ensure(record.result == OperationResult::Succeeded, || format!("{what}: {record:?}"))?;
    output_after(scene, now_ms()).await?;
    scene.disturbed(what, from);
    let downtime = record.downtime_ms.map_or_else(|| "unknown".to_owned(), seconds);
    scene.note(format_args!("{what}: downtime {downtime}"));
    Ok(())
}

#[derive(Deserialize)]
struct Row {
    number: i64,
    cnt: i64,
}

/// Each key once, and all of its records.
async fn large_output_is_right(scene: &Scene<'_>, records: i64) -> Outcome {
    let store = scene.world.folder(&large_folder(&scene.place)).await?;
    let store = &store;
    until("the large state's output", FILLED_WITHIN, || async move {
        let mut keys = BTreeSet::new();
        let mut counted = 0;
        for object in visible(store).await? {
            let content = store.get(&object.key).await?.bytes;
            for line in content.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                let row: Row = serde_json::from_slice(line)?;
                ensure(keys.insert(row.number), || format!("key {} is there twice", row.number))?;
                counted += row.cnt;
            }
        }
        if keys.len() < usize::try_from(LARGE_KEYS)? {
            return Ok(Seen::NotYet(format!("{} keys are visible", keys.len())));
        }
        ensure(counted == records, || format!("{counted} of {records} records are counted"))?;
        scene.note(format_args!("{} keys, each once, {counted} records", keys.len()));
        Ok(Seen::Done(()))
    })
    .await
}
