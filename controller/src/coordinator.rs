//! Speaks to a job's coordinator: pod 0 of a set, by its IP.
//!
//! Every call is idempotent. An answer that is lost is asked for again by the next reconciliation;
//! only a clear refusal (409) is told apart.

use std::time::Duration;

use sabot_api::{ActivateRequest, ErrorBody, HTTP_PORT, JobView, SavepointRequest, SavepointView};
use serde::Serialize;
use serde::de::DeserializeOwned;

const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a call did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No answer; the call may have had its effect.
    #[error("the coordinator does not answer: {0}")]
    Unreachable(String),
    /// A clear no; the call had no effect.
    #[error("the coordinator refused: {0}")]
    Refused(String),
    /// An answer that is neither.
    #[error("the coordinator answered {status}: {message}")]
    Unexpected {
        /// The HTTP status.
        status: u16,
        /// The answer's text.
        message: String,
    },
}

/// The client of all coordinators.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
}

impl Client {
    /// A client that never uses a proxy.
    pub fn new() -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(CALL_TIMEOUT)
            .no_proxy()
            .build()?;
        Ok(Self { http })
    }

    /// The coordinator whose pod has this address.
    pub fn at(&self, pod_ip: &str) -> Coordinator {
        let host = if pod_ip.contains(':') { format!("[{pod_ip}]") } else { pod_ip.to_owned() };
        Coordinator { http: self.http.clone(), base: format!("http://{host}:{HTTP_PORT}/v1") }
    }
}

/// One coordinator.
#[derive(Debug, Clone)]
pub struct Coordinator {
    http: reqwest::Client,
    base: String,
}

impl Coordinator {
    /// What the job is doing.
    pub async fn job(&self) -> Result<JobView, Error> {
        answer(self.http.get(format!("{}/job", self.base))).await
    }

    /// How the savepoint of `operation` fares; none when it was never asked for.
    pub async fn savepoint(&self, operation: &str) -> Result<Option<SavepointView>, Error> {
        match answer(self.http.get(format!("{}/savepoints/{operation}", self.base))).await {
            Ok(view) => Ok(Some(view)),
            Err(Error::Unexpected { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Asks for a savepoint in the name of `operation`.
    pub async fn request_savepoint(
        &self,
        operation: &str,
        request: &SavepointRequest,
    ) -> Result<SavepointView, Error> {
        let url = format!("{}/savepoints/{operation}", self.base);
        answer(with_body(self.http.put(url), request)).await
    }

    /// Tells a job that `operation` parked to run on.
    pub async fn resume(&self, operation: &str) -> Result<JobView, Error> {
        answer(self.http.post(format!("{}/resume/{operation}", self.base))).await
    }

    /// Tells a standby to take over.
    pub async fn activate(&self, request: &ActivateRequest) -> Result<JobView, Error> {
        answer(with_body(self.http.post(format!("{}/activate", self.base)), request)).await
    }
}

fn with_body(request: reqwest::RequestBuilder, body: &impl Serialize) -> reqwest::RequestBuilder {
    request.json(body)
}

async fn answer<T: DeserializeOwned>(request: reqwest::RequestBuilder) -> Result<T, Error> {
    let unreachable = |error: reqwest::Error| Error::Unreachable(error.without_url().to_string());
    let response = request.send().await.map_err(unreachable)?;
    let status = response.status();
    let body = response.bytes().await.map_err(unreachable)?;
    let text = || match serde_json::from_slice::<ErrorBody>(&body) {
        Ok(error) => error.message,
        Err(_) => String::from_utf8_lossy(&body).chars().take(500).collect(),
    };
    if status.as_u16() == 409 {
        return Err(Error::Refused(text()));
    }
    if !status.is_success() {
        return Err(Error::Unexpected { status: status.as_u16(), message: text() });
    }
    serde_json::from_slice(&body).map_err(|error| Error::Unexpected {
        status: status.as_u16(),
        message: format!("cannot read the answer: {error}"),
    })
}
