//! Events about a job, for `kubectl describe`.

use kube::Resource;
use kube::runtime::events::{Event, EventType, Recorder};
use sabot_crds::{OperationResult, StreamJob, StreamJobStatus};

use crate::job::plan::Effect;
use crate::reason::Reason;

/// What the API server takes at most.
const NOTE_BYTES: usize = 1000;

/// Publishes one event; one that cannot be published is logged and forgotten.
pub async fn publish(
    recorder: &Recorder,
    job: &StreamJob,
    reason: Reason,
    action: &str,
    note: Option<String>,
) {
    let mut note = note.unwrap_or_else(|| reason.sentence().to_owned());
    while note.len() > NOTE_BYTES {
        note.pop();
    }
    let event = Event {
        type_: if reason.is_warning() { EventType::Warning } else { EventType::Normal },
        reason: reason.name(),
        note: Some(note),
        action: action.to_owned(),
        secondary: None,
    };
    if let Err(error) = recorder.publish(&event, &job.object_ref(&())).await {
        tracing::warn!(%error, %reason, "event not published");
    }
}

/// Whether this effect is worth an event of its own.
pub fn is_worth_telling(effect: Effect) -> bool {
    match effect {
        Effect::Begin(_) | Effect::ForceDeletePods | Effect::ResumeJob | Effect::MarkFinished => {
            true
        }
        Effect::Advance(advance) => advance.outcome.is_some(),
        Effect::AddFinalizer
        | Effect::RemoveFinalizer
        | Effect::RecordRevision
        | Effect::Conclude
        | Effect::StartPreflight
        | Effect::RequestSavepoint
        | Effect::RemoveSet
        | Effect::CreateSet
        | Effect::Activate
        | Effect::StartCleanup
        | Effect::RemoveLeftovers
        | Effect::ScaleToZero => false,
    }
}

/// The events that an operation's end is told with.
pub fn of_conclusion(status: &StreamJobStatus) -> Vec<(Reason, String)> {
    let Some(record) = status.last_operations.first() else { return Vec::new() };
    let downtime = record.downtime_ms.map_or(String::new(), |ms| format!(", down for {ms} ms"));
    let why = record.message.clone().unwrap_or_default();
    let text = |what: &str| format!("{} {what}{downtime}", record.id);
    match record.result {
        OperationResult::Succeeded => vec![(Reason::Succeeded, text("is done"))],
        OperationResult::RolledBack => vec![
            (Reason::RolledBack, format!("{}: {}: {why}", text("was rolled back"), record.reason)),
            (Reason::OutputMayRepeat, Reason::OutputMayRepeat.sentence().to_owned()),
        ],
        OperationResult::Superseded => vec![(Reason::Superseded, text("was superseded"))],
        // Told when it was decided.
        OperationResult::Blocked | OperationResult::Failed => Vec::new(),
    }
}

/// The conditions that have turned bad with this status, as events.
pub fn of_conditions(before: &StreamJobStatus, after: &StreamJobStatus) -> Vec<(Reason, String)> {
    let watched = [("Stalled", "True"), ("Accepted", "False"), ("CheckpointsHealthy", "False")];
    let status_of = |status: &StreamJobStatus, kind: &str| {
        let mut conditions = status.conditions.iter();
        conditions.find(|condition| condition.type_ == kind).cloned()
    };
    watched
        .into_iter()
        .filter_map(|(kind, bad)| {
            let now = status_of(after, kind).filter(|condition| condition.status == bad)?;
            let was = status_of(before, kind);
            let news = was.is_none_or(|was| was.status != bad || was.reason != now.reason);
            let reason = Reason::from_name(&now.reason)?;
            news.then_some((reason, now.message))
        })
        .collect()
}
