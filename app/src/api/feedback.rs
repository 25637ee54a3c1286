//! Votes.

use super::json::Json;
use clicker_wire::{Feedback, FeedbackFilter, FeedbackId, FeedbackRow};
use leptos::prelude::*;

/// Stores votes; the ids that come back are safely stored, now or by an earlier attempt.
#[server(prefix = "/rpc", endpoint = "send_votes", input = Json, output = Json)]
pub async fn send_votes(votes: Vec<Feedback>) -> Result<Vec<FeedbackId>, ServerFnError> {
    super::ssr::service().submit_feedback(votes).await.map_err(super::ssr::told)
}

/// Stored votes, newest first.
#[server(prefix = "/rpc", endpoint = "votes", input = Json, output = Json)]
pub async fn votes(filter: FeedbackFilter) -> Result<Vec<FeedbackRow>, ServerFnError> {
    super::ssr::service().feedback(filter).await.map_err(super::ssr::told)
}
