//! A run's events as a server-sent event stream that can be taken up again anywhere.

use super::HttpError;
use super::extract::Params;
use axum::extract::{Path, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use clicker_service::{Service, ServiceError};
use clicker_wire::{RunEvent, RunId};
use futures::StreamExt;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Start {
    /// Events up to this number are left out.
    #[serde(default)]
    after: u64,
}

/// `GET /api/runs/{id}/events?after=`, or with `Last-Event-ID`: a JSON `RunEvent` per message, its number as `id`. Ends after a
/// final status; asked again after that it answers 204, which tells an `EventSource` to stay away.
pub(crate) async fn follow(
    State(service): State<Service>,
    Path(id): Path<String>,
    Params(start): Params<Start>,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let id = RunId(id);
    let seen = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.parse().ok());
    let after = seen.unwrap_or(start.after);
    // The run first: if its status is final now, the events read after it are all there will be.
    if service.run(&id).await?.status.is_final() && service.run_events(&id, after).await?.is_empty() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let events = service.follow(&id, after).await?.map(message);
    Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response())
}

fn message(event: Result<RunEvent, ServiceError>) -> Result<Event, axum::Error> {
    match event {
        Ok(event) => Event::default().id(event.seq.to_string()).json_data(&event),
        Err(error) => Event::default().event("failure").json_data(HttpError::from(error).body()),
    }
}
