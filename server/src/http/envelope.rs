//! Errors under `/v1` as OpenAI's API writes them, whoever refused: `{"error": {"message", "type", "param", "code"}}`.

use axum::Json;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;

/// What an error response says; handlers' errors leave it with their response.
#[derive(Clone, Debug)]
pub(super) struct Said {
    /// Stable name.
    pub(super) code: &'static str,
    /// For people.
    pub(super) message: String,
    /// Which part of the request is wrong.
    pub(super) param: Option<String>,
}

/// Middleware, outside of all that may refuse a request.
pub(crate) async fn envelope(request: Request, next: Next) -> Response {
    let theirs = request.uri().path().starts_with("/v1/");
    let mut response = next.run(request).await;
    match response.extensions_mut().remove::<Said>() {
        Some(said) if theirs => write(response.status(), &said),
        _ => response,
    }
}

fn write(status: StatusCode, said: &Said) -> Response {
    // There, whatever is wrong with a body is 400.
    let status = if status == StatusCode::UNPROCESSABLE_ENTITY { StatusCode::BAD_REQUEST } else { status };
    let kind = if status.is_server_error() { "server_error" } else { "invalid_request_error" };
    let error = json!({"message": said.message, "type": kind, "param": said.param, "code": said.code});
    (status, Json(json!({ "error": error }))).into_response()
}
