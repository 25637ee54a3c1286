//! Questions of the built-in world.

use super::json::Json;
use clicker_wire::{Domain, Item, ItemId};
use leptos::prelude::*;

/// Some questions, of one domain or of all.
#[server(prefix = "/rpc", endpoint = "world_items", input = Json, output = Json)]
pub async fn world_items(domain: Option<Domain>, limit: u32) -> Result<Vec<Item>, ServerFnError> {
    super::ssr::service().world_items(domain, limit).await.map_err(super::ssr::told)
}

/// One question.
#[server(prefix = "/rpc", endpoint = "world_item", input = Json, output = Json)]
pub async fn world_item(id: ItemId) -> Result<Item, ServerFnError> {
    super::ssr::service().world_item(&id).await.map_err(super::ssr::told)
}
