//! OpenAI's two grader routes, under the paths and in the shapes of their API.

use super::HttpError;
use super::extract::Body;
use axum::Json;
use axum::extract::State;
use clicker_service::Service;
use clicker_wire::grader_run::{RunRequest, RunResult, ValidateRequest, ValidateResponse};

/// `POST /v1/fine_tuning/alpha/graders/validate`
pub(crate) async fn validate(
    State(service): State<Service>,
    Body(request): Body<ValidateRequest>,
) -> Result<Json<ValidateResponse>, HttpError> {
    Ok(Json(service.validate_grader(request).await?))
}

/// `POST /v1/fine_tuning/alpha/graders/run`
pub(crate) async fn run(
    State(service): State<Service>,
    Body(request): Body<RunRequest>,
) -> Result<Json<RunResult>, HttpError> {
    Ok(Json(service.run_grader(request).await?))
}
