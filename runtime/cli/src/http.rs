//! What every pod answers over HTTP besides the coordinator's API: health and metrics.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;

/// A pod's health at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    /// Whether the job can go on without a person.
    pub healthy: bool,
    /// Whether the pod can take part in the job.
    pub ready: bool,
    /// Operators that run in this pod.
    pub active_agents: u64,
    /// Rows that the pod's sources have read in this attempt.
    pub events_processed: u64,
}

/// The body of `/health`.
#[derive(Debug, Serialize)]
struct HealthBody {
    status: &'static str,
    uptime_seconds: u64,
    active_agents: u64,
    events_processed: u64,
}

struct Probes {
    since: Instant,
    page: Box<dyn Fn() -> String + Send + Sync>,
    health: Box<dyn Fn() -> Health + Send + Sync>,
}

/// `/healthz` (the process answers), `/readyz`, `/health` (figures as JSON) and `/metrics` (the
/// text that `page` gives).
pub fn routes(
    page: impl Fn() -> String + Send + Sync + 'static,
    health: impl Fn() -> Health + Send + Sync + 'static,
) -> Router {
    let probes = Probes { since: Instant::now(), page: Box::new(page), health: Box::new(health) };
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/health", get(figures))
        .route("/metrics", get(metrics))
        .with_state(Arc::new(probes))
}

async fn readyz(State(probes): State<Arc<Probes>>) -> (StatusCode, &'static str) {
    if (probes.health)().ready {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    }
}

async fn figures(State(probes): State<Arc<Probes>>) -> (StatusCode, Json<HealthBody>) {
    let health = (probes.health)();
    let (code, status) = if health.healthy {
        (StatusCode::OK, "healthy")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "unhealthy")
    };
    let body = HealthBody {
        status,
        uptime_seconds: probes.since.elapsed().as_secs(),
        active_agents: health.active_agents,
        events_processed: health.events_processed,
    };
    (code, Json(body))
}

async fn metrics(State(probes): State<Arc<Probes>>) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, (probes.page)()).into_response()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn get(routes: &Router, path: &str) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let routes = routes.clone();
        let serving = tokio::spawn(async move { axum::serve(listener, routes).await });
        let mut stream = tokio::net::TcpStream::connect(addr).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: pod\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        serving.abort();
        answer
    }

    #[tokio::test]
    async fn probes_say_what_the_pod_says() {
        let health =
            || Health { healthy: false, ready: true, active_agents: 3, events_processed: 9 };
        let routes = routes(|| "sabot_up 1\n".into(), health);
        assert!(get(&routes, "/healthz").await.starts_with("HTTP/1.1 200"));
        assert!(get(&routes, "/readyz").await.starts_with("HTTP/1.1 200"));
        let figures = get(&routes, "/health").await;
        assert!(figures.starts_with("HTTP/1.1 503"), "{figures}");
        assert!(
            figures.ends_with(
                r#"{"status":"unhealthy","uptime_seconds":0,"active_agents":3,"events_processed":9}"#
            ),
            "{figures}"
        );
        let metrics = get(&routes, "/metrics").await;
        assert!(metrics.contains("text/plain; version=0.0.4"), "{metrics}");
        assert!(metrics.ends_with("sabot_up 1\n"), "{metrics}");
    }
}
