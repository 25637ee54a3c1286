//! Questions of the built-in world.

use super::HttpError;
use super::extract::Params;
use axum::Json;
use axum::extract::{Path, State};
use clicker_service::Service;
use clicker_wire::{Domain, Item, ItemId};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    domain: Option<Domain>,
    #[serde(default = "some")]
    limit: u32,
}

fn some() -> u32 {
    50
}

/// `GET /api/world?domain=&limit=`
pub(crate) async fn list(
    State(service): State<Service>,
    Params(filter): Params<Filter>,
) -> Result<Json<Vec<Item>>, HttpError> {
    Ok(Json(service.world_items(filter.domain, filter.limit).await?))
}

/// `GET /api/world/{id}`, where the id holds slashes
pub(crate) async fn one(State(service): State<Service>, Path(id): Path<String>) -> Result<Json<Item>, HttpError> {
    Ok(Json(service.world_item(&ItemId(id)).await?))
}
