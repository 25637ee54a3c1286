//! Questions of the built-in world.

use clicker_wire::{Domain, Item, ItemId};
use leptos::prelude::*;
use leptos::server_fn::codec::Json;

/// Some questions, of one domain or of all.
#[server(prefix = "/rpc", endpoint = "world_items", input = Json)]
pub async fn world_items(domain: Option<Domain>, limit: u32) -> Result<Vec<Item>, ServerFnError> {
    super::ssr::service().world_items(domain, limit).await.map_err(super::ssr::told)
}

/// One question.
#[server(prefix = "/rpc", endpoint = "world_item", input = Json)]
pub async fn world_item(id: ItemId) -> Result<Item, ServerFnError> {
    super::ssr::service().world_item(&id).await.map_err(super::ssr::told)
}
