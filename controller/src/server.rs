//! `/healthz`, `/readyz` and `/metrics`.

use std::net::SocketAddr;

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::metrics::Metrics;

/// Serves until the process ends. A follower is ready too: it waits for its turn.
pub async fn serve(address: SocketAddr, metrics: Metrics) -> std::io::Result<()> {
    let app = Router::new()
        .route("/healthz", get(async || "ok"))
        .route("/readyz", get(async || "ok"))
        .route(
            "/metrics",
            get(async move || ([("content-type", "text/plain; version=0.0.4")], metrics.render())),
        );
    axum::serve(TcpListener::bind(address).await?, app).await
}
