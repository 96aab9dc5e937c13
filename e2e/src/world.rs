//! What all cases of a run share: the cluster, the store, the levers.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kube::Client;
use sabot_core::Stores;
use sabot_core::store::ObjectStore;
use sabot_snapshot::{S3Config, UriStores};
use serde_json::Value;

use crate::failure::{Failure, Outcome, fail};
use crate::process;
use crate::settings::Settings;

/// The longest a lever or a command may take.
const COMMAND: Duration = Duration::from_secs(90);

/// What all cases of a run share.
pub(crate) struct World {
    /// Where everything is.
    pub(crate) settings: Settings,
    /// The API server.
    pub(crate) client: Client,
    /// The object stores.
    pub(crate) stores: UriStores,
    /// Part of all names of this run.
    pub(crate) run: String,
    /// Whether namespaces stay for a look.
    pub(crate) keep: bool,
    http: reqwest::Client,
}

impl World {
    /// Connects.
    pub(crate) async fn connect(settings: Settings, keep: bool) -> Outcome<Self> {
        let client = Client::try_default()
            .await
            .map_err(|error| Failure::from(error).during("connecting to the cluster"))?;
        let stores = UriStores::new(S3Config {
            endpoint: Some(settings.s3_endpoint.clone()),
            region: Some("us-east-1".to_owned()),
            force_path_style: true,
        });
        let http =
            reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build()?;
        let run = format!("{:x}", now_ms() / 1000);
        let world = Self { settings, client, stores, run, keep, http };
        if world.settings.cluster.is_some() {
            world.lever(&["s3", "bucket", &world.settings.bucket]).await?;
        }
        Ok(world)
    }

    /// A folder of the bucket.
    pub(crate) async fn folder(&self, folder: &str) -> Outcome<Arc<dyn ObjectStore>> {
        Ok(self.stores.open(&format!("s3://{}/{folder}", self.settings.bucket)).await?)
    }

    /// Runs kubectl.
    pub(crate) async fn kubectl(&self, args: &[&str]) -> Outcome<String> {
        process::run(&self.settings.kubectl, args, COMMAND).await
    }

    /// Runs kubectl with text on its standard input.
    pub(crate) async fn kubectl_with(&self, args: &[&str], input: &str) -> Outcome<String> {
        process::run_with(&self.settings.kubectl, args, input, COMMAND).await
    }

    /// Runs helm.
    pub(crate) async fn helm(&self, args: &[&str]) -> Outcome<String> {
        process::run(&self.settings.helm, args, Duration::from_secs(180)).await
    }

    /// Whether this cluster can be broken by a script.
    pub(crate) fn has_levers(&self) -> bool {
        self.settings.cluster.is_some()
    }

    /// Pulls one of the cluster's levers.
    pub(crate) async fn lever(&self, args: &[&str]) -> Outcome<String> {
        let Some(cluster) = &self.settings.cluster else {
            return fail("SABOT_E2E_CLUSTER is not set: this cluster has no levers");
        };
        process::run(cluster, args, COMMAND).await
    }

    /// The values of a Prometheus query, with their labels.
    pub(crate) async fn query(&self, query: &str) -> Outcome<Vec<(Value, f64)>> {
        let Some(prometheus) = &self.settings.prometheus else {
            return fail("SABOT_E2E_PROMETHEUS is not set");
        };
        let mut url = reqwest::Url::parse(&format!("{prometheus}/api/v1/query"))
            .map_err(|error| Failure(error.to_string()))?;
        url.query_pairs_mut().append_pair("query", query);
        let answer: Value = self.http.get(url).send().await?.json().await?;
        let Some(samples) = answer["data"]["result"].as_array() else {
            return fail(format!("Prometheus answers {answer}"));
        };
        let number = |sample: &Value| sample["value"][1].as_str()?.parse().ok();
        Ok(samples.iter().filter_map(|s| Some((s["metric"].clone(), number(s)?))).collect())
    }
}

/// The wall clock, as objects in the store are stamped.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
