//! Models that the page can load.

use super::json::Json;
use clicker_wire::{CheckpointId, Manifest};
use leptos::prelude::*;

/// The built-in model.
#[server(prefix = "/rpc", endpoint = "builtin", input = Json, output = Json)]
pub async fn builtin() -> Result<Manifest, ServerFnError> {
    super::ssr::service().builtin().await.map_err(super::ssr::told)
}

/// One checkpoint.
#[server(prefix = "/rpc", endpoint = "checkpoint", input = Json, output = Json)]
pub async fn checkpoint(id: CheckpointId) -> Result<Manifest, ServerFnError> {
    super::ssr::service().checkpoint(&id).await.map_err(super::ssr::told)
}

/// Every checkpoint, newest first.
#[server(prefix = "/rpc", endpoint = "checkpoints", input = Json, output = Json)]
pub async fn checkpoints() -> Result<Vec<Manifest>, ServerFnError> {
    super::ssr::service().checkpoints().await.map_err(super::ssr::told)
}
