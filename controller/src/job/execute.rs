//! Carries one effect out. No choices are left here; every effect may be repeated.

use k8s_openapi::api::apps::v1::{ControllerRevision, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Service};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, Resource, ResourceExt};
use sabot_api::{ActivateRequest, JobState, RestoreFrom, SavepointMode, SavepointRequest};
use sabot_crds::spec::{RestoreMode, StateMode};
use sabot_crds::{
    Claim, CurrentSet, Operation, OperationStep, OperationType, StreamJob, StreamJobSpec,
};
use sabot_types::{Epoch, ManifestRef, OperationId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

use super::build::{self, SetPlan, Task};
use super::names::{FINALIZER, is_owned_by, set_name, set_of};
use super::plan::Effect;
use super::target::Target;
use super::world::World;
use crate::context::Context;
use crate::coordinator::{self, Coordinator};

/// After this a job that was parked for a change runs on by itself, if its controller is gone.
const LEASE_SECONDS: u32 = 60;
/// Parked pods hold nothing that has to be saved.
const GRACE_SECONDS: u32 = 1;
/// Revisions that are kept beside those in use.
const REVISIONS_KEPT: usize = 10;

/// Why an effect was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server refused or did not answer.
    #[error("changing {subject} failed")]
    Api {
        /// What was to be changed.
        subject: String,
        /// Why.
        #[source]
        source: Box<kube::Error>,
    },
    /// An object of that name belongs to somebody else.
    #[error("{subject} exists and does not belong to this job: remove it, or rename the job")]
    Foreign {
        /// The object.
        subject: String,
    },
    /// The coordinator did not do what it was asked.
    #[error("calling the coordinator failed")]
    Coordinator(#[from] coordinator::Error),
    /// Something that the effect needs is not there (any more); the next look will tell.
    #[error("{0} is not there")]
    Missing(&'static str),
    /// A kept revision cannot be read.
    #[error("revision {revision} cannot be read")]
    Revision {
        /// Its name.
        revision: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

/// What an effect came to, beyond that it was carried out.
#[derive(Debug, PartialEq, Eq)]
pub enum Done {
    /// It was carried out.
    Yes,
    /// The new set must not take over as it was asked to.
    ClaimRefused(String),
    /// Nothing can be made any more: the whole namespace is going.
    NamespaceGoing,
}

/// What an effect is carried out on.
pub struct Scene<'a> {
    /// What is shared.
    pub context: &'a Context,
    /// The job.
    pub job: &'a StreamJob,
    /// What the spec asks for, if that is valid.
    pub target: Option<&'a Target>,
    /// What is there.
    pub world: &'a World,
}

impl Scene<'_> {
    /// Carries out an effect that is not a mere change of the status.
    pub async fn execute(&self, effect: Effect) -> Result<Done, Error> {
        match effect {
            Effect::AddFinalizer => self.set_finalizer(true).await?,
            Effect::RemoveFinalizer => self.set_finalizer(false).await?,
            Effect::RecordRevision => self.record_revision().await?,
            Effect::StartPreflight => self.start_task(Task::Preflight).await?,
            Effect::StartCleanup => match self.start_task(Task::Cleanup).await {
                Err(error) if is_namespace_going(&error) => return Ok(Done::NamespaceGoing),
                other => other?,
            },
            Effect::RequestSavepoint => self.request_savepoint().await?,
            Effect::ResumeJob => self.resume().await?,
            Effect::RemoveSet => self.remove_set(self.focus()?).await?,
            Effect::CreateSet => self.create_set().await?,
            Effect::Activate => return self.activate().await,
            Effect::ForceDeletePods => self.force_delete_pods().await?,
            Effect::RemoveLeftovers => self.remove_leftovers().await?,
            Effect::ScaleToZero => self.scale_to_zero().await?,
            // Written by the reconciler, with the status.
            Effect::Begin(_) | Effect::Advance(_) | Effect::Conclude | Effect::MarkFinished => {}
        }
        Ok(Done::Yes)
    }

    fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
    {
        let client: Client = self.context.client.clone();
        Api::namespaced(client, &self.job.namespace().unwrap_or_default())
    }

    fn operation(&self) -> Result<&Operation, Error> {
        let operation = self.job.status.as_ref().and_then(|status| status.operation.as_ref());
        operation.ok_or(Error::Missing("the operation"))
    }

    fn focus(&self) -> Result<i64, Error> {
        self.world.focus.ok_or(Error::Missing("the set"))
    }

    fn coordinator(&self) -> Result<Coordinator, Error> {
        let ip = self.world.coordinator_ip(&self.job.name_any(), self.focus()?);
        Ok(self.context.coordinators.at(&ip.ok_or(Error::Missing("pod 0's address"))?))
    }

    async fn set_finalizer(&self, present: bool) -> Result<(), Error> {
        let mut finalizers = self.job.finalizers().to_vec();
        finalizers.retain(|name| name != FINALIZER);
        if present {
            finalizers.push(FINALIZER.to_owned());
        }
        let patch = serde_json::json!({ "metadata": {
            "finalizers": finalizers,
            "resourceVersion": self.job.resource_version(),
        } });
        let api: Api<StreamJob> = self.api();
        let name = self.job.name_any();
        match api.patch(&name, &PatchParams::default(), &Patch::Merge(&patch)).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.is_not_found() && !present => Ok(()),
            Err(source) => Err(api_error(format!("streamjob {name}"), source)),
        }
    }

    async fn record_revision(&self) -> Result<(), Error> {
        let target = self.target.ok_or(Error::Missing("the target revision"))?;
        let number = self.world.revisions.iter().map(|object| object.revision).max().unwrap_or(0);
        let object =
            build::controller_revision(self.job, &target.revision, &target.content, number + 1);
        self.create(&object).await?;
        self.forget_old_revisions(&target.revision).await
    }

    async fn forget_old_revisions(&self, wanted: &str) -> Result<(), Error> {
        let status = self.job.status.clone().unwrap_or_default();
        let mut used = vec![wanted.to_owned()];
        used.extend(status.current.map(|set| set.revision));
        used.extend(status.stable.map(|version| version.revision));
        let mut unused: Vec<&ControllerRevision> = self
            .world
            .revisions
            .iter()
            .filter(|object| match build::read_revision(object) {
                Some((revision, _)) => !used.contains(&revision),
                None => true,
            })
            .collect();
        unused.sort_by_key(|object| std::cmp::Reverse(object.revision));
        for object in unused.into_iter().skip(REVISIONS_KEPT) {
            self.delete::<ControllerRevision>(&object.name_any(), &DeleteParams::default()).await?;
        }
        Ok(())
    }

    /// The plan of a set of a recorded revision.
    fn set_plan<'a>(
        &'a self,
        set: &'a CurrentSet,
        operation: &'a str,
    ) -> Result<SetPlan<'a>, Error> {
        Ok(SetPlan {
            job: self.job,
            set,
            spec: self.revision_spec(&set.revision)?,
            operation,
            default_image: &self.context.default_image,
        })
    }

    fn revision_spec(&self, wanted: &str) -> Result<StreamJobSpec, Error> {
        let recorded = self.world.revisions.iter().filter_map(build::read_revision);
        let content = recorded
            .into_iter()
            .find_map(|(revision, content)| (revision == wanted).then_some(content))
            .or_else(|| {
                let target = self.target.filter(|target| target.revision == wanted)?;
                Some(target.content.clone())
            })
            .ok_or(Error::Missing("the set's revision"))?;
        content.spec().map_err(|source| Error::Revision { revision: wanted.to_owned(), source })
    }

    async fn start_task(&self, task: Task) -> Result<(), Error> {
        let op = self.operation()?;
        let set = match task {
            Task::Preflight => op.to.as_ref(),
            Task::Cleanup => op.from.as_ref(),
        };
        let plan = self.set_plan(set.ok_or(Error::Missing("the task's set"))?, &op.id)?;
        self.create(&build::config_map(&plan)).await?;
        self.create(&build::task_job(&plan, task)).await
    }

    async fn create_set(&self) -> Result<(), Error> {
        let status = self.job.status.clone().unwrap_or_default();
        let (set, id) = match &status.operation {
            Some(op) => (op.to.clone(), op.id.clone()),
            None => (status.current.clone(), "repair".to_owned()),
        };
        let set = set.ok_or(Error::Missing("the set"))?;
        let plan = self.set_plan(&set, &id)?;
        self.create(&build::config_map(&plan)).await?;
        self.create(&build::service(&plan)).await?;
        self.create(&build::stateful_set(&plan)).await
    }

    async fn remove_set(&self, set: i64) -> Result<(), Error> {
        let name = set_name(&self.job.name_any(), set);
        // The StatefulSet first, or it would make new pods for those that go.
        self.delete::<StatefulSet>(&name, &DeleteParams::background()).await?;
        let quick = DeleteParams::default().grace_period(GRACE_SECONDS);
        for pod in self.world.workers(set) {
            if pod.metadata.deletion_timestamp.is_none() {
                self.delete::<Pod>(&pod.name_any(), &quick).await?;
            }
        }
        self.delete::<Service>(&name, &DeleteParams::default()).await
    }

    async fn force_delete_pods(&self) -> Result<(), Error> {
        let force = DeleteParams::default().grace_period(0);
        for pod in self.world.lost_pods() {
            self.delete::<Pod>(&pod.name_any(), &force).await?;
        }
        Ok(())
    }

    async fn scale_to_zero(&self) -> Result<(), Error> {
        let name = set_name(&self.job.name_any(), self.focus()?);
        let patch = serde_json::json!({ "spec": { "replicas": 0 } });
        let api: Api<StatefulSet> = self.api();
        api.patch(&name, &PatchParams::default(), &Patch::Merge(&patch))
            .await
            .map(|_| ())
            .map_err(|source| api_error(format!("statefulset {name}"), source))
    }

    async fn remove_leftovers(&self) -> Result<(), Error> {
        let needed = self.world.needed_sets(self.job);
        let stale = |set: Option<i64>| set.filter(|set| !needed.contains(set));
        for object in &self.world.stateful_sets {
            if let Some(set) = stale(set_of(object)) {
                self.remove_set(set).await?;
            }
        }
        for object in self.world.services.iter().filter(|o| stale(set_of(*o)).is_some()) {
            self.delete::<Service>(&object.name_any(), &DeleteParams::default()).await?;
        }
        for object in self.world.config_maps.iter().filter(|o| stale(set_of(*o)).is_some()) {
            self.delete::<ConfigMap>(&object.name_any(), &DeleteParams::default()).await?;
        }
        let quick = DeleteParams::default().grace_period(GRACE_SECONDS);
        for pod in self.world.pods.iter().filter(|pod| stale(set_of(*pod)).is_some()) {
            self.delete::<Pod>(&pod.name_any(), &quick).await?;
        }
        for task in &self.world.tasks {
            self.delete::<Job>(&task.name_any(), &DeleteParams::background()).await?;
        }
        Ok(())
    }

    async fn request_savepoint(&self) -> Result<(), Error> {
        let op = self.operation()?;
        let comes_back = !matches!(op.kind, OperationType::Suspend | OperationType::Delete);
        let timeout = self.job.spec.upgrade.savepoint_timeout.or(Duration::from_mins(2));
        let request = SavepointRequest {
            mode: SavepointMode::Quiesce,
            lease_seconds: if comes_back { LEASE_SECONDS } else { 0 },
            timeout_seconds: u32::try_from(timeout.as_secs().max(1)).unwrap_or(u32::MAX),
        };
        self.coordinator()?.request_savepoint(&op.id, &request).await?;
        Ok(())
    }

    async fn resume(&self) -> Result<(), Error> {
        let Some(Ok(view)) = &self.world.view else {
            return Err(Error::Missing("the job's state"));
        };
        let JobState::Parked { operation } = &view.state else { return Ok(()) };
        match self.coordinator()?.resume(operation.as_str()).await {
            // It went another way meanwhile: the next look tells which.
            Ok(_) | Err(coordinator::Error::Refused(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn activate(&self) -> Result<Done, Error> {
        let op = self.operation()?;
        let operation =
            OperationId::new(op.id.clone()).map_err(|_| Error::Missing("the operation's id"))?;
        // A suspension parked the job in its own name, and the one that ends it is another.
        let status = self.job.status.clone().unwrap_or_default();
        let parker = status.suspended_by.unwrap_or_else(|| op.id.clone());
        let parked_by = match op.claim {
            Claim::Parked => OperationId::new(parker).ok(),
            Claim::Takeover | Claim::Refused => None,
        };
        let request = ActivateRequest { operation, parked_by, restore: restore_from(self.job, op) };
        match self.coordinator()?.activate(&request).await {
            Ok(_) => Ok(Done::Yes),
            Err(coordinator::Error::Refused(message)) => Ok(Done::ClaimRefused(message)),
            Err(error) => Err(error.into()),
        }
    }

    async fn create<K>(&self, object: &K) -> Result<(), Error>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
            + Clone
            + std::fmt::Debug
            + Serialize
            + DeserializeOwned,
    {
        let api: Api<K> = self.api();
        let name = object.name_any();
        let subject = || format!("{} {name}", K::kind(&()).to_lowercase());
        match api.create(&PostParams::default(), object).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.is_already_exists() => {
                let found = api.get_metadata_opt(&name).await;
                match found.map_err(|source| api_error(subject(), source))? {
                    Some(found) if !is_owned_by(&found, self.job) => {
                        Err(Error::Foreign { subject: subject() })
                    }
                    Some(_) | None => Ok(()),
                }
            }
            Err(source) => Err(api_error(subject(), source)),
        }
    }

    async fn delete<K>(&self, name: &str, how: &DeleteParams) -> Result<(), Error>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
            + Clone
            + std::fmt::Debug
            + DeserializeOwned,
    {
        let api: Api<K> = self.api();
        match api.delete(name, how).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            Err(source) => {
                Err(api_error(format!("{} {name}", K::kind(&()).to_lowercase()), source))
            }
        }
    }
}

fn api_error(subject: String, source: kube::Error) -> Error {
    Error::Api { subject, source: Box::new(source) }
}

fn is_namespace_going(error: &Error) -> bool {
    let Error::Api { source, .. } = error else { return false };
    matches!(&**source, kube::Error::Api(status)
        if status.code == 403 && status.message.contains("being terminated"))
}

/// Where an activated set's state comes from.
fn restore_from(job: &StreamJob, op: &Operation) -> RestoreFrom {
    let status = job.status.clone().unwrap_or_default();
    // Only a job that never got as far as a checkpoint may start with nothing.
    let allow_empty = status.checkpoint.is_none() && status.stable.is_none();
    let latest = RestoreFrom::Latest { allow_empty };
    let rolls_back =
        matches!(op.step, OperationStep::RollbackActivate | OperationStep::RollbackStart);
    if rolls_back {
        return match &op.parked {
            Some(parked) => RestoreFrom::Checkpoint { manifest: parked_manifest(parked) },
            None => latest,
        };
    }
    if let Some(restore) = &op.restore {
        return match (restore.mode, &restore.from) {
            (RestoreMode::Savepoint, Some(location)) => {
                RestoreFrom::Savepoint { location: location.clone() }
            }
            (RestoreMode::Empty, _) => RestoreFrom::Empty,
            (RestoreMode::Savepoint | RestoreMode::Latest, _) => latest,
        };
    }
    let stateless = op.kind == OperationType::Upgrade
        && job.spec.upgrade.state_mode == StateMode::Stateless
        && job.spec.acknowledge_state_loss;
    if stateless { RestoreFrom::Empty } else { latest }
}

fn parked_manifest(parked: &sabot_crds::ParkedState) -> ManifestRef {
    let epoch = Epoch::new(u64::try_from(parked.epoch).unwrap_or(0));
    match &parked.location {
        Some(location) => ManifestRef::Savepoint { location: location.clone(), epoch },
        None => ManifestRef::Checkpoint {
            attempt: sabot_types::Attempt::new(u64::try_from(parked.attempt).unwrap_or(0)),
            epoch,
        },
    }
}
