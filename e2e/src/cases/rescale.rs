//! `kubectl scale` under load, up and down.

use sabot_crds::OperationResult;

use super::Verdict;
use crate::check::{self, output_after, seconds};
use crate::failure::{Outcome, ensure, fail};
use crate::manifest::JobShape;
use crate::scene::Scene;
use crate::world::now_ms;

const JOB: &str = "counts";

pub(crate) async fn run(scene: &Scene<'_>) -> Outcome<Verdict> {
    let load = scene.start(&JobShape::new(JOB), 200).await?;
    scene.wait_settled(JOB).await?;
    output_after(scene, now_ms()).await?;
    for (from, to) in [(1, 3), (3, 2)] {
        let what = format!("rescale {from} to {to}");
        let began = now_ms();
        let (ns, replicas) = (scene.place.namespace.as_str(), format!("--replicas={to}"));
        scene.world.kubectl(&["-n", ns, "scale", "streamjob/counts", &replicas]).await?;
        let Some(record) = scene.wait_settled(JOB).await? else {
            return fail("no operation is noted");
        };
        ensure(record.result == OperationResult::Succeeded, || format!("{what}: {record:?}"))?;
        let replicas = scene.status(JOB).await?.scale.map_or(0, |scale| scale.replicas);
        ensure(replicas == to, || format!("{what}: {replicas} slots run"))?;
        let pods = scene.pods(JOB).await?.len();
        ensure(pods == usize::try_from(to)?, || format!("{what}: {pods} pods are there"))?;
        output_after(scene, now_ms()).await?;
        scene.disturbed(what.as_str(), began);
        let downtime = record.downtime_ms.map_or_else(|| "unknown".to_owned(), seconds);
        let summary = check::state_is_right(scene, JOB, None).await?;
        scene.note(format_args!(
            "{what}: downtime {downtime}; {} open cells, each right",
            summary.cells
        ));
    }
    check::finish(scene, JOB, load).await?;
    Ok(Verdict::Passed)
}
