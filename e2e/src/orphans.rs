//! Checks that a job's folder holds nothing that no live manifest refers to.

use std::collections::BTreeSet;
use std::sync::Arc;

use sabot_core::store::ObjectStore;
use sabot_snapshot::control;
use sabot_snapshot::layout::{self, ObjectKind};
use sabot_snapshot::manifest::Manifest;
use sabot_types::Epoch;

use crate::failure::{Failure, Outcome};
use crate::wait::Seen;

/// Looks at the folder of a job that runs, with `retained` checkpoints.
pub(crate) async fn look(store: &Arc<dyn ObjectStore>, retained: usize) -> Outcome<Seen<usize>> {
    let objects = store.list("").await?;
    let Some(control) = control::read(store.as_ref()).await? else {
        return Err(Failure("control.json is not there".to_owned()));
    };
    // A checkpoint in progress has objects that nothing refers to yet.
    let latest =
        control.record.latest.as_ref().map_or(Epoch::new(0), sabot_types::ManifestRef::epoch);
    let attempt = control.record.attempt;
    let mut manifests = 0;
    let mut needed = BTreeSet::new();
    for object in &objects {
        if let ObjectKind::Manifest { .. } = layout::parse(&object.key) {
            manifests += 1;
            let bytes = store.get(&object.key).await?.bytes;
            let manifest = Manifest::from_bytes(&bytes, &object.key)?;
            needed.extend(manifest.segments.into_iter().map(|segment| segment.key));
        }
    }
    let orphan = objects.iter().find(|object| match layout::parse(&object.key) {
        ObjectKind::Segment { attempt: of, epoch } => {
            let in_progress = of == attempt && epoch > latest;
            !in_progress && !needed.contains(&object.key)
        }
        ObjectKind::Manifest { .. } => false,
        ObjectKind::Other => {
            object.key != layout::CONTROL && !object.key.starts_with(layout::SAVEPOINTS)
        }
    });
    // One more may just have been published and not yet been collected.
    if manifests > retained + 1 {
        return Ok(Seen::NotYet(format!("{manifests} manifests are there, {retained} are kept")));
    }
    Ok(match orphan {
        Some(object) => Seen::NotYet(format!("nothing refers to {}", object.key)),
        None => Seen::Done(objects.len()),
    })
}

/// Looks for hidden output that was never made visible nor removed.
pub(crate) async fn look_for_pending(output: &Arc<dyn ObjectStore>) -> Outcome<Seen<()>> {
    let hidden = output.list("_sabot-pending/").await?;
    Ok(match hidden.first() {
        Some(object) => {
            Seen::NotYet(format!("{} hidden objects, such as {}", hidden.len(), object.key))
        }
        None => Seen::Done(()),
    })
}

/// Looks at the folder of a job that was deleted: only savepoints may be left.
pub(crate) async fn look_after_delete(store: &Arc<dyn ObjectStore>) -> Outcome<Seen<usize>> {
    let objects = store.list("").await?;
    let left = objects.iter().find(|object| !object.key.starts_with(layout::SAVEPOINTS));
    Ok(match left {
        Some(object) => Seen::NotYet(format!("{} is still there", object.key)),
        None => Seen::Done(objects.len()),
    })
}
