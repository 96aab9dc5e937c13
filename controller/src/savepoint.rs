//! One reconciliation of a StreamSavepoint: asks the job's coordinator and notes the answer.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::api::PostParams;
use kube::runtime::controller::Action;
use kube::{Api, ResourceExt};
use sabot_api::{SavepointMode, SavepointRequest, SavepointView};
use sabot_crds::{SavepointPhase, StreamJob, StreamSavepoint, StreamSavepointStatus};

use crate::context::Context;
use crate::coordinator;
use crate::job::names::{CONTAINER, set_name};
use crate::reason::Reason;

const RECHECK: Duration = Duration::from_millis(500);
const RETRY: Duration = Duration::from_secs(2);
const DEFAULT_TIMEOUT: Duration = Duration::from_mins(10);

/// Why a reconciliation ended early; it is tried again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server did not do what it should.
    #[error("reading or writing the savepoint's objects failed")]
    Api(#[from] Box<kube::Error>),
}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        Self::Api(Box::new(error))
    }
}

/// Reconciles one savepoint.
pub async fn reconcile(
    savepoint: Arc<StreamSavepoint>,
    context: Arc<Context>,
) -> Result<Action, Error> {
    let mut status = savepoint.status.clone().unwrap_or_default();
    let ended = matches!(status.phase, Some(SavepointPhase::Completed | SavepointPhase::Failed));
    if ended || savepoint.metadata.deletion_timestamp.is_some() {
        return Ok(Action::await_change());
    }
    let now = Timestamp::now();
    let requested = status.requested_at.get_or_insert(Time(whole_seconds(now))).0;
    let timeout = savepoint.spec.timeout.or(DEFAULT_TIMEOUT);
    match ask(&savepoint, &context, timeout, &mut status).await? {
        Answer::View(view) => note(&mut status, view, now),
        Answer::NotNow(why) => {
            status.phase = Some(SavepointPhase::Pending);
            status.message = Some(why);
        }
    }
    let waited = now.duration_since(requested);
    let limit = SignedDuration::try_from(timeout).unwrap_or(SignedDuration::MAX);
    let open =
        matches!(status.phase, None | Some(SavepointPhase::Pending | SavepointPhase::InProgress));
    // The coordinator gives up by itself; this is for one that never answers.
    if open && waited > limit.saturating_add(SignedDuration::from_secs(30)) {
        let message = status.message.take().unwrap_or_default();
        let message = format!("not done within {}: {message}", savepoint.spec.timeout);
        note(&mut status, SavepointView::Failed { message }, now);
    }
    write(&savepoint, &context, status).await?;
    Ok(if open { Action::requeue(RECHECK) } else { Action::await_change() })
}

/// When to try again after an error.
#[allow(clippy::needless_pass_by_value)] // the signature that the runtime calls
pub fn on_error(savepoint: Arc<StreamSavepoint>, error: &Error, _: Arc<Context>) -> Action {
    tracing::warn!(savepoint = %savepoint.name_any(), %error, "savepoint not reconciled; it is tried again");
    Action::requeue(RETRY)
}

enum Answer {
    View(SavepointView),
    NotNow(String),
}

async fn ask(
    savepoint: &StreamSavepoint,
    context: &Context,
    timeout: Duration,
    status: &mut StreamSavepointStatus,
) -> Result<Answer, Error> {
    let namespace = savepoint.namespace().unwrap_or_default();
    let name = &savepoint.spec.job_ref.name;
    let jobs: Api<StreamJob> = Api::namespaced(context.client.clone(), &namespace);
    let Some(job) = jobs.get_opt(name).await? else {
        return Ok(Answer::NotNow(format!("StreamJob {name} does not exist in this namespace")));
    };
    let Some(current) = job.status.and_then(|status| status.current) else {
        return Ok(Answer::NotNow(format!("StreamJob {name} does not run yet")));
    };
    let pods: Api<Pod> = Api::namespaced(context.client.clone(), &namespace);
    let pod = pods.get_opt(&format!("{}-0", set_name(name, current.number))).await?;
    let address = pod.as_ref().and_then(|pod| pod.status.as_ref()?.pod_ip.clone());
    let Some(address) = address else {
        return Ok(Answer::NotNow(format!("StreamJob {name} has no coordinator at the moment")));
    };
    status.revision = Some(current.revision);
    status.image = pod.as_ref().and_then(|pod| {
        let containers = &pod.spec.as_ref()?.containers;
        containers.iter().find(|container| container.name == CONTAINER)?.image.clone()
    });
    let id = format!("{}-{}", savepoint.name_any(), savepoint.uid().unwrap_or_default());
    let id: String = id.chars().rev().take(128).collect::<Vec<_>>().into_iter().rev().collect();
    let id = id.trim_start_matches('.');
    let request = SavepointRequest {
        mode: SavepointMode::PreCopy,
        lease_seconds: 0,
        timeout_seconds: u32::try_from(timeout.as_secs().max(1)).unwrap_or(u32::MAX),
    };
    let coordinator = context.coordinators.at(&address);
    Ok(match coordinator.request_savepoint(id, &request).await {
        Ok(view) => Answer::View(view),
        Err(
            error @ (coordinator::Error::Refused(_)
            | coordinator::Error::Unreachable(_)
            | coordinator::Error::Unexpected { .. }),
        ) => Answer::NotNow(error.to_string()),
    })
}

fn note(status: &mut StreamSavepointStatus, view: SavepointView, now: Timestamp) {
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    match view {
        SavepointView::InProgress => {
            status.phase = Some(SavepointPhase::InProgress);
            status.message = None;
        }
        SavepointView::Completed { location, epoch, attempt, size_bytes } => {
            status.phase = Some(SavepointPhase::Completed);
            status.location = Some(location);
            status.epoch = Some(signed(epoch.get()));
            status.attempt = Some(signed(attempt.get()));
            status.size_bytes = Some(signed(size_bytes));
            status.completed_at = Some(Time(whole_seconds(now)));
            status.message = None;
            end(status, "Completed", Reason::SavepointCompleted, now);
        }
        SavepointView::Failed { message } => {
            status.phase = Some(SavepointPhase::Failed);
            status.message = Some(message);
            end(status, "Failed", Reason::SavepointFailed, now);
        }
    }
}

fn end(status: &mut StreamSavepointStatus, kind: &str, reason: Reason, now: Timestamp) {
    let message = status.message.clone().unwrap_or_else(|| reason.sentence().to_owned());
    status.conditions = vec![Condition {
        type_: kind.to_owned(),
        status: "True".to_owned(),
        reason: reason.name(),
        message,
        observed_generation: None,
        last_transition_time: Time(whole_seconds(now)),
    }];
}

fn whole_seconds(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

async fn write(
    savepoint: &StreamSavepoint,
    context: &Context,
    status: StreamSavepointStatus,
) -> Result<(), Error> {
    if savepoint.status.as_ref() == Some(&status) {
        return Ok(());
    }
    let namespace = savepoint.namespace().unwrap_or_default();
    let api: Api<StreamSavepoint> = Api::namespaced(context.client.clone(), &namespace);
    let mut changed = savepoint.clone();
    changed.status = Some(status);
    match api.replace_status(&savepoint.name_any(), &PostParams::default(), &changed).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.is_conflict() || status.is_not_found() => Ok(()),
        Err(error) => Err(error.into()),
    }
}
