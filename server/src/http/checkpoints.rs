//! Published weights.

use super::HttpError;
use axum::Json;
use axum::extract::{Path, State};
use clicker_service::Service;
use clicker_wire::{CheckpointId, Manifest};

/// `GET /api/checkpoints`
pub(crate) async fn list(State(service): State<Service>) -> Result<Json<Vec<Manifest>>, HttpError> {
    Ok(Json(service.checkpoints().await?))
}

/// `GET /api/checkpoints/{id}`, where `builtin` names the built-in model
pub(crate) async fn one(State(service): State<Service>, Path(id): Path<String>) -> Result<Json<Manifest>, HttpError> {
    let manifest = match id.as_str() {
        "builtin" => service.builtin().await?,
        _ => service.checkpoint(&CheckpointId(id)).await?,
    };
    Ok(Json(manifest))
}
