//! The coordinator's HTTP API, see `sabot-api`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use sabot_api::{ActivateRequest, ErrorBody, SavepointRequest, SavepointView};
use sabot_types::OperationId;

use crate::driver::CoordinatorHandle;
use crate::machine::{Reply, Request};

/// The routes below `/v1`.
pub fn routes(handle: CoordinatorHandle) -> Router {
    Router::new()
        .route("/v1/job", get(job))
        .route("/v1/savepoints/{operation}", put(take_savepoint).get(savepoint_status))
        .route("/v1/resume/{operation}", post(resume))
        .route("/v1/activate", post(activate))
        .with_state(handle)
}

async fn job(State(handle): State<CoordinatorHandle>) -> Response {
    answer(&handle, Request::View).await
}

async fn take_savepoint(
    State(handle): State<CoordinatorHandle>,
    Path(operation): Path<String>,
    Json(request): Json<SavepointRequest>,
) -> Response {
    match OperationId::new(operation) {
        Ok(operation) => answer(&handle, Request::Savepoint(operation, request)).await,
        Err(error) => failure(StatusCode::BAD_REQUEST, error.to_string()),
    }
}

async fn savepoint_status(
    State(handle): State<CoordinatorHandle>,
    Path(operation): Path<String>,
) -> Response {
    match OperationId::new(operation) {
        Ok(operation) => answer(&handle, Request::SavepointStatus(operation)).await,
        Err(error) => failure(StatusCode::BAD_REQUEST, error.to_string()),
    }
}

async fn resume(
    State(handle): State<CoordinatorHandle>,
    Path(operation): Path<String>,
) -> Response {
    match OperationId::new(operation) {
        Ok(operation) => answer(&handle, Request::Resume(operation)).await,
        Err(error) => failure(StatusCode::BAD_REQUEST, error.to_string()),
    }
}

async fn activate(
    State(handle): State<CoordinatorHandle>,
    Json(request): Json<ActivateRequest>,
) -> Response {
    answer(&handle, Request::Activate(request)).await
}

async fn answer(handle: &CoordinatorHandle, request: Request) -> Response {
    match handle.ask(request).await {
        Some(Reply::View(view)) => Json(view).into_response(),
        Some(Reply::Savepoint(view)) => {
            let status = match view {
                SavepointView::InProgress => StatusCode::ACCEPTED,
                SavepointView::Completed { .. } | SavepointView::Failed { .. } => StatusCode::OK,
            };
            (status, Json(view)).into_response()
        }
        Some(Reply::NotFound(message)) => failure(StatusCode::NOT_FOUND, message),
        Some(Reply::Conflict(message)) => failure(StatusCode::CONFLICT, message),
        None => failure(StatusCode::SERVICE_UNAVAILABLE, "the coordinator is stopping".to_string()),
    }
}

fn failure(status: StatusCode, message: String) -> Response {
    (status, Json(ErrorBody { message })).into_response()
}
