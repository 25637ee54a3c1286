//! Kept rewards, and rewards to start from.

use super::HttpError;
use super::extract::Body;
use axum::Json;
use axum::extract::{Path, State};
use clicker_service::Service;
use clicker_wire::{AttackReport, NewRewardVersion, RewardConfig, RewardPreset, RewardVersion};
use http::StatusCode;

/// `GET /api/rewards`
pub(crate) async fn list(State(service): State<Service>) -> Result<Json<Vec<RewardVersion>>, HttpError> {
    Ok(Json(service.reward_versions().await?))
}

/// `POST /api/rewards` with a name, a note and a reward
pub(crate) async fn keep(
    State(service): State<Service>,
    Body(new): Body<NewRewardVersion>,
) -> Result<(StatusCode, Json<RewardVersion>), HttpError> {
    Ok((StatusCode::CREATED, Json(service.save_reward(new).await?)))
}

/// `GET /api/rewards/{hash}`
pub(crate) async fn one(
    State(service): State<Service>,
    Path(hash): Path<String>,
) -> Result<Json<RewardVersion>, HttpError> {
    Ok(Json(service.reward_version(&hash).await?))
}

/// `GET /api/rewards/presets`
pub(crate) async fn presets(State(service): State<Service>) -> Json<Vec<RewardPreset>> {
    Json(service.reward_presets())
}

/// `POST /api/rewards/attack` with a reward
pub(crate) async fn attack(
    State(service): State<Service>,
    Body(reward): Body<RewardConfig>,
) -> Result<Json<AttackReport>, HttpError> {
    Ok(Json(service.attack_reward(reward).await?.report))
}
