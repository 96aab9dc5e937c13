//! Starts everything: the client, the election, the reconcilers, the little server.

use std::net::SocketAddr;
use std::sync::Arc;

use futures::StreamExt;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::controller::Controller;
use kube::runtime::events::{Recorder, Reporter};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher;
use kube::{Api, Client, ResourceExt};
use sabot_crds::{StreamJob, StreamSavepoint};
use serde::de::DeserializeOwned;

use crate::context::Context;
use crate::failpoint::Failpoints;
use crate::job::names::JOB_LABEL;
use crate::leader::Candidate;
use crate::metrics::Metrics;
use crate::{coordinator, job, savepoint, server};

/// Jobs that are reconciled at the same time.
const CONCURRENCY: u16 = 16;

/// How the controller is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// Watch this namespace only; all without it.
    pub namespace: Option<String>,
    /// The image of jobs that name none.
    pub runtime_image: String,
    /// Whether to wait for the lease.
    pub leader_elect: bool,
    /// The namespace of the lease and the failpoints.
    pub own_namespace: String,
    /// The candidate's name.
    pub identity: String,
    /// Where health and metrics are served.
    pub listen: SocketAddr,
    /// Whether tests may let the controller die.
    pub failpoints: bool,
}

/// Why the controller did not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No configuration of a cluster was found.
    #[error("connecting to the API server failed")]
    Client(#[source] Box<kube::Error>),
    /// The HTTP client for coordinators.
    #[error("making the client for coordinators failed")]
    Http(#[from] reqwest::Error),
    /// The metrics.
    #[error("registering metrics failed")]
    Metrics(#[from] crate::metrics::Error),
    /// Health and metrics.
    #[error("serving health and metrics failed")]
    Server(#[from] std::io::Error),
    /// Another controller leads now.
    #[error("the lease is lost")]
    LeaseLost,
}

/// Runs until a signal, or until the lease is lost.
pub async fn run(options: Options) -> Result<(), Error> {
    // Two providers may be linked in; rustls wants one to be named.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::try_default().await.map_err(|error| Error::Client(Box::new(error)))?;
    let metrics = Metrics::new()?;
    let server = tokio::spawn(server::serve(options.listen, metrics.clone()));
    let candidate =
        Candidate::new(client.clone(), &options.own_namespace, options.identity.clone());
    if options.leader_elect {
        tokio::select! {
            () = candidate.acquire() => {}
            () = signal() => return Ok(()),
        }
    }
    let reporter = Reporter {
        controller: "sabot-controller".to_owned(),
        instance: Some(options.identity.clone()),
    };
    let failpoints = if options.failpoints {
        Failpoints::on(client.clone(), &options.own_namespace)
    } else {
        Failpoints::off()
    };
    let context = Arc::new(Context {
        client: client.clone(),
        coordinators: coordinator::Client::new()?,
        recorder: Recorder::new(client.clone(), reporter),
        metrics,
        failpoints,
        default_image: options.runtime_image.clone(),
    });
    let lost = async {
        if options.leader_elect {
            candidate.hold().await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = controllers(&client, &options, context) => {}
        () = lost => return Err(Error::LeaseLost),
        ended = server => return ended.map_err(std::io::Error::other)?.map_err(Error::Server),
    }
    if options.leader_elect {
        candidate.release().await;
    }
    Ok(())
}

async fn controllers(client: &Client, options: &Options, context: Arc<Context>) {
    let config = kube::runtime::controller::Config::default().concurrency(CONCURRENCY);
    let ours = watcher::Config::default().labels(JOB_LABEL);
    let jobs = Controller::new(scoped::<StreamJob>(client, options), watcher::Config::default())
        .with_config(config.clone())
        .owns(scoped::<StatefulSet>(client, options), ours.clone())
        .owns(scoped::<Job>(client, options), ours.clone())
        // Pods belong to StatefulSets and Jobs: their labels lead to the job.
        .watches(scoped::<Pod>(client, options), ours, |pod: Pod| {
            let namespace = pod.namespace().unwrap_or_default();
            let job = pod.labels().get(JOB_LABEL).cloned();
            job.map(|job| ObjectRef::<StreamJob>::new(&job).within(&namespace))
        })
        .shutdown_on_signal()
        .run(job::reconcile, job::on_error, context.clone())
        .for_each(async |_| {});
    let savepoints =
        Controller::new(scoped::<StreamSavepoint>(client, options), watcher::Config::default())
            .with_config(config)
            .shutdown_on_signal()
            .run(savepoint::reconcile, savepoint::on_error, context)
            .for_each(async |_| {});
    tracing::info!(namespace = ?options.namespace, "watching jobs");
    futures::future::join(jobs, savepoints).await;
}

fn scoped<K>(client: &Client, options: &Options) -> Api<K>
where
    K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
        + DeserializeOwned,
{
    match &options.namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
