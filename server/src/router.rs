//! Every route on one screen.

use crate::AppState;
use crate::guard::{BODY_LIMIT, guard};
use crate::headers::secured;
use crate::http::{checkpoints, error, events, feedback, health, objects, owner, runs, world};
use crate::owner::identify;
use crate::pages::pages;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::trace::TraceLayer;

/// The whole server as one service.
pub fn router(state: AppState) -> Router {
    let api = Router::new()
        .route("/world", get(world::list))
        .route("/world/{*id}", get(world::one))
        .route("/checkpoints", get(checkpoints::list))
        .route("/checkpoints/{id}", get(checkpoints::one))
        .route("/presets", get(runs::presets))
        .route("/runs", get(runs::list).post(runs::start))
        .route("/runs/{id}", get(runs::one))
        .route("/runs/{id}/command", post(runs::command))
        .route("/runs/{id}/events", get(events::follow))
        .route("/runs/{id}/checkpoints", get(runs::checkpoints))
        .route("/feedback", get(feedback::list).post(feedback::submit))
        .route("/feedback/export", get(feedback::export))
        .fallback(error::no_route)
        .method_not_allowed_fallback(error::wrong_method);

    let all = Router::new()
        .nest("/api", api)
        .route("/objects/{sha256}", get(objects::one))
        .route("/owner", get(owner::enter))
        .route("/healthz", get(health::check))
        .merge(pages(&state));

    let guarded = all
        .layer(DefaultBodyLimit::disable())
        .layer(RequestBodyLimitLayer::new(BODY_LIMIT))
        .layer(from_fn_with_state(state.clone(), identify))
        .layer(from_fn_with_state(state.clone(), guard))
        .layer(TraceLayer::new_for_http())
        .with_state(state);
    secured(guarded)
}
