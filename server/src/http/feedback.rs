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

/// Which of the three shapes of rows is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Export {
    pub(crate) format: ExportFormat,
}

/// `GET /api/feedback/export?format=preference|unpaired|prompt_completion`: JSONL as a download; owner only
pub(crate) async fn export(
    _owner: Owner,
    State(service): State<Service>,
    Params(wish): Params<Export>,
) -> Result<Response, HttpError> {
    let export = service.export_feedback(wish.format).await?;
    Ok(download("clicker", wish.format, export.counts.rows, export.jsonl))
}

/// Rows as a file that the browser saves under `BEGIN-FORMAT.jsonl`.
pub(crate) fn download(begin: &str, format: ExportFormat, rows: usize, jsonl: String) -> Response {
    let name = match format {
        ExportFormat::Preference => "preference",
        ExportFormat::Unpaired => "unpaired",
        ExportFormat::PromptCompletion => "prompt_completion",
    };
    let headers = [
        (header::CONTENT_TYPE, "application/jsonl; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{begin}-{name}.jsonl\"")),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (HeaderName::from_static("x-rows"), rows.to_string()),
    ];
    (headers, jsonl).into_response()
}
