//! Who the visitor is to this server.

use super::json::Json;
use leptos::prelude::*;

/// Whether this browser may start and command runs.
#[server(prefix = "/rpc", endpoint = "is_owner", input = Json, output = Json)]
pub async fn is_owner() -> Result<bool, ServerFnError> {
    Ok(use_context::<super::Caller>().unwrap_or_default().owner)
}
