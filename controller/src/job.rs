//! One reconciliation of a StreamJob: look, validate, plan, carry out one effect, write the status.

pub mod build;
pub mod execute;
pub mod names;
pub mod observe;
pub mod plan;
pub mod seen;
pub mod status;
pub mod target;
pub mod transition;
pub mod wants;
pub mod world;

use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::runtime::controller::Action;
use kube::{Api, ResourceExt};
use sabot_crds::{OperationResult, OperationStep, StreamJob, StreamJobStatus};

use crate::context::Context;
use crate::events;
use crate::failpoint::Moment;
use crate::reason::Reason;
use execute::{Done, Scene};
use plan::{Advance, Effect, Plan, Recheck};
use status::Look;
use target::{NoTarget, Target, target};
use world::World;

/// Effects of one reconciliation at most; the next one goes on.
const EFFECTS_MAX: usize = 40;
const RECHECK_SOON: Duration = Duration::from_millis(200);
const RECHECK_NORMAL: Duration = Duration::from_secs(1);
const RECHECK_IDLE: Duration = Duration::from_secs(5);
const RETRY: Duration = Duration::from_millis(500);

/// Why a reconciliation ended early; it is tried again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something could not be read.
    #[error("looking at the job failed")]
    Observe(#[source] Box<kube::Error>),
    /// An effect failed.
    #[error("{effect} failed")]
    Execute {
        /// The effect's name.
        effect: String,
        /// Why.
        #[source]
        source: execute::Error,
    },
    /// The status could not be written.
    #[error("writing the status failed")]
    Status(#[source] Box<kube::Error>),
}

/// Reconciles one job.
pub async fn reconcile(job: Arc<StreamJob>, context: Arc<Context>) -> Result<Action, Error> {
    let started = Instant::now();
    let result = Box::pin(step_until_waiting(&job, &context)).await;
    context.metrics.reconciled(started.elapsed().as_secs_f64(), result.is_err());
    result
}

/// When to try again after an error.
#[allow(clippy::needless_pass_by_value)] // the signature that the runtime calls
pub fn on_error(job: Arc<StreamJob>, error: &Error, _: Arc<Context>) -> Action {
    let cause = causes(error);
    match error {
        Error::Status(source) if is_conflict(source) => {
            tracing::debug!(job = %job.name_any(), "status changed meanwhile");
        }
        _ => tracing::warn!(
            job = %job.name_any(),
            namespace = %job.namespace().unwrap_or_default(),
            error = %cause,
            "reconciliation failed; it is tried again"
        ),
    }
    Action::requeue(RETRY)
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

async fn step_until_waiting(seen: &StreamJob, context: &Context) -> Result<Action, Error> {
    let api: Api<StreamJob> =
        Api::namespaced(context.client.clone(), &seen.namespace().unwrap_or_default());
    let observe = |error: kube::Error| Error::Observe(Box::new(error));
    for _ in 0..EFFECTS_MAX {
        // Read anew: a cached step could bring back a set that a later step has removed.
        let Some(job) = api.get_opt(&seen.name_any()).await.map_err(observe)? else {
            return Ok(Action::await_change());
        };
        let referenced = referenced_program(context, &job).await.map_err(observe)?;
        let target = target(&job, referenced);
        let world = observe::observe(context, &job).await.map_err(observe)?;
        let step = Step { context, api: &api, job, target, world, now: Timestamp::now() };
        if let Some(action) = step.take().await? {
            return Ok(action);
        }
    }
    Ok(Action::requeue(RECHECK_SOON))
}

/// The text of the program's ConfigMap, where the job refers to one.
async fn referenced_program(
    context: &Context,
    job: &StreamJob,
) -> Result<Option<Result<String, String>>, kube::Error> {
    let Some(reference) = &job.spec.program.sql.config_map_ref else { return Ok(None) };
    let api: Api<ConfigMap> =
        Api::namespaced(context.client.clone(), &job.namespace().unwrap_or_default());
    let map = api.get_opt(&reference.name).await?;
    Ok(Some(match map {
        None => Err(format!("ConfigMap {} does not exist: create it", reference.name)),
        Some(map) => map.data.and_then(|mut data| data.remove(&reference.key)).ok_or_else(|| {
            format!("ConfigMap {} has no key {}: add it", reference.name, reference.key)
        }),
    }))
}

/// One look at a job and what it leads to.
struct Step<'a> {
    context: &'a Context,
    api: &'a Api<StreamJob>,
    job: StreamJob,
    target: Result<Target, NoTarget>,
    world: World,
    now: Timestamp,
}

impl Step<'_> {
    /// Carries out what is to be done next; an action when there is nothing to do now.
    async fn take(mut self) -> Result<Option<Action>, Error> {
        let situation = wants::situation(&self.job, &self.target, &self.world, self.now);
        let plan = plan::plan(&situation);
        let Plan::Act { effect, because } = plan else {
            self.write(plan, None).await?;
            return Ok(Some(Action::requeue(recheck(plan))));
        };
        let name = effect.name();
        tracing::info!(
            job = %self.job.name_any(),
            namespace = %self.job.namespace().unwrap_or_default(),
            effect = %name,
            reason = %because,
            "acting"
        );
        self.context.failpoints.hit(&name, Moment::Before).await;
        if events::is_worth_telling(effect) {
            let note = self.world.explain(because);
            events::publish(&self.context.recorder, &self.job, because, &name, note).await;
        }
        match self.changed_status(effect) {
            Some(status) => self.write(plan, Some(status)).await?,
            None => self.execute(effect, plan).await?,
        }
        self.context.failpoints.hit(&name, Moment::After).await;
        if effect == Effect::Conclude {
            self.tell_conclusion().await;
        }
        Ok(None)
    }

    /// The status after an effect that changes nothing else.
    fn changed_status(&self, effect: Effect) -> Option<StreamJobStatus> {
        let target = self.target.as_ref().ok();
        match effect {
            Effect::Begin(kind) => Some(transition::begin(&self.job, target, kind, self.now)),
            Effect::Advance(advance) => {
                Some(transition::advance(&self.job, advance, &self.world, self.now))
            }
            Effect::Conclude => Some(transition::conclude(&self.job, &self.world, self.now)),
            Effect::MarkFinished => {
                let status = self.job.status.clone().unwrap_or_default();
                Some(StreamJobStatus { finished: true, ..status })
            }
            _ => None,
        }
    }

    async fn execute(&mut self, effect: Effect, plan: Plan) -> Result<(), Error> {
        let scene = Scene {
            context: self.context,
            job: &self.job,
            target: self.target.as_ref().ok(),
            world: &self.world,
        };
        let done = scene
            .execute(effect)
            .await
            .map_err(|source| Error::Execute { effect: effect.name(), source })?;
        match done {
            Done::Yes => Ok(()),
            Done::ClaimRefused(message) => {
                let status = transition::claim_refused(&self.job, message);
                self.write(plan, Some(status)).await
            }
            Done::NamespaceGoing => {
                let outcome = Some((OperationResult::Failed, Reason::CleanupIncomplete));
                let advance = Advance { to: OperationStep::Finish, outcome, claim: None };
                let status = transition::advance(&self.job, advance, &self.world, self.now);
                self.write(plan, Some(status)).await
            }
        }
    }

    /// Writes the status if it differs, conditioned on what was read.
    async fn write(&mut self, plan: Plan, changed: Option<StreamJobStatus>) -> Result<(), Error> {
        let before = self.job.status.clone().unwrap_or_default();
        if let Some(changed) = changed {
            self.job.status = Some(changed);
        }
        let seen = self.world.seen(&self.job, self.now);
        let after = status::render(&Look {
            job: &self.job,
            target: &self.target,
            world: &self.world,
            seen,
            plan,
            now: self.now,
        });
        if after == before {
            return Ok(());
        }
        for (reason, note) in events::of_conditions(&before, &after) {
            events::publish(&self.context.recorder, &self.job, reason, "Reconcile", Some(note))
                .await;
        }
        self.job.status = Some(after);
        self.api
            .replace_status(&self.job.name_any(), &PostParams::default(), &self.job)
            .await
            .map_err(|error| Error::Status(Box::new(error)))?;
        Ok(())
    }

    async fn tell_conclusion(&self) {
        let status = self.job.status.clone().unwrap_or_default();
        if let Some(record) = status.last_operations.first() {
            self.context.metrics.operation_ended(record);
        }
        for (reason, note) in events::of_conclusion(&status) {
            events::publish(&self.context.recorder, &self.job, reason, "Conclude", Some(note))
                .await;
        }
    }
}

fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_conflict() || status.is_not_found())
}

fn recheck(plan: Plan) -> Duration {
    match plan {
        Plan::Wait { recheck: Recheck::Soon, .. } => RECHECK_SOON,
        Plan::Wait { recheck: Recheck::Normal, .. } | Plan::Act { .. } => RECHECK_NORMAL,
        Plan::Wait { recheck: Recheck::Idle, .. } | Plan::Stuck { .. } => RECHECK_IDLE,
    }
}
