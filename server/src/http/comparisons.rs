//! Comparisons of ways to train: asked for by a program or by a form, and read; the report as a file.

use super::HttpError;
use super::extract::Body;
use crate::owner::Owner;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use clicker_service::{ComparisonOrder, Service, ServiceError};
use clicker_wire::{BudgetKind, Comparison, Experiment, StoredComparison};
use http::{StatusCode, Uri, header};

/// `GET /api/comparisons`: the newest ones, without their results
pub(crate) async fn list(State(service): State<Service>) -> Result<Json<Vec<StoredComparison>>, HttpError> {
    Ok(Json(service.comparisons().await?))
}

/// `POST /api/comparisons` with an experiment; owner only
pub(crate) async fn start(
    _owner: Owner,
    State(service): State<Service>,
    Body(experiment): Body<Experiment>,
) -> Result<(StatusCode, Json<StoredComparison>), HttpError> {
    Ok((StatusCode::CREATED, Json(service.start_comparison(experiment).await?)))
}

/// `GET /api/comparisons/{id}`: what was asked and its runs
pub(crate) async fn one(
    State(service): State<Service>,
    Path(id): Path<String>,
) -> Result<Json<StoredComparison>, HttpError> {
    Ok(Json(service.comparison(&id).await?))
}

/// `GET /api/comparisons/{id}/result`: what came out
pub(crate) async fn result(
    State(service): State<Service>,
    Path(id): Path<String>,
) -> Result<Json<Comparison>, HttpError> {
    Ok(Json(finished(&service, &id).await?))
}

/// `GET /api/comparisons/{id}/report`: one HTML file that needs nothing else
pub(crate) async fn report(State(service): State<Service>, Path(id): Path<String>) -> Result<Response, HttpError> {
    let html = clicker_app::comparison_report(&finished(&service, &id).await?);
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"report.html\""),
        // Opened here rather than saved it may still load and run nothing.
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    ];
    Ok((headers, html).into_response())
}

/// `GET /api/comparisons/report.css`: what the report looks like within a page
pub(crate) async fn style() -> Response {
    let headers = [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")];
    (headers, clicker_app::REPORT_STYLE).into_response()
}

/// `POST /forms/comparisons`; owner only
pub(crate) async fn form(_owner: Owner, State(service): State<Service>, body: String) -> Result<Redirect, HttpError> {
    let started = service.start_comparison(order(&body)?.experiment()).await?;
    Ok(Redirect::to(&format!("/truth/compare/{}", started.id)))
}

async fn finished(service: &Service, id: &str) -> Result<Comparison, HttpError> {
    let result = service.comparison_result(id).await?;
    result.ok_or_else(|| {
        HttpError::Service(ServiceError::NotFound {
            what: "result of comparison",
            id: id.to_owned(),
            hint: "it is there once all runs have ended and the held-out questions were asked",
        })
    })
}

/// The fields of a form. Its body is written as a query is; an arm stands there once per tick.
fn order(body: &str) -> Result<ComparisonOrder, HttpError> {
    let no_form = |problem: String| {
        let expected = "what the form of /truth/compare sends".into();
        HttpError::Service(ServiceError::Invalid { field: "body".into(), problem, expected })
    };
    let uri: Uri = format!("/?{body}").parse().map_err(|_| no_form("it is no form".into()))?;
    let Query(fields) = Query::<Vec<(String, String)>>::try_from_uri(&uri).map_err(|e| no_form(e.body_text()))?;
    let mut order = ComparisonOrder::default();
    for (key, value) in fields {
        let number = || {
            value.trim().parse::<u64>().map_err(|_| no_form(format!("{key} is `{value}`, which is no whole number")))
        };
        match key.as_str() {
            "name" => order.name = value,
            "arm" => order.arms.push(value),
            "seeds" => order.seeds = usize::try_from(number()?).unwrap_or(usize::MAX).min(1000),
            "budget" => {
                order.budget.kind = match value.as_str() {
                    "prompts" => BudgetKind::Prompts,
                    "labels" => BudgetKind::Labels,
                    "tokens" => BudgetKind::Tokens,
                    _ => return Err(no_form(format!("budget is `{value}`; expected prompts, labels or tokens"))),
                }
            }
            "amount" => order.budget.amount = number()?,
            "tune" => order.tune = true,
            _ => return Err(no_form(format!("there is no field `{key}`"))),
        }
    }
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::order;
    use clicker_wire::BudgetKind;

    #[test]
    fn a_form_is_read() {
        let read =
            order("name=a+b%21&arm=sft&arm=family%2Fppo&seeds=2&budget=labels&amount=96&tune=on").expect("a form");
        assert_eq!((read.name.as_str(), read.seeds, read.tune), ("a b!", 2, true));
        assert_eq!((read.budget.kind, read.budget.amount), (BudgetKind::Labels, 96));
        assert_eq!(read.arms, ["sft", "family/ppo"]);
        assert!(order("budget=hours").is_err());
        assert!(order("seeds=two").is_err());
        assert!(order("what=is+this").is_err());
    }
}
