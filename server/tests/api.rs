//! The server through its router, one request at a time, on temporary folders.

use axum::Router;
use axum::body::{Body, to_bytes};
use clicker_server::{AppState, Hosts, OwnerKey, router};
use clicker_service::{Backend, CheckpointBytes, Outcome, Service, ServiceConfig, StepRecord};
use clicker_wire::{
    ApiError, AttackReport, Evaluation, EvaluationStatus, Event, FileKind, Manifest, ModelShape, Recipe, RewardPreset,
    RewardVersion, Run, RunStatus,
};
use futures::StreamExt;
use http::{HeaderMap, Request, Response, StatusCode};
use leptos::config::LeptosOptions;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tempfile::TempDir;
use tower::ServiceExt;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

struct Bench {
    router: Router,
    service: Service,
    _dir: TempDir,
}

fn shape() -> ModelShape {
    ModelShape { architecture: "llama".into(), parameters: 1, vocab: 2, width: 3, layers: 4, context: 5 }
}

/// A server whose training makes its steps at once.
async fn bench(hosts: Hosts) -> Bench {
    let dir = TempDir::new().expect("a folder");
    let site = dir.path().join("site");
    std::fs::create_dir_all(site.join("pkg")).expect("a site");
    std::fs::write(site.join("pkg/clicker.wasm"), b"plain wasm").expect("written");
    std::fs::write(site.join("pkg/clicker.wasm.br"), b"small wasm").expect("written");
    std::fs::write(site.join("note.txt"), b"a public file").expect("written");
    let service = Service::open(ServiceConfig {
        backend: Backend::Local { dir: dir.path().join("data") },
        builtin_model: Some(b"master".to_vec()),
        trainer: Arc::new(|recipe, _, sink, _| {
            for step in 0..=recipe.steps {
                let values = BTreeMap::from([("reward".to_owned(), f64::from(step))]);
                let master = format!("weights {step}").into_bytes();
                let checkpoint = CheckpointBytes {
                    browser: master.clone(),
                    master,
                    adapter: Vec::new(),
                    members: Vec::new(),
                    shape: shape(),
                };
                let checkpoint = (step == recipe.steps).then_some(checkpoint);
                sink.commit(StepRecord {
                    step,
                    events: vec![Event::Metrics { step, values }],
                    state: vec![0],
                    checkpoint,
                })?;
            }
            Ok(Outcome::Finished)
        }),
        quantizer: Arc::new(|_| Ok((b"0123456789".to_vec(), shape()))),
        ..ServiceConfig::memory()
    })
    .await
    .expect("opens");
    let options = LeptosOptions::builder()
        .output_name("clicker")
        .site_root(site.to_string_lossy().into_owned())
        .site_pkg_dir("pkg")
        .build();
    let state = AppState { service: service.clone(), options, owner: OwnerKey::new(TOKEN), hosts };
    Bench { router: router(state), service, _dir: dir }
}

impl Bench {
    async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.expect("infallible")
    }

    async fn get(&self, path: &str) -> Response<Body> {
        self.send(Request::get(path).body(Body::empty()).expect("a request")).await
    }

    async fn post(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Response<Body> {
        let mut request = Request::post(path).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body.to_string())).expect("a request")).await
    }

    /// A run that has ended.
    async fn finished_run(&self) -> Run {
        let run = self.service.start_run(recipe()).await.expect("starts");
        let events = self.service.follow(&run.id, 0).await.expect("follows");
        assert!(events.count().await > 0);
        self.service.run(&run.id).await.expect("is there")
    }
}

fn recipe() -> Recipe {
    serde_json::from_value(recipe_json()).expect("a recipe")
}

fn recipe_json() -> Value {
    json!({"name": "test", "algorithm": "grpo", "steps": 2})
}

fn bearer() -> (&'static str, &'static str) {
    ("authorization", "Bearer 0123456789abcdef0123456789abcdef")
}

async fn bytes(response: Response<Body>) -> Vec<u8> {
    to_bytes(response.into_body(), 1 << 20).await.expect("a body").to_vec()
}

async fn read<T: serde::de::DeserializeOwned>(response: Response<Body>) -> T {
    let bytes = bytes(response).await;
    serde_json::from_slice(&bytes).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&bytes)))
}

async fn refusal(response: Response<Body>) -> (StatusCode, String, String) {
    let status = response.status();
    let error: ApiError = read(response).await;
    (status, error.code, error.message)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[tokio::test]
async fn only_the_owner_starts_and_commands_runs() {
    let bench = bench(Hosts::Loopback).await;
    let (status, code, message) = refusal(bench.post("/api/runs", &recipe_json(), &[]).await).await;
    assert_eq!((status, code.as_str()), (StatusCode::FORBIDDEN, "owner_only"));
    assert!(message.contains("owner link"), "{message}");
    let wrong = ("authorization", "Bearer 0123");
    assert_eq!(bench.post("/api/runs", &recipe_json(), &[wrong]).await.status(), StatusCode::FORBIDDEN);

    let started = bench.post("/api/runs", &recipe_json(), &[bearer()]).await;
    assert_eq!(started.status(), StatusCode::CREATED);
    let run: Run = read(started).await;
    let events = bench.service.follow(&run.id, 0).await.expect("follows");
    assert!(events.count().await > 0);
    let run: Run = read(bench.get(&format!("/api/runs/{}", run.id)).await).await;
    assert_eq!(run.status, RunStatus::Succeeded);
    let command = format!("/api/runs/{}/command", run.id);
    assert_eq!(bench.post(&command, &json!("stop"), &[]).await.status(), StatusCode::FORBIDDEN);
    let (status, code, _) = refusal(bench.post(&command, &json!("stop"), &[bearer()]).await).await;
    assert_eq!((status, code.as_str()), (StatusCode::CONFLICT, "run_state"));
    let runs: Vec<Run> = read(bench.get("/api/runs").await).await;
    assert_eq!(runs.len(), 1);
    let checkpoints: Vec<Manifest> = read(bench.get(&format!("/api/runs/{}/checkpoints", run.id)).await).await;
    assert_eq!(checkpoints.len(), 1);
    for (format, media, begins) in [
        ("csv", "text/csv", &b"step,"[..]),
        ("jsonl", "application/jsonl", b"{\""),
        ("tensorboard", "application/octet-stream", b"\x18\0\0\0"),
        ("unipo", "application/json", b"{\"entries\":"),
        ("completions", "application/jsonl", b""),
    ] {
        let file = bench.get(&format!("/api/runs/{}/export/{format}", run.id)).await;
        assert_eq!(file.status(), StatusCode::OK, "{format}");
        assert!(header(file.headers(), "content-type").starts_with(media), "{format}");
        assert!(header(file.headers(), "content-disposition").contains("filename="), "{format}");
        assert!(bytes(file).await.starts_with(begins), "{format}");
    }
    let none = refusal(bench.get(&format!("/api/runs/{}/export/parquet", run.id)).await).await;
    assert!(none.0 == StatusCode::NOT_FOUND && none.2.contains("tensorboard"), "{none:?}");
    assert_eq!(bench.get("/api/runs/nothing/export/csv").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_owner_link_sets_a_cookie_that_counts() {
    let bench = bench(Hosts::Loopback).await;
    assert_eq!(bench.get("/owner?token=wrong").await.status(), StatusCode::FORBIDDEN);
    assert_eq!(bench.get("/owner").await.status(), StatusCode::BAD_REQUEST);
    let entered = bench.get(&format!("/owner?token={TOKEN}")).await;
    assert_eq!((entered.status(), header(entered.headers(), "location")), (StatusCode::SEE_OTHER, "/"));
    let cookie = header(entered.headers(), "set-cookie").to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let pair = cookie.split(';').next().expect("a pair");
    let cookies = format!("other=1; {pair}");
    let started = bench.post("/api/runs", &recipe_json(), &[("cookie", &cookies)]).await;
    assert_eq!(started.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn other_sites_and_other_names_are_refused() {
    let local = bench(Hosts::Loopback).await;
    let here = ("host", "127.0.0.1:3000");
    for (headers, wanted) in [
        (vec![here, ("origin", "http://127.0.0.1:3000"), ("sec-fetch-site", "same-origin")], StatusCode::OK),
        (vec![here, ("origin", "http://evil.example")], StatusCode::FORBIDDEN),
        (vec![here, ("origin", "http://127.0.0.1:4000")], StatusCode::FORBIDDEN),
        (vec![here, ("origin", "null")], StatusCode::FORBIDDEN),
        (vec![here, ("sec-fetch-site", "cross-site")], StatusCode::FORBIDDEN),
        (vec![("host", "evil.example")], StatusCode::MISDIRECTED_REQUEST),
        (vec![here], StatusCode::OK),
    ] {
        assert_eq!(local.post("/api/feedback", &json!([]), &headers).await.status(), wanted, "{headers:?}");
    }
    let open = bench(Hosts::Any).await;
    let there = [("host", "clicker.example"), ("origin", "https://clicker.example")];
    assert_eq!(open.post("/api/feedback", &json!([]), &there).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn events_are_replayed_from_the_last_id() {
    let bench = bench(Hosts::Loopback).await;
    let run = bench.finished_run().await;
    let path = format!("/api/runs/{}/events", run.id);
    let ids = |text: Vec<u8>| {
        let text = String::from_utf8(text).expect("text");
        text.lines().filter_map(|l| l.strip_prefix("id: ").and_then(|id| id.parse::<u64>().ok())).collect::<Vec<_>>()
    };
    let all = bench.get(&path).await;
    assert_eq!(header(all.headers(), "content-type"), "text/event-stream");
    // queued, running, steps 0 to 2, checkpoint, succeeded
    assert_eq!(ids(bytes(all).await), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(ids(bytes(bench.get(&format!("{path}?after=5")).await).await), [6, 7]);
    // What the browser has seen counts more than where it once began.
    let again = Request::get(format!("{path}?after=1")).header("last-event-id", "6").body(Body::empty());
    assert_eq!(ids(bytes(bench.send(again.expect("a request")).await).await), [7]);
    assert_eq!(bench.get(&format!("{path}?after=7")).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(bench.get("/api/runs/nothing/events").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn objects_come_whole_or_in_part_and_never_change() {
    let bench = bench(Hosts::Loopback).await;
    let builtin: Manifest = read(bench.get("/api/checkpoints/builtin").await).await;
    let file = builtin.file(FileKind::Browser).expect("a browser file").clone();
    let path = format!("/objects/{}", file.sha256);
    let whole = bench.get(&path).await;
    assert_eq!((whole.status(), header(whole.headers(), "content-length")), (StatusCode::OK, "10"));
    assert!(header(whole.headers(), "cache-control").contains("immutable"));
    let tag = header(whole.headers(), "etag").to_owned();
    assert_eq!(bytes(whole).await, b"0123456789");

    let ask = async |name: &str, value: &str| {
        bench.send(Request::get(&path).header(name, value).body(Body::empty()).expect("a request")).await
    };
    let part = ask("range", "bytes=3-5").await;
    assert_eq!((part.status(), header(part.headers(), "content-range")), (StatusCode::PARTIAL_CONTENT, "bytes 3-5/10"));
    assert_eq!(header(part.headers(), "content-length"), "3");
    assert_eq!(bytes(part).await, b"345");
    let beyond = ask("range", "bytes=10-").await;
    assert_eq!(
        (beyond.status(), header(beyond.headers(), "content-range")),
        (StatusCode::RANGE_NOT_SATISFIABLE, "bytes */10")
    );
    assert_eq!(ask("if-none-match", &tag).await.status(), StatusCode::NOT_MODIFIED);
    for missing in ["00", "..%2F..%2Fowner.token", &"0".repeat(64)] {
        assert_eq!(bench.get(&format!("/objects/{missing}")).await.status(), StatusCode::NOT_FOUND, "{missing}");
    }
}

#[tokio::test]
async fn errors_are_json_and_say_where_and_what() {
    let bench = bench(Hosts::Loopback).await;
    let post = async |body: &Value| refusal(bench.post("/api/runs", body, &[bearer()]).await).await;
    let mut unknown = recipe_json();
    unknown["optim"] = json!({"learning_speed": 1.0});
    let (status, code, message) = post(&unknown).await;
    assert_eq!((status, code.as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "invalid_json"));
    assert!(message.contains("learning_speed") && message.contains("learning_rate"), "{message}");
    let mut wrong = recipe_json();
    wrong["rollout"] = json!({"group_size": "eight"});
    let (_, _, message) = post(&wrong).await;
    assert!(message.contains("rollout.group_size") && message.contains("u32"), "{message}");
    let mut zero = recipe_json();
    zero["steps"] = json!(0);
    let (status, code, message) = post(&zero).await;
    assert_eq!((status, code.as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "invalid"));
    assert!(message.contains("steps is 0"), "{message}");

    let (status, code, _) = refusal(bench.get("/api/nothing").await).await;
    assert_eq!((status, code.as_str()), (StatusCode::NOT_FOUND, "no_route"));
    let (status, code, _) = refusal(bench.post("/api/presets", &json!(1), &[]).await).await;
    assert_eq!((status, code.as_str()), (StatusCode::METHOD_NOT_ALLOWED, "wrong_method"));
    let (status, code, _) = refusal(bench.get("/api/world?domain=astrology").await).await;
    assert_eq!((status, code.as_str()), (StatusCode::BAD_REQUEST, "invalid_query"));
    let (status, code, _) = refusal(bench.get("/api/checkpoints/nothing").await).await;
    assert_eq!((status, code.as_str()), (StatusCode::NOT_FOUND, "not_found"));
    let huge = json!("x".repeat(5 << 20));
    assert_eq!(bench.post("/api/feedback", &huge, &[]).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn votes_are_open_to_all_and_stored_once() {
    let bench = bench(Hosts::Loopback).await;
    let vote = json!({
        "id": "0".repeat(32),
        "item": clicker_wire::Item::free("What is it?"),
        "checkpoint": "0".repeat(64),
        "sampling": clicker_wire::Sampling::default(),
        "body": {"type": "thumbs", "sample": {"sample": 0, "text": "That.", "logprob": -1.5}, "up": true},
        "said_ms": 1, "dwell_ms": 2, "annotator": "someone",
    });
    for _ in 0..2 {
        assert_eq!(bench.post("/api/feedback", &json!([vote]), &[]).await.status(), StatusCode::OK);
    }
    let mut changed = vote.clone();
    changed["body"]["up"] = json!(false);
    let (status, code, _) = refusal(bench.post("/api/feedback", &json!([changed]), &[]).await).await;
    assert_eq!((status, code.as_str()), (StatusCode::CONFLICT, "feedback_conflict"));
    let rows: Vec<Value> = read(bench.get("/api/feedback?kind=thumbs&limit=5").await).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["feedback"], vote);
    let none: Vec<Value> = read(bench.get("/api/feedback?kind=pair").await).await;
    assert!(none.is_empty());

    let path = "/api/feedback/export?format=unpaired";
    assert_eq!(bench.get(path).await.status(), StatusCode::FORBIDDEN, "names and all are the owner's");
    let request = Request::get(path).header(bearer().0, bearer().1).body(Body::empty());
    let export = bench.send(request.expect("a request")).await;
    assert!(header(export.headers(), "content-disposition").contains("clicker-unpaired.jsonl"));
    let row: Value = read(export).await;
    assert_eq!((&row["label"], &row["completion"][0]["content"]), (&json!(true), &json!("That.")));
}

#[tokio::test]
async fn built_files_come_precompressed_with_their_type() {
    let bench = bench(Hosts::Loopback).await;
    let plain = bench.get("/pkg/clicker.wasm").await;
    assert_eq!(header(plain.headers(), "content-type"), "application/wasm");
    assert_eq!(bytes(plain).await, b"plain wasm");
    let request = Request::get("/pkg/clicker.wasm").header("accept-encoding", "gzip, br").body(Body::empty());
    let small = bench.send(request.expect("a request")).await;
    assert_eq!(header(small.headers(), "content-encoding"), "br");
    assert_eq!(header(small.headers(), "content-type"), "application/wasm");
    assert_eq!(bytes(small).await, b"small wasm");
    assert_eq!(bytes(bench.get("/note.txt").await).await, b"a public file");
    assert_eq!(bench.get("/pkg/none.js").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(bench.get("/pkg/../../data/owner.token").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn rewards_are_kept_listed_and_attacked() {
    let bench = bench(Hosts::Loopback).await;
    let presets: Vec<RewardPreset> = read(bench.get("/api/rewards/presets").await).await;
    let reward = json!(presets[0].reward);
    let kept = bench.post("/api/rewards", &json!({"name": "first", "reward": reward}), &[]).await;
    assert_eq!(kept.status(), StatusCode::CREATED);
    let kept: RewardVersion = read(kept).await;
    let listed: Vec<RewardVersion> = read(bench.get("/api/rewards").await).await;
    assert_eq!(listed, vec![kept.clone()]);
    let one: RewardVersion = read(bench.get(&format!("/api/rewards/{}", kept.hash)).await).await;
    assert_eq!(one, kept);
    let (status, code, _) = refusal(bench.get("/api/rewards/none").await).await;
    assert_eq!((status, code.as_str()), (StatusCode::NOT_FOUND, "not_found"));
    let (status, _, message) =
        refusal(bench.post("/api/rewards", &json!({"name": "", "reward": reward}), &[]).await).await;
    assert_eq!((status, message.starts_with("name: ")), (StatusCode::UNPROCESSABLE_ENTITY, true), "{message}");
    let report: AttackReport = read(bench.post("/api/rewards/attack", &json!(presets[1].reward), &[]).await).await;
    assert!(report.hackability > 0.2, "{}: {}", presets[1].name, report.hackability);
}

#[tokio::test]
async fn only_the_owner_asks_for_evaluations_and_everybody_reads_them() {
    let bench = bench(Hosts::Loopback).await;
    let order = json!({"checkpoint": "builtin", "suite": "safety", "items": 4});
    assert_eq!(refusal(bench.post("/api/evals", &order, &[]).await).await.1, "owner_only");
    let strange = json!({"checkpoint": "builtin", "suite": "nothing"});
    let (status, _, message) = refusal(bench.post("/api/evals", &strange, &[bearer()]).await).await;
    assert!(status == StatusCode::UNPROCESSABLE_ENTITY || status == StatusCode::BAD_REQUEST, "{status}");
    assert!(message.contains("`nothing`") && message.contains("robustness"), "{message}");
    let started = bench.post("/api/evals", &order, &[bearer()]).await;
    assert_eq!(started.status(), StatusCode::CREATED);
    let started: Evaluation = read(started).await;
    assert_eq!((started.id, started.order.alpha), (1, 0.1));

    let form = Request::post("/forms/evals").header(bearer().0, bearer().1);
    let form = form.body(Body::from("checkpoint=builtin&suite=world&items=4&resamples=0&alpha=20")).expect("a request");
    let sent = bench.send(form).await;
    assert_eq!((sent.status(), header(sent.headers(), "location")), (StatusCode::SEE_OTHER, "/truth/evals?eval=2"));
    let list: Vec<Evaluation> = read(bench.get("/api/evals").await).await;
    assert_eq!(list.iter().map(|e| e.id).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(list[0].order.alpha, 0.2);

    // What this server calls its model is none: the evaluation fails with the reason, and the next one gets its turn.
    for id in [1, 2] {
        let mut seen: Evaluation = read(bench.get(&format!("/api/evals/{id}")).await).await;
        while !matches!(seen.status, EvaluationStatus::Failed | EvaluationStatus::Succeeded) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            seen = read(bench.get(&format!("/api/evals/{id}")).await).await;
        }
        assert!(seen.error.expect("a reason").contains("GGUF"));
    }
    assert_eq!(refusal(bench.get("/api/evals/3").await).await.0, StatusCode::NOT_FOUND);
    assert_eq!(refusal(bench.get("/api/evals/x").await).await.0, StatusCode::NOT_FOUND);
}
