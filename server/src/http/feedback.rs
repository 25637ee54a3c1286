//! Votes.

use super::HttpError;
use super::extract::{Body, Params};
use crate::owner::Owner;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use clicker_service::{ExportFormat, Service};
use clicker_wire::{Feedback, FeedbackFilter, FeedbackId, FeedbackRow};
use http::{HeaderName, header};
use serde::Deserialize;

/// `GET /api/feedback?kind=&checkpoint=&limit=&before=`
pub(crate) async fn list(
    State(service): State<Service>,
    Params(filter): Params<FeedbackFilter>,
) -> Result<Json<Vec<FeedbackRow>>, HttpError> {
    Ok(Json(service.feedback(filter).await?))
}

/// `POST /api/feedback` with a list of votes; answers with the ids that are stored now
pub(crate) async fn submit(
    State(service): State<Service>,
    Body(votes): Body<Vec<Feedback>>,
) -> Result<Json<Vec<FeedbackId>>, HttpError> {
    Ok(Json(service.submit_feedback(votes).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Export {
    format: ExportFormat,
}

/// `GET /api/feedback/export?format=preference|unpaired|prompt_completion`: JSONL as a download; owner only
pub(crate) async fn export(
    _owner: Owner,
    State(service): State<Service>,
    Params(wish): Params<Export>,
) -> Result<Response, HttpError> {
    let export = service.export_feedback(wish.format).await?;
    let name = match wish.format {
        ExportFormat::Preference => "preference",
        ExportFormat::Unpaired => "unpaired",
        ExportFormat::PromptCompletion => "prompt_completion",
    };
    let headers = [
        (header::CONTENT_TYPE, "application/jsonl; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"clicker-{name}.jsonl\"")),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (HeaderName::from_static("x-rows"), export.counts.rows.to_string()),
    ];
    Ok((headers, export.jsonl).into_response())
}
