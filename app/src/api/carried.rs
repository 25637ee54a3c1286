//! Rewards that come to the playground from elsewhere: kept in the lab, shared in a link, or one to start from.

use super::json::Json;
use clicker_wire::RewardConfig;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// A reward that knobs need not be able to express.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Carried {
    /// Where it comes from, as an address says it before it is encoded: `version=`, `preset=`, `reward=` or `z=`, and what.
    pub from: String,
    /// The reward.
    pub reward: RewardConfig,
    /// What it is, drawn: the page would only draw it.
    pub drawn: String,
}

/// The reward that a part of an address names or holds.
#[server(prefix = "/rpc", endpoint = "carried_reward", input = Json, output = Json)]
pub async fn carried_reward(from: String) -> Result<Carried, ServerFnError> {
    crate::components::play::carried::carry(&super::ssr::service(), from).await.map_err(ServerFnError::ServerError)
}

/// What can be carried, drawn as the options of a list: kept rewards first, then the lessons'.
#[server(prefix = "/rpc", endpoint = "offered_rewards", input = Json, output = Json)]
pub async fn offered_rewards() -> Result<String, ServerFnError> {
    crate::components::play::carried::offered(&super::ssr::service()).await.map_err(super::ssr::told)
}
