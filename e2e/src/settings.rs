//! Where everything is: read from the environment once.

use std::path::PathBuf;

use crate::failure::{Failure, Outcome};

/// Where everything is.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The S3 server's URL, as pods reach it.
    pub s3_endpoint: String,
    /// Its credentials.
    pub s3_access_key: String,
    /// Its credentials.
    pub s3_secret_key: String,
    /// The bucket of all cases.
    pub(crate) bucket: String,
    /// The brokers, as pods reach them.
    pub(crate) kafka: String,
    /// Prometheus; what needs it is left out without.
    pub(crate) prometheus: Option<String>,
    /// The image of runtime pods.
    pub(crate) runtime_image: String,
    /// The controller's image.
    pub(crate) controller_image: String,
    /// The script that can break this cluster.
    pub(crate) cluster: Option<String>,
    /// The program kubectl.
    pub(crate) kubectl: String,
    /// The program helm.
    pub(crate) helm: String,
    /// The program sabot.
    pub(crate) sabot: Option<String>,
    /// The chart's directory.
    pub(crate) chart: String,
}

impl Settings {
    /// Reads the environment.
    pub(crate) fn from_env() -> Outcome<Self> {
        let chart = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../charts/sabot");
        Ok(Self {
            s3_endpoint: needed("SABOT_E2E_S3_ENDPOINT", "the S3 server's URL")?,
            s3_access_key: needed("SABOT_E2E_S3_ACCESS_KEY", "its access key")?,
            s3_secret_key: needed("SABOT_E2E_S3_SECRET_KEY", "its secret key")?,
            bucket: wanted("SABOT_E2E_BUCKET").unwrap_or_else(|| "sabot-e2e".to_owned()),
            kafka: needed("SABOT_E2E_KAFKA", "host:port of a broker")?,
            prometheus: wanted("SABOT_E2E_PROMETHEUS"),
            runtime_image: needed("SABOT_E2E_RUNTIME_IMAGE", "the image of runtime pods")?,
            controller_image: needed("SABOT_E2E_CONTROLLER_IMAGE", "the controller's image")?,
            cluster: wanted("SABOT_E2E_CLUSTER"),
            kubectl: wanted("SABOT_E2E_KUBECTL").unwrap_or_else(|| "kubectl".to_owned()),
            helm: wanted("SABOT_E2E_HELM").unwrap_or_else(|| "helm".to_owned()),
            sabot: wanted("SABOT_E2E_SABOT").or_else(beside_us),
            chart: wanted("SABOT_E2E_CHART")
                .unwrap_or_else(|| chart.to_string_lossy().into_owned()),
        })
    }
}

/// The program of the same build.
fn beside_us() -> Option<String> {
    let program = std::env::current_exe().ok()?.with_file_name("sabot");
    program.is_file().then(|| program.to_string_lossy().into_owned())
}

fn wanted(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn needed(name: &str, what: &str) -> Outcome<String> {
    wanted(name).ok_or_else(|| {
        Failure(format!(
            "{name} is not set: give {what}, or run within the test cluster \
             (e2e/cluster/cluster run -- ...); docs/testing.md lists the variables"
        ))
    })
}
