//! Who the visitor is to this server.

use leptos::prelude::*;
use leptos::server_fn::codec::Json;

/// Whether this browser may start and command runs.
#[server(prefix = "/rpc", endpoint = "is_owner", input = Json)]
pub async fn is_owner() -> Result<bool, ServerFnError> {
    Ok(use_context::<super::Caller>().unwrap_or_default().owner)
}
