//! Processes and pods die under load: nothing is lost, nothing is counted twice.

use kube::ResourceExt;

use super::Verdict;
use crate::check::{self, output_after, seconds};
use crate::failure::Outcome;
use crate::manifest::JobShape;
use crate::scene::Scene;
use crate::world::now_ms;

pub(super) const JOB: &str = "counts";

pub(crate) async fn run(scene: &Scene<'_>) -> Outcome<Verdict> {
    let shape = JobShape { parallelism: 2, ..JobShape::new(JOB) };
    let load = scene.start(&shape, 200).await?;
    scene.wait_settled(JOB).await?;
    output_after(scene, now_ms()).await?;
    if scene.world.has_levers() {
        for (ordinal, what) in [(1, "kill -9 of a worker"), (0, "kill -9 of pod 0")] {
            let pod = scene.pod(JOB, ordinal).await?.name_any();
            let ns = scene.place.namespace.clone();
            disturb(scene, what, async {
                scene.world.lever(&["pod", "kill", &ns, &pod]).await.map(drop)
            })
            .await?;
        }
    } else {
        scene.note("no process is killed: SABOT_E2E_CLUSTER is not set");
    }
    for ordinal in [1, 0] {
        let pod = scene.pod(JOB, ordinal).await?.name_any();
        let ns = scene.place.namespace.as_str();
        let force = ["-n", ns, "delete", "pod", &pod, "--force", "--grace-period=0"];
        disturb(scene, &format!("forced deletion of pod {ordinal}"), async {
            scene.world.kubectl(&force).await.map(drop)
        })
        .await?;
    }
    check::finish(scene, JOB, load).await?;
    Ok(Verdict::Passed)
}

/// Does something to the job [`JOB`] that it has to recover from with another attempt.
pub(super) async fn disturb(
    scene: &Scene<'_>,
    what: &str,
    act: impl Future<Output = Outcome>,
) -> Outcome {
    let before = scene.status(JOB).await?.attempt.unwrap_or_default();
    let from = now_ms();
    act.await.map_err(|failure| failure.during(what))?;
    scene.wait_recovered(JOB, before).await.map_err(|failure| failure.during(what))?;
    let running = now_ms();
    output_after(scene, running).await.map_err(|failure| failure.during(what))?;
    scene.note(format_args!("{what}: runs again after {}", seconds(running - from)));
    scene.disturbed(what, from);
    Ok(())
}
