//! The review queue: JSON for programs, and forms of the pages below `/truth`, which answer with a redirection.

use super::HttpError;
use super::extract::{Body, Filled, Params};
use super::feedback::{Export, download};
use crate::owner::Owner;
use axum::Json;
use axum::extract::State;
use axum::response::{Redirect, Response};
use clicker_app::api::Caller;
use clicker_service::{Question, Service, ServiceError};
use clicker_wire::{
    CheckpointId, Item, ReviewAnswer, ReviewDecision, ReviewEntry, ReviewScan, ReviewScanned, ReviewSource,
    ReviewVerdict, Reviewed, Sampling,
};
use serde::Deserialize;

/// `GET /api/reviews`: the queue with all decisions, in the order of storing
pub(crate) async fn list(State(service): State<Service>) -> Result<Json<Vec<Reviewed>>, HttpError> {
    Ok(Json(service.reviews().await?))
}

/// `POST /api/reviews` with a list of answers to hand in; answers with the ids that are stored now
pub(crate) async fn hand_in(
    State(service): State<Service>,
    Body(entries): Body<Vec<ReviewEntry>>,
) -> Result<Json<Vec<String>>, HttpError> {
    Ok(Json(service.hand_in(entries).await?))
}

/// `POST /api/reviews/scan`: ask a checkpoint and file what it is not sure of; owner only
pub(crate) async fn scan(
    _owner: Owner,
    State(service): State<Service>,
    Body(scan): Body<ReviewScan>,
) -> Result<Json<ReviewScanned>, HttpError> {
    Ok(Json(service.scan_reviews(scan).await?))
}

/// `POST /api/reviews/decisions` with one decision; answers with the entry as it stands now
pub(crate) async fn decide(
    caller: Option<axum::Extension<Caller>>,
    State(service): State<Service>,
    Body(decision): Body<ReviewDecision>,
) -> Result<Json<Reviewed>, HttpError> {
    Ok(Json(service.decide(decision, is_owner(caller)).await?))
}

/// `GET /api/reviews/export?format=preference|unpaired|prompt_completion`: JSONL as a download; owner only
pub(crate) async fn export(
    _owner: Owner,
    State(service): State<Service>,
    Params(wish): Params<Export>,
) -> Result<Response, HttpError> {
    let export = service.export_reviews(wish.format).await?;
    Ok(download("clicker-reviews", wish.format, export.counts.rows, export.jsonl))
}

/// What the page's form for a scan sends.
#[derive(Deserialize)]
pub(crate) struct ScanForm {
    checkpoint: String,
    questions: u32,
    samples: u32,
    seed: u64,
    agreement: f64,
    /// Empty where the checkpoint's own threshold is meant.
    probability: String,
}

/// `POST /truth/review/scan`: the page's form; owner only
pub(crate) async fn scan_form(
    _owner: Owner,
    State(service): State<Service>,
    Filled(form): Filled<ScanForm>,
) -> Result<Redirect, HttpError> {
    let ScanForm { checkpoint, questions, samples, seed, agreement, probability } = form;
    let probability = match probability.trim() {
        "" => None,
        // What is no number is no bound between 0 and 1, and is refused as one.
        text => Some(text.parse().unwrap_or(f64::NAN)),
    };
    let scan = ReviewScan { checkpoint, questions, samples, seed, agreement, probability };
    back(service.scan_reviews(scan).await, &[], |ReviewScanned { asked, found, filed }| {
        format!("asked={asked}&found={found}&filed={filed}")
    })
}

/// What the page's form for a decision sends.
#[derive(Deserialize)]
pub(crate) struct DecisionForm {
    id: String,
    review: String,
    verdict: String,
    #[serde(default)]
    text: String,
    #[serde(default, rename = "as")]
    reviewer: String,
    #[serde(default)]
    show: String,
}

/// `POST /truth/review/decide`: the page's form
pub(crate) async fn decide_form(
    caller: Option<axum::Extension<Caller>>,
    State(service): State<Service>,
    Filled(form): Filled<DecisionForm>,
) -> Result<Redirect, HttpError> {
    let verdict = match form.verdict.as_str() {
        "right" => ReviewVerdict::Right,
        "wrong" => ReviewVerdict::Wrong,
        "should_abstain" => ReviewVerdict::ShouldAbstain,
        "should_decline" => ReviewVerdict::ShouldDecline,
        "corrected" => ReviewVerdict::Corrected { text: form.text },
        _ => ReviewVerdict::Skip,
    };
    let decision = ReviewDecision {
        id: form.id,
        review: form.review,
        verdict,
        reviewer: form.reviewer.clone(),
        owner: false,
        decided_ms: 0,
    };
    let query = [("as", form.reviewer.trim()), ("show", form.show.as_str())];
    back(service.decide(decision, is_owner(caller)).await, &query, |_| encoded(&query))
}

/// What the form for handing an answer in sends.
#[derive(Deserialize)]
pub(crate) struct HandInForm {
    id: String,
    checkpoint: String,
    #[serde(default)]
    item: String,
    #[serde(default)]
    question: String,
    answer: String,
    #[serde(default)]
    note: String,
    #[serde(default, rename = "as")]
    by: String,
}

/// `POST /truth/review/hand-in`: the form of the page that explains an answer
pub(crate) async fn hand_in_form(
    State(service): State<Service>,
    Filled(form): Filled<HandInForm>,
) -> Result<Redirect, HttpError> {
    let by = form.by.trim().to_owned();
    let query = [("as", by.as_str())];
    back(handed_in(&service, &form).await, &query, |()| encoded(&[("as", by.as_str()), ("handed", "1")]))
}

async fn handed_in(service: &Service, form: &HandInForm) -> Result<(), ServiceError> {
    let some = |text: &str| (!text.trim().is_empty()).then(|| text.to_owned());
    let asked = Question { item: some(&form.item), text: some(&form.question) };
    let item = service.question(&asked).await?.unwrap_or_else(|| Item { messages: Vec::new(), ..Item::free("") });
    let checkpoint = match form.checkpoint.as_str() {
        "builtin" => service.builtin().await?.id,
        id => service.checkpoint(&CheckpointId::from(id)).await?.id,
    };
    let entry = ReviewEntry {
        id: form.id.clone(),
        item,
        checkpoint,
        source: ReviewSource::HandedIn,
        sampling: Sampling { temperature: 0.0, ..Sampling::default() },
        answers: vec![ReviewAnswer { text: form.answer.clone(), logprob: None }],
        reasons: Vec::new(),
        by: form.by.trim().to_owned(),
        note: form.note.clone(),
    };
    service.hand_in(vec![entry]).await?;
    Ok(())
}

/// To the queue again: with what came of the form, or with the kind of mistake that a person can mend there.
fn back<T>(
    done: Result<T, ServiceError>,
    query: &[(&str, &str)],
    told: impl FnOnce(T) -> String,
) -> Result<Redirect, HttpError> {
    let mistake = match &done {
        Ok(_) => None,
        Err(ServiceError::Invalid { field, .. }) if field == "reviewer" => Some("name"),
        Err(ServiceError::Invalid { field, .. }) if field == "verdict.text" => Some("text"),
        Err(ServiceError::Invalid { .. }) => Some("form"),
        Err(ServiceError::ReviewConflict { .. }) => Some("conflict"),
        Err(ServiceError::QueueFull { .. }) => Some("full"),
        Err(ServiceError::NotFound { .. } | ServiceError::NoBuiltin) => Some("gone"),
        Err(_) => None,
    };
    let told = match (done, mistake) {
        (Ok(value), _) => told(value),
        (Err(_), Some(mistake)) => encoded(&[query, &[("problem", mistake)]].concat()),
        (Err(error), None) => return Err(error.into()),
    };
    Ok(Redirect::to(&format!("/truth/review?{told}")))
}

fn is_owner(caller: Option<axum::Extension<Caller>>) -> bool {
    caller.is_some_and(|axum::Extension(caller)| caller.owner)
}

/// Keys and values for an address; empty values are left out.
fn encoded(pairs: &[(&str, &str)]) -> String {
    let one = |(key, value): &(&str, &str)| {
        let value: String = value
            .bytes()
            .map(|b| match b {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(b).to_string(),
                b => format!("%{b:02X}"),
            })
            .collect();
        format!("{key}={value}")
    };
    pairs.iter().filter(|(_, value)| !value.is_empty()).map(one).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::encoded;

    #[test]
    fn names_travel_in_addresses() {
        assert_eq!(encoded(&[("as", "Ann & Bö"), ("show", ""), ("x", "1")]), "as=Ann%20%26%20B%C3%B6&x=1");
    }
}
