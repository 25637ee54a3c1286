//! Rewards: an attack. Everything else about them goes over the JSON API.

use super::json::Json;
use clicker_wire::RewardConfig;
use leptos::prelude::*;

/// Attacks a reward. What comes back is drawn: the report is large, and the page would only draw it.
#[server(prefix = "/rpc", endpoint = "attack_reward", input = Json, output = Json)]
pub async fn attack_reward(reward: RewardConfig) -> Result<String, ServerFnError> {
    let attacked = super::ssr::service().attack_reward(reward).await.map_err(super::ssr::told)?;
    Ok(crate::components::lab::attack::draw(&attacked.report, &attacked.items))
}
