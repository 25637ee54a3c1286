//! Evaluations: asked for by a program or by a form, and read.

use super::HttpError;
use super::extract::Body;
use crate::owner::Owner;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::Redirect;
use clicker_service::{Service, ServiceError};
use clicker_wire::{Evaluation, EvaluationOrder};
use http::{StatusCode, Uri};
use serde::Deserialize;

/// `GET /api/evals`: the newest ones, without their reports
pub(crate) async fn list(State(service): State<Service>) -> Result<Json<Vec<Evaluation>>, HttpError> {
    Ok(Json(service.evaluations().await?))
}

/// `POST /api/evals` with an order; owner only
pub(crate) async fn start(
    _owner: Owner,
    State(service): State<Service>,
    Body(order): Body<EvaluationOrder>,
) -> Result<(StatusCode, Json<Evaluation>), HttpError> {
    Ok((StatusCode::CREATED, Json(service.start_evaluation(order).await?)))
}

/// `GET /api/evals/{id}`: with its report
pub(crate) async fn one(State(service): State<Service>, Path(id): Path<String>) -> Result<Json<Evaluation>, HttpError> {
    let number: i64 = id.parse().map_err(|_| ServiceError::NotFound {
        what: "evaluation",
        id: id.chars().take(40).collect(),
        hint: "the list of evaluations names those that exist",
    })?;
    Ok(Json(service.evaluation(number).await?))
}

/// What the page's form sends.
#[derive(Deserialize)]
pub(crate) struct Asked {
    checkpoint: String,
    suite: String,
    items: u32,
    resamples: u32,
    /// Percent.
    alpha: f64,
}

/// `POST /forms/evals`; owner only
pub(crate) async fn form(_owner: Owner, State(service): State<Service>, body: String) -> Result<Redirect, HttpError> {
    let Asked { checkpoint, suite, items, resamples, alpha } = fields(&body)?;
    let order = EvaluationOrder { checkpoint, suite, items, resamples, seed: 0, alpha: alpha / 100.0 };
    let evaluation = service.start_evaluation(order).await?;
    Ok(Redirect::to(&format!("/truth/evals?eval={}", evaluation.id)))
}

/// The fields of a form.
fn fields(body: &str) -> Result<Asked, HttpError> {
    let no_form = |problem: String| {
        let expected = "what the form of /truth/evals sends".into();
        HttpError::Service(ServiceError::Invalid { field: "body".into(), problem, expected })
    };
    // A form's body is written as a query is.
    let uri: Uri = format!("/?{body}").parse().map_err(|_| no_form("it is no form".into()))?;
    let Query(asked) = Query::<Asked>::try_from_uri(&uri).map_err(|e| no_form(e.body_text()))?;
    Ok(asked)
}
