//! One case's namespace, topic and folder, and what a user does there.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use sabot_crds::{OperationRecord, StreamJob, StreamJobStatus};
use serde_json::{Value, json};

use crate::failure::{Outcome, fail};
use crate::manifest::{self, JobShape, Place, SECRET};
use crate::output::OutputWatch;
use crate::producer::{self, Load};
use crate::wait::{Seen, until};
use crate::world::{World, now_ms};

/// For a job to come up, change or come back: several times what it should take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// Something that was done to a job, whose gap in the output is to be told.
#[derive(Debug, Clone)]
pub(crate) struct Disturbance {
    /// What.
    pub(crate) what: String,
    /// From then.
    pub(crate) from_ms: i64,
    /// Until it had recovered.
    pub(crate) to_ms: i64,
}

/// One case's surroundings.
pub(crate) struct Scene<'a> {
    /// What all cases share.
    pub(crate) world: &'a World,
    /// Where the case keeps its things.
    pub(crate) place: Place,
    disturbances: Mutex<Vec<Disturbance>>,
    watch: OutputWatch,
}

impl<'a> Scene<'a> {
    /// Makes namespace, Secret and topic.
    pub(crate) async fn set(world: &'a World, case: u32) -> Outcome<Self> {
        let name = format!("sabot-e2e-{case}-{}", world.run);
        let place = Place {
            namespace: name.clone(),
            topic: name.clone(),
            folder: format!("{}/case-{case}", world.run),
        };
        let watch = OutputWatch::start(world.folder(&manifest::output_folder(&place)).await?);
        let scene = Self { world, place, disturbances: Mutex::default(), watch };
        let restricted = "pod-security.kubernetes.io/enforce";
        let objects = json!({ "apiVersion": "v1", "kind": "List", "items": [
            { "apiVersion": "v1", "kind": "Namespace",
              "metadata": { "name": name, "labels": { restricted: "restricted" } } },
            { "apiVersion": "v1", "kind": "Secret",
              "metadata": { "name": SECRET, "namespace": name },
              "stringData": {
                  "AWS_ACCESS_KEY_ID": world.settings.s3_access_key,
                  "AWS_SECRET_ACCESS_KEY": world.settings.s3_secret_key,
              } },
        ] });
        scene.world.kubectl_with(&["apply", "-f", "-"], &objects.to_string()).await?;
        producer::create_topic(&world.settings.kafka, &scene.place.topic).await?;
        Ok(scene)
    }

    /// Removes everything that the case has made.
    pub(crate) async fn strike(&self) -> Outcome {
        let world = self.world;
        let jobs: Api<StreamJob> = self.api();
        for job in jobs.list(&ListParams::default()).await? {
            let no_savepoint = json!({ "spec": { "savepoints": { "onDelete": "None" } } });
            self.patch(&job.name_any(), &no_savepoint).await?;
        }
        let ns = self.place.namespace.as_str();
        let delete = ["-n", ns, "delete", "streamjobs", "--all", "--timeout=45s"];
        if world.kubectl(&delete).await.is_err() {
            // The failure has been told; what is left must not keep the namespace.
            for job in jobs.list(&ListParams::default()).await? {
                let free = json!({ "metadata": { "finalizers": null } });
                jobs.patch(&job.name_any(), &PatchParams::default(), &Patch::Merge(&free)).await?;
            }
        }
        world.kubectl(&["delete", "namespace", ns, "--wait=false"]).await?;
        producer::delete_topic(&world.settings.kafka, &self.place.topic).await?;
        let folder = world.folder(&self.place.folder).await?;
        for object in folder.list("").await? {
            folder.delete(&object.key).await?;
        }
        Ok(())
    }

    /// Prints a finding under the case's line.
    pub(crate) fn note(&self, what: impl std::fmt::Display) {
        crate::report::line(format_args!("    {what}"));
    }

    /// Notes that a disturbance which began at `from_ms` is over.
    pub(crate) fn disturbed(&self, what: impl Into<String>, from_ms: i64) {
        let over = Disturbance { what: what.into(), from_ms, to_ms: now_ms() };
        self.disturbances.lock().unwrap_or_else(PoisonError::into_inner).push(over);
    }

    /// What was done so far.
    pub(crate) fn disturbances(&self) -> Vec<Disturbance> {
        self.disturbances.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// When output became visible, in order, as a consumer that looks all the time sees it.
    pub(crate) fn output_times(&self) -> Vec<i64> {
        self.watch.times()
    }

    /// An API of the case's namespace.
    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.world.client.clone(), &self.place.namespace)
    }

    /// Begins to produce, applies the job and waits until it is available.
    pub(crate) async fn start(&self, shape: &JobShape, rate: u64) -> Outcome<Load> {
        let load = self.produce(rate)?;
        self.apply(shape).await?;
        self.wait_available(&shape.name).await?;
        Ok(load)
    }

    /// Begins to produce.
    pub(crate) fn produce(&self, rate: u64) -> Outcome<Load> {
        Load::start(&self.world.settings.kafka, &self.place.topic, rate)
    }

    /// Applies the job's manifest, as `kubectl apply`.
    pub(crate) async fn apply(&self, shape: &JobShape) -> Outcome {
        self.apply_manifest(&manifest::stream_job(&self.world.settings, &self.place, shape)).await
    }

    /// Applies a manifest, as `kubectl apply`.
    pub(crate) async fn apply_manifest(&self, manifest: &Value) -> Outcome {
        self.world.kubectl_with(&["apply", "-f", "-"], &manifest.to_string()).await?;
        Ok(())
    }

    /// Changes the job.
    pub(crate) async fn patch(&self, job: &str, patch: &Value) -> Outcome {
        let jobs: Api<StreamJob> = self.api();
        jobs.patch(job, &PatchParams::default(), &Patch::Merge(patch)).await?;
        Ok(())
    }

    /// Waits as a user would.
    pub(crate) async fn wait_available(&self, job: &str) -> Outcome {
        let timeout = format!("--timeout={}s", PATIENCE.as_secs() - 10);
        let job = format!("streamjob/{job}");
        let ns = self.place.namespace.as_str();
        self.world
            .kubectl(&["-n", ns, "wait", "--for=condition=Available", &job, &timeout])
            .await?;
        Ok(())
    }

    /// The job's status.
    pub(crate) async fn status(&self, job: &str) -> Outcome<StreamJobStatus> {
        Ok(self.api::<StreamJob>().get(job).await?.status.unwrap_or_default())
    }

    /// Waits for something in the job.
    pub(crate) async fn wait_job<T>(
        &self,
        job: &str,
        what: &str,
        found: impl Fn(&StreamJob, &StreamJobStatus) -> Option<T>,
    ) -> Outcome<T> {
        let found = &found;
        until(what, PATIENCE, || async move {
            let seen: StreamJob = self.api().get(job).await?;
            let status = seen.status.clone().unwrap_or_default();
            Ok(match found(&seen, &status) {
                Some(value) => Seen::Done(value),
                None => Seen::NotYet(format!("the job is {}", summary(&status))),
            })
        })
        .await
    }

    /// Waits until the last change is carried out and the job runs; the operation that did it.
    pub(crate) async fn wait_settled(&self, job: &str) -> Outcome<Option<OperationRecord>> {
        self.wait_job(job, "the job to be as asked", |seen, status| {
            let current = status.observed_generation == seen.metadata.generation;
            let settled = current && status.operation.is_none() && holds(status, "Ready");
            settled.then(|| status.last_operations.first().cloned())
        })
        .await
    }

    /// Waits until the job runs as an attempt above `before`.
    pub(crate) async fn wait_recovered(&self, job: &str, before: i64) -> Outcome<i64> {
        self.wait_job(job, &format!("an attempt above {before}"), |_, status| {
            let attempt = status.attempt.unwrap_or_default();
            (attempt > before && holds(status, "Available")).then_some(attempt)
        })
        .await
    }

    /// Waits until each partition has `more` records on top of what it has now.
    pub(crate) async fn wait_produced(&self, load: &Load, more: u64) -> Outcome {
        let goal = load.produced() + more;
        until("the producer", PATIENCE, || async move {
            let produced = load.produced();
            Ok(match produced >= goal {
                true => Seen::Done(()),
                false => Seen::NotYet(format!("{produced} of {goal} records are written")),
            })
        })
        .await
    }

    /// The pods of a job's sets, by name.
    pub(crate) async fn pods(&self, job: &str) -> Outcome<Vec<Pod>> {
        let of_job = ListParams::default().labels(&format!("sabot.dev/job={job},sabot.dev/set"));
        let mut pods = self.api::<Pod>().list(&of_job).await?.items;
        pods.sort_by_key(ResourceExt::name_any);
        Ok(pods)
    }

    /// The pod of this ordinal.
    pub(crate) async fn pod(&self, job: &str, ordinal: u32) -> Outcome<Pod> {
        let ending = format!("-{ordinal}");
        let found = self.pods(job).await?.into_iter().find(|pod| pod.name_any().ends_with(&ending));
        match found {
            Some(pod) => Ok(pod),
            None => fail(format!("job {job} has no pod {ordinal}")),
        }
    }
}

/// Whether a condition is True.
pub(crate) fn holds(status: &StreamJobStatus, kind: &str) -> bool {
    status.conditions.iter().any(|condition| condition.type_ == kind && condition.status == "True")
}

/// The message and reason of a condition that is True.
pub(crate) fn why(status: &StreamJobStatus, kind: &str) -> Option<(String, String)> {
    let found = status.conditions.iter().find(|c| c.type_ == kind && c.status == "True")?;
    Some((found.reason.clone(), found.message.clone()))
}

fn summary(status: &StreamJobStatus) -> String {
    let conditions: Vec<String> = status
        .conditions
        .iter()
        .filter(|condition| {
            matches!(condition.type_.as_str(), "Ready" | "Available" | "Reconciling")
        })
        .map(|c| format!("{}={} ({}: {})", c.type_, c.status, c.reason, c.message))
        .collect();
    format!("{:?}, attempt {:?}, {}", status.phase, status.attempt, conditions.join(", "))
}
