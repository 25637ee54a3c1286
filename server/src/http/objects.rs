//! The files of checkpoints. A name is a hash, so a response never changes and may be cached for ever.

use super::HttpError;
use super::range::{Wish, wish};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use clicker_service::Service;
use futures::TryStreamExt;
use http::{HeaderMap, StatusCode, header};

/// `GET /objects/{sha256}`, whole or one byte range
pub(crate) async fn one(
    State(service): State<Service>,
    Path(sha256): Path<String>,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let size = service.object_size(&sha256).await?;
    let tag = format!("\"{sha256}\"");
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let fixed = [
        (header::ETAG, tag.clone()),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable".to_owned()),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
    ];
    let known = text(header::IF_NONE_MATCH);
    if known.is_some_and(|tags| tags.split(',').any(|known| matches!(known.trim(), "*") || known.trim() == tag)) {
        return Ok((StatusCode::NOT_MODIFIED, fixed).into_response());
    }
    // A range of another version is of no use; then the whole is sent.
    let same = text(header::IF_RANGE).is_none_or(|known| known == tag);
    let range = match text(header::RANGE).filter(|_| same).map_or(Wish::Whole, |range| wish(range, size)) {
        Wish::Whole => None,
        Wish::Part(range) => Some(range),
        Wish::Impossible => return Err(HttpError::Range { size }),
    };
    let partial = range.is_some();
    let object = service.object(&sha256, range).await?;
    let mut response = fixed.into_response();
    let content = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, (object.range.end - object.range.start).to_string()),
    ];
    if partial {
        let place = format!("bytes {}-{}/{size}", object.range.start, object.range.end - 1);
        response = (StatusCode::PARTIAL_CONTENT, [(header::CONTENT_RANGE, place)], response).into_response();
    }
    *response.body_mut() = Body::from_stream(object.stream.inspect_err(|e| tracing::error!("{e}")));
    Ok((content, response).into_response())
}
