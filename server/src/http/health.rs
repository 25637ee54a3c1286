//! Whether the server is up and can read its database.

use super::HttpError;
use axum::extract::State;
use clicker_service::Service;

/// `GET /healthz`
pub(crate) async fn check(State(service): State<Service>) -> Result<&'static str, HttpError> {
    service.checkpoints().await?;
    Ok("ok")
}
