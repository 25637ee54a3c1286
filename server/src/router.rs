//! Every route on one screen.

use crate::AppState;
use crate::guard::{BODY_LIMIT, guard};
use crate::headers::secured;
use crate::http::envelope::envelope;
use crate::http::{
    checkpoints, comparisons, error, evals, events, feedback, graders, health, objects, owner, reviews, rewards, runs,
    world,
};
use crate::owner::identify;
use crate::pages::pages;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{any, get, post};
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::trace::TraceLayer;

/// The whole server as one service.
pub fn router(state: AppState) -> Router {
    let api = Router::new()
        .route("/api/world", get(world::list))
        .route("/api/world/{*id}", get(world::one))
        .route("/api/checkpoints", get(checkpoints::list))
        .route("/api/checkpoints/{id}", get(checkpoints::one))
        .route("/api/presets", get(runs::presets))
        .route("/api/lessons", get(runs::lessons))
        .route("/api/runs", get(runs::list).post(runs::start))
        .route("/api/runs/{id}", get(runs::one))
        .route("/api/runs/{id}/command", post(runs::command))
        .route("/api/runs/{id}/events", get(events::follow))
        .route("/api/runs/{id}/checkpoints", get(runs::checkpoints))
        .route("/api/runs/{id}/export/{format}", get(runs::export))
        .route("/api/rows", post(runs::keep_rows))
        .route("/api/rewards", get(rewards::list).post(rewards::keep))
        .route("/api/rewards/presets", get(rewards::presets))
        .route("/api/rewards/attack", post(rewards::attack))
        .route("/api/rewards/{hash}", get(rewards::one))
        .route("/api/evals", get(evals::list).post(evals::start))
        .route("/api/evals/{id}", get(evals::one))
        .route("/api/comparisons", get(comparisons::list).post(comparisons::start))
        .route("/api/comparisons/report.css", get(comparisons::style))
        .route("/api/comparisons/{id}", get(comparisons::one))
        .route("/api/comparisons/{id}/result", get(comparisons::result))
        .route("/api/comparisons/{id}/report", get(comparisons::report))
        .route("/api/feedback", get(feedback::list).post(feedback::submit))
        .route("/api/feedback/export", get(feedback::export))
        .route("/api/reviews", get(reviews::list).post(reviews::hand_in))
        .route("/api/reviews/scan", post(reviews::scan))
        .route("/api/reviews/decisions", post(reviews::decide))
        .route("/api/reviews/export", get(reviews::export))
        .route("/api/{*rest}", any(error::no_route))
        .route("/v1/fine_tuning/alpha/graders/validate", post(graders::validate))
        .route("/v1/fine_tuning/alpha/graders/run", post(graders::run))
        .route("/v1/{*rest}", any(error::no_route))
        .method_not_allowed_fallback(error::wrong_method);

    let all = Router::new()
        .merge(api)
        .route("/truth/review/scan", post(reviews::scan_form))
        .route("/truth/review/decide", post(reviews::decide_form))
        .route("/truth/review/hand-in", post(reviews::hand_in_form))
        .route("/objects/{sha256}", get(objects::one))
        .route("/forms/comparisons", post(comparisons::form))
        .route("/owner", get(owner::enter))
        .route("/forms/evals", post(evals::form))
        .route("/healthz", get(health::check))
        .merge(pages(&state));

    let guarded = all
        .layer(DefaultBodyLimit::disable())
        .layer(RequestBodyLimitLayer::new(BODY_LIMIT))
        .layer(from_fn_with_state(state.clone(), identify))
        .layer(from_fn_with_state(state.clone(), guard))
        .layer(from_fn(envelope))
        .layer(TraceLayer::new_for_http())
        .with_state(state);
    secured(guarded)
}
