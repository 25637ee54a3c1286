//! Rewards: an attack, a comparison. Everything else about them goes over the JSON API.

use super::json::Json;
use clicker_wire::{LabSample, RewardConfig};
use leptos::prelude::*;

/// Attacks a reward. What comes back is drawn: the report is large, and the page would only draw it.
#[server(prefix = "/rpc", endpoint = "attack_reward", input = Json, output = Json)]
pub async fn attack_reward(reward: RewardConfig) -> Result<String, ServerFnError> {
    let attacked = super::ssr::service().attack_reward(reward).await.map_err(super::ssr::told)?;
    Ok(crate::components::lab::attack::draw(&attacked.report, &attacked.items))
}

/// What is wrong with each of these scripts, if anything: only the server can run them.
#[server(prefix = "/rpc", endpoint = "check_scripts", input = Json, output = Json)]
pub async fn check_scripts(scripts: Vec<String>) -> Result<Vec<Option<String>>, ServerFnError> {
    super::ssr::service().check_scripts(&scripts).map_err(super::ssr::told)
}

/// Compares two rewards on the same answers; drawn, as an attack is.
#[server(prefix = "/rpc", endpoint = "compare_rewards", input = Json, output = Json)]
pub async fn compare_rewards(
    before: RewardConfig,
    after: RewardConfig,
    samples: Vec<LabSample>,
) -> Result<String, ServerFnError> {
    let compared = super::ssr::service().compare_rewards(&before, &after, samples).await.map_err(super::ssr::told)?;
    Ok(crate::components::lab::compare::draw(&compared.changes, &compared.comparison))
}
