//! Rewards: kept versions, rewards to start from, an attack.

use super::json::Json;
use clicker_wire::{NewRewardVersion, RewardConfig, RewardPreset, RewardVersion};
use leptos::prelude::*;

/// Rewards to start from.
#[server(prefix = "/rpc", endpoint = "reward_presets", input = Json, output = Json)]
pub async fn reward_presets() -> Result<Vec<RewardPreset>, ServerFnError> {
    Ok(super::ssr::service().reward_presets())
}

/// Kept rewards, newest first.
#[server(prefix = "/rpc", endpoint = "reward_versions", input = Json, output = Json)]
pub async fn reward_versions() -> Result<Vec<RewardVersion>, ServerFnError> {
    super::ssr::service().reward_versions().await.map_err(super::ssr::told)
}

/// Keeps a reward.
#[server(prefix = "/rpc", endpoint = "save_reward", input = Json, output = Json)]
pub async fn save_reward(new: NewRewardVersion) -> Result<RewardVersion, ServerFnError> {
    super::ssr::service().save_reward(new).await.map_err(super::ssr::told)
}

/// Attacks a reward. What comes back is drawn: the report is large, and the page would only draw it.
#[server(prefix = "/rpc", endpoint = "attack_reward", input = Json, output = Json)]
pub async fn attack_reward(reward: RewardConfig) -> Result<String, ServerFnError> {
    let attacked = super::ssr::service().attack_reward(reward).await.map_err(super::ssr::told)?;
    Ok(crate::components::lab::attack::draw(&attacked.report, &attacked.items))
}
