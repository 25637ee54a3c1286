//! Training runs.

use super::HttpError;
use super::extract::Body;
use crate::owner::Owner;
use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use clicker_service::{RunFormat, Service, ServiceError};
use clicker_wire::{KeptRows, LessonRuns, Manifest, Recipe, Run, RunCommand, RunId};
use http::{StatusCode, header};

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

/// `POST /api/rows` with JSON lines: rows that a recipe may then name as `data.file`; owner only
pub(crate) async fn keep_rows(
    _owner: Owner,
    State(service): State<Service>,
    body: axum::body::Bytes,
) -> Result<(StatusCode, Json<KeptRows>), HttpError> {
    Ok((StatusCode::CREATED, Json(service.keep_rows(body).await?)))
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

/// `GET /api/runs/{id}/export/{csv|jsonl|tensorboard|unipo|completions}`: the run, as far as it is, as a download
pub(crate) async fn export(
    State(service): State<Service>,
    Path((id, format)): Path<(String, String)>,
) -> Result<Response, HttpError> {
    let format = RunFormat::named(&format).ok_or_else(|| ServiceError::NotFound {
        what: "format",
        id: format.chars().take(40).collect(),
        hint: "csv, jsonl, tensorboard, unipo and completions exist",
    })?;
    let export = service.export_run(&RunId(id), format).await?;
    let headers = [
        (header::CONTENT_TYPE, export.media_type.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", export.file_name)),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, export.bytes).into_response())
}
