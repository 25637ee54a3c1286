//! Training runs.

use super::HttpError;
use super::extract::Body;
use crate::owner::Owner;
use axum::Json;
use axum::extract::{Path, State};
use clicker_service::Service;
use clicker_wire::{LessonRuns, Manifest, Recipe, Run, RunCommand, RunId};
use http::StatusCode;

/// `GET /api/presets`
pub(crate) async fn presets(State(service): State<Service>) -> Result<Json<Vec<Recipe>>, HttpError> {
    Ok(Json(service.presets().await?))
}

/// `GET /api/lessons`
pub(crate) async fn lessons(State(service): State<Service>) -> Result<Json<Vec<LessonRuns>>, HttpError> {
    Ok(Json(service.lessons().await?))
}

/// `GET /api/runs`
pub(crate) async fn list(State(service): State<Service>) -> Result<Json<Vec<Run>>, HttpError> {
    Ok(Json(service.runs().await?))
}

/// `POST /api/runs` with a recipe; owner only
pub(crate) async fn start(
    _owner: Owner,
    State(service): State<Service>,
    Body(recipe): Body<Recipe>,
) -> Result<(StatusCode, Json<Run>), HttpError> {
    Ok((StatusCode::CREATED, Json(service.start_run(recipe).await?)))
}

/// `GET /api/runs/{id}`
pub(crate) async fn one(State(service): State<Service>, Path(id): Path<String>) -> Result<Json<Run>, HttpError> {
    Ok(Json(service.run(&RunId(id)).await?))
}

/// `POST /api/runs/{id}/command` with `"pause"`, `"resume"` or `"stop"`; owner only
pub(crate) async fn command(
    _owner: Owner,
    State(service): State<Service>,
    Path(id): Path<String>,
    Body(command): Body<RunCommand>,
) -> Result<Json<Run>, HttpError> {
    Ok(Json(service.command(&RunId(id), command).await?))
}

/// `GET /api/runs/{id}/checkpoints`
pub(crate) async fn checkpoints(
    State(service): State<Service>,
    Path(id): Path<String>,
) -> Result<Json<Vec<Manifest>>, HttpError> {
    Ok(Json(service.run_checkpoints(&RunId(id)).await?))
}
