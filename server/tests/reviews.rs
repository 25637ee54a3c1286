//! The review queue over HTTP: JSON for programs, forms for people, and who may do what.

use axum::Router;
use axum::body::{Body, to_bytes};
use clicker_server::{AppState, Hosts, OwnerKey, router};
use clicker_service::{Service, ServiceConfig};
use clicker_wire::{ReviewVerdict, Reviewed, Standing};
use http::{Request, Response, StatusCode};
use leptos::config::LeptosOptions;
use serde_json::{Value, json};
use tower::ServiceExt;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

async fn bench() -> Router {
    let service = Service::open(ServiceConfig { worker: false, ..ServiceConfig::memory() }).await.expect("opens");
    let options = LeptosOptions::builder().output_name("clicker").site_root("none").site_pkg_dir("pkg").build();
    router(AppState { service, options, owner: OwnerKey::new(TOKEN), hosts: Hosts::Loopback })
}

async fn post(router: &Router, path: &str, kind: &str, body: String, owner: bool) -> Response<Body> {
    let mut request = Request::post(path).header("content-type", kind);
    if owner {
        request = request.header("authorization", format!("Bearer {TOKEN}"));
    }
    router.clone().oneshot(request.body(Body::from(body)).expect("a request")).await.expect("infallible")
}

async fn form(router: &Router, path: &str, body: &str, owner: bool) -> (StatusCode, String) {
    let answer = post(router, path, "application/x-www-form-urlencoded", body.into(), owner).await;
    let location = answer.headers().get("location").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    (answer.status(), location)
}

async fn queue(router: &Router) -> Vec<Reviewed> {
    let request = Request::get("/api/reviews").body(Body::empty()).expect("a request");
    let answer = router.clone().oneshot(request).await.expect("infallible");
    let bytes = to_bytes(answer.into_body(), 1 << 20).await.expect("a body");
    serde_json::from_slice(&bytes).expect("the queue")
}

fn entry() -> Value {
    json!([{
        "id": "0".repeat(32),
        "item": clicker_wire::Item::free("What is the capital of Zoria?"),
        "checkpoint": "ab".repeat(32),
        "source": "handed_in",
        "sampling": {"temperature": 0.0, "max_new_tokens": 24},
        "answers": [{"text": "Bor."}],
        "by": "anna"
    }])
}

#[tokio::test]
async fn anybody_hands_in_and_decides_and_only_the_owner_scans_and_exports() {
    let router = bench().await;
    let handed = post(&router, "/api/reviews", "application/json", entry().to_string(), false).await;
    assert_eq!(handed.status(), StatusCode::OK);
    let id = "0".repeat(32);
    let decide = |n: u32, verdict: &str, name: &str| {
        format!("id={n:032x}&review={id}&verdict={verdict}&as={name}&show=open&text=")
    };
    let (status, location) = form(&router, "/truth/review/decide", &decide(1, "right", "Ann%20B"), false).await;
    assert_eq!((status, location.as_str()), (StatusCode::SEE_OTHER, "/truth/review?as=Ann%20B&show=open"));
    form(&router, "/truth/review/decide", &decide(1, "right", "Ann%20B"), false).await;
    let stored = queue(&router).await;
    assert_eq!((stored.len(), stored[0].decisions.len()), (1, 1));
    assert!(!stored[0].decisions[0].owner && stored[0].decisions[0].reviewer == "Ann B");
    for (body, problem) in [
        (decide(2, "right", ""), "problem=name"),
        (decide(2, "corrected", "eve"), "problem=text"),
        (decide(1, "wrong", "eve"), "problem=conflict"),
        (decide(2, "right", "eve").replace(&id, "none"), "problem=gone"),
    ] {
        let (status, location) = form(&router, "/truth/review/decide", &body, false).await;
        assert!(status == StatusCode::SEE_OTHER && location.ends_with(problem), "{body}: {location}");
    }
    form(&router, "/truth/review/decide", &decide(3, "should_abstain", ""), true).await;
    let stored = queue(&router).await;
    let standing = stored[0].standing();
    assert!(matches!(standing, Standing::Decided(d) if d.owner && d.verdict == ReviewVerdict::ShouldAbstain));

    let scan = json!({"checkpoint": "builtin"}).to_string();
    assert_eq!(
        post(&router, "/api/reviews/scan", "application/json", scan, false).await.status(),
        StatusCode::FORBIDDEN
    );
    let body = "checkpoint=builtin&questions=4&samples=2&seed=1&agreement=0.5&probability=0.3";
    assert_eq!(form(&router, "/truth/review/scan", body, false).await.0, StatusCode::FORBIDDEN);
    // This server has no built-in model: the page says so.
    let (status, location) = form(&router, "/truth/review/scan", body, true).await;
    assert!(status == StatusCode::SEE_OTHER && location.ends_with("problem=gone"), "{location}");
    let export = |owner: bool| {
        let mut request = Request::get("/api/reviews/export?format=preference");
        if owner {
            request = request.header("authorization", format!("Bearer {TOKEN}"));
        }
        router.clone().oneshot(request.body(Body::empty()).expect("a request"))
    };
    assert_eq!(export(false).await.expect("infallible").status(), StatusCode::FORBIDDEN);
    let rows = to_bytes(export(true).await.expect("infallible").into_body(), 1 << 20).await.expect("a body");
    let row: Value = serde_json::from_slice(&rows).expect("one row");
    assert_eq!((&row["reviewer"], &row["rejected"][0]["content"]), (&json!("owner"), &json!("Bor.")));
}
