//! The S3 server dies and comes back after 20 s.

use std::time::Duration;

use super::Verdict;
use crate::check::{self, output_after, seconds};
use crate::failure::Outcome;
use crate::manifest::JobShape;
use crate::scene::Scene;
use crate::world::now_ms;

const JOB: &str = "counts";
const AWAY: Duration = Duration::from_secs(20);

pub(crate) async fn run(scene: &Scene<'_>) -> Outcome<Verdict> {
    if !scene.world.has_levers() {
        return Ok(Verdict::Skipped("SABOT_E2E_CLUSTER is not set".to_owned()));
    }
    let shape = JobShape { parallelism: 2, backend: "memory", ..JobShape::new(JOB) };
    let load = scene.start(&shape, 100).await?;
    scene.wait_settled(JOB).await?;
    output_after(scene, now_ms()).await?;
    let from = now_ms();
    scene.world.lever(&["s3", "kill"]).await?;
    // The outage itself: nothing is waited for.
    tokio::time::sleep(AWAY).await;
    scene.world.lever(&["s3", "up"]).await?;
    let back = now_ms();
    let first = output_after(scene, back).await?;
    scene.note(format_args!("first output {} after S3 was back", seconds(first - back)));
    scene.disturbed("S3 away for 20 s", from);
    scene.wait_settled(JOB).await?;
    check::finish(scene, JOB, load).await?;
    Ok(Verdict::Passed)
}
